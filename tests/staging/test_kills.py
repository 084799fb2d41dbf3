"""The program, its sealer, or both are killed: whatever was recorded is in the trace, or in what recovery
makes of what is left.

By default a few moments; all of them with `pytest -m slow tests/staging/test_kills.py`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import recorder
from recorder import errors
from recorder.staging import stale
from recorder.trace import recovery
from tests.conftest import ENVIRONMENT, processes_of
from tests.tools import sweep
from tests.tools.tape_tools import leftovers, state_of, until

pytestmark = pytest.mark.leaves_staging

# Every number is in the file `said` after the events of its call were recorded, and not before.
PROGRAM = """
import os, sys
import recorder
from recorder._core import control

def step(number, filling):
    return number

def count(most):
    for number in range(1, most):
        step(number, "x" * 1000 + str(number))
        os.write(said, b"%d\\n" % number)

said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
session = recorder.start("app.rtrace")
page = control.ControlPage([n for n in os.listdir(".") if ".partial-" in n][0] + "/control")
os.write(1, b"%d\\n" % page.sealer_pid)
count(int(sys.argv[1]))
session.stop()
"""
FOREVER = 1 << 60
ALL_EVENTS = 14_000  # some segments


def start(folder: Path, most: int, faults: str = "") -> tuple[subprocess.Popen[bytes], int]:
    (folder / "program.py").write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, "program.py", str(most)],
        cwd=folder,
        env={**ENVIRONMENT, "RECORDER_TEST_FAULTS": faults},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdout is not None
    sealer = int(program.stdout.readline() or 0)
    return program, sealer


def numbers_said(folder: Path) -> int:
    """The last number that was written down."""
    try:
        lines = (folder / "said").read_bytes().split(b"\n")
    except FileNotFoundError:
        return 0
    return int(lines[-2]) if len(lines) > 1 else 0


def check(folder: Path) -> None:
    """Recovers what is left, and looks for every number."""
    until(lambda: not processes_of(folder), 20)
    for left in leftovers(folder):
        with contextlib.suppress(errors.TraceNotFoundError):
            recovery.recover(folder / left)
    last = numbers_said(folder)
    if not (folder / "app.rtrace").exists():
        assert last == 0
        return
    with recorder.open_trace(folder / "app.rtrace") as trace:
        assert trace.damage == []
        assert trace.verdict != "complete" or last == ALL_EVENTS - 1
        returned = [
            event.value.to_python()
            for event in trace.events()
            if event.kind == "return" and event.function.name == "step"
        ]
    assert returned[:last] == list(range(1, last + 1))
    assert leftovers(folder) == []


def kill_at(folder: Path, who: str, moment: float) -> None:
    folder.mkdir()
    program, sealer = start(folder, FOREVER)
    try:
        time.sleep(moment)
        victims = {"program": [program.pid], "sealer": [sealer], "both": [sealer, program.pid]}[who]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        if who == "sealer":
            time.sleep(0.02)
            program.kill()  # it goes on without its sealer, and is killed, too
        program.wait()
    finally:
        program.kill()
        program.communicate()
    check(folder)


def moments(count: int) -> list[float]:
    chance = random.Random(count)
    return [chance.uniform(0, 0.25) for _ in range(count)]


@pytest.mark.parametrize("who", ["program", "sealer", "both"])
def test_killed_at_some_moments(tmp_path: Path, who: str) -> None:
    for number, moment in enumerate(moments(3)):
        kill_at(tmp_path / str(number), who, moment)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("who", ["program", "sealer", "both"])
def test_killed_at_two_hundred_moments(tmp_path: Path, who: str) -> None:
    for number, moment in enumerate(moments(200)):
        kill_at(tmp_path / str(number), who, moment)


def kill_at_calls(folder: Path, step: int) -> int:
    """Program or sealer dies just before its n-th system call, for every n."""
    folder.mkdir()
    tried = 0
    found = [
        (role, call, n)
        for (role, call), made in sweep.counts(folder).items()
        if call not in sweep.MEMORY
        for n in range(1, min(made, 30 if call in sweep.WAITING else made) + 1)
    ]
    for role, call, n in found[::step]:
        place = folder / f"{role}-{call}-{n}"
        place.mkdir()
        program, _ = start(place, ALL_EVENTS, f"{role}:{call}:{n}:KILL")
        program.communicate(timeout=60)
        check_after_call(place)
        tried += 1
    return tried


def check_after_call(folder: Path) -> None:
    """As `check`; but a recording that was killed before it began has nothing to recover."""
    until(lambda: not processes_of(folder), 20)
    if numbers_said(folder) == 0:
        for left in leftovers(folder):
            with contextlib.suppress(errors.RecorderError):
                recovery.recover(folder / left)
        return
    check(folder)


def test_killed_at_some_calls(tmp_path: Path) -> None:
    assert kill_at_calls(tmp_path / "calls", 29) >= 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_call(tmp_path: Path) -> None:
    tried = kill_at_calls(tmp_path / "calls", 1)
    print(f"{tried} calls")


def kill_while_preparing(folder: Path, step: int) -> int:
    """`recorder run` dies just before its n-th system call, for every n. What is left is a trace, can be made one, or
    goes with the next start."""
    folder.mkdir()
    (folder / "app.py").write_text("def f(): return 1\nf()\n")
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    counted = {**ENVIRONMENT, "RECORDER_TEST_FAULTS": f"target:count:{folder / 'count'}"}
    subprocess.run(command, cwd=folder, env=counted, check=True)
    calls = dict(line.split() for line in (folder / "count").read_text().splitlines())
    (folder / "app.rtrace").unlink()
    tried = 0
    # The command's own, which are as many as the program's, and the program's.
    places = [
        (call, n)
        for call, made in calls.items()
        if call not in sweep.MEMORY
        for n in range(1, int(made) + 2)
    ]
    for call, n in places[::step]:
        env = {**ENVIRONMENT, "RECORDER_TEST_FAULTS": f"target:{call}:{n}:KILL"}
        subprocess.run(command, cwd=folder, env=env, capture_output=True)
        check_preparation(folder, n)
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b""), (call, n)
        assert leftovers(folder) == [], (call, n)
        tried += 1
    return tried


def check_preparation(folder: Path, n: int) -> None:
    """What is left can be made a trace, or is known for what never began."""
    until(lambda: not processes_of(folder), 20)
    for left in leftovers(folder):
        begun = not stale.never_began(str(folder / left))
        if begun:
            recovery.recover(folder / left)
        elif n % 2:  # asked for, it says what it was
            with pytest.raises(errors.NotATraceError, match="before it began"):
                recovery.recover(folder / left)
            assert leftovers(folder) == []


def test_killed_at_some_calls_of_the_preparation(tmp_path: Path) -> None:
    assert kill_while_preparing(tmp_path / "calls", 5) >= 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_call_of_the_preparation(tmp_path: Path) -> None:
    assert kill_while_preparing(tmp_path / "calls", 1) >= 20


RECORDED = [sys.executable, "-m", "recorder", "run", "-o", "app.rtrace"]
# How a recording begins, as a command; the trace that is prepared.
BEGINNINGS = {
    "run": ([*RECORDED, "app.py"], "app.rtrace"),
    "in the program": ([sys.executable, "records.py"], "app.rtrace"),
    "by its environment": (
        ["env", "RECORDER_AUTOSTART=app.rtrace", sys.executable, "app.py"],
        "app.rtrace",
    ),
    "of a forked child": ([*RECORDED, "--follow-children", "forks.py"], "app.*.rtrace"),
}
PROGRAMS = {
    "app.py": "def f(): return 1\nf()\n",
    "records.py": "import recorder\nwith recorder.record('app.rtrace'): pass\n",
    "forks.py": "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n",
}


def kill_between(folder: Path, beginning: str, every: int) -> int:
    """Killed at every so many-th of the moments between two system calls that have changed something, whoever makes
    them. How many were tried."""
    command, name = BEGINNINGS[beginning]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])}
    for program, text in PROGRAMS.items():
        (folder / program).write_text(text)
    for n in range(1, 1 << 20, every):
        tracer = [sys.executable, "-m", "tests.tools.killed_between", str(n), name, *command]
        done = subprocess.run(tracer, cwd=folder, env=environment, capture_output=True, check=True)
        if int(done.stdout.splitlines()[-1]) < n:
            return n // every
        check_preparation(folder, n)
        done = subprocess.run(
            [*RECORDED, "app.py"], cwd=folder, env=ENVIRONMENT, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b""), n
        assert leftovers(folder) == [], n
        for trace in folder.glob("*.rtrace"):
            trace.unlink()
    return 0


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_killed_between_some_system_calls(tmp_path: Path, beginning: str) -> None:
    assert kill_between(tmp_path, beginning, 7) >= 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_killed_between_all_system_calls(tmp_path: Path, beginning: str) -> None:
    assert kill_between(tmp_path, beginning, 1) >= 20


def test_a_folder_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    """Its maker lives: it is stopped in the midst of it."""
    (tmp_path / "app.py").write_text("print('ran')\n")
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    env = {**ENVIRONMENT, "RECORDER_TEST_FAULTS": "target:fallocate:2:STOP"}
    maker = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    try:
        until(lambda: state_of(maker.pid) == "T")
        (left,) = leftovers(tmp_path)
        assert (tmp_path / left / "control").exists()
        assert not stale.never_began(str(tmp_path / left))
        with pytest.raises(errors.TraceBusyError):
            recorder.start(tmp_path / "app.rtrace")
        maker.send_signal(signal.SIGCONT)
        assert maker.communicate()[0] == b"ran\n" and maker.returncode == 0
    finally:
        maker.kill()


def test_a_stale_folder_is_told_of_by_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    program, sealer = start(folder, FOREVER)
    for pid in (sealer, program.pid):
        os.kill(pid, signal.SIGKILL)
    program.communicate()
    found = until(lambda: stale.find_stale(folder / "app.rtrace"))
    assert len(found) == 1
    check(folder)
