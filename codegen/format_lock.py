"""codegen/format.lock: every number, offset and shape of the format ever issued.

A line is `scope number NAME shape`. Lines are only ever added, by `python -m codegen`; a table that contradicts one is
refused. What is in the shared memory has its layout version in the scope: of another version nothing is promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from codegen.format_table import Format
from codegen.table import TableError

LOCK = Path("codegen/format.lock")
MEMORY = "layout-"


class Promise(NamedTuple):
    scope: str
    number: int
    name: str
    shape: str  # types of the operands, type of the field, bytes of the constant; - for none

    def __str__(self) -> str:
        return f"{self.scope} {self.number} {self.name} {self.shape}"


def promises_of(table: Format) -> list[Promise]:
    """What the table of today promises."""
    made = [
        Promise(_scope(table, constant.part, "constant"), constant.number, constant.name, "-")
        for constant in table.constants
    ]
    for enum in table.enums:
        scope = _scope(table, enum.part, enum.name)
        made += [Promise(scope, member.number, member.name, "-") for member in enum.members]
    for what, rows in (("record", table.records), ("tag", table.tags)):
        made += [Promise(what, row.number, row.name, row.shape) for row in rows]
    for layout in table.layouts:
        scope = _scope(table, layout.part, layout.name)
        made += [Promise(scope, field.offset, field.name, field.type) for field in layout.fields]
        made.append(Promise(scope, layout.size, "-", "end"))
    return made


def _scope(table: Format, part: str, name: str) -> str:
    return f"{MEMORY}{table.version.layout}/{name}" if part == "memory" else name


def load(root: Path) -> list[Promise]:
    """What was promised before; nothing when there is no lock yet."""
    try:
        lines = (root / LOCK).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    promises = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            try:
                scope, number, name, shape = line.split()
                promises.append(Promise(scope, int(number), name, shape))
            except ValueError:
                raise TableError([f"{LOCK}: not a promise: {line!r}"]) from None
    return promises


def broken(table: Format, promised: Iterable[Promise]) -> list[str]:
    """Each promise that the table breaks."""
    now = promises_of(table)
    by_number = {(p.scope, p.number): p for p in now if not p.scope.endswith("constant")}
    by_name = {(p.scope, p.name): p for p in now}
    current = f"{MEMORY}{table.version.layout}/"
    return [
        line
        for old in promised
        if not old.scope.startswith(MEMORY) or old.scope.startswith(current)
        for line in _broken(old, by_number, by_name)
    ]


def _broken(
    old: Promise,
    by_number: Mapping[tuple[str, int], Promise],
    by_name: Mapping[tuple[str, str], Promise],
) -> Iterable[str]:
    label = f"{old.scope} {old.name} ({old.number})"
    same_number = by_number.get((old.scope, old.number))
    same_name = by_name.get((old.scope, old.name))
    if same_number is None and same_name is None:
        yield f"{label}: was removed; what was written once has to be read for ever"
    elif same_number is None and same_name is not None and same_name.number != old.number:
        yield f"{label}: is now {same_name.number}; a number is for ever"
    elif same_number is not None and same_number.name != old.name:
        yield f"{label}: is now {same_number.name}; a number is never reused"
    elif same_number is not None and same_number.shape != old.shape:
        yield f"{label}: was {old.shape}, is now {same_number.shape}; its bytes are for ever"


def render(table: Format, promised: Iterable[Promise], mark: str) -> str:
    """The lock with what is new added behind what there was."""
    lines = [f"# {mark}", "# scope number name shape; lines are only ever added."]
    lines += map(str, dict.fromkeys([*promised, *promises_of(table)]))
    return "\n".join(lines) + "\n"
