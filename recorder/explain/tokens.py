"""How much room a text takes of a language model's, without its tokenizer: rather too much than too little.

Tokenizers make a token of a common word, of up to three digits, of a sign. The rule here counts a token for each three
small letters of a word, each two capitals or digits, each other character, and each byte of what is not ASCII; a run of
letters that is longer than words are may be a key, of which each token has fewer than two. Of what the recorder writes
that is at least what o200k_base and cl100k_base come to (docs/for-agents.md has the figures).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PIECES: Final = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^\S\n]+|[^\x00-\x7f]+|.", re.S)
LETTERS: Final = 3  # of a word, that make a token
CAPITALS: Final = 2
DIGITS: Final = 2
LONGEST_WORD: Final = 12
LEAST: Final = 200  # tokens, of which a budget can be kept
MOST: Final = 100_000


def tokens(text: str) -> int:
    """At most so many tokens."""
    return sum(_of(piece) for piece in PIECES.findall(text))


def _of(piece: str) -> int:
    first = piece[0]
    if first > "\x7f":
        return len(piece.encode("utf-8", "surrogatepass"))
    if first.islower() and len(piece) > LONGEST_WORD:
        return -(-len(piece) * 2 // 3)
    if first.isalpha():
        return -(-len(piece) // (LETTERS if first.islower() else CAPITALS))
    if first.isdigit():
        return -(-len(piece) // DIGITS)
    if first.isspace() and first != "\n":
        return -(-(len(piece) - 1) // 8)  # one blank belongs to the word behind it
    return 1


class TokenQuota:
    """What is left of a budget."""

    def __init__(self, budget: int) -> None:
        self.left = budget

    def takes(self, text: str) -> bool:
        """Whether there is room for a line; if so it is used up."""
        needed = tokens(text) + 1  # the end of the line
        if needed > self.left:
            return False
        self.left -= needed
        return True


def fitting(lines: Iterable[str], budget: int) -> list[str]:
    """The first ones, as many as there is room for."""
    quota, found = TokenQuota(budget), []
    for line in lines:
        if not quota.takes(line):
            break
        found.append(line)
    return found
