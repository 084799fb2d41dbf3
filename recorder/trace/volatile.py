"""What has to differ from run to run and says nothing: addresses, ids of threads and processes, times, temporary names.

A pair of values is passed over only where both look the part: each is an address, or each lies in the time of its own
recording. Everything else that differs is a difference, be it random.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from typing import Any, Final

from recorder.trace.format import TAG_DATE, TAG_DATETIME
from recorder.trace.reader import Trace
from recorder.trace.values.nodes import Node, kind_of

ADDRESS_IN_TEXT: Final = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
TEMPORARY_NAME: Final = re.compile(r"\btmp[a-z0-9_]{8}(?![a-z0-9_])")  # as tempfile makes them
NUMBER_IN_TEXT: Final = re.compile(r"\d+(?:\.\d+)?")
LOWEST_ADDRESS: Final = 1 << 40  # where Linux maps what programs ask for, and most objects are
HIGHEST_ADDRESS: Final = 1 << 47
ALIGNMENT: Final = 16  # of objects and of thread ids
SLACK: Final = 86_400 * 10**9  # a file that was made the day before, and any time zone
UNITS: Final = (1, 10**3, 10**6, 10**9)  # ns to s


class Run:
    """What is known of the run that a trace is of."""

    def __init__(self, trace: Trace) -> None:
        self.begin = int(trace.header["started"])
        duration = trace.closing.get("duration_ns")
        self.end = self.begin + (duration if isinstance(duration, int) else 0)
        self.before_epoch = trace.clock_offset
        self.cwd = str(trace.meta.get("cwd") or "")
        self.ids = {thread.native_id for thread in trace.threads} | {trace.meta.get("pid")}

    def is_time(self, number: float) -> bool:
        """Whether it is a time of this run: since 1970, or of the monotonic clock, in whatever unit."""
        if any(self.begin - SLACK <= number * unit <= self.end + SLACK for unit in UNITS):
            return True
        monotonic = number * 10**9 if isinstance(number, float) else number
        return self.begin <= monotonic + self.before_epoch <= self.end + 10**9


class Volatile:
    """Of two runs. `passed`: what was passed over, by kind."""

    def __init__(self, a: Trace, b: Trace) -> None:
        self.a = Run(a)
        self.b = Run(b)
        self.passed: Counter[str] = Counter()

    def same(self, a: Any, b: Any) -> bool:
        """Whether two parts that are not equal differ only as they have to."""
        kind = self._kind(a, b)
        if kind:
            self.passed[kind] += 1
        return bool(kind)

    def _kind(self, a: Any, b: Any) -> str:
        if kind_of(a) is not kind_of(b) or isinstance(a, bool):
            return ""
        if isinstance(a, int):
            return self._of_ints(a, b)
        if isinstance(a, float):
            return "time" if self.a.is_time(a) and self.b.is_time(b) else ""
        if isinstance(a, (bytes, bytearray)):
            return self._of_texts(a.decode("latin-1"), b.decode("latin-1"))
        if isinstance(a, str):
            return self._of_texts(a, b)
        if isinstance(a, Node) and a.tag == b.tag and a.tag in (TAG_DATE, TAG_DATETIME):
            return "time" if _is_day(a, self.a) and _is_day(b, self.b) else ""
        return ""

    def _of_ints(self, a: int, b: int) -> str:
        if a in self.a.ids and b in self.b.ids:
            return "id of a thread or process"
        if self.a.is_time(a) and self.b.is_time(b):
            return "time"
        return "address" if _is_address(a) and _is_address(b) else ""

    def _of_texts(self, a: str, b: str) -> str:
        for kind, pattern in (("address", ADDRESS_IN_TEXT), ("temporary name", TEMPORARY_NAME)):
            left, right = pattern.sub("", a), pattern.sub("", b)
            if (left, right) != (a, b) and left == right:
                return kind
            a, b = left, right
        left, right = _without(a, self.a.cwd), _without(b, self.b.cwd)
        if left == right:
            return "folder"
        return self._of_numbers(left, right)

    def _of_numbers(self, a: str, b: str) -> str:
        """Texts that are the same but for numbers, such as the ids and times in a line of a log."""
        if NUMBER_IN_TEXT.sub("", a) != NUMBER_IN_TEXT.sub("", b):
            return ""
        pairs = zip(NUMBER_IN_TEXT.findall(a), NUMBER_IN_TEXT.findall(b), strict=True)
        kinds = set()
        for left, right in pairs:
            if left == right:
                continue
            if len(left) > 25 or len(right) > 25:
                return ""
            if "." in left or "." in right:
                kinds.add(self._kind(float(left), float(right)))
            else:
                kinds.add(self._of_ints(int(left), int(right)))
        return "" if "" in kinds or not kinds else min(kinds)


def _is_address(number: int) -> bool:
    return LOWEST_ADDRESS < number < HIGHEST_ADDRESS and not number % ALIGNMENT


def _without(text: str, folder: str) -> str:
    return text.replace(folder, ".") if len(folder) > 1 else text


def _is_day(node: Node, run: Run) -> bool:
    facts = node.items if node.tag == TAG_DATE else node.items[0]
    try:
        year, month, day = facts[:3]
        at = datetime.datetime(year, month, day, tzinfo=datetime.UTC).timestamp() * 10**9
    except ValueError:
        return False
    return run.begin - 2 * SLACK <= at <= run.end + 2 * SLACK
