"""`recorder export --to html`: a part of a trace as one file that any browser opens, without a server.

It is the page of `recorder view` with its answers made beforehand: of so many events as the budget has room for, around
the last exception that nobody handled, or all of a run that is small. The answers are compressed and in base64: nothing
of a trace can be taken for markup, and the page's policy lets nothing run but its own script, which is named by a hash.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.export.atomic_output import AtomicOutput
from recorder.trace.container.file import UNREADABLE
from recorder.trace.navigate import STOPS
from recorder.trace.reader import Trace
from recorder.view import texts
from recorder.view.answers import VERSION, answer
from recorder.view.clock import clock_of
from recorder.view.parameters import Parameters
from recorder.view.questions import QUESTIONS

BUDGET: Final = 5_000_000  # bytes of the file
MOST_EVENTS: Final = 2_000
AFTER: Final = 100  # events behind the one that it is about
OUTER: Final = 3  # frames of a stack whose variables are there besides the innermost
DEPTH: Final = 2  # levels of a value that can be opened
WHOLE: Final = (
    "explain",
    "exceptions",
    "calls",
    "tree",
    "stats",
    "output",
    "logs",
)  # questions that need no entry
STEPS: Final = ("step", "next", "out", "exception")
STATIC: Final = os.path.join(os.path.dirname(__file__), "static")

Asked = tuple[str, dict[str, Any]]  # the name of an answer, and what it was asked with


class Cut(NamedTuple):
    """The events from `start` on, before `stop`; `about`: the one that the page begins at."""

    start: int
    stop: int
    about: int | None


def write(
    trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None], budget: int = BUDGET
) -> None:
    """Raises INVALID_ARGUMENT where the budget has no room for a single event."""
    cut = cut_of(trace)
    while True:
        page = page_of(trace, answers_of(trace, cut, on_progress))
        if len(page) <= budget:
            break
        smaller = shrunk(cut, budget / len(page))
        if smaller == cut:
            expected = f"at least {len(page)} bytes for this trace"
            raise errors.InvalidArgumentError(
                argument="budget", value=str(budget), expected=expected
            )
        cut = smaller
    out.file().write(page)


# ---- which events --------------------------------------------------------------------------------


def cut_of(trace: Trace) -> Cut:
    first, end = trace._queries.bounds
    about = None
    for raised in trace.exceptions(uncaught=True):
        about = raised.origin.seq
    if end - first <= MOST_EVENTS:
        return Cut(first, end, about)
    if about is None:  # how it ended
        return Cut(end - MOST_EVENTS, end, None)
    stop = min(about + AFTER, end)
    return Cut(max(stop - MOST_EVENTS, first), stop, about)


def shrunk(cut: Cut, part: float) -> Cut:
    """Fewer events, those that come before first; some are left behind the one that it is about."""
    size = max(int((cut.stop - cut.start) * part * 0.9), 1)
    stop = cut.stop if cut.about is None else min(cut.stop, cut.about + max(size // 10, 1))
    return cut._replace(start=max(stop - size, cut.start), stop=stop)


# ---- what is asked of them -----------------------------------------------------------------------


def answers_of(trace: Trace, cut: Cut, on_progress: Callable[[int], None]) -> dict[str, bytes]:
    """JSON by the key that the page asks with."""
    found: dict[str, bytes] = {}
    sources: set[tuple[str, str | None]] = set()
    runs: int | None = None  # the number of the task of the event before …
    waiting = b""  # … and who waits for it: nobody else meanwhile
    for seq in range(cut.start, cut.stop):
        now = put(trace, found, "moment", {"seq": seq})
        if "error" in now:
            continue
        sources.update((frame["file"], frame["source"]) for frame in now["stack"])
        for name, given in within(now):
            put(trace, found, name, given)
        task = None if now["task"] is None else trace.at(seq).event.task
        if task is not None and runs == task.number:
            found[key_of("awaiting", {"seq": seq})] = waiting
        elif task is not None:
            put(trace, found, "awaiting", {"seq": seq})
            waiting = found[key_of("awaiting", {"seq": seq})]
        runs = None if task is None else task.number
        for name, given in moves(seq):
            there = json.loads(answer(trace, name, texts_of(given))[1])
            if cut.start <= there.get("seq", -1) < cut.stop:
                found[key_of(name, given)] = as_bytes(there)
        on_progress(seq - cut.start)
    for file, sha256 in sources:
        given = {"file": file} if sha256 is None else {"file": file, "sha256": sha256}
        put(trace, found, "source", given)
        put(trace, found, "counts", given)
    put_whole(trace, found, cut)
    return found


def within(now: dict[str, Any]) -> Iterator[Asked]:
    """What is opened at a moment: frames further out, and what is in variables."""
    seq, frame = now["seq"], now["frame"]
    yield "inline", {"seq": seq, "frame": frame}
    for outer in now["stack"][1 : OUTER + 1]:
        yield "moment", {"seq": seq, "frame": outer["frame"]}
    rows = [*now["variables"], *([now["value"]] if now["value"] else [])]
    for row in rows:
        part = json.dumps([row["name"]])
        if row["children"]:
            yield "children", {"seq": seq, "frame": frame, "part": part}
        if row["table"]:
            yield "table", {"seq": seq, "frame": frame, "part": part}


def moves(seq: int) -> Iterator[Asked]:
    for how in STEPS:
        yield "move", {"seq": seq, "how": how}
        yield "move", {"seq": seq, "how": how, "back": 1}


def put_whole(trace: Trace, found: dict[str, bytes], cut: Cut) -> None:
    """What is asked once, about all events of the part."""
    about = texts.about(trace, Parameters({}))
    begin = cut.about
    if begin is None:
        first = next(trace.find(STOPS, start=cut.start, stop=cut.stop), None)
        begin = None if first is None else first.seq
    facts = {"first": cut.start, "end": cut.stop, "begin_at": begin}
    found[key_of("about", {})] = as_bytes({"version": VERSION, **about, **facts})
    forms: list[dict[str, Any]] = [
        {"name": name, "what": QUESTIONS[name].what, "fields": []} for name in WHOLE
    ]
    found[key_of("forms", {})] = as_bytes({"version": VERSION, "questions": forms})
    put(trace, found, "checked", {})
    part = {"start": cut.start, "stop": cut.stop}
    put(trace, found, "timeline", {}, {**part, "columns": 600})
    put(trace, found, "ticks", {}, part)
    opens, ends = clock_of(trace).times([cut.start, max(cut.stop - 1, cut.start)])
    times = {"start": opens, "stop": ends + 1}
    put(trace, found, "timeline", {"over": "time"}, {**times, "columns": 600})
    put(trace, found, "ticks", {"over": "time"}, times)
    since = {"since": cut.start, "until": cut.stop}
    for name in WHOLE:
        put(trace, found, "ask", {"question": name}, since)
    for name in ("output", "logs"):
        put(trace, found, "ask", {"question": name, "limit": 2000}, since)
    for name, given in origins(trace, begin):
        put(trace, found, name, given)


def origins(trace: Trace, seq: int | None) -> Iterator[Asked]:
    """Where the variables at the moment that it is about came from, and what they were."""
    try:
        stack = [] if seq is None else trace.at(seq).stack
    except UNREADABLE:
        return
    for frame in stack[-OUTER:]:
        if not frame.function.is_body:
            for name in frame.locals:
                yield "ask", {"question": "why", "name": name, "at": seq}
                yield "ask", {"question": "history", "name": name}


def put(
    trace: Trace,
    found: dict[str, bytes],
    name: str,
    given: dict[str, Any],
    more: dict[str, Any] | None = None,
) -> Any:
    """Asks, and keeps the answer under what the page asks; `more`: what only the question knows."""
    _, body = answer(trace, name, texts_of({**given, **(more or {})}))
    found[key_of(name, given)] = body
    return json.loads(body)


def texts_of(given: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in given.items()}


def key_of(name: str, given: dict[str, Any]) -> str:
    """As frontend/src/api.ts makes it, which is JavaScript's JSON: a lone surrogate is escaped."""
    parts = [part for pair in sorted(texts_of(given).items()) for part in pair]
    text = json.dumps([name, *parts], ensure_ascii=False, separators=(",", ":"))
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def as_bytes(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode()


# ---- the file ------------------------------------------------------------------------------------


def page_of(trace: Trace, answers: dict[str, bytes]) -> bytes:
    script, style = static("page.js").replace("</script", "<\\/script"), static("page.css")
    policy = (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    name = escape(os.path.basename(trace.path).encode("utf-8", "backslashreplace").decode())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{name}</title>\n'
        f'<style>{style}</style>\n</head>\n<body>\n<div id="page"></div>\n'
        f'<script id="cut" type="application/octet-stream">{packed(trace, answers)}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    ).encode()


def packed(trace: Trace, answers: dict[str, bytes]) -> str:
    """Each answer once, and by what is asked its number: much of it is the same at many moments."""
    numbers: dict[bytes, int] = {}
    of = {key: numbers.setdefault(body, len(numbers)) for key, body in answers.items()}
    facts = json.dumps({"trace": trace.path, "asked": of}).encode()
    whole = facts[:-1] + b',"answers":[' + b",".join(numbers) + b"]}"
    return base64.b64encode(gzip.compress(whole, mtime=0)).decode()


def static(name: str) -> str:
    path = os.path.join(STATIC, name)
    with errors.mapped("read", path=path), open(path, encoding="utf-8") as file:
        return file.read()


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
