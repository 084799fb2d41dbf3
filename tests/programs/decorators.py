"""Decorators: with and without arguments, stacked, as classes, of classes, of methods, keeping state, caching."""

import functools


def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


def repeat(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            result = []
            for _ in range(times):
                result.append(function(*args))
            return result

        return wrapper

    return decorate


class Traced:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.log = []

    def __call__(self, *args):
        self.log.append(args)
        return self.function(*args)

    def __get__(self, instance, owner):
        return functools.partial(self, instance)


def registered(cls):
    cls.registry = [cls.__name__]
    return cls


@counted
@repeat(times=2)
def greet(name):
    return "hi " + name


@registered
class Shape:
    @Traced
    def area(self, n):
        return n * n

    @property
    @counted
    def sides(self):
        return 4

    @classmethod
    @counted
    def make(cls):
        return cls()

    @staticmethod
    @repeat(1)
    def helper(x):
        return x


@functools.lru_cache(maxsize=2)
def cached(n):
    computed = n * 10
    return computed


@functools.singledispatch
def show(value):
    return "thing"


@show.register
def _(value: int):
    return "int"


@show.register(list)
def _(value):
    return [show(item) for item in value]


greet("a")
shape = Shape.make()
shape.area(3)
shape.sides
Shape.helper(5)
[cached(n) for n in (1, 2, 1, 3, 1)]
show([1, "x", [2]])
