"""Special methods that operators, statements and built-in functions call, among them those called from C."""

import functools
import operator


@functools.total_ordering
class Money:
    def __init__(self, amount):
        self.amount = amount

    def __add__(self, other):
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.amount + other.amount)

    def __radd__(self, other):
        return Money(self.amount + other)

    def __iadd__(self, other):
        self.amount += other
        return self

    def __neg__(self):
        return Money(-self.amount)

    def __eq__(self, other):
        return self.amount == other.amount

    def __lt__(self, other):
        return self.amount < other.amount

    def __hash__(self):
        return hash(self.amount)

    def __bool__(self):
        return self.amount != 0

    def __repr__(self):
        return f"Money({self.amount})"

    def __format__(self, how):
        return how + str(self.amount)

    def __index__(self):
        return self.amount


class Bag:
    def __init__(self, *items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, key):
        return self.items[key]

    def __setitem__(self, key, value):
        self.items[key] = value

    def __delitem__(self, key):
        del self.items[key]

    def __contains__(self, item):
        return item in self.items

    def __reversed__(self):
        return iter(self.items[::-1])

    def __matmul__(self, other):
        return Bag(*(a for a in self.items for b in other.items if a == b))


def arithmetic():
    money = Money(1) + Money(2)
    money += 5
    total = sum([Money(1), Money(2)])
    negative = -money
    try:
        money + "x"
    except TypeError:
        refused = True
    return money.amount, total.amount, negative.amount, refused


def comparing():
    many = [Money(3), Money(1), Money(2)]
    ordered = sorted(many)
    largest = max(many)
    groups = {money: money.amount for money in many}
    return [m.amount for m in ordered], largest.amount, len(groups), Money(1) in groups, Money(2) >= Money(1)


def showing():
    money = Money(7)
    return repr(money), f"{money:$}", f"{money!r}", str([money]), "yes" if money else "no", range(9)[money]


def holding():
    bag = Bag(1, 2, 3)
    bag[0] = "first"
    del bag[1]
    common = bag @ Bag(3)
    first, last = bag
    return len(bag), 3 in bag, list(reversed(bag)), bag[::2], common.items, operator.length_hint(bag), first, last


arithmetic()
comparing()
showing()
holding()
