"""A trace file as a row of chunks: found, checked, and read one at a time.

Nothing here trusts the file. What is damaged costs its chunk, is listed in `damage`, and the chunks
behind it are found again; the verdict never says more than was checked.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core import syscalls
from recorder.trace import compression, writer
from recorder.trace.writer import (
    CLOSE,
    DROPPED,
    EVENTS,
    HEAD_SIZE,
    INDEX,
    META,
    SOURCE,
    ChunkHead,
    FileHead,
)

PIECE: Final = 1 << 20  # bytes looked through at once for the next chunk
# No recording is longer, and ranges of numbers fit what Python counts with.
MOST_EVENTS: Final = 1 << 62
KNOWN: Final = (META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED)


class Chunk(NamedTuple):
    """Where a chunk is, and what its header says."""

    offset: int
    head: ChunkHead

    @property
    def end(self) -> int:
        return self.offset + HEAD_SIZE + self.head.stored_size


class Damage(NamedTuple):
    """What is wrong, and where in the file."""

    offset: int
    reason: str


class Trailer(NamedTuple):
    """The last 64 bytes of a closed file."""

    state: int
    exit_status: int | None
    code: int
    errno: int
    events: int
    lost: int
    close_offset: int
    chunks: int


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
        self.trailer: Trailer | None = None
        self.end = 0  # behind the last chunk that is there as a whole
        self._checked = False
        self.fd = _open(self.path)
        try:
            self.size = os.fstat(self.fd).st_size
            self.head = self._read_head()
            self._scan()
            self._compare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with errors.mapped("close", path=self.path):
                syscalls.close(fd, self.path)

    # ---- reading ----

    def read(self, size: int, at: int) -> bytes:
        if self.fd < 0:
            raise errors.InvalidArgumentError("the trace is closed", argument="trace")
        with errors.mapped("read", path=self.path, offset=at):
            return syscalls.pread(self.fd, size, at, self.path)

    def payload(self, chunk: Chunk) -> bytes:
        """What the chunk holds. Raises TraceCorruptError if it is damaged."""
        head = chunk.head
        raw = compression.unpack(head.codec, self._stored(chunk), head.raw_size)
        if raw is None:
            raise self.corrupt(chunk.offset, "the payload cannot be decompressed")
        if len(raw) != head.raw_size:
            raise self.corrupt(chunk.offset, "the payload is not as long as its header says")
        return raw

    def _stored(self, chunk: Chunk) -> bytes:
        stored = self.read(chunk.head.stored_size, chunk.offset + HEAD_SIZE)
        if len(stored) < chunk.head.stored_size or zlib.crc32(stored) != chunk.head.payload_crc:
            raise self.corrupt(chunk.offset, "the payload's checksum does not fit")
        return stored

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
        return errors.TraceCorruptError(path=self.path, offset=offset, reason=reason)

    # ---- finding the chunks ----

    def _read_head(self) -> FileHead:
        raw = self.read(HEAD_SIZE, 0)
        magic = writer.FILE_MAGIC
        if not raw:
            raise errors.NotATraceError(path=self.path, reason="it is empty")
        if not raw.startswith(magic[: len(raw)]):
            raise errors.NotATraceError(path=self.path, reason="it does not begin like one")
        if len(raw) < HEAD_SIZE:
            raise errors.TraceTruncatedError(path=self.path, offset=len(raw))
        _, major, _, _, trace_id, started, ticks, _, _ = writer.FILE_HEAD.unpack(raw[:-4])
        if not writer.is_sealed(raw, magic):
            self.note(0, "the file header's checksum does not fit")
        elif major > writer.MAJOR:
            raise errors.TraceVersionUnsupportedError(
                path=self.path, version=major, supported=writer.MAJOR
            )
        return FileHead(trace_id, started, ticks)

    def note(self, offset: int, reason: str) -> None:
        if Damage(offset, reason) not in self.damage:
            self.damage.append(Damage(offset, reason))

    def _scan(self) -> None:
        at = self.end = HEAD_SIZE
        while at < self.size:
            raw = self.read(HEAD_SIZE, at)
            if at == self.size - HEAD_SIZE and writer.is_sealed(raw, writer.VERDICT_MAGIC):
                self.trailer = _trailer(raw)
                if self.trailer is None:
                    self.note(at, "the verdict is not one that is known")
                return
            chunk = self._chunk(raw, at)
            if chunk is None:
                if len(raw) < HEAD_SIZE or self._is_void(at):
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
        if not writer.is_sealed(raw, writer.CHUNK_MAGIC):
            return None
        head = ChunkHead._make(writer.CHUNK_HEAD.unpack(raw[:-4]))
        unknown = head.kind not in KNOWN and not head.flags & writer.IGNORABLE
        if unknown or head.codec not in (compression.STORED, compression.ZSTD):
            raise errors.TraceVersionUnsupportedError(
                f"{self.path} holds a chunk (type {head.kind}, codec {head.codec}) that only a "
                f"newer recorder can read",
                path=self.path,
                version=writer.MAJOR,
                supported=writer.MAJOR,
            )
        if max(head.raw_size, head.stored_size) > writer.LARGEST_PAYLOAD:
            return None
        if head.events > head.raw_size:  # an event takes a byte at least
            return None
        if head.first_event >= MOST_EVENTS:
            return None
        return Chunk(at, head)

    def _resync(self, at: int) -> int:
        """Where the next thing with a sound header begins, or the end of the file."""
        while at < self.size:
            piece = self.read(PIECE + HEAD_SIZE, at)
            found = piece.find(writer.CHUNK_MAGIC)
            while 0 <= found < PIECE:
                head = piece[found : found + HEAD_SIZE]
                if writer.is_sealed(head, writer.CHUNK_MAGIC):
                    return at + found
                found = piece.find(writer.CHUNK_MAGIC, found + 1)
            at += PIECE
        last = self.size - HEAD_SIZE
        is_verdict = writer.is_sealed(self.read(HEAD_SIZE, last), writer.VERDICT_MAGIC)
        return last if is_verdict and last >= self.end else self.size

    def _is_void(self, at: int) -> bool:
        """Whether there are only zeros from here on: room that was reserved and never written."""
        while at < self.size:
            piece = self.read(PIECE, at)
            if not piece or piece.strip(b"\0"):
                return not piece
            at += len(piece)
        return True

    # ---- judging ----

    def of(self, kind: int) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk.head.kind == kind]

    def _compare(self) -> None:
        """Holds what the headers say against each other."""
        sequence, event = 0, 0
        for chunk in self.chunks:
            if chunk.head.sequence != sequence and not self.damage:
                self.note(chunk.offset, "chunks are missing before this one")
            sequence = chunk.head.sequence + 1
            if chunk.head.kind == DROPPED:
                event = chunk.head.first_event + chunk.head.lost
            if chunk.head.kind == EVENTS:
                if chunk.head.first_event != event and not self.damage:
                    self.note(chunk.offset, "events are missing before this chunk")
                event = chunk.head.first_event + chunk.head.events
        trailer = self.trailer
        if trailer is None:
            if self.chunks and self.chunks[-1].head.kind == CLOSE and self.size - self.end >= 64:
                self.note(self.end, "the verdict is damaged")
            return
        closing = [chunk for chunk in self.chunks[-1:] if chunk.head.kind == CLOSE]
        if not closing or closing[0].offset != trailer.close_offset:
            self.note(self.size - HEAD_SIZE, "the closing chunk is not where the verdict says")
        elif trailer.chunks != len(self.chunks):
            self.note(self.size - HEAD_SIZE, "there are not as many chunks as the verdict says")

    def check_payloads(self) -> None:
        """Checks what is in the chunks against its checksums, once."""
        if not self._checked:
            self._checked = True
            for chunk in self.chunks:
                if chunk.head.kind == DROPPED:
                    continue
                try:
                    self._stored(chunk)
                except errors.TraceCorruptError as exc:
                    self.note(chunk.offset, str(exc.context["reason"]))
            held = sum(chunk.head.events for chunk in self.of(EVENTS))
            if self.trailer is not None and not self.damage and self.trailer.events != held:
                self.note(self.size - HEAD_SIZE, "there are not as many events as the verdict says")

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
        return Verdict(writer.STATES[trailer.state], code)


def _trailer(raw: bytes) -> Trailer | None:
    _, state, known, _, exit_status, code, errno, events, lost, close, chunks, _ = (
        writer.VERDICT.unpack(raw[:-4])
    )
    if state not in writer.STATES:
        return None
    return Trailer(state, exit_status if known else None, code, errno, events, lost, close, chunks)


def _open(path: str) -> int:
    try:
        fd = syscalls.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        raise errors.from_oserror(exc, operation="open_trace", path=path) from exc
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    syscalls.close(fd, path)
    if stat.S_ISDIR(mode):
        raise _about_folder(path)
    raise errors.NotATraceError(path=path, reason="it is not a regular file")


def _about_folder(path: str) -> errors.RecorderError:
    """What to say of a folder: it may be a staging folder, in use or left behind."""
    if not os.path.exists(os.path.join(path, "session.json")):
        return errors.NotATraceError(path=path, reason="it is a folder")
    from recorder.staging import layout, stale

    if stale.is_stale(path):
        return errors.NotATraceError(
            path=path, reason=f"a killed run left it; `recorder recover {path}` makes a trace of it"
        )
    try:
        pid = layout.read_session(path).get("target_pid")
    except errors.RecorderError:
        return errors.NotATraceError(path=path, reason="it is a folder")
    return errors.TraceBusyError(path=path, target_pid=pid)
