"""Floats of 80 bits, as the processors of Intel have them, and C's `long double` on these: numpy's longdouble."""

from __future__ import annotations

import decimal
import platform
from fractions import Fraction
from typing import Any, Final

from recorder.trace.format import TAG_FORM, Form
from recorder.trace.values.nodes import Node

BYTES: Final = 10  # what stands behind them only fills up
BIAS: Final = 16383 + 63
MOST: Final = 0x7FFF  # the exponent of what is no number
ARE_HERE: Final = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
DIGITS: Final = 21  # that are always enough
KIND: Final = ("numpy", "longdouble")


def long_double(data: bytes) -> Node:
    """As a number of decimal digits, no more than it takes to tell it from others."""
    mantissa = int.from_bytes(data[:8], "little")
    exponent = int.from_bytes(data[8:BYTES], "little")
    sign = "-" if exponent >> 15 else ""
    return Node(TAG_FORM, KIND, Form.DECIMAL, [sign + _text(mantissa, exponent & MOST)])


def long_complex(data: bytes) -> complex:
    """With as many digits as a complex has."""
    real, imaginary = (float(shown(long_double(part))) for part in (data[:16], data[16:]))
    return complex(real, imaginary)


def _text(mantissa: int, exponent: int) -> str:
    if exponent == MOST:
        return "NaN" if mantissa << 1 & ~(1 << 64) else "Infinity"
    if mantissa == 0:
        return "0.0"
    scale = max(exponent, 1) - BIAS
    value, half = Fraction(mantissa) * Fraction(2) ** scale, Fraction(2) ** (scale - 1)
    for digits in range(1, DIGITS + 1):
        context = decimal.Context(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
        shorter = context.divide(
            decimal.Decimal(value.numerator), decimal.Decimal(value.denominator)
        )
        if abs(Fraction(shorter) - value) < half:
            break
    return _with_point(format(shorter, "f" if -5 < shorter.adjusted() < 16 else "e"))


def _with_point(text: str) -> str:
    """As numpy shows it: 2.0, 1e+30."""
    return text if "." in text or "e" in text else f"{text}.0"


def is_long_double(value: Any) -> bool:
    return isinstance(value, Node) and value.size == Form.DECIMAL and value.type == KIND


def shown(value: Node) -> str:
    """Without the name of its type: inf, nan, 0.1."""
    text: str = value.items[0]
    return text.replace("Infinity", "inf").replace("NaN", "nan")
