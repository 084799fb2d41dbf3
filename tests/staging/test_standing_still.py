"""A program that waits for its sealer knows a sealer that does not go on from a machine that stood still."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import recorder
from recorder._core import control
from tests.conftest import ENVIRONMENT
from tests.tools.tape_tools import leftovers, until

# The sealer stops itself when it seals for the first time; then the ring becomes full, and the program waits.
PROGRAM = """
import recorder, recorder.capture_options
recorder.capture_options.WAIT_MS = {patience}

def fill(turns):
    for turn in range(turns):
        text = str(turn) * 300
    return turn

session = recorder.start("app.rtrace")
fill(40_000)
print(session.stop().state, flush=True)
"""
PATIENCE, PAUSE = 2.0, 3.0  # seconds


@pytest.mark.provokes("SEALER_STALLED")
@pytest.mark.parametrize("both", [True, False])
def test_a_frozen_machine_is_no_stalled_sealer(tmp_path: Path, both: bool) -> None:
    (tmp_path / "app.py").write_text(PROGRAM.format(patience=int(PATIENCE * 1000)))
    env = {**ENVIRONMENT, "RECORDER_TEST_FAULTS": "sealer:pwrite:1:STOP"}
    program = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    (folder,) = until(lambda: leftovers(tmp_path))
    until((tmp_path / folder / "session.json").exists)
    page = control.ControlPage(str(tmp_path / folder / "control"))
    try:
        full = [control.SLOT_FULL] * control.RING_SLOTS
        until(lambda: [page.slot(index)[0] for index in range(control.RING_SLOTS)] == full)
        if both:
            program.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE)
        os.kill(page.sealer_pid, signal.SIGCONT)
        program.send_signal(signal.SIGCONT)
        out, err = program.communicate(timeout=60)
    finally:
        program.kill()
        page.close()
    assert out == ("complete\n" if both else "partial\n")
    assert ("ERR_SEALER_STALLED" in err) != both
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert str(trace.verdict) == ("complete" if both else "partial(SEALER_STALLED)")
