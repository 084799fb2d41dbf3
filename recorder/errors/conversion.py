"""The two points at which something else becomes a RecorderError: a Fault, a foreign exception."""

from __future__ import annotations

import sys

from recorder.errors.base import (
    BY_NUMBER,
    RecorderError,
    class_for,
    errno_name,
    from_number,
    text_of,
)
from recorder.errors.classes import (
    CallbackFailedError,
    DependencyMissingError,
    InputOutputError,
    OutOfMemoryError,
    SubinterpreterError,
    UnexpectedError,
    UnsupportedPythonError,
)
from recorder.errors.origin import is_from_program
from recorder.errors.stages import STAGES
from recorder.errors.text import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn


SEPARATOR = "\x1f"  # between the words in the one text of a Fault
# What the limits of a policy count.
UNITS = {"max_bytes": "bytes", "max_events": "events", "max_duration": "ms"}


def fail(number: int, message: str | None = None, /, **facts: Any) -> NoReturn:
    """Raises the exception of a number."""
    raise from_number(number, message, **facts)


def from_oserror(
    exc: OSError, *, operation: str, path: object = None, **facts: Any
) -> RecorderError:
    """An OSError as the code that errno and operation select. `raise from_oserror(…) from exc`.

    One that is the program's is raised again as it is."""
    if isinstance(exc, RecorderError):
        return exc
    if is_from_program(exc):
        raise exc
    if path is None:
        path = exc.filename
    cls = BY_NUMBER[_select(operation, exc.errno)]
    facts.setdefault("operation", operation)
    return cls(errno=exc.errno, path=path, **facts)


def from_exception(
    exc: BaseException, *, operation: str = "", in_callback: bool = False, **facts: Any
) -> RecorderError:
    """Any exception as a RecorderError. `in_callback`: code of the program's has raised it that we have called.

    KeyboardInterrupt, SystemExit, GeneratorExit and CancelledError belong to the program: they are
    raised again as they are.
    """
    if isinstance(exc, RecorderError):
        return exc
    if not isinstance(exc, Exception):
        raise exc
    if isinstance(exc, OSError) and not in_callback:
        return from_oserror(exc, operation=operation, **facts)
    facts.update(operation=operation, exception=type_name(type(exc)), reason=text_of(exc))
    if in_callback and not isinstance(exc, LACKING):
        return CallbackFailedError(**facts)
    if isinstance(exc, ImportError):
        return _not_imported(exc, facts)
    if is_no_memory(exc):
        return OutOfMemoryError(**facts)
    return (_for_builtin(exc) or UnexpectedError)(**facts)


# Where CPython lacks memory for the MemoryError itself, it says SystemError.
MEMORY_ERRORS = (MemoryError, SystemError)
LOST = ("without exception set", "without setting an exception")


def is_no_memory(exc: BaseException) -> bool:
    """Whether an exception says that memory lacked: CPython's own, or what it says where it lost that."""
    return isinstance(exc, MemoryError) or (
        isinstance(exc, SystemError) and text_of(exc).endswith(LOST)
    )


# What says nothing of the code in which it comes up.
LACKING = (*MEMORY_ERRORS, RecursionError)


def from_fault(fault: Any) -> RecorderError:
    """The facts of a Fault as an exception. `fault`: a mapping or an object with its fields."""
    from recorder.errors.tables import FAULT

    def get(name: str) -> Any:
        return fault.get(name) if isinstance(fault, dict) else getattr(fault, name, None)

    number = int(get("status") or 0)
    cls = class_for(number)
    detail = get("detail")
    facts: dict[str, Any] = {"number": number, "errno": get("errno") or None}
    facts.update({name: get(name) for name in ("offset", "event") if get(name)})
    if stage := get("stage"):
        facts["stage"] = STAGES.get(stage, str(stage))
        if "operation" in cls.facts:
            facts["operation"] = facts["stage"]
    for fact, source in FAULT.get(number, {}).items():
        value = get(source)
        if source != "detail" and value is not None:
            facts[fact] = value
    words = str(detail).split(SEPARATOR) if detail else []
    names = words_of(cls)
    facts.update(zip(names, words if len(words) > 1 else words * len(names), strict=False))
    if "unit" in cls.facts:
        facts["unit"] = UNITS.get(str(facts.get("limit")), "")
    if detail and not names:
        facts["detail"] = detail
    return cls(**facts)


def to_fault(error: RecorderError) -> dict[str, Any]:
    """A failure as the fields of a Fault: what from_fault makes an exception of again."""
    from recorder.errors.tables import FAULT

    numbers = {operation: number for number, operation in STAGES.items()}
    context = error.context
    stage = numbers.get(str(context.get("operation")), 0)
    facts: dict[str, Any] = {"errno": error.errno, "stage": stage}
    for fact, source in FAULT.get(error.number, {}).items():
        if source != "detail" and context.get(fact) is not None:
            facts[source] = context[fact]
    facts["detail"] = SEPARATOR.join(str(context.get(name, "")) for name in words_of(type(error)))
    return facts


def words_of(cls: type[RecorderError]) -> list[str]:
    """The facts that share the one text of a Fault. The path is last: it may be cut off there."""
    from recorder.errors.tables import FAULT

    names = [fact for fact, source in FAULT.get(cls.number, {}).items() if source == "detail"]
    return [*names, "path"] if "path" in cls.facts else names


class mapped:
    """`with errors.mapped("write", path=p): …`: what goes wrong in the body leaves it as ours."""

    __slots__ = ("facts", "operation")

    def __init__(self, operation: str, **facts: Any) -> None:
        self.operation = operation
        self.facts = facts

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(exc, Exception) or isinstance(exc, RecorderError) or is_from_program(exc):
            return
        raise from_exception(exc, operation=self.operation, **self.facts) from exc


def _select(operation: str, errno: int | None) -> int:
    """The number of the most specific selector, then the errno's, then the operation's."""
    from recorder.errors.tables import SELECT

    name = errno_name(errno)
    for selector in (f"{operation}:{name}", name, f"{operation}:*"):
        if selector in SELECT:
            return SELECT[selector]
    return InputOutputError.number


def _not_imported(exc: ImportError, facts: dict[str, Any]) -> RecorderError:
    """A library that is missing, or our own core: made for another Python, or for the main interpreter."""
    module = facts.setdefault("module", exc.name or "that the recorder needs")
    if "subinterpreters" in text_of(exc):
        return SubinterpreterError(**facts, interpreter=_interpreter())
    if str(module).startswith("recorder._core"):
        version = ".".join(map(str, sys.version_info[:3]))
        return UnsupportedPythonError(
            **facts, implementation=sys.implementation.name, version=version
        )
    return DependencyMissingError(**facts)


def _interpreter() -> int:
    """The number of this interpreter; -1 where Python does not tell it."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            current = __import__(name).get_current()
            return int(current[0] if isinstance(current, tuple) else current)
        except (ImportError, AttributeError):
            continue
    return -1


def _for_builtin(exc: Exception) -> type[RecorderError] | None:
    from recorder.errors.tables import EXCEPTIONS

    for cls in type(exc).__mro__:
        if cls.__module__ == "builtins" and cls.__name__ in EXCEPTIONS:
            return BY_NUMBER[EXCEPTIONS[cls.__name__]]
    return None
