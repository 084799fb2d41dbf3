"""What a clock in a time zone shows: moments are kept as those of UTC."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from recorder.trace.format import TAG_FORM, TAG_TIMEDELTA, Form
from recorder.trace.values import datetimes
from recorder.trace.values.nodes import Node
from recorder.trace.values.stdlib_values import make_timedelta


def name_of(zone: Any) -> str | None:
    """Europe/Berlin, UTC, UTC+02:00; None of one that has no name that is known here."""
    if not isinstance(zone, Node):
        return None
    if zone.tag == TAG_FORM and zone.size == Form.ZONE_INFO:
        [key] = zone.items
        return key if isinstance(key, str) else None
    offset = _fixed(zone)
    if offset is None:
        return "UTC" if zone.type in (("pytz", "UTC"), ("dateutil.tz.tz", "tzutc")) else None
    name = zone.items[1][1]
    return name if isinstance(name, str) else str(datetime.timezone(offset))


def _fixed(zone: Node) -> datetime.timedelta | None:
    """Of a datetime.timezone."""
    if zone.type != ("datetime", "timezone") or len(zone.items) < 2:
        return None
    offset = zone.items[0][1]
    if not isinstance(offset, Node) or offset.tag != TAG_TIMEDELTA:
        return None
    return make_timedelta(offset.items)


def offset_at(number: int, unit: str, zone: Any) -> datetime.timedelta | None:
    """How far its clock was ahead of UTC then; None where that is not known here."""
    if not isinstance(zone, Node):
        return None
    if name_of(zone) == "UTC":
        return datetime.timedelta(0)
    fixed = _fixed(zone)
    seconds = datetimes.whole_seconds(number, unit)
    if fixed is not None or seconds is None or zone.tag != TAG_FORM:
        return fixed
    try:
        moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
            seconds=seconds
        )
        return moment.astimezone(zoneinfo.ZoneInfo(name_of(zone) or "")).utcoffset()
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError, OverflowError):
        return None


def offset_text(offset: datetime.timedelta, colon: str) -> str:
    """+02:00, with what is to stand between hours and minutes."""
    minutes, seconds = divmod(int(offset.total_seconds()), 60)
    hours, minutes = divmod(abs(minutes), 60)
    sign = "-" if offset < datetime.timedelta(0) else "+"
    return f"{sign}{hours:02}{colon}{minutes:02}" + (f"{colon}{seconds:02}" if seconds else "")


def local(number: int, unit: str, offset: datetime.timedelta) -> int:
    """The number of the moment at which a clock of UTC shows what the zone's shows then."""
    return number + datetimes.units_in(int(offset.total_seconds()), unit)
