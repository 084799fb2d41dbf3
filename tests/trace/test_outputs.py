"""What was written, as every reader has it: by event, in its place, in tables, on tracks, in an editor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.cli import main
from recorder.dap.breakpoints import Breakpoints
from recorder.dap.console import Console
from recorder.dap.movement import Movement
from recorder.dap.state import State
from recorder.dap.suspended import Suspended
from recorder.export import export
from recorder.trace.container.chunks import Chunk
from recorder.trace.seeking import Payloads
from tests.tools import second_reader
from tests.tools.rechunk import rechunked

PROGRAM = """\
import sys
def total(prices):
    print("adding", len(prices))
    print("slow", file=sys.stderr)
    return sum(prices)
print("total is", total([1, 2]))
sys.stdout.buffer.flush()
print("\\u20ac", end="")
sys.stdout.flush()
sys.stdout.buffer.write(b"\\xff")
print(flush=True)
for n in range(3):
    print(n)
"""
TEXTS = [
    ("stderr", "slow\n", 4),
    ("stdout", "adding 2\n", 3),
    ("stdout", "total is 3\n", 6),
    ("stdout", "€", 8),
    ("stdout", "\\xff", 10),
    ("stdout", "\n", 11),
    ("stdout", "0\n", 13),
    ("stdout", "1\n", 13),
    ("stdout", "2\n", 13),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    (folder / "shop.py").write_text(PROGRAM)
    trace = folder / "shop.rtrace"
    words = ["run", "--min-free-space=0", "--no-summary", "-o", str(trace), str(folder / "shop.py")]
    subprocess.run(
        [sys.executable, "-m", "recorder", *words],
        check=True,
        env={"PYTHONPATH": str(Path(recorder.__file__).parents[1])},
        capture_output=True,
    )
    return trace


def test_each_has_its_line(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        told = list(trace.output())
        assert [(one.stream, one.text, one.line) for one in told] == TEXTS
        assert told[4].data == b"\xff" and all(one.size == len(one.data) for one in told)
        for one in told:
            assert one.seq is not None and one.function is not None and one.thread is not None
            assert one.text in [other.text for other in trace.output_at(one.seq)]
            event = trace[one.seq]
            assert (event.kind, event.line, event.frame) == ("line", one.line, one.frame)
            assert one.function.qualified_name == event.function.qualified_name
            assert one.thread.number == event.thread.number and one.time >= event.time
        assert [one.function.name for one in told[:3] if one.function] == [
            "total",
            "total",
            "<module>",
        ]
        assert told[1].before > (told[1].seq or 0) + 1  # it waited
        texts = [one.text for one in told]
        assert [one.text for one in trace.output("stderr")] == texts[:1]
        middle = told[3].seq or 0
        assert [one.text for one in trace.output(start=middle)] == texts[3:]
        assert [one.text for one in trace.output(stop=middle)] == texts[:3]


def test_the_command_tells_them(path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["output", str(path), "--stream", "stdout"]) == 0
    written = "adding 2\ntotal is 3\n€".encode() + b"\xff\n0\n1\n2\n"
    assert capfdbinary.readouterr().out == written
    assert main(["output", str(path)]) == 0
    assert capfdbinary.readouterr().out == b"slow\n" + written
    assert main(["output", str(path), "--json"]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(row["stream"], row["text"], row["line"]) for row in rows] == TEXTS
    assert [row["hex"] for row in rows if "hex" in row] == ["ff"]
    assert main(["output", str(path), "--seq"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert lines[1].endswith("total  shop.py:3  stdout: adding 2") and len(lines) == len(TEXTS)


def test_a_text_leads_to_its_moment(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(path), "--output", "adding"]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert "shop.py:3" in line and line.endswith("stdout: adding 2")
    assert main(["find", str(path), "--output", "never said"]) == 0
    assert "never written" in capfd.readouterr().err
    assert main(["find", str(path), "--output", "a", "--when", "n"]) == 2
    capfd.readouterr()
    assert main(["print", str(path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    (place,) = (n for n, line in enumerate(lines) if line.endswith("> stdout: adding 2"))
    assert "shop.py:3" in lines[place - 1]
    assert main(["print", str(path), "--json", "--line", "13", "--kind", "line"]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    where = {"function": "<module>", "file": rows[0]["file"], "line": 13}
    assert [row["output"] for row in rows] == [
        [{"stream": "stdout", "text": f"{n}\n", **where}] for n in range(3)
    ]


def test_every_export_has_them(path: Path, tmp_path: Path) -> None:
    export(path, "jsonl", tmp_path / "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    told = [row for row in rows if row["kind"] == "output"]
    assert [(row["stream"], row["text"], row["line"]) for row in told] == TEXTS
    at = rows.index(told[0])
    assert rows[at + 1]["seq"] == told[0]["before"]
    export(path, "perfetto", tmp_path / "perfetto")
    events = json.loads((tmp_path / "perfetto").read_text())["traceEvents"]
    names = [event["name"] for event in events if event.get("cat") == "output"]
    assert names == [text.rstrip() for _, text, _ in TEXTS]


@pytest.mark.usefixtures("arrow_threads")
def test_sql_has_a_table_of_them(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    query = "select stream, text, line from output where function = 'total' order by line"
    assert main(["sql", str(path), query, "--json"]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(row["stream"], row["text"]) for row in rows] == [
        ("stdout", "adding 2\n"),
        ("stderr", "slow\n"),
    ]


def test_an_editor_hears_what_is_printed_on_the_way(path: Path) -> None:
    told: list[tuple[str, str, int]] = []

    def emit(name: str, body: dict[str, Any]) -> None:
        if name == "output" and body["category"] != "console":
            told.append((body["category"], body["output"], body["line"]))
            assert body["source"]["name"] == "shop.py"

    with recorder.open_trace(path) as trace:
        state = State(trace, [], lambda _: None, Suspended(trace, lambda: None))
        movement = Movement(state, Breakpoints(state), Console(state, emit), emit)
        movement.begin()
        assert told == []
        movement.run(False)
        assert sorted(told) == sorted(TEXTS)
        movement.run(True)
        assert len(told) == len(TEXTS)  # once


def test_a_part_up_to_the_end_has_what_was_written_last(path: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.rtrace"
    with recorder.open_trace(path) as trace:
        last = [one for one in trace.output() if one.line == 13]
        start = min(one.seq for one in last if one.seq is not None)
        data: list[bytes] = []
        trace.write_part(data.append, start)
    part.write_bytes(b"".join(data))
    with recorder.open_trace(part) as trace:
        told = [(one.stream, one.text, one.line, one.seq) for one in trace.output()]
        assert told[-3:] == [(one.stream, one.text, one.line, one.seq) for one in last]


# ---- chunks in which nothing was written -----------------------------------------------------------


def test_what_was_written_is_found_without_reading_the_chunks_between(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(rechunked(path, 12, seed=3))
    second = second_reader.Trace(cut.read_bytes())
    silent = {first for first, entry in second.contents().items() if entry.is_silent}
    assert 0 < len(silent) < len(second.event_chunks)
    read: set[int] = set()
    get = Payloads.get

    def noted(payloads: Payloads, chunk: Chunk) -> bytes:
        read.add(chunk.head.first_event)
        return get(payloads, chunk)

    monkeypatch.setattr(Payloads, "get", noted)
    with recorder.open_trace(cut) as trace:
        assert [(one.stream, one.text, one.line) for one in trace.output("all")] == TEXTS
    assert read and not silent & read
