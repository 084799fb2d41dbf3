"""What the commands that ask a trace have in common: options, how an answer ends, values as text."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import printable, terminal, warn

if TYPE_CHECKING:
    from recorder.cli.interrupted import Interruptible
    from recorder.explain.following import Question
    from recorder.trace.changes import Change, During
    from recorder.trace.container.file import Verdict
    from recorder.trace.reader import Thread, Trace
    from recorder.trace.snapshots import Event, Frame, Moment
    from recorder.trace.values.value import Value

CORRUPT = 3
INTERRUPTED = 130
VALUE_WIDTH = 60
WHOLE = 100_000  # characters of a value, where it is to be shown whole
CHECKED_WHOLE = 64 << 20  # bytes of a trace of which every answer checks all, which takes 0.1 s
# Which questions have the selectors that do not make sense for all: this is the one place that says so. The others, and
# --function, --file, --thread, --since, --until and --span, are every question's that looks through a trace.
SELECTORS = {
    "task": ("calls", "check", "exceptions", "find", "grep", "history", "print", "watch"),
    "line": ("exceptions", "find", "grep", "history", "print", "watch"),
    "backwards": ("calls", "exceptions", "find", "history", "print", "watch"),
}
EXIT_STATUS = "Exit status: 0, or 3 if something of the trace could not be read."


def add_filters(parser: argparse.ArgumentParser) -> None:
    """TRACE and the options every query has."""
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--function", help="a name, a qualified name, or a pattern: 'test_*'")
    parser.add_argument("--file", help="a path, the end of one, or a pattern")
    parser.add_argument("--thread", help="a thread's number or name")
    parser.add_argument("--limit", type=int, metavar="N", help="so many at most")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")


def add_selectors(parser: argparse.ArgumentParser, question: str) -> None:
    """Those that SELECTORS says."""
    if question in SELECTORS["task"]:
        parser.add_argument("--task", help="an asyncio task's or greenlet's number or name")
    if question in SELECTORS["line"]:
        parser.add_argument(
            "--line", type=int, metavar="N", help="where the frame is; of a change, who made it"
        )
    if question in SELECTORS["backwards"]:
        parser.add_argument("--backwards", action="store_true", help="the last one first")


def selectors_of(args: argparse.Namespace) -> dict[str, Any]:
    """`task` and `line`, where the question has them."""
    given = vars(args)
    found = {"task": number_or_name(given.get("task")), "line": given.get("line")}
    return {name: value for name, value in found.items() if name in given}


def in_order(args: argparse.Namespace, found: Iterable[Any]) -> Iterable[Any]:
    """What is found, with --backwards the last one first; kept are only as many as --limit says."""
    if not args.backwards:
        return found
    from collections import deque

    kept = deque(found, at_least(0, args.limit))
    return [*reversed(kept)]


def add_range(parser: argparse.ArgumentParser) -> None:
    """Options about which part of a recording, and whose code."""
    when = "the number of an event, a time (1.5s, 20ms) or a part (25%%)"
    parser.add_argument("--since", metavar="WHEN", help=f"from there on: {when}")
    parser.add_argument("--until", metavar="WHEN", help="up to there")
    parser.add_argument(
        "--span",
        metavar="NAME",
        help="only what happened within a span of the program's: recorder.span(NAME)",
    )


def range_of(trace: Trace, args: argparse.Namespace) -> dict[str, Any]:
    """`start` and `stop`, as --since, --until and --span say."""
    from recorder.trace.moments import border_at

    start = 0 if args.since is None else border_at(trace, args.since, "--since")
    stop = None if args.until is None else border_at(trace, args.until, "--until")
    if args.span is not None:
        first, end = trace.span(args.span)
        start = max(start, first)
        stop = end if stop is None else stop if end is None else min(stop, end)
    return {"start": start, "stop": stop}


def filters_of(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "function": args.function,
        "file": args.file,
        "thread": number_or_name(args.thread),
    }


def number_or_name(asked: str | None) -> int | str | None:
    """Of a thread or a task."""
    return int(asked) if asked is not None and asked.isdecimal() and len(asked) < 19 else asked


def answers(
    trace: Trace, args: argparse.Namespace, found: Iterable[Any], **asked: str | None
) -> Iterator[Any]:
    """The first ones, and nothing is looked for behind them. Where there is none, it is said why on stderr: what was
    asked for is nowhere (NOT_IN_TRACE), or it never happened; of a trace that lacks something, nobody can say that.
    `asked`: besides the filters."""
    from itertools import islice

    limit = at_least(0, args.limit)
    one = None
    for one in found if limit is None else islice(found, limit):
        yield one
    if one is None and limit != 0:
        why_nothing(trace, {**filters_of(args), **asked})


def why_nothing(trace: Trace, wanted: dict[str, Any]) -> None:
    """Says on stderr why nothing fits, or raises NOT_IN_TRACE."""
    if not is_whole(trace):
        return
    if any(value is not None for value in wanted.values()):
        from recorder.trace.existence import Existence

        warn(f"recorder: {printable(Existence(trace).why_nothing(**wanted))}")


def last(found: Iterable[Any], limit: int | None) -> Iterable[Any]:
    """The last one, or so many."""
    from collections import deque

    most = at_least(0, limit)
    return deque(found, 1 if most is None else most)


def at_least(least: int, limit: int | None, argument: str = "--limit") -> int | None:
    """What the option says, as it is. Raises INVALID_ARGUMENT."""
    if limit is not None and limit < least:
        raise errors.InvalidArgumentError(
            argument=argument, value=str(limit), expected=f"a number from {least} on"
        )
    return limit


def moment_at(trace: Trace, text: str, argument: str) -> Moment | None:
    """As all was then; None where there is no event at all, or that one cannot be read, which is said."""
    from recorder.trace.moments import event_at

    seq = event_at(trace, text, argument)
    if not len(trace):
        return None
    try:
        return trace.at(seq)
    except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
        warn(f"recorder: that cannot be read: {printable(str(exc))}")
        return None


def is_whole(trace: Trace) -> bool:
    """Whether of what is not found it can be said that it is not there."""
    return len(trace) > 0 and verdict_of_answers(trace) == "complete"


def verdict_of_answers(trace: Trace) -> Verdict:
    """What is said of a trace beside an answer. Of a large one only what was read for it counts: a question that needs
    one chunk of a gigabyte is not to read the rest. `recorder verify` does."""
    return trace.verdict if trace.size <= CHECKED_WHOLE else trace.verdict_so_far


def missing(trace: Trace, error: errors.NotInTraceError) -> None:
    """Raises it where the trace is whole. Otherwise it is only said, and `conclude` tells the rest."""
    if is_whole(trace):
        raise error
    warn(f"recorder: {printable(error.message)}")


def conclude(
    trace: Trace,
    following: Callable[[], list[Question]] | None = None,
    search: Interruptible | None = None,
) -> int:
    """Says on stderr what a reader should know of the trace, and what can be asked next where that is wanted; the exit
    status. `search`: that may have been interrupted."""
    if search is not None:
        search.tell()
    if following is not None and wants_suggestions():
        for question in following():
            warn(f"next: {printable(question.spelled(trace.path))}  ({question.reason})")
    is_over = search is not None and search.is_over
    verdict = trace.verdict_so_far if is_over else verdict_of_answers(trace)
    if verdict != "complete":
        warn(f"recorder: {printable(trace.path)} is {verdict}")
    if is_over:
        return INTERRUPTED
    return CORRUPT if verdict.state == "corrupt" else 0


def wants_suggestions() -> bool:
    """Whether a person is there to read them, or a program has asked for them."""
    wanted = os.environ.get("RECORDER_NEXT", "")
    return wanted == "1" or (wanted != "0" and terminal() is not None)


# ---- JSON ---------------------------------------------------------------------------------------


def json_of(value: Value) -> object:
    try:
        return value.to_json()
    except errors.TraceCorruptError as exc:
        return {"type": "error", "code": exc.error_name}


def number_of(value: Value) -> int | None:
    """Of the object that it is. None for what is a value and no more, and where it cannot be read."""
    try:
        return None if value.identity is None else value.identity.number
    except errors.TraceCorruptError:
        return None


def numbers_of(values: Mapping[str, Value | None]) -> dict[str, int]:
    """Of those that are objects."""
    numbers = {name: number_of(one) for name, one in values.items() if one is not None}
    return {name: number for name, number in numbers.items() if number is not None}


def location(event: Event) -> dict[str, Any]:
    """Where an event happened."""
    return {
        "seq": event.seq,
        "thread": event.thread.number,
        "thread_name": event.thread.name,
        "task": None if event.task is None else event.task.name,
        "function": event.function.qualified_name,
        "file": event.file,
        "line": event.line,
        "frame": event.frame,
        "depth": event.depth,
        "time": event.time,
    }


def during_as_json(during: During) -> dict[str, Any]:
    return {"function": during.function.qualified_name, "seq": during.seq, "calls": during.calls}


def change_as_json(change: Change) -> dict[str, Any]:
    """What changed to what, where, and who did it. `seq` is the event at which it was seen."""
    facts: dict[str, Any] = {"name": change.name}
    if change.module is not None:
        facts["module"] = change.module
    if change.value is None:
        facts["unbound"] = True
    else:
        facts["value"] = json_of(change.value)
        if (number := number_of(change.value)) is not None:
            facts["object"] = number
    if change.found:
        facts["found"] = True
    function = change.function
    facts["function"] = None if function is None else function.qualified_name
    facts["file"] = None if function is None else change.file
    facts["line"] = None if function is None else change.line
    facts["frame"] = change.frame
    if change.during is not None:
        facts["during"] = during_as_json(change.during)
    return facts


def frame_as_json(frame: Frame | Event) -> dict[str, Any]:
    return {
        "function": frame.function.qualified_name,
        "file": frame.file,
        "line": frame.line,
        "frame": frame.frame,
        "as_of": frame.as_of,
        "locals": {name: json_of(value) for name, value in frame.locals.items()},
        "objects": numbers_of(frame.locals),
    }


def is_definition(name: str, value: Value) -> bool:
    """Of a variable of a module or class: whether it is what every one has, or is defined or imported there."""
    if name.startswith("__") and name.endswith("__"):
        return True
    try:
        return value.is_definition
    except errors.TraceCorruptError:
        return False


# ---- text ---------------------------------------------------------------------------------------


def shown(value: Value | None, width: int = VALUE_WIDTH, marks: Container[int] = ()) -> str:
    """`marks`: numbers of shared objects, which stand behind these: `[1] #7`."""
    from recorder.trace.values.shown import shown as in_line

    return in_line(value, width, marks)


def during(change: Change) -> str:
    """The call for which a line only waited while the variable changed."""
    call = change.during
    if call is None:
        return ""
    text = f", during {call.title}()"
    if call.calls > 1:
        text = f", during one of {call.calls} calls, the last {call.title}()"
    return text if call.seq is None else f"{text} at event {call.seq}"


def duration(ns: int | None) -> str:
    """`850 ns`, `12.3 µs`, `4.5 ms`, `2.1 s`."""
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= size:
            return f"{ns / size:.1f} {unit}"
    return f"{ns} ns"


def thread_name(thread: Thread) -> str:
    return f"thread {thread.number}" + (f" {thread.name}" if thread.name else "")


class Who:
    """Whose an event is, where that has to be said: where there is more than one thread, and of a task always."""

    def __init__(self, trace: Trace) -> None:
        threads = trace.closing.get("threads")
        self.several = not isinstance(threads, int) or threads > 1

    def __call__(self, event: Event | None) -> str:
        """Such as `  [worker]` or `  [MainThread, Task-2]`."""
        if event is None:
            return ""
        names = []
        if self.several:
            names.append(event.thread.name or f"thread {event.thread.number}")
        if event.task is not None:
            names.append(event.task.name or f"task {event.task.number}")
        return f"  [{', '.join(names)}]" if names else ""
