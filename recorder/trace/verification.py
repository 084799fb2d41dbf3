"""A full verification: every checksum, and every record of every chunk."""

from __future__ import annotations

from typing import NamedTuple

from recorder import errors
from recorder._core.decode import (
    CallTree,
    Function,
    Namespace,
    Reader,
    Scanner,
    SegmentInfo,
    read_contents,
)
from recorder.trace import call_sums
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import Damage, TraceFile, Verdict
from recorder.trace.contents import Contents, Entry, is_within
from recorder.trace.format import REC_BEGIN, ChunkType
from recorder.trace.snapshots import Event, Frame


class Check(NamedTuple):
    """What a full verification found."""

    verdict: Verdict
    events: int  # that can be read
    written: int  # that the file says it holds
    lost: int  # known to be lost
    damage: list[Damage]


@errors.guarded("read")
def verify(file: TraceFile) -> Check:
    """Reads all of the file. What is wrong is noted in `file.damage`, too. Raises READ_FAILED, OUT_OF_MEMORY;
    INVALID_ARGUMENT if the file is closed."""
    file.check_payloads()
    events = lost = 0
    claims = _Claims(file)
    calls = CallTree(call_sums.BY_WAY | call_sums.BY_FUNCTION)
    calls.set_clock(file.head.ticks_per_second, file.head.started)
    for chunk in file.of(ChunkType.EVENTS):
        try:
            payload = file.payload(chunk)
        except errors.TraceCorruptError as exc:
            file.note_error(chunk, exc)
            continue
        info = Scanner(calls).chunk(payload, chunk.head.first_event)
        events += info.events
        lost += info.lost
        if info.damage is not None:
            file.note_error(chunk, info.damage)
        else:
            file.check_count(chunk, chunk.head.first_event + info.events)
            claims.check(chunk, info)
    _check_calls(file, calls)
    trailer = file.trailer
    written = max(file.events, trailer.events if trailer else 0)
    return Check(file.verdict, events, written, max(lost, file.lost_events), list(file.damage))


def _check_calls(file: TraceFile, calls: CallTree) -> None:
    """What CALLS says, held against the calls that there are. Where chunks are damaged there is nothing to hold it
    against."""
    computed = None if file.damage else call_sums.of_bytes(calls.encoded())
    if computed is None:
        return
    for chunk in file.of(ChunkType.CALLS):
        try:
            said = call_sums.parse(file.payload(chunk), file.event_heads())
        # audit: noted as a wrong checksum
        except errors.TraceCorruptError:
            continue
        if said != computed:
            file.note(chunk.offset, "what it says of the calls is not so")


class _Claims:
    """What CONTENTS says of the chunks, held against what is in them."""

    def __init__(self, file: TraceFile) -> None:
        self.file = file
        self.chunk: Chunk | None = None
        self.contents: Contents | None = None
        self.definitions = self._reader()
        for self.chunk in file.of(ChunkType.CONTENTS):
            try:
                self.contents = Contents.parse(file.payload(self.chunk))
                if self.contents is not None:
                    self.definitions.load(self.contents.preamble, 0)
            except errors.TraceCorruptError:  # noted here, or as a wrong checksum
                self.contents = None
            if self.contents is None:
                self.is_wrong()

    def check(self, chunk: Chunk, info: SegmentInfo) -> None:
        if self.contents is None:
            return
        claimed = self.contents.entry(chunk.head.first_event, chunk.head.payload_crc)
        found = read_contents(info.contents + info.digest)
        is_so = claimed is None or (found is not None and is_within(Entry._make(found), claimed))
        if not (is_so and self._defines(info.definitions)):
            self.is_wrong()

    def _defines(self, records: bytes) -> bool:
        """Whether what a chunk defines is defined as there."""
        claimed, chunk = self.definitions, self._reader()
        chunk.load(records + bytes([REC_BEGIN]), 0)
        for number, function in chunk.functions.items():
            if not _is_same(function, claimed.functions.get(number)):
                return False
        for number, namespace in chunk.namespaces.items():
            if not _is_named(namespace, claimed.namespaces.get(number)):
                return False
        return (
            chunk.threads.keys() <= claimed.threads.keys()
            and chunk.tasks.keys() <= claimed.tasks.keys()
            and chunk.types.items() <= claimed.types.items()
        )

    def _reader(self) -> Reader[Event, Frame]:
        return Reader(self.file.head.ticks_per_second, self.file.head.started, Event, Frame)

    def is_wrong(self) -> None:
        if self.chunk is not None:
            self.file.note(self.chunk.offset, "what it says of the chunks is not so")


def _is_same(one: Function, claimed: Function | None) -> bool:
    """The one may not have gained all names yet."""
    return (
        claimed is not None and _facts(one) == _facts(claimed) and _begins(claimed.names, one.names)
    )


def _facts(one: Function) -> tuple[object, ...]:
    return (
        one.file, one.first_line, one._flags, one.name, one.qualified_name, one.argument_count,
    )  # fmt: skip


def _is_named(one: Namespace, claimed: Namespace | None) -> bool:
    return claimed is not None and one.name == claimed.name and _begins(claimed.names, one.names)


def _begins(names: list[str], first: list[str]) -> bool:
    return names[: len(first)] == first
