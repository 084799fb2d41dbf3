"""What pytest says at its end of the recordings of failed tests."""

from __future__ import annotations

import os
from typing import Any

from recorder.testing import github, report
from recorder.testing.single_traces import SingleTrace

REPORT = "RECORDER_PYTEST_REPORT"  # "no": whoever runs pytest tells of the recordings


def write(
    terminal: Any,
    kept: list[SingleTrace],
    died: list[SingleTrace],
    problems: list[str],
    removed: list[str],
) -> None:
    if not (kept or died or problems) or os.environ.get(REPORT) == "no":
        return
    terminal.section("recordings")
    for line in report.lines_of(kept, died, problems, removed):
        terminal.write_line(line)
    if github.is_there():
        github.write_summary(kept)


def add_link(report: Any, path: str) -> None:
    """For pytest-html."""
    link = {
        "name": "recording", "format_type": "url", "content": path, "mime_type": None, "extension": None,
    }  # fmt: skip
    report.extras = [*getattr(report, "extras", []), link]
