"""`recorder origin TRACE EXPR --at SEQ`: where an object was first seen, how it came here, and what changed in it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from recorder.cli.console import count, printable, write
from recorder.cli.queries import EXIT_STATUS, at_least, conclude, json_of, location, missing, shown
from recorder.cli.same import add_options, moment_of, no_object
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.object_history import ObjectHistory, Sighting
    from recorder.trace.values.differences import Part

    Way = tuple[str, str, str, str]  # how, by which name, and where it came

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

VALUE_WIDTH = 40
SIDE = 30  # characters of what a part was, and of what it is
MOST_PARTS = 2  # told of one change
LINES = 40  # where --limit does not say
WORDS = {
    "argument": "given as {path}",
    "variable": "{path}",
    "global": "{path}, a global of {module}",
    "returned": "returned",
    "yielded": "yielded",
    "raised": "raised",
    "thrown in": "thrown in",
}


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "origin",
        help="where an object was first seen, how it came here, who changed it",
        description="The object that an expression stands for at an event: where it was first seen, by which names it "
        "came there, and each change in it, with the line that made it: `recorder origin app.rtrace rows --at 2251`.",
        epilog=EXIT_STATUS,
    )
    add_options(parser)
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"so many lines at most (default: {LINES})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.expressions.expression import given_as
    from recorder.trace.reader import open_trace

    expression = given_as("EXPR", args.expression)
    limit = at_least(1, args.limit)
    with open_trace(args.trace) as trace:
        moment = moment_of(trace, args, expression)
        if moment is None:
            return conclude(trace)
        found = trace.origin(expression, moment.event.seq)
        if found is None:
            missing(trace, no_object(trace, expression, moment.event.seq))
            return conclude(trace)
        changes = {id(one.seen): one.parts for one in found.changes}
        if args.json:
            for one in found.sightings:
                write(json.dumps(as_json(one, changes.get(id(one)), found)))
            return conclude(trace)
        for one, again in told(found, LINES if limit is None else limit):
            line = as_line(one, changes.get(id(one)), found, one is found.first)
            write(line + (f"  (and {count(again, 'time')} more)" if again else ""))
        return conclude(trace)


def told(found: ObjectHistory, limit: int) -> list[tuple[Sighting, int]]:
    """Of all sightings so many: the first, each change, and each name by which it came into a function; that with how
    often it came so again."""
    changed = {id(one.seen) for one in found.changes}
    ways: Counter[Way] = Counter(way(one) for one in found.sightings if id(one) not in changed)
    new = [one for one in found.sightings if id(one) not in changed]
    first = {way(one): one for one in reversed(new)}
    kept = [one.seen for one in found.changes][-limit:]
    kept += sorted(first.values(), key=lambda one: one.seq)[: max(limit - len(kept), 1)]
    kept.sort(key=lambda one: one.seq)
    return [(one, 0 if id(one) in changed else ways[way(one)] - 1) for one in kept]


def way(one: Sighting) -> Way:
    return one.how, one.path, one.file, "" if one.function is None else one.function.qualified_name


def as_json(one: Sighting, parts: list[Part] | None, found: ObjectHistory) -> dict[str, Any]:
    """`seq`, `thread` and `time` are those of the event that sees it first."""
    return location(one.event) | {
        "object": one.identity.number,
        "sure": found.is_sure,
        "path": one.path or None,
        "module": one.module,
        "how": one.how,
        "changed": parts is not None,
        "value": json_of(one.value),
        "function": None if one.function is None else one.function.qualified_name,
        "file": one.file,
        "line": one.line,
    }


def as_line(one: Sighting, parts: list[Part] | None, found: ObjectHistory, is_first: bool) -> str:
    from recorder.trace.snapshots import title_of

    where = f"{base_name(one.file)}:{one.line}"
    title = "(not known)" if one.function is None else title_of(one.function)
    how = WORDS.get(one.how, one.how).format(path=one.path, module=one.module)
    line = f"{one.seq:>8}  {where:<20} {title}  {how}"
    if parts:
        shown_parts = [
            part_as_text(one.path or found.type_name, part) for part in parts[:MOST_PARTS]
        ]
        line += "  " + "; ".join(shown_parts)
    elif is_first:
        line += f" = {shown(one.value, VALUE_WIDTH)}"
        if found.before is not None:
            line += f"  (what was in its place until {found.before} may be the same: --at {found.before})"
    return printable(line)


def part_as_text(name: str, part: Part) -> str:
    from recorder.trace.values.differences import shown as shown_part

    path, old, new = shown_part(part, name, SIDE)
    return f"{path}: {old} → {new}"
