"""What ends the recorded program where policy says abort."""

from __future__ import annotations

from recorder.errors import arguments
from recorder.errors.base import RecorderError
from recorder.errors.guard import guarded_class


@guarded_class("abort")
class RecordingAborted(SystemExit):
    """Ends the recorded program the way Ctrl-C does, with the exit code of the failure's kind."""

    def __init__(self, error: RecorderError) -> None:
        arguments.instance(error, RecorderError, "error", "a RecorderError")
        super().__init__(error.exit_code)
        self.error = error

    def __str__(self) -> str:
        return str(self.error)

    def __reduce__(self) -> tuple[type[RecordingAborted], tuple[RecorderError]]:
        return type(self), (self.error,)
