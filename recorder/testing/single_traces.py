"""Traces of single tests: cut out of the recording of their process, in a folder that keeps to a budget."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from recorder import errors, processes
from recorder.errors.text import cut, printable
from recorder.export.atomic_output import AtomicOutput
from recorder.testing import failure_context, names
from recorder.testing.session import FAILED, LEFT, PHASES, Tests
from recorder.trace import cutting
from recorder.trace.reader import Trace, open_trace
from recorder.trace.seeking import ALL
from recorder.trace.spans import Mark, Span, facts_as_json
from recorder.trace.values.shown import shown


class SingleTrace(NamedTuple):
    """The trace of a test, and what is said of it. `lines`: the last events before it failed."""

    test: str
    path: str
    events: int
    lines: list[str]
    place: tuple[str, int] | None = None  # file and line of the last event
    died: bool = False  # with its process
    failed: bool = True
    beside: tuple[str, ...] = ()  # what is said of threads that a test has left behind
    difference: str = ""  # the first one from a run in which it passed, of which there is a trace

    def as_json(self) -> dict[str, Any]:
        return self._asdict()

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> SingleTrace:
        place = facts["place"]
        beside = tuple(facts["beside"])
        place = None if place is None else (place[0], place[1])
        return cls(**{**facts, "place": place, "beside": beside})


class Wanted(NamedTuple):
    """A test of which a trace is to be made: the number of its span, the phase in which it failed, and what it is
    called if that is not the span's name."""

    number: int
    phase: str | None
    test: str | None = None


def of_session(tests: Tests, problems: list[str]) -> list[SingleTrace]:
    """Ends the recording of a process, and makes the traces of its tests that are wanted."""
    path = tests.stop()
    if tests.problem is not None:
        problems.append(str(tests.problem))
    if path is None:
        return []
    wanted = [Wanted(one.number_in_trace, one.failed, one.id) for one in tests.wanted]
    try:
        return cut_out(path, tests.folder, wanted)
    except (errors.RecorderError, OSError) as error:
        problems.append(f"{path} could not be cut up: {error}")
        return []


def cut_out(path: str, folder: str, wanted: Iterable[Wanted]) -> list[SingleTrace]:
    """Makes the traces of these tests, and removes the recording of the session."""
    made = []
    with open_trace(path) as trace:
        spans = {span.number: span for span in trace.spans()}
        known = cutting.Known()
        for one in wanted:
            if one.number in spans:
                made.append(_cut(trace, spans, one, folder, known))
    os.unlink(path)
    return made


def cut_out_what_ran(path: str, folder: str) -> list[SingleTrace]:
    """As `cut_out`, of the recording of a process that died: the tests that ran then, and those that had failed."""
    with open_trace(path) as trace:
        spans = trace.spans()
        wanted = [
            Wanted(
                s.number,
                _failed_phase(spans, s) if s.stop is None or s.raised else None,
                _name_of(trace, s),
            )
            for s in outermost(spans)
            if s.stop is None or not s.forgotten
        ]
    return cut_out(path, folder, wanted)


def outermost(spans: list[Span]) -> list[Span]:
    """Those that are in no other."""
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is None or (last.ended is not None and span.time >= last.ended):
            found.append(span)
    return found


def _name_of(trace: Trace, span: Span) -> str | None:
    """Where it was told only when it failed."""
    found = [facts_as_json(mark.facts) for mark in trace.marks(FAILED) if _holds(span, mark)]
    told = [facts["test"] for facts in found if isinstance(facts, dict) and "test" in facts]
    return next((name for name in told if isinstance(name, str)), None)


def _failed_phase(spans: list[Span], test: Span) -> str:
    """ "": nobody says."""
    within = (s for s in spans if s.name in PHASES and s.raised and _is_in(s, test))
    return next((s.name for s in within), "")


def _is_in(span: Span, test: Span) -> bool:
    is_later = span.number > test.number and test.start <= span.start
    return is_later and (test.stop is None or span.start < test.stop)


def _cut(
    trace: Trace, spans: dict[int, Span], wanted: Wanted, folder: str, known: cutting.Known
) -> SingleTrace:
    span, phase = spans[wanted.number], wanted.phase
    test = wanted.test or span.name
    path = os.path.join(folder, names.trace_of(test))
    about = {"id": test, "span": span.name, "phase": phase, "ended": span.stop is not None}
    meta, stop = {**trace.meta, "test": about}, ALL if span.stop is None else span.stop
    died = span.stop is None
    failed = died or phase is not None
    if failed and has_passed(path):
        os.replace(path, names.passed(path))
    with AtomicOutput(path, source=trace.path) as out:
        count = cutting.cut(
            trace._file, meta, trace.closing, span.start, stop, out.file().write, span=span.number, known=known
        )  # fmt: skip
    if not failed:
        return SingleTrace(test, path, count, [], failed=False)
    lines, place = _failure_context(trace, spans, span, phase)
    beside = _beside(trace, span, test)
    return SingleTrace(
        test, path, count, lines, place, died, beside=beside, difference=_difference(path)
    )


def _beside(trace: Trace, span: Span, test: str) -> tuple[str, ...]:
    """What is said of the threads that ran on in it, or after it."""
    marks = [one for one in trace.marks(LEFT) if _holds(span, one)]
    facts: list[Any] = [one.facts.to_python() for one in marks]
    return tuple(
        printable(
            f"it left thread {one['thread']} behind"
            if one["by"] in (test, span.name)
            else f"beside it ran thread {one['thread']}, left behind by {one['by']}"
        )
        for one in facts
    )


def _holds(span: Span, mark: Mark) -> bool:
    return span.time <= mark.time and (span.ended is None or mark.time <= span.ended)


def has_passed(path: str) -> bool:
    """Whether this is the trace of a test that passed."""
    try:
        with open_trace(path) as trace:
            about = trace.meta.get("test")
            return isinstance(about, dict) and not _has_failed(about)
    except (errors.RecorderError, OSError):
        return False


def _difference(path: str) -> str:
    from recorder.testing.first_difference import first_difference

    passing = names.passed(path)
    if not os.path.exists(passing):
        return ""
    with open_trace(path) as trace:
        return first_difference(trace, passing)


def _failure_context(
    trace: Trace, spans: dict[int, Span], span: Span, phase: str | None
) -> tuple[list[str], tuple[str, int] | None]:
    """Of a test that failed: the last events, and the place of the last one. What its runner said, where no exception
    is among them, or no event."""
    start, stop = _where(spans, span, phase)
    error, place, before = _said_of(trace, span, phase)
    if before is not None:  # a subtest fails, and its test goes on
        stop = before if stop is None else min(stop, before)
    events = failure_context.last_events(trace, span.thread, start, stop)
    if span.stop is None:
        lines = [*failure_context.lines(trace, events), failure_context.death(trace, events)]
        return lines, (events[-1].file, events[-1].line) if events else place
    if not events:
        lines = [
            f"none of your own code ran in its {phase}"
            if phase in PHASES
            else "none of your own code ran"
        ]
        return ([*lines, f"! {error}"] if error else lines), place
    lines = failure_context.lines(trace, events)
    if error and events[-1].kind not in failure_context.ENDS:
        lines.append(f"! {error}")
    return lines, (events[-1].file, events[-1].line)


def _said_of(
    trace: Trace, span: Span, phase: str | None
) -> tuple[str, tuple[str, int] | None, int | None]:
    """Why it failed first, as its runner said, where it is, and before which event that was said."""
    for mark in trace.marks(FAILED):
        facts = facts_as_json(mark.facts)
        if _holds(span, mark) and isinstance(facts, dict) and facts.get("phase") == phase:
            error = facts.get("error")
            text = (
                error
                if isinstance(error, str)
                else shown(mark.facts["error"], failure_context.WIDTH)
            )
            return cut(printable(text), failure_context.WIDTH), _place(facts), mark.before
    return "", None, None


def _place(facts: dict[str, Any]) -> tuple[str, int] | None:
    file, line = facts.get("file"), facts.get("line")
    return (file, line) if isinstance(file, str) and isinstance(line, int) else None


def _where(spans: dict[int, Span], span: Span, phase: str | None) -> tuple[int, int | None]:
    """The events of the phase that failed, which is a span of its own in the span of the test."""
    for inner in spans.values() if phase else ():
        if inner.name == phase and inner.raised and _is_in(inner, span):
            return inner.start, inner.stop
    return span.start, span.stop


# ---- what sessions that died have left --------------------------------------------------------------


def left_behind(folder: str) -> Iterator[str]:
    """The recordings of sessions that are gone, and did not cut them up."""
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return
    for name in found:
        if name.startswith(names.SESSION) and name.endswith(names.SUFFIX):
            pid = name.removesuffix(names.SUFFIX).rpartition("-")[2]
            if not (pid.isdecimal() and len(pid) < 10 and _is_another_running(int(pid))):
                yield os.path.join(folder, name)


def _is_another_running(pid: int) -> bool:
    try:
        return processes.is_another_running(pid)
    except OSError:
        return True  # nobody says


def recover(folder: str) -> list[SingleTrace]:
    """The traces of the tests that sessions died in."""
    made: list[SingleTrace] = []
    for path in left_behind(folder):
        try:
            made += cut_out_what_ran(path, folder)
        except (errors.RecorderError, OSError):  # audit: it stays where it is, for `recorder info`
            continue
    return made


def await_traces(folder: str, worker: str, seconds: float) -> list[str]:
    """The recordings of a worker that was killed: its sealer publishes them within moments."""
    end = time.monotonic() + seconds
    begin = names.session_of(worker)
    while True:
        found = (
            [name for name in os.listdir(folder) if begin in name] if os.path.isdir(folder) else []
        )
        made = [name for name in found if name.startswith(begin) and name.endswith(names.SUFFIX)]
        if len(made) == len(found) or time.monotonic() > end:
            return [os.path.join(folder, name) for name in made]
        time.sleep(0.02)


# ---- what a folder holds ----------------------------------------------------------------------------


def of_folder(folder: str, most: int) -> tuple[list[SingleTrace], list[str]]:
    """The latest traces of tests in it that failed, and what cannot be read."""
    found: list[SingleTrace] = []
    unreadable = []
    for _, path, _ in sorted(traces_of(folder), reverse=True):
        if len(found) == most:
            break
        try:
            with open_trace(path) as trace:
                about = trace.meta.get("test")
                test = about.get("id") if isinstance(about, dict) else None
                if isinstance(about, dict) and isinstance(test, str) and _has_failed(about):
                    found.append(_read(trace, test, about))
        except errors.RecorderError:
            unreadable.append(path)
    return found, unreadable


def _has_failed(about: dict[str, Any]) -> bool:
    return not about.get("ended") or about.get("phase") is not None


def _read(trace: Trace, test: str, about: dict[str, Any]) -> SingleTrace:
    """What `_cut` has said of it, once more."""
    spans = {span.number: span for span in trace.spans()}
    name = about.get("span", test)
    span = next((one for one in spans.values() if one.name == name), None)
    lines, place = (
        ([], None) if span is None else _failure_context(trace, spans, span, about.get("phase"))
    )
    return SingleTrace(test, trace.path, len(trace), lines, place, died=not about.get("ended"))


def traces_of(folder: str) -> list[tuple[int, str, int]]:
    """Those of tests: time of the last change, path, size."""
    found = []
    for entry in os.scandir(folder):
        if entry.name.endswith(names.SUFFIX) and not entry.name.startswith("."):
            facts = entry.stat()
            found.append((facts.st_mtime_ns, entry.path, facts.st_size))
    return found


# ---- the budget -------------------------------------------------------------------------------------


def keep_to_budget(folder: str, most: int) -> list[str]:
    """Removes the oldest traces until the rest takes at most so many bytes; those that were removed."""
    found = traces_of(folder)
    total = sum(size for _, _, size in found)
    removed = []
    for _, path, size in sorted(found):
        if total <= most:
            break
        os.unlink(path)
        removed.append(path)
        total -= size
    return removed


def to_text(kept: list[SingleTrace]) -> str:
    """For another process."""
    return json.dumps([one.as_json() for one in kept])


def from_text(text: str) -> list[SingleTrace]:
    return [SingleTrace.from_json(facts) for facts in json.loads(text)]
