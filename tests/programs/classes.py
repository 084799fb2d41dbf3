"""Class bodies, methods, properties, inheritance, metaclasses."""


class Base:
    kind = "base"
    numbers = [n for n in (1, 2)]

    def __init__(self, x):
        self.x = x

    def area(self):
        return self.x * 2

    @property
    def double(self):
        return self.area() * 2


class Meta(type):
    def __new__(mcls, name, bases, body):
        marked = len(bases)
        cls = super().__new__(mcls, name, bases, body)
        cls.marked = marked
        return cls


class Child(Base, metaclass=Meta):
    kind = "child"

    def area(self):
        inner = super().area()
        return inner + 1

    @classmethod
    def make(cls, x):
        return cls(x)

    @staticmethod
    def helper(a, *rest, key=None, **more):
        total = a + sum(rest)
        return total, key, more


def use():
    child = Child.make(3)
    area = child.area()
    twice = child.double
    helped = Child.helper(1, 2, 3, key="k", other=4)
    return area, twice, helped


use()
