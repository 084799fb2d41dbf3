"""The same as overhead.py, for pytest-benchmark: `pytest benchmarks --benchmark-group-by=param:name`.

It reports; it does not judge. That all events were recorded is checked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from floor import Floor
from workloads import WORKLOADS

import recorder


@contextmanager
def recording(path: Path, least: int) -> Iterator[None]:
    session = recorder.start(path, min_free_space=0)
    yield
    summary = session.stop()
    assert summary.state == "complete"
    assert summary.events >= least


@pytest.mark.parametrize("how", ["unrecorded", "empty callback", "recorded"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_overhead(benchmark: Any, name: str, how: str, tmp_path: Path) -> None:
    work = WORKLOADS[name]
    benchmark.group = name
    around: AbstractContextManager[Any] = nullcontext()
    if how == "empty callback":
        around = Floor()
    elif how == "recorded":
        around = recording(tmp_path / "benchmark.rtrace", work.events)
    with around:
        benchmark.pedantic(work.run, rounds=5)
