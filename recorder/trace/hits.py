"""Where a condition holds: what a breakpoint with a condition, a log point or a search for a value would have met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.trace.appearances import Appearance, Wanted
from recorder.trace.expressions.asking import Asker, Repeated, made
from recorder.trace.expressions.expression import Expression
from recorder.trace.expressions.steps import MOST_NAMES
from recorder.trace.expressions.templates import Template
from recorder.trace.filters import Condition, Search
from recorder.trace.snapshots import Event

FORM: Final = "a pair of numbers from 1 on, the second of which may be None"


@errors.guarded_class("read")
class Hit(NamedTuple):
    """An event at which a condition is true (`hit`), may be true (`maybe`: `reason` is what is not known), or cannot be
    asked (`error`: `reason` has Python's words). `number`: of a hit, counted from 1. `log`: the text of the log
    point. `places`: where a value that is looked for appears.
    """

    event: Event
    kind: Literal["hit", "maybe", "error"]
    number: int | None = None
    reason: str = ""
    log: str | None = None
    places: tuple[Appearance, ...] = ()

    @property
    def seq(self) -> int:
        """The number of the event."""
        return self.event.seq


def numbers_in(text: str) -> tuple[int, int | None] | None:
    """The numbers of the first hit and of the last one: `3`, `2-5`, `2-`. None: it is none of these."""
    first, dash, last = text.partition("-")
    parts = [one for one in (first, last) if one]
    if not first or not all(one.isdecimal() and len(one) < 10 for one in parts):
        return None
    low = int(first)
    high = (int(last) if last else None) if dash else low
    if low < 1 or (high is not None and high < low):
        return None
    return low, high


class Question(NamedTuple):
    """What is asked of events that fit the filters already."""

    asker: Asker
    condition: Repeated | None
    template: Template | None
    wanted: Wanted | None
    first: int
    last: int | None

    @property
    def filter(self) -> Condition | None:
        """What rules out most events, before anything is made of them."""
        if self.condition is None or len(self.condition.expression.names) > MOST_NAMES:
            return None
        return self.condition.filter

    @property
    def first_name(self) -> str | None:
        """That without which the condition cannot be asked."""
        return None if self.condition is None else self.condition.expression.first_name

    @property
    def search(self) -> Search | None:
        """Likewise, of a value that is looked for."""
        return None if self.wanted is None else self.wanted.search

    @errors.guarded("read")
    def among(self, events: Iterator[Event]) -> Iterator[Hit]:
        number = 0
        for event in events:
            hit = self._hit(event)
            if hit is None:
                continue
            if hit.kind == "hit":
                number += 1
                if number < self.first:
                    continue
                yield self._logged(hit)._replace(number=number)
                if number == self.last:
                    return
            elif number >= self.first - 1:
                yield self._logged(hit)

    def _hit(self, event: Event) -> Hit | None:
        places: tuple[Appearance, ...] = ()
        if self.wanted is not None:
            places = tuple(self.wanted.places(event))
            if not places:
                return None
        if self.condition is None:
            return Hit(event, "hit", places=places)
        answer = self.condition.at(event)
        if answer.kind == "error":
            return Hit(event, "error", reason=answer.reason, places=places)
        if answer.truth is None:
            return Hit(event, "maybe", reason=answer.reason, places=places)
        return Hit(event, "hit", places=places) if answer.truth else None

    def _logged(self, hit: Hit) -> Hit:
        if self.template is None:
            return hit
        return hit._replace(log=self.template.fill(self.asker, hit.event))


def make(
    asker: Asker,
    when: str | Expression | None,
    log: str | None,
    value: str | None,
    numbers: tuple[int, int | None],
) -> Question:
    """Of arguments that may be anything. Raises INVALID_ARGUMENT."""
    condition = None if when is None else asker.condition(made(when, "when"))
    if type(numbers) is not tuple or len(numbers) != 2:
        raise arguments.wrong("numbers", numbers, FORM)
    first, last = numbers
    for one in numbers:
        if one is not None and arguments.integer(one, "numbers", FORM) < 1:
            raise arguments.wrong("numbers", numbers, FORM)
    if first is None or (last is not None and last < first):
        raise arguments.wrong("numbers", numbers, FORM)
    template = None if log is None else Template(log)
    return Question(
        asker, condition, template, None if value is None else Wanted(value), first, last
    )
