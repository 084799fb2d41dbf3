"""`recorder diff A B`: where two recordings differ, one difference after the other."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import count, printable, warn, write
from recorder.cli.events import text_of, unproved_sources, where
from recorder.cli.queries import at_least, location, thread_name

if TYPE_CHECKING:
    from recorder.trace.compare import Comparison, Difference
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event
    from recorder.trace.values.differences import Part

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DIFFERENT = 1
CORRUPT = 3
MOST_SHOWN = 20
MOST_FOLDED = 12
WIDTH = 60
CALLS = "two numbers of call events, such as 13,32"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "diff",
        help="where two recordings differ",
        description="What differs in what ran and in values, thread by thread. What has to differ from run to "
        "run (addresses, ids of threads and processes, times, temporary names) is passed over and counted.",
        epilog="Exit status: 0 they do not differ; 1 they do; 3 they do not, as far as a damaged "
        "trace could be read.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B", nargs="?", help="with --calls: A again, if left out")
    parser.add_argument(
        "--calls",
        metavar="SEQ,SEQ",
        help="only the calls that begin at these events, of A and of B",
    )
    parser.add_argument("--flow", action="store_true", help="what ran only, and no values")
    parser.add_argument(
        "--ignore", metavar="VAR", action="append", default=[], help="a variable, or a pattern"
    )
    parser.add_argument(
        "--strict", action="store_true", help="what has to differ from run to run counts, too"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N",
        help=f"so many differences at most (default: {MOST_SHOWN}; of two calls {MOST_FOLDED})",
    )  # fmt: skip
    parser.add_argument(
        "--full", action="store_true", help="of two calls, too, each difference by itself"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.compare import Comparison
    from recorder.trace.reader import open_trace

    limit = at_least(1, args.limit)
    if args.b is None and args.calls is None:
        raise errors.MissingArgumentError(argument="B")
    with open_trace(args.a) as a, open_trace(args.b or args.a) as b:
        comparison = Comparison(
            a, b, values=not args.flow, ignore=args.ignore, strict=args.strict,
            calls=None if args.calls is None else calls_of(a, b, args.calls),
        )  # fmt: skip
        if comparison.calls is None or args.full or args.json:
            shown, more = write_each(args, comparison, limit or MOST_SHOWN)
        else:
            shown, more = write_folded(comparison, limit or MOST_FOLDED)
        for trace in (a, b) if args.b else (a,):
            if trace.verdict != "complete":
                warn(f"recorder: {printable(trace.path)} is {trace.verdict}")
        if args.json:
            write(json.dumps({"summary": summary(comparison, shown, more)}))
        else:
            write("\n".join(conclusion(comparison, shown, more)))
        if shown:
            return DIFFERENT
        return CORRUPT if "corrupt" in (a.verdict.state, b.verdict.state) else 0


def write_each(args: argparse.Namespace, comparison: Comparison, limit: int) -> tuple[int, bool]:
    """One difference after the other. How many, and whether there are more."""
    differences = comparison.differences()
    shown, doubts = 0, set[str]()
    for one in islice(differences, limit):
        shown += 1
        write(
            json.dumps(as_json(one))
            if args.json
            else as_text(shown, one, comparison.a, comparison.b, doubts)
        )
    return shown, shown == limit and next(differences, None) is not None


def write_folded(comparison: Comparison, limit: int) -> tuple[int, bool]:
    from recorder.cli import two_calls

    rows, found = two_calls.told(comparison, limit)
    for row in rows:
        write(row)
    return found, found == two_calls.MOST_LOOKED_AT


def first_differences(a_path: str, b_path: str, limit: int) -> list[str]:
    """The first ones between two recordings, as text, and what is to be said of all; no verdicts."""
    from recorder.trace.compare import Comparison
    from recorder.trace.reader import open_trace

    with open_trace(a_path) as a, open_trace(b_path) as b:
        comparison = Comparison(a, b, values=True, ignore=[], strict=False, calls=None)
        differences = comparison.differences()
        doubts: set[str] = set()
        found = [
            as_text(n, one, a, b, doubts) for n, one in enumerate(islice(differences, limit), 1)
        ]
        more = len(found) == limit and next(differences, None) is not None
        return [*found, *conclusion(comparison, len(found), more)]


def calls_of(a: Trace, b: Trace, asked: str) -> tuple[Event, Event]:
    """The events with which the two calls begin. Raises INVALID_ARGUMENT, EVENT_NOT_FOUND."""
    numbers = asked.split(",")
    if len(numbers) != 2 or not all(n.isdecimal() and len(n) < 19 for n in numbers):
        raise errors.InvalidArgumentError(argument="--calls", value=asked, expected=CALLS)
    found = (a.at(int(numbers[0])).event, b.at(int(numbers[1])).event)
    for event in found:
        if event.kind != "call":
            raise errors.InvalidArgumentError(
                argument="--calls", value=f"{event.seq}, a {event.kind}", expected=CALLS
            )
    return found


# ---- JSON ---------------------------------------------------------------------------------------


def as_json(found: Difference) -> dict[str, Any]:
    resumed = found.resumed
    return {
        "thread": found.thread.number,
        "thread_name": found.thread.name,
        "what": found.what,
        "name": found.name,
        "same": found.same,
        "alignment": found.alignment,
        "parts": [
            {"path": part.relative, "a": part_as_json(part.a), "b": part_as_json(part.b)}
            for part in found.parts
        ],
        "a": _side(found.a),
        "b": _side(found.b),
        "resumed": resumed
        and {
            "a": resumed.a.seq, "b": resumed.b.seq,
            "skipped_a": resumed.skipped_a, "skipped_b": resumed.skipped_b,
        },
    }  # fmt: skip


def part_as_json(tree: Any) -> Any:
    from recorder.trace.values.differences import MISSING
    from recorder.trace.values.to_json import to_json

    return {"type": "missing"} if tree is MISSING else to_json(tree)


def _side(event: Event | None) -> dict[str, Any] | None:
    return None if event is None else {"kind": event.kind, **location(event)}


def summary(comparison: Comparison, shown: int, more: bool) -> dict[str, Any]:
    return {
        "differences": shown,
        "more": more,
        "events_a": comparison.events[0],
        "events_b": comparison.events[1],
        "aligned": comparison.aligned,
        "repeated": comparison.repeated,
        "passed_over": dict(comparison.passed),
        "unproved_sources_a": unproved_sources(comparison.a),
        "unproved_sources_b": unproved_sources(comparison.b),
    }


# ---- text ---------------------------------------------------------------------------------------


def as_text(number: int, found: Difference, a: Trace, b: Trace, doubts: set[str]) -> str:
    """`doubts`: about texts, which were told already."""
    rows = [
        f"{number}. {thread_name(found.thread)}, after {count(found.same, 'event')} that are the same"
    ]
    if found.last is not None:
        rows[0] += f", up to {where(found.last)}"
    if found.alignment != "exact":
        rows[0] += f" ({found.alignment} to stand for each other)"
    rows += [f"   {row}" for row in parts_of(found)]
    for side, trace, event in (("A", a, found.a), ("B", b, found.b)):
        rows.append(f"   {side}  {_line(found, trace, event, doubts)}")
    if found.what == "flow" and found.a is not None and found.b is not None:
        rows.append(f"   {_resumed(found)}")
    return "\n".join(printable(row) for row in rows)


def parts_of(found: Difference) -> list[str]:
    """`config['retries']: 3 → 5`, a row each."""
    return part_rows(found.subject, found.parts)


def part_rows(name: str, parts: list[Part]) -> list[str]:
    """Of the value of that name: a row for each part that differs."""
    from recorder.trace.values import differences

    rows = []
    for part in parts:
        path, left, right = differences.shown(part, name, WIDTH)
        rows.append(f"{path}: {left} → {right}")
    return rows


def _line(found: Difference, trace: Trace, event: Event | None, doubts: set[str]) -> str:
    if event is None:
        return "ends there"
    line = f"{event.seq:>8}  {event.kind:<7} {where(event)}"
    if found.what == "value":
        is_told = found.name is None or event.kind == "call"
        return line if is_told else f"{line}  by line {event.previous_line}"
    return f"{line}  {text_of(trace, event, doubts)}"


def _resumed(found: Difference) -> str:
    resumed = found.resumed
    if resumed is None:
        return "they are not the same again"
    return (
        f"the same again from A {resumed.a.seq}, B {resumed.b.seq}: {count(resumed.skipped_a, 'event')} "
        f"only in A, {count(resumed.skipped_b, 'event')} only in B"
    )


def conclusion(comparison: Comparison, shown: int, more: bool) -> list[str]:
    """What was compared, and what was passed over."""
    if not shown:
        rows = [f"no difference in {count(comparison.events[0], 'event')}"]
    elif more:
        rows = [f"{count(shown, 'difference')}, and there are more (--limit)"]
    else:
        most = max(comparison.events)
        rows = [
            f"{count(shown, 'difference')}; {comparison.aligned:,} of {count(most, 'event')} stand for each other"
        ]
    if comparison.repeated:
        rows.append(f"told once: {count(comparison.repeated, 'value')} that went on to differ")
    if comparison.passed:
        kinds = ", ".join(f"{kind} {times:,}" for kind, times in sorted(comparison.passed.items()))
        rows.append(f"passed over, since they differ in every run (--strict): {kinds}")
    return rows
