"""A flight recorder for Python programs.

    import recorder
    with recorder.record("app.rtrace"):
        main()
    for step in recorder.open_trace("app.rtrace").steps():
        print(step.file, step.line, dict(step.locals))

Everything is loaded when it is first used: inside a recorded program only what recording needs is there.
"""

from __future__ import annotations

import sys

# In a program that is recorded there is a recorder already, which the program does not see: it gets that one.
if hasattr(sys.modules.get("recorder._boot"), "ours"):
    sys.modules["recorder._boot"].ours.show()

from recorder.imports import AtOnce
from recorder.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recorder import errors
    from recorder.errors import RecorderError, RecordingAborted
    from recorder.marks import mark, span
    from recorder.policy import Policy
    from recorder.session import (
        Session,
        Summary,
        is_recording,
        record,
        recorded,
        reset,
        start,
    )
    from recorder.trace.reader import Trace, open_trace
    from recorder.trace.values.stand_ins import Opaque, Redacted, Truncated

__version__ = VERSION

_MODULES = {
    "RecorderError": "recorder.errors",
    "RecordingAborted": "recorder.errors",
    "mark": "recorder.marks",
    "span": "recorder.marks",
    "Policy": "recorder.policy",
    "Session": "recorder.session",
    "Summary": "recorder.session",
    "is_recording": "recorder.session",
    "record": "recorder.session",
    "recorded": "recorder.session",
    "reset": "recorder.session",
    "start": "recorder.session",
    "Trace": "recorder.trace.reader",
    "open_trace": "recorder.trace.reader",
    "Opaque": "recorder.trace.values.stand_ins",
    "Redacted": "recorder.trace.values.stand_ins",
    "Truncated": "recorder.trace.values.stand_ins",
}

__all__ = [
    "Opaque",
    "Policy",
    "RecorderError",
    "RecordingAborted",
    "Redacted",
    "Session",
    "Summary",
    "Trace",
    "Truncated",
    "errors",
    "is_recording",
    "mark",
    "open_trace",
    "record",
    "recorded",
    "reset",
    "span",
    "start",
]


def __getattr__(name: str) -> object:
    if name == "errors":
        return _module("recorder.errors")  # which makes it an attribute
    if name == "load_ipython_extension":
        return _module("recorder.jupyter").load  # type: ignore[attr-defined]
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_module(module), name)
    globals()[name] = value
    return value


def _module(name: str) -> object:
    try:
        with AtOnce():
            # importlib may not be there yet, and where no file can be opened it cannot be loaded.
            # Not by sys.modules: of a program that is recorded, what is loaded now is no part.
            return __import__(name, fromlist=("__name__",))
    except (MemoryError, OSError) as exc:
        from recorder import errors

        path = getattr(exc, "filename", None)
        raise errors.from_exception(exc, operation="open", path=path) from exc
    except ImportError as exc:  # the core can be loaded into the main interpreter only
        interpreter = _interpreter()
        if interpreter == 0:
            from recorder import errors

            raise errors.from_exception(exc, operation="import") from exc
        from recorder.errors import SubinterpreterError

        raise SubinterpreterError(interpreter=interpreter) from exc


def _interpreter() -> int:
    """The number of the interpreter that this is; 0 is the main one."""
    from importlib import import_module

    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            current = import_module(name).get_current()
        except ImportError:
            continue
        return int(current[0] if isinstance(current, tuple) else current)
    return 0


def __dir__() -> list[str]:
    """What is for users; the rest is found all the same."""
    return sorted([*__all__, "__version__"])
