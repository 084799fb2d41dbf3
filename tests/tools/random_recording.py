"""Random recordings: records that a program could have caused, and what a reader must make of them.

The model below keeps its own state in plain Python objects; it is the oracle the decoder is held
against.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

from tests.tools import reference_writer as w

FLAGS = {"f": 3, "gen": 0x23, "body": 0}


@dataclass
class Code:
    number: int
    body: bool
    names: list[str]
    first_line: int


@dataclass
class Frame:
    number: int
    code: Code
    line: int
    values: dict[int, object] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    waits: bool = False

    def locals(self) -> dict[str, object]:
        return {self.code.names[slot]: value for slot, value in sorted(self.values.items())}


@dataclass(frozen=True)
class Expected:
    seq: int
    kind: str
    thread: int
    frame: int
    name: str
    line: int
    depth: int
    time: int
    value: object
    locals: dict[str, object]
    changed: set[str]


class Recording:
    """Emits records at random. `records` are whole ones; `expected` has an entry per event."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.records: list[bytes] = []
        self.events_before: list[int] = []  # per record
        self.expected: list[Expected] = []
        self.codes: list[Code] = []
        self.stacks: dict[int, list[Frame]] = {}
        self.current = -1
        self.suspended: dict[int, Frame] = {}
        self.next_frame = 0
        self.time = 0
        self.files = 0

    def emit(self, record: bytes) -> None:
        self.records.append(record)
        self.events_before.append(len(self.expected))

    def run(self, steps: int) -> Recording:
        self.set_clock()
        self.new_thread()
        self.new_code()
        for _ in range(steps):
            self.step()
        return self

    def step(self) -> None:
        r = self.random.random()
        stack = self.stacks[self.current]
        if r < 0.03:
            self.random.choice(
                [self.new_thread, self.new_code, self.switch, self.set_clock, self.note]
            )()
        elif not stack or (r < 0.15 and len(stack) < 6):
            self.push()
        elif r < 0.5:
            self.set()
        elif r < 0.85:
            self.go_on(stack[-1])
        else:
            self.leave(stack)

    # ---- definitions ----------------------------------------------------------------------------

    def new_thread(self) -> None:
        number = len(self.stacks) * 3
        self.stacks[number] = []
        self.emit(w.def_thread(number, 1000 + number, f"T{number}"))
        self.switch(number)

    def switch(self, number: int | None = None) -> None:
        self.current = self.random.choice(list(self.stacks)) if number is None else number
        self.emit(w.thread(self.current))

    def new_code(self) -> None:
        if not self.codes or self.random.random() < 0.5:
            self.emit(w.def_file(self.files, f"/src/{self.files}.py"))
            self.files += 1
        body = self.random.random() < 0.3
        names = [] if body else [f"v{i}" for i in range(self.random.choice([0, 1, 3, 70]))]
        code = Code(len(self.codes), body, names, self.random.randrange(1, 50))
        self.codes.append(code)
        self.emit(
            w.def_code(
                code.number,
                self.random.randrange(self.files),
                code.first_line,
                0 if body else 3,
                f"n{code.number}",
                f"q.n{code.number}",
                0,
                [(1, name) for name in names],
            )
        )

    def set_clock(self) -> None:
        self.time = self.random.randrange(10**6, 10**9)
        self.emit(w.clock(self.time, 0, self.time))

    def note(self) -> None:
        self.emit(self.random.choice([w.mark(3003, 7), w.gap(2001, 0)]))

    # ---- variables ------------------------------------------------------------------------------

    def set(self) -> None:
        frame = self.stacks[self.current][-1]
        code = frame.code
        if code.body and (not code.names or self.random.random() < 0.2) and len(code.names) < 80:
            self.emit(w.def_name(code.number, len(code.names), f"g{len(code.names)}"))
            code.names.append(f"g{len(code.names)}")
        if not code.names:
            return
        slot = self.random.randrange(len(code.names))
        old = frame.values.get(slot)
        if type(old) is int and -(2**63) <= old < 2**63 and self.random.random() < 0.6:
            new: object = (
                old + self.random.choice([1, -1, 300, 2**40, 2**63 - 1]) + 2**63
            ) % 2**64 - 2**63
            self.emit(w.set_slot(slot, w.delta(int(new) - old)))  # type: ignore[call-overload]
        elif slot in frame.values and self.random.random() < 0.2:
            del frame.values[slot]
            frame.changed.add(code.names[slot])
            self.emit(w.set_slot(slot, w.UNBOUND))
            return
        else:
            new = self.any_value()
            self.emit(w.set_slot(slot, w.value(new)))
        frame.values[slot] = new
        frame.changed.add(code.names[slot])

    def any_value(self) -> object:
        return self.random.choice(
            [
                None,
                True,
                5,
                -40,
                10**6,
                2**70,
                1.5,
                "x",
                "text of more than sixteen bytes",
                b"raw",
                [1, [2]],
                {"k": (1, 2)},
            ]
        )

    # ---- frames and events ----------------------------------------------------------------------

    def happen(self, record: bytes, kind: str, value: object = None) -> None:
        stack = self.stacks[self.current]
        frame = stack[-1]
        self.emit(record)
        self.expected.append(
            Expected(
                len(self.expected),
                kind,
                self.current,
                frame.number,
                f"q.n{frame.code.number}",
                frame.line,
                len(stack) - 1,
                self.time,
                value,
                frame.locals(),
                frame.changed,
            )
        )
        frame.changed = set()

    def timed(self, kind: str, value: object = None, *, with_value: bool = True) -> None:
        ticks = self.random.randrange(500)
        self.time += ticks
        self.happen(w.event(kind, ticks, w.value(value) if with_value else b""), kind, value)

    def push(self) -> None:
        stack = self.stacks[self.current]
        if stack and stack[-1].changed:  # what was set is shown before another frame begins
            self.go_on(stack[-1])
        if self.suspended and self.random.random() < 0.6:
            number = self.random.choice(list(self.suspended))
            frame = self.suspended.pop(number)
            if self.random.random() < 0.1:
                self.emit(w.forget(self.next_frame - number))
                return
            stack.append(frame)
            self.emit(w.reenter(self.next_frame - number))
            if self.suspended and self.random.random() < 0.3:
                frame.waits = True
                self.emit(w.WAIT)
                number, frame = self.suspended.popitem()
                stack.append(frame)
                self.emit(w.reenter(self.next_frame - number))
            if self.random.random() < 0.8:
                self.timed("resume", with_value=False)
            else:
                self.timed("throw", "an exception")
            return
        code = self.random.choice(self.codes)
        frame = Frame(self.next_frame, code, code.first_line)
        self.next_frame += 1
        stack.append(frame)
        if self.random.random() < 0.1:
            frame.line = 77
            self.emit(w.adopt(code.number, 77))
        else:
            self.emit(w.enter(code.number))
            self.timed("call", with_value=False)

    def go_on(self, frame: Frame) -> None:
        if self.random.random() < 0.1:
            kind = self.random.choice(["raise", "reraise", "handled"])
            self.happen(w.event(kind, 0, w.value("an exception")), kind, "an exception")
            return
        new = max(1, frame.line + self.random.choice([1, 1, 1, -2, 31, -32, 95, 96, 5000]))
        record = w.line(new - frame.line)
        frame.line = new
        self.happen(record, "line")

    def leave(self, stack: list[Frame]) -> None:
        how = self.random.choice(["return", "yield", "yield", "unwind", "drop"])
        if how == "drop":
            self.emit(w.DROP)
        else:
            self.timed(how, self.any_value())
        frame = stack.pop()
        if how != "yield":
            if stack:
                stack[-1].waits = False
            return
        self.suspended[frame.number] = frame
        while stack and stack[-1].waits:
            frame = stack.pop()
            frame.waits = False
            self.suspended[frame.number] = frame
            self.emit(w.SUSPEND)


def cut(recording: Recording, cuts: list[int]) -> list[tuple[bytes, int]]:
    """Segments of the recording, and the number of each one's first event."""
    count = len(recording.records)
    edges = sorted({0, count, *(int(count * at / 1000) for at in cuts)})
    return [
        (b"".join(recording.records[a:b]), recording.events_before[a])
        for a, b in itertools.pairwise(edges)
    ]
