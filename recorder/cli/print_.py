"""`recorder print TRACE [--json]`: the events, one a line."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli import notes
from recorder.cli.console import printable, write
from recorder.cli.output import place_as_json, text_of
from recorder.cli.queries import (
    EXIT_STATUS,
    VALUE_WIDTH,
    WHOLE,
    Who,
    add_filters,
    add_range,
    add_selectors,
    answers,
    at_least,
    change_as_json,
    conclude,
    during_as_json,
    filters_of,
    json_of,
    location,
    number_of,
    numbers_of,
    range_of,
    selectors_of,
    shown,
)
from recorder.cli.shown_change import ShownChanges, changed_together
from recorder.trace import filters
from recorder.trace.moments import event_at
from recorder.trace.paths import ShortPaths
from recorder.trace.seeking import ALL
from recorder.trace.spans import InOrder

if TYPE_CHECKING:
    from recorder.trace.changes import Change
    from recorder.trace.logs import Log
    from recorder.trace.output import Output
    from recorder.trace.reader import Event, Trace
    from recorder.trace.spans import Note

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

AROUND = 10
MOST_FOLDED = 12  # lines of one row


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "print",
        help="the events of a trace, one a line",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    add_range(parser)
    add_selectors(parser, "print")
    parser.add_argument("--kind", metavar="KIND", help="call, line, return, raise, …")
    parser.add_argument(
        "--own", action="store_true", help="leave out what is Python's or installed"
    )
    parser.add_argument("--changed", metavar="NAME", help="where this variable is new or changed")
    parser.add_argument(
        "--around", metavar="SEQ", help=f"the {AROUND} events on either side, or as many as --limit"
    )
    parser.add_argument("--full", action="store_true", help="values whole")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        who = Who(trace)
        shown_changes = ShownChanges(
            trace, WHOLE if args.full else VALUE_WIDTH, forwards=not args.backwards
        )
        limit, args.limit = args.limit, None if args.around is not None else args.limit
        wanted = asked(trace, args, at_least(0, limit))
        said = InOrder([], [], 0)
        if not args.backwards:
            said = InOrder(trace.marks(), trace.spans(), wanted["start"])
        short = ShortPaths(function.file for function in trace.functions)
        idle = Idle(who, short, is_folded=not (args.full or args.json))
        told = Told(holds=not (args.backwards or args.json))
        for event in answers(trace, args, trace.find(**wanted), name=args.changed):
            if due := told.before(event.seq):
                idle.tell()
                write_all(due)
            changes = [change for change in trace.changes(event) if not change.found]
            before_it = said.until(event.seq)
            outputs = trace.output_at(event.seq)
            logs = trace.logs_at(event.seq)
            if not (changes or before_it or outputs or logs) and idle.takes(event):
                continue
            idle.tell()
            if args.json:
                write(json.dumps(as_json(event, changes, before_it, outputs, logs)))
            else:
                for note in before_it:
                    write(notes.as_line(note))
                write(as_line(event, changes, who, shown_changes, short))
                for log in logs:
                    told.add(event, log.before - 1, log.shown)
                for output in outputs:
                    told.add(event, output.moment, text_of(output))
                write_all(told.before(event.seq + 1))
        idle.tell()
        write_all(told.before(ALL))
        if not args.json and args.limit is None:
            for note in said.until(ALL if wanted["stop"] is None else wanted["stop"]):
                write(notes.as_line(note))
        return conclude(trace)


def write_all(rows: list[str]) -> None:
    for row in rows:
        write(printable(row))


class Told:
    """What lines printed or told. A line prints when what it calls has returned: its text stands there, and not before
    the events of these calls."""

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self._waiting: list[tuple[int, str]] = []  # the event behind which it stands

    def add(self, event: Event, moment: int | None, text: str) -> None:
        row = f"{'':>8}  {'  ' * min(event.depth, 20)}> {text}"
        if self._holds and moment is not None and moment > event.seq:
            self._waiting.append((moment, f"{row}  (line {event.line})"))
        else:
            self._waiting.append((event.seq, row))

    def before(self, seq: int) -> list[str]:
        """What stands before this event, and was not asked for before."""
        due = [row for moment, row in self._waiting if moment < seq]
        self._waiting = [one for one in self._waiting if one[0] >= seq]
        return due


class Idle:
    """Lines of one frame, one after the other, at which nothing is new: they are one row."""

    def __init__(self, who: Who, short: ShortPaths, *, is_folded: bool) -> None:
        self._who = who
        self._short = short
        self._is_folded = is_folded
        self._events: list[Event] = []

    def takes(self, event: Event) -> bool:
        """Whether the event, at which nothing is new, is told with others."""
        if not self._is_folded or event.kind != "line" or event.gap or event._marks:
            return False
        if self._events and not self._follows(event):
            self.tell()
        self._events.append(event)
        return True

    def _follows(self, event: Event) -> bool:
        last = self._events[-1]
        return (
            abs(event.seq - last.seq) == 1
            and (event.frame, event.task) == (last.frame, last.task)
            and len(self._events) < MOST_FOLDED
        )

    def tell(self) -> None:
        if not self._events:
            return
        first, lines = self._events[0], ", ".join(str(one.line) for one in self._events)
        write(printable(f"{row_of(first, self._short)}:{lines}{self._who(first)}"))
        self._events.clear()


def asked(trace: Trace, args: argparse.Namespace, limit: int | None) -> dict[str, Any]:
    """What `Trace.find` is asked."""
    wanted: dict[str, Any] = {**filters_of(args), **range_of(trace, args)}
    if args.around is not None:
        center = event_at(trace, args.around, "--around")
        reach = AROUND if limit is None else limit
        wanted["start"] = max(wanted["start"], center - reach)
        stop = center + reach + 1
        wanted["stop"] = stop if wanted["stop"] is None else min(wanted["stop"], stop)
    if args.own:
        named = filters.make(function=args.function).wants_function
        wanted["function"] = lambda function: filters.is_own(function.file) and named(function)
    return {
        **wanted, **selectors_of(args), "kind": args.kind, "changed": args.changed,
        "backwards": args.backwards,
    }  # fmt: skip


def as_json(
    event: Event,
    changes: list[Change],
    said: list[Note],
    outputs: list[Output],
    logs: list[Log],
) -> dict[str, Any]:
    """All there is to know of an event. What changed is what it shows for the first time, by line `changed_by`; a
    variable that lost its value is in `unbound`. Which objects they are is in `objects`, by name, and of `value` in
    `object`. In `during` are the calls in which a variable changed while its frame waited; in `globals` what others
    than a module's own body changed of its variables, and who; in `said` the marks and the beginnings and ends of spans
    that stand before it; in `output` what it wrote to stdout and stderr, in `logs` what it told by logging and the
    like."""
    facts: dict[str, Any] = {"seq": event.seq, "kind": event.kind, **location(event)}
    if event.value is not None:
        facts["value"] = json_of(event.value)
        if (number := number_of(event.value)) is not None:
            facts["object"] = number
    held = event.changed
    facts["changed"] = {name: json_of(value) for name, value in held.items() if value is not None}
    if objects := numbers_of(held):
        facts["objects"] = objects
    if unbound := [name for name, value in held.items() if value is None]:
        facts["unbound"] = unbound
    if held:
        facts["changed_by"] = event.previous_line
        if event._is_module_body and event.namespace is not None:
            facts["module"] = event.namespace.name
    own = [one for one in changes if one.name == one.qualified_name]
    if waited := {one.name: during_as_json(one.during) for one in own if one.during is not None}:
        facts["during"] = waited
    if others := [one for one in changes if one.name != one.qualified_name]:
        facts["globals"] = [change_as_json(one) for one in others]
    if event.adopted:
        facts["adopted"] = True
    if event.gap:
        facts["lost_before"] = event.lost
    if said:
        facts["said"] = [notes.as_json(note) for note in said]
    if outputs:
        facts["output"] = [
            {"stream": one.stream, "text": one.text, **place_of(one), **callee_of(one)}
            for one in outputs
        ]
    if logs:
        facts["logs"] = [
            {"kind": one.kind, "text": one.shown, **place_of(one), **callee_of(one)} for one in logs
        ]
    if event._marks:
        facts["marks"] = [
            {"code": errors.from_number(code).error_name, "detail": detail}
            for code, detail in event._marks
            if code
        ]
    return facts


def place_of(one: Output | Log) -> dict[str, Any]:
    """The line that wrote or told it: the event's may be the one behind it."""
    place = place_as_json(one)
    return {name: place[name] for name in ("function", "file", "line")}


def callee_of(one: Output | Log) -> dict[str, Any]:
    """`during`: the function that the line waited for when it was written or told."""
    return {} if one.during is None else {"during": one.during._asdict()}


def as_line(
    event: Event, changes: list[Change], who: Who, shown_changes: ShownChanges, short: ShortPaths
) -> str:
    line = f"{row_of(event, short)}:{event.line}{who(event)}"
    if event.value is not None:
        line += f"  {'→' if event.kind in ('return', 'yield') else '!'} {shown(event.value, shown_changes.width)}"
    line += changed_together(changes, shown_changes)
    if event.gap:
        line += f"  [{event.lost or 'some'} events lost before this one]"
    for code in (code for code, _ in event._marks if code):
        line += f"  [{errors.from_number(code).error_name}]"
    return printable(line)


def row_of(event: Event, short: ShortPaths) -> str:
    """What happened, and in which file."""
    indented = f"{'  ' * min(event.depth, 20)}{event.kind:<7}"
    return f"{event.seq:>8}  {indented} {event.title}  {short(event.file)}"
