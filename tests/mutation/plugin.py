"""What pytest is told when it looks for a bug: which tests to run, in which order; and it tells what each came by."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.reach import Marks

WANTED = os.environ.pop("MUTATION_TESTS", "")  # a file with a list of tests
MARKS = os.environ.pop("MUTATION_MARKS", "")
TOLD = os.environ.pop("MUTATION_TOLD", "")  # a file, a line for each test


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if WANTED:
        order = {name: n for n, name in enumerate(json.loads(Path(WANTED).read_text()))}
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )


def pytest_collection_finish(session: pytest.Session) -> None:
    tell("", 0.0, "")  # what comes with importing, and is had by all


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: object) -> Generator[None, Any, None]:
    began = time.monotonic()
    RESULTS.clear()
    yield
    passed = "passed" if "call passed" in RESULTS else "skipped"
    tell(item.nodeid, time.monotonic() - began, "failed" if "failed" in RESULTS else passed)


RESULTS: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    RESULTS.add("failed" if report.failed else f"{report.when} {report.outcome}")


def tell(test: str, seconds: float, outcome: str) -> None:
    if TOLD:
        reached = sorted(Marks(Path(MARKS)).taken()) if MARKS else []
        with open(TOLD, "a") as file:
            file.write(json.dumps([test, round(seconds, 3), outcome, reached]) + "\n")
