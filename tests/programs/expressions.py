"""Expressions over several lines, walrus, conditions, chained comparisons, unpacking, augmented targets, asserts."""


def note(log, value):
    log.append(value)
    return value


def lines():
    log = []
    total = (
        note(log, 1)
        + note(log, 2) *
        note(log, 3)
    )
    call = max(
        note(log, 4),
        note(
            log,
            5,
        ),
    )
    text = (
        "a"
        f"{total}"
        "b"
    )
    table = {
        note(log, "k"): note(log, "v"),
        **{"x": call},
    }
    return log, text, table


def walrus(data):
    if (n := len(data)) > 2 and (first := data[0]):
        return n, first
    return [last := x for x in data], last


def conditions(a, b):
    log = []
    chained = note(log, a) < note(log, b) < note(log, 10)
    either = note(log, 0) or note(log, "") or note(log, "last")
    both = note(log, 1) and note(log, None) and note(log, "never")
    picked = "a" if a > b else "b" if b > a else "same"
    return chained, either, both, picked, not a, log


def targets():
    items = [1, 2, 3]
    i = 0
    i, items[i] = 1, "first"
    items[i] += "!"
    a = b = items[:]
    a, b = b, a
    [c, *d], e = (items, "e")
    x = y = z = 0
    x += 1; y -= 1; z = x, y  # noqa: E702
    return i, c, d, e, z


def asserted(value):
    try:
        assert value, ("message", value)
    except AssertionError as error:
        return error.args
    return "held"


def deleted():
    a, b = 1, [1, 2, 3]
    del a, b[1]
    try:
        a
    except UnboundLocalError:
        return b


lines()
walrus([1, 2, 3])
walrus([1])
conditions(1, 2)
conditions(3, 2)
targets()
asserted(0)
asserted(1)
deleted()
