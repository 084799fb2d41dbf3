"""asyncio tasks: side by side, by name, cancelled, failing, in groups, shielded, with callbacks and events."""

import asyncio


async def worker(name, gate, log):
    await gate.wait()
    log.append(name)
    for i in range(2):
        await asyncio.sleep(0)
        log.append((name, i))
    return name


async def failing(delay):
    for _ in range(delay):
        await asyncio.sleep(0)
    raise LookupError(delay)


async def forever():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cleanup = "forever"
        print(cleanup)
        raise


async def side_by_side():
    gate, log = asyncio.Event(), []
    tasks = [asyncio.create_task(worker(n, gate, log), name=f"worker {n}") for n in "abc"]
    await asyncio.sleep(0)
    gate.set()
    names = await asyncio.gather(*tasks)
    return names, log


async def failures():
    results = await asyncio.gather(failing(1), failing(2), return_exceptions=True)
    kinds = [type(result).__name__ for result in results]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(forever(), name="forever")
            group.create_task(failing(1), name="failing")
    except* LookupError as found:
        kinds.append(len(found.exceptions))
    return kinds


async def cancelled():
    task = asyncio.create_task(forever(), name="to be cancelled")
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError:
        return task.cancelled()


async def called_back():
    loop, seen = asyncio.get_running_loop(), []

    def call(n):
        seen.append(n)

    loop.call_soon(call, 1)
    future = loop.create_future()
    future.add_done_callback(lambda done: seen.append(done.result()))
    future.set_result(2)
    await asyncio.sleep(0)
    await asyncio.shield(asyncio.sleep(0, 3))
    return seen


async def main():
    return await side_by_side(), await failures(), await cancelled(), await called_back()


print(asyncio.run(main()))
