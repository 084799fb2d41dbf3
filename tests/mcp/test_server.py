"""The server for coding agents, asked by the SDK's own client: every tool, hostile arguments, budgets, cancellation,
two clients, a trace that is damaged or still being written."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import recorder
from recorder import errors
from recorder.cli import mcp
from recorder.explain.tokens import tokens
from recorder.export import parquet
from recorder.mcp import answer, server
from recorder.mcp.allowed import Allowed
from recorder.mcp.answer import Gathering
from recorder.mcp.asking import MOST_LINE, _lines, _rows, ask
from recorder.mcp.tools import (
    BY_NAME,
    LONGEST,
    TOOLS,
    Tool,
    budget_of,
    call_of,
    input_schema,
    words,
)
from tests.conftest import ENVIRONMENT, recorder_command

PROGRAM = """\
def clean(times, seen=[]):
    for time in times:
        seen.append(time)
    return sorted(seen)

password = "hunter2"
text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
first = clean([2, 1])
second = clean([3])
try:
    {}["earlier"]
except KeyError:
    pass
1 / len(second[3:])
"""
SECRET = "hunter2"
NAMES = {"traces", *(tool.name for tool in TOOLS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a trace of the program, and one of it that was cut short."""
    folder = tmp_path_factory.mktemp("mcp")
    program = folder / "app.py"
    program.write_text(PROGRAM)
    with recorder.record(folder / "app.rtrace", policy=recorder.Policy(include=[str(program)])):
        with contextlib.suppress(ZeroDivisionError):
            exec(compile(PROGRAM, str(program), "exec"), {"__name__": "__main__"})
    data = (folder / "app.rtrace").read_bytes()
    (folder / "short.rtrace").write_bytes(data[: len(data) * 3 // 4])
    return folder


def client_of(folder: Path, *, may_record: bool = False) -> Any:
    """In this process; each question is one of its own all the same."""
    client = pytest.importorskip("mcp.client.client")
    return client.Client(server.make(Allowed([str(folder)]), may_record=may_record))


def together(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 60))  # type: ignore[arg-type]


QUESTIONS: dict[str, tuple[dict[str, Any], str, str]] = {  # arguments, status, what is in the text
    "overview": ({}, "found", "`second = [1, 2, 3]`  app.py:9"),
    "calls": ({"function": "clean"}, "found", "clean(times=[3], seen=[2, 1]) → [1, 2, 3]"),
    "find": ({"when": "time > 7"}, "never", "the condition was never true there"),
    "why": ({"name": "secnod"}, "not recorded", "did you mean second"),
    "check": ({"expression": "len(seen) < 3"}, "false", "it was true at"),
    "exceptions": ({"last": True}, "found", "ZeroDivisionError"),
    "source": ({"name": "clean", "form": "json"}, "found", "seen.append(time)"),
    "diff": ({"other": "app.rtrace"}, "found", "no difference"),
}


def test_the_tools_and_what_they_answer(folder: Path) -> None:
    """As the schemas say; in text and structured alike; with what to ask next. Two clients ask at once."""

    async def body() -> None:
        async with client_of(folder) as one, client_of(folder) as two:
            tools = (await one.list_tools()).tools
            assert {tool.name for tool in tools} == NAMES
            schemas = {tool.name: tool.output_schema for tool in tools}
            asked = [
                ((one, two)[n % 2].call_tool(name, {"trace": "app.rtrace", **given}), name)
                for n, (name, (given, _, _)) in enumerate(QUESTIONS.items())
            ]
            found = await asyncio.gather(*(call for call, _ in asked))
            for result, (name, (given, status, text)) in zip(found, QUESTIONS.items(), strict=True):
                said = result.structured_content
                jsonschema.validate(said, schemas[name])
                assert said["status"] == status, said
                assert text in result.content[0].text
                assert not result.is_error
                assert bool(said["rows"]) == (given.get("form") == "json")
            last = found[list(QUESTIONS).index("exceptions")]
            assert "earlier" not in last.content[0].text
            overview = found[0].structured_content
            assert overview["next"][0]["tool"] in NAMES
            assert overview["next"][0]["arguments"]["trace"] == "app.rtrace"
            listed = await one.call_tool("traces", {})
            assert len(listed.structured_content["lines"]) == 2

    together(body)


def test_what_a_trace_does_not_tell(folder: Path) -> None:
    """Of one that was cut short nothing is `never`; a secret is in no answer; resources and prompts are there."""

    async def body() -> None:
        async with client_of(folder) as client:
            short = await client.call_tool("find", {"trace": "short.rtrace", "when": "time > 7"})
            assert short.structured_content["status"] == "unknown"
            assert any("truncated" in note for note in short.structured_content["notes"])
            secret = await client.call_tool(
                "watch", {"trace": "app.rtrace", "expression": "password"}
            )
            assert "redacted" in secret.content[0].text and SECRET not in secret.content[0].text
            resources = (await client.list_resources()).resources
            assert len(resources) == 2
            info = await client.read_resource(resources[0].uri)
            assert "verdict" in info.contents[0].text
            prompts = (await client.list_prompts()).prompts
            assert {prompt.name for prompt in prompts} == {"wrong_value", "exception", "two_runs"}
            got = await client.get_prompt("wrong_value", {"name": "second"})
            assert "second" in got.messages[0].content.text
            for wrong in ("recorder://trace/%2Fetc%2Fpasswd", "file:///etc/passwd"):
                with pytest.raises(Exception, match="INVALID_ARGUMENT"):
                    await client.read_resource(wrong)

    together(body)


def children() -> set[str]:
    """Of this process, by /proc."""
    return {
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    }


def test_a_question_that_nobody_waits_for_is_ended(folder: Path) -> None:
    """One that would take for ever: a regular expression that tries everything. It tells how long it has been."""
    told: list[float] = []

    async def report_progress(elapsed: float, _total: float | None, _message: str | None) -> None:
        told.append(elapsed)

    async def body() -> None:
        before = children()
        async with client_of(folder) as client:
            endless = {
                "trace": "app.rtrace",
                "name": "app.py",
                "grep": "(([a-z])+.)+[A-Z]([a-z])+$",
            }
            task = asyncio.ensure_future(
                client.call_tool("source", endless, progress_callback=report_progress)
            )
            while not told:
                await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while children() - before:
                await asyncio.sleep(0.05)
            ended = await client.call_tool("source", {**endless, "seconds": 1})
            said = ended.structured_content
            assert said["status"] == "unknown" and not ended.is_error, said
            assert "not looked at to its end" in said["notes"][0]

    together(body)
    assert told[0] >= 1


GOING_ON: dict[str, dict[str, Any]] = {
    "find": {"kind": "line"},
    "watch": {"expression": "seen"},
    "calls": {"self": True},
}


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_left_out_comes_when_it_is_gone_on(folder: Path, form: str) -> None:
    """As `next` says: all of it, each once."""

    async def body() -> None:
        async with client_of(folder) as client:
            for tool, given in GOING_ON.items():
                asked = {"trace": "app.rtrace", "form": form, **given}
                part = "rows" if form == "json" else "lines"
                whole = (
                    await client.call_tool(tool, {**asked, "budget": 20_000})
                ).structured_content
                assert whole["left_out"] is None
                found: list[Any] = []
                asked["budget"] = 900 if form == "json" else 300
                for _ in range(30):
                    said = (await client.call_tool(tool, asked)).structured_content
                    found += said[part]
                    if said["left_out"] is None:
                        break
                    following = said["next"][0]
                    assert following["tool"] == tool, said
                    asked = following["arguments"]
                wanted = [number_of(one) for one in whole[part]]
                # A call that ran already where it was gone on comes once more, by its end.
                shown = [number for number in map(number_of, found) if number in wanted]
                assert shown == wanted, (tool, found)

    together(body)


def test_the_tables_that_a_query_is_told_of_are_there(folder: Path) -> None:
    """With these columns; and the first of each is answered."""
    told = re.findall(r"(\w+)\(([\w, ]+)\)", BY_NAME["query"].description)
    assert len(told) >= 5
    for table, columns in told:
        names = {one.partition(":")[0] for one in parquet.SCHEMAS[table].split()}
        assert set(columns.split(", ")) <= names, table
    pytest.importorskip("duckdb")
    asked = " union all ".join(
        f"(select count({columns.partition(',')[0]}) from {table})" for table, columns in told
    )
    command = recorder_command(
        "sql", folder / "app.rtrace", asked
    )  # by itself: its threads would stay
    assert subprocess.run(command, check=True, capture_output=True).stdout


def number_of(one: Any) -> int:
    """Of the event that a line or row is about. How deep a call is, and which hit it is, counts anew there."""
    return int(one["seq"] if isinstance(one, dict) else one.split()[0])


def test_how_far_it_was_looked(folder: Path) -> None:
    """Until there was no time left: nothing is said to be true or never, and it goes on there."""
    note = "recorder: interrupted: looked at up to event 7, of 90: --since 7 goes on"
    error = {"code": "TIME", "detail": "it was ended after 1 s", "hint": None}
    for tool, lines, status in (
        ("find", [], "unknown"),
        ("find", ["       3  app.py:3  clean"], "found"),
        ("check", ["not false as far as it was looked at: it was true at 2 events"], "unknown"),
    ):
        gathering = Gathering(BY_NAME[tool], "text", 2_000, {"trace": "app.rtrace", "when": "x"})
        for line in lines:
            assert gathering.take(line)
        found = gathering.result([note], error, "app.rtrace", 130)
        assert found["status"] == status
        assert found["next"][0]["arguments"] == {"trace": "app.rtrace", "when": "x", "since": "7"}
        assert note in found["notes"]


def test_a_server_that_ignores_interrupts_has_questions_that_do_not(folder: Path) -> None:
    """As one that was started in the background by a script: its questions end by themselves all the same."""

    async def report_progress(elapsed: float, message: str) -> None:
        pass

    async def body() -> None:
        words = [
            "source",
            "--grep=(([a-z])+.)+[A-Z]([a-z])+$",
            "--",
            str(folder / "app.rtrace"),
            "app.py",
        ]
        gathering = Gathering(BY_NAME["source"], "text", 2_000)
        _, error, status = await ask(words, gathering, report_progress, 3)
        assert error is not None and status == 130, (error, status)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        together(body)
    finally:
        signal.signal(signal.SIGINT, before)


def test_over_stdin_and_stdout(folder: Path) -> None:
    """As an agent starts it. What a client asks wrongly is said, and the next question is answered."""
    stdio = pytest.importorskip("mcp.client.stdio")
    client = pytest.importorskip("mcp.client.client")

    async def body() -> None:
        command = stdio.StdioServerParameters(
            command=sys.executable, args=["-m", "recorder", "mcp", str(folder)], env=ENVIRONMENT
        )
        async with client.Client(stdio.stdio_client(command)) as asking:
            wrong = await asking.call_tool("state", {"trace": "/etc/passwd", "at": 1})
            assert wrong.is_error and "a trace that may be read" in wrong.content[0].text
            right = await asking.call_tool("state", {"trace": "app.rtrace", "at": 5})
            assert "app.py" in right.content[0].text

    together(body)


# ---- without a process ---------------------------------------------------------------------------

HOSTILE: dict[str, Any] = {
    "NUL": "a\0b", "long": "x" * 100_000, "number": 1.5, "list": ["a"], "object": {"a": 1},
    "surrogate": "\ud800", "true": True,
}  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_argument_is_other_than_the_schema_says(folder: Path, tool: Any, value: Any) -> None:
    allowed = Allowed([str(folder)])
    good: dict[str, Any] = {one.name: "x" for one in tool.options if one.required}
    good |= {"other": "app.rtrace"} if "other" in good else {}
    for option in tool.options:
        if option.kind == "boolean" and value is True:
            continue
        with pytest.raises(errors.RecorderUsageError):
            words(tool, {**good, option.name: value}, allowed, "t.rtrace")
        if not isinstance(value, str) or len(value) > LONGEST:  # more a schema cannot say
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**good, option.name: value}, input_schema(tool))
    with pytest.raises(errors.InvalidArgumentError):
        words(tool, {**good, "more": value}, allowed, "t.rtrace")


@pytest.mark.parametrize(
    "value", ["--external", "--json-errors=/tmp/x", "-h", "--", "-o/x", "@file"]
)
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_value_is_taken_for_an_option(folder: Path, tool: Any, value: str) -> None:
    """It stands behind an = or behind --, whatever it begins with."""
    given = {one.name: value for one in tool.options if one.kind in ("string", "event")}
    given |= {"other": "app.rtrace"} if tool.name == "diff" else {}
    made = words(tool, given, Allowed([str(folder)]), "t.rtrace")
    before = made[1 : made.index("--")]
    flags = {one.flag for one in tool.options}
    assert all(word.partition("=")[0] in flags and "=" in word for word in before)


@pytest.mark.parametrize("budget", [0, 199, 20_001, -1, True, "200", None, 1e3])
def test_budgets_that_are_none(budget: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        budget_of({"budget": budget})


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """allowed/in.rtrace, allowed/sub/deep.rtrace, secret/out.rtrace, allowed2/out.rtrace, and links out of it."""
    for name in ("allowed/in", "allowed/sub/deep", "secret/out", "allowed2/out"):
        path = tmp_path / f"{name}.rtrace"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "allowed/link.rtrace").symlink_to("../secret/out.rtrace")
    (tmp_path / "allowed/away").symlink_to("../secret")
    (tmp_path / "allowed/inside.rtrace").symlink_to("in.rtrace")
    return tmp_path


@pytest.mark.parametrize(
    "asked", ["in.rtrace", "sub/deep.rtrace", "sub/../in.rtrace", "inside.rtrace", "/in.rtrace"]
)
def test_what_may_be_read(places: Path, asked: str) -> None:
    path = str(places / "allowed") + asked if asked.startswith("/") else asked
    found = Allowed([str(places / "allowed")]).trace(path)
    assert Path(found).name in ("in.rtrace", "deep.rtrace")


@pytest.mark.parametrize(
    "asked",
    [
        "link.rtrace", "away/out.rtrace", "../secret/out.rtrace", "sub/../../secret/out.rtrace", "/etc/passwd",
        "{}/secret/out.rtrace", "{}/allowed2/out.rtrace", "{}/allowed/../secret/out.rtrace", "", "a\0b", "~/x",
    ],
)  # fmt: skip
def test_what_may_not_be_read(places: Path, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    allowed = Allowed([str(places / "allowed")])
    if asked == "~/x":
        assert allowed.trace(asked) == str(places / "allowed/~/x")  # no home is looked for
        return
    with pytest.raises(errors.InvalidArgumentError):
        allowed.trace(asked.format(places))


@pytest.mark.leaves_staging
def test_what_is_listed(places: Path) -> None:
    (places / "allowed/.app.rtrace.partial-1-x").mkdir()
    allowed = Allowed([str(places / "allowed"), str(places / "secret/out.rtrace")])
    names = [os.path.relpath(path, places) for path in allowed.traces()]
    assert names == [
        "allowed/in.rtrace", "allowed/inside.rtrace", "allowed/link.rtrace", "allowed/sub/deep.rtrace",
        "secret/out.rtrace",
    ]  # fmt: skip
    assert [Path(one).name for one in allowed.unfinished()] == [".app.rtrace.partial-1-x"]
    with pytest.raises(errors.MissingArgumentError):
        allowed.trace(None)
    assert Allowed([str(places / "secret/out.rtrace")]).trace(None).endswith("out.rtrace")
    with pytest.raises(errors.TraceNotFoundError):
        Allowed([str(places / "nothing")])


LINES = {
    "none": [],
    "short": ["a"],
    "many": [f"{n:>8}  value = {n}" for n in range(10_000)],
    "long": ["x" * 1_000_000],
    "quotes": ['"\\"' * 200] * 50,
    "strange": ["日本語 ✓ \u202e" * 50] * 50,
}


@pytest.mark.parametrize("budget", [200, 2_000, 20_000])
@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_answer_stays_within_its_budget(name: str, budget: int, form: str) -> None:
    """Structured and as text; with many notes and suggestions beside it. What is left out is said."""
    gathering = Gathering(BY_NAME["calls"], form, budget)
    lines = LINES[name]
    for line in lines:
        gathering.take(json.dumps({"text": line}, ensure_ascii=False) if form == "json" else line)
    notes = ["recorder: a note " * 9] * 9 + [
        f"next: recorder why t.rtrace x --at {n}  (so)" for n in range(9)
    ]
    found = gathering.result(notes, None, "t.rtrace")
    jsonschema.validate(found, answer.output_schema())
    assert tokens(json.dumps(found, ensure_ascii=False)) <= budget
    assert tokens(answer.as_text(found)) <= budget
    told = len(found["lines"]) + len(found["rows"])
    assert (told == len(lines) and not gathering.is_cut) or found["left_out"]


@pytest.mark.parametrize(
    ("command", "given", "found"),
    [
        ("why", ["total", "--at", "5"], ("why", {"name": "total", "at": "5"})),
        ("state", ["5"], ("state", {"at": "5"})),
        ("exceptions", ["--last"], ("exceptions", {"last": True})),
        ("calls", ["--limit", "20"], ("calls", {"limit": 20})),
        ("explain", [], ("overview", {})),
        ("print", ["--around", "5"], None),
        ("state", ["5", "6"], None),
    ],
)
def test_a_suggested_command_is_a_call_of_a_tool(
    command: str, given: list[str], found: Any
) -> None:
    assert call_of(command, given) == found


def test_only_who_knows_the_token_is_served() -> None:
    """By HTTP, of which the SDK does the rest."""
    served: list[str] = []

    class Sdk:
        def streamable_http_app(self, host: str) -> Any:
            async def app(scope: Any, receive: Any, send: Any) -> None:
                served.append(host)

            return app

    app = server.http_app(Sdk(), "t" * 20)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        [], [(b"authorization", b"Bearer " + b"x" * 20)], [(b"authorization", b"t" * 20)],
        [(b"authorization", b"Bearer " + b"t" * 20)] * 2,
    ]  # fmt: skip
    for given in headers:
        asyncio.run(app({"type": "http", "headers": given}, None, send))
    assert served == [] and [one["status"] for one in sent[::2]] == [401] * 4
    asyncio.run(
        app({"type": "http", "headers": [(b"Authorization", b"Bearer " + b"t" * 20)]}, None, send)
    )
    assert served == ["127.0.0.1"]


RECORDED = {
    "app.py": "print('it ran')",
    "fails.py": "n = 0\nprint(1 / n)",
    "endless.py": "import time\nopen(__file__ + '.begun', 'w').close()\nwhile True:\n    time.sleep(0.01)",
}


def test_the_tool_that_records(tmp_path: Path) -> None:
    """A program that ends well, one that fails, one that is not there (whatever an earlier one has left), one that
    never ends, and one that nobody waits for any more: what there is of it is a trace."""
    for name, text in RECORDED.items():
        (tmp_path / name).write_text(text)

    async def body() -> None:
        async with client_of(tmp_path, may_record=True) as client:
            schema = {one.name: one.output_schema for one in (await client.list_tools()).tools}

            async def record(program: str, **more: Any) -> tuple[dict[str, Any], bool]:
                command = [str(tmp_path / program)]
                result = await client.call_tool("record", {"command": command, **more})
                jsonschema.validate(result.structured_content, schema["record"])
                return result.structured_content, result.is_error

            ran, failed, endless = await asyncio.gather(
                record("app.py"),
                record("fails.py", name="fails"),
                record("endless.py", name="endless.rtrace", seconds=2),
            )
            path = str(tmp_path / "recorded.rtrace")
            assert ran[0]["lines"][:3] == [f"trace: {path}", "exit status 0", "it ran"]
            assert ran[0]["next"][0]["arguments"] == {"trace": path}
            assert failed[0]["lines"][1] == "exit status 1" and not failed[1]
            assert "ZeroDivisionError" in failed[0]["lines"][-1]
            assert endless[0]["lines"][1] == "ended after 2 s"
            begun = tmp_path / "endless.py.begun"
            has_begun = begun.exists()  # on a slow machine it had no time to
            assert has_begun == (tmp_path / "endless.rtrace").exists() == (not endless[1])
            begun.unlink(missing_ok=True)
            none, is_error = await record("none.py")
            assert is_error and none["lines"][0] == "no trace was made"
            assert any("none.py" in line for line in none["lines"])

            before = children()
            left = asyncio.ensure_future(record("endless.py", name="left"))
            while not begun.exists():
                await asyncio.sleep(0.05)
            left.cancel()
            while children() - before or not (tmp_path / "left.rtrace").exists():
                await asyncio.sleep(0.05)

    together(body)
    statuses = {}
    for trace in tmp_path.glob("*.rtrace"):
        with recorder.open_trace(trace) as opened:
            statuses[trace.stem] = opened.exit_status
            assert opened.verdict == "complete"
    assert {**statuses, "endless": -15} == {"recorded": 0, "fails": 1, "endless": -15, "left": -15}


@pytest.mark.leaves_staging
def test_a_trace_that_is_being_written(tmp_path: Path) -> None:
    """Whatever is asked of it: nobody knows yet; the tool that lists them says what it is."""
    busy = tmp_path / "busy.rtrace"
    given = {
        "state": {"at": 1}, "watch": {"expression": "x"}, "why": {"name": "x"}, "check": {"expression": "x"},
        "diff": {"other": str(busy)}, "query": {"sql": "select 1"},
    }  # fmt: skip

    async def body() -> None:
        async with client_of(tmp_path) as one, client_of(tmp_path) as two:
            listed = await one.call_tool("traces", {})
            assert "being written" in listed.content[0].text
            asked = [
                (one, two)[n % 2].call_tool(name, {"trace": str(busy), **given.get(name, {})})
                for n, name in enumerate(tool.name for tool in ASKED_OF_BUSY)
            ]
            for result in await asyncio.gather(*asked):
                said = result.structured_content
                jsonschema.validate(said, answer.output_schema())
                assert said["status"] == "unknown" and not result.is_error, said
                assert "TRACE_BUSY" in said["notes"][0]

    with recorder.record(busy, policy=recorder.Policy(exclude=["*"])):
        together(body)


ASKED_OF_BUSY = TOOLS[sys.version_info.minor % 2 :: 2]


def test_every_wrong_argument_is_answered_as_the_schema_says(folder: Path) -> None:
    """By the client, so that nothing between it and us makes another thing of it."""
    hostile = {
        "trace": ["../app.rtrace", "/etc/passwd", "a\0b", "\x1b[31m.rtrace", 3, ["a"], "x" * 5_000],
        "budget": [0, 10**30, -1, "200", True, 1.5],
        "seconds": [0, 10**30, "1", 601],
        "form": ["xml", 1],
        "\x1b[2J": [1],
    }  # fmt: skip
    wrong = [(name, value) for name, values in hostile.items() for value in values]

    async def body() -> None:
        async with client_of(folder, may_record=True) as client:
            for number, (tool, (name, value)) in enumerate(
                itertools.product([*TOOLS, *BARE], wrong)
            ):
                if number % 4 or (tool.name, name) == ("record", "trace"):
                    continue
                good = {one.name: "x" for one in tool.options if one.required}
                result = await client.call_tool(tool.name, {**good, name: value})
                said = result.structured_content
                assert SCHEMA.is_valid(said), said
                assert result.is_error and said["status"] == "failed", (tool.name, name, value)
                assert tokens(json.dumps(said)) < 2_000
                assert "\x1b" not in result.content[0].text

    together(body)


BARE = [Tool(name, name, "") for name in ("traces", "record")]
SCHEMA = jsonschema.Draft202012Validator(answer.output_schema())


def test_an_answer_that_is_one_object_is_told_in_rows() -> None:
    """As many as there is room for; and what has no room at all is not said never to have been."""
    frames = [{"function": f"f{n}", "locals": {"text": "x" * 200}} for n in range(50)]
    page = {
        "title": "t",
        "sections": [
            {"title": "s", "statements": [{"seq": n, "text": "y" * 90} for n in range(60)]}
        ],
    }
    for command, whole, key in (
        ("state", {"seq": 3, "stack": frames}, "f49"),
        ("explain", {**page, "next": []}, "y" * 90),
    ):
        tool = next(one for one in TOOLS if one.command == command)
        gathering = Gathering(tool, "json", 2_000)
        for row in _rows(command, json.dumps(whole, indent=1)):
            gathering.take(row)
        found = gathering.result([], None, "t.rtrace")
        assert 5 < len(found["rows"]) < 50 and found["left_out"]
        assert key in json.dumps(found["rows"][1])
    gathering = Gathering(BY_NAME["exceptions"], "json", 2_000)
    gathering.take(json.dumps({"type": "x" * 100_000}))
    found = gathering.result([], None, "t.rtrace")
    assert found["status"] == "found" and "form=text" in found["left_out"]


def test_what_comes_behind_a_line_that_is_too_long_is_read() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for data in (b"x" * (MOST_LINE + 5), b"y", b"z\nnext\n", b"last"):
            yield data

    async def body() -> None:
        assert [line async for line in _lines(stream())] == ["x" * MOST_LINE, "next", "last"]

    together(body)


def test_a_token_that_is_empty_is_none(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def serve(made: object, port: int, token: str, listening: Callable[[str], None]) -> None:
        listening("127.0.0.1:1234")
        assert len(token) > 30

    monkeypatch.setenv(mcp.TOKEN, "")
    monkeypatch.setattr(server, "serve_http", serve)
    assert mcp.listen(None, 0, mcp.token_given()) == 0
    assert "token: " in capfd.readouterr().out


@pytest.mark.provokes("INVALID_ARGUMENT")
@pytest.mark.parametrize("size", [mcp.LEAST_TOKEN - 1, mcp.LEAST_TOKEN, mcp.LEAST_TOKEN + 1])
def test_a_token_that_is_just_long_enough(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv(mcp.TOKEN, "t" * size)
    if size < mcp.LEAST_TOKEN:
        with pytest.raises(errors.InvalidArgumentError):
            mcp.token_given()
    else:
        assert mcp.token_given() == "t" * size
