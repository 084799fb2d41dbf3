"""An editor's session over a trace: where it stops, what it shows, in both directions. The client checks each message
against the protocol's schema."""

from __future__ import annotations

import random
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.dap.inspection import CHANGES
from recorder.trace.reader import open_trace
from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools.dap_client import Failed, Session

PROGRAM = textwrap.dedent("""\
    import sys
    class Basket:
        def __init__(self):
            self.items = []
            self.sizes = {}
        def add(self, name, price):
            self.items.append((name, price))
            self.sizes[name] = len(self.items)
            return len(self.items)
    def total(basket):
        t = 0
        for name, price in basket.items:
            t += price
        return t
    def checked(basket):
        try:
            return total(basket) / 0
        except ZeroDivisionError as exc:
            return str(exc)
    def gen(n):
        for i in range(n):
            yield i * 2
    b = Basket()
    for k, n in enumerate("abcd"):
        b.add(n, k)
    print(total(b))
    print(list(gen(3)))
    print(checked(b))
    password = "hunter2"
    big = list(range(5000))
    raise ValueError(total(b))
    """)
ADD, SUM, LOOP = 7, 13, 25  # lines


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dap") / "shop.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def trace(program: Path) -> Path:
    path = program.with_suffix(".rtrace")
    done = subprocess.run(
        recorder_command("run", "-o", path, program),
        cwd=program.parent,
        env=ENVIRONMENT,
        capture_output=True,
    )
    assert done.returncode == 1, done.stderr
    return path


@pytest.fixture
def editor(session: Session, trace: Path) -> Session:
    """Attached, and with no breakpoint yet."""
    return session.attach(trace)


def names(stack: list[tuple[str, int]]) -> list[str]:
    return [f"{name}:{line}" for name, line in stack]


# ---- steps ----


def test_it_begins_at_the_first_line_that_runs(editor: Session) -> None:
    stop = editor.begin()
    assert (stop.reason, names(stop.stack)) == ("entry", ["module __main__:1"])


def test_steps_go_where_those_of_a_debugger_go(editor: Session) -> None:
    editor.begin()
    seen = []
    for command in ["next", "next", "next", "next", "next", "stepIn", "next", "stepIn", "stepIn"]:
        seen.append((command, editor.move(command).stack[0]))
    assert seen == [
        ("next", ("module __main__", 2)),
        ("next", ("module __main__", 10)),
        ("next", ("module __main__", 15)),
        ("next", ("module __main__", 20)),
        ("next", ("module __main__", 23)),
        ("stepIn", ("Basket.__init__", 4)),
        ("next", ("Basket.__init__", 5)),
        ("stepIn", ("module __main__", 23)),  # the call is over, and its caller's line is not
        ("stepIn", ("module __main__", 24)),
    ]


@pytest.mark.parametrize("command", ["next", "stepIn", "stepOut"])
def test_steps_end_at_the_end_of_the_recording(editor: Session, command: str) -> None:
    editor.begin()
    for _ in range(300):
        stop = editor.move(command)
        if "text" in stop.body:
            break
    assert stop.body["text"] == "the end of the recording; it exited with 1"
    assert editor.move("stepBack").stack


@pytest.mark.parametrize("command", ["stepBack", "recorder.stepBackIn", "recorder.stepBackOut"])
def test_steps_back_end_at_the_beginning(editor: Session, command: str) -> None:
    editor.begin()
    editor.move("continue")
    for _ in range(300):
        stop = editor.move(command)
        if "text" in stop.body:
            break
    assert stop.body["text"] == "the beginning of the recording"
    assert names(stop.stack) == ["module __main__:1"]


def test_what_goes_over_a_line_comes_back_over_it(editor: Session, program: Path) -> None:
    """Within one function, every `next` is undone by `stepBack`."""
    editor.break_at(program, 11)
    editor.begin()
    editor.move("continue")
    lines = [editor.move("next").stack[0] for _ in range(6)]
    back = [editor.move("stepBack").stack[0] for _ in range(6)]
    assert back == [("total", 11), *lines[:-1]][::-1]


def test_a_step_stops_at_breakpoints_on_its_way(editor: Session, program: Path) -> None:
    editor.break_at(program, LOOP)
    editor.begin()
    editor.move("continue")
    editor.break_at(program, ADD)
    stop = editor.move("next")
    assert (stop.reason, stop.stack[0]) == ("breakpoint", ("Basket.add", ADD))
    assert editor.move("stepOut").stack[0][1] == LOOP
    stop = editor.move("stepBack")
    assert (stop.reason, stop.stack[0]) == ("breakpoint", ("Basket.add", ADD))
    editor.break_at(program)
    editor.move("stepOut")
    assert editor.move("stepBack").stack[0][1] == LOOP


# ---- breakpoints ----


def test_breakpoints_are_met_in_both_directions(editor: Session, program: Path) -> None:
    assert [one["verified"] for one in editor.break_at(program, SUM)] == [True]
    editor.begin()
    forwards = []
    while (stop := editor.move("continue")).reason == "breakpoint":
        forwards.append((names(stop.stack), editor.evaluate("t"), editor.evaluate("price")))
    assert len(forwards) == 3 * 4  # total() is called three times
    back = []
    while (stop := editor.move("reverseContinue")).reason == "breakpoint":
        back.append((names(stop.stack), editor.evaluate("t"), editor.evaluate("price")))
    assert back == forwards[::-1]


def test_a_breakpoint_moves_to_the_next_line_with_code(editor: Session, program: Path) -> None:
    moved, beyond = editor.break_at(program, 19, 4_000)
    assert (moved["verified"], moved["line"]) == (True, 19)
    assert not beyond["verified"] and "no code" in beyond["message"]
    (unknown,) = editor.break_at("/nowhere/else.py", 3)
    assert (unknown["verified"], unknown["message"]) == (False, "no code of this file was recorded")


@pytest.mark.parametrize(
    ("conditions", "met"),
    [
        ({"condition": "price > 1"}, ["2", "3"] * 3),
        ({"condition": "price > 1 and t == 3"}, ["3"] * 3),
        ({"hitCondition": "2"}, ["1"]),
        ({"hitCondition": ">10"}, ["2", "3"]),
        ({"hitCondition": "<= 2"}, ["0", "1"]),
        ({"hitCondition": "%4"}, ["3", "3", "3"]),
        ({"condition": "price == 2", "hitCondition": "3"}, ["2"]),
    ],
)
def test_conditions(
    editor: Session, program: Path, conditions: dict[str, Any], met: list[str]
) -> None:
    (point,) = editor.break_at(program, SUM, **conditions)
    assert point["verified"]
    editor.begin()
    for command in ("continue", "reverseContinue"):
        found = []
        while (stop := editor.move(command)).reason == "breakpoint":
            assert stop.body["hitBreakpointIds"] == [point["id"]]
            found.append(editor.evaluate("price"))
        assert found == (met if command == "continue" else met[::-1])


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"condition": "price >"}, "expression"),
        ({"hitCondition": "often"}, "hitCondition"),
        ({"logMessage": "{price +}"}, "log"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(
    editor: Session, program: Path, conditions: dict[str, Any], said: str
) -> None:
    (point,) = editor.break_at(program, SUM, **conditions)
    assert not point["verified"] and said in point["message"]


def test_a_condition_that_fails_is_told_once(editor: Session, program: Path) -> None:
    editor.break_at(program, SUM, condition="nothing > 1")
    editor.begin()
    assert "text" in editor.move("continue").body
    said = [one for one in editor.output() if "condition" in one]
    assert said == [
        "the condition of a breakpoint cannot be asked: NameError: name 'nothing' is not defined\n"
    ]


def test_log_points_speak_and_do_not_stop(editor: Session, program: Path) -> None:
    editor.break_at(program, ADD, logMessage="{name} costs {price}")
    editor.begin()
    assert "text" in editor.move("continue").body
    told = [f"{name} costs {price}\n" for price, name in enumerate("abcd")]
    assert [one for one in editor.output() if "costs" in one] == told
    editor.events.clear()
    editor.move("reverseContinue")
    assert [one for one in editor.output() if "costs" in one] == told[::-1]


def test_breakpoints_on_functions(editor: Session) -> None:
    found = editor.ask(
        "setFunctionBreakpoints",
        breakpoints=[{"name": "Basket.add", "condition": "price == 2"}, {"name": "totel"}],
    )["breakpoints"]
    assert found[0]["verified"]
    assert not found[1]["verified"] and "total" in found[1]["message"]
    editor.begin()
    stop = editor.move("continue")
    assert (stop.reason, stop.stack[0][0]) == ("function breakpoint", "Basket.add")
    assert editor.evaluate("name") == "'c'"
    assert editor.move("stepBack").stack == [
        ("module __main__", LOOP)
    ]  # it stood where the call begins


@pytest.mark.parametrize(
    ("filters", "met"),
    [
        ({"filters": ["raised"]}, ["ZeroDivisionError", "ValueError"]),
        ({"filters": ["uncaught"]}, ["ValueError"]),
        ({"filters": []}, []),
        (
            {"filters": [], "filterOptions": [{"filterId": "raised", "condition": "ZeroDivisionError, KeyError"}]},
            ["ZeroDivisionError"],
        ),
    ],
)  # fmt: skip
def test_breakpoints_on_exceptions(
    editor: Session, filters: dict[str, Any], met: list[str]
) -> None:
    editor.ask("setExceptionBreakpoints", **filters)
    editor.begin()
    for command in ("continue", "reverseContinue"):
        found = []
        while (stop := editor.move(command)).reason == "exception":
            info = editor.ask("exceptionInfo", threadId=1)
            assert info["exceptionId"] in stop.body["text"]
            found.append(info["exceptionId"])
        assert found == (met if command == "continue" else met[::-1])


def test_an_exit_is_no_exception_unless_it_is_named(
    session: Session, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "exits_of_dap.py"
    program.write_text("import sys\nsys.exit(0)\n")
    session.attach(trace_of(program))
    session.ask("setExceptionBreakpoints", filters=["uncaught"])
    session.begin()
    assert session.move("continue").body["text"] == "the end of the recording; it exited with 0"
    named = [{"filterId": "uncaught", "condition": "SystemExit"}]
    session.ask("setExceptionBreakpoints", filters=[], filterOptions=named)
    assert session.move("reverseContinue").reason == "exception"


@pytest.mark.parametrize(
    ("line", "path", "values"),
    [
        (13, ["t"], ["0", "0", "1", "3", "6"]),
        (9, ["self", "items"], None),
    ],
)
def test_breakpoints_on_data(
    editor: Session, program: Path, line: int, path: list[str], values: list[str] | None
) -> None:
    editor.break_at(program, line)
    editor.begin()
    editor.move("continue")
    scopes = editor.ask("scopes", frameId=editor.frame())["scopes"]
    dear = [one["name"] for one in scopes if one["expensive"]]
    assert dear == ["Globals"]  # an editor opens the others by itself
    reference = next(one["variablesReference"] for one in scopes if one["name"] == "Locals")
    for name in path[:-1]:
        reference = editor.children(reference)[name]["variablesReference"]
    info = editor.ask("dataBreakpointInfo", name=path[-1], variablesReference=reference)
    assert info["description"].startswith(".".join(path))
    editor.break_at(program)
    answer = editor.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"]}])
    assert answer["breakpoints"][0]["verified"]
    seen = []
    while editor.move("continue").reason == "data breakpoint":
        seen.append(editor.evaluate(".".join(path)))
    if values is not None:
        assert seen == values[2:]
    for _ in seen:
        assert editor.move("reverseContinue").reason == "data breakpoint"


def test_a_data_breakpoint_leads_back_to_where_it_was_set(editor: Session, program: Path) -> None:
    """Also to the first value, and what did it is said."""
    editor.break_at(program, 14)
    editor.begin()
    editor.move("continue")
    scope = editor.ask("scopes", frameId=editor.frame())["scopes"][0]["variablesReference"]
    told = []
    for name in ("t", "basket"):
        info = editor.ask("dataBreakpointInfo", name=name, variablesReference=scope)
        editor.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"]}])
        back = editor.move("reverseContinue")
        while back.reason == "data breakpoint":
            told.append(back.body["description"])
            back = editor.move("reverseContinue")
        while editor.move("continue").reason != "breakpoint":
            pass
        scope = editor.ask("scopes", frameId=editor.frame())["scopes"][0]["variablesReference"]
    changes = ["Paused: line 13 changed t"] * 3
    assert told == [*changes, "Paused: line 11 set t", "Paused: the call gave basket"]


# ---- what is shown ----


def test_variables_are_the_recorded_ones(editor: Session, program: Path) -> None:
    editor.break_at(program, 9)
    editor.begin()
    for _ in range(2):
        editor.move("continue")
    found = editor.variables()
    assert found["name"]["value"] == "'b'"
    assert found["price"] | {"variablesReference": 0} == {
        "name": "price", "value": "1", "type": "int", "variablesReference": 0, "evaluateName": "price",
    }  # fmt: skip
    own = editor.children(found["self"]["variablesReference"])
    assert own["items"]["value"] == "[('a', 0), ('b', 1)]"
    assert own["items"]["evaluateName"] == "self.items"
    items = editor.children(own["items"]["variablesReference"])
    assert items["1"]["evaluateName"] == "self.items[1]"
    sizes = editor.children(own["sizes"]["variablesReference"])
    assert sizes["'b'"]["value"] == "2" and sizes["'b'"]["evaluateName"] == "self.sizes['b']"
    for each in (own["items"], items["1"], sizes["'b'"]):
        assert editor.evaluate(each["evaluateName"]) == each["value"]


def test_large_values_come_in_pages_and_say_what_is_missing(
    editor: Session, program: Path, trace: Path
) -> None:
    editor.break_at(program, 31)
    editor.begin()
    editor.move("continue")
    big = editor.variables()["big"]
    with open_trace(trace) as opened:
        recorded = next(opened.history("big")).value
        assert recorded is not None
        shown = len(recorded._tree.items)
    assert big["indexedVariables"] == shown < 5000
    reference = big["variablesReference"]
    page = editor.children(reference, filter="indexed", start=10, count=5)
    assert [one["value"] for one in page.values()] == ["10", "11", "12", "13", "14"]
    missing = editor.children(reference, filter="named")
    assert missing["…"]["value"] == f"{5000 - shown:,} more were not recorded"


def test_secrets_stay_secret(editor: Session, program: Path) -> None:
    editor.break_at(program, 31)
    editor.begin()
    editor.move("continue")
    assert editor.variables()["password"]["value"] == "<redacted>"
    assert "hunter2" not in editor.evaluate("password")


def test_results_and_exceptions_have_scopes_of_their_own(editor: Session, program: Path) -> None:
    editor.break_at(program, 9)
    editor.begin()
    editor.move("continue")
    editor.move("stepOut")
    assert editor.variables("Return value")["Basket.add"]["value"] == "1"
    editor.break_at(program)
    editor.ask("setExceptionBreakpoints", filters=["raised"])
    editor.move("continue")
    assert "division" in editor.variables("Exception")["ZeroDivisionError"]["value"]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("[n for n, _ in basket.items]", "['a', 'b', 'c', 'd']"),
        ("t + price", "0"),
        ("len(basket.sizes)", "4"),
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("t = 5", CHANGES),
        ("basket.items[0] = 5", CHANGES),
        ("import os", "'import os' is not an expression"),
        ("open('x')", "open"),
    ],
)
@pytest.mark.parametrize("context", ["hover", "watch", "repl", "clipboard"])
def test_expressions(
    editor: Session, program: Path, expression: str, result: str, context: str
) -> None:
    editor.break_at(program, SUM)
    editor.begin()
    editor.move("continue")
    try:
        said = editor.evaluate(expression, context)
    except Failed as exc:
        said = str(exc)
    assert said == result or (result not in ("0", "4") and result.split()[-1] in said)


def test_one_goes_back_by_words_where_an_editor_has_no_keys_for_it(
    editor: Session, program: Path
) -> None:
    editor.break_at(program, SUM)
    editor.begin()
    first = editor.move("continue")
    second = editor.move("continue")
    seq = editor.ask("recorder.position")["seq"]
    editor.events.clear()
    for typed, stack in (
        (".back", None),
        (".reverse", first.stack),
        (f" .goto {seq} ", second.stack),
    ):
        stop = editor.move("evaluate", expression=typed, context="repl")
        assert stack in (None, stop.stack)
        assert editor.event("continued")["allThreadsContinued"]
    assert editor.ask("recorder.position")["seq"] == seq
    for typed, why in ((".goto x", "number of an event"), (".back 3", "takes nothing else")):
        with pytest.raises(Failed, match=why):
            editor.evaluate(typed, "repl")
    with pytest.raises(Failed):
        editor.evaluate(".back", "watch")
    assert editor.evaluate(".5", "repl") == "0.5"


@pytest.mark.parametrize("command", ["setVariable", "setExpression"])
def test_nothing_can_be_changed_and_that_is_said(editor: Session, command: str) -> None:
    editor.begin()
    with pytest.raises(Failed, match="this is a recording"):
        editor.ask(command, variablesReference=1, name="t", value="3", expression="t")


def test_completions(editor: Session, program: Path) -> None:
    editor.break_at(program, SUM)
    editor.begin()
    editor.move("continue")
    for text, label in (
        ("bas", "basket"),
        ("basket.it", "items"),
        ("1 + pri", "price"),
        ("le", "len"),
    ):
        found = editor.ask("completions", text=text, column=len(text) + 1, frameId=editor.frame())
        assert label in [one["label"] for one in found["targets"]]


# ---- jumps ----


def test_every_execution_of_a_line_can_be_gone_to(editor: Session, program: Path) -> None:
    editor.begin()
    asked = {"source": {"path": str(program)}, "line": SUM}
    targets = editor.ask("gotoTargets", **asked)["targets"]
    assert len(targets) == 12
    seen = []
    for number in range(12):
        targets = editor.ask("gotoTargets", **asked)["targets"]
        stop = editor.move("goto", targetId=targets[number]["id"])
        assert (stop.reason, stop.stack[0]) == ("goto", ("total", SUM))
        seen.append(editor.evaluate("price"))
    assert seen == ["0", "1", "2", "3"] * 3


def test_a_call_can_be_begun_again_and_one_be_chosen(editor: Session, program: Path) -> None:
    editor.break_at(program, 14)
    editor.begin()
    editor.move("continue")
    stop = editor.move("restartFrame", frameId=editor.frame())
    assert (stop.reason, stop.stack[0]) == ("restart", ("total", 11))
    editor.break_at(program, 17)
    editor.move("continue")
    targets = editor.ask("stepInTargets", frameId=editor.frame())["targets"]
    assert [one["label"] for one in targets] == ["total"]
    assert editor.move("stepIn", targetId=targets[0]["id"]).stack[0] == ("total", 11)
    where = editor.ask("recorder.position")
    assert editor.move("recorder.goto", seq=3).reason == "goto"
    assert editor.move("recorder.goto", seq=where["seq"]).stack[0] == ("total", 11)


def test_numbers_of_another_moment_are_refused(editor: Session) -> None:
    editor.begin()
    frame = editor.frame()
    reference = editor.ask("scopes", frameId=frame)["scopes"][0]["variablesReference"]
    editor.move("next")
    for command, arguments in (
        ("scopes", {"frameId": 99}),
        ("variables", {"variablesReference": reference + 99}),
        ("goto", {"targetId": 5}),
        ("restartFrame", {"frameId": 99}),
    ):
        with pytest.raises(Failed, match="another moment"):
            editor.ask(command, threadId=1, **arguments)


# ---- walks ----


def test_random_walks_agree_with_themselves(editor: Session, program: Path) -> None:
    """Whatever way one came to an event, what is there is the same."""
    chance = random.Random(7)
    editor.break_at(program, ADD, SUM)
    editor.begin()
    known: dict[tuple[int, int], Any] = {}
    moves = ["next", "stepIn", "stepOut", "continue", "stepBack", "reverseContinue",
             "recorder.stepBackIn", "recorder.stepBackOut"]  # fmt: skip
    for _ in range(80):
        stop = editor.move(chance.choice(moves))
        where = editor.ask("recorder.position")
        found = names(stop.stack), {n: v["value"] for n, v in editor.variables().items()}
        assert known.setdefault((where["seq"], len(stop.stack)), found) == found


# ---- places ----


@pytest.fixture
def moved(trace: Path, program: Path, tmp_path: Path) -> Iterator[Path]:
    here = tmp_path / "checkout"
    here.mkdir()
    (here / program.name).write_text(PROGRAM)
    yield here


def test_folders_of_another_machine_are_mapped(
    session: Session, trace: Path, program: Path, moved: Path
) -> None:
    mapping = {"localRoot": str(moved), "remoteRoot": str(program.parent)}
    session.attach(trace, pathMappings=[mapping])
    assert session.break_at(moved / program.name, SUM)[0]["verified"]
    session.begin()
    stop = session.move("continue")
    assert stop.stack[0] == ("total", SUM)
    frame = session.ask("stackTrace", threadId=1)["stackFrames"][0]
    assert frame["source"]["path"] == str(moved / program.name)
    assert "sourceReference" not in frame["source"]


@pytest.mark.parametrize("change", ["another", "missing"])
def test_texts_come_from_the_trace_where_the_disk_has_others(
    session: Session, trace: Path, program: Path, moved: Path, change: str
) -> None:
    if change == "another":
        (moved / program.name).write_text("pass\n")
    else:
        (moved / program.name).unlink()
    mapping = {"localRoot": str(moved), "remoteRoot": str(program.parent)}
    session.attach(trace, pathMappings=[mapping]).begin()
    source = session.ask("stackTrace", threadId=1)["stackFrames"][0]["source"]
    assert change in source["origin"] or "no such file" in source["origin"]
    answer = session.ask("source", source=source, sourceReference=source["sourceReference"])
    assert answer["content"] == PROGRAM
    loaded = session.ask("loadedSources")["sources"]
    assert program.name in [one["name"] for one in loaded]


CLASS = """\
class Cart:
    total = 0
    __hash__ = None
    def add(self, m):
        Cart.total += m
        return self.total
Cart().add(3)
"""


def test_a_method_has_the_attributes_of_its_class(session: Session, tmp_path: Path) -> None:
    program = tmp_path / "cart_of_dap.py"
    program.write_text(CLASS)
    path = program.with_suffix(".rtrace")
    subprocess.run(
        recorder_command("run", "-o", path, program), cwd=tmp_path, env=ENVIRONMENT, check=True
    )
    editor = session.attach(path)
    editor.break_at(program, 6)
    editor.begin()
    editor.move("continue")
    assert {n: v["value"] for n, v in editor.variables("Class Cart").items()} == {"total": "3"}
    names = list(editor.variables("Globals"))
    assert names.index("Cart") < names.index("__name__")  # what Python has set comes last
    assert [editor.evaluate(text) for text in ("self.total", "Cart.total")] == ["3", "3"]
