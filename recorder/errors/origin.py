"""Whose an exception is: ours and our libraries', or the program's, whose code may run in the middle of ours."""

from __future__ import annotations

import os
import sys

from recorder.errors.text import has_class_statement, module_of, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType
    from typing import Any

MAX_PARTS = 100  # of an argument that are looked at
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
DEPENDENCIES = tuple(
    f"-packages{os.sep}{name}{os.sep}"
    for name in ("zstandard", "pyarrow", "duckdb", "rich", "textual")
)


def is_from_program(exc: BaseException) -> bool:
    """Whether an exception came out of code of the program's that ran in the middle of ours, such as
    a signal handler that raises a TimeoutError: neither ours nor the standard library's raised it."""
    codes = list(_codes_inside(exc))
    return bool(codes) and is_code_of_programs(codes[-1])


def passed_program(exc: BaseException) -> bool:
    """Whether it came by way of code of the program's, whoever raised it there."""
    return any(is_code_of_programs(code) for code in _codes_inside(exc))


def _codes_inside(exc: BaseException) -> Iterator[CodeType]:
    """The code that it has left, from the outermost in, but for the frame that it is in now."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
        yield trace.tb_frame.f_code


def is_code_of_programs(code: CodeType) -> bool:
    file = code.co_filename
    # The core's code has the paths of its build.
    if file.startswith((OURS, "recorder/_core/", "<frozen ")):
        return False
    if any(name in file for name in DEPENDENCIES):
        return False
    return not file.startswith(LIBRARY) or "-packages" in file


def is_interruption(exc: BaseException, arguments: tuple[object, ...]) -> bool:
    """Whether an exception of the program's is out of a signal handler or a trace function that the interpreter
    ran in the middle of ours, and not out of a method or function that we were given."""
    seen: list[FrameType] = []
    trace = exc.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if any(value is one for value in _given_to(frame) for one in seen):
            return True  # these are given the frame that they interrupt
        seen.append(frame)
        trace = trace.tb_next
    return not any(_has_code(part) for argument in arguments for part in _parts(argument))


def _given_to(frame: FrameType) -> Iterator[object]:
    for value in frame.f_locals.values():
        if type(value) is tuple:
            yield from value  # *args
        else:
            yield value


def _parts(argument: Any) -> Iterator[object]:
    """A value, and what is in it if it is a container of Python's own."""
    yield argument
    kind = type(argument)
    if issubclass(kind, tuple):  # those with names, too
        yield from tuple.__getitem__(argument, slice(MAX_PARTS))
    elif kind is list or kind is set or kind is frozenset:
        yield from list(argument)[:MAX_PARTS]
    elif kind is dict:
        for pair in list(argument.items())[:MAX_PARTS]:
            yield from pair


def _has_code(value: object) -> bool:
    """Whether code of the program's may run when the value is used: it has a class of its own, or is a function."""
    kind = type(value)
    if not has_class_statement(kind):
        return type_name(kind) in ("function", "method", "generator", "type")
    top = module_of(kind).partition(".")[0]
    return top != "recorder" and top not in sys.stdlib_module_names
