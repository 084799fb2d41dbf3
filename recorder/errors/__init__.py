"""Every failure of the recorder: codes, kinds, exceptions, and how other failures become one.

    raise errors.DiskFullError(path=path, free_bytes=0)
    raise errors.from_oserror(exc, operation="rename", path=path) from exc

`ErrorCode` and `ErrorKind` are made when they are first asked for: this package is loaded inside
the recorded program, where even `enum` would be a trace of ours.
"""

from __future__ import annotations

from recorder.errors import classes
from recorder.errors.aborted import RecordingAborted as RecordingAborted
from recorder.errors.base import BY_NUMBER as BY_NUMBER
from recorder.errors.base import RecorderError as RecorderError
from recorder.errors.base import class_for as class_for
from recorder.errors.base import errno_name as errno_name
from recorder.errors.base import from_number as from_number
from recorder.errors.base import text_of as text_of
from recorder.errors.classes import *  # noqa: F403
from recorder.errors.conversion import fail as fail
from recorder.errors.conversion import from_exception as from_exception
from recorder.errors.conversion import from_fault as from_fault
from recorder.errors.conversion import from_oserror as from_oserror
from recorder.errors.conversion import mapped as mapped
from recorder.errors.conversion import to_fault as to_fault
from recorder.errors.guard import call_given as call_given
from recorder.errors.guard import guarded as guarded
from recorder.errors.guard import guarded_class as guarded_class
from recorder.errors.guard import leaving as leaving
from recorder.errors.origin import is_from_program as is_from_program
from recorder.errors.text import describe as describe

# What is for the users of the package; the rest is for the package itself.
__all__ = ["ErrorCode", "ErrorKind", "RecorderError", "RecordingAborted", *classes.__all__]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recorder.errors.codes import ErrorCode as ErrorCode
    from recorder.errors.codes import ErrorKind as ErrorKind


def __getattr__(name: str) -> object:
    if name in ("ErrorCode", "ErrorKind"):
        from recorder.errors import codes

        return getattr(codes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
