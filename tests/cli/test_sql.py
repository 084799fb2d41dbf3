"""recorder sql: DuckDB asked about traces."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.cli import main
from recorder.export import export
from tests.conftest import ENVIRONMENT, Result, Run, recorder_command
from tests.tools.warm import Warm

pytestmark = pytest.mark.usefixtures("arrow_threads")

PROGRAM = """
def price(n):
    total = n * 2
    if n == 3:
        total = total + 1
    return total

for n in range(5):
    price(n)
"""


@pytest.fixture
def recorder_says(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> Run:
    """As the fixture of that name, in this process."""
    monkeypatch.chdir(tmp_path)

    def says(*arguments: object) -> Result:
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Result(status, out.encode("utf-8", "surrogateescape"), err, tmp_path)

    return says


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Path:
    """A trace whose program is gone, and beside it its tables."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "program.py").write_text(PROGRAM)
    words = ["run", "-o", "program.rtrace", "--scope", "own", "program.py"]
    warm.run(words, ENVIRONMENT, folder, timeout=60).check_returncode()
    (folder / "program.py").unlink()
    export(folder / "program.rtrace", "parquet", folder / "tables")
    return folder / "program.rtrace"


@pytest.fixture
def trace(tmp_path: Path, recorded: Path) -> Path:
    return Path(shutil.copy2(recorded, tmp_path))


def test_a_trace_is_asked(trace: Path, recorder_says: Run) -> None:
    query = "select function, count(*) as n from calls group by all order by n"
    done = recorder_says("sql", trace, query)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.decode().splitlines() == [
        "function         n", "---------------  -", "module __main__  1", "price            5",
    ]  # fmt: skip
    assert os.listdir(trace.parent) == [trace.name]


def test_answers_for_programs(trace: Path, recorder_says: Run) -> None:
    query = "select int, text from values where name = 'total' order by seq"
    done = recorder_says("sql", "--json", trace, query)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["int"] for row in rows] == [0, 2, 4, 6, 7, 8]
    done = recorder_says("sql", "--csv", trace, query)
    assert next(csv.reader(done.stdout.decode().splitlines())) == ["int", "text"]


def test_many_traces_are_one(trace: Path, recorder_says: Run, tmp_path: Path) -> None:
    export(trace, "parquet", tmp_path / "tables")
    query = "select count(distinct path), count(*), sum(events) from traces"
    done = recorder_says("sql", "--json", trace, "tables", trace, query)
    [row] = [json.loads(line) for line in done.stdout.splitlines()]
    assert list(row.values())[:2] == [1, 1], "what is given twice counts once"


def test_a_trace_that_is_not_whole_is_named(trace: Path, recorder_says: Run) -> None:
    trace.write_bytes(trace.read_bytes()[:-64])
    done = recorder_says("sql", trace, "select state from traces")
    assert done.stdout.split() == [b"state", b"---------", b"truncated"]
    assert "the trace is truncated" in done.stderr and done.status == 0


@pytest.mark.provokes("QUERY_FAILED")
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("selekt 1", "Parser Error"),
        ("select nothing from calls", "Binder Error"),
        ("select * from trace", "Catalog Error"),
        ("select cast('x' as int)", "Conversion Error"),
    ],
)
def test_a_query_that_is_none(trace: Path, recorder_says: Run, query: str, why: str) -> None:
    done = recorder_says("sql", trace, query)
    assert (done.status, done.codes, done.stdout) == (2, ["ERR_QUERY_FAILED"], b"")
    assert why in done.stderr and "Traceback" not in done.stderr
    assert os.listdir(trace.parent) == [trace.name]


def test_text_of_the_program_cannot_act_on_a_terminal(
    run_recorded: Run, recorder_says: Run
) -> None:
    trace = run_recorded("x = 'a\\x1b[31mb\\ud800'\n").trace
    done = recorder_says("sql", trace, "select text from values where name = 'x'")
    assert b"\x1b" not in done.stdout and b"a\\x1b[31mb\\ud800" in done.stdout


@pytest.mark.parametrize("form", ["--csv", "--json", None])
def test_no_form_acts_on_a_terminal(
    run_recorded: Run, recorder_says: Run, form: str | None
) -> None:
    """Neither by a value nor by the name of a column. A pipe gets what there is, for programs."""
    trace = run_recorded("x = 'a\\x1b[31mb\\x9b31mc'\n").trace
    query = "select text, 1 as \"d\x1b]0;e\x07\" from values where name = 'x'"
    words = ["sql", *([form] if form else []), trace, query]
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as screen:
        try:
            done = subprocess.run(
                recorder_command(*words),
                stdout=theirs,
                stderr=subprocess.PIPE,
                cwd=trace.parent,
                timeout=60,
                env=ENVIRONMENT,
            )
            shown = screen.read(65536)
        finally:
            os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert b"31m" in shown and not {b"\x1b", b"\x07", b"\xc2\x9b"} & {
        shown[i : i + n] for i in range(len(shown)) for n in (1, 2)
    }
    assert (b"\x1b" in recorder_says(*words).stdout) == (form == "--csv")


# ---- the page of queries -------------------------------------------------------------------------

DOCS = Path(__file__).resolve().parents[2] / "docs" / "exporting.md"
QUERIES = dict(re.findall(r"^### (.+?)\n.*?```sql\n(.*?)```", DOCS.read_text(), re.M | re.S))

SHOP = """
import sys

def discount(total):
    rate = 0.1 if total > 100 else 0.0
    return total * rate

def checkout(prices):
    total = 0
    for price in prices:
        total += price
    total -= discount(total)
    return total

total = checkout([30, 40, 10 + int(sys.argv[1])])
assert total < 90, total
"""


@pytest.fixture
def runs(tmp_path: Path, run_recorded: Run) -> Callable[[range], list[Path]]:
    def record(numbers: range) -> list[Path]:
        traces = []
        for number in numbers:
            trace = tmp_path / f"run-{number}.rtrace"
            run_recorded(SHOP, "--scope", "own", arguments=(number,), output=trace)
            traces.append(trace)
        return traces

    return record


def ask(recorder_says: Run, traces: list[Path], title: str) -> list[dict[str, object]]:
    done = recorder_says("sql", "--json", *traces, QUERIES[title])
    assert done.status == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_queries_of_the_page(runs: Callable[[range], list[Path]], recorder_says: Run) -> None:
    traces = runs(range(8, 13))  # passes for 8 and 9 only
    slowest = ask(recorder_says, traces, "The slowest calls")
    assert {row["function"] for row in slowest} <= {"module __main__", "checkout", "discount"}
    assert slowest == sorted(slowest, key=lambda row: -float(str(row["ms"])))
    [most, *_] = ask(recorder_says, traces, "Where the time goes")
    assert most["calls"]
    values = ask(recorder_says, traces, "Every value of a variable over many runs")
    assert sum(int(str(row["runs"])) for row in values if row["value"] == "70") == 5
    [where] = ask(recorder_says, [traces[0], traces[-1]], "The first divergence of two runs")
    assert (where["function"], where["name"]) == ("checkout", "prices")
    assert (where["passing"], where["failing"]) == ("[30, 40, 18]", "[30, 40, 22]")
    raised = ask(recorder_says, traces, "Which exceptions, and where")
    assert [(row["type"], row["times"]) for row in raised] == [("AssertionError", 1)] * 3
    for title in QUERIES:
        ask(recorder_says, traces, title)


OUTSIDE = [
    "select * from read_text('{file}')",
    "select * from read_blob('{file}')",
    "select * from read_csv('{file}')",
    "select * from read_json('{file}')",
    "select * from '{file}'",
    "select * from glob('{folder}/*')",
    "select * from sniff_csv('{file}')",
    "select * from read_parquet('https://example.invalid/x.parquet')",
    "attach '{folder}/x.db'",
    "copy (select 1) to '{folder}/x.csv'",
    "copy (select 1) to '{folder}/x.csv' (use_tmp_file false)",
    "copy calls to '{folder}/tables/calls/x.parquet' (use_tmp_file false)",
    "select 1; copy (select 1) to '{folder}/x.csv'",
    "export database '{folder}/x'",
    "install httpfs",
    "load '{folder}/x.duckdb_extension'",
    "set enable_external_access = true",
    "set allowed_paths = ['{file}']",
    "set temp_directory = '{folder}/spill'",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_a_query_reaches_nothing_but_the_tables(
    recorded: Path, tmp_path: Path, recorder_says: Run, query: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret words")
    tables = Path(shutil.copytree(recorded.with_name("tables"), tmp_path / "tables"))
    before = {path: path.read_bytes() for path in tables.rglob("*.parquet")}
    there = sorted(os.listdir(tmp_path))
    asked = query.format(file=tmp_path / "secret.txt", folder=tmp_path)
    done = recorder_says("sql", tables, f"select count(*) from calls; {asked}")
    assert done.status == 2 and "ERR_QUERY_FAILED" in done.stderr, asked
    assert b"secret words" not in done.stdout
    assert {path: path.read_bytes() for path in tables.rglob("*.parquet")} == before
    assert sorted(os.listdir(tmp_path)) == there


def test_a_query_reaches_files_where_that_is_asked_for(
    trace: Path, tmp_path: Path, recorder_says: Run
) -> None:
    (tmp_path / "names.csv").write_text("function,owner\nprice,ann\n")
    query = f"select owner from calls join '{tmp_path}/names.csv' using (function) limit 1"
    done = recorder_says("sql", "--external", trace, query)
    assert done.status == 0 and "ann" in done.stdout.decode()
