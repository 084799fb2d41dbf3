"""Numbers of numpy's that have fewer bits than Python's."""

from __future__ import annotations

import struct
from typing import Any, Final

SHORT_FLOATS: Final = {"float32": "f", "float16": "e", "complex64": "f"}


def as_shown(value: Any, dtype: str) -> Any:
    """A float of 32 or 16 bits as numpy shows it: with no more digits than it takes to tell it from others."""
    form = SHORT_FLOATS.get(dtype)
    if form is None:
        return value
    if isinstance(value, complex):
        return complex(_shortest(value.real, form), _shortest(value.imag, form))
    return _shortest(value, form) if isinstance(value, float) else value


def _shortest(value: float, form: str) -> float:
    packed = struct.pack(form, value)
    for digits in range(1, 9):
        shorter = float(f"{value:.{digits}g}")
        try:
            if struct.pack(form, shorter) == packed:
                return shorter
        except OverflowError:  # rounded up, beyond the largest there is
            continue
    return value
