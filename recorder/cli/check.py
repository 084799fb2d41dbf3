"""`recorder check TRACE EXPR`: the first moment at which something is false that should always be true."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.console import count, printable, warn, write
from recorder.cli.find import values, with_values
from recorder.cli.interrupted import Interruptible
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_selectors,
    change_as_json,
    conclude,
    during,
    is_whole,
    location,
)
from recorder.cli.watch import add_options, asked, first_variable
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.expressions.expression import Expression
    from recorder.trace.reader import Trace
    from recorder.trace.watching import Checked, Watched

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

FAILED = 1


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "check",
        help="the first moment at which an invariant is false",
        description="Looks at a Python expression wherever something that it names is new or changed, and tells where "
        "it is first false, and whether it was unknown before: `check app.rtrace 'self.total >= 0' --of Account`.",
        epilog=EXIT_STATUS.replace("0, or", "0 if it was never false, 1 if it was, or"),
    )
    add_options(parser)
    add_selectors(parser, "check")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.existence import Existence
    from recorder.trace.expressions.expression import given_as
    from recorder.trace.reader import open_trace
    from recorder.trace.watching import Checked

    expression = given_as("EXPR", args.expression)
    with open_trace(args.trace) as trace:
        checked = Checked(None, 0, 0, None, "")
        with Interruptible(trace) as search:
            for so_far in trace._checking(expression, **asked(trace, args)):
                checked = so_far
        if args.json:
            write(json.dumps(as_json(checked)))
        else:
            if checked.failed is not None:
                write(as_line(trace, checked.failed, expression.paths, Who(trace)))
            write(summary(checked, search))
        name = first_variable(expression)
        nothing = checked.failed is None and not checked.held + checked.unknown
        if nothing and name is not None and is_whole(trace) and not search.is_over:
            warn(f"recorder: {printable(Existence(trace).variable(name, args.function))}")
        status = conclude(trace, search=search)
        return status or (FAILED if checked.failed is not None else 0)


def as_json(checked: Checked) -> dict[str, Any]:
    facts: dict[str, Any] = {"failed": None, "held": checked.held, "unknown": checked.unknown}
    if checked.failed is not None:
        one = checked.failed
        facts["failed"] = {**location(one.event), **change_as_json(one.change)}
    if checked.first_unknown is not None:
        facts["first_unknown"] = {**location(checked.first_unknown), "reason": checked.reason}
    return facts


def as_line(trace: Trace, one: Watched, paths: list[Expression], who: Who) -> str:
    change = one.change
    where = f"{base_name(change.file)}:{change.line}" if change.function else "(not known)"
    name = change.title
    line = f"{one.seq:>8}  {where:<20} {name}{during(change)}{who(one.event)}"
    return printable(with_values(line, values(trace, one.event, paths)))


def summary(checked: Checked, search: Interruptible) -> str:
    held = f"true at {count(checked.held, 'event')}"
    never = "never false" if checked.first_unknown is None else "not known to be false anywhere"
    never = "not false as far as it was looked at" if search.is_over else never
    text = f"it was {held}, and then false" if checked.failed else f"{never}: it was {held}"
    if checked.first_unknown is not None:
        text += f"; unknown at {checked.unknown:,}, first at {checked.first_unknown.seq}"
        text += f" ({checked.reason})"
    return printable(text)
