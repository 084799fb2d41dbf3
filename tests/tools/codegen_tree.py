"""A copy of the tree that the generator may be let loose on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codegen import generate
from codegen.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = [
    output
    for outputs in (*generate.OUTPUTS.values(), *generate.REGIONS.values())
    for output in outputs
]


class Tree:
    """A scratch copy of everything the generator reads and writes."""

    capsys: pytest.CaptureFixture[str]

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str] | None = None) -> None:
        self.root = root
        if capsys is not None:
            self.capsys = capsys
        for name in ("codegen", "recorder/errors"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        for name in (*OUTPUTS, "recorder/cli/errors.py", "recorder/cli/console.py"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        with (self.root / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def run(self, *args: str) -> tuple[int, str]:
        """Exit code and what was said."""
        code = main(["--root", str(self.root), *args])
        captured = self.capsys.readouterr()
        return code, captured.out + captured.err

    def outputs(self) -> dict[str, str]:
        """What is in every generated file."""
        return {name: self.read(name) for name in OUTPUTS}

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")
