"""What a request says, checked: anything may come from the other side."""

from __future__ import annotations

from typing import Any


class Refused(Exception):  # audit: of the server's own; each is answered
    """A request that cannot be answered, in words for a person."""


class Arguments:
    def __init__(self, given: object) -> None:
        self._given: dict[str, Any] = given if isinstance(given, dict) else {}

    def text(self, name: str, default: str | None = None) -> str:
        value = self._given.get(name, default)
        if not isinstance(value, str):
            raise Refused(f"{name} has to be a text")
        return value

    def optional(self, name: str) -> str | None:
        value = self._given.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(f"{name} has to be a text")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        value = self._given.get(name, default)
        if value is None and default is not None:
            return default
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not -(2**53) <= value <= 2**53:
            raise Refused(f"{name} has to be a whole number")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._given.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise Refused(f"{name} has to be true or false")
        return value

    def part(self, name: str) -> Arguments:
        value = self._given.get(name)
        if value is not None and not isinstance(value, dict):
            raise Refused(f"{name} has to be an object")
        return Arguments(value)

    def parts(self, name: str) -> list[Arguments]:
        return [Arguments(one) for one in self.items(name) if isinstance(one, dict)]

    def texts(self, name: str) -> list[str]:
        values = self.items(name)
        if not all(isinstance(one, str) for one in values):
            raise Refused(f"{name} has to be a list of texts")
        return values

    def mapping(self, name: str) -> dict[str, str | None]:
        value = self._given.get(name) or {}
        if not isinstance(value, dict) or not all(
            one is None or isinstance(one, str) for one in value.values()
        ):
            raise Refused(f"{name} has to be an object of texts")
        return value

    def items(self, name: str) -> list[Any]:
        value = self._given.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Refused(f"{name} has to be a list")
        return value

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None
