"""Operators, comparisons, truth, items and attributes, each within the budget."""

from __future__ import annotations

import ast
import collections
import datetime
import operator
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.trace.expressions.domain import (
    Cut,
    Hidden,
    Named,
    Opaque,
    Thing,
    TypeName,
    asked,
    known_type,
    plain,
    type_of,
)
from recorder.trace.expressions.nothing import Nothing, is_always_true
from recorder.trace.expressions.outcomes import Budget, TooMuch, Undecided
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.expressions.table_columns import attribute_of
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_FORM,
    TAG_INSTANCE,
    TAG_MODULE,
    TAG_NAMED,
    Form,
)
from recorder.trace.values.exceptions import exception_of
from recorder.trace.values.forms import named_parts
from recorder.trace.values.nodes import Node, identity_of
from recorder.trace.values.records import VOID

Operator = Callable[[Any, Any], Any]

BINARY: Final[dict[type[ast.operator], Operator]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.BitXor: operator.xor, ast.MatMult: operator.matmul,
}  # fmt: skip


def _invert(value: Any) -> Any:
    """Of True and False as of the numbers that they are: Python warns, and a reader is not who it warns."""
    return ~int(value) if type(value) is bool else ~value


UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: _invert,
}  # fmt: skip
ORDER: Final[dict[type[ast.cmpop], Operator]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
VIEWS: Final = (Form.DICT_KEYS, Form.DICT_VALUES, Form.DICT_ITEMS)  # with a mapping that is no dict
MOMENTS: Final = (
    Form.TIMESTAMP,
    Form.TIMEDELTA64,
)  # whose `value` is in nanoseconds, and ours in their unit
SCALARS: Final = (int, float, str, bool, type(None), bytes)
SIZED: Final = (
    str,
    bytes,
    bytearray,
    list,
    tuple,
    Named,
    set,
    frozenset,
    dict,
    range,
    collections.deque,
)
WIDTH: Final = re.compile(rb"\d{4,}|\*")  # in a format: more than anybody wants to see

# What can be asked of Python's own values besides methods (functions.METHODS).
DATA: Final[dict[type, frozenset[str]]] = {
    int: frozenset({"real", "imag", "numerator", "denominator"}),
    float: frozenset({"real", "imag"}),
    complex: frozenset({"real", "imag"}),
    range: frozenset({"start", "stop", "step"}),
    slice: frozenset({"start", "stop", "step"}),
    collections.deque: frozenset({"maxlen"}),
    datetime.date: frozenset({"year", "month", "day"}),
    datetime.time: frozenset({"hour", "minute", "second", "microsecond", "tzinfo", "fold"}),
    datetime.timedelta: frozenset({"days", "seconds", "microseconds"}),
}
DATA[bool] = DATA[int]
DATA[datetime.datetime] = DATA[datetime.date] | DATA[datetime.time]


def weigh(value: Any, budget: Budget) -> None:
    """Spends what it costs to look at all of a value, as often as it stands in it."""
    if type(value) in SCALARS:
        if type(value) in (str, bytes):
            budget.charge(len(value) >> 4)
        return
    budget.charge(_weight(value, {}, budget))


def _weight(value: Any, known: dict[int, int], budget: Budget) -> int:
    if type(value) in SCALARS:
        return 1
    key = id(value)
    if key not in known:
        known[key] = 1  # of what contains itself
        parts: Any = ()
        if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
            parts = value
        elif isinstance(value, dict):
            parts = [*value, *value.values()]
        elif isinstance(value, Cut) and isinstance(value.items, list):
            parts = value.items
        budget.charge(len(parts) >> 3)
        known[key] = 1 + sum(_weight(part, known, budget) for part in parts)
    return known[key]


def ticks(budget: Budget, value: Any) -> Iterator[Any]:
    """What Python would iterate over, an item at a time. Raises what Python would for what has none, at once."""
    items = iter(asked(value, "__iter__"))

    def each() -> Iterator[Any]:
        for item in items:
            budget.charge(1)
            yield item

    return each()


# ---- truth and comparisons ----------------------------------------------------------------------


def truth(value: Any) -> bool:
    if type(value) is Thing:
        return _truth_of_thing(value)
    return bool(value)


def _truth_of_thing(thing: Thing) -> bool:
    node = thing.node
    inner = asked(thing, "__bool__", "__len__")
    if inner is not thing and not isinstance(inner, Nothing):
        return truth(inner)
    if is_always_true(node):
        return True
    if node.tag == TAG_ENUM and _has_no_truth_of_its_own(thing) and truth(thing.inner):
        return True
    if node.tag == TAG_ELIDED and (node.type or ("",))[0] == "builtins":
        return bool(node.size)
    raise Undecided(thing.reason)


def _has_no_truth_of_its_own(member: Thing) -> bool:
    """Of an enum whose class is not recorded that is known where it is Python's own."""
    if member.defines("__bool__") or member.defines("__len__"):
        return False
    return member.is_class_recorded or member.type.module in sys.stdlib_module_names


def equal(a: Any, b: Any, budget: Budget) -> bool:
    a, b = asked(a, "__eq__"), asked(b, "__eq__")
    weigh(a, budget)
    weigh(b, budget)
    try:
        return bool(a == b)
    except Undecided:
        if type(a) is not type(b) or type(a) not in (list, tuple):
            raise
        if len(a) != len(b):
            return False
        for mine, others in zip(a, b, strict=True):
            if mine is not others and _differ(mine, others, budget):
                return False
        raise


def _differ(a: Any, b: Any, budget: Budget) -> bool:
    try:
        return not equal(a, b, budget)
    except Undecided:
        return False


def compare(kind: type[ast.cmpop], a: Any, b: Any, budget: Budget) -> bool:
    if kind is ast.Eq:
        return equal(a, b, budget)
    if kind is ast.NotEq:
        return not equal(a, b, budget)
    if kind is ast.Is:
        return identical(a, b, budget)
    if kind is ast.IsNot:
        return not identical(a, b, budget)
    if kind is ast.In:
        return contains(a, b, budget)
    if kind is ast.NotIn:
        return not contains(a, b, budget)
    parts = [asked(one, f"__{ORDER[kind].__name__}__") for one in (a, b)]
    for one in parts:
        weigh(one, budget)
    return bool(of_parts(ORDER[kind], (a, parts[0]), (b, parts[1])))


def may_refuse(kind: type[ast.cmpop], a: Any, b: Any) -> bool:
    """Whether a comparison that is not known may be none at all: an object need not have an order."""
    return kind in ORDER and (isinstance(a, Thing) or isinstance(b, Thing))


def identical(a: Any, b: Any, budget: Budget) -> bool:
    """Exact of None, True, False and classes, and of objects with a number; of what is a value and no more, false where
    the values differ, and else unknown. Both are of one moment."""
    for one in (a, b):
        if isinstance(one, Hidden):
            raise Undecided(one.reason)
    single = (None, True, False, Ellipsis, NotImplemented)
    if any(a is one or b is one for one in single):
        return a is b
    if a is b:
        return True
    mine, others = (identity_of(budget.tree_of(one)) for one in (a, b))
    if mine is not None and others is not None:
        answer = mine.is_now(others)
        if answer is None:
            raise Undecided("which of the objects it is, is not known")
        return answer
    if type_of(a) != type_of(b):
        return False
    if isinstance(a, TypeName):
        return bool(a == b)
    if isinstance(a, Thing) and isinstance(b, Thing) and a.node.tag == b.node.tag == TAG_ENUM:
        return a.member == b.member
    if type(a) in SCALARS and a != b and a == a:
        return False
    raise Undecided("which object it is, is not recorded")


def contains(item: Any, container: Any, budget: Budget) -> bool:
    container = asked(container, "__contains__")
    weigh(item, budget)
    if isinstance(container, (str, bytes, bytearray)):
        budget.charge(len(container) >> 4)
        item = plain(item)
        if isinstance(item, Opaque):
            raise Undecided(item.reason)
        return item in container
    if isinstance(container, range) and type(item) not in (int, bool):
        budget.charge(min(len(container), 1 << 62))
    if isinstance(container, (list, tuple, collections.deque)):
        return _is_among(item, container, budget)
    if type(container) is Thing:
        raise Undecided(container.reason)
    return bool(item in container)


def _is_among(item: Any, container: Any, budget: Budget) -> bool:
    doubt: Undecided | None = None
    for one in container:
        budget.charge(1)
        try:
            if one is item or equal(one, item, budget):
                return True
        except Undecided as exc:
            doubt = exc
    if doubt is not None:
        raise doubt
    return False


# ---- arithmetic ---------------------------------------------------------------------------------


def binary(kind: type[ast.operator], left: Any, right: Any, budget: Budget) -> Any:
    name = BINARY[kind].__name__.rstrip("_")
    a, b = (asked(one, f"__{name}__", f"__r{name}__") for one in (left, right))
    if isinstance(a, int) and isinstance(b, int):
        _check_ints(kind, a, b, budget)
    elif kind is ast.Mod and isinstance(a, (str, bytes, bytearray)):
        _check_format(a, b, budget)
    elif kind is ast.Mult and (isinstance(a, int) or isinstance(b, int)):
        size, times = (b, a) if isinstance(a, int) else (a, b)
        if isinstance(size, SIZED):
            budget.charge(len(size) * max(times, 0))
    else:
        for one in (a, b):
            if isinstance(one, SIZED):
                budget.charge(len(one))
    return of_parts(BINARY[kind], (left, a), (right, b))


def unary(kind: type[ast.unaryop], value: Any) -> Any:
    name = UNARY[kind].__name__.lstrip("_")
    return of_parts(UNARY[kind], (value, asked(value, f"__{name}__")))


def of_parts(compute: Callable[..., Any], *operands: tuple[Any, Any]) -> Any:
    """What built-in parts come to, each given with what it is a part of. What they cannot do, a class derived from
    theirs may all the same, as a Counter can be added."""
    try:
        made = compute(*[part for _, part in operands])
    except TypeError:
        for whole, part in operands:
            if whole is not part:
                raise Undecided(whole.reason) from None
        raise  # audit: the user's own expression, and caught with it
    if isinstance(made, collections.deque):
        raise Undecided("what is made of a deque is not looked at")
    return made


def _check_ints(kind: type[ast.operator], a: int, b: int, budget: Budget) -> None:
    bits = max(a.bit_length(), b.bit_length())
    if kind is ast.Mult:
        bits = a.bit_length() + b.bit_length()
    elif kind is ast.Pow and b > 0 and abs(a) > 1:
        bits = a.bit_length() * b
    elif kind is ast.LShift and a and b > 0:
        bits = a.bit_length() + b
    budget.bits(bits)


def _check_format(template: Any, given: Any, budget: Budget) -> None:
    if isinstance(given, Opaque):
        raise Undecided(given.reason)
    budget.charge(len(template))
    check_width(template)
    weigh(given, budget)
    if isinstance(given, dict):  # of which each may be written many times
        budget.charge(len(template) * len(given))


def check_width(template: Any) -> None:
    """Raises TooMuch for a format that makes more of a value than the value is."""
    text = template.encode("utf-8", "replace") if isinstance(template, str) else bytes(template)
    if WIDTH.search(text):
        raise TooMuch


# ---- parts --------------------------------------------------------------------------------------


def item(of: Any, key: Any, budget: Budget) -> Any:
    value, key = asked(of, "__getitem__"), plain(key)
    if isinstance(key, slice) and isinstance(value, SIZED):
        budget.charge(len(value))
    weigh(key, budget)
    if isinstance(value, Thing):
        raise Undecided(value.reason)
    if isinstance(key, Scalar) and isinstance(value, SIZED) and not isinstance(value, dict):
        key = operator.index(key)
    if isinstance(value, Named) and isinstance(key, str) and value.kind.key == ("sqlite3", "Row"):
        return _of_row(value, key)
    if (
        isinstance(value, Named)
        and value.kind.key == VOID
        and isinstance(key, str)
        and key in value.fields
    ):
        return value.fields[key]
    if isinstance(key, Opaque) and not isinstance(value, (dict, Cut)):
        raise Undecided(key.reason)
    try:
        return value[key]
    except KeyError:
        if type(of) is Thing:
            return _missing(of)
        raise  # audit: the user's own expression, and caught with it


def _of_row(row: Named, name: str) -> Any:
    """Of a row of sqlite3's, whose columns are asked for in capitals and in small letters alike."""
    found = [part for field, part in row.fields.items() if field.lower() == name.lower()]
    if not found:
        # audit: the user's own expression, and caught with it
        raise IndexError("No item with that key")
    return found[0]


def _missing(of: Thing) -> int:
    """What a subclass of dict makes of a key that it has not."""
    if of.type.key == ("collections", "Counter"):
        return 0
    if of.type.key in (("collections", "OrderedDict"), ("builtins", "mappingproxy")):
        raise KeyError  # audit: the user's own expression, and caught with it
    raise Undecided(f"{of.path} has no such key, and {of.type.name} may make one")


def attribute(of: Any, name: str) -> Any:
    """What is no method of Python's own."""
    if name == "__class__":
        return known_type(of)
    if isinstance(of, Hidden):
        raise Undecided(of.reason)
    if isinstance(of, Named) and name in of.fields:
        return of.fields[name]
    if (found := attribute_of(of, name)) is not NotImplemented:
        return found
    if isinstance(of, Thing):
        return _attribute_of_thing(of, name)
    if isinstance(of, TypeName) and name in ("__name__", "__qualname__", "__module__"):
        last = of.name.rpartition(".")[2]
        return {"__name__": last, "__qualname__": of.name, "__module__": of.module}[name]
    if isinstance(of, TypeName):
        return _attribute_of_class(of, name)
    value = of
    if name in DATA.get(type(value), ()):
        return getattr(value, name)
    kind = type_of(of).name
    if isinstance(of, Cut) or hasattr(value, name):
        raise Undecided(f"{name} of a {kind} is not looked at")
    # audit: the user's own expression, and caught with it
    raise AttributeError(f"'{kind}' object has no attribute '{name}'")


def _attribute_of_thing(thing: Thing, name: str) -> Any:
    node = thing.node
    if node.tag in (TAG_INSTANCE, TAG_NAMED):
        for each, part in node.items:
            if each == name:
                return thing.converter.of(part, f"{thing.path}.{name}")
        if node.cut:
            raise Undecided(f"{thing.path} is cut, and {name} is not in what is left")
    if node.tag == TAG_ELIDED:  # its class may have one of the name, and it another
        raise Undecided(thing.reason)
    if name == "args" and (raised := exception_of(node)) is not None:
        return thing.converter.of(raised.items[0], f"{thing.path}.args")
    if (parts := _parts_of_form(node)) and name in parts:
        return thing.converter.of(parts[name], f"{thing.path}.{name}")
    if node.tag == TAG_ENUM and name in ("name", "value", "_name_", "_value_"):
        return thing.inner if "value" in name else thing.member
    if node.tag == TAG_ARRAY and name in ("shape", "ndim", "size"):
        shape = node.items.shape
        return {"shape": shape, "ndim": len(shape), "size": node.items.length}[name]
    inner = plain(thing)
    if inner is not thing and name in DATA.get(type(inner), ()):
        return getattr(inner, name)
    if node.tag == TAG_MODULE:
        raise Undecided(f"{thing.path}.{name}: globals of other modules are not looked at")
    classes = thing.converter.classes()
    if node.type is not None and classes is not None:
        found = classes.of_class(node.type, name, f"{thing.path}.{name}", True)
        if found is not NotImplemented:
            return found
    raise Undecided(f"{thing.path} has no {name} of its own that is recorded")


def _parts_of_form(node: Node) -> dict[str, Any]:
    """What C keeps of it, by name, if that is an attribute; of an instance of a derived class as well."""
    if node.tag == TAG_INSTANCE and node.items and not node.items[0][0]:
        node = node.items[0][1]
    if not isinstance(node, Node) or node.tag != TAG_FORM or node.size in (*VIEWS, Form.COLUMN):
        return {}
    is_moment = node.size in MOMENTS  # whose value is ours
    return {
        name: part for name, part in named_parts(node).items() if not is_moment or name != "value"
    }


def _attribute_of_class(of: TypeName, name: str) -> Any:
    classes = None if of.converter is None else of.converter.classes()
    if classes is None:
        raise Undecided(f"attributes of the class {of.name} are not looked at")
    found = classes.of_class(of.of, name, f"{of.name}.{name}", False)
    if found is NotImplemented:
        raise Undecided(f"{of.name} has no {name} that is recorded")
    return found
