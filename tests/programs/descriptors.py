"""Attribute access that runs code: properties, descriptors, __getattr__, __getattribute__, __set_name__, __call__."""

import functools


class Checked:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name, 0)

    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(value)
        setattr(instance, self.name, value)

    def __delete__(self, instance):
        delattr(instance, self.name)


class Account:
    balance = Checked()

    def __init__(self, balance):
        self.balance = balance

    @property
    def doubled(self):
        return self.balance * 2

    @doubled.setter
    def doubled(self, value):
        self.balance = value // 2

    @functools.cached_property
    def expensive(self):
        return [self.balance]


class Proxy:
    def __init__(self, target):
        self.target = target

    def __getattr__(self, name):
        found = getattr(self.target, name)
        return found

    def __setattr__(self, name, value):
        if name != "target":
            raise AttributeError(name)
        super().__setattr__(name, value)


class Loud:
    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        return found

    def __dir__(self):
        return ["only"]

    def __call__(self, *args):
        return len(args)


def accounts():
    account = Account(5)
    account.balance = account.balance + 1
    try:
        account.balance = -1
    except ValueError as error:
        refused = error.args
    account.doubled = 20
    twice = account.doubled
    first = account.expensive
    second = account.expensive
    del account.balance
    return refused, twice, first is second, account.balance


def proxies():
    proxy = Proxy(Account(3))
    value = proxy.balance
    try:
        proxy.other = 1
    except AttributeError:
        pass
    return value, hasattr(proxy, "nothing")


def loud():
    thing = Loud()
    thing.x = 1
    return thing.x, dir(thing), thing(1, 2), callable(thing)


accounts()
proxies()
loud()
