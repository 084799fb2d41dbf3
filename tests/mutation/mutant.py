"""One change of one place, of the kind that a careless edit brings."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`text[start:end]` of a file becomes `new`."""

    file: str
    function: str  # in which it is, or ""
    line: int
    operator: str
    start: int
    end: int
    old: str
    new: str

    @property
    def key(self) -> str:
        """What it is called in a report and in the list of equivalents: lines move, so none is in it."""
        return f"{self.file}::{self.function}: {self.operator}: {self.old!r} → {self.new!r}"

    def applied(self, text: str) -> str:
        assert text[self.start : self.end] == self.old, self
        return text[: self.start] + self.new + text[self.end :]


# What stands between two operands, and what it is taken for.
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
ARITHMETIC = {
    "+": "-",
    "-": "+",
    "*": "+",
    "//": "*",
    "%": "*",
    "<<": ">>",
    ">>": "<<",
    "&": "|",
    "|": "&",
}
WORDS = {"and": "or", "or": "and", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
