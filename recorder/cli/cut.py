"""`recorder cut`: a part of a trace as a trace of its own."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import count, printable, warn
from recorder.cli.queries import add_range, at_least, conclude, range_of

if TYPE_CHECKING:
    from recorder.trace.reader import Trace

LAST = 10_000  # events before an exception, where nothing else is said
DESCRIPTION = """\
Writes a part of a trace: what one attaches to a report. The events keep their numbers and answer every question as they
did, and all that was known when the first of them happened is there. Its verdict is `partial`.

  recorder cut app.rtrace -o part.rtrace --since 1.5s --until 2s
  recorder cut app.rtrace -o part.rtrace --call 48213             a call, from its beginning to its end
  recorder cut app.rtrace -o part.rtrace --exception KeyError     the events up to the last one of these
  recorder cut app.rtrace -o part.rtrace --span "GET /orders"     a span of the program's
  recorder cut app.rtrace -o part.rtrace --redact iban,*_pin      … without what stands under these names
"""
EPILOG = """\
What other threads did meanwhile is in it, too. Values are those of the trace, without what stands under a name that
--redact gives: a variable, argument, attribute, key, header, the result of a function, in whatever spelling, as if the
program had been recorded so. Texts are as they are: what was printed, the arguments of an exception, and the source,
in which a value can stand as it was written (--no-source leaves it out). Look at a part before you hand it on.
Exit status: 0, or 3 if something of the trace could not be read.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "cut",
        help="a part of a trace as a trace of its own",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="default: app.part.rtrace of app.rtrace"
    )
    add_range(parser)
    parser.add_argument("--call", metavar="SEQ", help="the call that begins at this event")
    parser.add_argument(
        "--exception", metavar="TYPE", help="up to where the last exception of this type ended"
    )
    parser.add_argument(
        "--events", type=int, metavar="N", help=f"so many events before that (default: {LAST:,})"
    )
    parser.add_argument(
        "--no-source", action="store_true", help="leave out the text of the program"
    )
    parser.add_argument(
        "--redact", action="append", metavar="PATTERNS",
        help="leave out the values of further names, as the policy's `redact` does; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.export.atomic_output import AtomicOutput
    from recorder.trace.reader import open_trace

    names = further_names(args.redact)
    with open_trace(args.trace) as trace:
        start, stop = part(trace, args)
        out = AtomicOutput(args.output or default_output(args.trace), source=trace.path)
        with out:
            written = trace.write_part(
                out.file().write, start, stop, with_sources=not args.no_source, redact=names
            )
        if sys.stderr is not None and sys.stderr.isatty():
            warn(f"recorder: {count(written, 'event')} → {printable(out.destination)}")
        return conclude(trace)


def further_names(given: list[str] | None) -> tuple[str, ...] | None:
    """The patterns of all that was given, each one or several with commas."""
    from recorder.policy import Policy

    found: list[str] = []
    for text in given or ():
        found += Policy(redact=text).redact or ()
    return tuple(found) or None


def default_output(trace: str) -> str:
    stem = os.path.splitext(os.path.basename(os.path.normpath(trace)))[0]
    return f"{stem}.part.rtrace"


def part(trace: Trace, args: argparse.Namespace) -> tuple[int, int | None]:
    """The numbers of the first event, and behind the last one. Raises INVALID_ARGUMENT for options that do not go
    together, and NOT_IN_TRACE where there is no such event."""
    given = [name for name in ("call", "exception") if getattr(args, name) is not None]
    others = (args.since, args.until, args.span)
    if len(given) > 1 or (given and any(one is not None for one in others)):
        raise errors.InvalidArgumentError(
            "one of --since/--until/--span, --call and --exception says what to cut out",
            argument="--call",
        )
    at_least(1, args.events, "--events")
    if args.call is not None:
        return call(trace, args.call)
    if args.exception is not None:
        return before_exception(trace, args.exception, args.events or LAST)
    bounds = range_of(trace, args)
    if args.events is not None:
        stop = trace._queries.end if bounds["stop"] is None else bounds["stop"]
        bounds["start"] = max(bounds["start"], stop - args.events)
    return bounds["start"], bounds["stop"]


def call(trace: Trace, text: str) -> tuple[int, int | None]:
    from recorder.trace.moments import event_at

    first = trace.at(event_at(trace, text, "--call")).event
    if first.kind != "call":
        raise errors.InvalidArgumentError(
            argument="--call", value=text, expected="the number of a call event"
        )
    end = next(trace.find(("return", "unwind"), frame=first.frame, start=first.seq), None)
    return first.seq, None if end is None else end.seq + 1


def before_exception(trace: Trace, type_name: str, most: int) -> tuple[int, int | None]:
    last = deque(trace.exceptions(type_name), 1)
    if not last:
        raise errors.NotInTraceError(what="exception", name=type_name, path=trace.path, near="")
    return max(0, last[0].origin.seq - most), last[0].events[-1].seq + 1
