"""What does not change a value is not told as a change of it, whatever CPython computes and keeps on the way."""

from __future__ import annotations

from collections import Counter

import recorder
from tests.conftest import Run

PROGRAM = """
import array, collections, copy, dataclasses, datetime, decimal, enum, fractions, json, operator
import pickle, types, uuid, weakref

def text(*parts):
    return "".join(parts)        # has no hash yet

class Plain:
    def __init__(self, value): self.value = value
class Slotted:
    __slots__ = ("value", "__weakref__")
    def __init__(self, value): self.value = value
@dataclasses.dataclass(frozen=True)
class Frozen:
    value: object
class Color(enum.Enum):
    RED = "r"
class Bits(enum.IntFlag):
    A = 1
    B = 2
class Text(str): pass
class Number(int): pass
class Items(list): pass
class Names(dict): pass
class Pair(tuple): pass
class Failure(Exception): pass
Point = collections.namedtuple("Point", "x y")

VALUES = [
    lambda: text("short"), lambda: text("a"), lambda: text(), lambda: text("x" * 40, "y"), lambda: text("z" * 3000),
    lambda: text("\\u00e4\\u20ac", "b"), lambda: text("\\U0001f600"), lambda: text("\\ud800", "c"),
    lambda: b"bytes" * 2, lambda: bytearray(b"array"), lambda: 10 ** 40, lambda: -7, lambda: 1.5,
    lambda: float("nan"),
    lambda: 1 + 2j, lambda: None, lambda: True, lambda: ..., lambda: range(3), lambda: slice(1, 2),
    lambda: [text("in", "list"), 1], lambda: (text("in", "tuple"), 2),
    lambda: {"k": text("in", "dict")},
    lambda: {text("a", "key"): 1}, lambda: {text("in", "set")}, lambda: frozenset([text("in", "frozenset")]),
    lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), lambda: datetime.date(2024, 1, 2),
    lambda: datetime.time(1, 2), lambda: datetime.timedelta(1), lambda: Color.RED,
    lambda: Bits.A | Bits.B,
    lambda: Point(text("named", "tuple"), 1), lambda: Plain(text("in", "instance")),
    lambda: Slotted(text("in", "slots")),
    lambda: Frozen(text("in", "dataclass")), lambda: Failure(text("in", "exception")),
    lambda: Text(text("sub", "class")),
    lambda: Number(5), lambda: Items([text("in", "items")]), lambda: Names(a=text("in", "names")),
    lambda: Pair([text("in", "pair")]), lambda: collections.OrderedDict(a=text("ordered")),
    lambda: collections.defaultdict(list, a=text("default")), lambda: collections.Counter([text("counted")]),
    lambda: collections.deque([text("in", "deque")]), lambda: decimal.Decimal("1.5"), lambda: fractions.Fraction(1, 3),
    lambda: uuid.UUID(int=5), lambda: array.array("i", [1, 2]), lambda: text, lambda: Plain,
    lambda: json, lambda: [].append,
    lambda: types.SimpleNamespace(a=text("in", "namespace")), lambda: types.MappingProxyType({"a": text("proxied")}),
    lambda: Plain([{"deep": (text("very", "deep"), Slotted(text("deeper")))}]), lambda: memoryview(b"view"),
    lambda: type(text("Dyn", "amic"), (), {"a": 1})(), lambda: type(text("Dyn", "amic"), (dict,), {})(a=text("b")),
]
WRAPPED = [lambda v: v, lambda v: [v], lambda v: {"key": v}, lambda v: (v, [v]), Plain, Slotted]

def parts(v, depth=0):
    yield v
    if depth < 5 and isinstance(v, (list, tuple, set, frozenset, collections.deque)):
        for item in v: yield from parts(item, depth + 1)
    elif depth < 5 and isinstance(v, dict):
        for key, item in v.items():
            yield key
            yield from parts(item, depth + 1)
    elif depth < 5 and isinstance(v, (Plain, Slotted, Frozen)):
        yield from parts(v.value, depth + 1)

def everything(v):
    for part in parts(v):
        for do in SINGLE:
            try: do(part)
            except Exception: pass

SINGLE = [
    hash, repr, str, len, bool, dir, vars, id, type, copy.copy, copy.deepcopy, pickle.dumps, json.dumps,
    sorted, list, format, callable, weakref.ref, operator.index, lambda v: v == v, lambda v: v != copy.copy(v),
    lambda v: v < v, lambda v: {v: 1},
    lambda v: v in {v}, lambda v: v in [v], lambda v: iter(v), lambda v: f"{v!r:>9}",
    lambda v: isinstance(v, str),
    lambda v: v.encode(), lambda v: v.__reduce_ex__(4), lambda v: getattr(v, "value", None),
    lambda v: v.__dict__,
    lambda v: v.__doc__, lambda v: v.upper(), lambda v: v * 1, lambda v: pickle.loads(pickle.dumps(v)),
    lambda v: v.__class__,
    lambda v: dict.get({}, v), lambda v: setattr(Plain(1), v, 1), lambda v: v.__sizeof__(),
    lambda v: v.__hash__(), lambda v: hash(type(v).__name__),
]

def use(value, number):
    done = 0
    everything(value)
    done = 1
    everything(value)
    done = 2
    return number

for make in VALUES:
    for number, wrap in enumerate(WRAPPED):
        use(wrap(make()), number)
"""


def test_no_operation_that_changes_nothing_is_told(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM)
    assert result.status == 0, result.stderr
    told: Counter[tuple[int, str]] = Counter()
    values = 0
    with recorder.open_trace(result.trace) as trace:
        for event in trace.find(function="use"):
            if event.kind == "call":
                values += 1
            elif "value" in event.changed:
                told[event.seq, event.locals["value"].show(80)] += 1
    assert values > 300
    assert not told, "\n".join(f"{seq} {shown}" for seq, shown in sorted(told))
