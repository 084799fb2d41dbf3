"""Every command that reads a trace, given what is none, or not a whole one: the mapped error and its exit code, one
line that names it, and no traceback. The commands are found by their parsers; a new one fails until it has a row."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recorder import cli, errors
from recorder.cli import queries
from recorder.view.server import Server
from tests.cli.test_wrong_command_line import parser_of
from tests.tools import reference_writer as w
from tests.tools.rechunk import places
from tests.tools.tape_tools import write_anew
from tests.trace.test_reading import two_chunks

pytestmark = pytest.mark.usefixtures("arrow_threads")

READS = ("TRACE", "A", "PATH")  # metavars of what is to be read
WORDS = {  # each command, about the trace `{}`
    "info": "{}", "show": "{} --plain", "calls": "{}", "history": "{} x", "exceptions": "{}", "print": "{}",
    "verify": "{}", "recover": "{}", "diff": "{} {}", "export": "{} --to jsonl -o {folder}/out",
    "view": "{} --no-open", "sql": "{} QUERY", "tree": "{}", "stats": "{}", "source": "{}",
    "state": "{} 0", "grep": "{} x", "find": "{}", "output": "{}", "watch": "{} x", "check": "{} x", "why": "{} x",
    "explain": "{}", "logs": "{}",
    "same": "{} x --at 0", "origin": "{} x --at 0", "cut": "{} -o {folder}/part.rtrace",
}  # fmt: skip
QUERY = "select count(*) from events"
SAYS_IT_ON_STDOUT = ("info", "verify", "recover")


def test_every_command_that_reads_has_a_row() -> None:
    found = set()
    for name in cli.COMMANDS:
        parser = parser_of(name)
        if parser and any(action.metavar in READS for action in parser._actions):
            found.add(name)
    assert found == set(WORDS)


def ask(command: str, path: Path, folder: Path) -> int:
    words = WORDS[command].replace("{folder}", str(folder)).split()
    words = [str(path) if word == "{}" else QUERY if word == "QUERY" else word for word in words]
    return cli.main([command, *words])


@pytest.fixture(autouse=True)
def nothing_on_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr(
        Server, "run", lambda server: server.socket.close()
    )  # nobody looks at the page


# ---- what is no trace ---------------------------------------------------------------------------

WHOLE = two_chunks().close()


def newer_chunk() -> bytes:
    file = w.File()
    file.meta()
    file.add(77, b"what only a newer recorder knows")
    return file.close()


def content(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def null(path: Path) -> None:
    path.symlink_to("/dev/null")


NO_TRACE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (content(b""), "NOT_A_TRACE"),
    "text": (content(b"hello\n" * 200), "NOT_A_TRACE"),
    "zeros": (content(bytes(5000)), "NOT_A_TRACE"),
    "newer version": (content(w.file_header(major=5)), "TRACE_VERSION_UNSUPPORTED"),
    "newer chunk": (content(newer_chunk()), "TRACE_VERSION_UNSUPPORTED"),
    "header cut": (content(WHOLE[:40]), "TRACE_TRUNCATED"),
    "folder": (Path.mkdir, "NOT_A_TRACE"),
    "fifo": (os.mkfifo, "NOT_A_TRACE"),
    "/dev/null": (null, "NOT_A_TRACE"),
    "missing": (lambda path: None, "TRACE_NOT_FOUND"),
    "symlink to itself": (loop, "READ_FAILED"),
}


@pytest.mark.parametrize("case", NO_TRACE)
@pytest.mark.parametrize("command", WORDS)
@pytest.mark.timeout(60)
def test_what_is_no_trace(
    command: str, case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, code = NO_TRACE[case]
    path = tmp_path / "x.rtrace"
    make(path)
    check(command, path, code, capfd)
    assert not (tmp_path / "out").exists()


def check(command: str, path: Path, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    status = ask(command, path, path.parent)
    out, err = capfd.readouterr()
    assert f"[ERR_{code}] " in err.splitlines()[0], err
    assert status == errors.class_for(errors.ErrorCode[code]).exit_code
    assert out == ""
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2  # the failure, and a hint


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """A file that this process may not read. Root may read any, so it is somebody else for a while."""
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("command", WORDS)
def test_no_permission(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.rtrace"
    path.write_bytes(WHOLE)
    ask(command, path, tmp_path)  # everything is imported now
    (tmp_path / "out").unlink(missing_ok=True)
    capfd.readouterr()
    with without_rights(path):
        check(command, path, "PERMISSION_DENIED", capfd)


@pytest.mark.parametrize("command", WORDS)
def test_a_trace_being_written(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its staging folder is in use, and so is its name; what there is of it so far is a truncated trace."""
    code = f"import recorder, sys\ns = recorder.start({str(tmp_path / 'x.rtrace')!r}, min_free_space=0)\n"
    code += "(lambda: 0)()\nprint('ready', flush=True)\nsys.stdin.read()\ns.stop()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        [folder] = tmp_path.glob(".x.rtrace.partial-*")
        check(command, folder, "TRACE_BUSY", capfd)
        check(command, tmp_path / "x.rtrace", "TRACE_BUSY", capfd)
        process.communicate(b"")
    nothing = (
        2 if command in ("history", "watch", "check", "why", "same", "origin") else 0
    )  # there is no such variable
    assert ask(command, tmp_path / "x.rtrace", tmp_path) == nothing


# ---- what is not a whole one --------------------------------------------------------------------


def flipped(at: int) -> bytes:
    data = bytearray(WHOLE)
    data[at] ^= 0xFF
    return bytes(data)


def less(path: Path) -> dict[str, tuple[bytes, str]]:
    """Traces that can be read in part, and what is said of them."""
    first, second = places(WHOLE, path)
    return {
        "never closed": (WHOLE[:-64], "truncated"),
        "cut in a chunk": (WHOLE[: second.end - 3], "truncated"),
        "a payload": (flipped(first.end - 1), "corrupt"),
        "a chunk's header": (flipped(second.offset + 9), "corrupt"),
        "the file header": (flipped(20), "corrupt"),
        "the verdict": (flipped(len(WHOLE) - 10), "corrupt"),
    }


@pytest.mark.parametrize("command", [name for name in WORDS if name != "recover"])
def test_less_than_a_trace(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.rtrace"
    for data, state in less(path).values():
        write_anew(path, data)
        (tmp_path / "out").unlink(missing_ok=True)
        status = ask(command, path, tmp_path)
        out, err = capfd.readouterr()
        said = out if command in SAYS_IT_ON_STDOUT else err
        words = {
            "truncated": "truncated",
            "corrupt": "damaged" if command == "verify" else "corrupt",
        }
        assert words[state] in said
        assert "Traceback" not in err
        damaged = 0 if command == "info" else 3
        assert status == {"truncated": int(command == "verify"), "corrupt": damaged}[state]


@pytest.mark.parametrize(
    ("question", "status"),
    [(["find", "--since", "5"], 0), (["find", "--until", "2"], 3), (["state", "2"], 3)],
)
def test_damage_in_a_large_trace(
    question: list[str],
    status: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer tells of what it needed, and does not read a gigabyte for the rest."""
    monkeypatch.setattr(queries, "CHECKED_WHOLE", 0)
    path = tmp_path / "x.rtrace"
    write_anew(path, flipped(places(WHOLE, path)[0].end - 1))  # events 0 to 4
    assert cli.main([question[0], str(path), *question[1:]]) == status
    assert ("corrupt" in capfd.readouterr().err) == (status == 3)
    assert cli.main(["verify", str(path)]) == 3


@pytest.mark.parametrize("command", WORDS)
def test_a_trace_without_events(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is a trace: nothing is wrong with it, and there is an answer."""
    path = tmp_path / "x.rtrace"
    file = w.File()
    file.meta()
    path.write_bytes(file.close())
    assert ask(command, path, tmp_path) == 0
    out, err = capfd.readouterr()
    assert err == ""
    if command == "show":
        assert out == "there is no event to show\n"


@pytest.mark.parametrize("command", [name for name in WORDS if name != "recover"])
def test_nothing_of_it_can_be_read(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rtrace"
    data = bytearray(WHOLE)
    for chunk in places(WHOLE, path):
        data[chunk.end - 1] ^= 0xFF
    path.write_bytes(data)
    assert ask(command, path, tmp_path) == (0 if command == "info" else 3)
    out, err = capfd.readouterr()
    said = out if command in SAYS_IT_ON_STDOUT else err
    assert ("damaged" if command == "verify" else "corrupt") in said
    assert "Traceback" not in err
    if command == "show":
        assert out == "there is no event to show\n"


def test_show_at_an_event_that_is_not_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rtrace"
    path.write_bytes(WHOLE)
    assert cli.main(["show", str(path), "--plain", "--at", "99"]) == 2
    assert "[ERR_EVENT_NOT_FOUND] " in capfd.readouterr().err


def test_recover_has_nothing_to_do_with_a_closed_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rtrace"
    path.write_bytes(WHOLE)
    assert cli.main(["recover", str(path)]) == 0
    assert capfd.readouterr().out == f"{path}: complete, 8 events, 3 lost\n"
    path.write_bytes(WHOLE[:-64])  # nor with one that no folder belongs to
    check("recover", path, "TRACE_TRUNCATED", capfd)
