"""Whether a condition is false whatever the variables are, as far as they are numbers between two known ones.

Where that is so for all events of a chunk, it need not be read. What may be true, unknown or an error is not false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from recorder._core.decode import STEPS
from recorder.trace.expressions.steps import Step

MOST_WAYS: Final = 64  # through `and` and `or` that are followed

Bounds: TypeAlias = tuple[Any, Any]  # the lowest and the highest number that it may be
# None: it may be anything, also an error. A str stands for a constant that is no number.
Operand: TypeAlias = "Bounds | str | None"

LOOPS: Final = frozenset(("each", "each key", "each value", "each item"))

FALSE: Final = (0, 0)
TRUE: Final = (1, 1)
EITHER: Final = (0, 1)
NAMES: Final = {number: name for name, number in STEPS.items()}
ONE_OPERAND: Final = frozenset(
    ("attribute", "index", "get", "len", "not", "negative", "starts", "ends", "abs", "str", "int of", "float of",
     "bool of", "isinstance", "sorted", "sum", "least", "most", "any", "all")
)  # fmt: skip


def is_false(steps: Sequence[Step], ranges: Sequence[Bounds | None]) -> bool:
    """`ranges`: of the names that the steps speak of; None where nothing is known."""
    ways: list[tuple[int, tuple[Operand, ...]]] = [(0, ())]
    tried = 0
    while ways:
        tried += 1
        at, stack = ways.pop()
        ends = None if tried > MOST_WAYS else _ends(steps, ranges, at, list(stack))
        if ends is None:
            return False
        ways += ends
    return True


def _ends(
    steps: Sequence[Step], ranges: Sequence[Bounds | None], at: int, stack: list[Operand]
) -> list[tuple[int, tuple[Operand, ...]]] | None:
    """Goes on until it may go two ways, which are given back; none where it comes to what is false; None: it may be
    something else."""
    while at < len(steps):
        name, value = NAMES[steps[at][0]], steps[at][1]
        at += 1
        if name in ("and", "or"):
            truth = _truth(stack[-1])
            if truth is None:
                return None
            jumps = TRUE if name == "or" else FALSE
            if truth == EITHER:
                kept = FALSE if name == "and" else stack[-1]  # the operand is the value
                return [(int(value), (*stack[:-1], kept)), (at, tuple(stack[:-1]))]
            if truth == jumps:
                at = int(value)
            else:
                stack.pop()
        elif name == "builtin":
            continue  # that nothing else has its name is for who asks to know
        elif name in LOOPS:
            at = int(value) + 1
            stack[-1] = None
        elif name in ONE_OPERAND:
            stack.append(_changed(name, stack.pop()))
        elif name in JOINED:
            right, left = stack.pop(), stack.pop()
            stack.append(JOINED[name](left, right))
        else:
            stack.append(_loaded(name, value, ranges))
    return [] if _truth(stack[-1]) == FALSE else None


def _loaded(name: str, value: int | float | bytes, ranges: Sequence[Bounds | None]) -> Operand:
    if name == "name":
        return ranges[int(value)]
    if name in ("text", "none"):
        return name
    return (value, value) if value == value else None


def _truth(of: Operand) -> Bounds | None:
    if of is None or isinstance(of, str):
        return None if of != "none" else FALSE
    if of == FALSE:
        return FALSE
    return TRUE if of[0] > 0 or of[1] < 0 else EITHER


def _changed(name: str, of: Operand) -> Operand:
    if name == "bool of":
        return _truth(of)
    if name == "not":
        truth = _truth(of)
        return truth and {FALSE: TRUE, TRUE: FALSE, EITHER: EITHER}[truth]
    if name == "negative" and isinstance(of, tuple):
        return -of[1], -of[0]
    if name == "abs" and isinstance(of, tuple):
        return (0 if of[0] <= 0 <= of[1] else min(map(abs, of))), max(map(abs, of))
    return None


# ---- of two operands -----------------------------------------------------------------------------


def _of_ints(
    function: Callable[[Bounds, Bounds], Operand],
) -> Callable[[Operand, Operand], Operand]:
    """Exact as long as all are ints; of floats nothing is said."""

    def joined(a: Operand, b: Operand) -> Operand:
        if not isinstance(a, tuple) or not isinstance(b, tuple):
            return None
        return function(a, b) if all(type(one) is int for one in (*a, *b)) else None

    return joined


def _product(a: Bounds, b: Bounds) -> Bounds:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def _quotient(a: Bounds, b: Bounds) -> Operand:
    return (a[0] // b[0], a[1] // b[0]) if b[0] == b[1] > 0 else None


def _rest(a: Bounds, b: Bounds) -> Operand:
    by = b[0]
    if not b[0] == b[1] > 0:
        return None
    return (a[0] % by, a[1] % by) if a[0] // by == a[1] // by else (0, by - 1)


def _extreme(of: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Operand]:
    def joined(a: Operand, b: Operand) -> Operand:
        if not isinstance(a, tuple) or not isinstance(b, tuple):
            return None
        return of(a[0], b[0]), of(a[1], b[1])

    return joined


def _compared(less: bool, strict: bool) -> Callable[[Operand, Operand], Operand]:
    def joined(a: Operand, b: Operand) -> Operand:
        if not isinstance(a, tuple) or not isinstance(b, tuple):
            return None
        if not less:
            a, b = b, a
        if a[1] < b[0] or (not strict and a[1] == b[0]):
            return TRUE
        return FALSE if a[0] > b[1] or (strict and a[0] == b[1]) else EITHER

    return joined


def _equal(a: Operand, b: Operand) -> Operand:
    if isinstance(a, tuple) and isinstance(b, tuple):
        if a[1] < b[0] or b[1] < a[0]:
            return FALSE
        return TRUE if a[0] == a[1] == b[0] == b[1] else EITHER
    return FALSE if _differ_in_kind(a, b) else None


def _identical(a: Operand, b: Operand) -> Operand:
    return FALSE if _differ_in_kind(a, b) and "none" in (a, b) else None


def _differ_in_kind(a: Operand, b: Operand) -> bool:
    """Whether one is a number, and the other one a constant that is none."""
    return a is not None and b is not None and isinstance(a, str) != isinstance(b, str)


def _not(function: Callable[[Operand, Operand], Operand]) -> Callable[[Operand, Operand], Operand]:
    return lambda a, b: _changed("not", function(a, b))


JOINED: Final[dict[str, Callable[[Operand, Operand], Operand]]] = {
    "add": _of_ints(lambda a, b: (a[0] + b[0], a[1] + b[1])),
    "sub": _of_ints(lambda a, b: (a[0] - b[1], a[1] - b[0])),
    "mul": _of_ints(_product),
    "div": lambda a, b: None,
    "floor": _of_ints(_quotient),
    "mod": _of_ints(_rest),
    "eq": _equal,
    "ne": _not(_equal),
    "lt": _compared(less=True, strict=True),
    "le": _compared(less=True, strict=False),
    "gt": _compared(less=False, strict=True),
    "ge": _compared(less=False, strict=False),
    "is": _identical,
    "is not": _not(_identical),
    "bits and": lambda a, b: None,
    "bits or": lambda a, b: None,
    "bits xor": lambda a, b: None,
    "min": _extreme(min),
    "max": _extreme(max),
    "in": lambda a, b: None,
    "not in": lambda a, b: None,
}
