"""Answers that are read one after the other, or all of them as a table of pyarrow, pandas or polars.

The columns come as numbers from the core; names are put to them by pyarrow. Nothing is done in Python for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from recorder import errors
from recorder._core.decode import RawChange, Takings
from recorder.trace import libraries
from recorder.trace.filters import Filter
from recorder.trace.format import REC_CALL
from recorder.trace.queries import FIELDS, KIND_NAMES, Queries
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.render import SHOWN
from recorder.trace.values.value import Value

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import polars  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from recorder.trace.changes import Changes

T = TypeVar("T", covariant=True)

# Of a value that a variable took, as the core's struct Taking has it.
TAKING: Final = ("seq", "frame", "time", "fact", "value")


@errors.guarded_class("read")
class Answers(Iterator[T]):
    """An iterator, which can also be asked for a table of all that it gives, whatever was read of it already. Each
    needs its library, which is imported then; otherwise DEPENDENCY_MISSING is raised."""

    __slots__ = ("_items", "_table")

    def __init__(self, items: Iterator[T], table: Callable[[], pyarrow.Table]) -> None:
        self._items = items
        self._table = table

    def __iter__(self) -> Iterator[T]:
        return self._items  # without a step through here for each

    def __next__(self) -> T:
        return next(self._items)

    def to_arrow(self) -> pyarrow.Table:
        """A `pyarrow.Table`."""
        return self._table()

    def to_pandas(self) -> pandas.DataFrame:
        """A `pandas.DataFrame`; names are categories."""
        libraries.load("pandas", "pandas")
        return self._table().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """A `polars.DataFrame`."""
        made: polars.DataFrame = libraries.load("polars", "polars").from_arrow(self._table())
        return made


class Columns:
    """Of rows that are numbers of 64 bits, one behind the other."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.parts: dict[str, list[bytes]] = {name: [] for name in names}

    def add(self, rows: bytes) -> None:
        numbers = memoryview(rows).cast("Q")
        for at, column in enumerate(self.parts.values()):
            column.append(numbers[at :: len(self.parts)].tobytes())

    def table(self, pa: Any) -> Any:
        held = {name: b"".join(column) for name, column in self.parts.items()}
        return pa.table(
            {
                name: pa.Array.from_buffers(pa.int64(), len(data) // 8, [None, pa.py_buffer(data)])
                for name, data in held.items()
            }
        )


class Numbers:
    """The events that are wanted, in columns of 64 bits, and what their numbers mean."""

    def __init__(self, queries: Queries, wanted: Filter, start: int, stop: int) -> None:
        self.pa = libraries.load("pyarrow")
        self.compute = libraries.load("pyarrow.compute")
        self.names: dict[str, dict[int, str]] = {
            name: {} for name in ("function", "file", "thread_name", "task", "exception")
        }
        columns = Columns(FIELDS)
        for reader, batch in queries.passages(wanted, start, stop):
            columns.add(batch)
            self._add_names(reader)
        self.table = columns.table(self.pa)

    def _add_names(self, reader: Any) -> None:
        names = self.names
        names["function"].update((n, one.qualified_name) for n, one in reader.functions.items())
        names["file"].update((n, one.file) for n, one in reader.functions.items())
        names["thread_name"].update((n, one.name) for n, one in reader.threads.items())
        names["task"].update((n + 1, one.name) for n, one in reader.tasks.items())
        names["exception"].update((n + 1, ".".join(one)) for n, one in reader.types.items())

    def named(self, column: Any, names: dict[int, str]) -> Any:
        """The column's numbers as these names: a dictionary, in which each stands once."""
        unique = list(dict.fromkeys(names.values()))
        place = {name: at for at, name in enumerate(unique)}
        known = self.pa.array(list(names), self.pa.int64())
        places = self.pa.array([place[name] for name in names.values()], self.pa.int32())
        found = places.take(self.compute.index_in(column, known).combine_chunks())
        return self.pa.DictionaryArray.from_arrays(found, self.pa.array(unique, self.pa.string()))

    def timestamps(self, column: Any) -> Any:
        return column.cast(self.pa.timestamp("ns", "UTC"))


def events_table(queries: Queries, wanted: Filter, start: int, stop: int) -> pyarrow.Table:
    """One row an event."""
    numbers = Numbers(queries, wanted, start, stop)
    table, named = numbers.table, numbers.named
    return numbers.pa.table(
        {
            "seq": table["seq"],
            "kind": named(table["kind"], KIND_NAMES),
            "function": named(table["code"], numbers.names["function"]),
            "file": named(table["code"], numbers.names["file"]),
            "line": table["line"],
            "frame": table["frame"],
            "depth": table["depth"],
            "thread": table["thread"],
            "thread_name": named(table["thread"], numbers.names["thread_name"]),
            "task": named(table["task"], numbers.names["task"]),
            "time": numbers.timestamps(table["time"]),
            "exception": named(table["exception"], numbers.names["exception"]),
        }
    )


def calls_table(queries: Queries, wanted: Filter, start: int, stop: int) -> pyarrow.Table:
    """One row a call: its beginning and its end, put together by the number of its frame."""
    numbers = Numbers(queries, wanted, start, stop)
    compute, table = numbers.compute, numbers.table
    begins = table.filter(compute.equal(table["kind"], REC_CALL))
    ends = table.filter(compute.not_equal(table["kind"], REC_CALL))
    both = begins.join(
        ends, "frame", join_type="full outer", right_suffix="_at_end", coalesce_keys=True
    )
    first = {
        name: compute.coalesce(both[name], both[f"{name}_at_end"])
        for name in ("seq", "code", "thread", "depth")
    }
    both = both.append_column("first", first["seq"])
    order = compute.sort_indices(both, sort_keys=[("first", "ascending")])
    both = both.take(order)
    first = {name: column.take(order) for name, column in first.items()}
    named, names = numbers.named, numbers.names
    return numbers.pa.table(
        {
            "seq": first["seq"],
            "function": named(first["code"], names["function"]),
            "file": named(first["code"], names["file"]),
            "line": both["line"],
            "frame": both["frame"],
            "depth": first["depth"],
            "thread": first["thread"],
            "thread_name": named(first["thread"], names["thread_name"]),
            "time": numbers.timestamps(both["time"]),
            "duration": compute.subtract(both["time_at_end"], both["time"]),
            "end": both["seq_at_end"],
            "ended": named(both["kind_at_end"], KIND_NAMES),
            "exception": named(both["exception_at_end"], names["exception"]),
        }
    )


class Told(NamedTuple):
    """What is told of all rows that have it in common. `frame`: whether it is known which one it was."""

    kept: bool
    name: str
    function: str | None
    file: str
    line: int
    thread: int | None
    frame: bool


class History(NamedTuple):
    """Which values are asked for: those of the variables of this name, changed by what the filter wants at that line.
    `owner`: the module or class whose they are; empty: any."""

    name: str
    wanted: Filter
    owner: str
    line: int | None

    def told(self, changes: Changes, event: Event, change: RawChange | None) -> Told:
        one = changes.one(event, change, self.name)
        kept = self.line in (None, one.line) and self.wanted.keeps(event)
        return Told(
            kept and changes.is_wanted(self.wanted, one, self.owner),
            one.qualified_name,
            None if one.function is None else one.function.qualified_name,
            one.file,
            one.line,
            None if one.thread is None else one.thread.number,
            one.frame is not None,
        )


def history_table(
    queries: Queries, changes: Changes, asked: History, start: int, stop: int, backwards: bool
) -> pyarrow.Table:
    """One row a change. What several have in common is told once: each value, and who changed it."""
    pa, compute = libraries.load("pyarrow"), libraries.load("pyarrow.compute")
    takings: Takings[Event, Frame] = Takings(asked.wanted.frame is not None)
    types: dict[int, tuple[str, str]] = {}
    rows = Columns(TAKING)
    for reader, batch in queries.takings(takings, asked.wanted, start, stop):
        rows.add(batch)
        types = reader.types

    def show(raw: bytes | None) -> tuple[str | None, str | None]:
        if raw is None:
            return None, None
        value = Value(raw, types)
        return value.show(SHOWN), value.type_name

    told = [asked.told(changes, *fact) for fact in takings.facts]
    facts = pa.Table.from_pydict(
        {name: [getattr(one, name) for one in told] for name in Told._fields}, schema=_schema(pa)
    )
    texts, kinds = takings.shown(SHOWN, show)
    table = rows.table(pa)
    table = table.filter(facts["kept"].take(table["fact"]))
    if backwards:
        table = table.take(compute.sort_indices(table, sort_keys=[("seq", "descending")]))
    of = facts.take(table["fact"])
    return pa.table(
        {
            "seq": table["seq"],
            "name": of["name"],
            "value": pa.array(texts, pa.string()).take(table["value"]),
            "type": pa.array(kinds, pa.string()).take(table["value"]),
            "function": of["function"],
            "file": of["file"],
            "line": of["line"],
            "frame": compute.if_else(of["frame"], table["frame"], pa.scalar(None, pa.int64())),
            "thread": of["thread"],
            "time": table["time"].cast(pa.timestamp("ns", "UTC")),
        }
    )


def _schema(pa: Any) -> Any:
    kinds = {"kept": pa.bool_(), "frame": pa.bool_(), "line": pa.int64(), "thread": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in Told._fields])
