"""The sealer has died: the recorded program closes a short recording by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT
from tests.tools.tape_tools import leftovers

PROGRAM = """
import os, signal, sys, time
import recorder
from recorder import processes

def work(turns):
    total = 0
    for turn in range(turns):
        total += turn
    return total

before = set(sys.modules)
session = recorder.start("app.rtrace", keep_partial_trace={keep})
folder = [name for name in os.listdir(".") if ".partial-" in name][0]
from recorder._core import control
page = control.ControlPage(folder + "/control")
work({turns})
{wait}
os.kill(page.sealer_pid, signal.SIGKILL)
watch = processes.Watch(page.sealer_pid)
watch.dead(5000)
watch.close()
work(1000)
summary = session.stop()
foreign = {{name.partition(".")[0] for name in set(sys.modules) - before}}
foreign -= set(sys.stdlib_module_names) | {{"recorder"}}
foreign = {{name for name in foreign if not name.startswith("_cython_")}}  # what our own modules share
print(summary.path is not None, summary.state, sorted(foreign), recorder.is_recording())
"""


def run(folder: Path, **fields: object) -> str:
    program = PROGRAM.format(**{"keep": True, "turns": 1000, "wait": "", **fields})
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.provokes("SEALER_DIED")
def test_nothing_is_lost_and_nothing_foreign_is_loaded(tmp_path: Path) -> None:
    assert run(tmp_path) == "True partial [] False"
    assert os.listdir(tmp_path) == ["app.rtrace"]
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert trace.verdict == "partial(SEALER_DIED)"
        turns = [e.locals["turn"].to_python() for e in trace.steps() if "turn" in e.locals]
        assert turns.count(999) >= 2
        assert str(Path("<string>")) in {function.file for function in trace.functions}


@pytest.mark.provokes("SEALER_DIED")
def test_what_the_sealer_had_made_is_taken_up(tmp_path: Path) -> None:
    wait = "while page.sealed_segments < 1: time.sleep(0.01)"
    said = run(tmp_path, turns=1_500_000, wait=wait)
    assert said.startswith("True partial")
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert trace.verdict == "partial(SEALER_DIED)"
        assert len(trace) > 3_000_000
    assert leftovers(tmp_path) == []


@pytest.mark.provokes("SEALER_DIED")
def test_a_partial_trace_that_is_not_wanted(tmp_path: Path) -> None:
    assert run(tmp_path, keep=False) == "False none [] False"
    assert os.listdir(tmp_path) == []


@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.leaves_staging
def test_a_long_recording_is_left_to_recovery(tmp_path: Path) -> None:
    """To read again what is in the trace takes time that is not ours."""
    wait = "page.sealed_segments = 9"
    assert run(tmp_path, wait=wait).startswith("False")
    assert len(leftovers(tmp_path)) == 1
