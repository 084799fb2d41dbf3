"""What a reader hands out: events, frames, their variables, and the state at one moment.

These are made of bytes that were decoded already; a value is taken apart when it is looked at.
None of them changes, and none needs the trace to be open.
"""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from typing import NamedTuple

from recorder import errors
from recorder._core.decode import Function, RawChange, RawEvent, RawFrame, Thread
from recorder.trace import display
from recorder.trace.values.nodes import Types
from recorder.trace.values.value import Value

POPPING = ("return", "yield", "unwind")  # the event's frame is off the stack when it happened


class Names(KeysView[str]):
    """The names of variables, shown as names."""

    def __repr__(self) -> str:
        return f"Names({list(self)})"


@errors.guarded_class("read")
class Locals(Mapping[str, Value]):
    """The variables of a frame at one moment, by name. In the body of a module or class they are
    its namespace. Names without a value are not in it."""

    __slots__ = ("_moment", "_slots", "_types", "_values")

    def __init__(
        self,
        slots: Mapping[str, int],
        values: tuple[bytes | None, ...],
        types: Types,
        moment: int | None = None,
    ) -> None:
        self._moment = moment  # the event at which they were looked at
        self._slots = slots
        self._values = values
        self._types = types

    def _raw(self, slot: int) -> bytes | None:
        return self._values[slot] if slot < len(self._values) else None

    def __getitem__(self, name: str) -> Value:
        raw = None
        if issubclass(type(name), str):  # a subclass may have its own idea of equality
            raw = self._raw(self._slots[str.__str__(name)])
        if raw is None:
            raise KeyError(name)
        return Value(raw, self._types, str.__str__(name), self._moment)

    def __iter__(self) -> Iterator[str]:
        # A body may gain names while this is read: they have no value here.
        return (name for name, slot in list(self._slots.items()) if self._raw(slot) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> Names:
        return Names(self)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}={value!r}" for name, value in self.items()) + "}"

    def _repr_html_(self) -> str:
        return display.table("", self.items())

    _repr_pretty_ = display.pretty


@errors.guarded_class("read")
class Frame(RawFrame):
    """A frame at one moment: `frame` (its number, from 0, in the order in which frames began; no two of a trace have
    the same), `function`, `line`, `depth` (how many recorded frames of its thread are below it; 0: none), `locals`.

    `caller` is the number of the frame below it, None for the outermost. `adopted`: it was already
    running when it was first seen. `as_of`: the event at which, or before which, its variables were last
    looked at; a frame that waits for a call is not looked at meanwhile, whatever the call does to them.
    """

    __slots__ = ()

    @property
    def file(self) -> str:
        """The path of the file its code is from, as the code has it."""
        return self.function.file

    @property
    def locals(self) -> Locals:
        """Its variables and their values at this moment, by name."""
        return Locals(self._slots, self._values, self._types, self.as_of)

    @property
    def globals(self) -> Locals:
        """The globals of the module the frame's code is from, as last recorded."""
        return _globals(self)

    @property
    def title(self) -> str:
        """What runs there, as `title_of` says it."""
        return _title(self)

    @property
    def _is_module_body(self) -> bool:
        """Whether its variables are the globals of its module."""
        return self._names is not self.function.names

    def __repr__(self) -> str:
        return f"<frame {self.frame} of {self.title}, line {self.line}>"

    def _repr_html_(self) -> str:
        return display.variables(self, self.locals)

    _repr_pretty_ = display.pretty


@errors.guarded_class("read")
class Event(RawEvent):
    """Something that happened in a frame, and the frame as it was then.

    `seq`   its number: 0, 1, 2 … in the order in which things happened
    `kind`  call, line, return, yield, resume, throw, unwind, raise, reraise, handled or stop_iteration
    `line`  where the frame is; for `line` about to run. `previous_line`: where it was before, so
            that what `changed`, that line changed
    `time`  ns since 1970; of the last event that has a time of its own (a line has none)
    `frame`, `caller`, `depth`: of the frame it happened in, as `Frame` has them
    """

    __slots__ = ()

    @property
    def file(self) -> str:
        """The path of the file its code is from, as the code has it."""
        return self.function.file

    @property
    def title(self) -> str:
        """What runs there, as `title_of` says it."""
        return _title(self)

    @property
    def locals(self) -> Locals:
        """The variables of the frame it happened in and their values then, by name."""
        return Locals(self._slots, self._values, self._types, self.as_of)

    @property
    def globals(self) -> Locals:
        """The globals of the module the frame's code is from, as last recorded."""
        return _globals(self)

    @property
    def value(self) -> Value | None:
        """What is returned or yielded, or the exception that is raised, thrown in or handled."""
        return (
            None
            if self._raw_value is None
            else Value(self._raw_value, self._types, moment=self.seq)
        )

    @property
    def changed(self) -> dict[str, Value | None]:
        """The variables of the frame that are new or changed; None: lost its value. Those of a module's body are its
        globals: what a function changed of them is in the `changed_globals` of an event of that function."""
        return {name: self._value(raw) for name, raw in self._raw_changes()}

    @property
    def changed_globals(self) -> dict[str, Value | None]:
        """The other globals that were set since the event before, whoever's: by `module.name`."""
        return {
            f"{one.namespace.name}.{one.name}": self._value(one.raw)
            for one in self._other_changes()
            if not one.found
        }

    def _raw_changes(self) -> list[tuple[str, bytes | None]]:
        """`changed`, as bytes."""
        if self._is_module_body:
            return [(one.name, one.raw) for one in self._global_changes if self._owns(one)]
        return [(self._names[slot], self._values[slot]) for slot in self._changed_slots]

    def _other_changes(self) -> list[RawChange]:
        """The globals that were set and are not in `changed`; those, too, that were found with their module."""
        if not self._global_changes:
            return []
        return [one for one in self._global_changes if not self._owns(one)]

    @property
    def _is_module_body(self) -> bool:
        """Whether its variables are the globals of its module."""
        return self._names is not self.function.names

    def _owns(self, change: RawChange) -> bool:
        """Whether what changed is a variable of this frame, a module's body, and changed there."""
        return (
            self._is_module_body
            and self.namespace is not None
            and change.namespace.number == self.namespace.number
            and (change.found or change.frame in (None, self.frame))
        )

    def __eq__(self, other: object) -> bool:
        """Whether it is the same event of the same trace, wherever that was opened."""
        if not isinstance(other, Event):
            return NotImplemented
        return self.seq == other.seq and self._trace == other._trace

    def __hash__(self) -> int:
        return hash((self._trace, self.seq))

    def _value(self, raw: bytes | None) -> Value | None:
        return None if raw is None else Value(raw, self._types, moment=self.seq)

    def __repr__(self) -> str:
        return f"<event {self.seq}: {self.kind} {self.title} ({self.file}:{self.line})>"

    def _repr_html_(self) -> str:
        return display.variables(self, self.locals)

    _repr_pretty_ = display.pretty


def title_of(function: Function, module: str | None = None) -> str:
    """The one name of what runs: a function by its qualified name, `class Cart`, `module flask.app`.

    The bodies of classes and modules, and code that exec() and eval() were given, are no functions, and nobody calls
    them. `module`: in whose globals it runs; empty: it is not known in which; None: as far as the function tells.
    """
    if module is None:
        module = function.module
    if not function.is_body:
        return function.qualified_name
    if function.name != "<module>":
        return f"class {function.qualified_name}"
    if not module:
        return f"code of {function.file.rpartition('/')[2]}"
    return f"code in {module}" if function.file.startswith("<") else f"module {module}"


def _title(frame: RawFrame) -> str:
    return title_of(frame.function, "" if frame.namespace is None else frame.namespace.name)


def _globals(frame: RawFrame) -> Locals:
    slots = frame.namespace._slots if frame.namespace is not None else {}
    return Locals(slots, frame._global_values, frame._types)


@errors.guarded_class("read")
class Moment(NamedTuple):
    """Everything as it was at an event."""

    event: Event
    stacks: list[tuple[Thread, list[Frame | Event]]]  # the event stands for a frame it popped

    @property
    def stack(self) -> list[Frame | Event]:
        """The frames of the event's thread, from the outermost in."""
        for thread, frames in self.stacks:
            if thread.number == self.event.thread.number:
                return frames
        return [self.event]
