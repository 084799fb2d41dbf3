"""`recorder recover`: what a killed recording left becomes a trace."""

from __future__ import annotations

import argparse

from recorder.cli.console import printable, write


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "recover",
        help="turn what a killed recording left into a trace",
        description="Turns the staging folder of a recording whose program and sealer were both "
        "killed into a trace, marked truncated, and removes the folder.",
    )
    parser.add_argument(
        "path", metavar="PATH", help="the .NAME.partial-… folder, or the trace it was to become"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="the trace to write (default: as was recorded)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace import recovery
    from recorder.trace.container import blocks

    path, record = recovery.recover(args.path, args.output)
    lost = f", {record.lost_events} lost" if record.lost_events else ""
    state = blocks.STATES[record.state]
    write(printable(f"{path}: {state}, {record.events} events{lost}"))
    return 0
