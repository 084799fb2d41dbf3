"""The server by streamable HTTP, as it is started: two of the SDK's own clients at once, one of which gives up what it
asked; and who does not know the token, or comes by a foreign name, is answered nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.conftest import ENVIRONMENT

PROGRAM = """\
text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
total = sum(n * 2 for n in range(5))
"""
TOKEN = "a token of twenty letters"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
ENDLESS = {"name": "asked_by_http.py", "grep": "(([a-z])+.)+[A-Z]([a-z])+$"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("http")
    program = folder / "asked_by_http.py"
    program.write_text(PROGRAM)
    with recorder.record(folder / "app.rtrace", policy=recorder.Policy(include=[str(program)])):
        exec(compile(PROGRAM, str(program), "exec"), {"__name__": "__main__"})
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """The address, and the process."""
    pytest.importorskip("mcp.client.client")
    command = [sys.executable, "-m", "recorder", "mcp", str(folder), "--http"]
    environment = {**ENVIRONMENT, "RECORDER_MCP_TOKEN": TOKEN}
    said = folder / "said"
    with (
        said.open("wb") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip(), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) in (0, 130, -signal.SIGINT)
            assert process.stdout.read() == b""  # the token was given: it is not said
    assert said.read_text().startswith("recorder: serving until interrupted\n")


@contextlib.asynccontextmanager
async def client_of(address: str, mode: str) -> AsyncIterator[Any]:
    http = pytest.importorskip("mcp.client.streamable_http")
    client = pytest.importorskip("mcp.client.client")
    httpx = pytest.importorskip("httpx2")
    async with httpx.AsyncClient(headers=RIGHT, timeout=60) as inner:
        transport = http.streamable_http_client(address, http_client=inner)
        async with client.Client(transport, mode=mode) as asking:
            yield asking


def questions_of(server: int) -> list[str]:
    """The processes that a server has started, by /proc."""
    tasks = Path(f"/proc/{server}/task").iterdir()
    return [pid for task in tasks for pid in (task / "children").read_text().split()]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_one_gives_up_while_the_other_asks(served: tuple[str, int], mode: str) -> None:
    """What it asked is ended at once, and the other one is answered all the while."""
    address, server = served

    async def body() -> None:
        async with client_of(address, mode) as one, client_of(address, mode) as two:
            given_up = asyncio.ensure_future(one.call_tool("source", ENDLESS))
            while not questions_of(server):
                await asyncio.sleep(0.02)
            (endless,) = questions_of(server)
            answers = [two.call_tool("watch", {"expression": "total"}) for _ in range(2)]
            others = asyncio.gather(*answers)
            await asyncio.sleep(0.1)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            while endless in questions_of(server):
                await asyncio.sleep(0.02)
            for answer in await others:
                assert "total = 20" in answer.content[0].text
            again = await one.call_tool("source", {"name": "asked_by_http.py"})
            assert "sum(n * 2" in again.content[0].text

    asyncio.run(asyncio.wait_for(body(), 60))


BODY = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
SAID = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
REFUSED: dict[str, tuple[dict[str, str], int]] = {
    "no token": ({}, 401),
    "another token": ({"authorization": "Bearer " + "x" * len(TOKEN)}, 401),
    "a part of it": ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
    "another scheme": ({"authorization": f"Basic {TOKEN}"}, 401),
    "a foreign name": ({**RIGHT, "host": "example.org"}, 421),
    "a name that begins as ours": ({**RIGHT, "host": "localhost.example.org"}, 421),
    "a foreign page": ({**RIGHT, "origin": "http://example.org"}, 403),
    "a page of nowhere": ({**RIGHT, "origin": "null"}, 403),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_refused(served: tuple[str, int], case: str) -> None:
    httpx = pytest.importorskip("httpx2")
    headers, status = REFUSED[case]
    answer = httpx.post(served[0], json=BODY, headers={**SAID, **headers})
    assert answer.status_code == status, answer.text
    assert "watch" not in answer.text and TOKEN not in answer.text
