"""Generators: interleaved, delegated, sent to, thrown into, closed, dropped."""


def count(n):
    for i in range(n):
        got = yield i
        if got:
            i += got
    return "done"


def delegate(n):
    result = yield from count(n)
    return result


def careful():
    try:
        yield 1
        yield 2
    except KeyError as error:
        name = str(error)
        yield name
    finally:
        closing = True
        print("closing", closing)


def interleave():
    a = count(3)
    b = count(3)
    pairs = []
    for x in a:
        y = next(b)
        pairs.append((x, y))
    return pairs


def drive():
    g = delegate(2)
    first = next(g)
    second = g.send(10)
    try:
        g.send(None)
    except StopIteration as stop:
        value = stop.value
    t = careful()
    next(t)
    thrown = t.throw(KeyError("k"))
    t.close()
    squares = list(x * x for x in range(3))
    return first, second, value, thrown, squares


interleave()
drive()
