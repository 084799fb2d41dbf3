"""What the commands that ask a trace have in common: options, how an answer ends, values as text."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.output import printable, warn

if TYPE_CHECKING:
    from recorder.trace.reader import Thread, Trace
    from recorder.trace.snapshots import Event, Frame
    from recorder.trace.values.value import Value

CORRUPT = 3
VALUE_WIDTH = 60
EXIT_STATUS = "Exit status: 0, or 3 if something of the trace could not be read."


def add_filters(parser: argparse.ArgumentParser) -> None:
    """TRACE and the options every query has."""
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--function", help="a name, a qualified name, or a pattern: 'test_*'")
    parser.add_argument("--file", help="a path, the end of one, or a pattern")
    parser.add_argument("--thread", help="a thread's number or name")
    parser.add_argument("--limit", type=int, metavar="N", help="so many at most")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")


def filters_of(args: argparse.Namespace) -> dict[str, Any]:
    thread = args.thread
    is_number = thread is not None and thread.isdecimal() and len(thread) < 19
    return {
        "function": args.function,
        "file": args.file,
        "thread": int(thread) if is_number else thread,
    }


def limited(found: Iterable[Any], limit: int | None) -> Iterable[Any]:
    """The first ones, and nothing is looked for behind them."""
    from itertools import islice

    if limit is not None and limit < 0:
        raise errors.InvalidArgumentError(
            argument="--limit", value=str(limit), expected="a number from 0 on"
        )
    return found if limit is None else islice(found, limit)


def last(found: Iterable[Any], limit: int | None) -> Iterable[Any]:
    """The last one, or so many."""
    from collections import deque

    most = 1 if limit is None else limit
    if most < 0:
        raise errors.InvalidArgumentError(
            argument="--limit", value=str(limit), expected="a number from 0 on"
        )
    return deque(found, most)


def conclude(trace: Trace) -> int:
    """Says on stderr what a reader should know of the trace; the exit status."""
    verdict = trace.verdict
    if verdict != "complete":
        warn(f"recorder: {printable(trace.path)} is {verdict}")
    return CORRUPT if verdict.state == "corrupt" else 0


# ---- JSON ---------------------------------------------------------------------------------------


def json_of(value: Value) -> object:
    try:
        return value.to_json()
    except errors.TraceCorruptError as exc:
        return {"type": "error", "code": exc.error_name}


def location(event: Event) -> dict[str, Any]:
    """Where an event happened."""
    return {
        "seq": event.seq,
        "thread": event.thread.number,
        "thread_name": event.thread.name,
        "function": event.function.qualified_name,
        "file": event.file,
        "line": event.line,
        "frame": event.frame,
        "depth": event.depth,
        "time": event.time,
    }


def frame_as_json(frame: Frame | Event) -> dict[str, Any]:
    return {
        "function": frame.function.qualified_name,
        "file": frame.file,
        "line": frame.line,
        "frame": frame.frame,
        "locals": {name: json_of(value) for name, value in frame.locals.items()},
    }


# ---- text ---------------------------------------------------------------------------------------


def shown(value: Value | None, width: int = VALUE_WIDTH) -> str:
    if value is None:
        return "(unbound)"
    try:
        return value.show(width)
    except errors.TraceCorruptError as exc:
        return f"<unreadable: {exc.error_name}>"


def duration(ns: int | None) -> str:
    """`850 ns`, `12.3 µs`, `4.5 ms`, `2.1 s`."""
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= size:
            return f"{ns / size:.1f} {unit}"
    return f"{ns} ns"


def thread_name(thread: Thread) -> str:
    return f"thread {thread.number}" + (f" {thread.name}" if thread.name else "")


def base(path: str) -> str:
    return path.rpartition("/")[2] or path
