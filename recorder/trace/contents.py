"""What occurs in each chunk of events, so that a question can pass over those in which nothing fits: CONTENTS.

It may only say too much. It can always be made again of the chunks, and a trace may be without it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import ClassVar, Final, NamedTuple, TypeAlias
from weakref import WeakValueDictionary

from recorder._core.decode import read_contents
from recorder.trace import varint
from recorder.trace.format import REC_BEGIN

MOST_BYTES: Final = 8 << 20  # of all entries without their digests; and as many of the definitions
MOST_DIGESTS: Final = 24 << 20  # of all digests: those of later chunks are left out
NO_DIGEST: Final = b"\0"
HEAD: Final = struct.Struct("<QI")  # first event and crc of the stored payload of the chunk


Range: TypeAlias = tuple[int, int] | tuple[float, float]  # the lowest and the highest


class Entry(NamedTuple):
    """Of one chunk. Numbers are those of definitions."""

    ends: bool  # a frame ended without an event
    is_silent: bool  # nothing was written, printed or logged
    threads: set[int]  # with events
    raised: set[int]  # types of exceptions, + 1; 0: of one that is not told
    # Of codes with events: the kinds of these, the variables that were set, and the lines, from the first of the code
    # on; None: any.
    codes: dict[int, tuple[int, int, bytes | None]]
    globals: dict[int, bytes | None]  # of namespaces: what was set
    # Of codes, by variable: between which numbers it was at all events, where it was one at all of them.
    ranges: dict[int, dict[int, Range]]
    rests: dict[int, int]  # of codes: bytes of the payload behind their last event
    digest: bytes  # of the texts, numbers and bytes that are new to events; see digest_has


class Collected:
    """What the sealer finds out, chunk by chunk."""

    def __init__(self) -> None:
        self._entries: dict[int, bytes] = {}
        self._definitions: list[bytes] = []
        self._digests: dict[int, bytes] = {}
        self._size = 0
        self._digested = 0
        self._defined = 0

    def add(self, first_event: int, contents: bytes, digest: bytes, definitions: bytes) -> None:
        """What a SegmentInfo says. Of a chunk for which there is no room any more, nothing is said, nor of one without
        events: the next one begins with the same event, and takes its place."""
        self.forget(first_event)
        size = len(contents) + HEAD.size
        if self._size + size <= MOST_BYTES:
            self._size += size
            self._entries[first_event] = contents
            if self._digested + len(digest) <= MOST_DIGESTS:
                self._digested += len(digest)
                self._digests[first_event] = digest
        self._defined += len(definitions)
        if self._defined <= MOST_BYTES:
            self._definitions.append(definitions)
        else:
            self._definitions.clear()

    def forget(self, first_event: int) -> None:
        """That of a chunk that is dropped."""
        entry = self._entries.pop(first_event, None)
        if entry is not None:
            self._size -= len(entry) + HEAD.size
            self._digested -= len(self._digests.pop(first_event, b""))

    def payload(self, chunks: Iterable[tuple[int, int]]) -> bytes:
        """Of chunks by their first event and the crc of their payload; empty if it would be of no use."""
        if self._defined > MOST_BYTES:
            return b""
        definitions = b"".join(self._definitions)
        parts = [varint.encode(len(definitions)), definitions]
        for first_event, crc in dict(chunks).items():
            entry = self._entries.get(first_event)
            if entry is not None:
                entry += self._digests.get(first_event, NO_DIGEST)
                parts += (HEAD.pack(first_event, crc), varint.encode(len(entry)), entry)
        return b"".join(parts) if len(parts) > 2 else b""


class Contents:
    """As it is in a trace. `preamble`: a payload that defines everything, for a reader."""

    _open: ClassVar[WeakValueDictionary[tuple[bytes, int], Contents]] = WeakValueDictionary()

    def __init__(self, preamble: bytes, entries: dict[tuple[int, int], bytes]) -> None:
        self.preamble = preamble
        self._raw = entries
        self._last: tuple[tuple[int, int, frozenset[int]], Entry | None] | None = None

    @classmethod
    def of(cls, payload: bytes, trace_id: bytes) -> Contents | None:
        """As `parse`. Who has a trace open twice has this once: of a long one it is most of the memory."""
        key = trace_id, zlib.crc32(payload)
        found = cls._open.get(key) or cls.parse(payload)
        if found is not None:
            cls._open[key] = found
        return found

    @classmethod
    def parse(cls, payload: bytes) -> Contents | None:
        """None for what is none: nothing of it is believed then."""
        entries: dict[tuple[int, int], bytes] = {}
        try:
            size, at = varint.decode(payload, 0)
            preamble = payload[at : at + size] + bytes([REC_BEGIN])
            at += size
            while at < len(payload):
                key = HEAD.unpack_from(payload, at)
                size, at = varint.decode(payload, at + HEAD.size)
                entries[key] = payload[at : at + size]
                at += size
        except (IndexError, struct.error):
            return None
        return cls(preamble, entries) if at == len(payload) else None

    def entry(
        self, first_event: int, crc: int, others: frozenset[int] = frozenset()
    ) -> Entry | None:
        """Of this very chunk; None: nothing is known of it. Read when it is asked for, in microseconds: as objects
        those of a long trace would take twenty times the memory. `others`: codes of which it need say nothing."""
        key = first_event, crc, others
        last = self._last  # of whichever thread asked
        if last is None or last[0] != key:
            raw = self._raw.get((first_event, crc))
            found = None if raw is None else read_contents(raw, others)
            self._last = last = key, None if found is None else Entry._make(found)
        return last[1]

    def is_silent(self, first_event: int, crc: int) -> bool:
        """Whether it is known that there is no output and no log in it."""
        entry = self.entry(first_event, crc)
        return entry is not None and entry.is_silent


def is_within(less: Entry, more: Entry) -> bool:
    """Whether the one says nothing that the other does not say."""
    return (
        less.ends <= more.ends
        and less.is_silent >= more.is_silent
        and less.threads <= more.threads
        and less.raised <= more.raised
        and all(
            code in more.codes and _is_code_within(seen, more.codes[code])
            for code, seen in less.codes.items()
        )
        and all(
            number in more.globals and _are_bits_within(bits, more.globals[number])
            for number, bits in less.globals.items()
        )
        and all(
            slot in less.ranges.get(code, {}) and _is_range_within(less.ranges[code][slot], range_)
            for code, ranges in more.ranges.items()
            for slot, range_ in ranges.items()
            if code in less.codes
        )
        and all(more.rests.get(code, 0) <= rest for code, rest in less.rests.items())
        and _is_digest_within(less.digest, more.digest)
    )


def _is_code_within(
    less: tuple[int, int, bytes | None], more: tuple[int, int, bytes | None]
) -> bool:
    kinds, slots, lines = more
    return not less[0] & ~kinds and not less[1] & ~slots and _are_bits_within(less[2], lines)


def _is_digest_within(less: bytes, more: bytes) -> bool:
    """An empty one says nothing. The longer one is folded."""
    if not more:
        return True
    if not less:
        return False
    while len(less) != len(more):
        if len(less) > len(more):
            less = _folded(less)
        else:
            more = _folded(more)
    return not int.from_bytes(less, "little") & ~int.from_bytes(more, "little")


def _folded(digest: bytes) -> bytes:
    half = len(digest) // 2
    both = int.from_bytes(digest[:half], "little") | int.from_bytes(digest[half:], "little")
    return both.to_bytes(half, "little")


def _is_range_within(less: Range, more: Range) -> bool:
    return more[0] <= less[0] and less[1] <= more[1]


def _are_bits_within(less: bytes | None, more: bytes | None) -> bool:
    if more is None:
        return True
    if less is None:
        return False
    return not int.from_bytes(less, "little") & ~int.from_bytes(more, "little")
