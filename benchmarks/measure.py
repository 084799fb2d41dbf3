"""Measures workloads in all ways, interleaved: a process per way, one running at a time, in turn.

    measured = measure("scalar loop", ["unrecorded", "empty callback", "recorded"], rounds=5)
    measured.runs["recorded"].seconds        # of each round

So all ways meet the same machine, and what one does to its process no other sees.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import ways as all_ways  # noqa: E402
import workloads  # noqa: E402

PATIENCE_S = 40  # with one round of one way
LONG_S = 1.5  # a round that takes longer is not repeated


class WorkerFailed(Exception):
    """The process of a way ended, or answered nothing; the text is the last line that it wrote."""


class Worker:
    """A process that measures one workload in one way."""

    def __init__(self, workload: str, way: str) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by end)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), workload, way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def ask(self, size: int, what: str = "measure") -> dict[str, Any]:
        """what: "measure", or "decode" to measure the reading of what was recorded."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(f"{what} {size}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed(self.last_words()) from None
        line = self._line()
        if not line:
            raise WorkerFailed(self.last_words())
        found: dict[str, Any] = json.loads(line)
        return found

    def _line(self) -> str:
        import select

        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        if not ready:
            self.process.kill()
            raise WorkerFailed(f"no answer within {PATIENCE_S} s")
        return self.process.stdout.readline()

    def last_words(self) -> str:
        self.process.wait(PATIENCE_S)
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        return lines[-1] if lines else f"ended with status {self.process.returncode}"

    def end(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


@dataclass
class Runs:
    """What the rounds of one way gave. Times in seconds, sizes in bytes."""

    size: int
    plain: list[float]  # of the unrecorded rounds at the same size
    clock: str = "seconds"  # or "cpu"
    rounds: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""

    @property
    def seconds(self) -> list[float]:
        return [found[self.clock] for found in self.rounds]

    def best(self, what: str) -> float:
        return float(min(found[what] for found in self.rounds))

    @property
    def is_long(self) -> bool:
        return sum(self.rounds[0][what] for what in ("starting", "seconds", "finishing")) > LONG_S

    @property
    def peak(self) -> int:
        """The most memory of the process after its first rounds, before anything can pile up."""
        return int(self.rounds[0]["peak"])


@dataclass
class Measured:
    workload: str
    runs: dict[str, Runs]  # by way; those that failed have no rounds
    events: dict[int, int]  # by size: how many events a recording has
    decoding: dict[str, Any] = field(default_factory=dict)  # see worker.decode

    def added_ns(self, way: str) -> float:
        """Nanoseconds that the way adds per event of a recording: best round against best plain round."""
        run = self.runs[way]
        return (min(run.seconds) - min(run.plain)) / self.events[run.size] * 1e9

    def ratio(self, way: str) -> float:
        run = self.runs[way]
        return min(run.seconds) / min(run.plain)

    def extra_peak(self, way: str) -> int:
        return self.runs[way].peak - self.runs["unrecorded"].peak

    def bytes_per_event(self, way: str) -> float:
        run = self.runs[way]
        return run.best("bytes") / self.events[run.size]


class EventsDiffer(Exception):
    """A recording was not complete, or another one of the same program had other events."""


def measure(
    name: str, ways: list[str], rounds: int, scale: float = 1.0, clock: str = "seconds"
) -> Measured:
    """Runs the workload `rounds` times in each way, in turn, after one round that does not count.

    clock: "seconds", or "cpu" for the processor time of the process, which means something on a busy
    machine too. A peer that takes long gets one round. A way that fails is left out from then on, with its reason.
    Raises WorkerFailed if one of our own does, EventsDiffer if a recording has not the events that the
    others have."""
    work = workloads.WORKLOADS[name]
    full = max(1, int(work.size * scale))
    sizes = {way: max(1, full // all_ways.WAYS[way].divisor) for way in ways}
    plain: dict[int, list[float]] = {size: [] for size in sizes.values()}
    measured = Measured(name, {way: Runs(sizes[way], plain[sizes[way]], clock) for way in ways}, {})
    workers = {way: Worker(name, way) for way in {"unrecorded", "recorded", *ways}}
    try:
        for size in plain:  # as many events as a recording of that size has
            _check(measured, size, workers["recorded"].ask(size))
        for number in range(rounds + 1):
            for size in plain:
                found = workers["unrecorded"].ask(size)
                if number > 0:
                    plain[size].append(found[clock])
            for way in ways:
                _round(measured, way, workers[way], number)
        measured.decoding = workers["recorded"].ask(full, "decode")
    finally:
        for worker in workers.values():
            worker.end()
    for way in ways:
        if measured.runs[way].failure and way in all_ways.OURS:
            raise WorkerFailed(f"{way}: {measured.runs[way].failure}")
    return measured


def _round(measured: Measured, way: str, worker: Worker, number: int) -> None:
    run = measured.runs[way]
    if run.failure or (run.rounds and run.is_long and way not in all_ways.OURS):
        return
    try:
        found = worker.ask(run.size)
    except WorkerFailed as exc:
        run.failure = str(exc)
        run.rounds.clear()
        return
    if way == "recorded":
        _check(measured, run.size, found)
    run.rounds.append(found)
    if number == 1 and not run.is_long:
        del run.rounds[0]


def _check(measured: Measured, size: int, found: dict[str, Any]) -> None:
    if found["state"] != "complete":
        raise EventsDiffer(f"{measured.workload}: the recording is {found['state']}")
    expected = measured.events.setdefault(size, found["events"])
    # Threads begin on a line of threading's or not, as the scheduler has it.
    if abs(found["events"] - expected) > 20:
        raise EventsDiffer(f"{measured.workload}: {found['events']} events, {expected} before")


def verify_counts(name: str) -> dict[str, dict[str, int]]:
    """The events of a small run as Python's own hooks count them and as a trace has them.

    Raises EventsDiffer unless they are the same, kind by kind."""
    command = [sys.executable, str(HERE / "counts.py"), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_S)
    if done.returncode != 0:
        raise EventsDiffer(f"{name}: {done.stdout or done.stderr}")
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found
