"""The program never notices: each probe runs plain and recorded, and all it can see is compared; and again with a
recording that fails in the middle, where one line on stderr is all that may differ.

    python -m pytest tests/test_transparency.py -m ""    every probe, in every way; some minutes

Compared are stdout, stderr, exit status or signal, and the files it leaves. The recorded run must also leave a
finished trace and nothing else.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

import recorder
from tests.probes import PARTIAL, PROBES, RECORDER, Probe, Seen, normal, run

# What runs in every default test: where a failure in the middle is most likely to be seen.
FAILING = (
    "output", "uncaught recursion", "killed by SIGTERM", "signal handlers", "modules", "everything closed",
    "files where stderr was", "recursion depth", "tracebacks", "hostile objects", "asyncio", "threads",
    "daemon threads at the end", "fork", "exec", "audit hooks", "garbage", "stderr into stdout", "order of __del__",
)  # fmt: skip
FAILURES = {
    "a limit": ("--max-events", "{middle}"),
    "a sealer that fails": (),
}


@pytest.mark.parametrize("name", PROBES)
def test_the_program_does_not_notice(name: str, tmp_path: Path) -> None:
    case = PROBES[name]
    plain = run(tmp_path / "work", [sys.executable], case)
    recorded = run_recorded(tmp_path, case)
    assert normal(recorded) == normal(plain)
    assert verdict(tmp_path / "t") == case.verdict


def which_fail() -> list[object]:
    return [
        pytest.param(
            name, way, marks=() if name in FAILING and way == "a limit" else pytest.mark.slow
        )
        for way in FAILURES
        for name in PROBES
    ]


@pytest.mark.parametrize(("name", "way"), which_fail())
def test_nor_does_it_when_recording_fails_in_the_middle(
    name: str, way: str, tmp_path: Path
) -> None:
    case = PROBES[name]
    env = (("RECORDER_TEST_FAULTS", "sealer:poll:9:ENOMEM"),) if not FAILURES[way] else ()
    case = case._replace(env=case.env + env)
    plain = run(tmp_path / "work", [sys.executable], case)
    run_recorded(tmp_path, case._replace(env=case.env[: len(case.env) - len(env)]))
    options = [option.format(middle=middle_of(tmp_path / "t")) for option in FAILURES[way]]
    failed = run_recorded(tmp_path, case, *options)
    told, failed = without_our_line(failed)
    assert normal(failed) == normal(plain)
    assert told == ([] if case.deaf else ["ERR_LIMIT_REACHED"])
    assert verdict(tmp_path / "t") == PARTIAL


def run_recorded(folder: Path, case: Probe, *options: str) -> Seen:
    traces = folder / "t"
    traces.mkdir(exist_ok=True)
    start = [*RECORDER, "-o", str(traces / "t.rtrace"), *options]
    return run(folder / "work", start, case)


def without_our_line(seen: Seen) -> tuple[list[str], Seen]:
    """The codes that we said a line of, wherever stderr led, and what is seen without it."""
    ours = re.compile(rb"recorder: \[(ERR_\w+)\][^\n]*\n")
    told = [code.decode() for text in (seen.stdout, seen.stderr) for code in ours.findall(text)]
    return told, seen._replace(stdout=ours.sub(b"", seen.stdout), stderr=ours.sub(b"", seen.stderr))


def verdict(traces: Path) -> int:
    """What the last bytes of the trace say, once it is there and nothing else."""
    await_trace(traces)
    end = (traces / "t.rtrace").read_bytes()[-64:]
    assert end[:8] == b"RVERDICT"
    return end[8]


def middle_of(traces: Path) -> int:
    """The number of the event in the middle of those at which a limit is looked at."""
    await_trace(traces)
    with recorder.open_trace(traces / "t.rtrace") as trace:
        numbers = [event.seq for event in trace.events() if event.kind in ("call", "line")]
    return max(numbers[len(numbers) // 2], 1)


def await_trace(traces: Path) -> None:
    deadline = time.monotonic() + 5
    while os.listdir(traces) != ["t.rtrace"] and time.monotonic() < deadline:
        time.sleep(0.01)  # of a program that was killed, the sealer publishes the trace
    assert os.listdir(traces) == ["t.rtrace"]


def test_there_are_many_probes() -> None:
    assert len(PROBES) >= 190
    assert set(FAILING) <= set(PROBES)
