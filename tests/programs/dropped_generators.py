"""Generators that nobody finishes: dropped while suspended, in a cycle, kept by a frame, made again and again."""

import gc


def endless(n):
    while True:
        yield n
        n += 1


def held():
    resource = ["held"]
    try:
        yield resource
    finally:
        resource.append("released")


def first_of(n):
    return next(endless(n))


def dropped():
    total = 0
    for i in range(5):
        total += first_of(i)
    return total


def dropped_in_the_middle():
    g = held()
    next(g)
    g = None
    return g


def cyclic():
    box = []
    g = held()
    box.append(g)
    box.append(box)
    next(g)
    del g, box
    return gc.collect() > 0


def replaced():
    g = endless(0)
    for _ in range(3):
        g = endless(next(g))
        next(g)
    return next(g)


gc.collect()
dropped()
dropped_in_the_middle()
cyclic()
replaced()
