"""`recorder state TRACE SEQ`: everything as it was at one event, as a person reads it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.console import fitted, printable, styled, terminal, write
from recorder.cli.events import doubt, headline, outcome, place, source_lines
from recorder.cli.queries import (
    EXIT_STATUS,
    VALUE_WIDTH,
    WHOLE,
    Who,
    change_as_json,
    conclude,
    frame_as_json,
    is_definition,
    json_of,
    location,
    moment_at,
    shown,
    thread_name,
)
from recorder.cli.same import as_json as holder_as_json
from recorder.cli.shown_change import ShownChanges, changed
from recorder.trace.paths import base_name
from recorder.trace.shared import marks_at, shared_at
from recorder.trace.spans import facts_as_json

if TYPE_CHECKING:
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event, Frame, Moment
    from recorder.trace.spans import Span
    from recorder.trace.values.value import Value

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MOST_VARIABLES = 20  # of a frame
MOST_FRAMES = 12
KEPT = 24  # columns that a value's name and place take


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "state",
        help="the stack at an event, with all variables",
        description="The stack of the event's thread, the innermost frame first, each with its line and variables; * "
        "marks those that have just changed, and #7 each place that has object number 7, where there are several. Of "
        "modules and classes, what they define or import is left out.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument(
        "seq", metavar="SEQ", help="the number of an event, a time (1.5s, 20ms) or a part (25%%)"
    )
    parser.add_argument("--full", action="store_true", help="every frame, variable and value whole")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        moment = moment_at(trace, args.seq, "SEQ")
        if moment is None:
            return conclude(trace)
        if args.json:
            write(json.dumps(as_json(trace, moment)))
        else:
            for row in _View(trace, moment, args.full).rows():
                text = printable(row)
                write(styled(text if args.full else fitted(text), style(row)))
        return conclude(trace)


def style(row: str) -> str:
    """Frames, and what has just changed, stand out."""
    if row and not row.startswith(" "):
        return "bold"
    return "green" if row.lstrip().startswith("* ") else ""


def as_json(trace: Trace, moment: Moment) -> dict[str, Any]:
    event = moment.event
    facts: dict[str, Any] = {**location(event), "kind": event.kind}
    if event.value is not None:
        facts["value"] = json_of(event.value)
    facts["changes"] = [change_as_json(c) for c in trace.changes(event) if not c.found]
    if within := spans_at(trace, event.seq):
        facts["spans"] = [
            {
                "name": span.name,
                "start": span.start,
                "stop": span.stop,
                "facts": facts_as_json(span.facts),
            }
            for span in within
        ]
    facts["stack"] = [frame_as_json(frame) for frame in moment.stack]
    facts["threads"] = [
        {"thread": thread.number, "thread_name": thread.name, "stack": [frame_as_json(f) for f in frames]}
        for thread, frames in moment.stacks
        if thread.number != event.thread.number
    ]  # fmt: skip
    facts["shared"] = [
        {
            "object": one.identity.number,
            "type": one.type_name,
            "names": [holder_as_json(name) for name in one.names],
        }
        for one in shared_at(moment)
    ]
    return facts


def spans_at(trace: Trace, seq: int) -> list[Span]:
    """Those that the event is in, from the outermost in."""
    return [s for s in trace.spans() if s.start <= seq and (s.stop is None or seq < s.stop)]


class _View:
    """A moment in lines of text."""

    def __init__(self, trace: Trace, moment: Moment, full: bool) -> None:
        self.trace = trace
        self.moment = moment
        self.full = full
        size = terminal()
        self.width = WHOLE if full else VALUE_WIDTH
        if size is not None and not full:
            self.width = max(size.columns - KEPT, 20)
        self.shown_changes = ShownChanges(trace, self.width)
        self.marks = self.shown_changes.marks = marks_at(moment)
        self.changes = {
            change.name: change
            for change in trace.changes(moment.event)
            if change.name == change.qualified_name
        }

    def rows(self) -> list[str]:
        event = self.moment.event
        rows = [headline(event, Who(self.trace))]
        word, _ = outcome(event)
        if word and event.value is not None:
            rows[0] = rows[0].partition("  → ")[0]
            rows.append(f"  {word} {self.value(event.value)}")
        rows += [
            f"  in span {span.name}, from event {span.start} on"
            for span in spans_at(self.trace, event.seq)
        ]
        others = [c for c in self.trace.changes(event) if c.module is not None and not c.found]
        rows += [
            f"  * {changed(change, self.shown_changes)}"
            for change in others
            if change.name != change.qualified_name
        ]
        stack = self.moment.stack
        most = len(stack) if self.full else MOST_FRAMES
        above: Frame | Event | None = None
        for frame in reversed(stack[-most:]):
            rows += ["", *self.frame(frame, above)]
            above = frame
        if len(stack) > most:
            rows += ["", f"… {len(stack) - most} more frames (--full)"]
        return rows + self.other_threads()

    def frame(self, frame: Frame | Event, above: Frame | Event | None) -> list[str]:
        rows = [place(frame, above)]
        lines = source_lines(self.trace, frame.function)
        if 0 < frame.line <= len(lines):
            rows.append(f"  {frame.line:>5} → {lines[frame.line - 1].strip()}")
            if why := doubt(self.trace, frame):
                rows.append(f"        ! {why}")
        new = set(self.moment.event.changed) if above is None else set()
        variables = [each for each in frame.locals.items() if self.is_shown(frame, *each)]
        most = len(variables) if self.full else MOST_VARIABLES
        # Of many those are shown that changed, and then the last ones.
        chosen = sorted(variables, key=lambda each: each[0] in new)[-most:] if most else []
        kept = {name for name, _ in chosen}
        for name, value in variables:
            if name in kept:
                is_new = name in new and name in self.changes
                text = self.shown_changes.text(self.changes[name]) if is_new else self.value(value)
                rows.append(f"      {'*' if name in new else ' '} {name} = {text}")
        if len(variables) > most:
            rows.append(f"        … {len(variables) - most} more variables (--full)")
        return rows

    def is_shown(self, frame: Frame | Event, name: str, value: Value) -> bool:
        return self.full or not frame.function.is_body or not is_definition(name, value)

    def value(self, value: Value) -> str:
        return shown(value, self.width, self.marks)

    def other_threads(self) -> list[str]:
        rows = []
        for thread, frames in self.moment.stacks:
            if thread.number != self.moment.event.thread.number and frames:
                top = frames[-1]
                where = f"{top.title}  {base_name(top.file)}:{top.line}"
                rows.append(f"{thread_name(thread)}  {where}")
        return ["", *rows] if rows else []
