"""What a changed value is told with where it is too long to be shown: the part in which it differs from the one before.

A text of a value is shortened at its end, and what changed may stand behind that. Where the text is the same as that of
the value before, the change would not be seen: then it is told by its path, as `watch` and `diff` tell it.
"""

from __future__ import annotations

from itertools import islice

from recorder import errors
from recorder.cli.queries import VALUE_WIDTH, during, shown
from recorder.trace.paths import base_name
from recorder.trace.shared import Marks, may_hold_objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recorder.trace.changes import Change
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event
    from recorder.trace.values.value import Value

    Key = tuple[str | int, str]

MOST_HELD = 10_000  # values that were shown, by variable
NEAR = 100_000  # events before a change, in which the value before it is looked for
MOST_PARTS = 5  # of one variable
SIDE = 40  # characters of what was there, and of what is


class ShownChanges:
    """`forwards`: changes are told in the order in which they happened, so that the last one told is the one before."""

    def __init__(self, trace: Trace, width: int = VALUE_WIDTH, forwards: bool = True) -> None:
        self.trace = trace
        self.width = width
        self.forwards = forwards
        self.marks: frozenset[int] | None = None  # of the moment that is shown, if it is one
        self._frames = Marks()
        self._held: dict[Key, Value] = {}

    def text(self, change: Change) -> str:
        """The new value, and the part of it that changed where the value's text does not show one."""
        text = shown(change.value, self.width, self._marks(change))
        old = self._held.get(_key(change)) if self.forwards else None
        self._hold(change)
        if change.value is None or len(text) <= self.width:
            return text
        try:
            old = self._looked_up(change) if old is None else old
            if old is None:
                return text
            differs = shown(old, self.width) != shown(change.value, self.width)
            return text + within(change.qualified_name, old, change.value, differs)
        except errors.TraceCorruptError:
            return text

    def _marks(self, change: Change) -> frozenset[int]:
        """Of the objects that are shared: as the moment says, or the variables of the change's frame."""
        if self.marks is not None:
            return self.marks
        if change.value is None or not may_hold_objects(change.value):
            return frozenset()
        return self._frames.at(change.event)

    def _hold(self, change: Change) -> None:
        if len(self._held) >= MOST_HELD:
            self._held.clear()
        if change.value is not None:
            self._held[_key(change)] = change.value

    def _looked_up(self, change: Change) -> Value | None:
        frame = change.event.frame if change.module is None else None
        near = max(change.seq - NEAR, 0)
        earlier = self.trace.history(
            change.name, frame=frame, start=near, stop=change.seq, backwards=True
        )
        return next((one.value for one in earlier if one.module == change.module), None)


def _key(change: Change) -> Key:
    return change.module or change.event.frame, change.name


def within(name: str, old: Value, new: Value, texts_differ: bool) -> str:
    """`  (rows[4000]: 1 → 2)`; empty if nothing that was recorded of them differs, or the texts show it. Those of a set
    may differ by its order alone."""
    from recorder.trace.values.differences import differences, sides

    part = next(differences(old._tree, new._tree, lambda a, b: bool(a == b)), None)
    if part is None or (texts_differ and not part.before):
        return ""
    path, before, after = sides(part, name, SIDE)
    return f"  ({path}: {before} → {after})"


def parts_changed(trace: Trace, event: Event, name: str) -> list[str]:
    """What changed within a variable that has just changed, by path: `items[2]: (not there) → 5`. Empty where it is all
    of it, or that is not known."""
    from recorder.trace.line_values import value_before
    from recorder.trace.values.differences import differences, sides

    try:
        old, new = value_before(trace, event, name), event.locals.get(name)
        if old is None or new is None:
            return []
        found = islice(differences(old._tree, new._tree, lambda a, b: bool(a == b)), MOST_PARTS + 1)
        told = [sides(part, name, SIDE) for part in found]
    except errors.TraceCorruptError:
        return []
    rows = [f"{path}: {before} → {after}" for path, before, after in told]
    return [*rows[:MOST_PARTS], "…"] if len(rows) > MOST_PARTS else rows


def changed(change: Change, shown_changes: ShownChanges) -> str:
    """What changed to what, and by which line."""
    return f"{change.qualified_name} = {shown_changes.text(change)}{_by(change)}"


def changed_together(changes: list[Change], shown_changes: ShownChanges) -> str:
    """Several changes on one line: those that the same line made say so once."""
    text = ""
    by = [_by(change) for change in changes] + [""]
    for change, this, following in zip(changes, by, by[1:], strict=False):
        text += f"  {change.qualified_name} = {shown_changes.text(change)}"
        text += this if this != following else ""
    return text


def _by(change: Change) -> str:
    event = change.event
    if change.function is None:
        return "  (not known by which line)"
    if change.frame == event.frame and event.kind == "call":
        return ""  # an argument
    where = f"line {change.line}"
    if change.frame != event.frame:
        where = f"{change.title} {base_name(change.file)}:{change.line}"
    return f"  ({where}{during(change)})"
