"""What all exceptions of the recorder have in common.

This module is loaded inside the recorded program, so it imports nothing that a bare start of Python
does not have; `enum` and `errnos` are imported when they are first asked for.
"""

from __future__ import annotations

import os

from recorder.errors import kinds
from recorder.errors.text import HEAP_TYPE, MAX_MESSAGE, cut, describe, printable, render, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar

    from recorder.errors.codes import ErrorCode, ErrorKind
    from recorder.errors.text import Scalar

MAX_ERRNO = 1 << 31
MAX_CAUSES = 10

# The class of each number. `classes` fills it, so that what is here needs to know none of them.
BY_NUMBER: dict[int, type[RecorderError]] = {}


def class_for(number: int) -> type[RecorderError]:
    """The exception class of a number; UnknownFailureError for one this version does not know."""
    return BY_NUMBER.get(number) or _class_of("UNKNOWN")


def _class_of(name: str) -> type[RecorderError]:
    from recorder.errors.codes import ErrorCode

    return BY_NUMBER[ErrorCode[name]]


def from_number(number: int, message: str | None = None, /, **facts: Any) -> RecorderError:
    """The exception of a number, which is kept as it is even when unknown. Where nothing else is known
    of the failure, its title is the message."""
    cls = class_for(number)
    if message is None and not facts.keys() - {"errno"} and "number" not in cls.facts:
        message = cls.title
    return cls(message, **{**facts, "number": number})


def _invalid_argument(argument: str, value: object, expected: str) -> RecorderError:
    """As arguments.wrong(), which is above us."""
    return _class_of("INVALID_ARGUMENT")(
        argument=argument, value=describe(value), expected=expected
    )


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

    Of the class: code (ErrorCode) and kind (ErrorKind), error_name ("ERR_DISK_FULL"), title, hint, doc_url,
    exit_code (of its kind), retriable; on_error, override and trace_effect as in codegen/error_codes.toml.
    Of the instance: message (one line), context (facts by name, JSON scalars; sizes in bytes), errno and path,
    number (kept as given where this version does not know it), trace_path, trace_state ("complete", "partial"
    or "none") and events_lost, where a trace is concerned; each None where it is not known.

    The message is made from the facts by the template of the class, unless one is given; what the
    system said stands behind it, unless that is what the code means. A fact that is missing leaves
    a `?` in it: reporting a failure must never be a second one.
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
        errno = _whole(errno)
        if errno is not None and not -MAX_ERRNO < errno < MAX_ERRNO:
            errno = None
        if errno is None and self.default_errno:
            errno = errno_number(self.default_errno)
        number = _whole(number)
        if number is not None:
            self.number = number
        # A key may be of a class of the caller's, too: it is compared when it is plain text.
        known = {str.__str__(key): scalar(fact) for key, fact in facts.items() if fact is not None}
        if "number" in self.facts:
            known["number"] = scalar(self.number)
        self.context: dict[str, Scalar] = {key: known[key] for key in sorted(known)}
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
        state = scalar(trace_state) if issubclass(type(trace_state), str) else None
        self.trace_state = None if state is None else str(state)
        self.events_lost = _whole(events_lost)

    def _reason(self, errno: int | None) -> str:
        """What the system said, where the title of the code does not say it already."""
        if errno is None or errno == errno_number(self.default_errno):
            return ""
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
        """The JSON diagnostic, as errors/diagnostic.schema.json has it: its own facts, and those of the run it
        happened in. disposition: "degrade", "disable", "abort" or "raise". events: recorded so far. thread: the
        number that the operating system has for it. Raises InvalidArgumentError for another disposition."""
        from recorder.errors import diagnostic

        if type(disposition) is not str or disposition not in diagnostic.DISPOSITIONS:
            raise _invalid_argument("disposition", disposition, ", ".join(diagnostic.DISPOSITIONS))
        return {
            "schema": diagnostic.SCHEMA,
            "code": self.error_name,
            "number": self.number,
            "kind": self.kind.name.lower(),
            "title": self.title,
            "detail": self.message,
            "hint": self.hint,
            "doc_url": self.doc_url,
            "context": dict(self.context),
            "errno": self.errno,
            "errno_name": errno_name(self.errno) or None,
            "disposition": disposition,
            "exit_code": self.exit_code,
            "run_id": diagnostic.text(run_id),
            "trace_id": diagnostic.text(trace_id),
            "trace": {
                "path": self.trace_path,
                "state": self.trace_state,
                "events": diagnostic.number(events),
                "events_lost": self.events_lost,
            },
            "thread": diagnostic.number(thread),
            "stage": diagnostic.text(self.context.get("stage") if stage is None else stage),
            "causes": causes(self),
            **diagnostic.surroundings(),
        }

    @staticmethod
    def from_dict(diagnostic: Mapping[str, Any]) -> RecorderError:
        """The exception of a diagnostic, of this version or another one's. Raises InvalidArgumentError for
        what is no diagnostic."""
        from recorder.errors.diagnostic import facts

        if type(diagnostic) is not dict or type(diagnostic.get("number")) is not int:
            raise _invalid_argument("diagnostic", diagnostic, "a diagnostic with its number")
        trace, context = (facts(diagnostic.get(name)) for name in ("trace", "context"))
        return from_number(
            diagnostic["number"],
            diagnostic.get("detail"),
            **{
                **context,
                "errno": diagnostic.get("errno"),
                "trace_path": trace.get("path"),
                "trace_state": trace.get("state"),
                "events_lost": trace.get("events_lost"),
            },
        )


_INSTANCE = ("message", "context", "path", "filename", "name")


def _whole(value: object) -> int | None:
    """A number as a plain one, without any code of a class of its own; None for what is none, and for one so
    large that Python would not write it."""
    found = scalar(value) if issubclass(type(value), int) else None
    return found if isinstance(found, int) else None


def rebuild(cls: type[RecorderError], message: str, facts: dict[str, Any]) -> RecorderError:
    """What a pickle calls."""
    return cls(message, **facts)


def text_of(exc: BaseException) -> str:
    """What an exception says, if that can be had without running code of its class or of what it holds."""
    if isinstance(exc, RecorderError):
        return cut(str(exc))
    args: tuple[object, ...] = BaseException.__dict__["args"].__get__(exc)
    is_plain = all(type(arg) in (str, int, float, bool, type(None)) for arg in args)
    if is_plain and not type(exc).__flags__ & HEAP_TYPE:
        return cut(str(exc))
    return cut(" ".join(arg for arg in args if type(arg) is str))


def causes(error: BaseException) -> list[dict[str, str]]:
    """What led to it, the nearest first."""
    found: list[dict[str, str]] = []
    cause = error.__cause__
    while cause is not None and len(found) < MAX_CAUSES:
        found.append({"type": type(cause).__name__, "detail": text_of(cause)})
        cause = cause.__cause__
    return found


def errno_number(name: str) -> int | None:
    """The number this platform gives to an errno name."""
    from recorder.errors.errnos import NUMBERS

    return NUMBERS.get(name)


def errno_name(number: int | None) -> str:
    """ENOSPC for 28; an empty text for none and for one this platform does not know."""
    from recorder.errors.errnos import NAMES

    return NAMES.get(number, "") if number is not None else ""
