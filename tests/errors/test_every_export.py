"""Every exported callable, called wrongly: found by walking the package, so that a new one is in it by itself.

What is exported: the names in `__all__` of the package's modules, and of the classes among them the public methods,
the properties and what Python calls. Only a RecorderError may come out; or Python's own word where a call does not fit
its signature, or where a protocol asks for it.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import importlib
import inspect
import logging
import os
import pickle
import pkgutil
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import recorder
from recorder import errors
from recorder.cli import main
from recorder.errors import guard
from recorder.export import FORMATS, export
from recorder.trace.expressions.expression import Expression
from recorder.trace.values.value import Value
from tests.conftest import lacks_a_fact
from tests.tools.hostile_arguments import ARGUMENTS

INTERNAL_STATUS = 70
MOST_TAKEN = 50  # of what an iterator gives
ENDS = ("close", "stop")  # called last: after them a sample is of no use
# Called by the core and by the interpreter, with what they alone have.
NOT_FOR_PEOPLE = {"on_fault", "at_exit", "exited", "ended", "forked"}
OF_A_FRAMEWORK = {"recorder.testing.django"}  # which alone can import it


# ---- what is exported --------------------------------------------------------------------------------


def public_modules() -> Iterator[ModuleType]:
    """Those that say what they export."""
    yield recorder
    for found in pkgutil.walk_packages(recorder.__path__, "recorder."):
        is_private = any(part.startswith("_") for part in found.name.split(".")[1:])
        if not is_private and found.name not in OF_A_FRAMEWORK:
            module = importlib.import_module(found.name)
            if hasattr(module, "__all__"):
                yield module


@functools.cache
def exported() -> dict[str, Any]:
    """Every exported function and class, by its full name."""
    values = (getattr(module, name) for module in public_modules() for name in module.__all__)
    return {
        f"{value.__module__}.{value.__qualname__}": value
        for value in values
        if callable(value) and str(getattr(value, "__module__", "")).startswith("recorder")
    }


class Call(NamedTuple):
    name: str
    make: Callable[[Any], Callable[..., Any]]  # of a sample of the class
    of: type | None
    signature: inspect.Signature
    expected: tuple[type[Exception], ...]


def calls() -> dict[str, Call]:
    found: dict[str, Call] = {}
    for name, value in exported().items():
        if isinstance(value, enum.EnumMeta):
            continue  # its call is Python's
        found[name] = Call(name, lambda _, value=value: value, None, signature_of(value), ())  # type: ignore[misc]
        if isinstance(value, type):
            for member in members(value):
                each = call_of(value, name, member)
                found[each.name] = each
    return found


def members(cls: type) -> list[str]:
    """Public ones, its own or of a base of ours that is not exported itself, the ending ones last."""
    bases = [base for base in cls.__mro__[1:] if base not in exported().values()]
    names = {
        member
        for base in (cls, *bases)
        if base.__module__.startswith("recorder")
        for member in vars(base)
        if not member.startswith("_") or member in guard.DUNDERS - {"__init__"}
    }
    return sorted(names - NOT_FOR_PEOPLE, key=lambda member: (member in ENDS, member))


def call_of(cls: type, name: str, member: str) -> Call:
    static = inspect.getattr_static(cls, member)
    expected = guard.PROTOCOLS.get(member, ())
    empty = inspect.Signature()
    if isinstance(static, staticmethod | classmethod):
        return Call(
            f"{name}.{member}",
            lambda _: getattr(cls, member),
            None,
            signature_of(getattr(cls, member)),
            expected,
        )
    if not callable(static):  # a property, a slot: to look at it is to call it
        return Call(
            f"{name}.{member}", lambda one: lambda: getattr(one, member), cls, empty, expected
        )
    return Call(
        f"{name}.{member}",
        lambda one: getattr(one, member),
        cls,
        signature_of(static, bound=True),
        expected,
    )


def signature_of(value: Any, bound: bool = False) -> inspect.Signature:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # a slot of C tells nothing: it takes what it takes
        parameter = inspect.Parameter("argument", inspect.Parameter.POSITIONAL_ONLY)
        return inspect.Signature([parameter])
    parameters = list(signature.parameters.values())
    return signature.replace(parameters=parameters[1:] if bound else parameters)


# ---- samples of every class ----------------------------------------------------------------------------


def program(n: int) -> Any:
    """Something of everything, for the trace that the samples come from."""
    values = [
        None,
        True,
        n,
        1.5,
        1j,
        "text",
        b"b",
        bytearray(b"x"),
        (1,),
        {1},
        frozenset({2}),
        {"k": [1]},
        print,
        int,
    ]
    instance = errors.DiskFullError(path="/x")
    lines = (line for line in range(3))
    next(lines)
    try:
        raise ValueError(n)
    except ValueError:
        pass
    os.write(1, b"what is written\n")
    logging.getLogger("told").warning("what is told")
    thread = threading.Thread(target=lambda: n)
    thread.start()
    thread.join()
    asyncio.run(asyncio.sleep(0))
    return values, instance


def samples(folder: Path) -> dict[type, Any]:
    """An instance of every exported class that the others lead to, from an open trace on."""
    path = folder / "sample.rtrace"
    session = recorder.start(path)
    program(3)
    summary = session.stop()
    error = errors.DiskFullError(path="/x", errno=28)
    todo: list[Any] = [
        recorder.open_trace(path),
        session,
        summary,
        recorder.Policy(),
        error,
        errors.RecordingAborted(error),
    ]
    todo += [recorder.record(folder / "body.rtrace"), *FORMATS.values()]
    todo += [export(path, "jsonl", folder / "sample.jsonl")]
    todo += [recorder.Opaque("Bag", {"n": 1}), recorder.Truncated("list", 9, [1])]
    todo += [recorder.Redacted(), recorder.span("part")]
    found: dict[type, Any] = {}
    while todo:
        value = todo.pop(0)
        cls = type(value)
        if cls in found or not cls.__module__.startswith("recorder"):
            continue
        found[cls] = value
        todo += leads_to(value)
    return found


def leads_to(value: Any) -> Iterator[Any]:
    """What the properties and the methods without arguments of an instance give, and what is in it."""
    for name in members(type(value)):
        if name in ENDS or name in ("__enter__", "__exit__", "start", "reset"):
            continue
        if name.startswith("to_") and name != "to_python":  # text, or another library's
            continue
        try:
            given = getattr(value, name)
            given = given() if callable(given) else given
        except (TypeError, ValueError, OverflowError, StopIteration, errors.RecorderError):
            continue
        yield from parts(given)
    if isinstance(value, recorder.Trace):
        yield from parts(value.find(kind="return"))
        yield value.at(len(value) // 2)
        yield from (value[0:3], *value.history("values"), *islice(value.exceptions(), 2))
        asked = Expression("values")
        yield from (asked, value.evaluate(asked, value[0]), value.check(asked))
        yield from (*islice(value.watch(asked), 2), *value.why(asked))


def parts(given: Any, depth: int = 0) -> Iterator[Any]:
    yield given
    iterates = any("__iter__" in vars(cls) for cls in type(given).__mro__)
    if depth < 3 and iterates and not isinstance(given, str | bytes | Value):
        items = given.values() if hasattr(given, "values") and hasattr(given, "keys") else given
        for item in islice(iter(items), MOST_TAKEN):
            yield from parts(item, depth + 1)


# ---- calling them ----------------------------------------------------------------------------------------


def good_values(folder: Path) -> dict[str, Any]:
    """What makes a call work, by the name of the argument; where there is nothing here, None is tried."""
    return {
        "path": str(folder / "made.rtrace"), "trace": str(folder / "sample.rtrace"), "format": "jsonl",
        "output": str(folder / "out.jsonl"), "tables": ("events",), "name": "values", "values": {}, "seq": 0,
        "where": 0, "disk_bytes": 1 << 40, "diagnostic": errors.DiskFullError(path="/x").to_dict(),
        "argv": ["--version"], "error": errors.DiskFullError(path="/x"), "state": "complete", "events": 1, "size": 1,
    }  # fmt: skip


def attempts(call: Call, good: dict[str, Any]) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Each argument in turn, with each value; all of them with the same one; and one argument too many."""
    parameters = [
        one
        for one in call.signature.parameters.values()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    needed = [one.name for one in parameters if one.default is one.empty]

    def arranged(values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        first = [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY]
        return [values.pop(name) for name in first if name in values], values

    def base() -> dict[str, Any]:
        return {name: good.get(name) for name in needed}

    yield "nothing wrong", *arranged(base())
    for label, make in ARGUMENTS.items():
        for parameter in parameters:
            yield f"{parameter.name}: {label}", *arranged({**base(), parameter.name: make()})
        if len(needed) > 1:
            yield f"all: {label}", *arranged({name: make() for name in needed})
        yield f"too many: {label}", [make() for _ in range(len(parameters) + 1)], {}


def use(
    call: Callable[..., Any], args: Any, more: Any, expected: tuple[type[Exception], ...]
) -> str:
    """Makes a call, and takes what it gives; what is wrong with what comes out, or nothing."""
    try:
        given = call(*args, **more)
        if isinstance(given, Iterator):
            for _ in islice(given, MOST_TAKEN):
                pass
        if isinstance(given, recorder.Trace):
            given.close()
        if call is main and given == INTERNAL_STATUS:
            return "the exit status of an internal error"
    except errors.RecorderError as error:
        return wrong_with(error)
    except expected:
        return ""
    except TypeError as error:
        return "" if is_of_the_call(error) else f"{error!r} {last_line(error)}"
    except Exception as error:
        return f"{type(error).__name__} {last_line(error)}"
    return ""


def wrong_with(error: errors.RecorderError) -> str:
    if error.kind == errors.ErrorKind.INTERNAL:
        return f"an internal error: {error} {last_line(error.__cause__ or error)}"
    if lacks_a_fact(error.message) or not error.message.isprintable() or len(error.message) > 2000:
        return f"a message as it should not be: {error.message!r}"
    if pickle.loads(pickle.dumps(error)).message != error.message:
        return f"it does not survive: {error}"
    return ""


def is_of_the_call(error: BaseException) -> bool:
    """Whether the call did not fit, so that no line of ours has run but the guard's."""
    trace = error.__traceback__
    files = []
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return all("/recorder/" not in file or file.endswith("errors/guard.py") for file in files)


def last_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def check(call: Call, sample: Any, good: dict[str, Any]) -> Iterator[str]:
    for label, args, more in attempts(call, good):
        problem = use(call.make(sample), args, more, call.expected)
        if problem:
            yield f"{call.name}({label}): {problem}"
        if recorder.is_recording():
            recorder.reset()


# ---- the tests -------------------------------------------------------------------------------------------

# Tried together: one of them has ninety classes that are all made in the same way.
GROUPS = sorted({name.rpartition(".")[0] if ".classes." in name else name for name in exported()})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
def test_only_our_failures_come_out(group: str, folder: Path, arrow_threads: None) -> None:
    known = samples(folder)
    good = good_values(folder)
    wrong: list[str] = []
    for call in calls().values():
        if call.name.startswith(f"{group}.") or call.name == group:
            wrong += check(call, sample_of(call, known), good)
    known[recorder.Trace].close()
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:60])


def sample_of(call: Call, known: dict[type, Any]) -> Any:
    """An instance to call a method of."""
    if call.of is None:
        return None
    if issubclass(call.of, errors.RecorderError):
        return call.of()
    fitting = [one for cls, one in known.items() if issubclass(cls, call.of)]
    assert fitting, f"no instance of {call.of} was found: lead the samples to one"
    return fitting[0]
