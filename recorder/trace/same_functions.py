"""Which codes a person takes for one function: those of one name and place that are of one text. exec() compiles a text
anew each time that it is given one, as for named tuples, data classes and templates; a module that is loaded again has
all its functions once more."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from recorder._core.decode import Function
from recorder.trace.sources import Source
from recorder.trace.statements import first_line, parsed

# What has no name of its own: there may be several in a line.
UNNAMED: Final[dict[str, type[ast.expr]]] = {
    "<lambda>": ast.Lambda, "<genexpr>": ast.GeneratorExp, "<listcomp>": ast.ListComp, "<setcomp>": ast.SetComp,
    "<dictcomp>": ast.DictComp,
}  # fmt: skip


class SameFunctions:
    """`source_of`: the text that a function is of, or None; it is asked only where two may be one. Of no text they are
    one if they have the same variables."""

    def __init__(self, source_of: Callable[[Function], Source | None]) -> None:
        self._source_of = source_of
        self._first: dict[tuple[Any, ...], list[Function]] = {}
        self._known: dict[tuple[int, str], int] = {}

    def number(self, function: Function, title: str) -> int:
        """That of the first code that was asked about and is the same function. `title`: what it is called."""
        known = self._known.get((function.number, title))
        if known is None:
            known = self._known[function.number, title] = self._find(function, title)
        return known

    def _find(self, function: Function, title: str) -> int:
        key = (
            title, function.file, function.first_line, function._flags, function.argument_count,
            *function.names,
        )  # fmt: skip
        others = self._first.setdefault(key, [])
        for other in others:
            if self._is_same(function, other):
                return other.number
        others.append(function)
        return function.number

    def _is_same(self, a: Function, b: Function) -> bool:
        texts = self._source_of(a), self._source_of(b)
        if texts[0] is None or texts[1] is None:
            return texts[0] is texts[1]
        return texts[0].sha256 == texts[1].sha256 and _is_alone(a, texts[0].text)


def _is_alone(function: Function, text: str) -> bool:
    """Whether nothing else in a text has its name and its line."""
    kind = UNNAMED.get(function.name)
    if kind is None:
        return True
    nodes = ast.walk(ast.Module(parsed(text), []))
    alike = (one for one in nodes if type(one) is kind and first_line(one) == function.first_line)
    return len(list(alike)) < 2
