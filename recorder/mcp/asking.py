"""A question, asked in a process of its own: `python -m recorder COMMAND …`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from recorder.mcp import sdk
from recorder.mcp.answer import TIME, Gathering
from recorder.mcp.tools import JSON, SECONDS

# An interrupt ends it, though who started the server may have had them ignored, which a process inherits.
QUESTION: Final = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('recorder', run_name='__main__', alter_sys=True)"
)
PATIENCE: Final = 0.5  # seconds, for what there is no room for any more
GRACE: Final = 3.0  # seconds, in which an interrupted question tells how far it has looked
EVERY: Final = 1.0  # seconds, after which it is told how far a question is
MOST_LINE: Final = 1 << 20  # bytes of one line, of which the rest is not kept
MOST_NOTES: Final = 1 << 16  # bytes from stderr

WAYS: Final = {
    "since": "of a part (since, until)",
    "function": "of one function",
    "sql": "another tool, since this one reads all of the trace first",
}
INTERRUPTED: Final = 130
ENDED: Final = (INTERRUPTED, -signal.SIGINT, -signal.SIGKILL)
OURS: Final = ("recorder: ", "next: ")  # and not a traceback of Python's

ReportProgress = Callable[[float, str], Awaitable[None]]


async def ask(
    words: list[str], gathering: Gathering, report_progress: ReportProgress, seconds: int = SECONDS
) -> tuple[list[str], dict[str, Any] | None, int | None]:
    """Fills an answer; what was said on stderr, the failure if it is one, and the exit status. A task that
    is cancelled ends the process at once."""
    anyio = sdk.load("anyio")
    environment = {
        **os.environ, "RECORDER_NEXT": "1", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    command = [sys.executable, "-P", "-c", QUESTION, words[0], "--json-errors", *words[1:]]
    process = await anyio.open_process(
        command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    said = bytearray()
    began = anyio.current_time()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_progress, gathering, report_progress)
            group.start_soon(_collect, process.stderr, said)
            group.start_soon(_interrupt_after, seconds, process)
            await _read(
                process, gathering, lambda: group.start_soon(_interrupt_after, PATIENCE, process)
            )
            await process.wait()
            group.cancel_scope.cancel()
    finally:
        await _end(process, said)
    notes, error = _split_stderr(said.decode("utf-8", "replace"))
    if process.returncode in ENDED and anyio.current_time() - began >= seconds:
        notes = [note for note in notes if note.startswith(OURS)]
        detail = f"it was ended after {seconds} s: the trace was not looked at to its end"
        error = {"code": TIME, "detail": detail, "hint": _narrower(gathering)}
    return notes, error, process.returncode


def _narrower(gathering: Gathering) -> str:
    """How to ask for less, by what the tool can be asked."""
    names = {option.name for option in gathering.tool.options}
    ways = [text for name, text in WAYS.items() if name in names]
    return f"ask {', '.join([*ways, 'or with more seconds'] if ways else ['with more seconds'])}"


async def _interrupt_after(seconds: float, process: Any) -> None:
    """As Ctrl-C does: what has been found is told, and how far that was. Who does not listen is ended."""
    anyio = sdk.load("anyio")
    await anyio.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        process.send_signal(signal.SIGINT)
        await anyio.sleep(GRACE)
        process.kill()


async def _read(process: Any, gathering: Gathering, is_full: Callable[[], None]) -> None:
    if gathering.form == JSON and gathering.tool.command in PARTS:
        text = "\n".join([line async for line in _lines(process.stdout)])
        for row in _rows(gathering.tool.command, text):
            gathering.take(row)
        return
    async for line in _lines(process.stdout):
        was_full = gathering.is_full
        if not gathering.take(line) and not was_full:
            is_full()  # the rest is counted for a moment


# Of an answer that is one object, what it has many of: these are rows of their own, behind the rest of it.
PARTS: Final = {"explain": "sections", "state": "stack"}


def _rows(command: str, text: str) -> list[str]:
    """A row for each statement of a page, and for each frame, from the innermost out."""
    try:
        whole = json.loads(text)
    except ValueError:  # nothing, where it failed
        return [text] if text else []
    parts = whole.pop(PARTS[command])
    if command == "state":
        return [json.dumps(one) for one in ({**whole}, *reversed(parts))]
    rows = [{"section": part["title"], **one} for part in parts for one in part["statements"]]
    return [json.dumps({"title": whole["title"]}), *map(json.dumps, rows)]


async def _lines(stream: Any) -> AsyncIterator[str]:
    held = b""
    async for data in stream:
        held += data
        *whole, held = held.split(b"\n")
        for line in whole:
            yield line[:MOST_LINE].decode("utf-8", "replace")
        held = held[:MOST_LINE]
    if held:
        yield held.decode("utf-8", "replace")


async def _collect(stream: Any, into: bytearray) -> None:
    async for data in stream:
        into += data[: MOST_NOTES - len(into)]


async def _progress(gathering: Gathering, report_progress: ReportProgress) -> None:
    anyio = sdk.load("anyio")
    elapsed = 0.0
    while True:
        await anyio.sleep(EVERY)
        elapsed += EVERY
        await report_progress(elapsed, f"{len(gathering.lines)} lines so far")


async def _end(process: Any, said: bytearray) -> None:
    """Whatever comes between, it is gone, and nobody waits for it."""
    anyio = sdk.load("anyio")
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.kill()
            await process.wait()
        with anyio.move_on_after(1):
            await _collect(process.stderr, said)
        await process.aclose()


def _split_stderr(text: str) -> tuple[list[str], dict[str, Any] | None]:
    """The lines on stderr: a failure is one that is JSON."""
    notes, error = [], None
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                error = json.loads(line)
                continue
            except ValueError:
                pass
        if line.strip():
            notes.append(line)
    return notes, error
