"""The functions and methods that an expression may call: those of Python's own that have no effect."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import datetime
import decimal
import numbers
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.trace.expressions.arrays import ArrayItems
from recorder.trace.expressions.domain import (
    NO_KIND,
    NO_NAME,
    Column,
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
from recorder.trace.expressions.operations import (
    SIZED,
    attribute,
    binary,
    check_width,
    ticks,
    truth,
    weigh,
)
from recorder.trace.expressions.outcomes import Budget, Undecided
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.format import TAG_ELIDED, TAG_FORM, TAG_INSTANCE, Form
from recorder.trace.values.datetimes import duration_text
from recorder.trace.values.exceptions import exception_of
from recorder.trace.values.moments import facts_of
from recorder.trace.values.nodes import has_own

Function = Callable[..., Any]  # of the budget, and what it is given

_TEXT: Final = """
    capitalize casefold center count endswith expandtabs find index isalnum isalpha isascii isdecimal isdigit
    isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition removeprefix
    removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title
    upper zfill
"""
_SET: Final = (
    "copy union intersection difference symmetric_difference issubset issuperset isdisjoint"
)
_DATE: Final = "isoformat isoweekday toordinal weekday"
METHODS: Final[dict[type, frozenset[str]]] = {
    str: frozenset(_TEXT.split()),
    bytes: frozenset({*_TEXT.split(), "hex"} - {"casefold"}),
    list: frozenset({"index", "count", "copy"}),
    tuple: frozenset({"index", "count"}),
    dict: frozenset({"get", "keys", "values", "items", "copy"}),
    set: frozenset(_SET.split()),
    range: frozenset({"index", "count"}),
    int: frozenset({"bit_length", "bit_count", "conjugate", "as_integer_ratio"}),
    float: frozenset({"is_integer", "hex", "conjugate", "as_integer_ratio"}),
    complex: frozenset({"conjugate"}),
    datetime.date: frozenset(_DATE.split()),
    datetime.time: frozenset({"isoformat"}),
    datetime.datetime: frozenset({*_DATE.split(), "date", "time", "timestamp", "utcoffset"}),
    datetime.timedelta: frozenset({"total_seconds"}),
}
METHODS[bytearray] = METHODS[bytes]
METHODS[collections.deque] = METHODS[list]
METHODS[frozenset] = METHODS[set]
METHODS[Named] = METHODS[tuple]
METHODS[bool] = METHODS[int]
# Whose classes are told by what a class has or was registered for: of Python's own types that is known here.
ABSTRACT: Final = {one.__name__: one for one in (collections.abc, numbers)}
MODULES: Final = {one.__name__: one for one in (collections, datetime, decimal)}
ORDERED: Final[dict[tuple[str, str], type]] = {
    ("collections", "Counter"): collections.Counter,
    ("collections", "OrderedDict"): collections.OrderedDict,
}
SAID_BY_NAME: Final = (dict, set, frozenset, bytearray, collections.deque)
OF_CUT: Final = ("startswith", "get")
PADDING: Final = ("center", "ljust", "rjust", "zfill", "expandtabs")


class Method:
    """A method that can be called, with what it belongs to."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name


_BUILTIN_FUNCTION: Final = TypeName("builtins", "builtin_function_or_method")


class BuiltinFunction:
    """One of FUNCTIONS."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def member(of: Any, name: str) -> Any:
    """An attribute, or a method to be called."""
    value = plain(of)
    if name in METHODS.get(type(value), ()) and not has(of, name):
        return Method(asked(of, name), name)
    if isinstance(value, Cut) and (name in OF_CUT or (value.kind is dict and name in _VIEWS)):
        return Method(value, name)
    return attribute(of, name)


def has(of: Any, name: str) -> bool:
    """Whether an instance has an attribute of that name, which comes before its class's method."""
    if isinstance(of, Named):
        return name in of.fields
    return isinstance(of, Thing) and has_own(of.node, name)


def call(function: Any, given: list[Any], named: dict[str, Any], budget: Budget) -> Any:
    if isinstance(function, BuiltinFunction):
        return FUNCTIONS[function.name](budget, *given, **named)
    if isinstance(function, TypeName) and function.key in BUILTIN_MAKERS:
        return MAKERS[function.name](budget, *given, **named)
    if isinstance(function, Method):
        return _call_method(function, given, named, budget)
    if isinstance(function, Hidden):
        raise Undecided(function.reason)
    if isinstance(function, (Opaque, TypeName)):
        name = function.name if isinstance(function, TypeName) else getattr(function, "path", "it")
        raise Undecided(f"{name} is code of the program's, which is not run")
    # audit: the user's own expression, and caught with it
    raise TypeError(f"'{type(function).__name__}' object is not callable")


# ---- methods ------------------------------------------------------------------------------------


def _call_method(method: Method, given: list[Any], named: dict[str, Any], budget: Budget) -> Any:
    owner, name = method.owner, method.name
    if isinstance(owner, Cut):
        return _call_of_cut(owner, name, given)
    given = [plain(one) for one in given]
    if isinstance(owner, (str, bytes, bytearray)):
        return _call_of_text(owner, name, given, named, budget)
    if isinstance(owner, (list, tuple)) and name == "count":
        return sum(1 for one in ticks(budget, owner) if one is given[0] or one == given[0])
    if isinstance(owner, range) and type(given[0] if given else 0) not in (int, bool):
        budget.charge(min(len(owner), 1 << 62))
    for one in (owner, *given):
        weigh(one, budget)
    if isinstance(owner, (set, frozenset)):
        given = [list(ticks(budget, one)) if not isinstance(one, SIZED) else one for one in given]
    return getattr(owner, name)(*given, **named)


def _call_of_text(
    owner: Any, name: str, given: list[Any], named: dict[str, Any], budget: Budget
) -> Any:
    budget.charge(len(owner))
    if name == "join" and len(given) == 1:
        given = [[plain(one) for one in ticks(budget, given[0])]]
        sizes = [len(one) for one in given[0] if isinstance(one, (str, bytes, bytearray))]
        budget.charge(sum(sizes) + len(owner) * len(sizes))
        _refuse_opaque(given[0])
    else:
        _refuse_opaque([*given, *named.values()])
        for one in given:
            weigh(one, budget)
            _refuse_opaque(one if isinstance(one, tuple) else ())
    if name in PADDING:
        widths = [one for one in (*given, *named.values()) if isinstance(one, int)]
        times = len(owner) if name == "expandtabs" else 1
        budget.charge(max([0, *widths]) * times)
    elif name == "replace" and len(given) > 1 and isinstance(given[1], type(owner)):
        budget.charge((len(owner) + 1) * len(given[1]))
    return getattr(owner, name)(*given, **named)


def _refuse_opaque(values: Any) -> None:
    """Python itself would say that they are of a wrong type."""
    for one in values:
        if isinstance(one, Opaque):
            raise Undecided(one.reason)


def _get(cut: Cut, key: Any, default: Any = None) -> Any:
    try:
        return cut.value_of(key)
    except KeyError:
        return default


def _pairs(cut: Cut, which: int | None) -> Iterator[Any]:
    for pair in cut.items:
        yield pair if which is None else pair[which]
    if not cut.is_whole:
        raise Undecided(cut.reason)


_VIEWS: Final[dict[str, int | None]] = {"keys": 0, "values": 1, "items": None}


def _call_of_cut(cut: Cut, name: str, given: list[Any]) -> Any:
    if name == "startswith" and len(given) == 1:
        return cut.startswith(plain(given[0]))
    if name == "get" and cut.kind is dict and len(given) in (1, 2):
        return _get(cut, *given)
    if name in _VIEWS and cut.kind is dict and not given:
        return _pairs(cut, _VIEWS[name])
    raise Undecided(cut.reason)


# ---- functions ----------------------------------------------------------------------------------


def _len(budget: Budget, value: Any, /) -> int:
    if type(value) is Thing and value.node.tag == TAG_ELIDED:
        return int(value.node.size)
    return len(asked(value, "__len__"))


def _any(budget: Budget, values: Any, /) -> bool:
    return _some(budget, values, True)


def _all(budget: Budget, values: Any, /) -> bool:
    return not _some(budget, values, False)


def _some(budget: Budget, values: Any, wanted: bool) -> bool:
    """Whether one is `wanted`; unknown only where none of the others is."""
    doubt: Undecided | None = None
    items = ticks(budget, values)
    while True:
        try:
            if truth(next(items)) is wanted:
                return True
        except StopIteration:
            break
        except Undecided as exc:
            doubt = exc
    if doubt is not None:
        raise doubt
    return False


def _sum(budget: Budget, values: Any, /, start: Any = 0) -> Any:
    if isinstance(start, (str, bytes, bytearray)):
        return sum([], start)  # which Python refuses
    items = list(ticks(budget, values))
    if type(start) is int and all(type(one) in (int, float, bool) for one in items):
        budget.bits(max([start.bit_length(), *(_bits(one) for one in items)]) + 64)
        return sum(items, start)
    for one in items:
        start = binary(ast.Add, start, one, budget)
    return start


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _extreme(function: Function) -> Function:
    def extreme(budget: Budget, *values: Any, key: Any = None, **default: Any) -> Any:
        given = list(ticks(budget, values[0])) if len(values) == 1 else list(values)
        for one in given:
            weigh(one, budget)
        if not given and len(values) == 1:
            return function(given, key=None, **default)
        if not values:
            return function()
        return function(given, key=_key(key, budget), **(default if len(values) == 1 else {}))

    return extreme


def _key(key: Any, budget: Budget) -> Function:
    if key is None:
        return _ordered
    return lambda value: _ordered(call(key, [value], {}, budget))


def _ordered(value: Any) -> Any:
    return asked(value, "__lt__", "__gt__")


def _sorted(budget: Budget, values: Any, /, *, key: Any = None, reverse: Any = False) -> list[Any]:
    items = list(ticks(budget, values))
    for one in items:
        weigh(one, budget)
    budget.charge(len(items) * len(items).bit_length() >> 2)
    return sorted(items, key=_key(key, budget), reverse=truth(reverse))


def _abs(budget: Budget, value: Any, /) -> Any:
    return abs(asked(value, "__abs__"))


def _round(budget: Budget, value: Any, /, ndigits: Any = None) -> Any:
    if isinstance(ndigits, int):
        budget.bits(abs(ndigits) * 4)
    return round(asked(value, "__round__"), ndigits)


def _repr(budget: Budget, value: Any, /) -> str:
    weigh(value, budget)
    return repr(value)


def _enumerate(budget: Budget, values: Any, /, start: Any = 0) -> Any:
    return enumerate(ticks(budget, values), start)


def _zip(budget: Budget, *values: Any, strict: Any = False) -> Any:
    return zip(*[ticks(budget, one) for one in values], strict=truth(strict))


def _reversed(budget: Budget, values: Any, /) -> Any:
    values = plain(values)
    if isinstance(values, Opaque) and not isinstance(values, (Column, ArrayItems)):
        raise Undecided(values.reason)
    return ticks(budget, reversed(values))


def _ord(budget: Budget, value: Any, /) -> int:
    return ord(_clear(value))


def _chr(budget: Budget, value: Any, /) -> str:
    return chr(_clear(value))


def _divmod(budget: Budget, a: Any, b: Any, /) -> Any:
    return divmod(_clear(a), _clear(b))


def _clear(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, Scalar) and type(value.value) is not complex:
        return value.value
    if isinstance(value, Opaque):
        raise Undecided(value.reason)
    return value


# ---- types --------------------------------------------------------------------------------------


def _type(budget: Budget, value: Any, /) -> TypeName:
    return _BUILTIN_FUNCTION if _is_function(value) else known_type(value)


def _is_function(value: Any) -> bool:
    return isinstance(value, (BuiltinFunction, Method))


def _isinstance(budget: Budget, value: Any, wanted: Any, /) -> bool:
    """By name: a class is what is called as it is. What a class of the program's derives from is not recorded."""
    if isinstance(wanted, tuple):
        return _some(budget, (_is_of(value, one) for one in ticks(budget, wanted)), True)
    return _is_of(value, wanted)


def _is_of(value: Any, wanted: Any) -> bool:
    wanted = plain(wanted)
    if isinstance(wanted, str):
        wanted = TypeName("", wanted)
    if not isinstance(wanted, TypeName):
        if isinstance(wanted, Opaque):
            raise Undecided(wanted.reason)
        # audit: the user's own expression, and caught with it
        raise TypeError("isinstance() arg 2 must be a type, a tuple of types, or a union")
    kind = _BUILTIN_FUNCTION if _is_function(value) else type_of(value)
    if kind == wanted or wanted.key == ("builtins", "object"):
        return True
    if not wanted.module and wanted.name in (kind.name, kind.name.rpartition(".")[2]):
        return True
    asked, own = _builtin(wanted), _builtin(kind)
    if not isinstance(value, (Opaque, Named, TypeName)):
        own = type(value)
    if asked is None and wanted.module.partition(".")[0] in sys.stdlib_module_names:
        known = _is_of_library(value, own, wanted)
        return _unknown_bases(kind, wanted) if known is None else known
    if own is type and value.module != "builtins" and asked is None:
        _unknown_bases(kind, wanted)  # of a class's class
    if own is not None:
        if asked is None and _asks_by_code(wanted):
            raise Undecided(f"only code of {wanted.name} could tell what is one")
        return asked is not None and issubclass(own, asked)
    inner = plain(value)
    if inner is not value and asked is not None:
        return issubclass(type(inner), asked) or _unknown_bases(kind, wanted)
    is_instance = isinstance(value, Thing) and value.node.tag == TAG_INSTANCE
    if is_instance and asked is not None and not issubclass(asked, BaseException):
        return False  # an instance of a subclass of it would have a built-in part
    if isinstance(value, Named) and asked is not None:
        return issubclass(tuple, asked)
    if isinstance(value, Thing) and exception_of(value.node) is not None and asked is not None:
        return issubclass(BaseException, asked) or _unknown_bases(kind, wanted)
    return _unknown_bases(kind, wanted)


def _asks_by_code(wanted: TypeName) -> bool:
    """Whether it is a class that has code say what is an instance of it."""
    classes = None if wanted.converter is None else wanted.converter.classes()
    return classes is not None and classes.asks_instances(wanted.of)


def _is_of_library(value: Any, own: type | None, wanted: TypeName) -> bool | None:
    """Of another class of the standard library; None where that is not known."""
    abstract = getattr(ABSTRACT.get(wanted.module), wanted.name, None)
    is_exact = own is not None and own is not type
    if not is_exact:
        own = tuple if isinstance(value, Named) else type(plain(value))
    if not isinstance(abstract, type) or own is None or issubclass(own, (Opaque, TypeName)):
        return None
    return issubclass(own, abstract) or (False if is_exact else None)


def _builtin(name: TypeName) -> type | None:
    found: Any = None
    if name.module in ("builtins", ""):
        found = getattr(builtins, name.name, None)
    elif name.module in MODULES:
        found = getattr(MODULES[name.module], name.name, None)
    return found if isinstance(found, type) else None


def _unknown_bases(kind: TypeName, wanted: TypeName) -> bool:
    if kind.name == NO_NAME:
        raise Undecided(NO_KIND)
    raise Undecided(f"whether {kind.name} derives from {wanted.name} is not recorded")


def _maker(kind: Callable[..., Any]) -> Function:
    """A container of what is iterated over."""

    def make(budget: Budget, *values: Any, **named: Any) -> Any:
        if kind is dict and len(values) == 1 and isinstance(plain(values[0]), dict):
            return dict(plain(values[0]), **named)
        return kind(*[ticks(budget, one) for one in values], **named)

    return make


def _number(kind: Callable[..., Any]) -> Function:
    def make(budget: Budget, *values: Any) -> Any:
        given = [_clear(one) for one in values]
        for one in given:
            if isinstance(one, (str, bytes, bytearray)):
                budget.charge(len(one))
                budget.bits(len(one) * 4)  # reading so many digits takes the square of it
        return kind(*given)

    return make


def _str(budget: Budget, *values: Any) -> str:
    for one in values:
        weigh(one, budget)
    return str(*[_spelled(one) for one in values])


def _spelled(value: Any) -> Any:
    """What has the text of a value: the built-in part, where the class is not seen to have one of its own."""
    inner = plain(value)
    if inner is value or not isinstance(value, Thing):
        return inner
    if (
        value.node.tag == TAG_FORM and value.node.size == Form.TIMEDELTA64
    ):  # of pandas': 0 days 00:01:30
        number, unit, *_ = facts_of(value.node)
        return duration_text(number, unit)
    if value.type.key in ORDERED and isinstance(inner, dict):
        return ORDERED[value.type.key](inner)
    is_deque = value.type.key == ("collections", "deque")
    if isinstance(inner, SAID_BY_NAME) and not is_deque:
        raise Undecided(
            value.reason
        )  # its class, or a kind of dict that it derives from, is in the text
    return asked(value, "__str__", "__repr__", "__format__")


def _bool(budget: Budget, *values: Any) -> bool:
    return truth(values[0]) if len(values) == 1 else bool(*values)


_CONVERSIONS: Final[dict[str, Function]] = {"r": repr, "s": str, "a": ascii}


def formatted(value: Any, conversion: int, spec: str, budget: Budget) -> str:
    """What stands between the braces of an f-string."""
    value = value if conversion in (ord("r"), ord("a")) else _spelled(value)
    weigh(value, budget)
    check_width(spec)
    if conversion != -1:
        value = _CONVERSIONS[chr(conversion)](value)
    made = format(value, spec)
    budget.charge(len(made))
    return made


FUNCTIONS: Final[dict[str, Function]] = {
    "abs": _abs, "all": _all, "any": _any, "chr": _chr, "divmod": _divmod, "enumerate": _enumerate,
    "isinstance": _isinstance, "len": _len, "max": _extreme(max),
    "min": _extreme(min), "ord": _ord, "repr": _repr, "reversed": _reversed, "round": _round,
    "sorted": _sorted, "sum": _sum, "zip": _zip,
}  # fmt: skip
MAKERS: Final[dict[str, Function]] = {
    "bool": _bool, "dict": _maker(dict), "float": _number(float), "frozenset": _maker(frozenset),
    "int": _number(int), "list": _maker(list), "range": _number(range), "set": _maker(set),
    "str": _str, "tuple": _maker(tuple), "type": _type,
}  # fmt: skip
BUILTIN_MAKERS: Final = {("builtins", name) for name in MAKERS}
CONSTANTS: Final[dict[str, Any]] = {"Ellipsis": ..., "NotImplemented": NotImplemented}


def builtin(name: str) -> Any:
    """What a name stands for that is neither a variable nor a global. Raises NameError where Python would."""
    if name in FUNCTIONS and name not in MAKERS:
        return BuiltinFunction(name)
    if name in CONSTANTS:
        return CONSTANTS[name]
    found = getattr(builtins, name, None)
    if isinstance(found, type):
        return TypeName("builtins", found.__name__)
    if found is not None:
        return Hidden(f"{name} is not something that can be asked of a trace")
    # audit: the user's own expression, and caught with it
    raise NameError(f"name '{name}' is not defined")


def is_builtin(name: str) -> bool:
    return hasattr(builtins, name)
