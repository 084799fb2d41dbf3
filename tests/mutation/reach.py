"""Which bugs a test comes by: one that it does not come by it cannot notice.

Every test is run once with all bugs of a sample in place and none on. Each has a file or a byte that says that its
line was reached, in whichever process: lines of Python touch a file, the core writes a byte (`switched`)."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.mutation.mutant import Mutant

BEFORE = 1  # the time of a file that nothing touched


class Seen(NamedTuple):
    """What was seen of one test without a bug."""

    seconds: float
    cost: float  # of processor time, its own and that of what it starts
    outcome: str  # "unknown" where it was not run
    reached: frozenset[int]

    @property
    def is_known(self) -> bool:
        return self.outcome != "unknown"


class Marks:
    """Where reached bugs are marked, in a folder that the tests' processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.core = folder / "core"

    def make(self, numbers: Iterable[int], most: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o777)
        self.core.write_bytes(bytes(most))
        self.core.chmod(0o666)
        for number in numbers:
            path = self.folder / str(number)
            path.touch()
            path.chmod(0o666)
        self.taken()

    def taken(self) -> set[int]:
        """Those that were reached since this was asked last."""
        with self.core.open("r+b") as file:
            found = {number for number, byte in enumerate(file.read()) if byte}
            if found:
                file.seek(0)
                file.write(bytes(self.core.stat().st_size))
        for entry in os.scandir(self.folder):
            if entry.name != "core" and entry.stat().st_mtime > BEFORE:
                os.utime(entry.path, (BEFORE, BEFORE))
                found.add(int(entry.name))
        return found

    def with_marks(self, text: str, numbered: Iterable[tuple[int, Mutant]]) -> str:
        """A text of Python that touches a file before each statement in which there is a bug."""
        tree = ast.parse(text)
        lines = text.splitlines(keepends=True)
        before: defaultdict[int, list[int]] = defaultdict(list)
        for number, mutant in numbered:
            before[line_before(tree, lines, mutant.line)].append(number)
        for line, numbers in before.items():
            blank = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
            touch = [f"__import__('posix').utime({str(self.folder / str(n))!r})" for n in numbers]
            lines[line - 1] = f"{blank}{'; '.join(touch)}\n{lines[line - 1]}"
        return "".join(lines)


def line_before(tree: ast.Module, lines: list[str], line: int) -> int:
    """The first line of the innermost statement that has a line, and before which another can stand."""
    found = 1
    for node in ast.walk(tree):  # outer ones first
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            own = lines[node.lineno - 1]
            stands_alone = len(own) - len(own.lstrip()) == node.col_offset
            if stands_alone and not own.lstrip().startswith("elif"):
                decorators = getattr(node, "decorator_list", [])
                found = min([node.lineno, *(one.lineno for one in decorators)])
    return found


class Ledger:
    """What was seen of the tests, by file; a file that has changed since is not known."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.root = root
        self.files: dict[str, dict[str, Seen]] = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            if row["digest"] == digest(root / row["file"]):
                self.files[row["file"]] = {
                    test: Seen(seconds, cost, outcome, frozenset(reached))
                    for test, (seconds, cost, outcome, reached) in row["tests"].items()
                }

    def add(self, file: str, tests: dict[str, Seen]) -> None:
        self.files[file] = tests
        rows = {
            test: (seen.seconds, seen.cost, seen.outcome, sorted(seen.reached))
            for test, seen in tests.items()
        }
        row = {"file": file, "digest": digest(self.root / file), "tests": rows}
        with self.path.open("a") as out:
            out.write(json.dumps(row) + "\n")

    def reaching(self, number: int) -> dict[str, Seen]:
        """The tests that pass without a bug and come by this one. What a file of tests does once for all of them is
        seen with the first of them: the others of that file count as well, behind those."""
        found: dict[str, Seen] = {}
        for tests in self.files.values():
            if any(number in seen.reached for seen in tests.values()):
                found |= {test: seen for test, seen in tests.items() if seen.outcome != "failed"}
        return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""
