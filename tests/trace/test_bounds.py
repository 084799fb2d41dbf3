"""A chunk is passed over where a condition is false for all numbers that the variables may have been in it; where it is
not, it is read: no answer is another one."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from recorder._core.decode import STEPS
from recorder.trace.container.file import TraceFile
from recorder.trace.expressions.bounds import JOINED, LOOPS, ONE_OPERAND, Bounds, is_false
from recorder.trace.expressions.expression import Expression
from recorder.trace.format import ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.seeking import Seeker
from recorder.trace.values.value import Value
from tests.tools import second_reader
from tests.tools.chunk_of import without
from tests.trace.conftest import InChunks

PIECES = 14

LOOP = """
def scale(number, factor):
    whole = number * factor
    if number > 30:
        late = number - 30
    return whole

def gather(ratio):
    for step in range(60):
        ratio += 0.5
        yield ratio

def unset(flag):
    if flag > 3:
        flag = None
    del flag
    return 0

class Body:
    size = 3
    for size in range(5):
        pass

def work():
    total, found, odd = 0, None, False
    ratios = gather(1.0)
    for turn in range(60):
        total += scale(turn, -2)
        odd = turn % 2 == 1
        ratio = next(ratios)
        if turn == 41:
            found = turn
            total = float("nan")
        if turn == 43:
            total = 2 ** 70
        unset(turn)

work()
"""
NAMES = {
    "scale": ("number", "factor", "whole", "late"), "gather": ("ratio", "step"), "unset": ("flag",), "Body": ("size",),
    "work": ("total", "found", "odd", "turn"),
}  # fmt: skip
CONSTANTS = (
    "-3", "0", "1", "3", "7", "30", "41", "59", "100", "0.5", "20.5", "31.0", "None", "True", "'x'",
)  # fmt: skip
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "is", "is not")


class Maker:
    """Conditions over some names."""

    def __init__(self, rng: random.Random, names: tuple[str, ...]) -> None:
        self.rng = rng
        self.names = names

    def operand(self, depth: int) -> str:
        kind = self.rng.random()
        if depth == 0 or kind < 0.6:
            return self.rng.choice(self.names if kind < 0.45 else CONSTANTS)
        if kind < 0.7:
            return f"-({self.operand(depth - 1)})"
        if kind < 0.77:
            return f"abs({self.operand(depth - 1)})"
        if kind < 0.83:
            return f"{self.rng.choice(['min', 'max'])}({self.operand(depth - 1)}, {self.operand(depth - 1)})"
        operator = self.rng.choice(["+", "-", "*", "//", "%", "/"])
        return f"({self.operand(depth - 1)} {operator} {self.operand(depth - 1)})"

    def condition(self, depth: int) -> str:
        kind = self.rng.random()
        if depth == 0 or kind < 0.5:
            return f"{self.operand(1)} {self.rng.choice(COMPARISONS)} {self.operand(1)}"
        if kind < 0.6:
            return f"not ({self.condition(depth - 1)})"
        if kind < 0.65:
            return f"({self.operand(1)} or {self.operand(1)}) {self.rng.choice(COMPARISONS)} {self.operand(1)}"
        word = self.rng.choice(["and", "or"])
        return f"({self.condition(depth - 1)} {word} {self.condition(depth - 1)})"


# ---- what is said of ranges ----------------------------------------------------------------------


def test_every_step_is_known() -> None:
    """What is not is taken for something that is put on the stack."""
    loaded = {"name", "int", "float", "text", "none", "bool"}
    within = {"bound", "keep", "count"}  # a comprehension, of which nothing is said
    assert {*loaded, *within, "builtin", "and", "or", *LOOPS, *ONE_OPERAND, *JOINED} == set(STEPS)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_false_for_a_range_is_false_for_all_in_it() -> None:
    rng = random.Random(3)
    maker = Maker(rng, ("a", "b"))
    false = 0
    for _ in range(4000):
        text = maker.condition(2)
        expression = Expression(text)
        held = {name: some_numbers(rng) for name in expression.names if name in maker.names}
        ranges = [bounds(held[name]) if name in held else None for name in expression.names]
        if not expression.steps or not is_false(expression.steps, ranges):
            continue
        false += 1
        for values in product(*held.values()):
            assert not eval(text, {}, dict(zip(held, values, strict=True))), (text, values)
    assert false > 300


def some_numbers(rng: random.Random) -> list[Any]:
    kind = rng.random()
    if kind < 0.2:
        return []
    if kind < 0.7:
        low = rng.randrange(-8, 40)
        return list(range(low, low + rng.randrange(1, 6)))
    low = rng.choice([-1.5, 0.0, 20.0, float("inf")])
    return [low, low + 0.25, low + 1]


def bounds(values: list[Any]) -> Bounds | None:
    """Of what nothing is known there is nothing that holds for all."""
    return (min(values), max(values)) if values else None


@pytest.mark.parametrize(
    ("text", "false"),
    [
        ("a > 5", True), ("a < 1", True), ("a == 9", True), ("a == 3", False), ("a is None", True), ("a == 'x'", True),
        ("a > 9 or a < 1", True), ("a > 9 and b.c", True), ("b.c and a > 9", False), ("a > 9 or b", False),
        ("not a", True), ("a % 2 == 5", True), ("a * 3 > 15", True), ("1 < a < 9", False), ("6 < a < 9", True),
        ("a > 'x'", False), ("a / 0 > 100", False), ("(a or 5) == 3", False), ("a in (8, 9)", True),
        ("a not in (8, 9)", False), ("a != a", False), ("-a > 0", True), ("missing > 9", False),
        ("abs(a) > 5", True), ("abs(a - 3) > 2", True), ("abs(a - 3) > 1", False), ("max(a, 3) < 3", True),
        ("min(a, 3) > 3", True), ("min(a, b) > 5", False), ("bool(a) == 2", True), ("a in b", False),
    ],
)  # fmt: skip
def test_what_is_said_of_numbers_from_one_to_five(text: str, false: bool) -> None:
    expression = Expression(text)
    ranges: list[Bounds | None] = [(1, 5) if name == "a" else None for name in expression.names]
    assert is_false(expression.steps, ranges) == false


def test_a_condition_of_very_many_ways_is_left_to_who_asks() -> None:
    text = " and ".join(f"(a == {n} or b == {n})" for n in range(6)) + " and a > 100"
    expression = Expression(text)
    assert expression.steps
    assert not is_false(expression.steps, [(0, 6), (0, 6)])


# ---- in a trace ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cut(in_chunks: InChunks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of many chunks."""
    program = tmp_path_factory.mktemp("bounds") / "loop.py"
    program.write_text(LOOP)
    return in_chunks(program, PIECES, 5)


def test_every_value_at_every_event_is_in_its_range(cut: Path) -> None:
    told = second_reader.Trace(cut.read_bytes()).contents()
    some = floats = 0
    with open_trace(cut) as trace:
        for chunk in trace._file.of(ChunkType.EVENTS):
            head = chunk.head
            ranges = told[head.first_event].ranges if head.events else {}
            for event in trace.events(head.first_event, head.first_event + head.events):
                of = ranges.get(event.function.number, {})
                assert not (of and event._is_module_body)
                for slot, (low, high) in of.items():
                    number = Value(event._values[slot], event._types).to_python()
                    assert isinstance(number, type(low)) and low <= number <= high
                    some += 1
                    floats += isinstance(number, float)
    assert some > 500
    assert floats > 50


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_every_answer_is_the_one_without_it(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "without.rtrace"
    path.write_bytes(without(cut.read_bytes(), ChunkType.CONTENTS))
    rng = random.Random(17)
    asked = [
        (function, text)
        for function, names in NAMES.items()
        for text in [
            *(Maker(rng, names).condition(2) for _ in range(15)),
            *(f"{name} == {n}" for name in names for n in (5, 58)),
        ]
    ]
    loaded: list[Any] = []
    load = Seeker.load
    monkeypatch.setattr(
        Seeker, "load", lambda self, chunk: (loaded.append(chunk), load(self, chunk))[1]
    )
    with open_trace(cut) as trace, open_trace(path) as plain:
        read = dict.fromkeys((trace, plain), 0)
        for function, text in asked:
            found = []
            for one in (trace, plain):
                loaded.clear()
                found.append(hits(one, text, function))
                read[one] += len(loaded)
            assert found[0] == found[1], text
        assert read[trace] < read[plain] * 0.8


def hits(trace: Trace, text: str, function: str = "work") -> list[tuple[int, str, str]]:
    found = trace.hits("line", when=text, function=function)
    return [(hit.seq, hit.kind, hit.reason) for hit in found]


def test_a_part_of_a_trace_tells_of_its_chunks_as_well(cut: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.rtrace"
    with open_trace(cut) as trace:
        data: list[bytes] = []
        trace.write_part(data.append, len(trace) // 3, len(trace) // 2)
        asked = [h for h in hits(trace, "turn > 20") if len(trace) // 3 <= h[0] < len(trace) // 2]
    part.write_bytes(b"".join(data))
    with open_trace(part) as trace:
        assert hits(trace, "turn > 20") == asked
        assert any(
            entry.ranges for entry in second_reader.Trace(part.read_bytes()).contents().values()
        )
        assert trace.verify().verdict.state == "partial"


def test_verify_finds_a_range_that_is_too_narrow(cut: Path) -> None:
    from recorder._core.decode import Scanner, read_contents
    from recorder.trace.contents import Entry, is_within

    file = TraceFile(cut)
    narrowed = 0
    for chunk in file.of(ChunkType.EVENTS):
        info = Scanner().chunk(file.payload(chunk), chunk.head.first_event)
        raw = read_contents(info.contents + info.digest)
        assert raw is not None
        entry = Entry._make(raw)
        assert is_within(entry, entry)
        for code, ranges in entry.ranges.items():
            for slot, (low, high) in ranges.items():
                if low == high:
                    continue
                lie = {**entry.ranges, code: {**ranges, slot: (low, low)}}
                assert not is_within(entry, entry._replace(ranges=lie))
                assert is_within(entry._replace(ranges=lie), entry)
                narrowed += 1
    file.close()
    assert narrowed > 10
