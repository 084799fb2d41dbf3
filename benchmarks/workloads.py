"""The programs that are measured: small, deterministic, one kind of code each.

Each is a function of a size and does work proportional to it. Their code is in this folder (or, for
the real program, in site-packages), so that it is in scope; what they use of the standard library is not.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import machines
import pure_json

HERE = str(Path(__file__).resolve().parent)


class Workload(NamedTuple):
    """size: of one measured round; about 0.1 to 1 million events. scalar: its variables are numbers,
    singletons and short texts, the code that the figures are promised for."""

    run: Callable[[int], object]
    size: int
    scalar: bool = False
    needs: str = ""  # a package outside the standard library


def scalar_loop(size: int) -> int:
    total = 0
    i = 0
    while i < size:
        double = i * 2
        odd = double + 1
        total += odd
        i += 1
    return total


def fib(n: int) -> int:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def calls(size: int) -> int:
    total = 0
    for _ in range(size):
        total += fib(12)
    return total


def methods(size: int) -> int:
    return machines.Factory(workers=4).work(size)


def containers_touched(size: int) -> int:
    recent: list[int] = []
    counts: dict[str, int] = {}
    pairs = [(0, 0)] * 16
    for i in range(size):
        recent.append(i)
        if len(recent) > 32:
            recent.clear()
        key = f"key {i % 24}"
        counts[key] = counts.get(key, 0) + 1
        pairs[i % 16] = (i, len(recent))
    return len(recent) + sum(counts.values()) + len(pairs)


def containers_untouched(size: int) -> int:
    items = list(range(64))
    table = {f"key {i}": i for i in range(50)}
    total = 0
    for i in range(size):
        total += i
    return total + len(items) + len(table)


def large_list_untouched(size: int) -> int:
    items = list(range(1000))
    total = 0
    for i in range(size):
        total += i
    return total + len(items)


def strings(size: int) -> int:
    words = 0
    for i in range(size):
        text = f"item {i}"
        upper = text.upper()
        if upper.endswith("7"):
            words += 1
    return words


def numbers(n: int) -> Iterator[int]:
    for i in range(n):
        yield i * 3


def generators(size: int) -> int:
    total = 0
    for value in numbers(size):
        total += value
    return total


async def feed(size: int, queue: asyncio.Queue[int | None]) -> None:
    for i in range(size):
        await queue.put(i)
    await queue.put(None)


async def relay(queue: asyncio.Queue[int | None], following: asyncio.Queue[int | None]) -> int:
    passed = 0
    while (item := await queue.get()) is not None:
        await following.put(item + 1)
        passed += 1
    await following.put(None)
    return passed


async def drain(queue: asyncio.Queue[int | None]) -> int:
    total = 0
    while (item := await queue.get()) is not None:
        total += item
    return total


async def pipeline(size: int) -> int:
    """Tasks that wait for each other all the time."""
    first: asyncio.Queue[int | None] = asyncio.Queue(2)
    second: asyncio.Queue[int | None] = asyncio.Queue(2)
    feeding = asyncio.create_task(feed(size, first))
    relaying = asyncio.create_task(relay(first, second))
    total = await drain(second)
    await feeding
    return total + await relaying


def tasks(size: int) -> int:
    return asyncio.run(pipeline(size))


def refuse(i: int) -> None:
    raise LookupError(i)


def exceptions(size: int) -> int:
    caught = 0
    for i in range(size):
        try:
            if i % 2:
                raise ValueError(i)
            refuse(i)
        except (ValueError, LookupError):
            caught += 1
    return caught


def threads(size: int) -> int:
    found = [0] * 4

    def work(which: int) -> None:
        found[which] = scalar_loop(size)

    started = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return sum(found)


def json_round_trips(size: int) -> int:
    text = pure_json.dumps(pure_json.SAMPLE)
    length = 0
    for _ in range(size):
        length += len(pure_json.dumps(pure_json.loads(text)))
    return length


def decimals(size: int) -> Decimal:
    """An order whose total is looked at with every line."""
    cent, total = Decimal("0.01"), Decimal(0)
    for i in range(size):
        price = Decimal(i % 997) / 100
        total += (price * 3).quantize(cent)
    return total


def deques(size: int) -> int:
    recent: deque[int] = deque(maxlen=32)
    waiting: deque[int] = deque(range(100))
    for i in range(size):
        recent.append(i)
        waiting.rotate(1)
    return len(recent) + len(waiting)


def frame(size: int) -> float:
    """A frame that is written to in place, and another that is not."""
    import pandas

    orders = pandas.DataFrame({"id": range(100), "amt": [1.0] * 100, "who": ["ada", "bob"] * 50})
    large = pandas.DataFrame({"x": range(10_000)})
    for i in range(size):
        orders.loc[i % 100, "amt"] = float(i)
    return float(orders["amt"].sum()) + len(large)


def array(size: int) -> float:
    """One array that is written to, one that is not, and one that is not written whole."""
    import numpy

    small, days = numpy.zeros(100), numpy.arange(100).astype("M8[D]")
    large = numpy.zeros(100_000)
    for i in range(size):
        small[i % 100] += i
        large[i] = i
    return float(small.sum() + large.sum()) + len(days)


def check_sources(size: int) -> int:
    """pyflakes, over a module of the standard library that every Python has."""
    import ast
    import json.scanner

    from pyflakes.checker import Checker  # type: ignore[import-not-found]

    tree = ast.parse(Path(json.scanner.__file__).read_text())
    return sum(len(Checker(tree).messages) for _ in range(size))


WORKLOADS: dict[str, Workload] = {
    "scalar loop": Workload(scalar_loop, 100_000, scalar=True),
    "calls (fib)": Workload(calls, 160, scalar=True),
    "methods (machines)": Workload(methods, 10_000),
    "containers touched": Workload(containers_touched, 12_000),
    "containers untouched": Workload(containers_untouched, 60_000),
    "large list untouched": Workload(large_list_untouched, 60_000),
    "strings": Workload(strings, 60_000, scalar=True),
    "generators": Workload(generators, 80_000, scalar=True),
    "asyncio": Workload(tasks, 20_000),
    "exceptions": Workload(exceptions, 40_000, scalar=True),
    "threads": Workload(threads, 25_000, scalar=True),
    "decimal": Workload(decimals, 20_000),
    "deque": Workload(deques, 20_000),
    "frame": Workload(frame, 1_000, needs="pandas"),
    "array": Workload(array, 20_000, needs="numpy"),
    "pure-Python JSON": Workload(json_round_trips, 40),
    "real program (pyflakes)": Workload(check_sources, 2, needs="pyflakes"),
}


def available() -> dict[str, Workload]:
    """Those whose packages are installed."""
    return {
        name: work
        for name, work in WORKLOADS.items()
        if not work.needs or importlib.util.find_spec(work.needs)
    }


def prepare(name: str) -> Callable[[int], Any]:
    """The workload, imports done and caches filled, so that what is timed is its own code."""
    work = WORKLOADS[name]
    work.run(max(1, work.size // 100))
    return work.run
