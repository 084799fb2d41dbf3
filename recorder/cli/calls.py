"""`recorder calls TRACE`: what was called, with what, and what came of it."""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from recorder.cli.console import count, printable, write
from recorder.cli.diff import part_rows
from recorder.cli.interrupted import Interruptible
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    add_range,
    add_selectors,
    answers,
    at_least,
    conclude,
    duration,
    filters_of,
    in_order,
    json_of,
    location,
    number_or_name,
    range_of,
    shown,
    wants_suggestions,
)
from recorder.explain import following
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.explain.following import Question
    from recorder.trace.alterations import Alteration
    from recorder.trace.calls import Call
    from recorder.trace.reader import Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

ARGUMENT_WIDTH = 40
MOST_INDENTED = 30  # levels
MOST_ALIKE = 10  # calls of one function that one is compared with
MACHINERY = ("<frozen importlib", "<frozen zipimport")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "calls",
        help="calls, with arguments and results",
        description="One line a call, in the order in which they began, what they called below them. Bodies of classes "
        "and modules are among them, though nobody calls them; what only imports is left out, and so are `self` and "
        "`cls`.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    add_range(parser)
    add_selectors(parser, "calls")
    parser.add_argument(
        "--changed-arguments",
        action="store_true",
        help="only calls that altered what they were given, and how",
    )
    parser.add_argument(
        "--depth", type=int, metavar="N", help="so many levels of calls; of the rest how many"
    )
    parser.add_argument("--self", action="store_true", help="show `self` and `cls` as well")
    parser.add_argument(
        "--imports", action="store_true", help="show the calls of the import machinery as well"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.filters import make
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        who = Who(trace)
        found = nested(
            trace.calls(**filters_of(args), **range_of(trace, args)),
            not args.imports and args.file is None,
        )
        wanted = make(task=number_or_name(args.task))
        of_task = (one for one in found if wanted.wants_task(one[0].task))
        altered = with_alterations(trace, of_task, args.changed_arguments, args.self)
        rows = to_depth(altered, at_least(1, args.depth, "--depth"))
        latest: Call | None = None
        pairs = Pairs()
        with Interruptible(trace) as search:
            for call, level, alterations, below in answers(trace, args, in_order(args, rows)):
                if args.json:
                    facts = as_json(call) | alterations_as_json(alterations)
                    write(json.dumps(facts | ({"left_out": below} if below else {})))
                else:
                    level = 0 if args.changed_arguments else level
                    line = as_line(call, who, level, args.self)
                    write(line + (f"  … {count(below, 'call')} below" if below else ""))
                    for row in alteration_rows(alterations):
                        write(printable(f"{'':10}{row}"))
                latest = call
                if wants_suggestions():
                    pairs.take(call)
        return conclude(
            trace,
            lambda: [] if latest is None else [*pairs.questions(), *following.after_calls(latest)],
            search,
        )


class Pairs:
    """Finds two of the calls that were told which were given the same, and returned something else."""

    def __init__(self) -> None:
        self._calls: dict[int, deque[Call]] = {}
        self._found: tuple[int, int] | None = None

    def take(self, call: Call) -> None:
        from recorder.trace import alike

        if self._found is not None or call.function.is_body or call.returned is None:
            return
        known = self._calls.setdefault(call.function.number, deque(maxlen=MOST_ALIKE))
        for other in known:
            if alike.are_alike(other, call) and alike.results_differ(other, call):
                self._found = other.seq, call.seq
                return
        known.append(call)

    def questions(self) -> list[Question]:
        return [] if self._found is None else [following.diff(*self._found)]


def with_alterations(
    trace: Trace, found: Iterable[tuple[Call, int]], asked: bool, with_self: bool
) -> Iterator[tuple[Call, int, list[Alteration]]]:
    """Each call with what it altered of what it was given; if that is asked for, only those that did."""
    for call, level in found:
        if not asked:
            yield call, level, []
            continue
        own = set() if with_self else {_instance(call)}
        altered = [one for one in trace.changed_arguments(call) if one.name not in own]
        if altered:
            yield call, level, altered


def to_depth(
    found: Iterable[tuple[Call, int, list[Alteration]]], depth: int | None
) -> Iterator[tuple[Call, int, list[Alteration], int]]:
    """Those of so many levels, each with how many below it are left out."""
    kept: tuple[Call, int, list[Alteration]] | None = None
    below = 0
    for one in found:
        if depth is not None and one[1] >= depth:
            below += 1
            continue
        if kept is not None:
            yield *kept, below
        kept, below = one, 0
    if kept is not None:
        yield *kept, below


def alterations_as_json(alterations: list[Alteration]) -> dict[str, Any]:
    if not alterations:
        return {}
    return {
        "changed_arguments": [
            {
                "name": one.name, "before": json_of(one.before), "after": json_of(one.after),
                "may_be_bound_anew": one.bound is not False,
            }
            for one in alterations
        ]
    }  # fmt: skip


def alteration_rows(alterations: list[Alteration]) -> Iterator[str]:
    for one in alterations:
        doubt = "" if one.bound is False else "  (or was it bound anew: the function assigns to it)"
        if one.bound is None:
            doubt = "  (or was it bound anew: the text is not in the trace)"
        yield from (f"{row}{doubt}" for row in part_rows(one.name, one.parts))


def is_machinery(file: str) -> bool:
    """Whether code of this file does nothing but import other code."""
    return file.startswith(MACHINERY) or "/importlib/" in file


def nested(calls: Iterable[Call], hide: bool) -> Iterator[tuple[Call, int]]:
    """Calls, and how deep each is within the others. What the import machinery calls can be left out, but for the
    bodies of the modules."""
    threads: dict[
        int, list[tuple[Call, bool]]
    ] = {}  # the calls around, and whether they are hidden
    for call in calls:
        around = threads.setdefault(call.thread.number, [])
        while around and not _encloses(around[-1][0], call):
            around.pop()
        within = bool(around) and around[-1][1] and not call.function.is_body
        hidden = hide and (within or is_machinery(call.file))
        if not hidden:
            yield call, sum(not is_hidden for _, is_hidden in around)
        around.append((call, hidden))


def _encloses(outer: Call, call: Call) -> bool:
    return outer.depth < call.depth and (outer.end is None or outer.end.seq > call.seq)


def as_json(call: Call) -> dict[str, Any]:
    event = call.start or call.end
    facts: dict[str, Any] = {} if event is None else location(event)
    facts["title"] = call.title
    facts["caller"] = call.caller
    facts["start"] = None if call.start is None else call.start.seq
    facts["end"] = None if call.end is None else call.end.seq
    facts["arguments"] = {name: json_of(value) for name, value in call.arguments.items()}
    if call.returned is not None:
        facts["returned"] = json_of(call.returned)
    if call.raised is not None:
        facts["raised"] = json_of(call.raised)
    facts["duration_ns"] = call.duration
    return facts


def as_line(call: Call, who: Who, level: int, with_self: bool) -> str:
    line = f"{call.seq:>8}  {'  ' * min(level, MOST_INDENTED)}{call.title}"
    if not call.function.is_body:
        line += f"({given(call, with_self)})"
    if call.returned is not None:
        line += f" → {shown(call.returned)}" if not call.function.is_body else ""
    elif call.raised is not None:
        line += f" ! {shown(call.raised)}"
    else:
        line += " (did not end)"
    line += f"  {base_name(call.file)}:{call.function.first_line}"
    line += who(call.start or call.end)
    if call.duration is not None:
        line += f"  {duration(call.duration)}"
    return printable(line)


def given(call: Call, with_self: bool) -> str:
    """The arguments, without the instance or class that a method is called on."""
    if call.start is None:
        return "…"
    instance = "" if with_self else _instance(call)
    return ", ".join(
        f"{name}={shown(value, ARGUMENT_WIDTH)}"
        for name, value in call.arguments.items()
        if name != instance
    )


def _instance(call: Call) -> str:
    """The parameter that is the instance or class which a method is called on; empty if it is none."""
    outer = call.function.qualified_name.rpartition(".")[0]
    is_method = outer != "" and not outer.endswith("<locals>")
    first = next(iter(call.arguments), "")
    return first if is_method and first in ("self", "cls") else ""
