"""`recorder errors`: the list, one code explained, and a code nobody knows."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from codegen import table
from recorder import errors
from recorder.cli import errors as command

ROOT = Path(__file__).resolve().parents[2]
ROWS = table.load(ROOT / table.TABLE).rows


def recorder_errors(*args: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["errors", *args])
    return command.run(parsed)


def test_the_list_has_every_code_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert recorder_errors() == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[:2] for line in lines if line.startswith("  ")]
    assert listed == [[str(row.number), f"ERR_{row.name}"] for row in ROWS]
    assert "environment (exit code 10)" in lines


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert recorder_errors("--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in rows] == [row.number for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_code_is_explained(row: table.Row, capsys: pytest.CaptureFixture[str]) -> None:
    assert recorder_errors(row.name) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"ERR_{row.name} ({row.number}): {row.title}\n")
    words = " ".join(text.split())
    assert row.example or row.status == "planned", "an active code is explained by an example"
    for part in (row.message, row.doc, row.hint, row.exception, row.example):
        assert " ".join(part.split()) in words
    assert all(len(line) <= 100 for line in text.splitlines() if "Exa" not in line[:4])


@pytest.mark.parametrize(
    "given", ["ERR_DISK_FULL", "DISK_FULL", "disk_full", "disk-full", "2001", "DiskFullError"]
)
def test_a_code_is_understood_in_every_form(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert recorder_errors(given, "--json") == 0
    assert json.loads(capsys.readouterr().out)["code"] == "ERR_DISK_FULL"


@pytest.mark.provokes("UNKNOWN_ERROR_CODE")
@pytest.mark.parametrize("given", ["", "2", "99999", "ERR_", "ERR_MOON", "\x1b[31m"])
def test_an_unknown_code_is_its_own_failure(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LookupError) as caught:
        recorder_errors(given)
    assert type(caught.value) is errors.UnknownErrorCodeError
    assert caught.value.exit_code == 2
    assert caught.value.context == {"given": repr(given)}
    assert capsys.readouterr().out == ""


@pytest.mark.provokes("UNKNOWN_ERROR_CODE")
def test_a_misspelt_code_is_guessed() -> None:
    with pytest.raises(errors.UnknownErrorCodeError, match="did you mean ERR_DISK_FULL"):
        recorder_errors("DISK_FUL")
