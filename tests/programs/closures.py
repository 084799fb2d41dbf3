"""Cells, nonlocal, defaults, decorators, lambdas."""

import functools


def counter():
    n = 0

    def step(by=1):
        nonlocal n
        n += by
        return n

    return step


def logged(function):
    calls = []

    @functools.wraps(function)
    def wrapper(*args):
        calls.append(args)
        result = function(*args)
        return result, len(calls)

    return wrapper


@logged
def add(a, b):
    return a + b


def late():
    functions = [lambda x, i=i: x * i for i in range(3)]
    return [f(10) for f in functions]


def shadow(x):
    def inner():
        return x

    x = x + 1
    before = inner()
    del x
    return before


step = counter()
step()
step(5)
add(1, 2)
add(3, 4)
late()
shadow(1)
