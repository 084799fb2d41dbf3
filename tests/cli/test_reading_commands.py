"""recorder info, print and verify."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recorder import errors
from recorder.cli import info, main
from tests.conftest import Run
from tests.tools import reference_writer as w
from tests.trace.test_reading import two_chunks


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "app.rtrace"
    path.write_bytes(two_chunks().close(exit_status=3))
    return path


def partial() -> bytes:
    failure = errors.DiskFullError(path="/full", errno=28).to_dict()
    return two_chunks().close(2, code=2001, errno=28, failure=failure)


def corrupt() -> bytes:
    data = bytearray(two_chunks().close())
    data[130] ^= 1  # in META, the first chunk
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (two_chunks().close(), 0, ["is complete: 8 events, 3 events known to be lost."]),
        (partial(), 1, ["is partial: 8 events", "[ERR_DISK_FULL]"]),
        (two_chunks().close(3), 1, ["is truncated: 8 events"]),
        (bytes(two_chunks().data), 1, ["is truncated: 8 events"]),
        (corrupt(), 3, ["is damaged at byte 64", "8 events of 8 can be read"]),
    ],
    ids=["complete", "partial", "closed as truncated", "never closed", "corrupt"],
)
def test_verify(
    trace: Path, capsys: pytest.CaptureFixture[str], data: bytes, status: int, words: list[str]
) -> None:
    trace.write_bytes(data)
    assert main(["verify", str(trace)]) == status
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    for word in (str(trace), *words):
        assert word in out


STATES = {
    "complete": two_chunks().close(),
    "partial": partial(),
    "truncated": bytes(two_chunks().data),
    "corrupt": corrupt(),
}


@pytest.mark.parametrize("one", STATES)
@pytest.mark.parametrize("other", STATES)
def test_diff_of_every_two_states(tmp_path: Path, one: str, other: str) -> None:
    """They do not differ; with a damaged one, whichever it is, nobody knows."""
    for name, state in (("a", one), ("b", other)):
        (tmp_path / name).write_bytes(STATES[state])
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "b")]) == (
        3 if "corrupt" in (one, other) else 0
    )


@pytest.mark.parametrize("command", ["verify", "info", "print"])
def test_what_is_no_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str) -> None:
    (tmp_path / "text").write_text("hello")
    for name, code in (("text", "ERR_NOT_A_TRACE"), ("none", "ERR_TRACE_NOT_FOUND")):
        assert main([command, str(tmp_path / name)]) in (2, 10)
        out, err = capfd.readouterr()
        assert out == ""
        assert code in err
        assert "Traceback" not in err


def test_info(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(trace)]) == 0
    rows = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert rows["verdict"] == "complete"
    assert rows["exit"] == "status  3"
    assert rows["events"] == "8"
    assert rows["lost"] == "3"
    assert rows["command"] == "app.py"
    assert "failure" not in rows


def test_info_as_json(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(trace)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == facts["state"] == "complete"
    assert (facts["events"], facts["lost_events"], facts["exit_status"]) == (8, 3, 3)
    assert facts["sources"] == ["/app.py"]
    assert facts["failure"] is None
    trace.write_bytes(partial())
    assert main(["info", "--json", str(trace)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "partial(DISK_FULL)"
    assert facts["failure"]["code"] == "ERR_DISK_FULL"


@pytest.mark.parametrize("forks", [0, 1, 2])
@pytest.mark.parametrize("follows", [False, True])
def test_info_tells_of_processes_that_are_not_recorded(
    run_recorded: Run, capsys: pytest.CaptureFixture[str], forks: int, follows: bool
) -> None:
    program = (
        f"import os\nfor n in range({forks}):\n    if os.fork() == 0: os._exit(0)\n    os.wait()\n"
    )
    trace = run_recorded(program, *["--follow-children"] * follows).trace
    assert main(["info", str(trace)]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert main(["explain", str(trace)]) == 0
    page = capsys.readouterr().out
    if not forks:
        assert "forked" not in rows
    elif follows:
        assert (
            rows["forked"] == f"{forks} process{'es' * (forks - 1)}, each with a trace of its own"
        )
    else:
        how = "not recorded: --follow-children records them"
        assert rows["forked"] == f"{forks} process{'es' * (forks - 1)}, {how}"
    assert ("it forked" in page) == (forks > 0 and not follows)
    assert main(["info", "--json", str(trace)]) == 0
    assert json.loads(capsys.readouterr().out)["unrecorded_forks"] == (0 if follows else forks)


def test_info_of_facts_that_are_nonsense(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = w.File()
    file.meta(argv={"not": "a list"}, cwd=["x"], pid=None, python="3\x1b[31m")
    trace.write_bytes(file.close())
    assert main(["info", str(trace)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "3\\x1b[31m" in out


def test_print(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["print", str(trace)]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert len(lines) == 8
    assert lines[2].split() == "2 line code of app.py app.py:3 total = [1, 2] (line 2)".split()
    assert lines[5].split() == "5 line f app.py:12 x = 1005 y = 'text' (line 11)".split()
    assert "→ (1, None)" in lines[6]
    assert "y = (unbound)" in lines[6]
    assert "[3 events lost before this one]" in lines[6]
    assert err == ""


def test_print_as_json(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["print", "--json", str(trace)]) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert events[5] == {
        "seq": 5, "kind": "line", "thread": 0, "thread_name": "MainThread", "task": None, "function": "f",
        "file": "/app.py", "line": 12, "frame": 1, "depth": 1, "time": 5 * 10**18 + 15,
        "changed": {"x": 1005, "y": "text"}, "changed_by": 11,
    }  # fmt: skip
    assert events[6]["value"] == {"type": "tuple", "items": [1, None]}
    assert events[6]["unbound"] == ["y"]
    assert events[6]["lost_before"] == 3
    assert events[6]["marks"][0] == {"code": "ERR_VALUE_UNREADABLE", "detail": 1}


def test_print_of_a_trace_that_is_less_says_so(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for data, status, word in ((partial(), 0, "partial(DISK_FULL)"), (corrupt(), 3, "corrupt(64)")):
        trace.write_bytes(data)
        assert main(["print", str(trace)]) == status
        out, err = capfd.readouterr()
        assert len(out.splitlines()) == 8
        assert f"is {word}" in err


def test_print_into_a_pipe_that_closes(tmp_path: Path) -> None:
    path = tmp_path / "long.rtrace"
    file = w.File()
    records = w.def_file(0, "/a.py") + w.def_thread(0, 1, "M") + w.thread(0)
    records += w.def_code(0, 0, 1, 3, "f", "f", 0, []) + w.enter(0) + w.line(1) * 20_000
    file.segment(w.EMPTY_PREAMBLE + records, 20_000)
    path.write_bytes(file.close())
    with subprocess.Popen(
        [sys.executable, "-c", "from recorder.cli import main; exit(main())", "print", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert b"f  a.py:2" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_text_that_stdout_cannot_encode(tmp_path: Path) -> None:
    path = tmp_path / "odd.rtrace"
    file = w.File()
    records = w.def_file(0, "/\udc80é\n.py") + w.def_thread(0, 1, "M") + w.thread(0)
    records += w.def_code(0, 0, 1, 3, "f", "f", 0, []) + w.enter(0) + w.line(1)
    file.segment(w.EMPTY_PREAMBLE + records, 1)
    path.write_bytes(file.close())
    result = subprocess.run(
        [sys.executable, "-c", "from recorder.cli import main; exit(main())", "print", str(path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert result.stdout.decode("ascii").split()[-1] == "\\udc80\\xe9\\n.py:2"


@pytest.mark.parametrize(
    ("there", "said"),
    [(1, "a"), (2, "a, b"), (3, "a, b, c"), (4, "a, b, c and 1 more"), (6, "a, b, c and 3 more")],
)
def test_of_many_files_of_a_kind_three_are_named(there: int, said: str) -> None:
    [line] = info._doubts(dict.fromkeys("fedcba"[-there:], "unknown"), {})
    assert line.endswith(f": {said}")
