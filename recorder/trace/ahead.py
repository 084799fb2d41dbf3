"""Chunks that other threads read before they are asked for: decompressed, and gone through up to the first event that
is wanted, without the GIL. Who asks gets them one after the other, as if it had read them itself.

A question that ends with its first chunks begins no thread. The threads call nothing of who asks: whether an event is
wanted, as far as Python code says so, is asked where the answer is waited for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from recorder import errors
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import UNREADABLE
from recorder.trace.filters import Filter
from recorder.trace.seeking import Payloads, Seeker

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

MOST_THREADS: Final = 4  # each has a state of its own, of some MB
MOST_BYTES: Final = 16 << 20  # of payloads that wait; one does, however large it is
ALONE: Final = 2  # chunks that are read by who asks, before there are threads


class Needed(NamedTuple):
    """A chunk to be read: so many of its first bytes. `skipped`: the event behind the chunks right before it that hold
    nothing, if there are any."""

    chunk: Chunk
    size: int
    skipped: int | None = None


class Read(NamedTuple):
    """A seeker that stands in the chunk; and what could not be read on the way there. `whole`: what the chunk holds,
    for who comes back to it."""

    seeker: Seeker
    whole: bytes | None
    damage: errors.RecorderError | None


Reading: TypeAlias = "Future[Read] | None"  # None: it was not begun


def threads_here() -> int:
    """How many are worth it: with one processor, none."""
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return 0 if processors == 1 else min(MOST_THREADS, processors)


class Ahead:
    """Of one question. To be closed."""

    def __init__(
        self, payloads: Payloads, wanted: Filter, stop: int, most: int, ends: bool
    ) -> None:
        self._payloads = payloads
        self._wanted = wanted
        self._stop = stop
        self._most = most  # threads
        self._ends = ends  # of frames, too
        self._pool: ThreadPoolExecutor | None = None
        self._pid = os.getpid()  # threads do not come along where a process forks
        self._idle: list[Seeker] = []
        self._under_way: list[Seeker] = []

    def each(self, needed: Iterator[Needed]) -> Iterator[tuple[Needed, Reading]]:
        """The chunks, in order, with what is known of them when they are waited for."""
        alone = ALONE if self._most else None
        for one in islice(needed, alone):
            yield one, None
        waiting: deque[tuple[Needed, Reading]] = deque()
        while True:
            while len(waiting) <= self._most and self._has_room(waiting):
                following = next(needed, None)
                if following is None:
                    break
                waiting.append((following, self._begin(following)))
            if not waiting:
                return
            one, reading = waiting.popleft()
            yield one, reading if os.getpid() == self._pid else None

    def _has_room(self, waiting: deque[tuple[Needed, Reading]]) -> bool:
        return not waiting or sum(one.size for one, _ in waiting) + waiting[0][0].size < MOST_BYTES

    def _begin(self, needed: Needed) -> Reading:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._most, "recorder-ahead")
        seeker = self._idle.pop() if self._idle else Seeker(self._payloads)
        try:
            reading = self._pool.submit(
                self._read, seeker, needed, self._payloads.kept(needed.chunk)
            )
        except RuntimeError:  # no thread can be begun, as at the end of the process
            return None
        self._under_way.append(seeker)
        return reading

    def _read(self, seeker: Seeker, needed: Needed, payload: bytes | None) -> Read:
        """In a thread of the pool."""
        chunk, size = needed.chunk, needed.size
        try:
            if payload is None:
                payload = self._payloads.read(chunk, size)
            if self._ends:
                seeker.reader.note_ends()
            seeker.approach(chunk, payload, self._stop, self._wanted)
        except UNREADABLE as exc:
            return Read(seeker, None, exc)
        return Read(seeker, payload if len(payload) == chunk.head.raw_size else None, None)

    def take(
        self, needed: Needed, reading: Future[Read]
    ) -> tuple[Seeker, errors.RecorderError | None]:
        seeker, whole, damage = reading.result()
        if whole is not None:
            self._payloads.keep(needed.chunk, whole)
        return seeker, damage

    def done(self, seeker: Seeker) -> None:
        """It may read another chunk."""
        if seeker in self._under_way:
            self._under_way.remove(seeker)
            self._idle.append(seeker)

    def close(self) -> None:
        """Nothing is under way afterwards."""
        for seeker in self._under_way:
            seeker.reader.is_given_up = True
        if self._pool is not None and os.getpid() == self._pid:
            self._pool.shutdown(cancel_futures=True)
