"""Where two values differ: by meaning, and with the way to it (`config['retries']`).

Sets and dicts have no order; a reference is what it refers to in both, by whatever number each side has it. Of a list
that grew or shrank, what is alike at its beginning and end is not told. What merely has to differ from run to run
(`Same` says so) is no difference, and neither is what one side does not tell, as it was cut or left out. Of two moments
of one recording, a key of a dict and an item of a list are the same ones where they are the same objects, whatever has
become of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from recorder.trace.format import (
    TAG_ARRAY,
    TAG_BYTES,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_REF,
    TAG_SET,
    TAG_STR,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)
from recorder.trace.values import foreign
from recorder.trace.values.exceptions import is_exception, with_origins
from recorder.trace.values.forms import WITH_NAMES, items_of, named_parts, part_names
from recorder.trace.values.library_values import SPELLED_OUT
from recorder.trace.values.nodes import (
    Node,
    References,
    identity_of,
    is_numbered,
    is_reference,
    kind_of,
    type_name,
    with_parts,
)
from recorder.trace.values.numbers import as_shown
from recorder.trace.values.render import is_method, show
from recorder.trace.values.tables import TABLES, container_by_rows

Same: TypeAlias = Callable[[Any, Any], bool]  # of two leaves that are not equal

KEY_WIDTH: Final = 60
MOST_REPLACED: Final = 100  # references of one part that is told
MOST_FOLLOWED: Final = 4  # references, one within the other
CUT_NAME: Final = "…"  # the end of one, in a large value
WHOLE: Final = 1 << 24  # characters: more than a value that is recorded can have
AROUND: Final = 20  # characters of a text that are shown before the difference
SEQUENCES: Final = (TAG_LIST, TAG_TUPLE)
TEXTS: Final = (TAG_STR, TAG_BYTES)
SETS: Final = (TAG_SET, TAG_FROZENSET)
HOLDING: Final = (*SEQUENCES, *SETS, TAG_DICT)
NAMED: Final = (TAG_INSTANCE, TAG_NAMED, TAG_ENUM)
VALUES: Final = (  # forms of what is replaced, and not changed
    Form.DECIMAL, Form.DATETIME64, Form.TIMESTAMP, Form.TIMEDELTA64, Form.PERIOD, Form.DTYPE, Form.OFFSET,
    Form.ZONE_INFO,
)  # fmt: skip
MISSING: Final = Node(-1)  # stands for what one of the two has not


class Part(NamedTuple):
    """Two parts of two values that differ. `path`: behind the variable's name; MISSING where one has none. What is
    told of a part, and not the part itself, has words before it: `len(` … `)`, `5 in ` …. `owner`: the innermost object
    that it is a part of, as it is on the second side, where both are one object's."""

    path: str
    a: Any
    b: Any
    before: str = ""
    after: str = ""
    owner: Any = None

    def named(self, name: str) -> str:
        """Of the variable of that name: `config['retries']`, `len(rows)`, `5 in seen['ids']`."""
        return f"{self.before}{name}{self.path}{self.after}"

    @property
    def is_filled(self) -> bool:
        """Whether one side merely has what the other has nothing of: None, something empty, or not there."""
        return _is_nothing(self.a) != _is_nothing(self.b)

    @property
    def relative(self) -> str:
        """Of whatever it is: `['retries']`, `len(it)`, `5 in ['ids']`."""
        return self.named("it" if self.before and not self.path else "")


def differences(
    a: Any, b: Any, same: Same, path: str = "", *, one_trace: bool = False
) -> Iterator[Part]:
    """The differences of two trees, from the outermost in, in order. `one_trace`: both are of one recording, in which
    an object has one number."""
    found = _Differences(a, b, same, one_trace)
    for part in found.of(a, b, path):
        yield found.told(part)


def what_changed(old: Any, new: Any, *, strict: bool = False) -> Iterator[Part]:
    """What became of a value within one recording. `strict`: also where Python takes it for equal, as True for 1."""
    same = _none_else if strict else _as_python
    return differences(old, new, same, one_trace=True)


def _as_python(a: Any, b: Any) -> bool:
    return bool(a == b)


def _none_else(a: Any, b: Any) -> bool:
    return False


class _Differences:
    """Of two whole values, about whose containers their references are."""

    def __init__(self, a: Any, b: Any, same: Same, one_trace: bool) -> None:
        self.same = same
        self.one_trace = one_trace
        self.owner: Any = None
        self._following = 0  # references that are being followed, one within the other
        self._left = _References(a)
        self._right = _References(b)
        # Then what is equal does not differ, and is not gone through: a list that grows is told of item after item.
        self._is_plain = same is _as_python and not _refers(a) and not _refers(b)
        self._met: set[tuple[int, int]] = set()  # containers of both sides that were compared

    def told(self, part: Part) -> Part:
        """By itself: with what its sides refer to, and the object that it is a part of."""
        a, b = self._left.whole(part.a), self._right.whole(part.b)
        return part._replace(a=a, b=b, owner=part.owner if self.owner is None else self.owner)

    def of(self, a: Any, b: Any, path: str) -> Iterator[Part]:
        if self._is_plain and a == b:
            return
        if is_reference(a) or is_reference(b):
            yield from self._references(a, b, path)
        elif not isinstance(a, Node) or not isinstance(b, Node):
            if not _equal(a, b) and not self.same(a, b) and not _is_one_cut(a, b):
                yield Part(path, a, b)
        elif a.type == b.type and (_is_part_of(a, b) or _is_part_of(b, a)):
            yield from self._attributes(_as_instance(a), _as_instance(b), path)
        elif (a.tag, a.type) != (b.tag, b.type):
            if not self._is_one_left_out(a, b) and not self.same(a, b):
                yield Part(path, a, b)
        else:
            if is_numbered(a):
                self._met.add((id(a), id(b)))
            around = self.owner
            if self.one_trace and is_one_object(a, b):
                self.owner = b
            try:
                yield from self._nodes(a, b, path)
            finally:
                self.owner = around

    def _nodes(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        """Of two of one kind."""
        if a.tag in SEQUENCES:
            yield from self._sequences(a, b, path)
        elif a.tag == TAG_DICT:
            yield from self._dicts(a, b, path)
        elif a.tag in SETS:
            yield from self._sets(a, b, path)
        elif is_method(a):
            yield from self._methods(a, b, path)
        elif a.tag == TAG_ENUM and a.items[0][0] != b.items[0][0]:
            if not self.same(a, b):
                yield Part(path, a, b)  # another member, and no change of one
        elif a.tag in NAMED and a.type not in SPELLED_OUT:
            yield from self._attributes(a, b, path)
        elif a.tag == TAG_FORM and a.size not in VALUES:
            yield from self._forms(a, b, path)
        elif a.tag in (TAG_TYPED, TAG_EXCEPTION):
            inner = ".args" if a.tag == TAG_EXCEPTION else ""
            for left, right in zip(a.items, b.items, strict=False):
                yield from self.of(left, right, path + inner)
            if a.type != ("collections", "Counter") and a.tag == TAG_TYPED:
                yield from self._order(a.items[0], b.items[0], path)
        elif a.tag == TAG_ARRAY:
            yield from self._arrays(a, b, path)
        elif a != b and not self.same(a, b) and not _is_one_cut(a, b):
            yield Part(path, a, b)

    def _references(self, a: Any, b: Any, path: str) -> Iterator[Part]:
        """What they refer to, where that was not compared on the way here."""
        left, right = self._left.followed(a), self._right.followed(b)
        if is_reference(left) or is_reference(right):
            if left != right and not self.same(left, right):
                yield Part(path, left, right)
            return
        if (id(left), id(right)) in self._met or self._following == MOST_FOLLOWED:
            return  # it was told where they stand first; or they lead on and on
        self._following += 1
        try:
            yield from self.of(left, right, path)
        finally:
            self._following -= 1

    def _is_one_left_out(self, a: Node, b: Node) -> bool:
        """Whether one of them was not looked into, and is not known to be another one."""
        if TAG_ELIDED not in (a.tag, b.tag):
            return False
        sizes = [
            _attributes(one) for one in (a, b) if one.tag != TAG_FORM
        ]  # of a form it is which one
        return type_name(a) == type_name(b) and len(set(sizes)) == 1

    def _methods(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        """Which method it is: what has become of its object is told of that."""
        if a.items[0][1] != b.items[0][1] and not self.same(a, b):
            yield Part(path, a, b)

    def _sequences(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        left, right = a.items, b.items
        first, behind = self._alike(left, right) if not (a.cut or b.cut) else (0, 0)
        last = min(len(left), len(right)) - behind
        for index in range(first, last):
            yield from self.of(left[index], right[index], f"{path}[{index}]")
        if not b.cut:
            for index in range(max(first, last), len(left) - behind):
                yield Part(f"{path}[{index}]", left[index], MISSING)
        if not a.cut:
            for index in range(max(first, last), len(right) - behind):
                yield Part(f"{path}[{index}]", MISSING, right[index])
        if behind:  # what stands there now may have changed where it stands
            for index in range(-behind, 0):
                at = len(right) + index
                yield from self.of(left[index], right[index], f"{path}[{at}]")
        yield from _sizes(a, b, path)

    def _alike(self, left: Any, right: Any) -> tuple[int, int]:
        """How many items are the same at the beginning of two lists of which one is longer, and at their end where
        nothing else was replaced between; 0, 0 where they are to be compared one by one."""
        least, more = sorted((len(left), len(right)))
        if least == more:
            return 0, 0
        first = 0
        while first < least and self._is_same_item(left[first], right[first]):
            first += 1
        behind = 0
        while behind < least - first and self._is_same_item(left[-1 - behind], right[-1 - behind]):
            behind += 1
        return (0, behind) if first + behind == least else (0, 0)

    def _is_same_item(self, a: Any, b: Any) -> bool:
        return (self.one_trace and is_one_object(a, b)) or self._is_twin(a, b)

    def _dicts(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        left = {self._left.key(key): (key, part) for key, part in a.items}
        right = {self._right.key(key): (key, part) for key, part in b.items}
        only = [key for key in right if key not in left]
        for known, (key, part) in left.items():
            within = f"{path}[{self._left.show(key)}]"
            if known in right:
                yield from self.of(part, right[known][1], within)
                continue
            twin = next((other for other in only if self._is_same_item(key, right[other][0])), None)
            if twin is None:
                if not b.cut:
                    yield Part(within, part, MISSING)
            else:  # the same key but for what differs in every run, or has become of it
                only.remove(twin)
                yield from self.of(part, right[twin][1], within)
        for other in () if a.cut else only:
            key, part = right[other]
            yield Part(f"{path}[{self._right.show(key)}]", MISSING, part)
        yield from _sizes(a, b, path)

    def _order(self, a: Any, b: Any, path: str) -> Iterator[Part]:
        """Of the keys that both have, of dicts whose order counts."""
        if not isinstance(a, Node) or not isinstance(b, Node) or a.cut or b.cut:
            return
        if a.tag != TAG_DICT:
            return
        left = {self._left.key(key): key for key, _ in a.items}
        right = {self._right.key(key): key for key, _ in b.items}
        in_a = [known for known in left if known in right]
        in_b = [known for known in right if known in left]
        if in_a != in_b:
            one, other = (
                Node(TAG_LIST, None, len(keys), [held[known] for known in keys])
                for held, keys in ((left, in_a), (right, in_b))
            )
            yield Part(path, one, other, "list(", ")")

    def _sets(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        """What only one of them has. A cut one holds whichever came first: only sizes can be compared."""
        if a.cut or b.cut:
            yield from _sizes(a, b, path)
            return
        left = {self._left.key(part): part for part in a.items}
        right = {self._right.key(part): part for part in b.items}
        only = [part for key, part in right.items() if key not in left]
        for key, part in left.items():
            if key in right:
                continue
            twin = next((at for at, one in enumerate(only) if self._is_same_item(part, one)), None)
            if twin is None:
                yield Part(path, True, False, f"{self._left.show(part)} in ")
            else:
                del only[twin]
        for part in only:
            yield Part(path, False, True, f"{self._right.show(part)} in ")

    def _is_twin(self, a: Any, b: Any) -> bool:
        met, self._met = self._met, set()  # what is only tried is still to be told
        is_twin = next(self.of(a, b, ""), None) is None
        self._met = met
        return is_twin

    def _forms(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        """By parts; what is in a deque or a dict is found by its index or key."""
        if a.size != b.size or len(a.items) != len(b.items):
            if not self.same(a, b):
                yield Part(path, a, b)
            return
        if a.size in TABLES:
            yield from self._whole_unless(container_by_rows(a), container_by_rows(b), a, b, path)
            return
        if foreign.is_foreign(a):  # by fields and items
            yield from self._whole_unless(foreign.as_asked(a), foreign.as_asked(b), a, b, path)
            return
        if a.size in WITH_NAMES:  # by what they are called
            yield from self._whole_unless(_named(a), _named(b), a, b, path)
            return
        items = items_of(a)
        for name, left, right in zip(part_names(a), a.items, b.items, strict=False):
            inner = path if left is items and items is not None else f"{path}.{name}"
            yield from self.of(left, right, inner)

    def _whole_unless(self, left: Any, right: Any, a: Node, b: Node, path: str) -> Iterator[Part]:
        """By the parts that it is asked for by: columns and rows, fields and items; whole where the difference is in
        none of these."""
        found = False
        if left is not None and right is not None:
            for part in self.of(left, right, path):
                found = True
                yield part
        if not found and a != b and not self.same(a, b):
            yield Part(path, a, b)

    def _attributes(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        left, right = _with_whole_names(dict(a.items), dict(b.items))
        if is_exception(a.items) and is_exception(b.items):
            left, right = with_origins(left, right), with_origins(right, left)
        for name in [*left, *(name for name in right if name not in left)]:
            inner = f"{path}.{name}" if name else path
            if name in left and name in right:
                yield from self.of(left[name], right[name], inner)
            elif not (a if name in right else b).cut:
                yield Part(inner, left.get(name, MISSING), right.get(name, MISSING))
        yield from _sizes(a, b, path)

    def _arrays(self, a: Node, b: Node, path: str) -> Iterator[Part]:
        """By items, as they are indexed; whole where the shape differs, or where they are no plain values."""
        if a == b or self.same(a, b):
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


class _References(References):
    def __init__(self, root: Any) -> None:
        super().__init__(root)
        self._open: set[int] = set()  # what a key is made of, on the way in

    def whole(self, tree: Any) -> Any:
        """With what stands elsewhere in the value in place of references to it, up to so many of them; what has itself
        in it stays a reference there."""
        if not is_reference(tree) and not _refers(tree):
            return tree
        left, around = MOST_REPLACED, set[int]()

        def replaced(part: Any) -> Any:
            nonlocal left
            target = self.followed(part)
            if target is not part:
                left -= 1
                if left < 0 or id(target) in around:
                    return part
            if not isinstance(target, Node) or is_reference(target):
                return target
            around.add(id(target))
            made = with_parts(target, replaced)
            around.discard(id(target))
            return made

        return replaced(tree)

    def show(self, key: Any) -> str:
        return show(key, KEY_WIDTH, root=self._root, short=True)

    def key(self, tree: Any) -> Any:
        """What is the same of two equal keys, and can be one itself. Numbers of another type are another key."""
        tree = self.followed(tree)
        if not isinstance(tree, Node):
            return kind_of(tree), repr(tree)
        if id(tree) in self._open:
            return tree.tag, tree.type, tree.size
        self._open.add(id(tree))
        items = tree.items
        if tree.tag in SETS:
            items = frozenset(self.key(part) for part in items)
        elif tree.tag in NAMED:
            items = tuple((name, self.key(part)) for name, part in items)
        elif isinstance(items, list):
            items = tuple(self.key(part) for part in items)
        elif tree.tag >= TAG_TIME:
            items = repr(items)
        self._open.discard(id(tree))
        return tree.tag, tree.type, tree.size, items


def _is_part_of(a: Node, b: Node) -> bool:
    """Whether one is an object without attributes that derives from a built-in type, and the other one with some."""
    if b.tag != TAG_INSTANCE or a.tag == TAG_INSTANCE or not b.items or b.items[0][0]:
        return False
    built_in = b.items[0][1]
    return isinstance(built_in, Node) and built_in.tag == a.tag


def _as_instance(tree: Node) -> Node:
    return tree if tree.tag == TAG_INSTANCE else Node(TAG_INSTANCE, tree.type, 1, [("", tree)])


def _is_nothing(tree: Any) -> bool:
    if tree is MISSING:
        return True
    if isinstance(tree, Node):
        is_held = isinstance(tree.items, (list, tuple)) and tree.tag in HOLDING
        return is_held and not tree.items and not tree.size
    return tree is None or (type(tree) in (str, bytes) and not tree)


def _with_whole_names(
    left: dict[str, Any], right: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Names that were cut (`inline_…`) are those that begin so on the other side; where that may be several, it is not
    known which, and none of them is compared."""
    for mine, others in ((left, right), (right, left)):
        for cut in [name for name in mine if name.endswith(CUT_NAME) and name not in others]:
            part = mine.pop(cut)
            twins = [n for n in others if n.startswith(cut[:-1]) and n not in mine]
            if len(twins) == 1:
                mine[twins[0]] = part
            else:
                for name in twins:
                    del others[name]
    return left, right


def _is_one_cut(a: Any, b: Any) -> bool:
    """Whether they are texts of one length that are alike as far as both are recorded."""
    (left, length), (right, other) = _text_of(a), _text_of(b)
    if left is None or right is None or length != other or type(left) is not type(right):
        return False
    known = min(len(left), len(right))
    return known < length and left[:known] == right[:known]


def _text_of(tree: Any) -> tuple[str | bytes | None, int]:
    """What is recorded of a text or of bytes, and how long it is as a whole."""
    if isinstance(tree, Node):
        return (tree.items, tree.size or 0) if tree.tag in TEXTS and tree.cut else (None, 0)
    return (tree, len(tree)) if type(tree) in (str, bytes) else (None, 0)


def _attributes(node: Node) -> int:
    """How many there are, or items, but for the built-in part: what is left out does not count that."""
    has_part = node.tag == TAG_INSTANCE and bool(node.items) and node.items[0][0] == ""
    return (node.size or 0) - has_part


def _refers(tree: Any) -> bool:
    """Whether a part of it stands where it first does, and is referred to from elsewhere."""
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Node):
            if each.tag == TAG_REF:
                return True
            if isinstance(each.items, (list, tuple)):
                waiting += each.items
        elif type(each) is tuple:  # of a dict, or of an instance
            waiting += each
    return False


def is_one_object(a: Any, b: Any) -> bool:
    """Whether both have one number: nothing speaks against it."""
    mine, others = identity_of(a), identity_of(b)
    return mine is not None and others is not None and mine.number == others.number


def _equal(a: Any, b: Any) -> bool:
    """Of the same type, and equal; a float also in its sign of zero, and as no number."""
    if kind_of(a) is not kind_of(b):
        return False
    return repr(a) == repr(b) if isinstance(a, (float, complex)) else bool(a == b)


def _sizes(a: Node, b: Node, path: str) -> Iterator[Part]:
    """Of what was too large to be recorded whole."""
    if (a.cut or b.cut) and a.size != b.size:
        yield Part(path, a.size, b.size, "len(", ")")


def _index(at: int, shape: tuple[int, ...]) -> str:
    """Of the item that stands there in a row: `1, 0`."""
    found = []
    for length in reversed(shape):
        at, index = divmod(at, length)
        found.append(str(index))
    return ", ".join(reversed(found))


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
    left, right = show_side(a, width), show_side(b, width)
    if left == right:  # of classes of one name
        left, right = show_side(a, width, short=False), show_side(b, width, short=False)
    return path, left, right


def sides(part: Part, name: str, width: int) -> tuple[str, str, str]:
    """As `shown`, and never with two sides that look the same: then they are told from where their texts differ on."""
    path, a, b = shown(part, name, width)
    if a != b:
        return path, a, b
    whole = show_side(part.a, WHOLE, short=False), show_side(part.b, WHOLE, short=False)
    begin = max(_first_difference(*whole) - AROUND, 0)
    a, b = (f"…{text[begin : begin + width]}" for text in whole)
    return path, a, b


def _first_difference(a: Any, b: Any) -> int:
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def show_side(tree: Any, width: int, short: bool = True) -> str:
    return "(not there)" if tree is MISSING else show(tree, width, short=short)


def _named(node: Node) -> Node:
    """With what it is told by as its attributes."""
    parts = list(named_parts(node).items())
    return Node(TAG_INSTANCE, node.type, len(parts), parts)
