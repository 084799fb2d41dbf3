"""Where failures are reported: one JSON object on one line, the one line on stderr, the log.

Loaded inside the recorded program: `json` and `logging` are imported when they are needed, no file
is kept open, nothing is ever written to stdout, and reporting a failure never fails itself.
"""

from __future__ import annotations

import os
import time

from recorder import errors
from recorder.destination import STDERR, Destination, write_fd
from recorder.staging.stale import find_stale, remove_never_begun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from recorder.errors import RecorderError
    from recorder.policy import Disposition

# The same code is reported once in this time; what comes in between is counted.
INTERVAL_S = 1.0
# How loud a failure is in the log, by what was done about it.
LEVEL_OF = {"degrade": "warning", "disable": "error", "abort": "critical", "raise": "error"}


_loaded: list[Any] = []


def _json() -> Any:
    """The module, loaded once: one that was hidden from the program must not be loaded again."""
    if not _loaded:
        import json

        _loaded.append(json)
    return _loaded[0]


def json_line(diagnostic: dict[str, Any]) -> bytes:
    """A diagnostic as it is written: ASCII, on one line."""
    text: str = _json().dumps(diagnostic, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def text_line(error: RecorderError) -> bytes:
    """A failure as a person reads it: what happened, and what to do."""
    text = f"recorder: {error}. {error.hint}".rstrip() + "\n"
    return text.encode("utf-8", "backslashreplace")


# The process that has written its one line on stderr; a forked child has one of its own.
_final_line_of = 0


def write_final_line(line: bytes) -> bool:
    """Writes the one line of this process on stderr; False if it was written or cannot be."""
    global _final_line_of
    if _final_line_of == os.getpid():
        return False
    _final_line_of = os.getpid()
    return write_fd(STDERR, line)


_reported_folders: set[str] = set()


def report_unfinished(trace: str) -> None:
    """A run whose program and sealer were both killed left its staging folder beside the trace: reports it on
    stderr, once a process for each, with the command that recovers it. Of one that was killed before it began, what
    is left goes."""
    try:
        remove_never_begun(os.path.realpath(trace))
        stale = find_stale(trace, below=True)
    except (OSError, ValueError, errors.RecorderError) as error:
        if errors.is_from_program(error):
            raise
        return  # no reason not to start
    for path in stale:
        if path not in _reported_folders:
            import shlex

            _reported_folders.add(path)
            text = f"recorder: an earlier recording was not finished: recorder recover {shlex.quote(path)}\n"
            write_fd(STDERR, text.encode("utf-8", "backslashreplace"))


class Reporter:
    """Reports the failures of one session, and counts them."""

    def __init__(
        self,
        json_errors: str | None = None,
        *,
        log_level: str | None = None,
        log_file: str | None = None,
        run_id: str | None = None,
        trace_id: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = Destination(json_errors) if json_errors else None
        if self.destination is not None:
            _json()  # loaded now, and not in the middle of the program
        self.run_id = run_id
        self.trace_id = trace_id
        self.counts: dict[str, int] = {}
        self.unwritten = 0
        self._clock = clock
        self._silent_until: dict[str, float] = {}
        self._pending: dict[str, tuple[int, dict[str, Any]]] = {}
        self._log = _logger(log_level, log_file) if log_level or log_file else None

    def check(self) -> None:
        """Raises what would keep diagnostics from being written; for the start of a session."""
        if self.destination is not None:
            self.destination.check()

    def report(self, error: RecorderError, *, disposition: str, **surroundings: Any) -> None:
        """Counts a failure, logs it, and writes it to its path or descriptor unless it floods."""
        code = error.error_name
        self.counts[code] = self.counts.get(code, 0) + 1
        # A forked child that steps aside is news, and nothing is wrong.
        harmless = isinstance(error, errors.ForkedError)
        self._to_log("info" if harmless else LEVEL_OF.get(disposition, "error"), str(error), error)
        try:
            if self.destination is not None and not self.destination.is_stderr:
                self._stream(code, self._diagnostic(error, disposition, surroundings))
        except Exception as exc:
            self._unwritten(exc)

    def final(self, error: RecorderError, *, disposition: str, **surroundings: Any) -> bool:
        """The one line of this process on stderr; False if it was written already or cannot be."""
        line = text_line(error)
        if self.destination is not None and self.destination.is_stderr:
            try:
                line = json_line(self._diagnostic(error, disposition, surroundings))
            except Exception as exc:
                self._unwritten(exc)
        return write_final_line(line)

    def conclude(
        self, error: RecorderError, disposition: Disposition | None, **surroundings: Any
    ) -> None:
        """The failure that decided once more, with what has become of the trace; not on stderr, which has its line."""
        if self.destination is None or self.destination.is_stderr:
            return
        try:
            self.close()
            action = "raise" if disposition is None else disposition.action
            self._write(self._diagnostic(error, action, surroundings))
        except Exception as exc:
            self._unwritten(exc)

    def log(self, level: str, text: str) -> None:
        """A line in the log that is no failure."""
        self._to_log(level, text, None)

    def after_finalization(self) -> tuple[int, bytes, bytes]:
        """Where the core is to write a diagnostic after Python has been finalized, a descriptor (or -1) or a path (or
        empty), and what every one of them holds."""
        if self.destination is None:
            return -1, b"", b""
        from recorder.errors.diagnostic import VARYING

        fd, path = self.destination.fd, os.fsencode(self.destination.text)
        known = errors.from_number(errors.UnexpectedError.number).to_dict(
            run_id=self.run_id, trace_id=self.trace_id
        )
        facts = json_line({key: known[key] for key in known if key not in VARYING})[1:-2] + b","
        return (-1, path, facts) if fd is None else (fd, b"", facts)

    def close(self) -> None:
        """Writes what was held back: the last diagnostic of each code, with its count."""
        for code in list(self._pending):
            count, diagnostic = self._pending.pop(code)
            self._write({**diagnostic, "count": count})

    def _to_log(self, level: str, text: str, error: RecorderError | None) -> None:
        """A record for the handlers, which may be the program's: what they raise is theirs to mend."""
        if self._log is not None:
            try:
                self._log(level, text, self._record(error))
            except Exception:  # audit: it is counted; a handler has its own ways to report that
                self.unwritten += 1

    def _diagnostic(
        self, error: RecorderError, disposition: str, surroundings: dict[str, Any]
    ) -> dict[str, Any]:
        ids = {"run_id": self.run_id, "trace_id": self.trace_id}
        return error.to_dict(**{**ids, "disposition": disposition, **surroundings})

    def _stream(self, code: str, diagnostic: dict[str, Any]) -> None:
        now = self._clock()
        count = self._pending.pop(code, (0, {}))[0] + 1
        if now < self._silent_until.get(code, now):
            self._pending[code] = (count, diagnostic)
            return
        self._silent_until[code] = now + INTERVAL_S
        self._write({**diagnostic, "count": count})

    def _write(self, diagnostic: dict[str, Any]) -> None:
        try:
            line = json_line(diagnostic)
        except Exception as exc:
            self._unwritten(exc)
            return
        if self.destination is None or not self.destination.write(line):
            self.unwritten += 1

    def _unwritten(self, exc: Exception) -> None:
        """Reporting a failure fails nobody; but what a signal handler raised is the program's."""
        if errors.is_from_program(exc):
            raise exc
        self.unwritten += 1

    def _record(self, error: RecorderError | None) -> dict[str, Any]:
        """What a log record carries besides its text."""
        return {
            "run_id": self.run_id,
            "trace_id": self.trace_id,
            "code": None if error is None else error.error_name,
        }


def _logger(level: str | None, path: str | None) -> Callable[[str, str, dict[str, Any]], None]:
    """A function that logs; only here is `logging` imported."""
    from recorder import log

    return log.logger(level or "info", path)
