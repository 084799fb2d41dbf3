"""Python's own operators on a recorded value: what was recorded whole answers as the object would; what was not never
answers wrongly. And `to_python(strict=False)`, which knows what is missing."""

from __future__ import annotations

import collections
import copy
import datetime
import enum
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recorder
from recorder import errors
from recorder.trace.expressions.conversion import tree_of
from recorder.trace.expressions.outcomes import Budget
from recorder.trace.format import TAG_BYTEARRAY, TAG_BYTES, TAG_DICT, TAG_REDACTED, TAG_STR
from recorder.trace.values.nodes import Node, with_parts
from recorder.trace.values.value import Value, of_tree

UNKNOWN = errors.ValueNotRecordedError
NO_ANSWER = (TypeError, ValueError, LookupError, AttributeError, OverflowError)

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(allow_nan=False),
    st.text("ab\ud800", max_size=4), st.binary(max_size=3), st.just(...), st.complex_numbers(allow_nan=False),
)  # fmt: skip
keys = st.one_of(st.integers(0, 3), st.text("ab", max_size=2), st.tuples(st.integers(0, 2)))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    """As repr, but for the order of sets, which is by chance."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}{sorted(map(spelled, value))}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}{[*map(spelled, value)]}"
    if isinstance(value, dict):
        return f"dict{[(spelled(key), spelled(part)) for key, part in value.items()]}"
    return repr(value)


COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
UNARY: tuple[Callable[[Any], Any], ...] = (
    bool, len, int, float, complex, operator.index, hash, lambda v: sorted(map(plain, v), key=spelled),
    lambda v: [*reversed(v)], lambda v: v[0], lambda v: v[-1], lambda v: v[1:3], lambda v: v["a"],
    lambda v: sorted(v.items()), lambda v: v.upper(), lambda v: v.real, lambda v: v.nosuch,
)  # fmt: skip


def outcome(ask: Callable[..., Any], *args: Any) -> Any:
    """What it comes to, as the object itself; or the type of the exception."""
    try:
        found = ask(*args)
        return [plain(one) for one in found] if isinstance(found, list) else plain(found)
    except (UNKNOWN, errors.ValueUnreadableError):
        return UNKNOWN
    except NO_ANSWER as exc:
        return next(kind for kind in NO_ANSWER if isinstance(exc, kind))


def plain(value: Any) -> Any:
    return value.to_python() if isinstance(value, Value) else value


def recorded(value: Any) -> Value:
    return of_tree(tree_of(value, Budget()))


def questions(value: Any, other: Any) -> list[Callable[[Any], Any]]:
    asked = [*UNARY, lambda v: other in v, lambda v: v in [other, value]]
    for compare in COMPARISONS:
        asked.append(lambda v, compare=compare: compare(v, other))
        asked.append(lambda v, compare=compare: compare(other, v))
    return asked


@settings(max_examples=150, deadline=None)
@given(values, values)
def test_what_was_recorded_whole_answers_as_the_object(value: Any, other: Any) -> None:
    again = recorded(value)
    for ask in questions(value, other):
        wanted = outcome(ask, value)
        assert outcome(ask, again) == wanted, (value, other)
    assert again == value
    assert again == recorded(value)
    assert (again == recorded(other)) is (value == other)
    assert copy.copy(again) == pickle.loads(pickle.dumps(again)) == value
    assert again.to_python(strict=False) == value
    if isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            assert again[key] == part
            assert again[key].to_python() == part
            assert again.get(f"[{key!r}]") == part


@settings(max_examples=300, deadline=None)
@given(st.data(), values, values)
def test_what_was_cut_never_answers_wrongly(data: Any, value: Any, other: Any) -> None:
    cut = of_tree(shortened(tree_of(value, Budget()), lambda: data.draw(st.integers(0, 3))))
    for ask in questions(value, data.draw(st.sampled_from([other, value]))):
        wanted, found = outcome(ask, value), outcome(ask, cut)
        if found is not UNKNOWN:
            assert found == wanted, (cut, value, other)
    cut.to_python(strict=False)


@pytest.mark.parametrize("other", [[], (None, []), ((), ({1},)), {1}], ids=str)
@pytest.mark.parametrize("value", [{(0,), 2}, {(0,): 1, 2: 3}], ids=str)
def test_what_has_no_hash_is_in_nothing_that_was_cut(value: Any, other: Any) -> None:
    cut = of_tree(shortened(tree_of(value, Budget()), lambda: 1))
    if type(value) is set and type(other) is set:
        assert outcome(lambda v: other in v, value) is False, "as a frozenset"
        return
    assert outcome(lambda v: other in v, value) is TypeError
    assert outcome(lambda v: other in v, cut) is TypeError


def shortened(tree: Any, draw: Callable[[], int]) -> Any:
    """With parts of it missing."""
    chance = draw()
    if chance == 0 and draw() == 0:
        return Node(TAG_REDACTED)
    if isinstance(tree, (str, bytes, bytearray)) and tree and chance == 1:
        tag = {str: TAG_STR, bytes: TAG_BYTES, bytearray: TAG_BYTEARRAY}[type(tree)]
        return Node(tag, None, len(tree), tree[: len(tree) // 2], True)
    if not isinstance(tree, Node):
        return tree
    tree = with_parts(tree, lambda part: part if tree.tag == TAG_DICT else shortened(part, draw))
    if tree.tag == TAG_DICT:
        tree = tree._replace(items=[(key, shortened(part, draw)) for key, part in tree.items])
    if chance == 1 and isinstance(tree.items, list) and tree.items:
        return tree._replace(items=tree.items[: draw() % len(tree.items)], cut=True)
    return tree


@pytest.mark.provokes("VALUE_NOT_RECORDED")
def test_where_something_is_missing_and_the_answer_is_certain_all_the_same() -> None:
    rows = of_tree(Node(18, None, 5000, [1, 2, Node(TAG_REDACTED)], True))
    assert len(rows) == 5000
    assert rows
    assert rows[0] == 1
    assert rows[:2] == [1, 2]
    assert 2 in rows
    assert rows != [1, 2]
    assert rows != [7, *range(4999)]
    for ask in (
        lambda: rows == [1, 2] * 2500, lambda: 7 in rows, lambda: rows[-1], lambda: rows[2] == 1, lambda: bool(rows[2]),
        lambda: [*rows], lambda: hash(rows), lambda: rows < [5], lambda: rows[2].name, lambda: rows.get("[2].name"),
    ):  # fmt: skip
        with pytest.raises(UNKNOWN, match="it cannot be told"):
            ask()


# ---- objects -------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


Point = collections.namedtuple("Point", "x y")


class Rows(list[int]):
    """Its built-in part is asked."""


class Bag:
    def __init__(self) -> None:
        self.items = [1, {"k": 2, "c": Colour.RED}]
        self.size = 9
        self.password = "secret"
        self.again = self


def program() -> None:
    colour, both, point, rows, bag, kind = (
        Colour.RED,
        Rights.READ | Rights.WRITE,
        Point(1, 2),
        Rows([5]),
        Bag(),
        int,
    )
    by_colour = {Colour.RED: 1, int: 2}
    shared = [1]
    loop: Any = [shared, shared, {"c": shared}]
    loop.append(loop)
    many = list(range(100_000))
    moment = datetime.datetime(2024, 2, 29, 12)
    error = KeyError("k")
    del colour, both, point, rows, bag, kind, by_colour, loop, many, moment, error


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Value]:
    path = tmp_path_factory.mktemp("values") / "objects.rtrace"
    with recorder.record(path):
        program()
    with recorder.open_trace(path) as trace:
        steps = list(trace.steps())
    last = max(
        (step for step in steps if step.function.name == "program"),
        key=lambda step: len(step.locals),
    )
    return dict(last.locals)


def test_objects_compare_by_what_is_known_of_their_types(found: dict[str, Value]) -> None:
    assert found["colour"] == Colour.RED
    assert found["colour"] != Colour.BLUE
    assert found["both"] == Rights.READ | Rights.WRITE
    assert found["both"] != Rights.READ
    assert found["point"] == (1, 2) == found["point"]
    assert found["point"].x == 1
    assert found["rows"] == [5]
    assert found["kind"] == int  # noqa: E721
    assert found["kind"] != str  # noqa: E721
    assert found["by_colour"] == {Colour.RED: 1, int: 2}
    assert found["by_colour"] != {Colour.BLUE: 1, int: 2}
    assert found["moment"] == datetime.datetime(2024, 2, 29, 12)
    assert found["moment"].year == 2024
    assert f"{found['point'].x:03}" == "001"
    with pytest.raises(UNKNOWN, match="only code of Bag could tell it of bag"):
        found["bag"] == 1


def test_attributes_and_paths(found: dict[str, Value]) -> None:
    bag = found["bag"]
    assert bag.items[1]["k"] == 2
    assert bag.again.again.items == [1, {"k": 2, "c": Colour.RED}]
    assert bag.size is None  # Value's own
    assert bag.get("size") == bag.get(".size") == 9
    assert bag.get("items[1].k") == bag.get("again.items[-1]['k']") == 2
    assert bag.get("items[7]", 5) == 5
    assert bag.get("nosuch") is None
    assert not hasattr(bag, "nosuch")
    assert not hasattr(bag, "__array__")
    with pytest.raises(UNKNOWN, match="redacted"):
        bag.password == "x"
    with pytest.raises(errors.InvalidArgumentError):
        bag.get("items[")
    assert {key.to_python(): value for key, value in bag.items[1].items()}.keys() == {"k", "c"}
    assert [*found["error"].args] == ["k"]


def test_a_part_stands_for_itself(found: dict[str, Value]) -> None:
    """Its references are about itself, whatever it was a part of."""
    part = found["loop"][3]
    assert part[3][3][2]["c"] == [1]
    made: Any = part.to_python()
    assert made[0] is made[1] is made[2]["c"]
    assert made[3] is made
    assert repr(found["loop"][2]) == "{'c': [1]}"
    assert (
        repr(found["bag"].items)
        == "[1, {'k': 2, 'c': <tests.trace.test_value_operators.Colour.RED: 1>}]"
    )


def test_what_is_missing_is_marked(found: dict[str, Value]) -> None:
    bag: Any = found["bag"].to_python(strict=False)
    assert isinstance(bag, recorder.Opaque)
    assert bag.type_name.endswith("Bag")
    assert bag.items == [1, {"k": 2, "c": 1}]
    assert bag.again is bag
    assert isinstance(bag.password, recorder.Redacted)
    assert bag.missing == 0
    with pytest.raises(AttributeError):
        bag.nosuch
    many: Any = found["many"].to_python(strict=False)
    assert isinstance(many, recorder.Truncated)
    assert (many.type_name, many.size, many.value[:3]) == ("list", 100_000, [0, 1, 2])
    error: Any = found["error"].to_python(strict=False)
    assert (type(error), error.args) == (KeyError, ("k",))
    kind: Any = found["kind"].to_python(strict=False)
    assert kind.name == "int"
    for name in ("bag", "many", "kind"):
        with pytest.raises(errors.ValueUnreadableError):
            found[name].to_python()
        assert repr(found[name].to_python(strict=False))


def test_text(found: dict[str, Value]) -> None:
    assert str(recorded("it's")) == f"{recorded('it')}'s" == "it's"
    assert repr(recorded("it")) == "'it'"
    assert str(recorded(["it"])) == "['it']"
    assert found["many"].show(9) == "[0, 1, 2,…"
