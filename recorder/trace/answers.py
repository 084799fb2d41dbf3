"""Answers that are read one after the other, or all of them as a table of pyarrow, pandas or polars.

The columns of events and calls come as numbers from the core; names are put to them by pyarrow.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from recorder import errors
from recorder.trace import libraries
from recorder.trace.filters import Filter
from recorder.trace.format import REC_CALL
from recorder.trace.queries import FIELDS, KIND_NAMES, Queries
from recorder.trace.values.render import SHOWN
from recorder.trace.values.value import told_alike

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import polars  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from recorder.trace.changes import Change

T = TypeVar("T", covariant=True)

HISTORY: Final = (
    "seq", "qualified_name", "value", "function", "file", "line", "frame", "thread", "event.time",
)  # fmt: skip
FACTS: Final = operator.attrgetter(*HISTORY)


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


class Numbers:
    """The events that are wanted, in columns of 64 bits, and what their numbers mean."""

    def __init__(self, queries: Queries, wanted: Filter, start: int, stop: int) -> None:
        self.pa = libraries.load("pyarrow")
        self.compute = libraries.load("pyarrow.compute")
        self.names: dict[str, dict[int, str]] = {
            name: {} for name in ("function", "file", "thread_name", "task", "exception")
        }
        parts: list[list[bytes]] = [[] for _ in FIELDS]
        for reader, batch in queries.passages(wanted, start, stop):
            numbers = memoryview(batch).cast("Q")
            for at, column in enumerate(parts):
                column.append(numbers[at :: len(FIELDS)].tobytes())
            self._add_names(reader)
        held = [b"".join(column) for column in parts]
        integers = self.pa.int64()
        self.table = self.pa.table(
            {
                name: self.pa.Array.from_buffers(
                    integers, len(data) // 8, [None, self.pa.py_buffer(data)]
                )
                for name, data in zip(FIELDS, held, strict=True)
            }
        )

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


def history_table(changes: Iterable[Change]) -> pyarrow.Table:
    """One row a change. Each value that differs from all others, and each function, is told once."""
    pa = libraries.load("pyarrow")
    rows = [FACTS(one) for one in changes]
    seqs, names, values, functions, files, lines, frames, threads, times = (
        zip(*rows, strict=True) if rows else [()] * len(HISTORY)
    )
    keys = list(map(told_alike, values))
    each_once = dict(zip(keys, values, strict=True)).items()
    shown = {key: None if value is None else value.show(SHOWN) for key, value in each_once}
    types = {key: None if value is None else value.type_name for key, value in each_once}
    callers = {each: None if each is None else each.qualified_name for each in set(functions)}
    runners = {each: None if each is None else each.number for each in set(threads)}
    columns = {
        "seq": seqs,
        "name": names,
        "value": map(shown.__getitem__, keys),
        "type": map(types.__getitem__, keys),
        "function": map(callers.__getitem__, functions),
        "file": files,
        "line": lines,
        "frame": frames,
        "thread": map(runners.__getitem__, threads),
        "time": times,
    }
    texts = dict.fromkeys(("name", "value", "type", "function", "file"), pa.string())
    kinds = {"time": pa.timestamp("ns", "UTC"), **texts}
    return pa.table(
        {name: pa.array(list(held), kinds.get(name, pa.int64())) for name, held in columns.items()}
    )
