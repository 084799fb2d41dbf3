"""Loops with else, break and continue; match; conditional expressions; del; walrus; nested loops."""


def search(items, wanted):
    for position, item in enumerate(items):
        if item == wanted:
            break
        if item is None:
            continue
    else:
        position = -1
    return position


def classify(value):
    match value:
        case 0:
            kind = "zero"
        case [x, y]:
            kind = x + y
        case {"key": inner}:
            kind = inner
        case str() as text:
            kind = text.upper()
        case _:
            kind = None
    return kind


def nested():
    count = 0
    i = 0
    while i < 3:
        j = 0
        while True:
            if j > i:
                break
            count += (j
                      + i)
            j += 1
        i += 1
    while (n := count) > 5:
        count -= 4
    del i
    return count, n


search([1, None, 3], 3)
search([1], 2)
for value in (0, [1, 2], {"key": "v"}, "s", 7.5):
    classify(value)
nested()
