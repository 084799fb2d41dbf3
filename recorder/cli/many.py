"""Commands that take many traces: one that cannot be opened does not keep the others from being told of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli import failure

if TYPE_CHECKING:
    from recorder.trace.reader import Trace


def each(args: argparse.Namespace, show_one: Callable[[Trace], int]) -> int:
    """`tell` of every one of `args.traces`; the greatest exit status, of failures as well. Of a single one the failure
    is raised."""
    from recorder.trace.reader import open_trace

    status = 0
    for path in args.traces:
        try:
            with open_trace(path) as trace:
                status = max(status, show_one(trace))
        except errors.RecorderError as exc:
            if len(args.traces) == 1:
                raise
            wanted = failure.json_errors_wanted(args.json_errors)
            status = max(status, failure.report(exc, wanted))
    return status
