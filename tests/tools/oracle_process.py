"""The programs in tests/programs, and the oracle that is asked about them in a process of its own."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE.parent / "programs"
PROGRAMS = sorted(FOLDER.glob("*.py"))
# Until 3.13 a trace function that looks at f_locals makes a copy that lives on: what a function lets go of dies
# later, inside the trace function. In programs about that it looks at no variables.
LIFETIMES = ("finalizers", "dropped_generators")


class Oracle:
    """The process of oracle.py; it is asked about each program once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[Path, list[Any]] = {}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "oracle.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip

    def close(self) -> None:
        self.process.communicate()

    def ask(self, program: Path) -> list[Any]:
        """The events of a program."""
        if program not in self.known:
            out = self.folder / "oracle.pickle"
            look = program.stem not in LIFETIMES or sys.version_info >= (3, 13)
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps([str(program), str(out), look]) + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "0\n"
            self.known[program] = pickle.loads(out.read_bytes())
        return self.known[program]
