"""`recorder output TRACE`: what the program wrote to stdout and stderr, byte for byte, or which line wrote it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import count, flush, printable, warn, write, write_bytes
from recorder.cli.queries import EXIT_STATUS, add_range, conclude, range_of
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.logs import Log
    from recorder.trace.output import Output

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "output",
        help="what the program wrote to stdout and stderr, and which line it was",
        description="The bytes as they were written, both streams in their order; with --seq or --json "
        "one line for what one event wrote.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument(
        "--stream",
        metavar="NAME",
        help="stdout, stderr, stdin (what it read) or all; else stdout and stderr",
    )
    parser.add_argument(
        "--seq", action="store_true", help="by events: number, place, stream and text"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    add_range(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.output import ALL_STREAMS, STREAMS
    from recorder.trace.reader import open_trace

    if args.stream is not None and args.stream not in (*STREAMS.values(), ALL_STREAMS):
        raise errors.InvalidArgumentError(
            argument="--stream", value=args.stream, expected="stdout, stderr, stdin or all"
        )
    missing = redacted = 0
    with open_trace(args.trace) as trace:
        for output in trace.output(args.stream, **range_of(trace, args)):
            missing += output.missing
            redacted += output.redacted
            if args.json:
                write(json.dumps(as_json(output)))
            elif args.seq:
                write(as_line(output))
            else:
                write_bytes(output.data)
        flush()
        if missing:
            warn(
                f"recorder: {count(missing, 'byte')} more were written and not kept (capture_output)"
            )
        if redacted:
            warn("recorder: what looked like secrets is shown as `*` (redact)")
        return conclude(trace)


def as_json(output: Output) -> dict[str, Any]:
    """`text` is the bytes as UTF-8, others as `\\xNN`; where they are not UTF-8 they are there as `hex` as well."""
    facts: dict[str, Any] = {
        "seq": output.seq,
        "stream": output.stream,
        "text": output.text,
        "size": output.size,
        **place_as_json(output),
    }
    if "\\x" in output.text:
        facts["hex"] = output.data.hex()
    if output.waiting:
        facts["waiting"] = True
    if output.redacted:
        facts["redacted"] = True
    if output.during is not None:
        facts["during"] = output.during._asdict()
    return facts


def place_as_json(one: Output | Log) -> dict[str, Any]:
    """Who wrote or told it, and when."""
    return {
        "function": None if one.function is None else one.function.qualified_name,
        "file": one.file,
        "line": one.line,
        "frame": one.frame,
        "thread": None if one.thread is None else one.thread.number,
        "task": None if one.task is None else one.task.name,
        "time": one.time,
        "before": one.before,
    }


def as_line(output: Output) -> str:
    seq = "" if output.seq is None else output.seq
    line = f"{seq:>8}  {location(output)}  {text_of(output)}"
    return printable(line)


def location(output: Output) -> str:
    """Where it was written."""
    if output.function is None or output.file is None:
        return "(no line of what is recorded)"
    from recorder.trace.snapshots import title_of

    return f"{title_of(output.function)}  {base_name(output.file)}:{output.line}"


def text_of(output: Output) -> str:
    """`stdout: what was written`, without the end of its last line."""
    from recorder.trace.within import during

    text = output.text.removesuffix("\n")
    if output.missing:
        text += f"  [{output.missing:,} bytes not kept]"
    if output.waiting:
        text += "  [not yet written]"
    text += during(output.during)
    return f"{output.stream}: {text}"
