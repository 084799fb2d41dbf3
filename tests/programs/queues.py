"""Producers and consumers under asyncio: queues, locks, semaphores, conditions, context variables of tasks."""

import asyncio
import contextvars

current = contextvars.ContextVar("current", default="nobody")


async def produce(queue, n):
    for i in range(n):
        await queue.put(i)
    await queue.put(None)


async def consume(queue, out):
    while (item := await queue.get()) is not None:
        out.append(item)
        queue.task_done()
    return len(out)


async def guarded(lock, shared, n):
    current.set(n)
    async with lock:
        before = shared["n"]
        await asyncio.sleep(0)
        shared["n"] = before + n
    return current.get()


async def signalled(condition, state):
    async with condition:
        await condition.wait_for(lambda: state)
        return state[0]


async def main():
    queue, out = asyncio.Queue(maxsize=1), []
    _, count = await asyncio.gather(produce(queue, 3), consume(queue, out))
    shared, lock = {"n": 0}, asyncio.Semaphore(1)
    names = await asyncio.gather(*(guarded(lock, shared, n) for n in (1, 2, 3)))
    condition, state = asyncio.Condition(), []
    waiter = asyncio.create_task(signalled(condition, state))
    await asyncio.sleep(0)
    async with condition:
        state.append("ready")
        condition.notify_all()
    ready = await waiter
    return count, out, shared, names, ready, current.get()


print(asyncio.run(main()))
