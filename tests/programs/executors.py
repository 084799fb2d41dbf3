"""concurrent.futures: results, failures, callbacks, map, and a coroutine that hands work to a thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def square(n):
    result = n * n
    return result


def broken(n):
    raise ArithmeticError(n)


def submitted(pool):
    future = pool.submit(square, 3)
    value = future.result()
    bad = pool.submit(broken, 4)
    try:
        bad.result()
    except ArithmeticError as error:
        args = error.args
    return value, args


def mapped(pool):
    results = []
    for n in pool.map(square, [1, 2, 3]):
        results.append(n)
    return results


async def handed_over(pool):
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(pool, square, 5)
    return found


with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
    submitted(pool)
    mapped(pool)
with ThreadPoolExecutor(1, thread_name_prefix="other") as pool:
    asyncio.run(handed_over(pool))
