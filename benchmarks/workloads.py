"""Small programs of one kind each, with the number of events a recording of them must have at least."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Workload(NamedTuple):
    run: Callable[[], object]
    events: int


def scalar_loop(n: int = 200_000) -> int:
    total = 0
    i = 0
    while i < n:
        double = i * 2
        odd = double + 1
        total += odd
        i += 1
    return total


def fib(n: int) -> int:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


class Account:
    def __init__(self, balance: float) -> None:
        self.balance = balance

    def deposit(self, amount: float) -> float:
        self.balance += amount
        return self.balance

    def withdraw(self, amount: float) -> float:
        if amount > self.balance:
            amount = self.balance
        self.balance -= amount
        return amount


def methods(n: int = 40_000) -> float:
    account = Account(100.0)
    for i in range(n):
        account.deposit(i % 7)
        account.withdraw(i % 5)
    return account.balance


def strings(n: int = 60_000) -> int:
    words = 0
    for i in range(n):
        text = f"item {i}"
        upper = text.upper()
        if upper.endswith("7"):
            words += 1
    return words


def numbers(n: int) -> object:
    for i in range(n):
        yield i * 3


def generators(n: int = 80_000) -> int:
    total = 0
    for value in numbers(n):  # type: ignore[attr-defined]
        total += value
    return total


def exceptions(n: int = 30_000) -> int:
    caught = 0
    for i in range(n):
        try:
            if i % 2:
                raise ValueError(i)
        except ValueError:
            caught += 1
    return caught


def untouched_containers(n: int = 20_000) -> int:
    items = list(range(64))
    table = {f"key {i}": i for i in range(50)}
    total = 0
    for i in range(n):
        total += i
    return total + len(items) + len(table)


WORKLOADS = {
    "scalar loop": Workload(scalar_loop, 1_000_000),
    "calls (fib)": Workload(lambda: fib(21), 85_000),
    "methods": Workload(methods, 300_000),
    "strings": Workload(strings, 240_000),
    "generators": Workload(generators, 320_000),
    "exceptions": Workload(exceptions, 120_000),
    "containers, untouched": Workload(untouched_containers, 40_000),
}
