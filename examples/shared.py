"""Objects that are shared where nobody meant it: docs/shared-objects.md asks who shares them, and who changed them."""

import asyncio
import threading


class Basket:
    tags = []  # one list, of the class

    def __init__(self, items=[]):  # one list, of the function
        self.items = items


def default():
    ann, bob = Basket(), Basket()
    ann.items.append("pen")
    return ann, bob


def grid():
    rows = [[0] * 3] * 3
    rows[0][1] = 7
    return rows


def by_key():
    found = dict.fromkeys(["a", "b"], [])
    found["a"].append(1)
    return found


def of_class():
    ann, bob = Basket([]), Basket([])
    ann.tags.append("new")
    mine, others = ann.tags, bob.tags
    return mine, others


def late():
    made = []
    for n in range(3):
        state = {"n": n}
        made.append(lambda: state)
    first, last = made[0](), made[2]()
    return first, last


def iterated():
    left = [1, 2, 3, 4]
    for item in left:
        if item < 3:
            left.remove(item)
    return left


def work(shared, key):
    shared[key] = key
    return shared


def threads():
    seen = {}
    both = [threading.Thread(target=work, args=(seen, key)) for key in ("x", "y")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    return seen


async def fill(shared, key):
    await asyncio.sleep(0)
    shared.append(key)


async def two_tasks():
    queue = []
    await asyncio.gather(fill(queue, 1), fill(queue, 2))
    return queue


if __name__ == "__main__":
    for run in (default, grid, by_key, of_class, late, iterated, threads):
        run()
    asyncio.run(two_tasks())
