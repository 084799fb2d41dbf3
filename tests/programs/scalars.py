"""Every scalar, changing and not changing."""


def numbers(n):
    total = 0
    ratio = 1.0
    big = 1
    flag = False
    nothing = None
    for i in range(n):
        total += i * i
        ratio = ratio / 3 - 0.5
        big *= 10**9
        flag = not flag
        if i == 3:
            nothing = i
        elif i == 5:
            nothing = None
    return total, ratio, big, flag, nothing


def edges():
    values = [0, -1, 95, 96, -32, -33, 2**30, 2**60 - 1, 2**60, -(2**60), 2**63, -(2**63), 2**64, 10**40, -(10**40)]
    for value in values:
        double = value * 2
    zero = -0.0
    infinite = float("inf")
    minus = -infinite
    nan = infinite + minus
    c = complex(1.5, -0.0)
    e = ...
    n = NotImplemented
    return double, zero, c, e, n, nan != nan


numbers(12)
edges()
