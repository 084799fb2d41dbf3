"""A value without what stands under a secret's name in it: as recorder/_core/value/traverse.h leaves it out.

Bytes are copied as they are, what is secret is REDACTED. A container that is left out with it, and spoken of elsewhere
in the value, is written where it is first spoken of; REFs count the containers that are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from recorder import redaction
from recorder.trace import varint
from recorder.trace.format import (
    MAX_NESTING,
    SMALL_MIN,
    TAG_ARRAY,
    TAG_BYTES,
    TAG_BYTES_CUT,
    TAG_DATETIME,
    TAG_DICT,
    TAG_DICT_CUT,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_FROZENSET_CUT,
    TAG_IDENTITY,
    TAG_IDENTITY_LIKE,
    TAG_IDENTITY_UNSURE,
    TAG_INSTANCE,
    TAG_INSTANCE_CUT,
    TAG_INT,
    TAG_LIST,
    TAG_LIST_CUT,
    TAG_NAMED,
    TAG_NAMED_CUT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SET,
    TAG_SET_CUT,
    TAG_SMALL_INT,
    TAG_STR,
    TAG_STR_CUT,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TUPLE_CUT,
    TAG_TYPED,
    Form,
)
from recorder.trace.layouts import TAGS, Layout

REDACTED: Final = bytes([TAG_REDACTED])
MOST_NAMES: Final = 10_000  # that are remembered
LONGEST_OF_PAIR: Final = 64  # a text that is longer is no name of what stands beside it
SIZES: Final = {"u8": 1, "u16": 2, "u64": 8, "f64": 8}
CONTAINERS: Final = frozenset(
    (
        *(TAG_LIST, TAG_LIST_CUT, TAG_TUPLE, TAG_TUPLE_CUT, TAG_SET, TAG_SET_CUT),
        *(TAG_FROZENSET, TAG_FROZENSET_CUT, TAG_DICT, TAG_DICT_CUT, TAG_EXCEPTION),
        *(TAG_INSTANCE, TAG_INSTANCE_CUT, TAG_NAMED, TAG_NAMED_CUT, TAG_ENUM),
        *(TAG_TIME, TAG_DATETIME, TAG_FORM),
    )
)
IDENTITIES: Final = (TAG_IDENTITY, TAG_IDENTITY_UNSURE, TAG_IDENTITY_LIKE)
CUT: Final = (TAG_LIST_CUT, TAG_TUPLE_CUT, TAG_DICT_CUT, TAG_INSTANCE_CUT, TAG_NAMED_CUT)
TUPLES: Final = (TAG_TUPLE, TAG_TUPLE_CUT)
LISTS: Final = (TAG_LIST, TAG_LIST_CUT)
SEQUENCES: Final = (*LISTS, *TUPLES)
MAPPINGS: Final = (TAG_DICT, TAG_DICT_CUT)
WITH_ATTRIBUTES: Final = (TAG_INSTANCE, TAG_INSTANCE_CUT, TAG_NAMED, TAG_NAMED_CUT)
TEXTS: Final = (TAG_STR, TAG_STR_CUT, TAG_BYTES, TAG_BYTES_CUT)
MOST_COLUMNS: Final = 1000  # more than are recorded of any table
# Whose lists are made by the recorder: they hold no pairs of the program's.
LISTED: Final = frozenset(
    (
        *(
            Form.DICT_KEYS,
            Form.OBJECT_ARRAY,
            Form.STRING_ARRAY,
            Form.COLUMN,
            Form.DATA_FRAME,
            Form.MULTI_INDEX,
        ),
        *(Form.ARROW_TABLE, Form.SPARSE_INDEX, Form.MATCH, Form.ORM_STATE),
    )
)


class Names:
    """Which names are secret: those that one of the patterns stands for, as in the policy's `redact`."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self._known: dict[str | bytes, bool] = {}

    def __contains__(self, name: str) -> bool:
        found = self._known.get(name)
        return (
            self._note(name, redaction.is_secret(name, self.patterns)) if found is None else found
        )

    def has(self, utf8: bytes) -> bool:
        found = self._known.get(utf8)
        return self._note(utf8, text_of(utf8) in self) if found is None else found

    def _note(self, name: str | bytes, is_secret: bool) -> bool:
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[name] = is_secret
        return is_secret

    def has_function(self, qualified_name: bytes) -> bool:
        """One of this name, or one within it."""
        scopes = text_of(qualified_name).split(".<locals>")
        return any(scope.rpartition(".")[2] in self for scope in scopes)


def text_of(utf8: bytes) -> str:
    try:
        return utf8.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return utf8.decode("utf-8", "backslashreplace")


def redacted(raw: bytes, at: int, names: Names) -> tuple[int, bytes | None]:
    """Where the value at this offset ends, and what it is without secrets: None if it is the same."""
    tag = raw[at]
    if tag >= TAG_SMALL_INT:
        return at + 1, None
    return Walk(raw, at, names).written_anew()


def like(raw: bytes, doubts: int) -> bytes:
    """What stands at a place, as a value: with these doubts where it has IDENTITY_LIKE."""
    if TAG_IDENTITY_LIKE not in raw:
        return raw
    return Walk(raw, 0, NO_NAMES, doubts).written_anew()[1] or raw


def end_of_word(raw: bytes, at: int) -> int:
    """Of a word about a variable, which numbers follow."""
    layout, at = TAGS[raw[at]], at + 1
    for _ in layout:
        _, at = varint.decode(raw, at)
    return at


def identity_of(raw: bytes, at: int) -> tuple[int | None, int, int]:
    """The number of the object that the value is, and its doubts, if it has one, and where what is in it begins."""
    if raw[at] not in IDENTITIES:
        return None, 0, at
    number, begin = varint.decode(raw, at + 1)
    doubts = 0
    if raw[at] == TAG_IDENTITY_UNSURE:
        doubts, begin = varint.decode(raw, begin)
    return number, doubts, begin


NO_NAMES: Final = Names(())
NOT_FOLLOWED: Final = 2  # in doubts


class Walk:
    """Of one value. `doubts`: those that it is to be written with."""

    def __init__(self, raw: bytes, at: int, names: Names, doubts: int | None = None) -> None:
        self.raw = raw
        self.names = names
        self.doubts = doubts
        self.out: list[bytes] = []
        self.copied = at  # up to here
        self.hiding = False  # what is passed is not written
        self.starts: list[int] = []  # of containers: in what is read …
        self.numbers: dict[int, int] = {}  # … by where they begin, their number
        self.written: dict[int, int] = {}  # that number → the one in what is written
        self.is_moved = False  # one was left out, so that these two may differ
        self.no_pairs = -1  # where a list of the recorder's own begins

    # ---- bytes

    def written_anew(self) -> tuple[int, bytes | None]:
        end = self.value(self.copied, 0)
        return end, b"".join((*self.out, self.raw[self.copied : end])) if self.out else None

    def replace(self, at: int, end: int, by: bytes) -> int:
        self.out += (self.raw[self.copied : at], by)
        self.copied = end
        return end

    def hide(self, at: int, depth: int) -> int:
        """Passes over a value, for which REDACTED is written."""
        if self.hiding or self.raw[at] == TAG_REDACTED:
            return self.value(at, depth)
        end = self.passed(at)
        return self.replace(at, end, REDACTED)

    def passed(self, at: int) -> int:
        """Where the value ends. What is in it is not written."""
        before, self.hiding = self.hiding, True
        end = self.value(at, 0)
        self.hiding = before
        return end

    def operands(self, layout: Layout, at: int, depth: int) -> int:
        n = 0
        for kind in layout:
            if kind == "varint" or kind == "zigzag":
                n, at = varint.decode(self.raw, at)
            elif kind == "value":
                at = self.value(at, depth)
            elif kind == "str":
                n, at = varint.decode(self.raw, at)
                at += n
            elif kind == "bytes":
                at += n
            elif isinstance(kind, str):
                at += SIZES[kind]
            else:
                for _ in range(n):
                    at = self.operands(kind, at, depth)
        return at

    # ---- values

    def value(self, at: int, depth: int) -> int:
        tag = self.raw[at]
        if tag >= TAG_SMALL_INT:
            return at + 1
        if tag == TAG_REF:
            return self.reference(at, depth)
        if tag == TAG_IDENTITY_LIKE and self.doubts is not None:
            return self.value(self.with_doubts(at, self.doubts), depth)
        if tag not in CONTAINERS:
            return self.operands(TAGS[tag], at + 1, depth)
        instead = self.instead(at, depth)
        if instead is not None:
            return self.replace(at, self.passed(at), instead)
        if self.hiding:
            return self.operands(TAGS[tag], at + 1, depth + 1)
        return self.into(tag, at, depth + 1)

    def with_doubts(self, at: int, doubts: int) -> int:
        number, end = varint.decode(self.raw, at + 1)
        doubts |= NOT_FOLLOWED if at else 0
        unsure = bytes([TAG_IDENTITY_UNSURE]) + varint.encode(number) + varint.encode(doubts)
        return self.replace(at, end, unsure)

    def into(self, tag: int, at: int, depth: int) -> int:
        if tag in SEQUENCES:
            return self.sequence(at, depth)
        if tag in MAPPINGS:
            return self.mapping(at, depth)
        if tag in WITH_ATTRIBUTES:
            return self.instance(at, depth)
        if tag == TAG_ENUM:
            return self.member(at, depth)
        if tag == TAG_FORM:
            return self.form(at, depth)
        return self.operands(TAGS[tag], at + 1, depth)

    def instead(self, at: int, depth: int) -> bytes | None:
        """Counts the container that begins here. What is written instead of it, if it is not."""
        number = self.numbers.get(at)
        if number is None:
            number = self.numbers[at] = len(self.starts)
            self.starts.append(at)
        if self.hiding:
            self.is_moved |= number not in self.written
        elif number in self.written:
            return bytes([TAG_REF]) + varint.encode(self.written[number])
        elif depth >= MAX_NESTING:
            self.is_moved = True
            return REDACTED  # where it stood it was not that deep
        else:
            self.written[number] = len(self.written)
        return None

    def reference(self, at: int, depth: int) -> int:
        number, end = varint.decode(self.raw, at + 1)
        if self.hiding or not self.is_moved:
            return end
        if number in self.written:
            return self.replace(at, end, bytes([TAG_REF]) + varint.encode(self.written[number]))
        self.replace(at, self.starts[number], b"")
        self.replace(self.value(self.starts[number], depth), end, b"")
        return end

    def sized(self, at: int, is_cut: bool) -> tuple[int, int, int]:
        """True size, how many items follow, and where."""
        size, at = varint.decode(self.raw, at)
        n = size
        if is_cut:
            n, at = varint.decode(self.raw, at)
        return size, n, at

    def sequence(self, at: int, depth: int) -> int:
        begin = at
        _, n, at = self.sized(at + 1, self.raw[at] in CUT)
        if n not in (2, 3) or begin == self.no_pairs:
            for _ in range(n):
                at = self.value(at, depth)
            return at
        first, at = at, self.value(at, depth)
        return self.rest(n - 1, at, depth, self.is_name_of_pair(first))

    def rest(self, n: int, at: int, depth: int, is_secret: bool) -> int:
        for _ in range(n):
            at = self.hide(at, depth) if is_secret else self.value(at, depth)
        return at

    def mapping(self, at: int, depth: int) -> int:
        _, n, at = self.sized(at + 1, self.raw[at] in CUT)
        for _ in range(n):
            key, at = at, self.value(at, depth)
            at = self.rest(1, at, depth, self.is_secret_key(key))
        return at

    def instance(self, at: int, depth: int) -> int:
        """An instance and its attributes, or a named tuple and its fields."""
        tag = self.raw[at]
        _, at = varint.decode(self.raw, at + 1)
        size, n, at = self.sized(at, tag in CUT)
        is_pair = False
        for i in range(n):
            name, at = self.text(at)
            value = at
            at = self.rest(1, at, depth, is_pair or self.names.has(name))
            if i == 0 and tag in (TAG_NAMED, TAG_NAMED_CUT) and size in (2, 3):
                is_pair = self.is_name_of_pair(value)
        return at

    def member(self, at: int, depth: int) -> int:
        _, at = varint.decode(self.raw, at + 1)
        name, at = self.text(at)
        return self.rest(1, at, depth, self.names.has(name))

    def text(self, at: int) -> tuple[bytes, int]:
        size, at = varint.decode(self.raw, at)
        return self.raw[at : at + size], at + size

    def content(self, at: int) -> int:
        """Where the size of a text's, or of bytes', content stands."""
        is_cut = self.raw[at] in (TAG_STR_CUT, TAG_BYTES_CUT)
        return varint.decode(self.raw, at + 1)[1] if is_cut else at + 1

    # ---- well-known types

    def form(self, at: int, depth: int) -> int:
        form, n, at = self.form_at(at)
        hides = HIDES.get(form)
        parts: list[int] = []
        for _ in range(n):
            parts.append(at)
            if form in LISTED and self.raw[at] in LISTS:
                self.no_pairs = at
            if hides is not None and len(parts) > 1 and hides(self, parts):
                at = self.hide(at, depth)
            elif len(parts) == n and form in COLUMNS and self.raw[at] in LISTS:
                at = self.columns(at, depth, *COLUMNS[form](self, parts))
            else:
                at = self.value(at, depth)
        return at

    def form_at(self, at: int) -> tuple[int, int, int]:
        """Which it is, how many parts it has, and where."""
        _, at = varint.decode(self.raw, at + 1)
        form = self.raw[at]
        n, at = varint.decode(self.raw, at + 1)
        return form, n, at

    def is_named(self, parts: list[int]) -> bool:
        """A context variable with its name, or a token of one."""
        begin = self.begin(parts[0])
        if self.raw[begin] != TAG_FORM:
            return self.is_secret_key(begin)
        form, n, at = self.form_at(begin)
        return form == Form.CONTEXT_VAR and n > 0 and self.is_secret_key(at)

    def is_secret_index(self, parts: list[int]) -> bool:
        return self.is_secret_key(parts[0])

    def is_secret_series(self, parts: list[int]) -> bool:
        return len(parts) == 3 and (self.is_secret_key(parts[1]) or any(self.labels(parts[0])))

    def columns(self, at: int, depth: int, first: list[bool], last: list[bool], size: int) -> int:
        """The columns of a table, of which one with a secret's name is not told, and one whose name is not known."""
        begin = at
        instead = self.instead(at, depth)
        if instead is not None:
            return self.replace(at, self.passed(at), instead)
        _, n, at = self.sized(at + 1, self.raw[begin] in CUT)
        for i in range(n):
            label = True
            if i < len(first):
                label = first[i]
            elif size - len(last) <= i < size:
                label = last[i - size + len(last)]
            at = self.rest(1, at, depth + 1, label)
        return at

    def labels_of_frame(self, parts: list[int]) -> tuple[list[bool], list[bool], int]:
        """Which columns are secret: of the first ones, of the last ones, and how many there are."""
        rows, names = parts[1], parts[2]
        if any(self.labels(rows)):
            return [], [], 0
        begin = self.begin(names)
        if self.raw[begin] == TAG_FORM and self.form_at(begin)[0] == Form.MULTI_INDEX:
            return self.labels_of_levels(begin), [], 0
        column = self.column_of(begin)
        if column is None:
            is_secret = self.raw[begin] == TAG_REDACTED or any(self.labels(names))
            return [is_secret] * MOST_COLUMNS, [], 0
        size, first, last = column
        return first, last, size

    def labels_of_levels(self, at: int) -> list[bool]:
        """Of labels of several parts: of each part there is a list of values, and which of them stand in a row."""
        found = [False] * MOST_COLUMNS
        levels = self.passed(self.form_at(at)[2])  # behind the names of the levels
        for level, codes in zip(self.items(levels), self.items(self.passed(levels)), strict=False):
            column = self.column_of(self.begin(level))
            if column is None:
                continue
            size, first, last = column
            labels = [*first, *[True] * (size - len(first) - len(last)), *last][:size]
            stand = [0 <= code < size and labels[code] for code in self.integers(codes)]
            stand += [any(labels)] * (len(found) - len(stand))
            found = [one or other for one, other in zip(found, stand, strict=False)]
        return found

    def items(self, at: int) -> Iterator[int]:
        """Where the items of a list stand, of one of a class of its own as well."""
        at = self.begin(at)
        if self.raw[at] == TAG_TYPED:
            at = self.begin(self.type_end(at))
        if self.raw[at] in LISTS:
            _, n, at = self.sized(at + 1, self.raw[at] in CUT)
            for _ in range(n):
                yield at
                at = self.passed(at)

    def integers(self, at: int) -> list[int]:
        """Of an array of them."""
        at = self.begin(at)
        if self.raw[at] != TAG_ARRAY:
            return []
        _, at = self.text(self.type_end(at))  # the format
        item_size, at = varint.decode(self.raw, at)
        dimensions, at = varint.decode(self.raw, at)
        for _ in range(dimensions):
            _, at = varint.decode(self.raw, at)
        data, _ = self.text(at)
        parts = (data[i : i + item_size] for i in range(0, len(data), item_size))
        return [int.from_bytes(part, "little", signed=True) for part in parts]

    def labels_of_table(self, parts: list[int]) -> tuple[list[bool], list[bool], int]:
        found = list(self.labels(parts[1]))
        return found, [], len(found)

    def column_of(self, index: int) -> tuple[int, list[bool], list[bool]] | None:
        """Of an index with a COLUMN of labels: how many, and which of the first and the last ones are secret."""
        if self.raw[index] != TAG_FORM:
            return None
        form, n, at = self.form_at(index)
        if form != Form.INDEX or n < 2:
            return None
        column = self.begin(self.passed(at))
        if self.raw[column] != TAG_FORM:
            return None
        form, n, size_at = self.form_at(column)
        if form != Form.COLUMN or n < 3:
            return None
        first = self.passed(size_at)
        last = self.passed(first)
        if self.raw[self.begin(first)] not in LISTS:
            return None
        return self.number(size_at), [*self.labels(first)], [*self.labels(last)]

    def number(self, at: int) -> int:
        tag = self.raw[at]
        if tag >= TAG_SMALL_INT:
            return tag - TAG_SMALL_INT + SMALL_MIN
        return varint.decode(self.raw, at + 1)[0] >> 1 if tag == TAG_INT else 0

    def labels(self, at: int) -> Iterator[bool]:
        """Of each label in an index, or in a list, whether it is a secret's name; of each level, whether one is."""
        for item in self.items(at):
            yield self.is_secret_key(item) or any(self.labels(item))
        at = self.begin(at)
        if self.raw[at] == TAG_FORM:
            form, n, at = self.form_at(at)
            if form not in (Form.INDEX, Form.MULTI_INDEX, Form.COLUMN):
                return
            for _ in range(n):
                yield from self.labels(at)
                at = self.passed(at)

    # ---- names

    def begin(self, at: int) -> int:
        """Where what stands here begins, behind its identity; or what is referred to here."""
        at = identity_of(self.raw, at)[2]
        if self.raw[at] == TAG_REF:
            at = self.starts[varint.decode(self.raw, at + 1)[0]]
        return at

    def is_name_of_pair(self, at: int) -> bool:
        return any(len(name) <= LONGEST_OF_PAIR and name in self.names for name in self.texts(at))

    def is_secret_key(self, at: int) -> bool:
        """A name, a member of an enum, or a tuple with a name in it, as keys and labels are."""
        at = self.begin(at)
        if self.raw[at] in TUPLES:
            _, n, at = self.sized(at + 1, self.raw[at] in CUT)
            found = False
            for _ in range(n):
                found |= any(name in self.names for name in self.texts(at))
                at = self.passed(at)
            return found
        if self.raw[at] == TAG_ENUM and self.names.has(self.text(self.type_end(at))[0]):
            return True
        return any(name in self.names for name in self.texts(at))

    def type_end(self, at: int) -> int:
        return varint.decode(self.raw, at + 1)[1]

    def texts(self, at: int) -> Iterator[str]:
        """The text, or the bytes, that a value is: of a subclass and of a member of an enum, too."""
        at = self.begin(at)
        tag = self.raw[at]
        if tag in TEXTS:
            content, _ = self.text(self.content(at))
            yield text_of(content) if tag < TAG_BYTES else content.decode("latin-1")
        elif tag == TAG_TYPED:
            yield from self.texts(self.type_end(at))
        elif tag == TAG_ENUM:
            yield from self.texts(self.text(self.type_end(at))[1])
        elif tag in (TAG_INSTANCE, TAG_INSTANCE_CUT):
            _, n, at = self.sized(self.type_end(at), tag in CUT)
            if n and self.raw[at] == 0:  # the attribute without a name: its built-in part
                yield from self.texts(at + 1)


# Whether the part of a form that is the last of these is secret.
HIDES: Final[dict[int, Callable[[Walk, list[int]], bool]]] = {
    Form.CONTEXT_VAR: Walk.is_named,
    Form.CONTEXT_TOKEN: Walk.is_named,
    Form.INDEX: Walk.is_secret_index,
    Form.SERIES: Walk.is_secret_series,
}
# Which columns of a table are secret: its last part.
COLUMNS: Final[dict[int, Callable[[Walk, list[int]], tuple[list[bool], list[bool], int]]]] = {
    Form.DATA_FRAME: Walk.labels_of_frame,
    Form.ARROW_TABLE: Walk.labels_of_table,
}
