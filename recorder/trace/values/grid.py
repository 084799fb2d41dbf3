"""What is a table to people: frames, series, and arrays of one or two dimensions, as rows of cells."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Final

from recorder.trace.format import TAG_ARRAY, TAG_NAMED, Form
from recorder.trace.values.masks import masked_of
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.render import show_cell
from recorder.trace.values.tables import (
    ARRAYS,
    Column,
    column_of,
    frame_of,
    is_form,
    labels,
    range_of,
    row_step,
)

MOST_CELLS: Final = 40  # in a row
CUT: Final = "…"  # stands for what is not shown or not recorded: this very text, as a label


def is_table(tree: Any) -> bool:
    """Whether `table_of` may have one. At little cost."""
    node = without_wrapping(tree)
    if not isinstance(node, Node):
        return False
    if node.tag == TAG_ARRAY:
        return 1 <= len(node.items.shape) <= 2
    return is_form(node, Form.DATA_FRAME, Form.ARROW_TABLE, Form.SERIES, *ARRAYS)


def table_of(tree: Any) -> tuple[str, list[list[Any]]] | None:
    """What stands below, and the rows: the first is what stands above, and each begins with its label. None for what
    is no table."""
    node = without_wrapping(tree)
    if not isinstance(node, Node):
        return None
    if node.tag == TAG_ARRAY:
        return _table_of_array(node, tree)
    if is_form(node, *ARRAYS):
        return _table_of_objects(node)
    frame = frame_of(node)
    if frame is not None:
        title = f"{frame.rows} rows × {frame.columns} columns"
        rows = _rows(frame.index, frame.names, frame.values, frame.rows)
        is_cut = len(frame.values) < frame.columns
        return title, [[*row, CUT] for row in rows] if is_cut else rows
    column = column_of(node) if is_form(node, Form.SERIES) else None
    if column is None:
        return None
    name = node.items[1]
    title = f"{column.size} values, {column.dtype}"
    return title, _rows(node.items[0], ["" if name is None else name], [column], column.size)


def suffixes(tree: Any) -> Callable[[int, int], str | None]:
    """What stands behind an expression for the whole in one for a cell, of its row and column, counted without the
    labels; None: there is none that the engine could follow."""
    node = without_wrapping(tree)
    frame = frame_of(node)
    if frame is not None:
        heights = [len(one.first) if isinstance(one, Column) else 0 for one in frame.values]
        names = [f"[{one!r}]" if isinstance(one, (str, int)) else "" for one in frame.names]
        return lambda row, at: (
            f"{names[at]}{row_step(frame.index, row)}"
            if at < len(names) and names[at] and row < heights[at]
            else None
        )
    if is_form(node, Form.SERIES):
        found = column_of(node)
        height = len(found.first) if found is not None else 0
        return lambda row, _: row_step(node.items[0], row) if row < height else None
    if node.tag != TAG_ARRAY or len(node.items.shape) != 1:
        return lambda _, __: None
    if _fields(node.items.items() or []):
        return lambda row, _: f"[{row}]"
    return lambda _, at: f"[{at}]"


def _rows(index: Any, names: list[Any], values: list[Any], count: int) -> list[list[Any]]:
    columns = [each if isinstance(each, Column) else None for each in values]
    known = [each for each in columns if each is not None]
    first = max((len(each.first) for each in known), default=0)
    last = max((len(each.last) for each in known), default=0)
    beside = list(range(first)) if index is None else labels(index) or []
    rows: list[list[Any]] = [["", *names]]
    for at in range(first):
        rows.append([_at(beside, at), *(_cell(each, at, True) for each in columns)])
    if first + last < count:
        rows.append([CUT] * len(rows[0]))
    for at in range(-last, 0):
        rows.append([_from_end(index, count + at), *(_cell(each, at, False) for each in columns)])
    return rows


def _at(items: list[Any], at: int) -> Any:
    return items[at] if at < len(items) else "?"


def _cell(column: Column | None, at: int, is_first: bool) -> Any:
    if column is None:
        return "?"
    items = column.first if is_first else column.last
    return items[at] if -len(items) <= at < len(items) else "?"


def _from_end(index: Any, at: int) -> Any:
    """The label of a row behind what is not shown."""
    if index is None:
        return at
    numbers = (
        range_of(index.items[1]) if is_form(index, Form.INDEX) and len(index.items) > 1 else None
    )
    if numbers is not None:
        return numbers[at] if at < len(numbers) else "?"
    column = column_of(index)
    place = at - column.size if column is not None else 0
    return column.last[place] if column is not None and -len(column.last) <= place < 0 else "?"


def _table_of_array(node: Node, tree: Any) -> tuple[str, list[list[Any]]] | None:
    masked = masked_of(tree)
    items = node.items.items() if masked is None else masked.items
    return _table(node.items.shape, items or [], f"{node.items.dtype}{', cut' if node.cut else ''}")


def _table_of_objects(node: Node) -> tuple[str, list[list[Any]]] | None:
    shape, items = (without_wrapping(part) for part in node.items[:2])
    if not isinstance(shape, Node) or not isinstance(items, Node):
        return None
    return _table(tuple(shape.items), list(items.items), f"object{', cut' if items.cut else ''}")


def _table(
    shape: tuple[int, ...], items: list[Any], what: str
) -> tuple[str, list[list[Any]]] | None:
    """Of one row, of some, or of records, each of which is one."""
    if not items or not 1 <= len(shape) <= 2:
        return None
    fields = _fields(items) if len(shape) == 1 else []
    if fields:
        rows = [
            ["", *fields],
            *([n, *(part for _, part in one.items)] for n, one in enumerate(items)),
        ]
    else:
        rows = _in_rows(items, shape[1] if len(shape) == 2 else shape[0], len(shape) == 2)
    if (fields or len(shape) == 2) and len(items) < shape[0] * (shape[1] if len(shape) == 2 else 1):
        rows.append([CUT] * len(rows[0]))
    return f"{' × '.join(map(str, shape))}, {what}", rows


def _in_rows(items: list[Any], width: int, is_numbered: bool) -> list[list[Any]]:
    width = max(width, 1)
    shown = min(width, MOST_CELLS, len(items))
    more = [CUT] if shown < width else []
    rows: list[list[Any]] = [["", *range(shown), *more]]
    for at in range(0, len(items), width):
        row = items[at : at + shown]
        row += [CUT] * (shown - len(row))  # of the last one
        rows.append([at // width if is_numbered else "", *row, *more])
    return rows


def _fields(items: list[Any]) -> list[str]:
    """The names that records have; empty where the items are none."""
    is_record = [
        isinstance(one, Node) and one.tag == TAG_NAMED and one.type == ("numpy", "void")
        for one in items
    ]
    return [name for name, _ in items[0].items] if is_record and all(is_record) else []


# ---- as text --------------------------------------------------------------------------------------------------------

TEXT_WIDTH: Final = 100
CELL_WIDTH: Final = 24


def text_lines(tree: Any) -> list[str]:
    """The lines of a table, as wide as a terminal mostly is; columns that are too many are `…`. Empty for what is no
    table, and for one row of an array, which is as well told in a line."""
    node = without_wrapping(tree)
    is_row = isinstance(node, Node) and node.tag == TAG_ARRAY and len(node.items.shape) != 2
    found = None if is_row else table_of(tree)
    if found is None:
        return []
    title, rows = found
    texts = [[_short(show_cell(cell)) for cell in row] for row in rows]
    columns = [
        _padded(column) for column in zip_longest(*texts, fillvalue="")
    ]  # the last row may be cut
    while sum(len(column[0]) + 2 for column in columns) > TEXT_WIDTH and len(columns) > 2:
        columns = [*columns[:-2], ["…"] * len(rows)]
    return [*("  ".join(cells).rstrip() for cells in zip(*columns, strict=True)), title]


def _short(text: str) -> str:
    text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"


def _padded(cells: tuple[str, ...]) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]
