"""`recorder print TRACE [--json]`: the events, one a line."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.output import printable, warn, write
from recorder.cli.queries import (
    CORRUPT,
    EXIT_STATUS,
    Who,
    change_as_json,
    changed_together,
    during_as_json,
    json_of,
    location,
    shown,
)

if TYPE_CHECKING:
    from recorder.trace.changes import Change
    from recorder.trace.reader import Event

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "print",
        help="the events of a trace, one a line",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        who = Who(trace)
        for event in trace.events():
            changes = [change for change in trace.changes(event) if not change.found]
            if args.json:
                write(json.dumps(as_json(event, changes)))
            else:
                write(as_line(event, changes, who))
        verdict = trace.verdict
    if verdict != "complete":
        warn(f"recorder: {printable(args.trace)} is {verdict}")
    return CORRUPT if verdict.state == "corrupt" else 0


def as_json(event: Event, changes: list[Change]) -> dict[str, Any]:
    """All there is to know of an event. What changed is what it shows for the first time, by line `changed_by`; a
    variable that lost its value is in `unbound`. In `during` are the calls in which a variable changed while its frame
    waited; in `globals` what others than a module's own body changed of its variables, and who."""
    facts: dict[str, Any] = {"seq": event.seq, "kind": event.kind, **location(event)}
    if event.value is not None:
        facts["value"] = json_of(event.value)
    held = event.changed
    facts["changed"] = {name: json_of(value) for name, value in held.items() if value is not None}
    if unbound := [name for name, value in held.items() if value is None]:
        facts["unbound"] = unbound
    if held:
        facts["changed_by"] = event.previous_line
        if event.is_module_body and event.namespace is not None:
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
    if event.marks:
        facts["marks"] = [
            {"code": errors.from_number(code).error_name, "detail": detail}
            for code, detail in event.marks
            if code
        ]
    return facts


def as_line(event: Event, changes: list[Change], who: Who) -> str:
    where = f"{event.file}:{event.line}"
    line = f"{event.seq:>8}  {'  ' * min(event.depth, 20)}{event.kind:<7} "
    line += f"{event.function.qualified_name}  {where}{who(event)}"
    if event.value is not None:
        line += f"  {'→' if event.kind in ('return', 'yield') else '!'} {shown(event.value)}"
    line += changed_together(changes)
    if event.gap:
        line += f"  [{event.lost or 'some'} events lost before this one]"
    for code in (code for code, _ in event.marks if code):
        line += f"  [{errors.from_number(code).error_name}]"
    return printable(line)
