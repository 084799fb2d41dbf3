"""What README, CONTRIBUTING and the pages on reading show is what comes out: every console and every Python block that
has an answer, run as it stands. Times, sizes and pids may differ, and `…` stands for lines left out. What any page
names is there, and the table of which tests are for which file leaves none out."""

from __future__ import annotations

import importlib.util
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
PAGES = (
    "README.md",
    "docs/reading.md",
    "docs/finding-bugs.md",
    "docs/shared-objects.md",
    "docs/values.md",
    "CONTRIBUTING.md",
)
ALL_PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
END = "-- the end of a command: "
SMALL = "/mnt/small"  # a disk that is full
DIFFERS = {  # from run to run
    r"\d+(\.\d+)? ?(ns|µs|ms|s)\b( \(\d:\d\d:\d\d\))?": "TIME",
    r"\d+ deselected": "SOME deselected",
    r"\d+ bytes": "SIZE",
    r"\(pid \d+\)": "PID",
    r"^(events +)[\d,]+$": r"\1NUMBER",
    r"^.*: line \d+: +\d+ Killed .*$": "Killed",
}
if sys.version_info >= (3, 14):  # where other objects were met before
    DIFFERS[r" #\d+"] = " #NUMBER"


def blocks(pattern: str) -> list[Any]:
    found = []
    for page in PAGES:
        for number, match in enumerate(
            re.finditer(pattern, (ROOT / page).read_text(), re.S | re.M)
        ):
            marks = [pytest.mark.root("mount")] if SMALL in match[0] else []
            if "merged.py" in match[0] and importlib.util.find_spec("pandas") is None:
                marks.append(pytest.mark.skip(reason="the program needs pandas"))
            found.append(pytest.param(page, *match.groups(), id=f"{page} {number}", marks=marks))
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
    (folder / "bugs").mkdir()
    for program in (ROOT / "tests/bugs/programs").glob("*.py"):  # without what the tests ask of it
        text = program.read_text().partition("\n# Symptom")[0].replace("  # bug", "")
        (folder / "bugs" / program.name).write_text(text)
    (folder / "bin").mkdir()
    for name, words in {"python": "", "recorder": "-m recorder"}.items():
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        command.chmod(0o755)
    for name, program in {
        "average": "examples/average.py", "fixed": "fixed/average.py", "exc": "exceptions.py",
        "killed": "examples/killed.py", "shared": "examples/shared.py",
    }.items():  # fmt: skip
        recording = recorder_command("run", "-o", f"{name}.rtrace", program)
        subprocess.run(recording, cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
        until((folder / f"{name}.rtrace").exists)
    return folder


@pytest.mark.parametrize(("page", "block"), blocks(r"^```console\n(.*?)^```"))
def test_commands(page: str, block: str, folder: Path, tmp_path: Path) -> None:
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
    script = "".join(f'{command}\n(s=$?; echo "{END}$s"; exit $s)\n' for command, _ in commands)
    if SMALL in script:
        small = tmp_path / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        script = script.replace(SMALL, str(small))
    try:
        at = ROOT if page == "CONTRIBUTING.md" else folder  # its reader is in the checkout
        said = run(["bash", "-c", script], folder, at, tmp_path)
        said = said.replace(str(tmp_path / "small"), SMALL)
    finally:
        if SMALL in block:
            subprocess.run(["umount", tmp_path / "small"], check=True)
    answers = re.split(rf"^{END}\d+\n", said, flags=re.M)[:-1]
    for (command, expected), answer in zip(commands, answers, strict=True):
        compare(command, expected, answer)


@pytest.mark.parametrize(
    ("page", "code", "expected"), blocks(r"^```python\n([^`]*)^```\n\n```\n(.*?)^```")
)
def test_python(page: str, code: str, expected: str, folder: Path, tmp_path: Path) -> None:
    said = run([sys.executable, "-c", f"import recorder\n{code}"], folder, folder, tmp_path)
    compare(code, expected, said)


def run(command: list[str], folder: Path, at: Path, temporary: Path) -> str:
    """What a command says. `at` is where it runs; a folder for its temporary files is its own."""
    environment = {
        **ENVIRONMENT, "TMPDIR": str(temporary), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=at, env=environment, timeout=100, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.stdout.replace(f"{folder}/examples/", "").replace(f"{folder}/", "")


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
    assert len(blocks("^```console\n(.*?)^```")) == 35


# ---- what is named is there ----


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    files = re.findall(
        r"\b((?:recorder|tests|codegen|benchmarks|docs|examples)/[-\w/.]*\w)(?![*.\w])", text
    )
    files += [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if page.parent == ROOT]
    modules = re.findall(r"python -m ((?:tests|codegen|benchmarks)[\w.]*)", text)
    places = [name.replace(".", "/") for name in modules if "." in name]
    files += [place if (ROOT / place).is_dir() else f"{place}.py" for place in places]
    assert [name for name in files if not (ROOT / name).exists()] == []


def which_tests() -> dict[str, str]:
    """The rows of the table in CONTRIBUTING: what is changed, and what is to be run."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| (`.*) \| (`.*) \|$", text, re.M)
    return {name: tests for names, tests in rows for name in re.findall(r"`([^`]+)`", names)}


def test_there_are_tests_for_every_file() -> None:
    """A file of the product that is in no row of the table, a row without a file, a folder of tests in no row."""
    rows = which_tests()
    changed = {name: set(files_of(name)) for name in rows}
    assert [name for name, files in changed.items() if not files] == []
    product = {path for name in ("recorder", "codegen", "docs") for path in files_of(f"{name}/")}
    assert sorted(map(str, product.difference(*changed.values()))) == []
    run = {name for tests in rows.values() for name in re.findall(r"`tests/(\w+)`", tests)}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert folders - {"programs", "tools", "mutation", "__pycache__"} == run


def files_of(name: str) -> list[Path]:
    """The source files that a name in the table stands for."""
    found = ROOT.glob(f"{name}**/*" if name.endswith("/") else name)
    built = (".so", ".pyc")
    return [path for path in found if path.is_file() and path.suffix not in built]
