"""`recorder ci-report FOLDER`: what the recordings of failed tests say, as Markdown: for the summary of a CI job."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli.console import printable, warn, write
from recorder.cli.queries import at_least

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MOST = 20  # tests
DESCRIPTION = """\
What the recordings of failed tests say (pytest --record=failed), the latest first, as Markdown on stdout: for the
summary of a CI job. What a session of tests that died has left is made a recording first.

  recorder ci-report .recordings >> "$GITHUB_STEP_SUMMARY"
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "ci-report",
        help="what the recordings of failed tests say, as Markdown",
        description=DESCRIPTION,
        epilog="Exit status: 0, whatever is there.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", help="such as .recordings")
    parser.add_argument(
        "--limit", type=int, metavar="N", default=MOST, help=f"so many at most (default: {MOST})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.testing import github, single_traces

    limit = at_least(1, args.limit) or MOST
    if not os.path.isdir(args.folder):
        raise errors.TraceNotFoundError(path=args.folder)
    single_traces.recover(args.folder)
    found, unreadable = single_traces.of_folder(args.folder, limit)
    for path in unreadable:
        warn(f"recorder: {printable(path)} cannot be read")
    if not found:
        write("No test has left a recording.")
    else:
        write(printable_lines(github.summary(found)))
    return 0


def printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.rstrip("\n").split("\n"))
