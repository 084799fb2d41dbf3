"""`recorder grep TRACE PATTERN`: where a text occurs in what was recorded."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from recorder.cli.console import fitted, printable, warn, write
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    at_least,
    conclude,
    filters_of,
    json_of,
    location,
    range_of,
    selectors_of,
    shown,
)
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.occurrences import NamePlace, Place

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MOST_SHOWN = 50  # places; names as many


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "grep",
        help="where a text occurs, in names and in values down to their elements",
        description="A line a place (variable, argument, result, exception, global, or an element of one): the event "
        "that first saw it there, and how many did. Names come first.",
        epilog=EXIT_STATUS,
    )  # fmt: skip
    add_filters(parser)
    parser.add_argument("pattern", metavar="REGEX", help="as Python's `re` has it")
    add_range(parser)
    add_selectors(parser, "grep")
    parser.add_argument("--fixed", action="store_true", help="a text, and no regular expression")
    parser.add_argument("--ignore-case", action="store_true", help="upper and lower case alike")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    limit = at_least(0, args.limit)
    most = MOST_SHOWN if limit is None else limit
    with open_trace(args.trace) as trace:
        filters = filters_of(args)
        asked = {"fixed": args.fixed, "ignore_case": args.ignore_case}
        filters |= selectors_of(args)
        places = trace.grep(args.pattern, **asked, **filters, **range_of(trace, args))
        names: list[NamePlace] = []
        if all(value is None for value in filters.values()):
            names = list(islice(trace.grep_names(args.pattern, **asked), most))
        for name in names:
            write(json.dumps(name_as_json(name)) if args.json else printable(name_as_line(name)))
        who = Who(trace)
        for place in places[:most]:
            write(json.dumps(as_json(place)) if args.json else fitted(as_line(place, who)))
        if len(places) > most and limit is None:
            warn(f"recorder: {len(places) - most} more places (--limit)")
        return conclude(trace)


def name_as_json(name: NamePlace) -> dict[str, Any]:
    function = name.function
    return {
        "what": name.what,
        "name": name.name,
        "function": None if function is None else function.qualified_name,
        "file": None if function is None else function.file,
        "line": None if function is None else function.first_line,
    }


def name_as_line(name: NamePlace) -> str:
    line = f"{'name':>8}  {name.what} {name.name}"
    if name.function is None:
        return line
    from recorder.trace.snapshots import title_of

    of = "" if name.what == "function" else f" of {title_of(name.function)}"
    return f"{line}{of}  {base_name(name.function.file)}:{name.function.first_line}"


def as_json(place: Place) -> dict[str, Any]:
    return {
        **location(place.event),
        "what": place.what,
        "name": place.name,
        "path": place.path,
        "value": json_of(place.value),
        "events": place.count,
        "last": place.last,
    }


def as_line(place: Place, who: Who) -> str:
    """The value comes last: where a line is too long, it is what can be done without."""
    event = place.event
    what = f"{place.what} {place.name}".rstrip() + place.path
    line = f"{event.seq:>8}  {event.title}  {what}"
    line += f"  {base_name(event.file)}:{event.line}{who(event)}"
    if place.count > 1:
        line += f"  ({place.count:,} times, to {place.last})"
    return printable(f"{line}  {'in' if place.path else '='} {shown(place.value)}")
