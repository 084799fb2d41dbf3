"""An editor's side of the Debug Adapter Protocol, which holds each message against the protocol's schema."""

from __future__ import annotations

import json
import os
import queue
import threading
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import jsonschema

from recorder.dap.messages import Channel
from recorder.dap.server import Server
from tests.conftest import ROOT

PATIENCE = 60  # seconds


# The protocol's own schema, version 1.71, as its authors publish it.
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "tests/dap/protocol/debugAdapterProtocol.json").read_text()
)
CHECKS: dict[str, jsonschema.protocols.Validator] = {}


def check(definition: str, message: dict[str, Any]) -> None:
    if definition not in SCHEMA["definitions"]:
        return  # ours: recorder.position
    if definition not in CHECKS:
        schema = {**SCHEMA, "$ref": f"#/definitions/{definition}"}
        CHECKS[definition] = jsonschema.Draft4Validator(schema)
    CHECKS[definition].validate(message)


class Failed(Exception):
    """The answer to a request that was refused."""


class Stop(NamedTuple):
    reason: str
    stack: list[tuple[str, int]]  # name and line, the innermost first
    body: dict[str, Any]


class Client:
    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._channel = Channel(incoming, outgoing)
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._sent = 0
        self.thread = 1  # that it stopped in last
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []  # requests of the server's

    def _read(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._messages.put(message)
        except (OSError, ValueError):
            pass
        self._messages.put(None)

    # ---- messages ----

    def send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        self._channel._sent = self._sent - 1
        self._channel.send({"type": "request", "command": command, "arguments": arguments})
        return self._sent

    def send_raw(self, data: bytes) -> None:
        self._channel._outgoing.write(data)
        self._channel._outgoing.flush()

    def receive(self) -> dict[str, Any]:
        message = self._messages.get(timeout=PATIENCE)
        if message is None:
            raise EOFError
        if message["type"] == "event":
            name = message["event"]
            check(f"{name[0].upper()}{name[1:]}Event", message)
            self.events.append(message)
        elif message["type"] == "request":
            self.asked.append(message)
        else:
            name = message["command"]
            kind = (
                f"{name[:1].upper()}{name[1:]}Response" if message["success"] else "ErrorResponse"
            )
            check(kind, message)
        return message

    def answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self.receive()
            if message["type"] == "response" and message["request_seq"] == number:
                if not message["success"]:
                    raise Failed(message["message"])
                body: dict[str, Any] = message.get("body", {})
                return body

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of the answer. Raises Failed."""
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of that name, be it there already or still to come."""
        while True:
            for at, message in enumerate(self.events):
                if message["event"] == name:
                    del self.events[at]
                    body: dict[str, Any] = message.get("body", {})
                    return body
            self.receive()

    def output(self) -> list[str]:
        """What was said so far, by events."""
        return [one["body"]["output"] for one in self.events if one["event"] == "output"]

    # ---- a session ----

    def attach(self, trace: str | Path, **arguments: Any) -> Client:
        self.ask(
            "initialize", adapterID="recorder", supportsProgressReporting=True, supportsInvalidatedEvent=True
        )  # fmt: skip
        self.ask("attach", trace=str(trace), **arguments)
        self.event("initialized")
        return self

    def begin(self) -> Stop:
        self.ask("configurationDone")
        return self.stopped()

    def stopped(self) -> Stop:
        body = self.event("stopped")
        self.thread = body["threadId"]
        return Stop(body["reason"], self.stack(body["threadId"]), body)

    def stack(self, thread: int) -> list[tuple[str, int]]:
        found = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return [(one["name"], one["line"]) for one in found]

    def move(self, command: str, **arguments: Any) -> Stop:
        self.ask(command, **{"threadId": self.thread, **arguments})
        return self.stopped()

    def frame(self, depth: int = 0) -> int:
        found = self.ask("stackTrace", threadId=self.thread, startFrame=depth, levels=1)
        number: int = found["stackFrames"][0]["id"]
        return number

    def variables(self, scope: str = "Locals", depth: int = 0) -> dict[str, dict[str, Any]]:
        scopes = self.ask("scopes", frameId=self.frame(depth))["scopes"]
        reference = next(one["variablesReference"] for one in scopes if one["name"] == scope)
        return self.children(reference)

    def children(self, reference: int, **arguments: Any) -> dict[str, dict[str, Any]]:
        found = self.ask("variables", variablesReference=reference, **arguments)["variables"]
        return {one["name"]: one for one in found}

    def evaluate(self, expression: str, context: str = "watch") -> str:
        answer = self.ask("evaluate", expression=expression, frameId=self.frame(), context=context)
        result: str = answer["result"]
        return result

    def break_at(self, path: str | Path, *lines: int, **conditions: Any) -> list[dict[str, Any]]:
        wanted = [{"line": line, **conditions} for line in lines]
        answer = self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)
        found: list[dict[str, Any]] = answer["breakpoints"]
        return found


class Session(Client):
    """With a server in a thread of this process."""

    def __init__(self) -> None:
        to_server, to_client = os.pipe(), os.pipe()
        files = (os.fdopen(to_server[0], "rb"), os.fdopen(to_client[1], "wb"))
        self.server = Server(Channel(*files))
        self._serving = threading.Thread(target=self.server.run, daemon=True)
        self._serving.start()
        self._ours = (os.fdopen(to_client[0], "rb"), os.fdopen(to_server[1], "wb"))
        self._theirs = files
        super().__init__(*self._ours)

    def close(self) -> None:
        """Hangs up, and waits until the server has noticed."""
        self._ours[1].close()
        self._serving.join(PATIENCE)
        assert not self._serving.is_alive()
        for file in self._theirs:
            file.close()
        self._reader.join(PATIENCE)
        self._ours[0].close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
