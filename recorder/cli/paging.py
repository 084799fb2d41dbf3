"""Long answers on a terminal go through a pager, as those of git do: $RECORDER_PAGER, $PAGER, or less."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PAGED: Final = frozenset(
    ("calls", "check", "diff", "errors", "exceptions", "find", "grep", "history", "info", "policy", "print", "source",
     "sql", "state", "stats", "tree", "watch", "why")
)  # fmt: skip


class _ToPager(io.TextIOWrapper):
    """stdout of a command whose answer a person reads in a pager: on a terminal all the same."""

    def isatty(self) -> bool:
        return True


@contextmanager
def paged(command: str, words: list[str]) -> Iterator[None]:
    """Where nobody looks, the answer is for a program, or there is no pager, all stays as it is."""
    is_read = command in PAGED and not {"--json", "-h", "--help"} & set(words)
    is_read = is_read and sys.stdout is not None and sys.stdout.isatty() and os.isatty(0)
    wanted = pager() if is_read else None
    if wanted is None:
        yield
        return
    import subprocess

    # What fits on one screen is left there (F), colours are shown (R), and the screen stays as it was (X).
    process = subprocess.Popen(
        wanted, stdin=subprocess.PIPE, env={**os.environ, "LESS": os.environ.get("LESS", "FRX")}
    )
    before = sys.stdout
    assert process.stdin is not None  # audit: it was asked for
    sys.stdout = _ToPager(process.stdin, encoding=before.encoding, errors=before.errors)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # the pager was left before the end
    finally:
        _leave(sys.stdout)
        sys.stdout = before
        while True:
            try:
                process.wait()
                break
            except KeyboardInterrupt:
                pass  # it is the pager that is asked


def _leave(stream: io.TextIOBase) -> None:
    try:
        stream.close()
    except OSError:
        pass


def pager() -> list[str] | None:
    """The command, or None: empty, `cat`, or not there."""
    import shlex
    import shutil

    text = os.environ.get("RECORDER_PAGER", os.environ.get("PAGER", "less"))
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return None
    return words
