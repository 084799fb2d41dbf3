"""Records of a trace without the values of further names: as if the policy's `redact` had named them.

The records of a chunk are walked by their layout and copied as they are, but for values that are, or hold, what is
secret. That a secret changes is not told either: a SET that would say what the one before it said is left out. What a
record means here is its row in ROWS; one that has none is a failure of ours, and not copied unseen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.trace import format as f
from recorder.trace import varint
from recorder.trace.format import FrameFlag
from recorder.trace.layouts import RECORDS, Layout
from recorder.trace.redacted_texts import Texts
from recorder.trace.redacted_values import (
    REDACTED,
    SIZES,
    Names,
    end_of_word,
    identity_of,
    like,
    redacted,
)

OF_FUNCTIONS: Final = 3  # CO_OPTIMIZED and CO_NEWLOCALS, which no body of a module or class has
WORDS: Final = frozenset(  # about a variable
    (f.TAG_INT_DELTA, f.TAG_UNBOUND, f.TAG_UNEXAMINED, f.TAG_EXAMINED, f.TAG_REBOUND)
)
CONTENTS: Final = frozenset((f.TAG_TELL, f.TAG_TOLD, f.TAG_PATCH))
UNEXAMINED: Final = bytes([f.TAG_UNEXAMINED])
STOP_ITERATION: Final = (b"builtins", b"StopIteration")


class Variables:
    """The slots of a frame, or of a namespace."""

    def __init__(self, slots: list[bool], number: int, is_global: bool = False) -> None:
        self.slots = slots  # whether what is in it is secret
        self.number = number  # of the frame or namespace
        self.is_global = is_global
        self.read: dict[int, bytes] = {}  # of a frame: what was read last, where it is no small int
        self.unexamined: set[int] = set()  # of these: what may be something else by now
        self.shown: dict[int, bytes] = {}  # what was written last, where it is not what was read
        self.fresh: set[int] = set()  # written since the last event of the frame


class Place(NamedTuple):
    """At which contents stand: in what is read, and in what is written."""

    read: bytes
    new: bytes | None  # without secrets; None: the same
    written: bytes | None


class Code:
    def __init__(self, is_secret: bool, slots: list[bool]) -> None:
        self.is_secret = is_secret  # all of its values
        self.slots = slots
        self.namespace: int | None = None


class Frame:
    def __init__(self, number: int, code: Code, namespace: int | None) -> None:
        self.number = number
        self.code = code
        self.namespace = namespace
        self.variables = Variables(code.slots, number)


class Thread:
    def __init__(self, ended_secret: bool) -> None:
        self.stack: list[Frame] = []
        self.ended_secret = ended_secret  # the values of the function that ended last are secret


class End(NamedTuple):
    """What the next chunk's preamble does not tell of the end of a chunk."""

    fresh: dict[int, set[int]]  # of frames
    fresh_globals: dict[int, set[int]]  # of namespaces
    newest: set[tuple[int, int]]  # slots of namespaces, written since any event
    ended_secret: dict[int, bool]  # of threads


class Redactor:
    """Of a trace whose chunks are given in order."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.names = Names(patterns)
        self.texts = Texts(self.names)
        self.exceptions: set[int] = set()  # objects: with what a secret function returned
        self._before: End | None = End({}, {}, set(), {})

    def chunk(self, payload: bytes) -> bytes:
        """A chunk, whose records are sound, without secrets."""
        walk = _Chunk(payload, self, self._before)
        walk.run()
        self._before = walk.end()
        return walk.written()

    def forget(self) -> None:
        """The chunk that comes next is neither the first one nor behind the last."""
        self._before = None
        self.texts.forget()


class _Chunk:
    """The state of docs/trace-format.md, section 2, as far as it says whose a value is."""

    def __init__(self, raw: bytes, redactor: Redactor, before: End | None) -> None:
        self.raw = raw
        self.redactor = redactor
        self.names = redactor.names
        self.before = before
        self.out: list[bytes] = []
        self.copied = 0
        self.stop_iterations: set[int] = set()  # types
        self.codes: dict[int, Code] = {}
        self.places: dict[int, Place] = {}
        self.namespaces: dict[int, Variables] = {}
        self.bodies: set[int] = set()  # namespaces of bodies that ran when the chunk began
        self.threads: defaultdict[int, Thread] = defaultdict(lambda: Thread(before is None))
        self.suspended: dict[int, Frame] = {}
        self.current = Thread(before is None)
        self.next_frame = 0
        self.newest: set[tuple[int, int]] = set()
        self.restated: Frame | None = None  # by the preamble, whose SETs are about it
        self.in_preamble = True
        self.is_restating = False  # behind BEGIN: what no event has shown is set once more
        self.met: set[tuple[int, int]] = set()  # by then: slots of namespaces
        for number, is_secret in (before.ended_secret if before else {}).items():
            self.threads[number].ended_secret = is_secret

    def run(self) -> None:
        at, raw, size = 0, self.raw, len(self.raw)
        while at < size:
            byte = raw[at]
            if byte >= f.REC_LINE:
                self.event()
                at += 1
            elif byte >= f.REC_SET:
                at = self.set(at, at + 1, self.top_variables(), byte - f.REC_SET)
            elif byte in APART:
                at = APART[byte](self, at)
            else:
                at = self.record(at, self.row_of(byte))

    @staticmethod
    def row_of(byte: int) -> Row:
        try:
            return ROWS[byte]
        except KeyError:
            invariant = f"record {byte:02X} has a row in recorder.trace.redacting"
            raise errors.InvariantBrokenError(invariant=invariant) from None

    def record(self, at: int, row: Row) -> int:
        byte = self.raw[at]
        self.is_restating = self.is_restating and byte in RESTATING
        found: list[Any] = []
        end = self.operands(RECORDS[byte], at + 1, row, found)
        if row.then is not None:
            row.then(self, found)
        return end

    def operands(self, layout: Layout, at: int, row: Row, found: list[Any]) -> int:
        """What is found are the numbers and texts. Values are rewritten."""
        for kind in layout:
            if kind == "varint" or kind == "zigzag":
                number, at = varint.decode(self.raw, at)
                found.append(number)
            elif kind == "value":
                at = self.value(at, row.hides is not None and row.hides(self, at))
            elif kind == "str":
                size, at = varint.decode(self.raw, at)
                found.append(self.raw[at : at + size])
                at += size
            elif kind == "bytes":
                at += found[-1]
            elif isinstance(kind, str):
                found.append(self.raw[at])  # of what is longer nothing is asked
                at += SIZES[kind]
            else:
                for _ in range(found[-1]):
                    at = self.operands(kind, at, row, found)
        return at

    # ---- what is written

    def replace(self, at: int, end: int, by: bytes) -> int:
        self.out += (self.raw[self.copied : at], by)
        self.copied = end
        return end

    def written(self) -> bytes:
        return b"".join((*self.out, self.raw[self.copied :]))

    def value(self, at: int, is_secret: bool) -> int:
        end, new = redacted(self.raw, at, self.names)
        new = REDACTED if is_secret else new
        return end if new is None else self.replace(at, end, new)

    # ---- variables

    def top_variables(self) -> Variables:
        frame = self.restated if self.in_preamble else None
        return (frame or self.current.stack[-1]).variables

    def set_long(self, at: int) -> int:
        slot, value = varint.decode(self.raw, at + 1)
        return self.set(at, value, self.top_variables(), slot)

    def set_global(self, at: int) -> int:
        number, value = varint.decode(self.raw, at + 1)
        slot, value = varint.decode(self.raw, value)
        return self.set(at, value, self.namespaces[number], slot)

    def set(self, at: int, value: int, of: Variables, slot: int) -> int:
        """`at`, `value`: where the record begins, and its value."""
        tag, is_secret = self.raw[value], of.slots[slot]
        if tag >= f.TAG_SMALL_INT and not is_secret:
            of.shown.pop(slot, None)
            return value + 1
        if tag == f.TAG_CALLERS:
            return self.set_callers(at, value, of, slot)
        if tag in CONTENTS:
            end, read, new = self.contents(value)
            wanted = read if new is None else new
            _, doubts_at = varint.decode(self.raw, value + 1)
            doubts, _ = varint.decode(self.raw, doubts_at)
            read, new = like(read, doubts), None if new is None else like(new, doubts)
        elif tag in WORDS:
            end, new = end_of_word(self.raw, value), None
            read = self.raw[value:end]
        else:
            end, new = redacted(self.raw, value, self.names)
            read = self.raw[value:end]
        if is_secret and tag != f.TAG_UNBOUND:
            new = REDACTED
        if not of.is_global:
            keep_read(of, slot, read)
        before = of.shown.get(slot)
        if new is None:
            of.shown.pop(slot, None)
            if tag in CONTENTS:
                self.tell(value, end, wanted)
        elif before == new and not self.is_new(of, slot):
            return self.replace(at, end, b"")
        elif not self.in_preamble and before != new and is_same(before, new):
            of.shown[slot] = new
            return self.replace(value, end, rebound_to(new))
        else:
            of.shown[slot] = new
            if tag in CONTENTS and not is_secret:
                self.tell(value, end, wanted)
            elif self.raw[value:end] != new:
                self.replace(value, end, new)
        if not self.in_preamble:
            of.fresh.add(slot)
            if of.is_global:
                self.newest.add((of.number, slot))
        return end

    def set_callers(self, at: int, value: int, of: Variables, slot: int) -> int:
        """An argument that is what the caller's variable is: not if only one of the two names is secret."""
        theirs, end = varint.decode(self.raw, value + 1)
        caller = self.current.stack[-2].variables
        of.read[slot] = caller.read[theirs]
        if theirs in caller.unexamined:
            of.unexamined.add(slot)
        of.fresh.add(slot)
        if of.slots[slot]:
            of.shown[slot] = REDACTED
            return self.replace(value, end, REDACTED)
        if not caller.slots[theirs]:
            if theirs in caller.shown:
                of.shown[slot] = caller.shown[theirs]
            return end
        _, new = redacted(of.read[slot], 0, self.names)
        if new is not None:
            of.shown[slot] = new
        written = of.read[slot] if new is None else new
        if slot in of.unexamined:
            written += self.raw[at:value] + UNEXAMINED
        return self.replace(value, end, written)

    # ---- places

    def contents(self, at: int) -> tuple[int, bytes, bytes | None]:
        """Of a TELL, a TOLD or a PATCH: where it ends, and what stands at its place then, as it is and without
        secrets."""
        tag = self.raw[at]
        number, at = varint.decode(self.raw, at + 1)
        _, at = varint.decode(self.raw, at)
        if tag == f.TAG_TELL:
            end, new = redacted(self.raw, at, self.names)
            read = self.raw[at:end]
        elif tag == f.TAG_TOLD:
            read, new, _ = self.places[number]
            return at, read, new
        else:
            end, read = patched(self.places[number].read, self.raw, at)
            _, new = redacted(read, 0, self.names)
        there = self.places.get(number)
        self.places[number] = Place(read, new, there and there.written)
        return end, read, new

    def tell(self, at: int, end: int, wanted: bytes) -> None:
        """A variable is to be what stands at a place: as it is said there, if that says so in what is written, too."""
        tag, (number, doubts) = self.raw[at], varint.decode(self.raw, at + 1)
        _, begin = varint.decode(self.raw, doubts)
        place = self.places[number]
        if tag == f.TAG_TELL:
            is_right = wanted == place.read
        elif tag == f.TAG_TOLD:
            is_right = wanted == place.written
        else:
            is_right = (
                place.written is not None
                and wanted == place.read
                and patched(place.written, self.raw, begin)[1] == wanted
            )
        if not is_right:
            self.replace(at, end, bytes([f.TAG_TELL]) + self.raw[at + 1 : begin] + wanted)
        self.places[number] = place._replace(written=wanted)

    def place(self, at: int) -> int:
        """PLACE, in a preamble. It is left out: by which variable it was told, which may be a secret one, nobody knows
        here. What leads to it tells it anew."""
        number, value = varint.decode(self.raw, at + 1)
        end, new = redacted(self.raw, value, self.names)
        self.places[number] = Place(self.raw[value:end], new, None)
        return self.replace(at, end, b"")

    def is_new(self, of: Variables, slot: int) -> bool:
        """Of what is set once more behind BEGIN: whether no event has shown it."""
        before = self.before
        if not self.is_restating or before is None:
            return self.is_restating
        if not of.is_global:
            return slot in before.fresh.get(of.number, ())
        place = (of.number, slot)
        is_met = place in self.met
        self.met.add(place)
        if of.number in self.bodies and not is_met:
            return slot in before.fresh_globals.get(of.number, ())
        return place in before.newest

    # ---- events

    def event(self, *_: Any) -> None:
        self.is_restating = False
        self.current.stack[-1].variables.fresh.clear()
        self.newest.clear()

    def ended(self, *_: Any) -> None:
        self.event()
        self.current.ended_secret = self.current.stack.pop().code.is_secret

    def yielded(self, *_: Any) -> None:
        frame = self.current.stack[-1]
        self.ended()
        self.suspended[frame.number] = frame

    def suspend(self, _: list[Any]) -> None:
        frame = self.current.stack.pop()
        self.suspended[frame.number] = frame

    def of_function(self, _: int) -> bool:
        return self.current.stack[-1].code.is_secret

    def of_iteration(self, _: int) -> bool:
        return self.current.ended_secret

    def of_exception(self, at: int) -> bool:
        """A StopIteration with what a secret function returned."""
        number, _, begin = identity_of(self.raw, at)
        is_one = False
        if self.raw[begin] == f.TAG_EXCEPTION and self.current.ended_secret:
            is_one = varint.decode(self.raw, begin + 1)[0] in self.stop_iterations
        if number is not None and is_one:
            self.redactor.exceptions.add(number)
        return is_one or number in self.redactor.exceptions

    # ---- texts

    def output(self, at: int) -> int:
        self.is_restating = False
        found: list[Any] = []
        begin = self.operands(RECORDS[f.REC_OUTPUT][:-1], at + 1, Row(), found)
        stream, size = found[0], found[-1]
        end: int = begin + size
        masked, content = self.redactor.texts.output(stream, self.raw[begin:end])
        if masked != stream:
            self.replace(at + 1, at + 2, bytes([masked]))
            self.replace(begin, end, content)
        return end

    def log(self, at: int) -> int:
        self.is_restating = False
        layout = RECORDS[f.REC_LOG]
        value = self.operands(layout[: layout.index("value")], at + 1, Row(), [])
        for end, new in self.redactor.texts.log(self.raw[at + 1], self.raw, value):
            if new is not None:
                self.replace(value, end, new)
            value = end
        return self.value(value, False)  # the exception

    # ---- frames and threads

    def enter(self, found: list[Any]) -> None:
        code = self.codes[found[0]]
        self.current.stack.append(Frame(self.next_frame, code, code.namespace))
        self.next_frame += 1

    def reenter(self, found: list[Any]) -> None:
        self.current.stack.append(self.suspended.pop(self.next_frame - found[0]))

    def forgotten(self, found: list[Any]) -> None:
        self.suspended.pop(self.next_frame - found[0], None)

    def dropped(self, _: list[Any]) -> None:
        self.current.stack.pop()

    def body(self, _: list[Any]) -> None:
        frame = self.current.stack[-1]
        if frame.namespace is not None:
            frame.variables = self.namespaces[frame.namespace]

    def thread(self, found: list[Any]) -> None:
        self.current = self.threads[found[0]]

    def frame(self, found: list[Any]) -> None:
        number, code, _, namespace, flags = found
        frame = self.restated = Frame(
            number, self.codes[code], namespace - 1 if namespace else None
        )
        if flags & FrameFlag.BODY:
            frame.variables = self.namespaces[namespace - 1]
            self.bodies.add(namespace - 1)
        if flags & FrameFlag.SUSPENDED:
            self.suspended[number] = frame
        else:
            self.current.stack.append(frame)

    def state(self, found: list[Any]) -> None:
        self.next_frame = found[0]
        self.current = self.threads[found[2] - 1] if found[2] else Thread(False)

    def begin(self, _: list[Any]) -> None:
        self.in_preamble = False
        self.is_restating = True

    def end(self) -> End:
        stacks = [frame for thread in self.threads.values() for frame in thread.stack]
        return End(
            {one.number: one.variables.fresh for one in (*stacks, *self.suspended.values())},
            {number: one.fresh for number, one in self.namespaces.items()},
            self.newest,
            {number: thread.ended_secret for number, thread in self.threads.items()},
        )

    # ---- definitions

    def define_code(self, found: list[Any]) -> None:
        number, _, _, flags, _, qualified_name, _, _, *slots = found
        is_secret = bool(flags & OF_FUNCTIONS) and self.names.has_function(qualified_name)
        if number not in self.codes or self.in_preamble:
            secrets = [is_secret or self.names.has(name) for name in slots[1::2]]
            self.codes[number] = Code(is_secret, secrets)

    def define_name(self, found: list[Any]) -> None:
        number, slot, name = found
        self.define_slot(self.codes[number].slots, slot, name)

    def define_global(self, found: list[Any]) -> None:
        number, slot, name = found
        self.define_slot(self.namespaces[number].slots, slot, name)

    def define_slot(self, slots: list[bool], slot: int, name: bytes) -> None:
        if slot == len(slots):
            slots.append(self.names.has(name))

    def define_namespace(self, found: list[Any]) -> None:
        if found[0] not in self.namespaces:
            self.namespaces[found[0]] = Variables([], found[0], is_global=True)

    def define_type(self, found: list[Any]) -> None:
        number, module, qualified_name = found
        if (module, qualified_name) == STOP_ITERATION:
            self.stop_iterations.add(number)

    def globals(self, found: list[Any]) -> None:
        self.codes[found[0]].namespace = found[1] - 1 if found[1] else None


def keep_read(of: Variables, slot: int, word: bytes) -> None:
    """Of a SET: so that who takes the value over is told all of it."""
    tag = word[0]
    if tag == f.TAG_UNEXAMINED:
        of.unexamined.add(slot)
        return
    of.unexamined.discard(slot)
    if tag == f.TAG_REBOUND:
        of.read[slot] = rebound(of.read[slot], word)
    elif tag not in WORDS:
        of.read[slot] = word


def rebound(value: bytes, word: bytes) -> bytes:
    """The value of a slot after a REBOUND."""
    _, end = varint.decode(word, 1)
    doubts, _ = varint.decode(word, end)
    begin = identity_of(value, 0)[-1]
    if not doubts:
        return bytes([f.TAG_IDENTITY]) + word[1:end] + value[begin:]
    return bytes([f.TAG_IDENTITY_UNSURE]) + word[1:] + value[begin:]


def patched(old: bytes, raw: bytes, at: int) -> tuple[int, bytes]:
    """Where a PATCH ends, and what it makes of what stands at its place. `at`: behind the number of that."""
    prefix, at = varint.decode(raw, at)
    suffix, at = varint.decode(raw, at)
    size, at = varint.decode(raw, at)
    return at + size, old[:prefix] + raw[at : at + size] + old[len(old) - suffix :]


def is_same(before: bytes | None, after: bytes) -> bool:
    """Whether it is the value that there was, and the same object as far as is known."""
    if before is None:
        return False
    number, _, begin = identity_of(before, 0)
    again, _, rest = identity_of(after, 0)
    return number is not None and number == again and before[begin:] == after[rest:]


def rebound_to(value: bytes) -> bytes:
    number, doubts, _ = identity_of(value, 0)
    return bytes([f.TAG_REBOUND]) + varint.encode(number or 0) + varint.encode(doubts)


class Row(NamedTuple):
    """What a record does, and whether the value that begins at an offset is secret as a whole; neither: it only holds
    values, or none."""

    then: Callable[[_Chunk, list[Any]], None] | None = None
    hides: Callable[[_Chunk, int], bool] | None = None


# What is more than its operands tell.
APART: Final[dict[int, Callable[[_Chunk, int], int]]] = {
    f.REC_SET_LONG: _Chunk.set_long,
    f.REC_SET_GLOBAL: _Chunk.set_global,
    f.REC_OUTPUT: _Chunk.output,
    f.REC_LOG: _Chunk.log,
    f.REC_PLACE: _Chunk.place,
}
# Of the records behind BEGIN, besides SETs.
RESTATING: Final = frozenset(
    (
        *(f.REC_BEGIN, f.REC_THREAD, f.REC_DEF_NAMESPACE, f.REC_DEF_GLOBAL),
        *(f.REC_DEF_CLASS, f.REC_ATTRIBUTES),
    )
)
ROWS: Final[dict[int, Row]] = {
    f.REC_LINE_LONG: Row(_Chunk.event),
    f.REC_CALL: Row(_Chunk.event),
    f.REC_RETURN: Row(_Chunk.ended, _Chunk.of_function),
    f.REC_YIELD: Row(_Chunk.yielded, _Chunk.of_function),
    f.REC_RESUME: Row(_Chunk.event),
    f.REC_THROW: Row(_Chunk.event, _Chunk.of_exception),
    f.REC_UNWIND: Row(_Chunk.ended, _Chunk.of_exception),
    f.REC_RAISE: Row(_Chunk.event, _Chunk.of_exception),
    f.REC_RERAISE: Row(_Chunk.event, _Chunk.of_exception),
    f.REC_HANDLED: Row(_Chunk.event, _Chunk.of_exception),
    f.REC_STOP_ITERATION: Row(_Chunk.event, _Chunk.of_iteration),
    f.REC_ENTER: Row(_Chunk.enter),
    f.REC_ADOPT: Row(_Chunk.enter),
    f.REC_REENTER: Row(_Chunk.reenter),
    f.REC_DROP: Row(_Chunk.dropped),
    f.REC_FORGET: Row(_Chunk.forgotten),
    f.REC_BODY: Row(_Chunk.body),
    f.REC_THREAD: Row(_Chunk.thread),
    f.REC_FRAME: Row(_Chunk.frame),
    f.REC_STATE: Row(_Chunk.state),
    f.REC_BEGIN: Row(_Chunk.begin),
    f.REC_DEF_CODE: Row(_Chunk.define_code),
    f.REC_DEF_NAME: Row(_Chunk.define_name),
    f.REC_DEF_NAMESPACE: Row(_Chunk.define_namespace),
    f.REC_DEF_CLASS: Row(_Chunk.define_namespace),
    f.REC_DEF_GLOBAL: Row(_Chunk.define_global),
    f.REC_DEF_TYPE: Row(_Chunk.define_type),
    f.REC_GLOBALS: Row(_Chunk.globals),
    f.REC_SUSPEND: Row(_Chunk.suspend),
    f.REC_NOTE: Row(),
    **dict.fromkeys(
        (
            *(f.REC_DEF_THREAD, f.REC_DEF_FILE, f.REC_DEF_TASK, f.REC_TASK, f.REC_CLOCK, f.REC_GAP),
            *(f.REC_MARK, f.REC_CODE_DIGEST, f.REC_TEXT, f.REC_RETIRE, f.REC_SPAN_END),
            *(f.REC_PRINT, f.REC_WITHIN, f.REC_WAIT, f.REC_ATTRIBUTES, f.REC_TASK_OBJECT),
        ),
        Row(),  # it has no value
    ),
}
