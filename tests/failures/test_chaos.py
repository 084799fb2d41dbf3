"""A part of the chaos grid; the whole is `python -m tests.tools.chaos`, or this file with `-m slow`."""

from __future__ import annotations

import pytest

from tests.tools import chaos

PART = 149  # every so many cases; a prime, so that all points, policies and places take their turns


def check(part: int) -> int:
    tried = list(chaos.run(part))
    wrong = [f"{case}: {difference}" for case, difference in tried if difference]
    assert not wrong, "\n".join(wrong[:20])
    return len(tried)


def test_a_part_of_the_grid() -> None:
    assert check(PART) == len(range(0, len(chaos.CASES), PART))


def test_every_phase_is_in_the_grid_and_in_the_part() -> None:
    assert {point.phase for point in chaos.POINTS} >= {"start", "run", "end", "lost", "never"}
    assert len({case.point.phase for case in chaos.CASES[::PART]}) >= 4


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_the_whole_grid() -> None:
    assert check(1) == len(chaos.CASES)
