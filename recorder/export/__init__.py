"""A trace in the formats that other tools open: `recorder export TRACE --to FORMAT -o OUT`.

    from recorder.export import export
    export("app.rtrace", "perfetto", "app.json")

Every format is a module with `write(trace, out, on_progress)`, loaded when it is asked for. All of them stream: memory
does not grow with the trace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from recorder import errors
from recorder.errors import arguments
from recorder.export.atomic_output import AtomicOutput
from recorder.export.dataset import Dataset

if TYPE_CHECKING:
    from recorder.trace.reader import Trace

__all__ = ["FORMATS", "Exported", "Format", "export", "export_tables", "format_named"]


@errors.guarded_class("export")
class Format(NamedTuple):
    name: str
    module: str
    suffix: str  # of a file; "/" for a folder
    what: str

    @property
    def folder(self) -> bool:
        """Whether it makes a folder, not a file."""
        return self.suffix == "/"


FORMATS: Final = {
    row[0]: Format(*row)
    for row in (
        ("perfetto", "perfetto", ".json", "opens in ui.perfetto.dev and chrome://tracing"),
        ("speedscope", "speedscope", ".speedscope.json", "opens in speedscope.app"),
        ("jsonl", "jsonl", ".jsonl", "every event as a line of JSON"),
        ("codetracer", "codetracer", "/", "CodeTracer's folder of JSON files"),
        ("ctfs", "ctfs", ".ct", "CodeTracer's container, one stream of events"),
        ("ctfs-split", "ctfs_split", ".ct", "CodeTracer's container, streams by column"),
        ("html", "recorder.view.html", ".html", "a part of it as a page that any browser opens"),
        (
            "parquet",
            "parquet",
            "/",
            "tables for DuckDB, Spark, pandas, of any number of traces (needs pyarrow)",
        ),
    )
}


class Exported(NamedTuple):
    """What was written where."""

    path: str
    events: int
    verdict: str
    notice: str  # a sentence about what the trace lacks, or empty


@errors.guarded("export")
def format_named(name: str) -> Format:
    """Raises UnsupportedFormatError; InvalidArgumentError for what is no text."""
    name = arguments.text(name, "format", "the name of a format")
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, n=1)
    raise errors.UnsupportedFormatError(
        f"{name} is not a format this version can write"
        + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(FORMATS)}"),
        format=name,
    )


@errors.guarded("export")
def export(
    trace: str | os.PathLike[str],
    format: str,
    output: str | os.PathLike[str],
    *,
    on_progress: Callable[[int, int], None] | None = None,
    budget: int | None = None,
) -> Exported:
    """Writes a trace in another format.

    `on_progress`: called now and then with the number of events done and of all. `budget`: of html, the bytes that the
    file has at most. Raises
    UnsupportedFormatError, DependencyMissingError (parquet without pyarrow), what opening the trace
    raises, and what the system says about the output (DiskFullError, …). After an exception nothing
    is left at or beside `output`, and a file that was there is as it was.
    """
    arguments.function(on_progress, "on_progress")
    chosen = format_named(format)
    if budget is not None and chosen.name != "html":
        raise arguments.wrong("budget", budget, "nothing, but of html")
    if chosen.name == "parquet":
        return export_tables(trace, output, on_progress=on_progress)
    name = chosen.module if "." in chosen.module else f"recorder.export.{chosen.module}"
    write = import_module(name).write
    if budget is not None:
        write = partial(write, budget=arguments.number(budget, "budget", "a number of bytes"))

    def place(opened: Trace) -> AtomicOutput:
        return AtomicOutput(output, folder=chosen.folder, source=opened.path)

    return _export(trace, place, write, on_progress)


@errors.guarded("export")
def export_tables(
    trace: str | os.PathLike[str],
    output: str | os.PathLike[str],
    tables: Collection[str] | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Adds the tables of a trace to a dataset (export/dataset.py), which is made if it is not there; `tables`: some of
    those of `parquet`, and `traces`. Raises as `export`."""
    from recorder.export import parquet

    names = ", ".join(parquet.SCHEMAS)
    wanted = arguments.texts(tuple(parquet.SCHEMAS) if tables is None else tables, "tables", names)
    for table in wanted:
        if table not in parquet.SCHEMAS:
            raise arguments.wrong("tables", table, names)

    def write(opened: Trace, out: Dataset, report: Callable[[int], None]) -> None:
        parquet.write(opened, out, report, wanted)

    def place(opened: Trace) -> Dataset:
        return Dataset(output, str(opened.header["trace_id"]))

    return _export(trace, place, write, on_progress)


Place = TypeVar("Place", AtomicOutput, Dataset)


def _export(
    trace: str | os.PathLike[str],
    place: Callable[[Trace], Place],
    write: Callable[[Trace, Place, Callable[[int], None]], None],
    on_progress: Callable[[int, int], None] | None,
) -> Exported:
    from recorder.export.text import notice
    from recorder.trace.reader import open_trace

    arguments.function(on_progress, "on_progress")
    with open_trace(trace) as opened:
        total = len(opened)

        def report(done: int) -> None:
            if on_progress is not None:
                errors.call_given(on_progress, done, total, operation="export")

        out = place(opened)
        with out, errors.mapped("export", path=out.destination):
            write(opened, out, report)
        return Exported(out.destination, total, str(opened.verdict), notice(opened))
