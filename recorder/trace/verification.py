"""A full verification: every checksum, and every record of every chunk."""

from __future__ import annotations

from typing import NamedTuple

from recorder import errors
from recorder._core.decode import Scanner
from recorder.trace.container.file import Damage, TraceFile, Verdict
from recorder.trace.format import ChunkType


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
    for chunk in file.of(ChunkType.EVENTS):
        try:
            payload = file.payload(chunk)
        except errors.TraceCorruptError as exc:
            file.note_error(chunk, exc)
            continue
        info = Scanner().chunk(payload, chunk.head.first_event)
        events += info.events
        lost += info.lost
        if info.damage is not None:
            file.note_error(chunk, info.damage)
        else:
            file.check_count(chunk, chunk.head.first_event + info.events)
    trailer = file.trailer
    written = max(file.events, trailer.events if trailer else 0)
    return Check(file.verdict, events, written, max(lost, file.lost_events), list(file.damage))
