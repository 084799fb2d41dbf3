"""Instances that change in place: attributes set and deleted, slots, dataclasses, nesting, one in another."""

import dataclasses


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def move(self, dx):
        self.x += dx


@dataclasses.dataclass
class Order:
    number: int
    items: list = dataclasses.field(default_factory=list)
    total: float = 0.0

    def add(self, name, price):
        self.items.append(name)
        self.total += price
        return self


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int
    b: tuple = ()


class Node:
    def __init__(self, value, parent=None):
        self.value = value
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


def points():
    p = Point(1, 2)
    p.move(3)
    p.y = None
    del p.y
    q = p
    q.x = "shared"
    return p.x


def orders():
    order = Order(1)
    order.add("a", 1.5).add("b", 2.25)
    order.extra = {"k": [1]}
    order.extra["k"].append(2)
    copy = dataclasses.replace(order, number=2)
    return copy


def frozen():
    one = Frozen(1, (2, 3))
    try:
        one.a = 2
    except dataclasses.FrozenInstanceError as error:
        return error.args


def trees():
    root = Node(1)
    left = Node(2, root)
    Node(3, left)
    left.value = "changed below"
    return len(root.children)


def by_dict():
    node = Node("n")
    node.__dict__["hidden"] = 5
    node.__dict__.update(value=6)
    vars(node).pop("children")
    setattr(node, "dynamic", True)
    return sorted(vars(node))


points()
orders()
frozen()
trees()
by_dict()
