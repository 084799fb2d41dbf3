"""Frames, series and indexes of pandas, and arrays of objects: from the parts of a FORM to columns, and to containers
that can be asked and compared like any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from recorder.trace.format import (
    TAG_ARRAY,
    TAG_DICT,
    TAG_ELIDED,
    TAG_FORM,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_REF,
    TAG_TIMEDELTA,
    TAG_TUPLE,
    Form,
)
from recorder.trace.values import datetimes, moments, stdlib_values
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.numbers import as_shown

NOT_AVAILABLE: Final = Node(TAG_FORM, ("pandas.api.typing", "NAType"), Form.MISSING, [])
NAN: Final = float("nan")
NAT: Final = Node(TAG_FORM, ("pandas.api.typing", "NaTType"), Form.MISSING, [])
ARRAYS: Final = (Form.OBJECT_ARRAY, Form.STRING_ARRAY)  # a shape, and a list of items
MOST_OF_SPARSE: Final = 60  # values of a sparse array that are shown
TABLES: Final = (
    Form.ARROW_TABLE,
    Form.COLUMN,
    Form.DATA_FRAME,
    Form.SERIES,
    Form.INDEX,
    Form.MULTI_INDEX,
    *ARRAYS,
)


TEXTS: Final = (
    "ArrowStringArray",
    "StringArray",
    "ArrowStringArrayNumpySemantics",
    "StringArrayNumpySemantics",
)
OVER_ARROW: Final = "ArrowExtensionArray"  # of pandas', which keeps values of any of Arrow's types


class Column(NamedTuple):
    """The values of a column, of an index or of an extension array."""

    kind: tuple[str, str]  # of the array that kept them
    dtype: str  # as numpy calls it; of objects `object`
    size: int
    first: list[Any]
    last: list[Any]
    absent: Any = NOT_AVAILABLE  # what its library has for a value that is not there; of a sparse one the usual value
    scalar: str = ""  # the type of numpy's that a number has which is asked for; of Python's empty

    @property
    def is_of_texts(self) -> bool:
        """Whether it keeps texts, or what Arrow has: None is what is missing there."""
        return self.kind[1] in (OVER_ARROW, *TEXTS)

    @property
    def missing(self) -> int:
        """How many of its values were not recorded."""
        return max(self.size - len(self.first) - len(self.last), 0)


def missing_of(parts: list[Any]) -> int:
    """How many of a COLUMN's values were not recorded."""
    size, first, last = [*parts[:3], None, None, None][:3]
    return size - _size(first) - _size(last) if isinstance(size, int) else 0


def _size(part: Any) -> int:
    """So many values as are there."""
    if not isinstance(part, Node) or part.tag == TAG_ELIDED:
        return 0
    return len(part.items) if part.tag == TAG_LIST else 0 if part.cut else part.size or 0


def is_form(tree: Any, *forms: int) -> bool:
    return isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size in forms


def column_of(node: Any) -> Column | None:
    """Of a COLUMN; of a SERIES or an INDEX, of what is in it."""
    if is_form(node, Form.SERIES) and len(node.items) > 2:
        node = node.items[2]
    elif is_form(node, Form.INDEX) and len(node.items) > 1:
        node = node.items[1]
    if is_instance_of(node, "IntervalArray"):
        return _of_intervals(node)
    if is_instance_of(node, "SparseArray"):
        return _of_sparse(node)
    if not is_form(node, Form.COLUMN) or len(node.items) < 6 or not isinstance(node.items[0], int):
        return None
    size, first, last, missing, about, _ = node.items[:6]
    head, tail = _values(first), _values(last)
    flags = (
        missing.items.items() if isinstance(missing, Node) and missing.tag == TAG_ARRAY else None
    )
    values = head + tail
    if flags is not None and len(flags) == len(values):
        values = [
            NOT_AVAILABLE if flag else value for value, flag in zip(values, flags, strict=True)
        ]
    if node.items[6:] == ["string"]:
        values = [NOT_AVAILABLE if value is None else value for value in values]
    values = _with_meaning(values, about, node.type or ("", ""))
    kind, dtype = node.type or ("", "?"), _dtype(first)
    return Column(
        kind,
        dtype,
        size,
        values[: len(head)],
        values[len(head) :],
        *_library_has(kind, dtype, node),
    )


def _library_has(kind: tuple[str, str], dtype: str, node: Node) -> tuple[Any, str]:
    """See `absent` and `scalar` of a Column."""
    about = node.items[4]
    if kind[0].partition(".")[0] == "pyarrow":
        return None, ""
    if kind[1] == "Categorical":
        known = column_of(about)
        is_of_moments = known is not None and known.absent is NAT
        return (NAT if is_of_moments else NAN), (known.scalar if known is not None else "")
    if kind[1] in TEXTS:
        return (NOT_AVAILABLE if node.items[6:] == ["string"] else NAN), ""
    if is_form(about, Form.PERIOD_DTYPE) or dtype[:8] in ("datetime", "timedelt"):
        return (NOT_AVAILABLE if kind[1] == OVER_ARROW else NAT), ""
    return NOT_AVAILABLE, "" if kind[1] == OVER_ARROW or dtype == "object" else dtype


def frequency_of(part: Any) -> Node | None:
    """Of an INDEX of moments, the step from one to the next."""
    step = part.items[2] if is_form(part, Form.INDEX) and len(part.items) > 2 else None
    return step if isinstance(step, Node) else None


def _values(part: Any) -> list[Any]:
    if isinstance(part, Node) and part.tag == TAG_LIST:
        return [row_of(item) for item in part.items]
    if isinstance(part, Node) and part.tag == TAG_ARRAY:
        return list(part.items.items() or [])
    return []


def row_of(part: Any) -> Any:
    """A value in one row of Arrow's: of a list a COLUMN, of what has fields a dict of COLUMNs of one item."""
    if isinstance(part, Node) and part.tag == TAG_DICT:
        pairs = [(name, row_of(field)) for name, field in part.items]
        return part._replace(items=pairs)
    column = column_of(part) if is_form(part, Form.COLUMN) else None
    if column is None:
        return part
    variant = part.items[6] if len(part.items) > 6 else None
    if variant == "item" and column.first:
        return _present(column.first[0])
    items = [_present(item) for item in column.first]  # of a long one the beginning
    if variant == "map":
        items = [_entry(item) for item in items]
    return Node(TAG_LIST, None, column.size, items, column.missing > 0)


def _present(value: Any) -> Any:
    """In a list, or a field, what is missing is None, and a moment what Python has for it."""
    if value is NOT_AVAILABLE:
        return None
    return (moments.as_of_python(value) or value) if is_form(value, Form.DATETIME64) else value


def _entry(item: Any) -> Any:
    """Of a map, a key and a value."""
    if not isinstance(item, Node) or item.tag != TAG_DICT or len(item.items) != 2:
        return item
    return Node(TAG_TUPLE, None, 2, [value for _, value in item.items])


def is_scalar(node: Node) -> bool:
    """Whether it is one value of pyarrow's, which is read as an array of one."""
    if is_form(node, Form.COLUMN) and node.items[6:] == ["scalar"]:
        return True
    return (
        node.type is not None and node.type[0] == "pyarrow.lib" and node.type[1].endswith("Scalar")
    )


def is_instance_of(tree: Any, name: str) -> bool:
    """Of a class of pandas' that keeps its values in attributes."""
    return (
        isinstance(tree, Node)
        and tree.tag == TAG_INSTANCE
        and tree.type is not None
        and (tree.type[0].partition(".")[0], tree.type[1]) == ("pandas", name)
    )


def with_referred(tree: Any, referred: Callable[[Node], Node | None]) -> Any:
    """An array that keeps its values in several others, of which some may stand elsewhere in the same value."""
    if not (is_instance_of(tree, "IntervalArray") or is_instance_of(tree, "SparseArray")):
        return tree
    parts = [
        (name, referred(part) if isinstance(part, Node) and part.tag == TAG_REF else part)
        for name, part in tree.items
    ]
    return tree._replace(items=parts)


def is_spread(tree: Any) -> bool:
    """Whether it is an array that keeps its values in several others, and all of them are there."""
    return (
        is_instance_of(tree, "IntervalArray") or is_instance_of(tree, "SparseArray")
    ) and column_of(tree) is not None


def _all_of(tree: Any) -> list[Any] | None:
    """The items of an array or a column; None where they are not all there."""
    column = column_of(tree)
    if column is not None:
        return None if column.missing else column.first + column.last
    if not isinstance(tree, Node) or tree.tag != TAG_ARRAY or tree.cut:
        return None
    items: list[Any] | None = tree.items.items()
    return items


def _of_intervals(node: Node) -> Column | None:
    parts = dict(node.items)
    left, right = _all_of(parts.get("_left")), _all_of(parts.get("_right"))
    closed = _of_dtype(node, "_closed")
    if closed is UNKNOWN or left is None or right is None or len(left) != len(right):
        return None
    values = [
        Node(TAG_FORM, ("pandas", "Interval"), Form.INTERVAL, [*ends, closed])
        for ends in zip(left, right, strict=True)
    ]
    return Column(node.type or ("", "?"), "interval", len(values), values, [], NAN)


def _of_sparse(node: Node) -> Column | None:
    """All values, with those in their places that are not kept since they are all the same."""
    parts = dict(node.items)
    index, numbers = parts.get("_sparse_index"), parts.get("_sparse_values")
    kept = _all_of(numbers)
    if not isinstance(index, Node) or not is_form(index, Form.SPARSE_INDEX):
        return None
    if kept is None or filling_of(node) is UNKNOWN:
        return None
    size, *places = index.items
    starts, runs = _all_of(places[0]), _all_of(places[1]) if len(places) > 1 else None
    if not isinstance(size, int) or starts is None or (len(places) > 1 and runs is None):
        return None
    filling = filling_of(node)
    at = (  # no more of them are made than values are kept, whatever the runs claim
        start + n
        for start, run in zip(starts, runs or [1] * len(starts), strict=False)
        for n in range(run)
    )
    known = dict(zip(at, kept, strict=False))
    shown = min(size, MOST_OF_SPARSE)
    values = [known.get(n, filling) for n in range(shown)]
    is_column = isinstance(numbers, Node) and is_form(numbers, Form.COLUMN)
    scalar = _dtype(numbers.items[1] if isinstance(numbers, Node) and is_column else numbers)
    return Column(node.type or ("", "?"), "sparse", size, values, [], filling, scalar)


UNKNOWN: Final = object()


def filling_of(node: Node) -> Any:
    """What a sparse array has in all places of which it keeps nothing; UNKNOWN where its type is told elsewhere."""
    return _of_dtype(node, "_fill_value")


def _of_dtype(node: Node, name: str) -> Any:
    dtype = dict(node.items).get("_dtype")
    if not isinstance(dtype, Node) or dtype.tag != TAG_INSTANCE:
        return UNKNOWN
    return dict(dtype.items).get(name, UNKNOWN)


def _dtype(part: Any) -> str:
    return part.items.dtype if isinstance(part, Node) and part.tag == TAG_ARRAY else "object"


def _with_meaning(values: list[Any], about: Any, kind: tuple[str, str]) -> list[Any]:
    """The categories that the numbers stand for; the moments in their time zone."""
    if kind[1] == "Categorical":
        categories = column_of(about)
        names = categories.first if categories is not None else []
        return [_category(number, names) for number in values]
    if is_form(about, Form.PERIOD_DTYPE):
        return [Node(TAG_FORM, ("pandas", "Period"), Form.PERIOD, [n, about]) for n in values]
    if about == "decimal":
        made = ("decimal", "Decimal")
        return [Node(TAG_FORM, made, Form.DECIMAL, [text]) if text else None for text in values]
    if about == "date":
        return [_day(value) if is_form(value, Form.DATETIME64) else value for value in values]
    if isinstance(about, str) and about.startswith("time["):
        return [
            value if value is NOT_AVAILABLE else stdlib_values.time_of_day(value, about[5:-1])
            for value in values
        ]
    if about is not None:
        zone = zone_called(about) if isinstance(about, str) else about
        return [
            Node(TAG_FORM, ("pandas", "Timestamp"), Form.TIMESTAMP, [*_moment(value), zone])
            if is_form(value, Form.DATETIME64) else value
            for value in values
        ]  # fmt: skip
    return values


def _day(value: Node) -> Node:
    """Of a date that is kept in milliseconds."""
    return value._replace(items=[value.items[0] // 86_400_000, "M8[D]"])


def zone_called(name: str) -> Node:
    """Of a text that Arrow has for a time zone: Europe/Berlin, +02:00."""
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", name)
    if match is None:
        return Node(TAG_FORM, ("zoneinfo", "ZoneInfo"), Form.ZONE_INFO, [name])
    minutes = 60 * int(match[2]) + int(match[3])
    days, minutes = divmod(-minutes if match[1] == "-" else minutes, 24 * 60)
    offset = Node(TAG_TIMEDELTA, ("datetime", "timedelta"), None, (days, 60 * minutes, 0))
    parts = [("offset", offset), ("name", None)]
    return Node(TAG_INSTANCE, ("datetime", "timezone"), 2, parts)


def _category(number: Any, names: list[Any]) -> Any:
    if not isinstance(number, int) or number >= len(names):
        return Node(TAG_FORM, ("pandas", "Categorical"), Form.MISSING, [number])
    return NOT_AVAILABLE if number < 0 else names[number]


def _moment(value: Node) -> tuple[int, int]:
    number, dtype = value.items
    unit = datetimes.unit_of(dtype)
    return number, datetimes.unit_number(unit[2]) if unit else -1


# ---- frames ---------------------------------------------------------------------------------------------------------


class FrameParts(NamedTuple):
    rows: int
    columns: int
    index: Any
    names: list[Any]  # of the first columns, which are those that are recorded
    values: list[Any]  # Column, or what else stands there


def frame_of(node: Node) -> FrameParts | None:
    """Of a frame of pandas, or of a table of pyarrow, which has no index."""
    if is_form(node, Form.ARROW_TABLE) and len(node.items) > 2:
        return _arrow_table_of(*node.items[:3])
    if not is_form(node, Form.DATA_FRAME) or len(node.items) < 4:
        return None
    rows, index, names, values = node.items[:4]
    if not isinstance(rows, int) or not isinstance(values, Node) or values.tag != TAG_LIST:
        return None
    known = labels(names) or []
    shown = [known[n] if n < len(known) else n for n in range(len(values.items))]
    columns = [column_of(part) or part for part in values.items]
    if rows < 0:
        rows = length_of(index) or 0
    return FrameParts(rows, values.size or 0, index, shown, columns)


def _arrow_table_of(rows: Any, names: Any, values: Any) -> FrameParts | None:
    if not all(isinstance(part, Node) and part.tag == TAG_LIST for part in (names, values)):
        return None
    columns = [column_of(part) or part for part in values.items]
    return FrameParts(rows, values.size or 0, None, list(names.items), columns)


def labels(index: Any) -> list[Any] | None:
    """The first labels of an index; None where they are not known."""
    if is_form(index, Form.INDEX) and len(index.items) > 1:
        numbers = range_of(index.items[1])
        if numbers is not None:
            return list(numbers[:100])
    if is_form(index, Form.MULTI_INDEX) and len(index.items) > 2:
        return _rows_of_levels(index.items[1], index.items[2])
    column = column_of(index)
    return column.first if column is not None else None


def _rows_of_levels(levels: Any, codes: Any) -> list[Any] | None:
    """The first rows of a MultiIndex: of each level the value that stands there."""
    found = []
    for level, which in zip(_items(levels), _items(codes), strict=False):
        names, numbers = labels(level), without_wrapping(which)
        if names is None or not isinstance(numbers, Node) or numbers.tag != TAG_ARRAY:
            return None
        found.append([_category(number, names) for number in numbers.items.items() or []])
    return [Node(TAG_TUPLE, None, len(row), list(row)) for row in zip(*found, strict=False)]


def _items(tree: Any) -> list[Any]:
    inner = without_wrapping(tree)
    return (
        list(inner.items) if isinstance(inner, Node) and inner.tag in (TAG_LIST, TAG_TUPLE) else []
    )


def range_of(tree: Any) -> range | None:
    if not isinstance(tree, Node) or tree.tag != TAG_INSTANCE or tree.type != ("builtins", "range"):
        return None
    numbers = [part for _, part in tree.items]
    return (
        range(*numbers)
        if all(isinstance(n, int) for n in numbers) and numbers[-1:] != [0]
        else None
    )


def is_plain_index(index: Any) -> bool:
    """Whether it is 0, 1, 2, … and has no name."""
    if not is_form(index, Form.INDEX) or len(index.items) < 2:
        return False
    numbers = range_of(index.items[1])
    return (
        index.items[0] is None and numbers is not None and numbers.start == 0 and numbers.step == 1
    )


def row_labels(index: Any) -> list[Any] | None:
    """By what the rows are asked for, each of which has one of its own; empty where that is their place, None
    where it is not known."""
    numbers = (
        range_of(index.items[1]) if is_form(index, Form.INDEX) and len(index.items) > 1 else None
    )
    if index is None or (numbers is not None and (numbers.start, numbers.step) == (0, 1)):
        return []
    known = labels(index)
    if known is None or len(known) != length_of(index):
        return None
    are_simple = all(type(one) in (int, str) for one in known)
    return known if are_simple and len(set(known)) == len(known) else None


def row_step(index: Any, row: int) -> str:
    """What stands behind a column for the value in a row: `[2]`, `['p']`, `.iloc[2]`."""
    known = row_labels(index)
    if known == []:
        return f"[{row}]"
    return f"[{known[row]!r}]" if known is not None and row < len(known) else f".iloc[{row}]"


def container_by_rows(node: Node) -> Node | None:
    """As container_of, for people: with the values of columns by the labels of their rows."""
    made = container_of(node, True)
    if made is None or not is_form(node, Form.DATA_FRAME, Form.SERIES):
        return made
    known = row_labels(node.items[1] if node.size == Form.DATA_FRAME else node.items[0])
    if known == []:
        return made
    if made.tag == TAG_LIST:
        return _by_rows(made, known)
    columns = [
        (name, _by_rows(part, known) if is_list(part) else part) for name, part in made.items
    ]
    return made._replace(items=columns)


def is_list(tree: Any) -> bool:
    return isinstance(tree, Node) and tree.tag == TAG_LIST


def _by_rows(values: Node, known: list[Any] | None) -> Node:
    if known is None or len(known) != len(values.items):
        return Node(TAG_INSTANCE, ("builtins", "object"), 1, [("iloc", values)])
    return Node(TAG_DICT, None, len(known), list(zip(known, values.items, strict=True)))


# ---- as containers --------------------------------------------------------------------------------------------------


def container_of(node: Node, for_people: bool = False) -> Node | None:
    """A list of what is in it, or of a frame a dict of its columns: as `frame["amt"][0]` has it. `for_people`: floats
    of few bits as they are shown."""
    if is_form(node, Form.MULTI_INDEX):
        rows, size = labels(node), length_of(node)
        return None if rows is None else Node(TAG_LIST, None, size, rows, len(rows) != size)
    if is_form(node, *ARRAYS):
        return node.items[1] if len(node.items) > 1 and _is_row(node.items[0]) else None
    frame = frame_of(node)
    if frame is not None:
        pairs = [
            (name, _list(part, for_people) if isinstance(part, Column) else part)
            for name, part in zip(frame.names, frame.values, strict=True)
        ]
        return Node(TAG_DICT, None, frame.columns, pairs, len(pairs) < frame.columns)
    column = column_of(node)
    if column is None or is_scalar(node) or is_extension(node):
        return None
    return _list(column, for_people)


EXTENSIONS: Final = ("Bool8Array", "ExtensionArray", "FixedShapeTensorArray", "OpaqueArray")


def is_extension(node: Node) -> bool:
    """Of an array of pyarrow's whose items are what an extension makes of those that are recorded."""
    return node.items[6:] == ["arrow"] or (node.type or ("", ""))[1] in EXTENSIONS


def _is_row(shape: Any) -> bool:
    return isinstance(shape, Node) and len(shape.items) == 1


def _list(column: Column, for_people: bool) -> Node:
    items = [as_shown(item, column.dtype) for item in column.first] if for_people else column.first
    return Node(TAG_LIST, None, column.size, items, len(items) < column.size)


def length_of(node: Node) -> int | None:
    """What `len()` says."""
    if is_form(node, *ARRAYS) and node.items and isinstance(node.items[0], Node):
        shape = node.items[0].items
        return shape[0] if shape and isinstance(shape[0], int) else None
    frame = frame_of(node)
    if frame is not None:
        return frame.rows
    if is_form(node, Form.INDEX) and len(node.items) > 1:
        numbers = range_of(node.items[1])
        if numbers is not None:
            return len(numbers)
    if is_form(node, Form.MULTI_INDEX) and len(node.items) > 2:
        codes = [without_wrapping(each) for each in _items(node.items[2])]
        sizes = [
            each.items.length for each in codes if isinstance(each, Node) and each.tag == TAG_ARRAY
        ]
        return sizes[0] if sizes else None
    column = column_of(node)
    return column.size if column is not None and not is_scalar(node) else None
