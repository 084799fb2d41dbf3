"""The queries of docs/exporting.md, asked of Spark on a cluster of two workers: it answers what DuckDB answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.cli import main
from tests.cli.test_sql import QUERIES, SHOP
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("arrow_threads")

RUNS = 24
CLUSTER = "local-cluster[2,1,1024]"  # workers, cores of each, MB of each
AT_RANDOM = re.compile(
    r"^limit 10\s*$", re.M
)  # which of equal rows are among the first ten, nobody says


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.needs("java", "pyspark")
def test_spark_answers_as_duckdb_does(tmp_path: Path, run_recorded: Run) -> None:
    traces = [tmp_path / f"{number}.rtrace" for number in range(RUNS)]
    for number, trace in enumerate(traces):
        run_recorded(SHOP, "--scope", "own", arguments=(number % 12,), output=trace)
    dataset = tmp_path / "dataset"
    assert main(["export", *map(str, traces), "--to", "parquet", "-o", str(dataset)]) == 0
    queries = {title: AT_RANDOM.sub("", query) for title, query in QUERIES.items()}
    command = [sys.executable, "-m", "tests.tools.spark_answers", str(dataset), CLUSTER]
    done = subprocess.run(
        command, input=json.dumps(queries), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    spark = json.loads(done.stdout)
    duckdb = answers_of_duckdb(dataset, queries)
    assert spark.keys() == queries.keys() and all(map(len, list(duckdb.values())[:-1]))
    for title in queries:
        assert sorted(map(str, spark[title])) == sorted(map(str, duckdb[title])), title


def answers_of_duckdb(dataset: Path, queries: dict[str, str]) -> dict[str, list[list[object]]]:
    import duckdb

    with duckdb.connect(":memory:") as database:
        for table in dataset.iterdir():
            database.execute(f"create view {table.name} as from '{table}/*.parquet'")
        answers = {
            title: [list(row) for row in database.execute(query).fetchall()]
            for title, query in queries.items()
        }
    return {title: json.loads(json.dumps(rows, default=str)) for title, rows in answers.items()}
