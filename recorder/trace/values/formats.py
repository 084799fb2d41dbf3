"""`f"{value:.2f}"`: a number, a text, a moment and the like is formatted as it itself would be, all else as the text
that str() gives."""

from __future__ import annotations

import datetime
import decimal
import fractions
import ipaddress
import pathlib
import uuid
from typing import Any, Final

from recorder import errors

NUMBERS: Final = (int, float, complex, decimal.Decimal, fractions.Fraction)
MOMENTS: Final = (datetime.date, datetime.time, datetime.timedelta)  # a datetime is a date
NAMES: Final = (
    str, uuid.UUID, pathlib.PurePath, ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)  # fmt: skip
SINGLE: Final = (*NUMBERS, *MOMENTS, *NAMES)


def formatted(value: Any, spec: str) -> str:
    """As `format(value, spec)` has it. Raises what Python does where the two do not go together."""
    try:
        made = None if value.unexamined else value.to_python()
    except errors.ValueUnreadableError:
        made = None
    if not isinstance(made, SINGLE):
        return format(str(value), spec)
    if type(made).__format__ is object.__format__:  # of a path, of a UUID
        return format(str(made), spec)
    return format(made, spec)
