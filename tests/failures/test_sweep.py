"""A part of the sweep over all system calls; the whole is `python -m tests.tools.sweep`, or this
file with `-m slow`."""

from __future__ import annotations

import sys

import pytest

from tests.tools import sweep

PART = 613  # every so many cases; a prime, so that all calls, errors and policies take their turns
FIRST = sys.version_info.minor * 122 % PART  # each Python tries others


def check(outcomes: list[sweep.Outcome]) -> None:
    wrong = [f"{outcome.case}: {problem}" for outcome in outcomes for problem in outcome.problems]
    assert not wrong, "\n".join(wrong[:20])


def test_a_part_of_the_sweep() -> None:
    outcomes, _ = sweep.run(slice(FIRST, None, PART))
    assert len(outcomes) > 7
    check(outcomes)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_the_whole_sweep() -> None:
    outcomes, seconds = sweep.run(slice(None))
    print(f"{len(outcomes)} cases in {seconds:.0f} s")
    check(outcomes)
