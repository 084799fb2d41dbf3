"""A file or descriptor that lines are appended to: of diagnostics, of the log, of the user's terminal.

The descriptor may be the program's own, and be closed, broken or full at any moment: a line that cannot
be written is no failure of the program, so writing answers whether it could, and never raises.
"""

from __future__ import annotations

# The C half of `signal`, which a bare start has; `signal` itself imports `enum`.
import _signal  # type: ignore[import-not-found]
import os

from recorder import errors

STDERR = 2


class Destination:
    """Where --json-errors or --log-file points: `stderr`, `fd:N` or a path."""

    def __init__(self, text: str, key: str = "json_errors") -> None:
        self.text = text
        self.fd: int | None = None
        if text == "stderr":
            self.fd = STDERR
        elif text.startswith("fd:"):
            self.fd = int(text[3:]) if text[3:].isdecimal() and text[3:].isascii() else -1
        if not text or "\0" in text or self.fd in (-1, 0, 1) or (self.fd or 0) > 0x7FFFFFFF:
            raise errors.InvalidPolicyValueError(
                key=key,
                value=errors.describe(text),
                source="policy",
                expected="stderr, fd:N with N from 2, or a path",
            )

    @property
    def is_stderr(self) -> bool:
        return self.text == "stderr"

    def check(self) -> None:
        """Raises DiagnosticsUnwritableError if nothing could be written."""
        try:
            if self.fd is None:
                os.close(self._open())
            else:
                os.fstat(self.fd)
        except OSError as exc:
            raise errors.DiagnosticsUnwritableError(path=self.text, errno=exc.errno) from exc

    def write(self, line: bytes) -> bool:
        """Writes the line whole; says whether it could."""
        try:
            if self.fd is not None:
                return write_fd(self.fd, line)
            fd = self._open()
            try:
                return write_fd(fd, line)
            finally:
                os.close(fd)
        except OSError:
            return False

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(self.text, flags, 0o600)


def write_fd(fd: int, line: bytes) -> bool:
    """Writes to a descriptor that may be closed, broken, full or not blocking."""
    blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGPIPE,))
    try:
        while line:
            written = os.write(fd, line)
            if not written:
                return False
            line = line[written:]
    except BrokenPipeError:
        # Ours, not the program's: take it back before it is delivered.
        if _signal.SIGPIPE not in blocked:
            _signal.sigtimedwait((_signal.SIGPIPE,), 0)
        return False
    except OSError:
        return False
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)
    return True
