"""How a computation ends without a value, and how much work one may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

# Steps of one evaluation; an item that is made, compared or looked at is one, and so is a character that is made.
MOST_WORK: Final = 250_000
MOST_BITS: Final = 1 << 17  # of an int that is computed


# audit: the two end one evaluation, and are caught in expression.py
class Undecided(Exception):
    """What is recorded does not tell. `truth`: of the value that is not known, if that is all that is known of it."""

    def __init__(self, reason: str, truth: bool | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.truth = truth


# audit: as Undecided
class TooMuch(Exception):
    """The budget is used up: nothing goes on from here."""


class Budget:
    """Of one evaluation. `tree_of`: what a value was made of; None for what was computed."""

    __slots__ = ("left", "tree_of")

    def __init__(
        self, work: int = MOST_WORK, tree_of: Callable[[Any], Any] = lambda value: None
    ) -> None:
        self.left = work
        self.tree_of = tree_of

    def charge(self, work: int) -> None:
        """Before it is done."""
        self.left -= work
        if self.left < 0:
            raise TooMuch

    def bits(self, bits: int) -> None:
        """An int of so many is about to be made."""
        if bits > MOST_BITS:
            raise TooMuch
        self.charge(bits >> 5)
