"""Recorded values as an editor shows them: names with children, which are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from recorder.trace.format import (
    TAG_ARRAY,
    TAG_DICT,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_REF,
    TAG_SET,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.lookup import resolved
from recorder.trace.values.nodes import Node, type_name
from recorder.trace.values.render import show
from recorder.trace.values.tables import container_by_rows
from recorder.trace.values.value import Value

TEXT: Final = 1_000  # characters of a value in a list of variables
NUMBERED: Final = (TAG_LIST, TAG_TUPLE, TAG_SET, TAG_FROZENSET)


class Item(NamedTuple):
    """Something that has a name. `root`: the whole value that it is a part of, which its references are about. `path`:
    an expression for it; empty where there is none."""

    name: str
    tree: Any
    root: Any
    path: str = ""
    note: str = ""
    indexed: bool = False


class Children(NamedTuple):
    """Of one item: those with numbers first."""

    indexed: int
    named: int
    make: Callable[[], Iterator[Item]]


def children(item: Item) -> Children | None:
    """None: it has none."""
    tree = resolved(item.tree, item.root)
    if not isinstance(tree, Node):
        return None
    if tree.tag in NUMBERED:
        return _some(len(tree.items), 0, tree, lambda: _numbered(tree, item))
    if tree.tag == TAG_DICT:
        return _some(0, len(tree.items), tree, lambda: _of_dict(tree, item))
    if tree.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        return _some(0, len(tree.items), tree, lambda: _attributes(tree, item))
    if tree.tag == TAG_TYPED:
        return children(item._replace(tree=tree.items[0]))
    if tree.tag == TAG_EXCEPTION:
        return _some(len(tree.items), 0, tree, lambda: _numbered(tree, item, ".args"))
    if tree.tag == TAG_ARRAY and (items := tree.items.items()) is not None:
        shape = tree.items.shape
        return _some(
            len(items), 0, tree, lambda: _of_array(tree._replace(items=items), shape, item)
        )
    if tree.tag == TAG_FORM and (inner := container_by_rows(tree)) is not None:
        return children(item._replace(tree=inner))
    return None


def _some(
    indexed: int, named: int, tree: Node, make: Callable[[], Iterator[Item]]
) -> Children | None:
    missing = _missing(tree)
    if not indexed + named + bool(missing):
        return None
    if not missing:
        return Children(indexed, named, make)

    def all_of_it() -> Iterator[Item]:
        yield from make()
        yield Item("…", None, None, note=missing)

    return Children(indexed, named + 1, all_of_it)


def _missing(tree: Node) -> str:
    if not tree.cut or tree.size is None or not hasattr(tree.items, "__len__"):
        return ""
    return f"{tree.size - len(tree.items):,} more were not recorded"


def _numbered(tree: Node, item: Item, inner: str = "") -> Iterator[Item]:
    has_paths = bool(item.path) and tree.tag not in (TAG_SET, TAG_FROZENSET)
    for number, part in enumerate(tree.items):
        path = f"{item.path}{inner}[{number}]" if has_paths else ""
        yield Item(str(number), part, item.root, path, indexed=True)


def _of_array(tree: Node, shape: tuple[int, ...], item: Item) -> Iterator[Item]:
    """Its items lie in a row, whatever its shape is; only those of one dimension have an expression."""
    if len(shape) == 1:
        yield from _numbered(tree, item)
        return
    for number, part in enumerate(tree.items):
        name, rest = [], number
        for size in reversed(shape):
            rest, place = divmod(rest, max(size, 1))
            name.append(str(place))
        yield Item(", ".join(reversed(name)), part, item.root, indexed=True)


def _of_dict(tree: Node, item: Item) -> Iterator[Item]:
    for key, part in tree.items:
        written = show(key, 100)
        plain = isinstance(key, (str, int, bytes)) and not written.endswith("…")
        yield Item(
            written, part, item.root, f"{item.path}[{written}]" if plain and item.path else ""
        )


def _attributes(tree: Node, item: Item) -> Iterator[Item]:
    for name, part in tree.items:
        if not name:  # what it is besides its attributes: a list's items, say
            inner = children(item._replace(tree=part))
            yield from inner.make() if inner is not None else ()
            continue
        yield Item(name, part, item.root, f"{item.path}.{name}" if item.path else "")


def of_mapping(values: Mapping[str, Value], prefix: str = "") -> Iterator[Item]:
    """What Python itself has set (`__name__`) comes last."""
    for name, value in sorted(values.items(), key=lambda one: is_special(one[0])):
        note = "not looked at again" if value.unexamined else ""
        path = name if name.isidentifier() else ""
        yield Item(prefix + name, value._tree, value._tree, path, note)


def is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


class References:
    """Numbers by which the editor asks for children. They hold until the program `moves`, and none comes twice."""

    def __init__(self) -> None:
        self._made: list[Children] = []
        self._first = 1

    def clear(self) -> None:
        self._first += len(self._made)
        self._made.clear()

    def add(self, found: Children) -> int:
        self._made.append(found)
        return self._first + len(self._made) - 1

    def scope(self, items: Sequence[Item]) -> int:
        return self.add(Children(0, len(items), lambda: iter(items)))

    def page(
        self, reference: int, start: int = 0, count: int = 0, only: str | None = None
    ) -> list[Item] | None:
        """Of the children with that number, those from `start` on, as many as `count` (0: all). None: no such."""
        if not 0 <= reference - self._first < len(self._made):
            return None
        items = [
            one
            for one in self._made[reference - self._first].make()
            if only is None or one.indexed == (only == "indexed")
        ]
        return items[start : start + count] if count else items[start:]

    def shown(self, item: Item, *, in_hex: bool = False) -> dict[str, Any]:
        """A Variable of the protocol."""
        if item.tree is None and item.note and item.root is None:
            return {"name": item.name, "value": item.note, "variablesReference": 0,
                    "presentationHint": {"kind": "virtual"}}  # fmt: skip
        tree = resolved(item.tree, item.root)
        found = children(item)
        text = hex(tree) if in_hex and type(tree) is int else show(tree, TEXT)
        answer: dict[str, Any] = {
            "name": item.name,
            "value": f"{text} ({item.note})" if item.note else text,
            "type": type_name(tree),
            "variablesReference": 0,
        }
        if item.path:
            answer["evaluateName"] = item.path
        if found is not None:
            answer |= {
                "variablesReference": self.add(found),
                "indexedVariables": found.indexed,
                "namedVariables": found.named,
            }
        if isinstance(item.tree, Node) and item.tree.tag == TAG_REF:
            answer["presentationHint"] = {"attributes": ["hasObjectId"]}
        return answer
