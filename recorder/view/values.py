"""Values as rows of a tree, whose children are made when somebody opens it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from recorder import errors
from recorder.cli.queries import is_definition
from recorder.dap.variables import Item, children, of_mapping
from recorder.trace.lookup import resolved
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.nodes import type_name
from recorder.trace.values.render import show
from recorder.trace.values.shown import shown
from recorder.trace.values.value import Value

TEXT: Final = 200  # characters of a value in a row
WHOLE: Final = 100_000  # of one that is looked at alone
PAGE: Final = 200  # children at once
RESULT: Final = "(value)"  # what the event itself is about: no variable has this name


def row(item: Item, width: int = TEXT) -> dict[str, Any]:
    """`path`: an expression for it, null where there is none; `children`: how many rows are below it."""
    if item.tree is None and item.root is None and item.note:  # of what was not recorded
        return {"name": item.name, "text": item.note, "type": "", "path": None, "children": 0}
    tree = resolved(item.tree, item.root)
    found = children(item)
    text = show(tree, width)
    return {
        "name": item.name,
        "text": f"{text} ({item.note})" if item.note else text,
        "type": type_name(tree),
        "path": item.path or None,
        "children": 0 if found is None else found.indexed + found.named,
    }


def rows_of(frame: Frame | Event) -> list[dict[str, Any]]:
    """The variables of a frame. One that is damaged does not hide the others. `definition`: what every module or class
    has, or what is defined or imported there."""
    is_body = frame.function.is_body
    return [
        {**readable_row(name, value), "definition": is_body and is_definition(name, value)}
        for name, value in frame.locals.items()
    ]


def readable_row(name: str, value: Value) -> dict[str, Any]:
    try:
        return row(next(of_mapping({name: value})))
    except errors.TraceCorruptError as exc:
        text = f"<unreadable: {exc.error_name}>"
        return {"name": name, "text": text, "type": "", "path": None, "children": 0}


def text_of(value: Value | None, width: int = TEXT) -> str | None:
    """None: it has none any more."""
    return None if value is None else shown(value, width)


def item_at(frame: Frame | Event, event: Event, name: str, way: Iterable[int]) -> Item:
    """The value of a variable, or of the event itself, or a part of it. Raises NOT_IN_TRACE."""
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
