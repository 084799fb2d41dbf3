"""`recorder watch TRACE EXPR`: every change of what an expression comes to, old → new, and who made it."""

from __future__ import annotations

import argparse
import ast
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.console import printable, warn, write
from recorder.cli.interrupted import Interruptible
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    answers,
    change_as_json,
    conclude,
    during,
    filters_of,
    in_order,
    location,
    range_of,
    selectors_of,
)
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.expressions.expression import Answer, Expression
    from recorder.trace.values.differences import Part
    from recorder.trace.watching import Watched
    from recorder.trace.writes import Written

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

SIDE = 30  # characters of what it was, and of what it is
MOST_PARTS = 3  # told of one change
MOST_CALLERS = 2  # of who did it
SINGLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)  # behind which a path can go on


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "watch",
        help="every change of a variable, attribute, element or expression",
        description="Every change of what a Python expression comes to: what changed within it, from what to what, and "
        "the line that did it: `recorder watch app.rtrace self.items --of Basket`.",
        epilog=EXIT_STATUS,
    )
    add_options(parser)
    add_selectors(parser, "watch")
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `check` as well."""
    add_filters(parser)
    parser.add_argument("expression", metavar="EXPR", help="such as config['retries']")
    parser.add_argument("--of", metavar="CLASS", help="where its first name is an instance of it")
    add_range(parser)


def asked(trace: Any, args: argparse.Namespace) -> dict[str, Any]:
    return {**filters_of(args), **selectors_of(args), **range_of(trace, args), "of": args.of}


def run(args: argparse.Namespace) -> int:
    from recorder.trace.expressions.expression import given_as
    from recorder.trace.reader import open_trace

    expression = given_as("EXPR", args.expression)
    with open_trace(args.trace) as trace:
        who = Who(trace)
        found = trace.watch(expression, **asked(trace, args))
        latest: Watched | None = None
        name = first_variable(expression)
        told: set[tuple[int, tuple[str, ...]]] = set()
        with Interruptible(trace) as search:
            for one in answers(trace, args, in_order(args, found), name=name):
                by = trace.written_by(one)
                if args.json:
                    write(json.dumps(as_json(one, by)))
                elif is_new(told, one, expression, by):
                    write(as_line(one, expression, who, by))
                latest = one
        if found.begun_alike:
            warn(f"recorder: {found.begun_alike:,} more began as one of these did")
        what = expression.text if expression.is_path else name
        return conclude(
            trace,
            lambda: [] if latest is None else following.after_event(latest.event, what),
            search,
        )


def first_variable(expression: Expression) -> str | None:
    """That there has to be for an answer."""
    from recorder.trace.expressions.functions import is_builtin

    return next((name for name in expression.names if not is_builtin(name)), None)


def is_new(
    told: set[tuple[int, tuple[str, ...]]], one: Watched, expression: Expression, by: Written | None
) -> bool:
    """Whether nobody has told of it yet: who writes, and each caller that waits for that, see one change."""
    fact = (one.seq if by is None else by.seq), tuple(change_rows(one, expression))
    if fact in told:
        return False
    told.add(fact)
    return True


def as_json(one: Watched, by: Written | None = None) -> dict[str, Any]:
    """`seq`, `thread` and `time` are those of the event at which it was seen. `written`: by whom, where the line only
    waited."""
    facts = {**location(one.event), **change_as_json(one.change)}
    del facts["name"]
    facts.pop("value", None)
    facts["old"] = None if one.old is None else one.old.to_json()
    facts["new"] = one.new.to_json()
    if one.is_last:
        facts["last"] = True
    if by is not None:
        function = by.change.function
        facts["written"] = {
            "seq": by.seq, "function": None if function is None else function.qualified_name,
            "file": by.change.file, "line": by.change.line, "path": by.path,
            "callers": [
                {"function": one.function.qualified_name, "file": one.file, "line": one.line}
                for one in by.callers
            ],
        }  # fmt: skip
    return facts


def as_line(one: Watched, expression: Expression, who: Who, by: Written | None = None) -> str:
    change = one.change
    maker = by.change if by is not None and change.function is None else change
    where = f"{base_name(maker.file)}:{maker.line}" if maker.function else "(not known)"
    name = maker.title
    if change.found:
        where, name = "(found)", ""
    first, *others = change_rows(one, expression)
    waited = during(change) if by is None else written(by)
    if by is not None and maker is not change and by.seq == one.seq:
        waited = ""  # it is said already
    line = f"{one.seq:>8}  {where:<20} {name}  {first}{waited}{who(one.event)}"
    return "\n".join(printable(row) for row in [line, *(f"{'':31}{other}" for other in others)])


def written(by: Written) -> str:
    """Who did it, within what the line waited for."""
    change = by.change
    text = f", by {change.title} {base_name(change.file)}:{change.line} at event {by.seq}"
    for frame in by.callers[:MOST_CALLERS]:
        text += f" ← {frame.title} {base_name(frame.file)}:{frame.line}"
    return text + (" ← …" if len(by.callers) > MOST_CALLERS else "")


def change_rows(one: Watched, expression: Expression) -> list[str]:
    """What changed within the value, rather than the value: a row for each part."""
    text = path_of(expression)
    if one.is_last:
        return [f"{text}: unknown from here on ({one.new.reason})"]
    if one.old is None:
        return [f"{text} = {side(one.new)}"]
    if not one.parts:
        return [f"{text}: {side(one.old)} → {side(one.new)}"]
    parts = [part_as_text(text, part) for part in one.parts[:MOST_PARTS]]
    more = len(one.parts) - MOST_PARTS
    return parts if more <= 0 else [*parts, f"and {more} more"]


def part_as_text(text: str, part: Part) -> str:
    from recorder.trace.values.differences import shown

    path, old, new = shown(part, text, SIDE)
    return f"{path}: {old} → {new}"


def side(answer: Answer, width: int = SIDE) -> str:
    text = answer._show(width, short=True)
    return text if answer.kind == "known" else f"({text})"


def path_of(expression: Expression) -> str:
    """As it was given; in parentheses where a path behind it would be of its last part."""
    try:
        node = ast.parse(expression.text.strip(), mode="eval").body
    except SyntaxError:
        return expression.text
    return expression.text if isinstance(node, SINGLE) else f"({expression.text})"
