"""The extension of VS Code says of the server what is so, and what its own requests are answered."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.dap.arguments import Arguments, Refused
from recorder.dap.launching import CONSOLES, Launch
from recorder.dap.server import Server
from recorder.version import VERSION
from tests.conftest import ROOT
from tests.tools.dap_client import Session

EXTENSION = ROOT / "editors/vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text())
(DEBUGGER,) = MANIFEST["contributes"]["debuggers"]
EDITORS = {"type", "request", "name"}  # what the editor itself takes of a configuration


class Asked(dict[str, Any]):
    """What is given, and which names were asked for."""

    def __init__(self, **given: Any) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def opened(trace: Path, asked: Asked) -> None:
    server = Server.__new__(Server)
    server.trace, server._commands, server._after = None, {}, []
    server.attach(Arguments(asked))
    assert server.trace is not None
    server.trace.close()  # type: ignore[unreachable]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("extension") / "shop.py"
    path.write_text(
        textwrap.dedent("""\
        class Basket:
            def add(self, price):
                self.sum = price; é = price
                return [each for each in (é, price)]
        def fails():
            raise ValueError
        def test_total():
            basket = Basket()
            for price in range(3):
                basket.add(price)
            try:
                fails()
            except ValueError:
                pass
        test_total()
        """)
    )
    return path


@pytest.fixture(scope="module")
def trace(program: Path, trace_of: Callable[[Path], Path]) -> Path:
    return trace_of(program)


# ---- the manifest ----


def test_attach_has_the_attributes_that_the_server_asks_for(trace: Path) -> None:
    asked = Asked(trace=str(trace))
    opened(trace, asked)
    attach = DEBUGGER["configurationAttributes"]["attach"]
    assert set(attach["properties"]) == asked.names
    assert attach["required"] == ["trace"]


def test_launch_has_the_attributes_that_the_server_asks_for(trace: Path) -> None:
    names = set()
    for given in ({"program": "x.py"}, {"module": "x"}, {"code": "x"}):
        asked = Asked(**given)
        Launch(Arguments(asked), lambda *_: None, lambda *_: None)
        names |= asked.names
    with pytest.raises(Refused, match="program, a module or code"):
        Launch(Arguments({}), lambda *_: None, lambda *_: None)
    of_both = Asked(trace=str(trace))
    opened(trace, of_both)
    properties = DEBUGGER["configurationAttributes"]["launch"]["properties"]
    assert set(properties) == names | (of_both.names - {"trace"})
    assert tuple(properties["console"]["enum"]) == CONSOLES


def test_what_the_snippets_insert_are_configurations() -> None:
    for snippet in DEBUGGER["configurationSnippets"]:
        body = snippet["body"]
        known = DEBUGGER["configurationAttributes"][body["request"]]["properties"]
        assert body["type"] == DEBUGGER["type"] == "recorder"
        assert set(body) <= {*known, *EDITORS}


def test_each_command_is_registered_and_each_setting_is_asked_for() -> None:
    texts = {path.name: path.read_text() for path in (EXTENSION / "src").glob("*.ts")}
    for command in MANIFEST["contributes"]["commands"]:
        assert f'"{command["command"]}"' in texts["extension.ts"]
    for setting in MANIFEST["contributes"]["configuration"]["properties"]:
        assert any(f'"{setting.removeprefix("recorder.")}"' in text for text in texts.values())


def test_its_licence_and_version_are_ours() -> None:
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert MANIFEST["version"] == VERSION


# ---- its requests ----


def test_a_session_begins_at_the_first_call_of_a_function(session: Session, trace: Path) -> None:
    for entry, at in (
        ("test_total", ("test_total", 8)),
        ("Basket.add", ("Basket.add", 3)),
    ):
        with Session() as one:
            stop = one.attach(trace, entry=entry, stopOnEntry=False).begin()
            assert (stop.reason, stop.stack[0]) == ("entry", at)
    stop = session.attach(trace, entry="nothing").begin()
    assert stop.stack[0] == ("module __main__", 1)
    assert "nothing was not called\n" in session.output()


def test_values_beside_the_lines_are_those_of_the_frame(
    session: Session, trace: Path, program: Path
) -> None:
    session.attach(trace)
    session.break_at(program, 4, condition="price == 1")
    session.begin()
    session.move("continue")

    def beside(depth: int, **lines: int) -> list[tuple[int, int, str, str]]:
        asked = {"frameId": session.frame(depth), **lines}
        found = session.ask("recorder.inlineValues", **asked)["values"]
        return [(one["line"], one["column"], one["name"], one["value"]) for one in found]

    inner = beside(0)
    assert [one[:3] for one in inner] == [
        (2, 13, "self"), (2, 19, "price"), (3, 9, "self"), (3, 20, "price"), (3, 27, "é"),
        (4, 35, "é"), (4, 38, "price"),
    ]  # fmt: skip
    assert {one[2]: one[3] for one in inner if one[2] != "self"} == {"price": "1", "é": "1"}
    assert beside(0, line=3, endLine=3) == [one for one in inner if one[0] == 3]
    assert [one[:3] for one in beside(1, endLine=10)] == [
        (8, 5, "basket"), (9, 9, "price"), (10, 9, "basket"), (10, 20, "price"),
    ]  # fmt: skip
    assert beside(2) == []  # a module's classes and functions say nothing


def test_functions_and_lines_are_counted(session: Session, trace: Path, program: Path) -> None:
    session.attach(trace).begin()
    found = session.ask("recorder.counts", source={"path": str(program)})
    if not found["complete"]:  # it took longer, and is told
        session.event("recorder.counted")
        found = session.ask("recorder.counts", source={"path": str(program)})
    # A comprehension is a function of its own on 3.11.
    assert [one for one in found["functions"] if "<" not in one["name"]] == [
        {"name": "test_total", "line": 7, "calls": 1, "raised": 0},
        {"name": "Basket.add", "line": 2, "calls": 3, "raised": 0},
        {"name": "fails", "line": 5, "calls": 1, "raised": 1},
    ]
    assert {one["line"]: one["count"] for one in found["lines"]}[9] == 4
    assert session.ask("recorder.counts", source={"path": "/nowhere.py"}) == {
        "lines": [],
        "functions": [],
        "complete": True,
    }
