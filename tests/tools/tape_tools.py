"""What the tests of staging, sealer and recovery share."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from recorder import processes
from recorder._core.decode import Scanner
from recorder.trace.container.writer import CloseRecord, TraceWriter
from recorder.trace.format import HEADER_SIZE, ChunkType

# For what is tried at every place there is: the default run tries every fourth, the whole sweep each of them.
some_or_every = pytest.mark.parametrize(
    "step", [pytest.param(4, id="some"), pytest.param(1, id="every", marks=pytest.mark.slow)]
)

# For what takes long and is the same on each version of Python.
on_one_python = pytest.mark.slow if sys.version_info[:2] != (3, 13) else pytest.mark.timeout(600)


def in_turn(cases: Iterable[Any], of: int = 2, always: Iterable[Any] = ()) -> list[Any]:
    """Of many cases that are much alike, a part on each version of Python; all of them with `-m slow`."""
    return [
        case
        if case in always or (number + sys.version_info.minor) % of == 0
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]


FAKE_TARGET = str(Path(__file__).with_name("fake_target.py"))


class Contents(NamedTuple):
    """A published trace, read by the bytes."""

    verdict: CloseRecord
    events: int
    segments: list[int]
    values: bytes  # payloads of its EVENTS chunks


def read_trace(path: Path) -> Contents:
    """Reads all of it and checks that it is whole from end to end."""
    trace, scanner = TraceWriter(str(path)), Scanner()
    events, segments, payloads = 0, [], []
    for head, payload in trace.resume():
        if head.kind != ChunkType.EVENTS:
            continue
        info = scanner.chunk(payload, head.first_event)
        assert info.damage is None
        assert (head.first_event, head.events) == (events, info.events)
        events += info.events
        segments.append(head.segment)
        payloads.append(payload)
    assert trace.is_closed()
    trace.abandon()
    verdict = CloseRecord.parse(path.read_bytes()[-HEADER_SIZE:])
    assert verdict is not None
    assert verdict.events == events
    return Contents(verdict, events, segments, b"".join(payloads))


def write_anew(path: Path, data: bytes) -> None:
    """Writes a file of which tests make hundreds. ext4 waits for the disk when one that was there is cut and written
    again, and not when it is another."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def leftovers(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if ".partial-" in name)


def run_target(
    *arguments: object, faults: str = "", **options: object
) -> subprocess.CompletedProcess[str]:
    """Runs the fake target as a program of its own."""
    return subprocess.run(
        command(*arguments, **options),
        env={**os.environ, "RECORDER_TEST_FAULTS": faults},
        capture_output=True,
        text=True,
        timeout=60,
    )


def command(*arguments: object, **options: object) -> list[str]:
    words = [sys.executable, "-m", "tests.tools.fake_target", *map(str, arguments)]
    return words + [f"{name}={value}" for name, value in options.items()]


def has_died(pid: int) -> bool:
    """Whether a process ends within five seconds."""
    watch = processes.Watch(pid)
    try:
        return watch.dead(5000)
    finally:
        watch.close()


def state_of(pid: int) -> str:
    """One letter, as in ps: T is stopped. Nothing for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def until(condition, seconds: float = 10.0):
    """Waits for a condition and returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
    return result


@contextlib.contextmanager
def disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of this size."""
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("cannot mount")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def children() -> list[str]:
    """Command lines of this process's children, without those that are kept for all tests: the helper of
    multiprocessing, the oracle, the warm command and the warm sealer."""
    found = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/cmdline") as line:
                    found.append(line.read())
    kept = ("resource_tracker", "oracle.py", "import warm;", "import warm_sealer;")
    return [line for line in found if not any(name in line for name in kept)]
