"""What readers say of attributes of classes: as Python looks them up, and no further than is known."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder import errors
from recorder.cli import main
from recorder.trace.lookup import Lookup
from recorder.trace.reader import Trace, open_trace
from recorder.trace.values.differences import what_changed

TraceOf = Callable[[Path], Path]

SEEN_BY = "carts_of_test.py"
PROGRAM = """\
class Lone:
    number = 1
class Base:
    items = []
    kind = "base"
    level = 1
class Cart(Base):
    total = 0
    level = 2
    def __init__(self, n):
        self.n = n
    @property
    def worth(self):
        return 1
    def add(self, m):
        Cart.total += m
        self.items.append(m)
        seen = self.total, self.kind, self.level, self.worth, self.items
        return seen
def main():
    first = Cart(7)
    first.add(1)
    second = Cart(8)
    second.total = 50
    second.add(2)
    return first
main()
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: TraceOf) -> Path:
    program = tmp_path_factory.mktemp("class_attributes") / SEEN_BY
    program.write_text(PROGRAM)
    return trace_of(program)


@pytest.fixture
def trace(path: Path) -> Iterator[Trace]:
    with open_trace(path) as opened:
        yield opened


def returns(trace: Trace) -> list[int]:
    """Where `add` returned."""
    return [event.seq for event in trace.find("return", function="Cart.add")]


ASKED: dict[str, list[str]] = {
    "self.n": ["7", "8"],
    "self.total": ["1", "50"],
    "Cart.total": ["1", "3"],
    "self.kind": ["'base'", "'base'"],
    "self.level": ["2", "2"],
    "Base.level": ["1", "1"],
    "self.items": ["[1]", "[1, 2]"],
    "Cart.items[0]": ["1", "1"],
    "self.items == Base.items and self.total < 4": ["True", "False"],
    "type(self).total": ["1", "3"],
    "self.__class__.kind": ["'base'", "'base'"],
    "self.worth": ["unknown: self.worth is what only code of Cart could tell"] * 2,
    "self.add": ["unknown: self.add is what only code of Cart could tell"] * 2,
    "self.nothing": ["unknown: self has no nothing of its own that is recorded"] * 2,
}


@pytest.mark.parametrize("asked", ASKED)
def test_an_expression(asked: str, trace: Trace) -> None:
    found = [trace.evaluate(asked, trace.at(seq).event).show() for seq in returns(trace)]
    assert found == ASKED[asked]


@pytest.mark.parametrize(
    ("asked", "shown", "note"),
    [
        ("self.total", "1", "of class Cart"),
        ("self.items", "[1]", "of class Base"),
        ("self.worth", "property(<function __main__.Cart.worth>, None, None)", "of class Cart"),
        ("Cart.kind", "'base'", "of class Base"),
    ],
)
def test_a_path(asked: str, shown: str, note: str, trace: Trace) -> None:
    found = Lookup(trace, trace.at(returns(trace)[0]).event).find(asked)
    assert (found.show(), found.note) == (shown, note)


def test_a_watch_follows_the_class(trace: Trace) -> None:
    told = [
        (one.old and one.old.show(), one.new.show(), one.change.line)
        for one in trace.watch("Cart.total")
    ]
    line = PROGRAM.splitlines().index("        Cart.total += m") + 1
    assert told == [(None, "0", told[0][2]), ("0", "1", line), ("1", "3", line)]
    own = [(one.new.show(), one.change.class_name) for one in trace.watch("self.total")]
    assert own == [("0", "Cart"), ("1", "Cart"), ("50", None), ("3", "Cart")]


def test_a_check_fails_where_the_class_changes(trace: Trace) -> None:
    failed = trace.check("Cart.total < 3").failed
    assert failed is not None
    assert (failed.change.class_name, failed.new.show()) == ("Cart", "False")


def test_why_goes_to_the_line_that_wrote_it(trace: Trace) -> None:
    seq = returns(trace)[0]
    for asked in ("self.total", "Cart.total"):
        step = trace.why(asked, seq)[0]
        assert PROGRAM.splitlines()[step.line - 1].strip() == "Cart.total += m"
        assert step.value.show() == "1"
    assert trace.why("self.items", seq)[0].how == "changed"


def test_the_commands(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(path), "Cart.total", "--json"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(one["module"], one["value"]) for one in lines] == [
        ("__main__.Cart", 0), ("__main__.Cart", 1), ("__main__.Cart", 3),
    ]  # fmt: skip
    assert main(["print", str(path)]) == 0
    assert "Cart.total = 1" in capfd.readouterr().out
    at = f"{SEEN_BY}:{PROGRAM.splitlines().index('        return seen') + 1}"
    assert main(["find", str(path), "--at", at, "--when", "self.total == 1"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 1
    assert main(["history", str(path), "Cart.totl"]) == 2
    assert "did you mean Cart.total" in capfd.readouterr().err


def test_it_is_exported(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["export", "--to", "jsonl", "-o", str(out), str(path)]) == 0
    changes = [
        change
        for line in out.read_text().splitlines()
        for change in json.loads(line).get("globals", ())
        if change["name"] == "total" and "found" not in change
    ]
    assert [(one["module"], one["value"], one["function"]) for one in changes] == [
        ("__main__.Cart", 1, "Cart.add"), ("__main__.Cart", 3, "Cart.add"),
    ]  # fmt: skip


LEFT_OUT = """\
class Inner:
    total = 0
    def __init__(self):
        self.total = 5
class Holder:
    def __init__(self, inner):
        self.inner = inner
def use(nest):
    return nest
def main():
    one = Holder(Inner())
    for _ in range(5):
        one = [one]
    use(one)
main()
"""


@pytest.mark.provokes("NOT_IN_TRACE")
def test_of_an_instance_that_was_left_out_nothing_is_told(
    tmp_path: Path, trace_of: TraceOf
) -> None:
    """Its class has an attribute of the name; it may have another."""
    program = tmp_path / "left_out_of_its_value.py"
    program.write_text(LEFT_OUT)
    asked = "nest[0][0][0][0][0].inner.total"
    with open_trace(trace_of(program)) as trace:
        kinds = [hit.kind for hit in trace.hits("call", function="use", when=f"{asked} >= 0")]
        event = next(trace.find("call", function="use"))
        answer = trace.evaluate(asked, event)
        with pytest.raises(errors.NotInTraceError, match="only the size is recorded"):
            Lookup(trace, event).find(asked)
        why = trace.why(asked, event.seq)
    assert kinds == ["maybe"]
    assert (
        answer.kind == "unknown"
        and "was left out of a value that is large or deep" in answer.reason
    )
    assert why[0].value.kind == "unknown"
    assert {one.value.show() for one in why if one.value.kind == "known"} == {"5"}  # by other names


IN_COMMON = """\
class Stock:
    levels = {"tea": 3}
    total = 0
    def __init__(self):
        self.sold = []
    def take(self, n):
        self.levels["tea"] -= n
        self.sold.append(n)
        Stock.total += n
        return self.total
    def own(self, n):
        self.total = n
        Stock.total += n
        self.total += n
        return self.total
def main():
    one = Stock()
    one.take(1)
    one.take(2)
    one.own(5)
main()
"""


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("self.levels", [7, 7]),
        # Of the class, of the class, then the instance has one of its own: that, the class's, and that again.
        ("self.total", [9, 9, 12, 13, 14]),
    ],
)
def test_a_change_of_what_instances_have_in_common_is_told_once(
    asked: str, lines: list[int], tmp_path: Path, trace_of: TraceOf
) -> None:
    program = tmp_path / "in_common.py"
    program.write_text(IN_COMMON)
    with open_trace(trace_of(program)) as trace:
        found = [one for one in trace.watch(asked, of="Stock") if one.old is not None]
    assert [one.change.line for one in found if not one.is_last] == lines


# ---- of classes that are derived from built-in ones ----------------------------------------------

BASES = {
    "object": "",
    "slots": "",
    "dict": "{'a': 1}",
    "list": "[1]",
    "tuple": "(1, 2)",
    "str": "'text'",
    "bytes": "b'text'",
    "int": "300",
    "float": "1.5",
    "set": "{1}",
    "frozenset": "{1}",
    "bytearray": "b'text'",
    "Exception": "'text'",
    "collections.Counter": "'abc'",
    "collections.OrderedDict": "a=1",
    "collections.defaultdict": "list",
    "collections.deque": "[1]",
    "datetime.timedelta": "1",
    "decimal.Decimal": "'1.5'",
    "fractions.Fraction": "1, 2",
    "pathlib.PurePosixPath": "'a/b'",
}
OWN = """\
class Kind_{name}({base}):
    level = 1
    {slots}
def {name}():
    a = Kind_{name}({arguments})
    {first}
    {then}
    b = Kind_{name}({arguments})
    Kind_{name}.level = 9
    return a, b
{name}()
"""


def own_text() -> str:
    imports = "import collections, datetime, decimal, fractions, pathlib\n"
    return imports + "".join(map(own_of, BASES))


def function_for(base: str) -> str:
    return f"of_{base.replace('.', '_')}"


def own_of(base: str) -> str:
    slots = base == "slots"
    return OWN.format(
        name=function_for(base),
        base="object" if slots else base,
        arguments=BASES[base],
        slots="__slots__ = ('own',)" if slots else "",
        first="a.own = 2" if slots else "a.level = 2",
        then="a.own += 5" if slots else "a.level += 5",
    )


@pytest.fixture(scope="module")
def own_ones(tmp_path_factory: pytest.TempPathFactory, trace_of: TraceOf) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("own") / "own_ones.py"
    program.write_text(own_text())
    with open_trace(trace_of(program)) as trace:
        yield trace


@pytest.mark.parametrize("base", BASES)
def test_an_attribute_of_its_own_is_not_the_classs(own_ones: Trace, base: str) -> None:
    trace, main = own_ones, function_for(base)
    asked = "a.own" if base == "slots" else "a.level"
    (end,) = (one.seq for one in trace.find("return", function=main))
    lines = own_text().splitlines()
    for path, line, shown in ((asked, "+= 5", "7"), ("b.level", f"Kind_{main}.level = 9", "9")):
        step = trace.why(path, end)[0]
        assert lines[step.line - 1].endswith(line)
        assert step.value.show() == shown
    told = [(one.old and one.old.show(), one.new.show()) for one in trace.watch(asked, main)]
    assert [new for _, new in told][-2:] == ["2", "7"] and told[-1][0] == "2"
    told = [(one.old and one.old.show(), one.new.show()) for one in trace.watch("b.level", main)]
    assert told[-1] == ("1", "9")
    values = [one.changed["a"]._tree for one in trace.find(function=main) if "a" in one.changed]
    for old, new in itertools.pairwise(values):
        assert [part.named("a") for part in what_changed(old, new)] == [asked]
