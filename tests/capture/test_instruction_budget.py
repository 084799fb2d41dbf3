"""The command that counts instructions per event and holds them to a budget."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.tape_tools import on_one_python

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "benchmarks" / "instructions.py"
BUDGET = ROOT / "benchmarks" / "instruction_budget.json"
PROGRAM = "scalar loop"

needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind is not installed"
)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMMAND), PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
    )


def this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@on_one_python
@pytest.mark.timeout(300)
@needs_valgrind
def test_more_than_the_budget_is_no_success(tmp_path: Path) -> None:
    """With next to nothing allowed, the command fails, names the program and says how much it was. The events of the
    program are counted, each once."""
    budget = tmp_path / "budget.json"
    facts = {"compiler": "a made-up compiler", "instructions per event": {PROGRAM: 10.0}}
    budget.write_text(json.dumps({this_python(): facts}))  # there is none of ours for each Python
    exceeded = run("--budget", budget, "--profile")
    assert exceeded.returncode == 1, exceeded.stdout + exceeded.stderr
    of_another, line, *profile = exceeded.stdout.splitlines()
    assert of_another.startswith("the budget is for a made-up compiler, this is ")
    assert line.startswith(PROGRAM) and "EXCEEDED" in line
    assert 50 < float(line.split(": ")[1].split()[0]) < 2000
    calls = sum(int(text.split()[1].replace(",", "")) for text in profile if " calls, " in text)
    assert 4000 < calls < 4050  # five lines in each of 800 rounds
    assert not any(
        "on_jump" in text for text in profile
    )  # switched off: the jump back leads to another line


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_valgrind
def test_what_was_counted_is_a_budget_that_holds(tmp_path: Path) -> None:
    """Counted twice, the same recording executes the same, within the tolerance."""
    budget = tmp_path / "budget.json"
    updated = run("--update", "--budget", budget)
    assert updated.returncode == 0, updated.stdout + updated.stderr
    kept = run("--budget", budget)
    assert kept.returncode == 0, kept.stdout + kept.stderr


def test_a_program_without_a_budget_is_no_success() -> None:
    spec = importlib.util.spec_from_file_location("instructions", COMMAND)
    assert spec is not None and spec.loader is not None
    instructions = importlib.util.module_from_spec(spec)
    sys.modules["instructions"] = instructions
    try:
        spec.loader.exec_module(instructions)
    finally:
        del sys.modules["instructions"]
    compared = list(
        instructions.compare(
            {"new": 10.0, "same": 102.0, "more": 104.0}, {"same": 100.0, "more": 100.0}
        )
    )
    assert [ok for _, ok in compared] == [False, True, False]
    assert "no budget" in compared[0][0]


def test_every_supported_python_has_a_budget_for_every_program() -> None:
    budgets = json.loads(BUDGET.read_text())
    assert set(budgets) == {"3.11", "3.12", "3.13"}
    programs = {frozenset(facts["instructions per event"]) for facts in budgets.values()}
    assert len(programs) == 1
    assert all(facts["compiler"] for facts in budgets.values())
