"""Failures brought about by what really causes them: limits, mounts, other tools, other processes, calls
that the system refuses (strace makes it). Each is told once, by its code, with every fact; the program ends
as it does alone; what is on disk says what happened.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder._core import control
from recorder.staging import launch
from tests.conftest import ENVIRONMENT, PACKAGE_HOME, Result, Run, recorder_command
from tests.failures.test_failures import HELLO, Running
from tests.tools.staged import prepare
from tests.tools.tape_tools import disk, leftovers

RAN = b"hello\n"
PYTHON_312 = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is of 3.12")


def refused(result: Result, error: type[errors.RecorderError], *words: str) -> None:
    """Nothing ran and nothing is left; one line and a hint say why."""
    first, *rest = result.stderr.splitlines()
    assert first.startswith(f"recorder: [{error.error_name}] "), result.stderr
    assert rest == [f"hint: {error.hint}"]
    assert all(word in first for word in words), first
    assert (result.status, result.stdout) == (error.exit_code, b"")
    if result.trace.parent.is_dir():
        assert leftovers(result.trace.parent) == []


def told_once(result: Result, error: type[errors.RecorderError], *words: str) -> None:
    """One line on stderr, with what to do."""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"recorder: [{error.error_name}] "), result.stderr
    assert line.endswith(error.hint) and all(word in line for word in words), line


def verdict(path: Path) -> str:
    with recorder.open_trace(path) as trace:
        assert trace.damage == []
        sum(1 for _ in trace.events())
        return str(trace.verdict)


def app_trace(result: Result) -> Path:
    """What a program made that records itself."""
    return result.trace.with_name("app.rtrace")


# ------------------------------------------------------------------------ before the program runs


@pytest.mark.provokes("NAME_TOO_LONG")
def test_a_name_longer_than_the_file_system_has(run_recorded: Run, tmp_path: Path) -> None:
    result = run_recorded(HELLO, output=tmp_path / ("a" * 300), cwd=tmp_path)
    refused(result, errors.NameTooLongError, "aaaa is longer than the file system allows")


@pytest.mark.provokes("OPEN_FAILED")
def test_a_destination_behind_links_that_go_round(run_recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    result = run_recorded(HELLO, output=tmp_path / "loop" / "app.rtrace", cwd=tmp_path)
    refused(result, errors.OpenFailedError, "(ELOOP: Too many levels of symbolic links)")


@pytest.mark.provokes("FILE_TOO_LARGE")
def test_a_limit_on_the_size_of_files(run_recorded: Run) -> None:
    result = run_recorded(HELLO, prefix=("prlimit", "--fsize=4096"))
    refused(result, errors.FileTooLargeError, "/segment-0 would become larger than")


@pytest.mark.provokes("TOO_MANY_FILES")
def test_a_limit_on_open_files(run_recorded: Run) -> None:
    """As few as Python itself needs: the sealer cannot begin, and says so."""
    result = run_recorded(HELLO, prefix=("prlimit", "--nofile=5"))
    refused(result, errors.TooManyFilesError, "no further file can be opened: ")


@pytest.mark.provokes("OUT_OF_MEMORY")
def test_a_limit_on_memory(run_recorded: Run, run_plain: Run) -> None:
    """With room for Python and none for the tape, of 17 MB."""
    result = run_recorded(HELLO, prefix=("prlimit", "--as=30000000"))
    if result.stderr:
        refused(result, errors.OutOfMemoryError, "memory ran out in ")
    script = "import resource, recorder; resource.setrlimit(resource.RLIMIT_AS, (2**25, 2**25))\n"
    script += "try: recorder.start('a.rtrace')\n"
    script += "except MemoryError as error: print(type(error).__name__)\n"
    result = run_plain(script)
    assert result.stdout == b"OutOfMemoryError\n"


@pytest.mark.root("setpriv", "prlimit")
@pytest.mark.provokes("SEALER_START_FAILED")
def test_a_limit_on_processes(run_recorded: Run, tmp_path: Path) -> None:
    rights = "+dac_override,+dac_read_search"
    limited = ("setpriv", "--reuid=65534", f"--inh-caps={rights}", f"--ambient-caps={rights}")
    result = run_recorded(HELLO, prefix=(*limited, "prlimit", "--nproc=0"))
    refused(result, errors.SealerStartFailedError, sys.executable, "(EAGAIN: ")


@pytest.mark.provokes("SEALER_FAILED")
def test_a_sealer_that_meets_what_nobody_foresaw(tmp_path: Path) -> None:
    staged = prepare(tmp_path / "app.rtrace")
    path = Path(staged.file("session.json"))
    path.write_text(path.read_text().replace('"max_bytes"', '"most_bytes"'))
    with pytest.raises(errors.SealerFailedError) as caught:
        launch.launch_sealer(staged)
    assert caught.value.message == "the sealer failed: KeyError: 'max_bytes'"


@pytest.mark.leaves_staging
@pytest.mark.provokes("SEALER_START_FAILED")
def test_a_sealer_that_gets_no_thread(tmp_path: Path, run_plain: Run) -> None:
    staged = prepare(tmp_path / "app.rtrace")
    script = f"""
import _thread
from recorder import errors, sealer
def refuse(*_):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
try: sealer.main({staged.path!r})
except errors.SealerStartFailedError as error: print(error.message)
"""
    result = run_plain(script)
    assert result.stdout == b"the sealer could not be started: can't start new thread\n"
    page = control.ControlPage(staged.file("control"))
    assert page.sealer_fault["status"] == errors.SealerStartFailedError.number
    page.close()


@pytest.mark.provokes("STAGING_EXISTS")
def test_a_staging_folder_of_exactly_this_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name holds four random bytes: only a source of chance that has none left brings this about."""
    monkeypatch.setattr(os, "urandom", bytes)
    folder = tmp_path / f".app.rtrace.partial-{os.getpid()}-00000000"
    folder.mkdir()
    (folder / "theirs").touch()  # an empty one is what is left of a start that was killed, and goes
    with pytest.raises(FileExistsError) as caught:
        recorder.start(tmp_path / "app.rtrace")
    assert type(caught.value) is errors.StagingExistsError
    assert caught.value.message == f"the staging folder {folder} already exists"
    (folder / "theirs").unlink()
    folder.rmdir()


@pytest.mark.provokes("UNSUPPORTED_PYTHON")
def test_a_recorder_that_was_built_for_another_python(tmp_path: Path, run_plain: Run) -> None:
    """The package without its compiled core, as another version of Python would find it."""
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(Path(PACKAGE_HOME, "recorder"), tmp_path / "recorder", ignore=ignore)
    script = "try: from recorder import start\nexcept ImportError as e: print(e, e.exit_code)\n"
    result = run_plain(script, env={"PYTHONPATH": str(tmp_path)})
    version = ".".join(map(str, sys.version_info[:3]))
    said = f"[ERR_UNSUPPORTED_PYTHON] cpython {version} cannot be recorded by this build 2\n"
    assert result.stdout.decode() == said
    command = [sys.executable, "-m", "recorder", "run", "program.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "[ERR_UNSUPPORTED_PYTHON]" in done.stderr and "Traceback" not in done.stderr


# A build without the GIL is known by this letter; the core itself cannot be had for one.
FREE_THREADED = "import sys; sys.abiflags += 't'\n"
LOADED = "print([name for name in sys.modules if name.startswith('recorder._core.')])\n"


@pytest.mark.provokes("FREE_THREADED_PYTHON")
@pytest.mark.parametrize("use", ["recorder.start", "recorder.open_trace", "recorder.record"])
def test_a_free_threaded_python_is_refused_before_the_core_is_loaded(
    run_plain: Run, use: str
) -> None:
    script = f"""{FREE_THREADED}
import recorder
try: {use}("a.rtrace")
except ImportError as e: print(e, e.exit_code)
{LOADED}"""
    result = run_plain(script)
    version = sys.version.split()[0]
    said = f"Python {version} runs without the GIL, or is built to, and cannot be recorded 2\n[]\n"
    assert (result.stdout.decode(), result.stderr) == (f"[ERR_FREE_THREADED_PYTHON] {said}", "")


@pytest.mark.provokes("FREE_THREADED_PYTHON")
@pytest.mark.parametrize("command", ["run -c pass", "info a.rtrace", "print a.rtrace", "recover ."])
def test_a_command_says_that_a_free_threaded_python_is_refused(
    run_plain: Run, command: str
) -> None:
    script = (
        f"{FREE_THREADED}from recorder.cli import main\nstatus = main({command.split()})\n{LOADED}"
    )
    result = run_plain(script + "sys.exit(status)\n")
    assert (result.status, result.stdout) == (2, b"[]\n")
    assert "[ERR_FREE_THREADED_PYTHON]" in result.stderr and "Traceback" not in result.stderr


def test_what_needs_no_core_works_on_a_free_threaded_python(run_plain: Run) -> None:
    script = f"{FREE_THREADED}from recorder.cli import main\nsys.exit(main(['errors', '1018']))\n"
    result = run_plain(script)
    assert result.status == 0 and "ERR_FREE_THREADED_PYTHON" in result.stdout.decode()


@pytest.mark.provokes("FREE_THREADED_PYTHON")
@pytest.mark.parametrize("flags", [["-X", "gil=0"], ["-Xgil=0"], ["-BXgil=0"]])
def test_the_gil_cannot_be_switched_off_for_a_recording(
    recorder_says: Run, flags: list[str]
) -> None:
    result = recorder_says("run", *flags, "-c", "pass")
    assert (result.status, result.stdout) == (2, b"")
    assert "[ERR_FREE_THREADED_PYTHON]" in result.stderr


@pytest.mark.provokes("DEPENDENCY_MISSING")
def test_a_library_that_is_not_installed(tmp_path: Path, run_plain: Run) -> None:
    for name in ("zstandard", "_zstd", "compression"):  # the latter two are the standard library's
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('broken', name='{name}')\n")
    with recorder.record(tmp_path / "good.rtrace"):
        pass
    script = "from recorder.cli import main\nraise SystemExit(main(['info', 'good.rtrace']))\n"
    result = run_plain(script, env={"PYTHONPATH": f"{tmp_path}:{PACKAGE_HOME}"})
    assert result.status == errors.DependencyMissingError.exit_code
    assert "the library zstandard could not be imported" in result.stderr


SUBINTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
try:
    import recorder
    recorder.start("sub.rtrace")
except RuntimeError as error:
    print(error, flush=True)
'''
made = interpreters.create()
getattr(interpreters, "exec", None) and interpreters.exec(made, code) or (
    hasattr(interpreters, "exec") or interpreters.run_string(made, code))
"""


@pytest.mark.provokes("SUBINTERPRETER")
def test_a_subinterpreter(run_plain: Run) -> None:
    result = run_plain(SUBINTERPRETER)
    said = "recording was asked for in interpreter 1, which is not the main one"
    assert result.stdout.decode() == f"[ERR_SUBINTERPRETER] {said}\n", result.stderr
    assert not result.trace.parent.joinpath("sub.rtrace").exists()


# --------------------------------------------------------------------------- other tools in the way


@PYTHON_312
@pytest.mark.provokes("TOOL_IDS_TAKEN")
def test_every_tool_id_is_taken(tmp_path: Path) -> None:
    monitoring = sys.monitoring
    mine = [tool for tool in range(6) if monitoring.get_tool(tool) is None]
    for tool in mine:
        monitoring.use_tool_id(tool, f"tool {tool}")
    try:
        with pytest.raises(errors.ToolIdsTakenError) as caught:
            recorder.start(tmp_path / "app.rtrace")
    finally:
        for tool in mine:
            monitoring.free_tool_id(tool)
    assert "in use: " in caught.value.message and "tool 3, tool 4" in caught.value.message
    recorder.start(tmp_path / "app.rtrace").stop()


FREE = """\
(ours,) = [tool for tool in range(6) if sys.monitoring.get_tool(tool) == "recorder"]
sys.monitoring.free_tool_id(ours)"""


@PYTHON_312
@pytest.mark.provokes("HOOK_STOLEN")
@pytest.mark.parametrize(
    "more", ["", "def f(): pass\nf()"], ids=["seen at the end", "seen at once"]
)
def test_a_tool_id_that_is_taken_away(run_recorded: Run, more: str) -> None:
    script = f"import sys\n{FREE}\n{more}\nprint('hello')\n"
    result = run_recorded(script)
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.HookStolenError)
    assert verdict(result.trace) == "partial(HOOK_STOLEN)"


AUDITED = """
import sys, recorder
def audit(event, arguments):
    if event in ("sys.monitoring.register_callback", "sys.settrace"):
        raise LookupError("not here")
sys.addaudithook(audit)
try:
    recorder.start("a.rtrace")
except RuntimeError as error:
    print(error)
print(recorder.is_recording())
"""


@PYTHON_312  # before, the hook is set without an audit event
@pytest.mark.provokes("CALLBACK_FAILED")
def test_an_audit_hook_that_forbids_it(run_plain: Run) -> None:
    result = run_plain(AUDITED)
    said = "[ERR_CALLBACK_FAILED] LookupError came out of a recorder callback\n"
    assert result.stdout.decode() == f"{said}False\n", result.stderr
    assert os.listdir(result.trace.parent) == ["program.py"]


@pytest.mark.provokes("MAP_FAILED")
def test_a_file_system_without_mappings(run_recorded: Run) -> None:
    """What one says that has none. It is the system call that fails: no such file system lets itself be mounted."""
    result = run_recorded(HELLO, env={"RECORDER_TEST_FAULTS": "target:mmap:1:ENODEV"})
    said = "/control could not be mapped into memory (ENODEV: No such device)"
    refused(result, errors.MapFailedError, said)


# ------------------------------------------------------------------------------- while the program runs


THEIRS = """
real = sys.monitoring.set_local_events
def replaced(tool, code, events):
    if code.co_name == "late": raise LookupError("not here")
    return real(tool, code, events)
sys.monitoring.set_local_events = replaced
"""
REPLACED = """
import sys, recorder
exec(compile(THEIRS, "/theirs.py", "exec"))
def late(): return 1
session = recorder.start("app.rtrace", exclude=["/theirs.py"], min_free_space=0)
print(late(), recorder.is_recording())
summary = session.stop()
print(summary.state, summary.error)
"""


@PYTHON_312
@pytest.mark.provokes("CALLBACK_FAILED")
def test_what_the_program_put_in_place_of_a_function_of_pythons(run_plain: Run) -> None:
    """It raises inside of a hook, long after the start: the program does not notice."""
    result = run_plain(REPLACED.replace("THEIRS", repr(THEIRS)))
    said = "[ERR_CALLBACK_FAILED] LookupError came out of a recorder callback"
    assert result.stdout.decode() == f"1 False\npartial {said}\n"
    told_once(result, errors.CallbackFailedError)
    assert verdict(app_trace(result)) == "partial(CALLBACK_FAILED)"


HOLLOW = """
import ctypes, recorder
def f():
    error = LookupError("x")
    args = ctypes.py_object.from_address(id(error) + object.__basicsize__ + 8)  # behind __dict__
    kept = error.args
    args.value = ["no", "tuple"]
    spoiled = True
    args.value = kept
    mended = True
with recorder.record("app.rtrace", min_free_space=0) as session:
    f()
"""


@pytest.mark.provokes("VALUE_UNREADABLE")
def test_an_exception_that_an_extension_module_has_spoiled(run_plain: Run) -> None:
    """A mark stands where its arguments should be; everything else is recorded."""
    result = run_plain(HOLLOW)
    assert (result.stdout, result.stderr) == (b"", "")
    with recorder.open_trace(app_trace(result)) as trace:
        assert (str(trace.verdict), trace.closing["counters"]) == (
            "complete",
            {"VALUE_UNREADABLE": 1},
        )
        seen = [str(step.locals["error"]) for step in trace.steps() if "error" in step.locals]
    whole, spoiled = "LookupError('x')", "LookupError<unreadable: ERR_VALUE_UNREADABLE>"
    assert seen == [whole, whole, whole, spoiled, spoiled, whole]


@pytest.mark.provokes("LIMIT_REACHED")
@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--max-events", "5000"), "max_events was reached: 5000 events"),
        (("--max-duration", "50ms"), "max_duration was reached: 50 ms"),
        (("--max-bytes", "1kB"), "max_bytes was reached: 1000 bytes"),
    ],
)
def test_a_limit_of_the_policy(run_recorded: Run, option: tuple[str, ...], said: str) -> None:
    script = "import os\ndef f(n): return os.urandom(100)\n"
    script += "import time\nend, turns = time.monotonic() + 0.5, 0\n"
    script += "while time.monotonic() < end or turns < 40:\n    turns += 1\n"  # more than the ring
    script += "    for n in range(5000): f(n)\nprint('hello')\n"
    result = run_recorded(script, *option)
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.LimitReachedError, f"the limit {said}. ")
    assert verdict(result.trace) == "partial(LIMIT_REACHED)"


@pytest.mark.provokes("NAMESPACE_UNREADABLE")
def test_a_class_body_whose_namespace_is_no_dict(run_recorded: Run, recorder_says: Run) -> None:
    script = """
from collections import UserDict
class Meta(type):
    __prepare__ = classmethod(lambda *arguments: UserDict())
    def __new__(meta, name, bases, namespace): return type(name, bases, dict(namespace))
class Odd(metaclass=Meta):
    x = 1
print("hello")
"""
    result = run_recorded(script)
    assert (result.status, result.stdout, result.stderr) == (0, RAN, "")
    assert verdict(result.trace) == "complete"
    with recorder.open_trace(result.trace) as trace:
        assert trace.closing["counters"] == {"NAMESPACE_UNREADABLE": 1}
        marked = [event for event in trace.events() if any(event._marks)]
        assert [event.function.name for event in marked] == ["Odd"]
    assert "NAMESPACE_UNREADABLE 1" in recorder_says("info", result.trace).stdout.decode()


# More variables than the names of all of them could be written down for in one record.
WIDE = """
def wide({arguments}):
    {names}
    yield_or_return = 1
    {end}

def work(n):
    return n + 1
"""


def wide_program(end: str, calls: str, locals_count: int = 6000) -> str:
    names = "\n    ".join(f"v{i} = {i}" for i in range(locals_count))
    arguments = "first, *rest, second=2, **more"
    return WIDE.format(arguments=arguments, names=names, end=end) + calls + "\nprint('hello')\n"


@pytest.mark.provokes("FRAME_UNREADABLE")
@pytest.mark.parametrize("option", ["disable", "abort"])
def test_a_function_with_too_many_variables(
    run_recorded: Run, recorder_says: Run, option: str
) -> None:
    """Its calls, lines and values returned are recorded, not its variables; recording goes on."""
    script = wide_program("return v5999 + first", "assert wide(1) == wide(1, 5) == 6000\nwork(2)")
    result = run_recorded(script, "--on-recorder-error", option)
    assert (result.status, result.stdout, result.stderr) == (0, RAN, "")
    assert verdict(result.trace) == "complete"
    with recorder.open_trace(result.trace) as trace:
        assert trace.closing["counters"] == {"FRAME_UNREADABLE": 2}
        marked = [event for event in trace.events() if any(event._marks)]
        assert [(event.kind, event.function.name) for event in marked] == [("call", "wide")] * 2
        steps = [step for step in trace.steps() if step.function.name == "wide"]
        assert len(steps) == 2 * 6002
        assert all(dict(step.locals) == {} for step in steps)
        returned = [e.value.to_python() for e in trace.events() if e.kind == "return"]
        assert returned[:3] == [6000, 6000, 3]
        (step,) = [step for step in trace.steps() if step.function.name == "work"]
        assert step.locals["n"].to_python() == 2
    assert "FRAME_UNREADABLE 2" in recorder_says("info", result.trace).stdout.decode()


def test_a_generator_with_too_many_variables(run_recorded: Run) -> None:
    script = wide_program("yield v0; yield v1; work(v2)", "assert list(wide(1)) == [0, 1]")
    result = run_recorded(script)
    assert (result.status, result.stdout, result.stderr) == (0, RAN, "")
    assert verdict(result.trace) == "complete"
    with recorder.open_trace(result.trace) as trace:
        assert trace.closing["counters"] == {"FRAME_UNREADABLE": 1}
        values = [e.value.to_python() for e in trace.events() if e.kind == "yield"]
        assert values == [0, 1]
        (step,) = [step for step in trace.steps() if step.function.name == "work"]
        assert step.locals["n"].to_python() == 2


def test_a_wide_function_that_runs_when_recording_starts(tmp_path: Path) -> None:
    """Its frame is met in the middle of its life; the one that called it is as ever."""
    program = f"import recorder\n{wide_program('session = recorder.start(first)', '', 5500)}"
    program += "    work(2)\n    session.stop()\n"
    program = program.replace("\nprint('hello')\n", "")
    at = program.index("    session = recorder")
    body = "    session = recorder.start(first)\n    work(2)\n    session.stop()\n\n"
    rest = "\ndef work(n):\n    return n + 1\n\nwide('app.rtrace')\n"
    (tmp_path / "program.py").write_text(program[:at] + body + rest)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert trace.verdict == "complete"
        assert trace.closing["counters"] == {"FRAME_UNREADABLE": 1}
        (step,) = [step for step in trace.steps() if step.function.name == "work"]
        assert step.locals["n"].to_python() == 2


@pytest.mark.parametrize("count", [4990, 5001])
def test_where_too_many_variables_begin(run_recorded: Run, count: int) -> None:
    script = f"def f():\n    {'; '.join(f'v{i} = {i}' for i in range(count))}\n    return 1\nf()\n"
    script += "print('hello')\n"
    result = run_recorded(script)
    assert (result.status, result.stdout, result.stderr) == (0, RAN, "")
    with recorder.open_trace(result.trace) as trace:
        last = [step for step in trace.steps() if step.function.name == "f"][-1]
        assert len(last.locals) == (count if count <= 5000 else 0)
        assert trace.closing["counters"] == ({} if count <= 5000 else {"FRAME_UNREADABLE": 1})


# What a program that watches code objects itself does, eight times.
WATCHERS = """
import ctypes
import recorder

callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.py_object)(lambda event, code: 0)
taken = []
while True:
    try:
        taken.append(ctypes.pythonapi.PyCode_AddWatcher(callback))
    except RuntimeError:
        break
try:
    recorder.start("app.rtrace")
except recorder.errors.TracerInstallConflictError as error:
    print(len(taken), error)
for watcher in taken:
    ctypes.pythonapi.PyCode_ClearWatcher(watcher)
with recorder.record("app.rtrace"):
    pass
print(recorder.is_recording())
"""


@PYTHON_312
@pytest.mark.provokes("TRACER_INSTALL_CONFLICT")
def test_all_that_can_watch_code_objects_are_taken(tmp_path: Path) -> None:
    """The start fails and leaves nothing; when one is free again, the next start works."""
    (tmp_path / "program.py").write_text(WATCHERS)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = "the tracer cannot be installed beside as many tools as can watch code objects"
    assert done.stdout.splitlines() == [f"8 [ERR_TRACER_INSTALL_CONFLICT] {said}", "False"]
    assert leftovers(tmp_path) == []
    assert verdict(tmp_path / "app.rtrace") == "complete"


# What the system refuses → what is said, what the trace is.
REFUSED = {
    "fsync:error=EIO": ("FSYNC_FAILED", "partial(FSYNC_FAILED)"),
    "pwrite64:error=EIO:when=2+": ("WRITE_FAILED", None),
    "pwrite64:error=EDQUOT:when=2+": ("QUOTA_EXCEEDED", None),
    "pwrite64:retval=0:when=2+": ("SHORT_WRITE", None),
    "rename:error=EIO": ("RENAME_FAILED", None),
    "unlink:error=EIO": ("REMOVE_FAILED", "complete"),
}


def strace(fault: str) -> tuple[str, ...]:
    call = fault.partition(":")[0]
    quiet = ("strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull)
    return (*quiet, "-e", f"trace={call}", "-e", f"inject={fault}")


@pytest.mark.root("strace")
@pytest.mark.leaves_staging
@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=pytest.mark.provokes(code)) for fault, (code, _) in REFUSED.items()],
)
def test_a_call_of_the_sealer_that_is_refused(
    run_recorded: Run, tmp_path: Path, fault: str
) -> None:
    code, state = REFUSED[fault]
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}  # Python renames its own files
    prefix = strace(fault)
    if fault.startswith("rename"):  # the program's own side renames as well, when it prepares
        prefix, environment = (
            (),
            {**environment, "RECORDER_TEST_FAULTS": "sealer:rename:1:EIO:forever"},
        )
    result = run_recorded(HELLO, prefix=prefix, env=environment)
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.class_for(errors.ErrorCode[code]), str(tmp_path))
    if state is not None:
        assert verdict(result.trace) == state
        return
    assert not result.trace.exists()
    (left,) = leftovers(tmp_path)
    done = subprocess.run(
        recorder_command("recover", tmp_path / left), env=ENVIRONMENT, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert verdict(result.trace) in ("complete", f"partial({code})")


@pytest.mark.root("strace")
@pytest.mark.provokes("RESERVE_FAILED")
def test_space_that_cannot_be_reserved(run_recorded: Run) -> None:
    result = run_recorded(HELLO, prefix=strace("fallocate:error=EIO:when=2"))
    refused(result, errors.ReserveFailedError, "4194304 bytes could not be reserved for ", "(EIO: ")


@pytest.mark.provokes("DIAGNOSTICS_UNWRITABLE")
@pytest.mark.parametrize("where", ["fd:987", "/nowhere/errors.jsonl"])
def test_diagnostics_that_nobody_can_write(run_recorded: Run, where: str) -> None:
    refused(run_recorded(HELLO, f"--json-errors={where}"), errors.DiagnosticsUnwritableError, where)


@pytest.fixture
def running(tmp_path: Path) -> Any:
    made: list[Running] = []

    def start(program: str, *options: str) -> Running:
        made.append(Running(tmp_path, program, 0, *options))
        return made[-1]

    yield start
    for run in made:
        run.close()


WAITING = "print('ready', flush=True)\ninput()\nprint('hello')\n"


@pytest.mark.root("mount")
@pytest.mark.leaves_staging
@pytest.mark.provokes("RENAME_FAILED")
def test_a_destination_that_became_a_mount(running: Any, tmp_path: Path) -> None:
    (tmp_path / "app.rtrace").write_text("older")
    run = running(WAITING)
    subprocess.run(["mount", "--bind", run.trace, run.trace], check=True)
    try:
        result = run.end()
    finally:
        subprocess.run(["umount", run.trace], check=True)
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.RenameFailedError, f"{run.trace} (Device or resource busy)")
    assert run.trace.read_text() == "older"
    done = subprocess.run(
        recorder_command("recover", run.staging, "-o", run.trace),
        env=ENVIRONMENT,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert verdict(run.trace) in ("complete", "partial(RENAME_FAILED)")


@pytest.mark.leaves_staging
@pytest.mark.provokes("REMOVE_FAILED")
def test_a_file_of_others_in_the_staging_folder(running: Any) -> None:
    run = running(WAITING)
    (run.staging / "theirs").touch()
    result = run.end()
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.RemoveFailedError, f"{run.staging} (Directory not empty)")
    assert verdict(run.trace) == "complete"
    assert os.listdir(run.staging) == ["theirs"]


@pytest.mark.leaves_staging
def test_a_second_failure_is_told_of_beside_the_first(running: Any, tmp_path: Path) -> None:
    """The first one decides and has the line on stderr; what happens after it is among the diagnostics."""
    run = running(WAITING, "--max-events=3", f"--json-errors={tmp_path / 'told'}")
    (run.staging / "theirs").touch()
    result = run.end()
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.LimitReachedError, "max_events")
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [(one["code"], one["disposition"], one["trace"]["state"]) for one in told] == [
        ("ERR_LIMIT_REACHED", "disable", None),
        ("ERR_REMOVE_FAILED", "degrade", "partial"),
        ("ERR_LIMIT_REACHED", "disable", "partial"),  # once more, with what has become of the trace
    ]
    assert verdict(run.trace) == "partial(LIMIT_REACHED)"


@pytest.mark.leaves_staging
def test_a_second_failure_is_a_note_of_the_first(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace", max_events=3)
    (left,) = leftovers(tmp_path)
    (tmp_path / left / "theirs").touch()
    exec(compile("a = 1\n" * 5, "/followed.py", "exec"), {})
    summary = session.stop()
    assert isinstance(summary.error, errors.LimitReachedError)
    assert "ERR_REMOVE_FAILED" in summary.error.__notes__[0]
    assert session.stats()["failures"] == {"ERR_LIMIT_REACHED": 1, "ERR_REMOVE_FAILED": 1}


@pytest.mark.provokes("STAGING_LOST")
def test_a_staging_folder_that_is_removed(running: Any, tmp_path: Path) -> None:
    run = running(WAITING)
    shutil.rmtree(run.staging)
    result = run.end()
    assert (result.status, result.stdout) == (0, RAN)
    told_once(result, errors.StagingLostError, str(run.staging))
    assert not run.trace.exists()


@pytest.mark.leaves_staging
@pytest.mark.provokes("SEALER_DIED")
def test_a_required_trace_that_was_not_made(running: Any, tmp_path: Path) -> None:
    """The one line on stderr names what has failed; that it matters is said by the exit status."""
    run = running(WAITING, "--require-trace", "--no-keep-partial-trace")
    run.kill_sealer()
    result = run.end()
    assert (result.status, result.stdout) == (errors.TraceMissingError.exit_code, RAN)
    told_once(result, errors.SealerDiedError, str(run.sealer))
    assert not run.trace.exists()


@pytest.mark.leaves_staging
@pytest.mark.provokes("TRACE_MISSING")
def test_a_required_trace_that_a_call_could_not_make(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace", require_trace=True, keep_partial_trace=False)
    (left,) = leftovers(tmp_path)
    page = control.ControlPage(str(tmp_path / left / "control"))
    os.kill(page.sealer_pid, signal.SIGKILL)
    page.close()
    with pytest.raises(errors.TraceMissingError) as caught:
        session.stop()
    assert caught.value.path == str(tmp_path / "app.rtrace")
    assert isinstance(caught.value.__cause__, errors.SealerDiedError)


@pytest.mark.root("mount")
@pytest.mark.provokes("TRACE_INCOMPLETE")
def test_a_required_trace_that_is_partial(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "64m") as folder:
        session = recorder.start(folder / "app.rtrace", require_trace=True, min_free_space=0)
        for _ in range(90_000):
            noise = os.urandom(1000)  # noqa: F841
        with pytest.raises(errors.TraceIncompleteError) as caught:
            session.stop()
        assert "app.rtrace is partial" in caught.value.message
        assert isinstance(caught.value.__cause__, errors.DiskFullError)


@pytest.mark.provokes("STACK_EXHAUSTED")
def test_a_start_at_the_end_of_the_stack(run_plain: Run) -> None:
    """Wherever the stack ends, a start is whole or nothing, and a RecursionError says so."""
    script = """
import os, sys
import recorder
recorder.start("app.rtrace").stop()  # everything is loaded
def at(depth, call):
    return at(depth - 1, call) if depth else call()
outcomes = []
for room in range(0, 120, 3):
    try:
        session = at(sys.getrecursionlimit() - room, lambda: recorder.start("app.rtrace"))
        session.stop()
        outcomes.append("started")
    except RecursionError as error:
        outcomes.append(getattr(error, "error_name", "Python's"))
    assert not recorder.is_recording()
    assert sorted(os.listdir()) == ["app.rtrace", "program.py"]
print(*dict.fromkeys(outcomes))
"""
    result = run_plain(script, timeout=110)  # dozens of recordings, one after the other
    assert result.stderr == ""
    assert result.stdout == b"Python's ERR_STACK_EXHAUSTED started\n"


@pytest.mark.provokes("STACK_EXHAUSTED")
def test_a_trace_is_opened_at_the_end_of_the_stack(run_plain: Run) -> None:
    """It is opened whole, or a RecursionError says why not: never is a good trace called damaged. And it is opened only
    where there are sixty frames more, so that whoever has it can go on."""
    script = """
import gc, os, sys
import recorder
recorder.start("app.rtrace").stop()
recorder.open_trace("app.rtrace").close()  # everything is loaded
def at(depth, call):
    return at(depth - 1, call) if depth else call()
outcomes = []
held = len(os.listdir("/proc/self/fd"))
for room in range(120):
    try:
        at(sys.getrecursionlimit() - room, lambda: recorder.open_trace("app.rtrace")).close()
        outcomes.append("opened")
    except Exception as error:
        outcomes.append(getattr(error, "error_name", type(error).__name__))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == held, room
print(*dict.fromkeys(outcomes), outcomes.index("opened") > 60)
"""
    result = run_plain(script, timeout=110)
    assert result.stderr == ""
    assert result.stdout == b"RecursionError ERR_STACK_EXHAUSTED opened True\n"


# ------------------------------------------------------------------------------------------- reading


@pytest.mark.provokes("READ_FAILED")
def test_a_trace_that_cannot_be_read(recorder_says: Run) -> None:
    result = recorder_says("info", "/proc/self/mem")
    refused(result, errors.ReadFailedError, "/proc/self/mem could not be read (EIO: ")


@pytest.mark.provokes(
    "TRACE_NOT_FOUND", "NOT_A_TRACE", "TRACE_TRUNCATED", "TRACE_VERSION_UNSUPPORTED"
)
@pytest.mark.parametrize("command", ["info", "verify", "print", "recover"])
def test_what_is_no_whole_trace(recorder_says: Run, tmp_path: Path, command: str) -> None:
    good = tmp_path / "good.rtrace"
    with recorder.record(good):
        pass
    data = good.read_bytes()
    cases = {
        "text": (b"# a text\n" * 50, errors.NotATraceError),
        "begun": (data[:30], errors.TraceTruncatedError),
        "newer": (data[:8] + b"\x09" + data[9:], errors.TraceVersionUnsupportedError),
    }
    refused(recorder_says(command, tmp_path / "none"), errors.TraceNotFoundError)
    for name, (content, error) in cases.items():
        (tmp_path / name).write_bytes(content)
        result = recorder_says(command, tmp_path / name)
        if result.codes:
            assert (result.status == error.exit_code and command == "recover") or result.codes == [
                error.error_name
            ], (name, result.stderr)
