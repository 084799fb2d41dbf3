"""codegen/errors.lock: every number ever issued, and what was promised with it.

A line is `number NAME ExceptionClass on_error`. Lines are only ever added, by `python -m codegen`;
a table that contradicts one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.table import Table, TableError

LOCK = Path("codegen/errors.lock")


@dataclass(frozen=True)
class Promise:
    number: int
    name: str
    exception: str
    on_error: str

    def __str__(self) -> str:
        return f"{self.number} {self.name} {self.exception} {self.on_error}"


def promises_of(table: Table) -> dict[int, Promise]:
    """What the table of today promises."""
    promises = {o.number: Promise(o.number, o.name, "-", "-") for o in table.outcomes}
    for row in table.rows:
        promises[row.number] = Promise(row.number, row.name, row.exception, row.on_error)
    return promises


def load(root: Path) -> dict[int, Promise]:
    """What was promised before; nothing when there is no lock yet."""
    try:
        lines = (root / LOCK).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    promises = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            try:
                number, name, exception, on_error = line.split()
                promises[int(number)] = Promise(int(number), name, exception, on_error)
            except ValueError:
                raise TableError([f"{LOCK}: not a promise: {line!r}"]) from None
    return promises


def broken(table: Table, promised: Mapping[int, Promise]) -> list[str]:
    """Each promise that the table breaks, and how to keep it."""
    return [line for old in promised.values() for line in _broken(old, promises_of(table))]


def _broken(old: Promise, now: Mapping[int, Promise]) -> Iterable[str]:
    label = f"ERR_{old.name} ({old.number})"
    new = now.get(old.number)
    by_name = {promise.name: promise for promise in now.values()}
    moved = by_name.get(old.name)
    if moved is not None and moved.number != old.number:
        what = "renumbered" if moved.number // 1000 == old.number // 1000 else "given another kind"
        yield f"{label}: was {what}, it is now {moved.number}; a number is for ever"
    elif new is None:
        yield f"{label}: was removed; a row is never deleted, set its status to retired"
    elif new.name != old.name:
        yield f"{label}: was renamed to {new.name}; a name is for ever"
    if new is not None and new.name == old.name:
        if new.exception != old.exception:
            yield f"{label}: its exception {old.exception} was renamed to {new.exception}"
        if new.on_error != old.on_error:
            yield f"{label}: its on_error was changed from {old.on_error} to {new.on_error}"


def render(table: Table, promised: Mapping[int, Promise], mark: str) -> str:
    """The lock with the new numbers added."""
    everything = {**promises_of(table), **promised}
    lines = [f"# {mark}", "# number name exception on_error; lines are only ever added."]
    lines += [str(everything[number]) for number in sorted(everything)]
    return "\n".join(lines) + "\n"
