"""Where two values differ: by meaning, and with the way to it (`config['retries']`).

Sets and dicts have no order; a reference is what it refers to in both. What merely has to differ from run to run
(`Same` says so) is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

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
    TAG_SET,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)
from recorder.trace.values import foreign
from recorder.trace.values.forms import items_of, part_names
from recorder.trace.values.library_values import SPELLED_OUT
from recorder.trace.values.nodes import Node, kind_of
from recorder.trace.values.numbers import as_shown
from recorder.trace.values.render import show
from recorder.trace.values.tables import TABLES

Same: TypeAlias = Callable[[Any, Any], bool]  # of two leaves that are not equal

KEY_WIDTH: Final = 60
WHOLE: Final = 1 << 24  # characters: more than a value that is recorded can have
AROUND: Final = 20  # characters of a text that are shown before the difference
SEQUENCES: Final = (TAG_LIST, TAG_TUPLE)
SETS: Final = (TAG_SET, TAG_FROZENSET)
NAMED: Final = (TAG_INSTANCE, TAG_NAMED, TAG_ENUM)
VALUES: Final = (  # forms of what is replaced, and not changed
    Form.DECIMAL, Form.DATETIME64, Form.TIMESTAMP, Form.TIMEDELTA64, Form.PERIOD, Form.DTYPE, Form.OFFSET,
    Form.ZONE_INFO,
)  # fmt: skip
MISSING: Final = Node(-1)  # stands for what one of the two has not


class Part(NamedTuple):
    """Two parts of two values that differ. `path`: behind the variable's name; MISSING where one has none. What is
    told of a part, and not the part itself, has words before it: `len(` … `)`, `5 in ` …."""

    path: str
    a: Any
    b: Any
    before: str = ""
    after: str = ""

    def named(self, name: str) -> str:
        """Of the variable of that name: `config['retries']`, `len(rows)`, `5 in seen['ids']`."""
        return f"{self.before}{name}{self.path}{self.after}"

    @property
    def relative(self) -> str:
        """Of whatever it is: `['retries']`, `len(it)`, `5 in ['ids']`."""
        return self.named("it" if self.before and not self.path else "")


def differences(a: Any, b: Any, same: Same, path: str = "") -> Iterator[Part]:
    """The differences of two trees, from the outermost in, in order."""
    if not isinstance(a, Node) or not isinstance(b, Node):
        if not _equal(a, b) and not same(a, b):
            yield Part(path, a, b)
    elif (a.tag, a.type) != (b.tag, b.type):
        if not same(a, b):
            yield Part(path, a, b)
    elif a.tag in SEQUENCES:
        yield from _sequences(a, b, same, path)
    elif a.tag == TAG_DICT:
        yield from _dicts(a, b, same, path)
    elif a.tag in SETS:
        yield from _sets(a, b, same, path)
    elif a.tag in NAMED and a.type not in SPELLED_OUT:
        yield from _attributes(a, b, same, path)
    elif a.tag == TAG_FORM and a.size not in VALUES:
        yield from _forms(a, b, same, path)
    elif a.tag in (TAG_TYPED, TAG_EXCEPTION):
        inner = ".args" if a.tag == TAG_EXCEPTION else ""
        for left, right in zip(a.items, b.items, strict=False):
            yield from differences(left, right, same, path + inner)
        if a.type != ("collections", "Counter") and a.tag == TAG_TYPED:
            yield from _order(a.items[0], b.items[0], path)
    elif a.tag == TAG_ARRAY:
        yield from _arrays(a, b, same, path)
    elif a != b and not same(a, b):
        yield Part(path, a, b)


def _equal(a: Any, b: Any) -> bool:
    """Of the same type, and equal; a float also in its sign of zero, and as no number."""
    if kind_of(a) is not kind_of(b):
        return False
    return repr(a) == repr(b) if isinstance(a, (float, complex)) else bool(a == b)


def _sequences(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    for index, (left, right) in enumerate(zip(a.items, b.items, strict=False)):
        yield from differences(left, right, same, f"{path}[{index}]")
    for index in range(len(b.items), len(a.items)):
        yield Part(f"{path}[{index}]", a.items[index], MISSING)
    for index in range(len(a.items), len(b.items)):
        yield Part(f"{path}[{index}]", MISSING, b.items[index])
    yield from _sizes(a, b, path)


def _sizes(a: Node, b: Node, path: str) -> Iterator[Part]:
    """Of what was too large to be recorded whole."""
    if (a.cut or b.cut) and a.size != b.size:
        yield Part(path, a.size, b.size, "len(", ")")


def _dicts(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    left = {_key(key): (key, part) for key, part in a.items}
    right = {_key(key): (key, part) for key, part in b.items}
    only = [key for key in right if key not in left]
    for known, (key, part) in left.items():
        if known in right:
            yield from differences(part, right[known][1], same, f"{path}[{show(key, KEY_WIDTH)}]")
            continue
        twin = next((other for other in only if _is_twin(key, right[other][0], same)), None)
        if twin is None:
            yield Part(f"{path}[{show(key, KEY_WIDTH)}]", part, MISSING)
        else:  # the same key but for what differs in every run
            only.remove(twin)
            yield from differences(part, right[twin][1], same, f"{path}[{show(key, KEY_WIDTH)}]")
    for other in only:
        key, part = right[other]
        yield Part(f"{path}[{show(key, KEY_WIDTH)}]", MISSING, part)
    yield from _sizes(a, b, path)


def _order(a: Any, b: Any, path: str) -> Iterator[Part]:
    """Of the keys that both have, of dicts whose order counts."""
    if not isinstance(a, Node) or not isinstance(b, Node) or a.cut or b.cut or a.tag != TAG_DICT:
        return
    left, right = ({_key(key): key for key, _ in each.items} for each in (a, b))
    in_a = [key for known, key in left.items() if known in right]
    in_b = [key for known, key in right.items() if known in left]
    if [_key(key) for key in in_a] != [_key(key) for key in in_b]:
        yield Part(
            path,
            Node(TAG_LIST, None, len(in_a), in_a),
            Node(TAG_LIST, None, len(in_b), in_b),
            "list(",
            ")",
        )


def _sets(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    """What only one of them has. A cut one holds whichever came first: only sizes can be compared."""
    if a.cut or b.cut:
        yield from _sizes(a, b, path)
        return
    left = {_key(part): part for part in a.items}
    right = {_key(part): part for part in b.items}
    only = [part for key, part in right.items() if key not in left]
    for key, part in left.items():
        if key in right:
            continue
        twin = next((at for at, one in enumerate(only) if _is_twin(part, one, same)), None)
        if twin is None:
            yield Part(path, True, False, f"{show(part, KEY_WIDTH)} in ")
        else:
            del only[twin]
    for part in only:
        yield Part(path, False, True, f"{show(part, KEY_WIDTH)} in ")


def _is_twin(a: Any, b: Any, same: Same) -> bool:
    return next(differences(a, b, same), None) is None


def _forms(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    """By parts; what is in a deque or a dict is found by its index or key."""
    if a.size != b.size or len(a.items) != len(b.items):
        if not same(a, b):
            yield Part(path, a, b)
        return
    if a.size in TABLES:
        yield from _tables(a, b, same, path)
        return
    if foreign.is_foreign(a):
        yield from _foreign(a, b, same, path)
        return
    items = items_of(a)
    for name, left, right in zip(part_names(a), a.items, b.items, strict=False):
        inner = path if left is items and items is not None else f"{path}.{name}"
        yield from differences(left, right, same, inner)


def _tables(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    """By columns and rows, as they are asked for; whole where the difference is in neither."""
    left, right = items_of(a), items_of(b)
    found = False
    if left is not None and right is not None:
        for part in differences(left, right, same, path):
            found = True
            yield part
    if not found and a != b and not same(a, b):
        yield Part(path, a, b)


def _foreign(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    """By fields and items; whole where the difference is in what is not written of them."""
    found = False
    for part in differences(foreign.as_asked(a), foreign.as_asked(b), same, path):
        found = True
        yield part
    if not found and a != b and not same(a, b):
        yield Part(path, a, b)


def _attributes(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    left, right = dict(a.items), dict(b.items)
    for name in [*left, *(name for name in right if name not in left)]:
        inner = f"{path}.{name}" if name else path
        if name in left and name in right:
            yield from differences(left[name], right[name], same, inner)
        else:
            yield Part(inner, left.get(name, MISSING), right.get(name, MISSING))
    yield from _sizes(a, b, path)


def _arrays(a: Node, b: Node, same: Same, path: str) -> Iterator[Part]:
    """By items, as they are indexed; whole where the shape differs, or where they are no plain values."""
    if a == b or same(a, b):
        return
    left, right, shape = a.items.items(), b.items.items(), a.items.shape
    if (
        left is None
        or right is None
        or not shape
        or (shape, len(left)) != (b.items.shape, len(right))
    ):
        yield Part(path, a, b)
        return
    dtype = a.items.dtype
    for at, (one, other) in enumerate(zip(left, right, strict=True)):
        if not _equal(one, other):
            sides = as_shown(one, dtype), as_shown(other, dtype)
            yield Part(f"{path}[{_index(at, shape)}]", *sides)


def _index(at: int, shape: tuple[int, ...]) -> str:
    """Of the item that stands there in a row: `1, 0`."""
    found = []
    for length in reversed(shape):
        at, index = divmod(at, length)
        found.append(str(index))
    return ", ".join(reversed(found))


def _key(tree: Any) -> Any:
    """What is the same of two equal keys, and can be one itself. Numbers of another type are another key."""
    if not isinstance(tree, Node):
        return kind_of(tree), repr(tree)
    items = tree.items
    if tree.tag in SETS:
        items = frozenset(_key(part) for part in items)
    elif tree.tag in NAMED:
        items = tuple((name, _key(part)) for name, part in items)
    elif isinstance(items, list):
        items = tuple(_key(part) for part in items)
    elif tree.tag >= TAG_TIME:
        items = repr(items)
    return tree.tag, tree.type, tree.size, items


def shown(part: Part, name: str, width: int) -> tuple[str, str, str]:
    """The part of the variable of that name, and both sides as text. Of two texts that differ far inside, where they
    do."""
    path, a, b = part.named(name), part.a, part.b
    if (
        isinstance(a, (str, bytes, bytearray))
        and kind_of(a) is kind_of(b)
        and max(len(a), len(b)) > width // 2
    ):
        begin = max(_first_difference(a, b) - AROUND, 0)
        if begin:
            return f"{path}[{begin}:]", show(a[begin:], width), show(b[begin:], width)
    return path, _side(a, width), _side(b, width)


def sides(part: Part, name: str, width: int) -> tuple[str, str, str]:
    """As `shown`, and never with two sides that look the same: then they are told from where their texts differ on."""
    path, a, b = shown(part, name, width)
    if a != b:
        return path, a, b
    whole = _side(part.a, WHOLE), _side(part.b, WHOLE)
    begin = max(_first_difference(*whole) - AROUND, 0)
    a, b = (f"…{text[begin : begin + width]}" for text in whole)
    return path, a, b


def _first_difference(a: Any, b: Any) -> int:
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _side(tree: Any, width: int) -> str:
    return "(not there)" if tree is MISSING else show(tree, width)
