"""The text of the recorded files, which a trace keeps as it was when it ran."""

from __future__ import annotations

import json
from typing import NamedTuple

from recorder import errors
from recorder.trace import varint
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile


@errors.guarded_class("read")
class Source(NamedTuple):
    """The text of a recorded file, as it was when it ran."""

    path: str
    sha256: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


def read_source(file: TraceFile, chunk: Chunk) -> Source:
    """What a SOURCE chunk holds. Raises TRACE_CORRUPT."""
    payload = file.payload(chunk)
    try:
        size, at = varint.decode(payload, 0)
        about = json.loads(payload[at : at + size])
        return Source(str(about["path"]), str(about["sha256"]), payload[at + size :])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as exc:
        raise file.corrupt(chunk.offset, "a source is not as it should be") from exc
