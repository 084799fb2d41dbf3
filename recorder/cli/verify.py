"""`recorder verify TRACE... [--json]`: reads all of each, and says in one sentence what it is worth.

Exit status: 0 complete; 1 readable, but partial or truncated; 3 corrupt; of several the greatest.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from recorder.cli.console import count, printable, write
from recorder.cli.many import each

if TYPE_CHECKING:
    from recorder.trace.reader import Check, Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT: Final = {"complete": 0, "partial": 1, "truncated": 1, "corrupt": 3}


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "verify",
        help="whether a trace is complete",
        description="Read all of each trace and say what it is worth.",
        epilog="Exit status: 0 complete; 1 readable, but partial or truncated; 3 corrupt; of several the greatest.",
    )
    parser.add_argument("traces", metavar="TRACE", nargs="+")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    def show_one(trace: Trace) -> int:
        check = trace.verify()
        if args.json:
            write(json.dumps(as_json(trace, check)))
        else:
            write(printable(sentence(trace, check)))
        return EXIT[check.verdict.state]

    return each(args, show_one)


def as_json(trace: Trace, check: Check) -> dict[str, Any]:
    return {
        "path": trace.path,
        "verdict": str(check.verdict),
        "state": check.verdict.state,
        "events": check.events,
        "written": check.written,
        "lost_events": check.lost,
        "damage": [damage._asdict() for damage in check.damage],
    }


def sentence(trace: Trace, check: Check) -> str:
    events = count(check.events, "event")
    lost = f", {count(check.lost, 'event')} known to be lost" if check.lost else ""
    state = check.verdict.state
    if state == "complete":
        return f"{trace.path} is complete: {events}{lost}."
    if state == "corrupt":
        first = min(check.damage)
        more = len(check.damage) - 1
        places = f" and in {count(more, 'more place')}" if more else ""
        return (
            f"{trace.path} is damaged at byte {first.offset} ({first.reason}){places}: "
            f"{events} of {check.written:,} can be read{lost}."
        )
    if state == "partial" and trace.cut_from is not None:
        return f"{trace.path} is a part of a longer one, and whole: {events}{lost}."
    if state == "partial":
        why = f": {trace.failure}" if trace.failure else ""
        return f"{trace.path} is partial: {events} up to where recording ended early{lost}{why}."
    return (
        f"{trace.path} is truncated: {events} up to where its writing ended without a goodbye"
        f"{lost}; what came after is not in it."
    )
