"""A part of the sweep over all allocations; the whole is `python -m tests.tools.out_of_memory`,
or this file with `-m slow`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT
from tests.tools import out_of_memory

PART = 1999  # every so many cases; a prime
FIRST = sys.version_info.minor * 399 % PART  # each Python tries others


def check(
    cut: slice,
    parts: tuple[str, ...] = out_of_memory.PARTS,
    means: tuple[str, ...] = out_of_memory.MEANS,
) -> int:
    outcomes = list(out_of_memory.sweep(list(parts), cut, means=means))
    wrong = [f"{outcome.case}: {problem}" for outcome in outcomes for problem in outcome.problems]
    assert not wrong, "\n".join(wrong[:20])
    return len(outcomes)


@pytest.mark.provokes("OUT_OF_MEMORY")
def test_some_allocations_fail() -> None:
    assert check(slice(FIRST, None, PART)) > 2


def test_every_fourth_malloc_of_the_core_in_a_start_fails() -> None:
    """The others with the next versions of Python."""
    assert check(slice(sys.version_info.minor % 4, None, 4), ("start",), ("malloc",)) > 2


# Frames of many variables below frames of few: the room for them is taken in blocks, of which one is too small. The
# n-th call of malloc from there on has no memory; then all goes on, and is recorded again.
WIDE = """
import errno, sys
import recorder
from recorder._core import syscalls

def function(name, variables, result):
    values = "".join(f"        v{n} = 0\\n" for n in range(variables))
    exec(f"def {name}(n):\\n    if n < 0:\\n{values}    return {result}\\n", globals())

function("wide", 3000, "n")
function("deep", 50, "deep(n - 1) if n else 0")

def recorded(name, nth):
    with recorder.record(name, on_recorder_error="disable", min_free_space=0, include=["<string>"]):
        deep(120)
        if nth:
            syscalls.count()
            syscalls.inject("malloc", nth, errno.ENOMEM)
        for turn in range(3):
            wide(turn)
            deep(120)
        syscalls.reset()
        return recorder.is_recording()

for nth in range(1, 50):
    if recorded("it.rtrace", nth):
        break
    assert recorded("again.rtrace", 0)
print(nth)
"""


def test_there_is_no_room_for_a_frame_of_many_variables(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WIDE],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 3 < int(done.stdout) < 49
    assert "ERR_OUT_OF_MEMORY" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_every_allocation_fails() -> None:
    print(check(slice(None)), "cases")
