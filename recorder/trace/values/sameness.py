"""Whether two recorded values were one object."""

from __future__ import annotations

from typing import Any, Final

from recorder.trace.format import TAG_CLASS, TAG_ENUM, TAG_ERROR, TAG_REDACTED
from recorder.trace.values.nodes import Node, identity_of, type_name

SINGLE: Final = (None, True, False, Ellipsis, NotImplemented)
PLAIN: Final = (int, float, complex, str, bytes)
HIDDEN: Final = (TAG_REDACTED, TAG_ERROR)


def same_object(a: Any, b: Any, at_once: bool) -> bool | None:
    """Of two trees; None where it is not known. `at_once`: both were seen at one moment."""
    mine, others = identity_of(a), identity_of(b)
    if mine is not None and others is not None:
        return mine.is_now(others) if at_once else mine.same_as(others)
    if any(isinstance(one, Node) and one.tag in HIDDEN for one in (a, b)):
        return None
    if any(one is single for one in (a, b) for single in SINGLE):
        return a is b
    if type_name(a) != type_name(b):
        return False
    if isinstance(a, PLAIN) and isinstance(b, PLAIN) and a == a and a != b:
        return False
    if isinstance(a, Node) and isinstance(b, Node) and a.tag == b.tag == TAG_ENUM:
        return bool(a.items[0][0] == b.items[0][0])
    if isinstance(a, Node) and isinstance(b, Node) and a.tag == b.tag == TAG_CLASS and a != b:
        return False
    return None
