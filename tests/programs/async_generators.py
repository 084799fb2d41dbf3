"""Async generators driven by hand and by asyncio: asend, athrow, aclose, comprehensions, left unfinished."""

import asyncio


async def numbers(n):
    try:
        for i in range(n):
            got = yield i
            if got:
                yield ("got", got)
    except ValueError as error:
        yield ("error", error.args)
    finally:
        await asyncio.sleep(0)
        ended = n


async def doubled(source):
    async for item in source:
        yield item * 2


async def sent():
    g = numbers(3)
    first = await g.asend(None)
    second = await g.asend("x")
    third = await anext(g)
    await g.aclose()
    return first, second, third


async def thrown():
    g = numbers(3)
    await anext(g)
    caught = await g.athrow(ValueError("in", 1))
    rest = [item async for item in g]
    return caught, rest


async def comprehended():
    squares = [i * i async for i in numbers(3) if i]
    table = {i: str(i) async for i in doubled(numbers(2))}
    group = {i async for i in numbers(2)}
    lazily = (i + 1 async for i in numbers(2))
    return squares, table, group, [i async for i in lazily]


async def unfinished():
    async for item in numbers(5):
        if item == 1:
            break
    return item


async def main():
    return await sent(), await thrown(), await comprehended(), await unfinished()


def by_hand():
    async def bare():
        yield 1
        yield 2

    step = bare().asend(None)
    try:
        step.send(None)
    except StopIteration as stop:
        return stop.value


print(asyncio.run(main()))
by_hand()
