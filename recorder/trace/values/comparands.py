"""What a user compares a recorded value with, as expressions know it: classes and members of enums by their names."""

from __future__ import annotations

import enum
from typing import Any, Final

from recorder.trace.expressions.conversion import Values, tree_of
from recorder.trace.expressions.domain import TypeName
from recorder.trace.expressions.outcomes import Budget
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.expressions.table_columns import FORMATS
from recorder.trace.format import TAG_ENUM
from recorder.trace.values.nodes import Node

CONTAINERS: Final = (list, tuple, set, frozenset, dict)


class Recorded:
    """What a recorded value is for those who only compare with it."""

    __slots__ = ()

    @property
    def _asked(self) -> tuple[Any, Values]:
        """The value as expressions know it, and where its parts come from."""
        raise NotImplementedError  # audit: Value has it

    @property
    def _object(self) -> Any:
        """The object itself, made anew; own_operators.NOTHING where it is not to be had."""
        raise NotImplementedError  # audit: Value has it

    @property
    def _iterable(self) -> Any:
        """Likewise, to be iterated over once."""
        raise NotImplementedError  # audit: Value has it


class Given:
    """Each object once, so that what contains itself does so afterwards."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.made: dict[int, Any] = {}  # by the id of what the caller holds

    def of(self, value: Any) -> Any:
        self.budget.charge(1)
        kind = type(value)
        if issubclass(kind, Recorded):
            return value._asked[0]
        if issubclass(kind, type):
            return TypeName(_name_of(value, "__module__"), _name_of(value, "__qualname__"))
        if issubclass(kind, enum.Enum):
            return self.member(value)
        if kind.__module__ == "numpy" and kind.__name__ in FORMATS:
            return Scalar(value.item(), FORMATS[kind.__name__], "it")
        base = _container(kind)
        if base is None:
            return value
        if id(value) not in self.made:
            self.made[id(value)] = self.container(base, value)
        return self.made[id(value)]

    def container(self, base: Any, value: Any) -> Any:
        made: Any
        if base is list:
            self.made[id(value)] = made = []
            made.extend(self.of(part) for part in list.__iter__(value))
        elif base is dict:
            self.made[id(value)] = made = {}
            for key, part in dict.items(value):
                made[self.of(key)] = self.of(part)
        else:
            made = base([self.of(part) for part in base.__iter__(value)])
        return made

    def member(self, value: Any) -> Any:
        kind = type(value)
        key = kind.__module__, kind.__qualname__
        part = value.value
        inner = tree_of(part, self.budget)
        node = Node(TAG_ENUM, key, None, [(value.name or "", inner)])
        return Values(node, "it").value()


def _name_of(kind: type, name: str) -> str:
    found = type.__getattribute__(kind, name)
    return found if isinstance(found, str) else "?"


def _container(kind: type) -> type | None:
    """The built-in container that values of this type compare as."""
    for base in CONTAINERS:
        if issubclass(kind, base):
            return base if type.__getattribute__(kind, "__eq__") is base.__eq__ else None
    return None
