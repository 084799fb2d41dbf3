"""The texts of the recorded files that a trace keeps, and how far each is known to be what ran."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.trace import origins, varint
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType

NEVER: Final = 1 << 63  # behind every code

# As PEP 263 has it, in one of the first two lines, behind nothing but comments.
DECLARED: Final = re.compile(
    rb"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)",
    re.ASCII,
)


@errors.guarded_class("read")
class Source(NamedTuple):
    """A text of a recorded file. A file that changed while the program ran has several.

    `doubt` is None where it is proved that what ran was compiled from this text, else a word: `differs` (it was not),
    `unchecked` or `unknown` (nobody can say); `why` says it in a sentence. Of a source out of `Trace.sources` it is
    about all functions of the file that ran, of one out of `Trace.source_of` about that function."""

    path: str
    sha256: str
    content: bytes
    number: int | None = None  # None: of a trace of an older recorder
    doubt: str | None = origins.UNKNOWN

    @property
    def encoding(self) -> str:
        """The one that the text declares, as PEP 263 says; without a declaration, or with a wrong one, utf-8."""
        if self.content.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        declared = DECLARED.match(self.content)
        try:
            name = declared[1].decode("ascii") if declared else "utf-8"
            b" ".decode(name)  # LookupError for what is no encoding of texts
            return name
        except (LookupError, ValueError):  # such as utf-16, in which nobody can declare anything
            return "utf-8"

    @property
    def text(self) -> str:
        """Decoded. What cannot be is replaced by U+FFFD."""
        return self.content.decode(self.encoding, "replace")

    @property
    def lines(self) -> list[str]:
        """As Python counts them: lines end at \\n, \\r\\n and \\r, and at nothing else."""
        return split_lines(self.text)

    @property
    def why(self) -> str:
        """Why this may not be what ran; empty where it is."""
        return "" if self.doubt is None else origins.DOUBTS.get(self.doubt, self.doubt)


def split_lines(text: str) -> list[str]:
    """Without their ends. `str.splitlines` would end lines at form feeds and at U+2028 as well."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


class Texts:
    """The texts of a trace's files, looked for when they are first asked for."""

    def __init__(self, file: TraceFile) -> None:
        self._file = file
        self._sources: Sources | None = None

    @property
    def sources(self) -> Sources:
        if self._sources is None:
            self._sources = Sources(self._file)
        return self._sources

    def of(self, path: str) -> str | None:
        """What a file says, if that is what ran. One that nobody could check is taken for it, as of older recorders."""
        texts = [source for source in self.sources.all if source.path == path]
        if len(texts) != 1 or texts[0].doubt not in (None, origins.UNKNOWN):
            return None
        return texts[0].text


class Sources:
    """All texts of a trace, and which code each is of."""

    def __init__(self, file: TraceFile) -> None:
        self.all: list[Source] = []  # as they were first used
        self.codes: dict[int, tuple[int, str]] = {}  # by number of the code: source and word
        self.missing: dict[str, str] = {}
        self.newest: dict[
            str, Source
        ] = {}  # by path: of those that code is known to be of, if there are any
        self._by_number: dict[int | None, Source] = {}
        for chunk in file.of(ChunkType.ORIGINS):
            try:
                self._add_origins(_json(file, chunk))
            except errors.TraceCorruptError as exc:
                file.note_error(chunk, exc)
        doubts = self._doubts()
        for chunk in file.of(ChunkType.SOURCE):
            try:
                source = read_source(file, chunk)
            except errors.TraceCorruptError as exc:
                file.note_error(chunk, exc)
                continue
            if source.number in doubts:
                source = source._replace(doubt=doubts[source.number])
            self._by_number[source.number] = source
            self.all.append(source)
        # Who finds a text writes it, the program or the sealer: their order in the file is chance.
        first_use = self._first_use()
        self.all.sort(key=lambda source: first_use.get(source.number, NEVER))
        for used in (False, True):
            self.newest |= {s.path: s for s in self.all if (s.number in first_use) is used}
        for path in self.newest:
            self.missing.pop(path, None)

    def of(self, code: int, path: str) -> Source | None:
        """The text of one code, which is of this file."""
        number, word = self.codes.get(code, (None, origins.UNKNOWN))
        source = self._by_number.get(number) if number is not None else None
        if number is None and path in self.newest and not path.startswith("<"):  # a name of many
            source = self.newest[path]
        if source is None:
            return None
        return source._replace(doubt=None if word == origins.PROVED else word)

    def _add_origins(self, facts: Mapping[str, Any]) -> None:
        for source, word, numbers in facts["codes"]:
            self.codes.update(dict.fromkeys(numbers, (source, str(word))))
        self.missing.update((path, str(why)) for path, why in facts["missing"].items())

    def _first_use(self) -> dict[int | None, int]:
        """The number of the first code that each source is of: codes are numbered as they are met."""
        first: dict[int | None, int] = {}
        for code, (source, _) in self.codes.items():
            first[source] = min(code, first.get(source, code))
        return first

    def _doubts(self) -> dict[int | None, str | None]:
        """Of each source: the first doubt that there is of a code of it."""
        found: dict[int | None, str | None] = {}
        for source, word in self.codes.values():
            doubt = None if word == origins.PROVED else word
            found[source] = found.get(source) or doubt
        return found


def _json(file: TraceFile, chunk: Chunk) -> Mapping[str, Any]:
    """Of an ORIGINS chunk, as far as its shape can be relied on."""
    facts = file.json(chunk)
    try:
        numbers = [number for source, _, codes in facts["codes"] for number in (source, *codes)]
        facts["missing"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        numbers = [None]
    if any(type(number) is not int for number in numbers):
        raise file.corrupt(chunk.offset, "what is told of sources is not as it should be")
    return facts


def read_source(file: TraceFile, chunk: Chunk) -> Source:
    """What a SOURCE chunk holds. Raises TRACE_CORRUPT."""
    payload = file.payload(chunk)
    try:
        size, at = varint.decode(payload, 0)
        about = json.loads(payload[at : at + size])
        number = about.get("number")
        return Source(
            str(about["path"]),
            str(about["sha256"]),
            payload[at + size :],
            None if number is None else int(number),
        )
    except (
        ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError
    ) as exc:  # fmt: skip
        raise file.corrupt(chunk.offset, "a source is not as it should be") from exc
