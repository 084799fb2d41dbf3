"""`state`, `print` and `grep`: what a person sees of one moment, of some events, and of a text wherever it occurs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import cli
from recorder.trace.reader import open_trace

PROGRAM = """\
import asyncio
from dataclasses import dataclass

SETTINGS = {'retries': 3}

@dataclass
class Basket:
    items: list
    note: str = 'none'

def fill(basket, *names):
    for name in names:
        basket.items.append({'name': name, 'price': len(name)})
    SETTINGS['retries'] = 4
    return basket

def pick(basket, which):
    try:
        return basket.items[which]
    except IndexError as exc:
        raise KeyError(f'no {which}') from exc

def shop():
    basket = Basket([])
    fill(basket, 'needle', 'thread', 'a ' + 'needle' + ' case')
    try:
        pick(basket, 7)
    except KeyError:
        pass
    return pick(basket, 0)['name'].upper()

async def wait(n):
    await asyncio.sleep(0)
    return n * 111

async def main():
    return await asyncio.gather(wait(1), wait(2))

print(shop(), asyncio.run(main()))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> str:
    program = tmp_path_factory.mktemp("looking") / "looked.py"
    program.write_text(PROGRAM)
    return str(trace_of(program))


@pytest.fixture
def says(path: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    def ask(name: str, *words: str) -> list[str]:
        capfd.readouterr()
        assert cli.main([name, path, *words]) == 0
        return capfd.readouterr().out.splitlines()

    return ask


Says = Callable[..., list[str]]


def rows(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def event(path: str, **asked: Any) -> int:
    with open_trace(path) as trace:
        return next(trace.find(**asked)).seq


# ---- state --------------------------------------------------------------------------------------


def test_a_moment_in_text(path: str, says: Says) -> None:
    said = says("state", str(event(path, kind="raise", function="pick")))
    assert "raise  pick  looked.py:19" in said[0]
    assert said[1].strip() == "! raised IndexError('list index out of range')"
    frames = [row for row in said if row and not row.startswith(" ")]
    assert [row.split()[0] for row in frames[1:]] == ["pick", "shop", "module"]
    assert "     19 → return basket.items[which]" in said
    assert "        which = 7" in said
    # What a module defines and imports is left out; what it computes is not.
    assert "        SETTINGS = {'retries': 4}" in said
    assert not any(row.split()[:2] in (["asyncio", "="], ["shop", "="]) for row in said)


MANY = """\
def down(n):
    return down(n - 1) if n else 0

def wide():
"""
MANY += "".join(f"    v{n:02} = {n}\n" for n in range(24)) + "    return 0\n\ndown(20)\nwide()\n"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> str:
    program = tmp_path_factory.mktemp("many") / "many.py"
    program.write_text(MANY)
    return str(trace_of(program))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("there", [11, 12, 13, 14])
def test_of_many_frames_the_innermost_are_shown(
    many: str, capfd: pytest.CaptureFixture[str], there: int, full: bool
) -> None:
    with open_trace(many) as trace:
        calls = [one.seq for one in trace.find(kind="call", function="down")]
    seq = calls[there - 2]  # the module is one of them
    assert cli.main(["state", many, str(seq), *(["--full"] if full else [])]) == 0
    said = capfd.readouterr().out.splitlines()
    frames = [row.split()[0] for row in said[1:] if row and row[0] not in " …"]
    shown = there if full else min(there, 12)
    assert frames == ["down"] * min(shown, there - 1) + ["module"] * (shown == there)
    left = f"… {there - shown} more frames (--full)"
    assert [row for row in said if "more frames" in row] == [left] * (shown != there)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("there", [19, 20, 21, 22])
def test_of_many_variables_the_last_ones_are_shown(
    many: str, capfd: pytest.CaptureFixture[str], there: int, full: bool
) -> None:
    with open_trace(many) as trace:
        lines = [one.seq for one in trace.find(kind="line", function="wide")]
    assert cli.main(["state", many, str(lines[there]), *(["--full"] if full else [])]) == 0
    said = capfd.readouterr().out.splitlines()
    first = 0 if full else max(there - 20, 0)
    names = [row.replace("*", " ").split()[0] for row in said if " = " in row and "v" in row]
    assert [name for name in names if name[0] == "v"] == [f"v{n:02}" for n in range(first, there)]
    left = f"… {first} more variables (--full)"
    assert [row.strip() for row in said if "more variables" in row] == [left] * (first > 0)


def test_what_changed_and_what_came_of_it(path: str, says: Says) -> None:
    returned = event(path, kind="return", function="fill")
    said = says("state", str(returned))
    assert said[1].startswith("  → returned Basket(items=[")
    assert "  * __main__.SETTINGS = {'retries': 4}  (line 14)" in says("state", str(returned - 1))
    start = event(path, kind="call", function="fill")
    assert "      * names = ('needle', 'thread', 'a needle case')" in says("state", str(start))
    (facts,) = rows(says("state", str(returned), "--json"))
    assert (facts["kind"], facts["function"], len(facts["stack"])) == ("return", "fill", 3)
    assert facts["stack"][-1]["locals"]["name"] == "a needle case"


def test_values_are_cut_unless_all_is_asked_for(path: str, says: Says) -> None:
    seq = str(event(path, kind="call", function="pick"))
    assert any(row.endswith("…") or "…" in row for row in says("state", seq))
    full = says("state", seq, "--full")
    assert any("{'name': 'a needle case', 'price': 13}" in row for row in full)
    assert any(row.strip().startswith("shop = ") for row in full)


@pytest.mark.provokes("EVENT_NOT_FOUND", "INVALID_ARGUMENT")
@pytest.mark.parametrize("asked", ["99999999", "soon", "1.5", "-3", ""])
def test_a_moment_that_is_none(path: str, capfd: pytest.CaptureFixture[str], asked: str) -> None:
    assert cli.main(["state", path, asked]) == 2
    assert "ERR_" in capfd.readouterr().err


def test_moments_by_time_and_part(path: str, says: Says) -> None:
    with open_trace(path) as trace:
        events, started = len(trace), trace.header["started"]
        half = trace[events // 2]
    (facts,) = rows(says("state", "50%", "--json"))
    assert facts["seq"] == half.seq
    (facts,) = rows(says("state", f"{half.time - started}ns", "--json"))
    assert facts["time"] == half.time and facts["seq"] <= half.seq


# ---- print --------------------------------------------------------------------------------------


def test_each_selector_of_print(path: str, says: Says) -> None:
    def events(*words: str) -> list[dict[str, Any]]:
        return rows(says("print", "--json", *words))

    everything = events()
    for words, keeps in (
        (["--function", "pi*"], lambda e: e["function"] == "pick"),
        (["--file", "looked.py"], lambda e: e["file"].endswith("looked.py")),
        (["--line", "19"], lambda e: e["line"] == 19),
        (["--kind", "raise"], lambda e: e["kind"] == "raise"),
        (["--task", "Task-2"], lambda e: e["task"] == "Task-2"),
        (["--since", "30"], lambda e: e["seq"] >= 30),
        (["--until", "30"], lambda e: e["seq"] < 30),
        (["--around", "30", "--limit", "4"], lambda e: 26 <= e["seq"] <= 34),
        (["--changed", "name"], lambda e: "name" in e["changed"]),
        (["--own"], lambda e: "/lib/python3" not in e["file"]),
    ):
        wanted = [e for e in everything if keeps(e)]
        assert events(*words) == wanted and wanted, words
        assert events(*words, "--backwards") == wanted[::-1]
        if "--around" not in words:
            assert events(*words, "--limit", "2") == wanted[:2]
    assert any("{'name': 'a needle case', 'price': 13}" in row for row in says("print", "--full"))


# ---- grep ---------------------------------------------------------------------------------------


def places(lines: list[str]) -> set[tuple[str, str, str]]:
    return {(f["function"], f["what"], f["name"] + f["path"]) for f in rows(lines) if "seq" in f}


def test_each_place_that_a_value_is_in(says: Says) -> None:
    found = places(says("grep", "needle", "--json"))
    assert found == {  # an element stands for all of its list
        ("fill", "argument", "names[0]"),
        ("fill", "variable", "name"),
        ("fill", "variable", "basket.items[0]['name']"),
        ("fill", "result", ".items[0]['name']"),
        ("shop", "variable", "basket.items[0]['name']"),
        ("pick", "argument", "basket.items[0]['name']"),
        ("pick", "result", "['name']"),
    }
    assert ("fill", "argument", "names[2]") in places(says("grep", "needle case", "--json"))
    assert places(says("grep", "NEEDLE", "--json", "--function", "shop")) == {
        ("shop", "result", "")
    }
    assert places(says("grep", "NEEDLE", "--json", "--ignore-case")) > found
    assert places(says("grep", "list index", "--json")) == {
        ("pick", "exception", "[0]"), ("pick", "variable", "exc[0]"),
        ("pick", "exception", ".__cause__[0]"), ("shop", "exception", ".__cause__[0]"),
    }  # fmt: skip
    assert ("wait", "result", "") in places(says("grep", "^(111|222)$", "--json"))


def test_a_place_is_told_once_with_how_often(path: str, says: Says) -> None:
    first = [f for f in rows(says("grep", "needle", "--json")) if f.get("name") == "name"]
    assert [(f["value"], f["events"]) for f in first] == [("needle", 2)]
    assert first[0]["last"] > first[0]["seq"]
    with open_trace(path) as trace:
        assert trace.at(first[0]["seq"]).event.locals["name"].to_python() == "needle"
        assert trace.at(first[0]["last"]).event.locals["name"].to_python() == "a needle case"


def test_names(says: Says) -> None:
    found = {
        (f["what"], f["name"], f["function"])
        for f in rows(says("grep", "bask", "--json"))
        if "seq" not in f
    }
    assert found == {("variable", "basket", f) for f in ("fill", "pick", "shop")}
    found = {
        (f["what"], f["name"]) for f in rows(says("grep", "^SETT", "--json")) if "seq" not in f
    }
    assert ("global", "__main__.SETTINGS") in found
    assert any("function pick" in row for row in says("grep", "^pi.k$"))


def test_a_text_is_no_expression(says: Says) -> None:
    assert places(says("grep", "no 7.", "--json")) == set()
    assert places(says("grep", "n. 7", "--json")) >= {("pick", "exception", "[0]")}
    assert places(says("grep", "n. 7", "--json", "--fixed")) == set()


NAMED = [
    ("print",),
    ("state", "0"),
    ("calls",),
    ("history", "SETTINGS"),
    ("watch", "SETTINGS"),
    ("why", "SETTINGS", "--at", "9"),
    ("find", "--at", "looked.py:4"),
    ("grep", "retries"),
    ("tree",),
    ("stats",),
    ("exceptions", "--in", "pick"),
]


@pytest.mark.parametrize("asked", NAMED, ids=lambda asked: asked[0])
def test_one_name_of_what_runs(path: str, says: Says, asked: tuple[str, ...]) -> None:
    """A body is no function, and every command says so in the same words."""
    said = "\n".join(says(asked[0], *asked[1:]))
    assert "module __main__" in said
    assert "<module>" not in said
