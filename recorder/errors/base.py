"""What all exceptions of the recorder have in common.

This module is loaded inside the recorded program, so it imports nothing that a bare start of Python
does not have; `enum` and `errnos` are imported when they are first asked for.
"""

from __future__ import annotations

import os

from recorder.errors import kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar

    from recorder.errors.codes import ErrorCode, ErrorKind

    Scalar = str | int | float | bool | None

# The longest text a fact may be, and a message: it is one line, not a document.
MAX_TEXT = 500
MAX_MESSAGE = 1500
MAX_ERRNO = 1 << 31
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by a class statement


class _Code:
    """`code` of a class or an instance."""

    def __get__(self, instance: object, owner: type[RecorderError]) -> ErrorCode:
        from recorder.errors.codes import ErrorCode

        return ErrorCode(owner.number) if owner.number else ErrorCode.UNKNOWN


class _Kind:
    """`kind` of a class or an instance."""

    def __get__(self, instance: object, owner: type[RecorderError]) -> ErrorKind:
        from recorder.errors.codes import ErrorKind

        return ErrorKind(owner.kind_number)


class RecorderError(Exception):
    """A failure of the recorder. Nothing else ever comes out of an exported function.

    The message is made from the facts by the template of the class, unless one is given; what the
    system said stands behind it, unless that is what the code means. A fact that is missing leaves
    a `?` in it: telling of a failure must never be a second one.
    """

    if TYPE_CHECKING:
        code: ClassVar[ErrorCode]
        kind: ClassVar[ErrorKind]
    else:
        code = _Code()
        kind = _Kind()
    # Of the class; the generated classes say otherwise.
    kind_number: ClassVar[int] = kinds.INTERNAL
    error_name: ClassVar[str] = "ERR_UNKNOWN"
    title: ClassVar[str] = "Unknown failure"
    template: ClassVar[str] = "the recorder failed"
    hint: ClassVar[str] = ""
    doc_url: ClassVar[str] = ""
    exit_code: ClassVar[int] = kinds.EXIT_CODES[kinds.INTERNAL]
    on_error: ClassVar[str] = "disable"
    override: ClassVar[bool] = True
    trace_effect: ClassVar[str] = "none"
    retriable: ClassVar[bool] = False
    default_errno: ClassVar[str] = ""
    facts: ClassVar[tuple[str, ...]] = ()
    __match_args__ = ("code", "context")

    # Of the instance, kept as given when this version does not know it.
    number: int = 0
    if TYPE_CHECKING:
        errno: int | None

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        errno: int | None = None,
        number: int | None = None,
        trace_path: str | os.PathLike[str] | None = None,
        trace_state: str | None = None,
        events_lost: int | None = None,
        **facts: object,
    ) -> None:
        errno = errno if isinstance(errno, int) and -MAX_ERRNO < errno < MAX_ERRNO else None
        if errno is None and self.default_errno:
            errno = errno_number(self.default_errno)
        if isinstance(number, int):
            self.number = number
        if "number" in self.facts:
            facts["number"] = self.number
        self.context: dict[str, Scalar] = {
            key: scalar(facts[key]) for key in sorted(facts) if facts[key] is not None
        }
        if message is None:
            message = render(self.template, self.context) + self._reason(errno)
        text = message if type(message) is str else str(scalar(message))
        self.message = cut(printable(text), MAX_MESSAGE)
        path = self.context.get("path")
        self._init_builtin(errno, path)
        self.errno = errno
        self.path = path if isinstance(path, str) else None
        shown = scalar(trace_path)
        self.trace_path = None if shown is None else str(shown)
        self.trace_state = trace_state if isinstance(trace_state, str) else None
        self.events_lost = events_lost if isinstance(events_lost, int) else None

    def _reason(self, errno: int | None) -> str:
        """What the system said, where the title of the code does not say it already."""
        if errno is None or errno == errno_number(self.default_errno):
            return ""
        from recorder.errors.conversion import errno_name

        return f" ({errno_name(errno) or errno}: {os.strerror(errno)})"

    def _init_builtin(self, errno: int | None, path: Scalar) -> None:
        """Fills what the builtin among our bases keeps in C: errno and filename, name."""
        if isinstance(self, OSError) and errno is not None:
            super().__init__(errno, os.strerror(errno))
        else:
            super().__init__(self.message)
        builtin: Any = self
        if isinstance(self, OSError):
            builtin.filename = path
        if isinstance(self, ImportError):
            builtin.name = self.context.get("module")

    def __str__(self) -> str:
        return f"[{self.error_name}] {self.message}"

    def __repr__(self) -> str:
        facts = "".join(f", {key}={value!r}" for key, value in self.context.items())
        return f"{type(self).__name__}({self.message!r}{facts})"

    def __reduce__(self) -> tuple[Callable[..., RecorderError], tuple[object, ...], dict[str, Any]]:
        own = {
            "errno": self.errno,
            "number": self.number,
            "trace_path": self.trace_path,
            "trace_state": self.trace_state,
            "events_lost": self.events_lost,
        }
        rest = {k: v for k, v in vars(self).items() if k not in own and k not in _INSTANCE}
        return rebuild, (type(self), self.message, {**self.context, **own}), rest

    def to_dict(
        self,
        *,
        disposition: str = "raise",
        run_id: str | None = None,
        trace_id: str | None = None,
        events: int | None = None,
        thread: int | None = None,
        stage: str | None = None,
    ) -> dict[str, Any]:
        """The JSON diagnostic: its own facts, and those of the run it happened in."""
        from recorder.errors.diagnostic import to_dict

        return to_dict(
            self,
            disposition=disposition,
            run_id=run_id,
            trace_id=trace_id,
            events=events,
            thread=thread,
            stage=stage,
        )

    @staticmethod
    def from_dict(diagnostic: Mapping[str, Any]) -> RecorderError:
        """The exception that a diagnostic tells of."""
        from recorder.errors.diagnostic import from_dict

        return from_dict(diagnostic)


_INSTANCE = ("message", "context", "path", "filename", "name")


def rebuild(cls: type[RecorderError], message: str, facts: dict[str, Any]) -> RecorderError:
    """What a pickle calls."""
    return cls(message, **facts)


class RecordingAborted(SystemExit):
    """Ends the recorded program the way Ctrl-C does, with the exit code of the failure's kind."""

    def __init__(self, error: RecorderError) -> None:
        if not issubclass(type(error), RecorderError):
            from recorder.errors import arguments

            raise arguments.wrong("error", error, "a RecorderError")
        super().__init__(error.exit_code)
        self.error = error

    def __str__(self) -> str:
        return str(self.error)

    def __reduce__(self) -> tuple[type[RecordingAborted], tuple[RecorderError]]:
        return type(self), (self.error,)


def errno_number(name: str) -> int | None:
    """The number this platform gives to an errno name."""
    from recorder.errors.errnos import NUMBERS

    return NUMBERS.get(name)


class _Facts(dict[str, "Scalar"]):
    def __missing__(self, key: str) -> str:
        return "?"


def render(template: str, context: Mapping[str, Scalar]) -> str:
    """The message: equal facts give equal text."""
    shown = _Facts()
    for key, value in context.items():
        shown[key] = printable(value) if isinstance(value, str) else value
    return template.format_map(shown)


def printable(text: str) -> str:
    """The text on one line, with everything that is not printable escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def scalar(value: object) -> Scalar:
    """A fact as a JSON scalar. Of any other value only the type is told: none of its code runs."""
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if isinstance(value, int):
        if value.bit_length() > 256:
            return f"<int of {value.bit_length()} bits>"
        return int.__int__(value)
    if isinstance(value, float):
        value = float.__float__(value)
        return value if value - value == 0 else float.__repr__(value)  # JSON has no nan and no inf
    if isinstance(value, os.PathLike) and kind.__module__ in ("pathlib", "pathlib._local"):
        value = os.fspath(value)
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(value, str):
        return cut(str.__str__(value))
    return f"<{type_name(kind)}>"


def cut(text: str, most: int = MAX_TEXT) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def type_name(kind: type) -> str:
    """Name of a class, without asking its metaclass."""
    name: str = type.__dict__["__qualname__"].__get__(kind)
    return name
