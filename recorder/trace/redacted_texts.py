"""Texts that are told, without what stands behind further names in them: of logs, and what was printed. A `*` stands
for each byte, as where the recorder leaves it out."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from recorder._core.capture import Masking
from recorder.trace import format as f
from recorder.trace import varint
from recorder.trace.format import LogFlag, LogKind, OutputFlag
from recorder.trace.redacted_values import REDACTED, TEXTS, Names, Walk, redacted, text_of

STREAM: Final = 3  # these bits of an OUTPUT's first operand
IN_ADDRESS: Final = (b"", b"://", b":", b"", b"?")  # before each part of an HTTP's

Told = tuple[
    int, bytes | None
]  # where a value ends, and what it is without secrets: None if it is the same


class Texts:
    """Of one trace."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.masking = Masking(names.patterns)
        self.forget()

    def forget(self) -> None:
        """What is printed from here on does not go on from what was."""
        patterns = self.names.patterns
        self.streams: defaultdict[int, Masking] = defaultdict(lambda: Masking(patterns))

    def output(self, stream: int, content: bytes) -> tuple[int, bytes]:
        """The operands of an OUTPUT. A name may come in one write, and what it stands for in the next."""
        masked = self.streams[stream & STREAM].masked(content)
        return (stream if masked == content else stream | OutputFlag.REDACTED), masked

    def log(self, told: int, raw: bytes, at: int) -> list[Told]:
        """What is told, and its arguments."""
        kind = told & ~LogFlag.OMITTED
        self.masking.begin()
        is_text = raw[at] in (f.TAG_STR, f.TAG_STR_CUT)
        what = self.statement(raw, at) if is_text and kind == LogKind.SQL else None
        if what is None:
            what = _Told(raw, at, self).written_anew() if is_text else redacted(raw, at, self.names)
        if kind in (LogKind.AUDIT, LogKind.HTTP):
            words = _Request if kind == LogKind.HTTP else _Words
            return [what, words(raw, what[0], self).written_anew()]
        end, arguments = redacted(raw, what[0], self.names)
        if what[1] is not None and raw[what[0]] != f.TAG_NONE:
            arguments = REDACTED  # they would stand where the secret does
        return [what, (end, arguments)]

    def statement(self, raw: bytes, at: int) -> Told | None:
        """One for a database that names a secret: which parameter is whose it alone tells, so that all are secret."""
        size, begin = varint.decode(raw, Walk(raw, at, self.names).content(at))
        text = raw[begin : begin + size]
        masked = self.masking.statement(text, text_of(text))
        return None if masked is None else (begin + size, raw[at:begin] + masked)


class _Told(Walk):
    """A text, or something else that stands for it."""

    def __init__(self, raw: bytes, at: int, texts: Texts) -> None:
        super().__init__(raw, at, texts.names)
        self.masking = texts.masking

    def value(self, at: int, depth: int) -> int:
        if self.raw[at] not in TEXTS or self.hiding:
            return super().value(at, depth)
        size, begin = varint.decode(self.raw, self.content(at))
        content = self.raw[begin : begin + size]
        masked = self.masking.masked(content)
        return begin + size if masked == content else self.replace(begin, begin + size, masked)


class _Words(_Told):
    """The arguments of an audit event: texts, dicts of texts, and words, where `--token` is in one, and what it stands
    for in the next."""

    def sequence(self, at: int, depth: int) -> int:
        are_words = depth > 1
        _, n, at = self.sized(at + 1, self.raw[at] in (f.TAG_LIST_CUT, f.TAG_TUPLE_CUT))
        first, is_pair = at, False
        for i in range(n):
            if not are_words or i == 0:
                self.masking.begin()
            if is_pair or (are_words and self.masking.awaits_value()):
                self.masking.begin()
                at = self.hide(at, depth)
            else:
                at = self.value(at, depth)
                self.masking.masked(b" ")
            is_pair = n in (2, 3) and self.is_name_of_pair(first)
        return at

    def mapping(self, at: int, depth: int) -> int:
        _, n, at = self.sized(at + 1, self.raw[at] == f.TAG_DICT_CUT)
        for _ in range(n):
            self.masking.begin()
            key, at = at, self.value(at, depth)
            self.masking.begin()
            at = self.rest(1, at, depth, self.is_secret_key(key))
        return at


class _Request(_Told):
    """The address that is asked: its parts one behind the other."""

    def sequence(self, at: int, depth: int) -> int:
        _, n, at = self.sized(at + 1, self.raw[at] == f.TAG_TUPLE_CUT)
        for before in IN_ADDRESS[:n]:
            self.masking.masked(before)
            at = self.value(at, depth)
        return at
