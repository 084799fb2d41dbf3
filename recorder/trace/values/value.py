"""A recorded value: bytes of docs/trace-format.md, section 3, taken apart when they are asked for.

value == 17           and so on: Python's operators, as far as what was recorded tells (operators.py)
value.to_python()     the object itself, where it is wholly in the trace
repr(value)           for people, of bounded length: "…" where it was cut
str(value)            for people, all that was recorded; of a text that text
f"{value:.2f}"        a number, a text or a moment as Python formats it, all else as str() has it
value.to_json()       for programs: nothing is lost, and what was cut says so
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.errors import arguments
from recorder.trace import display
from recorder.trace.expressions.conversion import Values
from recorder.trace.expressions.domain import Hidden
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_CLASS,
    TAG_DICT,
    TAG_ELIDED,
    TAG_FORM,
    TAG_FUNCTION,
    TAG_INT_CUT,
    TAG_MODULE,
    TAG_NAMED,
    TAG_STR,
    TAG_UNEXAMINED,
)
from recorder.trace.values import own_operators
from recorder.trace.values.formats import formatted
from recorder.trace.values.forms import items_of
from recorder.trace.values.grid import table_of
from recorder.trace.values.nodes import (
    Identity,
    Node,
    Types,
    changes_in_place,
    identity_of,
    nodes,
    type_name,
    without_wrapping,
)
from recorder.trace.values.operators import Operators, decided
from recorder.trace.values.parse import parse
from recorder.trace.values.render import SHOWN, show, show_cell
from recorder.trace.values.sameness import same_object
from recorder.trace.values.stand_ins import Opaque
from recorder.trace.values.tables import TABLES, length_of
from recorder.trace.values.to_json import Json, to_json
from recorder.trace.values.to_python import Builder, unreadable

UNEXAMINED = bytes([TAG_UNEXAMINED])
UNREAD: Any = object()  # what was not taken apart yet
WHOLE = 1 << 24  # characters: more than a value that is recorded can have


@errors.guarded_class("read")
class Value(Operators):
    """One value of one variable at one moment."""

    __slots__ = ("_converter", "_known", "_moment", "_name", "_parsed", "_raw", "_types")

    def __init__(
        self, raw: bytes, types: Types, name: str = "it", moment: int | None = None
    ) -> None:
        self._name = name  # in what is said of it
        self._moment = moment  # the event at which it was looked at, if that is known
        self._raw = raw
        self._types = types
        self._parsed: Any = UNREAD
        self._known: Any = UNREAD
        self._converter: Values | None = None  # of a part: what it is a part of

    def _part(self, made: Any) -> Value:
        """A part of this value, or what was computed from it."""
        part = Value(b"", self._types, self._name, self._moment)
        part._known, part._converter = made, self._asked[1]
        return part

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Attribute: ...

    @property
    def unexamined(self) -> bool:
        """Whether it was not looked at again: this is what it was when last seen."""
        return self._raw[:1] == UNEXAMINED

    @property
    def _tree(self) -> Any:
        if self._parsed is UNREAD:
            if self._raw:
                self._parsed = parse(self._raw, self._types)
            else:
                known, converter = self._asked
                self._parsed = decided(lambda budget: converter.tree_of(known, budget))
        return self._parsed

    @property
    def _asked(self) -> tuple[Any, Values]:
        if self._converter is None:
            self._known, self._converter = self._known_as(self._name)
        return self._known, self._converter

    @property
    def _object(self) -> Any:
        return own_operators.NOTHING if self.unexamined else own_operators.object_of(self._tree)

    @property
    def _iterable(self) -> Any:
        """Made for whoever asks: an iterator, too, which is used up by that."""
        return own_operators.NOTHING if self.unexamined else own_operators.object_of(self._tree, ())

    def _known_as(self, name: str) -> tuple[Any, Values]:
        """What expressions compute with, of a value that was recorded under this name, and what it is a part of."""
        try:
            converter = Values(self._tree, name)
            if self.unexamined:
                return Hidden(f"{name} was not looked at again", self._tree), converter
            return converter.value(), converter
        except errors.TraceCorruptError:
            return Hidden(f"{name} is damaged"), Values(None, name)

    def __len__(self) -> int:
        """Of a table so many rows, as its library has it."""
        node = None if self.unexamined else without_wrapping(self._tree)
        is_table = isinstance(node, Node) and node.tag == TAG_FORM and node.size in TABLES
        rows = length_of(node) if isinstance(node, Node) and is_table else None
        return super().__len__() if rows is None else rows

    @property
    def type_name(self) -> str:
        """As `type(x).__qualname__`, with its module if that is not builtins; `?` if unknown."""
        return type_name(self._tree)

    @property
    def size(self) -> int | None:
        """What `len()` said, whatever of it is in the trace; None for what has no length."""
        node = without_wrapping(self._tree)
        if isinstance(node, Node):
            if node.tag == TAG_ARRAY:
                return node.items.shape[0] if node.items.shape else None
            if node.tag == TAG_FORM and node.size in TABLES:
                return length_of(node)
            if node.tag == TAG_FORM:
                node = items_of(node)
                return node.size if isinstance(node, Node) else None
            sized = TAG_STR <= node.tag <= TAG_DICT or node.tag in (TAG_ELIDED, TAG_NAMED)
            return node.size if sized else None
        return len(node) if isinstance(node, (str, bytes, bytearray)) else None

    @property
    def truncated(self) -> bool:
        """Whether something of it, at any depth, was too large or too deep to be recorded."""
        return any(node.cut or node.tag in (TAG_INT_CUT, TAG_ELIDED) for node in nodes(self._tree))

    @property
    def can_change(self) -> bool:
        """Whether something of it can become another value and be the same object: a list can, a number cannot."""
        tree = self._tree
        return isinstance(tree, bytearray) or any(changes_in_place(node) for node in nodes(tree))

    @property
    def identity(self) -> Identity | None:
        """Which object it is: its `number` is the same in all of the trace. None for what is a value and no more (a
        number, a text, a tuple …), and in traces of earlier versions."""
        return identity_of(self._tree)

    def same_as(self, other: Value) -> bool | None:
        """Whether it is the object that another value of this trace is, of the same moment or of any other: Python's
        `is`. None where that is not known: of texts, numbers and tuples that are equal, and where an object may have
        died, and another one taken its place."""
        if not isinstance(other, Value):
            raise arguments.wrong("other", other, "a value of the same trace")
        at_once = self._moment is not None and self._moment == other._moment
        if self.unexamined or other.unexamined:
            at_once = False
        return same_object(self._tree, other._tree, at_once)

    @property
    def is_definition(self) -> bool:
        """Whether it is a class, a function or a module: what a program consists of, and does not compute."""
        return is_definition(self._tree)

    def to_python(self, strict: bool = True) -> object:
        """The object, made anew: None, bool, int, float, complex, str, bytes, bytearray, Ellipsis,
        NotImplemented, range, slice, date, time, datetime, timedelta and timezone, and list, tuple,
        set, frozenset and dict of these, shared parts and cycles included; and the types of the
        standard library that docs/values.md says it of, exceptions of Python's own and iterators
        among them. An instance of a subclass of these gives its built-in part, a named tuple a
        tuple, a member of an enum its value. Arrays and frames are made by numpy and pandas where
        these are installed; without numpy an array gives nested lists of its items.

        Raises ValueUnreadableError for everything else, and where something of it is missing. Unless it is to be
        `strict`: then a `recorder.Truncated`, `Redacted` or `Opaque` stands for what is not wholly there.
        """
        strict = arguments.boolean(strict, "strict")
        tree = self._tree
        if not self.unexamined:
            return Builder(strict).build(tree)
        if strict:
            raise unreadable("was not looked at again")
        last = Builder(strict).build(tree)
        return Opaque(self.type_name, {"last": last}, reason="it was not looked at again")

    def to_json(self) -> Json:
        """As JSON. What JSON has no word for is an object with a `type`."""
        shown = to_json(self._tree)
        return {"type": "unexamined", "last": shown} if self.unexamined else shown

    def show(self, limit: int = SHOWN) -> str:
        """As Python would write it, in at most so many characters."""
        return self._show(arguments.number(limit, "limit", "a number of characters"))

    def _show(self, limit: int, marks: Container[int] = (), short: bool = False) -> str:
        """Objects of these numbers are marked with them: `[1] #7`. `short`: as in a line that is read."""
        text = show(self._tree, limit, whole=True, marks=marks, short=short)
        return text + (" (not looked at again)" if self.unexamined else "")

    def __repr__(self) -> str:
        return self.show()

    def __str__(self) -> str:
        """The text of a str; of everything else all that was recorded, as Python would write it."""
        tree = self._tree
        if isinstance(tree, str) and not self.unexamined:
            return tree
        return self.show(WHOLE)

    def __format__(self, spec: str) -> str:
        """Of a number, a text or a moment as it itself is formatted; of everything else str()."""
        return formatted(self, spec)

    def _repr_html_(self) -> str:
        """A table of a frame, a series, or an array of one or two dimensions; of all else its text."""
        found = table_of(self._tree)
        if found is None or self.unexamined:
            return display.html(self)
        title, rows = found
        return display.grid(title, [[show_cell(each) for each in row] for row in rows])

    _repr_pretty_ = display.pretty

    def __reduce__(self) -> tuple[object, ...]:
        return of_tree, (self._tree, self.unexamined)


if TYPE_CHECKING:

    class Attribute(Value):
        """What `value.name` is to a type checker, which cannot know it: a value, or a method that gives one."""

        def __call__(self, *given: object, **named: object) -> Value: ...


def of_tree(tree: Any, unexamined: bool = False) -> Value:
    """A value whose bytes are elsewhere: that comes by `pickle` or `copy`."""
    value = Value(UNEXAMINED if unexamined else b"", {})
    value._parsed = tree
    return value


def is_definition(tree: object) -> bool:
    """See Value.is_definition."""
    return isinstance(tree, Node) and tree.tag in (TAG_CLASS, TAG_FUNCTION, TAG_MODULE)
