"""Damaged and random traces through every query; `python -m tests.tools.fuzz_queries` goes on for longer."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.trace.reader import open_trace
from tests.tools import reference_writer as w
from tests.tools.fuzz_queries import ask_everything, base_traces, one, random_trace
from tests.trace.test_queries import check_queries
from tests.trace.test_reading import FIRST


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return base_traces(tmp_path_factory.mktemp("bases"))


@pytest.mark.parametrize("seed", range(5))
def test_damaged_traces(bases: list[bytes], seed: int, tmp_path: Path) -> None:
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


def test_numbers_that_no_event_can_have(tmp_path: Path) -> None:
    path = tmp_path / "far.rtrace"
    file = w.File()
    file.meta()
    file.segment(w.EMPTY_PREAMBLE + FIRST, 5)
    file.add(w.EVENTS, w.EMPTY_PREAMBLE + FIRST, first_event=2**63 - 2, events=5)
    path.write_bytes(file.close())
    with open_trace(path) as trace:
        assert (len(trace), len(trace[:]), trace[-1].seq) == (5, 5, 4)
        assert trace.verdict.state == "corrupt"
