"""Lambdas and functions as values: nested, immediate, recursive, with defaults, in containers, partial."""

import functools

double = lambda x: x * 2  # noqa: E731
compose = lambda *fs: functools.reduce(lambda f, g: lambda x: f(g(x)), fs)  # noqa: E731
factorial = lambda n: 1 if n < 2 else n * factorial(n - 1)  # noqa: E731


def table():
    actions = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "neg": lambda a, _=None: -a}
    results = {}
    for name, action in actions.items():
        results[name] = action(5, 3)
    return results


def late_and_early():
    late = [lambda: i for i in range(3)]
    early = [lambda j=j: j for j in range(3)]
    return [f() for f in late], [f() for f in early]


def conditional(flag):
    chosen = (lambda: "yes") if flag else (lambda: "no")
    return (
        chosen()
        + (lambda s: s.upper())("x")
    )


def lazily():
    things = (f(3) for f in (double, lambda x: [x], str))
    return next(things), list(things)


def fixed():
    power = functools.partial(pow, 2)
    add = functools.partial(lambda a, b, c=0: a + b + c, 1, c=5)
    return power(5), add(2)


compose(double, lambda x: x + 1, double)(3)
factorial(4)
table()
late_and_early()
conditional(True)
conditional(False)
lazily()
fixed()
