"""Enums, named tuples, dates, ranges, slices, functions, classes, modules: values that are more than their content."""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import math
import pathlib
import typing
import uuid


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Pair(typing.NamedTuple):
    left: int
    right: list = []


Old = collections.namedtuple("Old", "a b")


def enums():
    colour = Colour.RED
    colour = Colour("g")
    rights = Rights.READ
    rights |= Rights.WRITE
    size = Size.SMALL
    size = size + 1
    return colour, rights, size


def tuples():
    pair = Pair(1, [2])
    pair.right.append(3)
    pair = pair._replace(left=None)
    old = Old(1, b=pair)
    return old


def times():
    day = datetime.date(2024, 2, 29)
    day += datetime.timedelta(days=1)
    moment = datetime.datetime(2024, 1, 1, 12, 30, tzinfo=datetime.UTC)
    moment = moment.replace(microsecond=5)
    span = moment - datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
    return day.isoformat(), span.days


def names():
    function = names
    function = len
    function = [].append
    function = functools.partial(int, base=2)
    function = Colour
    function = Pair.__new__
    module = math
    kind = type(None)
    method = Colour.RED.__init__
    return module.pi > 3, kind


def pieces():
    span = range(0, 10, 3)
    span = span[1:]
    cut = slice(None, -1)
    dots = ...
    nothing = NotImplemented
    return list(span), [1, 2, 3][cut]


def foreign():
    exact = decimal.Decimal("1.10")
    exact *= 2
    third = fractions.Fraction(1, 3)
    path = pathlib.PurePosixPath("/a") / "b"
    known = uuid.UUID(int=5)
    return str(exact), str(third), str(path), known.int


enums()
tuples()
times()
names()
pieces()
foreign()
