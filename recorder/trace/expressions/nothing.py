"""Objects of which it is known that they have no length, no items, and are no numbers: locks, sockets, patterns. What
is asked of them is refused as Python refuses it."""

from __future__ import annotations

import functools
from typing import Any, Final

from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import (
    TAG_FORM,
    TAG_FUNCTION,
    TAG_GENERATOR,
    TAG_INT_CUT,
    TAG_MODULE,
    Form,
)
from recorder.trace.values.exceptions import exception_of
from recorder.trace.values.nodes import Node

WITH_NOTHING: Final = (
    Form.PARTIAL, Form.PATTERN, Form.LOCK, Form.RLOCK, Form.CONTEXT_VAR, Form.CONTEXT_TOKEN, Form.SOCKET,
    Form.ZONE_INFO, Form.PROPERTY, Form.STATICMETHOD, Form.CLASSMETHOD,
)  # fmt: skip
# Those that have some of it, and are true all the same.
TRUE: Final = (
    *WITH_NOTHING, Form.FUTURE, Form.TASK, Form.BYTES_IO, Form.STRING_IO, Form.FILE, Form.BUFFERED, Form.TEXT_FILE,
    Form.ITERATOR, Form.MATCH, Form.GENERIC_ALIAS, Form.UNION, Form.DTYPE,
)  # fmt: skip
TRUE_TAGS: Final = (TAG_FUNCTION, TAG_MODULE, TAG_GENERATOR, TAG_INT_CUT)


def is_always_true(node: Node) -> bool:
    """Whether all of its type are: it has neither a length nor a truth of its own."""
    module, name = node.type or ("", "")
    if node.tag == TAG_FORM:
        return node.size in TRUE or (node.size == Form.WEAKREF and "Proxy" not in name)
    return node.tag in TRUE_TAGS or (module == "builtins" and exception_of(node) is not None)


def _undecided(self: Nothing, *_: object) -> Any:
    raise Undecided(self.reason)


class Nothing:
    """One of these. Each type has a class of its own, of its name, by which Python names it where it refuses."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    __eq__ = __ne__ = __str__ = __repr__ = __format__ = __call__ = _undecided
    __hash__ = _undecided


def nothing_of(node: Node, path: str) -> Nothing:
    name = (node.type or ("", "?"))[1]
    return _class_called(name)(f"only code of {name} could tell it of {path}")


@functools.lru_cache(64)
def _class_called(name: str) -> type[Nothing]:
    return type(name, (Nothing,), {"__slots__": ()})
