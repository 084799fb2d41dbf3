"""Which selector each question takes, and that it leaves out what is not asked for, and nothing else."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.cli import main
from recorder.cli.commands import COMMANDS
from recorder.cli.queries import SELECTORS
from recorder.trace.reader import open_trace

PROGRAM = """
import asyncio

async def work(name, times):
    done = []
    for turn in range(times):
        done.append(f"{name} {turn}")
        await asyncio.sleep(0)
        step(turn)
    return done

def step(turn):
    try:
        raise LookupError(turn)
    except LookupError:
        found = turn
    return found

async def all_of_them():
    await asyncio.gather(*(asyncio.create_task(work(n, 3), name=f"task {n}") for n in "ab"))

asyncio.run(all_of_them())
"""
QUESTIONS = {
    "calls": [], "check": ["turn < 9"], "exceptions": [], "find": ["--function", "work"], "grep": ["[01]"],
    "history": ["turn"], "print": [], "watch": ["turn"],
}  # fmt: skip
LINE_OF = {"exceptions": "raise LookupError", "history": "for turn", "watch": "for turn"}
TraceOf = Callable[[Path], Path]


@pytest.fixture(scope="module")
def recorded(trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("selectors") / "selected.py"
    path.write_text(PROGRAM)
    return trace_of(path)


def asked(
    capsys: pytest.CaptureFixture[str], question: str, trace: Path, *more: str
) -> list[dict[str, Any]]:
    main([question, str(trace), *QUESTIONS[question], "--json", *more])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("question", [q for q in SELECTORS["task"] if q not in ("check", "grep")])
def test_a_task(capsys: pytest.CaptureFixture[str], recorded: Path, question: str) -> None:
    everything = asked(capsys, question, recorded)
    found = asked(capsys, question, recorded, "--task", "task b")
    of_task = [one for one in everything if one["task"] == "task b"]
    if question == "find":
        of_task = [{**one, "hit": number} for number, one in enumerate(of_task, 1)]
    if question == "watch":
        assert [one["seq"] for one in found] == [one["seq"] for one in of_task]
        return
    assert found == of_task
    assert 0 < len(found) < len(everything)


def test_a_task_of_check_and_grep(capsys: pytest.CaptureFixture[str], recorded: Path) -> None:
    """Which count, and tell of a place once: of its task alone."""
    (everything,) = asked(capsys, "check", recorded)
    (found,) = asked(capsys, "check", recorded, "--task", "task b")
    assert 0 < found["held"] < everything["held"]
    places = asked(capsys, "grep", recorded, "--task", "task b")
    assert places and {one["task"] for one in places if "task" in one} == {"task b"}
    assert sum(one["events"] for one in places if "events" in one) < sum(
        one["events"] for one in asked(capsys, "grep", recorded) if "events" in one
    )


@pytest.mark.parametrize("question", SELECTORS["line"])
def test_a_line(capsys: pytest.CaptureFixture[str], recorded: Path, question: str) -> None:
    text = LINE_OF.get(question, "done.append")
    line = next(n for n, row in enumerate(PROGRAM.splitlines(), 1) if text in row)
    found = asked(capsys, question, recorded, "--line", str(line))
    assert found
    assert {one["line"] for one in found if one.get("what") not in ("function", "variable", "global")
            or "seq" in one} == {line}  # fmt: skip
    if question in ("print", "exceptions", "history"):
        assert found == [one for one in asked(capsys, question, recorded) if one["line"] == line]


@pytest.mark.parametrize("question", SELECTORS["backwards"])
def test_backwards(capsys: pytest.CaptureFixture[str], recorded: Path, question: str) -> None:
    forwards = [key(one) for one in asked(capsys, question, recorded)]
    assert [key(one) for one in asked(capsys, question, recorded, "--backwards")] == forwards[::-1]
    found = asked(capsys, question, recorded, "--backwards", "--limit", "2")
    assert [key(one) for one in found] == forwards[:-3:-1]


def key(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["seq"], one["function"], one["line"]


def test_each_question_takes_what_is_said_and_nothing_else(recorded: Path) -> None:
    for selector, questions in SELECTORS.items():
        assert {name for name in COMMANDS if selector in options(name)} == set(questions), selector
    with open_trace(recorded) as trace:
        assert {call.task.name for call in trace.calls("step") if call.task} == {"task a", "task b"}


def options(command: str) -> set[str]:
    module = importlib.import_module(COMMANDS[command][0])
    if not hasattr(module, "add_parser"):
        return set()
    choices = argparse.ArgumentParser().add_subparsers()
    module.add_parser(choices)
    return {action.dest for one in choices.choices.values() for action in one._actions}
