"""The page: what ran, how it ended, what failed, where that came from, and what to ask next, within a budget.

Each statement is one line with the number of the event that it is about. Of each section what matters most comes
first, and where the budget ends it says how much is left out.
"""

from __future__ import annotations

import ast
import heapq
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from recorder import errors
from recorder.errors.text import cut, printable
from recorder.explain.backwards import WIDTH, Backwards, Link
from recorder.explain.compared import Differing, first_values
from recorder.explain.following import Question, after_path, diff, is_path, why
from recorder.explain.markdown import code
from recorder.explain.tokens import TokenQuota, fitting, tokens
from recorder.export.text import ending_of
from recorder.trace import alike
from recorder.trace.calls import Call
from recorder.trace.exceptions import Raised
from recorder.trace.logs import OUTSIDE, Log, logs
from recorder.trace.output import Asked, Output
from recorder.trace.output import outputs as written
from recorder.trace.paths import base_name
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.differences import sides, what_changed
from recorder.trace.values.shown import shown
from recorder.trace.within import during

LINE: Final = 240  # characters of a statement
CODE: Final = 80  # of a line of source
MOST_FRAMES: Final = 8  # the innermost
MOST_VARIABLES: Final = 8  # of the innermost frame
MOST_OUTPUTS: Final = 3  # the last ones
OF_IMPORTS: Final = ("ImportError", "ModuleNotFoundError")
RECENT: Final = 2_000  # events, whose exceptions and errors are looked at
WINDOWS: Final = (
    RECENT,
    1_000_000,
)  # events, in which output is looked for, and what left the program
LONG: Final = 1_000_000  # events, of which all are too many to ask for at once
ERROR: Final = 40  # the level of a record of `logging`
MOST_SHOWN: Final = 3  # of those that were handled, the last ones
FEW: Final = 3  # questions, with which the page may end
SHORT_TEXT: Final = 3  # characters: less comes up everywhere
MOST_ENDED: Final = 5  # calls on the way that are compared with earlier ones
MOST_SIDES: Final = 2  # parts in which the sides of an `==` differ
MOST_LEFT: Final = 20  # that left the outermost frame of a thread, and may have been taken there
# Parts of the budget.
FACTS: Final = 0.2
FAILURE: Final = 0.3
DIFFERENCES: Final = 0.2
NEXT: Final = 0.15


class Statement(NamedTuple):
    """One line; `seq` is the event that it is about, None of what is about the whole."""

    seq: int | None
    text: str

    def __str__(self) -> str:
        number = "" if self.seq is None else f"#{self.seq} "
        return f"- {number}{cut(printable(self.text), LINE)}"


class Section(NamedTuple):
    """`left_out`: what there was no room for; empty if all is there."""

    title: str
    statements: list[Statement]
    left_out: str = ""


class Page(NamedTuple):
    """`title` heads it, `following` are the questions at its end."""

    title: str
    sections: list[Section]
    following: list[Question]
    trace: str

    def lines(self) -> Iterator[str]:
        yield f"# {printable(self.title)}"
        for section in self.sections:
            yield from ("", f"## {section.title}", "")
            yield from map(str, section.statements)
            if section.left_out:
                yield f"- … {section.left_out}"
        if self.following:
            yield from ("", "## What to ask next", "")
            yield from (_suggestion(one, self.trace) for one in self.following)

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Symptom(NamedTuple):
    """What is wrong, as far as the trace says: an exception that left the program, or that was taken by what then made
    it exit; or else an error that it told, or else what was written last."""

    uncaught: Raised | None
    handled: list[Raised]  # the last ones
    others: int  # that did not leave the program, in the last events
    errors: list[Log]  # that were told, the last ones
    reported: Raised | None  # the exception that the last of them is about
    outputs: list[Output]  # the last ones
    outside: list[Log]  # files, processes, connections, statements and requests: the last ones

    @property
    def event(self) -> int | None:
        """Where the way back begins."""
        raised = self.uncaught or self.reported
        if raised is not None:
            return raised.origin.seq
        for seqs in ([one.seq for one in self.errors], [one.seq for one in self.outputs]):
            if seqs and seqs[-1] is not None:
                return seqs[-1]
        return self.handled[-1].origin.seq if self.handled else None


def explain(trace: Trace, budget: int, differences: Sequence[str] | None = None) -> Page:
    """`differences`: lines about how it differs from a run that passed."""
    back = Backwards(trace)
    symptom = look(trace)
    title = f"recorder explain {cut(base_name(trace.path), WIDTH)}"
    quota = TokenQuota(budget - tokens(title) - 5)
    sections = [_section(quota, "What ran", _facts(trace, symptom), int(budget * FACTS))]
    failed = _failure(trace, symptom, back)
    sections.append(_section(quota, "What went wrong", failed, int(budget * FAILURE)))
    compared = None
    if differences is not None:
        rows = (Statement(None, row.strip()) for row in differences)
        compared = _section(
            quota, "What differs from the run that passed", rows, int(budget * DIFFERENCES)
        )
    quota_next = TokenQuota(min(int(budget * NEXT), quota.left))
    quota.left -= quota_next.left
    links: deque[Link] = deque()
    way = _way(trace, back, symptom, links)
    where_from = _section(quota, "Where it comes from", way, quota.left)
    sections.append(where_from)
    pair = _alike(trace, links)
    values = [] if pair is None else first_values(trace, *pair)
    if pair is not None and values:
        sections.append(_two_calls(quota, where_from, pair, values))
    sections += [] if compared is None else [compared]
    quota_next.left += quota.left
    following = _following(trace, symptom, links, quota_next, pair, values)
    return Page(
        title, [one for one in sections if one.statements or one.left_out], following, trace.path
    )


def look(trace: Trace) -> Symptom:
    """The last exception that left the program, and of the others, of errors and of what was written the last ones, all
    in the last events: a page must not take long, however long the trace is."""
    end = trace._queries.end
    near = max(end - RECENT, 0)
    uncaught = _uncaught(trace)
    raised = list(trace.exceptions(start=near))
    others = [one for one in raised if not _is_same(one, uncaught)]
    others.sort(key=_is_of_import, reverse=True)  # the last ones are told
    if uncaught is not None and uncaught.type_name == "SystemExit":
        behind = _behind_exit(uncaught, others)
        if trace.exit_status == 0:
            uncaught = None
        elif behind is not None:
            uncaught, others = behind, [one for one in raised if not _is_same(one, behind)]
    errors: deque[Log] = deque(maxlen=MOST_SHOWN)
    outside: deque[Log] = deque(maxlen=MOST_OUTPUTS)
    for log in logs(trace._queries, Asked(None, near, ahead=None, by_moment=True)):
        if _is_error(log):
            errors.append(log)
        elif log.kind in OUTSIDE and not log.omitted:
            outside.append(log)
    reported = _about(errors[-1], others) if errors else None
    outputs: list[Output] = []
    for window in WINDOWS:
        asked = Asked(None, max(end - window, 0), by_moment=True)
        outputs = _last_printed(written(trace._queries, asked))
        if outputs or window >= end:
            break
    return Symptom(
        uncaught,
        others[-MOST_SHOWN:],
        len(others),
        list(errors),
        reported,
        outputs,
        list(outside),
    )


def _last_printed(outputs: Iterable[Output]) -> list[Output]:
    """Those that were printed last, and show anything: what waits in a buffer may be written long after it."""
    shown = (one for one in enumerate(outputs) if one[1].text.strip())
    last = heapq.nlargest(MOST_OUTPUTS, shown, key=lambda one: (one[1].moment or 0, one[0]))
    return [output for _, output in reversed(last)]


def _uncaught(trace: Trace) -> Raised | None:
    """Of another thread than the first one: what left its outermost recorded frame was told by `threading`, or else
    somebody has taken it."""
    near = max(trace._queries.end - WINDOWS[-1], 0)
    for left in islice(trace.find("unwind", depth=0, start=near, backwards=True), MOST_LEFT):
        if left.thread.number and not _is_reported(trace, left):
            continue
        raised = trace.exceptions(start=max(left.seq - RECENT, 0), stop=left.seq + 1)
        last = [one for one in raised if one.events[-1].seq == left.seq]
        return last[0] if last else None
    return None


def _behind_exit(left: Raised, others: Iterable[Raised]) -> Raised | None:
    """Where code that is not recorded exits with a status, as a test runner or a framework's command does: the last
    exception that it took of what it had called."""
    inside = [one for one in others if one.taken and one.events[-1].caller == left.origin.frame]
    return inside[-1] if inside else None


def _is_reported(trace: Trace, left: Event) -> bool:
    asked = Asked(None, left.seq, left.seq + RECENT, ahead=1, by_moment=True)
    return any(
        log.kind == "uncaught"
        and log.thread is not None
        and log.thread.number == left.thread.number
        for log in logs(trace._queries, asked)
    )


def _is_of_import(one: Raised) -> bool:
    """Whether a module looked for another one, or for a name in it, and did without: most modules of a program do."""
    came_to = one.events[-1].function
    return one.type_name.rpartition(".")[2] in OF_IMPORTS or (
        came_to.is_body and came_to.name == "<module>" and came_to.module != "__main__"
    )


def _is_same(one: Raised, other: Raised | None) -> bool:
    return other is not None and one.origin.seq == other.origin.seq


def _is_error(log: Log) -> bool:
    """Or an exception that was told by `logging`."""
    return log.kind == "record" and (log.level >= ERROR or log.exception is not None)


def _about(log: Log, others: list[Raised]) -> Raised | None:
    """The last exception before it that is the one that it shows."""
    if log.exception is None:
        return None
    shown_there = log.exception.show()
    found = [
        one for one in others if one.origin.seq < log.before and one.value.show() == shown_there
    ]
    return found[-1] if found else None


def _section(quota: TokenQuota, title: str, found: Iterable[Statement], budget: int) -> Section:
    """As many statements as its part of what is left holds."""
    mine = TokenQuota(min(budget, quota.left))
    quota.left -= mine.left
    statements: list[Statement] = []
    left_out = ""
    if not mine.takes(f"\n## {title}\n\n{NOTE}"):
        return Section(title, [])
    for one in found:
        if not mine.takes(str(one)):
            left_out = LEFT_OUT
            break
        statements.append(one)
    quota.left += mine.left
    return Section(title, statements, left_out)


LEFT_OUT: Final = "more is left out: a larger budget has it"
NOTE: Final = f"- … {LEFT_OUT}\n"


# ---- what ran ----


def _facts(trace: Trace, symptom: Symptom) -> Iterator[Statement]:
    argv = trace.meta.get("argv")
    command = shlex.join(map(str, argv)) if isinstance(argv, list) else "a program"
    verdict = trace.verdict
    doubt = (
        "" if verdict == "complete" else ": what is not told here may have happened all the same"
    )
    ran = f"{code(cut(command, CODE))} in Python {trace.meta.get('python')}"
    yield Statement(None, f"{ran}; the trace is {verdict}{doubt}, {len(trace):,} events")
    if len(trace):
        status = trace.exit_status
        ended = "its exit status is not known"
        if status is not None:
            ended = ("exit status " if status >= 0 else "") + ending_of(status)
        yield Statement(trace._queries.end - 1, f"it ended there; {ended}")
    if forks := trace.unrecorded_forks:
        which = "a process" if forks == 1 else f"{forks:,} processes"
        how = code("recorder run --follow-children")
        yield Statement(None, f"it forked {which}, not recorded here: {how} does")
    for output in symptom.outputs:
        if _tells_of(output, symptom.uncaught):
            continue
        yield Statement(output.seq if output.moment is None else output.moment, _written(output))
    for log in symptom.outside:
        yield Statement(max(log.before - 1, 0), f"outside: {code(cut(log.shown, LINE))}")
    unproved = [one for one in trace.all_sources if one.doubt is not None]
    if unproved:
        names = ", ".join(base_name(one.path) for one in unproved[:MOST_SHOWN])
        yield Statement(None, f"not proved to be the text that ran: {names}")
    if trace.missing_sources:
        yield Statement(None, f"{len(trace.missing_sources)} files have no text in the trace")


def _tells_of(output: Output, raised: Raised | None) -> bool:
    """Whether it is Python's own traceback of what the page is about."""
    if raised is None or output.stream != "stderr":
        return False
    name, line = raised.value.type_name.rpartition(".")[2], _last_line(output)
    return line.rpartition(".")[2].partition(":")[0] == name or line.startswith(f"{name}:")


def _last_line(output: Output) -> str:
    return output.text.rstrip("\n").rpartition("\n")[2]


def _written(output: Output) -> str:
    text = _last_line(output)
    place = "" if output.file is None else f"  {base_name(output.file)}:{output.line}"
    return f"{output.stream}: {code(cut(text, WIDTH))}{place}{during(output.during)}"


# ---- what went wrong ----


def _failure(trace: Trace, symptom: Symptom, back: Backwards) -> Iterator[Statement]:
    if symptom.uncaught is not None:
        yield from _raised(symptom.uncaught, back)
    else:
        yield from _nothing(trace, symptom)
    for log in reversed(symptom.errors):
        yield Statement(max(log.before - 1, 0), f"told: {code(cut(log.shown, LINE))}")
    alike: dict[str, list[Raised]] = {}
    for one in reversed(symptom.handled):
        alike.setdefault(f"{_named(one)}; {_fate(one)}", []).append(one)
    for text, those in alike.items():
        times = "" if len(those) == 1 else f"; {len(those)} times, from #{those[-1].origin.seq} on"
        yield Statement(those[0].origin.seq, text + times)
    if symptom.others > len(symptom.handled):
        where = f"the last {RECENT:,} events" if len(trace) > RECENT else "all"
        yield Statement(None, f"{symptom.others:,} exceptions that did not leave it in {where}")


def _nothing(trace: Trace, symptom: Symptom) -> Iterator[Statement]:
    """That no exception left the program, how it ended, and what the page is about all the same."""
    if trace.verdict != "complete" and not trace.exit_status:
        return
    status = trace.exit_status
    well = "nothing failed at its end: " if status == 0 else ""
    ended = f", which ended with {status}" if status else ""
    if symptom.errors:
        begins = "the last error that it told"
    else:
        begins = "its last output" if symptom.outputs else "the last one that was handled"
    below = "" if symptom.event is None else f"; below is what led to {begins}"
    yield Statement(None, f"{well}no exception left the program{ended}{below}")


def _raised(raised: Raised, back: Backwards) -> Iterator[Statement]:
    origin = raised.origin
    yield Statement(origin.seq, f"{_named(raised)}; {_fate(raised)}")
    for frame in reversed(raised.stack[-MOST_FRAMES:]):
        yield Statement(origin.seq, f"in {frame.title}  {_place(frame.file, frame.line, back)}")
        if frame.frame == origin.frame and not frame.function.is_body:
            for name, value in islice(frame.locals.items(), MOST_VARIABLES):
                yield Statement(origin.seq, f"{name} = {code(shown(value, WIDTH))}")
        if frame.frame == origin.frame:
            yield from (Statement(origin.seq, row) for row in _sides(raised, back))
    if len(raised.stack) > MOST_FRAMES:
        yield Statement(origin.seq, f"… {len(raised.stack) - MOST_FRAMES} more frames below")


def _sides(raised: Raised, back: Backwards) -> Iterator[str]:
    """Of an `assert a == b` in what the two differ, where that is less than all of them."""
    origin = raised.origin
    statement = back.texts.statement(origin.file, origin.line)
    test = statement.test if isinstance(statement, ast.Assert) else None
    if (
        not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.ops[0], ast.Eq)
    ):
        return
    texts = [ast.unparse(one) for one in (test.left, test.comparators[0])]
    try:
        a, b = (back.trace.evaluate(text, origin) for text in texts)
    except errors.InvalidArgumentError:  # it is no expression that can be asked
        return
    if a.kind != "known" or b.kind != "known":
        return
    parts = list(islice(what_changed(a.tree, b.tree), MOST_SIDES + 1))
    if not all(part.path or part.before for part in parts):
        return
    for part in parts[:MOST_SIDES]:
        way, left, right = sides(part, texts[0], WIDTH)
        yield f"differs: {way} is {code(left)}, and of {code(texts[1])} {code(right)}"
    if len(parts) > MOST_SIDES:
        yield "and more differs"


def _named(raised: Raised) -> str:
    origin = raised.origin
    where = f"{base_name(origin.file)}:{origin.line}"
    return f"{code(shown(raised.value, WIDTH))} raised in {origin.title}  {where}"


def _fate(raised: Raised) -> str:
    if raised.handled is not None:
        return f"handled at {base_name(raised.handled.file)}:{raised.handled.line}, #{raised.handled.seq}"
    title = raised.events[-1].title
    if raised.escaped and not raised.events[-1].thread.number:
        return f"it left {title}"
    if raised.escaped or raised.taken:
        return f"it left the recorded code, from {title}"
    return "what became of it was not seen"


# ---- where it comes from ----


def _way(
    trace: Trace, back: Backwards, symptom: Symptom, links: deque[Link]
) -> Iterator[Statement]:
    event = None if symptom.event is None else _event(trace, symptom.event)
    if event is None:
        return
    if symptom.uncaught is None:  # else it was told with the exception
        yield Statement(event.seq, f"begins at {_place(event.file, event.line, back)}")
    back.from_line(event)
    for link in back.links():
        links.append(link)
        how = f"; {link.how}" if link.how else ""
        what = link.what if " = " not in link.what else code(link.what)
        text = f"{what}  {_place(link.file, link.line, back)}{how}"
        yield Statement(link.seq, text)
    if back.is_over:
        yield Statement(None, "the way was not followed to its end: that would take too long")


def _event(trace: Trace, seq: int) -> Event | None:
    try:
        return trace.at(seq).event
    except (errors.TraceCorruptError, errors.UnknownRecordError):
        return None


def _place(file: str, line: int, back: Backwards) -> str:
    text = cut(back.texts.line(file, line), CODE)
    where = f"{base_name(file)}:{line}" if line else "(line not known)"
    return f"{where}  {code(text)}" if text else where


# ---- two calls ----


def _two_calls(
    quota: TokenQuota, before: Section, pair: tuple[Call, Call], values: list[Differing]
) -> Section:
    """In what they differ first: that is worth more than the end of the way, which makes room for it."""
    a, b = pair
    rows = [Statement(b.seq, f"{b.title} was given the same as at #{a.seq}")]
    for one in values:
        was = f"{code(one.path)} is {code(one.now)}, and was {code(one.before)} at #{one.a.seq}"
        where = f"{one.b.title} {base_name(one.b.file)}:{one.b.line}"
        rows.append(Statement(one.b.seq, f"{was}  {where}"))
    title = "What differs from an earlier call with another result"
    needed = tokens(f"\n## {title}\n\n") + sum(tokens(str(one)) + 1 for one in rows) + tokens(NOTE)
    while quota.left < needed and before.statements:
        quota.left += tokens(str(before.statements.pop())) + 1
    return _section(quota, title, rows, quota.left)


# ---- what to ask next ----


def _following(
    trace: Trace,
    symptom: Symptom,
    links: Iterable[Link],
    quota: TokenQuota,
    pair: tuple[Call, Call] | None,
    values: list[Differing],
) -> list[Question]:
    found = [] if pair is None else [diff(pair[0].seq, pair[1].seq)]
    found += [why(one.path, one.b.seq, "which differed") for one in values[:1] if is_path(one.path)]
    links = list(links)
    found += _first_seen(links)
    found += after_path(links)
    if symptom.others or symptom.uncaught is not None:
        found.append(Question("exceptions", ("--last",), "with the variables of every frame"))
    if not found and len(trace):
        found.append(Question("tree", (), "who called what"))
    if len(found) < FEW:
        recent = () if len(trace) <= LONG else ("--since", str(trace._queries.end - RECENT))
        found.append(Question("calls", ("--limit", "20", *recent), "what was called with what"))
    quota.takes("\n## What to ask next\n\n")
    rows = fitting((_suggestion(one, trace.path) for one in found), quota.left)
    return found[: len(rows)]


def _first_seen(links: list[Link]) -> Iterator[Question]:
    """Of the nearest text that a call returned."""
    for link in links:
        tree = None if link.ended is None or link.ended.value is None else link.ended.value._tree
        if type(tree) is str and SHORT_TEXT <= len(tree) <= WIDTH and tree.isprintable():
            words = ("--value", repr(tree), "--limit", "5")
            yield Question("find", words, "where that value came up first")
            return


def _alike(trace: Trace, links: Iterable[Link]) -> tuple[Call, Call] | None:
    """Of the calls on the way the nearest of which there was one like it with another result."""
    ended = [link.ended for link in links if link.ended is not None]
    for end in ended[:MOST_ENDED]:
        pair = alike.earlier(trace, end)
        if pair is not None:
            return pair
    return None


def _suggestion(one: Question, trace: str) -> str:
    return f"- {code(one.spelled(trace))}: {one.reason}"
