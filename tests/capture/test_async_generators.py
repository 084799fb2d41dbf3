"""What an async generator yields is told as it is, and not as the object in which CPython hands it on."""

from __future__ import annotations

import pytest

import recorder
from tests.conftest import Run

PROGRAM = """\
import asyncio

async def several(values):
    for value in values:
        await asyncio.sleep(0)
        got = yield value
    yield [value, got]

async def main():
    seen = [one async for one in several([1, "two", None, {"k": (3,)}, several])]
    asked = several([7, 8])
    first = await anext(asked)
    second = await asked.asend("sent")
    third = await asked.asend("again")
    await asked.aclose()

asyncio.run(main())
"""


@pytest.fixture
def yielded(run_recorded: Run) -> list[list[str]]:
    """Of each frame of the generator what it yielded, without what it only awaited."""
    result = run_recorded(PROGRAM)
    assert (result.status, result.stderr) == (0, "")
    found: dict[int, list[str]] = {}
    with recorder.open_trace(result.trace) as trace:
        for event in trace.find("yield", function="several"):
            if event.line != 5:
                found.setdefault(event.frame, []).append(event.value.show())
    return list(found.values())


def test_what_is_yielded(yielded: list[list[str]]) -> None:
    looped, asked = yielded
    function = "<function __main__.several>"
    assert looped == ["1", "'two'", "None", "{'k': (3,)}", function, f"[{function}, None]"]
    assert asked == ["7", "8", "[8, 'again']"]
