"""Iterators: what they go over and how far they are, as far as they tell; none was advanced for it."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from recorder.trace.format import TAG_LIST, TAG_TUPLE
from recorder.trace.values.nodes import CannotMake, Node, shown_name
from recorder.trace.values.show_tables import Writer

PARTS: Final = ("over", "left", "function", "next?", "step?", "stop?", "base?")
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

EMPTY: Final[dict[str, Any]] = {
    "tuple_iterator": (), "reversed": (), "str_iterator": "é", "str_ascii_iterator": "", "bytes_iterator": b"",
    "bytearray_iterator": bytearray(), "_deque_iterator": collections.deque(),
}  # fmt: skip
COMBINED: Final = {
    "product": itertools.product,
    "combinations": itertools.combinations,
    "combinations_with_replacement": itertools.combinations_with_replacement,
    "permutations": itertools.permutations,
}
MOST_STEPS: Final = 100_000  # that one is advanced to where it was


def show_iterator(out: Writer, node: Node) -> None:
    """count(5), repeat('x', 3) as they show themselves; `<list_iterator over [1, 2], 1 left>`."""
    over, left, function, *place = node.items
    name, place = name_of(node), place[:3]
    if name in ("count", "repeat"):
        out.add(f"{name if len(node.items) < len(PARTS) else shown_name(node)}(")
        out.sequence(_arguments(name, over, left, place), out.part)
        return out.add(")")
    out.add(f"<{_title(node)}")
    if function is not None:
        out.add(" by " if name == "compress" else " of ")
        out.part(function)
    if name == "range_iterator" and left:
        first, step = place[:2]
        out.add(f" over {range(first, first + left * step, step)!r}")
    elif over is not None:
        out.add(" over ")
        _over(out, name, over)
    if name in PLACES and place:
        PLACES[name](out, node)
    if isinstance(left, int) and name not in ("range_iterator", *COMBINED, "takewhile"):
        out.add(f", {left} left")
    elif left == 0 or (over is None and function is None and not left and name != "cycle"):
        out.add(", at its end")
    return out.add(">")


def name_of(node: Node) -> str:
    """Of its type, or of the one of Python's that it is derived from."""
    if len(node.items) == len(PARTS):
        return str(node.items[-1]).rpartition(".")[2]
    return (node.type or ("", "?"))[1]


def _title(node: Node) -> str:
    if node.type is None:
        return "?"
    module, name = node.type
    if len(node.items) == len(PARTS):
        return shown_name(node)
    if module == ITERTOOLS:
        return f"itertools.{name.removeprefix('_')}"
    return name


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


# ---- where they are ----------------------------------------------------------------------------------------------


def _at(words: str) -> Callable[[Writer, Node], None]:
    """Of one that holds something by which it is known how far it is."""

    def show(out: Writer, node: Node) -> None:
        if node.items[3] is not None:
            out.add(words)
            out.part(node.items[3])

    return show


def _slice(out: Writer, node: Node) -> None:
    """[1:3] of what is left of it."""
    first, step, stop = node.items[3:6]
    out.add(f"[{first}:{'' if stop is None else stop}{f':{step}' if step != 1 else ''}]")


def _cycle(out: Writer, node: Node) -> None:
    """What it repeats, once it does, and how far it is in that."""
    over, saved, index = node.items[0], node.items[3], node.items[4]
    if over is None:
        out.add(" over ")
        out.part(saved)
        out.add(f", next {index}")


def _batched(out: Writer, node: Node) -> None:
    out.add(f", by {node.items[4]}")


def _dropwhile(out: Writer, node: Node) -> None:
    if node.items[3] is True:
        out.add(", begun")


def _tee(out: Writer, node: Node) -> None:
    """What the other ones have read on before."""
    ahead = node.items[3]
    if isinstance(ahead, Node) and ahead.size:
        out.add(", after ")
        out.part(ahead)


def _combination(out: Writer, node: Node) -> None:
    """How many are taken, and which were given last."""
    if name_of(node) != "product":
        out.add(f", by {node.items[4]}")
    last = _last(node)
    if last is not None:
        out.add(", last ")
        out.part(Node(TAG_TUPLE, None, len(last), last))


PLACES: Final[dict[str, Callable[[Writer, Node], None]]] = {
    "enumerate": _at(", next "),
    "iterator": _at(", next "),
    "callable_iterator": _at(" until "),
    "chain": _at(", at "),
    "accumulate": _at(", at "),
    "groupby": _at(", at "),
    "pairwise": _at(", at "),
    "zip_longest": _at(", filled with "),
    "islice": _slice,
    "cycle": _cycle,
    "batched": _batched,
    "dropwhile": _dropwhile,
    "_tee": _tee,
    **dict.fromkeys(COMBINED, _combination),
}


def _indices(node: Node) -> list[int] | None:
    """Where the items of the last result stand; None where there is no result, or they are not all there."""
    held = node.items[3]
    if not isinstance(held, Node) or held.tag != TAG_LIST or held.cut:
        return None
    return [index for index in held.items[: node.items[4]] if isinstance(index, int)]


def _last(node: Node) -> list[Any] | None:
    """The last result, if it is known."""
    indices, over = _indices(node), node.items[0]
    if indices is None or not isinstance(over, Node) or over.tag != TAG_TUPLE:
        return None
    pools = over.items if name_of(node) == "product" else [over] * len(indices)
    found = []
    for index, pool in zip(indices, pools, strict=False):
        if not isinstance(pool, Node) or pool.tag != TAG_TUPLE or index >= len(pool.items):
            return None
        found.append(pool.items[index])
    return found


# ---- made anew ---------------------------------------------------------------------------------------------------


def can_make(node: Node) -> bool:
    """Whether it is told which items it gives, and no code of the program's chooses them."""
    name = name_of(node)
    return (name in COUNTED or name in MADE) and node.items[2:3] == [None]


def make_iterator(node: Node, build: Callable[[Any], Any]) -> Iterator[Any]:
    """One that gives the same items. Raises CannotMake where it is not told which, or whose code would choose them."""
    over, left, *_ = node.items
    name = name_of(node)
    if not can_make(node):
        raise CannotMake
    if name in MADE:
        return MADE[name](node, build)
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


Build = Callable[[Any], Any]


def _make_count(node: Node, build: Build) -> Iterator[Any]:
    return itertools.count(*[build(part) for part in node.items[3:5]])


def _make_repeat(node: Node, build: Build) -> Iterator[Any]:
    over, left = node.items[:2]
    return itertools.repeat(build(over), *([] if left is None else [left]))


def _make_range(node: Node, build: Build) -> Iterator[Any]:
    left, first, step = node.items[1], node.items[3], node.items[4]
    return iter(range(first, first + left * step, step))


def _make_enumerate(node: Node, build: Build) -> Iterator[Any]:
    return enumerate(build(node.items[0]), node.items[3])


def _make_slice(node: Node, build: Build) -> Iterator[Any]:
    first, step, stop = node.items[3:6]
    return itertools.islice(build(node.items[0]) or (), max(first, 0), stop, step)


def _make_zip(node: Node, build: Build) -> Iterator[Any]:
    if node.items[0] is None:
        raise CannotMake
    return zip(*build(node.items[0]), strict=False)


def _make_chain(node: Node, build: Build) -> Iterator[Any]:
    over, running = node.items[0], node.items[3]
    begun = [] if running is None else [build(running)]
    return itertools.chain(*begun, *([] if over is None else build(over)))


def _make_cycle(node: Node, build: Build) -> Iterator[Any]:
    """What it gives next comes first, and what it has given last."""
    over, saved, index = node.items[0], build(node.items[3]), node.items[4]
    if over is None:
        return itertools.cycle(saved[index:] + saved[:index])
    rest = list(itertools.islice(build(over), MOST_STEPS))
    if len(rest) == MOST_STEPS:  # and perhaps it has no end
        raise CannotMake
    return itertools.cycle(rest + saved)


def _make_batched(node: Node, build: Build) -> Iterator[Any]:
    made: Iterator[Any] = vars(itertools)["batched"](
        build(node.items[0]) or (), node.items[4]
    )  # 3.12 has it
    return made


def _make_longest(node: Node, build: Build) -> Iterator[Any]:
    """One that has come to its end, and stands there as None, gives nothing."""
    over = [one or () for one in build(node.items[0])]
    return itertools.zip_longest(*over, fillvalue=build(node.items[3]))


def _make_tee(node: Node, build: Build) -> Iterator[Any]:
    return itertools.tee(itertools.chain(build(node.items[3]), build(node.items[0])), 1)[0]


def _make_combined(node: Node, build: Build) -> Iterator[Any]:
    """Advanced as far as it was, which its indices tell."""
    name, pools, indices = name_of(node), build(node.items[0]), _indices(node)
    kind: Any = COMBINED[name]
    if node.items[1] == 0:  # one that has nothing to give
        return cast(Iterator[Any], kind(()) if name == "product" else kind((), 1))
    given = list(pools) if name == "product" else [pools, node.items[4]]
    made: Iterator[Any] = kind(*given)
    if node.items[3] is None:
        return made
    places = (
        [range(len(pool)) for pool in given] if name == "product" else [range(len(pools)), given[1]]
    )
    for place in itertools.islice(kind(*places), MOST_STEPS):
        next(made)
        if list(place) == indices:
            return made
    raise CannotMake


MADE: Final[dict[str, Callable[[Node, Build], Iterator[Any]]]] = {
    "count": _make_count,
    "repeat": _make_repeat,
    "range_iterator": _make_range,
    "enumerate": _make_enumerate,
    "islice": _make_slice,
    "zip": _make_zip,
    "chain": _make_chain,
    "cycle": _make_cycle,
    "_tee": _make_tee,
    "batched": _make_batched,
    "zip_longest": _make_longest,
    **dict.fromkeys(COMBINED, _make_combined),
}
