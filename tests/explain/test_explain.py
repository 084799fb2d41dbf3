"""`recorder explain`: one page that stays within its budget, says only what is in the trace, and by which event."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import recorder
from recorder import cli
from recorder.explain.markdown import code
from recorder.explain.tokens import TokenQuota, fitting, tokens
from tests.conftest import ENVIRONMENT, Run
from tests.tools.tape_tools import in_turn, until

PROGRAMS = {
    "fails": """\
def share(total, parts):
    return total / parts

def report(rows):
    count = len(rows)
    return share(10, count)

password = "hunter2"
report([])
""",
    "large": """\
text = 'x' * 1_000_000
names = [text[:200]] * 500
print(text[:3], names[0][:2])
raise ValueError(text)
""",
    "many": """\
def attempt(n):
    raise KeyError(n)

for n in range(400):
    try:
        attempt(n)
    except KeyError:
        pass
print(n)
""",
    "imports": """\
def find(name):
    return {"tea": 3}[name]

try:
    find("milk")
except KeyError:
    pass
for number in range(5):
    try:
        import nothing_of_this_name
    except ImportError:
        pass
""",
    "silent": "total = 1\n",
    "service": """\
import asyncio

PRICES = {"tea": 3}

def price(name):
    return PRICES[name]

async def handle(name):
    return price(name)

async def tick():
    while True:
        await asyncio.sleep(9)

async def serve():
    ticking = asyncio.create_task(tick())
    for name in ("tea", "coffee"):
        await answer(handle, name)
    print("done")
    ticking.cancel()

asyncio.run(serve())
""",
    "worker": """\
from concurrent.futures import ThreadPoolExecutor

def work(n):
    return 6 // n

with ThreadPoolExecutor(1) as pool:
    future = pool.submit(work, 0)
print(type(future.exception()).__name__)
""",
    "thread": """\
import threading

def work(n):
    return 6 // n

before, threading.excepthook = threading.excepthook, threading.__excepthook__
thread = threading.Thread(target=work, args=(0,))
thread.start()
thread.join()
threading.excepthook = before
""",
    "nothing": "",
    "marks": "text = '`` ` \\x1b[31m\\n# heading'\nprint(text)\n",
}
LEAST, SOME, MUCH = 200, 400, 2_000


async def answer(handle: Callable[[str], Awaitable[int]], name: str) -> None:
    """As a library answers a request: it is not recorded."""
    try:
        await handle(name)
    except KeyError:
        logging.getLogger("library").exception("no answer to %s", name)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each program, recorded once."""
    folder = tmp_path_factory.mktemp("explain")
    made = {}
    for name, text in PROGRAMS.items():
        program = folder / f"{name}.py"
        program.write_text(text)
        made[name] = folder / f"{name}.rtrace"
        compiled = compile(text, str(program), "exec")
        policy = recorder.Policy(include=[str(program)], exclude=[__file__])
        with recorder.record(made[name], policy=policy):
            try:
                exec(compiled, {"__name__": "__main__", "__file__": str(program), "answer": answer})
            except (ZeroDivisionError, ValueError):
                pass
    return made


def asked(capfd: pytest.CaptureFixture[str], *words: object) -> str:
    capfd.readouterr()
    assert cli.main(["explain", *map(str, words)]) == 0
    return capfd.readouterr().out


@pytest.mark.parametrize("budget", [LEAST, SOME, MUCH])
@pytest.mark.parametrize("name", list(PROGRAMS))
def test_a_page_stays_within_its_budget(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str], name: str, budget: int
) -> None:
    page = asked(capfd, traces[name], "--budget", budget)
    assert tokens(page) <= budget
    assert page.startswith(f"# recorder explain {name}.rtrace\n")
    assert not re.search(r"[^\x20-\x7e\n…→]", page)
    if budget == MUCH:
        assert "What to ask next" in page or name == "nothing"


def test_what_is_left_out_is_said(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    page = asked(capfd, traces["fails"], "--budget", SOME)
    assert "a larger budget has it" in page
    assert "left out" not in asked(capfd, traces["fails"], "--budget", 5_000)


def test_the_way_of_a_failing_value(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """From the exception through the call that gave the argument, to what made it, each with its event."""
    page = asked(capfd, traces["fails"])
    with recorder.open_trace(traces["fails"]) as trace:
        (raised,) = trace.exceptions()
        counted = next(trace.history("count"))
    assert f"- #{raised.origin.seq} `ZeroDivisionError('division by zero')` raised in share" in page
    assert "- in" not in page
    assert "`parts = 0`  fails.py:6  `return share(10, count)`; given as count" in page
    assert f"- #{counted.seq} `count = 0`  fails.py:5  `count = len(rows)`" in page
    assert "hunter2" not in page


def test_every_statement_that_is_about_an_event_has_its_number(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    page = json.loads(asked(capfd, traces["fails"], "--json"))
    with recorder.open_trace(traces["fails"]) as trace:
        events = len(trace)
    for section in page["sections"]:
        for said in section["statements"]:
            assert said["seq"] is None or 0 <= said["seq"] < events
    way = next(one for one in page["sections"] if one["title"] == "Where it comes from")
    assert all(said["seq"] is not None for said in way["statements"])
    assert {one["command"] for one in page["next"]} <= set(cli.COMMANDS)


def test_what_is_suggested_can_be_asked(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("fails", "many", "marks"):
        for one in json.loads(asked(capfd, traces[name], "--json"))["next"]:
            capfd.readouterr()
            assert cli.main([one["command"], str(traces[name]), *one["words"]]) == 0
            assert capfd.readouterr().out


def test_many_exceptions_are_counted(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    page = asked(capfd, traces["many"])
    assert "exceptions that did not leave it in the last 2,000 events" in page
    assert "`KeyError(399)` raised in attempt  many.py:2; handled at many.py:6" in page


def test_what_a_module_did_without_comes_last(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    page = asked(capfd, traces["imports"])
    assert page.index("KeyError('milk')") < page.index("ModuleNotFoundError")
    assert "what led to the last one that was handled" in page and "`name = 'milk'`" in page


def test_a_run_that_passed(traces: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    page = asked(capfd, traces["fails"], "--passing", traces["silent"])
    assert "## What differs from the run that passed" in page
    assert tokens(page) <= MUCH
    same = asked(capfd, traces["fails"], "--passing", traces["fails"])
    assert "no difference in" in same


def test_what_left_the_recorded_code_was_not_left_unhandled(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """A library answers it, and tells of it: that is where the way begins, and not at what was printed last."""
    page = asked(capfd, traces["service"])
    assert "raised in price  service.py:6; it left the recorded code, from handle" in page
    assert "raised in tick  service.py:11; it left the recorded code, from tick" in page
    told = "told: `ERROR library: no answer to coffee  ! KeyError('coffee')  [during "
    with recorder.open_trace(traces["service"]) as trace:
        unwound = list(trace.find("unwind", function="handle"))[-1].seq
        raised = next(trace.find("raise", function="price")).seq
    assert f"- #{unwound} {told}" in page
    assert f"- #{raised} begins at service.py:6" in page


def test_who_took_what_left_a_thread(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a pool's worker the pool; of a thread of its own nobody, as `threading` told."""
    page = asked(capfd, traces["worker"])
    assert "no exception left the program" in page
    assert "raised in work  worker.py:4; it left the recorded code, from work" in page
    page = asked(capfd, traces["thread"])
    assert "no exception left" not in page
    assert "raised in work  thread.py:4; it left the recorded code, from work" in page
    assert "in work  thread.py:4" in page


RUNNER = """\
import sys, unittest
def half(n):
    return n // 2
class Test(unittest.TestCase):
    def test_half(self):
        wanted = 1.5
        self.assertEqual(half(3), wanted)
if sys.argv[1:]:
    unittest.main(argv=sys.argv[:1])
try:
    half(None)
except TypeError:
    sys.exit(5)
"""


def test_what_made_other_code_exit_is_what_went_wrong(
    tmp_path: Path, run_recorded: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """A test runner takes what a test raises, and exits. What the program does itself is seen, step by step."""
    result = run_recorded(RUNNER, arguments=("test",))
    assert result.status == 1
    page = asked(capfd, result.trace)
    first = page[page.index("## What went wrong") :].splitlines()[2]
    assert "`AssertionError('1 != 1.5')` raised in Test.test_half" in first
    assert "SystemExit" in page and "wanted = 1.5" in page
    result = run_recorded(RUNNER, output=tmp_path / "own.rtrace")
    page = asked(capfd, result.trace)
    first = page[page.index("## What went wrong") :].splitlines()[2]
    assert "`SystemExit(5) while handling TypeError(" in first
    result = run_recorded("import sys\nsys.exit()\n", output=tmp_path / "well.rtrace")
    page = asked(capfd, result.trace)
    assert "nothing failed at its end" in page and "SystemExit" not in page.partition("## Where")[0]


@pytest.mark.parametrize("budget", ["0", "199", "-1", "100001"])
def test_no_page_is_so_small_or_large(
    traces: dict[str, Path], capfd: pytest.CaptureFixture[str], budget: str
) -> None:
    assert cli.main(["explain", str(traces["fails"]), f"--budget={budget}"]) == 2
    assert "--budget" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("a``b", "```a``b```"),
        ("`a", "`` `a ``"),
        ("a\nb", "`a\\nb`"),
        ("```", "```` ``` ````"),
    ],
)
def test_code_is_code_whatever_it_holds(text: str, shown: str) -> None:
    assert code(text) == shown


TEXTS = in_turn(
    ["", "a", "hello world", "x" * 999, "1234567890", "\n\n\n", "   ", "é" * 9, "日本", "a_b.c[0]"]
)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_of_two_texts_are_no_fewer_than_of_each(text: str) -> None:
    assert tokens(text) <= tokens(text + text) <= 2 * tokens(text) + 1
    assert tokens(text) <= len(text.encode())


def test_room() -> None:
    quota = TokenQuota(3)
    assert quota.takes("abc") and not quota.takes("abcdefghi") and quota.left == 1
    assert fitting(["abc", "def", "abc" * 90, "g"], 5) == ["abc", "def"]


def test_a_part_has_the_numbers_that_the_whole_had(
    traces: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part.rtrace"
    assert cli.main(["cut", str(traces["many"]), "--since", "75%", "-o", str(part)]) == 0
    with recorder.open_trace(part) as trace:
        numbers = [event.seq for event in trace.events()]
        first, last = numbers[0], numbers[-1]
    assert first > 100
    page = asked(capfd, part)
    numbers = [int(number) for number in re.findall(r"^- #(\d+)", page, re.M)]
    assert numbers and all(first <= number <= last for number in numbers)
    assert f"- #{last} it ended there" in page
    assert "KeyError(399)" in page


def test_what_is_imported_comes_behind_what_a_line_reads(
    run_recorded: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run_recorded("import sys\nstatus = 3\nprint()\nprint('over')\nsys.exit(status)\n")
    page = asked(capfd, result.trace)
    way = page.partition("## Where it comes from")[2]
    assert "status = 3" in way
    assert way.index("status = 3") < way.find("sys = <module") % len(way)
    assert "stdout: `over`" in page and "stdout: ``" not in page
    result = run_recorded("import datetime\nday = 3\ndatetime.day(2026, 11, day)\n")
    assert "datetime = <module" in asked(capfd, result.trace)


def test_the_last_output_is_what_was_printed_last(
    run_recorded: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """And not what was written last: that had waited in a buffer."""
    program = "import sys\nfor n in range(5):\n    print('row', n)\nsys.stderr.write('over\\n')\n"
    result = run_recorded(program, env={**ENVIRONMENT, "PYTHONUNBUFFERED": ""})
    page = asked(capfd, result.trace)
    told = re.findall(r"std(?:out|err): `([^`]*)`", page)
    assert told == ["row 3", "row 4", "over"]


def test_a_signal_that_ended_it_has_its_name(
    run_recorded: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    program = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    result = run_recorded(program)
    until(result.trace.exists)  # what writes it outlives the program
    assert "it ended there; ended by SIGINT" in asked(capfd, result.trace)


OF_A_PART = """\
class Order:
    LATER

def place():
    order = Order()
    return order

placed = place()
if PART != 1:
    raise ValueError("wrong")
"""


@pytest.mark.parametrize(
    ("later", "part", "told"),
    [
        ("pass", "getattr(placed, 'total', 0)", ""),
        ("total = property(lambda self: 3)", "placed.total", "placed, of which total is not known, is first seen"),
    ],
)  # fmt: skip
def test_a_part_that_code_makes_is_not_said_to_be_missing(
    later: str, part: str, told: str, run_recorded: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    done = run_recorded(OF_A_PART.replace("LATER", later).replace("PART", part))
    page = asked(capfd, done.trace)
    assert "which has no" not in page
    assert told in page
