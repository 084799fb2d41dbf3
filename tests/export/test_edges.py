"""Traces that no program of ours made: random ones, damaged ones, and names and values at the edge of
what a trace can hold. Every export of them is one that its readers take.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import recorder
from recorder import errors
from recorder._core.decode import Scanner
from recorder.export import FORMATS, export
from tests.export.test_round_trip import SPEEDSCOPE, read_codetracer
from tests.tools import reference_writer as w
from tests.tools.random_recording import Recording, cut

pytestmark = pytest.mark.usefixtures("arrow_threads")
HALF = "\ud800half"


def as_file(segments: list[tuple[bytes, int]]) -> bytes:
    file = w.File()
    file.meta(argv=[HALF + ".py", HALF], cwd="/" + HALF, pid=7)
    scanner = Scanner()
    for segment, first in segments:
        info = scanner.segment(segment, first)
        assert info.damage is None
        file.segment(info.preamble + segment, info.events, info.lost)
    file.source("/src/0.py", "ä\n\nüber\r\nlast".encode())
    return file.close()


def read_all(trace: Path, folder: Path) -> dict[str, Any]:
    """Every export, read by whoever is strictest."""
    read: dict[str, Any] = {}
    for format in FORMATS:
        if format == "html":  # each moment is asked for: tests/view/test_html.py
            continue
        out = folder / format
        export(trace, format, out)
        if format == "jsonl":
            lines = out.read_bytes().decode("utf-8").splitlines()
            read[format] = [json.loads(line, parse_constant=refuse) for line in lines]
        elif format in ("perfetto", "speedscope"):
            text = out.read_bytes().decode("utf-8")
            read[format] = json.loads(text, parse_constant=refuse)
            if format == "speedscope":
                SPEEDSCOPE.validate(read[format])
            json.dumps(read[format], ensure_ascii=False).encode("utf-8")
        elif format == "parquet":
            read[format] = {
                path.name: pyarrow.parquet.read_table(path).to_pylist() for path in out.iterdir()
            }
        else:
            read[format] = read_codetracer(format, out)
    return read


def refuse(word: str) -> None:
    raise AssertionError(f"{word} in JSON")


def agree(read: dict[str, Any]) -> int:
    """Every format tells of the same activations; how many."""
    begun = [e for e in read["perfetto"]["traceEvents"] if e["ph"] == "B"]
    ended = [e for e in read["perfetto"]["traceEvents"] if e["ph"] == "E"]
    assert len(begun) == len(ended)
    opened = [
        event for profile in read["speedscope"]["profiles"] for event in profile["events"]
        if event["type"] == "O"
    ]  # fmt: skip
    assert len(opened) == len(begun) == len(read["parquet"]["calls"])
    for format in ("codetracer", "ctfs", "ctfs-split"):
        calls = [
            c for c in read[format].root.all() if not c.function.startswith(("<top", "<thread"))
        ]
        assert len(calls) == len(begun)
    shapes = [
        [(s.path, s.line, len(s.values), len(s.events)) for s in read[format].steps]
        for format in ("codetracer", "ctfs", "ctfs-split")
    ]
    assert shapes[0] == shapes[1] == shapes[2]
    return len(begun)


@pytest.mark.parametrize("seed", range(5))
def test_random_recordings(seed: int, tmp_path: Path) -> None:
    """With frames that were adopted and dropped, generators that end unseen, gaps, and threads."""
    recording = Recording(seed).run(1500)
    path = tmp_path / "random.rtrace"
    path.write_bytes(as_file(cut(recording, [300, 600])))
    read = read_all(path, tmp_path)
    begun = sum(event.kind in ("call", "resume", "throw") for event in recording.expected)
    assert begun <= agree(read) <= len(recording.expected)
    assert len(read["jsonl"]) == len(recording.expected) + 2
    assert len(read["parquet"]["events"]) == len(recording.expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_chunk_costs_only_itself(seed: int, tmp_path: Path) -> None:
    recording = Recording(seed).run(1500)
    data = bytearray(as_file(cut(recording, [300, 600])))
    chunks = [at for at in range(len(data)) if data.startswith(b"RCHK", at)]
    where = random.Random(seed).randrange(chunks[2] + 64, chunks[3])
    data[where] ^= 0x40  # in the second of three EVENTS chunks
    path = tmp_path / "damaged.rtrace"
    path.write_bytes(data)
    with recorder.open_trace(path) as trace:
        want = [event.seq for event in trace.events()]
        assert trace.verdict.state == "corrupt"
    assert 0 < len(want) < len(recording.expected)
    read = read_all(path, tmp_path)
    agree(read)
    assert [event["seq"] for event in read["jsonl"][1:-1]] == want
    assert read["jsonl"][-1]["verdict"].startswith("corrupt")
    assert [row["seq"] for row in read["parquet"]["events"]] == want
    said = [text for s in read["codetracer"].steps for _, _, text in s.events]
    assert any("events were lost here" in text for text in said)


def test_names_that_are_no_utf8_and_values_as_deep_as_can_be(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(63):
        deep = [deep]
    odd = [float("nan"), -0.0, 2**64, -(2**70), HALF, "\x00", b"\xff", {HALF: (HALF, None)}]
    many = [w.def_code(1, 0, 5, 3, "f", HALF, 300, [(1, f"{HALF}{n}") for n in range(300)])]
    records = [
        w.clock(10, 0, 10**18), w.def_thread(0, 1, HALF), w.thread(0), w.def_file(0, "/" + HALF),
        *many, w.enter(1), w.set_slot(0, w.value(deep)), w.set_slot(1, w.value(odd)),
        *(w.set_slot(n, w.value(n)) for n in range(2, 300)), w.event("call", 1),
        w.line(1), w.event("raise", 0, w.value(HALF)), w.event("unwind", 1, w.value(HALF)),
    ]  # fmt: skip
    path = tmp_path / "odd.rtrace"
    path.write_bytes(as_file([(b"".join(records), 0)]))
    read = read_all(path, tmp_path)
    assert agree(read) == 1
    [_, call] = read["codetracer"].root.all()
    assert call.function == "\\ud800half"
    assert len(call.arguments) == 300
    held = call.steps[0].values
    deepest, level = held["\\ud800half0"], 0
    while deepest["kind"] == "Sequence":
        [deepest], level = deepest["elements"], level + 1
    assert (level, deepest["kind"]) == (50, "Raw")  # readers refuse values 62 deep
    kinds = [part["kind"] for part in held["\\ud800half1"]["elements"]]
    assert kinds == ["Raw", "Raw", "BigInt", "BigInt", "Raw", "String", "Raw", "Sequence"]
    changed = read["jsonl"][1]["changed"]["\\ud800half1"]
    assert changed[4] == {"type": "str", "utf8": HALF.encode("utf-8", "surrogatepass").hex()}


def test_what_was_not_looked_at_again_is_never_said_to_be_unchanged(tmp_path: Path) -> None:
    """A list that the budget left out at one line, a text without any content, and both seen again."""
    records = [
        w.clock(10, 0, 10**18), w.def_thread(0, 1, "MainThread"), w.thread(0), w.def_file(0, "a.py"),
        w.def_code(1, 0, 5, 3, "f", "f", 1, [(1, "x"), (2, "y")]), w.enter(1),
        w.set_slot(0, w.value([1])), w.event("call", 5), w.line(0),
        w.set_slot(0, w.UNEXAMINED), w.set_slot(1, w.UNEXAMINED), w.line(1),
        w.set_slot(0, w.value([2])), w.set_slot(1, w.value("seen")), w.line(1),
        w.event("return", 3, w.value(None)),
    ]  # fmt: skip
    path = tmp_path / "unexamined.rtrace"
    path.write_bytes(as_file([(b"".join(records), 0)]))
    read = read_all(path, tmp_path)
    assert agree(read) == 1
    unknown, seen = (event["changed"] for event in read["jsonl"][3:5])
    assert unknown["x"] == {"type": "unexamined", "last": [1]}
    assert unknown["y"]["type"] == "unexamined"
    assert seen == {"x": [2], "y": "seen"}
    rows = [row for row in read["parquet"]["values"] if row["seq"] in (2, 3)]
    assert [row["value"].endswith("(not looked at again)") for row in rows] == [
        True,
        True,
        False,
        False,
    ]
    assert [row["text"] for row in rows] == [None, None, None, "seen"]
    for format in ("codetracer", "ctfs", "ctfs-split"):
        [_, call] = read[format].root.all()
        steps = [step.values for step in call.steps]
        assert steps[2]["x"]["r"] == "[1] (not looked at again)"
        assert steps[2]["y"]["kind"] == "Raw"
        assert steps[3]["x"]["elements"][0]["i"] == 2


def test_a_trace_without_events(tmp_path: Path) -> None:
    path = tmp_path / "empty.rtrace"
    path.write_bytes(as_file([]))
    assert agree(read_all(path, tmp_path)) == 0


def test_a_gap_in_front_of_everything(tmp_path: Path) -> None:
    records = [
        w.clock(10, 0, 10**18), w.def_thread(3, 1, "T"), w.thread(3), w.def_file(0, "a.py"),
        w.def_code(0, 0, 5, 3, "f", "f", 0, []), w.gap(2001, 7), w.adopt(0, 9), w.line(2),
        w.DROP, w.enter(0), w.event("call", 1), w.adopt(0, 8), w.adopt(0, 7), w.line(1),
    ]  # fmt: skip
    path = tmp_path / "gap.rtrace"
    path.write_bytes(as_file([(b"".join(records), 0)]))
    read = read_all(path, tmp_path)
    assert agree(read) == 4  # adopted, called, and two adopted on top of it
    calls = sorted(read["parquet"]["calls"], key=lambda row: int(row["call"]))
    assert [row["began"] for row in calls] == ["running", "call", "running", "running"]
    assert [row["ended"] for row in calls] == ["unseen"] * 4
    assert [row["parent"] for row in calls] == [None, None, 1, 2]
    assert read["parquet"]["events"][0]["lost_before"] == 7


def test_the_container_when_it_is_large(tmp_path: Path) -> None:
    """A file of more blocks than one mapping block can name, and than two levels of them."""
    from recorder.export.atomic_output import AtomicOutput
    from recorder.export.ctfs_container import Container
    from tests.tools import ct_reader

    contents = {"a.log": bytes(range(256)) * 16 * 700, "b.dat": b"x", "empty": b""}
    with AtomicOutput(tmp_path / "large.ct") as out:
        container = Container(out.file())
        files = {name: container.file(name) for name in contents}
        for at in range(0, len(contents["a.log"]), 5000):
            files["a.log"].write(contents["a.log"][at : at + 5000])
        files["b.dat"].write(b"x")
        container.close()
    assert ct_reader.read_container(tmp_path / "large.ct") == contents


def test_a_name_in_a_container_has_at_most_twelve_characters(tmp_path: Path) -> None:
    from recorder.export.atomic_output import AtomicOutput
    from recorder.export.ctfs_container import Container, base40
    from tests.tools import ct_reader

    names = ["a", "abcdefgh.jk", "abcdefgh.jkl"]
    with AtomicOutput(tmp_path / "names.ct") as out:
        container = Container(out.file())
        for name in names:
            container.file(name).write(name.encode())
        container.close()
    assert ct_reader.read_container(tmp_path / "names.ct") == {n: n.encode() for n in names}
    with pytest.raises(errors.InvariantBrokenError):
        base40("abcdefgh.jklm")


@pytest.mark.slow
def test_the_container_when_it_is_a_gigabyte(tmp_path: Path) -> None:
    """Three levels of mapping blocks. Read here and there: block n begins with n."""
    from recorder.export.atomic_output import AtomicOutput
    from recorder.export.ctfs_container import BLOCK, Container
    from tests.tools import ct_reader

    blocks = 511 + 511**2 + 2000
    with AtomicOutput(tmp_path / "large.ct") as out:
        container = Container(out.file())
        file = container.file("a.log")
        for number in range(blocks):
            file.write(number.to_bytes(8, "little").ljust(BLOCK, b"."))
        container.close()
    content = ct_reader.read_container(tmp_path / "large.ct")["a.log"]
    (tmp_path / "large.ct").unlink()
    assert len(content) == blocks * BLOCK
    for number in range(blocks):
        assert content[number * BLOCK : number * BLOCK + 8] == number.to_bytes(8, "little")


def test_a_source_may_have_any_path(tmp_path: Path) -> None:
    """What is no path of a file, or of too many, costs that file, and nothing else of an export."""
    file = w.File()
    file.meta(argv=["a.py"], cwd="/", pid=7)
    paths = [
        *("", "/", "..", "/a", "/a/b", "/a/b/c.py", "/d/e.py", "/d", "../../f.py", "/g\0h.py", "/" + HALF + ".py"),
        *("/" + "i" * 300, "/j" * 2000, "/k" * 60_000, "/\x1b[31m.py", "l:m?.py", "~", "-", "\udcff.py", "/n//./o.py"),
    ]  # fmt: skip
    for path in paths:
        file.source(path, b"text\n")
    trace = tmp_path / "hostile.rtrace"
    trace.write_bytes(file.close())
    for format in FORMATS:
        export(trace, format, tmp_path / format)
    found = {
        path.relative_to(tmp_path / "codetracer" / "files").as_posix()
        for path in (tmp_path / "codetracer" / "files").rglob("*")
        if path.is_file()
    }
    assert found == {
        *("a", "d/e.py", "f.py", "\\ud800half.py", "\x1b[31m.py", "l:m?.py", "~", "-", "\\udcff.py", "n/o.py"),
    }  # fmt: skip
