"""What changed, and where: the line that did it, and the event at which it was seen.

A variable of a frame is looked at before each event of that frame. So it was changed by the line that ran before, or
in a call that this line made: where the line does not name the variable, it was the call. A global is written down
when it is bound (on 3.11: before the next event of code of its module), or, where it changed in place, before an event
of code that names it; it belongs to the module that owns it, and to the frame that ran then. Where that frame's line
does not name it, and it need not have been bound just then, nobody knows who changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from recorder import errors
from recorder._core.decode import Function, RawChange, Thread
from recorder.trace import display
from recorder.trace.filters import Filter
from recorder.trace.snapshots import Event, title_of
from recorder.trace.statements import Statements
from recorder.trace.values.value import Value


class During(NamedTuple):
    """A call for which a frame waited."""

    function: Function
    # The event it began with (a call, or a generator's resume); None: not in this part of the trace.
    seq: int | None
    calls: int  # that the line made; this one is the last. 0: not known

    @property
    def title(self) -> str:
        """What was called, as every frame is called."""
        return title_of(self.function)


@errors.guarded_class("read")
class Change(NamedTuple):
    """One value that a variable took.

    `line`, `function`, `frame` and `thread` are those that did it; `function`, `frame` and `thread` are None where that
    is not known, or nothing that is recorded ran then. `event` is the first that sees it.
    """

    event: Event
    name: str
    value: Value | None  # None: it lost its value
    line: int
    function: Function | None
    frame: int | None
    thread: Thread | None
    # That owns it; None: a variable of the frame. Of a body, its variables are its module's.
    module: str | None = None
    during: During | None = None  # the call in which it changed: the line only waited
    found: bool = False  # it had this value when its module or class was first seen
    class_name: str | None = None  # whose attribute it is; `module` is that class with its module

    def _repr_html_(self) -> str:
        return display.html(self)

    def _repr_pretty_(self, printer: display.Printer, cycle: bool) -> None:
        display.pretty(self, printer, cycle)

    @property
    def seq(self) -> int:
        """The number of the event at which it was seen."""
        return self.event.seq

    @property
    def file(self) -> str:
        """Where `line` is."""
        return self.event.file if self.function is None else self.function.file

    @property
    def title(self) -> str:
        """What did it, as every frame is called; empty if that is not known."""
        if self.function is None:
            return ""
        return self.event.title if self.frame == self.event.frame else title_of(self.function)

    @property
    def qualified_name(self) -> str:
        """With its module, if it is a global that others than its module's body changed; with its class, and a class of
        another module with that as well."""
        if self.class_name is not None:
            space = self.event.namespace
            is_near = space is not None and f"{space.name}.{self.class_name}" == self.module
            return f"{self.class_name if is_near else self.module}.{self.name}"
        if self.module is None or self._is_of_the_body_that_changed_it():
            return self.name
        return f"{self.module}.{self.name}"

    def _is_of_the_body_that_changed_it(self) -> bool:
        """A body may also set a global of another module: an import binds a submodule in its package."""
        own = self.event.namespace
        return (
            self.event._is_module_body
            and self.frame == self.event.frame
            and own is not None
            and own.name == self.module
        )


class Changes:
    """What changed at events. `text_of`: the source of a file, as it ran; None if it is not in the trace. `watched`:
    whether globals were written down when they were bound."""

    def __init__(self, text_of: Callable[[str], str | None], *, watched: bool) -> None:
        self.statements = Statements(text_of)
        self._watched = watched

    @errors.guarded("read")
    def of(self, event: Event, name: str | None = None) -> list[Change]:
        """Everything that is new or changed at an event, or what has this name."""
        found = []
        if event._changed_slots and not event._is_module_body:
            found = [
                self._variable(event, each, value)
                for each, value in event.changed.items()
                if name is None or each == name
            ]
        if event._global_changes:
            found += [
                self._global(event, one)
                for one in event._global_changes
                if name is None or one.name == name
            ]
        return found

    @errors.guarded("read")
    def history(
        self, name: str, wanted: Filter, events: Iterator[Event], owner: str = ""
    ) -> Iterator[Change]:
        """Those of variables of this name, made by what the filter wants. `owner`: a module or class; empty: any."""
        for event in events:
            for change in self.of(event, name):
                if self.is_wanted(wanted, change, owner):
                    yield change

    @errors.guarded("read")
    def one(self, event: Event, change: RawChange | None, name: str) -> Change:
        """A change at an event: of a global, or of the frame's variable of this name."""
        if change is not None:
            return self._global(event, change)
        return self._variable(event, name, event.changed[name])

    def is_wanted(self, wanted: Filter, change: Change, owner: str) -> bool:
        """`owner`: as `history` has it."""
        return _is_wanted(wanted, change) and (not owner or is_owner(change.module, owner))

    def _variable(self, event: Event, name: str, value: Value | None) -> Change:
        return Change(
            event, name, value, event.previous_line, event.function, event.frame, event.thread,
            during=self._during(event, name),
        )  # fmt: skip

    def _global(self, event: Event, one: RawChange) -> Change:
        value = None if one.raw is None else Value(one.raw, event._types)
        space = one.namespace
        during = None
        if one.frame == event.frame and not (one.found and space.class_name):
            during = self._during(event, one.name)
        if during is None and not event._owns(one) and not self._is_known(one, value):
            return Change(
                event, one.name, value, 0, None, None, None, space.name, None, one.found,
                space.class_name,
            )  # fmt: skip
        return Change(
            event, one.name, value, one.line, one.function, one.frame, one.thread,
            space.name, during, one.found, space.class_name,
        )  # fmt: skip

    def _is_known(self, one: RawChange, value: Value | None) -> bool:
        """Whether the frame that ran then is the one that changed a global."""
        if one.function is None:
            return False
        if self._watched and (value is None or not value.can_change):
            return True  # it was bound just then
        words = self.statements.words(one.function.file, one.line)
        return words is not None and one.name in words

    def _during(self, event: Event, name: str) -> During | None:
        """The call in which a variable changed, of which the line that made the call says nothing."""
        if event._called is None:
            return None
        words = self.statements.words(event.file, event.previous_line)
        return None if words is None or name in words else During(*event._called)


def is_owner(module: str | None, asked: str) -> bool:
    """Whether that is what a module or class is called, its end being enough."""
    return module is not None and (module == asked or module.endswith("." + asked))


def _is_wanted(wanted: Filter, change: Change) -> bool:
    """A variable's event was held against the filter already; who sets a global need not be whose event it is."""
    if change.module is None:
        return True
    if wanted.frame is not None and wanted.frame != change.frame:
        return False
    if change.function is None:
        return wanted.function is None and wanted.file is None and wanted.thread is None
    if wanted.thread is not None and (
        change.thread is None or not wanted.wants_thread(change.thread)
    ):
        return False
    return wanted.wants_function(change.function)
