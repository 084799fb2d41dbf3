"""Arrays: what their items are, as far as they were recorded, and those of them that are arrays again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from recorder.trace.expressions.domain import Opaque, plain
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.format import TAG_ARRAY
from recorder.trace.values.masks import masked_of
from recorder.trace.values.nodes import Node
from recorder.trace.values.stdlib_values import Array

NUMPY: Final = ("numpy", "ndarray")
OF_PYTHON: Final = (("array", "array"), ("builtins", "memoryview"))
NAMES: Final = {  # of the types of what numpy keeps of numbers, by their kind and how many bytes they are
    "?": "bool", "Zf": "complex64", "Zd": "complex128", "e": "float16", "f": "float32", "d": "float64",
}  # fmt: skip
NUMBERS: Final = (int, float, bool, complex, Scalar)
SOUGHT: Final = (*NUMBERS, str, bytes, type(None))  # what can be sought in an array


def scalar_of(node: Node, path: str) -> Any:
    """Of an array without dimensions that is a number of numpy's; NotImplemented of any other."""
    held = node.items.items()
    if not held or (node.type or ("",))[0] != "numpy":
        return NotImplemented
    [value] = held
    is_number = type(value) in (int, float, bool, complex)
    return Scalar(value, node.items.format, path) if is_number else NotImplemented


class ArrayItems(Opaque):
    """The items of an array of one dimension, the rows of one of more."""

    __slots__ = ("array", "converter", "is_of_numpy", "masked", "node", "path")

    def __init__(self, node: Node, converter: Any, path: str, masked: Node | None = None) -> None:
        self.node = node
        self.array: Array = node.items
        self.converter = converter  # conversion.Values
        self.path = path
        self.is_of_numpy = node.type == NUMPY or masked is not None
        self.masked = masked_of(masked)

    @property
    def reason(self) -> str:
        return f"only its library could tell it of {self.path}"

    @property
    def _size(self) -> int:
        """Bytes of an item, or of a row."""
        return self.array.item_size * math.prod(self.array.shape[1:])

    @property
    def _held(self) -> int:
        """So many items are recorded."""
        return len(self.array.data) // self._size if self._size else len(self)

    def _refuse(self) -> NoReturn:
        held, size = self._held, len(self)
        raise Undecided(f"{self.path} is cut: {held:,} of its {size:,} items are recorded")

    @property
    def _hides(self) -> bool:
        return self.masked is not None and self.masked.hides

    def __len__(self) -> int:
        return self.array.shape[0]

    def __bool__(self) -> bool:
        if self.node.type in OF_PYTHON:
            return len(self) > 0
        if not self.is_of_numpy or self.array.length != 1 or self._hides:
            raise Undecided(self.reason)
        first = self[0]
        while isinstance(inner := plain(first), ArrayItems):
            first = inner[0]
        return bool(inner)

    def __iter__(self) -> Iterator[Any]:
        yield from self._made(range(self._held))
        if self._held < len(self):
            self._refuse()

    def __reversed__(self) -> Iterator[Any]:
        if self._held < len(self):
            self._refuse()
        return self._made(range(len(self) - 1, -1, -1))

    def __getitem__(self, key: Any) -> Any:
        key = key.value if isinstance(key, Scalar) else key
        if isinstance(key, tuple) and key and self.is_of_numpy:
            if isinstance(key[0], slice) and key[1:]:
                raise Undecided(self.reason)
            found = self[key[0]]
            return found if not key[1:] else _row(found, self.reason)[key[1:]]
        if isinstance(key, slice):
            return self._several(range(len(self))[key])
        if type(key) is not int:
            return self._other_key(key)
        at = key + len(self) if key < 0 else key
        if not 0 <= at < len(self):
            raise IndexError(f"index {key} is out of bounds for axis 0 with size {len(self)}")
        return next(self._made(range(at, at + 1))) if at < self._held else self._refuse()

    def _other_key(self, key: Any) -> Any:
        if self.node.type not in OF_PYTHON or isinstance(key, Opaque):
            raise Undecided(self.reason)
        # audit: the user's own expression, and caught with it
        raise TypeError("array indices must be integers")

    def __contains__(self, wanted: object) -> bool:
        if self._hides or not isinstance(plain(wanted), SOUGHT):
            raise Undecided(self.reason)
        for one in self._flat():
            if not isinstance(plain(one), SOUGHT):
                raise Undecided(self.reason)
            if _are_equal(one, wanted):
                return True
        return self._refuse() if self.array.cut else False

    def _flat(self) -> Iterator[Any]:
        """All items that are recorded, of whatever rows; the mask hides none."""
        size = len(self.array.data) // self.array.item_size if self.array.item_size else 0
        row = ArrayItems(self._part((size,), self.array.data), self.converter, self.path)
        return row._made(range(size))

    def _several(self, places: range) -> Any:
        if self._hides or not (self.is_of_numpy or self.node.type in OF_PYTHON):
            raise Undecided(self.reason)
        if places and max(places[0], places[-1]) >= self._held:
            self._refuse()
        pieces = [self.array.data[at * self._size : (at + 1) * self._size] for at in places]
        part = self._part((len(places), *self.array.shape[1:]), b"".join(pieces))
        return self.converter.of(part, f"{self.path}[…]")

    def _part(
        self, shape: tuple[int, ...], data: bytes, kind: tuple[str, str] | None = None
    ) -> Node:
        made = Array(self.array.format, self.array.item_size, shape, data)
        return Node(TAG_ARRAY, kind or self.node.type, math.prod(shape), made, made.cut)

    def _made(self, places: range) -> Iterator[Any]:
        """The items at these places, which are recorded."""
        if len(self.array.shape) > 1:
            if self._hides:
                raise Undecided(self.reason)
            for at in places:
                row = self.array.data[at * self._size : (at + 1) * self._size]
                part = self._part(self.array.shape[1:], row)
                yield self.converter.of(part, f"{self.path}[…]")
            return
        flat = self.array.items()
        if flat is None:
            raise Undecided(self.reason)
        for at in places:
            yield self._item(flat[at], at)

    def _item(self, value: Any, at: int) -> Any:
        if self.masked is not None and at < len(self.masked.items):
            value = self.masked.items[at]
        if not self.is_of_numpy or type(value) not in (int, float, bool, complex):
            return self.converter.of(value, f"{self.path}[{at}]")
        data = self.array.data[at * self._size : (at + 1) * self._size]
        part = self._part((), data, ("numpy", self._name()))
        return self.converter.of(part, f"{self.path}[{at}]")

    def _name(self) -> str:
        plain_format = self.array.format.lstrip("@=<>")
        return NAMES.get(plain_format) or self.array.dtype


def _row(found: Any, reason: str) -> Any:
    inner = plain(found)
    if not isinstance(inner, ArrayItems):
        raise Undecided(reason)
    return inner


def _are_equal(one: Any, wanted: Any) -> bool:
    """As a number or a text of numpy's compares: with what is none of these it is not equal."""
    mine, others = plain(one), plain(wanted)
    if isinstance(mine, NUMBERS) != isinstance(others, NUMBERS):
        return False
    return bool(mine == others)
