"""`recorder same TRACE EXPR --at SEQ`: by which names the object that an expression stands for is known there."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import count, printable, write
from recorder.cli.queries import EXIT_STATUS, conclude, missing, moment_at, thread_name
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.expressions.expression import Expression
    from recorder.trace.holders import Holder
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Moment

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

LAST = "100%"
AT = "the number of an event, a time (1.5s, 20ms) or a part (25%%)"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "same",
        help="by which names an object is known at a moment",
        description="Which variables of all frames and threads, and which globals, were the object that an expression "
        "stood for at an event, or had it in them: `recorder same app.rtrace self.items --at 2251`.",
        epilog=EXIT_STATUS,
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `origin` as well."""
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("expression", metavar="EXPR", help="such as self.items, rows[0]")
    parser.add_argument(
        "--at", metavar="SEQ", help=f"as it was there: {AT}; without it, where it is known last"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines")


def run(args: argparse.Namespace) -> int:
    from recorder.trace.expressions.expression import given_as
    from recorder.trace.reader import open_trace

    expression = given_as("EXPR", args.expression)
    with open_trace(args.trace) as trace:
        moment = moment_of(trace, args, expression)
        if moment is None:
            return conclude(trace)
        found = trace.same(expression, moment.event.seq)
        if not found:
            missing(trace, no_object(trace, expression, moment.event.seq))
        if args.json:
            for one in found:
                write(json.dumps(as_json(one)))
            return conclude(trace)
        for one, others in by_place(found):
            more = f"  (and by {count(others, 'other way')})" if others else ""
            write(as_line(one) + more)
        return conclude(trace)


def moment_of(trace: Trace, args: argparse.Namespace, expression: Expression) -> Moment | None:
    """The one that is asked for; else the last at which the expression is known."""
    at = args.at
    if at is None:
        seq = trace._last_known(expression)
        at = LAST if seq is None else str(seq)
    return moment_at(trace, at, "--at")


def no_object(trace: Trace, expression: Expression, seq: int) -> errors.NotInTraceError:
    """Of a number or a text, or where it is not known what the expression comes to."""
    answer = trace.evaluate(expression, trace.at(seq).event)
    if answer.kind == "known":
        why = f"is {answer.show()}, of which it is not known which object it is"
    elif answer.kind == "unknown":
        why = f"is not known: {answer.reason}"
    else:
        why = f"is no value: {answer.reason}"
    message = f"at {seq} {expression.text} {why}"
    return errors.NotInTraceError(
        message, what="object", name=expression.text, path=trace.path, near=""
    )


def by_place(found: list[Holder]) -> list[tuple[Holder, int]]:
    """What an object holds it holds once, by however many names that object is known: of these the surest and shortest,
    the innermost frame's before others, and how many more there are."""
    places: dict[Any, list[Holder]] = {}
    for one in found:
        places.setdefault(id(one) if one.within is None else one.within, []).append(one)
    return [
        (min(reversed(names), key=lambda one: (not one.is_same, len(one.path))), len(names) - 1)
        for names in places.values()
    ]


def as_json(one: Holder) -> dict[str, Any]:
    frame = one.frame
    return {
        "path": one.path,
        "module": one.module,
        "thread": None if one.thread is None else one.thread.number,
        "function": None if frame is None else frame.function.qualified_name,
        "file": None if frame is None else frame.file,
        "line": None if frame is None else frame.line,
        "frame": None if frame is None else frame.frame,
        "sure": bool(one.is_same),
    }


def as_line(one: Holder) -> str:
    if one.frame is None:
        where = f"a global of {one.module or 'a module'}"
    else:
        where = f"{base_name(one.frame.file)}:{one.frame.line} in {one.frame.title}"
        where += "" if one.thread is None else f"  [{thread_name(one.thread)}]"
    doubt = "" if one.is_same else "  (it may be another object)"
    return printable(f"{one.path:<20} {where}{doubt}")
