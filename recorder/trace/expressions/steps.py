"""Conditions that the core computes over the bytes of values: a part of the language, and only whether it is false.

    steps(Expression("len(items) > 3 and self.name == 'x'"))

What is not here, and what the core finds too hard, is computed by the expression itself. The two have one meaning.
"""

from __future__ import annotations

import ast
from typing import Final, TypeGuard

from recorder._core.decode import STEPS

MOST_NAMES: Final = 8
MOST_STEPS: Final = 200
SMALLEST: Final = -(2**63)

Step = tuple[int, int | float | bytes]

BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floor", ast.Mod: "mod",
    ast.BitAnd: "bits and", ast.BitOr: "bits or", ast.BitXor: "bits xor",
}  # fmt: skip
COMPARED: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
ENDS: Final = {"startswith": "starts", "endswith": "ends"}
OF_ONE: Final = {
    "len": "len", "abs": "abs", "str": "str", "int": "int of", "float": "float of", "bool": "bool of",
}  # fmt: skip
OF_SOME: Final = {"min": "min", "max": "max"}
OF_CONTENTS: Final = {"sum": "sum", "min": "least", "max": "most", "any": "any", "all": "all"}
ITEMS_OF: Final = {
    "keys": "each key",
    "values": "each value",
    "items": "each item",
}  # methods of a dict
# What isinstance() can be asked of, as the core numbers them.
TYPES: Final[tuple[type, ...]] = (
    int, bool, float, str, type(None), bytes, bytearray, list, tuple, set, frozenset, dict,
)  # fmt: skip
NAMED_TYPES: Final[dict[str, type]] = {
    one.__name__: one for one in (*TYPES, object) if one is not type(None)
}


# audit: ends the making of steps, and is caught here
class _TooHard(Exception):
    """It is left to the expression."""


def steps(node: ast.expr, names: tuple[str, ...]) -> list[Step]:
    """For Reader.watch; empty if the core cannot compute it. `names`: those of the expression. Of `a and b` where `b`
    is too hard it is `a`: where that is false, so is all of it."""
    found = _made(node, names)
    if not found and isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        *parts, _ = node.values
        begin = parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)
        return steps(begin, names)
    return found


def _made(node: ast.expr, names: tuple[str, ...]) -> list[Step]:
    maker = _Maker(names)
    try:
        maker.value(node)
    except (_TooHard, UnicodeEncodeError):
        return []
    return maker.steps if len(maker.steps) <= MOST_STEPS else []


class _Maker:
    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.bound: list[str] = []  # by comprehensions, from the outermost in
        self.steps: list[Step] = []

    def step(self, name: str, value: int | float | bytes = 0) -> None:
        self.steps.append((STEPS[name], value))

    def value(self, node: ast.expr) -> None:
        """Appends what leaves the value of the node on the stack."""
        if isinstance(node, ast.Constant):
            self.constant(node.value)
        elif isinstance(node, ast.Name):
            self.name(node.id)
        elif isinstance(node, ast.Attribute):
            self.attribute(node)
        elif isinstance(node, ast.Subscript):
            self.item(node)
        elif isinstance(node, ast.BoolOp):
            self.boolean("and" if isinstance(node.op, ast.And) else "or", node.values)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            self.value(node.operand)
            self.step("not" if isinstance(node.op, ast.Not) else "negative")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            self.constant(_power(node.left, node.right))
        elif isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            self.both(node.left, node.right, BINARY[type(node.op)])
        elif isinstance(node, ast.Compare):
            self.comparison(node)
        elif isinstance(node, ast.Call):
            self.call(node)
        else:
            raise _TooHard

    def name(self, name: str) -> None:
        if name in self.bound:
            self.step("bound", len(self.bound) - 1 - self.bound[::-1].index(name))
        else:
            self.step("name", self.names.index(name))

    def constant(self, value: object) -> None:
        if value is None:
            self.step("none")
        elif isinstance(value, bool):
            self.step("bool", int(value))
        elif isinstance(value, int):
            self.step("int", _small(value))
        elif isinstance(value, float):
            self.step("float", value)
        elif isinstance(value, str):
            self.step("text", value.encode("ascii"))
        else:
            raise _TooHard

    def attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("__"):
            raise _TooHard  # __class__ and its like are no attributes that were recorded
        self.value(node.value)
        self.step("attribute", node.attr.encode("utf-8"))

    def item(self, node: ast.Subscript) -> None:
        if _is_sorted(node.value):
            self.is_builtin("sorted")
            self.value(node.value.args[0])
            key = _key(node.slice)
            if not isinstance(key, int):
                raise _TooHard
            self.step("sorted", key)
        else:
            self.value(node.value)
            self.step("index", _key(node.slice))

    def boolean(self, name: str, parts: list[ast.expr]) -> None:
        """Each but the last one is the value, or is taken off."""
        jumps = []
        for number, part in enumerate(parts):
            self.value(part)
            if number < len(parts) - 1:
                jumps.append(len(self.steps))
                self.step(name)
        for at in jumps:
            self.steps[at] = self.steps[at][0], len(self.steps)

    def both(self, left: ast.expr, right: ast.expr, name: str) -> None:
        self.value(left)
        self.value(right)
        self.step(name)

    def comparison(self, node: ast.Compare) -> None:
        """`a < b < c` is `a < b and b < c`: that `b` is computed twice changes nothing."""
        operands = [node.left, *node.comparators]
        pairs = list(zip(operands, node.ops, node.comparators, strict=False))
        jumps = []
        for number, (left, kind, right) in enumerate(pairs):
            self.compare(left, kind, right)
            if number < len(pairs) - 1:
                jumps.append(len(self.steps))
                self.step("and")
        for at in jumps:
            self.steps[at] = self.steps[at][0], len(self.steps)

    def compare(self, left: ast.expr, kind: ast.cmpop, right: ast.expr) -> None:
        if not isinstance(kind, (ast.In, ast.NotIn)) or not isinstance(
            right, (ast.Tuple, ast.List)
        ):
            self.both(left, right, COMPARED[type(kind)])
            return
        if not right.elts:
            raise _TooHard
        if not all(_is_constant(one) for one in right.elts):
            raise _TooHard
        equal: list[ast.expr] = [ast.Compare(left, [ast.Eq()], [one]) for one in right.elts]
        if len(equal) == 1:
            self.value(equal[0])
        else:
            self.boolean("or", equal)
        if isinstance(kind, ast.NotIn):
            self.step("not")

    def call(self, node: ast.Call) -> None:
        if not node.args or node.keywords:
            raise _TooHard
        function = node.func
        if isinstance(function, ast.Name):
            self.builtin(function.id, node.args)
        elif isinstance(function, ast.Attribute) and function.attr in ENDS and len(node.args) == 1:
            self.end(function.value, ENDS[function.attr], node.args[0])
        elif isinstance(function, ast.Attribute) and function.attr == "get" and len(node.args) == 1:
            self.value(function.value)
            self.step("get", _key(node.args[0]))
        else:
            raise _TooHard

    def builtin(self, name: str, given: list[ast.expr]) -> None:
        """A function of Python's own, where nothing else has its name."""
        self.is_builtin(name)
        comprehension = _comprehension(given[0])
        if len(given) == 1 and comprehension is not None and name in OF_CONTENTS:
            self.comprehension(comprehension, OF_CONTENTS[name])
        elif len(given) == 1 and name == "len" and isinstance(comprehension, ast.ListComp):
            self.comprehension(comprehension, "count")
        elif name in OF_ONE and len(given) == 1:
            self.value(given[0])
            self.step(OF_ONE[name])
        elif name in OF_CONTENTS and len(given) == 1:
            self.value(given[0])
            self.step(OF_CONTENTS[name])
        elif name in OF_SOME and len(given) > 1:
            self.value(given[0])
            for one in given[1:]:
                self.value(one)
                self.step(OF_SOME[name])
        elif name == "isinstance" and len(given) == 2:
            self.value(given[0])
            self.step("isinstance", self.types(given[1]))
        else:
            raise _TooHard

    def is_builtin(self, name: str) -> None:
        if name in self.bound or name not in self.names:
            raise _TooHard  # a comprehension's
        self.step("builtin", self.names.index(name))

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, gathered: str) -> None:
        """What one loop comes to, as the step of that name gathers it."""
        (loop, *others) = node.generators
        of, kind = loop.iter, "each"
        if isinstance(of, ast.Call) and isinstance(of.func, ast.Attribute):
            kind = "" if of.args or of.keywords else ITEMS_OF.get(of.func.attr, "")
            of = of.func.value
        bound = _bound(loop.target)
        if others or loop.is_async or not kind or len(bound) != 1 + (kind == "each item"):
            raise _TooHard
        self.value(of)
        begin = len(self.steps)
        self.step(kind)
        self.bound += bound
        for test in loop.ifs:
            self.value(test)
            self.step("keep")
        self.value(node.elt)
        del self.bound[-len(bound) :]
        self.steps[begin] = self.steps[begin][0], len(self.steps)
        self.step(gathered)

    def types(self, node: ast.expr) -> int:
        """Those of TYPES that are of a type, or of one of several."""
        found = 0
        for one in node.elts if isinstance(node, ast.Tuple) else [node]:
            if not isinstance(one, ast.Name) or one.id not in NAMED_TYPES:
                raise _TooHard
            self.is_builtin(one.id)
            asked = NAMED_TYPES[one.id]
            for number, each in enumerate(TYPES):
                found |= issubclass(each, asked) << number
        return found

    def end(self, of: ast.expr, name: str, node: ast.expr) -> None:
        """Whether a text starts or ends with another one, or with one of several."""
        texts = node.elts if isinstance(node, ast.Tuple) else [node]
        jumps = []
        for number, text in enumerate(texts):
            if not isinstance(text, ast.Constant) or type(text.value) is not str:
                raise _TooHard
            self.value(of)
            self.step(name, text.value.encode("ascii"))
            if number < len(texts) - 1:
                jumps.append(len(self.steps))
                self.step("or")
        if not texts:
            raise _TooHard
        for at in jumps:
            self.steps[at] = self.steps[at][0], len(self.steps)


def _comprehension(node: ast.expr) -> ast.ListComp | ast.GeneratorExp | None:
    """What goes through something: a comprehension, or `x.values()`, which is `(v for v in x.values())`."""
    method = node.func if isinstance(node, ast.Call) else None
    if isinstance(method, ast.Attribute) and method.attr in ("keys", "values"):
        each = ast.Name("", ast.Load())
        return ast.GeneratorExp(each, [ast.comprehension(each, node, [], 0)])
    return node if isinstance(node, (ast.ListComp, ast.GeneratorExp)) else None


def _key(node: ast.expr) -> int | bytes:
    """A constant that something may be had by: an int of 64 bits or a text."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return _small(sign * node.value)
    if isinstance(node, ast.Constant) and type(node.value) is str and sign > 0:
        return node.value.encode("ascii")
    raise _TooHard


def _bound(target: ast.expr) -> list[str]:
    """The names of a loop's variables: one, or two that are not the same."""
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    names = [one.id for one in parts if isinstance(one, ast.Name)]
    return names if len(names) == len(parts) == len(set(names)) else []


def _is_sorted(node: ast.expr) -> TypeGuard[ast.Call]:
    """Whether it is `sorted(x)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sorted"
        and len(node.args) == 1
        and not node.keywords
    )


def _is_constant(node: ast.expr) -> bool:
    """A constant, or a number with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant)


def _power(base: ast.expr, exponent: ast.expr) -> int:
    """Of constants: `10**9`."""
    if isinstance(base, ast.Constant) and isinstance(exponent, ast.Constant):
        number, times = base.value, exponent.value
        if type(number) is int and type(times) is int and 0 <= times < 64 and number < 1 << 63:
            power: int = number**times
            return power
    raise _TooHard


def _small(value: int) -> int:
    if not SMALLEST <= value < -SMALLEST:
        raise _TooHard
    return value
