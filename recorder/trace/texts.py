"""The texts of the recorded files, as those keep them who make a trace: read early, kept, and held against what ran.

A file is read when the program begins to run code of it. It may be another one later: each content is a source of its
own, and each code belongs to the one that it is compiled from. What cannot be shown to be what ran is kept, and told.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from recorder import errors
from recorder.trace import doctests, origins, recompile, source_files, varint
from recorder.trace.container.writer import TraceWriter
from recorder.trace.format import ChunkType

ALL_SOURCES: Final = 64 << 20
HELD: Final = 8 << 20  # bytes of texts that are not written yet
MOST_PATHS: Final = (
    4096  # that are remembered, as many as in the program; code made as it runs can have any number
)
MOST_TEXTS: Final = 64  # of one path
WAITING: Final = 50_000  # codes whose text is still to be found
COMMAND: Final = "<string>"  # as Python names what is given with -c, and exec() what has no name
MOST_EXAMINED: Final = 64  # files whose examples are remembered
SUFFIXES: Final = (".py", ".pyw")  # of files that are kept without a proof


Code = tuple[int, str, int]  # number, path, digest


class Text:
    """One content of a file."""

    __slots__ = (
        "digests",
        "is_given",
        "is_seen",
        "number",
        "path",
        "read",
        "sha256",
        "stamp",
        "word",
    )

    def __init__(
        self, path: str, read: source_files.Read, sha256: str, is_given: bool = False
    ) -> None:
        self.path = path
        self.is_given = is_given  # by the program's Python or the command line; it is in no file
        self.read: source_files.Read | None = read  # None: written, or not to be kept
        self.stamp = read.stamp
        self.sha256 = sha256
        self.number: int | None = None  # as it is written
        self.digests: frozenset[int] = frozenset()
        self.word = ""  # why nothing can be proved of it
        self.is_seen = False  # it was compiled, or need not be

    def says(self) -> str:
        """Of a code that is not in it."""
        return origins.DIFFERS if self.word in ("", origins.NOT_PYTHON) else self.word


class Texts:
    """Of one recording. optimize: how often -O was given to the program's Python; it is known once that runs.

    checking: whether this Python compiles as the program's does, and may. keeping: whether texts are wanted. began:
    when the program was started, in nanoseconds; 0: nobody knows."""

    def __init__(
        self,
        writer: TraceWriter,
        cwd: str,
        optimize: Callable[[], int],
        *,
        checking: bool,
        keeping: bool,
        began: int = 0,
    ) -> None:
        self.writer = writer
        self.cwd = cwd
        self.optimize = optimize
        self.checking = checking
        self.keeping = keeping
        self.began = began
        self.texts: dict[
            str, list[Text]
        ] = {}  # by path, that of the last use last; of a path, the newest last
        self.unseen: deque[Text] = deque()  # not compiled yet
        self.waiting: dict[str, list[tuple[int, int]]] = {}  # by path: number and digest of codes
        self.waiting_codes = 0
        self.found: dict[tuple[int, str], list[int]] = {}  # source and word: codes
        self.missing: dict[str, str] = {}  # path: why; to be written …
        self.written: dict[str, str] = {}  # … and written
        self.settled: set[int] = set()  # codes of which ORIGINS that are taken up tell
        self.examples: dict[str, dict[str, list[str]]] = {}  # of doctest's, by sha256 of the file
        self.held = 0
        self.written_bytes = 0
        self.sources = 0
        self.is_full = False

    # ---- what comes in ----

    def announce(self, path: str) -> None:
        """The program has begun to run code of this file."""
        if path.startswith("<") or not self.keeping:
            return
        full = os.path.join(self.cwd, path)
        texts = self._of(path)
        if texts and texts[-1].stamp == source_files.current_stamp(full):
            return
        read = source_files.read(full)
        if isinstance(read, str):
            if not texts:
                self._miss(path, read)
            return
        self._take(path, read)

    def take_command(self, argv: object) -> None:
        """The program may be the code that was given with -c."""
        if isinstance(argv, list) and argv[:1] == ["-c"] and len(argv) > 1:
            self._give(COMMAND, str(argv[1]).encode("utf-8", "surrogateescape"))

    def _give(self, path: str, content: bytes) -> None:
        """A text that is in no file."""
        if self.keeping:
            self._take(path, source_files.Read(content, None), is_given=True)

    def _take(self, path: str, read: source_files.Read, is_given: bool = False) -> None:
        texts = self._of(path)
        sha256 = _sha256(read.content)
        if texts and texts[-1].sha256 == sha256:
            texts[-1].stamp = read.stamp
            return
        text = Text(path, read, sha256, is_given)
        texts.append(text)
        if len(texts) > MOST_TEXTS and texts[0].is_seen:
            self._release(texts.pop(0))
        self.unseen.append(text)
        self.held += len(read.content)
        while self.held > HELD and self.unseen:
            self._look_at(self.unseen.popleft())

    def _of(self, path: str) -> list[Text]:
        """The texts of a path. Of the paths that nobody has spoken of for longest nothing is remembered: one that comes
        again is read again."""
        texts = self.texts.pop(path, [])
        self.texts[path] = texts
        if len(self.texts) > MOST_PATHS:
            oldest = next(iter(self.texts))
            others = self.texts.pop(oldest)
            is_busy = oldest in self.waiting or not all(text.is_seen for text in others)
            if is_busy or oldest == COMMAND:
                self.texts[oldest] = others
            else:
                for text in others:
                    self._release(text)
        return texts

    def add(
        self, codes: Iterable[Code], files: Iterable[str], given: Iterable[tuple[str, bytes]]
    ) -> None:
        """Codes that have run, the files that were not spoken of before, and texts that Python itself held."""
        for path, content in given:
            self._give(path, content)
        for path in files:
            if not self.texts.get(path):
                self.announce(path)
        for number, path, digest in codes:
            is_known = not path.startswith("<") or path in self.texts or doctests.example(path)
            if is_known and self.keeping and number not in self.settled:
                self.waiting.setdefault(path, []).append((number, digest))
                self.waiting_codes += 1
        while self.waiting_codes > WAITING:
            self.work()

    def resume(self, kind: int, payload: bytes) -> None:
        """Takes up what another process has written: a SOURCE or an ORIGINS chunk."""
        try:
            if kind == ChunkType.ORIGINS:
                facts = json.loads(payload)
                self.settled.update(
                    number for _, _, numbers in facts["codes"] for number in numbers
                )
                self.written.update(facts["missing"])
                return
            size, at = varint.decode(payload, 0)
            about = json.loads(payload[at : at + size])
            read = source_files.Read(payload[at + size :], None)
            text = Text(about["path"], read, about["sha256"])
            text.number = about["number"]
            self.sources = max(self.sources, text.number + 1)
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            return  # a chunk that nobody can read is no text
        self.written_bytes += len(read.content)
        self.held += len(read.content)
        self.texts.setdefault(text.path, []).append(text)
        self.unseen.append(text)

    @property
    def has_work(self) -> bool:
        return bool(self.unseen or self.waiting or self.found or self.missing)

    # ---- the work, a piece at a time ----

    def work(self) -> bool:
        """One file's worth of what is to be done; False if there was nothing."""
        if self.unseen:
            self._look_at(self.unseen.popleft())
        elif self.waiting:
            path = next(iter(self.waiting))
            codes = self.waiting.pop(path)
            self.waiting_codes -= len(codes)
            self._find(path, codes)
        elif self.found or self.missing:
            self._write_origins()
        else:
            return False
        return True

    def finish(self) -> None:
        while self.work():
            pass

    def _look_at(self, text: Text) -> None:
        """Compiles it; what is named as Python is then kept in any case."""
        text.is_seen = True
        read = text.read
        if read is None:
            return
        if not self.checking:
            text.word = origins.UNCHECKED
        else:
            full = os.path.join(self.cwd, text.path)
            wanted = [digest for _, digest in self.waiting.get(text.path, ())]
            found = recompile.digests(
                full, read, self.optimize(), text.is_given, self.began, wanted
            )
            if isinstance(found, str):
                text.word = found
            else:
                text.digests = found
        if text.path.endswith(SUFFIXES) or (text.is_given and text.path != COMMAND):
            self._keep(text)
        elif not text.digests and text.number is None:
            self._release(text)

    def _find(self, path: str, codes: list[tuple[int, int]]) -> None:
        """The text of each of these codes. Where it is in none that was read, the file may have been changed since."""
        if path not in self.texts:
            self._find_example(path, codes)
            self._read_now(path)
        left = self._match(path, codes)
        if left:
            self._read_now(path)
            left = self._match(path, left)
        texts = self.texts[path]
        if left and texts and path != COMMAND:
            newest = texts[-1]
            if newest.number is not None:
                numbers = [number for number, _ in left]
                self.found.setdefault((newest.number, newest.says()), []).extend(numbers)
            elif not path.startswith("<"):
                self._miss(path, origins.NO_ROOM if self.is_full else origins.NOT_PYTHON)

    def _find_example(self, path: str, codes: list[tuple[int, int]]) -> None:
        """Takes the text of an example of doctest's out of the file that it is in, where one proves to be what ran."""
        example = doctests.example(path)
        if example is None:
            return
        self._of(path)
        if not self.checking:
            return
        for of, texts in list(self.texts.items()):
            for text in texts if example.may_be_of(of) else ():
                for source in example.texts(self._examples_of(text)):
                    content = source.encode("utf-8", "surrogatepass")
                    found = recompile.compiled(content, self.optimize(), in_parts=True)
                    if not isinstance(found, str) and any(digest in found for _, digest in codes):
                        self._give(path, content)
                        return

    def _examples_of(self, text: Text) -> dict[str, list[str]]:
        if text.sha256 not in self.examples:
            read = text.read or source_files.read(os.path.join(self.cwd, text.path))
            if isinstance(read, str) or _sha256(read.content) != text.sha256:
                return {}
            self.examples[text.sha256] = doctests.in_docstrings(read.content)
            if len(self.examples) > MOST_EXAMINED:
                del self.examples[next(iter(self.examples))]
        return self.examples[text.sha256]

    def _read_now(self, path: str) -> None:
        self.announce(path)
        while self.unseen:
            self._look_at(self.unseen.popleft())

    def _match(self, path: str, codes: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Notes those that are in one of the texts, and gives the others."""
        for text in reversed(self.texts[path]):
            proved = [number for number, digest in codes if digest in text.digests]
            if not proved:
                continue
            self._keep(text)
            if text.number is not None:
                self.found.setdefault((text.number, origins.PROVED), []).extend(proved)
            codes = [code for code in codes if code[1] not in text.digests]
        return codes

    # ---- what is written ----

    def _keep(self, text: Text) -> None:
        """Writes it, once, as far as there is room."""
        read = text.read
        if text.number is not None:
            self._release(text)
            return
        if read is None:
            return
        self._release(text)
        if self.is_full or self.written_bytes + len(read.content) > ALL_SOURCES:
            self.is_full = True
            return
        try:
            self.writer.source(text.path, read.content, text.sha256, self.sources)
        except (errors.DiskFullError, errors.QuotaExceededError):
            self.is_full = True  # a trace without its sources is whole all the same
            return
        text.number = self.sources
        self.sources += 1
        self.written_bytes += len(read.content)

    def _release(self, text: Text) -> None:
        if text.read is not None:
            self.held -= len(text.read.content)
            text.read = None

    def _miss(self, path: str, why: str) -> None:
        if self.written.get(path) != why:
            self.written[path] = self.missing[path] = why
            if len(self.written) > MOST_PATHS:
                del self.written[next(iter(self.written))]

    def _write_origins(self) -> None:
        """Writes what was found out since the last time."""
        codes = [[source, word, numbers] for (source, word), numbers in self.found.items()]
        try:
            self.writer.origins({"codes": codes, "missing": self.missing})
        except (errors.DiskFullError, errors.QuotaExceededError):
            self.is_full = True
        self.found, self.missing = {}, {}


def _sha256(content: bytes) -> str:
    import hashlib  # brings OpenSSL: not while the program waits for the sealer to start

    return hashlib.sha256(content).hexdigest()
