"""What `grep` finds is what a search through every value finds; the core, which passes over most, loses no place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.trace import occurrences
from recorder.trace.literals import literal_in
from recorder.trace.occurrences import INDEX, compiled
from recorder.trace.reader import Trace, open_trace
from tests.tools.rechunk import rechunked

PROGRAMS = Path(__file__).parent.parent / "programs"
ASKED = ("exceptions", "global_names", "instances", "text_values", "typed_values")
PATTERNS = (
    "a", "[a-c]", "key", r"\d\d", "^1", "1$", r"\.", "True", "None", "x..", "(?i)ERROR", "Error", "n(a|o)", "x41",
    "main", r"[^\x00-\x7f]", "'", "-", "e", "in", "value", "ma?in", "(?:one|two)", "no such text",
)  # fmt: skip

TraceOf = Callable[[Path], Path]
Found = list[tuple[str, str, str, int, int, int]]

WORDS = """
from decimal import Decimal
class Text(str):
    pass
class Person:
    def __init__(self, name):
        self.name = name
        self.seen = []
def visit(person, note):
    person.seen.append(note)
    raw = note.encode("utf-8") + b"\\xab\\n"
    pair = (note, [note, {"key": note}], Text(note))
    pair[1].append(pair)
    number = complex(len(note), float("inf"))
    return raw
people = [Person("main"), Person("wörld")]
for turn in range(30):
    for person in people:
        visit(person, f"visit{turn % 7} gzip")
    if turn % 10 == 9:
        try:
            raise LookupError(f"turn {turn}")
        except LookupError:
            pass
"""


@pytest.fixture(scope="module", params=[*ASKED, "words"])
def trace(
    request: pytest.FixtureRequest, trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trace]:
    folder = tmp_path_factory.mktemp("occurrences")
    source = PROGRAMS / f"{request.param}.py"
    if request.param == "words":
        source = folder / "words.py"
        source.write_text(WORDS)
    path = folder / "cut.rtrace"
    path.write_bytes(rechunked(trace_of(source), 4, seed=2))
    with open_trace(path) as opened:
        yield opened


def brute(trace: Trace, pattern: re.Pattern[str]) -> Found:
    """Every part of everything new at every event."""
    search = occurrences._Search(pattern)
    search.needle = b""
    found: dict[tuple[int, str, str, str], tuple[int, int, int]] = {}
    for event in trace:
        for what, name, value in occurrences._values(event):
            for path in search.paths(value):
                key = event.function.number, what, name, INDEX.sub("[]", path)
                first, last, count = found.get(key, (event.seq, -1, 0))
                found[key] = first, event.seq, count + (last != event.seq)
    return [(*key[1:], *counts) for key, counts in found.items()]


def test_it_finds_what_a_search_through_all_finds(trace: Trace) -> None:
    some = 0
    for text in PATTERNS:
        asked = brute(trace, compiled(text))
        places = trace.grep(text)
        found = [
            (p.what, p.name, INDEX.sub("[]", p.path), p.event.seq, p.last, p.count) for p in places
        ]
        assert found == asked, text
        some += bool(found)
    assert some > len(PATTERNS) / 3


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("main", "main"), ("main4[78]", "main4"), ("[ab]main", "main"), ("(main)+x", "main"), ("(main)?", ""),
        ("main|other", ""), ("(?i)main", ""), ("ab", ""), ("ab_cd", "_cd"), ("x41", ""), ("nrt", ""), ("12345", ""),
        ("inf", ""), ("True", ""), ("TrueStory", "TrueStory"), ("hello world.*LongerName", "hello world"),
        (r"g\ng", ""), (r"\bword\b", "word"), ("(?=main)", ""), ("(?i:main)", ""), ("é_word", "_word"), ("1e+20", ""),
    ],
)  # fmt: skip
def test_the_text_that_stands_in_everything_that_matches(pattern: str, literal: str) -> None:
    assert literal_in(re.compile(pattern)) == literal


def test_each_part_is_asked_of_once(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not each value that has it."""
    asked: list[bytes] = []
    holds = occurrences._Search.holds
    monkeypatch.setattr(
        occurrences._Search,
        "holds",
        lambda self, raw, types: (asked.append(raw), holds(self, raw, types))[1],
    )
    assert trace.grep("no such (text|thing)") == []
    assert len(asked) == len(set(asked))
