"""Numbers of numpy's, which compute as numpy does: they have a size, and one of Python's becomes one of theirs."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import Any, Final

from recorder.trace.expressions.domain import Opaque, plain
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import TAG_ARRAY
from recorder.trace.values.nodes import Node
from recorder.trace.values.stdlib_values import Array

NAMES: Final = {"e": "float16", "f": "float32"}
INTEGERS: Final = "bBhHiIlLqQ"
NARROW: Final = "ef"  # floats that hold less than Python's
LARGEST: Final = 1 << 63
LARGE: Final = 1 << 53  # from here on a float does not hold every integer
FULL: Final = "lqd"  # of which sums and products are Python's, unless they are too large
SMALL: Final = (
    1 << 24
)  # likewise, of the smallest float that a sum of two numbers of numpy's may become


class Scalar(Opaque):
    """One number, or truth value, of a type of numpy's that `format` says."""

    __slots__ = ("format", "path", "value")

    def __init__(self, value: Any, format: str, path: str) -> None:
        self.value = value
        self.format = format.lstrip("@=<>")
        self.path = path

    @property
    def reason(self) -> str:
        return f"only numpy could tell it of {self.path}"

    @property
    def node(self) -> Node:
        """As it is recorded by itself."""
        name = NAMES.get(self.format, "?")
        data = struct.pack(self.format, self.value)
        return Node(TAG_ARRAY, ("numpy", name), 1, Array(self.format, len(data), (), data))

    def _both(self, other: Any) -> tuple[Any, Any]:
        """What is compared with what, or added to it. Raises Undecided where numpy has its own idea of that."""
        if isinstance(other, Scalar):
            pair = self.value, other.value
            exact = {self.format, other.format} <= {"d"} or all(abs(one) < SMALL for one in pair)
        else:
            other = plain(other)
            if type(other) not in (int, float, bool, complex):
                raise Undecided(self.reason)
            pair = self.value, self._as_own(other)
            exact = isinstance(other, type(self.value)) or all(abs(one) < LARGE for one in pair)
        if not exact:
            raise Undecided(self.reason)
        return pair

    def _as_own(self, other: Any) -> Any:
        if self.format not in NARROW or type(other) is complex:
            return other
        try:
            return struct.unpack(self.format, struct.pack(self.format, other))[0]
        except (OverflowError, struct.error):
            raise Undecided(self.reason) from None

    def __eq__(self, other: object) -> bool:
        mine, others = self._both(other)
        return bool(mine == others)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self._real())

    def __float__(self) -> float:
        return float(self._real())

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        if self.format not in INTEGERS:
            # audit: Python's own protocol
            raise TypeError(f"only integers can be an index, not {self.path}")
        return int(self.value)

    def __str__(self) -> str:
        return str(self._spelled())

    def __format__(self, spec: str) -> str:
        return format(self._spelled(), spec)

    def _spelled(self) -> Any:
        if self.format not in (*INTEGERS, "d", "?"):
            raise Undecided(self.reason)
        return self.value

    def _real(self) -> Any:
        if isinstance(self.value, complex):
            raise Undecided(self.reason)
        return self.value


def _compared(ask: Callable[[Any, Any], Any]) -> Callable[[Scalar, Any], bool]:
    def compare(self: Scalar, other: Any) -> bool:
        mine, others = self._both(other)
        if complex in (type(mine), type(others)):  # numpy has an order of these
            raise Undecided(self.reason)
        return bool(ask(mine, others))

    return compare


def _computed(ask: Callable[[Any, Any], Any], swapped: bool) -> Callable[[Scalar, Any], Any]:
    """Of numbers of 64 bits, as Python does: what is too large, or divided by nothing, numpy tells."""

    def compute(self: Scalar, other: Any) -> Any:
        mine, others = self._both(other)
        pair = (others, mine) if swapped else (mine, others)
        formats = (self.format, getattr(other, "format", "d"))
        if any(one not in FULL for one in formats) or not _is_alike(ask, *pair):
            raise Undecided(self.reason)
        made = ask(*pair)
        if not _fits(made):
            raise Undecided(self.reason)
        return made

    return compute


def _fits(value: Any) -> bool:
    return type(value) is float or (type(value) is int and -LARGEST <= value < LARGEST)


def _is_alike(ask: Callable[[Any, Any], Any], a: Any, b: Any) -> bool:
    """Whether numpy and Python come to the same."""
    if not (_fits(a) and _fits(b)):
        return False
    if ask is operator.truediv:  # of which numpy makes floats before
        return bool(b != 0 and max(abs(a), abs(b)) < LARGE)
    return ask not in (operator.floordiv, operator.mod) or (b != 0 and type(a) is type(b) is int)


for _name in ("lt", "le", "gt", "ge"):
    setattr(Scalar, f"__{_name}__", _compared(getattr(operator, _name)))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(Scalar, f"__{_name}__", _computed(getattr(operator, _name), False))
    setattr(Scalar, f"__r{_name}__", _computed(getattr(operator, _name), True))


def _of_one(ask: Callable[[Any], Any]) -> Callable[[Scalar], Any]:
    def compute(self: Scalar) -> Any:
        if self.format not in FULL or self.value == -LARGEST:
            raise Undecided(self.reason)
        return ask(self.value)

    return compute


for _name in ("neg", "pos", "abs"):
    setattr(Scalar, f"__{_name}__", _of_one(getattr(operator, _name)))
