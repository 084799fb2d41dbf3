"""What a pytest that looks for bugs has besides: it forks for each (`forks.serve`), and tells what each test came by,
how long it took and what it cost."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.mutation import forks
from tests.mutation.reach import Marks

SERVE = os.environ.pop("MUTATION_SERVE", "")
MARKS = os.environ.pop("MUTATION_MARKS", "")
TICK = os.sysconf("SC_CLK_TCK")


class Told:
    path = ""  # gets a line for each test
    at_import: tuple[int, ...] = ()  # what was come by before any
    results: ClassVar[set[str]] = set()
    words: ClassVar[list[str]] = []
    costs: ClassVar[defaultdict[str, float]] = defaultdict(float)  # of each file


def pytest_runtestloop(session: pytest.Session) -> bool:
    if session.testsfailed:
        return False  # not collected
    Told.at_import = tuple(reached())
    asked, answering, temporary = SERVE.split()
    forks.serve(session, int(asked), int(answering), temporary)
    return True


def begin(path: str) -> None:
    Told.path = path
    tell("", 0.0, 0.0, "", Told.at_import)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: object) -> Generator[None, Any, None]:
    began, spent_before = time.monotonic(), spent()
    Told.results.clear()
    Told.words.clear()
    yield
    passed = "passed" if "call passed" in Told.results else "skipped"
    outcome = "failed" if "failed" in Told.results else passed
    cost = spent() - spent_before
    Told.costs[forks.file_of(item)] += cost
    tell(item.nodeid, time.monotonic() - began, cost, outcome, reached())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    Told.results.add("failed" if report.failed else f"{report.when} {report.outcome}")
    if report.failed:
        Told.words.append(report.longreprtext[-3000:])


def spent_on(file: str) -> float:
    return Told.costs[file]


def name(item: pytest.Item) -> None:
    """One that is not run."""
    tell(item.nodeid, 0.0, 0.0, "unknown", ())


def reached() -> list[int]:
    return sorted(Marks(Path(MARKS)).taken()) if MARKS else []


def tell(test: str, seconds: float, cost: float, outcome: str, found: object) -> None:
    words = "\n".join(Told.words) if outcome == "failed" else ""
    with open(Told.path, "a") as file:
        file.write(
            json.dumps([test, round(seconds, 3), round(cost, 3), outcome, found, words]) + "\n"
        )


def spent() -> float:
    """Processor time of this process and of all that it has started, those that have not ended too."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(spent_below, children("self")))
    )  # fmt: skip


def spent_below(pid: str) -> float:
    with contextlib.suppress(OSError):
        stat = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, stat[11:15])) / TICK + sum(map(spent_below, children(pid)))
    return 0.0


def children(pid: str) -> list[str]:
    found: list[str] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    return found
