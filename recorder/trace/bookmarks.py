"""Moments that one wants to come back to, while a trace is being looked at."""

from __future__ import annotations

from typing import NamedTuple

from recorder import errors
from recorder.trace.existence import nearest


class Bookmark(NamedTuple):
    seq: int
    name: str  # may be empty

    def __str__(self) -> str:
        return f"event {self.seq}  {self.name}".rstrip()


class Bookmarks:
    """In the order of their events; each has the number of its place among them, from 1."""

    def __init__(self) -> None:
        self.all: list[Bookmark] = []

    def toggle(self, seq: int, name: str = "") -> Bookmark | None:
        """One at this event, with that name; where there is one, none, or the name that is new. None: it is gone."""
        old = next((one for one in self.all if one.seq == seq), None)
        new = Bookmark(seq, name)
        if old is not None:
            self.all.remove(old)
            if not name or old == new:
                return None
        self.all.append(new)
        self.all.sort()
        return new

    def find(self, asked: str) -> Bookmark:
        """By its name or its number. Raises NOT_IN_TRACE, with the nearest names."""
        found = next((one for one in self.all if one.name == asked), None)
        if found is None and asked.isdecimal() and len(asked) < 10:
            found = next(iter(self.all[int(asked) - 1 :][:1]), None) if int(asked) else None
        if found is None:
            near = nearest(asked, [one.name for one in self.all])
            message = f"there is no bookmark {asked}"
            if near:
                message += f"; did you mean {' or '.join(near)}?"
            raise errors.NotInTraceError(message, what="bookmark", name=asked, near=", ".join(near))
        return found
