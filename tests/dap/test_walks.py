"""Random walks through traces of random programs: whatever way one came to a moment, it is the same one, and what is
walked forwards is walked back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tools import random_programs
from tests.tools.dap_client import Client, Failed, Session
from tests.tools.tape_tools import in_turn

MOVES = ["next", "stepIn", "stepOut", "continue", "stepBack", "reverseContinue",
         "recorder.stepBackIn", "recorder.stepBackOut"]  # fmt: skip
REQUESTS = 400
SEEDS = [*in_turn(range(6), of=3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(6, 30))]

Seen = tuple[list[tuple[str, int]], dict[str, str]]


@pytest.fixture
def walker(
    request: pytest.FixtureRequest,
    session: Session,
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
) -> Session:
    path = tmp_path / f"walked_{request.node.name.translate(str.maketrans('[]-', '___'))}.py"
    path.write_text(random_programs.source(request.node.callspec.params["seed"]))
    session.attach(trace_of(path))
    lines = range(1, path.read_text().count("\n"), 7)
    session.break_at(path, *lines)
    session.begin()
    return session


def seen(session: Client, stack: list[tuple[str, int]]) -> Seen:
    return stack, {name: one["value"] for name, one in session.variables().items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_moment_is_the_same_whatever_way_one_came(walker: Session, seed: int) -> None:
    chance = random.Random(seed)
    events = walker.ask("recorder.position")["events"]
    known: dict[tuple[int, int], Seen] = {}
    for _ in range(REQUESTS // 4):
        if chance.random() < 0.2:
            stop = walker.move("recorder.goto", seq=chance.randrange(events))
        else:
            stop = walker.move(chance.choice(MOVES))
        where = walker.ask("recorder.position")["seq"]
        found = seen(walker, stop.stack)
        assert known.setdefault((where, len(stop.stack)), found) == found
        for name, value in found[1].items():
            if name.isidentifier() and name[:2] != "__":
                assert is_said(walker, name, value)
                break


def is_said(session: Client, name: str, value: str) -> bool:
    """Whether what is evaluated is what is shown. What is not known of it may be said in another way."""
    try:
        answer = session.evaluate(name)
    except Failed:
        return value.startswith("<")
    return answer == value or answer.startswith("unknown") or value.endswith(")")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_walked_forwards_is_walked_back(walker: Session, seed: int) -> None:
    ways: list[list[int]] = []
    path = Path(walker.ask("stackTrace", threadId=1)["stackFrames"][0]["source"]["path"])
    walker.break_at(path)
    for move in ("stepIn", "recorder.stepBackIn"):
        way: list[int] = []
        for _ in range(REQUESTS):
            note(walker, way)
            if "text" in walker.move(move).body:
                break
        note(walker, way)
        ways.append(way)
    forwards, back = ways
    assert len(back) > 5 and back[::-1] == forwards[-len(back) :]


def note(session: Client, way: list[int]) -> None:
    """Where a line begins; a step forwards stops at the end of calls as well."""
    where: dict[str, Any] = session.ask("recorder.position")
    if where["kind"] == "line" and where["seq"] not in way[-1:]:
        way.append(where["seq"])
