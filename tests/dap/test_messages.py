"""What comes from the other side may be anything: each request is answered, and the session goes on."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.dap.messages import LONGEST, Channel, NotUnderstood
from tests.tools.dap_client import PATIENCE, SCHEMA, Failed, Session

COMMANDS = sorted(
    one["allOf"][1]["properties"]["command"]["enum"][0]
    for name, one in SCHEMA["definitions"].items()
    if name.endswith("Request")
    and "enum" in one.get("allOf", ({}, {}))[1]["properties"].get("command", {})
)
HOSTILE: list[Any] = [
    None, True, -1, 0, 1.5, 2**70, "", "x" * 10_000, "\0", [], [None], {}, {"a": []}, [[[[]]]], "../../etc/passwd",
]  # fmt: skip
NAMES = """
    threadId frameId variablesReference expression name value source breakpoints filters filterOptions line column text
    targetId start count levels startFrame dataId trace program args env cwd pathMappings condition hitCondition
    logMessage sourceReference path granularity context seq
""".split()


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    path = tmp_path_factory.mktemp("messages") / "small.py"
    path.write_text("def f(x):\n    y = [x]\n    return y\nfor i in range(3):\n    z = f(i)\n")
    return trace_of(path)


def framed(data: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (b"hello\r\n\r\n", True),
        (b"\r\n\r\n", True),
        (b"Content-Length: -5\r\n\r\n", True),
        (b"Content-Length: 5x\r\n\r\n", True),
        (b"Content-Length: %d\r\n\r\n" % (LONGEST + 1), True),
        (b"Content-Length: 99999999999999999999\r\n\r\n", True),
        (b"A: b\r\n" * 50, True),
        (b"x" * 100_000, True),
        (framed(b"{"), False),
        (framed(b"[1]"), False),
        (framed(b"\xff\xfe"), False),
        (framed(b"[" * 100_000), False),
    ],
)
def test_what_is_no_message(data: bytes, lost: bool) -> None:
    channel = Channel(io.BytesIO(data), io.BytesIO())
    with pytest.raises(NotUnderstood) as caught:
        channel.receive()
    assert caught.value.lost is lost


def test_a_request_is_answered_by_its_number(session: Session) -> None:
    """There are clients that begin with 0, which the schema does not have."""
    for number in (0, 1, 70):
        request = {
            "seq": number,
            "type": "request",
            "command": "initialize",
            "arguments": {"adapterID": "x"},
        }
        session.send_raw(framed(json.dumps(request).encode()))
        answer = session._messages.get(timeout=PATIENCE)
        assert answer is not None and answer["request_seq"] == number


@pytest.mark.parametrize("cut", [0, 5, 17, 22, 30])
def test_a_message_that_ends_early_is_the_end(cut: int) -> None:
    data = framed(b'{"seq": 1, "type": "request"}')[:cut]
    assert Channel(io.BytesIO(data), io.BytesIO()).receive() is None


def test_a_header_may_have_other_fields_and_any_spelling() -> None:
    data = b"content-length:2\nContent-Type: x\n\n{}"
    assert Channel(io.BytesIO(data), io.BytesIO()).receive() == {}


def test_what_is_not_understood_is_answered_and_the_session_goes_on(session: Session) -> None:
    for data in (b"{", b"[]", b"{}", b'{"type": "request"}', b'{"type": "request", "command": 5}'):
        session.send_raw(framed(data))
        answer = session.receive()
        assert answer["type"] == "response" and not answer["success"] and answer["message"]
    assert "supportsStepBack" in session.ask("initialize", adapterID="x")


def test_every_request_of_the_protocol_is_answered_before_there_is_a_trace(
    session: Session,
) -> None:
    for command in COMMANDS:
        if command in (
            "disconnect",
            "initialize",
            "cancel",
            "pause",
            "terminate",
            "launch",
            "attach",
        ):
            continue
        with pytest.raises(Failed, match="no trace is open"):
            session.ask(command)


def test_every_request_is_answered_whatever_its_arguments(session: Session, trace: Path) -> None:
    chance = random.Random(11)
    session.attach(trace).begin()
    ours = [
        "recorder.goto",
        "recorder.position",
        "recorder.stepBackIn",
        "recorder.stepBackOut",
        "nonsense",
    ]
    for command in [*COMMANDS, *ours]:
        if command in ("disconnect", "launch"):
            continue
        for _ in range(12):
            arguments: Any = {name: chance.choice(HOSTILE) for name in chance.sample(NAMES, 8)}
            if chance.random() < 0.1:
                arguments = chance.choice(HOSTILE)
            number = session._sent = session._sent + 1
            request = {"seq": number, "type": "request", "command": command, "arguments": arguments}
            session.send_raw(framed(json.dumps(request).encode()))
            try:
                session.answer(number)
            except Failed as exc:
                assert "Traceback" not in str(exc) and "ERR_INTERNAL" not in str(exc), (
                    command,
                    arguments,
                )
    assert session.ask("threads")["threads"]


@pytest.fixture(scope="module")
def long_trace(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    path = tmp_path_factory.mktemp("messages") / "long.py"
    path.write_text("x = 0\nfor i in range(100_000):\n    x = (x * 31 + i) % 1009\n")
    return trace_of(path)


@pytest.mark.parametrize("command", ["cancel", "pause"])
def test_a_search_is_given_up_at_once(session: Session, long_trace: Path, command: str) -> None:
    """A condition that holds nowhere is asked 100,000 times, unless somebody says stop."""
    session.attach(long_trace)
    with recorder.open_trace(long_trace) as trace:
        program = Path(trace[0].file)
    (point,) = session.break_at(program, 3, condition="sorted([x, i]) == [-1]")
    assert point["verified"]
    first = session.begin()
    number = session.send("continue", threadId=1)
    session.answer(number)
    asked = {"requestId": number} if command == "cancel" else {"threadId": 1}
    began = time.monotonic()
    session.ask(command, **asked)
    stop = session.stopped()
    assert stop.reason == "pause" and stop.stack == first.stack
    assert time.monotonic() - began < 5  # on a busy machine; 0.2 s on a quiet one


def test_a_request_that_waits_can_be_cancelled(session: Session, trace: Path) -> None:
    session.attach(trace).begin()
    session.send("cancel", requestId=session._sent + 2)
    session.answer(session._sent)
    with pytest.raises(Failed, match="cancelled"):
        session.ask("continue", threadId=1)
    assert session.ask("threads")["threads"]


@pytest.mark.parametrize("command", ["threads", "stackTrace", "scopes", "variables"])
def test_what_is_about_the_present_moment_is_answered_though_cancelled(
    session: Session, trace: Path, command: str
) -> None:
    """An editor cancels what it asks again, and would show the refusal of the first one as an error."""
    stack = session.attach(trace).begin()
    frame = session.ask("stackTrace", threadId=1)["stackFrames"][0]["id"]
    scope = session.ask("scopes", frameId=frame)["scopes"][0]["variablesReference"]
    assert stack.stack
    session.send("cancel", requestId=session._sent + 2)
    session.answer(session._sent)
    assert session.ask(command, threadId=1, frameId=frame, variablesReference=scope)[
        "stackFrames" if command == "stackTrace" else command
    ]


@pytest.mark.parametrize("wrong", ["nowhere.rtrace", __file__, "", "\0"])
def test_a_trace_that_cannot_be_opened_is_said(session: Session, wrong: str) -> None:
    session.ask("initialize", adapterID="x")
    with pytest.raises(Failed):
        session.ask("attach", trace=wrong)
    assert session.ask("initialize", adapterID="x")
