"""Dicts and sets: order, keys of every kind, deletions and insertions at the same size, views, merging, subclasses."""

import collections


def keys():
    table = {None: 0, True: 1, 2.5: 2, "s": 3, b"b": 4, (1, 2): 5, frozenset({1}): 6}
    table[1] = "was True"
    table[2.5] += 1
    return len(table)


def same_size():
    table = {"a": 1, "b": 2, "c": 3}
    del table["a"]
    table["d"] = 4
    table.pop("b")
    table["a"] = 1
    table["c"], table["d"] = table["d"], table["c"]
    return list(table)


def changing():
    table = dict.fromkeys("ab")
    table |= {"b": 1, "c": 2}
    table.setdefault("d", []).append(1)
    table.setdefault("d", []).append(2)
    found = table.popitem()
    merged = {**table, "e": 3}
    table.clear()
    return found, merged


def sets():
    numbers = {1}
    for n in (2, 3, 1):
        numbers.add(n)
    numbers ^= {3, 4}
    numbers.remove(1)
    numbers.add(1)
    frozen = frozenset(numbers)
    numbers.clear()
    return len(frozen)


def views():
    table = {"x": 1, "y": 2}
    names = table.keys()
    pairs = list(table.items())
    table["z"] = 3
    return "z" in names, pairs


def subclasses():
    counter = collections.Counter("hello")
    counter["l"] += 5
    ordered = collections.OrderedDict(b=1, a=2)
    ordered.move_to_end("b")
    chain = collections.ChainMap({"a": 1}, {"a": 2, "b": 3})
    chain["c"] = 4
    queue = collections.deque([1, 2], maxlen=2)
    queue.append(3)
    return counter.most_common(1), list(ordered), chain["b"], list(queue)


keys()
same_size()
changing()
sets()
views()
subclasses()
