"""Expressions over recorded values: of what was recorded whole they come to what Python's own eval() does; of what
was not, to a truth only where no value could make it another one; and whatever the expression, soon."""

from __future__ import annotations

import collections.abc
import enum
import functools
import itertools
import numbers
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import errors
from recorder.trace.expressions import functions, operations
from recorder.trace.expressions.conversion import tree_of
from recorder.trace.expressions.expression import TOO_MUCH, Answer, Expression, made_of
from recorder.trace.expressions.outcomes import Budget
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_CLASS,
    TAG_DATE,
    TAG_DICT,
    TAG_ENUM,
    TAG_ERROR,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FUNCTION,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_MODULE,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_STR,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)
from recorder.trace.values import stdlib_values
from recorder.trace.values.nodes import Node
from recorder.trace.values.value import Value, of_tree
from tests.tools import reference_writer as w


def ask(text: str, /, **names: Any) -> Answer:
    """Of values as they are recorded, or of trees."""
    made = {name: recorded(value, name) for name, value in names.items()}
    return read(text).answer(lambda name: made[name] if name in made else functions.builtin(name))


read = functools.lru_cache(1024)(Expression)  # many are asked of thousands of values


def recorded(value: Any, name: str) -> Any:
    if isinstance(value, Node):
        return made_of(of_tree(value), name)
    return made_of(Value(w.value(value), {}), name)


# ---- as Python's own eval --------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "n": 7, "m": -3, "f": 2.5, "s": "spam and eggs", "t": "", "b": b"bytes", "y": True, "z": None,
    "xs": [3, 1, 2], "pair": (1, "a"), "d": {"a": 1, "b": [1, 2]}, "q": {1, 2, 3}, "deep": [[1, 2], [3, [4]]],
    "empty": [],
}  # fmt: skip
NAMES = st.sampled_from([*VALUES, "nosuch"])
LITERALS = st.sampled_from(
    ["0", "1", "-2", "3", "0.5", "'a'", "''", "b'y'", "None", "True", "'%s'", "10**20"]
)
ATOMS = NAMES | LITERALS


METHODS = (
    "upper(); split(); strip('s'); count('a'); find('a'); startswith('s'); keys(); items(); get('a'); index(1); "
    "bit_length(); is_integer(); union([9]); replace('a', 'bc'); join(['a', 'b']); real; nosuch"
)


def in_text(text: str) -> str:
    """In an f-string; before 3.12 none may be within another."""
    return text if "f'" in text else "f'{ " + text.replace("'", '"') + "!r:>9}'"


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(
        "+ - * / // % ** << >> | & ^ and or == != < <= > >= in is".split()
    ) | st.just("not in")
    method = st.sampled_from(METHODS.split("; "))
    function = st.sampled_from(
        "len abs min max sum any all sorted type bool int float str repr list tuple set reversed round".split()
    )
    kinds = st.sampled_from(["int", "str", "(list, dict)", "float", "object", "bool"])
    return st.one_of(
        st.tuples(inner, operator, inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        st.tuples(inner, inner, inner).map(lambda x: f"({x[0]} < {x[1]} <= {x[2]})"),
        st.tuples(inner, inner, inner).map(lambda x: f"({x[0]} if {x[1]} else {x[2]})"),
        st.tuples(inner, inner).map(
            lambda x: f"{x[0]}[{x[1]}]" if x[0][0].isalpha() else f"({x[0]})[{x[1]}]"
        ),
        st.tuples(inner, inner).map(lambda x: f"({x[0]})[{x[1]}:]"),
        st.tuples(inner, method).map(lambda x: f"({x[0]}).{x[1]}"),
        st.tuples(function, inner).map(lambda x: f"{x[0]}({x[1]})"),
        st.tuples(inner, kinds).map(lambda x: f"isinstance({x[0]}, {x[1]})"),
        st.tuples(st.sampled_from(["not ", "-", "+", "~"]), inner).map(lambda x: f"({x[0]}{x[1]})"),
        st.tuples(inner, inner).map(lambda x: f"[{x[0]} for v in {x[1]}]"),
        st.tuples(inner, inner).map(lambda x: f"any(v == {x[0]} for v in {x[1]} if v)"),
        st.tuples(inner, inner).map(lambda x: f"{{v: {x[0]} for v in {x[1]}}}"),
        st.tuples(inner, inner).map(lambda x: f"[{x[0]}, *{x[1]}]"),
        st.tuples(inner, inner).map(lambda x: f"({x[0]}, {x[1]})"),
        st.tuples(inner, inner).map(lambda x: f"{{{x[0]}: {x[1]}}}"),
        inner.map(in_text),
    )


EXPRESSIONS = st.recursive(ATOMS, larger, max_leaves=6)


def evaluated(text: str) -> tuple[str, Any]:
    """What Python says: the value, as repr() writes it, or its error."""
    try:
        value = eval(text, dict(VALUES))
        if type(value).__module__ != "builtins" or (
            callable(value) and not isinstance(value, type)
        ):
            return "other", None
        return ("other", None) if " object at 0x" in repr(value) else ("known", value)
    except Exception as exc:
        return "error", type(exc).__name__


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_as_eval(text: str) -> None:
    if any(huge in text for huge in ("** 10**20", "<< 10**20", "* 10**20")) or text.count("**") > 2:
        return  # which Python would not come to an end with
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind, wanted = evaluated(text)
    answer = ask(text, **VALUES)
    if kind == "other":
        return
    if answer.kind == "unknown":
        allowed = (
            TOO_MUCH,
            "which object it is",
            "is not looked at",
            "code of the program's",
            "is a function",
        )
        assert any(part in answer.reason for part in allowed), (text, answer)
    elif kind == "error":
        assert answer.kind == "error", (text, answer)
        assert answer.reason.split(":")[0] == wanted, text
    else:
        assert answer.kind == "known", (text, answer)
        assert answer.truth is bool(wanted), text
        same(text, wanted, answer)


@pytest.mark.parametrize("text", [r"s == '\d'", "1if n else 2", "n is 5", "(1)(2)", "[1](0)"])
def test_what_python_warns_of_is_asked_without_a_word(text: str) -> None:
    import warnings

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Expression(text)
    assert told == []


def same(text: str, wanted: Any, answer: Answer) -> None:
    from recorder.trace.expressions.domain import TypeName

    if isinstance(wanted, type):
        assert answer.tree.type == ("builtins", wanted.__name__), text
    elif type(wanted) in (
        dict,
        list,
        tuple,
        set,
        str,
        int,
        float,
        bool,
        bytes,
        complex,
        type(None),
    ):
        again = tree_of(with_names(wanted, TypeName), Budget())
        assert repr(answer.tree) == repr(again), text


def with_names(value: Any, name: Callable[[str, str], Any]) -> Any:
    """With classes as they are in expressions."""
    if isinstance(value, type):
        return name("builtins", value.__name__)
    if isinstance(value, (list, tuple, set)):
        return type(value)([with_names(part, name) for part in value])
    if isinstance(value, dict):
        return {with_names(k, name): with_names(part, name) for k, part in value.items()}
    return value


# ---- what is not known ------------------------------------------------------------------------

CUT_TEXT = Node(TAG_STR, None, 5_000, "begin", True)
CUT_LIST = Node(TAG_LIST, None, 900, [1, 2, 3], True)
CUT_DICT = Node(TAG_DICT, None, 900, [("a", 1), ("b", 2)], True)
REDACTED = Node(TAG_REDACTED)
OBJECT = Node(TAG_OBJECT, ("app", "Socket"))
BASKET = Node(TAG_INSTANCE, ("app", "Basket"), 2, [("items", CUT_LIST), ("token", REDACTED)])
HIDDEN = {
    "a cut text": CUT_TEXT, "a cut list": CUT_LIST, "a cut dict": CUT_DICT, "redacted": REDACTED,
    "an object": OBJECT, "an instance": BASKET, "an error": Node(TAG_ERROR, None, 3001),
    "a cut int": Node(TAG_INT_CUT, None, 90_000, ""),
}  # fmt: skip

OPERATORS = "+ - * / // % ** << >> | & ^ @ == != < <= > >= in".split()


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_unknown_with_every_operator(hidden: Node) -> None:
    """No operator makes something known of it but what a cut value's length and beginning say."""
    others = ["1", "'begin'", "[1]", "{}", "None", "x"]
    for operator, other, swapped in itertools.product(OPERATORS, others, (False, True)):
        text = f"{other} {operator} x" if swapped else f"x {operator} {other}"
        answer = ask(text, x=hidden)
        told = answer.kind == "known" and operator in ("==", "!=", "in")
        of_a_kind = answer.kind == "error" and (
            operator == "in" or hidden in (CUT_TEXT, CUT_LIST, CUT_DICT)
        )
        assert answer.kind == "unknown" or told or of_a_kind, (text, answer)
    for text in (
        "-x",
        "abs(x)",
        "x[0:9000]",
        "x()",
        "sorted(x)",
        "sum(x)",
        "f'{x}'",
        "str(x)",
        "x.nosuch",
        "x['q']",
    ):
        assert ask(text, x=hidden).kind in ("unknown", "error"), text
    assert ask("x is None", x=hidden).kind == (
        "unknown" if hidden.tag in (TAG_REDACTED, TAG_ERROR) else "known"
    )


KLEENE = [  # with u unknown: the expression, and whether it is true
    ("False and u", False), ("u and False", False), ("True and u", None), ("u and True", None),
    ("True or u", True), ("u or True", True), ("False or u", None), ("u or False", None),
    ("not u", None), ("not (u and False)", True), ("not (u or True)", False), ("u and u", None),
    ("1 < u < 3", None), ("3 < 1 < u", False), ("u < 3 < 1", False), ("u == 1 and 1 == 2", False),
    ("any([u, True])", True), ("any([u, False])", None), ("all([u, False])", False), ("all([u, True])", None),
    ("1 in [u, 1]", True), ("2 in [u, 1]", None), ("(u, 1) == (5, 2)", False), ("(u, 1) == (5, 1)", None),
    ("u if True else 1", None), ("1 if u else 1", None), ("[u][0]", None), ("len([u])", True),
    ("any(v > 2 for v in xs)", True), ("any(v > 3 for v in xs)", None), ("all(v < 3 for v in xs)", False),
    ("2 in xs", True), ("5 in xs", None), ("xs[1] == 2", True), ("xs[800]", None), ("len(xs) == 900", True),
    ("xs == [1, 2, 3]", False), ("xs != [1]", True), ("xs", True), ("bool(text)", True), ("text == 'x'", False),
    ("text.startswith('beg')", True), ("text.startswith('x')", False), ("text.startswith('begins')", None),
    ("'egi' in text", True), ("'zzz' in text", None), ("text[:3] == 'beg'", True), ("d['a'] == 1", True),
    ("d['z']", None), ("'a' in d", True), ("'z' in d", None), ("d.get('a')", True), ("len(d)", True),
    ("[v for v in xs]", None), ("basket.items[0] == 1", True), ("basket.token", None), ("basket.gone", None),
    ("basket", None), ("basket == 1", None), ("basket is None", False), ("isinstance(basket, 'Basket')", True),
    ("isinstance(basket, Basket)", True), ("isinstance(basket, int)", False), ("isinstance(basket, Other)", None),
    ("type(basket).__name__ == 'Basket'", True), ("isinstance(u, int)", None), ("u is u", None),
    # What is wrong behind it may not be come to.
    ("u and 1 // 0", None), ("u or 1 // 0", None), ("u is None > 7", None), ("1 < u < nosuch", None),
    ("type(Basket) is type", None), ("Basket.__class__ is type", None), ("isinstance(Basket, type)", True),
    ("isinstance(Basket, int)", False), ("isinstance(Basket, Other)", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "truth"), KLEENE, ids=[text for text, _ in KLEENE])
def test_truth_of_what_is_not_known(text: str, truth: bool | None) -> None:
    names = {
        "u": REDACTED, "xs": CUT_LIST, "text": CUT_TEXT, "d": CUT_DICT, "basket": BASKET,
        "Basket": Node(TAG_CLASS, ("app", "Basket")), "Other": Node(TAG_CLASS, ("app", "Other")),
    }  # fmt: skip
    answer = ask(text, **names)
    assert answer.kind != "error", answer
    assert answer.truth is truth, answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("u + 1", "u is redacted"),
        ("basket.token == 1", "basket.token is redacted"),
        (
            "sum(basket.items)",
            "basket.items is cut: 3 of its 900 items are recorded; "
            "a larger --value-budget or --value-limit may record more",
        ),
        ("basket.gone", "basket has no gone of its own that is recorded"),
        ("print(1)", "print is not something that can be asked of a trace"),
        ("9**9**9", TOO_MUCH),
    ],
)
def test_reason(text: str, reason: str) -> None:
    assert ask(text, u=REDACTED, basket=BASKET).reason == reason


ABSTRACT = [
    *(
        "Sequence",
        "Mapping",
        "Callable",
        "Iterable",
        "Iterator",
        "Hashable",
        "Sized",
        "Set",
        "MutableSequence",
    ),
    *("Number", "Integral", "Real"),
]
OF_PYTHON = {
    "xs": [1],
    "d": {},
    "n": 3,
    "x": 1.5,
    "s": "a",
    "t": (1,),
    "none": None,
    "b": b"",
    "f": True,
}


@pytest.mark.parametrize("name", ABSTRACT)
def test_the_abstract_classes_of_the_standard_library(name: str) -> None:
    """What is of Python's own types is one of them as Python says; of an instance that may be only code could tell."""
    module = numbers if hasattr(numbers, name) else collections.abc
    of = Node(TAG_CLASS, (module.__name__, name))
    for one, value in OF_PYTHON.items():
        answer = ask(f"isinstance({one}, {name})", **{one: value, name: of})
        assert answer.tree is isinstance(value, getattr(module, name)), (one, answer)
    assert ask(f"isinstance(basket, {name})", basket=BASKET, **{name: of}).kind == "unknown"
    of = Node(TAG_CLASS, ("os", "PathLike"))
    assert ask("isinstance(s, PathLike)", s="a", PathLike=of).kind == "unknown"


WRONG = {  # what Python comes to for certain, before or behind what is not known
    "1 // 0 and u": "ZeroDivisionError", "1 < 'a' < u": "TypeError", "(u or True) and nosuch": "NameError",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_an_error_that_is_certain(text: str) -> None:
    answer = ask(text, u=REDACTED)
    assert (answer.kind, answer.reason.split(":")[0]) == ("error", WRONG[text])


NAMED_ALONE = {  # how a function or module is written down, and its type; None: it may be one of several
    (TAG_FUNCTION, "app.work"): "function",
    (
        TAG_FUNCTION,
        "append",
    ): None,  # a list's method, the method of the class, or a function without a module
    (TAG_MODULE, "app"): "module",
}


@pytest.mark.parametrize(("tag", "name"), NAMED_ALONE)
def test_the_type_of_what_is_recorded_by_its_name_alone(tag: int, name: str) -> None:
    want = NAMED_ALONE[tag, name]
    answer = ask("type(x).__name__", x=Node(tag, None, None, name))
    assert answer.tree == want
    assert (answer.kind == "unknown") is (want is None)
    assert (
        ask("type(len).__name__ + type('a'.upper).__name__").tree
        == "builtin_function_or_method" * 2
    )


def test_what_is_asked_of_pythons_own_values_is_what_they_have() -> None:
    """A method that is called, or data: `day` of a date was a method, so that `when.day == 29` was false."""
    for known, is_method in ((functions.METHODS, True), (operations.DATA, False)):
        for kind, names in known.items():
            of = tuple if kind is operations.Named else kind
            there = {name for name in names if hasattr(of, name)}
            assert [name for name in there if callable(getattr(of, name)) != is_method] == [], of


class Colour(enum.Enum):
    RED = 1


def test_objects() -> None:
    """What is recorded of objects, by their attributes, built-in parts and identities."""
    point = Node(TAG_NAMED, ("app", "Point"), 2, [("x", 1), ("y", 2)])
    red = Node(TAG_ENUM, ("app", "Colour"), None, [("RED", 1)])
    counter = Node(
        TAG_TYPED, ("collections", "Counter"), None, [Node(TAG_DICT, None, 1, [("a", 2)])]
    )
    default = counter._replace(type=("collections", "defaultdict"))
    error = Node(TAG_EXCEPTION, ("builtins", "KeyError"), None, [Node(TAG_TUPLE, None, 1, ["k"])])
    inner = Node(TAG_LIST, None, 1, [1])
    shared = Node(TAG_LIST, None, 3, [inner, Node(TAG_REF, None, 1), Node(TAG_LIST, None, 1, [1])])
    itself = Node(TAG_LIST, None, 1, [Node(TAG_REF, None, 0)])
    own = Node(TAG_EXCEPTION, ("app", "Wrong"), None, [Node(TAG_TUPLE, None, 0, [])])
    day = Node(TAG_DATE, ("app", "Day"), None, (2024, 2, 29))
    table = Node(
        TAG_ARRAY, ("numpy", "ndarray"), 6, stdlib_values.Array("b", 1, (2, 3), bytes(6)), False
    )
    keyed = Node(TAG_DICT, None, 1, [(BASKET, 1)])
    names = {
        "p": point, "c": red, "n": counter, "f": default, "e": error, "s": shared, "i": itself, "k": keyed, "t": [1],
        "w": own, "Wrong": Node(TAG_CLASS, ("app", "Wrong")), "day": day, "a": table,
        "id": Node(TAG_TYPED, ("app", "Id"), None, [7]),
    }  # fmt: skip
    for text, wanted in {
        "p.x": 1, "p[1]": 2, "p == (1, 2)": True, "sum(p)": 3, "f'{p}'": "Point(x=1, y=2)",
        "c.name": "RED", "c.value": 1, "c == 2": False, "c is c": True, "n['a']": 2, "n['z']": 0, "len(n)": 1,
        "e.args[0]": "k", "isinstance(e, LookupError)": True, "isinstance(e, OSError)": False,
        "s[0] is s[1]": True, "s == [[1], [1], [1]]": True, "len(i)": 1, "i[0] is i": True, "len(k)": 1,
        "[v for v in k.values()]": [1], "isinstance(p, tuple)": True, "type(n).__name__": "Counter",
        "isinstance(w, BaseException)": True, "isinstance(w, object)": True, "isinstance(w, Wrong)": True,
        "id.real": 7, "id.numerator": 7,
        "day.year": 2024, "day.day": 29, "len(a)": 2, "a.shape": (2, 3), "a.ndim": 2, "a.size": 6,
    }.items():  # fmt: skip
        answer = ask(text, **names)
        assert answer.kind == "known", (text, answer)
        assert answer.to_python() == wanted, text
    for text in (
        "c == 1",
        "f['z']",
        "s[0] is s[2]",
        "k['a']",
        "s[0] is t",
        "1 in k",
        "isinstance(w, OSError)",
    ):
        assert ask(text, **names).kind == "unknown", text


# ---- whatever the expression ------------------------------------------------------------------

HOSTILE = [
    "9**9**9", "'a'*10**10", "1 << 10**12", "[0]*10**9", "2**(2**40)", "10**100000", "list(range(10**12))",
    "sum(range(10**12))", "'%999999999d' % 1", "f'{1:999999999}'", "f'{1:{9**9}}'", "'x'.ljust(10**12)",
    "'x'.replace('', 'y'*10**5).replace('', 'z'*10**5)", "'\\t'.expandtabs(10**12)", "0.5 in range(10**15)",
    "[[[a for a in range(10**4)] for b in range(10**4)] for c in range(10**4)]", "max(range(10**12))",
    "any(x for x in range(10**12) if x < 0)", "('a'*10**5).join('b'*10**5)", "zip(range(10**12))",
    "0.5 in zip(range(10**12))", "sorted(range(10**9))", "-1 in reversed(range(10**12))", "int('9'*10**6)",
    "range(10**18).index(0.5)", "(" + "[" * 50 + "1" + "]" * 50 + ")", "0" + "+1" * 90, "len(itself)",
    "itself == itself2", "str(itself)", "'%*d' % (10**9, 1)", "round(1, -10**9)", "dag == dag2", "repr(dag)",
    "{1: dag}",
    "[x for x in dag for y in range(10**9)]", "b'x'*10**10", "(1,)*10**10", "10**9 * 'a'", "set(range(10**9))",
    "min((x, x, x) for x in range(10**9))", "''.join(str(x) for x in range(10**9))", "10**1000 ** 100",
    "[v for v in [(u, u) for u in [(t, t) for t in [(s, s) for s in [(r, r) for r in ['a'*10**5]]]]]]",
]  # fmt: skip


def dag() -> Node:
    """A value whose parts, each shared, are 2**40 if one goes through them all."""
    tree = Node(TAG_LIST, None, 1, [1])
    for number in range(40, 0, -1):
        tree = Node(TAG_LIST, None, 2, [tree, Node(TAG_REF, None, number)])
    return tree


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_bounded(text: str) -> None:
    itself = Node(TAG_LIST, None, 2, [Node(TAG_REF, None, 0), Node(TAG_REF, None, 0)])
    begun = time.process_time()
    answer = ask(text, itself=itself, itself2=itself, dag=dag(), dag2=dag())
    answer.show(100)
    assert time.process_time() - begun < 3, answer


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("n > > 3", "column 5: invalid syntax: n > ⟨here⟩> 3"),
        ("x = 3", "column 3: invalid syntax"),
        ("", "column 1: invalid syntax"),
        ("a, (lambda: 1)", "column 5: lambda cannot be asked of a trace: a, (⟨here⟩lambda: 1)"),
        ("'é' + (y := 1)", "column 8: := cannot be asked of a trace: 'é' + (⟨here⟩y := 1)"),
        ("f(*x)", "column 3: * cannot be asked of a trace"),
        ("f(**x)", "column 5: ** cannot be asked of a trace"),
        ("[x async for x in y]", "asynchronous"),
        ("1) + (2", "column 2: unmatched ')'"),
        ("(" * 5000, "too many nested parentheses"),
        ("-" * 3000 + "1", ""),
        ("-" * 9000 + "1", ""),
        ("1" * 10_001, "too long"),
        ("9" * 9_000, ""),
        ("\0", ""),
        ("[a.b for a.b in c]", "only names can be bound"),
    ],
)
def test_malformed(text: str, place: str) -> None:
    with pytest.raises(errors.InvalidArgumentError) as caught:
        Expression(text)
    assert place in caught.value.message
    assert caught.value.message.isprintable()


def test_names() -> None:
    """Those of comprehensions are no names of the program's; the outermost iterable is looked up outside."""
    assert Expression("[a for a in b if c] + [a]").names == ("b", "c", "a")
    assert Expression("[x for x in x]").names == ("x",)
    assert Expression("[y for x in z for y in x]").names == ("z",)
    assert ask("[[x for x in range(n)] for n in range(3)]").to_python() == [[], [0], [0, 1]]


def test_a_stand_in_of_typing_without_a_dict_is_shown_by_its_members() -> None:
    """As a `typing.TypeVar` that is written in C alone."""
    members = Node(TAG_DICT, None, 1, [("__name__", "T")])
    variable = Node(TAG_FORM, ("typing", "TypeVar"), Form.MEMBERS, [members])
    assert Answer("known", variable).show() == "~T"


@pytest.mark.parametrize(("a", "b"), [(1, "1"), (1, 1.0), ("x", b"x"), (2**70, 1.5)])
def test_values_of_two_types_are_two_objects(a: Any, b: Any) -> None:
    assert ask("a is b", a=a, b=b).truth is False
    assert ask("a is not b", a=a, b=b).truth is True
