"""On a terminal a long answer goes through a pager; everywhere else it does not."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.cli.paging import pager
from tests.conftest import ENVIRONMENT, recorder_command

PROGRAM = Path(__file__).parent.parent / "programs" / "recursion.py"


def on_terminal(command: list[str], **environment: str) -> tuple[str, int]:
    """What a person sees, and the exit status."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**ENVIRONMENT, **environment},
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    return b"".join(parts).decode(), process.wait(timeout=20)


@pytest.fixture(scope="module")
def trace(trace_of: Callable[[Path], Path]) -> str:
    return str(trace_of(PROGRAM))


def test_an_answer_goes_through_the_pager_that_is_named(trace: str) -> None:
    command = recorder_command("tree", trace)
    shown, status = on_terminal(command, PAGER="sed s/^/PAGED:/")
    rows = [row for row in shown.splitlines() if row]
    assert status == 0
    assert len(rows) > 3
    assert all(row.startswith("PAGED:") for row in rows)
    assert "\x1b[" in shown  # as on a terminal: it is one


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["tree", "TRACE", "--json"], {"PAGER": "sed s/^/PAGED:/"}),
        (["verify", "TRACE"], {"PAGER": "sed s/^/PAGED:/"}),
        (["tree", "TRACE"], {"PAGER": "no-such-pager"}),
        (["tree", "TRACE"], {"PAGER": "sed s/^/PAGED:/", "RECORDER_PAGER": ""}),
    ],
)
def test_what_is_not_to_be_paged_is_not(
    trace: str, words: list[str], environment: dict[str, str]
) -> None:
    command = recorder_command(*[trace if word == "TRACE" else word for word in words])
    shown, status = on_terminal(command, **environment)
    assert status == 0
    assert shown
    assert "PAGED:" not in shown


def test_a_pager_that_is_left_early_is_no_failure(trace: str) -> None:
    shown, status = on_terminal(recorder_command("print", trace), PAGER="head -n 1")
    assert status == 0
    assert len(shown.splitlines()) == 1


def test_a_pipe_is_no_terminal(trace: str) -> None:
    done = subprocess.run(
        recorder_command("tree", trace), capture_output=True, text=True, timeout=60,
        env={**ENVIRONMENT, "PAGER": "sed s/^/PAGED:/"},
    )  # fmt: skip
    assert done.returncode == 0
    assert "PAGED:" not in done.stdout


def test_the_pager_is_the_first_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.delenv("RECORDER_PAGER", raising=False)
    assert pager() is None
    monkeypatch.setenv("RECORDER_PAGER", "sed -n p")
    assert pager() == ["sed", "-n", "p"]
    monkeypatch.setenv("RECORDER_PAGER", "'")
    assert pager() is None
