"""A program is recorded on the editor's behalf: beside it, and in its terminal, which is a real one here."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.dap_client import PATIENCE, Failed, Session, check
from tests.tools.tape_tools import in_turn

PROGRAM = textwrap.dedent("""\
    import os, sys, time
    where = "at a terminal" if sys.stdin.isatty() else "no input"
    print(where, os.environ.get("COLOUR"), os.environ.get("HOME"), flush=True)
    how = sys.argv[1]
    if how == "ask":
        print("said:", input("your name? "))
    if how == "wait":
        open("begun", "x").close()
        while True:
            time.sleep(0.05)
    if how == "kill":
        os.kill(os.getpid(), 9)
    sys.exit(3)
    """)


class Terminal:
    """What an editor opens: a terminal of its own for a command. It shows what is written there."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.end, far = os.openpty()
        environment = {**os.environ, **{k: v for k, v in arguments["env"].items() if v is not None}}
        for name in (name for name, value in arguments["env"].items() if value is None):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            ["setsid", "-c", *arguments["args"]], cwd=arguments["cwd"], env=environment,
            stdin=far, stdout=far, stderr=far,
        )  # fmt: skip
        os.close(far)
        self.shown = ""

    def read_until(self, words: str) -> None:
        while words not in self.shown:
            self.shown += os.read(self.end, 4096).decode()

    def close(self) -> None:
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def forget(self) -> None:
        self.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def editor(session: Session) -> Session:
    session.ask(
        "initialize",
        adapterID="recorder",
        supportsProgressReporting=True,
        supportsRunInTerminalRequest=True,
    )
    return session


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for one in terminals:
        one.forget()


def launch(editor: Session, program: Path, how: str, **more: Any) -> int:
    environment = {"COLOUR": "blue", "HOME": None}
    return editor.send(
        "launch", program=str(program), args=[how], cwd=str(program.parent), env=environment, **more
    )


def terminal(editor: Session, opened: list[Terminal]) -> Terminal:
    """Opens the one that the server asks for."""
    request = asked_for(editor)
    one = Terminal(request["arguments"])
    opened.append(one)
    answer(editor, request, True, body={"processId": one.process.pid})
    return one


def asked_for(editor: Session) -> dict[str, Any]:
    while not editor.asked:
        editor.receive()
    request = editor.asked.pop()
    check("RunInTerminalRequest", request)
    assert request["command"] == "runInTerminal"
    return request


def answer(editor: Session, request: dict[str, Any], success: bool, **more: Any) -> None:
    editor._channel.send(
        {
            "type": "response",
            "request_seq": request["seq"],
            "success": success,
            "command": request["command"],
            **more,
        }
    )


def wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def exit_code(editor: Session) -> int:
    """Which is told at the end of the session: Emacs takes it for that."""
    assert not any(one["event"] == "exited" for one in editor.events)
    editor.ask("terminate")
    editor.ask("terminate")  # as some editors do when they are told of the end
    code: int = editor.event("exited")["exitCode"]
    assert editor.event("terminated") == {}
    editor.ask("threads")
    assert not any(one["event"] in ("exited", "terminated") for one in editor.events)
    return code


def end_of(editor: Session) -> str:
    """What is said at the end of the recording."""
    editor.event("initialized")
    editor.begin()
    text: str = editor.move("continue").body["text"]
    return text


# ---- beside the editor ----


@pytest.mark.parametrize(
    ("command", "arguments"), [("terminate", {}), ("cancel", {"progressId": "recording"})]
)
def test_output_and_progress_are_told_while_it_runs(
    editor: Session, program: Path, command: str, arguments: dict[str, Any]
) -> None:
    number = launch(editor, program, "wait")
    wait_for(program.with_name("begun"))
    start = editor.event("progressStart")
    assert (start["title"], start["cancellable"]) == ("Recording program.py", True)
    assert "MB" in editor.event("progressUpdate")["message"]
    told = ""
    while not told.endswith("\n"):
        told += editor.event("output")["output"]
    assert told == "no input blue None\n"
    editor.send("pause", threadId=1)  # there is nothing to look at yet
    stopped = editor.send(command, **arguments)
    editor.answer(number)
    assert editor.event("progressEnd")
    editor.answer(stopped)
    assert end_of(editor).endswith("signal 15 ended it")  # what it did can be looked at
    assert exit_code(editor) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("how", "status", "text"),
    in_turn([
        ("exit", 3, "the end of the recording; it exited with 3"),
        ("kill", 137, "the end of the recording, which stopped early"),
    ]),
)  # fmt: skip
def test_how_the_program_ended_is_told(
    editor: Session, program: Path, how: str, status: int, text: str
) -> None:
    editor.answer(launch(editor, program, how))
    assert end_of(editor).startswith(text)
    assert exit_code(editor) == status


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"python": "/nowhere/python"}, "/nowhere/python cannot be run"),
        ({"python": "/bin/false"}, r"nothing was recorded \(exit status 1\)"),
        ({"recorderArgs": ["--wrong"]}, "nothing was recorded .*--wrong"),
        ({"cwd": "/nowhere"}, "there is no folder /nowhere"),
        ({"console": "window"}, "console is one of"),
    ],
)
def test_a_run_that_fails_is_no_exit_of_the_program(
    editor: Session, program: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(Failed, match=f"(?s){said}"):
        editor.ask("launch", **{"program": str(program), "cwd": str(program.parent), **given})
    assert not any(one["event"] == "exited" for one in editor.events)


FORKS = """\
import os
def child(n):
    return n + 1
def main():
    pid = os.fork()
    if not pid:
        child(1)
        os._exit(0)
    os.waitpid(pid, 0)
main()
"""


@pytest.mark.parametrize("can", [True, False])
def test_processes_that_it_starts_are_sessions_of_their_own(
    session: Session, tmp_path: Path, can: bool
) -> None:
    program = tmp_path / "forks_of_dap.py"
    program.write_text(FORKS)
    (tmp_path / "forks_of_dap.1.rtrace").touch()  # an earlier run's
    session.ask("initialize", adapterID="x", supportsStartDebuggingRequest=can)
    asked = {
        "recorderArgs": ["--follow-children"],
        "pathMappings": [{"localRoot": "/a", "remoteRoot": "/b"}],
    }
    session.ask("launch", program=str(program), cwd=str(tmp_path), **asked)
    session.begin()
    session.ask("threads")
    (one,) = (path for path in tmp_path.glob("forks_of_dap.*.rtrace") if path.stat().st_size)
    if not can:
        assert f"a process that it started: {one}\n" in session.output()
        return
    (request,) = session.asked
    check("StartDebuggingRequest", request)
    configuration = request["arguments"]["configuration"]
    assert (
        configuration["trace"] == str(one)
        and configuration["pathMappings"] == asked["pathMappings"]
    )
    with Session() as other:
        other.attach(one)
        other.break_at(program, 3)
        other.begin()
        assert other.move("continue").stack[0] == ("child", 3)


# ---- in the editor's terminal ----


def test_it_runs_in_a_terminal_where_the_editor_has_one(
    editor: Session, program: Path, opened: list[Terminal]
) -> None:
    number = launch(editor, program, "ask", console="integratedTerminal")
    one = terminal(editor, opened)
    one.read_until("your name? ")
    os.write(one.end, b"Ada\n")
    one.read_until("said: Ada")
    assert "at a terminal blue None" in one.shown
    editor.answer(number)
    assert end_of(editor) == "the end of the recording; it exited with 3"
    assert exit_code(editor) == 3


@pytest.mark.parametrize("what", in_turn(["closed", "killed", "terminated"], of=3))
def test_what_ends_in_a_terminal_before_its_time(
    editor: Session, program: Path, opened: list[Terminal], what: str
) -> None:
    number = launch(editor, program, "wait", console="integratedTerminal")
    one = terminal(editor, opened)
    wait_for(program.with_name("begun"))
    if what == "terminated":
        editor.send("terminate")
        editor.answer(number)
        assert end_of(editor).endswith("signal 15 ended it")
        assert exit_code(editor) == 128 + signal.SIGTERM
        return
    if what == "killed":
        one.process.kill()  # and its terminal with it, which is what the program gets to know
    one.close()
    one.process.wait(PATIENCE)
    editor.answer(number)
    assert end_of(editor).startswith("the end of the recording")
    assert exit_code(editor) == 128 + signal.SIGHUP


def test_a_terminal_that_cannot_be_had_is_said(
    session: Session, editor: Session, program: Path
) -> None:
    number = launch(editor, program, "exit", console="externalTerminal")
    request = asked_for(editor)
    assert request["arguments"]["kind"] == "external"
    answer(editor, request, False, message="not today")
    with pytest.raises(Failed, match="no terminal: not today"):
        editor.answer(number)
    with Session() as other:
        other.ask("initialize", adapterID="x")
        with pytest.raises(Failed, match="this editor has no terminal"):
            other.answer(launch(other, program, "exit", console="integratedTerminal"))
