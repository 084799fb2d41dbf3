"""`recorder print TRACE [--json]`: the events, one a line."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.output import printable, warn, write
from recorder.cli.queries import CORRUPT, EXIT_STATUS, json_of, location, shown

if TYPE_CHECKING:
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
        for event in trace.events():
            write(json.dumps(as_json(event)) if args.json else as_line(event))
        verdict = trace.verdict
    if verdict != "complete":
        warn(f"recorder: {printable(args.trace)} is {verdict}")
    return CORRUPT if verdict.state == "corrupt" else 0


def as_json(event: Event) -> dict[str, Any]:
    """All there is to know of an event. What changed is what it shows for the first time; a
    variable that lost its value is in `unbound`."""
    facts: dict[str, Any] = {"seq": event.seq, "kind": event.kind, **location(event)}
    if event.value is not None:
        facts["value"] = json_of(event.value)
    changed = event.changed
    facts["changed"] = {
        name: json_of(value) for name, value in changed.items() if value is not None
    }
    if unbound := [name for name, value in changed.items() if value is None]:
        facts["unbound"] = unbound
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


def as_line(event: Event) -> str:
    where = f"{event.file}:{event.line}"
    line = f"{event.seq:>8}  {'  ' * min(event.depth, 20)}{event.kind:<7} "
    line += f"{event.function.qualified_name}  {where}"
    if event.value is not None:
        line += f"  {'→' if event.kind in ('return', 'yield') else '!'} {shown(event.value)}"
    for name, value in event.changed.items():
        line += f"  {name} = {shown(value)}"
    if event.gap:
        line += f"  [{event.lost or 'some'} events lost before this one]"
    for code in (code for code, _ in event.marks if code):
        line += f"  [{errors.from_number(code).error_name}]"
    return printable(line)
