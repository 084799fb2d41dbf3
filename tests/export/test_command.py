"""recorder export: what it says, what it leaves, and how it fails."""

from __future__ import annotations

import errno
import json
import os
import pty
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest

from recorder import errors
from recorder._core import syscalls
from recorder.cli import main
from recorder.export import FORMATS, export
from tests.conftest import ENVIRONMENT, Run, recorder_command
from tests.tools import ct_reader
from tests.tools import reference_writer as w
from tests.tools.html_reader import packed_in
from tests.trace.test_reading import two_chunks

pytestmark = pytest.mark.usefixtures("arrow_threads")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "app.rtrace"
    path.write_bytes(without_gaps().close())
    return path


def without_gaps() -> w.File:
    """A recording of two frames of which nothing is lost."""
    records = [
        w.clock(10, 0, 10**18), w.def_thread(0, 1, "MainThread"), w.thread(0),
        w.def_file(0, "/app.py"), w.def_code(0, 0, 1, 0, "<module>", "<module>", 0, []),
        w.def_code(1, 0, 5, 3, "f", "f", 1, [(1, "x")]), w.enter(0), w.event("call", 5), w.line(0),
        w.enter(1), w.set_slot(0, w.value(7)), w.event("call", 5), w.line(1),
        w.event("raise", 0, w.value("oh")), w.event("unwind", 9, w.value("oh")), w.line(1),
        w.event("return", 3, w.value(None)),
    ]  # fmt: skip
    file = w.File()
    file.meta(cwd="/here")
    file.segment(w.EMPTY_PREAMBLE + b"".join(records), 8)
    file.source("/app.py", b"f(7)\n")
    return file


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    yield
    syscalls.reset()


def content(path: Path) -> bytes:
    """All that was exported, as one text."""
    if path.is_dir():
        return b"\n".join(content(part) for part in sorted(path.iterdir()))
    if path.parent.name == "traces" and path.suffix == ".parquet":
        return json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str).encode()
    if path.suffix == ".ct":
        files = ct_reader.read_container(path)
        log = files.get("events.log") or files["events.dat"]
        if "events.log" in files:
            return json.dumps(list(ct_reader.logged(log))).encode()
        return b"".join(at.raw for at in ct_reader.chunked(files, "events"))
    if path.suffix == ".html":
        return packed_in(path)
    return path.read_bytes()


# ---- what it says and leaves ---------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_whole_trace_is_exported_without_a_word(
    trace: Path, format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    out = trace.parent / f"out{FORMATS[format].suffix.rstrip('/')}"
    assert main(["export", str(trace), "--to", format, "-o", str(out)]) == 0
    assert capfd.readouterr() == ("", "")
    assert stat.S_IMODE(out.stat().st_mode) == (0o700 if out.is_dir() else 0o600)
    assert sorted(os.listdir(trace.parent)) == sorted(["app.rtrace", out.name])


def test_without_o_it_goes_into_the_working_folder(
    trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trace.parent / "here").mkdir()
    monkeypatch.chdir(trace.parent / "here")
    for format in FORMATS:
        assert main(["export", str(trace), "--to", format]) == 0
    assert sorted(os.listdir()) == [
        "app-codetracer", "app-parquet", "app.ct", "app.html", "app.json", "app.jsonl", "app.speedscope.json",
    ]  # fmt: skip


def damaged() -> bytes:
    data = bytearray(two_chunks(sources=False).close())
    second = data.index(b"RCHK", data.index(b"RCHK", data.index(b"RCHK") + 1) + 1)
    data[second + 70] ^= 0xFF  # in the payload of the second EVENTS chunk
    return bytes(data)


def partial() -> bytes:
    failure = errors.DiskFullError(path="/full", errno=28).to_dict()
    return two_chunks().close(2, code=2001, errno=28, failure=failure)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("data", "state", "status"),
    [
        (partial(), "partial", 0),
        (two_chunks().close(3), "truncated", 0),
        (bytes(two_chunks().data), "truncated", 0),
        (damaged(), "corrupt", 3),
    ],
    ids=["partial", "truncated", "never closed", "damaged"],
)
def test_what_a_trace_lacks_is_said_in_the_output_and_on_stderr(
    trace: Path,
    format: str,
    data: bytes,
    state: str,
    status: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    trace.write_bytes(data)
    out = trace.parent / f"out{FORMATS[format].suffix.rstrip('/')}"
    assert main(["export", str(trace), "--to", format, "-o", str(out)]) == status
    said, told = capfd.readouterr()
    assert said == ""
    assert told.count("\n") == 1 and f"the trace is {state}" in told
    assert state.encode() in content(out)


def test_a_person_sees_progress(trace: Path) -> None:
    ours, theirs = pty.openpty()
    out = trace.parent / "out.json"
    done = subprocess.run(
        recorder_command("export", trace, "--to", "perfetto", "-o", out), stdout=subprocess.PIPE,
        stderr=theirs, env={**ENVIRONMENT, "TERM": "xterm"}, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "exporting to perfetto" in seen and "100%" in seen
    assert f"8 events → {out}" in seen


@pytest.mark.parametrize("command", ["export", "info", "run"])
def test_at_a_terminal_nothing_needs_rich(trace: Path, command: str) -> None:
    (trace.parent / "rich.py").write_text("raise ImportError('broken', name='rich')\n")
    words = {
        "export": ("export", trace, "--to", "perfetto", "-o", trace.parent / "out.json"),
        "info": ("info", trace),
        "run": ("run", "--summary", "-o", trace.parent / "b.rtrace", "-c", "pass"),
    }[command]
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{trace.parent}:{ENVIRONMENT['PYTHONPATH']}"}
    ours, theirs = pty.openpty()
    done = subprocess.run(
        recorder_command(*words), stdout=theirs, stderr=theirs, env=environment, timeout=60, cwd=trace.parent
    )  # fmt: skip
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0 and "[ERR_" not in seen and "events" in seen


# ---- what cannot be ------------------------------------------------------------------------------


@pytest.mark.provokes("UNSUPPORTED_FORMAT")
def test_an_unknown_format_names_the_known_ones(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(trace), "--to", "perfeto"]) == 2
    assert "did you mean perfetto?" in capfd.readouterr().err
    assert main(["export", str(trace), "--to", "interpretive-dance"]) == 2
    told = capfd.readouterr().err
    assert "[ERR_UNSUPPORTED_FORMAT]" in told
    assert all(name in told for name in FORMATS)


@pytest.mark.provokes("DESTINATION_NOT_EMPTY")
@pytest.mark.parametrize("format", ["codetracer", "parquet"])
def test_a_folder_that_holds_something_is_not_replaced(trace: Path, format: str) -> None:
    folder = trace.parent / "folder"
    folder.mkdir()
    if format == "codetracer":
        export(trace, format, folder)  # an empty one is
    else:
        (folder / "notes.txt").touch()
    mine = sorted(os.listdir(folder))
    with pytest.raises(errors.DestinationNotEmptyError) as caught:
        export(trace, format, folder)
    assert caught.value.path == str(folder)
    assert sorted(os.listdir(folder)) == mine


def test_a_folder_that_fills_meanwhile_is_not_replaced_either(trace: Path) -> None:
    folder = trace.parent / "folder"

    def meanwhile(done: int, total: int) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "theirs").touch()

    with pytest.raises(errors.DestinationNotEmptyError):
        export(trace, "codetracer", folder, on_progress=meanwhile)
    assert os.listdir(folder) == ["theirs"]
    assert sorted(os.listdir(trace.parent)) == ["app.rtrace", "folder"]


def test_a_file_and_a_folder_are_not_the_same(trace: Path) -> None:
    (trace.parent / "folder").mkdir()
    with pytest.raises(
        errors.DestinationIsDirectoryError, match="this format is written to a file"
    ):
        export(trace, "jsonl", trace.parent / "folder")
    with pytest.raises(errors.InvalidArgumentError, match="this format is written to a folder"):
        export(trace, "parquet", trace)
    with pytest.raises(errors.InvalidArgumentError, match="is the trace itself"):
        export(trace, "jsonl", trace)
    assert os.listdir(trace.parent / "folder") == []


@pytest.mark.provokes("DEPENDENCY_MISSING")
@pytest.mark.parametrize("module", ["pyarrow", "duckdb"])
def test_without_the_extra(
    trace: Path, module: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    commands = [["sql", str(trace), "select 1"]]
    if module == "pyarrow":
        commands.append(["export", str(trace), "--to", "parquet", "-o", str(trace.parent / "out")])
    for command in commands:
        assert main(command) == 10
        told = capfd.readouterr().err
        assert "[ERR_DEPENDENCY_MISSING]" in told
        assert f"the library {module} could not be imported" in told
        assert "pip install 'recorder-core[parquet]'" in told
    assert os.listdir(trace.parent) == ["app.rtrace"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_folder_that_does_not_exist_is_named(trace: Path, format: str) -> None:
    with pytest.raises(errors.OpenFailedError, match="nowhere does not exist") as caught:
        export(trace, format, trace.parent / "nowhere" / "out")
    assert caught.value.path == str(trace.parent / "nowhere")
    assert os.listdir(trace.parent) == ["app.rtrace"]


def test_what_is_no_trace(tmp_path: Path, recorder_says: Run) -> None:
    for name, code in (("none", "ERR_TRACE_NOT_FOUND"), (sys.executable, "ERR_NOT_A_TRACE")):
        done = recorder_says("export", name, "--to", "jsonl", "-o", "out")
        assert (done.codes, done.stdout) == ([code], b"")
    assert os.listdir(tmp_path) == []


# ---- every system call can fail ------------------------------------------------------------------

CALLS = {  # what each failing call has to become
    "open": errno.EACCES, "write": errno.ENOSPC, "pwrite": errno.ENOSPC, "fsync": errno.EIO,
    "close": errno.EIO, "rename": errno.EACCES, "mkdir": errno.EACCES, "unlink": errno.EACCES,
}  # fmt: skip


def snapshot(path: Path) -> dict[str, bytes] | None:
    """What is at a path: the files, by name."""
    if path.is_file():
        return {"": path.read_bytes()}
    if path.is_dir():
        files = [part for part in path.rglob("*") if part.is_file()]
        return {str(part.relative_to(path)): part.read_bytes() for part in files}
    return None


def put_back(path: Path, older: bytes | None) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    if older is not None:
        path.write_bytes(older)


@pytest.mark.parametrize("format", FORMATS)
def test_whatever_fails_nothing_is_left(trace: Path, format: str) -> None:
    """Each system call in turn fails, in every export. What was at the destination is there as it was,
    or, if what failed came after the renaming, the whole export is."""
    out = trace.parent / "out"
    older = None if FORMATS[format].folder else b"an older one"
    export(trace, format, out)
    whole = snapshot(out)
    failures = 0
    for call, code in CALLS.items():
        for nth in range(1, 200):
            put_back(out, older)
            before = snapshot(out)
            syscalls.reset()
            syscalls.inject(call, nth, code)
            try:
                export(trace, format, out)
            except errors.RecorderError as error:
                failures += 1
                assert error.errno == code, (call, nth, error)
                assert error.kind == errors.ErrorKind.ENVIRONMENT
                after = snapshot(out)
                late = call in ("open", "fsync", "close") and after == whole
                assert after == before or late, (call, nth)
            else:
                assert snapshot(out) == whole
            assert set(os.listdir(trace.parent)) <= {"app.rtrace", "out"}, (call, nth)
            if syscalls.calls().get(call, 0) < nth:
                break  # there are no more such calls
    assert failures > 5


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_may_not_grow(trace: Path, format: str) -> None:
    """For real: the limit that the system keeps for the size of files."""
    script = textwrap.dedent(f"""
        import os, resource, signal
        from recorder import errors
        from recorder.export import export
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            export({str(trace)!r}, {format!r}, "out")
        except errors.FileTooLargeError as error:
            os.write(1, error.error_name.encode())
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, cwd=trace.parent, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert done.stdout == b"ERR_FILE_TOO_LARGE", done.stderr
    assert os.listdir(trace.parent) == ["app.rtrace"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100


@pytest.mark.root("mount", "umount")
@pytest.mark.parametrize("format", FORMATS)
def test_a_disk_that_is_full(trace: Path, format: str) -> None:
    disk = trace.parent / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], check=True)
    try:
        with pytest.raises(errors.DiskFullError) as caught:
            export(trace, format, disk / "out")
            export(trace, format, disk / "another")
            pytest.fail("4 kB were enough")
        assert caught.value.errno == errno.ENOSPC
        assert not [name for name in os.listdir(disk) if name.startswith(".")]
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_and_nothing_is_left(trace: Path, number: signal.Signals) -> None:
    script = textwrap.dedent(f"""
        import os, signal, sys
        from recorder import export
        from recorder.cli import main
        def told(done, total):
            os.kill(os.getpid(), {int(number)})
        real = export.export
        export.export = lambda *args, **more: real(*args, **{{**more, "on_progress": told}})
        sys.exit(main(["export", {str(trace)!r}, "--to", "perfetto", "-o", "out"]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, cwd=trace.parent, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == (130 if number == signal.SIGINT else -number)
    assert done.stderr == b""
    assert os.listdir(trace.parent) == ["app.rtrace"]


def test_memory_does_not_grow_with_the_trace(tmp_path: Path, run_recorded: Run) -> None:
    """Twelve times the events, the same memory. (The whole measurement: docs/exporting.md.)"""
    program = "def f(i):\n    return [i, str(i)]\nfor i in range({n}):\n    f(i)\n"
    script = (
        "import resource, sys; from recorder.export import export\n"
        "export(sys.argv[1], 'ctfs-split', 'out')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = {}
    for n in (500, 6_000):
        trace = tmp_path / f"{n}.rtrace"
        run_recorded(program.format(n=n), output=trace)
        done = subprocess.run(
            [sys.executable, "-c", script, trace], env=ENVIRONMENT, cwd=tmp_path, timeout=60,
            capture_output=True, check=True,
        )  # fmt: skip
        peaks[n] = int(done.stdout)
    assert peaks[6_000] < peaks[500] + 16_000  # KiB: a few segments
