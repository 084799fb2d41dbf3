"""The pytest plugin, on sessions of pytest of their own: what is kept of which test, and what is said of it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.testing import github, names, report, single_traces
from recorder.testing import session as sessions
from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import asyncio
import threading
import pytest

class Cart:
    def __init__(self):
        self.items = []

    def add(self, price):
        self.items.append(price)
        return sum(self.items)

def test_passes():
    assert Cart().add(1) == 1

def test_wrong_value():
    cart = Cart()
    for price in range(3):
        total = cart.add(price)
    assert total == 4

@pytest.fixture(scope="module")
def broken():
    settings = {"host": 1}
    return settings["port"]

def test_fixture(broken):
    pass

@pytest.fixture
def left():
    yield 1
    raise RuntimeError("not put away")

def test_teardown(left):
    pass

@pytest.mark.parametrize("n", [1, 2])
def test_each(n):
    assert n == 1

@pytest.mark.xfail(strict=True)
def test_passes_unexpectedly():
    pass

@pytest.mark.xfail
def test_fails_as_expected():
    assert Cart().add(1) == 2

def test_thread():
    thread = threading.Thread(target=Cart().add, args=(5,), name="other")
    thread.start()
    thread.join()
    joined = True
    assert not joined

@pytest.mark.record("none")
def test_never():
    assert False

@pytest.mark.record
def test_always(recording):
    recording.mark("here", n=1)
    assert recording.path is None or recording.path.endswith("shop.py--test_always.rtrace")

def test_kept(recording):
    recording.keep()

def test_recursion():
    def down(n):
        return down(n + 1)
    down(0)

def test_of_others(nothing_like_it):
    pass

def test_parts(subtests):
    for n in range(3):
        with subtests.test(n=n):
            assert n != 1
    all_have_run = True

def test_tasks():
    async def step(delay):
        await asyncio.sleep(delay)
    async def main():
        await asyncio.gather(asyncio.create_task(step(0.02), name="slow"), asyncio.create_task(step(0), name="fast"))
    asyncio.run(main())
    assert not "in order"

def test_skipped():
    pytest.skip("not now")
"""
KEPT = {
    "test_wrong_value", "test_fixture", "test_teardown", "test_each[2]", "test_passes_unexpectedly", "test_thread",
    "test_always", "test_kept", "test_recursion", "test_of_others", "test_tasks", "test_parts",
}  # fmt: skip
CRASHES = """
import os, signal, ctypes, pytest

def test_first():
    wrong = 1
    assert wrong == 2

@pytest.mark.parametrize("how", ["exit", "kill", "crash"])
def test_dies(how):
    count = 41
    count += 1
    if how == "exit":
        os._exit(3)
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.string_at(0)
"""
INTERRUPTED = """
import _thread, os, pytest
@pytest.fixture
def before():
    if os.environ["HOW"] == "setup": raise KeyboardInterrupt
def test_passes():
    pass
def test_waits(before):
    rounds = 0
    if os.environ["HOW"] == "interrupt": raise KeyboardInterrupt
    if os.environ["HOW"] == "exit": pytest.exit("enough")
    _thread.interrupt_main()
    while True:
        rounds += 1
def test_is_not_reached():
    pass
"""
ELSEWHERE = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    report = pytest.TestReport(item.nodeid, item.location, {}, "failed", "its process is gone", "???")
    item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
OF_A_PLUGIN = """
class Broken:
    def __del__(self):
        raise ValueError("nobody can catch it")

def test_drops():
    Broken()
"""
DEATHS = {
    "exit": "! its process exited with status 3 at: os._exit(3)",
    "kill": "! its process was ended by SIGKILL at: os.kill(os.getpid(), signal.SIGKILL)",
    "crash": "! its process was ended by SIGSEGV at: ctypes.string_at(0)",
}


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A session of its own, with this plugin and those it is about; in what an unconfigured project has."""
    plugins = ["-p", "recorder.pytest_plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, "--tb=no", "-q", *options]
    env = {
        **ENVIRONMENT,
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **environment,
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    # The recorder's own lines are for pytest's report, and not for what a test wrote.
    assert "recorder:" not in done.stderr, done.stderr
    return done


class Session:
    """A session that has run, and what it left."""

    def __init__(self, folder: Path, run: subprocess.CompletedProcess[str]) -> None:
        self.folder = folder
        self.run = run
        self.recordings = folder / ".recordings"

    @property
    def names(self) -> set[str]:
        found = {path.name for path in self.recordings.iterdir()} - {".gitignore"}
        return {re.sub(r"^\w+\.py--(.*)\.rtrace$", r"\1", name) for name in found}

    def trace(self, test: str) -> recorder.Trace:
        return recorder.open_trace(self.recordings / f"test_shop.py--{test}.rtrace")

    def said(self, test: str) -> list[str]:
        """The lines about a test in the section of recordings, without the command at their end."""
        section = self.run.stdout.partition(" recordings ")[2]
        about = section.partition(f"test_shop.py::{test}\n")[2].partition("\n\n")[0]
        return [line.strip() for line in about.splitlines()][:-1]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "test_shop.py").write_text(TESTS)
    with_pyc = {"PYTHONDONTWRITEBYTECODE": ""}
    return Session(
        folder, run_pytest(folder, "--record=failed", "--junitxml=junit.xml", **with_pyc)
    )


def test_failing_tests_have_a_trace_each_and_others_none(session: Session) -> None:
    assert session.run.returncode == 1
    assert session.names == KEPT
    for test in KEPT:
        with session.trace(test) as trace:
            assert trace.verify().damage == []
            assert trace.meta["test"]["id"] == f"test_shop.py::{test}"
    assert (session.recordings / ".gitignore").read_text().endswith("*\n")


def test_what_pytest_rewrote_is_proved_to_be_of_its_text(session: Session) -> None:
    for test in KEPT:
        with session.trace(test) as trace:
            assert {source.doubt for source in trace.sources.values()} <= {None}


def test_a_trace_is_from_setup_to_teardown_without_its_neighbours(session: Session) -> None:
    own = {
        "test_wrong_value": {"test_wrong_value", "Cart.__init__", "Cart.add"},
        "test_fixture": {"broken"},
        "test_teardown": {"left", "test_teardown"},
        "test_thread": {"test_thread", "Cart.__init__", "Cart.add"},
        "test_each[2]": {"test_each"},
    }
    for test, functions in own.items():
        with session.trace(test) as trace:
            assert {event.function.qualified_name for event in trace.events()} == functions
            span = trace.spans(f"test_shop.py::{test}")[0]
            begun = [one.name for one in trace.spans() if one.number >= span.number]
            assert begun == [one.name for one in trace.spans()]
            assert begun[0] == span.name
    with session.trace("test_teardown") as trace:
        start, stop = trace.span("teardown")
        assert [event.kind for event in trace.events(start, stop)][-1] == "unwind"


def test_the_report_tells_the_last_events_with_what_changed(session: Session) -> None:
    said = session.said("test_wrong_value")
    assert said[0].startswith(".recordings/test_shop.py--test_wrong_value.rtrace  ")
    assert len(said) == 13
    assert "return Cart.add → 3" in said[-4]
    assert said[-1].startswith(
        "test_shop.py:21  raise test_wrong_value ! AssertionError('assert 3 == 4"
    )
    assert any("self = Cart(items=[0, 1, 2])" in line for line in said)
    assert session.said("test_fixture")[-1].endswith("raise broken ! KeyError('port')")
    assert session.said("test_teardown")[-1].endswith("raise left ! RuntimeError('not put away')")
    recursion = session.said("test_recursion")
    assert "RecursionError" in recursion[-1]
    assert re.search(r"call test_recursion.<locals>.down  n = \d+", recursion[-3])
    assert "recorder show .recordings/test_shop.py--test_thread.rtrace" in session.run.stdout
    assert not any("Cart.add" in line for line in session.said("test_thread"))  # another thread
    assert "AssertionError('assert 1 != 1')" in session.said("test_parts")[-1]
    ends = [
        line.split()[1]
        for line in session.said("test_tasks")
        if "return test_tasks.<locals>.step" in line
    ]
    assert ends == ["fast", "slow"]


def test_a_failure_without_any_event_has_a_trace_that_says_why(session: Session) -> None:
    """Also where there is none in the whole session; whoever asks for a fixture that is not there runs no code."""
    alone = Session(
        session.folder,
        run_pytest(session.folder, "--record=failed", "-k", "of_others", "--recordings-dir=alone"),
    )
    alone.recordings = session.folder / "alone"
    for one in (session, alone):
        assert one.said("test_of_others")[1:] == [
            "none of your own code ran in its setup", "! fixture 'nothing_like_it' not found",
        ]  # fmt: skip
        with one.trace("test_of_others") as trace:
            spans = [
                (span.name, span.raised, span.stop == 0 or span.stop == span.start)
                for span in trace.spans()
            ]
            assert spans == [
                ("test_shop.py::test_of_others", True, True), ("setup", True, True), ("teardown", False, True),
            ]  # fmt: skip
            (mark,) = trace.marks()
            assert mark.facts.to_python()["error"] == "fixture 'nothing_like_it' not found"
    assert session.said("test_passes_unexpectedly")[-1] == "! [XPASS(strict)]"


def test_the_spans_of_a_test_end_in_its_trace(session: Session) -> None:
    with session.trace("test_wrong_value") as trace:
        spans = [(span.name, span.raised, span.stop is None) for span in trace.spans()]
        assert spans == [
            ("test_shop.py::test_wrong_value", True, False), ("setup", False, False), ("call", True, False),
            ("teardown", False, False),
        ]  # fmt: skip


def test_the_report_for_others_has_the_path(session: Session) -> None:
    xml = (session.folder / "junit.xml").read_text()
    found = re.findall(r'name="recording" value="\.recordings/test_shop\.py--(.*?)\.rtrace"', xml)
    assert set(found) == KEPT - {"test_always", "test_kept"}


def test_outcomes_are_those_without_it(session: Session) -> None:
    plain = run_pytest(session.folder, "--record=none")
    assert plain.returncode == session.run.returncode
    assert results(plain.stdout) == results(session.run.stdout)
    assert " recordings " not in plain.stdout


def test_a_failure_that_is_another_plugins_is_reported_without_a_line_of_ours(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_shop.py").write_text(OF_A_PLUGIN)
    plain, recorded = (
        run_pytest(tmp_path, "--tb=short", "-Werror", f"--record={mode}").stdout
        for mode in ("none", "failed")
    )
    assert "unraisableexception.py" in plain
    said, as_ever = (re.sub("0x[0-9a-f]+", "", text) for text in (recorded, plain))
    assert said.partition(" recordings ")[0].rstrip("=") == as_ever.partition(" short test")[
        0
    ].rstrip("=")


def results(output: str) -> list[str]:
    """The line of dots, what failed, and the counts."""
    lines = [re.sub(r" in \d.*", "", line) for line in output.splitlines()]
    return [line for line in lines if re.match(r"[.FExXs]+ |FAILED|ERROR|\d+ failed", line)]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("crashes")
    (folder / "test_shop.py").write_text(CRASHES)
    options = ("-p", "xdist.plugin", "-n", "2", "--record=failed", "--max-worker-restart=5")
    return Session(folder, run_pytest(folder, *options))


@pytest.mark.needs("xdist")
def test_a_worker_that_dies_leaves_its_last_test(crashed: Session) -> None:
    assert crashed.names == {"test_first", "test_dies[exit]", "test_dies[kill]", "test_dies[crash]"}
    for how in ("exit", "kill", "crash"):
        said = crashed.said(f"test_dies[{how}]")
        assert said[0].endswith("events, up to where its process died")
        assert any("count = 42" in line for line in said)
        assert said[-1] == DEATHS[how]
        with crashed.trace(f"test_dies[{how}]") as trace:
            assert {event.function.name for event in trace.events()} == {"test_dies"}
            assert trace.meta["test"]["ended"] is False


def test_a_test_that_is_interrupted_has_a_trace_too(tmp_path: Path) -> None:
    """Somebody lost patience with it, and pytest reports nothing of it; where pytest was told to end it is as ever."""
    (tmp_path / "test_shop.py").write_text(INTERRUPTED)
    found = {}
    for how in ("interrupt", "hang", "setup", "exit"):
        shutil.rmtree(tmp_path / ".recordings", ignore_errors=True)
        run = run_pytest(tmp_path, "--record=failed", HOW=how)
        assert run.returncode == pytest.ExitCode.INTERRUPTED, run.stdout
        session = Session(tmp_path, run)
        found[how] = {name: session.said(name)[-1].split(maxsplit=1)[1] for name in session.names}
    assert found == {
        "interrupt": {"test_waits": "raise test_waits ! KeyboardInterrupt()"},
        "hang": {"test_waits": "raise test_waits ! KeyboardInterrupt()"},
        "setup": {"test_waits": "raise before ! KeyboardInterrupt()"},
        "exit": {},
    }


def test_what_ran_in_no_phase_of_its_own_has_a_trace_that_says_why(tmp_path: Path) -> None:
    """A plugin that has tests run in processes of their own reports one that died in "???"."""
    (tmp_path / "test_shop.py").write_text("def test_dies(): pass\n")
    (tmp_path / "conftest.py").write_text(ELSEWHERE)
    (tmp_path / "pyproject.toml").write_text("[tool.recorder]\nexclude = ['*/conftest.py']\n")
    session = Session(tmp_path, run_pytest(tmp_path, "--record=failed"))
    assert session.said("test_dies")[1:] == ["none of your own code ran", "! its process is gone"]


def test_what_a_session_that_died_has_left_is_told_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(CRASHES)
    died = run_pytest(tmp_path, "--record=failed", "-k", "first or exit")
    assert died.returncode == 3
    session = Session(tmp_path, run_pytest(tmp_path, "--record=failed", "-k", "nothing"))
    assert session.names == {"test_first", "test_dies[exit]"}
    told = re.findall(r"^test_shop\.py::(.*)", session.run.stdout, re.MULTILINE)
    assert told == [
        "test_first failed in an earlier session, which died:",
        "test_dies[exit] ran when an earlier session died:",
    ]
    assert "\n\ntest_shop.py::test_dies[exit] ran" in session.run.stdout
    with session.trace("test_dies[exit]") as trace:
        assert [event.line for event in trace.steps()] == [10, 11, 12, 13]


def test_ini_environment_and_marker_ask_for_it_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(
        "import sys\n"
        "def test_idle():\n"
        "    assert sorted(n for n in sys.modules if n.startswith('recorder.')) == [\n"
        "        'recorder.imports', 'recorder.pytest_plugin', 'recorder.version']\n"
    )
    assert run_pytest(tmp_path).returncode == 0
    assert not (tmp_path / ".recordings").exists()
    assert run_pytest(tmp_path, RECORDER_PYTEST="sometimes").returncode == 4
    (tmp_path / "test_shop.py").write_text("def test_one(recording): assert not recording.path\n")
    options = ("--record=none", "-o", "record=all")
    assert run_pytest(tmp_path, *options, RECORDER_PYTEST="failed").returncode == 0
    options = ("-o", "record=all", "-o", "recordings_dir=kept/here", "-o", "recordings_budget=1")
    done = run_pytest(tmp_path, *options)
    assert done.returncode == 1
    assert "its recording was larger than what all may take" in done.stdout
    assert [path.name for path in (tmp_path / "kept/here").iterdir()] == [".gitignore"]
    (tmp_path / "test_shop.py").write_text(
        "import pytest\ndef test_one(): pass\n@pytest.mark.record\ndef test_two(): pass\n"
    )
    assert run_pytest(tmp_path).returncode == 0
    assert Session(tmp_path, done).names == {"test_two"}


def test_a_recording_that_cannot_begin_costs_no_test(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text("def test_one(): pass\n")
    (tmp_path / ".recordings").write_text("no folder")
    done = run_pytest(tmp_path, "--record=failed")
    assert done.returncode == 0
    said = done.stdout.partition(" recordings ")[2]
    assert "[ERR_DIRECTORY_CREATE_FAILED]" in said
    assert "Not a directory" in said


def test_what_had_no_room_is_told_once(tmp_path: Path) -> None:
    """A recording of this session is none of the older ones that went."""
    fails = "def test_one():\n    one = 1\n    assert one == 2\n"
    (tmp_path / "test_first.py").write_text(fails)
    (tmp_path / "test_second.py").write_text(fails)
    run_pytest(tmp_path, "--record=failed", "test_first.py")
    said = []
    for _ in range(2):
        options = ("--record=failed", "--recordings-budget=1KB", "test_second.py")
        done = run_pytest(tmp_path, *options).stdout.partition(" recordings ")[2]
        said.append([line for line in done.splitlines() if "--recordings-budget" in line])
    no_room = "test_second.py::test_one  its recording was larger than what all may take (--recordings-budget)"
    assert said == [
        [no_room, "1 older recording was removed (--recordings-budget)"],
        [no_room],
    ]


def test_below_recorder_run_tests_are_spans(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text("def test_one(): assert 0\n")
    command = [
        "-m",
        "recorder",
        "run",
        "-o",
        "all.rtrace",
        "-m",
        "pytest",
        "-p",
        "recorder.pytest_plugin",
    ]
    env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = ["-p", "no:cacheprovider", "--record=failed", "-q"]
    subprocess.run(
        [sys.executable, *command, *options], cwd=tmp_path, env=env, capture_output=True, timeout=60
    )
    with recorder.open_trace(tmp_path / "all.rtrace") as trace:
        assert [span.name for span in trace.spans()] == [
            "test_shop.py::test_one", "setup", "call", "teardown",
        ]  # fmt: skip


# ---- parts ---------------------------------------------------------------------------------------


def test_the_package_has_the_entry_point() -> None:
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert facts["project"]["entry-points"]["pytest11"] == {
        "recorder.pytest_plugin": "recorder.pytest_plugin"
    }


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_a.py::TestB::test_c[1-x]", "tests.test_a.py--TestB--test_c[1-x].rtrace"),
        ("a.py::test[ü/..]", r"a\.py--test\[_\.\.\.\]-[0-9a-f]{8}\.rtrace"),
        ("a.py::" + "x" * 300, r"a\.py--x{144}-[0-9a-f]{8}\.rtrace"),
    ],
)
def test_names_of_traces(test: str, name: str) -> None:
    found = names.trace_of(test)
    assert found == name or re.fullmatch(name, found)
    assert len(os.fsencode(found)) < 200


def test_no_two_tests_have_a_trace_of_one_name() -> None:
    """Of all short ids over what is changed in a name."""
    parts = ["a", ".", "/", "-", "--", "::"]
    ids = {"".join(one) for size in range(1, 6) for one in itertools.product(parts, repeat=size)}
    files = ["a.py", "a/a.py", "a.a.py", ".a.py", "../a.py", "a/a", "a.a/a", "a-/-a.py", "a--a.py"]
    ids |= {f"{file}::t{rest}" for file in files for rest in ("", "[a/a]", "[a.a]", "::a", "--a")}
    assert len({names.trace_of(one) for one in ids}) == len(ids)


def test_the_oldest_go_first(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.rtrace"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))
    (tmp_path / "not-a-trace").write_bytes(b"x" * 1000)
    assert single_traces.keep_to_budget(str(tmp_path), 400) == []
    assert single_traces.keep_to_budget(str(tmp_path), 250) == [
        str(tmp_path / "0.rtrace"),
        str(tmp_path / "1.rtrace"),
    ]


def test_github_gets_annotations_and_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    facts: dict[str, Any] = {"events": 1200, "lines": ["a.py:3  x = 1%"], "died": True}
    facts |= {"path": str(tmp_path / "t.rtrace"), "place": (str(tmp_path / "a.py"), 3)}
    one = single_traces.SingleTrace("a.py::test, 1", **facts)
    assert github.commands([one]) == [
        "::error file=a.py,line=3,title=a.py%3A%3Atest%2C 1::a.py:3  x = 1%25%0Arecording: t.rtrace"
    ]
    github.write_summary([one])
    written = (tmp_path / "summary.md").read_text()
    assert (
        "### `a.py::test, 1`\n\n`t.rtrace`, 1,200 events, up to where its process died" in written
    )
    assert single_traces.from_text(single_traces.to_text([one])) == [one]


def test_what_a_value_holds_stays_text_in_a_summary(tmp_path: Path) -> None:
    lines = ["a.py:3  x = '</details> | ```` <b>'", "a.py:4  y = '`'"]
    for name, said in [
        ("a.py::test[`|]", "### ``a.py::test[`|]``\n"),
        ("`a`", "### `` `a` ``\n"),
        ("a\nb</summary>", "### `a\\nb</summary>`\n"),
    ]:
        one = single_traces.SingleTrace(name, str(tmp_path / "t.rtrace"), 1, lines)
        text = github.summary([one])
        assert text.startswith(said), text
        assert text.endswith("\n".join(["", "`" * 5, *lines, "`" * 5, ""]))


TOTAL = """
def total(prices):
    found = 0
    for price in prices:
        found += price
    return found
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, of which alone is recorded."""
    monkeypatch.setenv("RECORDER_OWN_FOLDERS", str(tmp_path))
    return tmp_path


def kept_of(folder: Path, prices: list[int], failed: str | None) -> single_traces.SingleTrace:
    """Of a test of this process, after one that has left a thread behind."""
    module: dict[str, Any] = {}
    exec(compile(TOTAL, str(folder / "shop.py"), "exec"), module)
    tests = sessions.Tests(str(folder))
    tests.start()
    goes_on = threading.Event()
    left = tests.begin("test_leaves")
    threading.Thread(target=goes_on.wait, name="left").start()
    tests.end(left)
    test = tests.begin("test_total")
    module["total"](prices)
    test.failed, test.wanted = failed, True
    tests.end(test)
    path = tests.stop()
    goes_on.set()
    assert path is not None
    (made,) = single_traces.cut_out(
        path, str(folder), [single_traces.Wanted(test.number_in_trace, failed)]
    )
    return made


def test_a_failure_is_compared_with_the_last_run_that_passed(shop: Path) -> None:
    assert kept_of(shop, [1, 2], None).difference == ""
    for last in (5, 7):  # a failure does not take the place of what passed
        one = kept_of(shop, [1, last], "call")
        assert one.difference == f"at shop.py:2, prices[1] was 2 when it passed, and is {last}"
        assert f"  first difference: {one.difference}" in report.about(one, [])
    passed = kept_of(shop, [1, 2], None)
    assert passed.path.endswith("test_total.rtrace")
    assert "prices[1] was 2" in kept_of(shop, [1, 9], "call").difference
    other = kept_of(shop, [1, 2, 3], "call").difference
    assert re.search(r"len\(prices\)|prices\[2\]", other), other


def test_a_thread_that_was_left_behind_is_told_of(shop: Path) -> None:
    one = kept_of(shop, [1], "call")
    assert one.beside == ("beside it ran thread left, left behind by test_leaves",)
    assert "  beside it ran thread left, left behind by test_leaves" in report.about(one, [])
    assert single_traces.from_text(single_traces.to_text([one])) == [one]


def test_a_failed_test_tells_of_the_thread_that_it_left(shop: Path) -> None:
    module: dict[str, Any] = {}
    exec(compile(TOTAL, str(shop / "shop.py"), "exec"), module)
    tests = sessions.Tests(str(shop))
    tests.start()
    goes_on = threading.Event()
    test = tests.begin("test_leaves")
    threading.Thread(target=goes_on.wait, name="poller").start()
    module["total"]([1])
    test.failed, test.wanted = "call", True
    tests.end(test)
    path = tests.stop()
    goes_on.set()
    assert path is not None
    wanted = [single_traces.Wanted(test.number_in_trace, "call")]
    (made,) = single_traces.cut_out(path, str(shop), wanted)
    assert made.beside == ("it left thread poller behind",)
