"""Moments and durations of libraries as those of Python's that they are equal to, as far as Python has such."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any, Final

from recorder.trace.format import TAG_DATE, TAG_DATETIME, TAG_FORM, TAG_TIMEDELTA, Form
from recorder.trace.values import datetimes, zones
from recorder.trace.values.nodes import Node

MOST_MICROSECONDS: Final = (
    1900 * 365 * 86400 * 10**6
)  # from 1970 on, with which it is one of Python's
NOT_A_TIME: Final = datetimes.NOT_A_TIME
EPOCH: Final = datetime.datetime(1970, 1, 1)
ZERO: Final = datetime.timedelta(0)


def span_of(number: int, unit: str) -> datetime.timedelta | None:
    """So many of a unit; None of what Python cannot tell exactly."""
    if unit in datetimes.SECONDS:
        micros, rest = number * datetimes.SECONDS[unit] * 10**6, 0
    elif unit in datetimes.DIGITS:
        micros, rest = divmod(number * 10**6, 10 ** datetimes.DIGITS[unit])
    else:
        return None
    is_known = number != datetimes.NOT_A_TIME and not rest and abs(micros) < MOST_MICROSECONDS
    return datetime.timedelta(microseconds=micros) if is_known else None


def facts_of(node: Node) -> tuple[int, str, bool, Any]:
    """The number, its unit, whether it is a duration, and its time zone."""
    if node.size == Form.DATETIME64:
        is_duration, count, unit = datetimes.unit_of(node.items[1]) or (False, 0, "")
        is_missing = node.items[0] == datetimes.NOT_A_TIME
        return node.items[0] * (1 if is_missing else count), unit, is_duration, None
    number, unit = node.items[:2]
    name = datetimes.UNITS[unit] if 0 <= unit < len(datetimes.UNITS) else ""
    zone = node.items[2] if node.size == Form.TIMESTAMP else None
    return number, name, node.size == Form.TIMEDELTA64, zone


def as_of_pandas(node: Node) -> Node:
    """A Timestamp or a Timedelta."""
    number, unit, is_duration, zone = facts_of(node)
    facts = [number, datetimes.unit_number(unit)]
    if is_duration:
        return Node(TAG_FORM, ("pandas", "Timedelta"), Form.TIMEDELTA64, facts)
    return Node(TAG_FORM, ("pandas", "Timestamp"), Form.TIMESTAMP, [*facts, zone])


def as_of_python(node: Node) -> Node | None:
    """The date, datetime or timedelta that a DATETIME64, a TIMESTAMP or a TIMEDELTA64 is equal to; None of what Python
    cannot tell exactly."""
    number, unit, is_duration, zone = facts_of(node)
    span = span_of(number, unit)
    offset = ZERO if zone is None else zones.offset_at(number, unit, zone)
    if span is None or offset is None:
        return None
    if is_duration:
        facts = (span.days, span.seconds, span.microseconds)
        return Node(TAG_TIMEDELTA, ("datetime", "timedelta"), None, facts)
    made = EPOCH + span + offset
    day = (made.year, made.month, made.day)
    if unit == "D":
        return Node(TAG_DATE, ("datetime", "date"), None, day)
    fold = 0 if zone is None else _fold(made, zone, offset)
    time = (made.hour, made.minute, made.second, made.microsecond, fold)
    return Node(TAG_DATETIME, ("datetime", "datetime"), None, ((*day, *time), zone))


def _fold(shown: datetime.datetime, zone: Node, offset: datetime.timedelta) -> int:
    """1 where the clock of the zone shows this a second time."""
    if zone.tag != TAG_FORM or zones.name_of(zone) == "UTC":
        return 0
    first = shown.replace(tzinfo=zoneinfo.ZoneInfo(zones.name_of(zone) or ""))
    return int(first.utcoffset() != offset)
