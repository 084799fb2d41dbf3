"""A trace file as a row of chunks: found, checked, and read one at a time.

Nothing here trusts the file. What is damaged costs its chunk, is listed in `damage`, and the chunks
behind it are found again; the verdict never says more than was checked.
"""

from __future__ import annotations

import json
import os
import stat
import warnings
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core import syscalls
from recorder.staging import layout, stale
from recorder.trace.container import blocks
from recorder.trace.container.blocks import ChunkHead, FileHead, Trailer
from recorder.trace.container.chunks import SEARCHED_AT_ONCE, Chunk, ChunkReader
from recorder.trace.format import (
    FILE_MAGIC,
    HEADER_SIZE,
    MAJOR,
    VERDICT_MAGIC,
    ChunkFlag,
    ChunkType,
    Codec,
)

KINDS: Final = frozenset(ChunkType)
CODECS: Final = frozenset(Codec)
UNREADABLE: Final = (errors.TraceCorruptError, errors.UnknownRecordError)


class Damage(NamedTuple):
    """What is wrong, and where in the file."""

    offset: int
    reason: str


class Verdict(str):
    """What a reader may believe: `complete`, `partial(DISK_FULL)`, `truncated`, `corrupt(5000)`.

    It compares equal to that text; `state` is the word alone.
    """

    __slots__ = ("code", "offset", "state")

    state: str
    code: int  # the number of the error that ended the recording, or 0
    offset: int | None  # of the first damage

    def __new__(cls, state: str, code: int = 0, offset: int | None = None) -> Verdict:
        detail = ""
        if state == "partial":
            detail = f"({errors.class_for(code).error_name.removeprefix('ERR_')})" if code else ""
        elif offset is not None:
            detail = f"({offset})"
        self = super().__new__(cls, state + detail)
        self.state = state
        self.code = code
        self.offset = offset
        return self


class TraceFile:
    """An open trace. `chunks` are those whose headers are sound, in the order of the file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.damage: list[Damage] = []
        self.chunks: list[Chunk] = []
        self._by_kind: dict[int, list[Chunk]] = {}  # when all are found
        self.trailer: Trailer | None = None
        self.end = 0  # behind the last chunk that is there as a whole
        self._checked = False
        self._opened = _open(self.path)
        self._reader = ChunkReader(self._opened.fileno(), self.path)
        try:
            self.size = os.fstat(self._reader.fd).st_size
            self.head = self._read_head()
            self._scan()
            self._compare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._reader.fd >= 0:
            self._reader.fd = -1
            with self._opened:
                pass  # its end raises what closing raised

    def __del__(self) -> None:
        reader = getattr(self, "_reader", None)
        if reader is None or reader.fd < 0:
            return
        try:
            # audit: Python's own word for it
            warnings.warn(f"{self.path!r} was not closed", ResourceWarning, 2, source=self)
        finally:  # where warnings are errors
            self.close()

    # ---- reading ----

    def payload(self, chunk: Chunk, size: int | None = None) -> bytes:
        """What the chunk holds, or its first bytes. Raises TRACE_CORRUPT if it is damaged, INVALID_ARGUMENT if the
        trace is closed."""
        self._check_open()
        return self._reader.payload(chunk) if size is None else self._reader.beginning(chunk, size)

    def _check_open(self) -> None:
        if self._reader.fd < 0:
            raise errors.InvalidArgumentError("the trace is closed", argument="trace")

    def json(self, chunk: Chunk) -> dict[str, Any]:
        """What a META or CLOSE chunk says."""
        try:
            facts = json.loads(self.payload(chunk))
        except (ValueError, RecursionError) as exc:
            if isinstance(exc, errors.RecorderError):
                raise
            raise self.corrupt(chunk.offset, "what should be JSON is not") from exc
        if not isinstance(facts, dict):
            raise self.corrupt(chunk.offset, "what should be a JSON object is not")
        return facts

    def corrupt(self, offset: int, reason: str) -> errors.TraceCorruptError:
        return self._reader.corrupt(offset, reason)

    # ---- finding the chunks ----

    def _read_head(self) -> FileHead:
        raw = self._reader.read(HEADER_SIZE, 0)
        magic = FILE_MAGIC
        if not raw:
            raise errors.NotATraceError(path=self.path, reason="it is empty")
        if not raw.startswith(magic[: len(raw)]):
            raise errors.NotATraceError(path=self.path, reason="it does not begin like one")
        if len(raw) < HEADER_SIZE:
            raise errors.TraceTruncatedError(path=self.path, offset=len(raw))
        version = blocks.major_version(raw)
        if not blocks.is_sealed(raw, magic):
            self.note(0, "the file header's checksum does not fit")
        elif version > MAJOR:
            raise errors.TraceVersionUnsupportedError(
                path=self.path, version=version, supported=MAJOR
            )
        return FileHead.unpack(raw)

    def note(self, offset: int, reason: str) -> None:
        if Damage(offset, reason) not in self.damage:
            self.damage.append(Damage(offset, reason))

    def note_error(self, chunk: Chunk, error: errors.RecorderError) -> None:
        """Notes that the chunk cannot be read; raises what does not say so."""
        if not isinstance(error, UNREADABLE):
            raise error
        self.note(chunk.offset, str(error.context.get("reason") or error.message))

    def check_count(self, chunk: Chunk, next_event: int) -> None:
        """Notes it if the event behind the chunk's last one does not have this number."""
        if next_event != chunk.head.first_event + chunk.head.events:
            self.note(chunk.offset, "there are not as many events as the chunk says")

    def _scan(self) -> None:
        at = self.end = HEADER_SIZE
        while at < self.size:
            raw = self._reader.read(HEADER_SIZE, at)
            if at == self.size - HEADER_SIZE and blocks.is_sealed(raw, VERDICT_MAGIC):
                self.trailer = Trailer.parse(raw)
                if self.trailer is None:
                    self.note(at, "the verdict is not one that is known")
                return
            chunk = self._chunk(raw, at)
            if chunk is None:
                if len(raw) < HEADER_SIZE or self._is_void(at):
                    return  # the writer died here
                self.note(at, "no chunk begins where one should")
                at = self._resync(at + 1)
                continue
            if chunk.end > self.size:
                return  # the writer died in this one
            self.chunks.append(chunk)
            at = self.end = chunk.end

    def _chunk(self, raw: bytes, at: int) -> Chunk | None:
        """The chunk with this header; None if it is not a sound one."""
        head = ChunkHead.parse(raw)
        if head is None:
            return None
        unknown = head.kind not in KINDS and not head.flags & ChunkFlag.IGNORABLE
        if unknown or head.codec not in CODECS:
            raise errors.TraceVersionUnsupportedError(
                f"{self.path} holds a chunk (type {head.kind}, codec {head.codec}) that only a "
                f"newer recorder can read",
                path=self.path,
                version=MAJOR,
                supported=MAJOR,
            )
        return Chunk(at, head) if head.is_plausible else None

    def _resync(self, at: int) -> int:
        """Where the next thing with a sound header begins, or the end of the file."""
        found = self._reader.next_header(at, self.size)
        if found is not None:
            return found
        last = self.size - HEADER_SIZE
        raw = self._reader.read(HEADER_SIZE, last)
        is_verdict = blocks.is_sealed(raw, VERDICT_MAGIC)
        return last if is_verdict and last >= self.end else self.size

    def _is_void(self, at: int) -> bool:
        """Whether there are only zeros from here on: space that was reserved and never written."""
        while at < self.size:
            piece = self._reader.read(SEARCHED_AT_ONCE, at)
            if not piece or piece.strip(b"\0"):
                return not piece
            at += len(piece)
        return True

    # ---- judging ----

    def of(self, kind: int) -> list[Chunk]:
        """Nobody changes what is given: every question asks for it, of thousands."""
        found = self._by_kind.get(kind)
        if found is None:
            found = [chunk for chunk in self.chunks if chunk.head.kind == kind]
            self._by_kind[kind] = found
        return found

    def event_heads(self) -> Iterator[tuple[int, int]]:
        """Of the chunks of events: the first event, and the crc of the payload as it is stored."""
        return ((one.head.first_event, one.head.payload_crc) for one in self.of(ChunkType.EVENTS))

    @property
    def events(self) -> int:
        """How many there are, those in damaged chunks included."""
        return sum(chunk.head.events for chunk in self.of(ChunkType.EVENTS))

    @property
    def lost_events(self) -> int:
        """How many are known to be lost."""
        if self.trailer is not None:
            return self.trailer.lost
        return sum(chunk.head.lost for chunk in self.of(ChunkType.EVENTS))

    def _compare(self) -> None:
        """Holds what the headers say against each other."""
        sequence, event = 0, 0
        for chunk in self.chunks:
            if chunk.head.sequence != sequence and not self.damage:
                self.note(chunk.offset, "chunks are missing before this one")
            sequence = chunk.head.sequence + 1
            if chunk.head.kind == ChunkType.DROPPED:
                event = chunk.head.first_event + chunk.head.lost
            if chunk.head.kind == ChunkType.EVENTS:
                if chunk.head.first_event != event and not self.damage:
                    self.note(chunk.offset, "events are missing before this chunk")
                event = chunk.head.first_event + chunk.head.events
        trailer = self.trailer
        if trailer is None:
            if (
                self.chunks
                and self.chunks[-1].head.kind == ChunkType.CLOSE
                and self.size - self.end >= 64
            ):
                self.note(self.end, "the verdict is damaged")
            return
        closing = [chunk for chunk in self.chunks[-1:] if chunk.head.kind == ChunkType.CLOSE]
        if not closing or closing[0].offset != trailer.close_offset:
            self.note(self.size - HEADER_SIZE, "the closing chunk is not where the verdict says")
        elif trailer.chunks != len(self.chunks):
            self.note(self.size - HEADER_SIZE, "there are not as many chunks as the verdict says")

    def check_payloads(self) -> None:
        """Checks what is in the chunks against its checksums, once."""
        if not self._checked:
            self._check_open()
            self._checked = True
            for chunk in self.chunks:
                if chunk.head.kind == ChunkType.DROPPED:
                    continue
                try:
                    self._reader.stored(chunk)
                except errors.TraceCorruptError as exc:
                    self.note(chunk.offset, str(exc.context["reason"]))
            if self.trailer is not None and not self.damage and self.trailer.events != self.events:
                self.note(
                    self.size - HEADER_SIZE, "there are not as many events as the verdict says"
                )

    @property
    def verdict(self) -> Verdict:
        self.check_payloads()
        return self.verdict_so_far

    @property
    def verdict_so_far(self) -> Verdict:
        """As far as the file was read until now: its headers, and what was asked for."""
        trailer = self.trailer
        code = trailer.code if trailer else 0
        if self.damage:
            return Verdict("corrupt", code, min(self.damage).offset)
        if trailer is None:
            return Verdict("truncated")
        return Verdict(blocks.STATES[trailer.state], code)


NOBODY: Final = -1  # the number of no process


def _open(path: str) -> syscalls.Opened:
    """A descriptor that is closed wherever the memory for what holds it runs out."""
    try:
        opened = syscalls.opened(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as exc:
        pid = stale.recorded_by(os.path.abspath(path), except_for=NOBODY)
        if pid is not None:
            raise errors.TraceBusyError(path=path, target_pid=pid) from None
        raise errors.from_oserror(exc, operation="open_trace", path=path) from exc
    except OSError as exc:
        raise errors.from_oserror(exc, operation="open_trace", path=path) from exc
    mode = os.fstat(opened.fileno()).st_mode
    if stat.S_ISREG(mode):
        return opened
    opened.close()
    if stat.S_ISDIR(mode):
        raise _about_folder(path)
    raise errors.NotATraceError(path=path, reason="it is not a regular file")


def _about_folder(path: str) -> errors.RecorderError:
    """What to say of a folder: it may be a staging folder, in use or left behind."""
    if not os.path.exists(os.path.join(path, "session.json")):
        return errors.NotATraceError(path=path, reason="it is a folder")
    if stale.is_stale(path):
        return errors.NotATraceError(
            path=path, reason=f"a killed run left it; `recorder recover {path}` makes a trace of it"
        )
    try:
        pid = layout.read_session(path).get("target_pid")
    except errors.RecorderError:
        return errors.NotATraceError(path=path, reason="it is a folder")
    return errors.TraceBusyError(path=path, target_pid=pid)
