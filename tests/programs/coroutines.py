"""Coroutines and async generators under asyncio, in one task at a time."""

import asyncio


async def leaf(n):
    await asyncio.sleep(0)
    return n * 2


async def stream(n):
    for i in range(n):
        yield i
        await asyncio.sleep(0)


class Resource:
    async def __aenter__(self):
        self.open = True
        return self

    async def __aexit__(self, *exc):
        self.open = False


async def main():
    total = 0
    async for item in stream(3):
        total += item
    async with Resource() as resource:
        state = resource.open
    doubled = [await leaf(n) for n in (1, 2)]
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    except TimeoutError:
        late = True
    return total, state, doubled, late


print(asyncio.run(main()))
