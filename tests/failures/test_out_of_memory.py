"""A part of the sweep over all allocations; the whole is `python -m tests.tools.out_of_memory`,
or this file with `-m slow`."""

from __future__ import annotations

import sys

import pytest

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


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_every_allocation_fails() -> None:
    print(check(slice(None)), "cases")
