"""`recorder sql TRACE… "select …"`: a question to any number of traces, answered by DuckDB."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import printable, write
from recorder.cli.export import cleaning_up, progress, tell

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CORRUPT = 3
ROWS = 1000  # fetched at once; the first ones decide how wide the columns are
WIDEST = 60


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "sql",
        help="ask traces a question in SQL",
        description="Ask any number of traces a question in SQL. Needs pyarrow and duckdb:\n"
        "pip install 'recorder-core[parquet]'.",
        epilog=f"tables and their columns (docs/exporting.md tells what they hold):\n{columns()}\n\n"
        'example: recorder sql app.rtrace "select function, duration_ns from calls order by 2 desc"'
        "\n\nExit status: 0, or 3 if something of a trace could not be read.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "traces",
        metavar="TRACE",
        nargs="+",
        help="a trace, or a dataset that was exported --to parquet",
    )
    parser.add_argument("query", metavar="QUERY")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON Lines")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument(
        "--external", action="store_true",
        help="the query may open other files, the network and extensions, and write files",
    )  # fmt: skip
    parser.set_defaults(run=run)


def columns() -> str:
    """The tables, for people."""
    from recorder.export.parquet import SCHEMAS

    return "\n".join(
        textwrap.fill(
            f"{table:<10}  " + " ".join(part.partition(":")[0] for part in schema.split()),
            width=80, initial_indent="  ", subsequent_indent=" " * 14,
        )
        for table, schema in SCHEMAS.items()
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    from recorder.export import parquet
    from recorder.trace import libraries

    duckdb = libraries.load("duckdb")
    libraries.load("pyarrow")
    with cleaning_up(), ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        tables = [name for name in parquet.SCHEMAS if re.search(rf"\b{name}\b", args.query)]
        with progress("reading traces") as on_progress:
            files, notices = prepare(args.traces, tables, folder, on_progress)
        tell(notices)
        connection = stack.enter_context(connect(duckdb, folder, files))
        if not args.external:
            confine(duckdb, connection, files, args.query)
        with asking(duckdb):
            connection.execute(args.query)
            form = as_json if args.json else as_csv if args.csv else as_table
            for line in form(connection):
                write(line)
    return CORRUPT if any("corrupt" in notice for _, notice in notices) else 0


@contextmanager
def temporary_folder() -> Iterator[str]:
    import shutil
    import tempfile

    with errors.mapped("mkdir", path=tempfile.gettempdir()):
        folder = tempfile.mkdtemp(prefix="recorder-sql-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(
    traces: list[str],
    tables: list[str],
    folder: str,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The files of each table, of datasets that are there and of one that is made for the traces; what these lack."""
    from recorder.export import export_tables
    from recorder.export.dataset import files_of, is_dataset

    notices = []
    made = os.path.join(folder, "tables")
    datasets = [trace for trace in traces if is_dataset(trace)]
    for number, trace in enumerate(traces):
        if trace not in datasets:
            done = export_tables(trace, made, tables)
            notices.append((trace, done.notice))
        if on_progress is not None:
            on_progress(number + 1, len(traces))
    # A trace that is given twice counts once.
    places = [made, *map(os.path.abspath, datasets)]
    files = [(name, file) for name in tables for place in places for file in files_of(place, name)]
    once = {(name, os.path.basename(file)): file for name, file in reversed(files)}
    return {
        name: [file for (of, _), file in once.items() if of == name] for name in tables
    }, notices


@contextmanager
def connect(duckdb: Any, folder: str, files: dict[str, list[str]]) -> Iterator[Any]:
    """A database in memory that has the tables as views."""
    settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,  # a table that is unknown is no variable of ours
        "temp_directory": os.path.join(folder, "spill"),
    }
    with asking(duckdb):
        connection = duckdb.connect(":memory:", config=settings)
    try:
        for name, paths in files.items():
            if not paths:
                continue  # of a dataset that an older version made
            with asking(duckdb):
                connection.read_parquet(paths, union_by_name=True).create_view(name)
        yield connection
    finally:
        connection.close()


def confine(duckdb: Any, connection: Any, files: dict[str, list[str]], query: str) -> None:
    """From here on the query reaches the tables and nothing else: no file, network or extension. COPY could still
    write over a table, which may be one that somebody exported and keeps."""
    with asking(duckdb):
        kinds = {statement.type for statement in connection.extract_statements(query)}
    if kinds & {duckdb.StatementType.COPY, duckdb.StatementType.EXPORT}:
        raise errors.QueryFailedError(reason="a query that writes files needs --external")
    paths = [path for one in files.values() for path in one]
    with asking(duckdb):
        connection.execute("set allowed_paths = " + _list_of(paths))
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")


def _list_of(texts: list[str]) -> str:
    """As SQL has it."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


@contextmanager
def asking(duckdb: Any) -> Iterator[None]:
    """What DuckDB raises becomes ours."""
    try:
        yield
    except duckdb.OutOfMemoryException as exc:
        raise errors.OutOfMemoryError(operation="query") from exc
    except duckdb.InterruptException as exc:
        raise KeyboardInterrupt from exc  # audit: it was Ctrl-C that interrupted DuckDB
    except duckdb.Error as exc:
        raise errors.QueryFailedError(reason=reason_of(exc)) from exc


def reason_of(exc: Exception) -> str:
    """What DuckDB says, on one line, without the query and the arrow below it."""
    lines = [line.strip() for line in str(exc).partition("\n\nLINE ")[0].splitlines()]
    return "; ".join(line for line in lines if line)


# ---- answers -------------------------------------------------------------------------------------


def names_of(answer: Any) -> list[str]:
    return [column[0] for column in answer.description or []]


def rows_of(answer: Any) -> Iterator[list[tuple[Any, ...]]]:
    while names_of(answer) and (rows := answer.fetchmany(ROWS)):
        yield rows


def as_json(answer: Any) -> Iterator[str]:
    names = names_of(answer)
    for rows in rows_of(answer):
        for row in rows:
            yield json.dumps(dict(zip(names, row, strict=True)), default=str)


def as_csv(answer: Any) -> Iterator[str]:
    """As it is for a file or a pipe; what a terminal would act on is escaped there."""
    shown = printable_row if is_terminal() else tuple
    yield csv_line(shown(names_of(answer)))
    for rows in rows_of(answer):
        for row in rows:
            yield csv_line(shown(row))


def printable_row(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(part if part is None else printable(str(part)) for part in row)


def is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def csv_line(row: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    return out.getvalue()


def as_table(answer: Any) -> Iterator[str]:
    """Aligned columns. On a terminal long values are cut."""
    widest = WIDEST if is_terminal() else None
    names = [printable(name) for name in names_of(answer)]
    widths: list[int] = []
    for rows in rows_of(answer):
        shown = [[cell(part, widest) for part in row] for row in rows]
        if not widths:
            widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
            yield aligned(names, widths)
            yield aligned(["-" * width for width in widths], widths)
        for row in shown:
            yield aligned(row, widths)
    if names and not widths:
        yield aligned(names, [len(name) for name in names])


def cell(part: Any, widest: int | None) -> str:
    text = "" if part is None else printable(str(part))
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"


def aligned(parts: list[str], widths: list[int]) -> str:
    padded = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
    return "  ".join(padded).rstrip()
