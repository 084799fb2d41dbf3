"""A lane's thread answers again whatever becomes of the exception by which a question is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.view import lanes


def pass_over(begun: threading.Event) -> bytes:
    """As the end of a generator does, where Python prints what is raised."""
    try:
        begun.set()
        while True:
            pass
    except BaseException:
        return b"passed over"


def let_through(begun: threading.Event) -> bytes:
    begun.set()
    while True:
        pass


def end_at_once(begun: threading.Event) -> bytes:
    """It is raised while the answer is on its way."""
    begun.set()
    return b"in time"


@pytest.mark.parametrize("answering", [pass_over, let_through, end_at_once])
def test_a_cancelled_question_leaves_the_lane_to_the_next(
    answering: Callable[[threading.Event], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        pass
    begun = threading.Event()

    def answer(_: Any, name: str, __: Any) -> tuple[bool, bytes]:
        return True, answering(begun) if name == "slow" else b"next"

    async def ask(lane: lanes.Lane) -> tuple[bool, bytes]:
        slow = asyncio.create_task(lane.ask("slow", {}))
        await asyncio.to_thread(begun.wait)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        return await asyncio.wait_for(lane.ask("next", {}), 60)

    monkeypatch.setattr(lanes, "answer", answer)
    with lanes.Lanes([str(tmp_path / "p.rtrace")]) as opened:
        assert asyncio.run(ask(opened.slow[0])) == (True, b"next")
