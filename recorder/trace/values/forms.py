"""Values of well-known types that C keeps to itself: names of their parts, how they are shown, what is made of them.

A FORM has a type, a form (codegen/format.toml says what the parts of each are) and its parts. One row for each form.
"""

from __future__ import annotations

import collections
import decimal
import functools
import io
import operator
import re
import types
import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from recorder.trace.format import (
    TAG_CLASS,
    TAG_DICT,
    TAG_ENUM,
    TAG_FORM,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_REF,
    TAG_STR,
    TAG_TUPLE,
    Form,
)
from recorder.trace.values import foreign, generics, getters, iterators, orm_values, show_tables
from recorder.trace.values.make_tables import MAKERS, make_library_value
from recorder.trace.values.nodes import (
    CannotMake,
    Node,
    qualified,
    short_name,
    without_wrapping,
)
from recorder.trace.values.show_tables import Writer
from recorder.trace.values.tables import TABLES, container_of

FILES: Final = (Form.FILE, Form.BUFFERED, Form.TEXT_FILE)
MATCH_SHOWN: Final = 50  # characters, as Python does
FLAGS: Final = (
    "IGNORECASE",
    "LOCALE",
    "MULTILINE",
    "DOTALL",
    "UNICODE",
    "VERBOSE",
    "DEBUG",
    "ASCII",
)
DESCRIBED: Final = (("http", "HTTPStatus"), ("http", "HTTPMethod"))  # enums, with much to read
NO_CONTEXT: Final = decimal.Context(traps=[])
BUILT_IN_CLASSES: Final[dict[str, type]] = {
    made.__name__: made
    for made in (
        bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, set, str, tuple, type,
        types.NoneType,
    )
}  # fmt: skip
WITH_NAMES: Final = (Form.FACTS, Form.MEMBERS)  # whose parts have names of their own
OF_CLASSES: Final = (Form.GENERIC_ALIAS, Form.UNION)


class Row(NamedTuple):
    parts: tuple[str, ...]  # their names
    show: Callable[[Writer, Node], None]
    make: Callable[..., Any] | None = (
        None  # from what was made of its parts; None: cannot be made anew
    )


def items_of(node: Node) -> Any:
    """The list or dict that a FORM is about, by which it has a length and items; None for others."""
    if node.size in (
        Form.DEQUE,
        Form.MAPPINGPROXY,
        Form.DICT_KEYS,
        Form.DICT_VALUES,
        Form.DICT_ITEMS,
    ):
        return node.items[0] if node.items else None
    if node.size in TABLES:
        return container_of(node)
    if node.size == Form.CONTEXT:
        return node.items[0] if node.items else None
    if node.size == Form.TENSOR:
        return node.items[2] if len(node.items) > 2 else None
    if node.size == Form.FOREIGN:
        return foreign.items_of(node)
    return node.items[1] if node.size == Form.DEFAULTDICT and len(node.items) > 1 else None


def form_name(node: Node) -> str:
    """`deque`; of a form that a later version has added, its number."""
    number = node.size or 0
    return Form(number).name.lower() if number in Form._value2member_map_ else str(number)


def part_names(node: Node) -> tuple[str, ...]:
    row = ROWS.get(node.size or 0)
    names = tuple([name.rstrip("?") for name in row.parts]) if row is not None else ()
    return names + tuple(f"part {n}" for n in range(len(names), len(node.items)))


def named_parts(node: Node) -> dict[str, Any]:
    """The parts by their names."""
    if node.size == Form.MEMBERS:
        return {str(name): part for name, part in members_of(node)}
    if foreign.is_foreign(node):
        return foreign.named_parts(node)
    if node.size == Form.FACTS:
        return facts_of(node)
    parts = dict(zip(part_names(node), node.items, strict=False))
    if node.size == Form.TASK and "name" in parts:
        parts["name"] = _name_of_task(parts["name"])
    return parts


def facts_of(node: Node) -> dict[str, Any]:
    """Of a FACTS, by their names."""
    names, parts = node.items[::2], node.items[1::2]
    return {str(name): part for name, part in zip(names, parts, strict=False)}


def members_of(node: Node) -> list[tuple[Any, Any]]:
    """Of a MEMBERS: names and values."""
    held = node.items[0] if node.items else None
    return list(held.items) if isinstance(held, Node) and held.tag == TAG_DICT else []


def show_form(out: Writer, node: Node) -> None:
    row = ROWS.get(node.size or 0)
    if row is None or len(node.items) < _fewest(row):
        return _show_unknown(out, node)
    return row.show(out, node)


def has_maker(node: Node) -> bool:
    """Whether there is a way to make one anew: a lock or a file can only exist in the program."""
    row = ROWS.get(node.size or 0)
    if node.size == Form.ITERATOR:
        return iterators.can_make(node)
    return node.size in MAKERS or (row is not None and row.make is not None)


def make_form(node: Node, build: Callable[[Any], Any]) -> Any:
    """The object. Raises CannotMake, or whatever its constructor does."""
    if node.size in MAKERS:
        return make_library_value(node, build)
    if node.size == Form.ITERATOR:
        return iterators.make_iterator(node, build)
    row = ROWS.get(node.size or 0)
    if row is None or row.make is None or len(node.items) < _fewest(row):
        raise CannotMake
    if node.size in OF_CLASSES:
        return row.make(*[_with_classes(part, build) for part in node.items])
    if node.size == Form.DEFAULTDICT:  # can be made, whatever its factory is
        return row.make(node.items[0], build(node.items[1]))
    return row.make(*[part if _is_class(part) else build(part) for part in node.items])


def _with_classes(part: Any, build: Callable[[Any], Any]) -> Any:
    """What is said of types: a tuple of them, or one."""
    if isinstance(part, Node) and part.tag == TAG_TUPLE:
        return tuple([_with_classes(each, build) for each in part.items])
    return class_of(part) if _is_class(part) else build(part)


def _fewest(row: Row) -> int:
    return sum(not name.endswith("?") for name in row.parts)


def _is_class(part: Any) -> bool:
    return isinstance(part, Node) and part.tag == TAG_CLASS


# ---- how they are shown ----------------------------------------------------------------------------------------------


def _show_unknown(out: Writer, node: Node) -> None:
    if node.size == Form.UNKNOWN_LAYOUT:
        return out.add(f"<{short_name(node)} object, of a layout that is not known>")
    out.add(f"<{short_name(node)} ")
    out.sequence(node.items, out.part)
    return out.add(">")


def _part(out: Writer, part: Any) -> Any:
    """A part that is looked into: what it refers to, without the type that is written around it."""
    if isinstance(part, Node) and part.tag == TAG_REF:
        part = out.referred(part) or part
    return without_wrapping(part)


def _call(out: Writer, name: str, parts: Any) -> None:
    out.add(f"{name}(")
    out.sequence(parts, out.part)
    out.add(")")


def _facts(out: Writer, name: str, facts: list[tuple[str, Any]]) -> None:
    """`<name a=… b=…>`."""
    out.add(f"<{name}")
    for fact, part in facts:
        out.add(f" {fact}=")
        out.part(part)
    out.add(">")


def number_text(number: str) -> str:
    """The number of a DECIMAL as str() has it: 19.90."""
    made = decimal.Decimal(number, NO_CONTEXT)
    return NO_CONTEXT.to_sci_string(made) if made.is_nan() == ("NaN" in number) else number


def _decimal(out: Writer, node: Node) -> None:
    [number] = node.items
    out.add(f"{short_name(node)}(")
    out.part(number_text(number) if isinstance(number, str) else number)
    out.add(")")


def _deque(out: Writer, node: Node) -> None:
    items, longest = node.items
    out.add(f"{short_name(node)}(")
    out.part(items)
    if longest is not None:
        out.add(", maxlen=")
        out.part(longest)
    out.add(")")


def _mappingproxy(out: Writer, node: Node) -> None:
    _call(out, short_name(node), node.items)


def _view(which: int | None) -> Callable[[Writer, Node], None]:
    """`which`: of keys (0) and values (1); None: both."""

    def show(out: Writer, node: Node) -> None:
        mapping = _part(out, node.items[0])
        if not isinstance(mapping, Node) or mapping.tag != TAG_DICT:
            return _call(out, short_name(node), node.items)
        items = [
            Node(TAG_TUPLE, None, 2, pair) if which is None else pair[which]
            for pair in mapping.items
        ]
        return _call(
            out, short_name(node), [Node(TAG_LIST, None, mapping.size, items, mapping.cut)]
        )

    return show


def _partial(out: Writer, node: Node) -> None:
    function, *others = node.items
    arguments, named = [_part(out, part) for part in others]
    out.add(f"{short_name(node)}(")
    out.part(function)
    if isinstance(arguments, Node) and arguments.tag == TAG_TUPLE:
        for argument in arguments.items:
            out.add(", ")
            out.part(argument)
    for key, argument in named.items if isinstance(named, Node) and named.tag == TAG_DICT else ():
        out.add(f", {key}=" if isinstance(key, str) else ", ?=")
        out.part(argument)
    if any(isinstance(part, Node) and part.cut for part in (arguments, named)):
        out.add(", …")
    out.add(")")


def _pattern(out: Writer, node: Node) -> None:
    pattern, flags = node.items
    if not isinstance(flags, int):
        return _show_unknown(out, node)
    is_text = isinstance(pattern, str) or (isinstance(pattern, Node) and pattern.tag == TAG_STR)
    if is_text and flags & (re.LOCALE | re.UNICODE | re.ASCII) == re.UNICODE:
        flags &= ~re.UNICODE
    names = [f"re.{name}" for name in FLAGS if flags & re.RegexFlag[name]]
    out.add("re.compile(")
    out.part(pattern)
    if names:
        out.add(", " + "|".join(names))
    return out.add(")")


def _match(out: Writer, node: Node) -> None:
    _, text, spans = node.items
    begin, end = spans.items[:2] if isinstance(spans, Node) and len(spans.items) > 1 else (0, 0)
    out.add(f"<re.Match object; span=({begin}, {end}), match=")
    if isinstance(text, Node) and isinstance(text.items, (str, bytes)):
        text = text.items
    if isinstance(text, (str, bytes)) and end <= len(text):
        out.add(repr(text[begin:end])[:MATCH_SHOWN])
    else:
        out.add("…")
    out.add(">")


def _alias(out: Writer, node: Node) -> None:
    origin, arguments, unpacked = node.items
    arguments = _part(out, arguments)
    out.add("*" if unpacked is True else "")
    generics.show_argument(out, origin)
    out.add("[")
    items = (
        arguments.items
        if isinstance(arguments, Node) and arguments.tag == TAG_TUPLE
        else [arguments]
    )
    generics.show_arguments(out, list(items), (node.type or ("", ""))[1] == "_CallableGenericAlias")
    out.add("]" if items else "()]")


def _union(out: Writer, node: Node) -> None:
    members = _part(out, node.items[0])
    for number, member in enumerate(members.items if isinstance(members, Node) else [members]):
        out.add(" | " if number else "")
        if isinstance(member, Node) and member.type == ("builtins", "NoneType"):
            out.add("None")
        else:
            generics.show_argument(out, member)


def _weakref(out: Writer, node: Node) -> None:
    [target] = node.items
    name = "weakproxy" if node.type is not None and "Proxy" in node.type[1] else "weakref"
    if isinstance(target, Node) and target.type:
        out.add(f"<{name} to {qualified(target.type)}>")
    else:
        out.add(f"<{name}, dead>")


def _lock(out: Writer, node: Node) -> None:
    [held] = node.items
    count = f" count={held}" if node.size == Form.RLOCK else ""
    out.add(
        f"<{'locked' if held else 'unlocked'} {qualified(node.type or ('', '?'))} object{count}>"
    )


def _context_variable(out: Writer, node: Node) -> None:
    _facts(out, "ContextVar", list(zip(("name", "value"), node.items, strict=False)))


def _token(out: Writer, node: Node) -> None:
    variable, before, *used = node.items
    _facts(
        out, "Token used" if used == [True] else "Token", [("var", variable), ("old_value", before)]
    )


def _context(out: Writer, node: Node) -> None:
    """By the names of its variables, of which several can have the same one."""
    out.add("<Context ")
    out.part(node.items[0])
    out.add(">")


def _future(out: Writer, node: Node) -> None:
    state, result, exception = node.items[:3]
    done = state == "FINISHED"
    out.add(f"<{short_name(node)} {state.lower() if isinstance(state, str) else '?'}")
    for name, part in _of_task(node):
        out.add(f" {name}=")
        if isinstance(part, str) and name == "name":
            out.add(repr(part))
        else:
            out.part(part)
    if done:
        out.add(" result=" if exception is None else " exception=")
        out.part(result if exception is None else exception)
    out.add(">")


def _name_of_task(name: Any) -> Any:
    """Some Pythons keep the number, until somebody asks."""
    return f"Task-{name}" if isinstance(name, int) else name


def _of_task(node: Node) -> list[tuple[str, Any]]:
    if node.size != Form.TASK:
        return []
    coroutine, waits_for, name = node.items[3:]
    facts = [("name", _name_of_task(name)), ("coro", coroutine)]
    return facts if waits_for is None else [*facts, ("wait_for", waits_for)]


def _bytes_io(out: Writer, node: Node) -> None:
    content, position = node.items
    if content is None:
        return out.add(f"<{short_name(node)}, closed>")
    return _facts(out, short_name(node), [("position", position), ("content", content)])


def is_file(tree: Any) -> bool:
    return isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size in FILES


def is_all(tree: Any) -> bool:
    """Whether it is all that people want to know of the instance that it is the built-in part of."""
    return isinstance(tree, Node) and (
        (tree.tag == TAG_FORM and tree.size in (Form.STATICMETHOD, Form.CLASSMETHOD))
        or (tree.tag == TAG_ENUM and tree.type in DESCRIBED)
    )


def show_file(out: Writer, tree: Node) -> None:
    """A file, whatever is wrapped around it, and with whatever attributes; or around what keeps its content itself."""
    facts: dict[str, Any] = {}
    _collect_facts(tree, facts)
    below = tree.items[0] if tree.size in (Form.BUFFERED, Form.TEXT_FILE) and tree.items else None
    if isinstance(below, Node) and below.size in (Form.BYTES_IO, Form.STRING_IO):
        facts["over"] = below
    closed = facts.pop("fd", 0) is None
    out.add(f"<{qualified(tree.type or ('', '?'))}")
    for name, part in facts.items():
        out.add(f" {name}=")
        out.part(part)
    out.add(" closed>" if closed else ">")


def _collect_facts(tree: Any, facts: dict[str, Any]) -> None:
    """What is known of a file, and of those that it is wrapped around: the outermost wins."""
    if not isinstance(tree, Node):
        return
    if tree.tag == TAG_INSTANCE:
        inner = [part for name, part in tree.items if not name]
        facts |= {name: part for name, part in tree.items if name in ("name", "mode")} | facts
    elif not is_file(tree):
        return
    else:
        inner = tree.items[:1] if tree.size != Form.FILE else []
        own = named_parts(tree)
        for name in ("fd", "mode", "encoding"):
            if name in own:
                facts.setdefault(name, own[name])
    for part in inner:
        _collect_facts(part, facts)


def _socket(out: Writer, node: Node) -> None:
    """As Python has it, `[closed]` once it has no descriptor."""
    facts = named_parts(node)
    closed = " [closed]" if facts.get("fd") == -1 else ""
    facts = {  # its own address first, as Python does
        name: facts[name]
        for name in ("fd", "family", "type", "proto", "laddr", "raddr")
        if facts.get(name) not in (None, "")
    }
    _facts(out, short_name(node) + closed, list(facts.items()))


def _large_array(out: Writer, node: Node) -> None:
    """With the number by which a change of what is not written shows."""
    items, checksum = node.items
    out.part(items)
    out.add(f" (checksum {checksum:015x})" if isinstance(checksum, int) else "")


def _members(out: Writer, node: Node) -> None:
    """`<sqlite3.Cursor rowcount=-1 …>`: C keeps more than that."""
    if generics.show_stand_in(out, node):
        return
    out.add(f"<{short_name(node)}")
    for name, part in members_of(node):
        out.add(f" {name}=")
        out.part(part)
    out.add(" …>")


def is_of_facts(tree: Any) -> bool:
    return isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size == Form.FACTS


def show_facts(out: Writer, node: Node, attributes: Iterable[tuple[str, Any]] = ()) -> None:
    """`<_queue.SimpleQueue items=[1]>`, without what is not there. `attributes`: what it has besides."""
    known = (*facts_of(node).items(), *attributes)
    _facts(out, short_name(node), [(name, part) for name, part in known if part is not None])


def _plain(out: Writer, node: Node) -> None:
    _call(out, short_name(node), node.items)


def _zone(out: Writer, node: Node) -> None:
    [key] = node.items
    out.add("zoneinfo.ZoneInfo(key=")
    out.part(key)
    out.add(")")


# ---- what is made of them --------------------------------------------------------------------------------------------


def class_of(part: Any) -> type:
    """The class itself, of those that are built in."""
    if _is_class(part) and part.type[0] == "builtins" and part.type[1] in BUILT_IN_CLASSES:
        return BUILT_IN_CLASSES[part.type[1]]
    raise CannotMake


def _make_decimal(text: str) -> decimal.Decimal:
    made = decimal.Decimal(text, NO_CONTEXT)
    if made.is_qnan() and "NaN" not in text:
        raise CannotMake
    return made


def _make_defaultdict(factory: Any, items: dict[Any, Any]) -> dict[Any, Any]:
    """A plain dict where the factory is the program's own."""
    if factory is None:
        return collections.defaultdict(None, items)
    try:
        return collections.defaultdict(class_of(factory), items)
    except CannotMake:
        return items


def _make_partial(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return functools.partial(class_of(function), *arguments, **named)


def _make_pattern(pattern: str | bytes, flags: int) -> re.Pattern[Any]:
    if isinstance(pattern, str) and flags & re.UNICODE:
        flags &= ~re.UNICODE  # as it is without being asked for
    return re.compile(pattern, flags & ~re.DEBUG)


def _make_match(pattern: re.Pattern[Any], text: Any, spans: list[int]) -> re.Match[Any]:
    """The one that is found again, if it is the same."""
    pairs = list(zip(spans[::2], spans[1::2], strict=True))
    for find in (pattern.match, pattern.fullmatch):
        made = find(text, pairs[0][0])
        if made is not None and [made.span(n) for n in range(len(pairs))] == pairs:
            return made
    raise CannotMake


def _make_alias(origin: Any, arguments: Any, unpacked: bool) -> Any:
    if unpacked:
        raise CannotMake
    return types.GenericAlias(origin, arguments)


def _make_union(members: tuple[Any, ...]) -> Any:
    return functools.reduce(operator.or_, members)


def _make_bytes_io(content: bytes | None, position: int) -> io.BytesIO:
    made = io.BytesIO(content or b"")
    if content is None:
        made.close()
    else:
        made.seek(position)
    return made


def _make_string_io(content: str | None, position: int | None, size: int | None) -> io.StringIO:
    if content is None and position is not None:
        raise CannotMake  # it was too long to be told
    made = io.StringIO(content or "", newline="")
    if position is None:
        made.close()
    else:
        made.seek(position)
    return made


def _make_zone(key: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as exc:
        raise CannotMake from exc


ROWS: Final[dict[int, Row]] = {
    Form.DECIMAL: Row(("value",), _decimal, _make_decimal),
    Form.DEQUE: Row(("items", "maxlen"), _deque, collections.deque),
    Form.DEFAULTDICT: Row(("default_factory", "items"), _plain, _make_defaultdict),
    Form.MAPPINGPROXY: Row(("mapping",), _mappingproxy, types.MappingProxyType),
    Form.DICT_KEYS: Row(("mapping",), _view(0), dict.keys),
    Form.DICT_VALUES: Row(("mapping",), _view(1), dict.values),
    Form.DICT_ITEMS: Row(("mapping",), _view(None), dict.items),
    Form.PARTIAL: Row(("func", "args", "keywords"), _partial, _make_partial),
    Form.PATTERN: Row(("pattern", "flags"), _pattern, _make_pattern),
    Form.MATCH: Row(("re", "string", "spans"), _match, _make_match),
    Form.GENERIC_ALIAS: Row(("origin", "args", "unpacked"), _alias, _make_alias),
    Form.UNION: Row(("args",), _union, _make_union),
    Form.WEAKREF: Row(("target",), _weakref),
    Form.LOCK: Row(("locked",), _lock),
    Form.RLOCK: Row(("count",), _lock),
    Form.CONTEXT_VAR: Row(("name", "value?"), _context_variable),
    Form.CONTEXT_TOKEN: Row(("var", "old_value", "used?"), _token),
    Form.CONTEXT: Row(("variables",), _context),
    Form.DERIVED: Row(("base",), _show_unknown),
    Form.FUTURE: Row(("state", "result", "exception"), _future),
    Form.TASK: Row(("state", "result", "exception", "coro", "wait_for", "name"), _future),
    Form.BYTES_IO: Row(("content", "position"), _bytes_io, _make_bytes_io),
    Form.FILE: Row(("mode", "fd"), show_file),
    Form.BUFFERED: Row(("raw",), show_file),
    Form.TEXT_FILE: Row(("buffer", "encoding"), show_file),
    Form.SOCKET: Row(("fd", "family", "type", "proto", "raddr?", "laddr?"), _socket),
    Form.ZONE_INFO: Row(("key",), _zone, _make_zone),
    Form.PROPERTY: Row(("fget", "fset", "fdel"), _plain),
    Form.STATICMETHOD: Row(("__func__",), _plain),
    Form.CLASSMETHOD: Row(("__func__",), _plain),
    Form.LARGE_ARRAY: Row(("items", "checksum"), _large_array),
    Form.OBJECT_ARRAY: Row(("shape", "items", "checksum"), show_tables.show_object_array),
    Form.STRING_ARRAY: Row(
        ("shape", "items", "checksum", "missing?"), show_tables.show_object_array
    ),
    Form.COLUMN: Row(
        ("size", "first", "last", "missing", "about", "checksum", "variant?"),
        show_tables.show_column,
    ),
    Form.DATA_FRAME: Row(("rows", "index", "names", "columns"), show_tables.show_frame),
    Form.SERIES: Row(("index", "name", "values"), show_tables.show_series),
    Form.INDEX: Row(("name", "values", "step?"), show_tables.show_index),
    Form.MULTI_INDEX: Row(("names", "levels", "codes"), show_tables.show_multi_index),
    Form.TIMESTAMP: Row(("value", "unit", "tz"), show_tables.show_datetime),
    Form.TIMEDELTA64: Row(("value", "unit"), show_tables.show_datetime),
    Form.MISSING: Row((), show_tables.show_missing),
    Form.STRING_IO: Row(
        ("content", "position", "size"), orm_values.show_string_io, _make_string_io
    ),
    Form.ORM_STATE: Row(("has_row", "modified", "attributes"), orm_values.show_orm_state),
    Form.MODEL: Row(("columns", "fields", "relations"), orm_values.show_model),
    Form.QUERY_SET: Row(("model", "results"), orm_values.show_query_set),
    Form.DATETIME64: Row(("value", "dtype"), show_tables.show_datetime64),
    Form.INTERVAL: Row(("left", "right", "closed"), show_tables.show_interval),
    Form.PERIOD: Row(("value", "dtype"), show_tables.show_period),
    Form.PERIOD_DTYPE: Row(("frequency", "multiple", "name"), show_tables.show_period_dtype),
    Form.DTYPE: Row(("dtype",), show_tables.show_dtype),
    Form.ARROW_TABLE: Row(("rows", "names", "columns"), show_tables.show_frame),
    Form.UNREAD: Row(("called", "size"), show_tables.show_unread),
    Form.SPARSE_INDEX: Row(("length", "places", "runs?"), _show_unknown),
    Form.ITERATOR: Row(iterators.PARTS, iterators.show_iterator),
    Form.MEMBERS: Row(("members",), _members),
    Form.FACTS: Row((), show_facts),
    Form.OFFSET: Row(("n", "normalize"), show_tables.show_offset),
    Form.ITEM_GETTER: Row(("items", "count"), getters.show_item_getter, getters.make_item_getter),
    Form.ATTRIBUTE_GETTER: Row(
        ("names", "count"), getters.show_attribute_getter, getters.make_attribute_getter
    ),
    Form.METHOD_CALLER: Row(
        ("name", "args", "keywords", "left_out"),
        getters.show_method_caller,
        getters.make_method_caller,
    ),
    Form.ARROW_SCHEMA: Row(("names", "types"), show_tables.show_schema),
    Form.TENSOR: Row(("dtype", "device", "items", "checksum"), show_tables.show_tensor),
    Form.FOREIGN: Row(
        ("format", "item_size", "shape", "data", "checksum", "held"), foreign.show_foreign
    ),
}


def task_name(tree: Any) -> str | None:
    """Of an asyncio task; None: it is none."""
    if not isinstance(tree, Node) or tree.tag != TAG_FORM or tree.size != Form.TASK:
        return None
    return next(
        (part for name, part in _of_task(tree) if name == "name" and isinstance(part, str)), None
    )
