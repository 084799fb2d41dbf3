"""A trace has as many events as Python's own hooks count, kind by kind: what the benchmarks ask before they measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    "workload", ["methods (machines)", "generators", "asyncio", "exceptions", "threads"]
)
def test_a_workload_of_the_benchmarks(workload: str) -> None:
    command = [sys.executable, str(ROOT / "benchmarks/counts.py"), workload]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
