"""`recorder calls TRACE`: what was called, with what, and what came of it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder.cli.output import printable, write
from recorder.cli.queries import (
    EXIT_STATUS,
    Who,
    add_filters,
    answers,
    base,
    conclude,
    duration,
    filters_of,
    json_of,
    location,
    shown,
)

if TYPE_CHECKING:
    from recorder.trace.calls import Call

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

ARGUMENT_WIDTH = 40


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "calls",
        help="calls, with arguments and results",
        description="One line a call, in the order in which they ended; those that did not end "
        "come last.",
        epilog=EXIT_STATUS,
    )
    add_filters(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        who = Who(trace)
        for call in answers(trace, args, trace.calls(**filters_of(args))):
            write(json.dumps(as_json(call)) if args.json else as_line(call, who))
        return conclude(trace)


def as_json(call: Call) -> dict[str, Any]:
    event = call.start or call.end
    facts: dict[str, Any] = {} if event is None else location(event)
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


def as_line(call: Call, who: Who) -> str:
    given = ", ".join(f"{name}={shown(v, ARGUMENT_WIDTH)}" for name, v in call.arguments.items())
    line = f"{call.seq:>8}  {call.function.qualified_name}({given})"
    if call.start is None:
        line = f"{call.seq:>8}  {call.function.qualified_name}(…)"
    if call.returned is not None:
        line += f" → {shown(call.returned)}"
    elif call.raised is not None:
        line += f" ! {shown(call.raised)}"
    else:
        line += " (did not end)"
    line += f"  {base(call.file)}:{call.function.first_line}"
    line += who(call.start or call.end)
    if call.duration is not None:
        line += f"  {duration(call.duration)}"
    return printable(line)
