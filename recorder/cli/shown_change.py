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
MOST_IN_LINE = 2  # of one variable that are told in place of the value
MOST_COUNTED = 100  # of one variable
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
        text, old = self._both(change)
        if change.value is None or old is None:
            return text
        try:
            return text + self._part(change, old, change.value)
        except errors.TraceCorruptError:
            return text

    def told(self, change: Change) -> str:
        """`total = 3`; of a value that is too long to be shown, the few parts of it that changed: `rows[4]: 1 → 2`."""
        text, old = self._both(change)
        whole = f"{change.qualified_name} = {text}"
        if change.value is None or old is None:
            return whole
        try:
            if rows := few_parts(change.qualified_name, old, change.value):
                return ", ".join(rows) + _perhaps_earlier(old)
            return whole + self._part(change, old, change.value)
        except errors.TraceCorruptError:
            return whole

    def _part(self, change: Change, old: Value, new: Value) -> str:
        differs = shown(old, self.width) != shown(new, self.width)
        part = within(change.qualified_name, old, new, differs)
        return part + _perhaps_earlier(old) if part else ""

    def _both(self, change: Change) -> tuple[str, Value | None]:
        """The text of the new value; and the old value, where that text is too long."""
        text = shown(change.value, self.width, self._marks(change))
        old = self._held.get(_key(change)) if self.forwards else None
        self._hold(change)
        if change.value is None or len(text) <= self.width:
            return text, None
        try:
            return text, self._looked_up(change) if old is None else old
        except errors.TraceCorruptError:
            return text, None

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


def _perhaps_earlier(old: Value) -> str:
    """Behind what changed: the line that ran need not have done it."""
    return "  (perhaps earlier: it was not looked at)" if old.unexamined else ""


def _key(change: Change) -> Key:
    return change.module or change.event.frame, change.name


def within(name: str, old: Value, new: Value, texts_differ: bool) -> str:
    """`  (rows[4000]: 1 → 2)`; empty if nothing that was recorded of them differs, or the texts show it. Those of a set
    may differ by its order alone."""
    from recorder.trace.values.differences import sides, what_changed

    part = next(what_changed(old._tree, new._tree), None)
    if part is None or (texts_differ and not part.before):
        return ""
    path, before, after = sides(part, name, SIDE)
    return f"  ({path}: {before} → {after})"


def few_parts(name: str, old: Value, new: Value) -> list[str]:
    """By path what changed; of more parts how many these are, if it is the same object still. Empty where it is all of
    it, or too much for a line."""
    from recorder.trace.values.differences import is_one_object, sides, what_changed

    parts = list(islice(what_changed(old._tree, new._tree), MOST_COUNTED + 1))
    if not all(part.path or part.before for part in parts[:MOST_IN_LINE]):
        return []
    more = len(parts) - MOST_IN_LINE
    if more > 0 and not is_one_object(old._tree, new._tree):
        return []
    told = [sides(part, name, SIDE) for part in parts[:MOST_IN_LINE]]
    rows = [f"{path}: {before} → {after}" for path, before, after in told]
    if more > 0:
        rows[-1] += f" and {more} more" if len(parts) <= MOST_COUNTED else " and more"
    return rows


def parts_changed(trace: Trace, event: Event, name: str) -> list[str]:
    """What changed within a variable that has just changed, by path: `items[2]: (not there) → 5`. Empty where it is all
    of it, or that is not known."""
    from recorder.trace.line_values import value_before
    from recorder.trace.values.differences import sides, what_changed

    try:
        old, new = value_before(trace, event, name), event.locals.get(name)
        if old is None or new is None:
            return []
        found = islice(
            what_changed(old._tree, new._tree),
            MOST_PARTS + 1,
        )
        told = [sides(part, name, SIDE) for part in found]
    except errors.TraceCorruptError:
        return []
    rows = [f"{path}: {before} → {after}" for path, before, after in told]
    return [*rows[:MOST_PARTS], "…"] if len(rows) > MOST_PARTS else rows


def changed(change: Change, shown_changes: ShownChanges) -> str:
    """What changed to what, and by which line."""
    return f"{shown_changes.told(change)}{_by(change)}"


def changed_together(changes: list[Change], shown_changes: ShownChanges) -> str:
    """Several changes on one line: those that the same line made say so once."""
    text = ""
    by = [_by(change) for change in changes] + [""]
    for change, this, following in zip(changes, by, by[1:], strict=False):
        text += f"  {shown_changes.told(change)}"
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
