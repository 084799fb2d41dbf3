"""The command that counts instructions per event and holds them to a budget."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ROOT / "benchmarks" / "instructions.py"
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


def budget_of(path: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(path.read_text())[this_python()]["instructions per event"]
    return found


@pytest.mark.timeout(600)
@needs_valgrind
def test_what_was_counted_is_a_budget_that_holds_until_it_is_lowered(tmp_path: Path) -> None:
    """Counted twice, the same recording executes the same, within the tolerance. With half as much
    allowed, the command fails and names the program."""
    budget = tmp_path / "budget.json"

    updated = run("--update", "--budget", budget)
    assert updated.returncode == 0, updated.stdout + updated.stderr
    counted = budget_of(budget)[PROGRAM]
    assert 50 < counted < 2000

    facts = json.loads(budget.read_text())
    facts[this_python()]["instructions per event"][PROGRAM] = counted / 2
    budget.write_text(json.dumps(facts))
    exceeded = run("--budget", budget)
    assert exceeded.returncode == 1
    (line,) = (line for line in exceeded.stdout.splitlines() if line.startswith(PROGRAM))
    assert "EXCEEDED" in line
    again = float(line.split(": ")[1].split()[0])
    assert again == pytest.approx(counted, rel=0.03)


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
    budgets = json.loads((ROOT / "benchmarks" / "instruction_budget.json").read_text())
    assert set(budgets) == {"3.11", "3.12", "3.13"}
    programs = {frozenset(facts["instructions per event"]) for facts in budgets.values()}
    assert len(programs) == 1
    assert all(facts["compiler"] for facts in budgets.values())
