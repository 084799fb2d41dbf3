"""Values as rows of a tree, whose children are made when somebody opens it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from recorder import errors
from recorder.cli.queries import is_definition
from recorder.dap.variables import Item, children, of_mapping
from recorder.trace.lookup import resolved
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.grid import CUT, is_table, suffixes, table_of
from recorder.trace.values.nodes import type_name
from recorder.trace.values.render import show, show_cell
from recorder.trace.values.shown import shown
from recorder.trace.values.value import Value

TEXT: Final = 200  # characters of a value in a row
WHOLE: Final = 100_000  # of one that is looked at alone
PAGE: Final = 200  # children at once
# What was entered and what came of it, numbered and the last three; and what ends it.
IPYTHONS: Final = re.compile(r"_|_i{1,3}|_i?\d+|_[iod]h|In|Out|exit|quit|get_ipython")
RESULT: Final = "(value)"  # what the event itself is about: no variable has this name
GLOBAL: Final = "(global) "  # before the name of a global of the frame's module


def row(item: Item, width: int = TEXT) -> dict[str, Any]:
    """`path`: an expression for it, null where there is none; `children`: how many rows are below it."""
    if item.tree is None and item.root is None and item.note:  # of what was not recorded
        return _told(item.name, item.note)
    tree = resolved(item.tree, item.root)
    found = children(item)
    text = show(tree, width)
    return {
        "name": item.name,
        "text": f"{text} ({item.note})" if item.note else text,
        "type": type_name(tree),
        "path": item.path or None,
        "children": 0 if found is None else found.indexed + found.named,
        "table": is_table(tree),
    }


def _told(name: str, text: str) -> dict[str, Any]:
    """Of what has no value."""
    return {"name": name, "text": text, "type": "", "path": None, "children": 0, "table": False}


def table(item: Item, before: Any = None) -> dict[str, Any]:
    """A frame, a series or an array as a table. `before`: what it was an event earlier: a cell that was another one
    then has its text of then as `old`. `cut`: of rows and columns that stand for those that are not there."""
    found = table_of(resolved(item.tree, item.root))
    if found is None:
        raise errors.NotInTraceError(
            f"{item.name} is no table", what="table", name=item.name, near=""
        )
    title, (head, *rows) = found
    earlier = table_of(before)
    _, *old = earlier[1] if earlier is not None and earlier[1][0] == head else [[]]
    same_rows = len(old) == len(rows)
    suffix = suffixes(item.tree) if item.path else lambda _, __: None

    def cell_at(row: int, column: int, cell: Any) -> dict[str, Any]:
        text = show_cell(cell)
        was = show_cell(old[row][column + 1]) if same_rows and column + 1 < len(old[row]) else text
        behind = None if cell is CUT else suffix(row, column)
        return {
            "text": text if len(text) <= TEXT else text[: TEXT - 1] + "…",
            "path": None if behind is None else item.path + behind,
            "old": None if was == text else was[:TEXT],
        }

    return {
        "title": title,
        "columns": [{"text": show_cell(name), "cut": name is CUT} for name in head[1:]],
        "rows": [
            {
                "label": show_cell(label),
                "cut": label is CUT,
                "cells": [cell_at(at, column, cell) for column, cell in enumerate(cells)],
            }
            for at, (label, *cells) in enumerate(rows)
        ],
    }


def rows_of(frame: Frame | Event) -> list[dict[str, Any]]:
    """The variables of a frame. One that is damaged does not hide the others. `definition`: as in `definitions`; a
    function's variables are none."""
    is_one = definitions(frame.locals)
    is_body = frame.function.is_body
    return [
        {**readable_row(name, value), "definition": is_body and is_one(name, value)}
        for name, value in frame.locals.items()
    ]


def definitions(names: Mapping[str, Value]) -> Callable[[str, Value], bool]:
    """Of the variables of a module or class, which of them every one has, are defined or imported there, or are
    IPython's own, in a notebook."""
    if "get_ipython" not in names:
        return is_definition
    return lambda name, value: bool(IPYTHONS.fullmatch(name)) or is_definition(name, value)


def readable_row(name: str, value: Value) -> dict[str, Any]:
    try:
        return row(next(of_mapping({name: value})))
    except errors.TraceCorruptError as exc:
        text = f"<unreadable: {exc.error_name}>"
        return _told(name, text)


def text_of(value: Value | None, width: int = TEXT) -> str | None:
    """None: it has none any more."""
    return None if value is None else shown(value, width)


def item_at(frame: Frame | Event, event: Event, name: str, way: Iterable[int]) -> Item:
    """The value of a variable, or of the event itself, or a part of it. Raises NOT_IN_TRACE."""
    if name.startswith(GLOBAL):
        name = name.removeprefix(GLOBAL)
        value = frame.globals.get(name)
    else:
        value = event.value if name == RESULT else frame.locals.get(name)
    if value is None:
        raise _no_such(name)
    item = next(of_mapping({name: value}))
    for step in way:
        found = children(item)
        part = None if found is None else next(islice(found.make(), step, None), None)
        if part is None:
            raise _no_such(name)
        item = part
    return item


def page_of(item: Item, first: int) -> tuple[list[dict[str, Any]], int]:
    """So many of the children from number `first` on, and how many there are."""
    found = children(item)
    if found is None:
        return [], 0
    page = islice(found.make(), first, first + PAGE)
    return [row(child) for child in page], found.indexed + found.named


def _no_such(name: str) -> errors.RecorderError:
    return errors.NotInTraceError(
        f"there is no such part of {name} at that event", what="variable", name=name, near=""
    )
