"""Periods of pandas: how many of something have passed since 1970, as pandas writes them."""

from __future__ import annotations

from typing import Any, Final

from recorder.trace.format import TAG_FORM, Form
from recorder.trace.values import datetimes
from recorder.trace.values.nodes import Node

# What is counted, by the thousands of pandas' number of the frequency: those that are as numpy has them.
UNITS: Final = {6: "D", 7: "h", 8: "m", 9: "s", 10: "ms", 11: "us", 12: "ns"}
THURSDAY: Final = 3  # 1970 begins with one


def period_text(number: Any, frequency: Any) -> str:
    """2020, 2020Q1, 2020-01, 2020-01-02: of the number of a frequency; the number itself where that is not known."""
    if number == datetimes.NOT_A_TIME:
        return "NaT"
    if not isinstance(number, int) or not isinstance(frequency, int):
        return str(number)
    kind, which = divmod(frequency, 1000)
    if kind == 1:
        return f"{1970 + number:04}"
    if kind == 2:
        return f"{1970 + number // 4:04}Q{number % 4 + 1}"
    if kind == 3:
        return datetimes.datetime_text(number, "M")
    if kind == 4:
        last = 7 * number + which - 4
        return f"{_date(last - 6)}/{_date(last)}"
    if kind == 5:
        weeks, day = divmod(number + THURSDAY, 5)
        return _date(7 * weeks + day - THURSDAY)
    text = datetimes.datetime_text(number, UNITS.get(kind, ""), " ")
    return text + ":00" if kind == 7 else text


def _date(days: int) -> str:
    return datetimes.datetime_text(days, "D")


def facts_of(dtype: Any) -> tuple[Any, str | None]:
    """Of a PERIOD_DTYPE: the number of the frequency, and what pandas calls it."""
    if not isinstance(dtype, Node) or dtype.tag != TAG_FORM or dtype.size != Form.PERIOD_DTYPE:
        return None, None
    number, _, name = [*dtype.items, None, None, None][:3]
    return number, name if isinstance(name, str) else None
