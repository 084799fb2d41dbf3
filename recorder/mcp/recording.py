"""The tool `record`: runs a command under the recorder. It runs whatever it is asked to, with the rights of who started
the server: it is there only where that was allowed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any, Final

from recorder import errors
from recorder.errors import arguments
from recorder.errors.text import cut
from recorder.mcp import sdk
from recorder.mcp.allowed import SUFFIX, Allowed
from recorder.mcp.tools import check_names
from recorder.staging.stale import file_at, staging_folders

MOST_WORDS: Final = 100
MOST_SECONDS: Final = 600
SECONDS: Final = 60
MOST_CLOSING: Final = 10  # seconds
LAST: Final = 1_000  # characters of what it said
NAMES: Final = re.compile(r"[\w-][\w.-]{0,79}")
NAME: Final = "record"
DESCRIPTION: Final = (
    "Runs a Python program under the recorder and makes a trace of it: command is what would stand behind `python`: "
    "['app.py', '--fast'] or ['-m', 'pytest', '-x']."
)
INPUT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_WORDS},
        "name": {"type": "string", "description": "of the trace, without a folder", "maxLength": 80},
        "seconds": {"type": "integer", "minimum": 1, "maximum": MOST_SECONDS, "default": SECONDS},
    },
    "required": ["command"],
    "additionalProperties": False,
}  # fmt: skip


async def record(given: dict[str, Any], allowed: Allowed) -> tuple[str | None, list[str]]:
    """The path of the trace, if one was made, and lines about the run. Raises INVALID_ARGUMENT."""
    anyio = sdk.load("anyio")
    command, name, seconds = _checked(given)
    folder = allowed.folder()
    if folder is None:
        raise errors.InvalidArgumentError(
            argument="command", value="", expected="a folder that may be written to, for the trace"
        )
    path = os.path.join(folder, name)
    before, left = file_at(path), staging_folders(path)
    words = [
        sys.executable,
        "-P",
        "-m",
        "recorder",
        "run",
        "--capture-output=on",
        "-o",
        path,
        *command,
    ]
    process = await anyio.open_process(
        words, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
    )
    said = bytearray()
    try:
        with anyio.move_on_after(seconds) as limit:
            async for data in process.stdout:
                said = (said + data)[-4 * LAST :]
            await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.terminate()  # the recording is closed as it would be by hand
                with anyio.move_on_after(5):
                    await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()
            await _published(path, left)
    ended = (
        f"ended after {seconds} s"
        if limit.cancelled_caught
        else f"exit status {process.returncode}"
    )
    lines = [ended, *cut(said.decode("utf-8", "replace")[-LAST:], LAST).splitlines()]
    return (path if file_at(path) not in (None, before) else None), lines


async def _published(path: str, left: list[str]) -> None:
    """Waits a while for the trace that is made of what a program left. `left`: what others had left before."""
    anyio = sdk.load("anyio")
    with anyio.move_on_after(MOST_CLOSING):
        while not set(staging_folders(path)) <= set(left):
            await anyio.sleep(0.05)


def _checked(given: dict[str, Any]) -> tuple[list[str], str, int]:
    check_names(given, INPUT["properties"])
    command = given.get("command")
    if (
        not isinstance(command, list) or not 0 < len(command) <= MOST_WORDS
        or not all(isinstance(word, str) and word and "\0" not in word for word in command)
    ):  # fmt: skip
        raise arguments.wrong("command", command, "a list of words")
    if command[0].startswith("-") and command[0] not in ("-m", "-c"):
        raise arguments.wrong("command", command[0], "a script, -m or -c")
    name = given.get("name", "recorded")
    if not isinstance(name, str) or not NAMES.fullmatch(name):
        raise arguments.wrong("name", name, "a name without a folder")
    seconds = given.get("seconds", SECONDS)
    if type(seconds) is not int or not 1 <= seconds <= MOST_SECONDS:
        raise arguments.wrong("seconds", seconds, f"1 to {MOST_SECONDS}")
    return command, name.removesuffix(SUFFIX) + SUFFIX, seconds
