"""Parquet tables, for DuckDB on one machine or Spark on many (dataset.py says where they go).

    traces      what was recorded, and how far it can be believed: one row
    events      everything that happened, in order
    calls       every time a frame was active, from call or resumption to return, yield or unwinding
    values      every change of a variable
    exceptions  every time one was raised, passed on, handled or ended a call
    spans       the marks and spans of the program
    output      what was written to stdout and stderr
    logs        what was told by logging, warnings and exceptions that nobody caught; audit events, statements, requests
    files       the sources

Every table has the trace's id, so that tables of any number of traces can be read as one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from recorder import errors
from recorder.export import text
from recorder.export.atomic_output import Sink
from recorder.export.changed_parts import ChangedParts
from recorder.export.dataset import Dataset
from recorder.export.walk import Activation, Visitor, walk
from recorder.trace import libraries
from recorder.trace.format import TAG_ENUM, TAG_TYPED
from recorder.trace.logs import Log
from recorder.trace.output import Output as Written
from recorder.trace.reader import Change, Event, Trace
from recorder.trace.snapshots import title_of
from recorder.trace.spans import Span, facts_as_json
from recorder.trace.values.nodes import Node
from recorder.trace.values.value import Value

if TYPE_CHECKING:
    from types import TracebackType

BATCH: Final = 1 << 12  # rows made into arrays together,
GROUP: Final = 8  # and such batches that are a row group: what waits in memory

# Columns: name, type. `value` is as Python would write it; the three after it hold it as itself,
# where it is such a thing.
VALUE: Final = "value:string type:string int:int64 float:double text:string"
PLACE: Final = (
    "thread:int32 task:string call:int64 frame:int64 function:string file:string line:int32"
)
SCHEMAS: Final = {
    "traces": "trace:string recording:string path:string verdict:string state:string failure:string "
    "exit_status:int32 events:int64 lost_events:int64 damaged_places:int32 started:timestamp[us] "
    "recorded_ns:int64 argv:list<string> cwd:string pid:int64 python:string platform:string "
    "recorder:string",
    "events": f"trace:string seq:int64 kind:string {PLACE} depth:int32 time_ns:int64 "
    "value:string lost_before:int64",
    "calls": "trace:string call:int64 parent:int64 thread:int32 thread_name:string task:string "
    "frame:int64 function:string file:string line:int32 depth:int32 began:string ended:string "
    "first_seq:int64 last_seq:int64 started_ns:int64 ended_ns:int64 duration_ns:int64 "
    f"own_ns:int64 arguments:string {VALUE}",
    "values": f"trace:string seq:int64 {PLACE} name:string module:string during:string parts:list<string> {VALUE}",
    "exceptions": f"trace:string seq:int64 kind:string {PLACE} type:string value:string",
    "spans": "trace:string kind:string number:int32 name:string first_seq:int64 stop_seq:int64 started_ns:int64 "
    "ended_ns:int64 duration_ns:int64 raised:bool thread:int32 task:string facts:string",
    "output": "trace:string seq:int64 stream:string text:string size:int64 waiting:bool redacted:bool thread:int32 "
    "task:string frame:int64 function:string file:string line:int32 during:string time_ns:int64",
    "logs": "trace:string seq:int64 kind:string level:int64 levelname:string name:string text:string exception:string "
    "file:string line:int32 function:string frame:int64 thread:int32 task:string during:string time_ns:int64",
    "files": "trace:string path:string sha256:string size:int64 source:string doubt:string",
}


def write(
    trace: Trace,
    out: Dataset,
    on_progress: Callable[[int], None],
    tables: Collection[str] = tuple(SCHEMAS),
) -> None:
    """`tables`: those that are wanted."""
    with _Tables(out, tables) as made:
        if {"events", "calls", "values", "exceptions"} & set(tables):
            walk(trace, _Rows(trace, made), on_progress)
        made.add("traces", _about(trace))
        for row in _spans(trace) if "spans" in tables else ():
            made.add("spans", row)
        for row in _output(trace) if "output" in tables else ():
            made.add("output", row)
        for row in _logs(trace) if "logs" in tables else ():
            made.add("logs", row)
        if "files" in tables:
            number = str(trace.header["trace_id"])
            for source in trace.all_sources:
                path, content = text.clean(source.path), text.clean(source.text)
                doubt = None if source.doubt is None else text.clean(source.doubt)
                row = (number, path, source.sha256, len(source.content), content, doubt)
                made.add("files", row)


def _spans(trace: Trace) -> Iterator[tuple[Any, ...]]:
    number = str(trace.header["trace_id"])
    for note in [*trace.marks(), *trace.spans()]:
        thread = None if note.thread is None else note.thread.number
        task = None if note.task is None else text.clean(note.task.name)
        about = (
            thread,
            task,
            text.clean(json.dumps(facts_as_json(note.facts), ensure_ascii=False)),
        )
        name = text.clean(note.name)
        if isinstance(note, Span):
            lasted = None if note.ended is None else note.ended - note.time
            context = (note.start, note.stop, note.time, note.ended, lasted, note.raised)
            yield (number, "span", note.number, name, *context, *about)
        else:
            yield (
                number,
                "mark",
                None,
                name,
                note.before,
                note.before,
                note.time,
                None,
                None,
                None,
                *about,
            )


def _output(trace: Trace) -> Iterator[tuple[Any, ...]]:
    number, started = str(trace.header["trace_id"]), int(trace.header["started"])
    for one in trace.output("all"):
        thread = None if one.thread is None else one.thread.number
        task = None if one.task is None else text.clean(one.task.name)
        function = None if one.function is None else text.clean(title_of(one.function))
        file = None if one.file is None else text.clean(one.file)
        yield (
            number, one.seq, one.stream, text.clean(one.text), one.size, one.waiting, one.redacted, thread, task,
            one.frame, function, file, one.line, _callee(one), one.time - started,
        )  # fmt: skip


def _logs(trace: Trace) -> Iterator[tuple[Any, ...]]:
    number, started = str(trace.header["trace_id"]), int(trace.header["started"])
    for one in trace.logs():
        exception = None if one.exception is None else text.clean(one.exception.show())
        yield (
            number, one.seq, one.kind, one.level, text.clean(one.levelname), text.clean(one.name),
            text.clean(one.text), exception, None if one.file is None else text.clean(one.file), one.line,
            None if one.function is None else text.clean(title_of(one.function)), one.frame,
            None if one.thread is None else one.thread.number,
            None if one.task is None else text.clean(one.task.name), _callee(one), one.time - started,
        )  # fmt: skip


def _callee(one: Written | Log) -> str | None:
    return None if one.during is None else text.clean(str(one.during))


def _about(trace: Trace) -> tuple[Any, ...]:
    about = text.about(trace)
    started = int(about["started"]) // 1000
    name = text.clean(os.path.basename(trace.path))
    argv = [str(word) for word in about["argv"] or []]
    return (
        about["trace"], name, about["path"], about["verdict"], about["state"], about["failure"],
        about["exit_status"], about["events"], about["lost_events"], len(about["damage"]), started,
        about["duration_ns"], argv, about["cwd"], about["pid"], about["python"],
        about["platform"], about["recorder"],
    )  # fmt: skip


# ---- rows ----------------------------------------------------------------------------------------


class _Shown(NamedTuple):
    """A value in the columns of VALUE."""

    value: str
    type: str
    int: int | None
    float: float | None
    text: str | None


class _Open:
    """What is remembered of an active frame."""

    __slots__ = ("arguments", "context", "elsewhere")

    def __init__(self, context: tuple[Any, ...]) -> None:
        self.context = context
        self.elsewhere = 0  # ns spent in what it called
        self.arguments: str | None = None


NOTHING: Final = (None, None, None, None, None)


def _shown(value: Value) -> _Shown:
    written = text.shown(value)
    try:
        tree = value._tree
        type_name = text.clean(value.type_name)
    except errors.TraceCorruptError:
        return _Shown(written, "?", None, None, None)
    if isinstance(tree, Node) and tree.tag == TAG_TYPED:
        tree = tree.items[0]
    elif isinstance(tree, Node) and tree.tag == TAG_ENUM:
        [(_, tree)] = tree.items
    number = fraction = content = None
    if value.unexamined:
        pass  # what it was when last seen is no value to compute with
    elif isinstance(tree, int) and not isinstance(tree, bool) and -(2**63) <= tree < 2**63:
        number = tree
    elif isinstance(tree, float):
        fraction = tree
    elif isinstance(tree, str):
        content = text.clean(tree)
    return _Shown(written, type_name, number, fraction, content)


class _Rows(Visitor):
    def __init__(self, trace: Trace, tables: _Tables) -> None:
        self.changes = trace.changes
        self.trace = str(trace.header["trace_id"])
        read = text.LastValues().read
        self.values = text.Converted(_shown, read)
        self.parts = ChangedParts(read)
        self.wanted = {name: name in tables.wanted for name in SCHEMAS}
        self.add = tables.add
        self.texts: dict[str, str] = {}

    def clean(self, written: str) -> str:
        found = self.texts.get(written)
        if found is None:
            found = self.texts[written] = text.clean(written)
        return found

    def context(self, active: Activation) -> tuple[Any, ...]:
        """PLACE without the line."""
        function = active.function
        task = None if active.task is None else self.clean(active.task.name)
        return (
            active.thread.number, task, active.number, active.frame,
            self.clean(active.title), self.clean(function.file),
        )  # fmt: skip

    def happened(self, active: Activation, event: Event, time: int) -> None:
        context = (*active.data.context, event.line)
        shown = None
        if event._raw_value is not None:
            shown = self.values.get(event._raw_value, event._types)
        if self.wanted["events"]:
            value = None if shown is None else shown.value
            lost = event.lost if event.gap else None
            self.add(
                "events",
                (self.trace, event.seq, event.kind, *context, event.depth, time, value, lost),
            )
        if self.wanted["values"]:
            self.changed(event, active.data.context)
        if (
            shown is not None
            and event.kind not in ("return", "yield", "stop_iteration")
            and self.wanted["exceptions"]
        ):
            row = (self.trace, event.seq, event.kind, *context, shown.type, shown.value)
            self.add("exceptions", row)

    def changed(self, event: Event, context: tuple[Any, ...]) -> None:
        """The line is the one that did it."""
        simple = event._called is None and not event._global_changes
        module = event.namespace.name if event._is_module_body and event.namespace else None
        if event.kind == "call" or simple:
            for name, raw in text.news(event):
                self.value(event, (*context, event.previous_line), name, module, None, raw)
        for change in [] if simple else self.changes(event):
            own = change.name == change.qualified_name
            found = change.found and change.module == module  # by the body that begins
            if event.kind != "call" or not (own or found):
                during = change.during and title_of(change.during.function)
                raw = None if change.value is None else change.value._raw
                where = (*context, change.line) if own else self.elsewhere(change, context)
                self.value(event, where, change.name, change.module, during, raw)

    def elsewhere(self, change: Change, context: tuple[Any, ...]) -> tuple[Any, ...]:
        """PLACE of what changed a global. Nothing did where it was found so."""
        if change.found or change.function is None:
            return (context[0], None, None, None, None, None, None)
        thread = None if change.thread is None else change.thread.number
        task, call, name = None, None, self.clean(title_of(change.function))
        if change.frame == change.event.frame:
            task, call, name = context[1], context[2], context[4]
        return (thread, task, call, change.frame, name, self.clean(change.file), change.line)

    def value(
        self,
        event: Event,
        context: tuple[Any, ...],
        name: str,
        module: str | None,
        during: str | None,
        raw: bytes | None,
    ) -> None:
        shown = NOTHING if raw is None else self.values.get(raw, event._types)
        about = (self.clean(name), module and self.clean(module), during and self.clean(during))
        owner = event.frame if module is None else module
        parts = self.parts.told(owner, name, raw, event._types)
        self.add("values", (self.trace, event.seq, *context, *about, parts, *shown))

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        active.data = _Open(self.context(active))
        if event is not None:
            self.happened(active, event, time)
            if event.kind == "call" and self.wanted["calls"]:
                active.data.arguments = self.arguments(event)

    def arguments(self, event: Event) -> str | None:
        names, count = event.function.names, event.function.argument_count
        given = {
            self.clean(names[slot]): self.values.get(raw, event._types).value
            for slot, raw in enumerate(event._values[:count])
            if raw is not None
        }
        return json.dumps(given, ensure_ascii=False) if given else None

    def step(self, active: Activation, event: Event, time: int) -> None:
        self.happened(active, event, time)

    exception = iteration_ended = step

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        if event is not None:
            self.happened(active, event, time)
            if event.kind != "yield":
                self.parts.forget(active.frame)
        duration = time - active.time
        parent = active.parent
        if parent is not None:
            parent.data.elsewhere += duration
        if not self.wanted["calls"]:
            return
        function = active.function
        shown: tuple[Any, ...] = NOTHING
        without = "waiting" if active.began == "waiting" else "unseen"
        if event is not None and event._raw_value is not None:
            shown = self.values.get(event._raw_value, event._types)
        self.add(
            "calls",
            (
                self.trace, active.number, None if parent is None else parent.number,
                active.thread.number, self.clean(active.thread.name),
                None if active.task is None else self.clean(active.task.name), active.frame,
                self.clean(active.title), self.clean(function.file),
                function.first_line, active.depth, active.began,
                event.kind if event is not None else without, active.seq,
                None if event is None else event.seq, active.time, time, duration,
                max(0, duration - active.data.elsewhere), active.data.arguments, *shown,
            ),
        )  # fmt: skip


# ---- files ---------------------------------------------------------------------------------------


class _Tables:
    """The tables that are wanted, each with its rows that are not yet written."""

    def __init__(self, out: Dataset, wanted: Collection[str]) -> None:
        self.wanted = set(wanted) | {"traces"}
        self.pa = libraries.load("pyarrow")
        self.tables = {
            name: _Table(self.pa, columns, out.table(name))
            for name, columns in SCHEMAS.items()
            if name in self.wanted
        }

    def add(self, name: str, row: tuple[Any, ...]) -> None:
        table = self.tables[name]
        table.rows.append(row)
        if len(table.rows) == BATCH:
            table.batch()

    def __enter__(self) -> _Tables:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                for table in self.tables.values():
                    table.close()
        finally:
            for table in self.tables.values():
                table.file.given_up = True  # pyarrow closes what it let go of, later


class _Table:
    def __init__(self, pa: Any, columns: str, sink: Sink) -> None:
        self.pa = pa
        self.rows: list[tuple[Any, ...]] = []
        self.batches: list[Any] = []
        self.file = _File(sink)
        pairs = [column.split(":") for column in columns.split()]
        self.schema = pa.schema([(name, _type(pa, kind)) for name, kind in pairs])
        self.writer = libraries.load("pyarrow.parquet").ParquetWriter(
            self.file, self.schema, compression="zstd"
        )

    def batch(self) -> None:
        if self.rows:
            columns = zip(*self.rows, strict=True)
            arrays = [
                self.pa.array(column, field.type)
                for column, field in zip(columns, self.schema, strict=True)
            ]
            self.batches.append(self.pa.record_batch(arrays, schema=self.schema))
            self.rows = []
        if len(self.batches) >= GROUP:
            self.group()

    def group(self) -> None:
        if self.batches:
            self.writer.write_table(self.pa.Table.from_batches(self.batches))
            self.batches = []
            self.pa.default_memory_pool().release_unused()

    def close(self) -> None:
        self.batch()
        self.group()
        self.writer.close()
        self.file.sink.finish()


class _File:
    """A Sink as a file object of Python's, for pyarrow."""

    closed = False
    mode = "wb"

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.given_up = False

    def write(self, data: Any) -> int:
        return len(data) if self.given_up else self.sink.write(bytes(data))

    def tell(self) -> int:
        return self.sink.size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _type(pa: Any, kind: str) -> Any:
    if kind == "timestamp[us]":
        return pa.timestamp("us")
    if kind == "list<string>":
        return pa.list_(pa.string())
    return getattr(pa, {"double": "float64", "bool": "bool_"}.get(kind, kind))()
