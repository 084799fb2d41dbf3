"""The house rules, checked after every test: what the recorder must never do, it did not do here.

Fixtures for everyone: `run_recorded` and `run_plain` run a program in a process of its own.
"""

from __future__ import annotations

import compileall
import contextlib
import fnmatch
import gc
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import recorder
from recorder import diagnostics, errors
from recorder.errors import text
from recorder.trace import reader
from tests.tools import turns, two_readers, warm_sealer
from tests.tools.oracle_process import Oracle
from tests.tools.warm import Warm

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_HOME = str(Path(recorder.__file__).resolve().parent.parent)
# The tests read what is said, wherever they run.
for name in ("FORCE_COLOR", "RECORDER_STRICT", "RECORDER_BUILD"):
    os.environ.pop(name, None)
# What a process needs to find the recorder from any folder. Programs get it recorded and plain alike.
ENVIRONMENT = {**os.environ, "PYTHONPATH": PACKAGE_HOME}
INTERNAL = [row.name for row in errors.ErrorCode if row // 1000 == errors.ErrorKind.INTERNAL]


def pytest_configure() -> None:
    import ctypes  # noqa: F401  some libffi keeps a descriptor, as multiprocessing does its helper
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # kept for the life of a process, and there before the first test
    # Thousands of programs import the recorder: not one of them has to compile it, even if none may write bytecode.
    compileall.compile_dir(Path(recorder.__file__).parent, quiet=2)
    let_programs_have_every_signal()


def let_programs_have_every_signal() -> None:
    """A shell has SIGINT and SIGQUIT ignored in what it starts in the background, and `nohup` SIGHUP, and a program
    inherits that. What has a handler instead is at its default in the programs that we start, and still ends no test.
    """
    of_pythons_own = {
        signal.SIGPIPE,
        signal.SIGXFSZ,
    }  # ignored in every Python, and not in what it starts
    for number in signal.valid_signals() - of_pythons_own:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


# ------------------------------------------------------------------------------------- the rules


def staging_folders(folder: Path) -> Iterator[Path]:
    """Below a folder, while sealers may be removing them."""
    for path, names, _ in os.walk(folder):  # passes over what is gone
        yield from (Path(path, name) for name in names if fnmatch.fnmatch(name, ".*.partial-*"))


class Rules:
    """What was there before the test, to be compared with what is there after it."""

    def __init__(self, provoked: set[str], folder: Path | None) -> None:
        self.provoked = provoked  # codes that the test brings about on purpose
        self.folder = folder
        self.internal: list[str] = []  # internal errors that somebody was only told of
        self.unraisable: list[str] = []
        self.unfilled: list[str] = []  # messages that lack a fact
        self.before = resources()

    def see(self, name: str) -> None:
        """An internal error was reported."""
        name = name.removeprefix("ERR_")
        if name in INTERNAL and name not in self.provoked:
            self.internal.append(name)

    def read(self, line: str) -> None:
        """A failure was told in these words."""
        if lacks_a_fact(line):
            self.unfilled.append(line)

    def broken(self) -> Iterator[str]:
        """A sentence for each rule that does not hold."""
        for name in self.internal:
            yield f"an internal error was swallowed: {name}"
        for line in self.unfilled:
            yield f"a message has a `?` for a fact: {line}"
        for line in self.unraisable:
            yield f"sys.unraisablehook was called: {line}"
        for name, leaked in self.leaks().items():
            more = f" and {len(leaked) - 3} more" if len(leaked) > 3 else ""
            yield f"{name} left: {', '.join(map(str, leaked[:3]))}{more}"
        if recorder.is_recording():
            recorder.reset()
            yield "the process is still being recorded"

    def leaks(self) -> dict[str, list[object]]:
        """What there is now and was not before. What takes a moment to end is given one."""
        deadline = time.monotonic() + 2.0
        while found := self._leaks():
            if time.monotonic() > deadline:
                break
            gc.collect()
            time.sleep(0.01)
        return found

    def _leaks(self) -> dict[str, list[object]]:
        now = resources()
        if self.folder is not None:
            now["staging folder"] = set(staging_folders(self.folder))
        news = {name: now[name] - self.before.get(name, set()) for name in now}
        return {name: sorted(new, key=str) for name, new in news.items() if new}


def lacks_a_fact(line: str) -> bool:
    """Whether a message has a `?` in place of something."""
    return re.search(r"(^|[\s(:])\?($|[\s),.:])", line) is not None


def resources() -> dict[str, set[Any]]:
    """What a test may use and has to give back."""
    return {
        "thread": set(os.listdir("/proc/self/task")),
        "file descriptor": descriptors(),
        "temporary file": set(os.listdir(tempfile.gettempdir())),
        "file in the source tree": set(os.listdir(ROOT)) - {"__pycache__"},
        "hook": hooks(),
    }


def descriptors() -> set[tuple[str, str]]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one of the listing itself
            found.add((fd, os.readlink(f"/proc/self/fd/{fd}")))
    return found


def hooks() -> set[str]:
    """Tool ids in use; on 3.11 the C trace function, which sys.gettrace() does not show."""
    if sys.version_info >= (3, 12):
        tools = {f"{i}: {sys.monitoring.get_tool(i)}" for i in range(6)}
        return {tool for tool in tools if not tool.endswith(": None")}
    import ctypes

    ctypes.pythonapi.PyThreadState_Get.restype = ctypes.c_void_p
    state = ctypes.pythonapi.PyThreadState_Get()
    function = ctypes.c_void_p.from_address(state + 72).value  # c_tracefunc of a 3.11 thread state
    return {f"trace function {function:#x}"} if function else set()


@pytest.fixture(autouse=True)
def house_rules(
    request: pytest.FixtureRequest, second_reader: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rules]:
    """Fails a test in which an internal error was swallowed, a message lacks a fact, the unraisable hook
    was called, a thread, descriptor, temporary file, staging folder or hook was left, or recording goes on.

    A test that leaves a staging folder because that is its subject has the mark `leaves_staging`."""
    folder = None
    if "tmp_path" in request.fixturenames and not request.node.get_closest_marker("leaves_staging"):
        folder = request.getfixturevalue("tmp_path")
    marks = request.node.iter_markers("provokes")
    rules = Rules({name for mark in marks for name in mark.args}, folder)
    report = diagnostics.Reporter.report

    def seen(self: diagnostics.Reporter, error: errors.RecorderError, **rest: Any) -> None:
        rules.see(error.error_name)
        rules.read(error.message)
        report(self, error, **rest)

    monkeypatch.setattr(diagnostics.Reporter, "report", seen)
    if rules.provoked:  # what is brought about for real has every fact
        missing = text._Facts.__missing__
        monkeypatch.setattr(
            text._Facts,
            "__missing__",
            lambda facts, key: rules.unfilled.append(f"{{{key}}}") or missing(facts, key),
        )
    monkeypatch.setattr(
        sys,
        "unraisablehook",
        lambda it: rules.unraisable.append(f"{it.exc_value!r} in {it.object!r}"),
    )
    yield rules
    request.node.funcargs.clear()  # what only the arguments of the test kept alive is no leak
    broken = list(rules.broken())
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Temporary files of this run alone: others on the machine make theirs elsewhere. At the end no
    process may be left that has to do with it."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setitem(ENVIRONMENT, "TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    deadline = time.monotonic() + 5  # a sealer that has published still has to end
    while (left := processes_of(tmp_path_factory.getbasetemp())) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        pytest.fail(f"processes are left: {'; '.join(left)}", pytrace=False)


# ----------------------------------------------------------------------------- two readers

WATCHER = two_readers.Watcher()


@pytest.fixture(autouse=True)
def second_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every trace that a test opened or left in its folder is read by the second reader, too, and the test
    fails where it sees something else: see `two_readers`. This comes last, behind what the test has patched."""
    opened: list[str | Path] = []
    begin = reader.Trace.__init__

    def seen(trace: reader.Trace, path: Any) -> None:
        begin(trace, path)
        opened.append(trace.path)

    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader.Trace, "__init__", seen)
        yield
    left = folder.rglob("*.rtrace") if folder is not None else ()
    if differences := WATCHER.check([*opened, *left]):
        pytest.fail("\n".join(differences), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def second_reader_of_the_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The traces that tests share, and never opened themselves."""
    yield
    if differences := WATCHER.check(tmp_path_factory.getbasetemp().rglob("*.rtrace")):
        pytest.fail("\n".join(differences), pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WATCHER.traces:
        terminalreporter.write_line(
            f"{WATCHER.traces} traces were read by both readers, in {WATCHER.seconds:.1f} s"
        )


def processes_of(folder: Path) -> list[str]:
    """The command lines that name a folder: sealers, and programs that the tests ran."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):
                command = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ")
                if os.fsencode(folder) in command:
                    found.append(f"{entry}: {os.fsdecode(command)}")
    return found


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    asked = Oracle(tmp_path_factory.mktemp("oracle"))
    yield asked
    asked.close()


@pytest.fixture(scope="session")
def arrow_threads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The threads that pyarrow starts when it is first used, and keeps, are there from now on."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    path = tmp_path_factory.mktemp("arrow") / "table.parquet"
    pyarrow.parquet.write_table(pyarrow.table({name: [1, 2, 3] for name in "abcdef"}), path)
    pyarrow.parquet.read_table(path, use_threads=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [item for item in items if not turns.is_ours(item.nodeid)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if turns.is_ours(item.nodeid)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Markers `root` and `needs`: skipped, and said so, where the user or a tool is missing."""
    warm_sealer.is_cold = item.nodeid.startswith(SEALERS_START_COLD)
    marks = [*item.iter_markers("root"), *item.iter_markers("needs")]
    missing = [tool for mark in marks for tool in mark.args if not is_there(tool)]
    if os.geteuid() != 0 and item.get_closest_marker("root"):
        missing.insert(0, "root")
    if missing:
        pytest.skip(f"{item.name} needs {', '.join(missing)}")


def is_there(tool: str) -> bool:
    """Whether there is a program or a library of this name."""
    return shutil.which(tool) is not None or (
        "." not in tool and importlib.util.find_spec(tool) is not None
    )


# ------------------------------------------------------------------------------- running programs


class Result(NamedTuple):
    """How a program ended. `trace` is where its trace is, or would be."""

    status: int
    stdout: bytes
    stderr: str
    trace: Path

    @property
    def codes(self) -> list[str]:
        """The error codes that are named on stderr."""
        return re.findall(r"\[(ERR_\w+)\]", self.stderr)


Run = Callable[..., Result]


COMMAND = [sys.executable, "-m", "recorder"]


def recorder_command(*arguments: object) -> list[str]:
    return [*COMMAND, *map(str, arguments)]


def program_in(folder: Path, program: str | Path) -> Path:
    """A program given as its text becomes a file."""
    if isinstance(program, Path):
        return program
    path = folder / "program.py"
    path.write_text(program, encoding="utf-8")
    return path


# What is about the sealer as a process, how it is started, and what the program sees of that.
SEALERS_START_COLD = (
    "tests/failures/",
    "tests/session/test_interruptions.py",
    "tests/session/test_transitions.py::test_a_sealer",
    "tests/session/test_transitions.py::test_a_start",
    "tests/session/test_transitions.py::test_a_stop",
    "tests/session/test_transitions.py::test_an_audit_hook",
    "tests/session/test_transitions.py::test_the_same_failure",
    "tests/session/test_transitions.py::test_what_the_sealer",
    "tests/staging/",
    "tests/transparency/test_input.py",
    "tests/transparency/test_orphans.py",
    "tests/transparency/test_own_modules.py",
    "tests/transparency/test_signals.py",
    "tests/transparency/test_transparency.py::test_the_program",
)


@pytest.fixture(autouse=True, scope="session")
def sealers(own_temporary_folder: None) -> Iterator[str]:
    """The address of those that are forked."""
    with warm_sealer.serving(ENVIRONMENT) as address:
        warm_sealer.use(address)
        yield address


@pytest.fixture(scope="session")
def warm(own_temporary_folder: None) -> Iterator[Warm]:
    with Warm(ENVIRONMENT) as warm:
        yield warm


def finish(
    rules: Rules, command: list[str], trace: Path, options: dict[str, Any], warm: Warm | None = None
) -> Result:
    """Runs a command to its end, with the house rules for what it says. With `warm`, that of `recorder` is had from
    there, where it does not matter."""
    env = {**ENVIRONMENT, **options.pop("env", {})}
    options = {"env": env, "cwd": trace.parent, "timeout": 60, **options}
    words = command[len(COMMAND) :]
    is_plain = not options.keys() - {"env", "cwd", "timeout", "input"}
    if warm and command == [*COMMAND, *words] and is_plain and warm.can_run(options["env"]):
        done = warm.run(words, **options)
    else:
        done = subprocess.run(command, **options, capture_output=True)
    result = Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"), trace)
    for code in result.codes:
        rules.see(code)
    for line in result.stderr.splitlines():
        if "[ERR_" in line:
            rules.read(line)
    return result


@pytest.fixture
def run_recorded(tmp_path: Path, house_rules: Rules, warm: Warm) -> Run:
    """run_recorded(program, *options, arguments=(), output=…, prefix=(), **subprocess options): runs a
    program, given as text or as a path, under `recorder run` with the options."""

    def run(
        program: str | Path,
        *options: object,
        arguments: tuple[object, ...] = (),
        output: Path | None = None,
        prefix: tuple[object, ...] = (),
        **rest: Any,
    ) -> Result:
        trace = output or tmp_path / "program.rtrace"
        script = program_in(tmp_path, program)
        command = recorder_command("run", "-o", trace, *options, script, *arguments)
        return finish(
            house_rules, [*map(str, prefix), *command], trace, {"cwd": tmp_path, **rest}, warm
        )

    return run


@pytest.fixture(scope="session")
def trace_of(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Callable[[Path], Path]:
    """trace_of(program): a trace of it, which is recorded once and shared by all that only read it."""
    folder = tmp_path_factory.mktemp("traces")

    def get(program: Path) -> Path:
        trace = folder / f"{program.stem}.rtrace"
        if not trace.exists():
            words = ["run", "-o", str(trace), str(program)]
            warm.run(words, ENVIRONMENT, folder, timeout=60).check_returncode()
        return trace

    return get


@pytest.fixture
def run_plain(tmp_path: Path, house_rules: Rules) -> Run:
    """The same program without the recorder."""

    def run(program: str | Path, *, arguments: tuple[object, ...] = (), **rest: Any) -> Result:
        script = program_in(tmp_path, program)
        command = [sys.executable, str(script), *map(str, arguments)]
        return finish(house_rules, command, tmp_path / "none.rtrace", {"cwd": tmp_path, **rest})

    return run


@pytest.fixture
def recorder_says(tmp_path: Path, house_rules: Rules, warm: Warm) -> Run:
    """recorder_says("recover", path): runs a command of `recorder`."""

    def run(*arguments: object, **rest: Any) -> Result:
        command = recorder_command(*arguments)
        return finish(
            house_rules, command, tmp_path / "none.rtrace", {"cwd": tmp_path, **rest}, warm
        )

    return run
