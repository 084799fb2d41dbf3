"""What a program says of itself in its recording: `recorder.mark` and `recorder.span`.

Where nothing is recorded both do nothing. What goes wrong is a failure of the recording's, and the policy's affair, as
in a hook: nothing of it is raised here.
"""

from __future__ import annotations

from recorder import errors
from recorder._core import capture
from recorder.errors import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["mark", "span"]

EXPECTED = "a text, by which it is found again"


@errors.guarded("record")
def mark(name: str, /, **facts: Any) -> None:
    """Says in the recording that something is so here: `recorder.mark("cache full", entries=len(cache))`. The facts
    are recorded as variables are, and redacted by their names."""
    if type(name) is not str:
        name = arguments.text(name, "name", EXPECTED)
    capture.note(name, facts, False)


@errors.guarded_class("record")
class span:
    """`with recorder.span("request", path=path):` gives a part of the recording a name: from the beginning of the body
    to its end, whatever runs meanwhile. To be entered again and again, but not while it is entered."""

    __slots__ = ("_facts", "_is_forgotten", "_name", "_number")

    def __init__(self, name: str, /, **facts: Any) -> None:
        self._name = arguments.text(name, "name", EXPECTED)
        self._facts = facts
        self._number = 0
        self._is_forgotten = False

    def __enter__(self) -> span:
        self._number = capture.note(self._name, self._facts, True)
        self._is_forgotten = False
        return self

    def forget(self) -> None:
        """Says that what was recorded in it is not wanted: with the policy `keep_spans` it is given back when the span
        ends."""
        self._is_forgotten = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        number, self._number = self._number, 0
        if number:
            capture.end_span(number, self._is_forgotten, kind is not None)
