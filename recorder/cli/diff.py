"""`recorder diff A B`: where two recordings first differ."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.output import count, printable, warn, write
from recorder.cli.queries import base, json_of, location, shown, thread_name

if TYPE_CHECKING:
    from recorder.trace.compare import Difference
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DIFFERENT = 1
CORRUPT = 3


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "diff",
        help="where two recordings first differ",
        epilog="Exit status: 0 they do not differ; 1 they do; 3 they do not, as far as a damaged "
        "trace could be read.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--flow", action="store_true", help="what ran only, and no values")
    parser.add_argument(
        "--ignore", metavar="VAR", action="append", default=[], help="a variable, or a pattern"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.compare import Comparison
    from recorder.trace.reader import open_trace

    with open_trace(args.a) as a, open_trace(args.b) as b:
        found = False
        comparison = Comparison(a, b, values=not args.flow, ignore=args.ignore)
        for difference in comparison.differences():
            found = True
            write(json.dumps(as_json(difference)) if args.json else as_text(difference, a, b))
        for trace in (a, b):
            if trace.verdict != "complete":
                warn(f"recorder: {printable(trace.path)} is {trace.verdict}")
        if not found and not args.json:
            write(f"no difference in {count(len(a), 'event')}")
        if found:
            return DIFFERENT
        return CORRUPT if "corrupt" in (a.verdict.state, b.verdict.state) else 0


def as_json(found: Difference) -> dict[str, Any]:
    return {
        "thread": found.thread.number,
        "thread_name": found.thread.name,
        "what": found.what,
        "name": found.name,
        "same": found.same,
        "a": _side(found, found.a),
        "b": _side(found, found.b),
    }


def _side(found: Difference, event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    facts = {"kind": event.kind, **location(event)}
    value = event.value if found.name is None else event.locals.get(found.name)
    if found.what == "value" and value is not None:
        facts["value"] = json_of(value)
    return facts


def as_text(found: Difference, a: Trace, b: Trace) -> str:
    rows = [f"{thread_name(found.thread)}: the same for {count(found.same, 'event')}"]
    if found.last is not None:
        rows[0] += f", up to {_where(found.last)}"
    for side, trace, event in (("A", a, found.a), ("B", b, found.b)):
        rows.append(f"  {side}  {_line(found, trace, event)}")
    return "\n".join(printable(row) for row in rows)


def _line(found: Difference, trace: Trace, event: Event | None) -> str:
    if event is None:
        return "ends there"
    line = f"{event.seq:>8}  {event.kind:<7} {_where(event)}"
    if found.what == "value":
        if found.name is None:
            return f"{line}  → {shown(event.value)}"
        changed = f"set at line {event.previous_line}"
        return f"{line}  {found.name} = {shown(event.locals.get(found.name))}, {changed}"
    return f"{line}  {text_of(trace, event)}"


def text_of(trace: Trace, event: Event) -> str:
    """The line of source the event is at."""
    source = trace.sources.get(event.file)
    lines = [] if source is None else source.text.splitlines()
    return lines[event.line - 1].strip() if 0 < event.line <= len(lines) else ""


def _where(event: Event) -> str:
    return f"{event.function.qualified_name} {base(event.file)}:{event.line}"
