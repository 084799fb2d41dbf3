"""What the README and docs/reading.md show is what comes out: every console and every Python block that has an answer,
run as it stands. Times, sizes and pids may differ, and `…` stands for lines left out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools.tape_tools import until

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/reading.md")
END = "-- the end of a command: "
SMALL = "/mnt/small"  # a disk that is full
DIFFERS = {  # from run to run
    r"\d+(\.\d+)? (ns|µs|ms|s)\b": "TIME",
    r"\d+ bytes": "SIZE",
    r"\(pid \d+\)": "PID",
    r"^(events +)[\d,]+$": r"\1NUMBER",
    r"^.*: line \d+: +\d+ Killed .*$": "Killed",
}


def blocks(pattern: str) -> list[Any]:
    found = []
    for page in PAGES:
        for number, match in enumerate(
            re.finditer(pattern, (ROOT / page).read_text(), re.S | re.M)
        ):
            marks = [pytest.mark.root("mount")] if SMALL in match[0] else []
            found.append(pytest.param(*match.groups(), id=f"{page} {number}", marks=marks))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader of these pages is: with the examples, a command `recorder`, and the traces."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "tests/programs/exceptions.py", folder / "exceptions.py")
    text = (folder / "examples/average.py").read_text()
    mended = text.replace("= []) ->", "= ()) ->")
    mended = mended.replace("seen.append(time)", "seen = [*seen, time]")
    (folder / "fixed").mkdir()
    (folder / "fixed/average.py").write_text(mended)
    command = folder / "bin/recorder"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m recorder "$@"\n')
    command.chmod(0o755)
    for name, program in {
        "average": "examples/average.py", "fixed": "fixed/average.py", "exc": "exceptions.py",
        "killed": "examples/killed.py",
    }.items():  # fmt: skip
        recording = recorder_command("run", "-o", f"{name}.rtrace", program)
        subprocess.run(recording, cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
        until((folder / f"{name}.rtrace").exists)
    return folder


@pytest.mark.parametrize("block", blocks(r"^```console\n(.*?)^```"))
def test_commands(block: str, folder: Path, tmp_path: Path) -> None:
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
    script = "".join(f'{command}\n(s=$?; echo "{END}$s"; exit $s)\n' for command, _ in commands)
    if SMALL in script:
        small = tmp_path / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        script = script.replace(SMALL, str(small))
    try:
        said = run(["bash", "-c", script], folder).replace(str(tmp_path / "small"), SMALL)
    finally:
        if SMALL in block:
            subprocess.run(["umount", tmp_path / "small"], check=True)
    answers = re.split(rf"^{END}\d+\n", said, flags=re.M)[:-1]
    for (command, expected), answer in zip(commands, answers, strict=True):
        compare(command, expected, answer)


@pytest.mark.parametrize(("code", "expected"), blocks(r"^```python\n([^`]*)^```\n\n```\n(.*?)^```"))
def test_python(code: str, expected: str, folder: Path) -> None:
    compare(code, expected, run([sys.executable, "-c", f"import recorder\n{code}"], folder))


def run(command: list[str], folder: Path) -> str:
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**ENVIRONMENT, "PATH": path}, timeout=60, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.stdout.replace(f"{folder}/examples/", "")


def compare(asked: str, expected: str, answer: str) -> None:
    rows = [alike(row) for row in answer.splitlines()]
    want = [alike(row) for row in expected.splitlines()]
    pattern = "".join(r"(?:.*\n)*" if row == "…" else re.escape(row) + r"\n" for row in want)
    if not re.fullmatch(pattern, "".join(f"{row}\n" for row in rows)):
        assert rows == want, asked


def alike(row: str) -> str:
    for pattern, instead in DIFFERS.items():
        row = re.sub(pattern, instead, row)
    return " ".join(row.split())


def test_what_is_not_shown_is_found() -> None:
    compare("", "a  1.0 ms\n…\nd\n", "a 2 s\nb\nc\nd\n")
    with pytest.raises(AssertionError):
        compare("", "a\n…\nd\n", "a\nb\n")
    assert len(blocks("^```console\n(.*?)^```")) == 10
