"""Globals, module bodies and tasks in the record format: what the state machine makes of them, and that
each chunk restates what it needs."""

from __future__ import annotations

from recorder._core.decode import RawEvent, RawFrame, Reader, Scanner
from tests.tools import reference_writer as w

HEAD = (
    w.def_thread(0, 7, "MainThread")
    + w.thread(0)
    + w.def_file(0, "/a.py")
    + w.def_code(0, 0, 1, 0, "<module>", "<module>", 0, [])
    + w.def_code(1, 0, 10, 3, "f", "f", 0, [(1, "x")])
    + w.def_namespace(4, "__main__")
    + w.set_globals(0, 4)
    + w.set_globals(1, 4)
    + w.enter(0)
    + w.BODY
    + w.event("call")
)


def events_of(payload: bytes, first_event: int = 0) -> list[RawEvent]:
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, first_event)
    found = []
    while (event := reader.next()) is not None:
        found.append(event)
    return found


def globals_of(event: RawEvent) -> dict[str, bytes]:
    assert event.namespace is not None
    values = event._global_values
    return {
        name: raw
        for name, raw in zip(event.namespace.names, values, strict=False)
        if raw is not None
    }


def names_changed(event: RawEvent) -> set[str]:
    return {event._names[slot] for slot in event._changed_slots}


def test_the_variables_of_a_body_are_its_globals() -> None:
    events = events_of(
        w.EMPTY_PREAMBLE
        + HEAD
        + w.def_global(4, 0, "a")
        + w.set_slot(0, w.value(1))
        + w.line(1)
        + w.def_global(4, 1, "b")
        + w.set_slot(1, w.value("text"))
        + w.line(1)
        + w.set_slot(0, w.UNBOUND)
        + w.line(1)
    )
    assert [globals_of(event) for event in events] == [
        {},
        {"a": w.value(1)},
        {"a": w.value(1), "b": w.value("text")},
        {"b": w.value("text")},
    ]
    assert [names_changed(event) for event in events] == [set(), {"a"}, {"b"}, {"a"}]
    assert all(event._values == event._global_values for event in events)


def test_a_function_sees_and_changes_the_globals_of_its_module() -> None:
    events = events_of(
        w.EMPTY_PREAMBLE
        + HEAD
        + w.def_global(4, 0, "a")
        + w.set_slot(0, w.value(100))
        + w.line(1)
        + w.enter(1)
        + w.event("call")
        + w.set_global(4, 0, w.delta(5))
        + w.line(1)
        + w.event("return", 0, w.value(None))
        + w.line(1)
    )
    kinds = [event.kind for event in events]
    assert kinds == ["call", "line", "call", "line", "return", "line"]
    assert [globals_of(event).get("a") for event in events[2:]] == [
        w.value(100), w.value(105), w.value(105), w.value(105),
    ]  # fmt: skip
    assert events[3]._values == ()  # no variables of its own, yet
    assert names_changed(events[3]) == set()
    assert names_changed(events[5]) == {"a"}  # for the body it is news


def test_a_code_can_run_with_other_globals() -> None:
    events = events_of(
        w.EMPTY_PREAMBLE
        + HEAD
        + w.def_namespace(5, "other")
        + w.set_globals(1, 5)
        + w.enter(1)
        + w.event("call")
        + w.set_globals(1, None)
        + w.enter(1)
        + w.event("call")
    )
    assert [event.namespace.number if event.namespace else None for event in events] == [4, 5, None]


def test_each_chunk_restates_globals_and_tasks_as_they_were() -> None:
    first = (
        HEAD
        + w.def_task(0, "Task-1")
        + w.task(0)
        + w.def_global(4, 0, "a")
        + w.set_slot(0, w.value([1]))
        + w.line(1)
        + w.enter(1)
        + w.event("call")
    )
    second = (
        w.line(1)
        + w.set_global(4, 0, w.value([1, 2]))
        + w.line(1)
        + w.event("return", 0, w.value(None))
        + w.line(1)
        + w.task(None)
        + w.enter(1)
        + w.event("call")
    )
    scanner = Scanner()
    scanner.segment(first, 0)
    info = scanner.segment(second, 3)
    assert info.damage is None
    whole = events_of(w.EMPTY_PREAMBLE + first + second)[3:]
    alone = events_of(info.preamble + second, 3)
    assert [globals_of(event) for event in alone] == [globals_of(event) for event in whole]
    assert [globals_of(event)["a"] for event in alone] == [w.value([1])] + [w.value([1, 2])] * 4
    assert [event.task and event.task.name for event in alone] == ["Task-1"] * 4 + [None]
    assert [names_changed(event) for event in alone] == [names_changed(event) for event in whole]
    # A reader that goes on from chunk to chunk starts anew at each.
    assert Scanner().chunk(info.preamble + second, 3).damage is None
    third = scanner.segment(w.line(1), 8)
    assert w.set_global(4, 0, w.value([1, 2])) in third.preamble
    assert w.def_task(0, "Task-1") not in third.preamble


def test_what_a_segment_does_not_touch_is_not_restated() -> None:
    scanner = Scanner()
    scanner.segment(
        HEAD
        + w.def_namespace(5, "unused")
        + w.def_global(5, 0, "a")
        + w.set_global(5, 0, w.value("a value"))
        + w.line(1),
        0,
    )
    quiet = scanner.segment(w.def_file(1, "/b.py"), 2)
    assert w.def_namespace(5, "unused") not in quiet.preamble
    woken = scanner.segment(w.set_global(5, 0, w.value("new")), 2)
    assert w.set_global(5, 0, w.value("a value")) in woken.preamble


def test_a_variable_looked_at_again_is_no_longer_unexamined() -> None:
    function = w.enter(1) + w.set_slot(0, w.value([1])) + w.event("call")
    events = events_of(
        w.EMPTY_PREAMBLE
        + HEAD
        + function
        + w.set_slot(0, w.UNEXAMINED)
        + w.line(1)
        + w.set_slot(0, w.EXAMINED)
        + w.line(1)
    )
    assert [event._values[0] for event in events[1:]] == [
        w.value([1]), w.UNEXAMINED + w.value([1]), w.value([1]),
    ]  # fmt: skip
    assert names_changed(events[3]) == set()


def test_what_functions_changed_is_news_for_the_body_wherever_reading_began() -> None:
    records = [
        HEAD,
        w.def_global(4, 0, "a") + w.def_global(4, 1, "b") + w.set_slot(0, w.value([1])),
        w.set_slot(1, w.value("text")),
        w.line(1),
        w.enter(1) + w.event("call"),
        w.set_global(4, 0, w.value([1, 2])),
        w.line(1),
        w.set_global(4, 1, w.UNBOUND),
        w.line(1),
        w.event("return", 0, w.value(None)),
        w.line(1),
        w.line(1),
    ]
    whole = events_of(w.EMPTY_PREAMBLE + b"".join(records))
    assert [names_changed(event) for event in whole if event.function.is_body] == [
        set(), {"a", "b"}, {"a", "b"}, set(),
    ]  # fmt: skip
    for cut in range(1, len(records)):
        scanner = Scanner()
        before, after = b"".join(records[:cut]), b"".join(records[cut:])
        first = scanner.segment(before, 0).events
        alone = events_of(scanner.segment(after, first).preamble + after, first)
        assert [told(event) for event in alone] == [told(event) for event in whole[first:]]
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(w.EMPTY_PREAMBLE + b"".join(records), 0)
    checkpoints = [reader.checkpoint()]
    while reader.next() is not None:
        checkpoints.append(reader.checkpoint())
    for checkpoint in reversed(checkpoints):
        reader.rewind(*checkpoint)
        for event in whole[checkpoint[0] :]:
            assert told(reader.next()) == told(event)


def told(event: RawEvent) -> tuple[int, set[str], dict[str, bytes]]:
    return event.seq, names_changed(event), globals_of(event)
