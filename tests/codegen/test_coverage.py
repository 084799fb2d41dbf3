"""Completeness, read from the table: each active code is emitted, documented and provoked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from codegen import coverage, generate, table
from codegen.__main__ import main
from tests.tools.codegen_tree import OUTPUTS

ROOT = Path(__file__).resolve().parents[2]
ROW = """
[[error]]
number = 2999
name = "MOON_IN_THE_WAY"
exception = "MoonInTheWayError"
title = "The moon is in the way"
message = "the moon covers {{path}}"
context = {{ path = "str" }}
hint = "Wait for the morning."
origin = "python"
errno = "optional"
select = {select}
exceptions = {exceptions}
on_error = "disable"
trace_effect = "none"
since = "9.9.9"
status = "{status}"
doc = "When it is not the sun."
"""


def test_every_active_code_is_emitted_documented_and_provoked() -> None:
    assert coverage.run(ROOT, table.load(ROOT / table.TABLE)).problems == []


RENDERED: dict[tuple[str, str, str], dict[str, str]] = {}


class Tree:
    """A copy of the table with one row more, and a package and tests of our own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "codegen", root / "codegen", ignore=ignore)
        text = (root / table.TABLE).read_text(encoding="utf-8")
        text = text.replace('status = "active"', 'status = "planned"')
        (root / table.TABLE).write_text(text, encoding="utf-8")
        for name in ("recorder/_core", "recorder/errors", "tests", "docs"):
            (root / name).mkdir(parents=True)
        for pages in generate.REGIONS.values():
            for page in pages:
                shutil.copy(ROOT / page, root / page)

    def row(self, status: str = "active", select: str = "[]", exceptions: str = "[]") -> None:
        with (self.root / table.TABLE).open("a", encoding="utf-8") as file:
            file.write(ROW.format(status=status, select=select, exceptions=exceptions))
        given = (status, select, exceptions)
        if given not in RENDERED:  # of all trees with this row
            assert main(["--root", str(self.root)]) == 0
            RENDERED[given] = {name: self.read(name) for name in OUTPUTS}
        for name, text in RENDERED[given].items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            self.write(name, text)

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def seen(self) -> coverage.Seen:
        return self.all().codes[-1]

    def all(self) -> coverage.Coverage:
        return coverage.run(self.root, table.load(self.root / table.TABLE))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_new_active_row_fails_until_it_is_emitted_and_provoked(tree: Tree) -> None:
    tree.row()
    assert tree.all().problems == [
        "ERR_MOON_IN_THE_WAY is active, but emitted nowhere in recorder/",
        "ERR_MOON_IN_THE_WAY is active, but provoked by no test "
        '(@pytest.mark.provokes("MOON_IN_THE_WAY"))',
    ]
    tree.write("recorder/night.py", "raise errors.MoonInTheWayError(path='x')\n")
    assert len(tree.all().problems) == 1
    tree.write("tests/test_night.py", PROVOKED)
    assert tree.all().problems == []
    assert tree.seen().emitted == ["recorder/night.py:1"]
    assert tree.seen().provoked == ["tests/test_night.py::test_moon"]
    tree.write("docs/errors.md", "")
    assert tree.all().problems == [
        "ERR_MOON_IN_THE_WAY is active, but has no section in docs/errors.md"
    ]


PROVOKED = '@pytest.mark.provokes("MOON_IN_THE_WAY")\ndef test_moon(): pass\n'
MENTIONS = {
    "raise errors.MoonInTheWayError(path=1)": True,
    "raise MoonInTheWayError": True,
    "x = {1: errors.MoonInTheWayError}": True,
    "f(errors.ErrorCode.MOON_IN_THE_WAY)": True,
    "status = errors.MoonInTheWayError.number": True,
    "x: int = errors.ErrorCode.MOON_IN_THE_WAY": True,
    "from recorder.errors import MoonInTheWayError": False,
    "try: pass\nexcept errors.MoonInTheWayError: pass": False,
    "try: pass\nexcept (OSError, errors.MoonInTheWayError): pass": False,
    "try: pass\nexcept OSError: raise errors.MoonInTheWayError(path=1)": True,
    "if code == errors.ErrorCode.MOON_IN_THE_WAY: pass": False,
    "isinstance(e, errors.MoonInTheWayError)": False,
    "x: errors.MoonInTheWayError": False,
    "def f(x: errors.MoonInTheWayError) -> None: pass": False,
    "def f() -> errors.MoonInTheWayError: pass": False,
    "# errors.MoonInTheWayError": False,
}


@pytest.mark.parametrize("text", MENTIONS)
def test_what_emits_in_python(tree: Tree, text: str) -> None:
    tree.row()
    tree.write("recorder/night.py", text + "\n")
    assert bool(tree.seen().emitted) is MENTIONS[text]


CYTHON_MENTIONS = {
    "cdef int f() noexcept: return ERR_MOON_IN_THE_WAY": True,
    "def f(): raise errors.MoonInTheWayError(path=1)": True,
    "cdef int f() noexcept: return 1 if x == ERR_MOON_IN_THE_WAY else 2": False,
    "def f():\n    try: pass\n    except errors.MoonInTheWayError: pass": False,
}


@pytest.mark.parametrize("text", CYTHON_MENTIONS)
def test_what_emits_in_the_core(tree: Tree, text: str) -> None:
    tree.row()
    tree.write("recorder/_core/night.pxi", text + "\n")
    tree.write("recorder/_core/night.pyx", 'include "night.pxi"\n')
    emitted = ["recorder/_core/night.pxi:1"] if CYTHON_MENTIONS[text] else []
    assert tree.seen().emitted == emitted


CONVERSIONS = {
    "errors.from_oserror(e, operation='land', path=p)": ('["land:*"]', "[]", True),
    "errors.from_oserror(e, operation='fly', path=p)": ('["land:*"]', "[]", False),
    "errors.from_oserror(e, operation='climb')": ('["EHOSTDOWN"]', "[]", True),
    "errors.from_oserror(e, operation=what)": ('["land:EIO"]', "[]", True),
    "errors.from_oserror(e, operation=which)": ("[]", "[]", False),
    "with errors.mapped('land', path=p): pass": ('["land:*"]', "[]", True),
    "with errors.mapped('fly'): pass": ('["land:*"]', "[]", False),
    "errors.from_exception(e)": ("[]", '["ZeroDivisionError"]', True),
    "errors.from_oserror(e, operation='land') ": ("[]", '["ZeroDivisionError"]', False),
}


@pytest.mark.parametrize("text", CONVERSIONS)
def test_what_a_conversion_can_emit(tree: Tree, text: str) -> None:
    select, exceptions, emits = CONVERSIONS[text]
    tree.row(select=select, exceptions=exceptions)
    tree.write("recorder/night.py", text + "\n")
    assert tree.seen().emitted == (["recorder/night.py:1 (converted)"] if emits else [])


MARKERS = {
    PROVOKED: ["tests/test_night.py::test_moon"],
    f"class TestNight:\n    {PROVOKED.replace(chr(10), chr(10) + '    ')}\n": [
        "tests/test_night.py::test_moon"
    ],
    'pytestmark = pytest.mark.provokes("DISK_FULL", "MOON_IN_THE_WAY")\n': ["tests/test_night.py"],
    'CASES = [pytest.param(1, marks=pytest.mark.provokes("MOON_IN_THE_WAY"))]\n': [
        "tests/test_night.py"
    ],
    "def test_moon(): errors.MoonInTheWayError\n": [],
}


@pytest.mark.parametrize("text", MARKERS)
def test_what_provokes(tree: Tree, text: str) -> None:
    tree.row()
    tree.write("tests/test_night.py", text)
    assert tree.seen().provoked == MARKERS[text]


def test_a_marker_with_a_name_that_is_no_code_is_refused(tree: Tree) -> None:
    tree.write("tests/test_night.py", PROVOKED)
    assert tree.all().problems == [
        "tests/test_night.py::test_moon provokes 'MOON_IN_THE_WAY', which is no code"
    ]


def test_the_status_is_checked_both_ways(tree: Tree) -> None:
    tree.row("planned")
    assert tree.all().problems == []
    tree.write("recorder/night.py", "raise errors.MoonInTheWayError(path='x')\n")
    assert tree.all().problems == []
    tree.write("tests/test_night.py", PROVOKED)
    assert tree.all().problems == [
        "ERR_MOON_IN_THE_WAY is planned, but emitted and provoked: coverage --activate"
    ]


def test_a_retired_code_must_not_be_emitted(tree: Tree) -> None:
    tree.row("retired")
    assert tree.all().problems == []
    tree.write("recorder/night.py", "raise errors.MoonInTheWayError(path='x')\n")
    assert tree.all().problems == [
        "ERR_MOON_IN_THE_WAY is retired, but emitted: recorder/night.py:1"
    ]


def test_activating_flips_what_is_ready_and_nothing_else(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.row("planned")
    tree.write("recorder/night.py", "raise errors.MoonInTheWayError(path='x')\n")
    tree.write("tests/test_night.py", PROVOKED)
    before = (tree.root / table.TABLE).read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["--root", str(tree.root), "coverage", "--activate"]) == 0
    assert "active: ERR_MOON_IN_THE_WAY\n" in capsys.readouterr().out
    after = (tree.root / table.TABLE).read_text(encoding="utf-8")
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert changed == [('status = "planned"', 'status = "active"')]
    assert tree.seen().row.status == "active"
    assert tree.all().problems == []
    assert main(["--root", str(tree.root), "--check"]) == 0


def test_the_map_is_printed(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.row()
    tree.write("recorder/night.py", "raise errors.MoonInTheWayError(path='x')\n")
    capsys.readouterr()
    assert main(["--root", str(tree.root), "coverage"]) == 1
    text = capsys.readouterr().out
    assert (
        "ERR_MOON_IN_THE_WAY (2999, active)\n  emitted:  recorder/night.py:1\n  provoked: -\n"
    ) in text
    assert text.endswith("0 of 1 active codes are emitted, documented and provoked\n")
    assert main(["--root", str(tree.root), "coverage", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)["ERR_MOON_IN_THE_WAY"]
    assert shown["emitted"] == ["recorder/night.py:1"]
    assert len(shown["missing"]) == 1
