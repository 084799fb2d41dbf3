"""Holds the product's reader against the second one, which was written from docs/trace-format.md alone.

`compare(path)` says what they see differently in a file, whatever file it is. What both have to say is the same:

- whether it is a trace at all; its verdict, META, CLOSE and sources; every place that is damaged;
- of every event number, kind, function, file, line, thread, task, time, frame, caller, depth and value, what changed,
  what was not recorded or is lost before it, and all locals and globals;
- at some events all stacks, with the variables of every frame.

The second reader is slow, so of a large trace, with more than MOST_EVENTS events or MOST_BYTES of records, only some
are compared: half as many events from its beginning, and a quarter each from the beginning of a chunk in the middle and
of the last one, none of them further than BYTES_OF_A_PART into its chunk. Of the other chunks it is only the headers.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
import stat
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from recorder import errors
from recorder._core.decode import RawFrame
from recorder.trace import format as tags
from recorder.trace import reader
from recorder.trace.values.nodes import Again, Node, Types, identity_of
from recorder.trace.values.value import Value as ProductValue
from tests.tools import second_reader
from tests.tools.second_reader import NotATrace, Value
from tests.tools.turns import is_our_turn

MOST_EVENTS = 400
MOST_BYTES = 4 << 20
BYTES_OF_A_PART = 1 << 20
STACKS_AT = 97  # every so many events all stacks are compared


def compare(path: Path | str, most_events: int = MOST_EVENTS) -> list[str]:
    """A sentence for each difference, a few at most."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    try:
        return compare_data(path, data, most_events)
    finally:
        if isinstance(data, mmap.mmap):
            data.close()


def compare_data(path: Path | str, data: bytes | mmap.mmap, most_events: int) -> list[str]:
    try:
        second = second_reader.Trace(data, check_payloads=len(data) <= MOST_BYTES)
    except NotATrace as e:
        try:
            reader.open_trace(path).close()
        except (
            errors.NotATraceError,
            errors.TraceTruncatedError,
            errors.TraceVersionUnsupportedError,
        ):
            return []
        return [f"only the second reader refuses it: {e}"]
    try:
        first = reader.open_trace(path)
    except errors.RecorderError as e:
        return [f"only the product refuses it: {e}"]
    with first:
        return list(itertools.islice(Comparison(first, second, most_events).differences(), 5))


class Comparison:
    """One file, seen twice."""

    def __init__(
        self, first: reader.Trace, second: second_reader.Trace, most_events: int = MOST_EVENTS
    ) -> None:
        self.first = first
        self.second = second
        self.most = most_events
        self.known: dict[bytes, Value] = {}  # values of the product's as the second reader has them
        # What was found equal last, by frame or namespace: the product's values, the second reader's version.
        self.equal: dict[tuple[str, int], tuple[object, int]] = {}

    def differences(self) -> Iterator[str]:
        first, second = self.first, self.second
        ends = second.verdict
        yield from differ("META", first.meta, second.meta)
        yield from differ("CLOSE", first.closing, second.close)
        yield from differ("exit status", first.exit_status, ends.exit_status if ends else None)
        yield from differ("events", len(first), sum(c.events for c in second.event_chunks))
        yield from differ(
            "sources",
            sorted(str((s.number, s.path, s.sha256, s.content)) for s in first.all_sources),
            sorted(str((s.number, s.path, s.sha256, s.content)) for s in second.sources),
        )
        yield from differ("missing sources", dict(first.missing_sources), second.missing_sources())
        said = first.verdict if second.checks_payloads else first.verdict_so_far
        yield from differ("verdict before the events", said.state, second.state)
        yield from differ("code", said.code, ends.error if ends else 0)
        for ours, theirs in self.sample():
            yield from self.compare_events(ours, theirs)
        if self.is_small and not second.damage:
            yield from self.compare_output()
            yield from self.compare_logs()
        for function in first.functions if self.is_small else ():  # which reads all of it
            source = first.source_of(function)
            ours = None if source is None else (source.number, source.doubt)
            theirs = second.origin(function.number, function.file)
            yield from differ(f"source of {function.number}", ours, theirs)
        if self.is_small:
            yield from self.compare_notes()
        found = {damage.offset for damage in first.damage}
        yield from differ("damage", found, {damage.offset for damage in second.damage})
        yield from differ("verdict", first.verdict_so_far.state, second.state)

    def compare_notes(self) -> Iterator[str]:
        """Marks, and spans with their ends."""
        second = self.second.notes() if self.first.closing.get("notes", True) else []
        theirs, ends = [], {}
        for note in second:
            if isinstance(note, second_reader.SpanEnd):
                ends[note.span] = (
                    note.before,
                    note.wall_ns,
                    bool(note.flags & 2),
                    bool(note.flags & 1),
                )
            else:
                place = (note.before, note.wall_ns, note.thread, note.task, note.name)
                theirs.append((note.span, place, note.facts))
        ours = [(0, mark, None) for mark in self.first.marks()]
        ours += [
            (span.number, span, (span.stop, span.ended, span.raised, span.forgotten))
            for span in self.first.spans()
        ]
        yield from differ("notes", len(ours), len(theirs))
        for (number, mark, end), (span, place, facts) in zip(
            ours, sorted(theirs, key=lambda one: one[0]), strict=False
        ):
            task = 0 if mark.task is None else mark.task.number + 1
            thread = None if mark.thread is None else mark.thread.number
            yield from differ("span", number, span)
            yield from differ("note", (mark.before, mark.time, thread, task, mark.name), place)
            yield from differ(
                "end", end, ends.get(number, (None, None, False, False) if number else None)
            )
            yield from differ("facts", self.value(mark.facts._raw, mark.facts._types), facts)

    @property
    def is_small(self) -> bool:
        records = sum(chunk.raw_size for chunk in self.second.event_chunks)
        return len(self.first) <= self.most and records <= MOST_BYTES

    def sample(self) -> Iterator[tuple[Iterator[reader.Event], Iterator[second_reader.Event]]]:
        """The same events from both, as the docstring of the module has it."""
        first, second, most = self.first, self.second, self.most
        if self.is_small:
            yield first.events(), second.events()
            return
        some = most // 2
        yield itertools.islice(first.events(), some), itertools.islice(second.events(), some)
        if self.second.damage:
            return  # then numbers do not lead to one place
        chunks = [chunk for chunk in second.event_chunks if chunk.events]
        for chunk in {chunks[len(chunks) // 2], chunks[-1]} - {chunks[0]}:
            some = min(most // 4, chunk.events - 1)  # neither reads to the end
            stop = chunk.first_event + some
            yield (
                first.events(chunk.first_event, stop),
                itertools.islice(second.chunk_events(chunk), some),
            )

    def compare_events(
        self, ours: Iterator[reader.Event], theirs: Iterator[second_reader.Event]
    ) -> Iterator[str]:
        self.equal.clear()
        missing = object()
        for n, (a, b) in enumerate(itertools.zip_longest(ours, theirs, fillvalue=missing)):
            if a is missing or b is missing:
                yield f"only one reader sees event {(b if a is missing else a)!r}"
                return
            assert isinstance(a, reader.Event) and isinstance(b, second_reader.Event)
            yield from self.compare_event(a, b)
            if n % STACKS_AT == STACKS_AT - 1:
                yield from self.compare_stacks(a, b)
            if not self.is_small and b.machine.cursor.at > BYTES_OF_A_PART:
                return

    def compare_output(self) -> Iterator[str]:
        theirs = self.second.written()
        for number, name in ((1, "stdout"), (2, "stderr"), (3, "stdin")):
            ours = list(self.first.output(name))
            yield from differ(
                name,
                (sum(one.size for one in ours), b"".join(one.data for one in ours)),
                (
                    sum(size for stream, size, _ in theirs if stream == number),
                    b"".join(data for stream, _, data in theirs if stream == number),
                ),
            )

    def compare_logs(self) -> Iterator[str]:
        theirs = self.second.told()
        ours = list(self.first.logs())
        yield from differ("logs", len(ours), len(theirs))
        for one, (kind, level, levelname, name, file, line, *values) in zip(
            ours, theirs, strict=False
        ):
            kinds = ("record", "warning", "uncaught", "unraisable", "audit", "sql", "http")
            number = kinds.index(one.kind) + 1 + 128 * one.omitted
            place = (one.file, one.line) if file else ("", 0)
            facts = (number, one.level, one.levelname, one.name, *place)
            kind = kind if 1 <= kind & 127 <= len(kinds) else kind & 128 | 1
            yield from differ("log", facts, (kind, level, levelname, name, file, line))
            for a, b in zip((one.what, one.arguments, one.exception), values, strict=True):
                if a is not None:
                    yield from differ("value of a log", self.value(a._raw, a._types), b)

    def compare_event(self, a: reader.Event, b: second_reader.Event) -> Iterator[str]:
        stack = b.thread.stack
        where = f"event {b.number}"
        lost = sum(detail for kind, _, detail in b.marks if kind == "GAP")
        has_gap = any(kind == "GAP" for kind, _, _ in b.marks)
        task = b.task
        ours = (
            a.seq, a.kind.upper(), a.frame, a.function.number, a.function.name,
            a.function.qualified_name, a.file, a.line, a.previous_line, a.depth, a.caller, a.adopted,
            (a.thread.number, a.thread.native_id, a.thread.name),
            None if a.task is None else (a.task.number, a.task.name),
            list(a._marks), None if a._raw_value is None else self.value(a._raw_value, a._types),
        )  # fmt: skip
        theirs = (
            b.number, b.kind, b.frame.number, b.code.number, b.code.name,
            b.code.qualified_name, b.code.file, b.line, b.previous_line, len(stack) - 1,
            stack[-2].number if len(stack) > 1 else None, b.frame.adopted,
            (b.thread.number, b.thread.native_id, b.thread.name),
            task,
            [(code, detail) for _, code, detail in b.marks], b.value,
        )  # fmt: skip
        yield from differ(where, ours, theirs)
        if abs(a.time - b.wall_ns) > 1:  # the product reckons with doubles
            yield f"{where}: at {a.time} or {b.wall_ns}"
        if a.gap < has_gap or a.lost < lost:
            yield f"{where}: the product knows of no gap before it"
        yield from differ(f"what changed at {where}", list(a._changed_slots), b.changed)
        yield from self.compare_frame(where, a, b.frame)

    def compare_frame(self, where: str, a: RawFrame, b: second_reader.Frame) -> Iterator[str]:
        if b.namespace is not None:
            key = ("namespace", b.namespace.number)
            yield from self.compare_variables(
                f"globals at {where}", key, a._global_values, b.namespace.variables, a
            )
        else:
            yield from differ(f"globals at {where}", a.namespace, None)
        if not b.is_body:
            key = ("frame", b.number)
            yield from self.compare_variables(f"locals at {where}", key, a._values, b.own, a)
        names = (
            b.namespace.slots if b.is_body and b.namespace else [name for _, name in b.code.slots]
        )
        yield from differ(f"names at {where}", a._names[: len(names)], names)

    def compare_variables(
        self,
        where: str,
        key: tuple[str, int],
        ours: tuple[bytes | None, ...],
        theirs: second_reader.Variables,
        frame: RawFrame,
    ) -> Iterator[str]:
        before = self.equal.get(key)
        if before is not None and before[0] is ours and before[1] == theirs.version:
            return
        seen = {
            slot: self.value(raw, frame._types) for slot, raw in enumerate(ours) if raw is not None
        }
        found = list(differ(where, seen, theirs.bound()))
        if not found:
            self.equal[key] = (ours, theirs.version)
        yield from found

    def compare_stacks(self, a: reader.Event, b: second_reader.Event) -> Iterator[str]:
        moment = self.first.at(a.seq)
        theirs = b.stacks()
        yield from differ(
            f"stacks at event {b.number}",
            {
                t.number: [(f.frame, f.line, f.function.number) for f in fs]
                for t, fs in moment.stacks
            },
            {n: [(f.number, f.line, f.code.number) for f in fs] for n, fs in theirs.items()},
        )
        for thread, frames in moment.stacks:
            for x, y in zip(frames, theirs.get(thread.number, []), strict=False):
                self.equal.clear()  # these are other objects
                yield from self.compare_frame(f"event {b.number}, frame {y.number}", x, y)

    def value(self, raw: bytes, types: Types) -> Value:
        known = self.known.get(raw)
        if known is None:
            known = self.known[raw] = as_second(raw, types)
        return known


class Watcher:
    """Compares the traces of a run of the tests, each once as long as nobody writes it anew."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int, int, int]] = set()
        self.contents: set[bytes] = set()  # digests: many tests begin with a copy of the same trace
        self.traces = 0
        self.seconds = 0.0

    def check(self, paths: Iterable[str | Path]) -> list[str]:
        """A sentence for each difference in one of these files; what is no regular file is passed over."""
        began = time.perf_counter()
        found = []
        for path in paths:
            try:
                facts = os.stat(path)
            except OSError:
                continue
            mark = (os.fspath(path), facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if mark not in self.seen and stat.S_ISREG(facts.st_mode):
                self.seen.add(mark)
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha1").digest()
                if content not in self.contents and is_our_turn(Path(path).parent.name):
                    self.contents.add(content)
                    self.traces += 1
                    found += [f"{path}: {difference}" for difference in compare(path)]
        self.seconds += time.perf_counter() - began
        return found


def differ(what: str, ours: object, theirs: object) -> Iterator[str]:
    if ours != theirs:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            keys = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
            ours, theirs = ({key: d.get(key) for key in keys[:3]} for d in (ours, theirs))
        yield f"{what}: the product reads {ours!r}, the second reader {theirs!r}"[:2000]


# ---- values --------------------------------------------------------------------------------------

CONSTANTS: dict[object, str] = {None: "NONE", False: "FALSE", True: "TRUE", ...: "ELLIPSIS"}
NAMES = {
    tags.TAG_STR: "STR", tags.TAG_BYTES: "BYTES", tags.TAG_BYTEARRAY: "BYTEARRAY", tags.TAG_LIST: "LIST",
    tags.TAG_TUPLE: "TUPLE", tags.TAG_SET: "SET", tags.TAG_FROZENSET: "FROZENSET", tags.TAG_DICT: "DICT",
    tags.TAG_REF: "REF", tags.TAG_ERROR: "ERROR", tags.TAG_ELIDED: "ELIDED", tags.TAG_OBJECT: "OBJECT",
    tags.TAG_CLASS: "CLASS", tags.TAG_FUNCTION: "FUNCTION", tags.TAG_MODULE: "MODULE",
    tags.TAG_REDACTED: "REDACTED", tags.TAG_TYPED: "TYPED", tags.TAG_EXCEPTION: "EXCEPTION",
    tags.TAG_INSTANCE: "INSTANCE", tags.TAG_NAMED: "NAMED", tags.TAG_ENUM: "ENUM", tags.TAG_DATE: "DATE",
    tags.TAG_TIME: "TIME", tags.TAG_DATETIME: "DATETIME", tags.TAG_TIMEDELTA: "TIMEDELTA",
    tags.TAG_ARRAY: "ARRAY", tags.TAG_GENERATOR: "GENERATOR", tags.TAG_INT_CUT: "INT_CUT",
    tags.TAG_FORM: "FORM",
}  # fmt: skip
STATES = ("created", "suspended", "running", "ended")


def as_second(raw: bytes, types: Types) -> Value:
    """A value of the product's as the second reader has it."""
    value = ProductValue(raw, types)
    try:
        tree = value._tree
    except errors.TraceCorruptError:
        part: Value | None = ("GARBLED",)
    else:
        is_known = not (isinstance(tree, Node) and tree.tag == tags.TAG_ERROR and tree.size is None)
        part = of_tree(tree) if is_known else None
    if value.unexamined:
        return ("UNEXAMINED", part)
    assert part is not None
    return part


def of_tree(tree: Any) -> Value:
    identity = identity_of(tree)
    if identity is None:
        return of_part(tree)
    return ("OBJECT_OF", identity.number, identity.doubts, of_part(tree))


def of_part(tree: Any) -> Value:
    if isinstance(tree, Again):
        return ("REF", tree.number)
    if isinstance(tree, Node):
        return of_node(tree)
    if tree is NotImplemented:
        return ("NOT_IMPLEMENTED",)
    if tree is None or tree is ... or isinstance(tree, bool):
        return (CONSTANTS[tree],)
    if isinstance(tree, int):
        return ("INT", tree)
    if isinstance(tree, float):
        return ("FLOAT", struct.pack("<d", tree))
    if isinstance(tree, complex):
        return ("COMPLEX", struct.pack("<d", tree.real), struct.pack("<d", tree.imag))
    name = "BYTEARRAY" if isinstance(tree, bytearray) else {str: "STR", bytes: "BYTES"}[type(tree)]
    return (name, tree, None)


def of_node(node: Node) -> Value:
    name, true_size = NAMES[node.tag], node.size if node.cut else None
    match name:
        case "STR" | "BYTES" | "BYTEARRAY":
            return (name, node.items, true_size)
        case "DICT":
            return (name, tuple((of_tree(k), of_tree(v)) for k, v in node.items), true_size)
        case "LIST" | "TUPLE" | "SET" | "FROZENSET":
            return (name, tuple(map(of_tree, node.items)), true_size)
        case "INSTANCE" | "NAMED":
            return (name, node.type, tuple((n, of_tree(v)) for n, v in node.items), true_size)
        case "ENUM":
            return (name, node.type, node.items[0][0], of_tree(node.items[0][1]))
        case "TYPED" | "EXCEPTION":
            return (name, node.type, of_tree(node.items[0]))
        case "TIME":
            return (name, node.type, node.items[0], of_tree(node.items[1]))
        case "DATETIME":
            facts, zone = node.items
            return (name, node.type, facts[:3], facts[3:], of_tree(zone))
        case "FORM":
            return (name, node.type, node.size, tuple(map(of_tree, node.items)))
        case "DATE" | "TIMEDELTA":
            return (name, node.type, tuple(node.items))
        case "ARRAY":
            a = node.items
            return (name, node.type, a.format, a.item_size, a.shape, a.data)
        case "GENERATOR":
            state, qualified_name, line = node.items
            return (name, node.type, STATES.index(state), qualified_name, line)
        case "INT_CUT":
            return (name, bool(node.items), node.size)
        case "REF" | "ERROR":
            return (name, node.size)
        case "ELIDED":
            return (name, node.type, node.size)
        case "OBJECT" | "CLASS":
            return (name, node.type)
        case "FUNCTION" | "MODULE":
            return (name, node.items)
    return (name,)
