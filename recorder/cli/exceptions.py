"""`recorder exceptions TRACE`: what was raised, with the frames and their variables."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import printable, write
from recorder.cli.interrupted import Interruptible
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    answers,
    conclude,
    filters_of,
    frame_as_json,
    in_order,
    json_of,
    last,
    location,
    range_of,
    selectors_of,
    shown,
)
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder.trace.exceptions import Raised
    from recorder.trace.reader import Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

NEAR = 200_000  # the last events of a long trace
FURTHER = 8  # times as many are looked at where these are not enough
MOST_FRAMES = 12  # shown of one stack: the innermost


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "exceptions",
        help="what was raised, where it went, and the variables of every frame",
        description="One entry an exception, in the order in which they were raised. --function, --file, --line and "
        "--task are about where it was raised first.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    add_range(parser)
    add_selectors(parser, "exceptions")
    parser.add_argument("--type", metavar="TYPE", help="such as ValueError")
    parser.add_argument(
        "--in", dest="through", metavar="FUNCTION", help="those that came through this function"
    )
    parser.add_argument(
        "--uncaught",
        action="store_true",
        help="those that left all that was recorded of their thread",
    )
    parser.add_argument(
        "--last", action="store_true", help="the last one, or as many of the last as --limit says"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        who = Who(trace)
        asked = {
            "type_name": args.type,
            "through": args.through,
            "uncaught": args.uncaught,
            **filters_of(args),
            **selectors_of(args),
            **range_of(trace, args),
        }
        latest: Raised | None = None
        with Interruptible(trace) as search:
            found: Iterable[Raised] = (
                last_of(trace, asked, args.limit) if args.last else trace.exceptions(**asked)
            )
            for raised in answers(trace, args, in_order(args, found), exception=args.type):
                write(json.dumps(as_json(raised)) if args.json else as_text(raised, who))
                latest = raised
        return conclude(
            trace, lambda: [] if latest is None else following.after_exception(latest), search
        )


def last_of(trace: Trace, asked: dict[str, Any], limit: int | None) -> Iterable[Raised]:
    """The last ones. Of a long trace its last events are looked at first, and ever more: where these have more than are
    wanted, none of those that are wanted began before."""
    wanted = 1 if limit is None else limit
    end = trace._queries.end if asked["stop"] is None else min(asked["stop"], trace._queries.end)
    near = NEAR
    while asked["start"] < end - near:
        found = list(last(trace.exceptions(**{**asked, "start": end - near}), wanted + 1))
        if len(found) > wanted:
            return last(found, limit)
        near *= FURTHER
    return last(trace.exceptions(**asked), limit)


def as_json(raised: Raised) -> dict[str, Any]:
    handled = raised.handled
    return {
        **location(raised.origin),
        "type": raised.type_name,
        "value": json_of(raised.value),
        "events": [
            {
                "seq": e.seq,
                "kind": e.kind,
                "function": e.function.qualified_name,
                "file": e.file,
                "line": e.line,
                "frame": e.frame,
            }
            for e in raised.events
        ],
        "handled": None if handled is None else location(handled),
        "escaped": raised.escaped,
        "stack": [frame_as_json(frame) for frame in _stack(raised)],
    }


def as_text(raised: Raised, who: Who) -> str:
    origin = raised.origin
    rows = [f"{origin.seq:>8}  {shown(raised.value, 100)}{who(origin)}"]
    stack = _stack(raised)
    if len(stack) > MOST_FRAMES:
        rows.append(f"{'':10}… {len(stack) - MOST_FRAMES} frames")
    for frame in stack[-MOST_FRAMES:]:
        rows.append(f"{'':10}{base_name(frame.file)}:{frame.line} in {frame.title}")
        if not frame.function.is_body:
            rows += [f"{'':14}{name} = {shown(v)}" for name, v in frame.locals.items()]
    if way := _way(raised):
        rows.append(f"{'':10}{way}")
    rows.append(f"{'':10}{_fate(raised)}")
    return "\n".join(printable(row) for row in rows)


def _way(raised: Raised) -> str:
    """Through which functions it went; empty if that is straight down the stack, as far as it went."""
    from itertools import groupby

    stations = []
    frames = []
    straight = True
    for frame, here in groupby(raised.events, key=lambda event: event.frame):
        events = list(here)
        name = events[0].title
        taken = [e.line for e in events if e.kind == "handled" and e is not raised.handled]
        thrown = events[0].kind == "throw" and events[0] is not raised.origin
        if thrown:
            name = f"thrown into {name}"
        if taken:
            name += f" (taken up at line {taken[-1]}, and let go)"
        straight = straight and not thrown and not taken and frame not in frames
        frames.append(frame)
        stations.append(name)
    if straight:
        return ""
    if len(stations) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        stations[half:-half] = [f"… {len(stations) - 2 * half} more"]
    return "went through " + " → ".join(stations)


def _fate(raised: Raised) -> str:
    if handled := raised.handled:
        where = f"{base_name(handled.file)}:{handled.line} in {handled.title}"
        return f"handled at {where}, event {handled.seq}"
    if raised.escaped:
        return f"not handled: it left {raised.events[-1].title}"
    if raised.taken:
        return f"handled by code that was not recorded, after it left {raised.events[-1].title}"
    return "not seen to be handled"


def _stack(raised: Raised) -> list[Any]:
    try:
        return raised.stack
    except (errors.TraceCorruptError, errors.UnknownRecordError):
        return [raised.origin]
