"""The mutants of a Python file, by its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.mutation.mutant import ARITHMETIC, COMPARISONS, WORDS, Mutant

NOTHING = ("None", "False")  # what is as good as None
BETWEEN = COMPARISONS | ARITHMETIC | WORDS


def mutants(file: str, text: str) -> list[Mutant]:
    return list(Finder(file, text).of(ast.parse(text), ""))


class Finder:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        lines = text.splitlines(keepends=True)
        self.lines = [line.encode() for line in lines]
        self.begins = [sum(map(len, lines[:n])) for n in range(len(lines))]

    def of(self, node: ast.AST, function: str) -> Iterator[Mutant]:
        if is_typing(node):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".lstrip(".")
        for operator, start, end, new in self.at(node):
            old, line = self.text[start:end], self.text.count("\n", 0, start) + 1
            if new != old:  # two arguments are alike
                yield Mutant(self.file, function, line, operator, start, end, old, new)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.of(child, function)

    def at(self, node: ast.AST) -> Iterator[tuple[str, int, int, str]]:
        """What can be changed of this node, without those below: operator, place, what is put there."""
        match node:
            case ast.Compare(left=left, comparators=[right, *_]):
                yield from self.between("comparison", left, right)
            case ast.BinOp(left=left, right=right):
                yield from self.between("arithmetic", left, right)
            case ast.BoolOp(values=[left, right, *_]):
                yield from self.between("and, or", left, right)
            case ast.Constant(value=bool(value)):
                yield "constant", *self.place(node), str(not value)
            case ast.Constant(value=int(value)):
                yield "constant", *self.place(node), str(value + 1)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                start, end = self.place(test)
                yield "condition", start, end, f"not ({self.text[start:end]})"
            case ast.Return(value=ast.expr() as value) if ast.unparse(value) not in NOTHING:
                yield "return", *self.place(node), "return None"
            case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield()):
                yield "dropped call", *self.place(node), "pass"
            case ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield "dropped statement", *self.place(node), "pass"
            case ast.Call(args=[first, second, *_]) if not isinstance(first, ast.Starred):
                (start, middle), (begin, end) = self.place(first), self.place(second)
                swapped = self.text[begin:end] + self.text[middle:begin] + self.text[start:middle]
                if not isinstance(second, ast.Starred):
                    yield "argument order", start, end, swapped

    def between(
        self, operator: str, left: ast.expr, right: ast.expr
    ) -> Iterator[tuple[str, int, int, str]]:
        start, end = self.place(left)[1], self.place(right)[0]
        found = re.search(r"not\s+in|is\s+not|\w+|[<>=!*/+\-%&|]+", self.text[start:end])
        new = BETWEEN.get(" ".join(found[0].split())) if found else None
        if found and new:
            yield operator, start + found.start(), start + found.end(), new

    def place(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt)
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def offset(self, line: int, column: int) -> int:
        """Of a line from 1 and a column in bytes."""
        return self.begins[line - 1] + len(self.lines[line - 1][:column].decode())


def is_typing(node: ast.AST) -> bool:
    """A block that only a type checker reads."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
