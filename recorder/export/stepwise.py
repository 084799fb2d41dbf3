"""A trace as CodeTracer shows it: one tree of calls, and at every step all variables anew.

Threads follow one another, each as a call that `<toplevel>` makes, since the formats have no other
place for them that all versions read. A frame that goes on after a yield is a new call, and the yield
a return. Ids are given in the order of first use, and defined before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, TypeAlias

from recorder._core.decode import Function
from recorder.export import text
from recorder.export.stepwise_values import Record, Types, Values
from recorder.export.walk import Activation, Visitor
from recorder.trace.reader import Event, Trace

ERROR, TRACE_LOG = 11, 12  # kinds of events
Variables: TypeAlias = list[tuple[int, bytes]]  # id and encoded value

NONE_RECORD: Final[Record] = {"kind": "None", "type_id": 0}


class Target(ABC):
    """A format. Values are bytes once they are encoded. Lane 0 is the outermost call and the first
    thread; every other thread has a lane of its own, which is heard of when `other_lanes` is."""

    in_cbor: bool

    @abstractmethod
    def encode(self, record: Record) -> bytes:
        """A value."""

    @abstractmethod
    def define_path(self, path: str) -> None: ...

    @abstractmethod
    def define_function(self, path: int, line: int, name: str) -> None: ...

    @abstractmethod
    def define_type(
        self, kind: int, name: str, fields: tuple[tuple[str, int], ...] | None
    ) -> None: ...

    @abstractmethod
    def define_variable(self, name: str) -> None: ...

    @abstractmethod
    def step(self, lane: int, path: int, line: int, variables: Variables) -> None:
        """A step, and the variables there."""

    @abstractmethod
    def call(
        self, lane: int, path: int, line: int, function: int, arguments: Variables, there: Variables
    ) -> None:
        """A step, which is the first of the function called, and the variables there."""

    @abstractmethod
    def leave(self, lane: int, value: bytes, failed: bool) -> None:
        """The innermost call ends. `failed`: by an exception; the value is an Error."""

    @abstractmethod
    def event(self, lane: int, kind: int, about: str, content: str) -> None:
        """Something said at the last step."""

    @abstractmethod
    def begin(self, path: int, function: int) -> None:
        """The outermost call. It has no step yet."""

    @abstractmethod
    def other_lanes(self) -> None:
        """All lanes but 0 follow now, in the order of their numbers."""


class StepWriter(Visitor):
    """Writes what happens to a target, step by step."""

    def __init__(self, trace: Trace, target: Target) -> None:
        self.trace = trace
        self.target = target
        self.paths: dict[str, int] = {}
        self.functions: dict[int, int] = {}
        self.function_count = 0
        self.variables: dict[str, int] = {}
        self.slots: dict[int, list[int]] = {}  # a list of names → their ids
        self.lanes: dict[int, int] = {}
        self.values: text.Converted[bytes]
        self.records: Values

    # ---- ids ----

    def path(self, path: str) -> int:
        found = self.paths.get(path)
        if found is None:
            found = self.paths[path] = len(self.paths)
            self.target.define_path(text.clean(path))
        return found

    def function(self, of: Function) -> int:
        found = self.functions.get(of.number)
        if found is None:
            found = self.new_function(self.path(of.file), of.first_line, of.qualified_name)
            self.functions[of.number] = found
        return found

    def new_function(self, path: int, line: int, name: str) -> int:
        self.target.define_function(path, line, text.clean(name))
        self.function_count += 1
        return self.function_count - 1

    def variable(self, name: str) -> int:
        found = self.variables.get(name)
        if found is None:
            found = self.variables[name] = len(self.variables)
            self.target.define_variable(text.clean(name))
        return found

    def variables_of(self, event: Event, count: int | None = None) -> Variables:
        """The variables that have a value, or the first `count` of them."""
        names = event._names  # the one list of its function or module, as long as the trace is read
        slots = self.slots.get(id(names))
        if slots is None or len(slots) < len(names):
            slots = self.slots[id(names)] = [self.variable(name) for name in names]
        get, types = self.values.get, event._types
        return [
            (slot, get(raw, types))
            for slot, raw in zip(slots, event._values[:count], strict=False)
            if raw is not None
        ]

    def value(self, event: Event) -> bytes:
        if event._raw_value is None:
            return self.target.encode(self.records.error("it was not recorded"))
        return self.values.get(event._raw_value, event._types)

    # ---- the outermost call, and threads ----

    def begin(self, path: str) -> None:
        """What the formats want first, in this order."""
        target = self.target
        number = self.path(path)
        target.begin(number, self.new_function(number, 1, "<toplevel>"))
        self.records = Values(Types(target.define_type), in_cbor=target.in_cbor)
        self.values = text.Converted(lambda value: target.encode(self.records.record(value)))
        target.step(0, number, 1, [])
        if note := text.notice(self.trace):
            target.event(0, TRACE_LOG, "recorder", note)

    def lane_of(self, active: Activation) -> int:
        thread = active.thread
        lane = self.lanes.get(thread.number)
        if lane is None:
            lane = self.lanes[thread.number] = thread.number + 1 if self.lanes else 0
            function = active.function
            if lane == 0:
                self.begin(function.file)
            else:
                path = self.path(function.file)
                name = f"<thread {thread.name or thread.number}>"
                number = self.new_function(path, function.first_line, name)
                self.target.call(lane, path, function.first_line, number, [], [])
        return lane

    # ---- what happens ----

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        lane = self.lane_of(active)
        function = active.function
        number = self.function(function)
        path = self.paths[function.file]
        active.data = False  # whether variables changed since the last step
        if event is None:
            self.target.call(lane, path, function.first_line, number, [], [])
        else:
            count = function.argument_count if event.kind == "call" else 0
            arguments = self.variables_of(event, count)
            there = self.variables_of(event)
            self.target.call(lane, path, max(1, event.line), number, arguments, there)

    def step(self, active: Activation, event: Event, time: int) -> None:
        active.data = False
        lane = self.lanes[active.thread.number]
        self.target.step(lane, self.path(event.file), max(1, event.line), self.variables_of(event))

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        lane = self.lanes[active.thread.number]
        if event is None:
            waits = active.began == "waiting"
            record = self.records.error(
                "it still waits" if waits else "the end of this call was not recorded"
            )
            self.target.leave(lane, self.target.encode(record), False)
            return
        if active.data or event._changed_slots:  # by the last line: shown where it left
            self.step(active, event, time)
        if event.kind == "unwind":
            record = self.records.error(self.shown(event))
            self.target.leave(lane, self.target.encode(record), True)
        else:
            self.target.leave(lane, self.value(event), False)

    def exception(self, active: Activation, event: Event, time: int) -> None:
        lane = self.lanes[active.thread.number]
        active.data = active.data or bool(event._changed_slots)
        kind = TRACE_LOG if event.kind == "handled" else ERROR
        self.target.event(lane, kind, event.kind, self.shown(event))

    def iteration_ended(self, active: Activation, event: Event, time: int) -> None:
        active.data = active.data or bool(event._changed_slots)

    def shown(self, event: Event) -> str:
        return text.shown(event.value) if event.value is not None else "?"

    def gap(self, event: Event, lost: int, time: int) -> None:
        lane = self.lanes.get(event.thread.number)
        if lane is not None:
            self.target.event(
                lane, TRACE_LOG, "recorder", f"{lost or 'some'} events were lost here"
            )

    def end(self, time: int) -> None:
        if not self.lanes:
            argv = self.trace.meta.get("argv")
            self.begin(str(argv[0]) if isinstance(argv, list) and argv else "?")
        none = self.target.encode(NONE_RECORD)
        for lane in self.lanes.values():
            if lane:
                self.target.leave(lane, none, False)
        self.target.other_lanes()
        status = self.trace.exit_status
        said = text.notice(self.trace) or "the trace is complete"
        kind = ERROR if status else TRACE_LOG  # the last one of all says how the program ended
        how = "unknown" if status is None else str(status)
        self.target.event(0, kind, "recorder", f"{said}; exit status {how}")
        self.target.leave(0, none, False)
