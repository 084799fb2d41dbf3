"""What the source texts of a trace say around a line: its statement, and what decides whether it runs."""

from __future__ import annotations

import ast
from typing import Any, Final, NamedTuple

from recorder._core.decode import Function
from recorder.trace import bindings
from recorder.trace.format import TAG_INSTANCE, TAG_OBJECT
from recorder.trace.reader import Trace
from recorder.trace.statements import Statement, Statements, parsed
from recorder.trace.values.nodes import Node, without_wrapping

LOOPS: Final = (ast.While, ast.For, ast.AsyncFor)
OBJECTS: Final = (TAG_INSTANCE, TAG_OBJECT)
HEADS: Final = (*LOOPS, ast.If, ast.ExceptHandler)


class Head(NamedTuple):
    """What decides whether the lines of its body run."""

    first: int  # line
    last: int  # line of its body
    node: ast.AST

    @property
    def decides(self) -> ast.AST | None:
        """The expression that it looks at."""
        return getattr(self.node, "test", None) or getattr(self.node, "iter", None)


class Texts:
    """Of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._sources = trace.sources
        self._statements = Statements(self._text)
        self._heads: dict[str, list[Head]] = {}
        self._trace = trace
        self._foreign: dict[str, bool] = {}  # by module

    def _text(self, path: str) -> str | None:
        source = self._sources.get(path)
        return None if source is None else source.text

    def line(self, path: str, number: int) -> str:
        """Without its indentation; empty if it is not in the trace."""
        source = self._sources.get(path)
        lines = [] if source is None else source.lines
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def statement(self, path: str, line: int) -> Statement | None:
        return self._statements.at(path, line)

    def around(self, function: Function, line: int) -> list[Head]:
        """What the line is in the body of, within its function; the innermost first."""
        found = [
            head
            for head in self._of(function.file)
            if function.first_line <= head.first <= line
            and (line <= head.last or head.first == line)
        ]
        return found[::-1]

    def is_to_change(self, statement: Statement, name: str) -> bool:
        """Whether it assigns the variable, or calls something of it or on it and does nothing with what comes back."""
        if isinstance(statement, ast.Expr):
            node = (
                statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            )
            while isinstance(node, (ast.Call, ast.Attribute)):
                node = node.func if isinstance(node, ast.Call) else node.value
            return isinstance(node, ast.Name) and node.id == name
        return bindings.binding(statement, name).how == "assigned"

    def binds(self, path: str, line: int, name: str) -> bool:
        """Whether a line gives a variable its value, and does not change something in it."""
        statement = self.statement(path, line)
        target = "" if statement is None else bindings.binding(statement, name).target
        return target in ("", name)

    def is_foreign(self, tree: Any) -> bool:
        """Whether a value is an object of a class whose module has no text in the trace: a library's."""
        node = without_wrapping(tree)
        if not isinstance(node, Node) or node.tag not in OBJECTS or node.type is None:
            return False
        module = node.type[0]
        if module not in self._foreign:
            path = module.replace(".", "/")
            ends = f"/{path}.py", f"/{path}/__init__.py"
            files = (f"/{function.file}" for function in self._trace.functions)
            is_own = module == "__main__" or any(file.endswith(ends) for file in files)
            self._foreign[module] = not is_own
        return self._foreign[module]

    def at(self, path: str, line: int) -> Head | None:
        return next((head for head in self._of(path) if head.first == line), None)

    def _of(self, path: str) -> list[Head]:
        """In the order of their lines. Those in a function within one are there, too: its lines are no others'."""
        if path not in self._heads:
            nodes = ast.walk(ast.Module(parsed(self._text(path) or ""), []))
            found = [
                Head(node.lineno, node.end_lineno or node.lineno, node)
                for node in nodes
                if isinstance(node, HEADS)
            ]
            self._heads[path] = sorted(found, key=lambda head: (head.first, -head.last))
        return self._heads[path]
