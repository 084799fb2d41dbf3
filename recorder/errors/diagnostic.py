"""A failure as a JSON object, and back. Loaded only when there is a failure to tell of."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from recorder.errors import arguments, base, conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.errors.base import RecorderError

SCHEMA = 1
MAX_CAUSES = 10
# What differs between failures of one run; recorder/_core/session/exit_diagnostic.h writes these for itself.
VARYING = {
    *("code", "number", "kind", "title", "detail", "hint", "doc_url", "errno", "errno_name"),
    *("disposition", "exit_code", "trace", "time"),
}
DISPOSITIONS = ("degrade", "disable", "abort", "raise")


def to_dict(
    error: RecorderError,
    *,
    disposition: str = "raise",
    run_id: str | None = None,
    trace_id: str | None = None,
    events: int | None = None,
    thread: int | None = None,
    stage: str | None = None,
) -> dict[str, Any]:
    """The diagnostic of a failure: its own facts, and those of the run it happened in."""
    if type(disposition) is not str or disposition not in DISPOSITIONS:
        raise arguments.wrong("disposition", disposition, ", ".join(DISPOSITIONS))
    stage = stage if stage is not None else _text(error.context.get("stage"))
    return {
        "schema": SCHEMA,
        "code": error.error_name,
        "number": error.number,
        "kind": error.kind.name.lower(),
        "title": error.title,
        "detail": error.message,
        "hint": error.hint,
        "doc_url": error.doc_url,
        "context": dict(error.context),
        "errno": error.errno,
        "errno_name": conversion.errno_name(error.errno) or None,
        "disposition": disposition,
        "exit_code": error.exit_code,
        "run_id": _text(run_id),
        "trace_id": _text(trace_id),
        "trace": {
            "path": error.trace_path,
            "state": error.trace_state,
            "events": _number(events),
            "events_lost": error.events_lost,
        },
        "pid": os.getpid(),
        "thread": _number(thread),
        "stage": _text(stage),
        "causes": causes(error),
        "recorder_version": conversion.recorder_version(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": "-".join([sys.platform, *machine()]),
        "time": timestamp(time.time()),
    }


def from_dict(diagnostic: Mapping[str, Any]) -> RecorderError:
    """The exception of a diagnostic, of this version or another one's. Raises InvalidArgumentError for
    what is no diagnostic."""
    if type(diagnostic) is not dict or type(diagnostic.get("number")) is not int:
        raise arguments.wrong("diagnostic", diagnostic, "a diagnostic with its number")
    trace, context = (_facts(diagnostic.get(name)) for name in ("trace", "context"))
    return conversion.from_number(
        diagnostic["number"],
        diagnostic.get("detail"),
        **{
            **context,
            "errno": diagnostic.get("errno"),
            "trace_path": trace.get("path"),
            "trace_state": trace.get("state"),
            "events_lost": trace.get("events_lost"),
        },
    )


def causes(error: BaseException) -> list[dict[str, str]]:
    """What led to it, the nearest first."""
    found: list[dict[str, str]] = []
    cause = error.__cause__
    while cause is not None and len(found) < MAX_CAUSES:
        found.append({"type": type(cause).__name__, "detail": conversion.text_of(cause)})
        cause = cause.__cause__
    return found


def machine() -> list[str]:
    return [os.uname().machine] if hasattr(os, "uname") else []


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    whole = int(seconds)
    milliseconds = int((seconds - whole) * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"


def _facts(value: object) -> dict[str, Any]:
    """What is an object of JSON, as far as it can be facts."""
    if type(value) is not dict:
        return {}
    return {key: fact for key, fact in value.items() if type(key) is str}


def _text(value: object) -> str | None:
    return None if value is None else str(base.scalar(value))


def _number(value: object) -> int | None:
    return value if type(value) is int else None
