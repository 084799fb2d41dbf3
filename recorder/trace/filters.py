"""Which events a query is about, as a person says it, and as the decoder wants to hear it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from recorder import errors
from recorder._core.decode import KIND_BITS, Function, Reader, Task, Thread
from recorder.errors import arguments
from recorder.trace.snapshots import Event, Frame

FunctionFilter: TypeAlias = "str | Function | Callable[[Function], bool] | None"
ThreadFilter: TypeAlias = "int | str | Thread | None"

ALL_KINDS: Final = frozenset(KIND_BITS)
EXCEPTION_KINDS: Final = frozenset({"raise", "reraise", "handled", "unwind", "throw"})
# Of which it is known whether they are asked for: it is asked of each code of each chunk.
FILES_KEPT: Final = 1_024
PATTERN: Final = frozenset("*?[")
NOT_OWN: Final = re.compile(r"/(site|dist)-packages/|/lib/python3\.\d+t?/")


class Condition(NamedTuple):
    """`names`: all that it depends on. `steps`: as far as the core can compute it. `is_ruled_out`: whether it is false
    for certain at an event."""

    names: tuple[str, ...]
    steps: list[tuple[int, int | float | bytes]]
    is_ruled_out: Callable[[Event], bool]


class Search(NamedTuple):
    """`needle`: bytes that are in all that is looked for; there may be none. `holds`: whether it may be in a part of a
    value, given as its bytes and the types that they name; None: it may be wherever the bytes are. `scalar`: a text, a
    number or bytes, as a value is written, which is in all that is looked for."""

    needle: bytes
    holds: Callable[[bytes, Mapping[int, tuple[str, str]]], bool] | None
    scalar: bytes | None = None


class Filter(NamedTuple):
    """Events that fit everything that is given; None asks for nothing.

    function   a name, a qualified name (`Parser.feed`), or a pattern of either (`test_*`); a
               Function; or a predicate on one
    file       a path, the end of one (`app.py`, `pkg/app.py`), or a pattern
    line       where the frame is
    thread     a thread's number or name
    exception  the type's name, with its module or without; implies `kinds` about exceptions
    since      time in ns since 1970, inclusive, and
    until      the same, exclusive
    frame      a frame's number; `caller` that of the frame below it
    depth      frames below it, at most
    name       a variable that is new or changed
    task       an asyncio task's or greenlet's number or name
    condition  what rules an event out by variables alone; see Condition
    search     what rules it out by what is new at it; see Search
    codes      numbers of functions: of these alone
    """

    kinds: frozenset[str] = ALL_KINDS
    function: FunctionFilter = None
    file: str | None = None
    line: int | None = None
    thread: ThreadFilter = None
    exception: str | None = None
    since: int | None = None
    until: int | None = None
    frame: int | None = None
    caller: int | None = None
    depth: int | None = None
    name: str | None = None
    task: ThreadFilter = None
    condition: Condition | None = None
    search: Search | None = None
    codes: frozenset[int] | None = None

    @property
    def asks_of_functions(self) -> bool:
        return (self.function, self.file, self.codes) != (None, None, None)

    def apply(self, reader: Reader[Event, Frame]) -> None:
        """Sets the reader's watch."""
        condition, search = self.condition, self.search
        reader.watch(
            sum(KIND_BITS[kind] for kind in self.kinds),
            functions=self._remembering() if self.asks_of_functions else None,
            threads=None if self.thread is None else self.wants_thread,
            line=self.line,
            frame=self.frame,
            caller=self.caller,
            depth=self.depth,
            name=self.name,
            condition=condition and (condition.names, condition.steps, condition.is_ruled_out),
            search=search and (search.needle, search.holds),
        )

    def _remembering(self) -> Callable[[Function], bool]:
        """As `wants_function`, for who asks of each function again in each chunk; what a predicate says may change."""
        if callable(self.function):
            return self.wants_function
        known: dict[int, bool] = {}

        def wants(function: Function) -> bool:
            number = function.number
            if number not in known:
                known[number] = self.wants_function(function)
            return known[number]

        return wants

    def wants_function(self, function: Function) -> bool:
        if self.codes is not None and function.number not in self.codes:
            return False
        if self.file is not None and not is_file(function.file, self.file):
            return False
        asked = self.function
        if asked is None:
            return True
        if isinstance(asked, str):
            return any(is_named(n, asked) for n in (function.name, function.qualified_name))
        if isinstance(asked, Function):
            return asked.number == function.number
        return bool(errors.call_given(asked, function, operation="read"))

    def wants_thread(self, thread: Thread) -> bool:
        asked = self.thread
        if isinstance(asked, Thread):
            return asked.number == thread.number
        return asked == thread.number if isinstance(asked, int) else asked == thread.name

    def wants_task(self, task: Task | None) -> bool:
        if self.task is None:
            return True
        return task is not None and self.task in (task.number, task.name)

    def is_of(self, event: Event) -> bool:
        """Whether it is an event of the code, thread and frames that are asked for. The decoder looks at that, but not
        where a global changed: who asks for the changes of one may ask who made them."""
        return (
            self.wants_function(event.function)
            and self.line in (None, event.line)
            and (self.thread is None or self.wants_thread(event.thread))
            and self.frame in (None, event.frame)
            and self.caller in (None, event.caller)
            and (self.depth is None or event.depth <= self.depth)
        )

    def keeps(self, event: Event) -> bool:
        """What the decoder does not look at."""
        if self.since is not None and event.time < self.since:
            return False
        if self.until is not None and event.time >= self.until:
            return False
        if not self.wants_task(event.task):
            return False
        if self.exception is None:
            return True
        value = event.value
        if value is None:
            return False
        try:
            name = value.type_name
        except errors.TraceCorruptError:
            return False
        return is_of_type(name, self.exception)


EVERYTHING: Final = Filter()


def is_of_type(name: str, asked: str) -> bool:
    """Whether an exception's type is asked for by its name, with its module or without."""
    return asked in (name, name.rpartition(".")[2])


def is_named(name: str, asked: str) -> bool:
    return fnmatch.fnmatchcase(name, asked) if PATTERN & set(asked) else name == asked


@lru_cache(maxsize=FILES_KEPT)
def is_file(path: str, asked: str) -> bool:
    """Whether `asked` is the path, its last parts, or a pattern of it."""
    if PATTERN & set(asked):
        return fnmatch.fnmatchcase(path, asked) or fnmatch.fnmatchcase(path, f"*/{asked}")
    return path == asked or path.endswith("/" + asked.removeprefix("./"))


def is_own(path: str) -> bool:
    """Whether code of this file is neither Python's own nor installed, as far as its path says so."""
    return not path.startswith("<frozen ") and not NOT_OWN.search(path)


def choice(
    file: str | None, own: bool, hide: Callable[[Function], bool] | None = None
) -> Callable[[Function], bool] | None:
    """Whether a function is in such a file, own, and not hidden; None if nothing is asked."""
    if file is None and not own and hide is None:
        return None
    return lambda function: (
        (file is None or is_file(function.file, file))
        and (not own or is_own(function.file))
        and (hide is None or not hide(function))
    )


def make(kind: str | Iterable[str] | None = None, **asked: Any) -> Filter:
    """A Filter of arguments that may be anything. Raises InvalidArgumentError."""
    kinds = ALL_KINDS if kind is None else _set(kind)
    for wrong in sorted(kinds - ALL_KINDS):
        raise _invalid("kind", wrong, "one of " + ", ".join(sorted(ALL_KINDS)))
    if asked.get("exception") is not None:
        kinds = kinds & EXCEPTION_KINDS
    for name in ("line", "since", "until", "frame", "caller", "depth"):
        if asked.get(name) is not None:
            asked[name] = arguments.integer(asked[name], name, "an int")
    for name in ("line", "since", "until"):
        if abs(asked.get(name) or 0) >= 2**63:
            raise _invalid(name, asked[name], "an int of 64 bits")
    for name in ("frame", "caller", "depth"):
        if not 0 <= (asked.get(name) or 0) < 2**63:
            raise _invalid(name, asked[name], "a number from 0 on")
    for name in ("file", "exception", "name", "function", "thread", "task"):
        if name in ("file", "exception", "name"):
            _check(name, asked.get(name), str, "a str")
        if issubclass(type(asked.get(name)), str):
            asked[name] = str.__str__(asked[name])  # a subclass may have its own idea of equality
    _check("thread", asked.get("thread"), (int, str, Thread), "a thread's number or name")
    _check("task", asked.get("task"), (int, str), "a task's number or name")
    function = asked.get("function")
    if not callable(function):
        _check("function", function, (str, Function), "a name, a Function or a predicate")
    return Filter(frozenset(kinds), **asked)


def _set(kinds: str | Iterable[str]) -> frozenset[str]:
    if issubclass(type(kinds), str):
        return frozenset({str.__str__(kinds)})
    if not any(type(kinds) is one for one in (list, tuple, set, frozenset)):
        raise _invalid("kind", kinds, "the name of a kind of event, or several")
    return frozenset(arguments.texts(kinds, "kind", "the name of a kind of event"))


def _check(name: str, value: object, types: Any, expected: str) -> None:
    if value is not None and (not issubclass(type(value), types) or type(value) is bool):
        raise _invalid(name, value, expected)


def _invalid(name: str, value: object, expected: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(
        argument=name, value=errors.describe(value), expected=expected
    )
