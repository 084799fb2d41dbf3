"""The recorder's records in `logging`. Imported only when policy asks for a log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from recorder import errors
from recorder.destination import Destination
from recorder.errors.diagnostic import timestamp

NAME = "recorder"
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
logging.getLogger(NAME).addHandler(logging.NullHandler())


class AppendHandler(logging.Handler):
    """Appends each record to a file that is open only while it is written."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.destination = Destination(path, key="log_file")

    def emit(self, record: logging.LogRecord) -> None:
        fields = {name: getattr(record, name, None) for name in ("code", "run_id", "trace_id")}
        facts = "".join(f" {name}={value}" for name, value in fields.items() if value)
        line = f"{timestamp(record.created)} {record.levelname} {record.getMessage()}{facts}\n"
        self.destination.write(line.encode("utf-8", "backslashreplace"))


def logger(level: str, path: str | None) -> Callable[[str, str, dict[str, Any]], None]:
    """A function that logs a level, a text and the facts of the record."""
    if level not in LOG_LEVELS:
        raise errors.InvalidPolicyValueError(
            key="log_level",
            value=errors.describe(level),
            source="policy",
            expected=", ".join(LOG_LEVELS),
        )
    target = logging.getLogger(NAME)
    target.setLevel(level.upper())
    if path is not None:
        for handler in [h for h in target.handlers if isinstance(h, AppendHandler)]:
            target.removeHandler(handler)
        handler = AppendHandler(path)
        handler.destination.check()
        target.addHandler(handler)

    def log(level: str, text: str, facts: dict[str, Any]) -> None:
        target.log(getattr(logging, level.upper()), "%s", text, extra=facts)

    return log
