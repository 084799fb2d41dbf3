"""Contents that are told once: TELL, TOLD and PATCH, and what stands at places, wherever a reading begins."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from recorder import errors
from recorder._core.decode import RawEvent, RawFrame, Reader, Scanner
from recorder.trace.format import MOST_TOLD, PLACES
from recorder.trace.redacting import Redactor
from tests.tools import reference_writer as w
from tests.tools import second_reader
from tests.trace.test_format_machine import HEAD

START = HEAD + w.event("call", 0)
LIST = w.value([1, 2, 300, "a text"])
PAIR = w.like(3, b"\x12\x02" + w.like(4, w.value([1])) + w.identity(5, w.value([2]), 8))


def expanded(doubts: int) -> bytes:
    inner = w.identity(4, w.value([1]), doubts | 2) + w.identity(5, w.value([2]), 8)
    return w.identity(3, b"\x12\x02" + inner, doubts)


def values(payload: bytes) -> list[bytes | None]:
    """What slot 0 is at each event."""
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, 0)
    found = []
    while (event := reader.next()) is not None:
        found.append(event._values[0] if event._values else None)
    return found


def of(*words: bytes) -> bytes:
    return START + b"".join(w.set_slot(0, word) + w.line(1) for word in words)


def test_a_variable_is_what_stands_at_the_place() -> None:
    words = (
        w.tell(0, LIST),
        w.value("x"),
        w.told(0),
        w.patch(0, 2, len(LIST) - 3, w.value(7)),
        w.told(0),
        w.patch(0, 0, 0, w.value("y")),
        w.tell(PLACES - 1, LIST),
        w.told(0),
        w.told(PLACES - 1),
    )
    patched = w.value([7, 2, 300, "a text"])
    expected = [LIST, w.value("x"), LIST, patched, patched]
    expected += [w.value("y"), LIST, w.value("y"), LIST]
    assert values(w.EMPTY_PREAMBLE + of(*words))[1:] == expected


def test_what_stands_there_is_written_with_the_doubts_of_the_moment() -> None:
    words = (
        w.tell(1, PAIR, 40),
        w.told(1, 44),
        w.patch(1, 0, len(PAIR), b"", 48),
        w.told(1, 1 << 40),
    )
    found = values(w.EMPTY_PREAMBLE + of(*words))[1:]
    assert found == [expanded(doubts) for doubts in (40, 44, 48, 1 << 40)]


def test_each_time_it_is_a_change_and_restated_whole() -> None:
    scanner = Scanner()
    scanner.segment(of(w.tell(0, LIST)) + w.set_slot(1, w.told(0)), 0)
    preamble = scanner.segment(w.line(1), 2).preamble
    assert w.set_slot(0, LIST) in preamble
    assert preamble.count(w.set_slot(1, LIST)) == 2  # once more behind BEGIN: no event has shown it
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(w.EMPTY_PREAMBLE + of(w.tell(0, LIST), w.told(0)), 0)
    changed = [list(reader.next()._changed_slots) for _ in range(3)]  # type: ignore[union-attr]
    assert changed == [[], [0], [0]]


def test_a_segment_knows_nothing_of_another_one() -> None:
    scanner = Scanner()
    assert scanner.segment(of(w.tell(0, LIST)), 0).damage is None
    assert scanner.segment(w.set_slot(0, w.told(0)), 2).damage is not None
    scanner = Scanner()
    assert scanner.chunk(w.EMPTY_PREAMBLE + of(w.tell(0, LIST))).damage is None
    assert scanner.segment(w.set_slot(0, w.told(0)), 2).damage is not None


def whole(seed: int) -> tuple[list[bytes], list[bytes]]:
    """SETs of all kinds, and what slot 0 is after each."""
    rng = random.Random(seed)
    there: dict[int, list[bytes]] = {}
    words, expected = [], []
    for n in range(rng.randrange(20, 200)):
        place = rng.choice((0, 1, 130, PLACES - 1))
        doubts = 4 * n
        if place not in there or rng.random() < 0.2:
            there[place] = [
                w.like(i, w.value([i, "x" * rng.randrange(30)])) for i in range(rng.randrange(5))
            ]
            words.append(w.tell(place, joined(there[place]), doubts))
        elif there[place] and rng.random() < 0.5:
            parts = there[place]
            at = rng.randrange(len(parts))
            before, after = joined(parts[:at], len(parts)), b"".join(parts[at + 1 :])
            parts[at] = w.like(at, w.value([rng.randrange(1000)]))
            words.append(w.patch(place, len(before), len(after), parts[at], doubts))
        else:
            words.append(w.told(place, doubts))
        unlike = (w.identity(part[1], part[2:], doubts | 2) for part in there[place])
        expected.append(w.identity(77, b"\x12" + w.varint(len(there[place])) + b"".join(unlike)))
    return words, expected


def joined(parts: list[bytes], count: int | None = None) -> bytes:
    return w.identity(
        77, b"\x12" + w.varint(len(parts) if count is None else count) + b"".join(parts)
    )


@pytest.mark.parametrize("seed", range(20))
def test_whatever_was_told_is_read_by_both_readers_and_from_each_event(seed: int) -> None:
    words, expected = whole(seed)
    payload = w.EMPTY_PREAMBLE + of(*words)
    assert values(payload)[1:] == expected
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, 0)
    reader.next()
    checkpoints = []
    for _ in words:
        checkpoints.append(reader.checkpoint())
        reader.next()
    rng = random.Random(seed)
    for at in rng.sample(range(len(words)), min(len(words), 20)):
        reader.rewind(*checkpoints[at])
        rest = [event._values[0] for event in iter(reader.next, None)]
        assert rest == expected[at:]
    assert sum(1 for _ in seconds(payload)) == len(words) + 1


@pytest.mark.parametrize("seed", range(20))
def test_a_chunk_may_begin_in_the_midst_of_a_segment(seed: int) -> None:
    words, expected = whole(seed)
    records = [w.set_slot(0, word) + w.line(1) for word in words]
    cut = random.Random(seed).randrange(1, len(words))
    scanner = Scanner()
    scanner.chunk(w.EMPTY_PREAMBLE + START + b"".join(records[:cut]))
    info = scanner.segment(b"".join(records[cut:]), 1 + cut, goes_on=True)
    assert info.damage is None
    payload = info.preamble + b"".join(records[cut:])
    assert values(payload) == expected[cut:]
    assert Scanner().chunk(payload, 1 + cut).digest == info.digest


@pytest.mark.parametrize("seed", range(10))
def test_a_redactor_leaves_what_is_no_secret(seed: int) -> None:
    words, expected = whole(seed)
    payload = w.EMPTY_PREAMBLE + of(*words)
    redactor = Redactor(("nothing_of_this_name",))
    assert values(redactor.chunk(payload))[1:] == expected


def test_a_redactor_tells_anew_what_it_has_left_out() -> None:
    """Slot 0 of the code is `a`, slot 1 `b`."""
    secret = w.identity(9, w.value({"iban": 5, "other": "some text"}))
    words = [
        w.set_slot(1, w.tell(0, LIST)),
        w.set_slot(0, w.told(0)),
        w.set_slot(0, w.tell(1, secret)),
        w.set_slot(0, w.value(1)),
        w.set_slot(0, w.told(1)),
        w.set_slot(0, w.patch(1, 0, len(secret), b"")),
    ]
    payload = w.EMPTY_PREAMBLE + START + b"".join(word + w.line(1) for word in words)
    found = Redactor(("iban", "b")).chunk(payload)
    hidden = w.identity(
        9, b"\x1a\x02" + w.value("iban") + b"\x1f" + w.value("other") + w.value("some text")
    )
    assert values(found)[2:] == [LIST, hidden, w.value(1), hidden, hidden]
    assert w.value({"iban": 5})[2:] not in found


# ---- damage --------------------------------------------------------------------------------------

BEFORE = w.tell(0, LIST)


@pytest.mark.parametrize(
    "word",
    [
        w.told(1),
        w.told(PLACES),
        w.told(2**63),
        w.tell(PLACES, LIST),
        w.tell(0, b""),
        w.tell(0, b"\x1d"),
        w.tell(0, w.told(0)),
        w.tell(0, w.value("x" * MOST_TOLD)),
        w.tell(0, LIST)[:-1],
        w.patch(1, 0, 0, LIST),
        w.patch(0, len(LIST) + 1, 0, b""),
        w.patch(0, len(LIST), 1, b""),
        w.patch(0, 2**64 - 1, 2, b""),
        w.patch(0, 0, 0, b""),
        w.patch(0, len(LIST) - 1, 0, b""),
        w.patch(0, len(LIST), 0, b"\x80"),
        w.patch(0, 0, 0, w.value("x" * MOST_TOLD)),
        w.patch(0, 1, 1, b"abc")[:-1],
        b"\x12\x01" + w.told(0),
        b"\x12\x01" + w.like(0, LIST),
        w.like(0, LIST),
        w.tell(0, w.like(0, w.like(1, LIST))),
        w.tell(0, w.identity(0, w.like(1, LIST))),
        w.tell(0, b"\x22\x00" + w.like(1, LIST)),
        w.tell(0, w.like(0, b"")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_damage(word: bytes) -> None:
    start = of(BEFORE)
    record = w.set_slot(0, word)
    info = Scanner().segment(start + record, 0)
    assert isinstance(info.damage, errors.TraceCorruptError)
    assert (info.valid, info.events) == (len(start), 2)
    with pytest.raises(errors.TraceCorruptError):
        values(w.EMPTY_PREAMBLE + start + record)
    with pytest.raises(second_reader.Damaged):
        list(seconds(w.EMPTY_PREAMBLE + start + record))
    assert Scanner().segment(start + w.set_slot(0, w.told(0)) + w.line(1), 0).damage is None


@pytest.mark.parametrize("word", [w.tell(0, LIST), w.told(0), w.patch(0, 0, 0, LIST)])
def test_a_preamble_has_none_of_it(word: bytes) -> None:
    scanner = Scanner()
    scanner.segment(START, 0)
    preamble = scanner.segment(w.line(1), 1).preamble
    begin = preamble.index(w.BEGIN, preamble.rindex(b"\x1b"))
    frame = preamble.index(b"\x1a")
    assert frame < begin
    at = begin - len(preamble[preamble.rindex(b"\x1b") : begin])
    damaged = preamble[:at] + w.set_slot(0, word) + preamble[at:] + w.line(1)
    assert Scanner().chunk(damaged, 1).damage is not None
    assert Scanner().segment(START + w.place(0, LIST), 0).damage is not None


def test_little_that_asks_for_much_costs_no_memory() -> None:
    large = w.value(["x" * 100] * 150)
    record = w.set_slot(0, w.told(0))
    assert Scanner().segment(of(w.tell(0, large)) + record * 200_000, 0).damage is None
    told = b"".join(w.set_slot(0, w.tell(n, large)) for n in range(PLACES))
    again = b"".join(w.set_slot(0, w.patch(n, 3, len(large) - 4, b"\x0c")) for n in range(PLACES))
    assert Scanner().segment(START + told + again * 3, 0).damage is None


def seconds(payload: bytes) -> Iterator[second_reader.Event]:
    """As the second reader has them."""
    machine = second_reader.Machine(second_reader.FileHeader(4, 0, b"", 0, 10**9))
    yield from machine.run_chunk(payload, 0)
