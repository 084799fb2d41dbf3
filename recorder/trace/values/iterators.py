"""Iterators: what they go over and how far they are, as far as they tell; none was advanced for it."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.trace.format import TAG_TUPLE
from recorder.trace.values.nodes import CannotMake, Node, short_name
from recorder.trace.values.show_tables import Writer

PARTS: Final = ("over", "left", "function", "next?", "step?", "stop?")
ITERTOOLS: Final = "itertools"
SEVERAL: Final = ("zip", "map", "zip_longest", "product")  # what they go over is a tuple
COUNTED: Final = {  # how to begin one anew
    **dict.fromkeys(
        ("list_iterator", "tuple_iterator", "str_iterator", "str_ascii_iterator", "bytes_iterator",
         "bytearray_iterator", "_deque_iterator", "dict_keyiterator"), iter,
    ),
    **dict.fromkeys(("list_reverseiterator", "reversed", "dict_reversekeyiterator"), reversed),
    "dict_valueiterator": lambda over: iter(over.values()),
    "dict_itemiterator": lambda over: iter(over.items()),
    "dict_reversevalueiterator": lambda over: reversed(over.values()),
    "dict_reverseitemiterator": lambda over: reversed(over.items()),
}  # fmt: skip

MADE: Final = ("count", "repeat", "range_iterator", "enumerate", "islice", "zip", "chain")
EMPTY: Final[dict[str, Any]] = {
    "tuple_iterator": (), "reversed": (), "str_iterator": "é", "str_ascii_iterator": "", "bytes_iterator": b"",
    "bytearray_iterator": bytearray(), "_deque_iterator": collections.deque(),
}  # fmt: skip


def show_iterator(out: Writer, node: Node) -> None:
    """count(5), repeat('x', 3) as they show themselves; `<list_iterator over [1, 2], 1 left>`."""
    over, left, function, *place = node.items
    name = (node.type or ("", "?"))[1]
    if (node.type or ("", ""))[0] == ITERTOOLS and name in ("count", "repeat"):
        out.add(f"{name}(")
        out.sequence(_arguments(name, over, left, place), out.part)
        return out.add(")")
    out.add(f"<{short_name(node)}")
    if function is not None:
        out.add(" by " if name == "compress" else " of ")
        out.part(function)
    if name == "range_iterator" and left:
        first, step = place
        out.add(f" over {range(first, first + left * step, step)!r}")
    elif over is not None:
        out.add(" over ")
        _over(out, name, over)
    if name == "enumerate":
        out.add(f", next {place[0]}")
    elif name == "chain" and place[0] is not None:
        out.add(", at ")
        out.part(place[0])
    elif name == "islice":
        _slice(out, *place)
    if isinstance(left, int) and name != "range_iterator":
        out.add(f", {left} left")
    elif over is None and function is None and not left:
        out.add(", at its end")
    return out.add(">")


def _arguments(name: str, over: Any, left: Any, place: list[Any]) -> list[Any]:
    if name == "repeat":
        return [over] if left is None else [over, left]
    return place[:1] if place[1:2] == [1] and isinstance(place[1], int) else place[:2]


def _over(out: Writer, name: str, over: Any) -> None:
    """Without parentheses, where there are several."""
    if name in SEVERAL and isinstance(over, Node) and over.tag == TAG_TUPLE and not over.cut:
        out.sequence(over.items, out.part)
    else:
        out.part(over)


def _slice(out: Writer, first: Any, step: Any, stop: Any) -> None:
    """[1:3] of what is left of it."""
    out.add(f"[{first}:{'' if stop is None else stop}{f':{step}' if step != 1 else ''}]")


def can_make(node: Node) -> bool:
    """Whether it is told which items it gives, and no code of the program's chooses them."""
    name = (node.type or ("", "?"))[1]
    return (name in COUNTED or name in MADE) and node.items[2:3] == [None]


def make_iterator(node: Node, build: Callable[[Any], Any]) -> Iterator[Any]:
    """One that gives the same items. Raises CannotMake where it is not told which, or whose code would choose them."""
    over, left, _, *place = node.items
    name = (node.type or ("", "?"))[1]
    if not can_make(node):
        raise CannotMake
    if name == "count":
        return itertools.count(*[build(part) for part in place[:2]])
    if name == "repeat":
        return itertools.repeat(build(over), *([] if left is None else [left]))
    if name == "range_iterator":
        first, step = place
        return iter(range(first, first + left * step, step))
    if name == "enumerate":
        return enumerate(build(over), place[0])
    if name == "islice":
        first, step, stop = place
        return itertools.islice(build(over) or (), max(first, 0), stop, step)
    if name == "zip" and over is not None:
        return zip(*build(over), strict=False)
    if name == "chain":
        begun = [] if place[0] is None else [build(place[0])]
        return itertools.chain(*begun, *([] if over is None else build(over)))
    if isinstance(left, int):
        return _counted(name, build(over), left)
    raise CannotMake


def _counted(name: str, over: Any, left: int) -> Iterator[Any]:
    """So many from the end."""
    if over is None:  # it is at its end
        over = EMPTY.get(name, {} if name.startswith("dict") else [])
    begun: Iterator[Any] = COUNTED[name](over)
    for _ in range(len(over) - left):
        next(begun, None)
    return begun
