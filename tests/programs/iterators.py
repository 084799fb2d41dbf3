"""Loops of every kind: iterator classes, __getitem__ alone, else branches, zip, enumerate, unpacking, nested."""


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


class Indexed:
    def __getitem__(self, i):
        if i > 2:
            raise IndexError(i)
        return i * 10


class Wrong:
    def __iter__(self):
        return 5


def plain():
    out = [n for n in Countdown(3)]
    for value in Indexed():
        out.append(value)
    try:
        for _ in Wrong():
            pass
    except TypeError:
        out.append("wrong")
    return out


def with_else(limit):
    for n in Countdown(3):
        if n == limit:
            break
    else:
        n = "none"
    while limit > 0:
        limit -= 1
    else:
        ended = True
    return n, ended


def several():
    pairs = []
    for i, (a, b) in enumerate(zip("abc", Countdown(2))):  # noqa: B905
        pairs.append((i, a, b))
    first, *rest = Countdown(3)
    (a, b), c = (1, [2]), {3}
    return pairs, first, rest, a, b, c


def nested():
    grid = []
    for y in range(2):
        row = []
        for x in range(3):
            if x == y:
                continue
            row.append(x * y)
        grid.append(row)
    return grid


plain()
with_else(1)
with_else(7)
several()
nested()
