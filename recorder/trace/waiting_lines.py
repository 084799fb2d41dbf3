"""The lines of a text at which a coroutine may wait for tasks that it does not itself await: what it handed to
who does, and where a task group may be found."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from recorder.trace.statements import parsed

TAKES_TASKS: Final = ("wait", "wait_for", "shield")  # as the first argument
SCOPES: Final = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)


class WaitingLine:
    """All of it as text that can be evaluated. `leaves`: it has an `async with`, which waits when it is left."""

    def __init__(self) -> None:
        self.handed: list[str | None] = []  # by each `await`; None: to nothing that waits for tasks
        self.entered: list[str] = []  # by the `async with`, and the variables that it has it in
        self.leaves = False


NO_LINE: Final = WaitingLine()


def waiting_lines(text: str) -> dict[int, WaitingLine]:
    """By line. What cannot be parsed has none."""
    found: dict[int, WaitingLine] = {}
    module = ast.Module(parsed(text), [])
    completed = dict(_completed(module))
    for node in ast.walk(module):
        if isinstance(node, (ast.Await, ast.AsyncFor)):
            handed = completed.get(node) or (_handed(node.value) if isinstance(node, ast.Await) else None)  # fmt: skip
            where = node if isinstance(node, ast.Await) else node.iter
            for line in _lines(where, found):
                line.handed.append(handed)
        elif isinstance(node, ast.AsyncWith):
            entered = [ast.unparse(one) for item in node.items for one in _entered(item)]
            for each in (one.context_expr for one in node.items):
                for line in _lines(each, found, node.lineno):
                    line.entered += entered
                    line.leaves = True
    return found


def _lines(
    node: ast.expr, found: dict[int, WaitingLine], first: int | None = None
) -> Iterator[WaitingLine]:
    last = node.end_lineno or node.lineno
    for line in range(node.lineno if first is None else first, last + 1):
        yield found.setdefault(line, WaitingLine())


def _entered(item: ast.withitem) -> Iterator[ast.expr]:
    """What may be evaluated of it: not what was called."""
    for one in (item.optional_vars, item.context_expr):
        if isinstance(one, (ast.Name, ast.Attribute, ast.Subscript)):
            yield one


def _handed(call: ast.expr) -> str | None:
    if not isinstance(call, ast.Call) or not call.args:
        return None
    return ast.unparse(call.args[0]) if _called(call) in TAKES_TASKS else None


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


# ---- as_completed ----


def _completed(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """What waits for the next of those that were handed to `as_completed`: `await each` in a loop, or the loop."""
    for scope in (one for one in ast.walk(module) if isinstance(one, SCOPES)):
        assigned = dict(_assigned(scope))
        for loop in ast.walk(scope):
            if isinstance(loop, (ast.For, ast.AsyncFor)):
                heads: list[ast.For | ast.AsyncFor | ast.comprehension] = [loop]
            elif isinstance(loop, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
                heads = [*loop.generators]
            else:
                continue
            for head in heads:
                handed = _to_as_completed(head.iter) or assigned.get(ast.unparse(head.iter))
                if handed is not None:
                    yield loop, handed
                    yield from ((one, handed) for one in _awaiting(head.target, loop))


def _assigned(scope: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                handed = _to_as_completed(value)
                if handed is not None:
                    yield name, handed


def _awaiting(target: ast.expr, loop: ast.AST) -> Iterator[ast.Await]:
    for node in ast.walk(loop):
        if isinstance(node, ast.Await) and ast.unparse(node.value) == ast.unparse(target):
            yield node


def _to_as_completed(call: ast.expr) -> str | None:
    if isinstance(call, ast.Call) and call.args and _called(call) == "as_completed":
        return ast.unparse(call.args[0])
    return None
