"""Reading a trace: `open_trace(path)`.

    with open_trace("app.rtrace") as trace:
        print(trace.verdict, len(trace))
        for step in trace.steps():
            print(step.seq, step.file, step.line, step.function.name, dict(step.locals))
        trace.at(1000).stack                      # every frame, with its variables, at event 1000
        for call in trace.calls("parse"):
            print(call.arguments, call.returned)
        for change in trace.history("total", function="add_up"):
            print(change.line, change.value)
        for raised in trace.exceptions():
            print(raised.type_name, raised.stack)

Chunks are decoded one at a time when they are needed, so a trace may be larger than memory: what is
held is a few decompressed chunks (`seeking.CACHE_BYTES`) and what you keep. A damaged chunk is left
out: then the numbers of the events jump, and `trace.damage` says where and why.

A trace may be used by several iterations at once, but only by one thread at a time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeAlias, TypedDict, overload

from recorder import errors
from recorder._core.decode import Function, Namespace, Thread
from recorder.errors import arguments
from recorder.policy import Policy
from recorder.trace import (
    alterations,
    answers,
    calls,
    display,
    exceptions,
    filters,
    hits,
    occurrences,
    origins,
    spans,
    why,
)
from recorder.trace.alterations import Alteration
from recorder.trace.answers import Answers
from recorder.trace.calls import Call
from recorder.trace.changes import Change, Changes
from recorder.trace.container import compression
from recorder.trace.container.file import Damage, TraceFile, Verdict
from recorder.trace.cutting import cut
from recorder.trace.event_range import EventRange
from recorder.trace.exceptions import Raised
from recorder.trace.expressions.asking import Asker, made
from recorder.trace.expressions.expression import Answer, Expression
from recorder.trace.filters import FunctionFilter, ThreadFilter
from recorder.trace.format import ChunkType
from recorder.trace.hits import Hit
from recorder.trace.holders import Holder, holders
from recorder.trace.logs import Log, logs, sought
from recorder.trace.object_history import ObjectHistory, Sighting, first_seen, of_object
from recorder.trace.occurrences import NamePlace, Place
from recorder.trace.output import Asked, ByEvent, Output, check_stream, outputs
from recorder.trace.profile import Node, Profile, add_up
from recorder.trace.queries import Queries
from recorder.trace.same_functions import SameFunctions
from recorder.trace.seeking import ALL
from recorder.trace.shared import Shared, shared_at
from recorder.trace.snapshots import Event, Frame, Locals, Moment
from recorder.trace.sources import Source, Sources, Texts
from recorder.trace.spans import Mark, Notes, Span
from recorder.trace.values.nodes import Identity, identity_of
from recorder.trace.values.to_json import Json
from recorder.trace.values.value import Value
from recorder.trace.verification import Check, verify
from recorder.trace.watching import Checked, Find, Watched, Watches, Watching
from recorder.trace.why import Step, Why
from recorder.trace.writes import Writes, Written

__all__ = [
    "Answer", "Call", "Change", "Check", "Checked", "Event", "EventRange", "Expression", "Frame",
    "Function", "Hit", "Locals", "Log", "Moment", "Output", "Raised", "Source", "Step", "Thread", "Trace", "Value",
    "Watched", "open_trace",
]  # fmt: skip


compression.load()


class Header(TypedDict):
    """What the file header says."""

    trace_id: str  # hex
    started: int  # ns since 1970
    ticks_per_second: int


Write: TypeAlias = Callable[[bytes], object]  # the Trace has an `object` of its own


@errors.guarded_class("read")
class Trace:
    """An open trace. `meta` is what was known when the recording began, `closing` what was when it ended: dicts as
    docs/trace-format.md has them (META, CLOSE), empty where they cannot be read.

    Where nothing else is said, reading raises READ_FAILED, OUT_OF_MEMORY, or INVALID_ARGUMENT once the trace is closed.
    One that is not closed is closed once neither it nor anything that still reads from it is used, with a
    ResourceWarning.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        arguments.stack("open_trace")
        path = arguments.path(path)
        self._file = TraceFile(path)
        try:
            # What is here does not know the trace itself: it is gone once nobody holds it.
            self._queries = Queries(self._file)
            self._texts = Texts(self._file)
            self._outputs = ByEvent(self._queries, outputs)
            self._logs_by_event = ByEvent(self._queries, logs)
            self._asked: Asker | None = None
            self._said: Notes | None = None
            self._lines: dict[str, list[str]] = {}
            self.meta = self._facts(ChunkType.META)
            self.closing = self._facts(ChunkType.CLOSE)
            if self.cut_from is not None:
                first, _ = self._queries.bounds
                self._queries.first_event = max(0, min(first, self.cut_from[0]))
            watched = not str(self.meta.get("python", "")).startswith("3.11.")
            self._changes = Changes(self._texts.of, watched=watched)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; again: nothing. Events, frames and values that were handed out stay as they are."""
        self._queries.clear()
        self._file.close()

    def __repr__(self) -> str:
        return f"<trace {self.path!r}: {len(self)} events>"

    def _repr_html_(self) -> str:
        facts = {
            "recorded": self.meta.get("argv"),
            "python": self.meta.get("python"),
            "verdict so far": str(self.verdict_so_far),
            "exit status": self.exit_status,
            "lost events": self.lost_events,
        }
        return display.table(repr(self), facts.items())

    _repr_pretty_ = display.pretty

    def _facts(self, kind: int) -> dict[str, Json]:
        for chunk in self._file.of(kind):
            try:
                return self._file.json(chunk)
            except errors.TraceCorruptError as exc:
                self._file.note_error(chunk, exc)
        return {}

    # ---- what it is ----

    @property
    def path(self) -> str:
        """The file, as it was given; for a staging folder, the part of the trace in it."""
        return self._file.path

    @property
    def header(self) -> Header:
        """What the file header says: trace_id (hex), started (ns since 1970), ticks_per_second."""
        head = self._file.head
        return Header(
            trace_id=head.trace_id.hex(),
            started=head.started,
            ticks_per_second=head.ticks_per_second,
        )

    @property
    def clock_offset(self) -> int:
        """What to add to the monotonic clock's time to have ns since 1970."""
        return self._queries.clock_offset()

    @property
    def verdict(self) -> Verdict:
        """A str: `complete`, `partial(NAME)` of the error, `truncated`, or `corrupt(OFFSET)` of the first damage, in
        bytes. Every checksum is checked for it, once."""
        return self._file.verdict

    @property
    def verdict_so_far(self) -> Verdict:
        """As `verdict`, of what was read until now. At no cost; but `complete` may turn out to be
        `corrupt` later on."""
        return self._file.verdict_so_far

    @property
    def damage(self) -> list[Damage]:
        """What was found to be damaged so far: offset in bytes, and reason."""
        return list(self._file.damage)

    @property
    def failure(self) -> errors.RecorderError | None:
        """The failure that ended the recording, as an exception that was not raised; None if none did."""
        diagnostic = self.closing.get("failure")
        trailer = self._file.trailer
        if isinstance(diagnostic, dict):
            try:
                return errors.RecorderError.from_dict(diagnostic)
            # audit: a diagnostic that is none: the verdict still has the code
            except errors.RecorderError:
                pass
        if trailer is None or not trailer.code:
            return None
        return errors.from_number(trailer.code, errno=trailer.errno or None)

    @property
    def exit_status(self) -> int | None:
        """The program's; −15 if SIGTERM ended it, and so on; None if it is not known."""
        return self._file.trailer.exit_status if self._file.trailer else None

    @property
    def unrecorded_forks(self) -> int:
        """How many processes the program forked that have no recording, as `follow_children` was not set."""
        policy = self.meta.get("policy")
        follows = isinstance(policy, dict) and policy.get("follow_children") is True
        forks = self.closing.get("forks")
        return forks if type(forks) is int and not follows else 0

    @property
    def lost_events(self) -> int:
        """How many events are known to be lost."""
        return self._file.lost_events

    @property
    def cut_from(self) -> tuple[int, int] | None:
        """Of a part that was cut out of a trace: the first of its events, and the one behind its last."""
        origin = self.meta.get("cut_from")
        start, stop = (
            (origin.get("start"), origin.get("stop")) if isinstance(origin, dict) else (None, None)
        )
        if not isinstance(start, int) or not isinstance(stop, int):
            return None
        return start, min(stop, start + len(self) + self.lost_events)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def __len__(self) -> int:
        """The number of events in the file; those in damaged chunks count, lost ones do not."""
        return self._file.events

    def __bool__(self) -> bool:
        return True

    # ---- what is in it ----

    def events(self, start: int = 0, stop: int | None = None) -> Answers[Event]:
        """The events from number `start` on, before number `stop`, in order. Those that cannot be
        read are left out; the next one has `gap` set and says in `lost` how many are missing."""
        return self._events(filters.EVERYTHING, start, stop)

    def steps(self, start: int = 0, stop: int | None = None) -> Answers[Event]:
        """The events that are about to run a line."""
        return self._events(filters.make("line"), start, stop)

    def _events(self, wanted: filters.Filter, start: int, stop: int | None) -> Answers[Event]:
        queries, bounds = self._queries, _bounds(start, stop)
        return Answers(
            queries.find(wanted, *bounds), lambda: answers.events_table(queries, wanted, *bounds)
        )

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events())

    @overload
    def __getitem__(self, where: int) -> Event: ...
    @overload
    def __getitem__(self, where: slice) -> EventRange: ...
    def __getitem__(self, where: int | slice) -> Event | EventRange:
        """`trace[7]`: event number 7, `trace[-1]`: the last one. `trace[10:20]`: these, lazily; with
        a step, too, and `trace[::-1]` reads backwards. Raises EVENT_NOT_FOUND, an IndexError, and
        INVALID_ARGUMENT; TRACE_CORRUPT or UNKNOWN_RECORD for one event that cannot be read."""
        return EventRange(self._queries, range(self._queries.end))[where]

    def find(
        self,
        kind: str | Iterable[str] | None = None,
        *,
        function: FunctionFilter = None,
        file: str | None = None,
        line: int | None = None,
        thread: ThreadFilter = None,
        exception: str | None = None,
        since: int | None = None,
        until: int | None = None,
        frame: int | None = None,
        caller: int | None = None,
        depth: int | None = None,
        changed: str | None = None,
        task: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Event]:
        """The events that fit everything that is given (see `filters.Filter`), from number `start`
        on, before number `stop`; the last one first if `backwards`. `changed`: a variable or global that is new or
        changed at them.

        What does not fit is passed over in the core, without making anything of it. Raises
        INVALID_ARGUMENT at once for what no event could fit.
        """
        wanted = filters.make(
            kind, function=function, file=file, line=line, thread=thread, exception=exception,
            since=since, until=until, frame=frame, caller=caller, depth=depth, name=changed, task=task,
        )  # fmt: skip
        return self._fitting(wanted, *_bounds(start, stop), bool(backwards))

    def _fitting(
        self, wanted: filters.Filter, start: int, stop: int, backwards: bool
    ) -> Iterator[Event]:
        found = self._queries.find(wanted, start, stop, backwards)
        return found if wanted.name is None else filter(wanted.is_of, found)

    def hits(
        self,
        kind: str | Iterable[str] | None = None,
        *,
        when: str | Expression | None = None,
        log: str | None = None,
        value: str | None = None,
        numbers: tuple[int, int | None] = (1, None),
        function: FunctionFilter = None,
        file: str | None = None,
        line: int | None = None,
        thread: ThreadFilter = None,
        exception: str | None = None,
        since: int | None = None,
        until: int | None = None,
        frame: int | None = None,
        caller: int | None = None,
        depth: int | None = None,
        changed: str | None = None,
        task: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
        backwards: bool = False,
        where_known: bool = False,
    ) -> Iterator[Hit]:
        """As `find`, which has the same filters, where a condition holds: what a breakpoint would have done.

        `when`   a Python expression (see `evaluate`) that has to be true. Where it is unknown, or an error, there is a
                 Hit of that kind, which is not counted
        `log`    a text with expressions in braces, which each Hit then has: "n is {n}"
        `value`  a value that has to be new there; see `appearances.Wanted`
        `numbers`  the first and the last hit that is wanted, counted from 1

        `where_known`  only in functions in which the first name of the condition may stand for something; of all others
                 each event is an error

        Raises INVALID_ARGUMENT at once."""
        question = hits.make(self._asker, when, log, value, numbers)
        wanted = filters.make(
            kind, function=function, file=file, line=line, thread=thread, exception=exception, since=since,
            until=until, frame=frame, caller=caller, depth=depth, name=changed, task=task,
        )._replace(condition=question.filter, search=question.search)  # fmt: skip
        name = question.first_name
        if where_known and name is not None:
            wanted = wanted._replace(codes=self._queries.codes_with(name))
        found = self._fitting(wanted, *_bounds(start, stop), bool(backwards))
        return question.among(found)

    def at(self, seq: int) -> Moment:
        """Everything as it was at event number `seq`: the event, and the stacks of all threads, each frame
        with its variables and globals. Raises EVENT_NOT_FOUND if there is none, TRACE_CORRUPT or
        UNKNOWN_RECORD if it cannot be read, INVALID_ARGUMENT for what is no int."""
        return self._queries.at(
            arguments.integer(seq, "seq", "the number of an event in the trace")
        )

    def calls(
        self,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Answers[Call]:
        """The calls of these functions, in the order in which they began. One that already ran when recording began
        comes when it ends. Raises INVALID_ARGUMENT at once for filters that make no sense; `Filter` describes them.
        """
        kinds = ("call", "return", "unwind")
        wanted = filters.make(kinds, function=function, file=file, thread=thread)
        queries, (first, last) = self._queries, _bounds(start, stop)
        found = queries.find(wanted, first, last, ends=True)
        return Answers(
            calls.in_order(queries, found, last),
            lambda: answers.calls_table(queries, wanted, first, last),
        )

    def changed_arguments(self, call: Call) -> list[Alteration]:
        """The arguments that were something else when the call ended: what it altered of what it was given."""
        arguments.instance(call, Call, "call", "a call of the trace")
        return alterations.of(call, self.source_of(call.function))

    def call_tree(self, thread: ThreadFilter = None) -> Iterator[Call]:
        """The outermost calls of all threads, or of one. `call.children()` goes on from there."""
        return calls.tree(self._queries, None, 0, ALL, thread)

    def tree(
        self,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        own: bool = False,
        hide: Callable[[Function], bool] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> list[Node]:
        """All calls, put together by the way in which they were made: a `Node` for each thread, and for the tasks of
        each, with nodes below. `function`: the calls of these, with what they called. `file`, `own` (not Python's, and
        not installed): only functions of these, and none that `hide` says; what others do is their caller's. One pass;
        what comes before `start` and behind `stop` does not count. Codes of one name, place and text, as exec() makes
        them, are one function, unless `function` chooses among them. `folding.fold` puts it into so many lines."""
        wanted = filters.make(file=file, thread=thread)
        within = None if function is None else filters.make(function=function).wants_function
        profile = Profile(
            self._queries,
            self._same(function),
            within=within,
            wanted=filters.choice(file, own, hide),
        )
        return profile.read(wanted._replace(file=None), *_bounds(start, stop))

    def stats(
        self,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        own: bool = False,
        start: int = 0,
        stop: int | None = None,
    ) -> list[Node]:
        """How often each function was called and how long it took: as `tree`, but with one `Node` for each function, in
        the order in which they were first called."""
        wanted = filters.make(function=function, file=file, thread=thread)
        chosen = filters.choice(file, own)
        profile = Profile(self._queries, self._same(function), flat=True)
        roots = profile.read(filters.make(thread=thread), *_bounds(start, stop))
        return [
            node
            for node in add_up(roots)
            if node.function is not None
            and wanted.wants_function(node.function)
            and (chosen is None or chosen(node.function))
        ]

    def _same(self, function: FunctionFilter) -> SameFunctions | None:
        """Which codes are one function, unless some are asked for one by one."""
        is_one_by_one = callable(function) or isinstance(function, Function)
        return None if is_one_by_one else SameFunctions(self.source_of)

    def grep(
        self,
        pattern: str,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        task: ThreadFilter = None,
        line: int | None = None,
        fixed: bool = False,
        ignore_case: bool = False,
        start: int = 0,
        stop: int | None = None,
    ) -> list[Place]:
        """Where values have something in them that a regular expression, or with `fixed` a text, is found in: a `Place`
        for each variable, argument, result, exception, global or element of one, in the order in which they were
        first seen, 10,000 at most."""
        wanted = filters.make(function=function, file=file, thread=thread, task=task, line=line)
        compiled = occurrences.compiled(pattern, fixed, ignore_case)
        return occurrences.in_values(self._queries, compiled, wanted, *_bounds(start, stop))

    def grep_names(
        self, pattern: str, *, fixed: bool = False, ignore_case: bool = False
    ) -> Iterator[NamePlace]:
        """The functions, variables and globals with such a name."""
        return occurrences.in_names(
            self._queries, occurrences.compiled(pattern, fixed, ignore_case)
        )

    def output(
        self, stream: str | None = None, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Output]:
        """What the program wrote to stdout and stderr, or to one of them, in the order in which it was written: an
        `Output` for the bytes of each line that wrote some. `stream`: "stdout", "stderr", "stdin" for what it read, or
        "all". `start` and `stop` are about the events that did."""
        first, last = _bounds(start, stop)
        return outputs(self._queries, Asked(check_stream(stream), first, last))

    def logs(
        self,
        level: int | str | None = None,
        name: str | None = None,
        kind: str | None = None,
        *,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[Log]:
        """What the program told by `logging`, by warnings, and of exceptions that nobody caught or that could not be
        raised, and audit events, in order: a `Log` each. `level`: records of that level or a higher one; `name`: of
        that logger and those below it, of that class or audit event; `kind`: "record", "warning", "uncaught",
        "unraisable" or "audit". `start` and `stop` are about the events at which it was told."""
        first, last = _bounds(start, stop)
        wanted = sought(level, name, kind)
        return (one for one in logs(self._queries, Asked(None, first, last)) if wanted.keeps(one))

    def logs_at(self, seq: int) -> list[Log]:
        """What was told at one event."""
        return self._logs_by_event.at(arguments.number(seq, "seq"))

    def output_at(self, seq: int) -> list[Output]:
        """What one event wrote, and read from stdin. What was written long after it (it stood in a buffer meanwhile)
        may be missing here."""
        return self._outputs.at(arguments.number(seq, "seq"))

    def line_counts(
        self,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
    ) -> dict[Function, Counter[int]]:
        """How often each line ran, by function."""
        wanted = filters.make("line", function=function, file=file, thread=thread)
        counts = self._queries.line_counts(wanted, *_bounds(start, stop))
        functions = self._queries.survey().functions
        found: dict[Function, Counter[int]] = {}
        for (code, line), times in counts.items():
            found.setdefault(functions[code], Counter())[line] += times
        return found

    def exceptions(
        self,
        type_name: str | None = None,
        *,
        function: FunctionFilter = None,
        file: str | None = None,
        thread: ThreadFilter = None,
        task: ThreadFilter = None,
        line: int | None = None,
        through: FunctionFilter = None,
        uncaught: bool = False,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[Raised]:
        """The exceptions that were raised, in order, each once with everywhere it went. `function`, `file`, `line` and
        `task` are about where it was raised first, `through` about any function that it came through. `uncaught`: only
        those that left the outermost recorded frame of their thread."""
        kinds = filters.EXCEPTION_KINDS
        wanted = filters.make(kinds | {"stop_iteration"}, thread=thread)
        origin = filters.make(
            kinds, exception=type_name, function=function, file=file, task=task, line=line
        )
        way = filters.make(function=through)
        found = exceptions.raised(
            self._queries, self._queries.find(wanted, *_bounds(start, stop)), self._line
        )
        return _chosen(found, origin, None if through is None else way, bool(uncaught))

    def _line(self, file: str, line: int) -> str:
        """The text of a line; empty if it is not in the trace."""
        if file not in self._lines:
            source = self.sources.get(file)
            self._lines[file] = [] if source is None else source.lines
        lines = self._lines[file]
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def history(
        self,
        name: str,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        task: ThreadFilter = None,
        line: int | None = None,
        frame: int | None = None,
        start: int = 0,
        stop: int | None = None,
        backwards: bool = False,
    ) -> Answers[Change]:
        """Every value that the variables of this name took, globals included, with where; the last first if
        `backwards`. `Cart.total` is an attribute of a class, `settings.DEBUG` a global of that module. The filters are
        about what changed it, `line` is the one that did, `task` the one that saw it. What changed in a damaged chunk
        is not seen. Raises INVALID_ARGUMENT at once."""
        name = arguments.text(name, "name", "the name of a variable")
        owner, _, attribute = name.rpartition(".")
        name = attribute if owner else name  # `.0` is the iterator of a comprehension
        wanted = filters.make(
            function=function, file=file, thread=thread, frame=frame, name=name, task=task
        )
        of_line = filters.make(line=line).line
        queries, changes, bounds = self._queries, self._changes, _bounds(start, stop)

        def found() -> Iterator[Change]:
            events = queries.find(wanted, *bounds, bool(backwards))
            all_of_them = changes.history(name, wanted, events, owner)
            return (one for one in all_of_them if of_line in (None, one.line))

        asked = answers.History(name, wanted, owner, of_line)
        return Answers(
            found(),
            lambda: answers.history_table(queries, changes, asked, *bounds, bool(backwards)),
        )

    def watch(
        self,
        expression: str | Expression,
        function: FunctionFilter = None,
        *,
        of: str | None = None,
        file: str | None = None,
        thread: ThreadFilter = None,
        task: ThreadFilter = None,
        line: int | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Watches:
        """Every change of what an expression comes to: old, new and what changed within, with the line that did it.
        `of`: a class, of which the first name of the expression has to be (`self.items` of `Basket`). The filters are
        about whose events are looked at. Raises INVALID_ARGUMENT at once."""
        asked: dict[str, Any] = {
            "function": function, "file": file, "thread": thread, "task": task
        }  # fmt: skip
        watching = Watching(self._asker, self._changes, expression, of, filters.make(**asked))
        of_line = filters.make(line=line).line
        found = watching.watch(self._changing(asked, *_bounds(start, stop)))
        return Watches(watching, (one for one in found if of_line in (None, one.change.line)))

    def written_by(self, watched: Watched) -> Written | None:
        """Of a change that `watch` found, and for which its line only waited, or of which it is not known which line
        made it: who did, as the innermost frame that is recorded tells. Of several parts, the first. None: the line
        itself, or it is not known."""
        arguments.instance(watched, Watched, "watched", "a change that watch() found")
        writes, change, owner = Writes(self._queries, self._changes), watched.change, watched._owner
        return writes.during(change, owner) or writes.meanwhile(change, owner)

    def check(
        self,
        expression: str | Expression,
        function: FunctionFilter = None,
        *,
        of: str | None = None,
        file: str | None = None,
        thread: ThreadFilter = None,
        task: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Checked:
        """Whether an expression was true whenever something that it names was new or changed, and where it first was
        not. As `watch` otherwise."""
        asked = {"function": function, "file": file, "thread": thread, "task": task}
        found = Checked(None, 0, 0, None, "")
        for so_far in self._checking(expression, of=of, start=start, stop=stop, **asked):
            found = so_far
        return found

    def _checking(
        self,
        expression: str | Expression,
        *,
        of: str | None,
        start: int,
        stop: int | None,
        **asked: Any,
    ) -> Iterator[Checked]:
        """What is known after each event that it could be asked at."""
        wanted = filters.make(**asked)
        watching = Watching(self._asker, self._changes, expression, of, wanted, is_condition=True)
        return watching.check(self._changing(asked, *_bounds(start, stop)))

    def why(
        self,
        name: str | Expression,
        seq: int | None = None,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        limit: int = 20,
    ) -> list[Step]:
        """Why a variable, or a part of one (`self.items`, `config['retries']`), has its value at event `seq`: the last
        write before it, and back from there, a `Step` each; the last one says why nothing follows. It is looked for in
        the frame of the event, then in those below it, then among the globals. Without `seq`: where the variable was
        written last, by what fits the filters. Empty if there is no such variable. Raises INVALID_ARGUMENT for what is
        no such name, EVENT_NOT_FOUND."""
        asked = why.path(name)
        most = arguments.number(limit, "limit", "a number of steps")
        wanted = filters.make(function=function, file=file, thread=thread, name=asked.names[0])
        found = self._where(asked.names[0], seq, wanted)
        if found is None:
            return []
        return Why(self._queries, self._asker, self._changes).chain(asked, found, most)

    def object(
        self, of: Value | Identity | int, start: int = 0, stop: int | None = None
    ) -> ObjectHistory | None:
        """All that is told of one object, given a value that it is, or its number: where it was first seen, every
        change in it with the line that did it, who held it when, and where it was last seen. Reads the trace from
        `start` to `stop`. None for what is a value and no more (a number, a text, a tuple …), and if it is not seen
        there. Raises INVALID_ARGUMENT."""
        arguments.instance(of, (Value, Identity, int), "of", "a value, or the number of an object")
        identity: Identity | None
        if isinstance(of, Value):
            identity = of.identity
        elif isinstance(of, Identity):
            identity = of
        else:
            identity = Identity(arguments.number(of, "of", "the number of an object"))
        if identity is None:
            return None
        events = self._queries.find(filters.make(), *_bounds(start, stop))
        return of_object(identity, self._changes, events)

    def same(self, expression: str | Expression, seq: int) -> list[Holder]:
        """Under which names the object that an expression stands for at event `seq` was known then: variables of all
        frames of all threads, globals, and what is within them. Empty for what is a value and no more. Raises
        EVENT_NOT_FOUND, INVALID_ARGUMENT."""
        moment = self.at(arguments.integer(seq, "seq", "the number of an event"))
        identity = self._identity_at(expression, moment)
        return [] if identity is None else holders(moment, identity)

    def shared(self, seq: int) -> list[Shared]:
        """The objects that are held in more than one place at event `seq`, by variables of all frames of all threads,
        by globals or in other objects, each with the names by which it is known. Raises EVENT_NOT_FOUND,
        INVALID_ARGUMENT."""
        return shared_at(self.at(arguments.integer(seq, "seq", "the number of an event")))

    def origin(self, expression: str | Expression, seq: int) -> ObjectHistory | None:
        """Where the object that an expression stands for at event `seq` was first seen, and all that became of it until
        then, as `object` tells it. None for what is a value and no more. Raises EVENT_NOT_FOUND, INVALID_ARGUMENT."""
        moment = self.at(arguments.integer(seq, "seq", "the number of an event"))
        identity = self._identity_at(expression, moment)
        return None if identity is None else self.object(identity, stop=moment.event.seq + 1)

    def _first_seen(self, expression: str | Expression, seq: int) -> Sighting | None:
        """As `origin`, the first sighting alone."""
        moment = self.at(arguments.integer(seq, "seq", "the number of an event"))
        identity = self._identity_at(expression, moment)
        if identity is None:
            return None
        events = self._queries.find(filters.make(), 0, moment.event.seq + 1)
        return first_seen(identity, self._changes, events)

    def _identity_at(self, expression: str | Expression, moment: Moment) -> Identity | None:
        """Which object an expression stands for at a moment: in the frame of its event, or in the nearest one below it
        that has such names. None: it is a value and no more, or is not known."""
        asked = made(expression)
        for frame in reversed(moment.stack):
            answer = self._asker.ask(asked, frame)
            if answer.kind == "known" or not asked.names or asked.names[0] in frame.locals:
                return identity_of(answer.tree)
        return None

    def _where(self, name: str, seq: int | None, wanted: filters.Filter) -> Event | None:
        """The last event, up to `seq`, of a frame that has such a variable."""
        if seq is None:
            written = self._changes.history(
                name, wanted, self._queries.find(wanted, 0, ALL, backwards=True)
            )
            own = (one for one in written if one.value is not None and one.class_name is None)
            return next((one.event for one in own), None)
        moment = self.at(arguments.integer(seq, "seq", "the number of an event"))
        for frame in reversed(moment.stack):
            if name in frame.locals:
                if frame._is_module_body and frame.namespace == moment.event.namespace:
                    # A global: its module's frame has not looked since it called.
                    return moment.event
                its = filters.make(frame=frame.frame)
                return next(self._queries.find(its, 0, moment.event.seq + 1, backwards=True), None)
        return moment.event if name in moment.event.globals else None

    def _last_known(self, expression: str | Expression) -> int | None:
        """The last event of the frame that wrote the variable of an expression last, or that write: at whichever it is
        known. None if it is known at neither."""
        asked = made(expression)
        name = asked.names[0] if asked.names else ""
        written = self._where(name, None, filters.make(name=name))
        if written is None:
            return None
        its = filters.make(frame=written.frame)
        last = next(self._queries.find(its, 0, ALL, backwards=True), written)
        found = (one.seq for one in (last, written) if self._asker.ask(asked, one).kind == "known")
        return next(found, None)

    def _changing(self, asked: dict[str, Any], first: int, last: int) -> Find:
        filters.make(**asked)  # raises at once
        return lambda name: self._queries.find(filters.make(name=name, **asked), first, last)

    def changes(self, event: Event) -> list[Change]:
        """What changed before an event, each with the line that did it: variables of its frame, and globals of any
        module that were set since the event before."""
        arguments.instance(event, Event, "event", "an event of the trace")
        return self._changes.of(event)

    def evaluate(self, expression: str | Expression, frame: Event | Frame) -> Answer:
        """What a Python expression comes to in an event's frame, or another one: over what was recorded, without
        running anything. What was cut, redacted or not looked at makes the answer unknown. Raises INVALID_ARGUMENT for
        what is none (see `expressions.expression.Expression`)."""
        arguments.instance(frame, (Event, Frame), "frame", "an event or a frame of the trace")
        return self._asker.ask(expression, frame)

    @property
    def _asker(self) -> Asker:
        if self._asked is None:
            self._asked = Asker(self._texts.of)
        return self._asked

    @property
    def threads(self) -> list[Thread]:
        """All threads, in the order of their numbers. Reads the whole trace, once."""
        return [thread for _, thread in sorted(self._queries.survey().threads.items())]

    @property
    def functions(self) -> list[Function]:
        """All functions that appear. Reads the whole trace, once."""
        return [function for _, function in sorted(self._queries.survey().functions.items())]

    @property
    def namespaces(self) -> list[Namespace]:
        """The globals of all modules, and other dicts that code was run in. Reads the whole trace, once."""
        return [namespace for _, namespace in sorted(self._queries.survey().namespaces.items())]

    @property
    def types(self) -> list[tuple[str, str]]:
        """Module and qualified name of every type that a value names. Reads the whole trace, once."""
        return [named for _, named in sorted(self._queries.survey().types.items())]

    def marks(self, name: str | None = None) -> list[Mark]:
        """What the program said by `recorder.mark`, in order; `name`: only what is called so, or fits that pattern.
        Reads the whole trace, once, if there is any."""
        found = self._notes.marks
        return found if name is None else spans.named(found, arguments.text(name, "name", "a name"))

    def spans(self, name: str | None = None) -> list[Span]:
        """The spans of the program (`recorder.span`), in the order in which they began. As `marks` otherwise; `NAME#2`
        is the second one of that name."""
        found = self._notes.spans
        return found if name is None else spans.named(found, arguments.text(name, "name", "a name"))

    def span(self, name: str) -> tuple[int, int | None]:
        """The numbers of the first event of a span and of the one behind its last, None if it has not ended: to be
        given to a question as `start` and `stop`. Raises INVALID_ARGUMENT where there is none, or several that are
        apart."""
        return spans.range_of(self._notes.spans, name)

    @property
    def _notes(self) -> Notes:
        if self._said is None:
            self._said = Notes(self._queries, self.closing, self._queries.first_event)
        return self._said

    @property
    def sources(self) -> Mapping[str, Source]:
        """The texts of recorded files, by path; of a file that changed, the one that was first used last. A damaged
        one is left out, and noted in `damage`."""
        return self._all_sources.newest

    @property
    def all_sources(self) -> list[Source]:
        """Each text of each file, in the order in which they were first used."""
        return list(self._all_sources.all)

    @property
    def missing_sources(self) -> Mapping[str, str]:
        """The recorded files without a text, by path, each with a word for why: not_found, not_python, too_large or
        no_room. Code that has no file (`<string>`) is not among them."""
        return dict(self._all_sources.missing)

    @property
    def has_source_text(self) -> bool:
        """Whether the texts of files were to be kept: `source_text` of the policy."""
        policy = self.meta.get("policy")
        return not isinstance(policy, dict) or policy.get("source_text") is not False

    def why_missing(self, path: str) -> str | None:
        """The word for why there is no text of a file: one of `missing_sources`, left_out (see `has_source_text`), or
        no_file for code that is in none. None if there is a text, or nothing is known."""
        path = arguments.text(path, "path", "the path of a recorded file")
        if path in self.sources:
            return None
        if not self.has_source_text:
            return origins.LEFT_OUT
        return self._all_sources.missing.get(path) or (
            origins.NO_FILE if path.startswith("<") else None
        )

    def source_of(self, function: Function) -> Source | None:
        """The text that this function was compiled from, as far as that is known (see `Source.doubt`); None if it is
        not in the trace. Raises INVALID_ARGUMENT for what is no function of a trace."""
        arguments.instance(function, Function, "function", "a function of the trace")
        return self._all_sources.of(function.number, function.file)

    @property
    def _all_sources(self) -> Sources:
        return self._texts.sources

    def write_part(
        self,
        write: Write,
        start: int = 0,
        stop: int | None = None,
        *,
        with_sources: bool = True,
        redact: Iterable[str] | None = None,
    ) -> int:
        """Gives `write`, piece by piece, a trace of the events from number `start` on, before number `stop`: how many
        there are. They keep their numbers, and what is asked of them has the same answers. `with_sources`: without,
        no text of the program is in it. `redact`: patterns of further names whose values are left out, as the policy's;
        texts are as they are. Where `write` raises, it is CALLBACK_FAILED, or what of ours it raises."""
        if not callable(write):
            raise arguments.wrong("write", write, "a function")
        first, last = _bounds(start, stop)
        return cut(
            self._file,
            self.meta,
            self.closing,
            first,
            last,
            write,
            with_sources=bool(with_sources),
            redact=_further_names(redact),
        )

    def verify(self) -> Check:
        """Checks everything: every checksum, and every record of every chunk. Damage is in the answer, and not
        raised."""
        return verify(self._file)


def _further_names(redact: Iterable[str] | None) -> tuple[str, ...]:
    expected = "patterns of names"
    if redact is None:
        return ()
    if issubclass(type(redact), str):
        raise arguments.wrong("redact", redact, f"several {expected}, and not one text")
    try:
        return Policy(redact=arguments.texts(redact, "redact", expected)).redact or ()
    except errors.InvalidPolicyValueError as exc:
        raise arguments.wrong("redact", redact, expected) from exc


@errors.guarded("open_trace")
def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Opens a trace for reading; to be closed, by `with` or `close()`.

        with recorder.open_trace("app.rtrace") as trace:
            trace.verdict, trace.failure, len(trace)      what it is; str, error or None, events
            for event in trace.events(): ...              and steps(): those about to run a line
            trace.at(1000).stack                          every frame with its variables, at event 1000
            trace[-1], trace[10:20], trace[::-1]          events by number, also backwards
            trace.find("line", file="app.py", line=12)    events that fit; see Trace.find
            trace.calls("parse"), trace.call_tree()       with arguments, result and duration in ns
            trace.history("total", "add_up")              every value that a variable took, and where
            trace.exceptions("ValueError")                each with everywhere it went
            trace.threads, trace.functions, trace.sources
            trace.source_of(event.function).lines         the text it ran from, and whether that is known

    Events are numbered from 0 in the order in which they happened; times are ns since 1970. All of these
    are lazy: memory is bounded by a cache of decompressed chunks (16 MiB) and by what you keep. Events,
    frames and values do not change, and need no open trace.

    Raises TRACE_NOT_FOUND, NOT_A_TRACE, TRACE_VERSION_UNSUPPORTED, TRACE_BUSY (a staging folder in
    use), TRACE_TRUNCATED (not even a file header), PERMISSION_DENIED or READ_FAILED; INVALID_ARGUMENT
    for what is no path. A damaged trace opens: the chunks that are damaged are left out, `verdict` and
    `damage` say so, and only what asks for an event in one of them (`at`, `trace[n]`) raises
    TRACE_CORRUPT, or UNKNOWN_RECORD for a record of a newer recorder.
    """
    return Trace(path)


@errors.guarded("read")
def _chosen(
    found: Iterator[Raised], origin: filters.Filter, way: filters.Filter | None, uncaught: bool
) -> Iterator[Raised]:
    """Those that were raised first as `origin` says, and came through a function that `way` asks for."""
    for one in found:
        if not origin.wants_function(one.origin.function) or not origin.keeps(one.origin):
            continue
        if origin.line not in (None, one.origin.line):
            continue
        if way is not None and not any(way.wants_function(event.function) for event in one.events):
            continue
        if one.escaped or not uncaught:
            yield one


def _bounds(start: int, stop: int | None) -> tuple[int, int]:
    """The bounds of a query, checked."""
    first = arguments.integer(start, "start", "the number of an event")
    last = ALL if stop is None else arguments.integer(stop, "stop", "the number of an event")
    return min(max(first, 0), ALL), min(max(last, 0), ALL)
