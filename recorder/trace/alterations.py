"""What a call altered of what it was given: arguments whose value is another one when it ends.

Which object a value is, is not asked here. A function that assigns to the parameter may have left what it was given
as it was, and so may one whose text is not in the trace: that is told with the answer.
"""

from __future__ import annotations

import ast
from itertools import islice
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.trace.calls import Call
from recorder.trace.sources import Source
from recorder.trace.statements import first_line, parsed
from recorder.trace.values.differences import Part, what_changed
from recorder.trace.values.value import Value

MOST_PARTS: Final = 3  # of one argument that are told


class Alteration(NamedTuple):
    """One argument that changed. `bound`: the function assigns to the parameter, so that it may be another object;
    None: its text is not in the trace."""

    name: str
    before: Value
    after: Value
    parts: list[Part]  # the ways to what differs, and both sides
    bound: bool | None


@errors.guarded("read")
def of(call: Call, source: Source | None) -> list[Alteration]:
    """Of a call that was seen to begin and to end. Values that cannot change in place are left out: of these only the
    parameter can be bound anew."""
    if call.start is None or call.end is None:
        return []
    after = call.end.locals
    found = []
    bound: frozenset[str] | None = None
    for name, before in call.arguments.items():
        if name not in after or before._raw == after[name]._raw or not before.can_change:
            continue
        parts = list(islice(what_changed(before._tree, after[name]._tree, strict=True), MOST_PARTS))
        if not parts:
            continue
        if bound is None and source is not None:
            bound = _assigned(source.text, call.function)
        is_bound = None if bound is None else name in bound
        found.append(Alteration(name, before, after[name], parts, is_bound))
    return found


def _assigned(text: str, function: Function) -> frozenset[str]:
    """The names that a function of this text binds, in whatever way; a function within it may do so by `nonlocal`."""
    found: set[str] = set()
    for node in ast.walk(ast.Module(parsed(text), [])):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.name == function.name and first_line(node) == function.first_line:
            for inner in ast.walk(node):
                found.update(_bound_by(inner))
    return frozenset(found)


def _bound_by(node: Any) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, (ast.Store, ast.Del)) else []
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).partition(".")[0]]
    return []
