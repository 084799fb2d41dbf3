"""Damaged and random traces through every query: see fuzz_queries.py, which goes on for as long as one likes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.trace.reader import open_trace
from tests.fuzz_queries import ask_everything, base_traces, one, random_trace
from tests.test_queries import check_queries


@pytest.mark.parametrize("seed", range(5))
def test_damaged_traces(seed: int, tmp_path: Path) -> None:
    bases = base_traces(tmp_path)
    for number in range(12):
        one(bases, tmp_path / "damaged.rtrace", f"{seed}:{number}")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 1000), max_size=4))
def test_random_traces(seed: int, cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.rtrace"
        path.write_bytes(random_trace(seed, 120, cuts))
        assert ask_everything(path, random.Random(seed)) == "complete"
        with open_trace(path) as trace:
            check_queries(trace, seed)
