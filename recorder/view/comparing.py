"""Where two of the traces that are shown differ."""

from __future__ import annotations

import threading
from itertools import islice
from time import sleep
from typing import Any, Final

from recorder import errors
from recorder.cli import diff
from recorder.trace.aligned import Aligned
from recorder.trace.compare import Comparison
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from recorder.view.parameters import Parameters

ROWS: Final = 200  # differences at most
BEAT: Final = 0.02  # seconds after which it is looked whether the place is known by now


def differences(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """As `recorder diff --json` has them. `other`: the path of the other trace. `more`: whether there are more."""
    with open_trace(asked.needed("other")) as other:
        comparison = Comparison(trace, other)
        found = list(islice(comparison.differences(), ROWS + 1))
        more = len(found) > ROWS
        return {
            "rows": [diff.as_json(one) for one in found[:ROWS]],
            "summary": diff.summary(comparison, min(len(found), ROWS), more),
        }


def aligned(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """The event of the other trace that stands for one of this one. `there`: it, or, where there is none, where the
    other one is then: at its first event that has none either, or where the two meet again. `parted`, `meet`: the
    events of this one and of the other; see `Place`."""
    event = trace.at(asked.number("seq")).event
    aligner, side = _aligner(trace.path, asked.needed("other"))
    found = aligner.known(side, event)
    with open_trace(asked.needed("other")) as other:
        place = found.place((trace, other) if side == 0 else (other, trace), side, event)
    parted = place.parted[side], place.parted[1 - side]
    meet = None if place.meet is None else (place.meet[side], place.meet[1 - side])
    there = [place.twin, parted[1], None if meet is None else meet[1]]
    return {
        "twin": place.twin,
        "there": next((one for one in there if one is not None), None),
        "alignment": place.alignment,
        "parted": parted,
        "meet": meet,
    }


class Aligner:
    """Goes through two traces beside what is asked, with views of them of its own."""

    def __init__(self, paths: tuple[str, str]) -> None:
        self._paths = paths
        self._aligned: Aligned | None = None
        self._failure: errors.RecorderError | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def known(self, side: int, event: Event) -> Aligned:
        """Waits until the event's place is known. Raises what the traces raise."""
        while True:
            if self._failure is not None:
                raise self._failure
            now = self._aligned
            if now is not None and now.is_known(side, event.thread.number, event.seq):
                return now
            sleep(BEAT)

    def _run(self) -> None:
        try:
            with open_trace(self._paths[0]) as a, open_trace(self._paths[1]) as b:
                self._aligned = Aligned(a, b)
                for _ in self._aligned.go():
                    pass
        except errors.RecorderError as exc:
            self._failure = exc


_aligners: dict[tuple[str, str], Aligner] = {}


def _aligner(path: str, other: str) -> tuple[Aligner, int]:
    """That of two traces, whichever of them asks; and which of its two the first one is."""
    paths = (path, other) if path <= other else (other, path)
    if paths not in _aligners:
        _aligners[paths] = Aligner(paths)
    return _aligners[paths], int(path > other)
