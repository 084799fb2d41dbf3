"""Text on stdout, for the commands that show what was recorded: it may hold any character. And on stderr."""

from __future__ import annotations

import os
import sys

from recorder import errors
from recorder.errors.text import printable as printable
from recorder.errors.text import without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

STDOUT = "standard output"


def write(text: str) -> None:
    """Writes a line, without passwords in addresses. What stdout's encoding has no word for is escaped."""
    if sys.stdout is None:  # it was closed when we were started
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = without_passwords(text).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text + "\n")
    except OSError as exc:
        _lose(exc)


def write_bytes(data: bytes) -> None:
    """As they are, behind the lines that were written."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        except OSError as exc:
            _lose(exc)


def warn(text: str) -> None:
    """A line for a person, on stderr. That it is closed is no reason to fail."""
    try:
        # audit: as much as stderr takes; nobody could be told of the rest
        os.write(2, f"{without_passwords(text)}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def flush() -> None:
    """What was written arrives, or the failure is raised."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as exc:
            _lose(exc)


def terminal() -> os.terminal_size | None:
    """Columns and lines of the terminal that a person looks at, as COLUMNS and LINES say; None where nobody does."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size()


STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}


def has_colour() -> bool:
    """On a terminal, unless NO_COLOR is set; anywhere, if FORCE_COLOR is. NO_COLOR counts more."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal() is not None and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str) -> str:
    """In a colour or weight, where that is wanted. The text has been made printable, and cut."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style and has_colour() else text


def fitted(line: str) -> str:
    """Cut to the width of the terminal; whole, where there is none."""
    size = terminal()
    if size is None or len(line) <= size.columns or size.columns < 20:
        return line
    return line[: size.columns - 1] + "…"


def _lose(exc: OSError) -> NoReturn:
    """Nothing more is written, not even at exit. That the reader has gone is no failure of ours."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        pass
    if isinstance(exc, BrokenPipeError):
        raise exc
    raise errors.from_oserror(exc, operation="write", path=STDOUT) from exc


def count(number: int, what: str) -> str:
    """`1 event`, `12,000 events`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
