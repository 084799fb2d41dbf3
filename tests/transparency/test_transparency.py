"""The program never notices: each probe runs plain and recorded, and all it can see is compared; and again with a
recording that fails in the middle, where one line on stderr is all that may differ.

    python -m pytest tests/transparency/test_transparency.py -m ""    every probe, in every way; some minutes

Compared are stdout, stderr, exit status or signal, and the files it leaves. The recorded run must also leave a
finished trace and nothing else.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import recorder
from recorder.trace import recovery
from tests.tools.probes import PARTIAL, PROBES, RECORDER, Probe, Seen, environment, normal, run
from tests.tools.tape_tools import in_turn
from tests.tools.warm import Warm

# What runs in every default test: where most is likely to be seen. Of the other probes, a half.
FAILING = (
    "output", "uncaught recursion", "killed by SIGTERM", "signal handlers", "modules", "everything closed",
    "files where stderr was", "recursion depth", "tracebacks", "hostile objects", "asyncio", "threads",
    "daemon threads at the end", "fork", "exec", "audit hooks", "garbage", "stderr into stdout", "order of __del__",
    "a trace function of its own",
)  # fmt: skip


class Way(NamedTuple):
    """How a recording fails in the middle."""

    code: str
    options: tuple[str, ...] = ()
    fault: str = ""  # as RECORDER_TEST_FAULTS has it
    sabotage: str = ""  # what the program does to it


WAYS = {
    "a limit": Way("ERR_LIMIT_REACHED", ("--max-events", "{middle}")),
    "its sealer cannot write": Way("ERR_DISK_FULL", fault="sealer:pwrite:1:ENOSPC"),
    "its sealer is killed": Way("ERR_SEALER_DIED", fault="sealer:pwrite:3:KILL"),
    "its memory is cut off": Way(
        "ERR_MAPPING_LOST",
        sabotage="""
def _cut():
    import os
    t = os.path.join(os.path.dirname(os.getcwd()), "t")
    for name in os.listdir(t) if os.path.isdir(t) else ():
        for index in range(4) if ".partial-" in name else ():
            try:
                os.truncate(os.path.join(t, name, f"segment-{index}"), 0)
            except FileNotFoundError:  # that was noticed, and the recording is over
                pass
_cut()
""",
    ),
}
# What a sealer notices: more than the ring holds, so that the failure is met here and the probe runs after it.
FILL = """
def _fill():
    for turn in range(2000):
        texts = ["x" * 1000 + str(turn)] * 12
_fill()
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm(environment(), isolated=True) as warm:
        yield warm


@pytest.mark.parametrize("name", in_turn(PROBES, of=3, always=FAILING))
def test_the_program_does_not_notice(name: str, tmp_path: Path, warm: Warm) -> None:
    case = PROBES[name]
    plain = run(tmp_path / "work", [sys.executable], case)
    recorded = run_recorded(warm, tmp_path, case)
    assert normal(recorded) == normal(plain)
    assert verdict(tmp_path / "t") == case.verdict


def which_fail() -> list[object]:
    always = [*((name, "a limit") for name in FAILING), *(("modules", way) for way in WAYS)]
    return [
        pytest.param(name, way, marks=() if (name, way) in always else pytest.mark.slow)
        for way in WAYS
        for name, case in PROBES.items()
        if name != "syntax error" and (way == "a limit" or can_be_filled(case))  # it never begins
    ]


def can_be_filled(case: Probe) -> bool:
    """A recording that a sealer fails has to be a long one. What runs no file of its own, or with an environment that
    has to be empty, has none."""
    return any("probe.py" in word for word in case.command) and not case.bare


@pytest.mark.parametrize(("name", "way"), which_fail())
def test_nor_does_it_when_recording_fails_in_the_middle(
    name: str, way: str, tmp_path: Path, warm: Warm
) -> None:
    case, how = PROBES[name], WAYS[way]
    if how.fault or how.sabotage:
        case = filled(case, how)
        options = ()
    else:
        run_recorded(warm, tmp_path, case)
        options = tuple(o.format(middle=middle_of(tmp_path / "t")) for o in how.options)
    plain = run(tmp_path / "work", [sys.executable], case)
    told, failed = without_our_line(run_recorded(warm, tmp_path, case, *options))
    assert normal(failed) == normal(plain)
    assert told == [how.code] or (case.deaf and not told)
    if how is WAYS["its sealer is killed"]:
        recover_what_is_left(tmp_path / "t")
    assert verdict(tmp_path / "t") == PARTIAL


def recover_what_is_left(traces: Path) -> None:
    """Without its sealer, a program closes its trace when it ends: unless it is killed, becomes another program,
    has not begun, or finds no library to compress with (-S)."""
    (left,) = traces.iterdir()
    if left.is_dir():
        recovery.recover(left)


def filled(case: Probe, how: Way) -> Probe:
    """The probe, after a beginning in which its recording fails."""
    first, end, rest = (
        case.code.partition("\n") if "-x" in case.command[:1] else ("", "", case.code)
    )
    code = f"{first}{end}{how.sabotage}{FILL}{rest}"
    fault = (("RECORDER_TEST_FAULTS", how.fault),) if how.fault else ()
    return case._replace(code=code, env=case.env + fault)


def run_recorded(warm: Warm, folder: Path, case: Probe, *options: str) -> Seen:
    traces = folder / "t"
    traces.mkdir(exist_ok=True)
    start = [*RECORDER, "-o", str(traces / "t.rtrace"), *options]
    return run(folder / "work", start, case, warm)


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
    """The number of the event in the middle of those at which a limit is looked at: of the probe's own, if it has a
    file. How often a pool waits, and so how many events there are behind it, is a matter of time."""
    await_trace(traces)
    with recorder.open_trace(traces / "t.rtrace") as trace:
        looked = [event for event in trace.events() if event.kind in ("call", "line")]
    own = [event.seq for event in looked if event.file.endswith("probe.py")]
    numbers = own or [event.seq for event in looked]
    return max(numbers[len(numbers) // 2], 1)


def await_trace(traces: Path) -> None:
    deadline = time.monotonic() + 5
    while os.listdir(traces) != ["t.rtrace"] and time.monotonic() < deadline:
        time.sleep(0.01)  # of a program that was killed, the sealer publishes the trace
    assert os.listdir(traces) == ["t.rtrace"]


def test_there_are_many_probes() -> None:
    assert len(PROBES) >= 190
    assert set(FAILING) <= set(PROBES)
