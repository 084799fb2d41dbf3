"""Traces that are asked from a server's threads: a trace is for one thread at a time.

Each is open twice, and each has a thread of its own: one for what a step asks, which must not wait for the other, whose
questions may pass over the whole trace, and end where nobody waits for the answer any more.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from recorder.trace.reader import Trace, open_trace
from recorder.view.answers import SLOW, answer

NOBODY: Final = object()
CACHE_BYTES: Final = 8 << 20  # of payloads, of each lane: a page looks at few places at once


M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
SEPARATE: Final = 128 << 10  # bytes


class Cancelled(BaseException):  # audit: never leaves its lane
    """Raised in a lane's thread, wherever it is, by who does not want its answer any more."""


def _let_it_come() -> None:
    """What was raised in this thread, if it is still on its way: Python looks for that at each round of a loop."""
    for _ in range(1000):
        pass


class Lane:
    """An open trace, and the one thread that reads it."""

    def __init__(self, path: str) -> None:
        self.thread = ThreadPoolExecutor(1)
        self._asking: object = NOBODY  # whose question is being answered
        self._is_cancelled = False
        self._lock = threading.Lock()  # held where that changes
        try:
            self.trace: Trace = self.thread.submit(_opened, path).result()
            self._number: int = self.thread.submit(threading.get_ident).result()
        except BaseException:
            self.thread.shutdown()
            raise

    async def ask(self, name: str, given: Mapping[str, str]) -> tuple[bool, bytes]:
        """Cancelling it cancels the question."""
        who = object()
        waiting = self.thread.submit(self._answer, who, name, given)
        try:
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:
            self._cancel(who)
            raise

    def _answer(self, who: object, name: str, given: Mapping[str, str]) -> tuple[bool, bytes]:
        try:
            with self._lock:
                self._asking, self._is_cancelled = who, False
            found = answer(self.trace, name, given)
            self._end()
            if self._is_cancelled:
                _let_it_come()
                raise Cancelled  # what was raised was lost where Python passes over it: a generator's end
            return found
        except Cancelled:
            self._end()
            self.trace.close()  # whatever it was in the midst of
            self.trace = _opened(self.trace.path)
            return False, b""

    def _end(self) -> None:
        """Nobody can cancel from here on."""
        with self._lock:
            self._asking = NOBODY

    def _cancel(self, who: object) -> None:
        with self._lock:
            if self._asking is who and not self._is_cancelled:
                self._is_cancelled = True
                _raise_in(self._number, Cancelled)

    def close(self) -> None:
        self.thread.shutdown(cancel_futures=True)
        self.trace.close()


class Lanes:
    """Of all traces that are shown. Raises as `open_trace`."""

    def __init__(self, paths: list[str]) -> None:
        self.quick: list[Lane] = []
        self.slow: list[Lane] = []
        try:
            for path in paths:
                self.quick.append(Lane(path))
                self.slow.append(Lane(path))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        for lane in [*self.quick, *self.slow]:
            lane.close()

    @property
    def paths(self) -> list[str]:
        return [lane.trace.path for lane in self.quick]

    async def ask(self, number: int, name: str, given: Mapping[str, str]) -> tuple[bool, bytes]:
        """Another trace is named by its number, too: no page can name a path. One that there is not is none."""
        lanes = self.slow if name in SLOW else self.quick
        if "other" in given:
            by_number = {str(n): path for n, path in enumerate(self.paths)}
            given = {**given, "other": by_number.get(given["other"], "")}
        return await lanes[number].ask(name, given)


def _opened(path: str) -> Trace:
    trace = open_trace(path)
    trace._queries.payloads.most = CACHE_BYTES
    trace._queries.threads = 0  # the other lane has the other processor
    return trace


def give_back_memory() -> None:
    """What is as large as a payload is mapped by itself, and is gone when it is freed: among the small objects of two
    lanes it would leave holes that nothing fits. For glibc, which has a word for that."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, SEPARATE)
        mallopt(M_ARENA_MAX, 1)


def _raise_in(thread: int, what: type[BaseException]) -> None:
    """In another thread, at its next step. It cannot be taken back: CPython 3.11 would then look for it for ever."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(what))
