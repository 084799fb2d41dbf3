"""Recursion: mutual, by generators, through C, by __repr__ and comparison, a few hundred frames deep."""

import functools


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def deep(n):
    if n:
        below = deep(n - 1)
        return below + 1
    return 0


def flatten(thing):
    if isinstance(thing, list):
        for item in thing:
            yield from flatten(item)
    else:
        yield thing


def through_c(n):
    return n if n == 0 else list(map(through_c, [n - 1]))[0] + 1


@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Pair:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def __repr__(self):
        return f"({self.left!r} {self.right!r})"

    def __eq__(self, other):
        return self.left == other.left and self.right == other.right


def hanoi(n, a, b, c, moves):
    if n:
        hanoi(n - 1, a, c, b, moves)
        moves.append((a, c))
        hanoi(n - 1, b, a, c, moves)


even(7)
deep(300)
list(flatten([1, [2, [3, [4]]], [[5]]]))
through_c(20)
fib(10)
pair = Pair(Pair(1, 2), Pair(3, Pair(4, 5)))
repr(pair)
pair == Pair(Pair(1, 2), Pair(3, Pair(4, 5)))
hanoi(3, "a", "b", "c", [])
