"""`recorder find TRACE`: breakpoints after the fact: where a line ran, a function was called, a condition was true."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import count, printable, warn, write
from recorder.cli.interrupted import Interruptible
from recorder.cli.output import text_of as text_of_output
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    at_least,
    conclude,
    filters_of,
    is_whole,
    location,
    range_of,
    selectors_of,
    shown,
)
from recorder.errors.text import cut
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.expressions.expression import Answer, Expression
    from recorder.trace.hits import Hit
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event
    from recorder.trace.values.value import Value

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

WIDTH = 80
LEAST = 24  # characters of a value that is shown, however long the line is
ALONE = ("at", "when", "value", "hits", "log", "kind", "line", "backwards")  # are not for --output
NUMBER = re.compile(r"[-+]?\d[\d._]*")
RANGE = "N or A-B, counted from 1"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "find",
        help="where a condition holds, as a breakpoint would have stopped",
        description="The events at which a line was about to run (--at), or a function began (--function), and where "
        "a condition holds: what breakpoints would have stopped at. Where what is recorded does not tell whether it "
        "holds, the answer says `may be`, and why.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    parser.add_argument("--at", metavar="FILE:LINE", help="where this line is about to run")
    parser.add_argument(
        "--when", metavar="EXPR", help="a condition, in Python: 'n > 3 and not done'"
    )
    parser.add_argument("--value", metavar="X", help="where this value is new: 3, 'text', *@*.com")
    parser.add_argument("--output", metavar="TEXT", help="what wrote this text to stdout or stderr")
    parser.add_argument("--hits", metavar="N|A-B", help="only the N-th hit, or those from A to B")
    parser.add_argument("--log", metavar="TEXT", help="what to say of each: 'n is {n}'")
    parser.add_argument("--kind", help="of events: line, call, return, raise, …")
    add_selectors(parser, "find")
    add_range(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.expressions.expression import given_as
    from recorder.trace.reader import open_trace

    when = None if args.when is None else given_as("--when", args.when)
    names = () if when is None else when.names
    paths = [] if when is None else when.paths
    with open_trace(args.trace) as trace:
        first, last = numbers(args.hits)
        asked = {"when": when, "log": args.log, "numbers": (first, last)}
        if args.output is None:
            found = events(trace, args, backwards=args.backwards, **asked)
        else:
            found = writers(trace, args)
        tally = Tally()
        who = Who(trace)
        latest: Hit | None = None
        with Interruptible(trace) as search:
            for hit in islice(tally.count(chosen(found, args)), at_least(0, args.limit)):
                if args.json:
                    write(json.dumps(as_json(trace, hit, paths)))
                else:
                    write(as_line(trace, hit, who, paths))
                latest = hit
        nothing = not tally.kinds["hit"] + tally.kinds["maybe"]
        if nothing and args.limit != 0 and not search.is_over:
            warn_why_nothing(trace, args, names)
        tally.show()
        if args.when is not None and is_of_calls(args) and not args.json:
            warn(
                "recorder: asked where it is called: --kind line asks at each of its lines, --at FILE:LINE at one"
            )
        name = next(iter(names), None)
        return conclude(
            trace,
            lambda: [] if latest is None else following.after_event(latest.event, name),
            search,
        )


def events(trace: Trace, args: argparse.Namespace, **more: Any) -> Iterator[Hit]:
    """Those that the options ask for, but for the condition."""
    where_known = args.function is None and args.at is None and args.file is None
    return trace.hits(
        kind_of(args), value=args.value, where_known=where_known, **range_of(trace, args),
        **filters_of(args) | selectors_of(args) | at(args), **more,
    )  # fmt: skip


def writers(trace: Trace, args: argparse.Namespace) -> Iterator[Hit]:
    """The events that wrote a text; what they wrote is told as the text of a log point is."""
    from recorder.trace.hits import Hit
    from recorder.trace.output import whole

    for name in ALONE:
        if getattr(args, name) not in (None, False):
            raise errors.InvalidArgumentError(
                argument=f"--{name}", value=str(getattr(args, name)), expected="nothing of --output"
            )
    found = whole(trace.output(**range_of(trace, args)))
    asked = {**filters_of(args), **selectors_of(args)}
    number = 0
    for output in found:
        if args.output not in output.text or output.seq is None:
            continue
        for event in trace.find(start=output.seq, stop=output.seq + 1, **asked):
            number += 1
            yield Hit(event, "hit", number, log=text_of_output(output))


def warn_why_nothing(trace: Trace, args: argparse.Namespace, names: tuple[str, ...]) -> None:
    """On stderr; or NOT_IN_TRACE for what is nowhere."""
    from recorder.trace.existence import Existence
    from recorder.trace.expressions.functions import is_builtin

    if not is_whole(trace):
        return  # nobody can say that of a trace that lacks something
    existence = Existence(trace)
    said = ""
    if args.at is not None and next(trace.find("line", **at(args)), None) is None:
        said = existence.line(**at(args))
    for name in names:
        if not is_builtin(name):
            existence.variable(name)
    wanted = {key: value for key, value in filters_of(args).items() if value is not None}
    if args.output is not None:
        said = "that was never written to stdout or stderr"
    said = said or existence.why_nothing(**wanted)
    if args.when is not None and next(events(trace, args), None) is not None:
        said = "the condition was never true there"
    if args.value is not None and NUMBER.fullmatch(args.value):
        said += f"; the number was looked for: the text is --value \"'{args.value}'\""
    warn(f"recorder: {printable(said)}")


class Tally:
    """How many hits there were of each kind. Errors are only counted: not every name is known everywhere."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}

    def count(self, found: Iterator[Hit]) -> Iterator[Hit]:
        for hit in found:
            self.kinds[hit.kind] += 1
            self.reasons.setdefault(hit.kind, f"{hit.reason} at event {hit.seq}")
            if hit.kind != "error":
                yield hit

    def show(self) -> None:
        if doubtful := self.kinds["maybe"]:
            warn(f"recorder: {count(self.kinds['hit'], 'hit')}, and {doubtful:,} that may be")
        if failed := self.kinds["error"]:
            where = count(failed, "event")
            said = f"the condition cannot be asked at {where}: {self.reasons['error']}"
            warn(f"recorder: {printable(said)}")


# ---- what the options say -----------------------------------------------------------------------


def kind_of(args: argparse.Namespace) -> str | None:
    if args.kind is not None:
        return str(args.kind)
    if args.at is not None or args.line is not None:
        return "line"
    if args.value is not None:
        return None
    return "line" if args.function is None else "call"


def is_of_calls(args: argparse.Namespace) -> bool:
    """Whether calls are asked for without a word of it."""
    return args.kind is None and args.output is None and kind_of(args) == "call"


def at(args: argparse.Namespace) -> dict[str, Any]:
    if args.at is None:
        return {}
    file, _, line = args.at.rpartition(":")
    if not file or not line.isdecimal() or len(line) > 9:
        raise invalid("--at", args.at, "FILE:LINE")
    return {"file": file, "line": int(line)}


def numbers(text: str | None) -> tuple[int, int | None]:
    """Of --hits."""
    if text is None:
        return 1, None
    from recorder.trace.hits import numbers_in

    found = numbers_in(text)
    if found is None:
        raise invalid("--hits", text, RANGE)
    return found


def chosen(found: Iterator[Hit], args: argparse.Namespace) -> Iterator[Hit]:
    """By --file and --line, where the decoder was asked for those of --at."""
    from recorder.trace.filters import is_file

    for hit in found:
        if args.line is not None and hit.event.line != args.line:
            continue
        if args.at is None or args.file is None or is_file(hit.event.file, args.file):
            yield hit


def invalid(argument: str, value: str, expected: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(argument=argument, value=value, expected=expected)


# ---- answers ------------------------------------------------------------------------------------


def as_json(trace: Trace, hit: Hit, paths: list[Expression]) -> dict[str, Any]:
    event = hit.event
    facts = {**location(event), "kind": event.kind, "hit": hit.number}
    if hit.kind == "maybe":
        facts["unknown"] = hit.reason
    if hit.log is not None:
        facts["log"] = hit.log
    if hit.places:
        from recorder.trace.values.to_json import to_json

        facts["places"] = [{"path": one.path, "value": to_json(one.tree)} for one in hit.places]
    if paths:
        facts["values"] = {text: one.to_json() for text, one in values(trace, event, paths)}
    return facts


def as_line(trace: Trace, hit: Hit, who: Who, paths: list[Expression]) -> str:
    event = hit.event
    line = f"{hit.seq:>8}  {base_name(event.file)}:{event.line}"
    line = f"{line:<30} {event.title}{who(event)}"
    if hit.kind == "maybe":
        line += "  may be: "
        line += cut(hit.reason or "", max(WIDTH - len(line), LEAST))
    if hit.log is not None:
        return printable(f"{line}  {hit.log}")
    if hit.places:
        from recorder.trace.values.render import show

        places = [f"{one.path} = {show(one.tree, LEAST)}" for one in hit.places]
        return printable(f"{line}  {', '.join(places)}")
    if hit.kind == "maybe":
        return printable(line)
    if event.value is not None:
        line += f"  → {shown(event.value, max(WIDTH - len(line), LEAST))}"
    found: Iterator[tuple[str, Any]] = values(trace, event, paths) if paths else variables(event)
    return printable(with_values(line, found))


def values(trace: Trace, event: Event, paths: list[Expression]) -> Iterator[tuple[str, Answer]]:
    """What a condition depends on, as far as it is there."""
    for path in paths:
        answer = trace.evaluate(path, event)
        if answer.kind != "error":
            yield path.text, answer


def variables(event: Event) -> Iterator[tuple[str, Value]]:
    if not event.function.is_body:
        yield from event.locals.items()


def with_values(line: str, named: Iterator[tuple[str, Any]]) -> str:
    """As many as there is room for."""
    joint = "  "
    for name, value in named:
        space = WIDTH - len(line) - len(name) - 5
        if space < LEAST // 3 and joint == ", ":
            return f"{line}, …"
        line += f"{joint}{name} = {text_of(value, max(space, LEAST))}"
        joint = ", "
    return line


def text_of(value: Value | Answer, width: int) -> str:
    try:
        return value.show(width)
    except errors.TraceCorruptError as exc:
        return f"<unreadable: {exc.error_name}>"
