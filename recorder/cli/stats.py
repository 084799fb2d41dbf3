"""`recorder stats TRACE`: per function how often and how long; of one file or function how often each line."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from recorder.cli.console import fitted, printable, styled, write
from recorder.cli.queries import (
    EXIT_STATUS,
    add_filters,
    add_range,
    at_least,
    conclude,
    duration,
    filters_of,
    range_of,
    why_nothing,
)
from recorder.cli.tree import failures, node_as_json
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder._core.decode import Function
    from recorder.trace.profile import Node
    from recorder.trace.reader import Trace
    from recorder.trace.same_functions import SameFunctions

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

HEAD = f"{'calls':>9} {'total':>9} {'own':>9}"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "stats",
        help="per function: calls, exceptions, times; per line: how often it ran",
        description="A function a line. `total` is the time in which it ran, with all that it called, and counts a "
        "recursion once; `own` without. Times are those of the recording, which makes a program slower; while a "
        "generator or coroutine is suspended no time counts.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    add_range(parser)
    parser.add_argument(
        "--own", action="store_true", help="leave out what is Python's or installed"
    )
    parser.add_argument(
        "--sort", choices=("time", "own", "calls", "exceptions", "order"), default="own",
        help="what stands first (default: own time)",
    )  # fmt: skip
    parser.add_argument("--lines", metavar="FILE|FUNCTION", help="how often each line of these ran")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    limit = at_least(0, args.limit)
    with open_trace(args.trace) as trace:
        if args.lines is not None:
            show_lines(trace, args, limit)
        else:
            show_functions(trace, args, limit)
        return conclude(trace)


def show_functions(trace: Trace, args: argparse.Namespace, limit: int | None) -> None:
    from recorder.trace.profile import ORDERS

    found = trace.stats(own=args.own, **filters_of(args), **range_of(trace, args))
    found.sort(key=ORDERS[args.sort])
    if found and not args.json:
        write(styled(HEAD, "bold"))
    for node in found[:limit]:
        if args.json:
            write(json.dumps(node_as_json(node)))
        else:
            write(styled(fitted(printable(as_line(node))), "red" if node.raised else ""))
    if not found:
        why_nothing(trace, filters_of(args))


def as_line(node: Node) -> str:
    line = f"{node.calls:>9,} {duration(node.total):>9} {duration(node.own):>9}  {node.title}"
    return f"{line}{failures(node)}  {base_name(node.file)}:{node.line}"


def show_lines(trace: Trace, args: argparse.Namespace, limit: int | None) -> None:
    """The lines, the one that ran most often first."""
    from recorder.trace.listing import named
    from recorder.trace.same_functions import SameFunctions

    functions = named(trace, args.lines)
    numbers = {function.number for function in functions}
    counts = trace.line_counts(
        lambda function: function.number in numbers,
        thread=filters_of(args)["thread"],
        **range_of(trace, args),
    )
    rows = [
        (times, function, line)
        for (function, line), times in together(counts, SameFunctions(trace.source_of)).items()
    ]
    rows.sort(key=lambda row: (-row[0], row[1].file, row[2]))
    for times, function, line in rows[:limit]:
        if args.json:
            write(json.dumps(line_as_json(times, function, line)))
            continue
        source = trace.source_of(function)
        lines = [] if source is None else source.lines
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        write(fitted(printable(f"{times:>9,}  {base_name(function.file)}:{line:<5} {text}")))


def together(
    counts: dict[Function, Counter[int]], same: SameFunctions
) -> Counter[tuple[Function, int]]:
    """How often each line ran, of all codes that are one function."""
    functions = {function.number: function for function in counts}
    found: Counter[tuple[Function, int]] = Counter()
    for function, lines in counts.items():
        first = functions[same.number(function, function.qualified_name)]
        for line, times in lines.items():
            found[first, line] += times
    return found


def line_as_json(times: int, function: Any, line: int) -> dict[str, Any]:
    return {
        "function": function.qualified_name, "file": function.file, "line": line, "times": times
    }  # fmt: skip
