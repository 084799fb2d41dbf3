"""`trace.why` of each kind of parameter, for each way to give it; of properties; and of a part that another task or
object set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorder
from recorder.trace.expressions.expression import Expression
from recorder.trace.reader import Trace, open_trace
from recorder.trace.why import Why, _Asked

PROGRAM = """\
def plain(a, b=2):
    return a, b

def all_of(a, /, b, *rest, c=1, **more):
    return a, b, rest, c, more

def deco(function):
    return function

@deco
@deco
def decorated(a, *rest, c=1):
    return a, rest, c

class Of:
    def method(self, a, *rest, key=None, **more):
        return a, rest, key, more

SETTINGS = {"deep": 0}

class Checker:
    def __init__(self, settings=None):
        self._settings = settings or {"strict": True}
    @property
    def strict(self):
        return self._settings.get("strict", False)
    def child(self, **more):
        settings = self._settings
        settings.update(more)
        return Checker(settings)
    def check(self, value):
        self.seen = value
        if self.strict:
            return False
        return True

def main():
    given = 7
    pair = (1, 2)
    table = {"k": 6}
    of = Of()
CALLS
    checker = Checker()
    before = checker.check(1)
    checker.child(strict=False)
    after = checker.check(2)
    end = 0

main()
"""
# A call, the function, what is asked for, and the text that gave it; DEFAULT; None: the line does not say.
DEFAULT = "(default)"
CALLS: list[tuple[str, str, dict[str, str | None]]] = [
    ("plain(given)", "plain", {"a": "given", "b": DEFAULT}),
    ("plain(b=given, a=3)", "plain", {"a": "3", "b": "given"}),
    ("plain(*pair)", "plain", {"a": None, "b": None}),
    ("plain(**dict(a=1))", "plain", {"a": None, "b": None}),
    ("all_of(1, 2, 3, 4, k=given)", "all_of", {
        "a": "1", "b": "2", "rest": "(3, 4)", "rest[1]": "4", "c": DEFAULT, "more": "{'k': given}",
        "more['k']": "given",
    }),
    ("all_of(1, 2, c=given)", "all_of", {"rest": "()", "c": "given", "more": "{}"}),
    ("all_of(*pair, 9, **table)", "all_of", {"a": None, "rest": None, "c": None, "more": "{**table}"}),
    ("all_of(1, b=given)", "all_of", {"a": "1", "b": "given", "rest": "()"}),
    ("decorated(given, 8)", "decorated", {"a": "given", "rest[0]": "8", "c": DEFAULT}),
    ("of.method(1, 2, given, x=5)", "Of.method", {
        "a": "1", "rest": "(2, given)", "rest[1]": "given", "key": DEFAULT, "more['x']": "5",
    }),
    ("of.method(a=given, key=4)", "Of.method", {"a": "given", "rest": "()", "key": "4"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def traced(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("parameters") / "parameters.py"
    program.write_text(PROGRAM.replace("CALLS", "\n".join(f"    {call}" for call, *_ in CALLS)))
    with recorder.open_trace(trace_of(program)) as found:
        yield found


@pytest.mark.parametrize(
    ("number", "name", "text"),
    [(n, name, text) for n, (_, _, names) in enumerate(CALLS) for name, text in names.items()],
    ids=[f"{name} of {call}" for call, _, names in CALLS for name in names],
)
def test_each_parameter(traced: Trace, number: int, name: str, text: str | None) -> None:
    _, function, _ = CALLS[number]
    (main,) = traced.find("call", function="main")
    calls = list(traced.find("call", function=function, caller=main.frame))
    earlier = sum(1 for _, one, _ in CALLS[:number] if one == function)
    first = traced.why(name, calls[earlier].seq)[0]
    if text == DEFAULT:
        assert first.how == "default"
    elif text is None:
        assert first.how == "argument" and "**dict" not in first.text and not first.text
        assert "does not say" in first.end
    else:
        assert (first.how, first.text) == ("argument", text)


def test_a_property_leads_to_what_it_returned_and_on(traced: Trace) -> None:
    falls = list(traced.find("return", function="Checker.check"))[-1]
    assert traced.evaluate("self.strict", falls).kind == "unknown"
    first, *rest = traced.why("self.strict", falls.seq)
    assert first.value.tree is False and first.inner is not None
    assert first.inner.function.qualified_name == "Checker.strict"
    assert Path(first.file).read_text().splitlines()[first.line - 1].strip() == "if self.strict:"
    text = Path(first.file).read_text().splitlines()
    lines = [text[step.line - 1].strip() for step in rest]
    assert "settings.update(more)" in lines
    assert "self.seen = value" not in lines  # which sets another part


PARTS = """\
class Of:
    pass

def touch(of):
    of.table["a"] = 5
    return 1

def main():
    of = Of()
    of.table = {"a": 0, "b": {"c": 0}}
    key = "a"
    of.table[key] = 1
    first = 1
    of.table["b"]["c"] = 2
    second = 1
    of.other = touch(of)
    third = 1
    of.last = of.table.pop("a")
    end = 0

main()
"""
# Asked for, before which line, and the line that set it.
SET_BY = [
    ("of.table", "first = 1", "of.table[key] = 1"),
    ("of.table['a']", "first = 1", "of.table[key] = 1"),
    ("of.table['b']", "second = 1", 'of.table["b"]["c"] = 2'),
    ("of.table['b']['c']", "second = 1", 'of.table["b"]["c"] = 2'),
    ("of", "second = 1", 'of.table["b"]["c"] = 2'),
    ("of.table['a']", "third = 1", "of.other = touch(of)"),
    ("of.table", "end = 0", 'of.last = of.table.pop("a")'),
]


@pytest.mark.parametrize(("name", "before", "by"), SET_BY)
def test_parts_of_parts(
    tmp_path: Path, trace_of: Callable[[Path], Path], name: str, before: str, by: str
) -> None:
    program = tmp_path / "parts_of_parts.py"
    program.write_text(PARTS)
    lines = [line.strip() for line in PARTS.splitlines()]
    with recorder.open_trace(trace_of(program)) as trace:
        (event,) = trace.find("line", function="main", line=lines.index(before) + 1)
        steps = trace.why(name, event.seq)
        assert lines[steps[0].line - 1] == by
        assert not any("another part" in step.end for step in steps)
        if by.startswith("of.other"):
            assert lines[steps[1].line - 1] == 'of.table["a"] = 5'


def test_a_property_that_was_not_asked_there_is_unknown(traced: Trace) -> None:
    (begins, _) = traced.find("call", function="Checker.check")
    assert traced.why("self.strict", begins.seq)[0].inner is None


SPELLED = """\
DEFAULTS = {"headers": {"lang": "en"}}

def made_for(user):
    made = dict(DEFAULTS)
    made["headers"]["user"] = user
    return made

def main():
    for user in ("ada", "bob"):
        conf = made_for(user)
    return conf

main()
"""


@pytest.mark.parametrize("name", ["conf['headers']['user']", "DEFAULTS['headers']['user']"])
@pytest.mark.parametrize(
    "spell", [str, lambda name: name.replace("'", '"'), lambda name: f" ({name} )"]
)
def test_a_name_may_be_spelled_in_any_way(
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
    name: str,
    spell: Callable[[str], str],
) -> None:
    program = tmp_path / "spelled_anyhow.py"
    program.write_text(SPELLED)
    with recorder.open_trace(trace_of(program)) as trace:
        end = next(trace.find("return", function="main"))
        told = [(step.name, step.line, step.end) for step in trace.why(spell(name), end.seq)]
        assert told == [(step.name, step.line, step.end) for step in trace.why(name, end.seq)]
        assert ("user", 9) in [(name, line) for name, line, _ in told]


MADE_BEFORE = """\
import asyncio

async def job(n, held):
    await asyncio.sleep(0)
    kept = n
    return kept, held

def numbers(first, step):
    while first < 9:
        yield first
        first += step

class Source:
    def __init__(self, size):
        self.size = size
    def parts(self, times):
        total = self.size * times
        yield total

def goes(iterator):
    return next(iterator)

async def main():
    held, count = [1], 5
    tasks = [asyncio.create_task(job(7, held))]
    tasks.append(asyncio.create_task(job(count, held)))
    await asyncio.gather(*tasks)
    made = job(11, None)
    await made
    twice = job(3, None)
    again = job(3, None)
    await again
    await twice

def work():
    step = 4
    made = numbers(2, step)
    parts = Source(6).parts(step)
    goes(made)
    goes(parts)

asyncio.run(main())
work()
"""
BY_LINES = [  # function, parameter, its value, the line that gave it
    ("job", "n", 7, "tasks = [asyncio.create_task(job(7, held))]"),
    ("job", "n", 5, "tasks.append(asyncio.create_task(job(count, held)))"),
    ("job", "n", 11, "made = job(11, None)"),
    ("numbers", "step", 4, "made = numbers(2, step)"),
    ("Source.parts", "times", 4, "parts = Source(6).parts(step)"),
]


@pytest.mark.parametrize(("function", "name", "value", "line"), BY_LINES)
def test_what_runs_later_was_given_it_by_the_line_that_made_it(
    function: str,
    name: str,
    value: int,
    line: str,
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
) -> None:
    program = tmp_path / "made_before.py"
    program.write_text(MADE_BEFORE)
    with open_trace(trace_of(program)) as trace:
        calls = trace.find("call", function=function)
        call = next(one for one in calls if one.locals[name] == value)
        (step, *_) = trace.why(name, call.seq)
        assert MADE_BEFORE.splitlines()[step.line - 1].strip() == line


def test_of_two_lines_that_may_have_made_it_none_is_named(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "made_before_twice.py"
    program.write_text(MADE_BEFORE)
    with open_trace(trace_of(program)) as trace:
        for call in trace.find("call", function="job"):
            if call.locals["n"] == 3:
                (step,) = trace.why("n", call.seq)
                assert "does not say" in step.end


SHORT_LIVED = """\
class Node:
    pass

def noise(node):
    return node.args[0]

def short(node):
    first = node.args[0]
    held = node
    return held.args[0] + first

def generated(node):
    yield node.args[0]
    yield node.args[0]

node = Node()
node.args = [1, 2]
for n in range(300):
    noise(node)
short(node)
for _ in generated(node):
    pass
"""


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("short", "node.args[0]"),
        ("short", "held.args[0]"),
        ("short", "first"),
        ("short", "node"),
        ("generated", "node.args[0]"),
    ],
)
def test_a_local_is_looked_for_no_further_back_than_its_frame_began(
    tmp_path: Path,
    in_chunks: Callable[[Path, int, int], Path],
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    name: str,
) -> None:
    """In a long trace everything before it would be read."""
    program = tmp_path / "short_lived.py"
    program.write_text(SHORT_LIVED)
    with recorder.open_trace(in_chunks(program, 60, 3)) as trace:
        *_, last = trace.find(function=function)
        begins = next(trace.find("call", function=function)).seq
        begins, _ = trace._queries.chunk_around(begins)
        why = Why(trace._queries, trace._asker, trace._changes)
        reached: list[int] = []
        monkeypatch.setattr(trace._queries, "check", reached.append)
        event, change = why._last_change(_Asked(Expression(name), last))
        assert change is not None and begins <= event.seq <= last.seq
        assert reached and min(reached) >= begins
