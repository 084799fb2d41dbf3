"""Numbers: ints of 60, 61 and 10,000 bits, floats at the edges, complex, bools, what looks alike and is not."""

import math


def whole():
    edges = []
    for bits in (29, 30, 31, 59, 60, 61, 62, 63, 64, 65, 120, 128):
        n = (1 << bits) - 1
        m = -n - 1
        edges.append(n + m)
    return edges


def huge():
    n = 1 << 10_000
    n -= 1
    n = -n
    n >>= 9_950
    return n


def growing():
    n = 1
    for i in range(70):
        n *= -3
    return n


def real():
    zero, negative = 0.0, -0.0
    same = zero == negative
    zero = negative
    infinite = math.inf
    infinite = -infinite
    nothing = math.nan
    tiny = 5e-324
    tiny /= 2
    large = 1.7976931348623157e308
    large *= 10
    third = 1 / 3
    return same, third


def alike():
    x = 1
    x = 1.0
    x = True
    x = 1 + 0j
    x = complex(-0.0, math.nan)
    x = "1"
    x = b"1"
    x = (1,)
    x = [1]
    return x


def mixed():
    values = [1, 1.0, True, 1j]
    values[0] = True
    values[1] = 1
    values[2] = 1.0
    values[3] = complex(0, 1)
    values[3] = complex(-0.0, 1)
    return values


whole()
huge()
growing()
real()
alike()
mixed()
