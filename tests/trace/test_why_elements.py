"""`trace.why` of what a loop came to: on to the element that it was, and to who put or changed that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.trace.reader import Trace, open_trace

PROGRAM = """\
class Order:
    def __init__(self, name):
        self.name = name
        self.state = "new"

class Shop:
    def __init__(self):
        self.orders = []
        self.tables = [{"a": 1}, {"b": 2}]
    def add(self, name):
        made = Order(name)
        self.orders.append(made)
        return made
    def pay(self, number):
        self.orders[number].state = "paid"
    def widen(self):
        self.tables[1]["c"] = 3
    def look(self):
        for order in self.orders:
            if order.name == "second":
                break
        for table in self.tables:
            if "c" in table:
                break
        for _, kept in [(1, {}), (2, table)]:
            last = kept
        names = [each for each in self.orders if each.state == "paid"]
        pairs = [(one.name, one) for one in self.orders]
        for name, held in pairs:
            if name == "second":
                break
        return order, table, last, names, held

shop = Shop()
for name in ("first", "second", "third"):
    shop.add(name)
shop.pay(1)
shop.pay(2)
shop.widen()
shop.look()
"""


@pytest.fixture(scope="module")
def trace(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("elements") / "elements.py"
    program.write_text(PROGRAM)
    with open_trace(trace_of(program)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "element", "line"),
    [
        ("order", "self.orders[1]", 'self.orders[number].state = "paid"'),
        ("order.state", "self.orders[1].state", 'self.orders[number].state = "paid"'),
        ("order.name", "self.orders[1].name", "self.name = name"),
        ("table['c']", "self.tables[1]['c']", 'self.tables[1]["c"] = 3'),
        ("table['b']", "self.tables[1]['b']", 'self.tables = [{"a": 1}, {"b": 2}]'),
        ("held.state", "pairs[1][1].state", 'self.orders[number].state = "paid"'),
    ],
)
def test_on_to_the_element_that_it_was(trace: Trace, name: str, element: str, line: str) -> None:
    steps = trace.why(name, function="Shop.look")
    assert [step.how for step in steps[:1]] == ["element"] and steps[1].name == element
    assert line in [PROGRAM.splitlines()[step.line - 1].strip() for step in steps]


RETURNED = """\
class State:
    def __init__(self):
        self.calls = ["log"]
class Machine:
    def __init__(self):
        self.states = {"open": State(), "shut": State()}
    def state_of(self, name):
        return self.states[name]
    def add(self, name, call):
        self.states[name].calls.append(call)
def work(machine):
    machine.add("shut", "late")
    found = machine.state_of("shut")
    return found
work(Machine())
"""


def test_on_through_a_key_of_what_was_returned(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "returned_by_key.py"
    program.write_text(RETURNED)
    with open_trace(trace_of(program)) as trace:
        steps = trace.why("found.calls", function="work")
        assert [step.name for step in steps[:2]] == ["found.calls", "self.states['shut'].calls"]
        assert [(one.text, str(one.value.tree)) for one in steps[0].keys] == [("name", "shut")]
        last = RETURNED.splitlines()[steps[-1].line - 1].strip()
        assert last == "self.states[name].calls.append(call)"
