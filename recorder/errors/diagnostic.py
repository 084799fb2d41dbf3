"""What a diagnostic says besides the failure itself. Loaded only when there is a failure to report."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from recorder.errors.text import scalar
from recorder.version import VERSION

SCHEMA = 1
# What differs between failures of one run; recorder/_core/session/exit_diagnostic.h writes these for itself.
VARYING = {
    *("code", "number", "kind", "title", "detail", "hint", "doc_url", "errno", "errno_name"),
    *("disposition", "exit_code", "trace", "time"),
}
DISPOSITIONS = ("degrade", "disable", "abort", "raise")


def surroundings() -> dict[str, Any]:
    """Where and when this is."""
    return {
        "pid": os.getpid(),
        "recorder_version": VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": "-".join([sys.platform, *machine()]),
        "time": timestamp(time.time()),
    }


def machine() -> list[str]:
    return [os.uname().machine] if hasattr(os, "uname") else []


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    whole = int(seconds)
    milliseconds = int((seconds - whole) * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"


def facts(value: object) -> dict[str, Any]:
    """What is an object of JSON, as far as it can be facts."""
    if type(value) is not dict:
        return {}
    return {key: fact for key, fact in value.items() if type(key) is str}


def text(value: object) -> str | None:
    return None if value is None else str(scalar(value))


def number(value: object) -> int | None:
    return value if type(value) is int else None
