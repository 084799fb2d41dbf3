"""What a program reads from its stdin is what it would be without us, and is in the trace: but for what is typed where
it cannot be seen."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder.cli import main

PIPED = """\
import os, sys
print(repr(input("name? ")))
print(repr(sys.stdin.readline()))
print(os.read(0, 7))
memory = bytearray(3)
print(sys.stdin.buffer.raw.readinto(memory), memory)
print(sys.stdin.buffer.raw.read(4))
print(sys.stdin.read().count("x"))
print(repr(sys.stdin.read()), os.read(0, 9))
with open(__file__) as file:
    file.read()
"""
PARTS = [b"bob\nsecond\n12345", b"os.read", b"raw", b"more", b"x" * 3000 + b"\n"]

TYPED = """\
import os, sys, termios
print(repr(input("name? ")))
print(repr(sys.stdin.readline()))
before = termios.tcgetattr(0)
hidden = termios.tcgetattr(0)
hidden[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSAFLUSH, hidden)
print("hidden", flush=True)
print(len(input("password? ")), len(sys.stdin.readline()), len(os.read(0, 99)))
termios.tcsetattr(0, termios.TCSADRAIN, before)
print("shown", flush=True)
print(repr(input()))
try:
    input()
except EOFError:
    print("end")
"""


def command(recorded: Path | None, script: Path) -> list[str]:
    words = ["-m", "recorder", "run", "--min-free-space=0", "--no-summary", "-o", str(recorded)]
    return [sys.executable, *(words if recorded else []), str(script)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(recorder.__file__).parents[1]), "TERM": "dumb"}


def fed(words: list[str]) -> bytes:
    """What it writes, when each part is read by itself."""
    read, write = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    process = subprocess.Popen(words, stdin=read, stdout=subprocess.PIPE, env=environment())
    os.close(read)
    with os.fdopen(write, "wb", buffering=0) as pipe:
        for part in PARTS:  # a packet each: one read takes one of them
            pipe.write(part)
    assert process.stdout is not None
    with process.stdout as out:
        written = out.read()
    assert process.wait(30) == 0
    return written


def test_what_is_read_from_a_pipe(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script, path = tmp_path / "reads.py", tmp_path / "t.rtrace"
    script.write_text(PIPED)
    plain, ours = fed(command(None, script)), fed(command(path, script))
    assert plain == ours and plain.count(b"\n") == 7
    with recorder.open_trace(path) as trace:
        told = list(trace.output("stdin"))
        assert b"".join(one.data for one in told) == b"".join(PARTS)
        assert [(one.line, one.text) for one in told[:4]] == [
            (2, "bob\nsecond\n12345"), (4, "os.read"), (6, "raw"), (7, "more"),
        ]  # fmt: skip
        assert {one.line for one in told[4:]} == {8}
        assert not any(one.redacted or one.missing for one in told)
        for one in told:
            assert one.seq is not None and trace[one.seq].line == one.line
        assert "bob" not in "".join(one.text for one in trace.output() if one.line != 2)
        both = [(one.seq, one.data) for one in trace.output("all") if one.stream == "stdin"]
        assert both == [(one.seq, one.data) for one in told]
        assert "stdin" not in {one.stream for one in trace.output()}
    capfd.readouterr()
    assert main(["output", str(path), "--stream", "stdin", "--seq"]) == 0
    assert "reads.py:4  stdin: os.read" in capfd.readouterr().out
    assert main(["print", str(path), "--line", "4", "--kind", "line", "--json"]) == 0
    (row,) = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    said = {(one["stream"], one["text"], one["line"]) for one in row["output"]}
    assert ("stdin", "os.read", 4) in said


def typed(words: list[str]) -> bytes:
    """What a terminal shows of it, where a person waits for each question."""
    master, slave = pty.openpty()
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment())
    os.close(slave)
    shown = b""
    for waits_for, text in (
        (b"name? ", b"bob\n"), (b"'bob'\r\n", b"line\n"), (b"password? ", b"hunter2\n"), (b"", b"hunter3\n"),
        (b"", b"hunter4\n"), (b"shown\r\n", b"last\n"), (b"'last'\r\n", b"\x04"),
    ):  # fmt: skip
        while waits_for not in shown:
            shown += os.read(master, 1024)
        os.write(master, text)
    try:
        while data := os.read(master, 1024):
            shown += data
    except OSError:  # nobody has it open any more
        pass
    os.close(master)
    assert process.wait(30) == 0
    return shown


def test_what_is_typed_at_a_terminal(tmp_path: Path) -> None:
    script, path = tmp_path / "asks.py", tmp_path / "t.rtrace"
    script.write_text(TYPED)
    plain, ours = typed(command(None, script)), typed(command(path, script))
    assert plain == ours and b"hunter" not in ours
    with recorder.open_trace(path) as trace:
        told = list(trace.output("stdin"))
        assert [(one.line, one.text) for one in told] == [
            (2, "bob\n"), (3, "line\n"), (9, "<redacted>"), (12, "last\n"),
        ]  # fmt: skip
        (hidden,) = (one for one in told if one.redacted)
        assert hidden.data == b"" and hidden.size == 24 and hidden.missing == 0
    assert b"hunter" not in path.read_bytes()


def test_where_output_is_off_nothing_is_heard(tmp_path: Path) -> None:
    read, write = os.pipe()
    saved = os.dup(0)
    try:
        os.dup2(read, 0)
        for setting, count in (("off", 0), ("on", 1)):
            path = tmp_path / f"{setting}.rtrace"
            os.write(write, b"word")
            with recorder.record(path, min_free_space=0, capture_output=setting):
                assert os.read(0, 9) == b"word"
            with recorder.open_trace(path) as trace:
                assert [one.text for one in trace.output("stdin")] == ["word"] * count
    finally:
        os.dup2(saved, 0)
        for fd in (read, write, saved):
            os.close(fd)
