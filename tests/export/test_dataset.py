"""--to parquet: one dataset for any number of traces."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest

from recorder import errors
from recorder._core import syscalls
from recorder.cli import main
from recorder.export import export, export_tables
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("arrow_threads")

PROGRAM = """
import sys

class Basket:
    def __init__(self):
        self.items = []

def fill(basket, config):
    basket.items.append(3)
    config["retries"] = 5
    config["name"] = "b"
    size = 1
    size = 2
    pair = [1]
    pair = "text"
    return config

fill(Basket(), {"retries": 3, "name": "a", "argument": sys.argv[1]})
"""

Record = Callable[[str], Path]


@pytest.fixture
def record(tmp_path: Path, run_recorded: Run) -> Record:
    def record(argument: str) -> Path:
        trace = tmp_path / f"{argument}.rtrace"
        run_recorded(PROGRAM, "--scope", "own", arguments=(argument,), output=trace)
        return trace

    return record


def rows(dataset: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    read = pyarrow.dataset.dataset(dataset / table, format="parquet").to_table(
        columns=list(columns)
    )
    return list(zip(*(read.column(name).to_pylist() for name in columns), strict=True))


def files(dataset: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}


def test_a_dataset_is_extended(record: Record, tmp_path: Path) -> None:
    first, second, dataset = record("first"), record("second"), tmp_path / "dataset"
    export(first, "parquet", dataset)
    alone = files(dataset)
    assert main(["export", str(second), "--to", "parquet", "-o", str(dataset)]) == 0
    both = files(dataset)
    assert len(both) == 2 * len(alone) and alone.items() <= both.items()
    assert sorted(rows(dataset, "traces", "recording")) == [("first.rtrace",), ("second.rtrace",)]
    assert {name for (name,) in rows(dataset, "values", "trace")} == {
        number for (number,) in rows(dataset, "traces", "trace")
    }
    export(first, "parquet", dataset)
    assert files(dataset).keys() == both.keys(), "what is exported again takes its own place"


def test_several_traces_at_once(
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    traces = [str(record(name)) for name in ("a", "b")]
    monkeypatch.chdir(tmp_path)
    assert main(["export", *traces, "--to", "parquet", "-o", "dataset"]) == 0
    assert len(rows(tmp_path / "dataset", "traces", "trace")) == 2
    assert main(["export", *traces, "--to", "jsonl"]) == 0
    assert (tmp_path / "a.jsonl").exists() and (tmp_path / "b.jsonl").exists()
    capfd.readouterr()
    assert main(["export", *traces, "--to", "jsonl", "-o", "both"]) == 2
    assert "without -o each gets one of its own" in capfd.readouterr().err
    assert main(["export", *traces, "--to", "parquet"]) == 2
    assert "-o says where" in capfd.readouterr().err
    assert not (tmp_path / "both").exists()


CALLS = {
    "open": errno.EACCES, "write": errno.ENOSPC, "fsync": errno.EIO, "close": errno.EIO, "rename": errno.EACCES,
    "mkdir": errno.EACCES, "rmdir": errno.EACCES,
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_failure_leaves_the_others_as_they_were(
    record: Record, tmp_path: Path, call: str
) -> None:
    first, second, dataset = record("first"), record("second"), tmp_path / "dataset"
    export_tables(first, dataset, ["calls"])
    before, nth = files(dataset), 0
    while True:
        nth += 1
        syscalls.reset()
        syscalls.inject(call, nth, CALLS[call])
        try:
            export_tables(second, dataset, ["calls"])
        except errors.RecorderError as error:
            assert error.errno == CALLS[call]
        else:
            break
        finally:
            syscalls.reset()
        new = {path.name for path in files(dataset) if path not in before}
        late = (
            len(rows(dataset, "traces", "trace")) == 2
        )  # the trace that was read could not be closed
        assert not new or (late and len(new) == 1), (nth, new)
        assert before.items() <= files(dataset).items()
        assert not [name for name in os.listdir(dataset) if name[0] == "."] or call == "rmdir"
    assert nth > 1
    assert len(rows(dataset, "traces", "trace")) == 2


def test_two_extend_it_at_the_same_time(record: Record, tmp_path: Path) -> None:
    first, second, dataset = record("first"), record("second"), tmp_path / "dataset"

    def meanwhile(done: int, total: int) -> None:
        export_tables(second, dataset, ["calls"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_tables(first, dataset, ["calls"], on_progress=meanwhile)
    assert rows(dataset, "traces", "recording") == [("second.rtrace",)], "the other's stays"
    export_tables(first, dataset, ["calls"])
    assert len({trace for (trace,) in rows(dataset, "calls", "trace")}) == 2


def test_in_which_parts_a_value_changed(record: Record, tmp_path: Path) -> None:
    export(record("x"), "parquet", tmp_path / "dataset")
    told = rows(tmp_path / "dataset", "values", "name", "parts", "value")
    assert [(name, parts) for name, parts, _ in told if parts is not None] == [
        ("self", [".items"]),
        ("basket", [".items[0]"]),
        ("config", ["['retries']"]),
        ("config", ["['name']"]),
    ]


def test_every_reader_takes_it_for_one(record: Record, tmp_path: Path) -> None:
    import duckdb
    import pandas

    dataset = tmp_path / "dataset"
    for name in ("a", "b"):
        export(record(name), "parquet", dataset)
    wanted = len(rows(dataset, "values", "seq"))
    assert len(pandas.read_parquet(dataset / "values")) == wanted
    with duckdb.connect(":memory:") as database:
        counted = database.execute(f"select count(*) from '{dataset}/values/*.parquet'").fetchone()
    assert counted == (wanted,)
    assert all(os.listdir(dataset / table) for table in os.listdir(dataset))


def test_what_traces_lack_is_told_of_a_few(
    record: Record, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = []
    for number in range(7):
        parts.append(str(tmp_path / f"part{number}.rtrace"))
        command = ["cut", str(record("x")), "-o", parts[-1], "--since", "2", "--until", "9"]
        assert main(command) == 0
    capfd.readouterr()
    assert main(["export", *parts, "--to", "parquet", "-o", str(tmp_path / "dataset")]) == 0
    told = capfd.readouterr().err.splitlines()
    assert told[0].endswith("part0.rtrace: the trace is a part of a longer one, events 2 to 8")
    assert len(told) == 6 and told[-1] == "recorder: and 2 more traces that are not whole"
