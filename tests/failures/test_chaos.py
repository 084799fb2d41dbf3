"""A part of the chaos grid; the whole is `python -m tests.tools.chaos`, or this file with `-m slow`."""

from __future__ import annotations

import sys

import pytest

from tests.tools import chaos

PART = 71  # every so many cases; a prime, so that all points, policies and places take their turns
FIRST = sys.version_info.minor * 14 % PART  # each Python tries others


def check(part: int, first: int = 0) -> int:
    tried = list(chaos.run(part, first=first))
    wrong = [f"{case}: {difference}" for case, difference in tried if difference]
    assert not wrong, "\n".join(wrong[:20])
    return len(tried)


def test_a_part_of_the_grid() -> None:
    assert check(PART, FIRST) == len(range(FIRST, len(chaos.CASES), PART))


def test_every_phase_is_in_the_grid_and_in_the_part() -> None:
    assert {point.phase for point in chaos.POINTS} >= {"start", "run", "end", "lost", "never"}
    assert len({case.point.phase for case in chaos.CASES[FIRST::PART]}) >= 4


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_the_whole_grid() -> None:
    assert check(1) == len(chaos.CASES)
