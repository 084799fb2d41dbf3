"""What follows the byte of a record or of a value tag: `varint n, n × (str name, value part)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

TYPES = ("u8", "u16", "u64", "f64", "varint", "zigzag", "str", "value")
ITEM = re.compile(
    rf"(?P<type>{'|'.join(TYPES)})(?: (?P<name>\S.*))?|(?P<count>\S+) (?P<rest>bytes|× .+)"
)


@dataclass(frozen=True)
class Operand:
    """One of them: a type and a name; `count` bytes; or `count` times what is in `parts`."""

    type: str
    name: str = ""
    count: str = ""
    parts: tuple[Operand, ...] = ()

    @property
    def shape(self) -> str:
        """Without its name: what a reader has to do."""
        if self.parts:
            return f"*({','.join(part.shape for part in self.parts)})"
        return self.type

    @property
    def python(self) -> str:
        """Likewise, as Python has it: what is repeated is a tuple."""
        return layout_of(self.parts) if self.parts else f'"{self.type}"'


def layout_of(operands: tuple[Operand, ...]) -> str:
    """All of them as a tuple of Python's."""
    inner = ", ".join(operand.python for operand in operands)
    return f"({inner},)" if len(operands) == 1 else f"({inner})"


def parse(text: str) -> tuple[Operand, ...]:
    """A ValueError says what cannot be read."""
    found: list[Operand] = []
    for item in _split(text):
        match = ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is not a type and a name")
        if match["type"]:
            found.append(Operand(match["type"], match["name"] or _nameless(match["type"])))
            continue
        count, rest = match["count"], match["rest"]
        if count not in (operand.name for operand in found if operand.type == "varint"):
            raise ValueError(f"{item!r}: no varint {count} was read before")
        if rest == "bytes":
            found.append(Operand("bytes", count=count))
        else:
            inner = rest.removeprefix("× ")
            inner = inner[1:-1] if inner.startswith("(") and inner.endswith(")") else inner
            found.append(Operand("repeat", count=count, parts=parse(inner)))
    return tuple(found)


def names_of(operands: tuple[Operand, ...]) -> list[str]:
    """All names in them, also those of parts."""
    found = []
    for operand in operands:
        found += [operand.name] if operand.name else []
        found += names_of(operand.parts)
    return found


def _nameless(kind: str) -> str:
    if kind != "value":
        raise ValueError(f"a {kind} has no name")
    return kind


def _split(text: str) -> list[str]:
    """At the commas that are in no parentheses."""
    return [item.strip() for item in re.split(r",(?![^(]*\))", text)] if text else []
