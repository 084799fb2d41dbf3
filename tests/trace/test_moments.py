"""A moment as a person says it, at each border: of every unit, at an event, one nanosecond before and behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recorder import errors
from recorder._core.decode import Scanner
from recorder.trace import moments
from recorder.trace.reader import Trace, open_trace
from tests.tools import reference_writer as w

BEGAN = 10**18
# Nanoseconds since the beginning: each unit has events of its own.
TIMES = (0, 1, 300, 1_000, 2_500, 1_000_000, 20_000_000, 1_000_000_000, 1_500_000_000, 60 * 10**9)
UNITS = {"ns": 0, "us": 3, "µs": 3, "ms": 6, "s": 9}  # and how many digits a nanosecond is behind


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    """An event at each of these times, in two chunks."""
    file = w.File()
    file.meta()
    scanner = Scanner()
    head = w.clock(0, 0, BEGAN) + w.def_file(0, "/app.py") + w.def_thread(0, 77, "MainThread")
    records = head + w.def_code(0, 0, 1, 0, "f", "f", 0, []) + w.thread(0)
    before = 0
    for n, time in enumerate(TIMES, 1):
        kind = "call" if n % 2 else "return"
        records += w.enter(0) if n % 2 else b""
        records += w.event(kind, time - before, b"" if n % 2 else w.value(None))
        before = time
        if n in (6, len(TIMES)):
            info = scanner.segment(records, file.events)
            assert info.damage is None
            file.segment(info.preamble + records, info.events)
            records = b""
    path = tmp_path_factory.mktemp("moments") / "app.rtrace"
    path.write_bytes(file.close())
    with open_trace(path) as opened:
        assert [event.time - BEGAN for event in opened.events()] == [*TIMES]
        yield opened


def spoken(time: int, unit: str) -> str:
    """Exactly that time."""
    digits = UNITS[unit]
    whole, rest = divmod(time, 10**digits)
    return f"{whole}.{rest:0{digits}}{unit}" if rest else f"{whole}{unit}"


@pytest.mark.parametrize("unit", UNITS)
def test_a_time_is_the_first_event_at_it_or_behind(trace: Trace, unit: str) -> None:
    for time in {time + step for time in TIMES for step in (-1, 0, 1)} - {-1}:
        at_or_behind = [seq for seq, there in enumerate(TIMES) if there >= time]
        border = at_or_behind[0] if at_or_behind else len(TIMES)
        text = spoken(time, unit)
        assert moments.border_at(trace, text, "since") == border, text
        assert moments.event_at(trace, f" {text} ", "at") == min(border, len(TIMES) - 1), text


@pytest.mark.parametrize(
    ("part", "border"),
    [
        ("0%", 0), ("9.99%", 0), ("10%", 1), ("50%", 5), ("99%", 9), ("100%", 10), ("101%", 10),
        ("1000%", 10),
    ],
)  # fmt: skip
def test_a_part_of_ten_events(trace: Trace, part: str, border: int) -> None:
    assert moments.border_at(trace, part, "since") == border
    assert moments.event_at(trace, part, "at") == min(border, 9)


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 10**17, 10**18 - 1])
def test_a_number_is_taken_as_it_is(trace: Trace, number: int) -> None:
    for ask in (moments.border_at, moments.event_at):
        assert ask(trace, f" {number}", "at") == number


@pytest.mark.parametrize("text", ["999999999999999999s", "100000000000000000.999999999s"])
def test_what_is_longer_than_any_recording_is_behind_it(trace: Trace, text: str) -> None:
    assert moments.border_at(trace, text, "until") == len(TIMES)


@pytest.mark.parametrize(
    "text",
    [
        "", "-1", "-1s", "1.5", ".5s", "1.s", "1 s", "1m", "s", "%", "1e3", "1_000", "٣", "1,5s", "1S",
        "1" * 19, "1." + "1" * 10 + "s",
    ],
)  # fmt: skip
def test_what_is_no_moment(trace: Trace, text: str) -> None:
    for ask in (moments.border_at, moments.event_at):
        with pytest.raises(errors.InvalidArgumentError, match=r"since.*an event's number, a time"):
            ask(trace, text, "since")
