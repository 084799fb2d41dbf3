"""A tour of what a recording holds: calls, generators, exceptions, threads and tasks.

recorder run examples/tour.py
recorder print tour.rtrace | less
"""

import asyncio
import threading
from collections.abc import Iterator

STOCK = {"apples": 12, "pears": 0, "plums": 7}


class OutOfStock(Exception):
    """Raised for a fruit that has run out."""


def take(fruit: str, amount: int) -> int:
    """Takes from the stock: look at how `left` and the globals change."""
    left = STOCK[fruit] - amount
    if left < 0:
        raise OutOfStock(fruit)
    STOCK[fruit] = left
    return left


def orders(*wanted: tuple[str, int]) -> Iterator[str]:
    """A generator: its frame sleeps between two orders, and its variables with it."""
    done = 0
    for fruit, amount in wanted:
        try:
            left = take(fruit, amount)
        except OutOfStock as missing:
            yield f"no {missing} today"
        else:
            done += 1
            yield f"{amount} {fruit}, {left} left"
    yield f"{done} orders done"


def count(name: str, upto: int, totals: dict[str, int]) -> None:
    """Runs in a thread of its own."""
    total = 0
    for number in range(upto):
        total += number
    totals[name] = total


async def bake(cake: str, minutes: int) -> str:
    """A coroutine: the recording shows where it waits and which task goes on."""
    for minute in range(minutes):
        await asyncio.sleep(0)
        state = f"{cake}: minute {minute + 1} of {minutes}"
    return f"{state}, done"


async def kitchen() -> list[str]:
    async with asyncio.TaskGroup() as tasks:
        cakes = [tasks.create_task(bake("apple cake", 3)), tasks.create_task(bake("tart", 2))]
    return [cake.result() for cake in cakes]


def main() -> None:
    for line in orders(("apples", 5), ("pears", 1), ("plums", 7)):
        print(line)

    totals: dict[str, int] = {}
    threads = [
        threading.Thread(target=count, args=(name, upto, totals), name=name)
        for name, upto in (("short", 10), ("long", 1000))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(totals.items()))

    for cake in asyncio.run(kitchen()):
        print(cake)


if __name__ == "__main__":
    main()
