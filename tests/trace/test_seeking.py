"""How far is read for a step back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.trace.reader import open_trace
from recorder.trace.seeking import ALL, STEP, Seeker
from tests.tools.rechunk import rechunked

PROGRAM = """
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

work(20_000)
"""


def test_after_a_long_way_those_back_are_short(
    tmp_path: Path, trace_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "long_chunk.py"
    program.write_text(PROGRAM)
    whole = tmp_path / "whole.rtrace"
    whole.write_bytes(rechunked(trace_of(program), 1))
    read: list[int] = []
    skip = Seeker._skip

    def counted(self: Seeker, seq: int) -> None:
        before = self.reader.seq
        skip(self, seq)
        read.append(self.reader.seq - before)

    monkeypatch.setattr(Seeker, "_skip", counted)
    # As where the state is so large that checkpoints are far apart.
    monkeypatch.setattr(Seeker, "_next_checkpoint", lambda self: ALL)
    with open_trace(whole) as trace:
        events = len(trace)
        assert events > 4 * STEP
        far = trace.at(events - 10)
        assert sum(read) > events - 20
        for back in (1, 100, STEP // 16, STEP // 2, STEP):
            read.clear()
            earlier = trace.at(far.event.seq - back).event
            assert earlier.seq == far.event.seq - back
            assert sum(read) <= STEP, back
            i, total = (int(earlier.locals[name].show()) for name in ("i", "total"))
            assert total in (sum(range(i)), sum(range(i + 1))), back
