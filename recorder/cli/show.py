"""`recorder show TRACE`: stepping through a trace, forwards and back.

Full screen where that is possible; one command a line with --plain, or where stdin or stdout is no
terminal.
"""

from __future__ import annotations

import argparse
import os
import sys

from recorder import errors
from recorder.cli.console import warn, write
from recorder.cli.queries import conclude

TYPE_CHECKING = False
if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "show",
        help="step through a trace, forwards and back",
        description="Source with values, variables, calls, stack, threads and tasks at one event, and the ways to "
        "others. Bookmarks and breakpoints last until the end. A search that takes long says how far it is; Esc ends "
        "it, with --plain Ctrl-C.",
        epilog="h lists the keys. With --plain, commands are read from stdin, one a line; h lists them.",
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--plain", action="store_true", help="no full screen")
    parser.add_argument("--at", type=int, metavar="SEQ", help="the event to begin at")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.navigate import STOPS, Navigator
    from recorder.trace.reader import open_trace

    with open_trace(args.trace) as trace:
        if args.at is None and next(trace.events(), None) is None:
            write("there is no event to show")
            return conclude(trace)
        walk = Navigator(trace, args.at)
        if args.at is None and walk.event.kind not in STOPS:
            walk.step()
        os.environ.setdefault("ESCDELAY", "50")  # ms until an Esc is no beginning of another key
        if not args.plain and _has_screen():
            from recorder.cli.screen import Screen

            sys.setswitchinterval(0.001)  # keys are heard beside a search
            Screen(walk).run()
        else:
            from recorder.cli.plain import Plain

            Plain(walk).run()
        return conclude(trace)


def _has_screen() -> bool:
    """Whether there is a terminal, and what it takes to fill it. A missing library is said; --plain
    does without it."""
    if not _is_terminal():
        return False
    try:
        import textual  # noqa: F401
    except ImportError:
        error = errors.DependencyMissingError(module="textual")
        warn(f"recorder: {error}; pip install 'recorder-core[show]' brings the full screen")
        return False
    return True


def _is_terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())
