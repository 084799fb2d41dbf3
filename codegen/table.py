"""Loads codegen/error_codes.toml and refuses every row that breaks a rule of its head comment."""

from __future__ import annotations

import builtins
import errno as errno_module
import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

TABLE = Path("codegen/error_codes.toml")

TYPES = ("str", "int", "float", "bool")
FAULT_FIELDS = ("detail", "wanted", "got", "offset", "event", "stage")

CHOICES: Mapping[str, tuple[str, ...]] = {
    "origin": ("core", "python", "cli", "reader", "sealer"),
    "errno": ("none", "optional", "required"),
    "on_error": ("degrade", "disable", "abort", "raise"),
    "trace_effect": ("none", "partial", "discarded"),
    "status": ("planned", "active", "deprecated", "retired"),
}
UNKNOWN = "UNKNOWN"
# Names that the constructor of every exception takes for itself.
RESERVED_CONTEXT = ("errno", "trace_path", "trace_state", "events_lost")
BUILTINS = frozenset(name for name in dir(builtins) if isinstance(getattr(builtins, name), type))


class TableError(Exception):
    """The table breaks a rule; one line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Kind:
    digit: int
    name: str
    exception: str
    exit_code: int
    doc: str


@dataclass(frozen=True)
class Outcome:
    number: int
    name: str
    doc: str


@dataclass(frozen=True)
class Row:
    number: int
    name: str
    exception: str
    title: str
    message: str
    hint: str
    origin: str
    on_error: str
    trace_effect: str
    since: str
    status: str
    doc: str
    also: str = ""
    context: dict[str, str] = field(default_factory=dict)
    fault: dict[str, str] = field(default_factory=dict)
    hot: bool = False
    errno: str = "none"
    default_errno: str = ""
    select: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    override: bool = True
    retriable: bool = False
    replaced_by: str = ""
    example: str = ""

    @property
    def error_name(self) -> str:
        return f"ERR_{self.name}"

    @property
    def anchor(self) -> str:
        return self.error_name.lower()

    @property
    def digit(self) -> int:
        return self.number // 1000


@dataclass(frozen=True)
class Table:
    documentation: str
    kinds: list[Kind]
    outcomes: list[Outcome]
    rows: list[Row]

    def kind_of(self, row: Row) -> Kind:
        return next(kind for kind in self.kinds if kind.digit == row.digit)

    def doc_url(self, row: Row) -> str:
        return f"{self.documentation}#{row.anchor}"

    @property
    def unknown(self) -> Row:
        """What a number stands for that is in no row."""
        return next(row for row in self.rows if row.name == UNKNOWN)

    def of_kind(self, kind: Kind) -> list[Row]:
        return [row for row in self.rows if row.digit == kind.digit]


def load(path: Path) -> Table:
    """The table, or a TableError that names every problem at once."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise TableError([f"{path.name}: {exc}"]) from exc
    problems: list[str] = []
    table = Table(
        documentation=str(data.get("documentation", "")),
        kinds=build(Kind, data.get("kind", []), problems),
        outcomes=build(Outcome, data.get("outcome", []), problems),
        rows=build(Row, data.get("error", []), problems),
    )
    unknown = set(data) - {"documentation", "kind", "outcome", "error"}
    problems += [f"unknown top-level key {key!r}" for key in sorted(unknown)]
    if not problems:
        problems += _problems(table)
    if problems:
        raise TableError(problems)
    return table


def build(cls: Callable[..., Any], items: list[dict[str, Any]], problems: list[str]) -> list[Any]:
    """The items as `cls`, where their keys and the types of their values fit."""
    known = {f.name: str(f.type) for f in fields(cls)}  # type: ignore[arg-type]
    built = []
    for item in items:
        label = f"{item.get('name', '?')} ({item.get('number', item.get('digit', '?'))})"
        bad = [f"{label}: unknown field {key!r}" for key in sorted(item.keys() - known)]
        for key, value in item.items():
            wanted = known.get(key, "").partition("[")[0]
            if wanted and type(value).__name__ != wanted:
                bad.append(f"{label}: {key} must be {wanted}, not {type(value).__name__}")
        if not bad:
            try:
                built.append(cls(**item))
            except TypeError as exc:
                missing = re.findall(r"'(\w+)'", str(exc))
                bad.append(f"{label}: missing field {', '.join(missing)}")
        problems += bad
    return built


def _problems(table: Table) -> list[str]:
    rows = table.rows
    numbered: list[Row | Outcome] = [*rows, *table.outcomes]
    problems = [
        *duplicates("number", [(item.number, item.name) for item in numbered]),
        *duplicates("name", [(item.name, str(item.number)) for item in numbered]),
        *duplicates(
            "exception",
            [(kind.exception, kind.name) for kind in table.kinds]
            + [(row.exception, row.name) for row in rows],
        ),
        *duplicates("selector", [(s, row.name) for row in rows for s in row.select]),
        *duplicates("exception selector", [(s, row.name) for row in rows for s in row.exceptions]),
    ]
    for outcome in table.outcomes:
        if not 1 <= outcome.number <= 999:
            problems.append(f"{outcome.name}: an outcome has a number from 1 to 999")
    names = {row.name for row in rows}
    if UNKNOWN not in names:
        problems.append(f"no row {UNKNOWN}, which stands for every number that is in none")
    for row in rows:
        problems += [f"{row.error_name} ({row.number}): {p}" for p in _row_problems(row, table)]
        if row.replaced_by and row.replaced_by not in names:
            problems.append(f"{row.error_name}: replaced_by names no row: {row.replaced_by}")
    return problems


def duplicates(what: str, pairs: list[tuple[Any, str]]) -> list[str]:
    seen: dict[Any, str] = {}
    problems = []
    for value, label in pairs:
        if value in seen:
            problems.append(f"duplicate {what} {value}: {seen[value]} and {label}")
        seen[value] = label
    return problems


def _row_problems(row: Row, table: Table) -> Iterable[str]:
    if not any(kind.digit == row.digit for kind in table.kinds):
        yield f"number {row.number} is in no kind's range"
    if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", row.name):
        yield f"name {row.name!r} is not UPPER_SNAKE"
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]+Error", row.exception):
        yield f"exception {row.exception!r} is not a class name that ends in Error"
    if row.exception in BUILTINS:
        yield f"exception {row.exception} is a builtin's name"
    for key, choices in CHOICES.items():
        if getattr(row, key) not in choices:
            yield f"{key} is {getattr(row, key)!r}, not one of {', '.join(choices)}"
    if row.also and not _can_be_mixed_in(row.also):
        yield f"also = {row.also!r} is no builtin exception that can be built from a message"
    for text in ("title", "message", "hint", "doc", "since"):
        if not getattr(row, text).strip():
            yield f"{text} is empty"
    if row.message.endswith("."):
        yield "message ends in a full stop"
    yield from _context_problems(row)
    yield from _selection_problems(row)
    if row.replaced_by and row.status not in ("deprecated", "retired"):
        yield f"replaced_by is for deprecated and retired rows; this one is {row.status}"
    if row.hot and row.on_error == "raise":
        yield "hot: the capture path cannot raise; say degrade, disable or abort"


def _can_be_mixed_in(name: str) -> bool:
    cls = getattr(builtins, name, None)
    if not (isinstance(cls, type) and issubclass(cls, Exception)):
        return False
    try:
        cls("message")
    except TypeError:  # UnicodeDecodeError and its like want more than a message
        return False
    return True


def placeholders(message: str) -> list[str]:
    """The names in a template, in order; a ValueError if it is more than plain {name}s."""
    names = []
    for _, name, spec, conversion in string.Formatter().parse(message):
        if name is None:
            continue
        if spec or conversion or not name.isidentifier():
            raise ValueError(f"{{{name}}} is not a plain {{name}}")
        names.append(name)
    return names


def _context_problems(row: Row) -> Iterable[str]:
    try:
        for name in placeholders(row.message):
            if name not in row.context:
                yield f"placeholder {{{name}}} has no type in context"
    except ValueError as exc:
        yield f"message template: {exc}"
    for key, kind in row.context.items():
        if key in RESERVED_CONTEXT or not key.isidentifier():
            yield f"context key {key!r} cannot be used"
        if kind not in TYPES:
            yield f"context key {key!r} has type {kind!r}, not one of {', '.join(TYPES)}"
    for key, source in row.fault.items():
        if key not in row.context:
            yield f"fault fills {key!r}, which is not in context"
        if source not in FAULT_FIELDS:
            yield f"fault has no field {source!r}"


def _selection_problems(row: Row) -> Iterable[str]:
    if row.errno == "none" and (row.select or row.default_errno):
        yield "errno is none, yet it has select or default_errno"
    if row.default_errno and not hasattr(errno_module, row.default_errno):
        yield f"default_errno {row.default_errno!r} is no errno"
    for selector in row.select:
        operation, _, code = selector.rpartition(":")
        if code != "*" and not hasattr(errno_module, code):
            yield f"select {selector!r}: {code!r} is no errno"
        if (code == "*" and not operation) or (operation and not operation.isidentifier()):
            yield f"select {selector!r} is not ERRNO, operation:ERRNO or operation:*"
    for name in row.exceptions:
        cls = getattr(builtins, name, None)
        if not (isinstance(cls, type) and issubclass(cls, Exception)) or issubclass(cls, OSError):
            yield f"exceptions: {name!r} is no builtin exception (OSErrors go by select)"
