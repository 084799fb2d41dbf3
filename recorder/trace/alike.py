"""Two calls of one function that were given the same, and gave another result: what they have to be compared for."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from recorder import errors
from recorder.trace.calls import Call
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.differences import what_changed

MOST_CALLS: Final = 200  # before a call, of the same function, that are looked at
REACH: Final = 100_000  # events, in which they are looked for
ENDS: Final = ("return", "unwind")


def given(call: Call) -> dict[str, Any]:
    """The arguments, without the object that a method is about: what became of it may be why the results differ."""
    found = {name: value._tree for name, value in call.arguments.items()}
    method = call.function.qualified_name.rpartition(".")[0]
    if method and not method.endswith("<locals>"):
        found.pop("self", None)
        found.pop("cls", None)
    return found


def are_alike(a: Call, b: Call) -> bool:
    """Whether both were given the same, and something at all."""
    left, right = given(a), given(b)
    return (
        bool(left)
        and left.keys() == right.keys()
        and all(_is_same(left[name], right[name]) for name in left)
    )


def results_differ(a: Call, b: Call) -> bool:
    """Of two that both returned."""
    one, other = a.returned, b.returned
    return one is not None and other is not None and not _is_same(one._tree, other._tree)


def earlier(trace: Trace, end: Event) -> tuple[Call, Call] | None:
    """Of a call that ended there, with an earlier one that was given the same and returned something else."""
    start = max(end.seq - REACH, 0)
    begun = next(trace.find("call", frame=end.frame, start=start, stop=end.seq), None)
    if begun is None:
        return None
    call = Call(trace._queries, begun, end)
    before = trace.find("call", function=end.function, start=start, stop=begun.seq, backwards=True)
    try:
        for one in islice(before, MOST_CALLS):
            other = Call(trace._queries, one, None)
            if not are_alike(other, call):
                continue
            ends = trace.find(ENDS, frame=one.frame, start=one.seq, stop=begun.seq)
            other.end = next(ends, None)
            if results_differ(other, call):
                return other, call
    except errors.TraceCorruptError:  # it is a hint, and no answer
        return None
    return None


def _is_same(a: Any, b: Any) -> bool:
    return next(what_changed(a, b, strict=True), None) is None
