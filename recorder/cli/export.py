"""`recorder export TRACE… --to FORMAT -o OUT`: traces for other tools."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recorder.cli import failure
from recorder.cli.console import count, printable, warn

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CORRUPT = 3
MOST_TOLD = 5  # traces that are not whole


def add_parser(subparsers: Subparsers) -> None:
    from recorder.export import FORMATS

    rows = "\n".join(f"  {name:<11} {format.what}" for name, format in FORMATS.items())
    parser = subparsers.add_parser(
        "export",
        help="traces in the formats other tools open",
        description="Write traces in a format that other tools open. The tables of parquet are one dataset\n"
        "for any number of traces, which is made, or extended if it is there; of the other formats\n"
        "each trace gets a file of its own.",
        epilog=f"formats:\n{rows}\n\nExit status: 0, or 3 if something of the trace could not be "
        "read; what could be is exported.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("traces", metavar="TRACE", nargs="+", help="what `recorder run` wrote")
    parser.add_argument("--to", metavar="FORMAT", required=True, help="one of those below")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the file or folder to write (default: named after TRACE, in the current folder)",
    )
    parser.add_argument(
        "--budget", type=int, metavar="BYTES", help="of html: so large at most (default: 5000000)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder import errors, export

    format = export.format_named(args.to)
    if args.output and len(args.traces) > 1 and format.name != "parquet":
        raise errors.InvalidArgumentError(
            f"{len(args.traces)} traces do not go into one file of {format.name}; "
            "without -o each gets one of its own",
            argument="output", value=args.output,
        )  # fmt: skip
    if not args.output and len(args.traces) > 1 and format.name == "parquet":
        raise errors.InvalidArgumentError(
            "several traces make one dataset: -o says where", argument="output", value=""
        )
    done = []
    with cleaning_up():
        for trace in args.traces:
            output = args.output or default_output(trace, format.suffix, args.to)
            with progress(f"exporting to {format.name}") as on_progress:
                one = export.export(
                    trace, format.name, output, on_progress=on_progress, budget=args.budget
                )
            done.append(one)
            if sys.stderr is not None and sys.stderr.isatty():
                warn(f"recorder: {count(one.events, 'event')} → {printable(one.path)}")
    tell([(trace, one.notice) for trace, one in zip(args.traces, done, strict=True)])
    return CORRUPT if any(one.verdict.startswith("corrupt") for one in done) else 0


def tell(notices: list[tuple[str, str]]) -> None:
    """What traces lack, of so many that it is read."""
    told = [(trace, notice) for trace, notice in notices if notice]
    for trace, notice in told[:MOST_TOLD]:
        name = f"{trace}: " if len(notices) > 1 else ""
        warn(f"recorder: {printable(name + notice)}")
    if len(told) > MOST_TOLD:
        more = len(told) - MOST_TOLD
        warn(
            f"recorder: and {count(more, 'more trace')} that {'is' if more == 1 else 'are'} not whole"
        )


def default_output(trace: str, suffix: str, format: str) -> str:
    """app.rtrace → app.json; a folder gets the name of its format."""
    stem = os.path.splitext(os.path.basename(os.path.normpath(trace)))[0]
    return f"{stem}-{format}" if suffix == "/" else f"{stem}{suffix}"


@contextmanager
def cleaning_up() -> Iterator[None]:
    """A signal that ends the command lets it remove what it has begun, and then ends it."""
    caught: list[int] = []

    def stop(number: int, frame: Any) -> None:
        caught.append(number)
        raise KeyboardInterrupt  # audit: as Ctrl-C does, and then by the signal itself

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            failure.die_by_signal(caught[0])


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr, if a person looks at it, and rich is there to draw one."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        yield None
        return

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    )  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    with bar:
        task = bar.add_task(title, total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            bar.refresh()

        yield on_progress
