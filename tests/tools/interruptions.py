"""Raises an exception out of a real signal handler at the n-th place in the recorder's Python code.

CPython runs signal handlers and pending calls at the same instants: where a function begins, where a loop
turns, after a call. A pending call that asks for itself again is therefore called at each of them (interruptions.c).
Some are the same place once more: an instant counts when the innermost frame of the recorder's stands at an
instruction where it did not stand before. At the n-th one the signal is tripped, in C, and its Python handler
runs there or at the very next instant.

    python -m tests.tools.interruptions SCENARIO [--step N] [--first N] [--only EXCEPTION]

walks all places of a scenario, prints one line for each that broke a promise, and last how many there were.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import recorder
from recorder._core import capture
from recorder.policy import Policy
from recorder.session import Session

PACKAGE = os.path.dirname(os.path.abspath(recorder.__file__)) + os.sep
SIGNAL = signal.SIGUSR1
LOOK = ctypes.PYFUNCTYPE(ctypes.c_int)
GO_ON, REST, TRIP = range(3)  # what LOOK answers: see interruptions.c


@functools.cache
def library() -> ctypes.PyDLL:
    """interruptions.c, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "interruptions.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "interruptions.c")
        name = os.environ.get("CC") or shutil.which("cc") or "gcc"
        compiler = [*name.split(), "-shared", "-fPIC", "-O1"]
        subprocess.run([*compiler, "-o", made, source], check=True)
        return ctypes.PyDLL(made)


class Own(Exception):
    """What a user's handler may raise, such as a timeout."""


EXCEPTIONS = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, Own, TimeoutError)


class Tripwire:
    """`with Tripwire(n, kind) as wire:` raises `kind` out of a signal handler at the n-th place."""

    def __init__(self, nth: int, kind: type[BaseException]) -> None:
        self.nth = nth
        self.raised = kind("from a signal handler")
        self.place: str | None = None  # where it was raised
        self.arrived = False
        self.deciding = False
        self._seen: set[tuple[object, int]] = set()
        self._last: tuple[object, int] | None = None
        self._library = library()
        self._look = LOOK(self._count)
        self._before = signal.getsignal(SIGNAL)
        # Before a recording begins: it would take the place of the recorder's own.
        if sys.version_info < (3, 12):
            ctypes.pythonapi.PyEval_SetTrace(self._library.trace, ctypes.py_object(type(self)))

    def __enter__(self) -> Tripwire:
        signal.signal(SIGNAL, self._handler)
        self._library.begin(self._look, SIGNAL)
        return self

    def __exit__(self, *_: object) -> None:
        self._library.end()
        time.sleep(0)  # a signal that has come and is not yet handled is handled

    def put_back(self) -> None:
        """What `__exit__` could not promise: an exception may have come at its very first instruction."""
        self._library.end()
        if sys.version_info < (3, 12):
            sys.settrace(None)
        signal.signal(SIGNAL, self._before)

    def check(self, error: BaseException) -> None:
        """What came out is what the handler raised, that very object."""
        expect(error is self.raised, f"another exception came out: {error!r}")
        self.arrived = True

    def _count(self) -> int:
        again = GO_ON if self.deciding or sys.version_info >= (3, 12) else REST
        frame = sys._getframe(1)
        here = (frame, frame.f_lasti)
        if here == self._last:  # asked again at the same instant
            return again
        self._last = here
        while frame is not None and not frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
        if frame is None:
            return again
        self._seen.add((frame.f_code, frame.f_lasti))
        if len(self._seen) < self.nth:
            return again
        self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        self._last = None
        return TRIP

    @contextmanager
    def in_decisions(self) -> Iterator[None]:
        """Also when the recorder decides about a fault: inside of a hook nothing is traced, and nobody would ask."""
        decide = Session.on_fault

        def on_fault(session: Session, facts: dict[str, object]) -> object:
            self.deciding = True
            self._library.ask()
            try:
                return decide(session, facts)
            finally:
                self.deciding = False

        Session.on_fault = on_fault  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Session.on_fault = decide  # type: ignore[method-assign]

    def _handler(self, number: int, frame: object) -> None:
        raise self.raised


# ---- scenarios: each yields between its steps what has to hold there ----


# In a file of its own: this one is not recorded, so that the trap is not sprung by its own events.
WORK = """
def work():
    total = 0
    for number in range(20):
        total += number
        total += 1
        total -= 1
    return total
"""
made: dict[str, Callable[[], int]] = {}
exec(compile(WORK, "/worked.py", "exec"), made)
work = made["work"]
OPTIONS = {"min_free_space": 0, "exclude": ("*/interruptions.py",)}


class Failed(AssertionError):
    pass


def expect(condition: object, text: str) -> None:
    if not condition:
        raise Failed(text)


def start_and_stop(path: str, wire: Tripwire) -> None:
    """What start() raises undoes it; what comes out of stop() leaves a recording that stop() ends."""
    session = None
    worked = False
    try:
        with wire:
            session = recorder.start(path, Policy(**OPTIONS))
            worked = bool(work())
            session.stop()
    except BaseException as error:
        wire.check(error)
    if session is None:
        expect(not os.path.exists(path), "a trace of nothing")
        return
    summary = session.stop()
    expect((summary.path, summary.state) == (path, "complete"), f"{summary}")
    expect(summary is session.stop(), "another answer")
    if worked:
        check_trace(path)


def with_block(path: str, wire: Tripwire) -> None:
    """However a `with` is left, the recording has ended."""
    worked = False
    try:
        with wire, recorder.record(path, Policy(**OPTIONS)):
            worked = bool(work())
    except BaseException as error:
        wire.check(error)
    expect(not recorder.is_recording(), "it goes on")
    recorder.reset()
    if worked:
        until(lambda: os.path.exists(path), "no trace")
        check_trace(path)


def decorated(path: str, wire: Tripwire) -> None:
    worked = False

    @recorder.recorded(path, Policy(**OPTIONS))
    def function() -> None:
        nonlocal worked
        worked = bool(work())

    try:
        with wire:
            function()
    except BaseException as error:
        wire.check(error)
    expect(not recorder.is_recording(), "it goes on")
    recorder.reset()
    if worked:
        until(lambda: os.path.exists(path), "no trace")


def policy_from_everywhere(path: str, wire: Tripwire) -> None:
    """start() without a policy reads pyproject.toml and the environment first."""
    folder = os.path.dirname(path)
    Path(folder, "pyproject.toml").write_text(
        "[tool.recorder]\nmin_free_space = 0\nexclude = ['*/interruptions.py']\n"
    )
    Path(folder, "d.jsonl").touch()
    os.environ["RECORDER_JSON_ERRORS"] = os.path.join(folder, "d.jsonl")
    try:
        with wire, recorder.record(path):
            work()
    except BaseException as error:
        wire.check(error)
    finally:
        del os.environ["RECORDER_JSON_ERRORS"]
    expect(not recorder.is_recording(), "it goes on")
    recorder.reset()


def a_reset(path: str, wire: Tripwire) -> None:
    session = recorder.start(path, Policy(**OPTIONS))
    work()
    try:
        with wire:
            recorder.reset()
    except BaseException as error:
        wire.check(error)
    recorder.reset()
    expect(not recorder.is_recording(), "it goes on")
    until(lambda: os.path.exists(path), "no trace")
    try:
        session.stop()
    except recorder.RecorderError as error:
        expect(error.error_name == "ERR_NOT_RECORDING", f"{error}")


def a_fault(path: str, wire: Tripwire) -> None:
    """The signal arrives while the recorder decides about a failure, inside of a hook."""
    said = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        session = recorder.start(path, Policy(**OPTIONS, max_events=100))
        try:
            with wire.in_decisions(), wire:
                for _ in range(40):
                    work()
        except BaseException as error:
            wire.check(error)
        expect(not recorder.is_recording(), "it goes on")
        summary = session.stop()
        expect(summary.state == "partial", f"{summary}")
    finally:
        os.dup2(said, 2)
        os.close(said)
        os.close(null)


SCENARIOS: dict[str, Callable[[str, Tripwire], None]] = {
    "start": start_and_stop,
    "with": with_block,
    "decorator": decorated,
    "sources": policy_from_everywhere,
    "reset": a_reset,
    "fault": a_fault,
}


# ---- what must be as it was ----


def check_trace(path: str) -> None:
    with recorder.open_trace(path) as trace:
        expect(trace.verdict == "complete", trace.verdict)
        expect(any(step.function.name == "work" for step in trace.steps()), "work is not in it")


def until(condition: Callable[[], object], text: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        expect(time.monotonic() < deadline, text)
        time.sleep(0.002)


def surroundings() -> dict[str, object]:
    found: dict[str, object] = {
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "mapped": sum("partial-" in line for line in Path("/proc/self/maps").read_text().split()),
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "handlers": [
            signal.getsignal(number) for number in (SIGNAL, signal.SIGINT, signal.SIGPIPE)
        ],
        "trace function": sys.gettrace(),
        "state": capture.state_name(),
        "holder": capture.holder(),
    }
    if sys.version_info >= (3, 12):
        found["tools"] = [sys.monitoring.get_tool(number) for number in range(6)]
    return found


def walk(
    scenario: Callable[[str, Tripwire], None],
    kinds: tuple[type[BaseException], ...],
    first: int,
    step: int,
) -> Iterator[tuple[int, str | None, str]]:
    """(n, place, what was broken or "") for each place, until there is none."""
    folder = tempfile.mkdtemp(prefix="interruptions-")
    path = os.path.join(folder, "app.rtrace")
    os.chdir(folder)
    idle = Tripwire(1 << 30, Own)
    scenario(path, idle)  # loads what is loaded once
    idle.put_back()
    before = surroundings()
    nth = first
    while True:
        kind = kinds[nth // step % len(kinds)]
        if os.path.exists(path):
            os.unlink(path)
        wire = Tripwire(nth, kind)
        broken = ""
        try:
            try:
                scenario(path, wire)
            finally:
                wire.put_back()
            expect(wire.arrived or wire.place is None, "the exception was swallowed")
            wire.raised.__traceback__ = wire.raised.__context__ = None  # it keeps frames alive
            until(
                lambda: not [n for n in os.listdir(folder) if "partial-" in n], "a staging folder"
            )
            after = surroundings()
            broken = "; ".join(
                f"{k}: {before[k]} → {after[k]}" for k in before if before[k] != after[k]
            )
        except Failed as error:
            broken = str(error)
        except recorder.RecorderError as error:
            broken = f"{error!r}"
        if broken:
            recorder.reset()
        yield nth, wire.place, broken
        if wire.place is None:
            break
        nth += step
    os.chdir("/")
    import shutil

    shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--only", choices=[kind.__name__ for kind in EXCEPTIONS])
    parser.add_argument("--list", action="store_true", help="print every place")
    given = parser.parse_args()
    kinds = tuple(kind for kind in EXCEPTIONS if given.only in (None, kind.__name__))
    count = bad = 0
    for nth, place, broken in walk(SCENARIOS[given.scenario], kinds, given.first, given.step):
        count += place is not None
        if broken or given.list:
            print(f"{nth} at {place}: {broken or 'as it should be'}", flush=True)
        bad += bool(broken)
    print(f"{count} places, {bad} broken")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
