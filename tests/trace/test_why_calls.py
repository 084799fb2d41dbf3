"""`trace.why` of what came of calls within a line: arguments, elements, branches, managers of `with`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorder
from recorder.trace.reader import Trace
from tests.conftest import Run

PROGRAM = """\
import asyncio, contextlib

def low(n):
    return n - 1

def high(n):
    return n + 1

def both(x, y=0):
    z = x * 10 + y
    return z

class Box:
    def __init__(self, size):
        self.size = size
    def doubled(self):
        return Wide(self.size * 2)
    def get(self):
        return self.size

class Wide(Box):
    pass

def measured(box, times):
    return box.size * times

class Pool:
    def __init__(self):
        self.free = ["a", "b"]
    def __enter__(self):
        one = self.free.pop()
        return one
    def __exit__(self, *exc):
        pass
    async def __aenter__(self):
        await asyncio.sleep(0)
        first = self.free[0]
        return first
    async def __aexit__(self, *exc):
        pass

class Itself:
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        pass

@contextlib.contextmanager
def opened(name):
    handle = {"name": name.upper()}
    yield handle

@contextlib.asynccontextmanager
async def later(word):
    await asyncio.sleep(0)
    twice = word * 2
    yield twice

def squares(n):
    for i in range(n):
        yield i * i

def counting():
    hits = 0
    def hit():
        nonlocal hits
        hits += 1
        return hits
    hit(); hit()
    return hits

def steps(n):
    return n if n < 2 else steps(n - 1) + steps(n - 2)

def gone(n):
    return n - n

def token(n):
    return "t" * n

def hidden():
    kept = [token(5), low(8), gone(3)]
    return kept

def values():
    summed = low(3) + high(7)
    first = both(low(4)) + both(low(8), y=low(2))
    nested = both(both(low(5)), high(1))
    table = {"k": low(6), "j": [high(6), low(9)]}
    unsure = low(1) if summed < 0 else high(20)
    either = low(1) or high(30)
    rows = []
    rows.append(high(40))
    table.setdefault("z", []).append(low(60))
    made = Box(low(70))
    wide = Box(35).doubled()
    area = measured(Wide(low(90)), low(4))
    text = f"{low(5)}-{high(5)}"
    plain = 17
    first, *others = squares(4)
    counted = counting()
    climbed = steps(2)
    word = "x"
    same = (lambda given: given)(word)
    total = 5
    total += low(90)
    for square in squares(3):
        kept = square
    with Pool() as one, opened("log") as handle:
        pass
    with Itself() as itself:
        pass
    return summed

async def prices():
    for price in (3, 4):
        await asyncio.sleep(0)
        yield price

async def streamed():
    stream = prices()
    paid = await anext(stream) + await anext(stream)
    return paid

async def awaited():
    async with later("x") as word, Pool() as letter:
        pass
    return word

hidden()
values()
asyncio.run(awaited())
asyncio.run(streamed())
"""


def opened(
    factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path], name: str, text: str
) -> Iterator[Trace]:
    program = factory.mktemp("calls") / name
    program.write_text(text)
    with recorder.open_trace(trace_of(program)) as found:
        yield found


@pytest.fixture(scope="module")
def trace(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    yield from opened(tmp_path_factory, trace_of, "values_of_calls.py", PROGRAM)


def last_of(trace: Trace, function: str) -> int:
    (end,) = trace.find("return", function=function)
    return end.seq


# What is asked for, and the lines of the way back, as they stand in the program.
WAYS: list[tuple[str, list[str]]] = [
    ("summed", ["summed = low(3) + high(7)"]),
    ("table['k']", ['table = {"k": low(6), "j"', 'table = {"k": low(6), "j"']),
    ("table['j'][0]", ['table = {"k"', 'table = {"k"']),
    ("table['j'][1]", ['table = {"k"', 'table = {"k"']),
    ("unsure", ["unsure = low(1) if", "unsure = low(1) if"]),
    ("either", ["either = low(1) or", "either = low(1) or"]),
    ("rows[0]", ["rows.append(high(40))", "rows.append(high(40))"]),
    ("table['z'][0]", ['table.setdefault("z"', 'table.setdefault("z"']),
    ("made.size", ["made = Box(low(70))", "self.size = size", "made = Box", "made = Box"]),
    ("wide.size", ["wide = Box(35)", "self.size = size", "return Wide(self.size * 2)"]),
    ("one", ["with Pool() as one", "one = self.free.pop()"]),
    ("handle['name']", ["with Pool() as one, opened", 'handle = {"name"', "with Pool() as one, op"]),
    ("itself", ["with Itself() as itself"]),
    ("plain", ["plain = 17"]),
    ("counted", ["counted = counting()", "hit(); hit()", "hits += 1", "def hit", "hits = 0"]),
    ("same", ["same = (lambda", "same = (lambda"]),
    ("total", ["total += low(90)", "total = 5"]),
    ("kept", ["kept = square", "for square in squares(3)", "for i in range(n)"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lines"), WAYS, ids=[name for name, _ in WAYS])
def test_the_way_back(trace: Trace, name: str, lines: list[str]) -> None:
    steps = trace.why(name, last_of(trace, "values"))
    told = [PROGRAM.splitlines()[step.line - 1].strip() for step in steps]
    assert [line.startswith(start) for line, start in zip(told, lines, strict=False)] == [
        True
    ] * len(lines), told


@pytest.mark.parametrize(
    ("name", "line"),
    [("word", "twice = word * 2"), ("letter", "first = self.free[0]")],
)
def test_what_was_awaited_to_enter(trace: Trace, name: str, line: str) -> None:
    _, second, *_ = trace.why(name, last_of(trace, "awaited"))
    assert PROGRAM.splitlines()[second.line - 1].strip() == line


# The function, a parameter, and of each of its calls the text that gave it, and what ended there: the number n.
GIVEN: list[tuple[str, str, list[str]]] = [
    ("both", "x", ["low(4)", "low(8)", "low(5)", "both(low(5))"]),
    ("both", "y", ["", "low(2)", "", "high(1)"]),
    ("measured", "times", ["low(4)"]),
]


@pytest.mark.parametrize(("function", "name", "texts"), GIVEN)
def test_what_each_call_was_given(trace: Trace, function: str, name: str, texts: list[str]) -> None:
    calls = list(trace.find("call", function=function))
    assert len(calls) == len(texts)
    for call, text in zip(calls, texts, strict=True):
        first, *rest = trace.why(name, call.seq)
        if not text:
            assert first.how == "default"
            continue
        assert first.text == text
        assert first.inner is not None and first.inner.seq < call.seq
        assert first.inner.value == call.locals[name]
        assert rest[0].name == ("z" if text.startswith("both") else "n")


def test_a_part_of_what_was_made_for_a_call(trace: Trace) -> None:
    (call,) = trace.find("call", function="measured")
    names = [step.name for step in trace.why("box.size", call.seq)]
    assert names[:3] == ["box.size", "self.size", "size"]


def test_of_calls_that_make_a_value_together_each_is_told(trace: Trace, recorder_says: Run) -> None:
    end = last_of(trace, "values")
    (step,) = trace.why("summed", end)
    assert [one.value for one in step.calls] == [2, 8]
    (step,) = trace.why("text", end)
    assert [one.function.name for one in step.calls] == ["low", "high"]
    assert trace.why("plain", end)[0].calls == ()
    (step,) = trace.why("others", end)
    assert [(one.kind, one.value) for one in step.calls] == [
        ("yield", 1),
        ("yield", 4),
        ("yield", 9),
    ]
    (step,) = trace.why("climbed", end)
    assert [one.value for one in step.calls] == [1, 0] and step.inner is not None
    assert [one.text for one in step.reads] == ["n"]
    assert [one.value for one in trace.why("total", end)[0].calls] == [89]
    said = recorder_says("why", trace.path, "summed", "--at", end)
    assert (
        f"low returned 2, event {trace.why('summed', end)[0].calls[0].seq}" in said.stdout.decode()
    )
    (facts,) = map(
        json.loads,
        recorder_says("why", trace.path, "summed", "--at", end, "--json").stdout.splitlines(),
    )
    assert [one["function"] for one in facts["calls"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("name", "function"), [("kept[1]", "low"), ("kept[2]", "gone")], ids=["beside a secret", "0"]
)
def test_what_is_false_or_hidden_is_a_result_as_any_other(
    trace: Trace, name: str, function: str
) -> None:
    (step, *_) = trace.why(name, last_of(trace, "hidden"))
    assert step.inner is not None and step.inner.function.name == function


def test_what_an_async_generator_awaits_is_none_of_what_it_yields(trace: Trace) -> None:
    (step, *_) = trace.why("paid", last_of(trace, "streamed"))
    assert [(one.kind, one.value) for one in step.calls] == [("yield", 3), ("yield", 4)]


def test_a_manager_is_given_to_its_own_enter(trace: Trace) -> None:
    entered = next(trace.find("call", function="Pool.__enter__"))
    (step, *_) = trace.why("self.free", entered.seq)
    assert step.text == "Pool()"


SETTERS = """\
class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name
    def __get__(self, obj, owner=None):
        return obj.__dict__[self.name]
    def __set__(self, obj, value):
        obj.__dict__[self.name] = abs(value)

class Account:
    limit = Positive()
    def __init__(self):
        self._balance = 0
    @property
    def balance(self):
        return self._balance
    @balance.setter
    def balance(self, amount):
        self._balance = amount

class Logged:
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

def fee(n):
    return n // 10

def main():
    account = Account()
    account.balance = fee(200)
    account.balance += fee(50)
    account.limit = -fee(70)
    logged = Logged()
    logged.state = fee(30)
    return account, logged

main()
"""
# The function that sets an attribute, which of its calls, a parameter, what gave it, and the calls that are told.
SET = [
    ("Account.balance", -2, "self", "account", []),
    ("Account.balance", -1, "amount", "account.balance + fee(50)", ["Account.balance", "fee"]),
    ("Account.balance", 0, "amount", "fee(200)", []),
    ("Positive.__set__", 0, "value", "-fee(70)", ["fee"]),
    ("Positive.__set__", 0, "obj", "account", []),
    ("Positive.__set__", 0, "self", "", []),
    ("Logged.__setattr__", 0, "value", "fee(30)", []),
    ("Logged.__setattr__", 0, "name", "'state'", []),
    ("Logged.__setattr__", 0, "self", "logged", []),
]


@pytest.fixture(scope="module")
def setters(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    yield from opened(tmp_path_factory, trace_of, "setters_of_attributes.py", SETTERS)


@pytest.mark.parametrize(("function", "which", "name", "text", "calls"), SET)
def test_what_sets_an_attribute_is_given(
    setters: Trace, function: str, which: int, name: str, text: str, calls: list[str]
) -> None:
    call = list(setters.find("call", function=function))[which]
    (step, *_) = setters.why(name, call.seq)
    assert step.text == text
    assert [one.function.qualified_name for one in step.calls] == calls
    assert bool(step.end) == (not text or bool(calls) or text == "'state'")
