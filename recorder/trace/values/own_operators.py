"""Operators of the objects themselves: of a value that is made anew as what it was, and is of a type of Python's or
of a library's, Python tells what an expression cannot. What is derived from such a type may have operators of its
own, which are the program's: it is not asked."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Final

from recorder import errors
from recorder.trace.format import TAG_ARRAY, TAG_EXCEPTION, TAG_FORM, TAG_INSTANCE, TAG_TYPED, Form
from recorder.trace.values.nodes import Node
from recorder.trace.values.to_python import Builder

KINDS: Final = (TAG_ARRAY, TAG_FORM, TAG_INSTANCE, TAG_TYPED)
TABLES: Final = ("numpy", "pandas", "pyarrow")
NOTHING: Final = object()
# What is equal to nothing but itself, or is used up by a look at it.
BY_IDENTITY: Final = (Form.ITERATOR, Form.BYTES_IO, Form.STRING_IO, Form.PARTIAL, Form.MATCH)


def object_of(tree: Any, except_for: Container[int] = BY_IDENTITY) -> Any:
    """NOTHING where it is not one that is made anew as what it was."""
    if not isinstance(tree, Node) or tree.tag not in KINDS:
        return NOTHING
    if tree.tag == TAG_FORM and tree.size in except_for:
        return NOTHING
    try:
        made = Builder().build(tree)
    except errors.RecorderError:
        return NOTHING
    return made if _is_same_type(tree, type(made)) else NOTHING


def _is_same_type(tree: Node, kind: type) -> bool:
    """A scalar of numpy's comes as the number that it is, which compares alike."""
    module, name = tree.type or ("", "")
    if tree.tag == TAG_ARRAY and not tree.items.shape:
        return module == "numpy"
    if tree.tag == TAG_TYPED or tree.tag == TAG_EXCEPTION:
        return (module, name) == (kind.__module__, kind.__qualname__)
    return name == kind.__qualname__ and module.partition(".")[0] in (
        kind.__module__.partition(".")[0],
        "_collections",
    )


def ask(operator: Callable[..., Any], *objects: Any) -> Any:
    """What the objects themselves say; TypeError comes as it is, NOTHING stands for what has no single answer."""
    try:
        said = operator(*objects)
    except TypeError:
        raise  # audit: Python's own protocol
    except Exception:  # audit: what it raises is that it has no single answer
        return NOTHING
    return said if isinstance(said, (bool, int, float, complex)) else NOTHING


def is_plain(value: Any) -> bool:
    """Whether it is a value of Python's own, all through, and can be told as such."""
    if type(value) in (list, tuple):
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(map(is_plain, value)) and all(map(is_plain, value.values()))
    return type(value) in (int, float, complex, bool, str, bytes, type(None))


def are_equal(one: Any, other: Any) -> Any:
    """Of tables and arrays whether all that is in them is."""
    if not _has_own_equality(type(one)):
        return NOTHING  # each is equal to itself alone
    if (
        type(one) is type(other)
        and type(one).__module__.partition(".")[0] in TABLES
        and hasattr(one, "equals")
    ):
        return ask(lambda: bool(one.equals(other)))
    return ask(lambda: _as_one(one == other, one, other))


def _as_one(said: Any, one: Any, other: Any) -> Any:
    """Of what numpy says of each item."""
    if isinstance(said, bool):
        return said
    if getattr(said, "shape", None) == ():
        return bool(said)
    same_shape = getattr(one, "shape", None) == getattr(other, "shape", NOTHING)
    return bool(said.all()) if same_shape else NOTHING


def _has_own_equality(kind: type) -> bool:
    return any("__eq__" in vars(base) for base in kind.__mro__ if base is not object)
