"""The questions of the command line as forms: what is to be filled in, and rows as `--json` has them.

Each row is what the command of that name prints, and fits `recorder/cli/answers.schema.json`; of `explain`, a statement
with the title of its section.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

from recorder.cli import (
    calls,
    check,
    exceptions,
    find,
    grep,
    history,
    logs,
    origin,
    output,
    same,
    tree,
    watch,
    why,
)
from recorder.cli.explain import BUDGET
from recorder.cli.queries import filters_of, is_whole, range_of, selectors_of
from recorder.explain.page import explain
from recorder.trace.existence import Existence
from recorder.trace.expressions.expression import Answer, given_as
from recorder.trace.folding import fold
from recorder.trace.moments import event_at
from recorder.trace.profile import ORDERS
from recorder.trace.reader import Trace
from recorder.trace.values.value import Value
from recorder.trace.why import path
from recorder.view.parameters import Parameters, invalid

Row: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[Trace, argparse.Namespace], Iterator[Row]]

MOST_ROWS: Final = 2_000
LONGEST: Final = (
    10_000  # characters of a text in a row: a program may have written all it has in one piece
)
TEXT: Final = 120  # characters of a value in a row


class Field(NamedTuple):
    """Something to fill in. `kind`: text or flag."""

    name: str
    label: str
    kind: str = "text"
    needed: bool = False


class Question(NamedTuple):
    what: str
    fields: tuple[Field, ...]
    ask: Ask
    rows: int = 200  # at most, where nobody says it


def told(row: Row, **values: Value | Answer | None) -> Row:
    """`shown`: the values of a row as Python would write them, for who does not read JSON."""
    shown = {name: one.show(TEXT) for name, one in values.items() if one is not None}
    return {**row, "shown": shown}


# ---- what is asked -------------------------------------------------------------------------------


def _find(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    if args.output is not None:
        for hit in find.chosen(find.writers(trace, args), args):
            yield find.as_json(trace, hit, [])
        return
    when = None if args.when is None else given_as("when", args.when)
    found = find.events(
        trace, args, when=when, log=args.log, numbers=find.numbers(args.hits), backwards=args.backwards
    )  # fmt: skip
    for hit in find.chosen(found, args):
        if hit.kind != "error":
            yield find.as_json(trace, hit, [] if when is None else when.paths)


def _grep(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    asked: dict[str, Any] = {"fixed": args.fixed, "ignore_case": args.ignore_case}
    about = {**filters_of(args), **selectors_of(args), **range_of(trace, args)}
    found = trace.grep(args.pattern, **asked, **about)
    for one in found:
        yield told(grep.as_json(one), value=one.value)


def _watch(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    found = trace.watch(given_as("expression", args.expression), **watch.asked(trace, args))
    for one in found:
        yield told(watch.as_json(one), old=one.old, new=one.new)


def _check(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    expression = given_as("expression", args.expression)
    yield check.as_json(trace.check(expression, **watch.asked(trace, args)))


def _why(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    seq = None if args.at is None else event_at(trace, args.at, "at")
    steps = trace.why(path(args.name, "name"), seq, **filters_of(args), limit=why.STEPS)
    for one in steps:
        read = {f"reads.{part.text}": part.value for part in one.reads}
        yield {**told(why.as_json(one), value=one.value, **read), "reads_at": one.at}


def _history(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    asked: dict[str, Any] = {**filters_of(args), **selectors_of(args), **range_of(trace, args)}
    found = trace.history(args.name, backwards=args.backwards, **asked)
    for one in found:
        yield told(history.as_json(one), value=one.value)


def _same(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    found = trace.same(given_as("expression", args.expression), event_at(trace, args.at, "at"))
    yield from map(same.as_json, found)


def _origin(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    found = trace.origin(given_as("expression", args.expression), event_at(trace, args.at, "at"))
    if found is None:
        return
    changes = {id(one.seen): one.parts for one in found.changes}
    for one in found.sightings:
        yield told(origin.as_json(one, changes.get(id(one)), found), value=one.value)


def _exceptions(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    asked: dict[str, Any] = {**filters_of(args), **selectors_of(args), **range_of(trace, args)}
    found = trace.exceptions(args.type, through=args.through, uncaught=args.uncaught, **asked)
    for one in found:
        yield told(exceptions.as_json(one), value=one.value)


def _output(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    yield from map(output.as_json, trace.output(args.stream, **range_of(trace, args)))


def _logs(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    found = trace.logs(args.level, args.name, args.kind, **range_of(trace, args))
    yield from map(logs.as_json, found)


def _calls(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    for call in trace.calls(**filters_of(args), **range_of(trace, args)):
        given = {f"arguments.{name}": value for name, value in call.arguments.items()}
        yield told(calls.as_json(call), returned=call.returned, raised=call.raised, **given)


def _tree(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    hide = None if args.imports or args.file else tree.imports_only
    roots = trace.tree(own=args.own, hide=hide, **filters_of(args), **range_of(trace, args))
    yield from map(tree.as_json, fold(roots, args.limit, order=_order(args)))


def _stats(trace: Trace, args: argparse.Namespace) -> Iterator[Row]:
    found = trace.stats(own=args.own, **filters_of(args), **range_of(trace, args))
    yield from map(tree.node_as_json, sorted(found, key=ORDERS[_order(args)]))


def _explain(trace: Trace, _: argparse.Namespace) -> Iterator[Row]:
    for section in explain(trace, BUDGET).sections:
        for one in section.statements:
            yield {"seq": one.seq, "text": one.text, "section": section.title}
        if section.left_out:
            yield {"seq": None, "text": section.left_out, "section": section.title}


def _order(args: argparse.Namespace) -> str:
    order = args.sort or "time"
    if order not in ORDERS:
        raise invalid("sort", order, ", ".join(ORDERS))
    return str(order)


# ---- what there is to ask ------------------------------------------------------------------------

FILTERS: Final = (
    Field("function", "function"),
    Field("file", "file"),
    Field("thread", "thread"),
)
RANGE: Final = (
    Field("since", "from event, time or %"),
    Field("until", "up to"),
    Field("span", "within span"),
)
TASK: Final = Field("task", "task")
LINE: Final = Field("line", "at line")  # a number
BACKWARDS: Final = Field("backwards", "last one first", "flag")
OWN: Final = Field("own", "own code alone", "flag")
IMPORTS: Final = Field("imports", "with imports", "flag")
SORT: Final = Field("sort", "by time, own, calls or order")
EXPRESSION: Final = Field("expression", "expression", needed=True)
AT: Final = Field("at", "at event", needed=True)

QUESTIONS: Final = {
    "find": Question(
        "where a line ran, a function was called, a condition was true",
        (
            Field("at", "FILE:LINE"),
            Field("when", "condition"),
            Field("value", "a new value"),
            Field("output", "text it wrote"),
            Field("hits", "hit N or A-B"),
            Field("log", "say of each: n is {n}"),
            Field("kind", "kind of event"),
            TASK,
            LINE,
            BACKWARDS,
            *FILTERS,
            *RANGE,
        ),
        _find,
    ),
    "grep": Question(
        "where a text occurs in values",
        (
            Field("pattern", "text or regular expression", needed=True),
            Field("fixed", "a text", "flag"),
            Field("ignore_case", "any case", "flag"),
            TASK,
            LINE,
            *FILTERS,
            *RANGE,
        ),
        _grep,
    ),
    "watch": Question(
        "every change of an expression",
        (EXPRESSION, Field("of", "of class"), TASK, LINE, *FILTERS, *RANGE),
        _watch,
    ),
    "why": Question(
        "why a variable has its value",
        (Field("name", "variable", needed=True), Field("at", "at event"), *FILTERS),
        _why,
    ),
    "history": Question(
        "every value a variable took",
        (Field("name", "variable", needed=True), BACKWARDS, TASK, LINE, *FILTERS, *RANGE),
        _history,
    ),
    "same": Question("who else holds an object", (EXPRESSION, AT), _same),
    "origin": Question(
        "where an object was first seen, and who changed it", (EXPRESSION, AT), _origin
    ),
    "exceptions": Question(
        "what was raised",
        (
            Field("type", "type"),
            Field("through", "through function"),
            Field("uncaught", "not handled", "flag"),
            TASK,
            LINE,
            *FILTERS,
            *RANGE,
        ),
        _exceptions,
        50,
    ),
    "explain": Question("what ran, what went wrong, and where it comes from", (), _explain),
    "check": Question(
        "the first moment at which an invariant is false",
        (EXPRESSION, Field("of", "of class"), TASK, *FILTERS, *RANGE),
        _check,
    ),
    "calls": Question("calls, with arguments and results", (*FILTERS, *RANGE), _calls),
    "tree": Question(
        "who called what, how often, how long", (OWN, IMPORTS, SORT, *FILTERS, *RANGE), _tree
    ),
    "stats": Question("per function: calls and times", (OWN, SORT, *FILTERS, *RANGE), _stats),
    "logs": Question(
        "what it told by logging and warnings, exceptions that nobody caught; files, statements, requests",
        (
            Field("level", "level and above"),
            Field("name", "logger, class or library"),
            Field("kind", "record, warning, uncaught, unraisable, audit, sql or http"),
            *RANGE,
        ),
        _logs,
    ),
    "output": Question(
        "what it wrote to stdout and stderr", (Field("stream", "stdout or stderr"), *RANGE), _output
    ),
}


def forms(_: Trace, __: Parameters) -> dict[str, Any]:
    """All questions, with what is to be filled in."""
    return {
        "questions": [
            {
                "name": name,
                "what": question.what,
                "fields": [field._asdict() for field in question.fields],
            }
            for name, question in QUESTIONS.items()
        ]
    }


def ask(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """`more`: whether there are more rows than were wanted; `nothing`: why there is none."""
    name = asked.one_of("question", tuple(QUESTIONS))
    question = QUESTIONS[name]
    limit = min(asked.number("limit", question.rows), MOST_ROWS)
    args = _arguments(question, asked, limit)
    rows = list(islice(question.ask(trace, args), limit + 1))
    return {
        "question": name,
        "rows": [_clipped(row) for row in rows[:limit]],
        "more": len(rows) > limit,
        "nothing": None if rows else _why_nothing(trace, args),
    }


def _clipped(part: Any) -> Any:
    if isinstance(part, str) and len(part) > LONGEST:
        return part[: LONGEST - 1] + "…"
    if isinstance(part, dict):
        return {key: _clipped(one) for key, one in part.items()}
    return [_clipped(one) for one in part] if isinstance(part, (list, tuple)) else part


def _arguments(question: Question, asked: Parameters, limit: int) -> argparse.Namespace:
    """As the command's own parser makes them; what has no field is not given."""
    absent = dict.fromkeys(("function", "file", "thread", "since", "until", "span"))
    args = argparse.Namespace(**absent, limit=limit)
    for field in question.fields:
        if field.kind == "flag":
            setattr(args, field.name, asked.flag(field.name))
        elif field == LINE:
            given = asked.text(field.name)
            setattr(args, field.name, None if given is None else asked.number(field.name))
        else:
            given = asked.needed(field.name) if field.needed else asked.text(field.name)
            setattr(args, field.name, given)
    return args


def _why_nothing(trace: Trace, args: argparse.Namespace) -> str:
    """Raises NOT_IN_TRACE for what is nowhere."""
    if not is_whole(trace):
        return "nothing was found in what can be read"
    wanted = {name: value for name, value in filters_of(args).items() if value is not None}
    return Existence(trace).why_nothing(**wanted) if wanted else "there is none"
