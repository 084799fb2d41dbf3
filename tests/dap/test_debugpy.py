"""Forwards, it goes where debugpy goes: the same steps of the same programs, with the same stacks and variables.

Left out are one line that begins twice, as a `case` may, where it stops once and `sys.settrace` tells of both; and
variables that a call shares with its caller, or that its caller's line has set already: that is not looked at before
its next line. Where an exception ends a call, debugpy loses `next` and `stepOut`, and runs on to a breakpoint; ours go
to where it is handled: programs in which that happens are stepped into alone. Of a step in a generator debugpy says
now `step`, now `breakpoint`: it is told by the line."""

from __future__ import annotations

import ast
import contextlib
import queue
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from recorder.trace.listing import lines_of_code
from tests.conftest import ENVIRONMENT, ROOT
from tests.tools.dap_client import Client, Failed

STEPS = 40
TRIES = 3  # of debugpy: on a busy machine it loses a step, or a variable's thread, now and then
NAMES = """
    callbacks classes containers control_flow decorators exceptions expressions global_names mappings recursion scalars
    strings
"""
ONCE = "closures copying finally_blocks instances mutual_recursion".split()  # one walk each
INWARDS = "context_managers operators unwinding".split()  # and without steps that an exception ends
# Lines after which a function of a library goes on that no trace has: only debugpy can stop where it returns.
CALLED_BY_LIBRARY = {"context_managers": {11, 12, 14, 74}}
ON_THE_WAY = [
    "context_managers"
]  # in which lines that call have set variables before they are over
PROGRAMS = [ROOT / f"tests/programs/{name}.py" for name in [*NAMES.split(), *ONCE, *INWARDS]]
DEFAULT = [path for path in PROGRAMS if path.stem in ("classes", "exceptions", "recursion")]
PLAIN = re.compile(r"-?\d+|'[^'\\]*'|True|False|None")  # what both write in the same way


class Seen(NamedTuple):
    reason: str
    stack: list[tuple[str, int]]
    variables: dict[str, str]


def lines(program: Path) -> list[int]:
    """Where breakpoints go: some lines with code that are within functions, and one in each generator."""
    text = program.read_text()
    inner = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith("        ")]
    some = sorted(lines_of_code(text, str(program)).intersection(inner))[3::7]
    return sorted({*some, *generators(ast.parse(text))})


def generators(tree: ast.AST) -> set[int]:
    """The first line of each: debugpy sees them go on only where there is a breakpoint in them."""
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    return {
        one.body[0].lineno
        for one in functions
        if any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in ast.walk(one))
    }


def drive(command: list[str], program: Path, launch: dict[str, Any], seed: int) -> list[Seen]:
    chance = random.Random(seed)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        client = Client(process.stdout, process.stdin)
        client.ask("initialize", adapterID="x", pathFormat="path")
        client.send(
            "launch", program=str(program), console="internalConsole", stopOnEntry=True, **launch
        )
        client.event("initialized")
        client.break_at(program, *lines(program))
        client.ask("setExceptionBreakpoints", filters=[])
        client.send("configurationDone")
        seen: list[Seen] = []
        with contextlib.suppress(queue.Empty):  # a debugger that gets no time does not answer
            for one in walk(client, program, chance):
                seen.append(one)
        return seen
    finally:
        process.kill()
        process.communicate()


def walk(client: Client, program: Path, chance: random.Random) -> Any:
    before: list[tuple[str, int]] = []
    for _ in range(STEPS):
        while not any(one["event"] in ("stopped", "terminated") for one in client.events):
            client.receive()
        if any(one["event"] == "terminated" for one in client.events):
            return
        body = client.event("stopped")
        if "text" in body and body["text"].startswith("the end"):
            return
        thread = body["threadId"]
        try:
            stack, variables = look(client, program, thread)
        except (Failed, jsonschema.ValidationError):
            return  # debugpy's program has ended meanwhile, or lost its connection, and this is how it says so
        if not stack:
            return
        if (
            program.stem in ON_THE_WAY
            and len(stack) < len(before)
            and stack == before[-len(stack) :]
        ):
            variables = {}
        before = stack
        reason = body["reason"]
        if reason in ("step", "breakpoint"):
            reason = "breakpoint" if stack[0][1] in lines(program) else "step"
        yield Seen(reason, stack, variables)
        moves = ["next", "stepIn", "stepIn", "stepOut", "continue"]
        if program.stem in INWARDS:
            moves = ["stepIn", "stepIn", "continue"]
        elif len(stack) == 1:
            moves = ["next", "stepIn", "continue"]
        if CALLED_BY_LIBRARY.get(program.stem, set()) & {stack[0][1], stack[-1][1]}:
            moves = ["continue"]
        client.send(chance.choice(moves), threadId=thread)


def look(
    client: Client, program: Path, thread: int
) -> tuple[list[tuple[str, int]], dict[str, str]]:
    """The program's own stack, and the variables of a function on top that both write in the same way."""
    found = client.ask("stackTrace", threadId=thread)["stackFrames"]
    frames = [one for one in found if one.get("source", {}).get("path") == str(program)]
    stack = [(name_of(one["name"]), one["line"]) for one in frames]
    if len(stack) < 2:
        return stack, {}
    scopes = client.ask("scopes", frameId=frames[0]["id"])["scopes"]
    scope = next(one for one in scopes if one["name"] == "Locals")
    values = {n: v["value"] for n, v in client.children(scope["variablesReference"]).items()}
    plain = {n: v for n, v in values.items() if PLAIN.fullmatch(v)}
    return stack, {n: v for n, v in plain.items() if n.isidentifier() and n[:2] != "__"}


def name_of(name: str) -> str:
    return (
        "<module>" if name.startswith("module ") else name.removeprefix("class ").rpartition(".")[2]
    )


@pytest.mark.timeout(900)  # debugpy may need a minute for a walk on a busy machine
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(one, marks=() if one in DEFAULT else pytest.mark.slow, id=one.stem)
        for one in PROGRAMS
    ],
)
def test_it_goes_where_debugpy_goes(program: Path, tmp_path: Path) -> None:
    for seed in range(1 if program in DEFAULT or program.stem in [*ONCE, *INWARDS] else 3):
        launch = {"cwd": str(tmp_path), "output": str(tmp_path / f"{seed}.rtrace")}
        ours = drive([sys.executable, "-m", "recorder", "dap"], program, launch, seed)
        for one in range(TRIES):
            theirs = drive(
                [sys.executable, "-m", "debugpy.adapter"], program, {"cwd": str(tmp_path)}, seed
            )
            # Its end may be missing, see above.
            if 1 < len(theirs) in (len(ours), len(ours) - 1) and ours[: len(theirs)] == theirs:
                break
        else:
            assert ours == theirs, one
