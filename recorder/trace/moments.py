"""A moment of a recording as a person says it: an event's number, a time since the beginning, a part of the whole."""

from __future__ import annotations

import re
from typing import Final

from recorder import errors
from recorder.trace.reader import Trace

EXPECTED: Final = (
    "an event's number, a time since the beginning (1.5s, 20ms, 300us) or a part (25%)"
)
SPOKEN: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)(ns|us|µs|ms|s|%)?", re.ASCII)
DIGITS: Final = {
    "ns": 0,
    "us": 3,
    "µs": 3,
    "ms": 6,
    "s": 9,
}  # that a nanosecond is behind the point


@errors.guarded("read")
def event_at(trace: Trace, text: str, argument: str) -> int:
    """The number of the first event at or behind that moment; behind the last one it is the last one. A number is taken
    as it is. Raises INVALID_ARGUMENT."""
    number = border_at(trace, text, argument)
    if text.strip().isdecimal():
        return number
    first, end = trace._queries.bounds
    return max(first, min(number, end - 1))


@errors.guarded("read")
def border_at(trace: Trace, text: str, argument: str) -> int:
    """As `event_at`, for the beginning or end of a range: behind the last event it is the number that comes next."""
    spoken = SPOKEN.fullmatch(text.strip())
    if spoken is None or (spoken[2] is None and "." in spoken[1]):
        raise errors.InvalidArgumentError(argument=argument, value=text, expected=EXPECTED)
    number, unit = spoken[1], spoken[2]
    if unit is None:
        return int(number)
    first_of_all, end = trace._queries.bounds
    if unit == "%":
        return first_of_all + int((end - first_of_all) * min(float(number), 100) / 100)
    whole, _, rest = number.partition(".")
    nanoseconds = int(whole + rest[: DIGITS[unit]].ljust(DIGITS[unit], "0"))
    since = int(trace.header["started"]) + min(nanoseconds, 2**62)
    first = next(trace.find(since=min(since, 2**63 - 1)), None)
    return end if first is None else first.seq
