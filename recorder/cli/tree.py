"""`recorder tree TRACE`: who called what, folded into as many lines as one wants to read."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.calls import is_machinery
from recorder.cli.console import count, fitted, printable, styled, terminal, write
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
from recorder.trace.moments import event_at
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder._core.decode import Function
    from recorder.trace.folding import Folded, Row
    from recorder.trace.profile import Node
    from recorder.trace.reader import Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

LINES = 40  # where nobody looks at a terminal
REST = 3  # lines of a terminal that the answer leaves free
MOST_INDENTED = 16  # levels
HEAD = f"{'event':>8} {'calls':>7} {'total':>9} {'own':>9}"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "tree",
        help="who called what, how often, and how long it took",
        description="All calls, put together by the way in which they were made; what weighs most is opened first, and "
        "what is folded away is counted. Times are those of the recording, which makes a program slower; while a "
        "generator or coroutine is suspended no time counts.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    add_range(parser)
    parser.add_argument(
        "--own", action="store_true", help="leave out what is Python's or installed"
    )
    parser.add_argument(
        "--sort", choices=("time", "own", "calls", "order"), default="time",
        help="what weighs most, and stands first (default: total time)",
    )  # fmt: skip
    parser.add_argument(
        "--depth",
        type=int,
        metavar="N",
        help="so many levels at most: of --from, from that call on",
    )
    parser.add_argument(
        "--from", dest="from_", metavar="SEQ", help="the call that begins at this event"
    )
    parser.add_argument(
        "--imports", action="store_true", help="show the calls of the import machinery as well"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.folding import fold
    from recorder.trace.reader import open_trace

    lines = at_least(1, args.limit)
    depth = at_least(1, args.depth, "--depth")
    if lines is None and not args.json:
        size = terminal()
        lines = LINES if size is None else max(size.lines - REST, 5)
    with open_trace(args.trace) as trace:
        filters = filters_of(args)
        wanted = {**filters, **bounds(trace, args)}
        roots = trace.tree(
            own=args.own, hide=None if args.imports or args.file else imports_only, **wanted
        )
        if depth is not None:
            depth += above(trace, args)
        rows = fold(roots, lines, depth=depth, order=args.sort)
        if rows and not args.json:
            write(styled(HEAD, "bold"))
        for row in rows:
            write(
                json.dumps(as_json(row))
                if args.json
                else styled(fitted(printable(as_line(row))), style(row))
            )
        if not rows:
            why_nothing(trace, filters)
        return conclude(trace)


def bounds(trace: Trace, args: argparse.Namespace) -> dict[str, Any]:
    """The events that are asked for. --from a call: those until it ends, of its thread."""
    if args.from_ is None:
        return range_of(trace, args)
    first = trace.at(event_at(trace, args.from_, "--from")).event
    if args.since is not None or first.kind != "call":
        return {**range_of(trace, args), "start": first.seq}
    end = next(trace.find(("return", "unwind"), frame=first.frame, start=first.seq), None)
    return {
        "start": first.seq,
        "stop": range_of(trace, args)["stop"] if end is None else end.seq + 1,
        "thread": first.thread,
    }


def above(trace: Trace, args: argparse.Namespace) -> int:
    """How many levels of the tree are those that wait for the call that --from names."""
    return 0 if args.from_ is None else trace.at(event_at(trace, args.from_, "--from")).event.depth


def imports_only(function: Function) -> bool:
    return is_machinery(function.file) and not function.is_body


def as_json(row: Row) -> dict[str, Any]:
    """A line of the tree; `level` says below which one it is."""
    if row.node is None:
        assert row.folded is not None  # audit: a row is one or the other
        return {"level": row.level, "folded": row.folded._asdict()}
    return {"level": row.level, **node_as_json(row.node)}


def node_as_json(node: Node) -> dict[str, Any]:
    function = node.function
    return {
        "seq": node.seq,
        "title": node.title,
        "function": None if function is None else function.qualified_name,
        "file": None if function is None else function.file,
        "line": None if function is None else function.first_line,
        "calls": node.calls,
        "total_ns": node.total,
        "own_ns": node.own,
        "raised": dict(node.raised),
        "handled": node.handled,
        "deepest": node.deepest,
    }


def as_line(row: Row) -> str:
    indent = "  " * min(row.level, MOST_INDENTED)
    if row.node is None:
        return f"{'':36}  {indent}{folded(row.folded)}"
    return f"{numbers(row.node)}  {indent}{name(row.node)}"


def style(row: Row) -> str:
    """What ended by an exception stands out, and what is folded away stands back."""
    if row.node is None:
        return "red" if row.folded is not None and row.folded.failures else "dim"
    return "red" if row.node.raised else ""


def numbers(node: Node) -> str:
    if node.function is None:
        return f"{node.seq:>8} {'':>7} {'':>9} {'':>9}"
    return f"{node.seq:>8} {node.calls:>7,} {duration(node.total):>9} {duration(node.own):>9}"


def name(node: Node) -> str:
    """The place comes last: where a line is too long, it is what can be done without."""
    text = node.title
    if node.deepest > 1:
        text += f"  (in itself, {node.deepest} deep)"
    text += failures(node)
    return text if node.function is None else f"{text}  {base_name(node.file)}:{node.line}"


def failures(node: Node) -> str:
    """The exceptions by which its calls ended, and those that it handled."""
    text = ""
    if node.raised:
        named = [f"{times:,} {type_}" for type_, times in node.raised.most_common(2)]
        more = len(node.raised) - len(named)
        text += f"  ! {', '.join(named)}" + (f" and {more} more types" if more else "")
    return text + (f"  (handled {node.handled:,})" if node.handled else "")


def folded(what: Folded | None) -> str:
    assert what is not None  # audit: a row is one or the other
    text = f"… {count(what.nodes, 'function')}, {count(what.calls, 'call')}"
    if what.failures:
        text += f"  ! {count(what.failures, 'exception')}"
    return text + (f"  (handled {what.handled:,})" if what.handled else "")
