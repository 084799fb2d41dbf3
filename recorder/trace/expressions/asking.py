"""Expressions at the events of one trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any, Final

from recorder._core.decode import Function
from recorder.trace.expressions.expression import Answer, Expression, given_as
from recorder.trace.filters import Condition
from recorder.trace.snapshots import Event, Frame

MOST_KEPT: Final = 4_096  # answers of one expression
MOST_BYTES: Final = 1 << 18  # of the values they are of: what is made of one takes many times that
MOST_CONDITIONS: Final = 32  # whose answers are kept


class NamesInCode:
    """Which names the code of a function speaks of. `text_of`: the text of a file, as it ran; None if it is not in the
    trace."""

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._names: dict[str, dict[tuple[str, int], frozenset[str]]] = {}

    def looks_at(self, frame: Event | Frame, name: str) -> bool:
        """Whether a global that changes in place is looked at before the events of a frame: its code has to name it."""
        return name in self._names_in(frame.function)

    def _names_in(self, function: Function) -> frozenset[str]:
        path = function.file
        if path not in self._names:
            text = self._text_of(path)
            self._names[path] = {} if text is None else names_of_codes(text, path)
        return self._names[path].get((function.qualified_name, function.first_line), frozenset())


class Asker:
    """`text_of`: as of NamesInCode."""

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self.looks_at = NamesInCode(text_of).looks_at
        self._conditions: dict[
            Expression, Repeated
        ] = {}  # which hold nothing of this, or a trace would not go at once

    def condition(self, expression: Expression) -> Repeated:
        """Of one that is asked again, as of part after part of a trace, the answers are known already."""
        if expression not in self._conditions:
            if len(self._conditions) >= MOST_CONDITIONS:
                del self._conditions[next(iter(self._conditions))]
            self._conditions[expression] = Repeated(self, expression, True)
        return self._conditions[expression]

    def ask(
        self, expression: str | Expression, frame: Event | Frame, is_condition: bool = False
    ) -> Answer:
        return made(expression).at(frame, self.looks_at, is_condition)


class Repeated:
    """An expression that is asked at many events: while the bytes of what it names are the same, so is the answer."""

    def __init__(self, asker: Asker, expression: Expression, is_condition: bool) -> None:
        self.expression = expression
        self.is_condition = is_condition
        self._looks_at = asker.looks_at
        self._kept: dict[Any, Answer] = {}
        self._size = 0  # of the values

    def at(self, event: Event) -> Answer:
        key = self._key(event)
        answer = self._kept.get(key)
        if answer is None:
            self._size += sum(len(one) for one in key if isinstance(one, bytes))
            if len(self._kept) >= MOST_KEPT or self._size > MOST_BYTES:
                self._kept.clear()
                self._size = 0
            answer = self.expression.at(event, self._looks_at, self.is_condition)
            self._kept[key] = answer
        return answer

    @property
    def filter(self) -> Condition:
        """Of a condition: it rules out where it is false for certain."""
        return Condition(self.expression.names, self.expression.steps, self._is_false)

    def _is_false(self, event: Event) -> bool:
        answer = self.at(event)
        return answer.kind != "error" and answer.truth is False

    def _key(self, event: Event) -> tuple[object, ...]:
        """All that the answer depends on."""
        slots, values = event._slots, event._values
        space = event.namespace
        key: list[object] = [event.function.number, None if space is None else space.number]
        if self.expression.attributes:
            key.append(event._attributes)
        for name in self.expression.names:
            slot = slots.get(name, len(values))
            raw = values[slot] if slot < len(values) else None
            if raw is None and space is not None and name in space._slots:
                slot = space._slots[name]
                raw = event._global_values[slot] if slot < len(event._global_values) else None
            key.append(raw)
        return tuple(key)


def made(expression: str | Expression, argument: str = "expression") -> Expression:
    if isinstance(expression, Expression):
        return expression
    return given_as(argument, expression)


def names_of_codes(text: str, path: str) -> dict[tuple[str, int], frozenset[str]]:
    """The names of globals and attributes that each code of a text speaks of. It is compiled, and not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            waiting = [compile(text, path, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    while waiting:
        code = waiting.pop()
        found[code.co_qualname, code.co_firstlineno] = frozenset(code.co_names)
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    return found
