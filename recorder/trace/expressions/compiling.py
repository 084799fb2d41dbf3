"""From the text of an expression to closures, once. Each closure computes one node of it, for the names of one moment.

What is not of the language (calls with effects, lambda, await, …) is refused here, with where it stands.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from recorder import errors
from recorder.trace.expressions import functions, operations
from recorder.trace.expressions.domain import plain
from recorder.trace.expressions.outcomes import Budget, TooMuch, Undecided

MOST_TEXT: Final = 10_000  # characters
MOST_NESTED: Final = 100
SHOWN: Final = 60  # characters of an expression that is refused

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Scope:
    """The names that a part of an expression sees: those of comprehensions, then what `find` knows."""

    __slots__ = ("around", "budget", "find", "own")

    def __init__(
        self, find: Callable[[str], Any], budget: Budget, around: Scope | None = None
    ) -> None:
        self.find = find
        self.budget = budget
        self.around = around
        self.own: dict[str, Any] = {}

    def inside(self) -> Scope:
        return Scope(self.find, self.budget, self)

    def name(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.own:
                return scope.own[name]
            scope = scope.around
        return self.find(name)


Code = Callable[[Scope], Any]


def parsed(text: str, argument: str = "expression") -> ast.expr:
    """Raises INVALID_ARGUMENT, which says where."""
    if len(text) > MOST_TEXT:
        raise errors.InvalidArgumentError(
            f"{argument} is too long: {len(text)} characters", argument=argument, value=text[:SHOWN]
        )
    stripped = text.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(stripped, mode="eval").body
    except SyntaxError as exc:
        raise invalid(
            argument, stripped, exc.msg or "invalid syntax", exc.lineno or 1, exc.offset or 1
        ) from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise errors.InvalidArgumentError(
            f"{argument} cannot be read: {exc or 'it is nested too deeply'}",
            argument=argument, value=stripped[:SHOWN], expected="a Python expression",
        ) from exc  # fmt: skip


def first_part(node: ast.AST) -> ast.AST | None:
    """The part of an expression that is always asked, before all others; None: that cannot be told."""
    match node:
        case ast.Compare(left=part) | ast.BinOp(left=part) | ast.BoolOp(values=[part, *_]):
            return part
        case ast.UnaryOp(operand=part) | ast.IfExp(test=part):
            return part
        case ast.Attribute(value=part) | ast.Subscript(value=part):
            return part
        case ast.Call(func=ast.Attribute(value=part)) | ast.Call(func=ast.Name(), args=[part, *_]):
            return part
    return None


def invalid(argument: str, text: str, what: str, line: int, column: int) -> errors.RecorderError:
    """INVALID_ARGUMENT with the place: `n > ⟨here⟩> 3`. Columns count from 1."""
    lines = text.splitlines() or [""]
    row = lines[min(line, len(lines)) - 1]
    at = min(max(column - 1, 0), len(row))
    begin = max(at - SHOWN // 2, 0)
    marked = f"{row[begin:at]}⟨here⟩{row[at : begin + SHOWN]}"
    return errors.InvalidArgumentError(
        f"{argument} is not valid at column {at + 1}: {what}: {marked}",
        argument=argument, value=text[:SHOWN], expected="a Python expression",
    )  # fmt: skip


class Compiler:
    """Of one expression. `names`: those that it asks for, whatever they are."""

    def __init__(self, text: str, argument: str) -> None:
        self.text = text.strip()
        self.argument = argument
        self.names: list[str] = []
        self._bound: list[set[str]] = []
        self._depth = 0

    def code(self, node: ast.expr) -> Code:
        compile_node = _NODES.get(type(node))
        if compile_node is None:
            self.refuse(node, f"{_called(node)} cannot be asked of a trace")
        self._depth += 1
        if self._depth > MOST_NESTED:
            self.refuse(node, "it is nested too deeply")
        try:
            made = compile_node(self, node)
        finally:
            self._depth -= 1
        return made

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        rows = self.text.splitlines() or [""]
        row = rows[min(line, len(rows)) - 1].encode("utf-8", "surrogatepass")
        at = len(row[: max(column, 0)].decode("utf-8", "replace"))
        raise invalid(self.argument, self.text, why, line, at + 1)

    # ---- what stands for itself, and names ----

    def constant(self, node: ast.Constant) -> Code:
        value = node.value
        return lambda scope: value

    def name(self, node: ast.Name) -> Code:
        name = node.id
        if not any(name in bound for bound in self._bound) and name not in self.names:
            self.names.append(name)

        def find(scope: Scope) -> Any:
            scope.budget.charge(1)
            return scope.name(name)

        return find

    # ---- parts ----

    def attribute(self, node: ast.Attribute) -> Code:
        of, name = self.code(node.value), node.attr
        return lambda scope: functions.member(of(scope), name)

    def subscript(self, node: ast.Subscript) -> Code:
        of, key = self.code(node.value), self.code(node.slice)
        return lambda scope: operations.item(of(scope), key(scope), scope.budget)

    def slice(self, node: ast.Slice) -> Code:
        bounds = [
            self.code(one) if one is not None else None
            for one in (node.lower, node.upper, node.step)
        ]
        return lambda scope: slice(*[None if one is None else plain(one(scope)) for one in bounds])

    # ---- operators ----

    def binary(self, node: ast.BinOp) -> Code:
        left, right, kind = self.code(node.left), self.code(node.right), type(node.op)

        def compute(scope: Scope) -> Any:
            scope.budget.charge(1)
            return operations.binary(kind, left(scope), right(scope), scope.budget)

        return compute

    def unary(self, node: ast.UnaryOp) -> Code:
        of = self.code(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda scope: _negated(of, scope)
        kind = type(node.op)
        return lambda scope: operations.unary(kind, of(scope))

    def boolean(self, node: ast.BoolOp) -> Code:
        parts = [self.code(one) for one in node.values]
        stops = isinstance(node.op, ast.Or)
        return lambda scope: _first(parts, stops, scope)

    def comparison(self, node: ast.Compare) -> Code:
        first, *others = [self.code(one) for one in (node.left, *node.comparators)]
        kinds = [type(one) for one in node.ops]
        steps = list(zip(kinds, others, strict=True))
        return lambda scope: _chain(first, steps, scope)

    def conditional(self, node: ast.IfExp) -> Code:
        test, body, other = self.code(node.test), self.code(node.body), self.code(node.orelse)
        return lambda scope: (body if operations.truth(test(scope)) else other)(scope)

    # ---- displays ----

    def display(self, node: ast.List | ast.Tuple | ast.Set) -> Code:
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        parts = [
            (self.code(one.value), True)
            if isinstance(one, ast.Starred)
            else (self.code(one), False)
            for one in node.elts
        ]

        def make(scope: Scope) -> Any:
            made: list[Any] = []
            for part, is_several in parts:
                scope.budget.charge(1)
                value = part(scope)
                made += operations.ticks(scope.budget, value) if is_several else [value]
            if kind is set:
                operations.weigh(made, scope.budget)
            return kind(made)

        return make

    def dict(self, node: ast.Dict) -> Code:
        pairs = [
            (None if key is None else self.code(key), self.code(value))
            for key, value in zip(node.keys, node.values, strict=True)
        ]

        def make(scope: Scope) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key, value in pairs:
                scope.budget.charge(1)
                if key is None:
                    more = dict(plain(value(scope)))
                    scope.budget.charge(len(more))
                    made.update(more)
                else:
                    of = key(scope)
                    operations.weigh(of, scope.budget)
                    made[of] = value(scope)
            return made

        return make

    def text_of_parts(self, node: ast.JoinedStr) -> Code:
        parts = [self.code(one) for one in node.values]

        def join(scope: Scope) -> str:
            made = [part(scope) for part in parts]
            scope.budget.charge(sum(len(one) for one in made))
            return "".join(made)

        return join

    def formatted(self, node: ast.FormattedValue) -> Code:
        value, conversion = self.code(node.value), node.conversion
        spec = None if node.format_spec is None else self.code(node.format_spec)
        return lambda scope: functions.formatted(
            value(scope), conversion, "" if spec is None else spec(scope), scope.budget
        )

    # ---- comprehensions ----

    def comprehension(self, node: Comprehension) -> Code:
        outermost = self.code(node.generators[0].iter)
        bound: set[str] = set()
        self._bound.append(bound)
        loops: list[tuple[Code | None, Callable[[Scope, Any], None], list[Code]]] = []
        for number, loop in enumerate(node.generators):
            if loop.is_async:
                self.refuse(node, "an asynchronous comprehension cannot be asked of a trace")
            items = None if number == 0 else self.code(loop.iter)
            bound.update(one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name))
            loops.append((items, self.target(loop.target), [self.code(one) for one in loop.ifs]))
        results = (
            [self.code(node.key), self.code(node.value)]
            if isinstance(node, ast.DictComp)
            else [self.code(node.elt)]
        )
        self._bound.pop()
        collect = _COLLECT[type(node)]

        def run(scope: Scope) -> Any:
            items = operations.ticks(scope.budget, outermost(scope))
            return collect(_results(loops, 0, items, results, scope.inside()), scope.budget)

        return run

    def target(self, node: ast.expr) -> Callable[[Scope, Any], None]:
        if isinstance(node, ast.Name):
            name = node.id

            def bind(scope: Scope, value: Any) -> None:
                scope.own[name] = value

            return bind
        if not isinstance(node, (ast.Tuple, ast.List)):
            self.refuse(node, "only names can be bound")
        parts = [self.target(one) for one in node.elts]

        def unpack(scope: Scope, value: Any) -> None:
            values = list(operations.ticks(scope.budget, value))
            if len(values) != len(parts):
                few = f"not enough values to unpack (expected {len(parts)}, got {len(values)})"
                many = f"too many values to unpack (expected {len(parts)})"
                # audit: the user's own expression, and caught with it
                raise ValueError(few if len(values) < len(parts) else many)
            for part, one in zip(parts, values, strict=True):
                part(scope, one)

        return unpack

    # ---- calls ----

    def call(self, node: ast.Call) -> Code:
        function = self.code(node.func)
        given = [self.code(one) for one in node.args]
        named = []
        for one in node.keywords:
            if one.arg is None:
                self.refuse(one.value, "** cannot be asked of a trace")
            named.append((one.arg, self.code(one.value)))

        def compute(scope: Scope) -> Any:
            scope.budget.charge(1)
            asked = function(scope)
            values = [one(scope) for one in given]
            keywords = {name: one(scope) for name, one in named}
            return functions.call(asked, values, keywords, scope.budget)

        return compute


_NODES: Final[dict[type[ast.AST], Callable[[Compiler, Any], Code]]] = {
    ast.Constant: Compiler.constant, ast.Name: Compiler.name, ast.Attribute: Compiler.attribute,
    ast.Subscript: Compiler.subscript, ast.Slice: Compiler.slice, ast.BinOp: Compiler.binary,
    ast.UnaryOp: Compiler.unary, ast.BoolOp: Compiler.boolean, ast.Compare: Compiler.comparison,
    ast.IfExp: Compiler.conditional, ast.List: Compiler.display, ast.Tuple: Compiler.display,
    ast.Set: Compiler.display, ast.Dict: Compiler.dict, ast.JoinedStr: Compiler.text_of_parts,
    ast.FormattedValue: Compiler.formatted, ast.ListComp: Compiler.comprehension,
    ast.SetComp: Compiler.comprehension, ast.DictComp: Compiler.comprehension,
    ast.GeneratorExp: Compiler.comprehension, ast.Call: Compiler.call,
}  # fmt: skip

_CALLED: Final = {
    ast.Lambda: "lambda", ast.NamedExpr: ":=", ast.Await: "await", ast.Yield: "yield",
    ast.YieldFrom: "yield from", ast.Starred: "*",
}  # fmt: skip


def _called(node: ast.AST) -> str:
    return _CALLED.get(type(node), type(node).__name__)


# ---- what closures do ---------------------------------------------------------------------------


def _negated(of: Code, scope: Scope) -> bool:
    try:
        return not operations.truth(of(scope))
    except Undecided as exc:
        raise Undecided(exc.reason, None if exc.truth is None else not exc.truth) from exc


def _first(parts: list[Code], stops: bool, scope: Scope) -> Any:
    """The value of `and` or `or`: of the first part that is true, for `or`. An unknown part does not keep a later one
    from deciding whether the whole is true, though not always what it is. Where it may have ended it, the error of a
    later part is none for certain."""
    doubt: Undecided | None = None
    may_end = False
    value: Any = None
    for number, part in enumerate(parts):
        try:
            value = part(scope)
            is_last = number == len(parts) - 1
            if (doubt is None and is_last) or operations.truth(value) is not stops:
                continue
        except Undecided as exc:
            doubt = doubt or exc
            may_end = may_end or exc.truth is None
            if exc.truth is not stops:
                continue
        except (TooMuch, MemoryError):
            raise  # audit: they end the evaluation, and are caught in expression.py
        except Exception as exc:
            if doubt is None or not may_end:
                raise  # audit: of the user's own expression, and caught with it
            raise Undecided(doubt.reason) from exc
        if doubt is None:
            return value
        raise Undecided(doubt.reason, stops)
    if doubt is not None:
        raise Undecided(doubt.reason)
    return value


def _chain(first: Code, steps: list[tuple[type[ast.cmpop], Code]], scope: Scope) -> bool:
    """A comparison, which may be of several: they are joined by `and`. One that is false decides, unless Python may
    have refused an earlier one."""
    doubt: Undecided | None = None
    may_be_refused = False
    left = _operand(first, scope)
    for kind, code in steps:
        scope.budget.charge(1)
        try:
            right = _operand(code, scope)
            for one in (left, right):
                if isinstance(one, Undecided):
                    raise one
            if not operations.compare(kind, left, right, scope.budget):
                if may_be_refused:
                    break
                return False
        except Undecided as exc:
            doubt = doubt or exc
            may_be_refused = may_be_refused or operations.may_refuse(kind, left, right)
        except (TooMuch, MemoryError):
            raise  # audit: they end the evaluation, and are caught in expression.py
        except Exception as exc:
            if doubt is None:
                raise  # audit: of the user's own expression, and caught with it
            raise Undecided(doubt.reason) from exc  # it may not have come so far
        left = right
    if doubt is not None:
        raise Undecided(doubt.reason)
    return True


def _operand(code: Code, scope: Scope) -> Any:
    try:
        return code(scope)
    except Undecided as exc:
        return exc


def _results(
    loops: list[Any], number: int, items: Iterator[Any], results: list[Code], scope: Scope
) -> Iterator[Any]:
    _, bind, conditions = loops[number]
    for item in items:
        bind(scope, item)
        if not all(operations.truth(one(scope)) for one in conditions):
            continue
        if number + 1 < len(loops):
            inner = operations.ticks(scope.budget, loops[number + 1][0](scope))
            yield from _results(loops, number + 1, inner, results, scope)
        elif len(results) == 1:
            yield results[0](scope)
        else:
            yield results[0](scope), results[1](scope)


def _collect_set(found: Iterator[Any], budget: Budget) -> set[Any]:
    made = list(found)
    operations.weigh(made, budget)
    return set(made)


def _collect_dict(found: Iterator[Any], budget: Budget) -> dict[Any, Any]:
    made = dict[Any, Any]()
    for key, value in found:
        operations.weigh(key, budget)
        made[key] = value
    return made


_COLLECT: Final[dict[type[ast.AST], Callable[[Iterator[Any], Budget], Any]]] = {
    ast.ListComp: lambda found, budget: list(found), ast.SetComp: _collect_set,
    ast.DictComp: _collect_dict, ast.GeneratorExp: lambda found, budget: found,
}  # fmt: skip
