"""What a statement gave a variable its value by, as its text says. Nothing of a text is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

PATH = (ast.Attribute, ast.Subscript)
Operands = Sequence[ast.expr | None]  # what a method is given; None: nothing that the text says
ITEM = re.compile(r"\[(-?\d+|'[^'\\]*'|\"[^\"\\]*\")\]")
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Binding(NamedTuple):
    """`how`: assigned, element (of what `value` is), entered (by `with`), caught, defined, imported, deleted; or
    mentioned, where the statement does nothing to the name, and may yet have changed the object. `target`: what an
    assignment gave its value to."""

    how: str
    value: ast.expr | None = None
    target: str = ""
    at: int | None = None  # of an element that is unpacked, which one

    @property
    def call(self) -> ast.Call | None:
        """The call whose result it is, or is an element of."""
        value = self.value.value if isinstance(self.value, ast.Await) else self.value
        is_result = self.how == "assigned" or self.at is not None
        return value if isinstance(value, ast.Call) and is_result else None


def binding(statement: ast.AST, name: str, path: str = "") -> Binding:
    """What the statement did to the variable of this name, or to a part of what it holds. `path`: which part is asked
    about, where it sets several."""
    if isinstance(statement, (ast.For, ast.AsyncFor)) and _binds(statement.target, name):
        return Binding("element", statement.iter)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        for item in statement.items:
            if item.optional_vars is not None and _binds(item.optional_vars, name):
                return Binding("entered", item.context_expr)
    if isinstance(statement, ast.ExceptHandler):
        return Binding("caught") if statement.name == name else Binding("mentioned")
    if isinstance(statement, SCOPES):
        return Binding("defined" if statement.name == name else "mentioned")
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return Binding("imported")
    if isinstance(statement, ast.Delete):
        return Binding("deleted")
    return (
        _assigned(statement, name, path or name) or _inside(statement, name) or Binding("mentioned")
    )


def that_binds(statements: list[Any], name: str, path: str) -> Any:
    """Of the statements of a line the one that sets what the path leads to, or else does something to the variable, or
    else the first of all; None: there is none."""
    doing = [one for one in statements if _is_about(one, name, path)]
    on_the_way = (one for one in doing if _leads_to(binding(one, name, path).target or name, path))
    return next(on_the_way, next(iter([*doing, *statements]), None))


def _is_about(statement: ast.AST, name: str, path: str) -> bool:
    if isinstance(statement, SCOPES):
        return statement.name == name
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return name in [(one.asname or one.name).partition(".")[0] for one in statement.names]
    if isinstance(statement, ast.Delete):
        return any(_binds(one, name) for one in statement.targets)
    return binding(statement, name, path).how != "mentioned"


def _assigned(statement: ast.AST, name: str, path: str) -> Binding | None:
    if isinstance(statement, ast.Assign):
        for _, target in _binding(statement.targets, name, path):
            return _by_target(target, statement.value, name, path)
    if isinstance(statement, ast.AnnAssign) and _binds(statement.target, name):
        return Binding("assigned", statement.value, ast.unparse(statement.target))
    if isinstance(statement, ast.AugAssign) and _binds(statement.target, name):
        whole = ast.BinOp(_read(statement.target), statement.op, statement.value)
        return Binding(
            "assigned", ast.copy_location(whole, statement), ast.unparse(statement.target)
        )
    return None


def target_of_attribute(statement: ast.AST, name: str) -> str | None:
    """The target that sets an attribute of this name."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    for target in targets:
        if (
            isinstance(target, ast.Attribute)
            and target.attr == name
            and root_of(target) is not None
        ):
            return ast.unparse(target)
    return None


def _binding(targets: list[ast.expr], name: str, path: str) -> list[tuple[int, ast.expr]]:
    """Those that are the variable or a part of what it holds, with their places; first what the path leads to."""
    found = [(n, one) for n, one in enumerate(targets) if _binds(one, name)]
    return sorted(found, key=lambda each: not _is_on_the_way(each[1], path))


def _is_on_the_way(target: ast.expr, path: str) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(_is_on_the_way(part, path) for part in target.elts)
    return _leads_to(ast.unparse(target.value if isinstance(target, ast.Starred) else target), path)


def _leads_to(text: str, path: str) -> bool:
    return path.startswith(text) and path[len(text) : len(text) + 1] in ("", ".", "[")


def _by_target(target: ast.expr, value: ast.expr, name: str, path: str) -> Binding:
    """Of `a, b = 1, 2` the one that is its own; of any other unpacking an element."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        return Binding("assigned", value, ast.unparse(target))
    starred = any(isinstance(part, ast.Starred) for part in target.elts)
    [(at, part), *_] = _binding(target.elts, name, path)
    if starred:
        return Binding("element", value)
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        return _by_target(part, value.elts[at], name, path)
    return Binding("element", value, at=at)


def _inside(statement: ast.AST, name: str) -> Binding | None:
    """By `:=`, or as what a comprehension goes through."""
    for node in own(statement):
        if isinstance(node, ast.NamedExpr) and node.target.id == name:
            return Binding("assigned", node.value, name)
        if isinstance(node, ast.comprehension) and _binds(node.target, name):
            return Binding("element", node.iter)
    return None


def _binds(target: ast.expr, name: str) -> bool:
    """Whether a target is the variable, or a part of what it holds."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(_binds(part, name) for part in target.elts)
    while isinstance(target, (*PATH, ast.Starred)):
        target = target.value
    return isinstance(target, ast.Name) and target.id == name


def _read(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body


def own(statement: ast.AST) -> Iterator[ast.AST]:
    """All that is in a statement, but for the statements in its body."""
    waiting = [statement]
    while waiting:
        node = waiting.pop(0)
        yield node
        waiting += [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
        ]


def sets(statement: ast.AST) -> set[str]:
    """The variables that it binds or deletes, or of which it sets a part; not those of comprehensions."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(one.asname or one.name).partition(".")[0] for one in statement.names}
    inner = {
        id(name)
        for part in own(statement)
        if isinstance(part, ast.comprehension)
        for name in ast.walk(part.target)
    }
    found: set[str] = set()
    for part in own(statement):
        if isinstance(part, (ast.Name, *PATH)) and not isinstance(part.ctx, ast.Load):
            node: ast.expr = part
            while isinstance(node, PATH):
                node = node.value
            if isinstance(node, ast.Name) and id(node) not in inner:
                found.add(node.id)
    return found


def reads(node: ast.AST) -> list[str]:
    """The variables that an expression or a statement reads, each with the attributes and constant items that it
    stands with. Not the functions that it calls, and not what it makes itself."""
    inner = {
        name.id
        for part in own(node)
        if isinstance(part, (ast.comprehension, ast.NamedExpr))
        for name in ast.walk(part.target)
        if isinstance(name, ast.Name)
    }
    found: dict[str, None] = {}
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, ast.Lambda):
            continue
        if isinstance(part, ast.Call):
            method = [part.func.value] if isinstance(part.func, ast.Attribute) else []
            waiting = [*method, *part.args, *[k.value for k in part.keywords], *waiting]
        elif isinstance(part, ast.expr) and (root := root_of(part)) is not None:
            if root not in inner and isinstance(part.ctx, ast.Load):  # type: ignore[attr-defined]
                found.setdefault(ast.unparse(part))
        else:
            waiting = [
                *(c for c in ast.iter_child_nodes(part) if not isinstance(c, ast.stmt)),
                *waiting,
            ]
    return list(found)


def is_apart(target: str, path: str) -> bool:
    """Whether what is set is for certain no part of what the path leads to, nor has that in it."""
    if (
        not target or root_of(ast.parse(target, mode="eval").body) is None
    ):  # `rows[n]` may be any of them
        return False
    return not (_leads_to(target, path) or _leads_to(path, target))


def speaks_of(statement: ast.AST, path: str) -> bool:
    """Whether it reads what the path leads to, a part of that, or what that is a part of."""
    return any(_leads_to(one, path) or _leads_to(path, one) for one in reads(statement))


def narrowed(value: ast.expr, target: str, whole: str) -> tuple[ast.expr, str]:
    """Of `[f(1), {'k': g(2)}]`, which was given to `rows`, and `rows[1]['k']`: `g(2)`, and what that was given to."""
    while whole.startswith(target) and (way := ITEM.match(whole[len(target) :])):
        element = _element(value, ast.literal_eval(way[1]))
        if element is None:
            break
        value, target = element, target + way[0]
    return value, target


def _element(display: ast.expr, key: int | str) -> ast.expr | None:
    if isinstance(display, ast.Dict):
        at = {one.value: n for n, one in enumerate(display.keys) if isinstance(one, ast.Constant)}
        is_whole = None not in display.keys  # `**` may have set it again
        return display.values[at[key]] if is_whole and key in at else None
    if not isinstance(display, (ast.List, ast.Tuple)) or not isinstance(key, int):
        return None
    is_whole = not any(isinstance(one, ast.Starred) for one in display.elts)
    return display.elts[key] if is_whole and key < len(display.elts) else None


def handed_on(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of which one may be what a statement or an expression gives, as it is: the branches of a
    condition, elements, what is given to a method that may keep it."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        inner = [*node.value.args, *(one.value for one in node.value.keywords)]
    elif isinstance(node, ast.IfExp):
        inner = [node.body, node.orelse]
    elif isinstance(node, (ast.BoolOp, ast.Dict)):
        inner = node.values
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        inner = node.elts
    elif isinstance(node, (ast.Await, ast.NamedExpr, ast.Starred)):
        inner = [node.value]
    else:
        if isinstance(node, ast.expr):
            yield node
        return
    for one in inner:
        yield from handed_on(one)


def text_of(node: ast.expr) -> str:
    return ast.unparse(node)


def root_of(node: ast.expr) -> str | None:
    """The variable of `name`, `name.attribute` or `name['item']`, and so on; None for any other expression."""
    while True:
        if isinstance(node, ast.Attribute) or (
            isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        ):
            node = node.value
        else:
            return node.id if isinstance(node, ast.Name) else None


def with_keys(node: ast.expr, find: Callable[[ast.expr], int | str | None]) -> ast.expr:
    """`rows[n].name` as `rows[3].name`, a part that can be asked for, by what `find` gives for an index or key; None:
    it stays as it is."""
    if isinstance(node, ast.Attribute):
        return ast.Attribute(with_keys(node.value, find), node.attr, node.ctx)
    if not isinstance(node, ast.Subscript):
        return node
    key = None if isinstance(node.slice, (ast.Constant, ast.Slice)) else find(node.slice)
    index = node.slice if key is None else ast.Constant(key)
    return ast.Subscript(with_keys(node.value, find), index, node.ctx)


def root_in(text: str) -> str:
    """As `root_of`, of what `reads` gives."""
    return re.split(r"\W", text, maxsplit=1)[0]


def calls_of(statement: ast.AST, names: set[str]) -> list[ast.Call]:
    """The calls in a statement of functions or methods of these names, in the order in which they are made: what is
    inside of another one ends before it."""
    found = [
        node for node in own(statement) if isinstance(node, ast.Call) and called(node) in names
    ]
    return sorted(found, key=lambda one: (one.end_lineno or 0, one.end_col_offset or 0))


def tells_all(call: ast.Call) -> bool:
    """Whether it says how many arguments it gives, and of which names."""
    is_starred = any(isinstance(one, ast.Starred) for one in call.args)
    return not is_starred and all(one.arg is not None for one in call.keywords)


def runs_once(statement: ast.AST) -> bool:
    """Whether each call in it is made, and once."""
    several = (ast.IfExp, ast.BoolOp, ast.comprehension, ast.Lambda, ast.Compare)
    return not any(isinstance(node, several) for node in own(statement))


OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.MatMult: "matmul", ast.Div: "truediv", ast.Mod: "mod",
    ast.FloorDiv: "floordiv", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitXor: "xor", ast.BitAnd: "and",
}  # fmt: skip
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}
COMPARISONS = {
    ast.Eq: ("eq", "eq"), ast.NotEq: ("ne", "ne"), ast.Lt: ("lt", "gt"), ast.LtE: ("le", "ge"),
    ast.Gt: ("gt", "lt"), ast.GtE: ("ge", "le"),
}  # fmt: skip
ITEMS: dict[type, str] = {ast.Load: "getitem", ast.Del: "delitem"}
OF_ONE = {
    "len",
    "abs",
    "iter",
    "next",
    "reversed",
    "hash",
    "repr",
    "str",
    "format",
    "bool",
    "int",
    "float",
    "bytes",
}


def methods(value: ast.expr | None) -> set[str]:
    """The names of the methods that may have made what an operator, an item or an attribute came to."""
    if value is None:
        return set()
    found = {f"__{method}__" for method, _ in _given_by(value)}
    if isinstance(value, ast.BinOp):  # or of `+=`
        found.add(f"__i{OPERATORS[type(value.op)]}__")
    return found | ({value.attr, "__getattr__"} if isinstance(value, ast.Attribute) else set())


def operands(statement: ast.AST, name: str) -> list[Operands]:
    """What the operators, items and attributes of a statement give to a method of this name, such as __getitem__: the
    object, then the arguments; None: what no expression says. One list for each of them that may call it."""
    if not (name.startswith("__") and name.endswith("__")):  # a property
        attributes = (one for one in own(statement) if isinstance(one, ast.Attribute))
        return [[one.value, *_given_to(one, statement)] for one in attributes if one.attr == name]
    name = name[2:-2]
    return [given for node in own(statement) for method, given in _given_by(node) if method == name]


def _given_to(target: ast.Attribute, statement: ast.AST) -> list[ast.expr]:
    """What a statement sets an attribute to."""
    if isinstance(target.ctx, ast.Store):
        if isinstance(statement, ast.AugAssign):
            return [_sum_of(statement)]
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            return [statement.value]
    return []


def _sum_of(statement: ast.AugAssign) -> ast.expr:
    whole = ast.BinOp(_read(statement.target), statement.op, statement.value)
    return ast.copy_location(whole, statement)


def _given_by(node: ast.AST) -> Iterator[tuple[str, Operands]]:
    yield from _set_by(node)
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Store):
        yield ITEMS[type(node.ctx)], [node.value, node.slice]
    elif isinstance(node, ast.Assign):
        items = [one for one in node.targets if isinstance(one, ast.Subscript)]
        yield from (("setitem", [one.value, one.slice, node.value]) for one in items)
    elif isinstance(node, ast.AugAssign):
        yield f"i{OPERATORS[type(node.op)]}", [_read(node.target), node.value]
        yield OPERATORS[type(node.op)], [_read(node.target), node.value]
        if isinstance(node.target, ast.Subscript):
            yield "getitem", [node.target.value, node.target.slice]
            yield "setitem", [node.target.value, node.target.slice]
    elif isinstance(node, ast.BinOp):
        yield OPERATORS[type(node.op)], [node.left, node.right]
        yield f"r{OPERATORS[type(node.op)]}", [node.right, node.left]
    elif isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        yield UNARY[type(node.op)], [node.operand]
    elif isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield "iter", [node.iter]
        yield "aiter", [node.iter]
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for name in ("enter", "aenter"):
            yield from ((name, [one.context_expr]) for one in node.items)
    elif isinstance(node, ast.Call):
        yield "call", [node.func, *node.args]
        if called(node) in OF_ONE and len(node.args) == 1:
            yield called(node), [node.args[0]]


def _set_by(node: ast.AST) -> Iterator[tuple[str, Operands]]:
    """What the methods are given that set an attribute: of the object's class, of a descriptor, which none names."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for one in targets:
        if isinstance(one, ast.Attribute) and (given := _given_to(one, node)):
            yield "setattr", [one.value, ast.Constant(one.attr), *given]
            yield "set", [None, one.value, *given]


def _compared(node: ast.Compare) -> Iterator[tuple[str, Operands]]:
    sides = [node.left, *node.comparators]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        if isinstance(operator, (ast.In, ast.NotIn)):
            yield "contains", [right, left]
        elif type(operator) in COMPARISONS:
            name, reflected = COMPARISONS[type(operator)]
            yield name, [left, right]
            yield reflected, [right, left]


def called(call: ast.Call) -> str:
    """The last name of what is called; empty for what has none."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


class Signature(NamedTuple):
    """The parameters of a function: those that can be given by place, and those that take what is left."""

    placed: list[str]
    rest: str = ""  # `*rest`
    more: str = ""  # `**more`
    named: frozenset[str] = frozenset()  # all but these two


def signature(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    of = definition.args
    placed = [one.arg for one in (*of.posonlyargs, *of.args)]
    named = frozenset([*placed, *(one.arg for one in of.kwonlyargs)])
    rest, more = (one.arg if one is not None else "" for one in (of.vararg, of.kwarg))
    return Signature(placed, rest, more, named)


def given(call: ast.Call, to: Signature, name: str, is_method: bool) -> ast.expr | None:
    """What a call gives to a parameter; None where it says nothing of it. `is_method`: the first one is not among its
    arguments."""
    if name == to.more:
        found = [one for one in call.keywords if one.arg not in to.named]
        keys = [None if one.arg is None else ast.Constant(one.arg) for one in found]
        return ast.Dict(keys, [one.value for one in found])  # type: ignore[arg-type]
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    first = len(to.placed) - is_method
    if name == to.rest:
        is_starred = any(isinstance(one, ast.Starred) for one in call.args[:first])
        return None if is_starred else ast.Tuple(call.args[first:], ast.Load())
    if name not in to.placed or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    at = to.placed.index(name) - is_method
    if at < 0:
        return call.func.value if isinstance(call.func, ast.Attribute) else None
    return call.args[at] if at < len(call.args) else None
