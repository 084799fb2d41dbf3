"""Columns, series, indexes and arrays of pandas and pyarrow: what the library gives for one of their values, however it
keeps them, and by what it is asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.trace.expressions.domain import Column, Cut, Frame, Opaque, Thing, plain
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.expressions.scalars import NARROW
from recorder.trace.format import TAG_ARRAY, TAG_ERROR, TAG_LIST, Form
from recorder.trace.values import moments, tables
from recorder.trace.values.nodes import Cell, Node
from recorder.trace.values.stdlib_values import Array

FORMATS: Final = {  # of numpy's types of numbers, by their names
    "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q",
    "uint64": "Q", "float16": "e", "float32": "f", "float64": "d", "complex64": "Zf", "complex128": "Zd",
}  # fmt: skip
BY_PLACE: Final = ("iloc", "iat")
BY_LABEL: Final = ("loc", "at")
SIMPLE: Final = (
    int,
    float,
    str,
    bytes,
    bool,
)  # what a label, or a value that is sought, is compared by


# ---- values ----------------------------------------------------------------------------------------------------------


def item_of(column: tables.Column, value: Any) -> Any:
    """The tree of what is met where the library goes over its values."""
    is_of_arrow = column.kind[0].partition(".")[0] == "pyarrow"
    if tables.is_form(value, Form.MISSING) and value.items:  # of a category that is not recorded
        return Node(TAG_ERROR)
    if tables.is_form(value, Form.MISSING) or (value is None and column.is_of_texts):
        return column.absent
    if tables.is_form(value, Form.DATETIME64, Form.TIMESTAMP):
        if value.items[0] == moments.NOT_A_TIME:
            return tables.NAT
        unit = moments.facts_of(value)[1]
        if unit != "ns" if is_of_arrow else unit == "D" and column.kind[1] == tables.OVER_ARROW:
            return moments.as_of_python(value) or value
        return moments.as_of_pandas(value)
    if tables.is_form(value, Form.PERIOD) and value.items[0] == moments.NOT_A_TIME:
        return tables.NAT
    if tables.is_form(value, Form.INTERVAL) and value.items[0] != value.items[0]:
        return column.absent
    return value


def scalar_of(column: tables.Column, value: Any) -> Any:
    """A number of a type of numpy's, as it has it by itself."""
    form = FORMATS.get(column.scalar)
    if form is None or type(value) not in (int, float, bool, complex):
        return value
    if column.dtype == "sparse" and value == column.absent:  # which is kept once, as it was given
        return value
    parts = (value.real, value.imag) if form[0] == "Z" else (value,)
    try:
        data = struct.pack(f"{len(parts)}{form[-1]}", *parts)
    except (struct.error, OverflowError):
        return value
    kind = Node if form in NARROW else Cell
    made = kind(TAG_ARRAY, ("numpy", column.scalar), 1, Array(form, len(data), (), data))
    if isinstance(made, Cell):
        made.number = value
    return made


def made_of(
    column: tables.Column, labels: Any, path: str, of: Callable[[Any, str], Any]
) -> TableColumn:
    """`of` makes what is computed with of a tree."""
    inside = f"{path}[…]"
    are_scalars = column.kind[1] not in ("ndarray", "Categorical")  # also where it is iterated over

    def met(value: Any) -> Any:
        item = item_of(column, value)
        return of(scalar_of(column, item) if are_scalars else item, inside)

    items: Any = [met(value) for value in column.first]
    if column.missing or column.last:
        node = Node(TAG_LIST, None, column.size, items, True)
        items = Cut(node, list, items, path)
        items.last = [met(value) for value in column.last]

    def one(value: Any) -> Any:
        if column.absent is tables.NAT and isinstance(value, Thing) and value.node is tables.NAT:
            return tables.NAN if column.kind[1] == "Categorical" else value
        return of(scalar_of(column, value), inside)

    made = TableColumn(items, path, labels, None if are_scalars else one, column.absent is not None)
    made.is_narrow = column.scalar in ("float16", "float32")
    return made


# ---- what is asked ---------------------------------------------------------------------------------------------------


class TableColumn(Column):
    """`labels` are () where values are asked for by their places, and None where they are not known."""

    __slots__ = ("is_narrow", "is_of_pandas")

    def __init__(
        self,
        items: Any,
        path: str,
        labels: Any = (),
        of_one: Callable[[Any], Any] | None = None,
        is_of_pandas: bool = True,
    ) -> None:
        super().__init__(items, path, labels, of_one)
        self.is_of_pandas = is_of_pandas
        self.is_narrow = False  # of floats that hold less than Python's

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._slice(key)
        found = self._item(key)
        return found if self.of_one is None else self.of_one(found)

    def _slice(self, key: slice) -> TableColumn:
        bounds = (key.start, key.stop, key.step)
        if any(one is not None and type(one) is not int for one in bounds) or self.labels is None:
            raise Undecided(self.reason)
        if any(
            type(one) not in (int, str) for one in self.labels
        ):  # pandas may take them for labels
            raise Undecided(self.reason)
        return TableColumn(
            self.items[key], self.path, self.labels[key], self.of_one, self.is_of_pandas
        )

    def _item(self, key: Any) -> Any:
        key = getattr(plain(key), "value", plain(key))
        if type(key) not in (int, str) and not (type(key) is float and self.labels != ()):
            raise Undecided(self.reason)
        if self.labels == () or self._are_places:
            return self._at(key)
        return self.items[self._place_of(key)]

    @property
    def _are_places(self) -> bool:
        return isinstance(self.labels, range) and self.labels == range(len(self.labels))

    def _at(self, key: Any) -> Any:
        if type(key) is int:
            if self._are_places and not 0 <= key < len(self):
                raise KeyError(key)  # audit: the user's own expression, and caught with it
            return self.items[key]
        if type(key) is str:
            # audit: the user's own expression, and caught with it
            raise KeyError(key) if self._are_places else TypeError("indices must be integers")
        raise Undecided(self.reason)

    def _place_of(self, label: Any) -> int:
        """Where the one value stands that has this label."""
        if self.labels is None:
            raise Undecided(self.reason)
        if isinstance(self.labels, range):
            found = (
                [self.labels.index(label)] if type(label) is int and label in self.labels else []
            )
        else:
            found = [at for at, one in enumerate(self.labels) if one == label]
        if not found and self._are_all_of((type(label),)):
            raise KeyError(label)  # audit: the user's own expression, and caught with it
        if len(found) != 1 or type(self.labels[found[0]]) is not type(label):
            raise Undecided(
                self.reason
            )  # pandas gives all of them, or an older one the value at that place
        return found[0]

    def _are_all_of(self, kinds: tuple[type, ...]) -> bool:
        return all(type(one) in kinds for one in self.labels)

    def __contains__(self, wanted: object) -> bool:
        """Of a series one of its labels."""
        if self.labels is None or self._may_be_part(wanted):
            raise Undecided(self.reason)
        held = self.items if self.labels == () else self.labels
        if not self.is_of_pandas:
            return wanted in held
        return self._is_among(plain(wanted), held)

    def _is_among(self, wanted: Any, held: Any) -> bool:
        """As far as pandas has no idea of its own: of texts among moments, of True among numbers."""
        doubt = type(wanted) not in SIMPLE or wanted != wanted
        if type(wanted) is float:
            doubt = doubt or self.is_narrow or isinstance(held, range)
        for one in [held[0]] if isinstance(held, range) and held else held:
            mine = getattr(plain(one), "value", plain(one))
            doubt = doubt or type(mine) not in SIMPLE or _are_of_two_kinds(mine, wanted)
            if not doubt and type(mine) is type(wanted) and mine == wanted:
                return True
            doubt = doubt or (type(mine) is not type(wanted) and mine == wanted)
        if doubt:
            raise Undecided(self.reason)
        return type(wanted) is int and wanted in held if isinstance(held, range) else False

    def located(self, key: Any, by_label: bool) -> Any:
        """What `.loc`, or `.iloc`, has for a label or a place."""
        labels = self.labels if by_label else ()
        return TableColumn(self.items, self.path, labels, self.of_one, self.is_of_pandas)[key]

    def attribute(self, name: str) -> Any:
        if name in (*BY_PLACE, *BY_LABEL) and self.labels != ():
            return Located(self, name in BY_LABEL)
        if name in ("size", "shape", "ndim") and self.is_of_pandas:
            size = len(self)
            return {"size": size, "shape": (size,), "ndim": 1}[name]
        raise Undecided(self.reason)

    def __reversed__(self) -> Iterator[Any]:
        if self.labels != () and not self._are_places:
            raise Undecided(self.reason)
        for one in [*self][::-1]:
            yield one if self.of_one is None else self.of_one(one)


def _are_of_two_kinds(one: Any, other: Any) -> bool:
    """Which pandas may take for each other all the same."""
    return any(isinstance(one, kind) != isinstance(other, kind) for kind in (bool, bytes))


class Objects(TableColumn):
    """An array of objects, or of texts, of numpy's: whose items are equal to what, the items say."""

    __slots__ = ()

    def __contains__(self, wanted: object) -> bool:
        if any(type(plain(one)) not in SIMPLE for one in [wanted, *self]):
            raise Undecided(self.reason)
        return any(one == wanted for one in self)


class Located(Opaque):
    """`.loc` and `.iloc`, of which one value is asked at a time."""

    __slots__ = ("by_label", "of")

    def __init__(self, of: TableColumn | Frame, by_label: bool) -> None:
        self.of = of
        self.by_label = by_label

    @property
    def reason(self) -> str:
        return self.of.reason

    def __getitem__(self, key: Any) -> Any:
        if isinstance(self.of, TableColumn):
            if isinstance(key, (slice, list, tuple)):
                raise Undecided(self.reason)
            return self.of.located(key, self.by_label)
        if type(key) is not tuple or len(key) != 2:
            raise Undecided(self.reason)
        row, which = key
        column = self.of[which] if self.by_label else self._column_at(which)
        if not isinstance(column, TableColumn) or isinstance(row, (slice, list, tuple)):
            raise Undecided(self.reason)
        return column.located(row, self.by_label)

    def _column_at(self, at: Any) -> Any:
        if type(at) is not int or not 0 <= at < len(self.of.items):
            raise Undecided(self.reason)
        return self.of.items[at][1]


def attribute_of(of: Any, name: str) -> Any:
    """Of a column, or of a frame; NotImplemented of what is neither, or has none that is known."""
    inner = plain(of) if type(of) is Thing else of
    if isinstance(inner, TableColumn):
        return inner.attribute(name)
    if isinstance(inner, Frame) and not inner.is_of_arrow and name in (*BY_PLACE, *BY_LABEL):
        return Located(inner, name in BY_LABEL)
    if isinstance(inner, Frame) and name == "shape":
        return inner.rows, inner.size
    return NotImplemented
