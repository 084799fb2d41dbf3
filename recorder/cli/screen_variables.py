"""The variables of the full screen: a tree whose parts are made when somebody opens it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree

from recorder import errors
from recorder.cli.console import printable
from recorder.cli.events import OUTCOMES
from recorder.cli.queries import is_definition, shown
from recorder.cli.shown_change import parts_changed
from recorder.dap.variables import Item, children, of_mapping
from recorder.trace.lookup import resolved
from recorder.trace.shared import marks_at
from recorder.trace.values.render import show

if TYPE_CHECKING:
    from textual.widgets.tree import TreeNode

    from recorder.trace.navigate import Navigator
    from recorder.trace.snapshots import Event as Moment
    from recorder.trace.snapshots import Frame
    from recorder.trace.values.value import Value

TEXT = 120  # characters of a value in a row
WHOLE = 20_000  # of one that is looked at alone
MOST = 200  # parts of one value that are listed
GLOBALS = "globals"


class Entry(NamedTuple):
    """What a row is about. `mark`: * it is new or has changed, = it is watched. `value`: of a variable, or of the event
    itself; `item`: what may be opened."""

    mark: str
    name: str
    text: str
    value: Value | None = None
    item: Item | None = None

    @property
    def is_outcome(self) -> bool:
        return self.name in OUTCOMES.values()

    def whole(self, marks: Container[int]) -> str:
        if self.value is not None:
            return shown(self.value, WHOLE, marks)
        return self.text if self.item is None else _text(self.item, WHOLE)


class Variables(Tree[Entry]):
    """Right and left, or a blank, open a row and shut it; Enter shows all of its value."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "open", show=False),
        Binding("left", "shut", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__("", id=id)
        self.show_root = False
        self.auto_expand = False
        self.guide_depth = 2
        self._open: set[tuple[str, ...]] = set()  # rows, by the names on the way to them

    # ---- what is shown ----

    def fill(
        self, walk: Navigator, frame: Frame | Moment, watched: Iterable[tuple[str, str]]
    ) -> None:
        """Of a frame at the present event. What is open stays open, and the cursor where it is, unless something else
        has changed."""
        marked = self.marked
        self.clear()
        news = []
        for entry in _entries(walk, frame, watched):
            self._add(self.root, entry)
            if entry.mark == "*":
                news.append(entry.name)
                self._add_parts(parts_changed(walk.trace, walk.event, entry.name), entry.name)
        if not frame._is_module_body:
            self._add(self.root, Entry("", GLOBALS, ""), _globals(frame, marks_at(walk.moment)))
        wanted = marked if marked in news or not news else news[0]
        rows = [node for node in self.root.children if node.data and node.data.name == wanted]
        if rows:
            self.call_after_refresh(self.move_cursor, rows[0])

    def _add(self, parent: TreeNode[Entry], entry: Entry, parts: list[Entry] | None = None) -> None:
        found = None if entry.item is None else children(entry.item)
        node = parent.add(_label(entry), entry, allow_expand=bool(parts or found))
        for part in parts or ():
            self._add(node, part)
        if self._way(node) in self._open:
            self._make(node)
            node.expand()

    def _add_parts(self, rows: list[str], name: str) -> None:
        """Below a variable that has changed, what changed within it."""
        for row in rows:
            if not row.startswith(f"{name}: "):  # all of it
                self.root.add_leaf(Text(printable(f"  {row}"), "yellow"), Entry("", "", row))

    def _make(self, node: TreeNode[Entry]) -> None:
        """Its parts, if they are not there yet."""
        found = None if node.data is None or node.data.item is None else children(node.data.item)
        if found is None or node.children:
            return
        more = found.indexed + found.named - MOST
        shown = MOST + (more == 1)  # it takes no more room than to be counted
        for part in islice(found.make(), shown):
            self._add(node, Entry("", part.name, part.note or _text(part, TEXT), item=part))
        if more > 1:
            node.add_leaf(Text(f"… {more:,} more", "dim"), Entry("", "", f"{more:,} more"))

    # ---- opening ----

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        self._make(event.node)
        self._open.add(self._way(event.node))

    def on_tree_node_collapsed(self, event: Tree.NodeCollapsed[Entry]) -> None:
        self._open.discard(self._way(event.node))

    def action_open(self) -> None:
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.expand()

    def action_shut(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded:
            node.collapse()
        elif node.parent is not None and node.parent is not self.root:
            self.move_cursor(node.parent)

    # ---- which one ----

    @property
    def marked(self) -> str:
        """The name of the variable that the cursor is on, or in a part of."""
        way = () if self.cursor_node is None else self._way(self.cursor_node)
        return way[0] if way else ""

    def _way(self, node: TreeNode[Entry]) -> tuple[str, ...]:
        names = []
        at: TreeNode[Entry] | None = node
        while at is not None and at.data is not None:
            names.append(at.data.name)
            at = at.parent
        return tuple(names[::-1])


def _entries(
    walk: Navigator, frame: Frame | Moment, watched: Iterable[tuple[str, str]]
) -> Iterator[Entry]:
    """What the event is about, what is watched, globals that have just changed, and the frame's variables."""
    event, marks = walk.event, marks_at(walk.moment)
    is_here = frame.frame == event.frame
    changed = set(event.changed) if is_here else set()
    if is_here and event.value is not None and event.kind in OUTCOMES:
        yield _entry("", OUTCOMES[event.kind], event.value, marks)
    for name, text in watched:
        yield Entry("=", name, text)
    for change in walk.trace.changes(event) if is_here else ():
        is_global = change.qualified_name != change.name
        if is_global and not change.found and change.value is not None:
            yield _entry("*", change.qualified_name, change.value, marks)
    hidden = frame.function.is_body
    for name, value in frame.locals.items():
        if not (hidden and name.startswith("__") and name.endswith("__")):
            yield _entry("*" if name in changed else "", name, value, marks)


def _globals(frame: Frame | Moment, marks: Container[int]) -> list[Entry]:
    """Those of the frame's module, but for what it defines and imports."""
    return [
        _entry("", name, value, marks)
        for name, value in frame.globals.items()
        if not is_definition(name, value)
    ]


def _entry(mark: str, name: str, value: Value, marks: Container[int]) -> Entry:
    try:
        item = next(of_mapping({name: value}))
    except errors.TraceCorruptError:  # its text says so
        item = None
    return Entry(mark, name, shown(value, TEXT, marks), value, item)


def _text(item: Item, width: int) -> str:
    return show(resolved(item.tree, item.root), width)


def _label(entry: Entry) -> Text:
    text = f"{entry.mark or ' '} {entry.name}"
    if entry.text:
        text += f" {entry.text}" if entry.is_outcome else f" = {entry.text}"
    bright = "bold yellow" if entry.mark == "*" else "bold cyan"
    return Text(printable(text), bright if entry.mark or entry.is_outcome else "")
