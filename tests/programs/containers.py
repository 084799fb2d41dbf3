"""Containers that change in place, that nest, that contain themselves."""


def lists():
    items = []
    for i in range(5):
        items.append(i)
    items[2] = "two"
    items.extend([None, 1.5])
    items.pop()
    items.sort(key=str)
    nested = [items, [items]]
    items.clear()
    return nested


def dicts():
    d = {}
    d["a"] = 1
    d[2] = [1]
    d[2].append(3)
    d.update(b={"c": (1, 2)})
    d["b"]["c"] = None
    del d["a"]
    return d


def sets():
    s = set()
    s.add(1)
    s.add(2)
    s |= {3}
    s.discard(1)
    frozen = frozenset(s)
    return len(s), frozen


def itself():
    loop = [1]
    loop.append(loop)
    table = {"me": None}
    table["me"] = table
    return len(loop), len(table)


def replaced_elements():
    """Another object with another value at the same place."""
    row = [0.0, 1.0]
    for i in range(4):
        row[0] = row[0] + 0.25
        row[1] = float(i)
    return row


lists()
dicts()
sets()
itself()
replaced_elements()
