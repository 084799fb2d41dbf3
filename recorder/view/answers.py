"""What a page can ask of a trace: a name, and what answers it. The answers fit `answers.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from recorder import errors
from recorder.trace.reader import Trace
from recorder.view import awaiting, comparing, completion, moments, questions, texts, timeline
from recorder.view.parameters import Parameters

VERSION: Final = 1

Answer: TypeAlias = Callable[[Trace, Parameters], dict[str, Any]]

# What every step asks: answered at once, and before all else.
QUICK: Final[dict[str, Answer]] = {
    "about": texts.about,
    "moment": moments.moment,
    "children": moments.children,
    "table": moments.as_table,
    "whole": moments.whole,
    "globals": moments.module_globals,
    "evaluate": moments.evaluated,
    "inline": moments.inline,
    "move": moments.move,
    "source": texts.source,
    "files": texts.files,
    "forms": questions.forms,
}
# What may pass over the whole trace.
SLOW: Final[dict[str, Answer]] = {
    "checked": texts.checked,
    "counts": texts.counts,
    "timeline": timeline.timeline,
    "ticks": timeline.ticks,
    "words": completion.words,
    "ask": questions.ask,
    "awaiting": awaiting.awaiting,
    "aligned": comparing.aligned,
    "differences": comparing.differences,
}
ANSWERS: Final = {**QUICK, **SLOW}


def answer(trace: Trace, name: str, given: Mapping[str, str]) -> tuple[bool, bytes]:
    """Whether it is one, and JSON: the answer, or a diagnostic as `{"error": …}`. Nothing is raised."""
    try:
        found = ANSWERS[name](trace, Parameters(given))
        return True, json.dumps({"version": VERSION, **found}).encode()
    except Exception as exc:
        failure = errors.from_exception(exc, operation="read", path=trace.path)
        return False, json.dumps({"version": VERSION, "error": failure.to_dict()}).encode()
