"""Whom a line waited for while something was written, read or told that is none of its own doing."""

from __future__ import annotations

from typing import NamedTuple

from recorder import errors
from recorder.trace import varint


@errors.guarded_class("read")
class Callee(NamedTuple):
    """A function that is not recorded, and that a line of the program's called: its qualified name, and its file."""

    function: str
    file: str

    def __str__(self) -> str:
        """`echo (click/utils.py)`"""
        folder, _, name = self.file.rpartition("/")
        folder = folder.rpartition("/")[2]
        return f"{self.function} ({folder}/{name})" if folder else f"{self.function} ({name})"


def callee_at(payload: bytes, at: int) -> Callee | None:
    """What stands there, behind a WITHIN; 0: there is none."""
    if not at:
        return None
    function, at = text_at(payload, at)
    return Callee(function, text_at(payload, at)[0])


def text_at(record: bytes, at: int) -> tuple[str, int]:
    size, at = varint.decode(record, at)
    return record[at : at + size].decode("utf-8", "surrogatepass"), at + size


def during(callee: Callee | None) -> str:
    """For behind a text: `  [during echo (click/utils.py)]`."""
    return "" if callee is None else f"  [during {callee}]"
