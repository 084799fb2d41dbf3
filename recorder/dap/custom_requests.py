"""Requests of our own, for what an editor shows beside a text: values at its lines, and how often it ran."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder._core.decode import Function
from recorder.dap.arguments import Arguments
from recorder.dap.counting import Counting
from recorder.dap.state import State
from recorder.trace.format import TAG_CLASS, TAG_FUNCTION, TAG_MODULE
from recorder.trace.listing import SCOPES
from recorder.trace.sources import split_lines
from recorder.trace.statements import first_line, parsed
from recorder.trace.values.nodes import Node
from recorder.trace.values.render import show

SOON: Final = 0.2  # seconds that are waited for counts
SHORT: Final = 60  # characters of a value beside a line
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DEFINED: Final = (TAG_CLASS, TAG_FUNCTION, TAG_MODULE)  # what names of the kind say by themselves

Emit = Callable[[str, dict[str, Any]], None]


class Name(NamedTuple):
    line: int
    column: int  # in units of UTF-16, from 1, as editors count
    name: str


class CustomRequests:
    def __init__(self, state: State, emit: Emit) -> None:
        self.state = state
        self.emit = emit
        self._names: dict[int, list[Name]] = {}  # by the number of the function
        self._counting: Counting | None = None
        self.commands = {
            "recorder.inlineValues": self.inline_values,
            "recorder.counts": self.counts,
        }

    def inline_values(self, asked: Arguments) -> dict[str, Any]:
        """Of the lines from `line` to `endLine` of a frame's function, the variables that they name, each once."""
        frame = self.state.frame(asked.number("frameId"))
        first, last = asked.number("line", 1), asked.number("endLine", frame.line)
        variables = frame.locals
        values = []
        for name in self._names_of(frame.function):
            if first <= name.line <= last and name.name in variables:
                tree = variables[name.name]._tree
                if not (isinstance(tree, Node) and tree.tag in DEFINED):
                    values.append({**name._asdict(), "value": show(tree, SHORT)})
        return {"values": values}

    def _names_of(self, function: Function) -> list[Name]:
        if function.number not in self._names:
            source = self.state.trace.source_of(function)
            found = () if source is None else names_in(source.text, function)
            first = {(one.line, one.name): one for one in sorted(found, reverse=True)}
            self._names[function.number] = sorted(first.values())
        return self._names[function.number]

    def counts(self, asked: Arguments) -> dict[str, Any]:
        """How often each function of a file was called, and each line ran. All of the trace is looked through for it,
        once, while other requests are answered: where that takes longer an event tells that it is done."""
        path = self.state.files.recorded(asked.part("source").text("path", ""))
        if self._counting is None:
            self._counting = Counting(self.state.trace.path, self._report_counted)
        counted = self._counting.wait(SOON)
        if counted is None:
            return {"lines": [], "functions": [], "complete": False}
        lines: Counter[int] = Counter()
        for function, counts in counted.lines.items():
            if function.file == path:
                lines.update(counts)
        functions = [
            {"name": one.title, "line": one.line, "calls": one.calls, "raised": one.failures}
            for one in counted.functions
            if one.file == path and one.function is not None and not one.function.is_body
        ]
        return {
            "lines": [{"line": line, "count": count} for line, count in sorted(lines.items())],
            "functions": functions,
            "complete": True,
        }

    def _report_counted(self) -> None:
        try:
            self.emit("recorder.counted", {})
        except OSError:
            pass  # nobody reads any more; the session notices by itself

    def close(self) -> None:
        if self._counting is not None:
            self._counting.end()


def names_in(text: str, function: Function) -> Iterator[Name]:
    """The names that a function's own lines speak of, without those of functions and classes within it."""
    body = ast.Module(parsed(text), [])
    lines = split_lines(text)
    for root in [body] if function.name == "<module>" else _defined_at(body, function):
        for node in _own(root):
            name = node.id if isinstance(node, ast.Name) else node.arg
            before = lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="replace")
            yield Name(node.lineno, len(before.encode("utf-16-le")) // 2 + 1, name)


def _defined_at(body: ast.Module, function: Function) -> list[ast.AST]:
    return [
        node
        for node in ast.walk(body)
        if isinstance(node, SCOPES) and first_line(node) == function.first_line
        and getattr(node, "name", function.name) == function.name
    ]  # fmt: skip


def _own(root: ast.AST, hidden: frozenset[str] = frozenset()) -> Iterator[ast.Name | ast.arg]:
    """`hidden`: what is bound in a comprehension around it, and is no variable of the function."""
    for node in ast.iter_child_nodes(root):
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and node.id not in hidden):
            yield node
        elif isinstance(node, COMPREHENSIONS):
            yield from _own(node, hidden | _bound(node))
        elif not isinstance(node, SCOPES):
            yield from _own(node, hidden)


def _bound(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> set[str]:
    names = (name for loop in node.generators for name in ast.walk(loop.target))
    return {name.id for name in names if isinstance(name, ast.Name)}
