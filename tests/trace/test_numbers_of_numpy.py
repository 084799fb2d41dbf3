"""What is computed with a recorded number of numpy's is what numpy says, or it is not known."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.expressions.scalars import Scalar

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.filterwarnings("ignore")

TYPES: Final = {
    "b": "int8", "B": "uint8", "h": "int16", "H": "uint16", "i": "int32", "I": "uint32", "l": "int64", "L": "uint64",
    "e": "float16", "f": "float32", "d": "float64", "?": "bool", "Zf": "complex64", "Zd": "complex128",
}  # fmt: skip
FLOATS: Final = (
    0.0,
    -0.0,
    0.1,
    1 / 3,
    1e300,
    65504.0,
    1e-8,
    math.inf,
    -math.inf,
    math.nan,
    2.0**53,
    16777217.0,
)
OF_PYTHON: Final = (
    *FLOATS, 0, 1, True, False, 5, -1, 255, 256, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30, 16777217, 1j,
)  # fmt: skip
OF_TWO: Final = [
    getattr(operator, name) for name in "eq ne lt le gt ge add sub mul truediv floordiv mod".split()
]
OF_ONE: Final[tuple[Callable[[Any], Any], ...]] = (
    bool, int, float, complex, str, hash, abs, operator.neg, operator.pos, operator.index, "{:5}".format,
)  # fmt: skip


def a_number(rng: random.Random, form: str) -> Any:
    kind = getattr(numpy, TYPES[form])
    if form == "?":
        return kind(rng.randrange(2))
    if form in "efd":
        return kind(rng.choice([*FLOATS, rng.uniform(-9, 9), float(rng.randrange(-300, 300))]))
    if form[0] == "Z":
        return kind(complex(rng.randrange(3), rng.randrange(2)))
    bounds = numpy.iinfo(kind)
    few = rng.randrange(max(bounds.min, -300), min(bounds.max, 300))
    return kind(rng.choice([0, 1, bounds.min, bounds.max, few]))


def outcome(ask: Callable[..., Any], *given: Any) -> Any:
    """None where it is not known."""
    try:
        made = ask(*given)
    except Undecided:
        return None
    except Exception as exc:
        return type(exc)
    made = made.item() if isinstance(made, numpy.generic) else made
    return "nan" if made != made else made


def test_what_is_told_is_what_numpy_says() -> None:
    rng, wrong, told = random.Random(7), [], 0
    for _ in range(20_000):
        form = rng.choice(list(TYPES))
        one = a_number(rng, form)
        mine, ask, other = Scalar(one.item(), form, "it"), rng.choice(OF_TWO), rng.choice(OF_PYTHON)
        others: Any = other
        if rng.random() < 0.4:
            kind = rng.choice(list(TYPES))
            other = a_number(rng, kind)
            others = Scalar(other.item(), kind, "other")
        swapped = rng.random() < 0.5 and others is other
        found = outcome(ask, others, mine) if swapped else outcome(ask, mine, others)
        if found is None:
            continue
        told += 1
        wanted = outcome(ask, other, one) if swapped else outcome(ask, one, other)
        if found != wanted:
            wrong.append(f"{ask.__name__} of {one!r} and {other!r}: {found}, and not {wanted}")
    assert wrong == []
    assert told > 5_000


@pytest.mark.parametrize("form", TYPES)
def test_one_by_itself(form: str) -> None:
    rng = random.Random(7)
    for one in [a_number(rng, form) for _ in range(100)]:
        for ask in OF_ONE:
            found, wanted = outcome(ask, Scalar(one.item(), form, "it")), outcome(ask, one)
            assert found is None or found == wanted or one != one, (ask, one)


def test_what_people_ask_is_told() -> None:
    whole: Any
    part: Any
    small: Any
    whole, part, small = Scalar(5, "l", "n"), Scalar(0.5, "d", "x"), Scalar(200, "B", "b")
    assert (whole + 1, whole % 2, whole / 2, 10 - whole, -whole) == (6, 1, 2.5, 5, -5)
    assert (part * 4, part < 0.6, whole == 5.0, small > 100) == (2.0, True, True, True)
    for ask, one, other in (
        (operator.add, small, small), (operator.add, small, 1), (operator.floordiv, whole, 0),
        (operator.truediv, part, 0),
    ):  # fmt: skip
        with pytest.raises(Undecided):
            ask(one, other)
