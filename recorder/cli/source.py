"""`recorder source TRACE [FILE|FUNCTION]`: what ran, as it stands in the trace, with how often each line did."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

from recorder.cli.console import count, printable, styled, write
from recorder.cli.queries import EXIT_STATUS, at_least, conclude
from recorder.trace.origins import REASONS
from recorder.trace.paths import ShortPaths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder.trace.listing import Line, Listing
    from recorder.trace.reader import Source, Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

NEVER = "-"
LEAST = 3  # characters of a column
LEFT_OUT = "… left out: lines that did not run, and of comments and docstrings (--full)"
LONG = 4  # lines that did not run, or of a comment, of which the first alone is shown
DOCSTRING = re.compile(r"\s*[rRuU]?(\"{3}|'{3})")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "source",
        help="the text of a function or file, with how often each line ran",
        description=f"Of a function all from its first decorator to its last line, each line with how often it ran; "
        f"{NEVER} marks those that never did. Of {LONG} of these or more, one below the other, the first alone is "
        "shown, and of a comment or docstring as long. Without FILE or FUNCTION: which texts there are.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("name", metavar="FILE|FUNCTION", nargs="?")
    parser.add_argument("--grep", metavar="REGEX", help="only the lines in which this matches")
    parser.add_argument(
        "--full",
        action="store_true",
        help="also what did not run, and all of long comments and docstrings",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="so many lines at most")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.trace.reader import open_trace

    limit = at_least(0, args.limit)
    with open_trace(args.trace) as trace:
        if args.grep is not None:
            show_matches(trace, args, limit)
        elif args.name is not None:
            show_text(trace, args, limit)
        else:
            show_sources(trace, args, limit)
        return conclude(trace)


# ---- a text -------------------------------------------------------------------------------------


def show_text(trace: Trace, args: argparse.Namespace, limit: int | None) -> None:
    from recorder.trace.listing import listings

    left = limit
    short = ShortPaths(one.path for one in trace.all_sources)
    for listing in listings(trace, args.name):
        lines = listing.lines[:left]
        if left is not None:
            left -= len(lines)
        if args.json:
            write(json.dumps(as_json(listing._replace(lines=lines))))
        elif args.full or is_whole_file(listing):
            show_lines(headline(listing, short), lines)
        else:
            told = folded(dedented(lines))
            show_lines(headline(listing, short), told)
            if len(told) < len(lines):
                write(styled(LEFT_OUT, "dim"))
        if left == 0:
            return


def dedented(lines: list[Line]) -> list[Line]:
    """Without the indentation that all have."""
    margins = [len(one.text) - len(one.text.lstrip(" ")) for one in lines if one.text.strip()]
    margin = min(margins, default=0)
    return [one._replace(text=one.text[margin:]) for one in lines]


def folded(lines: list[Line]) -> list[Line]:
    """Of what did not run, and of a long comment or docstring, the first line."""
    return [line for run in runs(lines) for line in (run if len(run) < LONG else run[:1])]


def runs(lines: list[Line]) -> Iterator[list[Line]]:
    """Line by line; but a comment as one, and what did not run, from its first line of code to its last."""
    at = 0
    while at < len(lines):
        end = at + 1
        if lines[at].times == 0:
            for number in range(at, len(lines)):
                if lines[number].times:
                    break
                if lines[number].times == 0:
                    end = number + 1
        elif is_comment(lines[at]):
            while end < len(lines) and is_comment(lines[end]):
                end += 1
        else:
            end = max(end, end_of_docstring(lines, at))
        yield lines[at:end]
        at = end


def is_comment(line: Line) -> bool:
    return line.text.lstrip().startswith("#") and not line.times


def end_of_docstring(lines: list[Line], at: int) -> int:
    """Behind the last line of the text that stands alone from there on; `at` if there is none."""
    found = DOCSTRING.match(lines[at].text)
    if found is None:
        return at
    marks, begins_behind = found[1], found.end()
    for number in range(at, len(lines)):
        if marks in lines[number].text[begins_behind:]:
            return number + 1
        if number > at and lines[number].times is not None:
            return at  # it is none: code ran there
        begins_behind = 0
    return at


def show_lines(head: str, lines: list[Line]) -> None:
    """Each with how often it ran; … where lines were left out before it."""
    write(styled(printable(head), "bold"))
    counts = [
        "" if line.times is None else f"{line.times:,}" if line.times else NEVER for line in lines
    ]
    width = max([LEAST, *map(len, counts)])
    digits = len(str(lines[-1].number)) if lines else 0
    gaps = [
        before is not None and line.number > before.number + 1
        for before, line in zip([None, *lines], lines, strict=False)
    ]
    for is_gap, line, times in zip(gaps, lines, counts, strict=False):
        mark = ("…" if is_gap else " ") * any(gaps)
        text = f"{mark}{times:>{width}} {line.number:>{digits}}  {line.text}"
        text = printable(text.rstrip())
        write(styled(text, "red" if line.times == 0 else ""))


def headline(listing: Listing, short: ShortPaths) -> str:
    """Of a whole file the path, of a function as much of it as there is no other one of."""
    source, first = listing.source, listing.lines[0].number if listing.lines else 0
    place = source.path if is_whole_file(listing) else short(source.path)
    if listing.title != source.path:
        place += f":{first}"
    title = "" if listing.title == source.path else f"{listing.title}  "
    return title + place + (f"  ! {source.why}" if source.doubt else "")


def is_whole_file(listing: Listing) -> bool:
    source = listing.source
    return listing.title == source.path and len(listing.lines) == len(source.lines)


def as_json(listing: Listing) -> dict[str, Any]:
    return {
        "title": listing.title,
        "file": listing.source.path,
        "doubt": listing.source.doubt,
        "lines": [line._asdict() for line in listing.lines],
    }


# ---- lines that match ----------------------------------------------------------------------------


def show_matches(trace: Trace, args: argparse.Namespace, limit: int | None) -> None:
    from recorder.trace.listing import grep

    left = limit
    short = ShortPaths(one.path for one in trace.all_sources)
    for listing in grep(trace, args.grep, args.name):
        lines = listing.lines[:left]
        if left is not None:
            left -= len(lines)
        if not args.json:
            show_lines(headline(listing, short), lines)
        for line in lines if args.json else ():
            facts = {"file": listing.source.path, "doubt": listing.source.doubt}
            number = {"line": line.number, "text": line.text, "times": line.times}
            write(json.dumps(facts | number))
        if left == 0:
            return


# ---- which there are -----------------------------------------------------------------------------


def show_sources(trace: Trace, args: argparse.Namespace, limit: int | None) -> None:
    for source in trace.all_sources[:limit]:
        write(json.dumps(source_as_json(source)) if args.json else printable(source_line(source)))
    left = None if limit is None else max(limit - len(trace.all_sources), 0)
    for path, why in list(trace.missing_sources.items())[:left]:
        if args.json:
            write(json.dumps({"file": path, "missing": why}))
        else:
            write(printable(f"{'':>12}  {path}  ! {REASONS.get(why, why)}"))


def source_as_json(source: Source) -> dict[str, Any]:
    return {
        "file": source.path,
        "sha256": source.sha256,
        "lines": len(source.lines),
        "doubt": source.doubt,
    }


def source_line(source: Source) -> str:
    text = f"{count(len(source.lines), 'line'):>12}  {source.path}"
    return f"{text}  ! {source.why}" if source.doubt else text
