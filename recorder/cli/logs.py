"""`recorder logs TRACE`: what it told by logging, warnings, exceptions that nobody caught; audit events, statements for
databases and requests."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from recorder.cli.console import count, flush, printable, warn, write
from recorder.cli.output import place_as_json
from recorder.cli.queries import EXIT_STATUS, add_range, at_least, conclude, range_of
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.logs import Log

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "logs",
        help="what it told by logging, warnings and exceptions that nobody caught",
        description="A line for each: the number of the event, where it is from, and the text.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--level", metavar="LEVEL", help="records of this level or a higher one")
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="of this logger and those below it, this class or this library",
    )
    parser.add_argument(
        "--kind",
        metavar="KIND",
        help="record, warning, uncaught, unraisable; audit, sql or http (--capture-audit)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="so many at most")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    add_range(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.logs import OUTSIDE
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        found = trace.logs(args.level, args.name, args.kind, **range_of(trace, args))
        omitted: Counter[str] = Counter()
        for log in islice(found, at_least(0, args.limit)):
            if log.omitted:
                omitted["capture_audit" if log.kind in OUTSIDE else "capture_output"] += 1
            else:
                write(json.dumps(as_json(log)) if args.json else as_line(log))
        flush()
        for setting, times in omitted.items():
            warn(f"recorder: {count(times, 'line')} more not kept ({setting})")
        return conclude(trace)


def as_json(log: Log) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "seq": log.seq,
        "kind": log.kind,
        "level": log.level,
        "levelname": log.levelname,
        "name": log.name,
        "text": log.text,
        "exception": None if log.exception is None else log.exception.show(),
        **place_as_json(log),
    }
    if log.omitted:
        facts["omitted"] = True
    if log.during is not None:
        facts["during"] = log.during._asdict()
    return facts


def as_line(log: Log) -> str:
    seq = "" if log.seq is None else log.seq
    place = "(no line)" if log.file is None else f"{base_name(log.file)}:{log.line}"
    return printable(f"{seq:>8}  {place}  {log.shown}")
