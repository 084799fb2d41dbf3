"""Which events of two recordings stand for each other, and what is known of those that have none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from recorder.trace import aligned
from recorder.trace.aligned import Aligned, Place
from recorder.trace.compare import Comparison
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from tests.conftest import ENVIRONMENT
from tests.tools.warm import Warm

PROGRAM = """
import sys, threading

def same(n):
    for i in range(n):
        n += i
    return n

def other(words):
    found = []
    for word in words:
        found.append(word)
    return found

def work(words):
    for word in words:
        if word == "more":
            other(words)
        same(20)
    return len(words)

work(WORDS)
worker = threading.Thread(target=work, args=(WORDS[1:],), name="worker")
worker.start()
worker.join()
END
"""
RUNS = {
    "same": (["a", "b"], "pass"),
    "more": (["a", "more", "b", "more"], "pass"),
    "end": (["a", "b"], "work(WORDS)"),
    "none": ([], "pass"),
}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Iterator[dict[str, Trace]]:
    with ExitStack() as opened:
        found = {}
        for name, (words, end) in RUNS.items():
            program = tmp_path_factory.mktemp(name) / "app.py"  # files are compared by their name
            program.write_text(PROGRAM.replace("END", end).replace("WORDS", repr(words)))
            trace = program.with_suffix(".rtrace")
            command = ["run", "-o", str(trace), str(program)]
            warm.run(command, ENVIRONMENT, program.parent, timeout=60).check_returncode()
            found[name] = opened.enter_context(open_trace(trace))
        yield found


def pairs(a: Trace, b: Trace) -> dict[int, int]:
    """As the comparison goes through them."""
    found: dict[int, int] = {}
    one = Comparison(a, b, strict=True, paired=lambda x, y, _: found.update({x.seq: y.seq}))
    for _ in one.differences():
        pass
    return found


@pytest.mark.parametrize("longest", [3, 256])
@pytest.mark.parametrize("b", RUNS)
@pytest.mark.parametrize("a", RUNS)
def test_each_event_has_the_one_that_stands_for_it(
    traces: dict[str, Trace], monkeypatch: pytest.MonkeyPatch, a: str, b: str, longest: int
) -> None:
    monkeypatch.setattr(aligned, "LONGEST", longest)
    both = traces[a], traces[b]
    found = Aligned(*both)
    for _ in found.go():
        pass
    forth = pairs(*both)
    back = {y: x for x, y in forth.items()}
    assert len(forth) > 20 or "none" in (a, b)
    numbers = [of_threads(trace) for trace in both]
    for side, twins in enumerate((forth, back)):
        for event in both[side].events():
            place = found.place(both, side, event)
            assert place.twin == twins.get(event.seq), (side, event)
            if place.twin is None:
                _is_between(numbers, place, side, event, twins)


def of_threads(trace: Trace) -> dict[int, list[int]]:
    """The events of each thread."""
    found: dict[int, list[int]] = {}
    for event in trace.events():
        found.setdefault(event.thread.number, []).append(event.seq)
    return found


def _is_between(
    numbers: list[dict[int, list[int]]],
    place: Place,
    side: int,
    event: Event,
    twins: dict[int, int],
) -> None:
    """Its thread has parted from the other one behind the last event that has a twin, and meets it at the next."""
    own = numbers[side][event.thread.number]
    at = own.index(event.seq)
    before = next((n for n in reversed(own[:at]) if n in twins), None)
    after = next((n for n in own[at:] if n in twins), None)
    if place.meet is not None:
        assert (place.meet[side], place.meet[1 - side]) == (after, twins[after or 0])
    if before is not None:
        assert place.parted[side] == own[own.index(before) + 1]
        (others,) = (those for those in numbers[1 - side].values() if twins[before] in those)
        behind = others[others.index(twins[before]) + 1 :][:1]
        if behind and place.meet is not None and behind[0] >= place.meet[1 - side]:
            behind = []
        assert place.parted[1 - side] == next(iter(behind), None)


def test_a_part_is_known_before_the_whole(traces: dict[str, Trace]) -> None:
    """And what is said of it then is what is said in the end."""
    both = traces["same"], traces["more"]
    found = Aligned(*both)
    going = found.go()
    next(going)
    known = [event for event in both[0].events() if found.is_known(0, event.thread.number, event.seq)]  # fmt: skip
    assert 0 < len(known) < len(both[0])
    then = [found.place(both, 0, event) for event in known]
    for _ in going:
        pass
    assert found.is_over and then == [found.place(both, 0, event) for event in known]


def test_what_has_no_twin_is_known_as_soon_as_the_two_meet_again(traces: dict[str, Trace]) -> None:
    both = traces["same"], traces["more"]
    first = next(Comparison(*both, values=False, strict=True).differences())
    assert first.what == "flow" and first.resumed is not None
    found = Aligned(*both)
    next(found.go())
    for side, meet in enumerate(first.resumed[:2]):
        thread = meet.thread.number
        own = [event.seq for event in both[side].events() if event.thread.number == thread]
        known = [seq for seq in own if found.is_known(side, thread, seq)]
        assert known == [seq for seq in own if seq < meet.seq]
