"""What plain sys.settrace sees of a program: the oracle of the fidelity tests.

    python oracle.py < REQUESTS

A request is a line of JSON: [PROGRAM, OUT, whether to look at variables]. Each is run as __main__ in a fork of
this process, answered with its exit status, and pickled: for every event in its file (kind, function, line,
(variables, value, plain globals), (thread, task), (frame, whether it starts)).
Values are described as `describe` says, at the moment of the event.
"""

from __future__ import annotations

import _thread
import ctypes
import datetime
import dis
import enum
import gc
import inspect
import json
import os
import pickle
import re
import sys
import threading
import traceback
import types
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 6


# The same in every program, and large; what a trace function that reads f_locals brings about on 3.12; what a
# thread has another one of in each run, and a collection of garbage.
UNSEEN = ("__builtins__", "__warningregistry__", "_ident", "_native_id", "candidates", "duration")


def describe(value: Any, depth: int = 0, seen: tuple[int, ...] = ()) -> Any:
    """A value as both sides can express it: built-in data by content, anything else by type."""
    kind = type(value)
    if kind in (int, float, complex):
        return kind.__name__, repr(value)
    if kind is str:
        return without_address(value)
    if value is None or kind in (bool, bytes, type(...), type(NotImplemented)):
        return value if kind in (bool, bytes) or value is None else repr(value)
    if kind is bytearray:
        return "bytearray", bytes(value)
    if kind in (list, tuple, set, frozenset, dict):
        if id(value) in seen:
            return "cycle"
        if depth >= MAX_DEPTH:
            return ("deep", len(value)) if value else (kind.__name__, [])
        inner = (*seen, id(value))
        if kind is dict:
            return "dict", [
                (describe(k, depth + 1, inner), describe(v, depth + 1, inner))
                for k, v in value.items()
                if type(k) is not str or k not in UNSEEN
            ]
        return kind.__name__, [describe(v, depth + 1, inner) for v in value]
    if isinstance(value, type):
        return "class", value.__qualname__
    if kind is types.FunctionType:
        return "function", value.__qualname__.rpartition(".")[2]
    if kind is types.BuiltinFunctionType:
        return "function", value.__name__
    if kind is types.ModuleType:
        return "module", value.__name__
    if id(value) in seen:
        return "cycle"
    return describe_typed(value, kind, depth, (*seen, id(value)))


def without_address(text: str) -> str:
    """Two runs of a program do not have their objects at the same place."""
    return re.sub(r" at 0x[0-9a-f]{6,}", " at 0x", text)


def is_library(module: Any) -> bool:
    """What the standard library keeps in its instances is its own affair: locks, identities, clocks."""
    return isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names


SPECIAL = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
BUILT_IN = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict)
MOMENTS = (datetime.date, datetime.time, datetime.timedelta)


def describe_typed(value: Any, kind: type, depth: int, seen: tuple[int, ...]) -> Any:
    """Instances: the built-in part, if there is one, and the attributes."""
    name = kind.__qualname__
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if kind in (types.MethodDescriptorType, types.WrapperDescriptorType):
        return "function", value.__name__
    if kind in SPECIAL:
        return (
            "generator",
            value.__qualname__,
            inspect.getgeneratorstate(value) if (kind is types.GeneratorType) else None,
        )
    if kind is types.MethodType:
        name = getattr(value.__func__, "__qualname__", "").rpartition(".")[2]
        return "method", name, describe(value.__self__, depth + 1, seen)
    if kind in (range, slice):
        return kind.__name__, [
            describe(part, depth + 1, seen) for part in (value.start, value.stop, value.step)
        ]
    part: Any = None
    attributes = {k: v for k, v in attributes_of(value, kind) if k not in UNSEEN}
    is_within = bool(attributes) and not isinstance(value, BaseException)
    inside = depth + is_within  # the built-in part stands beside them
    if isinstance(value, enum.Enum):
        part = "enum", value._name_, describe(value._value_, inside + 1, seen)
    elif isinstance(value, MOMENTS):
        part = "moment", repr(value)
    elif isinstance(value, BaseException):
        part = "exception", describe(value.args, inside + 1, seen)
    elif isinstance(value, tuple) and (fields := fields_of_tuple(kind)) is not None:
        part = (
            "named",
            [
                (field, describe(item, inside + 1, seen))
                for field, item in zip(fields, tuple.__iter__(value), strict=True)
            ],
        )
    else:
        for base in BUILT_IN:
            if isinstance(value, base):
                part = describe(plain(value, base), inside, seen)
    if part is None and is_library(kind.__module__):
        return "object", name
    return (
        "instance",
        name,
        part,
        [(k, describe(v, depth + 1, seen)) for k, v in attributes.items()],
    )


def fields_of_tuple(kind: type) -> Any:
    """Of a named tuple, and of one that is written in C, as time.struct_time."""
    if hasattr(kind, "n_sequence_fields"):
        return kind.__match_args__  # type: ignore[attr-defined]
    return getattr(kind, "_fields", None)


def plain(value: Any, base: type) -> Any:
    """The built-in part of an instance of a subclass."""
    if base is dict:
        order = OrderedDict.__iter__ if isinstance(value, OrderedDict) else dict.__iter__
        return {key: dict.__getitem__(value, key) for key in order(value)}
    if base in (int, float, complex, str, bytes):
        return base.__add__(value, base())
    return base(base.__iter__(value))


def attributes_of(value: Any, kind: type) -> Any:
    own = (
        ("_value_", "_name_", "__objclass__", "_sort_order_")
        if isinstance(value, enum.Enum)
        else ()
    )
    for name, item in getattr(value, "__dict__", {}).items():
        if name not in own:
            yield name, item
    for base in reversed(kind.__mro__):
        slots = base.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)
    if isinstance(value, BaseException):
        yield from fields_of(value)


# Told elsewhere, or numbers that are among the arguments.
NO_FIELDS = ("obj", "exceptions", "print_file_and_line", "start", "end")


def fields_of(error: BaseException) -> Any:
    """What it came of, and what its type keeps of it besides its arguments."""
    if error.__cause__ is not None or error.__suppress_context__:
        yield "__cause__", error.__cause__
    if error.__context__ is not None and not error.__suppress_context__:
        yield "__context__", error.__context__
    told = [error.args, *error.args]
    told += [item for arg in error.args if type(arg) is tuple for item in arg]
    for base in type(error).__mro__:
        for name, member in base.__dict__.items():
            if base.__module__ != "builtins" or type(member) is not types.MemberDescriptorType:
                continue
            value = member.__get__(error)
            if value is not None and name not in NO_FIELDS and name[0] != "_":
                if not any(value is item for item in told):
                    yield name, value


def namespace(frame: types.FrameType) -> dict[str, Any] | None:
    """A frame's variables. None for a class body with comprehensions, or on older versions with cells: reading its
    f_locals from a trace function changes the body itself on 3.12.1."""
    code = frame.f_code
    if code.co_flags & 0x1:  # CO_OPTIMIZED
        return dict(frame.f_locals)
    cells = code.co_cellvars or code.co_freevars
    if not code.co_varnames and (sys.version_info >= (3, 13) or not cells):
        found = frame.f_locals
        return dict(found) if type(found) is dict else None
    return dict(frame.f_globals) if code.co_name == "<module>" else None


PLAIN = (int, float, str, bytes, bool, type(None))


def plain_globals(found: Mapping[str, Any]) -> dict[str, Any]:
    """Those that cannot change in place: a change of others is only seen where code names them."""
    return {k: describe(v) for k, v in found.items() if type(v) in PLAIN and k not in IGNORED}


def starts(frame: types.FrameType) -> bool:
    """Whether a call event is the frame's first one, not a generator going on."""
    opcode, argument = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return dis.opname[opcode] == "RESUME" and argument & 3 == 0


def thread_name() -> str:
    """Empty for a thread that threading does not know. Not current_thread(): it would make it known."""
    thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    return "" if thread is None else thread.name


def task_name() -> str | None:
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else task.get_name()


def trace_threads(note: Any) -> None:
    threading.settrace(note)
    start = _thread.start_new_thread

    def started(function: Any, *arguments: Any) -> int:
        def run(*args: Any, **kwargs: Any) -> None:
            sys.settrace(note)
            function(*args, **kwargs)

        return start(run, *arguments)

    _thread.start_new_thread = started  # type: ignore[assignment]


def trace_callbacks(note: Any) -> None:
    """A thread that C made is traced from where it enters Python."""
    make = ctypes.CFUNCTYPE

    def made(*types: Any) -> Any:
        kind = make(*types)

        def wrap(function: Any) -> Any:
            def entered(*args: Any) -> Any:
                sys.settrace(note)
                return function(*args)

            return kind(entered)

        return wrap

    ctypes.CFUNCTYPE = made  # type: ignore[assignment]


def yielded(value: Any) -> Any:
    """What an async generator yields, which CPython hands on in an object of a type that no code meets."""
    if type(value).__name__ != "async_generator_wrapped_value":
        return value
    [inner] = gc.get_referents(value)
    return inner


def watch(program: str, look: bool) -> list[tuple[Any, ...]]:
    events: list[tuple[Any, ...]] = []

    def note(frame: types.FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != program:
            return None
        found = namespace(frame) if look else None
        shown = None
        if found is not None:
            shown = {k: describe(v) for k, v in found.items() if k not in IGNORED}
        value = None
        if event == "return":
            value = describe(yielded(arg))
        elif event == "exception":
            value = describe(arg[1])
        where = (id(frame), event == "call" and starts(frame))
        around = plain_globals(frame.f_globals)
        what = (shown, value, around)
        name = frame.f_code.co_qualname
        events.append((event, name, frame.f_lineno, what, (thread_name(), task_name()), where))
        return note

    with open(program, encoding="utf-8") as file:
        code = compile(file.read(), program, "exec", dont_inherit=True)
    main = types.ModuleType("__main__")
    main.__file__ = program
    sys.modules["__main__"] = main
    sys.argv = [program]
    trace_threads(note)
    trace_callbacks(note)
    sys.settrace(note)
    try:
        exec(code, main.__dict__)
    finally:
        sys.settrace(None)
    return events


# Names that every module has and that depend on how it was started.
IGNORED = frozenset(
    "__builtins__ __loader__ __spec__ __cached__ __package__ __file__ __doc__ __annotations__ "
    "__warningregistry__".split()
)


def without_ignored(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name not in IGNORED}


def answer(request: str) -> int:
    program, destination, look = json.loads(request)
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        result = watch(program, look)
        with open(destination, "wb") as out:
            pickle.dump(result, out)
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)


if __name__ == "__main__":
    for request in sys.stdin:
        print(answer(request), flush=True)
