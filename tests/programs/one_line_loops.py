"""Loops that stand on one line, whole or in part: each round is that line once more."""

import asyncio


def double(i):
    return i * 2


def on_one_line(n):
    for i in range(n): double(i)
    while n: n -= 1
    for i in range(4): total = [k for k in range(i) if k]
    for i in range(3):
        for k in range(2): pass
    for i in range(5): (double(i) if i % 2 else None)
    return total


def left_early():
    for i in range(9): double(i); break
    while True: break
    while True: return i


def in_part(rows):
    found = [
        cell
        for row in rows for cell in row
        if cell
    ]
    while rows: (
        rows.pop()
    )
    for row in rows: pass
    else: found.append(0)
    return found


def inlined(n):
    pairs = [(i, k) for i in range(n) for k in range(i)]
    table = {i: [k for k in range(i)] for i in range(n)}
    unique = {i % 2 for i in range(n)}
    return pairs, table, unique, sum(i for i in range(n))


def caught(n):
    while n:
        try: n -= 1; n / (n % 2)
        except ZeroDivisionError: continue
    for i in range(2):
        with open("/dev/null"): double(i)


def generate(n):
    for i in range(n): yield i
    yield from (i for i in range(n))


async def wait(n):
    for _ in range(n): await asyncio.sleep(0)


async def count(n):
    for i in range(n): yield i


async def main():
    await wait(3)
    async for i in count(3): double(i)
    return [i async for i in count(3)]


class Body:
    for i in range(3): double(i)
    squares = [k * k for k in range(3)]


for i in range(3): double(i)
table = [x + 1 for x in range(3)]
on_one_line(3)
left_early()
in_part([[1, 0], [2]])
inlined(3)
caught(3)
for i in generate(2): pass
asyncio.run(main())
