"""Moments and durations as numpy and pandas keep them: a number, and the unit that it counts from 1970 on."""

from __future__ import annotations

import datetime
import re
from typing import Final

NOT_A_TIME: Final = -(1 << 63)
UNITS: Final = ("Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
SECONDS: Final = {"W": 604800, "D": 86400, "h": 3600, "m": 60, "s": 1}
DIGITS: Final = {"ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
_DTYPE: Final = re.compile(r"[<>=|]?([Mm])8(?:\[(\d*)([A-Za-z]+)\])?")
EPOCH: Final = datetime.date(1970, 1, 1).toordinal()


def unit_of(dtype: str) -> tuple[bool, int, str] | None:
    """Of `M8[25s]`: whether it is a duration, how many of which unit; a unit of `generic` has none."""
    match = _DTYPE.fullmatch(dtype)
    if match is None:
        return None
    kind, count, unit = match.groups()
    return kind == "m", int(count or 1), unit or ""


def unit_number(unit: str) -> int:
    return UNITS.index(unit) if unit in UNITS else -1


def datetime_text(number: int, unit: str, separator: str = "T") -> str:
    """As numpy shows it: 2020-01-01, 2020-01-01T12:00:00.000001."""
    if number == NOT_A_TIME:
        return "NaT"
    if unit == "Y":
        return f"{1970 + number:04}"
    if unit == "M":
        return f"{1970 + number // 12:04}-{number % 12 + 1:02}"
    seconds, fraction = _seconds(number, unit)
    days, rest = divmod(seconds, 86400)
    if not 1 <= days + EPOCH <= datetime.date.max.toordinal():
        return f"{number} {unit} since 1970"
    date = datetime.date.fromordinal(days + EPOCH).isoformat()
    if unit in ("W", "D"):
        return date
    hours = f"{rest // 3600:02}"
    if unit != "h":
        hours += f":{rest // 60 % 60:02}"
    return (
        date + separator + hours + (f":{rest % 60:02}{fraction}" if unit not in ("h", "m") else "")
    )


def short_datetime(number: int, unit: str) -> str:
    """Without what is zero: 2020-01-01, 2020-01-01 12:30:00."""
    text = datetime_text(number, unit, " ")
    date, _, time = text.partition(" ")
    if not time or not time.strip("0:."):
        return date
    return text.rstrip("0").rstrip(".") if "." in time else text


def duration_text(number: int, unit: str) -> str:
    """As pandas shows it: 1 days 00:00:01.500000."""
    if number == NOT_A_TIME:
        return "NaT"
    if unit in ("Y", "M", ""):
        return f"{number} {unit or 'units'}"
    seconds, fraction = _seconds(number, unit)
    days, rest = divmod(seconds, 86400)
    sign = "+" if days < 0 else ""
    if fraction and fraction.strip(".0") == "":
        fraction = ""
    elif unit == "ns" and fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{days} days {sign}{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}{fraction}"


def _seconds(number: int, unit: str) -> tuple[int, str]:
    """Whole seconds, and what is behind the point."""
    if unit in SECONDS:
        return number * SECONDS[unit], ""
    digits = DIGITS.get(unit, 0)
    seconds, fraction = divmod(number, 10**digits)
    return seconds, f".{fraction:0{digits}}" if digits else ""


def whole_seconds(number: int, unit: str) -> int | None:
    """Since 1970; None of what has no seconds."""
    if number == NOT_A_TIME or not (unit in SECONDS or unit in DIGITS):
        return None
    return _seconds(number, unit)[0]


def units_in(seconds: int, unit: str) -> int:
    if unit in SECONDS:
        return seconds // SECONDS[unit]
    scale: int = 10 ** DIGITS.get(unit, 0)
    return seconds * scale
