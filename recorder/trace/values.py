"""A recorded value: bytes of docs/trace-format.md, section 3, taken apart when they are asked for.

value.to_python()     the object itself, where it is wholly in the trace
repr(value)           for people, of bounded length
value.to_json()       for programs: nothing is lost, and what was cut says so
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from recorder import errors
from recorder.trace import standard

Types: TypeAlias = Mapping[int, tuple[str, str]]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SHOWN: Final = 200  # characters of a repr
MOST_PARTS: Final = 100_000  # of one value; the recorder writes a few thousand
EXACT_INT: Final = 2**53  # JSON readers make floats of ints
MOST_NESTING: Final = 64

SMALL, SMALL_MIN = 0x80, -32
CONSTANTS: Final[dict[int, object]] = {1: None, 2: False, 3: True, 4: Ellipsis, 5: NotImplemented}
INT, BIGINT, INT_CUT, FLOAT, COMPLEX = 0x06, 0x08, 0x09, 0x0A, 0x0B
STR, BYTES, BYTEARRAY, LIST, TUPLE, SET, FROZENSET, DICT = range(0x0C, 0x1C, 2)  # + 1: cut
REF, ERROR, REDACTED, ELIDED, OBJECT = 0x1C, 0x1E, 0x1F, 0x20, 0x21
TYPED, EXCEPTION, CLASS, FUNCTION, MODULE, UNEXAMINED, INSTANCE = range(0x22, 0x29)
NAMED, ENUM = 0x2A, 0x2C  # INSTANCE + 1 and NAMED + 1: cut
DATE, TIME, DATETIME, TIMEDELTA, ARRAY, GENERATOR = range(0x2D, 0x33)
BUILTIN_NAMES: Final = {
    STR: "str", BYTES: "bytes", BYTEARRAY: "bytearray", LIST: "list", TUPLE: "tuple",
    SET: "set", FROZENSET: "frozenset", DICT: "dict", INT_CUT: "int", CLASS: "type",
    FUNCTION: "function", MODULE: "module",
}  # fmt: skip


class Node(NamedTuple):
    """What is no plain scalar, or not all of one. Plain scalars stand for themselves."""

    tag: int  # without the bit that says it was cut
    type: tuple[str, str] | None = None
    size: int | None = None  # the true one; bits of an INT_CUT, index of a REF, code of an ERROR
    items: Any = ()  # parts; text; of INSTANCE, NAMED, ENUM (name, part); of a TYPED the part;
    # of DATE and TIMEDELTA the facts; of TIME and DATETIME the facts and the time zone's part
    cut: bool = False


class Value:
    """One value of one variable at one moment."""

    __slots__ = ("_tree", "raw", "types")

    def __init__(self, raw: bytes, types: Types) -> None:
        self.raw = raw
        self.types = types
        self._tree: Any = None

    @property
    def unexamined(self) -> bool:
        """Whether it was not looked at again: this is what it was when last seen."""
        return self.raw[0] == UNEXAMINED

    @property
    def tree(self) -> Any:
        if self._tree is None:
            self._tree = (_parse(self.raw, self.types),)
        return self._tree[0]

    @property
    def type_name(self) -> str:
        """As `type(x).__qualname__`, with its module if that is not builtins; `?` if unknown."""
        return _type_name(self.tree)

    @property
    def size(self) -> int | None:
        """What `len()` said, whatever of it is in the trace; None for what has no length."""
        node = _plain(self.tree)
        if isinstance(node, Node):
            if node.tag == ARRAY:
                return node.items.shape[0] if node.items.shape else None
            sized = STR <= node.tag <= DICT or node.tag in (ELIDED, NAMED)
            return node.size if sized else None
        return len(node) if isinstance(node, (str, bytes, bytearray)) else None

    @property
    def truncated(self) -> bool:
        """Whether something of it, at any depth, was too large or too deep to be recorded."""
        return any(node.cut or node.tag in (INT_CUT, ELIDED) for node in _nodes(self.tree))

    def to_python(self) -> Any:
        """The object, made anew: None, bool, int, float, complex, str, bytes, bytearray, Ellipsis,
        NotImplemented, range, slice, date, time, datetime, timedelta and timezone, and list, tuple,
        set, frozenset and dict of these, shared parts and cycles included. An instance of a
        subclass of these gives its built-in part, a named tuple a tuple, a member of an enum its
        value, an array nested lists of its items.

        Raises ValueUnreadableError for everything else, and where something of it is missing.
        """
        if self.raw[0] == UNEXAMINED:
            raise _unreadable("was not looked at again")
        tree = self.tree
        if isinstance(tree, (Node, bytearray)):
            return _Builder().build(tree)
        return tree

    def to_json(self) -> Json:
        """As JSON. What JSON has no word for is an object with a `type`."""
        shown = _to_json(self.tree)
        return {"type": "unexamined", "last": shown} if self.unexamined else shown

    def show(self, limit: int = SHOWN) -> str:
        """As Python would write it, in at most so many characters."""
        out = _Writer(limit)
        out.part(self.tree)
        return out.text() + (" (not looked at again)" if self.unexamined else "")

    def __repr__(self) -> str:
        return self.show()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self.raw == other.raw and (self.types is other.types or self.tree == other.tree)

    def __hash__(self) -> int:
        return hash(self.raw)


def _unreadable(why: str) -> errors.ValueUnreadableError:
    return errors.ValueUnreadableError(f"the value {why}; to_json() gives what is known of it")


# ---- from bytes ---------------------------------------------------------------------------------


def _parse(raw: bytes, types: Types) -> Any:
    if raw[0] >= SMALL:
        return raw[0] - SMALL + SMALL_MIN
    if raw == bytes([UNEXAMINED]):
        return Node(ERROR)  # it has a value, and that is all
    parser = _Parser(raw, types)
    try:
        return parser.value(0)
    except (IndexError, struct.error, UnicodeDecodeError) as exc:
        raise parser.damaged() from exc


class _Parser:
    def __init__(self, raw: bytes, types: Types) -> None:
        self.raw = raw
        self.types = types
        self.at = 1 if raw[:1] == bytes([UNEXAMINED]) else 0
        self.parts = 0

    def damaged(self) -> errors.TraceCorruptError:
        return errors.TraceCorruptError(
            f"a value is damaged at its byte {self.at}", offset=self.at, reason="a damaged value"
        )

    def varint(self) -> int:
        n = shift = 0
        while True:
            byte = self.raw[self.at]
            self.at += 1
            n |= (byte & 0x7F) << shift
            if byte < 0x80:
                return n
            shift += 7

    def bytes(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        if len(part) < size:
            raise self.damaged()
        self.at += size
        return part

    def text(self) -> str:
        return self.bytes(self.varint()).decode("utf-8", "surrogatepass")

    def type(self) -> tuple[str, str]:
        return self.types.get(self.varint(), ("", "?"))

    def value(self, depth: int) -> Any:
        self.parts += 1
        tag = self.bytes(1)[0]
        if tag >= SMALL:
            return tag - SMALL + SMALL_MIN
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if depth > 2 * MOST_NESTING or self.parts > MOST_PARTS:
            raise self.damaged()
        if STR <= tag <= DICT + 1:
            return self.sized(tag, depth)
        return self.other(tag, depth)

    def sized(self, tag: int, depth: int) -> Any:
        cut = bool(tag & 1)
        tag &= ~1
        true_size = self.varint() if cut else None
        content: Any
        if tag == STR:
            content = self.text()
        elif tag <= BYTEARRAY:
            content = self.bytes(self.varint())
            if tag == BYTEARRAY:
                content = bytearray(content)
        else:
            content = self.items(self.varint() * (2 if tag == DICT else 1), depth)
            if tag == DICT:
                content = list(zip(content[::2], content[1::2], strict=True))
            return Node(tag, None, len(content) if true_size is None else true_size, content, cut)
        return Node(tag, None, true_size, content, True) if cut else content

    def items(self, count: int, depth: int) -> list[Any]:
        if count > len(self.raw) - self.at:
            raise self.damaged()
        return [self.value(depth + 1) for _ in range(count)]

    def other(self, tag: int, depth: int) -> Any:
        if tag == INT:
            n = self.varint()
            return (n >> 1) ^ -(n & 1)
        if tag == BIGINT:
            negative = self.bytes(1)[0]
            n = int.from_bytes(self.bytes(self.varint()), "little")
            return -n if negative else n
        if tag == INT_CUT:
            negative = self.bytes(1)[0]
            return Node(INT_CUT, None, self.varint(), "-" if negative else "")
        if tag == FLOAT:
            return struct.unpack("<d", self.bytes(8))[0]
        if tag == COMPLEX:
            return complex(*struct.unpack("<dd", self.bytes(16)))
        if tag in (REF, ERROR):
            return Node(tag, None, self.varint())
        if tag in (OBJECT, CLASS):
            return Node(tag, self.type())
        if tag == ELIDED:
            return Node(tag, self.type(), self.varint())
        if tag in (TYPED, EXCEPTION):
            return Node(tag, self.type(), None, [self.value(depth + 1)])
        if tag in (FUNCTION, MODULE):
            return Node(tag, None, None, self.text())
        if tag == REDACTED:
            return Node(tag)
        if INSTANCE <= tag <= GENERATOR:
            return self.with_type(tag, self.type(), depth)
        raise self.damaged()

    def with_type(self, tag: int, of: tuple[str, str], depth: int) -> Node:
        if tag <= NAMED + 1:
            return self.instance(tag, of, depth)
        if tag == ENUM:
            return Node(tag, of, None, [(self.text(), self.value(depth + 1))])
        if tag == DATE:
            return Node(tag, of, None, self.date())
        if tag == TIME:
            return Node(tag, of, None, (self.time(), self.value(depth + 1)))
        if tag == DATETIME:
            return Node(tag, of, None, (self.date() + self.time(), self.value(depth + 1)))
        if tag == TIMEDELTA:
            n = self.varint()
            return Node(tag, of, None, ((n >> 1) ^ -(n & 1), self.varint(), self.varint()))
        if tag == GENERATOR:
            state = standard.STATES[self.bytes(1)[0]]
            return Node(tag, of, None, (state, self.text(), self.varint()))
        return self.array(of)

    def date(self) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack("<HBB", self.bytes(4))
        return found

    def time(self) -> tuple[int, ...]:
        hour, minute, second, fold = self.bytes(4)
        return hour, minute, second, self.varint(), fold

    def array(self, of: tuple[str, str]) -> Node:
        form, item_size, dimensions = self.text(), self.varint(), self.varint()
        if dimensions > MOST_NESTING:
            raise self.damaged()
        shape = tuple(self.varint() for _ in range(dimensions))
        array = standard.Array(form, item_size, shape, self.bytes(self.varint()))
        return Node(ARRAY, of, array.length, array, array.cut)

    def instance(self, tag: int, of: tuple[str, str], depth: int) -> Node:
        true_size = self.varint() if tag & 1 else None
        count = self.varint()
        if count > len(self.raw) - self.at:
            raise self.damaged()
        items = [(self.text(), self.value(depth + 1)) for _ in range(count)]
        return Node(tag & ~1, of, count if true_size is None else true_size, items, bool(tag & 1))


# ---- questions ----------------------------------------------------------------------------------


def _parts(node: Node) -> Iterator[Any]:
    if node.tag == DICT:
        for pair in node.items:
            yield from pair
    elif node.tag in (INSTANCE, NAMED, ENUM):
        yield from (part for _, part in node.items)
    elif node.tag in (TIME, DATETIME):
        yield node.items[1]
    elif LIST <= node.tag <= FROZENSET or node.tag in (TYPED, EXCEPTION):
        yield from node.items


def _nodes(tree: Any) -> Iterator[Node]:
    if isinstance(tree, Node):
        yield tree
        for part in _parts(tree):
            yield from _nodes(part)


def _plain(tree: Any) -> Any:
    """Without the INSTANCE and TYPED around it."""
    if isinstance(tree, Node) and tree.tag == INSTANCE and tree.items and not tree.items[0][0]:
        tree = tree.items[0][1]
    return tree.items[0] if isinstance(tree, Node) and tree.tag == TYPED else tree


def _qualified(type_: tuple[str, str]) -> str:
    module, name = type_
    return name if module in ("builtins", "") else f"{module}.{name}"


def _type_name(tree: Any) -> str:
    if not isinstance(tree, Node):
        return type(tree).__name__
    if tree.tag == CLASS or tree.type is None:
        return BUILTIN_NAMES.get(tree.tag, "?")
    return _qualified(tree.type)


# ---- as an object -------------------------------------------------------------------------------

MAKERS: Final[dict[int, Callable[[list[Any]], Any]]] = {TUPLE: tuple, FROZENSET: frozenset}
_PENDING: Final = object()


class _Builder:
    def __init__(self) -> None:
        self.containers: list[Any] = []  # by the number a REF has

    def build(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return bytearray(tree) if isinstance(tree, bytearray) else tree
        if tree.cut or tree.tag in (INT_CUT, ELIDED):
            raise _unreadable("was too large to be recorded whole")
        if tree.tag == TYPED:
            return self.build(tree.items[0])
        if tree.tag == REF:
            return self.shared(tree.size or 0)
        if tree.tag == ARRAY and (made := tree.items.nested()) is not None:
            return made
        if not LIST <= tree.tag <= DICT:
            try:
                return self.standard(tree)
            except errors.RecorderError:
                raise
            except (TypeError, ValueError, OverflowError) as exc:
                raise _unreadable("is none that its type can have") from exc
        number = len(self.containers)
        self.containers.append(_PENDING)
        try:
            made = self.container(tree, number)
        except TypeError as exc:
            raise _unreadable("has a key that cannot be one") from exc
        if len(made) != tree.size:
            raise _unreadable("has keys that differ only by their type")
        return made

    def standard(self, tree: Node) -> Any:
        if tree.tag == DATE:
            return standard.make_date(tree.items)
        if tree.tag == TIMEDELTA:
            return standard.make_timedelta(tree.items)
        number = len(self.containers)
        if tree.tag in (INSTANCE, NAMED, ENUM, EXCEPTION, TIME, DATETIME):
            self.containers.append(_PENDING)
        made: Any = _PENDING
        if tree.tag == TIME:
            made = standard.make_time(tree.items[0], self.build(tree.items[1]))
        elif tree.tag == DATETIME:
            made = standard.make_datetime(tree.items[0], self.build(tree.items[1]))
        elif tree.tag == NAMED:
            made = tuple([self.build(part) for _, part in tree.items])
        elif tree.tag == ENUM or (tree.tag == INSTANCE and tree.items and not tree.items[0][0]):
            made = self.build(tree.items[0][1])
        elif tree.tag == INSTANCE and tree.type in standard.MAKERS:
            made = standard.MAKERS[tree.type](*[self.build(part) for _, part in tree.items])
        if made is _PENDING:
            raise _unreadable(f"is not one that can be made anew: {_show(tree, 60)}")
        self.containers[number] = made
        return made

    def shared(self, number: int) -> Any:
        if number >= len(self.containers) or self.containers[number] is _PENDING:
            raise _unreadable("contains itself in a way that cannot be built")
        return self.containers[number]

    def container(self, tree: Node, number: int) -> Any:
        made: Any
        if tree.tag in MAKERS:
            made = MAKERS[tree.tag]([self.build(part) for part in tree.items])
            self.containers[number] = made
        elif tree.tag == LIST:
            self.containers[number] = made = []
            made.extend(self.build(part) for part in tree.items)
        elif tree.tag == SET:
            self.containers[number] = made = set()
            made.update([self.build(part) for part in tree.items])
        else:
            self.containers[number] = made = {}
            for key, part in tree.items:
                built = self.build(key)
                made[built] = self.build(part)
        return made


# ---- as JSON ------------------------------------------------------------------------------------


def _to_json(tree: Any) -> Json:
    if isinstance(tree, Node):
        return _node_to_json(tree)
    if tree is None or isinstance(tree, (bool, str)):
        return tree
    if isinstance(tree, int):
        if abs(tree) < EXACT_INT:
            return tree
        return {"type": "int", "hex": hex(tree)}
    if isinstance(tree, float):
        if math.isfinite(tree):
            return tree
        return {"type": "float", "value": repr(tree), "hex": struct.pack(">d", tree).hex()}
    if isinstance(tree, complex):
        return {"type": "complex", "real": _to_json(tree.real), "imag": _to_json(tree.imag)}
    if isinstance(tree, (bytes, bytearray)):
        return {"type": type(tree).__name__, "hex": tree.hex()}
    return {"type": type(tree).__name__}


def _node_to_json(node: Node) -> Json:
    shown: dict[str, Json] = {"type": _type_name(node)}
    if node.tag == LIST and not node.cut:
        return [_to_json(part) for part in node.items]
    if node.tag == DICT:
        shown["items"] = [[_to_json(key), _to_json(part)] for key, part in node.items]
    elif LIST <= node.tag <= FROZENSET:
        shown["items"] = [_to_json(part) for part in node.items]
    elif node.tag in (STR, BYTES, BYTEARRAY):
        shown["begins"] = node.items if node.tag == STR else node.items.hex()
    elif node.tag == TYPED:
        shown["value"] = _to_json(node.items[0])
    elif node.tag == EXCEPTION:
        shown["args"] = _to_json(node.items[0])
    elif node.tag in (INSTANCE, NAMED, ENUM):
        key = {INSTANCE: "attributes", NAMED: "fields", ENUM: "member"}[node.tag]
        shown[key] = {name: _to_json(part) for name, part in node.items if name}
        if node.items and not node.items[0][0]:
            shown["value"] = _to_json(node.items[0][1])
    elif node.tag >= DATE:
        _standard_to_json(node, shown)
    else:
        _leaf_to_json(node, shown)
    if node.cut or node.tag == ELIDED:
        shown["size"] = node.size
        shown["truncated"] = True
    return shown


def _standard_to_json(node: Node, shown: dict[str, Json]) -> None:
    if node.tag in (TIME, DATETIME):
        shown["tzinfo"] = _to_json(node.items[1])
    if node.tag == GENERATOR:
        state, name, line = node.items
        shown.update(state=state, name=name, line=line)
    elif node.tag == ARRAY:
        array = node.items
        shown.update(format=array.format, shape=list(array.shape))
        items = array.items()
        if items is None:
            shown["hex"] = array.data.hex()
        else:
            shown["items"] = [_to_json(item) for item in items]
    else:
        shown["value"] = _standard_text(node)


def _standard_text(node: Node) -> str:
    if node.tag == DATE:
        return standard.show_date(node.items)
    if node.tag == TIMEDELTA:
        return standard.show_timedelta(node.items)
    if node.tag == TIME:
        return standard.show_time(node.items[0])
    return standard.show_datetime(node.items[0])


def _leaf_to_json(node: Node, shown: dict[str, Json]) -> None:
    if node.tag == INT_CUT:
        shown.update(negative=bool(node.items), bits=node.size, truncated=True)
    elif node.tag == REF:
        shown.update(type="reference", container=node.size)
    elif node.tag == REDACTED:
        shown["type"] = "redacted"
    elif node.tag == ERROR:
        shown["type"] = "error"
        if node.size is not None:
            shown["code"] = errors.class_for(node.size).error_name
    elif node.tag in (CLASS, FUNCTION, MODULE):
        shown["name"] = _qualified(node.type) if node.type else node.items


# ---- for people ---------------------------------------------------------------------------------

BRACKETS: Final = {
    LIST: ("[", "]"), TUPLE: ("(", ")"), SET: ("{", "}"), FROZENSET: ("frozenset({", "})"),
    DICT: ("{", "}"),
}  # fmt: skip


class _Writer:
    """Text up to a limit; beyond it nothing is added, and nothing looked at."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.out: list[str] = []
        self.full = False

    def text(self) -> str:
        return "".join(self.out) + ("…" if self.full else "")

    def add(self, text: str) -> None:
        if not self.full:
            self.out.append(text[: self.left])
            self.left -= len(text)
            self.full = self.left < 0

    def part(self, tree: Any) -> None:
        if not isinstance(tree, Node):
            self.scalar(tree)
        elif LIST <= tree.tag <= DICT:
            self.container(tree)
        elif tree.tag == TYPED:
            self.add(_type_name(tree) + "(")
            self.part(tree.items[0])
            self.add(")")
        elif tree.tag == EXCEPTION:
            self.exception(tree)
        elif tree.tag in (INSTANCE, NAMED):
            self.add(_type_name(tree) + "(")
            self.sequence(tree.items, self.attribute)
            if tree.cut:
                self.add(f", … {tree.size - len(tree.items)} more")
            self.add(")")
        elif tree.tag == ENUM:
            self.add(f"<{_type_name(tree)}.{tree.items[0][0] or '?'}: ")
            self.part(tree.items[0][1])
            self.add(">")
        elif tree.tag >= DATE:
            self.standard(tree)
        else:
            self.add(self.leaf(tree))

    def standard(self, tree: Node) -> None:
        if tree.tag == GENERATOR:
            state, name, line = tree.items
            at = f" at line {line}" if line else ""
            return self.add(f"<{_type_name(tree)} {name}, {state}{at}>")
        if tree.tag == ARRAY:
            return self.array(tree)
        self.add(f"{_type_name(tree)}({_standard_text(tree)}")
        if tree.tag in (TIME, DATETIME) and tree.items[1] is not None:
            self.add(", ")
            self.part(tree.items[1])
        return self.add(")")

    def array(self, node: Node) -> None:
        array = node.items
        self.add(f"{_type_name(node)}(shape={array.shape}, format={array.format!r}")
        if (items := array.items()) is not None:
            self.add(", [")
            self.sequence(items, self.part)
            if node.cut:
                self.add(", …")
            self.add("]")
        self.add(")")

    def scalar(self, tree: Any) -> None:
        if isinstance(tree, int) and tree.bit_length() > 8 * (self.left + 8):
            self.add(hex(tree >> (tree.bit_length() - 4 * (self.left + 8))))
        elif isinstance(tree, int) and tree.bit_length() > 2_000:
            self.add(hex(tree))  # Python refuses to write so many digits
        elif isinstance(tree, (str, bytes, bytearray)):
            self.add(repr(tree[: self.left + 1]))
        else:
            self.add(repr(tree))

    def container(self, node: Node) -> None:
        if node.tag == SET and not node.size:
            return self.add("set()")
        opening, closing = BRACKETS[node.tag]
        self.add(opening)
        if node.tag == DICT:
            self.sequence(node.items, self.pair)
        else:
            self.sequence(node.items, self.part)
        missing = (node.size or 0) - len(node.items)
        if missing > 0:
            self.add(f"{', ' if node.items else ''}… {missing} more")
        elif node.tag == TUPLE and len(node.items) == 1:
            self.add(",")
        return self.add(closing)

    def exception(self, node: Node) -> None:
        self.add(_type_name(node))
        args = node.items[0]
        if isinstance(args, Node) and args.tag == TUPLE and len(args.items) == args.size == 1:
            self.add("(")
            self.part(args.items[0])
            self.add(")")
        else:
            self.part(args)

    def sequence(self, items: Any, write: Callable[[Any], object]) -> None:
        for number, item in enumerate(items):
            if self.full:
                return
            if number:
                self.add(", ")
            write(item)

    def attribute(self, item: Any) -> None:
        if item[0]:
            self.add(item[0] + "=")
        self.part(item[1])

    def pair(self, item: Any) -> None:
        self.part(item[0])
        self.add(": ")
        self.part(item[1])

    def leaf(self, node: Node) -> str:
        if node.tag in (STR, BYTES, BYTEARRAY):
            return f"{node.items[: self.left + 1]!r}… ({node.size})"
        if node.tag == INT_CUT:
            return f"<{'negative ' if node.items else ''}int of {node.size} bits>"
        if node.tag == REF:
            return f"<container {node.size} again>"
        if node.tag == ERROR:
            return "<unknown>" if node.size is None else f"<unreadable: {_code_name(node.size)}>"
        if node.tag == REDACTED:
            return "<redacted>"
        if node.tag == ELIDED:
            return f"<{_type_name(node)} of size {node.size}>"
        if node.tag == OBJECT:
            return f"<{_type_name(node)} object>"
        name = _qualified(node.type) if node.type else node.items
        return f"<{'class' if node.tag == CLASS else BUILTIN_NAMES[node.tag]} {name}>"


def _show(tree: Any, limit: int) -> str:
    out = _Writer(limit)
    out.part(tree)
    return out.text()


def _code_name(number: int) -> str:
    return errors.class_for(number).error_name


def show_tree(tree: Any, limit: int = SHOWN) -> str:
    """A part of a value as `Value.show` writes it."""
    return _show(tree, limit)


def type_name_of(tree: Any) -> str:
    """The `type_name` of a part of a value."""
    return _type_name(tree)
