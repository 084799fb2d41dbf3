"""`recorder history TRACE VAR`: every value a variable took, and the line that gave it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.output import printable, write
from recorder.cli.queries import (
    EXIT_STATUS,
    add_filters,
    base,
    conclude,
    filters_of,
    json_of,
    limited,
    location,
    shown,
)

if TYPE_CHECKING:
    from recorder.trace.reader import Change

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "history", help="every value a variable took", epilog=EXIT_STATUS
    )
    add_filters(parser)
    parser.add_argument("name", metavar="VAR")
    parser.add_argument("--backwards", action="store_true", help="the last one first")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        found = trace.history(args.name, backwards=args.backwards, **filters_of(args))
        for change in limited(found, args.limit):
            write(json.dumps(as_json(change)) if args.json else as_line(change))
        return conclude(trace)


def as_json(change: Change) -> dict[str, Any]:
    facts = {"name": change.name, **location(change.event), "line": change.line}
    if change.value is None:
        facts["unbound"] = True
    else:
        facts["value"] = json_of(change.value)
    return facts


def as_line(change: Change) -> str:
    event = change.event
    where = f"{base(event.file)}:{change.line}"
    name = event.function.qualified_name
    thread = f"  [{event.thread.name}]" if event.thread.number else ""
    return printable(
        f"{event.seq:>8}  {where:<20} {name}  {change.name} = {shown(change.value)}{thread}"
    )
