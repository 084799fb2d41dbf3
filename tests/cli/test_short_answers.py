"""What the commands leave out of their answers, that they say so, and how it is had all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli
from recorder.trace.paths import ShortPaths
from recorder.trace.reader import open_trace
from tests.conftest import ENVIRONMENT

PROGRAM = """\
class Queue:
    def __init__(self, names):
        self.names = names
        self.waiting = {}
        self.add = self.put
        self.drop = self.take
        self.again = self.put_again
    def put(self, name, row):
        self.waiting[name] = row
    def take(self, name):
        return self.waiting.pop(name)
    def put_again(self, name):
        self.put(name, self.take(name))
    def __len__(self):
        return len(self.waiting)

def find(queue, name):
    if name in queue.names:
        if name:
            if queue:
                return queue.waiting.get(name)
    return None

class Memory:
    def __init__(self):
        self.asked = 0
    def ask(self, text):
        self.asked += 1
        return text * self.asked

def work():
    queue = Queue([f"name {n}" for n in range(40)])
    queue.put("name 1", {"price": 1})
    queue.put("name 2", {"price": 2})
    found = find(queue, "name 2")
    found["price"] = 5
    memory = Memory()
    said, again = memory.ask("a"), memory.ask("a")
    wanted = {"name 1": {"price": 1}, "name 2": {"price": 2}}
    assert queue.waiting == wanted

work()
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a program that fails."""
    folder = tmp_path_factory.mktemp("short")
    program, trace = folder / "queues.py", folder / "queues.rtrace"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "recorder", "run", "-o", str(trace), str(program)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 1
    return trace


@pytest.fixture
def says(capfd: pytest.CaptureFixture[str], trace: Path) -> Callable[..., str]:
    def run(command: str, *words: object) -> str:
        assert cli.main([command, str(trace), *map(str, words)]) == 0
        return capfd.readouterr().out

    return run


Says = Callable[..., str]


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(PROGRAM.split("\n"), 1) if text in line)


def test_lines_at_which_nothing_is_new_are_one_row(says: Says) -> None:
    first = line_of("if name in")
    rows = says("print", "--function", "find").splitlines()
    assert f"queues.py:{first}, {first + 1}, {first + 2}" in rows[1]
    whole = says("print", "--function", "find", "--full").splitlines()
    assert [row.split()[3] for row in whole[1:4]] == [f"queues.py:{first + n}" for n in range(3)]
    events = says("print", "--function", "find", "--json").splitlines()
    assert len(events) == len(whole)


def test_a_long_value_is_told_by_what_changed_in_it(says: Says) -> None:
    put = says("print", "--function", "Queue.put").splitlines()
    assert "self.waiting['name 1']: (not there) → {'price': 1}" in put[2]
    assert "names=" not in put[2]
    assert "names=" in says("print", "--function", "Queue.put", "--full").splitlines()[2]


def test_bound_methods_are_told_by_their_number(says: Says, trace: Path) -> None:
    call = says("calls", "--function", "Queue.take", "--self")
    assert call == ""  # it is never called; below they are in a value that is
    with open_trace(trace) as opened:
        (event,) = opened.find("return", function="Queue.__init__")
        queue = event.locals["self"]
        assert "… 3 bound methods" in queue._show(900, short=True)
        assert "bound method" not in queue._show(900, short=True).replace("… 3 bound methods", "")
        assert queue.show(5_000).count("<bound method") == 3
        assert "__main__" not in queue._show(900, short=True)


def test_calls_to_a_depth(says: Says) -> None:
    whole = says("calls").splitlines()
    rows = says("calls", "--depth", 2).splitlines()
    assert len(rows) == 4  # the module, the bodies of the classes, and work
    assert rows[-1].endswith(f"… {len(whole) - 4} calls below"), rows
    facts = [json.loads(row) for row in says("calls", "--depth", 2, "--json").splitlines()]
    assert [one.get("left_out") for one in facts] == [None, None, None, len(whole) - 4]


def test_the_levels_of_a_tree_count_from_the_call_that_is_asked_for(
    says: Says, trace: Path
) -> None:
    with open_trace(trace) as opened:
        put = next(iter(opened.find("call", function="Queue.put"))).seq
    assert "Queue.put" in says("tree", "--from", put, "--depth", 1).splitlines()[-1]


def test_who_wrote_it_stands_behind_what_changed(says: Says) -> None:
    rows = says("watch", "queue.waiting", "--function", "work").splitlines()
    line = line_of("self.waiting[name] = row")
    assert f"by Queue.put queues.py:{line} at event " in rows[1]
    facts = [
        json.loads(row)
        for row in says("watch", "queue.waiting", "--function", "work", "--json").splitlines()
    ]
    written = facts[1]["written"]
    assert (written["function"], written["line"], written["path"]) == (
        "Queue.put",
        line,
        "self.waiting",
    )
    assert written["callers"] == []
    assert "written" not in facts[0]


def test_the_way_back_tells_each_value_once(says: Says) -> None:
    """And where it was returned; a value that is long, as it was before, is not written again."""
    told = says("why", "said", "--function", "work")
    assert f"queues.py:{line_of('return text')} in Memory.ask, event " in told
    rows = says("why", "said", "--function", "work", "--json").splitlines()
    assert json.loads(rows[0])["returned_at"]["function"] == "Memory.ask"
    told = says("why", "queue", "--function", "find")
    assert told.splitlines()[2].endswith("  queue = (the same)")


def test_an_assert_tells_in_what_the_two_differ(says: Says) -> None:
    page = says("explain")
    assert "differs: queue.waiting['name 2']['price'] is `5`, and of `wanted` `2`" in page


def test_two_calls_with_another_result_are_to_be_compared(
    capfd: pytest.CaptureFixture[str], trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDER_NEXT", "1")
    assert cli.main(["calls", str(trace), "--function", "Memory.ask"]) == 0
    said = capfd.readouterr().err
    with open_trace(trace) as opened:
        first, second = (one.seq for one in opened.find("call", function="Memory.ask"))
    assert f"next: recorder diff {trace} --calls {first},{second}" in said
    assert cli.main(["diff", str(trace), "--calls", f"{first},{second}"]) == 1


def test_what_was_cut_off_a_part_is_not_lost(
    capfd: pytest.CaptureFixture[str], trace: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part.rtrace"
    assert cli.main(["cut", str(trace), "-o", str(part), "--since", "60", "--until", "90"]) == 0
    capfd.readouterr()
    assert cli.main(["print", str(part), "--json"]) == 0
    events = [json.loads(row) for row in capfd.readouterr().out.splitlines()]
    assert events[0]["seq"] == 60
    assert not any("lost_before" in event for event in events)
    for form in ("jsonl", "perfetto"):
        out = tmp_path / f"part.{form}"
        assert cli.main(["export", str(part), "--to", form, "-o", str(out)]) == 0
        text = out.read_text()
        assert "lost_before" not in text and "events lost" not in text


# Paths, and what each is called.
SHORT = [
    (["/a/x.py", "/a/y.py"], ["x.py", "y.py"]),
    (["/a/x.py", "/b/x.py", "/b/y.py"], ["a/x.py", "b/x.py", "y.py"]),
    (["/p/a/x.py", "/q/a/x.py"], ["p/a/x.py", "q/a/x.py"]),
    (["x.py", "/a/x.py"], ["x.py", "a/x.py"]),
    (["<string>", ""], ["<string>", ""]),
]


@pytest.mark.parametrize(("paths", "names"), SHORT)
def test_short_paths(paths: list[str], names: list[str]) -> None:
    short = ShortPaths(paths)
    assert [short(path) for path in paths] == names
    assert short("/other.py") == "/other.py"


PASSED_ON = """\
class Base:
    def __init__(self):
        self.rows = []
    def add(self, row):
        self.rows.append(row)
class Gift(Base):
    def add(self, row):
        super().add(row + 1)
def main():
    for shelf in (Base(), Gift()):
        shelf.add(1)
        shelf.add(1)
main()
"""


@pytest.mark.parametrize("backwards", [[], ["--backwards"]])
def test_a_write_that_callers_see_as_well_is_one_row(
    backwards: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trace_of: Callable[[Path], Path],
) -> None:
    program = tmp_path / "passed_on.py"
    program.write_text(PASSED_ON)
    asked = ["watch", str(trace_of(program)), "self.rows", "--of", "Base", *backwards]
    assert cli.main(asked) == 0
    told = capsys.readouterr().out.splitlines()
    rows = [row for row in told if "(not there)" in row]
    added = [row.partition("(not there) → ")[2][0] for row in rows]
    assert added == (list("2211") if backwards else list("1122"))
    assert all("Base.add" in row for row in rows)
    assert cli.main([*asked, "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(told)  # for programs as well
