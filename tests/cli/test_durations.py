"""Times are told in the unit that they have, to a tenth."""

from __future__ import annotations

import pytest

from recorder.cli.queries import duration


@pytest.mark.parametrize(
    ("ns", "said"),
    [
        (None, ""),
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.0 µs"),
        (12_345, "12.3 µs"),
        (999_900, "999.9 µs"),
        (1_000_000, "1.0 ms"),
        (4_500_000, "4.5 ms"),
        (999_900_000, "999.9 ms"),
        (1_000_000_000, "1.0 s"),
        (90_000_000_000, "90.0 s"),
        (-850, "-850 ns"),
        (-1_500_000, "-1.5 ms"),
    ],
)
def test_a_duration(ns: int | None, said: str) -> None:
    assert duration(ns) == said
