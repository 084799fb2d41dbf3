"""What every command prints with --json is as its JSON Schema says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from recorder.cli import COMMANDS, main
from recorder.cli.completion import commands, spellings
from recorder.trace.reader import open_trace
from tests.conftest import ROOT
from tests.tools.rechunk import rechunked

SCHEMA = json.loads((ROOT / "recorder/cli/answers.schema.json").read_text(encoding="utf-8"))
PROGRAM = """\
import threading
import warnings
import recorder

class Basket:
    def __init__(self):
        self.items = []

total = 0
print("begun")
warnings.warn("begun")

def put(basket, item):
    global total
    total += 1
    basket.items.append(item)
    return item

def fail(n):
    if n:
        return fail(n - 1)
    raise KeyError(n)

def tried(n):
    try:
        fail(n)
    except KeyError as exc:
        last = exc
    return {"n": n, 2: (1.5, None)}

def numbers():
    yield from (1, 2)

basket = Basket()
with recorder.span("filling", items=2):
    for name in ("a", "b"):
        put(basket, name)
    recorder.mark("full")
tried(2)
sum(numbers())
worker = threading.Thread(target=put, args=(basket, "c"))
worker.start()
worker.join()
"""
WHOLE = (
    "errors",
    "policy",
    "state",
    "check",
    "info",
    "explain",
)  # one object, on several lines or one


@pytest.fixture(scope="module")
def app(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "answers_app.py"
    path.write_text(PROGRAM)
    return trace_of(path)


# Each command, with several ways to ask it: TRACE stands for the trace, SEQ for an event within `put`.
ASKED = {
    "info": ["TRACE", "TRACE TRACE"],
    "verify": ["TRACE", "TRACE TRACE"],
    "calls": ["TRACE", "TRACE --changed-arguments", "TRACE --function fail", "TRACE --depth 1"],
    "find": [
        "TRACE --function put", "TRACE --function tried --when n==2", "TRACE --value KeyError",
        "TRACE --function put --log {item}", "TRACE --when basket.items --function put",
    ],
    "watch": ["TRACE total", "TRACE basket.items --function put", "TRACE n"],
    "check": ["TRACE total>=0", "TRACE n>1", "TRACE len(basket.items)<2"],
    "why": ["TRACE total", "TRACE item --function put"],
    "explain": ["TRACE", "TRACE --budget 200", "TRACE --passing OTHER"],
    "same": ["TRACE basket --at 99%", "TRACE basket.items --at SEQ"],
    "origin": ["TRACE basket --at 99%", "TRACE basket.items --at SEQ"],
    "tree": ["TRACE", "TRACE --limit 3", "TRACE --imports"],
    "stats": ["TRACE", "TRACE --lines fail"],
    "state": ["TRACE SEQ", "TRACE 0", "TRACE 99%"],
    "grep": ["TRACE KeyError", "TRACE a", "TRACE put"],
    "source": ["TRACE", "TRACE put", "TRACE --grep append"],
    "history": ["TRACE total", "TRACE n", "TRACE item", "TRACE basket"],
    "exceptions": ["TRACE", "TRACE --limit 1"],
    "diff": ["TRACE TRACE", "TRACE OTHER"],
    "print": ["TRACE", "TRACE --kind return", "TRACE --around SEQ"],
    "output": ["TRACE"],
    "logs": ["TRACE"],
    "sql": ["TRACE select,1,as,one"],
    "policy": [""],
    "errors": ["", "NOT_IN_TRACE"],
}  # fmt: skip


def test_every_command_with_json_has_a_schema_and_is_asked() -> None:
    with_json = {command.name for command in commands(COMMANDS) if "--json" in spellings(command)}
    assert {*with_json, "policy"} == set(ASKED)
    assert set(ASKED) <= set(SCHEMA["$defs"])
    assert set(ASKED) <= set(COMMANDS)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("command", ASKED)
def test_what_is_printed_is_as_the_schema_says(
    app: Path,
    tmp_path: Path,
    command: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arrow_threads: None,
) -> None:
    if command == "sql":
        pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    other = tmp_path / "other.rtrace"
    other.write_bytes(rechunked(app, 3))
    with open_trace(app) as trace:
        seq = next(trace.find("return", function="put")).seq
    validator = jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{command}"})
    seen = 0
    for words in ASKED[command]:
        given = [
            {"TRACE": str(app), "OTHER": str(other), "SEQ": str(seq)}.get(
                word, word.replace(",", " ")
            )
            for word in words.split()
        ]
        assert main([command, *given, "--json"]) in (0, 1), words
        out = capfd.readouterr().out
        for answer in answers(command, out):
            validator.validate(answer)
            seen += 1
    assert seen


def answers(command: str, out: str) -> list[Any]:
    if command in WHOLE:
        try:
            return [json.loads(out)]
        except ValueError:
            pass
    return [json.loads(line) for line in out.splitlines()]


def test_a_wrong_answer_is_none(app: Path) -> None:
    """The schema tells one command's answer from another's."""
    for wrong in ({}, {"seq": -1}, {"seq": "1"}, []):
        for command in ("find", "calls", "print", "state", "exceptions", "info", "verify", "tree"):
            validator = jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{command}"})
            assert not validator.is_valid(wrong)


def test_many_traces_are_told_of_and_one_that_is_none_does_not_stop_them(
    app: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing.rtrace"
    nothing.write_text("nothing")
    for command in ("info", "verify"):
        assert main([command, str(app), str(nothing), str(app), "--json"]) == 10
        out, err = capfd.readouterr()
        assert [json.loads(line)["path"] for line in out.splitlines()] == [str(app)] * 2
        assert "nothing.rtrace" in err
        assert main([command, str(app), str(app)]) == 0
        assert capfd.readouterr().out.count(os.path.basename(app)) >= 2
