"""The one guard: what leaves an exported function is a RecorderError.

    @errors.guarded("start")           a function
    @errors.guarded_class("read")      everything public of a class

Failures are mapped where they happen, by those who know the path and the operation; the guard maps what is left.
It lets through what is not the recorder's: KeyboardInterrupt and its like, what a signal handler raised in the
middle of our work, Python's TypeError for a call that does not fit the signature, and what Python's own protocols
ask for. `python -m codegen audit` proves that every exported function has it.

Where memory lacks even for the failure, what comes out was made beforehand. It takes memory to call us, too: where
that is what lacks, none of ours has run, and the MemoryError is Python's own; OutOfMemoryError is one, too.
"""

from __future__ import annotations

from recorder.errors.base import RecorderError
from recorder.errors.classes import OutOfMemoryError
from recorder.errors.conversion import MEMORY_ERRORS, from_exception, is_no_memory
from recorder.errors.origin import is_from_program, is_interruption, passed_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C", bound=type)

CO_GENERATOR = 0x20

# What Python's protocols ask some methods to raise.
NO_ATTRIBUTE = (AttributeError,)
NO_ITEM = (LookupError, TypeError)
AT_THE_END = (StopIteration,)
NOT_OF_THIS_TYPE = (TypeError,)
NO_NUMBER = (TypeError, ValueError, OverflowError)
PROTOCOLS: dict[str, tuple[type[Exception], ...]] = {
    "__getattr__": NO_ATTRIBUTE,
    "__setattr__": NO_ATTRIBUTE,
    "__delattr__": NO_ATTRIBUTE,
    "__getitem__": NO_ITEM,
    "__missing__": NO_ITEM,
    "__next__": AT_THE_END,
    **dict.fromkeys(
        ("__bool__", "__len__", "__iter__", "__reversed__", "__contains__"), NOT_OF_THIS_TYPE
    ),
    **dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__", "__hash__"), NOT_OF_THIS_TYPE),
    **dict.fromkeys(("__int__", "__float__", "__complex__", "__index__", "__format__"), NO_NUMBER),
}
# Methods that Python calls, and yet for the user of an exported class. Not __enter__: an exception of a signal handler
# could come in the guard, after it is done, and nobody would call __exit__.
DUNDERS = {
    *("__init__", "__exit__", "__call__", "__str__", "__repr__", "__len__", "__bool__"),
    *("__iter__", "__reversed__", "__contains__", "__eq__", "__ne__", "__hash__", "__reduce__"),
    *PROTOCOLS,
}


def guarded(operation: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator of an exported function or generator; `operation` says in a message what was being done."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        expected = PROTOCOLS.get(function.__name__, ())

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Exception as exc:
                failure = leaving(exc, operation, expected, args, kwargs)
                try:
                    if failure is exc:
                        raise  # audit: it is not the recorder's
                    raise failure from exc
                finally:
                    del failure  # it holds this frame, which would hold it

        def generate(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return (yield from function(*args, **kwargs))  # type: ignore[misc]
            except Exception as exc:
                failure = leaving(exc, operation, expected, args, kwargs)
                try:
                    if failure is exc:
                        raise  # audit: it is not the recorder's
                    raise failure from exc
                finally:
                    del failure  # it holds this frame, which would hold it

        code = getattr(function, "__code__", None)
        is_generator = code is not None and code.co_flags & CO_GENERATOR
        guard: Callable[P, R] = generate if is_generator else call
        _dress_as(function, guard)
        return guard

    return decorate


def guarded_class(operation: str) -> Callable[[C], C]:
    """Decorator of an exported class: guards its public methods and properties, and those that Python calls."""

    def decorate(cls: C) -> C:
        for name, member in list(vars(cls).items()):
            if not name.startswith("_") or name in DUNDERS:
                guard = _guard_member(member, operation)
                if guard is not None:
                    setattr(cls, name, guard)
        return cls

    return decorate


def _guard_member(member: Any, operation: str) -> object:
    """The member with a guard; None for what is no function."""
    if isinstance(member, property):
        fget = None if member.fget is None else guarded(operation)(member.fget)
        return property(fget, member.fset, member.fdel, member.__doc__)
    if isinstance(member, staticmethod | classmethod):
        return type(member)(guarded(operation)(member.__func__))
    if hasattr(member, "__code__") and not hasattr(member, "__guarded__"):
        return guarded(operation)(member)
    return None


def _dress_as(function: Any, guard: Any) -> None:
    """As functools.wraps does it, which is not there at a bare start."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(guard, name, getattr(function, name))
    guard.__dict__.update(function.__dict__)
    guard.__wrapped__ = function
    guard.__guarded__ = True


def leaving(
    exc: Exception,
    operation: str,
    expected: tuple[type[Exception], ...],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> Exception:
    """What leaves the guard in place of an exception: itself where it is let through."""
    try:
        if is_let_through(exc, expected, (*args, *kwargs.values())):
            return exc
        return failure_of(exc, operation)
    except MEMORY_ERRORS:
        return _out_of_memory()


# The failure that is raised where there is no memory to make one. Whoever takes it makes the next.
_made_beforehand: list[OutOfMemoryError | None] = [None]


def _out_of_memory() -> MemoryError:
    found, _made_beforehand[0] = _made_beforehand[0], None
    try:
        another = OutOfMemoryError(operation="a call of the recorder")
    except MemoryError as exc:
        return found or exc
    _made_beforehand[0] = another
    return found or another


def is_let_through(
    exc: Exception, expected: tuple[type[Exception], ...], arguments: tuple[object, ...]
) -> bool:
    """Whether an exception is to go on as it is: mapped already, Python's own word, or the program's interruption."""
    if isinstance(exc, (RecorderError, *expected)):
        return True
    if is_no_memory(exc):
        return False  # whoever's code it came up in
    if isinstance(exc, TypeError) and _is_of_the_call(exc):
        return True
    return is_from_program(exc) and is_interruption(exc, arguments)


def failure_of(exc: Exception, operation: str) -> RecorderError:
    """What an exception becomes that nothing further in has mapped."""
    return from_exception(exc, operation=operation, in_callback=passed_program(exc))


def call_given(function: Callable[..., R], *given: object, operation: str) -> R:
    """Calls a function that we were given. By its code the guard knows an exception of one made in Python; what one
    made in C raises is made a failure here."""
    try:
        return function(*given)
    except Exception as exc:
        trace = exc.__traceback__
        if trace is None or trace.tb_next is not None:
            raise  # audit: the guard tells whose it is
        in_callback = not isinstance(exc, OSError)
        raise from_exception(exc, operation=operation, in_callback=in_callback) from exc


def _is_of_the_call(exc: TypeError) -> bool:
    """Whether the call itself failed, since it does not fit the signature: then no line of the function has run."""
    return exc.__traceback__ is None or exc.__traceback__.tb_next is None


guarded_class("report")(RecorderError)  # which is below us
_out_of_memory()
