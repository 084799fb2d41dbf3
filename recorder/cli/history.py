"""`recorder history TRACE VAR`: every value a variable took, and the line that gave it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.console import printable, write
from recorder.cli.interrupted import Interruptible
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    answers,
    change_as_json,
    conclude,
    during,
    filters_of,
    location,
    range_of,
    selectors_of,
)
from recorder.cli.shown_change import ShownChanges
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.reader import Change, Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "history", help="every value a variable took", epilog=EXIT_STATUS
    )
    add_filters(parser)
    add_range(parser)
    parser.add_argument("name", metavar="VAR")
    add_selectors(parser, "history")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        found = trace.history(
            args.name,
            backwards=args.backwards,
            **filters_of(args),
            **selectors_of(args),
            **range_of(trace, args),
        )
        last: dict[str, Change] = {}  # of each global, by its module
        who = Who(trace)
        shown_changes = ShownChanges(trace, forwards=not args.backwards)
        latest: Change | None = None
        with Interruptible(trace) as search:
            for change in answers(trace, args, found, name=args.name):
                write(
                    json.dumps(as_json(change))
                    if args.json
                    else as_line(change, who, shown_changes)
                )
                if change.module is not None and not (args.backwards and change.module in last):
                    last[change.module] = change
                latest = change
            write_ends(trace, args, last)
        return conclude(
            trace,
            lambda: [] if latest is None else following.after_event(latest.event, args.name),
            search,
        )


def write_ends(trace: Trace, args: argparse.Namespace, last: dict[str, Change]) -> None:
    """Since when nobody looked at a global any more, so that its last value is not taken for the one it had later."""
    from recorder.trace.observation import Observation

    observation = Observation(trace)
    for change in last.values():
        end = observation.end(change) if args.limit is None else None
        if end is not None and args.json:
            facts = {"name": end.name, "module": end.module, "not_observed_after": end.seq}
            write(json.dumps(facts))
        elif end is not None:
            name = f"{end.module}.{end.name}"
            write(printable(f"{'':10}{name} was not observed after event {end.seq}"))


def as_json(change: Change) -> dict[str, Any]:
    """`seq`, `thread` and `time` are those of the event at which it was seen; function, file, line and frame are where
    it was done."""
    return {**location(change.event), **change_as_json(change)}


def as_line(change: Change, who: Who, shown_changes: ShownChanges) -> str:
    where = f"{base_name(change.file)}:{change.line}" if change.function else "(not known)"
    name = change.title
    if change.found:
        where, name = "(found)", ""
    value = shown_changes.told(change)
    return printable(
        f"{change.seq:>8}  {where:<20} {name}  {value}{during(change)}{who(change.event)}"
    )
