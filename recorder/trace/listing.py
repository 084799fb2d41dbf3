"""Source texts with how often each line ran: of a function, from its decorators to its last line, or of a file."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from types import CodeType
from typing import Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.trace.existence import Existence
from recorder.trace.filters import is_file, is_named
from recorder.trace.occurrences import compiled
from recorder.trace.reader import Source, Trace
from recorder.trace.statements import definitions, first_line, parsed

FILE: Final = re.compile(r"[/\\]|\.pyw?$|^<")
MOST_COUNTED: Final = 1_000_000  # events
UNNAMED: Final = frozenset(  # what the compiler calls functions that have no name
    ("<lambda>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
)
SCOPES: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp,
)  # fmt: skip


class Line(NamedTuple):
    """`times`: how often it ran; 0: never; None: there is no code that begins in it."""

    number: int
    text: str
    times: int | None


class Listing(NamedTuple):
    """Some lines of one text."""

    title: str
    source: Source
    lines: list[Line]


@errors.guarded("read")
def listings(trace: Trace, asked: str) -> Iterator[Listing]:
    """Of each function of this name, or each file; also of those of which nothing ran. Raises NOT_IN_TRACE."""
    if names_file(asked):
        Existence(trace).file(asked)
        for source in trace.all_sources:
            if is_file(source.path, asked):
                yield whole(trace, source)
        return
    listed = set()
    for title, source, first in _definitions(trace, asked):
        span = span_of(source.text, first)
        place = source.path, source.sha256, span
        if place not in listed:
            listed.add(place)
            yield _listing(trace, title, source, *span)


@errors.guarded("read")
def whole(trace: Trace, source: Source) -> Listing:
    """Of one text, all of it."""
    return _listing(trace, source.path, source, 1, len(source.lines))


def named(trace: Trace, asked: str) -> list[Function]:
    """The functions of a file or of a name that ran. Raises NOT_IN_TRACE for what is nowhere."""
    if names_file(asked):
        Existence(trace).file(asked)
        return [one for one in trace.functions if is_file(one.file, asked)]
    found = [one for one in trace.functions if _is(one.qualified_name, asked)]
    if not found:
        Existence(trace).function(asked)
    return found


@errors.guarded("read")
def grep(trace: Trace, pattern: str, asked: str | None = None) -> Iterator[Listing]:
    """The lines of all texts, or of what is asked for, in which it matches; a listing a text. How often they ran is not
    counted for all texts of a very long trace. Raises INVALID_ARGUMENT, NOT_IN_TRACE."""
    matches = compiled(pattern).search
    if asked is not None:
        found = listings(trace, asked)
    else:
        sources = [one for one in trace.all_sources if any(map(matches, one.lines))]
        found = (
            whole(trace, one) if len(trace) <= MOST_COUNTED else _uncounted(one) for one in sources
        )
    for listing in found:
        lines = [line for line in listing.lines if matches(line.text)]
        if lines:
            yield listing._replace(lines=lines)


def _uncounted(source: Source) -> Listing:
    rows = [Line(number, text, None) for number, text in enumerate(source.lines, 1)]
    return Listing(source.path, source, rows)


def names_file(asked: str) -> bool:
    """Whether it is the name of a file, and not of a function."""
    return FILE.search(asked) is not None and asked not in UNNAMED


def span_of(text: str, first: int) -> tuple[int, int]:
    """The first and last line of what is defined at a line, which is that of its first decorator."""
    return first, max((node.end_lineno or first for node in scopes_at(text, first)), default=first)


def scopes_at(text: str, first: int) -> Iterator[ast.stmt | ast.expr]:
    """What is defined at a line, with what is in it and begins there as well."""
    for node in ast.walk(ast.Module(parsed(text), [])):
        if isinstance(node, SCOPES) and first_line(node) == first:
            yield node


def _definitions(trace: Trace, asked: str) -> Iterator[tuple[str, Source, int]]:
    """Title, text and first line of the functions of this name: those that ran; else those that never did."""
    ran = named(trace, asked)
    for function in ran:
        source = trace.source_of(function)
        if source is not None:
            yield function.qualified_name, source, function.first_line
    if ran:
        return
    for source in trace.all_sources:
        for name, line in definitions(source.text):
            if _is(name, asked):
                yield name, source, line


def _is(qualified_name: str, asked: str) -> bool:
    return is_named(qualified_name, asked) or is_named(qualified_name.rpartition(".")[2], asked)


def _listing(trace: Trace, title: str, source: Source, first: int, last: int) -> Listing:
    counts = counted(trace, source)
    code = lines_of_code(source.text, source.path)
    rows = [
        Line(number, text, counts[number] if counts[number] or number in code else None)
        for number, text in enumerate(source.lines[first - 1 : last], first)
    ]
    return Listing(title, source, rows)


def counted(trace: Trace, source: Source, start: int = 0, stop: int | None = None) -> Counter[int]:
    """How often each line of a text ran, by the events from `start` on, before `stop`."""
    found: Counter[int] = Counter()
    lines_of = trace.line_counts(lambda one: one.file == source.path, start=start, stop=stop)
    for function, lines in lines_of.items():
        text = trace.source_of(function)
        if text is not None and text.sha256 == source.sha256:
            found.update(lines)
    return found


def lines_of_code(text: str, path: str) -> set[int]:
    """The lines that can run. The text is compiled for that, and not run; none, where this Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            waiting = [compile(text, path, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[int] = set()
    while waiting:
        code = waiting.pop()
        lines = {line for _, _, line in code.co_lines() if line}
        if code.co_name != "<module>":
            lines.discard(
                code.co_firstlineno
            )  # where it is called; what defines it is the code around
        found |= lines
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    return found
