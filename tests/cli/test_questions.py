"""A question without an answer says why; and an answer does not say more than is known."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder import cli, errors
from recorder.trace.existence import Existence
from recorder.trace.lookup import Lookup
from recorder.trace.reader import Trace, open_trace
from tests.conftest import ENVIRONMENT, recorder_command

PROGRAM = """\
import asyncio, threading, stock
class Cart:
    LIMIT = 3
    NAMES = ['a', 'b']
    def __init__(self):
        self.items = [{'id': 7, 'tags': ('x', 'y')}]
        self.me = self
    def total(self):
        count = len(self.items)
        return count
    def never(self):
        hidden = 1
        return hidden
RATES = {'eu': 19}
LONG = 'q' * 5000
def parse(text):
    try:
        return int(text)
    except ValueError:
        return None
cart = Cart()
cart.total()
parse('x')
class Error(Exception):
    pass
def worker():
    inside = 1
    return inside
thread = threading.Thread(target=worker, name='packer')
thread.start(); thread.join()
async def leaf(n):
    await asyncio.sleep(0)
    found = n
    return found
async def branch(n):
    return await leaf(n)
async def tree():
    await asyncio.gather(branch(1), branch(2))
asyncio.run(tree())
alias = stock.DEFAULTS
alias['late'] = 1
end = 1
"""
STOCK = """\
DEFAULTS = {}
SIZE = 3
def fill():
    DEFAULTS['early'] = 1
fill()
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    (folder / "shop.py").write_text(PROGRAM)
    (folder / "stock.py").write_text(STOCK)
    command = recorder_command("run", "--scope", "own", "-o", "shop.rtrace", "shop.py")
    subprocess.run(command, check=True, timeout=60, cwd=folder, env=ENVIRONMENT)
    return folder / "shop.rtrace"


@pytest.fixture
def trace(path: Path) -> Iterator[Trace]:
    with open_trace(path) as opened:
        yield opened


# ---- names that are not there --------------------------------------------------------------------

UNKNOWN = [
    (["calls", "--function", "prase"], "no function prase", "parse"),
    (["calls", "--function", "Cart.totl"], "no function Cart.totl", "Cart.total"),
    (["calls", "--file", "shpo.py"], "no file shpo.py", "shop.py"),
    (["calls", "--thread", "paker"], "no thread paker", "packer"),
    (["calls", "--thread", "77"], "no thread 77", ""),
    (["history", "cuont"], "no variable cuont", "count"),
    (["history", "RATE"], "no variable RATE", "RATES"),
    (["exceptions", "--type", "ValueEror"], "no exception ValueEror", "ValueError"),
    (["exceptions", "--function", "pares"], "no function pares", "parse"),
]
NEVER = [
    (["calls", "--function", "never"], "Cart.never is defined at shop.py:11, and was never called"),
    (["exceptions", "--type", "KeyError"], "KeyError was never raised"),
    (["exceptions", "--type", "Error"], "Error was never raised"),
    (["history", "count", "--function", "parse"], "count is a variable of Cart.total, and not of parse"),
    (["calls", "--function", "parse", "--file", "stock.py"], "parse is in shop.py, and not in stock.py"),
]  # fmt: skip


@pytest.mark.provokes("NOT_IN_TRACE")
@pytest.mark.parametrize(("words", "said", "near"), UNKNOWN)
def test_what_is_nowhere_is_named_with_what_comes_nearest(
    path: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str, near: str
) -> None:
    status = cli.main([words[0], str(path), *words[1:]])
    out, err = capfd.readouterr()
    assert (status, out) == (2, "")
    assert "ERR_NOT_IN_TRACE" in err and said in err
    assert not near or f"did you mean {near}" in err or f"or {near}" in err


@pytest.mark.parametrize(("words", "said"), NEVER)
def test_what_is_there_and_never_happened_is_said(
    path: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert cli.main([words[0], str(path), *words[1:]]) == 0
    out, err = capfd.readouterr()
    assert out == "" and said in err


@pytest.mark.parametrize("asked", ["NAME", "Cart.NAME", "N*E", "Cart.N*E", "*.NAME"])
def test_a_function_is_known_by_either_name_and_by_a_pattern_of_it(
    trace: Trace, asked: str
) -> None:
    def why(name: str) -> str:
        pattern = asked.replace("NAME", name).replace("N*E", f"{name[:3]}*")
        return Existence(trace).why_nothing(function=pattern)

    assert why("total") == "it never happened"
    assert why("never") == "Cart.never is defined at shop.py:11, and was never called"


def test_an_answer_has_no_explanation(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["calls", "--function", "parse"],
        ["history", "count"],
        ["calls", "--limit", "0"],
    ):
        assert cli.main([words[0], str(path), *words[1:]]) == 0
        assert capfd.readouterr().err == ""


@pytest.mark.provokes("NOT_IN_TRACE")
def test_lines(trace: Trace) -> None:
    existence = Existence(trace)
    assert existence.line("shop.py", 12) == "shop.py:12 never ran"
    with pytest.raises(errors.NotInTraceError, match=r"no code at line shop.py:999.*shop.py:42"):
        existence.line("shop.py", 999)
    with pytest.raises(errors.NotInTraceError, match=r"did you mean shop\.py"):
        existence.line("shap.py", 3)


@pytest.mark.provokes("NOT_IN_TRACE", "INVALID_ARGUMENT")
def test_show_says_it_too(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = {
        "/ prase": "no function prase",
        "b shop.py:999": "no code at line shop.py:999",
        "b never": "Cart.never is defined at shop.py:11, and was never called",
        "e KeyEror": "did you mean KeyError",
        "e KeyError": "nothing there: KeyError was never raised",
        "v cuont": "no variable cuont",
        "t 99": "no thread 99",
        "p nonsense[": "ERR_INVALID_ARGUMENT",
        "p cart.itms": "NOT_IN_TRACE",
    }
    for command, said in script.items():
        monkeypatch.setattr("sys.stdin", io.StringIO(f"g end\n{command}\n"))
        assert cli.main(["show", str(path), "--plain"]) == 0
        out = capfd.readouterr().out
        assert said in out, command


def test_an_option_that_is_given_twice_is_refused(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for twice in (
        ["--file", "a", "--file=b"],
        ["--thread", "1", "--thread", "2"],
        ["--limit", "1"] * 2,
    ):
        assert cli.main(["calls", str(path), *twice]) == 2
        assert f"{twice[0]} is given 2 times" in capfd.readouterr().err
    assert cli.main(["diff", str(path), str(path), "--ignore", "a", "--ignore", "b"]) == 0


# ---- paths ---------------------------------------------------------------------------------------

PATHS = {
    "self": "Cart(",
    "self.items[0]['id']": "7",
    "self.items[-1]['tags'][1]": "'y'",
    "self.me.me.items[0]['id']": "7",  # a reference is followed
    "self.LIMIT": "3",
    "self.NAMES[1]": "'b'",
    "Cart.LIMIT": "3",
    "RATES['eu']": "19",
    "stock.SIZE": "3",
    "LONG[3]": "'q'",
}
NOTES = {
    "RATES": "a global of __main__",
    "self.LIMIT": "of class Cart",
    "stock.SIZE": "of module stock, set at event ",
}
WRONG_PATHS = {
    "selff": "did you mean self",
    "self.itmes": "did you mean self.items|did you mean items",
    "self.items[3]": "it is a list of 1 items",
    "self.items['x']": "with 1 items from 0 on",
    "RATES['us']": "no item",
    "stock.SISE": "module stock has no SISE",
    "self.items.append": "no attributes are recorded",
}


@pytest.mark.parametrize("asked", PATHS)
def test_what_a_path_stands_for(trace: Trace, asked: str) -> None:
    event = next(trace.find("return", function="Cart.total"))
    found = Lookup(trace, event).find(asked)
    assert found.show().startswith(PATHS[asked])
    assert found.note.startswith(NOTES.get(asked, found.note))


@pytest.mark.provokes("NOT_IN_TRACE")
@pytest.mark.parametrize("asked", WRONG_PATHS)
def test_a_path_that_leads_nowhere_says_where_it_ends(trace: Trace, asked: str) -> None:
    event = next(trace.find("return", function="Cart.total"))
    with pytest.raises(errors.NotInTraceError, match=WRONG_PATHS[asked]):
        Lookup(trace, event).find(asked)


@pytest.mark.provokes("INVALID_ARGUMENT")
@pytest.mark.parametrize(
    "asked", ["", "1", "f()", "a[b]", "a.", "a[", "a + b", "a[f()]", "x" * 9 + "("]
)
def test_what_is_no_path(trace: Trace, asked: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="a name, or a path"):
        Lookup(trace, trace[-1]).find(asked)


# ---- what is not known ---------------------------------------------------------------------------


def test_history_says_when_a_global_was_looked_at_last(
    path: Path, trace: Trace, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["history", str(path), "DEFAULTS"]) == 0
    out = capfd.readouterr().out
    [last] = [e.seq for e in trace.find("return", file="stock.py", function="<module>")]
    assert f"stock.DEFAULTS was not observed after event {last}" in out
    assert cli.main(["history", str(path), "DEFAULTS", "--json"]) == 0
    end = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert end == {"name": "DEFAULTS", "module": "stock", "not_observed_after": last}
    for name in ("RATES", "end", "count"):  # looked at until the end; or no global
        assert cli.main(["history", str(path), name]) == 0
        assert "not observed" not in capfd.readouterr().out, name


def test_values_and_names_as_text(trace: Trace) -> None:
    variables = trace[-1].locals
    value = variables["RATES"]
    assert str(value) == repr(value) == "{'eu': 19}"
    long = variables["LONG"]
    assert repr(long).endswith("…") and len(repr(long)) < 300
    assert str(long).count("q") == len(long._tree.items)
    names = repr(variables.keys())
    assert "'RATES'" in names and "19" not in names


# ---- whose it is ---------------------------------------------------------------------------------


def test_threads_and_tasks_are_named(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def out(*words: str) -> str:
        assert cli.main([words[0], str(path), *words[1:]]) == 0
        return capfd.readouterr().out

    assert "worker() → 1" in (said := out("calls", "--function", "worker")) and "[packer]" in said
    assert "[MainThread]" in out("calls", "--function", "parse")
    assert "[MainThread]" in out("exceptions", "--type", "ValueError")
    leaves = out("calls", "--function", "leaf").splitlines()
    tasks = [line.partition("[MainThread, ")[2].partition("]")[0] for line in leaves]
    assert len(set(tasks)) == 2 and all(task.startswith("Task-") for task in tasks)
    assert {line.partition("MainThread, ")[2].partition("]")[0] for line in
            out("history", "found").splitlines()} == set(tasks)  # fmt: skip
    printed = [line for line in out("print").splitlines() if "  leaf  " in line]
    assert all("Task-" in line for line in printed)
    for words in (["calls"], ["print"], ["history", "found"], ["exceptions"]):
        lines = [json.loads(line) for line in out(*words, "--json").splitlines()]
        assert all("task" in line and "thread_name" in line for line in lines)
    assert {
        json.loads(line)["task"] for line in out("history", "found", "--json").splitlines()
    } == set(tasks)


def test_the_stack_of_a_coroutine_says_who_awaits_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("/ shop.py:33\nw\n"))
    assert cli.main(["show", str(path), "--plain"]) == 0
    out = capfd.readouterr().out
    stack = out.partition("[MainThread, Task-")[2]
    assert "branch  shop.py:36  (awaits leaf)" in stack
    assert "module __main__  shop.py:39\n" in stack
