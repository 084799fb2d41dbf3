"""What stands behind the `?` of an address: texts, some of which have to be numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from recorder import errors

LONGEST: Final = 18  # digits of a number


class Parameters:
    """Those of one request. Raises MISSING_ARGUMENT, INVALID_ARGUMENT."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given

    def text(self, name: str) -> str | None:
        """None: it is not given, or empty, as a field of a form is where nothing was entered."""
        return self.given.get(name) or None

    def needed(self, name: str) -> str:
        found = self.text(name)
        if found is None:
            raise errors.MissingArgumentError(argument=name)
        return found

    def number(self, name: str, otherwise: int | None = None) -> int:
        found = self.text(name)
        if found is None and otherwise is not None:
            return otherwise
        text = self.needed(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST):
            raise invalid(name, text, "a number from 0 on")
        return int(text)

    def flag(self, name: str) -> bool:
        return self.text(name) not in (None, "0", "false")

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        text = self.needed(name)
        if text not in words:
            raise invalid(name, text, ", ".join(words))
        return text

    def parts(self, name: str) -> tuple[str, list[int]]:
        """The way into a value: `["rows", 3, 0]` is the first child of the fourth child of `rows`."""
        text = self.needed(name)
        try:
            way = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise invalid(name, text, WAY) from exc
        if not (isinstance(way, list) and way and isinstance(way[0], str)):
            raise invalid(name, text, WAY)
        if not all(type(step) is int and step >= 0 for step in way[1:]):
            raise invalid(name, text, WAY)
        return way[0], way[1:]


WAY: Final = "a list of a name and numbers"


def invalid(argument: str, value: str, expected: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(argument=argument, value=value, expected=expected)
