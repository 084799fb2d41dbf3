"""What is said at the end of a session of tests: of each recording, where it is and what led to the failure."""

from __future__ import annotations

import os
import shlex

from recorder.testing import github
from recorder.testing.single_traces import SingleTrace


def lines_of(
    kept: list[SingleTrace], died: list[SingleTrace], problems: list[str], removed: list[str]
) -> list[str]:
    """`died`: of an earlier session that died, the test that ran then, and those that had failed. `removed`: recordings
    that the budget had no room for."""
    lines = []
    for one in kept:
        lines += [*about(one, removed), ""]
    for one in died:
        how = (
            "ran when an earlier session died"
            if one.died
            else "failed in an earlier session, which died"
        )
        lines += [f"{one.test} {how}:", *about(one, removed)[1:], ""]
    lines += [f"recorder: {problem}" for problem in problems]
    older = set(removed) - {one.path for one in (*kept, *died)}
    if older:
        what = "recording was" if len(older) == 1 else "recordings were"
        lines.append(f"{len(older)} older {what} removed (--recordings-budget)")
    if github.is_there():
        lines += github.commands(kept)
    return lines


def about(one: SingleTrace, removed: list[str]) -> list[str]:
    if one.path in removed:
        return [
            f"{one.test}  its recording was larger than what all may take (--recordings-budget)"
        ]
    path = os.path.relpath(one.path)
    ended = ", up to where its process died" if one.died else ""
    lines = [one.test, f"  {path}  {one.events:,} events{ended}"]
    if not one.failed:
        return lines
    lines += [f"    {line}" for line in one.lines]
    lines += [f"  {thread}" for thread in one.beside]
    if one.difference:
        lines.append(f"  first difference: {one.difference}")
    return [*lines, f"  recorder show {shlex.quote(path)}"]
