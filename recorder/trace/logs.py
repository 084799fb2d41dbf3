"""What the program told by way of the standard library: records of `logging`, warnings, exceptions that nobody caught
or that could not be raised; the audit events by which CPython tells of files, processes and connections, statements for
databases and requests over HTTP. A text is made of a format and its arguments here, as the program would have made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from recorder import errors
from recorder._core.decode import Function, Reader, Task, Thread
from recorder.errors import arguments
from recorder.trace import varint
from recorder.trace.format import LogFlag, LogKind
from recorder.trace.output import ROW, STREAM_OF_LOGS, Asked
from recorder.trace.queries import Queries
from recorder.trace.values.value import Value
from recorder.trace.within import Callee, callee_at, during, text_at

KindName = Literal["record", "warning", "uncaught", "unraisable", "audit", "sql", "http"]

KINDS: Final[dict[int, KindName]] = {
    LogKind.RECORD: "record",
    LogKind.WARNING: "warning",
    LogKind.UNCAUGHT: "uncaught",
    LogKind.UNRAISABLE: "unraisable",
    LogKind.AUDIT: "audit",
    LogKind.SQL: "sql",
    LogKind.HTTP: "http",
}
# Of which the policy says by `capture_audit` how much is kept.
OUTSIDE: Final = ("audit", "sql", "http")
LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
DEFAULT_PORTS: Final[dict[Any, int]] = {"http": 80, "https": 443, "ws": 80, "wss": 443}
# What `%` makes a very long text of, whatever its arguments are.
WIDE: Final = re.compile(r"%[^%a-zA-Z]*(\d{4}|\*)")


@errors.guarded_class("read")
class Log(NamedTuple):
    """Something that was told.

    kind       "record" (of logging), "warning", "uncaught" or "unraisable" (an exception), "audit", "sql" (a statement
               for a database), "http" (a request)
    level      of a record: its number and its name; 0 and "" for others
    name       of the logger, of the class of the warning or the exception, of the audit event, or of the library
               that sends the statement or the request
    text       as the program would show it, so far as that is known
    what, arguments     what the text is of: a format and what goes into it, or another object; a statement and its
               parameters; a method, and scheme, host, port, path and query
    exception  that goes with it
    file, line          where it says to be from; else those of the event
    seq        the number of the event at which it was told; None: before the first one
    function, frame, thread, task     of that event; None where there is none
    during     the function that its line waited for, if that is not recorded, and told it: not the line itself. None
               also where the text of a logger or a warning names the line itself
    time       ns since 1970
    before     the number of the event that came next; what code that was not recorded told while a frame waited for
               it has the `seq` at which that frame began to wait
    omitted    it was told, and not kept: the policy (`capture_output`, `capture_audit`) has a limit. Its kind and its
               moment are known
    """

    kind: KindName
    level: int
    levelname: str
    name: str
    text: str
    what: Value | None
    arguments: Value | None
    exception: Value | None
    file: str | None
    line: int | None
    seq: int | None
    function: Function | None
    frame: int | None
    thread: Thread | None
    task: Task | None
    time: int
    before: int
    omitted: bool
    during: Callee | None = None

    @property
    def moment(self) -> int:
        """The number of the last event before it was told."""
        return max(self.before - 1, 0)

    @property
    def shown(self) -> str:
        """In one line: `WARNING shop: low on milk`, `DeprecationWarning: old`, `uncaught ValueError('…')`."""
        if self.omitted:
            return f"{self.kind} [not kept]"
        if self.kind == "record":
            text = f"{self.levelname or self.level} {self.name}: {self.text}"
        elif self.kind == "warning":
            text = f"{self.name}: {self.text}"
        else:
            is_named = self.kind in ("uncaught", "sql")
            text = f"{self.kind} {self.text}" if is_named else self.text
        if self.kind == "record" and self.exception is not None:
            text += f"  ! {self.exception.show()}"
        return text + during(self.during)


class Sought(NamedTuple):
    """Which are wanted: of this level at least, by that name or below it, of one kind."""

    level: int = 0
    name: str | None = None
    kind: str | None = None

    def keeps(self, log: Log) -> bool:
        """One that was not kept may be any of its kind."""
        return (
            (self.kind is None or log.kind == self.kind)
            and (
                not self.level
                or (log.kind == "record" and (log.omitted or log.level >= self.level))
            )
            and (
                self.name is None
                or log.omitted
                or log.name == self.name
                or log.name.startswith(f"{self.name}.")
            )
        )


def sought(level: object, name: object, kind: object) -> Sought:
    number: object = 0 if level is None else level
    if isinstance(level, str):
        is_number = level.isdecimal() and len(level) < 10
        number = int(level) if is_number else LEVELS.get(level.upper())
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise arguments.wrong("level", level, f"a number, or one of {', '.join(LEVELS)}")
    if name is not None:
        name = arguments.text(name, "name", "the name of a logger or a class")
    if kind is not None and kind not in KINDS.values():
        raise arguments.wrong("kind", kind, f"one of {', '.join(KINDS.values())}")
    return Sought(number, name, kind)  # type: ignore[arg-type]


@errors.guarded("read")
def logs(queries: Queries, asked: Asked) -> Iterator[Log]:
    """In the order in which they were told."""
    ahead = 1  # of the last event of a chunk it may stand in the next one
    for reader, payload, rows in queries.outputs(asked.start, asked.stop, ahead):
        for row in ROW.iter_unpack(rows):
            if row[0] == STREAM_OF_LOGS and asked.holds(row[7] - 1, row[6] - 1):
                yield _log(reader, payload, row)


@errors.guarded("read")
def told(queries: Queries, asked: Asked) -> Iterator[Log]:
    """As `logs`, by the moments at which they were told."""
    return logs(queries, asked._replace(by_moment=True))


def _log(reader: Reader[Any, Any], payload: bytes, row: tuple[int, ...]) -> Log:
    # Of where things stand: what is told, its second value, its third one, its end.
    (
        _,
        kind,
        second,
        end,
        at,
        third,
        before,
        event,
        time,
        thread,
        task,
        frame,
        code,
        within,
        line,
    ) = row
    level, at = varint.decode(payload, at)
    levelname, at = text_at(payload, at)
    name, at = text_at(payload, at)
    file, at = text_at(payload, at)
    said_line, at = varint.decode(payload, at)
    what, given, exception = (
        _value(payload[begin:stop], reader, word)
        for begin, stop, word in (
            (at, second, "what"), (second, third, "arguments"), (third, end, "exception"),
        )
    )  # fmt: skip
    function = reader.functions[code - 1] if frame else None
    omitted = bool(kind & LogFlag.OMITTED)
    named = KINDS.get(kind & ~LogFlag.OMITTED, "record")
    says_so_itself = function is not None and (file, said_line) == (function.file, line)
    callee = None if says_so_itself or not frame else callee_at(payload, within)
    return Log(
        named, level, levelname, name, "" if omitted else _shown(named, name, what, given, exception),
        what, given, exception,
        file or (function.file if function else None), said_line if file else line if frame else None,
        event - 1 if event else None, function, frame - 1 if frame else None,
        reader.threads[thread - 1] if thread else None, reader.tasks[task - 1] if task else None,
        time, before, omitted, callee,
    )  # fmt: skip


def _value(raw: bytes, reader: Reader[Any, Any], word: str) -> Value | None:
    value = Value(raw, reader.types, word)
    return None if value.type_name == "NoneType" else value


def _shown(
    kind: str, name: str, what: Value | None, given: Value | None, exception: Value | None
) -> str:
    if kind == "audit":
        arguments = "()" if given is None else given.show()
        return name + arguments.removesuffix(",)") + ")" * arguments.endswith(",)")
    if kind == "sql":
        statement = "" if what is None else str(what)
        return statement if given is None else f"{statement}  {given.show()}"
    if kind == "http":
        return f"{'?' if what is None else _word(what)} {_address(given)}"
    if kind == "unraisable":
        where = "" if given is None else f" {given.show()}"
        about = "Exception ignored in" if what is None else str(what)
        return f"{about}{where}: {'' if exception is None else exception.show()}"
    if kind == "uncaught":
        return "" if exception is None else exception.show()
    return formatted("None" if what is None else str(what), given)


def _word(value: Value) -> str:
    """A text, or one that is bytes."""
    made = value.to_python(strict=False)
    return made.decode("latin-1") if isinstance(made, bytes) else str(made)


def _address(given: Value | None) -> str:
    parts = None if given is None else given.to_python(strict=False)
    if not isinstance(parts, tuple) or len(parts) != 5:
        return "?"
    texts = [part.decode("latin-1") if isinstance(part, bytes) else part for part in parts]
    scheme, host, port, path, query = texts
    if isinstance(path, str) and "://" in path.partition("?")[0]:  # for a proxy: all of it
        return path
    address = "" if host is None else f"{scheme or 'http'}://{host}"
    address += "" if port in (None, DEFAULT_PORTS.get(scheme)) else f":{port}"
    return f"{address}{'' if path is None else path}{f'?{query}' if query else ''}"


def formatted(text: str, given: Value | None) -> str:
    """As `text % given`, so far as these are known; else as it would be written."""
    values = None if given is None else given.to_python(strict=False)
    if not values or not isinstance(values, tuple | dict):
        return text
    try:
        if not WIDE.search(text):
            return text % values
    except (TypeError, ValueError, KeyError, OverflowError):
        pass  # logging itself says so on stderr, and goes on
    return f"{text} % {given}"
