"""A part without the values of further names is what would have been recorded with these names in the policy."""

from __future__ import annotations

import json
import random
import re
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder.cli import main
from recorder.trace import redacting
from recorder.trace.format import ChunkType
from recorder.trace.layouts import RECORDS
from recorder.trace.reader import Trace, open_trace
from tests.capture.test_redaction import PLACES, value_at
from tests.conftest import Run
from tests.tools import random_programs, two_readers
from tests.tools.rechunk import rechunked

pytestmark = pytest.mark.usefixtures("arrow_threads")
PATTERNS = ("iban", "*_iban", "Пароль")
SPELLINGS = ("iban", "IBAN2", "myIban", "пароль")
ALL = 1 << 60

# Besides those of tests/capture/test_redaction.py; a {value} that is secret, and one that is {open}.
MORE_PLACES = {
    "what was under it, and elsewhere": "a = [{value}]\nc = {{{text}: [0, a], 'b': 1}}\nx = 1",
    "a context variable": (
        "import contextvars\nv = contextvars.ContextVar({text})\nv.set({value})\nx = 1\nv.set(1)\nx = 2"
    ),
    "a default": "import collections\nc = collections.defaultdict(list, {{{text}: {value}}})\nx = 1",
    "a deque": "import collections\nc = collections.deque([({text}, {value})])\nx = 1",
    "an attribute of an exception": "class E(Exception): pass\ne = E(); setattr(e, {text}, {value})\ne = [e]\nx = 1",
    "an exception that is raised": "def f():\n e = KeyError(1)\n setattr(e, {text}, {value})\n raise e\n"
    "try: f()\nexcept KeyError: x = 1",
    "what ends an iteration": "def {name}():\n yield 1\n return {value}\ndef g():\n yield from {name}()\nlist(g())",
    "what next() raises": "def {name}():\n yield 1\n return {value}\ng = {name}()\nnext(g)\n"
    "try: next(g)\nexcept StopIteration: x = 1",
    "what is thrown in": "def {name}():\n try: yield 1\n except KeyError: yield {value}\n"
    "g = {name}()\nnext(g)\nlen(g.throw(KeyError()))\ng.close()",
    "a fact of a mark": "import recorder\nrecorder.mark('here', **{{{text}: {value}}})",
    "a fact of a span": "import recorder\nwith recorder.span('part', **{{{text}: {value}}}): x = 1",
    "a log": "import logging\nlogging.getLogger('a').warning('%s: %s', 'a', {{{text}: {value}}})",
    "a text of a log": "import logging\nlogging.getLogger('a').warning({text} + '=%s', {value})",
    "a written text of a log": "import logging\nlogging.getLogger('a').warning({text} + '=' + {value})",
    "what is deleted": "def f():\n {name} = {value}\n del {name}\n {name} = {value} + 'x'\n return 1\nf()",
    "what changes": "def f():\n for {name} in ({value}, 1, [], {value}): x = 1\n return 1\nf()",
    "what changes beside": "def f():\n c = {{{text}: 1, 'b': 1}}\n c[{text}] = {value}\n c['b'] = 2\n"
    " c[{text}] = 3\n del c[{text}]\n return 1\nf()",
    "a number": "def f():\n {name} = 1000000\n for i in range(4): {name} += i\n {name} = {value}\n return 1\nf()",
    "what a function sets": "{name} = 1\ndef f():\n global {name}\n {name} = {value}\n x = 1\nf()\nx = 2",
    "what the caller holds": "def g(a): return len(a)\ndef f():\n {name} = [{value}]\n g({name})\n {name}.append(1)\n"
    " g({name})\n g({name})\n return 1\nf()",
    "what it is to the callee": "def g({name}):\n {name}.append(1)\n return len({name})\n"
    "def f():\n a = [{value}]\n g(a)\n return g(a)\nf()",
    "what is passed on": "def h(a):\n a.append(1)\n return len(a)\ndef g({name}): return h({name})\n"
    "def f():\n a = [{value}]\n g(a)\n return g(a)\nf()",
    "what is handed to it": "def {name}(a): return len(a)\ndef f():\n a = [1]\n {name}(a)\n a = None\n"
    " return {name}([{value}])\nf()",
    "what is beside it in what the caller holds": "def g(a): return len(a)\n"
    "def f():\n a = {{{text}: {value}, 'b': 1}}\n g(a)\n a[{text}] = 2\n g(a)\n a['b'] = 2\n return g(a)\nf()",
    "a task": "import asyncio\nasync def {name}(a):\n await asyncio.sleep(0)\n return a\n"
    "async def main(): return len(await asyncio.create_task({name}({value}), name='t'))\nasyncio.run(main())",
    "a key of a long dict": "c = {{{text}: {value}, **dict.fromkeys(range(300))}}\nx = 1",
    "a pair in a long list": "c = [({text}, {value}), *range(300)]\nx = 1",
    "a pair in a long tuple": "c = (({text}, {value}), *range(300))\nx = 1",
    "an attribute among many": "class C: pass\nc = C(); setattr(c, {text}, {value})\n"
    "for i in range(300): setattr(c, 'a%d' % i, i)",
    "a field among many": "import collections\n"
    "C = collections.namedtuple('C', ['{name}', *('a%d' % i for i in range(300))])\n"
    "c = C({value}, *range(300))\nx = 1",
    "a key of a class of texts with attributes": "class S(str): pass\nk = S({text}); k.a = 1\n"
    "c = {{k: {value}}}\nx = 1",
    "a key of an enum of texts": "import enum\nclass E(str, enum.Enum): A = {text}\nc = {{E.A: {value}}}\nx = 1",
    "a column of a table": "import pandas\nc = pandas.DataFrame({{'a': [1], {text}: [{value}], 'b': [2]}})\nx = 1",
    "a row of a table": "import pandas\nc = pandas.DataFrame([[{value}], [1]],"
    " index=[{text}, 'b'], columns=['a'])\nx = 1",
    "a column among many": "import pandas\nc = pandas.DataFrame([[{value}, *range(300)]],"
    " columns=[{text}, *('a%d' % i for i in range(300))])\nx = 1",
    "the last column of many": "import pandas\nc = pandas.DataFrame([[*range(20), {value}]],"
    " columns=[*('a%d' % i for i in range(20)), {text}])\nx = 1",
    "columns within each other": "import pandas\nc = pandas.DataFrame([[{value}, 1]],"
    " columns=pandas.MultiIndex.from_tuples([('a', {text}), ('b', 'c')]))\nx = 1",
    "rows within each other": "import pandas\nc = pandas.DataFrame([[{value}], [1]],"
    " index=pandas.MultiIndex.from_tuples([('a', {text}), ('b', 'c')]), columns=['a'])\nx = 1",
    "columns within each other, many": "import pandas\nc = pandas.DataFrame([[*range(20), {value}]],"
    " columns=pandas.MultiIndex.from_tuples([*((i, 'b') for i in range(20)), ('a', {text})]))\nx = 1",
    "a column within others that are none": "import pandas\nc = pandas.DataFrame([[1, {value}, 2]],"
    " columns=pandas.MultiIndex.from_tuples([('a', None), (None, {text}), ('b', 'c')]))\nx = 1",
    "labels within each other of a series": "import pandas\nc = pandas.Series([{value}, 1],"
    " index=pandas.MultiIndex.from_tuples([('a', {text}), ('b', 'c')]))\nx = 1",
    "a series": "import pandas\nc = pandas.Series([{value}, 'b'], name={text})\nx = 1",
    "a label of a series": "import pandas\nc = pandas.Series([{value}, 1], index=[{text}, 'b'])\nx = 1",
    "an index": "import pandas\nc = pandas.Index([{value}, 'b'], name={text})\nx = 1",
    "a column of Arrow's": "import pyarrow\nc = pyarrow.table({{'a': [1], {text}: [{value}]}})\nx = 1",
    "a thread": "import threading\ndef {name}(a): return a\n"
    "t = threading.Thread(target={name}, args=({value},))\nt.start()\nt.join()\ndel t",
}  # fmt: skip
UNLIKE = ("a thread",)  # no two are alike
# There it stands under another name as well.
ELSEWHERE = (
    *("what was under it, and elsewhere", "a thread"),
    *("what the caller holds", "what it is to the callee", "what is passed on"),
)


def values_of(trace: Trace) -> bytes:
    return b"".join(trace._file.payload(chunk) for chunk in trace._file.of(ChunkType.EVENTS))


def recorded(path: Path, texts: Iterable[str], **policy: Any) -> Path:
    codes = [
        compile(text, str(path.parent / "program.py"), "exec", dont_inherit=True) for text in texts
    ]
    modules = [types.ModuleType("program") for _ in codes]  # which are there to the end
    with recorder.record(path, min_free_space=0, exclude=("tests.*",), **policy):
        for code, module in zip(codes, modules, strict=True):
            exec(code, module.__dict__)
    return path


def part_of(path: Path, to: Path, start: int = 0, stop: int | None = None, **more: Any) -> Path:
    parts: list[bytes] = []
    with open_trace(path) as trace:
        trace.write_part(parts.append, start, stop, **{"redact": PATTERNS, **more})
    to.write_bytes(b"".join(parts))
    return to


def shown(value: Any) -> Any:
    """Without what no two recordings have in common."""
    if value is None:
        return None
    return re.sub(r'"(object|id|doubts)": \d+,?', "", json.dumps(value.to_json()))


def told(trace: Trace) -> list[str]:
    """All that is told, event by event, in whatever order the variables were written."""
    found = []
    for e in trace.events():
        values = (e.locals, e.globals, e.changed, e.changed_globals)
        variables = [{name: shown(value) for name, value in sorted(of.items())} for of in values]
        found.append(f"{e.kind} {e.function.qualified_name}:{e.line} {shown(e.value)} {variables}")
    for note in (*trace.marks(), *trace.spans()):
        found.append(f"{note.name} { {name: shown(value) for name, value in note.facts.items()} }")
    found += [f"{log.kind} {log.text}" for log in trace.logs()]
    return found + [output.text for output in trace.output()]


# Of a trace in other chunks the first event is left out: a border before it makes what it finds no change.
def differences(one: list[str], other: list[str]) -> list[tuple[str, str]]:
    assert len(one) == len(other)
    return [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]][:3]


def check(path: Path) -> None:
    with open_trace(path) as part:
        assert part.verify().damage == []
    assert two_readers.compare(path, most_events=ALL) == []


# ---- every place, in every spelling --------------------------------------------------------------


def texts_with(name: str) -> dict[str, str]:
    places = {**PLACES, **MORE_PLACES}
    return {
        about: place.format(name=name, text=repr(name), value=value_at(number)) + "\nend = 1\n"
        for number, (about, place) in enumerate(places.items())
    }


def seen_in(trace: Trace) -> set[int]:
    return {int(number) for number in re.findall(rb"hunter(\d{3})", values_of(trace))}


Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """Traces of all places with this name: as it is, and with the patterns in the policy."""
    known: dict[str, Pair] = {}

    def get(name: str) -> Pair:
        if name not in known:
            folder = tmp_path_factory.mktemp("places")
            texts = [text for place, text in texts_with(name).items() if place not in UNLIKE]
            whole = recorded(folder / "whole.rtrace", texts)
            known[name] = whole, recorded(folder / "want.rtrace", texts, redact=PATTERNS)
        return known[name]

    return get


@pytest.mark.parametrize("name", SPELLINGS)
def test_it_is_what_would_have_been_recorded(
    both: Callable[[str], Pair], tmp_path: Path, name: str
) -> None:
    whole, want = both(name)
    path = part_of(whole, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(want) as other, open_trace(whole) as trace:
        assert len(seen_in(trace)) == len(texts_with(name)) - len(UNLIKE)
        assert seen_in(part) == seen_in(other)
        assert differences(told(part), told(other)) == []
    check(path)


@pytest.mark.parametrize("place", [*PLACES, *MORE_PLACES])
def test_no_place_gives_it_away(tmp_path: Path, place: str) -> None:
    texts = texts_with("IBAN2")
    whole = recorded(tmp_path / "whole.rtrace", [texts[place]])
    path = part_of(whole, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(whole) as trace:
        assert seen_in(trace)
        assert bool(seen_in(part)) == (place in ELSEWHERE)
    check(path)


def test_what_a_token_of_a_context_variable_keeps_is_hidden(tmp_path: Path) -> None:
    text = f"import contextvars\nv = contextvars.ContextVar('iban')\nv.set({value_at(1)})\nt = v.set(2)\nx = 1\n"
    whole = recorded(tmp_path / "whole.rtrace", [text])
    path = part_of(whole, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(whole) as trace:
        assert seen_in(trace)
        assert not seen_in(part)
    check(path)


STATEMENTS = """
import sqlite3
db = sqlite3.connect(":memory:")
db.execute("select ? as iban", ({value},))
db.execute("select '" + {value} + "' as a_iban, 1")
db.execute("select :a", {{"a": 1, "iban": {value}}})
db.execute("select ?", (1,))
db.close()
x = 1
"""


def test_statements_for_a_database_that_name_it_are_masked(tmp_path: Path) -> None:
    text = STATEMENTS.format(value=value_at(1))
    whole = recorded(tmp_path / "whole.rtrace", [text], capture_audit="on")
    want = recorded(tmp_path / "want.rtrace", [text], capture_audit="on", redact=PATTERNS)
    path = part_of(whole, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(want) as other, open_trace(whole) as trace:
        assert seen_in(trace)
        assert not seen_in(part)
        assert differences(told(part), told(other)) == []
        assert [log.text for log in part.logs(kind="sql")] == [
            "select ? as iban  <redacted>",
            "select '*********' as a_iban, *",
            "select :a  {'a': 1, 'iban': <redacted>}",
            "select ?  (1,)",
        ]
    check(path)


def test_what_stood_under_it_and_elsewhere_is_elsewhere(tmp_path: Path) -> None:
    """A container that is left out is written where it is spoken of next, as is all in it that was spoken of."""
    text = (
        "a = [1]; b = [2, a]; c = {'iban': [b, (a,)], 'x': [b, a], 'y': a, 'z': [3]}\n"
        "a.append(c)\nd = [{'iban': c}, a[1]['z'], c['z'], {'iban': 1}]\nx = 1\n"
    )
    whole = recorded(tmp_path / "whole.rtrace", [text])
    want = recorded(tmp_path / "want.rtrace", [text], redact=PATTERNS)
    path = part_of(whole, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(want) as other:
        assert differences(told(part), told(other)) == []
        assert part[-1].locals["c"].show() == (
            "{'iban': <redacted>, 'x': [[2, [1, {...}]], [1, {...}]], 'y': [1, {...}], 'z': [3]}"
        )
    check(path)


# ---- borders -------------------------------------------------------------------------------------


ALIKE = [place for place in (*PLACES, *MORE_PLACES) if place not in UNLIKE]


@pytest.mark.parametrize(
    "places", [ALIKE[n : n + 4] for n in range(0, len(ALIKE), 4)], ids=lambda places: places[0]
)
def test_a_border_between_any_two_records_makes_no_difference(
    tmp_path: Path, places: list[str]
) -> None:
    texts = [texts_with("iban")[place] for place in places]
    whole = recorded(tmp_path / "whole.rtrace", texts)
    want = recorded(tmp_path / "want.rtrace", texts, redact=PATTERNS)
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(whole, None))
    path = part_of(chunks, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(want) as other:
        assert differences(told(part)[1:], told(other)[1:]) == []


@pytest.mark.parametrize("seed", range(2))
def test_borders_of_chunks_make_no_difference(
    both: Callable[[str], Pair], tmp_path: Path, seed: int
) -> None:
    whole, want = both("iban")
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(whole, 60, seed=seed))
    path = part_of(chunks, tmp_path / "part.rtrace")
    with open_trace(path) as part, open_trace(want) as other:
        assert len(part._file.of(ChunkType.EVENTS)) > 40
        assert differences(told(part)[1:], told(other)[1:]) == []
    check(path)


def test_a_part_of_a_part_is_one(both: Callable[[str], Pair], tmp_path: Path) -> None:
    whole, want = both("iban")
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(whole, 20, seed=9))
    rng = random.Random(9)
    with open_trace(want) as other:
        total, all_told = len(other), told(other)
    for _ in range(6):
        start = rng.randrange(7, total - 20)
        stop = rng.randrange(start + 10, total)
        first = part_of(chunks, tmp_path / "first.rtrace", start - start % 7, redact=("iban",))
        second = part_of(first, tmp_path / "second.rtrace", start, stop)
        at_once = part_of(chunks, tmp_path / "once.rtrace", start, stop)
        for path in (second, at_once):
            with open_trace(path) as part:
                assert differences(told(part)[: stop - start], all_told[start:stop]) == []
            check(path)


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(tmp_path: Path, seed: int) -> None:
    text = random_programs.source(seed + 40)
    names = ("a", "items", "outer2")
    whole = recorded(tmp_path / "whole.rtrace", [text])
    want = recorded(tmp_path / "want.rtrace", [text], redact=names)
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(whole, 12, seed=seed))
    for source in (whole, chunks):
        path = part_of(source, tmp_path / "part.rtrace", redact=names)
        with open_trace(path) as part, open_trace(want) as other:
            assert differences(told(part)[1:], told(other)[1:]) == []
        check(path)


# ---- the records ---------------------------------------------------------------------------------


def test_every_record_has_a_row() -> None:
    ranges = {number for number in RECORDS if number >= redacting.f.REC_SET}
    assert {*redacting.ROWS, *redacting.APART, *ranges} == set(RECORDS)
    assert not set(redacting.ROWS) & set(redacting.APART)


@pytest.mark.provokes("INVARIANT_BROKEN")
def test_a_record_without_a_row_is_not_copied(
    both: Callable[[str], Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(redacting.ROWS, redacting.f.REC_NOTE)
    with pytest.raises(errors.InvariantBrokenError, match="record 2A has a row"):
        part_of(both("iban")[0], tmp_path / "part.rtrace")


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_at_a_place_may_have_been_told_of_a_secret_variable(
    seed: int, both: Callable[[str], Pair], tmp_path: Path
) -> None:
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(both("iban")[0], 5, seed=seed))
    path = part_of(chunks, tmp_path / "part.rtrace")
    with open_trace(path) as part:
        assert seen_in(part) <= {list(texts_with("iban")).index(place) for place in ELSEWHERE}
    check(path)


def test_a_damaged_chunk_is_left_out(both: Callable[[str], Pair], tmp_path: Path) -> None:
    chunks = tmp_path / "chunks.rtrace"
    data = bytearray(rechunked(both("iban")[0], 5, seed=1))
    chunks.write_bytes(data)
    with open_trace(chunks) as trace:
        chunk = trace._file.of(ChunkType.EVENTS)[2]
    data[chunk.offset + 70] ^= 1
    chunks.write_bytes(data)
    path = part_of(chunks, tmp_path / "part.rtrace")
    with open_trace(path) as part:
        assert part.lost_events >= chunk.head.events
        assert seen_in(part) <= {list(texts_with("iban")).index(place) for place in ELSEWHERE}
    check(path)


# ---- the command ---------------------------------------------------------------------------------

PROGRAM = """
import logging, subprocess, sys
def iban(n): return "hunter%d" % n
class Account:
    def __init__(self, pin): self.pin = pin
account = Account(iban(2))
print("iban=" + account.pin)
print("the IBAN:", end=" ")
print(account.pin)
logging.warning("iban=%s", account.pin)
subprocess.run([sys.executable, "-c", "", "--iban", account.pin, "--pin=" + account.pin])
del sys
"""


def test_texts_and_the_command_line_are_redacted_as_well(
    run_recorded: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run_recorded(PROGRAM, "--capture-audit", "on", arguments=("--iban", "hunter2"))
    assert result.status == 0, result.stderr
    path = tmp_path / "part.rtrace"
    words = ["cut", str(result.trace), "-o", str(path), "--redact", "iban,ssn", "--redact", "pin"]
    assert main(words) == 0
    with open_trace(result.trace) as trace, open_trace(path) as part:
        assert b"hunter2" in values_of(trace)
        assert b"hunter2" not in values_of(part)
        assert trace.meta["argv"][-1] == "hunter2"
        assert part.meta["argv"][-2:] == ["--iban", "<redacted>"]
        assert part.meta["policy"]["redact"] == ["iban", "ssn", "pin"]
        printed = "".join(one.text for one in part.output("stdout"))
        assert printed == "iban=*******\nthe IBAN: *******\n"
        assert "hunter" in "".join(source.text for source in part.all_sources)
    check(path)
    assert main([*words, "--no-source"]) == 0
    assert b"hunter" not in path.read_bytes()


@pytest.mark.parametrize("redact", ["iban", ["iban", 1], [""], ["none"], 5])
def test_what_is_no_list_of_patterns_is_refused(
    both: Callable[[str], Pair], tmp_path: Path, redact: Any
) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        part_of(both("iban")[0], tmp_path / "part.rtrace", redact=redact)
