"""A large value that waits is looked at all the same where the line that ran changes it, as it is written.

A program goes over a table until the table waits, and then changes it in all the ways that the language has. After each
line, what the trace says of the table is compared with what the program finds there itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import recorder
from recorder.cli.shown_change import parts_changed

SIZE = 150

# How the table is reached: the head of the code that changes it, its name there, and what calls it.
ROOTS = {
    "a local": ("def change(table):", "table", "change(TABLE)"),
    "a global": ("def change():", "TABLE", "change()"),
    "an attribute": ("def change(holder):", "holder.rows", "change(holder)"),
    "a cell": ("def change(table, see=lambda: (lambda: table)):", "table", "change(TABLE)"),
    "a module's": ("for _ in range(1):", "TABLE", ""),
}

# A line that changes the table, T, and what shows it.
CHANGES = [
    ("T[70] = {'v': 'new', 'n': 1, 'l': [2, 1], 's': {3}}", "T[70]['v']"),
    ("T[70]['v'] = 'newer'", "T[70]['v']"),
    ("T[71].name = 'new'", "T[71].name"),
    ("T[71].tags[0] = 'new'", "T[71].tags[0]"),
    ("T[70]['n'] += 1", "T[70]['n']"),
    ("T[71].number *= 3", "T[71].number"),
    ("T[70]['l'] += ['new']", "T[70]['l']"),
    ("T[len('x' * 7) * 10]['v'] = str(7)", "T[70]['v']"),
    ("T[70]['v'] = ','.join(str(i) for i in range(3))", "T[70]['v']"),
    ("T[70]['v'], T[72]['v'] = 'first', 'second'", "T[72]['v']"),
    ("T[70]['v'] = T[72]['v'] = 'both'", "T[70]['v'] + T[72]['v']"),
    ("T[70]['n'] = 5; T[72]['n'] = 6", "T[72]['n']"),
    ("(T[70] if len(T) else T[72])['v'] = 'chosen'", "T[70]['v']"),
    ("n = 70; T[n]['v'] = 'by a name'", "T[70]['v']"),
    ("T[70]['l'].append('appended')", "T[70]['l']"),
    ("T[70]['l'].insert(0, 'first')", "T[70]['l']"),
    ("T[70]['l'].sort(key=str)", "T[70]['l']"),
    ("T[70].update(v='updated')", "T[70]['v']"),
    ("T[70].setdefault('w', 'default')", "T[70]['w']"),
    ("T[70]['s'].add(4)", "len(T[70]['s'])"),
    ("if len(T): T[70]['v'] = 'where it is'", "T[70]['v']"),
    ("del T[70]['w']", "'w' in T[70]"),
    ("del T[71].name", "T[71].number"),
    ("T[70:72] = ['one']", "len(T)"),
    ("del T[70:72]", "len(T)"),
    ("T.pop()", "len(T)"),
]

PROGRAM = """\
class Row:
    def __init__(self, number):
        self.name, self.number, self.tags = f"row {{number}}", number, [number]

class Holder:
    pass

TABLE = [
    Row(i) if i % 2 else {{"v": i, "n": i, "l": [i, i + 1], "s": {{i}}}} for i in range({size})
]
holder = Holder()
holder.rows = TABLE

def read():
    for _ in range(6):
        for row in TABLE:
            str(row)

read()
{head}
{lines}
{call}
"""


def recorded(tmp_path: Path, root: str) -> tuple[list[tuple[str, str, int]], list[str], Path]:
    """Each question with its line, what the program found, and the trace."""
    head, name, call = ROOTS[root]
    lines, asked = [], []
    for change, question in CHANGES:
        lines += ["str()", change.replace("T", name), f"found(repr({question.replace('T', name)}))"]
        asked.append((change, question.replace("T", name)))
    text = PROGRAM.format(
        size=SIZE, head=head, lines="\n".join("    " + line for line in lines), call=call
    )
    first = text.count("\n", 0, text.index(lines[0])) + 2
    found: list[str] = []
    path = tmp_path / "changed.rtrace"
    program = tmp_path / "changes_it.py"
    program.write_text(text)
    code = compile(text, str(program), "exec", dont_inherit=True)
    with recorder.record(path, scope="all", min_free_space=0):
        exec(code, {"__name__": "changes_it", "found": found.append})
    return [(*each, first + 3 * n) for n, each in enumerate(asked)], found, path


@pytest.mark.parametrize("root", ROOTS)
def test_what_a_line_changes_does_not_wait(root: str, tmp_path: Path) -> None:
    asked, found, path = recorded(tmp_path, root)
    assert len(asked) == len(found) == len(CHANGES)
    with recorder.open_trace(path) as trace:
        name = "change" if root != "a module's" else "<module>"
        at = {event.line: event for event in trace.find(kind="line", function=name)}
        waited: list[bool] = []
        for (change, question, line), true in zip(asked, found, strict=True):
            waited.append(trace.evaluate(question, at[line]).kind == "unknown")
            answer = trace.evaluate(question, at[line + 1])
            assert answer.kind == "known", (change, answer)
            assert repr(answer.to_python()) == true, change
        assert sum(waited) > len(CHANGES) // 2


ONLY_READ = """\
class Row:
    def __init__(self, number):
        self.number, self.tags = number, [number]

def read(table, rounds):
    total, seen = 0, []
    for _ in range(rounds):
        for row in table:
            total += len(str(row))
            seen.append(row.number + len(str(table[7].tags)))
            row.tags.count(table[3].number)

def fill(table, rounds):
    grown = []
    for i in range(rounds):
        table[i % 100].number = str(i)
        grown.append([i, str(i), [i]])

table = [Row(i) for i in range(150)]
read(table, 10)
table[100].number = "after reading"
str(table)
fill(table, 2000)
table[100].number = "after filling"
str(table)
"""


def test_what_is_changed_seldom_is_seen_after_all_that_is_read_or_filled(tmp_path: Path) -> None:
    """Lines that only read take nothing from what changes may cost, and a list that a loop fills a part of it."""
    path = tmp_path / "a.rtrace"
    after = [n for n, line in enumerate(ONLY_READ.splitlines(), 1) if line == "str(table)"]
    with recorder.record(path, scope="all", min_free_space=0):
        exec(compile(ONLY_READ, str(tmp_path / "only_reads.py"), "exec"), {"__name__": "x"})
    with recorder.open_trace(path) as trace:
        asked = [
            trace.evaluate("table[100].number", event).to_python()
            for event in trace.find(kind="line", function="<module>")
            if event.line in after
        ]
        assert asked == ["after reading", "after filling"]
        filling = [event.locals["table"].unexamined for event in trace.find(function="fill")]
        assert 200 < sum(filling) < len(filling) - 50


SEEN_NOW = """\
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from enum import Enum

class Of:
    pass

class Chain(ChainMap):
    def __init__(self, *maps):
        super().__init__(*maps)
        self.more = {}

class List(list):
    more = None

class Dict(dict):
    more = None

class Text(str):
    more = None

class Error(ValueError):
    pass

class Slots:
    __slots__ = ("a", "b")

Pair = namedtuple("Pair", "a b")
Color = Enum("Color", "RED")

def with_more(it):
    it.more = [1]
    return it

it = Of()
it.rows = [with_more(Of()) for _ in range(150)]
it.chain, it.maps = Chain({1: 2}), ChainMap({1: 2})
it.of_list, it.of_dict, it.of_text = with_more(List([1, 2])), with_more(Dict(a=1)), with_more(Text("x"))
it.error, it.plain_error = with_more(Error("x", [1])), ValueError("x", [1])
it.slots, it.pair, it.color = Slots(), Pair(1, [2]), Color.RED
it.slots.a = [1]
it.deque, it.ordered, it.of_lists = deque([1, [2]]), OrderedDict(a=[1]), defaultdict(list, a=[1])
it.counter, it.set, it.frozen, it.tuple = Counter("aab"), {1, 2}, frozenset([1]), (1, [2])
it.list, it.dict, it.empty = [1, [2]], {1: [2]}, []
it.range, it.slice, it.method, it.iterator = range(3), slice(1), it.rows.append, iter([1, 2])

def read():
    for _ in range(10):
        for row in it.rows:
            str(row)

def change(it):
    str()
    it.rows[75].more.append(3)
    str()

read()
change(it)
"""


def test_what_was_left_out_and_is_seen_now_has_not_changed(tmp_path: Path) -> None:
    """The argument is cut after 60 elements; behind the line that changes it, it is whole."""
    program, path = tmp_path / "seen_now.py", tmp_path / "a.rtrace"
    program.write_text(SEEN_NOW)
    with recorder.record(path, scope="all", min_free_space=0):
        exec(compile(SEEN_NOW, str(program), "exec", dont_inherit=True), {"__name__": "x"})
    with recorder.open_trace(path) as trace:
        begins, *_, changed, _ = list(trace.find(function="change"))
        names = [name for name, _ in changed.locals["it"]._tree.items]
        whole = [
            name for name in names if not trace.evaluate(f"it.{name}", changed).kind == "unknown"
        ]
        assert len(whole) > 20
        assert "of size" in begins.locals["it"].show(4000)
        assert parts_changed(trace, changed, "it") == []
