"""What the source texts in a trace say: the words of the statement at a line, what is defined where, and which lines
have code. Nothing of a text is run; one that this Python cannot read says nothing."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from recorder.trace.sources import split_lines

Statement = ast.stmt | ast.ExceptHandler
FILES_KEPT: Final = 32
WORD: Final = re.compile(r"[^\W\d]\w*")


class Statements:
    """Of the files of a trace. `text_of`: the text of one, or None."""

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._files: dict[str, _File | None] = {}

    def words(self, path: str, line: int) -> frozenset[str] | None:
        """The names in the statement, or in the head of the compound one, that the line belongs to; None: not known."""
        file = self._file(path)
        return None if file is None else file.words(line)

    def at(self, path: str, line: int) -> Statement | None:
        """The statement whose words these are; None: not known."""
        return next(iter(self.all_at(path, line)), None)

    def all_at(self, path: str, line: int) -> list[Statement]:
        """The statements that share the line, from the last and innermost one on."""
        file = self._file(path)
        return [] if file is None else file.statements.get(line, [])[::-1]

    def held_up_by(self, path: str, statement: Statement) -> frozenset[int]:
        """The lines that run between a statement that leaves a function and its end: those of `finally`, and the heads
        of `with`, around it."""
        file = self._file(path)
        return frozenset() if file is None else _held_up_by(file.text, statement)

    def _file(self, path: str) -> _File | None:
        if path not in self._files:
            text = self._text_of(path)
            self._files[path] = None if text is None else _File(text)
        return self._files[path]


class _File:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = split_lines(text)
        self.statements = _statements(text)

    def words(self, line: int) -> frozenset[str] | None:
        statements = self.statements.get(line)
        first, last = (line, line) if statements is None else _head(statements[-1])
        if not 0 < first <= len(self.lines):
            return None
        return frozenset(WORD.findall("\n".join(self.lines[first - 1 : last])))


def definitions(text: str) -> list[tuple[str, int]]:
    """The functions and classes of a text: qualified name, as Python makes it, and line."""
    found = []
    waiting: list[tuple[ast.AST, str]] = [(node, "") for node in parsed(text)]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append((around + node.name, node.lineno))
            inside = "" if isinstance(node, ast.ClassDef) else ".<locals>"
            around = f"{around}{node.name}{inside}."
        waiting += [(child, around) for child in ast.iter_child_nodes(node)]
    return sorted(found, key=lambda one: one[1])


def lines_with_code(text: str) -> list[int]:
    """The lines at which a statement begins."""
    return sorted({last.lineno for (*_, last) in _statements(text).values()})


def parsed(text: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def first_line(node: ast.stmt | ast.expr) -> int:
    """Of what has a code object: that of its first decorator, or its own."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min(each.lineno for each in (node, *decorators))


@lru_cache(maxsize=FILES_KEPT)
def _module(text: str) -> ast.Module:
    return ast.Module(parsed(text), [])


def _held_up_by(text: str, statement: Statement) -> frozenset[int]:
    found: set[int] = set()
    waiting: list[ast.AST] = [_module(text)]
    while waiting:
        node = waiting.pop()
        inside = {name for name, value in ast.iter_fields(node) if _is_in(statement, value)}
        waiting += [one for one in ast.iter_child_nodes(node) if _is_in(statement, [one])]
        if inside and isinstance(node, (ast.With, ast.AsyncWith)):
            first, last = _head(node)
            found.update(range(first, last + 1))
        if inside - {"finalbody"} and (final := getattr(node, "finalbody", None)):
            found.update(range(final[0].lineno, (final[-1].end_lineno or 0) + 1))
    return frozenset(found)


def _is_in(statement: Statement, nodes: object) -> bool:
    """Whether one of these has the statement in it, or is it, as far as their places tell."""
    here = _span(statement)
    return isinstance(nodes, list) and any(
        isinstance(one, ast.match_case)
        or (isinstance(one, Statement) and _span(one)[0] <= here[0] and here[1] <= _span(one)[1])
        for one in nodes
    )


def _span(node: Statement) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


@lru_cache(maxsize=FILES_KEPT)
def _statements(text: str) -> dict[int, list[Statement]]:
    """The statements of each line: of a compound one, its head. Who reads one trace after another meets the same
    texts."""
    found: dict[int, list[Statement]] = {}
    for node in ast.walk(_module(text)):  # what is inside comes later
        if isinstance(node, (ast.stmt, ast.ExceptHandler)):
            first, last = _head(node)
            for line in range(first, last + 1):
                found.setdefault(line, []).append(node)
    return found


def _head(statement: Statement) -> tuple[int, int]:
    """The first and last line of a statement without its body, with its decorators."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    first = statement.lineno if isinstance(statement, ast.ExceptHandler) else first_line(statement)
    return first, max(last, statement.lineno)
