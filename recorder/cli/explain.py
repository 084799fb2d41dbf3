"""`recorder explain TRACE`: one page about a recording, within a budget of tokens."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import write
from recorder.cli.queries import EXIT_STATUS, conclude, wants_suggestions

if TYPE_CHECKING:
    from recorder.explain.page import Page, Section

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

BUDGET = 1_100
MOST_DIFFERENCES = 5


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="one page: what ran, what failed, and where that came from",
        description="One page of Markdown: what ran, how it ended, what failed, the way back from there through calls "
        "and conditions, and what to ask next. Each statement has the number of its event. Where no exception left the "
        "program, the way begins at what it wrote last.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument(
        "--budget", type=int, metavar="TOKENS", default=BUDGET,
        help=f"so long at most, for a language model (default: {BUDGET:,})",
    )  # fmt: skip
    parser.add_argument("--passing", metavar="TRACE", help="a run that passed, to compare with")
    parser.add_argument("--json", action="store_true", help="print JSON, one object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.explain.page import explain
    from recorder.trace.reader import open_trace

    budget = budget_of(args.budget)
    with open_trace(args.trace) as trace:
        differences = None
        if args.passing is not None:
            from recorder.cli.diff import first_differences

            differences = first_differences(args.trace, args.passing, MOST_DIFFERENCES)
            differences = [row for text in differences for row in text.splitlines()]
        page = explain(trace, budget, differences)
        following = page.following
        if wants_suggestions() and not args.json:  # they come as those of every command
            page = page._replace(following=[])
        write(json.dumps(as_json(page)) if args.json else str(page))
        return conclude(trace, lambda: following)


def budget_of(asked: int) -> int:
    """Raises INVALID_ARGUMENT."""
    from recorder.explain.tokens import LEAST, MOST

    if not LEAST <= asked <= MOST:
        raise errors.InvalidArgumentError(
            argument="--budget", value=str(asked), expected=f"a number from {LEAST} to {MOST:,}"
        )
    return asked


def as_json(page: Page) -> dict[str, Any]:
    return {
        "title": page.title,
        "sections": [_section(one) for one in page.sections],
        "next": [
            {"command": one.command, "words": list(one.words), "reason": one.reason}
            for one in page.following
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "statements": [{"seq": one.seq, "text": one.text} for one in section.statements],
        "left_out": section.left_out or None,
    }
