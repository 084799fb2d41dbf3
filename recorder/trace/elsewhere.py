"""Where a value came in from that a line waited for, such as the answer of a server: what was sent, where the policy
asks for that; and where the same value had stood, if the other side ran in a thread or task of this process."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, NamedTuple

from recorder.trace import filters
from recorder.trace.logs import logs
from recorder.trace.output import Asked
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event
from recorder.trace.values.nodes import Node, identity_of
from recorder.trace.values.value import Value

MOST_EVENTS: Final = 5_000  # that are looked through
MOST_SENT: Final = 2
SHORTEST: Final = 6  # characters of a text, or bytes, that stand nowhere by chance
KINDS: Final = ("line", "return", "yield", "call")


class Elsewhere(NamedTuple):
    """`how`: sent, with the request as `text`; stood, with the name of a variable as `text`, which had the same
    value at `event`; or returned, by what ended with `event`."""

    how: str
    text: str
    seq: int
    event: Event | None = None


def found(
    queries: Queries, begun: int, stop: int, values: list[Any], event: Event
) -> list[Elsewhere]:
    """Of what the line gave that ended with an event, and `values` that its frame made of that before `stop`."""
    sent = [
        Elsewhere("sent", log.text, log.moment if log.seq is None else log.seq)
        for log in logs(queries, Asked(None, begun, event.seq + 1))
        if log.kind == "http" and not log.omitted and log.thread is not None
        if log.thread.number == event.thread.number
    ]
    return sent[-MOST_SENT:] + _stood(queries, begun, stop, values, event)


def _stood(
    queries: Queries, begun: int, stop: int, values: list[Any], event: Event
) -> list[Elsewhere]:
    told = [one for one in values if _is_telling(one)]
    if event.seq - begun < 2 or not told:
        return []
    survey = queries.survey()
    if len(survey.threads) + len(survey.tasks) < 2:
        return []
    for one in islice(queries.find(filters.make(KINDS), begun, stop, backwards=True), MOST_EVENTS):
        if _strand(one) == _strand(event):
            continue
        if one.kind == "return" and _is_one_of(one.value, told):
            return [Elsewhere("returned", one.title, one.seq, one)]
        for name, value in one.changed.items():
            if _is_one_of(value, told):
                return [Elsewhere("stood", name, one.seq, one)]
    return []


def _strand(event: Event) -> tuple[int, int | None]:
    return event.thread.number, None if event.task is None else event.task.number


def _is_telling(tree: Any) -> bool:
    """Whether what is equal to it is so by no chance."""
    if isinstance(tree, (str, bytes)):
        return len(tree) >= SHORTEST
    return isinstance(tree, Node) and bool(tree.items)


def _is_one_of(value: Value | None, trees: list[Any]) -> bool:
    """Whether it is equal to one of these, and another object: what both sides share was not handed over there."""
    return value is not None and any(
        value._tree == tree and not _is_shared(value._tree, tree) for tree in trees
    )


def _is_shared(a: Any, b: Any) -> bool:
    mine, others = identity_of(a), identity_of(b)
    return mine is not None and others is not None and mine.same_as(others) is True
