"""The example of docs/trace-format.md is what the recorder writes, byte for byte but for the clocks; and the page knows
every key of the JSON in a trace."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from recorder._core.decode import Scanner
from tests.conftest import ENVIRONMENT, ROOT, Run
from tests.tools import second_reader
from tests.tools.second_reader import EVENT_KINDS, TICKING, Cursor, Machine, Trace

PAGE = (ROOT / "docs" / "trace-format.md").read_text()
EXAMPLE = PAGE[PAGE.index("## 5. An example") :]
CLOCK, DEF_THREAD, STATE, CODE_DIGEST = 0x17, 0x12, 0x1B, 0x24
SURE, UNSURE = " 35 00 25 ", " 36 00 02 25 "  # the function, with and without doubts


class Row(NamedTuple):
    shown: str
    record: str


def rows_of_page(title: str) -> list[Row]:
    table = re.search(rf"<!-- the {title} of the example -->\n(.*?)<!-- end", EXAMPLE, re.S)
    assert table is not None
    rows = [line.split(" | ") for line in table.group(1).splitlines()[2:]]
    return [Row(row[0].strip("| `"), row[1]) for row in rows]


def names_of_page() -> dict[int, str]:
    """Record names by their byte, from the table of the records."""
    table = PAGE[PAGE.index("## 2. Records") : PAGE.index("### The preamble")]
    rows = re.findall(r"^\| ([0-9A-F]{2})(?:–([0-9A-F]{2}))? \| ([A-Z_]+)", table, re.M)
    ranges = ((int(a, 16), int(b or a, 16), name) for a, b, name in rows)
    return {byte: name for first, last, name in ranges for byte in range(first, last + 1)}


def rows_of(payload: bytes, trace: Trace) -> list[Row]:
    """The records of a payload, as the page shows them."""
    names = names_of_page()
    machine = Machine(trace.header)
    machine.begin_chunk(payload, 0)
    rows = []
    while (at := machine.cursor.at) < len(payload):
        event = machine.step()
        if event is not None:
            machine.finish_event(event)
        rows.append(Row(show(payload[at : machine.cursor.at]), names[payload[at]]))
    return rows


def show(record: bytes) -> str:
    """A record in hexadecimal, without what is another one in every run."""
    operands = Cursor(record, 1)
    begin, word = 1, ""
    if record[0] in TICKING:
        word = "ticks"
        operands.varint()
    elif record[0] == CLOCK:
        word = "24 bytes"
        operands.take(24)
    elif record[0] == CODE_DIGEST:
        operands.varint()
        begin, word = operands.at, "8 bytes"
        operands.take(8)
    elif record[0] in (DEF_THREAD, STATE):
        word = "id" if record[0] == DEF_THREAD else "ticks"
        operands.varint()
        begin = operands.at
        word = word if operands.varint() else ""
    if not word:
        # What CPython does not tell the end of may be another object the second time.
        return record.hex(" ").replace(UNSURE, SURE)
    parts = (record[:begin].hex(" "), f"‹{word}›", record[operands.at :].hex(" "))
    return " ".join(filter(None, parts))


@pytest.fixture
def recorded(tmp_path: Path) -> Trace:
    """The trace that the program on the page makes."""
    program = re.search(r"```python\n(.*?)```", EXAMPLE, re.S)
    assert program is not None
    (tmp_path / "record.py").write_text(program.group(1))
    subprocess.run(
        [sys.executable, "record.py"], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=60
    )
    return second_reader.read_trace(tmp_path / "tiny.rtrace")


def test_the_example_is_what_is_written(recorded: Trace) -> None:
    kinds = [
        "META",
        "EVENTS",
        "SOURCE",
        "CLOSE",
        "INDEX",
        "DROPPED",
        "ORIGINS",
        "",
        "CONTENTS",
        "CALLS",
    ]
    found = [kinds[chunk.type - 1] for chunk in recorded.chunks]
    found.remove("ORIGINS")  # as soon as the text is known, or found to be missing
    assert found == [
        "META",
        "EVENTS",
        "CALLS",
        "CONTENTS",
        "INDEX",
        "CLOSE",
    ]
    assert recorded.missing == {"tiny.py": "not_found"}
    (chunk,) = recorded.event_chunks
    assert (chunk.first_event, chunk.events, chunk.segment) == (0, 7, 1)
    assert rows_of(recorded.payload(chunk), recorded) == rows_of_page("payload")


def test_the_preamble_of_the_example_is_what_is_written(recorded: Trace) -> None:
    payload = recorded.payload(recorded.event_chunks[0])
    segment = payload[5:]  # behind STATE and BEGIN
    cut = segment.index(b"\x03\x01\x40\xb5") + 4  # ENTER, SET
    scanner = Scanner()
    scanner.segment(segment[:cut], 0)
    preamble = scanner.segment(segment[cut:], 3).preamble
    assert rows_of(preamble, recorded) == rows_of_page("preamble")


def test_the_events_of_the_example_are_what_it_says(recorded: Trace) -> None:
    seen = [(e.kind, e.code.name, e.line, list(e.changes()), e.value) for e in recorded.events()]
    assert seen == [
        ("CALL", "<module>", 1, ["__name__"], None),
        ("LINE", "<module>", 1, [], None),
        ("LINE", "<module>", 4, ["double"], None),
        ("CALL", "double", 1, ["n"], None),
        ("LINE", "double", 2, [], None),
        ("RETURN", "double", 2, [], ("INT", 42)),
        ("RETURN", "<module>", 4, ["total"], ("NONE",)),
    ]


def test_the_page_names_every_record() -> None:
    names = names_of_page()
    assert {names[byte] for byte in EVENT_KINDS} == set(EVENT_KINDS.values())
    known = {*second_reader.OTHER_RECORDS, *EVENT_KINDS, 0x02, *range(0x40, 0x100)}
    assert known == set(names)


def keys_of_page(begin: str, end: str) -> set[str]:
    """What stands as code in a part of the page."""
    part = PAGE[PAGE.index(begin) :]
    return set(re.findall(r"`(\w+)`", part[: part.index(end)]))


def test_the_page_knows_what_meta_and_close_say(recorded: Trace) -> None:
    close = keys_of_page("- **CLOSE**", "\nPaths in JSON")
    assert recorded.close.keys() - close == set()
    meta = keys_of_page("- **META**", "- **EVENTS**")
    assert recorded.meta.keys() - meta == set()
    assert meta - recorded.meta.keys() == {
        *("parent", "path"),  # of a child
        "public_functions",  # of a Python that is not known
        *("cut_from", "start", "stop", "redact"),  # of a part
        *("test", "id", "span", "phase", "ended"),  # of a test's
    }


def test_a_child_says_whose_it_is(run_recorded: Run) -> None:
    done = run_recorded(
        "import os\nif (pid := os.fork()): os.waitpid(pid, 0)\n", "--follow-children"
    )
    (child,) = done.trace.parent.glob("program.*.rtrace")
    parent = second_reader.read_trace(done.trace).meta
    assert second_reader.read_trace(child).meta["parent"] == {
        **{key: parent[key] for key in ("run_id", "trace_id", "pid")},
        "path": str(done.trace),
    }
