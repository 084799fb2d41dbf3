"""Millions of events beneath a deep stack that holds much: what a step costs does not depend on how many there are."""


def leaf(n):
    total = 0
    for i in range(n):
        total += i
    return total


def work(rounds):
    found = []
    for turn in range(rounds):
        found.append(leaf(turn % 20))
        if len(found) > 100:
            found.clear()
    return found


def deep(level, rounds):
    table = {f"key {n}": [level, n, "x" * 40] for n in range(60)}
    name = f"level {level}"
    if level:
        return deep(level - 1, rounds)
    return work(rounds), table, name


deep(25, 100_000)
print("done")
