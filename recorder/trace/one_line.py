"""The statements that share a line, in the order in which they run. An event comes before the first and behind the last
of them: what one of them reads may have been set by one before it."""

from __future__ import annotations

import ast
from typing import NamedTuple

from recorder.trace import bindings
from recorder.trace.statements import Statement


class Line(NamedTuple):
    statements: list[Statement]

    @property
    def is_shared(self) -> bool:
        return len(self.statements) > 1

    @property
    def runs_once(self) -> bool:
        """Whether each call in it is made, and once."""
        loops = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.ExceptHandler)
        return all(bindings.runs_once(one) for one in self.statements) and not (
            self.is_shared and any(isinstance(one, loops) for one in self.statements)
        )

    def calls_of(self, names: set[str]) -> list[ast.Call]:
        """Those of functions or methods of these names, in the order in which they are made."""
        return [call for one in self.statements for call in bindings.calls_of(one, names)]

    def around(self, expression: ast.AST) -> Statement:
        """The statement that an expression is in; the last one, where it is in none of the text."""
        for one in self.statements:
            if any(part is expression for part in bindings.own(one)):
                return one
        return self.statements[-1]

    def shows(self, names: list[str], statement: Statement) -> bool | None:
        """Whether what a statement reads by these names can be seen behind the line, and not before it; None: at
        neither, since the line set one and set it again."""
        at = next(n for n, one in enumerate(self.statements) if one is statement)
        earlier = {name for one in self.statements[:at] for name in bindings.sets(one)}
        later = {name for one in self.statements[at:] for name in bindings.sets(one)}
        roots = {bindings.root_in(one) for one in names}
        if roots.isdisjoint(earlier):
            return False
        return True if roots.isdisjoint(later) else None
