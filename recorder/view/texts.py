"""The texts of a trace, with how often each line ran; and what the trace is."""

from __future__ import annotations

import shlex
from collections import Counter
from math import inf
from time import monotonic
from typing import Any, Final

from recorder import errors
from recorder.export.text import notice as notice_of
from recorder.trace.container.file import UNREADABLE
from recorder.trace.filters import is_own
from recorder.trace.listing import counted, lines_of_code
from recorder.trace.origins import REASONS
from recorder.trace.reader import Source, Trace
from recorder.version import VERSION
from recorder.view.moments import first_stop
from recorder.view.parameters import Parameters

SOON: Final = 0.3  # seconds of counting for one answer
WINDOW: Final = 1_000_000  # events that are counted before it is looked at the clock


def about(trace: Trace, _: Parameters) -> dict[str, Any]:
    """What the page says first. At no cost: nothing is checked for it that was not read."""
    first, end = trace._queries.bounds
    argv = trace.meta.get("argv")
    command = shlex.join(map(str, argv)) if isinstance(argv, list) else trace.path
    return {
        "path": trace.path,
        "command": command,
        "events": len(trace),
        "first": first,
        "end": end,
        "begin_at": first_stop(trace),
        "started": trace.header["started"],
        "duration_ns": trace.closing.get("duration_ns"),
        "exit_status": trace.exit_status,
        "python": trace.meta.get("python"),
        "recorder": VERSION,
        "notice": notice_of(trace, checked=False) or None,
    }


def checked(trace: Trace, _: Parameters) -> dict[str, Any]:
    """What is to be said of a trace that is not whole, once all of it was checked. `gaps`: the events that cannot be
    read, from the first one to the one behind the last."""
    verdict = trace.verdict
    return {
        "verdict": str(verdict),
        "state": verdict.state,
        "notice": notice_of(trace) or None,
        "gaps": gaps(trace),
    }


def gaps(trace: Trace) -> list[list[int]]:
    """Where the numbers of the events jump."""
    found: list[list[int]] = []
    first, end = trace._queries.bounds
    expected = first
    is_whole = trace.verdict == "complete"  # and every chunk was read for that
    for chunk in trace._queries._chunks(first, end):
        head = chunk.head
        if head.first_event > expected:
            found.append([expected, head.first_event])
        try:
            if not is_whole:
                trace._file.payload(chunk)
        except UNREADABLE:
            found.append([head.first_event, head.first_event + head.events])
        expected = max(expected, head.first_event + head.events)
    return found


def source(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """A text, by its checksum; or why there is none of a file."""
    found = _text(trace, asked)
    if found is None:
        file = asked.needed("file")
        missing = trace.why_missing(file) or "not_found"
        return {
            "file": file,
            "sha256": None,
            "lines": [],
            "doubt": None,
            "missing": REASONS.get(missing, missing),
        }
    return {
        "file": found.path,
        "sha256": found.sha256,
        "lines": found.lines,
        "doubt": found.why if found.doubt else None,
        "missing": None,
    }


def counts(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """How often each line of a text ran, by the events from `start` on: null where no code begins. `soon`: so many
    events as can be looked through in a moment, for who shows what there is so far. `next`: where to go on."""
    found = _text(trace, asked)
    first, end = trace._queries.bounds
    start = min(max(asked.number("start", first), first), end)
    if found is None:
        return {"file": asked.needed("file"), "times": [], "next": None}
    until = monotonic() + SOON if asked.flag("soon") else inf
    ran: Counter[int] = Counter()
    while start < end:
        stop = min(start + WINDOW, end)
        ran.update(counted(trace, found, start, stop))
        start = stop
        if monotonic() > until:
            break
    code = lines_of_code(found.text, found.path)
    lines = range(1, len(found.lines) + 1)
    return {
        "file": found.path,
        "times": [ran[line] if ran[line] or line in code else None for line in lines],
        "next": start if start < end else None,
    }


def _text(trace: Trace, asked: Parameters) -> Source | None:
    file, sha256 = asked.needed("file"), asked.text("sha256")
    for one in trace.all_sources:
        if one.path == file and (sha256 is None or one.sha256 == sha256):
            return one
    if sha256 is not None:
        raise errors.NotInTraceError(
            f"the trace has no text {sha256} of {file}", what="text", name=file, near=""
        )
    return None


def files(trace: Trace, _: Parameters) -> dict[str, Any]:
    """Which texts there are; the program's own first."""
    rows = [
        {"file": one.path, "sha256": one.sha256, "own": is_own(one.path)}
        for one in trace.all_sources
    ]
    rows.sort(key=lambda row: (not row["own"], row["file"]))
    return {"rows": rows}
