"""Cycles and sharing: containers in themselves, in each other, through instances, the same one many times."""


class Link:
    def __init__(self, name):
        self.name = name
        self.to = None


def itself():
    items = [1]
    items.append(items)
    table = {"self": None, "items": items}
    table["self"] = table
    items[0] = table
    return len(items)


def each_other():
    a, b = [], {}
    a.append(b)
    b["a"] = a
    pair = (a, b)
    a.append(pair)
    return len(pair)


def by_instances():
    first, second = Link("first"), Link("second")
    first.to, second.to = second, first
    first.name = "renamed"
    second.to = second
    return first.to.to.name


def many_times():
    row = [0, 0]
    grid = [row] * 3
    grid[1][0] = "all rows"
    grid[2] = list(row)
    grid[2][1] = "this row"
    inner = {"x": row}
    outer = [inner, inner, row, [inner]]
    outer[3][0]["x"] = None
    return grid, outer


def aliases():
    a = [1]
    b = a
    c = (a, b)
    b.append(2)
    a = None
    b.append(3)
    return c


itself()
each_other()
by_instances()
many_times()
aliases()
