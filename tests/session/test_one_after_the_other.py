"""First recording × what happened to it × second recording, in one process: the second is what its own policy says,
whatever was before; and the program ends as it would have."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.reader import open_trace
from tests.conftest import ENVIRONMENT, Run
from tests.tools.tape_tools import leftovers, until

# Policies, and what is recorded of `work` under each: functions of its own, of an installed module and of the standard
# library; whether its secret is shown.
POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "own": ({"scope": "own"}, "work, shown"),
    "all": ({"scope": "all"}, "work, installed, rgb_to_hls, shown"),
    "exclude": ({"scope": "all", "exclude": ["dep", "colorsys"]}, "work, shown"),
    "include": ({"scope": "own", "include": ["colorsys"]}, "work, rgb_to_hls, shown"),
    "redact": ({"scope": "own", "redact": ["PIN"]}, "work"),
}  # fmt: skip
HAPPENED = (
    "stopped",
    "left",
    "raised",
    "reset",
    "aborted",
    "aborted and reset",
    "disabled",
    "refused",
)
PAIRS = [
    (first, HAPPENED[n % len(HAPPENED)], second)
    for n, (first, second) in enumerate(itertools.product(POLICIES, POLICIES))
    if first != second
]
PROGRAM = """
import colorsys, contextlib, errno, json, sys
sys.path.append(sys.argv[1])
import dep, recorder
from recorder import errors
from recorder._core import control

def work(pin):
    dep.installed(1)
    return colorsys.rgb_to_hls(0.1, 0.2, 0.3)

def fail(session):
    "The sealer reports a failure: the next line that is recorded finds it."
    page = control.ControlPage(session._staging.file("control"))
    page.set_sealer_fault(errors.DiskFullError.number, errno=errno.ENOSPC, detail="/disk")
    page.close()
    for turn in range(100_000):
        work("x")

def first(policy, happened):
    if happened == "refused":
        with contextlib.suppress(errors.RecorderError):
            recorder.start("/no such folder/x.rtrace", **policy)
        return
    if happened in ("left", "raised"):
        with contextlib.suppress(KeyError), recorder.record("first.rtrace", **policy):
            work("x")
            {}["x"] if happened == "raised" else None
        return
    action = "abort" if "aborted" in happened else "disable"
    session = recorder.start("first.rtrace", on_recorder_error=action, **policy)
    work("x")
    try:
        if happened not in ("stopped", "reset"):
            fail(session)
    finally:  # an abort goes on until the recording is over
        if "reset" in happened:
            recorder.reset()
        with contextlib.suppress(errors.RecorderError):
            session.stop()
        return

def second(policy):
    with recorder.record("second.rtrace", **policy):
        work("hunter2")
    with recorder.open_trace("second.rtrace") as trace:
        assert trace.verdict == "complete"
        calls = {event.function.name: event for event in trace.find(kind="call")}
        known = [name for name in ("work", "installed", "rgb_to_hls") if name in calls]
        shown = "work" in calls and repr(calls["work"].locals["pin"]) == "'hunter2'"
        return ", ".join([*known, *["shown"] * shown])

for before, happened, policy in json.load(sys.stdin):
    first({"min_free_space": 0, **before}, happened)
    assert not recorder.is_recording()
    print(second({"min_free_space": 0, **policy}))
sys.exit(7)
"""


def run(folder: Path, pairs: list[Any]) -> subprocess.CompletedProcess[str]:
    (folder / "site-packages").mkdir()
    (folder / "site-packages/dep.py").write_text("def installed(n): return n\n")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, program, folder / "site-packages"], input=json.dumps(pairs),
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    asked = [(POLICIES[one][0], happened, POLICIES[two][0]) for one, happened, two in PAIRS]
    done = run(tmp_path_factory.mktemp("pairs"), asked)
    assert done.returncode == 7, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=lambda n: ", ".join(PAIRS[n]))
def test_the_second_recording_is_as_its_policy_says(recorded: list[str], number: int) -> None:
    assert recorded[number] == POLICIES[PAIRS[number][2]][1]


@pytest.mark.parametrize("happened", HAPPENED)
def test_a_part_leaves_the_exit_status_to_the_program(tmp_path: Path, happened: str) -> None:
    """Whatever its policy would do with that of a whole program."""
    policy = {"propagate_script_exit": False, "require_trace": True}
    done = run(tmp_path, [(policy, happened, {"propagate_script_exit": False})])
    assert (done.returncode, done.stdout) == (7, "work, shown\n"), done.stderr


MAIN = """
import recorder
def work(): return 1
work()
recorder.reset()
for scope in ("own", "all"):
    with recorder.record(f"{scope}.rtrace", scope=scope, min_free_space=0):
        work()
    with recorder.open_trace(f"{scope}.rtrace") as trace:
        print(scope, sorted({event.function.name for event in trace.events()}))
"""


def test_the_program_that_was_recorded_as_a_whole_is_no_longer_always_in_scope(
    run_recorded: Run, tmp_path: Path
) -> None:
    """An installed one, which is recorded because it is the program."""
    program = tmp_path / "site-packages" / "tool.py"
    program.parent.mkdir()
    program.write_text(MAIN)
    result = run_recorded(program)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == b"own []\nall ['<module>', 'work']\n"
    with open_trace(result.trace) as trace:
        assert {"<module>", "work"} <= {event.function.name for event in trace.events()}


FORKING = """
import errno, os, sys
import recorder
from recorder import errors
from recorder._core import control

def work(): return 1

session = recorder.start("whole.rtrace", on_recorder_error="disable", follow_children=True, min_free_space=0)
if sys.argv[1] == "over":
    page = control.ControlPage(session._staging.file("control"))
    page.set_sealer_fault(errors.DiskFullError.number, errno=errno.ENOSPC, detail="/disk")
    page.close()
    while recorder.is_recording():
        work()
pid = os.fork()
if pid == 0:
    work()
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
"""


@pytest.mark.parametrize(("what", "children"), [("goes on", 1), ("over", 0)])
def test_a_child_is_recorded_as_long_as_its_parent_is(
    tmp_path: Path, what: str, children: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(FORKING)
    done = subprocess.run(
        [sys.executable, program, what], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    until(lambda: not leftovers(tmp_path))
    found = [path for path in tmp_path.glob("*.rtrace") if path.name != "whole.rtrace"]
    assert len(found) == children


NUMBERED = """
import asyncio, threading
import recorder

def work(): return 1

async def child(): return work()

async def children():
    for n in range(3): await asyncio.create_task(child(), name=f"{n}")

def everything():
    asyncio.run(children())
    for n in range(2):
        one = threading.Thread(target=work, name=f"{n}")
        one.start()
        one.join()

class Kind: pass
for turn in range(3):
    with recorder.record(f"{turn}.rtrace", min_free_space=0, include=[__file__], scope="own"):
        everything()
        it = Kind()
    with recorder.open_trace(f"{turn}.rtrace") as trace:
        events = list(trace.events())
        print({event.thread.number: event.thread.name for event in events},
              {event.task.number: event.task.name for event in events if event.task and event.task.name.isdigit()},
              sorted({event.function.number: event.function.name for event in events}.items()))
"""


def test_each_recording_counts_from_the_beginning(tmp_path: Path) -> None:
    """Threads, tasks and functions have the numbers that they have in the first one."""
    program = tmp_path / "program.py"
    program.write_text(NUMBERED)
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first.startswith(
        "{0: 'MainThread', 1: '0', 2: '1'} {1: '0', 2: '1', 3: '2'} [(0, '<module>'), (1, 'everything'), "
    )
    assert others == [first] * 2
