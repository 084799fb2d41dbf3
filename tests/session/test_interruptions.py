"""An exception out of a signal handler, at every place of the recorder's own Python code: it arrives as it was
raised, and what it interrupted is undone or can be ended. See tests/tools/interruptions.py for how it is done.

Here some of the places of each scenario, others with each version of Python; all of them, with every kind of
exception, in a few minutes:

    pytest -m slow tests/session/test_interruptions.py
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT, ROOT, processes_of, recorder_command
from tests.tools import interruptions
from tests.tools.tape_tools import leftovers, until


def walk(scenario: str, *options: object) -> int:
    """Walks the places of a scenario in a process of its own; how many there were."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.interruptions", scenario, *map(str, options)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.stderr == ""
    *broken, last = done.stdout.splitlines()
    found = re.fullmatch(r"(\d+) places, 0 broken", last)
    assert found and done.returncode == 0, "\n".join([*broken, last])
    return int(found[1])


# Scenario, every how many places, how many of these there are at least.
SOME = [("start", 37, 6), ("with", 67, 3), ("sources", 79, 3), ("reset", 1, 4), ("fault", 5, 10)]


@pytest.mark.provokes("LIMIT_REACHED")
@pytest.mark.parametrize(("scenario", "step", "least"), SOME)
def test_an_exception_at_some_places(scenario: str, step: int, least: int) -> None:
    assert walk(scenario, "--step", step, "--first", 2) >= least


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("kind", [kind.__name__ for kind in interruptions.EXCEPTIONS])
@pytest.mark.parametrize("scenario", interruptions.SCENARIOS)
def test_an_exception_at_every_place(scenario: str, kind: str) -> None:
    assert walk(scenario, "--only", kind) >= 4


# ---- `recorder run`: before the program, and after it ----

SLEEPING = "print('ready', flush=True)\ninput()\n"


def run_and_signal(
    folder: Path, delay: float, number: int, program: str = SLEEPING
) -> tuple[int, bytes, bytes]:
    """Runs a program under the recorder, and sends the signal to whatever it is after `delay` seconds."""
    script = folder / "program.py"
    script.write_text(program)
    process = subprocess.Popen(
        recorder_command("run", "-o", folder / "app.rtrace", script),
        env=ENVIRONMENT,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(delay)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name
)
@pytest.mark.parametrize("delay", [0.03, 0.06, 0.09, 0.12, 0.16, 0.2])
def test_a_signal_before_the_program_leaves_nothing(
    tmp_path: Path, delay: float, number: int
) -> None:
    """Whenever it comes: the process ends by it, and what was prepared goes; or the program ran and was ended, and its
    trace tells so."""
    status, out, err = run_and_signal(tmp_path, delay, number)
    interrupted_by_python = number == signal.SIGINT and status in (
        1,
        130,
    )  # while Python itself starts
    assert status == -number or interrupted_by_python, (status, out, err)
    until(lambda: leftovers(tmp_path) == [] and processes_of(tmp_path) == [])
    if out != b"ready\n" and os.path.exists(tmp_path / "app.rtrace"):
        with recorder.open_trace(tmp_path / "app.rtrace") as trace:
            assert trace.verdict in ("complete", "truncated")


# The sealer is held up, so that the end waits for it; the signal comes while it does.
ENDING = """
import os, pathlib, signal, subprocess

def work():
    return sum(range(1000))

work()
(page,) = pathlib.Path().glob(".*.partial-*/control")
sealer = int.from_bytes(page.read_bytes()[196:200], "little")
os.kill(sealer, signal.SIGSTOP)
subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -{name} {os.getpid()}; sleep 0.2; kill -CONT {sealer}"])
"""


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_a_signal_while_the_end_waits_for_the_trace(tmp_path: Path, name: str) -> None:
    """The program has ended by then: its exit status stands. Nobody waits any longer; the sealer finishes."""
    script = tmp_path / "program.py"
    script.write_text(f"name = {name!r}\n{ENDING}")
    done = subprocess.run(
        recorder_command("run", "-o", tmp_path / "app.rtrace", script),
        env=ENVIRONMENT,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )
    assert done.returncode == 0
    until(lambda: leftovers(tmp_path) == [] and processes_of(tmp_path) == [])
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert trace.verdict == "complete"
        assert any(step.function.name == "work" for step in trace.steps())
