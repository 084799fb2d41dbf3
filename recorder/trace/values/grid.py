"""What is a table to people: frames, series, and arrays of one or two dimensions, as rows of cells."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, Final

from recorder.trace.format import TAG_ARRAY, Form
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.render import show_cell
from recorder.trace.values.tables import Column, column_of, frame_of, is_form, labels, range_of

MOST_CELLS: Final = 40  # in a row


def table_of(tree: Any) -> tuple[str, list[list[Any]]] | None:
    """What stands below, and the rows: the first is what stands above, and each begins with its label. None for what
    is no table."""
    node = without_wrapping(tree)
    if not isinstance(node, Node):
        return None
    if node.tag == TAG_ARRAY:
        return _table_of_array(node)
    frame = frame_of(node)
    if frame is not None:
        title = f"{frame.rows} rows × {frame.columns} columns"
        return title, _rows(frame.index, frame.names, frame.values, frame.rows)
    column = column_of(node) if is_form(node, Form.SERIES) else None
    if column is None:
        return None
    name = node.items[1]
    title = f"{column.size} values, {column.dtype}"
    return title, _rows(node.items[0], ["" if name is None else name], [column], column.size)


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
        rows.append(["…"] * len(rows[0]))
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


def _table_of_array(node: Node) -> tuple[str, list[list[Any]]] | None:
    """Of one row or of some."""
    shape, items = node.items.shape, node.items.items()
    if not items or not 1 <= len(shape) <= 2:
        return None
    width = shape[-1] if len(shape) == 2 else len(items)
    shown = min(width, MOST_CELLS)
    rows: list[list[Any]] = [["", *range(shown), *(["…"] if shown < width else [])]]
    for at in range(0, len(items), max(width, 1)):
        row = items[at : at + shown]
        rows.append(
            [at // width if len(shape) == 2 else "", *row, *(["…"] if shown < width else [])]
        )
    size = " × ".join(map(str, shape))
    return f"{size}, {node.items.dtype}{', cut' if node.cut else ''}", rows


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
