"""Diagnostics: the JSON lines, the one line on stderr, the log; and that none of them fails."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from recorder import diagnostics, errors
from recorder.destination import Destination
from recorder.diagnostics import Reporter
from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "recorder/errors/diagnostic.schema.json").read_text(encoding="utf-8"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "_final_line_of", 0)


def make_stderr_a_log() -> None:
    """So that it may be written to, though it is not what it was when a test before this one recorded."""
    fcntl.fcntl(2, fcntl.F_SETFL, fcntl.fcntl(2, fcntl.F_GETFL) | os.O_APPEND)


def lines(path: Path) -> list[dict[str, Any]]:
    """Every line of the file as a diagnostic that fits the schema."""
    parsed = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    for diagnostic in parsed:
        jsonschema.validate(diagnostic, SCHEMA)
    return parsed


def run(program: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from recorder import errors\n" + program]
    return subprocess.run(command, cwd=ROOT, text=True, check=False, timeout=30, **options)


# -------------------------------------------------------------------------------- the JSON object


def test_a_diagnostic_has_what_the_schema_says(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    reporter = Reporter(str(path), run_id="run", trace_id="trace")
    error = errors.DiskFullError(
        path="/a", free_bytes=0, trace_path="/a/t", trace_state="partial", events_lost=2
    )
    error.__cause__ = OSError(errno.ENOSPC, "full")
    reporter.report(error, disposition="disable", events=9, thread=4, stage="seal")
    (diagnostic,) = lines(path)
    when = diagnostic.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when)
    assert diagnostic == {
        "schema": 1,
        "code": "ERR_DISK_FULL",
        "number": 2001,
        "kind": "environment",
        "title": "The disk is full",
        "detail": "no space is left for /a",
        "hint": errors.DiskFullError.hint,
        "doc_url": errors.DiskFullError.doc_url,
        "context": {"free_bytes": 0, "path": "/a"},
        "errno": errno.ENOSPC,
        "errno_name": "ENOSPC",
        "disposition": "disable",
        "exit_code": 10,
        "count": 1,
        "run_id": "run",
        "trace_id": "trace",
        "trace": {"path": "/a/t", "state": "partial", "events": 9, "events_lost": 2},
        "pid": os.getpid(),
        "thread": 4,
        "stage": "seal",
        "causes": [{"type": "OSError", "detail": "[Errno 28] full"}],
        "recorder_version": getattr(sys.modules["recorder"], "__version__", None),
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "platform": f"{sys.platform}-{os.uname().machine}",
    }


@pytest.mark.parametrize(
    "disposition", ["", "panic", "Raise", "raise ", None, 1, b"raise", ["raise"]]
)
def test_what_is_no_disposition(disposition: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError) as told:
        errors.DiskFullError(path="/a").to_dict(disposition=disposition)
    context = told.value.context
    assert context["argument"] == "disposition"
    assert context["expected"] == "degrade, disable, abort, raise"


def test_the_schema_refuses_what_is_no_diagnostic() -> None:
    good = errors.DiskFullError(path="/a").to_dict()
    jsonschema.validate(good, SCHEMA)
    for bad in (
        {**good, "extra": 1},
        {**good, "code": "ERR_MOON"},
        {**good, "context": {"a": [1]}},
        {**good, "disposition": "panic"},
        {key: value for key, value in good.items() if key != "hint"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, SCHEMA)


@pytest.mark.parametrize("text", ["é\n\t\x00\udc80\U0001f600", "x" * 100_000, "\u2028"])
def test_any_text_stays_on_one_ascii_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "errors.jsonl"
    Reporter(str(path)).report(errors.SealerFailedError(reason=text), disposition="disable")
    assert path.read_bytes().count(b"\n") == 1
    (diagnostic,) = lines(path)
    assert diagnostic["context"]["reason"][:5] == text[:5]


def test_what_a_line_needs_is_loaded_before_anything_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no file can be opened any more, there is no module to be had."""
    monkeypatch.setattr(diagnostics, "_loaded", [])
    reporter = Reporter(str(tmp_path / "errors.jsonl"))
    with monkeypatch.context() as gone:
        gone.setitem(sys.modules, "json", None)
        reporter.report(errors.SealerFailedError(reason="full"), disposition="disable")
    assert [one["code"] for one in lines(tmp_path / "errors.jsonl")] == ["ERR_SEALER_FAILED"]


# ------------------------------------------------------------------------------ where it is written


def test_a_path_is_appended_to_and_private(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    for _ in range(2):
        Reporter(str(path)).report(
            errors.TraceBusyError(path="/a", target_pid=9), disposition="raise"
        )
    assert len(lines(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_descriptor_is_kept(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    reporter = Reporter(str(tmp_path / "errors.jsonl"), log_file=str(tmp_path / "log"))
    reporter.check()
    reporter.report(errors.TraceBusyError(path="/a", target_pid=9), disposition="raise")
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_descriptor_is_written_to(tmp_path: Path) -> None:
    read, write = os.pipe()
    reporter = Reporter(f"fd:{write}")
    reporter.check()
    reporter.report(errors.TraceBusyError(path="/a", target_pid=9), disposition="raise")
    os.close(write)
    with open(read, "rb") as pipe:
        jsonschema.validate(json.loads(pipe.read()), SCHEMA)


@pytest.mark.parametrize("text", ["", "fd:", "fd:x", "fd:-1", "fd:0", "fd:1", "fd:²", "a\0b"])
def test_a_bad_destination_is_a_bad_policy_value(text: str) -> None:
    with pytest.raises(errors.InvalidPolicyValueError) as caught:
        Destination(text)
    assert caught.value.context["key"] == "json_errors"
    assert caught.value.context["value"] == repr(text)


@pytest.mark.provokes("DIAGNOSTICS_UNWRITABLE")
@pytest.mark.parametrize("text", ["fd:987", "/nowhere/errors.jsonl", "/"])
def test_an_unwritable_destination_is_found_at_the_start(text: str) -> None:
    with pytest.raises(errors.DiagnosticsUnwritableError) as caught:
        Reporter(text).check()
    assert caught.value.path == text
    assert caught.value.errno in (errno.EBADF, errno.ENOENT, errno.EISDIR)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("text", ["fd:987", "/nowhere/errors.jsonl", "/dev/full"])
def test_an_unwritable_destination_is_counted_later(text: str) -> None:
    reporter = Reporter(text)
    reporter.report(errors.TraceBusyError(path="/a", target_pid=9), disposition="raise")
    assert reporter.unwritten == 1
    assert reporter.counts == {"ERR_TRACE_BUSY": 1}


def test_a_broken_pipe_is_counted_and_no_signal() -> None:
    done = run(
        "import os, signal\n"
        "from recorder.diagnostics import Reporter\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "read, write = os.pipe(); os.close(read)\n"
        "reporter = Reporter(f'fd:{write}')\n"
        "reporter.report(errors.TraceBusyError(path='/a', target_pid=9), disposition='raise')\n"
        "print(reporter.unwritten, signal.pthread_sigmask(signal.SIG_BLOCK, ()))\n",
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 set()\n", "")


def test_a_full_pipe_that_does_not_block_is_counted() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        pass
    reporter = Reporter(f"fd:{write}")
    reporter.report(errors.TraceBusyError(path="/a", target_pid=9), disposition="raise")
    assert reporter.unwritten == 1
    os.close(read)
    os.close(write)


# ----------------------------------------------------------------------------------------- flooding


def test_a_flood_is_cut_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    clock = Clock()
    reporter = Reporter(str(path), clock=clock)
    for _ in range(1000):
        reporter.report(errors.ValueUnreadableError(name="x"), disposition="degrade")
    reporter.report(errors.DiskFullError(path="/a"), disposition="disable")
    assert [(d["code"], d["count"]) for d in lines(path)] == [
        ("ERR_VALUE_UNREADABLE", 1),
        ("ERR_DISK_FULL", 1),
    ]
    clock.now += diagnostics.INTERVAL_S
    reporter.report(errors.ValueUnreadableError(name="y"), disposition="degrade")
    reporter.report(errors.ValueUnreadableError(name="z"), disposition="degrade")
    reporter.close()
    reporter.close()
    told = [(d["context"]["name"], d["count"]) for d in lines(path) if "name" in d["context"]]
    assert told == [("x", 1), ("y", 1000), ("z", 1)]
    assert reporter.counts == {"ERR_VALUE_UNREADABLE": 1002, "ERR_DISK_FULL": 1}


# --------------------------------------------------------------------------- the one line on stderr


def test_the_final_line_is_said_once_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    make_stderr_a_log()
    reporter = Reporter()
    error = errors.TraceBusyError(path="/a\n", target_pid=7)
    assert reporter.final(error, disposition="disable")
    assert not reporter.final(error, disposition="disable")
    assert not Reporter().final(error, disposition="disable")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == (
        r"recorder: [ERR_TRACE_BUSY] /a\n is being written by process 7. "
        "Wait for the program to end, or stop it; the trace is published then.\n"
    )


def test_a_forked_child_has_a_line_of_its_own() -> None:
    done = run(
        "import os\n"
        "from recorder.diagnostics import Reporter\n"
        "reporter = Reporter()\n"
        "error = errors.ForkedError(child_pid=1)\n"
        "reporter.final(error, disposition='disable')\n"
        "if os.fork() == 0:\n"
        "    reporter.final(error, disposition='disable')\n"
        "    os._exit(0)\n"
        "os.wait()\n",
        capture_output=True,
    )
    assert done.stderr.count("recorder: [ERR_FORKED]") == 2


def test_with_json_on_stderr_the_line_is_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    make_stderr_a_log()
    reporter = Reporter("stderr", run_id="r")
    error = errors.DiskFullError(path="/a")
    reporter.report(error, disposition="disable")
    assert capfd.readouterr().err == ""
    assert reporter.final(error, disposition="disable", events=3)
    captured = capfd.readouterr()
    diagnostic = json.loads(captured.err)
    jsonschema.validate(diagnostic, SCHEMA)
    assert (diagnostic["run_id"], diagnostic["trace"]["events"]) == ("r", 3)
    assert captured.out == ""


def test_a_closed_or_replaced_stderr_does_not_matter() -> None:
    program = (
        "import os, sys\n"
        "from recorder.diagnostics import Reporter\n"
        "{}\n"
        "said = Reporter().final(errors.DiskFullError(path='/a'), disposition='disable')\n"
        "print(said)\n"
    )
    closed = run(program.format("os.close(2)"), capture_output=True)
    assert (closed.returncode, closed.stdout) == (0, "False\n")
    none = run(program.format("sys.stderr = None"), capture_output=True)
    assert (none.stdout, none.stderr.count("\n")) == ("True\n", 1)
    broken = run(
        program.format("import io; sys.stderr = io.StringIO(); sys.stderr.close()"),
        capture_output=True,
    )
    assert (broken.stdout, broken.stderr.count("\n")) == ("True\n", 1)
    with open("/dev/full", "w") as device:
        full = run(program.format(""), stdout=subprocess.PIPE, stderr=device)
    assert (full.returncode, full.stdout) == (0, "False\n")


REPLACED = """
import errno, os, sys
import recorder
from recorder import errors
from recorder._core import control

def work(): return 1

session = recorder.start("it.rtrace", on_recorder_error="disable", min_free_space=0)
os.close(2)
own = open(sys.argv[1], sys.argv[2])
assert own.fileno() == 2
page = control.ControlPage(session._staging.file("control"))
page.set_sealer_fault(errors.DiskFullError.number, errno=errno.ENOSPC, detail="/disk")
page.close()
while recorder.is_recording():
    work()
own.write("its own\\n")
"""


@pytest.mark.parametrize(("mode", "lines"), [("w", 0), ("a", 1)])
def test_a_file_of_the_programs_that_took_the_place_of_stderr_is_its_own(
    tmp_path: Path, mode: str, lines: int
) -> None:
    """But for a log, which is written to behind its end."""
    own = tmp_path / "own"
    program = [sys.executable, "-c", REPLACED, str(own), mode]
    done = subprocess.run(program, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    *said, last = own.read_text().splitlines()
    assert last == "its own"
    assert ["ERR_DISK_FULL" in line for line in said] == [True] * lines


def test_the_text_line_survives_any_text() -> None:
    line = diagnostics.text_line(errors.SealerFailedError("\udc80 \x1b[0m\n"))
    assert line.startswith(rb"recorder: [ERR_SEALER_FAILED] \udc80 \x1b[0m\n. ")
    assert line.count(b"\n") == 1


# ------------------------------------------------------------------------------------------ the log


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("recorder")
    before = (logger.level, list(logger.handlers))
    yield logger
    logger.level, logger.handlers[:] = before


def test_records_carry_run_trace_and_code(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = Reporter(log_level="info", run_id="r", trace_id="t")
    reporter.log("info", "started 100%")
    reporter.log("debug", "too quiet")
    reporter.report(errors.DiskFullError(path="/a"), disposition="disable")
    reporter.report(errors.ValueUnreadableError(name="x"), disposition="degrade")
    told = [
        (r.levelname, r.getMessage(), r.code, r.run_id, r.trace_id)  # type: ignore[attr-defined]
        for r in caplog.records
    ]
    assert told == [
        ("INFO", "started 100%", None, "r", "t"),
        ("ERROR", "[ERR_DISK_FULL] no space is left for /a", "ERR_DISK_FULL", "r", "t"),
        (
            "WARNING",
            "[ERR_VALUE_UNREADABLE] the value of x could not be captured",
            "ERR_VALUE_UNREADABLE",
            "r",
            "t",
        ),
    ]


def test_a_log_file_gets_a_line_for_each(logger: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "log"
    logger.propagate = False
    try:
        for _ in range(2):
            reporter = Reporter(log_level="info", log_file=str(path), run_id="r")
        reporter.log("info", "started")
        reporter.report(errors.DiskFullError(path="/a\n\udc80"), disposition="abort")
    finally:
        logger.propagate = True
    text = path.read_text(encoding="utf-8")
    assert re.sub(r"^\S+Z ", "", text, flags=re.MULTILINE) == (
        "INFO started run_id=r\n"
        r"CRITICAL [ERR_DISK_FULL] no space is left for /a\n\udc80 code=ERR_DISK_FULL run_id=r"
        "\n"
    )


@pytest.mark.provokes("DIAGNOSTICS_UNWRITABLE")
def test_an_unwritable_log_file_is_found_at_the_start(logger: logging.Logger) -> None:
    with pytest.raises(errors.DiagnosticsUnwritableError):
        Reporter(log_file="/nowhere/log")


def test_a_bad_log_level_is_a_bad_policy_value(logger: logging.Logger) -> None:
    with pytest.raises(errors.InvalidPolicyValueError) as caught:
        Reporter(log_level="loud")
    assert caught.value.context["key"] == "log_level"


def test_a_handler_of_the_program_that_raises_is_counted(
    logger: logging.Logger, tmp_path: Path
) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ZeroDivisionError

    reporter = Reporter(log_level="info")
    logger.addHandler(Raising())
    reporter.report(errors.DiskFullError(path="/a"), disposition="disable")
    reporter.log("info", "x")
    assert reporter.unwritten == 2


def test_without_a_policy_nothing_is_logged_and_nothing_imported() -> None:
    done = run(
        "import sys\n"
        "from recorder import diagnostics\n"
        "before = set(sys.modules)\n"
        "reporter = diagnostics.Reporter()\n"
        "reporter.report(errors.DiskFullError(path='/a'), disposition='disable')\n"
        "reporter.log('info', 'x')\n"
        "more = {name for name in set(sys.modules) - before if not name.startswith('recorder.')}\n"
        "print(more, {'logging', 'signal', 'typing'} & before)\n",
        capture_output=True,
    )
    assert (done.stdout, done.stderr) == ("set() set()\n", "")


def test_a_logger_without_handlers_is_silent() -> None:
    done = run(
        "from recorder.diagnostics import Reporter\n"
        "Reporter(log_level='debug').log('critical', 'x')\n",
        capture_output=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_stdout_is_never_touched(
    capfd: pytest.CaptureFixture[str], logger: logging.Logger, tmp_path: Path
) -> None:
    reporter = Reporter("stderr", log_level="debug", log_file=str(tmp_path / "log"))
    sys_stdout, sys.stdout = sys.stdout, io.StringIO()
    try:
        reporter.report(errors.DiskFullError(path="/a"), disposition="disable")
        reporter.final(errors.DiskFullError(path="/a"), disposition="disable")
        assert sys.stdout.getvalue() == ""
    finally:
        sys.stdout = sys_stdout
    assert capfd.readouterr().out == ""
