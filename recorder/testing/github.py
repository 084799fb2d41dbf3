"""GitHub Actions: a line at the place where a test failed, and the summary of the job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from recorder.explain.markdown import code, fence
from recorder.testing.single_traces import SingleTrace

ESCAPED: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
ESCAPED_PROPERTY: Final = ESCAPED | str.maketrans({":": "%3A", ",": "%2C"})


def is_there() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def commands(kept: Iterable[SingleTrace]) -> list[str]:
    """Workflow commands, as the log of a job takes them."""
    found = []
    for one in kept:
        if one.place is not None and one.failed:
            file = os.path.relpath(one.place[0]).translate(ESCAPED_PROPERTY)
            title = one.test.translate(ESCAPED_PROPERTY)
            text = "\n".join([*one.lines, f"recording: {os.path.relpath(one.path)}"])
            place = f"file={file},line={one.place[1]},title={title}"
            found.append(f"::error {place}::{text.translate(ESCAPED)}")
    return found


def summary(kept: Iterable[SingleTrace]) -> str:
    """Markdown."""
    parts = []
    for one in kept:
        if not one.failed:
            continue
        head = f"### {code(one.test)}\n\n{code(os.path.relpath(one.path))}, {one.events:,} events"
        if one.died:
            head += ", up to where its process died"
        around = fence("\n".join(one.lines), 3)
        parts.append("\n".join([head, "", around, *one.lines, around, ""]))
    return "\n".join(parts)


def write_summary(kept: Iterable[SingleTrace]) -> None:
    path, text = os.environ.get("GITHUB_STEP_SUMMARY"), summary(kept)
    if path and text:
        try:
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            pass  # the log has it as well
