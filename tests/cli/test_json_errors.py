"""Failures as JSON: of every command, by option and by environment, and again when the trace is what it will be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import recorder
from recorder import errors
from recorder.cli import COMMANDS
from tests.conftest import ENVIRONMENT, ROOT, Run

SCHEMA = json.loads((ROOT / "recorder/errors/diagnostic.schema.json").read_text(encoding="utf-8"))

# What a command is asked that it cannot do, and the code of that.
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "run": (("missing.py",), "ERR_SCRIPT_NOT_FOUND"),
    "mcp": (("--http", "--port", "65536"), "ERR_INVALID_ARGUMENT"),
    "agents": (("nothing",), "ERR_INVALID_ARGUMENT"),
    "dap": (("--port", "65536"), "ERR_INVALID_ARGUMENT"),
    "policy": (("--scope", "none"), "ERR_INVALID_POLICY_VALUE"),
    "errors": (("NO_SUCH",), "ERR_UNKNOWN_ERROR_CODE"),
    "recover": (("missing",), "ERR_TRACE_NOT_FOUND"),
    "completion": (("tcsh",), "ERR_INVALID_ARGUMENT"),
    "manual": (("nothing",), "ERR_INVALID_ARGUMENT"),
    "ci-report": (("missing",), "ERR_TRACE_NOT_FOUND"),
    "unittest": (("--record=some",), "ERR_INVALID_ARGUMENT"),
    "until-fails": (("--", "ls"), "ERR_INVALID_ARGUMENT"),
    "cut": (("missing.rtrace", "-o", "x"), "ERR_TRACE_NOT_FOUND"),
    "diff": (("missing.rtrace", "missing.rtrace"), "ERR_TRACE_NOT_FOUND"),
    **dict.fromkeys(
        ("history", "watch", "check", "why"), (("missing.rtrace", "x"), "ERR_TRACE_NOT_FOUND")
    ),
    **dict.fromkeys(
        ("same", "origin"), (("missing.rtrace", "x", "--at", "0"), "ERR_TRACE_NOT_FOUND")
    ),
    "export": (("missing.rtrace", "--to", "jsonl", "-o", "x"), "ERR_TRACE_NOT_FOUND"),
    "state": (("missing.rtrace", "1"), "ERR_TRACE_NOT_FOUND"),
    "grep": (("missing.rtrace", "x"), "ERR_TRACE_NOT_FOUND"),
    "sql": (("missing.rtrace", "select 1"), "ERR_TRACE_NOT_FOUND"),
    **dict.fromkeys(
        (
            "info",
            "show",
            "view",
            "calls",
            "exceptions",
            "print",
            "verify",
            "tree",
            "stats",
            "source",
            "find",
            "output",
            "logs",
            "explain",
        ),
        (("missing.rtrace",), "ERR_TRACE_NOT_FOUND"),
    ),
}


def diagnostics(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for diagnostic in found:
        jsonschema.validate(diagnostic, SCHEMA)
    return found


def test_every_command_is_asked() -> None:
    assert REFUSED.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("way", ["before", "after", "path", "environment"])
def test_a_command_that_fails_says_so_as_json(
    tmp_path: Path, recorder_says: Run, name: str, way: str
) -> None:
    words, code = REFUSED[name]
    path = tmp_path / "told"
    asked = f"--json-errors={path}" if way == "path" else "--json-errors"
    if way == "environment":
        result = recorder_says(name, *words, env={**ENVIRONMENT, "RECORDER_JSON_ERRORS": "1"})
    elif way == "after" and name != "run":
        result = recorder_says(name, *words, asked)
    else:
        result = recorder_says(name, asked, *words)
    if way == "path":
        assert f"[{code}]" in result.stderr
    (diagnostic,) = diagnostics(path.read_text() if way == "path" else result.stderr)
    assert diagnostic["code"] == code
    assert diagnostic["exit_code"] == result.status == 2


def test_a_value_that_is_none_is_refused(recorder_says: Run) -> None:
    result = recorder_says("info", "--json-errors=fd:1", "missing.rtrace")
    assert result.status == 2
    assert "fd:1" in result.stderr


# ---- once more at the end ------------------------------------------------------------------------


STOPPING = """
import sys
for n in range(1000):
    s = n
"""
IN_THE_PROGRAM = """
import recorder, sys
session = recorder.start("program.rtrace", max_events=20, json_errors=sys.argv[1], min_free_space=0)
for n in range(1000):
    s = n
session.stop()
"""


@pytest.mark.parametrize("way", ["run", "start"])
def test_a_failure_is_told_when_it_happens_and_with_the_trace_at_the_end(
    tmp_path: Path, run_recorded: Run, run_plain: Run, way: str
) -> None:
    told = tmp_path / "told"
    if way == "run":
        result = run_recorded(STOPPING, "--max-events=20", f"--json-errors={told}")
    else:
        result = run_plain(IN_THE_PROGRAM, arguments=(told,))
    assert result.status == 0
    first, last = diagnostics(told.read_text())
    trace = tmp_path / "program.rtrace"
    assert first["code"] == last["code"] == "ERR_LIMIT_REACHED"
    assert first["detail"] == last["detail"]
    assert first["disposition"] == last["disposition"] == "disable"
    assert first["trace"]["state"] is None
    with recorder.open_trace(trace) as opened:
        assert last["trace"] == {
            "path": str(trace), "state": "partial", "events": len(opened), "events_lost": None,
        }  # fmt: skip


# ---- what is public ------------------------------------------------------------------------------


def test_dir_shows_what_is_public_and_errors_is_there() -> None:
    program = """
import recorder
assert dir(recorder) == sorted([*recorder.__all__, "__version__"])
assert recorder.errors.DiskFullError.error_name == "ERR_DISK_FULL"
for name in dir(recorder):
    assert getattr(recorder, name) is not None
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_address_leads_to_a_section_that_is_installed() -> None:
    home = Path(recorder.__file__).parents[1]
    pages: dict[Path, str] = {}
    for kind in errors.BY_NUMBER.values():
        path, _, anchor = kind.doc_url.partition("#")
        page = pages.setdefault(home / path, (home / path).read_text("utf-8"))
        assert f'<a id="{anchor}"></a>\n' in page and f"### {kind.error_name}\n" in page, (
            kind.doc_url
        )
    patterns = (ROOT / "pyproject.toml").read_text("utf-8")
    assert [path.relative_to(home).as_posix() for path in pages] == ["recorder/errors/errors.md"]
    assert '"errors/*.md"' in patterns.partition("[tool.setuptools.package-data]")[2]
