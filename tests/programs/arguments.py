"""Arguments of every kind: by place only, by name only, defaults, *, **, wrong calls, mutable defaults, cells."""


def every(a, b=2, /, c=3, *rest, d, e=5, **more):
    total = a + b + c + d + e
    return total, rest, more


def remembers(item, seen=[]):  # noqa: B006
    seen.append(item)
    return len(seen)


def captured(x, *y, z=0, **w):
    def inner():
        return x, y, z, w

    x += 1
    return inner


def reassigned(a, *b, c=None, **d):
    a = [a]
    b = list(b)
    c = c or "none"
    d["new"] = a
    del a
    return b, c, d


def wrong(*arguments, **named):
    try:
        every(*arguments, **named)
    except TypeError as error:
        return error.args[0].split("(")[0]


def unpacked():
    first, second = {"d": 1}, {"e": 2, "f": 3}
    return every(*[1, 2], *(3,), 4, **first, **second)


def nameless():
    return (lambda *_, **__: (_, __))(1, 2, k=3)


def annotated(a: int, b: "str" = "x") -> list[int]:
    c: float = 1.5
    d: dict
    return [a, len(b), int(c)]


every(1, d=4)
unpacked()
remembers("x")
remembers("y")
captured(1, 2, z=3, k=4)()
reassigned(1, 2, d=5)
wrong()
wrong(1)
wrong(1, d=1, b=2, a=3)
nameless()
annotated(1)
