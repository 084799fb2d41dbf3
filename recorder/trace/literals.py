"""What stands in the bytes of every value in which a regular expression matches: most are passed over by it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

# Values without text are spelled so.
SPELLED: Final = "True False None Ellipsis NotImplemented nan inf nanj infj"
# In ASCII, and by `repr` of bytes neither escaped nor, where it begins so, a part of an escape (`\xab`, `\n`) or of a
# number.
LITERAL: Final = re.compile(r"[A-Zg-mo-qsu-wyz_][A-Za-z0-9_ ]+")
REPEATS: Final = (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT)


def literal_in(pattern: re.Pattern[str]) -> str:
    """A text that stands in everything that it matches; empty if none is known."""
    if pattern.flags & re.IGNORECASE:
        return ""
    try:
        runs = list(_runs(_parser.parse(pattern.pattern, pattern.flags)))
    except (re.error, RecursionError, OverflowError):
        return ""
    found = [word for run in runs for word in LITERAL.findall(run) if word not in SPELLED]
    return max(found, key=len, default="")


def _runs(parsed: Iterable[tuple[Any, Any]]) -> Iterable[str]:
    """The runs of characters that stand in every match."""
    run = ""
    for kind, value in parsed:
        if kind is _parser.LITERAL:
            run += chr(value)
            continue
        yield run
        run = ""
        if kind is _parser.SUBPATTERN and not value[1] & re.IGNORECASE:
            yield from _runs(value[3])
        elif kind in REPEATS and value[0] > 0:
            yield from _runs(value[2])
    yield run
