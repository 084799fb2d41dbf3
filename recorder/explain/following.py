"""What to ask next: commands that go on from an answer, in the order in which they are likely to help."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from recorder.explain.backwards import Link
    from recorder.trace.calls import Call
    from recorder.trace.exceptions import Raised
    from recorder.trace.snapshots import Event
    from recorder.trace.why import Step

MOST: Final = 4  # of one answer
MOST_WRITTEN: Final = 2  # functions that changed an object
IN_DOUBLE_QUOTES: Final = frozenset('"$`\\!\n')  # what a shell reads there


class Question(NamedTuple):
    """A command, what it is asked about besides the trace, and what for."""

    command: str
    words: tuple[str, ...]
    reason: str

    def spelled(self, trace: str) -> str:
        """As it is typed."""
        return " ".join(map(_quoted, ["recorder", self.command, trace, *self.words]))


def _quoted(word: str) -> str:
    """For a shell. What has one kind of quotes is easily read within the other one."""
    import shlex  # which most commands never need

    if "'" in word and not IN_DOUBLE_QUOTES & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def is_path(text: str) -> bool:
    """Whether it is a variable or a part of one: not a slice, nor a call."""
    from recorder import errors
    from recorder.trace.why import path

    try:
        path(text)
    except errors.InvalidArgumentError:
        return False
    return True


def can_be_asked(name: str) -> bool:
    """Whether an expression can begin with it: what a comprehension goes through has no such name."""
    return re.split(r"[.\[]", name, maxsplit=1)[0].isidentifier()


def why(name: str, seq: int, reason: str) -> Question:
    return Question("why", (name, "--at", str(seq)), reason)


def state(seq: int) -> Question:
    return Question("state", (str(seq),), "all variables at that moment")


def source(function: str) -> Question:
    return Question("source", (function,), "its lines, and how often each ran")


def diff(first: int, second: int) -> Question:
    """Of two calls, by the events that they begin with."""
    reason = "two calls that were given the same, and returned something else"
    return Question("diff", ("--calls", f"{first},{second}"), reason)


def after_path(links: Iterable[Link]) -> list[Question]:
    """Of a way back: the functions in which objects were changed, then the nearest values, and the functions that they
    are from."""
    links = list(links)
    written = [source(one.title) for one in links if one.is_write and _is_function(one.title)]
    found: dict[Question, None] = dict.fromkeys(written[:MOST_WRITTEN])
    for link in links:
        if can_be_asked(link.name):
            found.setdefault(why(link.name, link.seq, "back from there"))
        if _is_function(link.title):
            found.setdefault(source(link.title))
    return list(found)[:MOST]


def _is_function(title: str) -> bool:
    return not title.startswith(("module ", "class ", "(", "code "))


def after_steps(steps: list[Step]) -> list[Question]:
    """Of `why`: where the last step read several things, each of them; else the function that wrote it first."""
    if not steps:
        return []
    last = steps[-1]
    found = [
        why(one.text, step.at, f"which it was of {step.name}")
        for step in steps
        for one in step.keys
        if step.at is not None and is_path(one.text)
    ]
    found += [
        why(one.text, one.seq, f"the same value in {one.event.title}")
        for one in last.elsewhere
        if one.how == "stood" and one.event is not None
    ]
    found += [
        why(one.text, last.seq - 1 if last.at is None else last.at, "read there")
        for one in last.reads
        if one.text != last.text and is_path(one.text)
    ]
    found += [
        Question("state", (str(one.seq),), f"{one.title} returned there") for one in last.calls
    ]
    if last.function is not None and not last.function.is_body:
        found.append(source(last.function.qualified_name))
    found.append(state(last.seq))
    return found[:MOST]


def after_exception(raised: Raised) -> list[Question]:
    """Of the last exception that was told."""
    origin = raised.origin
    names = [name for name in origin.locals if not origin.function.is_body and can_be_asked(name)]
    found = [Question("explain", (), "the way back from what failed"), state(origin.seq)]
    found += [why(name, origin.seq, "a variable there") for name in names[:2]]
    return found[:MOST]


def after_calls(call: Call) -> list[Question]:
    """Of the last call that was told."""
    if call.end is None or call.function.is_body:
        return [state(call.seq)]
    return [state(call.end.seq), source(call.function.qualified_name)]


def after_event(event: Event, name: str | None = None) -> list[Question]:
    """Of an event that was told, and a variable that it is about."""
    found = [why(name, event.seq, "what made it so")] if name and can_be_asked(name) else []
    found.append(state(event.seq))
    if not event.function.is_body:
        found.append(source(event.function.qualified_name))
    return found
