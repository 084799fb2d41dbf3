"""Random programs, and breakpoints with random conditions: each stops where pdb's does, with the same stack, and what
pdb displays is what the expression comes to.

`python -m tests.trace.test_hits_at_random FIRST LAST` asks more of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.trace.reader import open_trace
from tests.conftest import ENVIRONMENT, ROOT
from tests.tools import breakpoint_programs, pdb_oracle
from tests.trace.test_hits import Displayed, by_event, where

SEEDS = range(6)


def differences(seed: int, folder: Path, record: Callable[[Path], Path]) -> tuple[int, list[str]]:
    """How many stops there were, and what differs."""
    text, points = breakpoint_programs.make(seed)
    program = folder / f"breakpoints_{seed}.py"
    program.write_text(text)
    done = subprocess.run(
        [sys.executable, pdb_oracle.__file__], input=json.dumps([(str(program), points)]), text=True,
        check=True, cwd=ROOT, stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    (stops,) = json.loads(done.stdout)
    found = []
    with open_trace(record(program)) as trace:
        met = []
        for line, condition, names, expression in points:
            hits = list(trace.hits("line", file=str(program), line=line, when=condition))
            met += [(hit.seq, hit, names, expression) for hit in hits]
            asked = sum(stop[0] == line for stop in stops)
            if len(hits) != asked or any(hit.kind == "maybe" for hit in hits):
                found.append(f"{program}:{line} {condition}: {len(hits)} and not {asked}: {hits}")
        displayed = Displayed(trace)
        for stop, (_, hit, _, expression) in zip(stops, sorted(met, key=by_event), strict=False):
            told = displayed.at(hit, expression)
            is_error = any("** raised" in one for one in stop[4])  # as pdb writes it
            here = [hit.event.line, hit.event.function.qualified_name, where(trace, hit)]
            if here != [stop[0], stop[1], stop[3]] or not (is_error or told == stop[4]):
                found.append(f"{program} at {hit.seq}: {here} {told}, and not {stop}")
    return len(stops), found


@pytest.mark.parametrize("seed", SEEDS)
def test_as_pdb(seed: int, tmp_path: Path, trace_of: Callable[[Path], Path]) -> None:
    stops, found = differences(seed, tmp_path, trace_of)
    assert not found
    assert stops


def recorded(program: Path) -> Path:
    path = program.with_suffix(".rtrace")
    words = [sys.executable, "-m", "recorder", "run", "-o", str(path), str(program)]
    subprocess.run(words, check=True, cwd=ROOT, env=ENVIRONMENT, timeout=60)
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        total = 0
        for number in range(int(sys.argv[1]), int(sys.argv[2])):
            times, wrong = differences(number, Path(made), recorded)
            total += times
            print(*wrong, sep="\n", end="\n" * bool(wrong), flush=True)
        print(total, "stops")
