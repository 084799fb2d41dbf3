"""Frames, series and arrays as tables of the page: what stands where, what has just changed, and what is cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from recorder.export import export
from recorder.trace.reader import Trace, open_trace
from recorder.view.answers import answer
from tests.conftest import ROOT
from tests.tools.html_reader import cut_in

pytest.importorskip("pandas")

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"
PROGRAM = f"""
import numpy as np
import pandas as pd

frame = pd.DataFrame({{"id": [7, 8], "amt": [9.5, 1.0], {HOSTILE!r}: [{HOSTILE!r}, None]}}, index=["a", "b"])
wide = pd.DataFrame({{f"c{{n}}": range(200) for n in range(50)}})
series = pd.Series([1.5, 2.0], name="amt")
row = np.arange(100)
two = np.arange(12).reshape(3, 4)
large = np.zeros((1000, 100))
records = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("v", "f8")])
objects = np.array([["a", {{}}], [1, None]], dtype=object)
masked = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
deep = np.zeros((2, 2, 2))


def change(it):
    it.loc["b", "amt"] = 99.0
    return it


change(frame)
"""
# Of each: what stands above, the first row with its label, expressions for the cells of that, and what stands below.
TABLES: dict[str, tuple[list[str], list[str], list[str | None], str]] = {
    "frame": (
        ["id", "amt", HOSTILE],
        ["a", "7", "9.5", HOSTILE],
        ["frame['id']['a']", "frame['amt']['a']", f"frame[{HOSTILE!r}]['a']"],
        "2 rows × 3 columns",
    ),
    "series": (["amt"], ["0", "1.5"], ["series[0]"], "2 values, float64"),
    "two": (["0", "1", "2", "3"], ["0", "0", "1", "2", "3"], [None] * 4, "3 × 4, int64"),
    "records": (["n", "v"], ["0", "1", "2.5"], ["records[0]"] * 2, "2, T{i:n:=d:v:}"),
    "objects": (["0", "1"], ["0", "a", "{}"], [None] * 2, "2 × 2, object"),
    "masked": (["0", "1"], ["0", "1", "--"], [None] * 2, "2 × 2, int64"),
}


@pytest.fixture(scope="module")
def path(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("tables") / "view_tables.py"
    program.write_text(PROGRAM, encoding="utf-8")
    return trace_of(program)


@pytest.fixture(scope="module")
def trace(path: Path) -> Iterator[Trace]:
    with open_trace(path) as opened:
        yield opened


def ask(trace: Trace, what: str, /, **asked: Any) -> Any:
    good, body = answer(trace, what, {key: str(value) for key, value in asked.items()})
    schema = json.loads((ROOT / "recorder/view/answers.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(
        json.loads(body), {**schema, "$ref": f"#/$defs/{what if good else 'error'}"}
    )
    return json.loads(body)


def table(trace: Trace, name: str, seq: int) -> Any:
    return ask(trace, "table", seq=seq, part=json.dumps([name]))


def last(trace: Trace) -> int:
    return trace._queries.end - 1


@pytest.mark.parametrize("name", TABLES)
def test_what_stands_where(trace: Trace, name: str) -> None:
    above, row, paths, below = TABLES[name]
    found = table(trace, name, last(trace))
    first = found["rows"][0]
    assert [one["text"] for one in found["columns"]] == above
    assert [first["label"], *(one["text"] for one in first["cells"])] == row
    assert [one["path"] for one in first["cells"]] == paths
    assert found["title"].replace("=i", "i").replace("=d", "d") == below.replace("=d", "d")


def test_an_expression_for_a_cell_leads_to_where_it_came_from(trace: Trace) -> None:
    cell = table(trace, "frame", last(trace))["rows"][1]["cells"][1]
    rows = ask(trace, "ask", question="why", name=cell["path"])["rows"]
    assert cell["text"] == rows[0]["shown"]["value"] == "99.0"
    assert (rows[-1]["name"], rows[-1]["function"]) == ("it['amt']['b']", "change")


def test_a_cell_that_has_just_changed_says_what_it_was(trace: Trace) -> None:
    (seen,) = [
        one.seq for one in trace.history("it") if one.value is not None and "99" in one.value.show()
    ]
    cells = [cell for row in table(trace, "it", seen)["rows"] for cell in row["cells"]]
    assert [(one["old"], one["text"]) for one in cells if one["old"]] == [("1.0", "99.0")]
    after = table(trace, "it", seen + 1)
    assert not any(cell["old"] for row in after["rows"] for cell in row["cells"])


# How many rows and columns are cut, and how many there are with those that say so.
CUT = {"wide": (1, 1, 61, 41), "row": (0, 1, 1, 41), "large": (1, 1, None, 41), "two": (0, 0, 3, 4)}


@pytest.mark.parametrize("name", CUT)
def test_what_is_not_there_is_marked(trace: Trace, name: str) -> None:
    found = table(trace, name, last(trace))
    rows, columns, height, width = CUT[name]
    assert sum(one["cut"] for one in found["rows"]) == rows
    assert sum(one["cut"] for one in found["columns"]) == columns
    assert len(found["columns"]) == width and height in (None, len(found["rows"]))
    assert all(len(one["cells"]) == width for one in found["rows"])


@pytest.mark.provokes("NOT_IN_TRACE")
def test_what_is_no_table(trace: Trace) -> None:
    variables = ask(trace, "moment", seq=last(trace))["variables"]
    tables = {one["name"] for one in variables if one["table"]}
    assert tables == {*TABLES, *CUT} and "deep" not in tables
    assert table(trace, "deep", last(trace))["error"]["code"] == "ERR_NOT_IN_TRACE"


def test_it_can_be_looked_at_part_by_part_too(trace: Trace) -> None:
    columns = ask(trace, "children", seq=last(trace), part='["frame"]')["rows"]
    assert [one["path"] for one in columns][:2] == ["frame['id']", "frame['amt']"]
    items = ask(trace, "children", seq=last(trace), part='["deep"]')["rows"]
    assert [one["name"] for one in items][:3] == ["0, 0, 0", "0, 0, 1", "0, 1, 0"]
    assert {one["path"] for one in items} == {None}  # `deep[3]` is something else
    assert ask(trace, "children", seq=last(trace), part='["row"]')["rows"][3]["path"] == "row[3]"


def test_a_global_is_a_table_in_a_function_too(trace: Trace) -> None:
    (call,) = trace.calls("change")
    assert call.start is not None
    found = table(trace, "(global) two", call.start.seq)
    assert found["title"] == "3 × 4, int64"


def test_a_file_has_the_tables(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables.html"
    export(path, "html", out)
    found = cut_in(out)["answers"]
    tables = [one for key, one in found.items() if json.loads(key)[0] == "table"]
    assert {one["title"] for one in tables} >= {"2 rows × 3 columns", "3 × 4, int64"}
    assert "onerror" not in out.read_text(encoding="utf-8")
