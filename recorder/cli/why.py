"""`recorder why TRACE NAME`: why a variable has its value, back from the last write, a step a write."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import printable, write
from recorder.cli.events import source_lines
from recorder.cli.queries import (
    EXIT_STATUS,
    VALUE_WIDTH,
    Who,
    add_filters,
    at_least,
    conclude,
    filters_of,
    location,
    missing,
    why_nothing,
)
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder._core.decode import Function
    from recorder.trace.elsewhere import Elsewhere
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event
    from recorder.trace.why import Step

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

STEPS = 20  # that are told, where --limit does not say
SHORT = 20  # characters of a value that is told again and again
SAID = ("assigned", "changed", "returned", "element")  # what the line shows by itself
MOST_THROUGH = 2  # calls that handed on what a call gave them, that are told
READ_WIDTH = 60  # characters of a value that was read
WORDS = {
    "argument": "given as {text}",
    "default": "not given",
    "enclosing": "a variable of {text}, around it",
    "returned": "returned by {text}",
    "element": "an element of {text}",
    "entered": "by `with {text}`",
    "assigned": "= {text}",
    "called": "changed during {text}",
    "changed": "changed in place",
}


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "why",
        help="why a variable has its value: back from the last write",
        description="The last write of a variable, attribute or element before a moment, and back from there: what the "
        "line read, which call returned it or gave it as an argument, until the trace can no longer tell: "
        "`recorder why app.rtrace total --at 2251`.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    parser.add_argument("name", metavar="NAME", help="such as total, self.items, config['retries']")
    parser.add_argument(
        "--at",
        metavar="SEQ",
        help="as it was there: the number of an event, a time (1.5s, 20ms) or a part (25%%); without it, where it was "
        "written last",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.moments import event_at
    from recorder.trace.reader import open_trace
    from recorder.trace.why import path

    asked = path(args.name, "NAME")
    limit = at_least(1, args.limit)
    with open_trace(args.trace) as trace:
        seq = None if args.at is None else event_at(trace, args.at, "--at")
        steps = trace.why(asked, seq, **filters_of(args), limit=STEPS if limit is None else limit)
        if not steps:
            nothing(trace, args, asked.names[0])
        who = Who(trace)
        before: Step | None = None
        for step in steps:
            write(json.dumps(as_json(step)) if args.json else as_text(step, trace, who, before))
            before = step
        return conclude(trace, lambda: following.after_steps(steps))


def nothing(trace: Trace, args: argparse.Namespace, name: str) -> None:
    """Raises NOT_IN_TRACE for what is nowhere, and for what is not there."""
    if args.at is None:
        why_nothing(trace, {**filters_of(args), "name": name})
    else:
        message = f"there is no variable {name} at {args.at}"
        error = errors.NotInTraceError(
            message, what="variable", name=name, path=trace.path, near=""
        )
        missing(trace, error)


def as_json(step: Step) -> dict[str, Any]:
    """`seq`, `thread` and `time` are those of the event that sees it first."""
    facts = location(step.event)
    inner = None if step.inner is None else place_as_json(step.inner, step.inner_line)
    facts |= {"name": step.name, "value": step.value.to_json(), "how": step.how}
    facts |= {
        "function": None if step.function is None else step.function.qualified_name,
        "file": step.file,
        "line": step.line,
        "expression": step.text or None,
        "reads": [{"expression": one.text, "value": one.value.to_json()} for one in step.reads],
        "of_class": step.of_class or None,
        "returned_at": inner if not step.is_raised else None,
        "raised_at": inner if step.is_raised else None,
        "raised_by_c": step.is_raised_by_c,
        "through": [place_as_json(one) for one in step.through],
        "calls": [place_as_json(one) for one in step.calls],
        "elsewhere": [{"how": one.how, "text": one.text, "seq": one.seq} for one in step.elsewhere],
        "keys": [{"expression": one.text, "value": one.value.to_json()} for one in step.keys],
        "end": step.end or None,
    }
    return facts


def place_as_json(event: Event, line: int | None = None) -> dict[str, Any]:
    return {
        "seq": event.seq, "function": event.function.qualified_name, "file": event.file,
        "line": event.line if line is None else line,
    }  # fmt: skip


def as_text(step: Step, trace: Trace, who: Who, before: Step | None = None) -> str:
    """`before`: the step that was told before it, whose value is not told again."""
    from recorder.trace.snapshots import title_of

    where = "(not known)"
    if step.function is not None:
        where = f"{base_name(step.file)}:{step.line} in {title_of(step.function)}"
    value = step.value._show(VALUE_WIDTH, short=True)
    if before is not None and len(value) > SHORT and before.value == step.value:
        value = "(the same)"
    rows = [f"{step.seq:>8}  {step.name} = {value}{who(step.event)}"]
    line = line_of(trace, step.function, step.line)
    word = WORDS.get(step.how, step.how).format(text=step.text)
    if step.how == "argument" and not step.text:
        word = f"given to {title_of(step.event.function)}"
    is_said = step.how == "unknown" or (step.how in SAID and line)
    if step.how == "argument":
        is_said = step.text == step.name
    rows.append(
        f"{'':10}{where}" + (f":  {line}" if line else "") + ("" if is_said else f"  ({word})")
    )
    ended = [] if step.inner is None else [*step.through[:MOST_THROUGH], step.inner]
    for inner in ended:
        if inner.function.name == "__init__":
            continue  # which gives nothing
        number = step.inner_line if inner is step.inner and step.inner_line else inner.line
        text = line_of(trace, inner.function, number)
        where = f"{base_name(inner.file)}:{number} in {inner.title}"
        by_c = "  (raised in C by this line)" if step.is_raised_by_c and inner is step.inner else ""
        rows.append(f"{'':10}{where}, event {inner.seq}" + (f":  {text}" if text else "") + by_c)
    for call in step.calls:
        gave = "" if call.value is None else call.value._show(READ_WIDTH, short=True)
        word = "yielded" if call.kind == "yield" else "returned"
        rows.append(f"{'':12}{call.title} {word} {gave}, event {call.seq}")
    for one in step.keys:
        rows.append(f"{'':12}{one.text} was {one.value._show(READ_WIDTH, short=True)}")
    if step.of_class:
        rows.append(
            f"{'':10}an attribute of class {step.of_class}: all its instances have it in common"
        )
    for one in step.reads if step.end else ():
        if one.text != step.text or step.value != one.value:
            rows.append(f"{'':12}{one.text} was {one.value._show(READ_WIDTH, short=True)}")
    if step.end:
        rows.append(f"{'':10}{step.end}")
    rows += [f"{'':12}{said_elsewhere(one)}" for one in step.elsewhere]
    return "\n".join(printable(row) for row in rows)


def said_elsewhere(one: Elsewhere) -> str:
    if one.event is None:
        return f"meanwhile it sent {one.text}, event {one.seq}"
    strand = one.event.thread.name if one.event.task is None else one.event.task.name
    if one.how == "returned":
        return f"the same value was returned by {one.text}, event {one.seq} [{strand}]"
    where = f"{one.event.title}, event {one.seq} [{strand}]"
    return f"the same value had stood in {one.text} of {where}"


def line_of(trace: Trace, function: Function | None, number: int) -> str:
    """Of a function's text, without its indentation; empty if that is not in the trace."""
    lines = [] if function is None else source_lines(trace, function)
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
