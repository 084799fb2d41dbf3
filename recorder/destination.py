"""A file or descriptor that lines are appended to: of diagnostics, of the log, of the user's terminal.

The descriptor may be the program's own, and be closed, broken or full at any moment: a line that cannot
be written is no failure of the program, so writing answers whether it could, and never raises.
"""

from __future__ import annotations

import os

from recorder import errors
from recorder._core import syscalls

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
        self._was = identity(self.fd)

    @property
    def is_stderr(self) -> bool:
        return self.text == "stderr"

    def check(self) -> None:
        """Raises DiagnosticsUnwritableError if nothing could be written."""
        try:
            if self.fd is None:
                with self._open():
                    pass
            else:
                os.fstat(self.fd)
        except (OSError, errors.RecorderError) as exc:
            if errors.is_from_program(exc):
                raise
            raise errors.DiagnosticsUnwritableError(path=self.text, errno=exc.errno) from exc

    def write(self, line: bytes) -> bool:
        """Writes the line whole; whether it could."""
        try:
            if self.fd is not None:
                # The program may have closed it, and the number be that of a file of its own.
                same = self.fd == STDERR or identity(self.fd) == self._was
                return same and write_fd(self.fd, line)
            with self._open() as fd:
                return write_fd(fd, line)
        except (OSError, errors.RecorderError) as exc:
            if errors.is_from_program(exc):
                raise
            return False

    def _open(self) -> syscalls.Opened:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY
        return syscalls.opened(self.text, flags, 0o600)


def identity(fd: int | None) -> tuple[int, int] | None:
    """Which open file a descriptor leads to; None if to none."""
    try:
        facts = os.fstat(-1 if fd is None else fd)
    except OSError as exc:
        if errors.is_from_program(exc):
            raise
        return None
    return facts.st_dev, facts.st_ino


def write_fd(fd: int, line: bytes) -> bool:
    """Writes to a descriptor that may be closed, broken or full; whether it could."""
    return syscalls.try_write(fd, line)
