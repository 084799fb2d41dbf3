"""A short soak, with a seed that stays; the whole is `python -m tests.tools.soak`, or this file with `-m slow`."""

from __future__ import annotations

import pytest

from tests.tools.soak import Soak


def check(soak: Soak) -> None:
    assert not soak.problems, "\n".join(soak.problems[:20])
    assert soak.outcomes.total() > 0
    assert soak.checked > 0


def test_a_short_soak() -> None:
    check(Soak(1.0, seed=4, threads=4, tasks=50).run())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_minute_of_it(seed: int) -> None:
    soak = Soak(60.0, seed=seed).run()
    check(soak)
    assert soak.outcomes.total() > 10
