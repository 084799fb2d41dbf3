"""The table, its lock and what is generated from them: every refusal, on a copy of the tree."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen import generate, table
from codegen.__main__ import main
from recorder._boot import boot
from recorder.errors import kinds
from tests.tools.codegen_tree import ROOT, Tree

TABLE = "codegen/error_codes.toml"
OUTPUTS = generate.OUTPUTS[table.TABLE]
NEW_ROW = """
[[error]]
number = 2999
name = "MOON_IN_THE_WAY"
exception = "MoonInTheWayError"
also = "RuntimeError"
title = "The moon is in the way"
message = "the moon covers {path}"
context = { path = "str" }
hint = "Wait for the morning."
origin = "python"
on_error = "disable"
trace_effect = "none"
since = "9.9.9"
status = "active"
doc = "When it is not the sun."
"""


@pytest.fixture
def tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tree:
    return Tree(tmp_path, capsys)


def test_generated_files_are_fresh(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["--check"])
    assert code == 0, capfd.readouterr().err


def test_a_second_run_writes_nothing(tree: Tree) -> None:
    assert tree.run() == (0, "")


def test_only_what_changed_is_written(tree: Tree) -> None:
    tree.edit(TABLE, "Wait for the program to end", "Wait until the program ends")
    code, said = tree.run()
    assert code == 0
    assert said.splitlines() == [
        "wrote recorder/_core/session/failures.h",
        "wrote recorder/errors/classes.py",
        "wrote recorder/errors/explanations.json",
        "wrote docs/errors.md",
        "wrote recorder/errors/errors.md",
    ]


WHOLE = [output for outputs in generate.OUTPUTS.values() for output in outputs]
LOCKS = ["codegen/errors.lock", "codegen/format.lock"]


def test_check_refuses_every_deleted_output(tree: Tree) -> None:
    for output in (*WHOLE, *LOCKS):
        (tree.root / output).unlink()
    code, said = tree.run("--check")
    assert code == 1
    for output in (*WHOLE, *LOCKS):
        assert f"{output}: generated file is missing" in said
    assert "python -m codegen" in said


def test_check_refuses_a_hand_edit_of_every_output_and_shows_it(tree: Tree) -> None:
    edited = {output: f"9998 BY_HAND_{n} ByHandError raise\n" for n, output in enumerate(WHOLE)}
    for output, line in edited.items():
        tree.append(output, line)
    code, said = tree.run("--check")
    assert code == 1
    for output, line in edited.items():
        assert f"-{line}" in said, output


@pytest.mark.parametrize("output", [WHOLE[0], *LOCKS])
def test_check_refuses_a_hand_edit_of_one(tree: Tree, output: str) -> None:
    tree.append(output, "9998 BY_HAND ByHandError raise\n")
    code, said = tree.run("--check")
    assert code == 1
    assert "BY_HAND" in said


def test_check_refuses_a_lock_that_cannot_be_read(tree: Tree) -> None:
    tree.append("codegen/errors.lock", "2001 half a promise\n2002\n")
    code, said = tree.run("--check")
    assert code == 1
    assert "codegen/errors.lock: not a promise: '2002'" in said


def test_check_refuses_an_extra_output(tree: Tree) -> None:
    (tree.root / "recorder/errors/more.py").write_text(
        f"# {generate.mark(table.TABLE)}\n", encoding="utf-8"
    )
    code, said = tree.run("--check")
    assert code == 1
    assert "recorder/errors/more.py: says it is generated, but nothing generates it" in said


def test_check_refuses_an_output_git_does_not_know(tree: Tree) -> None:
    def git(*args: str) -> None:
        subprocess.run(["git", "-C", str(tree.root), *args], check=True, capture_output=True)

    git("init")
    git("add", ".")
    assert tree.run("--check") == (0, "")
    git("rm", "--cached", "docs/errors.md")
    code, said = tree.run("--check")
    assert code == 1
    assert said == "not tracked by git: docs/errors.md\nto mend it: git add docs/errors.md\n"


FIRST_TWO = 'number = 2001\nname = "DISK_FULL"'
DISK_FULL = 'name = "DISK_FULL"\nexception = "DiskFullError"\nalso = "OSError"'
BAD_TABLES: dict[str, tuple[str, str, str]] = {
    "duplicate number": (
        FIRST_TWO,
        'number = 2002\nname = "DISK_FULL"',
        "duplicate number 2002: DISK_FULL and QUOTA_EXCEEDED",
    ),
    "duplicate name": (
        'name = "QUOTA_EXCEEDED"',
        'name = "DISK_FULL"',
        "duplicate name DISK_FULL: 2001 and 2002",
    ),
    "duplicate class": (
        'exception = "QuotaExceededError"',
        'exception = "DiskFullError"',
        "duplicate exception DiskFullError",
    ),
    "duplicate selector": (
        'select = ["EDQUOT"]',
        'select = ["ENOSPC"]',
        "duplicate selector ENOSPC: DISK_FULL and QUOTA_EXCEEDED",
    ),
    "duplicate exception selector": (
        'exceptions = ["ImportError"]',
        'exceptions = ["MemoryError"]',
        "duplicate exception selector MemoryError",
    ),
    "no such kind": (
        FIRST_TWO,
        'number = 7001\nname = "DISK_FULL"',
        "number 7001 is in no kind's range",
    ),
    "name in lower case": (
        FIRST_TWO,
        'number = 2001\nname = "disk_full"',
        "'disk_full' is not UPPER_SNAKE",
    ),
    "a builtin's name as class": (
        'exception = "DiskFullError"',
        'exception = "OSError"',
        "exception OSError is a builtin's name",
    ),
    "class name": (
        'exception = "DiskFullError"',
        'exception = "DiskFull"',
        "is not a class name that ends in Error",
    ),
    "a mix-in that wants more than a message": (
        DISK_FULL,
        DISK_FULL.replace("OSError", "UnicodeDecodeError"),
        "is no builtin exception that can be built from a message",
    ),
    "a mix-in that is none": (
        DISK_FULL,
        DISK_FULL.replace("OSError", "int"),
        "also = 'int' is no builtin exception",
    ),
    "a placeholder without a type": (
        "no space is left for {path}",
        "no space is left for {place}",
        "placeholder {place} has no type in context",
    ),
    "a placeholder that is a program": (
        "no space is left for {path}",
        "no space is left for {path.x}",
        "message template: {path.x} is not a plain {name}",
    ),
    "a broken template": (
        "no space is left for {path}",
        "no space is left for {path",
        "message template: expected '}' before end of string",
    ),
    "a message with a full stop": (
        "no space is left for {path}",
        "no space is left for {path}.",
        "message ends in a full stop",
    ),
    "a type nobody knows": (
        'free_bytes = "int" }',
        'free_bytes = "bytes" }',
        "context key 'free_bytes' has type 'bytes'",
    ),
    "a reserved fact": (
        'free_bytes = "int" }',
        'free_bytes = "int", errno = "int" }',
        "context key 'errno' cannot be used",
    ),
    "a fault without a fact": (
        'bytes_wanted = "wanted", free_bytes = "got" }',
        'other = "wanted", free_bytes = "got" }',
        "fault fills 'other', which is not in context",
    ),
    "a fault field nobody knows": (
        'bytes_wanted = "wanted", free_bytes = "got" }',
        'bytes_wanted = "hoped", free_bytes = "got" }',
        "fault has no field 'hoped'",
    ),
    "an errno nobody knows": (
        'select = ["ENOSPC"]',
        'select = ["ENOSPACE"]',
        "select 'ENOSPACE': 'ENOSPACE' is no errno",
    ),
    "a selector that selects everything": (
        'select = ["ENOSPC"]',
        'select = ["*"]',
        "select '*' is not ERRNO, operation:ERRNO or operation:*",
    ),
    "a default errno nobody knows": (
        'default_errno = "ENOSPC"\nselect',
        'default_errno = "ENOSPACE"\nselect',
        "default_errno 'ENOSPACE' is no errno",
    ),
    "an errno where there is none": (
        'errno = "required"\ndefault_errno = "ENOSPC"\nselect',
        'errno = "none"\ndefault_errno = "ENOSPC"\nselect',
        "errno is none, yet it has select or default_errno",
    ),
    "an exception that is none": (
        'exceptions = ["MemoryError"]',
        'exceptions = ["Memory"]',
        "exceptions: 'Memory' is no builtin exception",
    ),
    "an unknown choice": (
        'origin = "reader"',
        'origin = "moon"',
        "origin is 'moon', not one of core, python, cli, reader, sealer",
    ),
    "an empty text": (
        'title = "The disk is full"',
        'title = " "',
        "title is empty",
    ),
    "an unknown field": (
        'title = "The disk is full"',
        'title = "The disk is full"\ncolour = "red"',
        "DISK_FULL (2001): unknown field 'colour'",
    ),
    "a missing field": (
        'title = "The disk is full"\n',
        "",
        "DISK_FULL (2001): missing field title",
    ),
    "a value of the wrong type": (
        FIRST_TWO,
        'number = "2001"\nname = "DISK_FULL"',
        "DISK_FULL (2001): number must be int, not str",
    ),
    "an unknown top-level key": (
        "documentation =",
        "greeting = 1\ndocumentation =",
        "unknown top-level key 'greeting'",
    ),
    "no TOML": (
        "documentation =",
        "documentation ==",
        "error_codes.toml: ",
    ),
    "a hot row that raises": (
        'hot = true\nerrno = "required"\ndefault_errno = "ENOSPC"\nselect = ["ENOSPC"]\n'
        'on_error = "disable"',
        'hot = true\nerrno = "required"\ndefault_errno = "ENOSPC"\nselect = ["ENOSPC"]\n'
        'on_error = "raise"',
        "hot: the capture path cannot raise",
    ),
    "a replacement of an active row": (
        'example = "recorder run -o /full/app.rtrace app.py"',
        'replaced_by = "QUOTA_EXCEEDED"',
        "replaced_by is for deprecated and retired rows",
    ),
    "a replacement that does not exist": (
        'example = "recorder run -o /full/app.rtrace app.py"',
        'replaced_by = "NOBODY"',
        "replaced_by names no row: NOBODY",
    ),
    "nothing for a number that is unknown": (
        'name = "UNKNOWN"',
        'name = "UNHEARD_OF"',
        "no row UNKNOWN, which stands for every number that is in none",
    ),
    "an outcome that is a failure": (
        "[[error]]\nnumber = 1001",
        '[[outcome]]\nnumber = 1000\nname = "FINE"\ndoc = "d"\n\n[[error]]\nnumber = 1001',
        "FINE: an outcome has a number from 1 to 999",
    ),
    "a renumbered row": (
        FIRST_TWO,
        'number = 2900\nname = "DISK_FULL"',
        "ERR_DISK_FULL (2001): was renumbered, it is now 2900; a number is for ever",
    ),
    "another kind": (
        FIRST_TWO,
        'number = 3900\nname = "DISK_FULL"',
        "ERR_DISK_FULL (2001): was given another kind, it is now 3900",
    ),
    "a renamed row": (
        FIRST_TWO,
        'number = 2001\nname = "DISK_BRIMMING"',
        "ERR_DISK_FULL (2001): was renamed to DISK_BRIMMING; a name is for ever",
    ),
    "a renamed class": (
        'exception = "DiskFullError"',
        'exception = "DiskBrimmingError"',
        "ERR_DISK_FULL (2001): its exception DiskFullError was renamed to DiskBrimmingError",
    ),
    "another on_error": (
        'select = ["ENOSPC"]\non_error = "disable"',
        'select = ["ENOSPC"]\non_error = "abort"',
        "ERR_DISK_FULL (2001): its on_error was changed from disable to abort",
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused(tree: Tree, case: str) -> None:
    old, new, message = BAD_TABLES[case]
    tree.edit(TABLE, old, new)
    before = {name: tree.read(name) for name in OUTPUTS}
    code, said = tree.run()
    assert code == 1
    assert message in said
    assert {name: tree.read(name) for name in OUTPUTS} == before


def test_a_removed_row_is_refused(tree: Tree) -> None:
    text = tree.read(TABLE)
    start = text.index("[[error]]\nnumber = 2002")
    end = text.index("[[error]]\nnumber = 2003")
    tree.edit(TABLE, text[start:end], "")
    code, said = tree.run("--check")
    assert code == 1
    assert said == (
        "ERR_QUOTA_EXCEEDED (2002): was removed; "
        "a row is never deleted, set its status to retired\n"
    )


def test_a_row_taken_out_of_the_table_and_the_files_is_still_in_the_lock(tree: Tree) -> None:
    tree.append(TABLE, NEW_ROW)
    assert tree.run()[0] == 0
    tree.edit(TABLE, NEW_ROW, "")
    code, said = tree.run()
    assert code == 1
    assert "ERR_MOON_IN_THE_WAY (2999): was removed" in said


TEMPLATES = sorted(
    template
    for outputs in (*generate.OUTPUTS.values(), *generate.REGIONS.values())
    for template in outputs.values()
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_error_is_refused(tree: Tree, template: str) -> None:
    tree.append(f"codegen/templates/{template}", "{{ table.no_such_thing }}")
    code, said = tree.run("--check")
    assert code == 1
    assert f"codegen/templates/{template}: UndefinedError" in said
    assert "no_such_thing" in said


def test_a_row_can_be_deprecated_and_then_retired(tree: Tree) -> None:
    tree.append(TABLE, NEW_ROW)
    assert tree.run()[0] == 0
    for old, new in (
        ('since = "9.9.9"\nstatus = "active"', 'since = "9.9.9"\nstatus = "deprecated"'),
        ('since = "9.9.9"\nstatus = "deprecated"', 'since = "9.9.9"\nstatus = "retired"'),
    ):
        tree.edit(TABLE, old, new + '\nreplaced_by = "DISK_FULL"')
        assert tree.run()[0] == 0
        assert tree.run("--check") == (0, "")
        status = new.split('"')[-2]
        assert f"{status}, see [ERR_DISK_FULL](#err_disk_full)" in tree.read("docs/errors.md")
        tree.edit(TABLE, '\nreplaced_by = "DISK_FULL"', "")


def test_a_new_row_appears_everywhere_after_one_command(tree: Tree) -> None:
    tree.append(TABLE, NEW_ROW)
    assert tree.run()[0] == 0
    assert "ERR_MOON_IN_THE_WAY = 2999" in tree.read("recorder/_core/status.pxd")
    texts = tree.read("recorder/_core/session/failures.h")
    assert '{2999, REC_EXIT_ENVIRONMENT, "ERR_MOON_IN_THE_WAY", "environment",' in texts
    assert "2999 MOON_IN_THE_WAY MoonInTheWayError disable" in tree.read("codegen/errors.lock")
    assert "### ERR_MOON_IN_THE_WAY" in tree.read("docs/errors.md")
    schema = json.loads(tree.read("recorder/errors/diagnostic.schema.json"))
    assert "ERR_MOON_IN_THE_WAY" in schema["properties"]["code"]["enum"]
    program = (
        "from recorder import errors\n"
        "try: raise errors.MoonInTheWayError(path='/sun')\n"
        "except RuntimeError as e: print(e, e.exit_code, e.code is errors.ErrorCode(2999))\n"
    )
    assert in_tree(tree, "-c", program) == "[ERR_MOON_IN_THE_WAY] the moon covers /sun 10 True\n"
    command = (
        "import argparse\n"
        "from recorder.cli import errors\n"
        "errors.run(argparse.Namespace(code='2999', json=False))\n"
    )
    explained = in_tree(tree, "-c", command)
    assert explained.startswith("ERR_MOON_IN_THE_WAY (2999): The moon is in the way\n")
    # … and in the C enum, as a compiler reads it.
    (tree.root / "recorder/_core/__init__.py").touch()
    in_tree(tree, "-m", "Cython.Build.Cythonize", "-q", "-i", "recorder/_core/status.pyx")
    program = (
        "from recorder._core.status import numbers\n"
        "from recorder.errors import ErrorCode\n"
        "print({f'ERR_{code.name}': int(code) for code in ErrorCode}.items() <= numbers().items())\n"
        "print(numbers()['ERR_MOON_IN_THE_WAY'])\n"
    )
    assert in_tree(tree, "-c", program) == "True\n2999\n"


def in_tree(tree: Tree, *args: str) -> str:
    command = [sys.executable, *args]
    for package in ("recorder", "recorder/cli"):  # else the installed ones are found instead
        (tree.root / package / "__init__.py").touch()
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_kind_has_its_exit_code_everywhere(tree: Tree) -> None:
    tree.edit(TABLE, "exit_code = 70", "exit_code = 71")
    assert tree.run()[0] == 0
    assert "REC_EXIT_INTERNAL = 71," in tree.read("recorder/_core/session/failures.h")
    program = (
        "from recorder import errors\n"
        "print(errors.RecorderError.exit_code, errors.UnknownFailureError.exit_code)\n"
    )
    assert in_tree(tree, "-c", program) == "71 71\n"


def test_the_exit_code_where_the_recorder_cannot_be_loaded() -> None:
    """It cannot be asked for there, so that it is written down."""
    assert boot.INTERNAL_EXIT_CODE == kinds.EXIT_CODES[kinds.INTERNAL]


def test_outcomes_live_in_the_core_only(tree: Tree) -> None:
    tree.append(TABLE, '\n[[outcome]]\nnumber = 7\nname = "NOTHING_NEW"\ndoc = "Same as before."\n')
    assert tree.run()[0] == 0
    assert "    NOTHING_NEW = 7  # Same as before.\n" in tree.read("recorder/_core/status.pxd")
    assert "NOTHING_NEW" not in tree.read("recorder/errors/codes.py")


@pytest.mark.parametrize("indent", [0, 4, 8])
@pytest.mark.parametrize("length", range(60, 240, 7))
def test_long_literals_are_split_and_stay_the_same_text(indent: int, length: int) -> None:
    words = 'a "quoted" word, an apostrophe\'s, a — dash and \\ '
    text = (words * 6)[:length]
    shown = generate.literal(text, indent, "hint = ")
    assert eval(shown) == text
    assert all(len(line) <= 100 for line in (" " * indent + "hint = " + shown).splitlines())


def check_every(rows: list[table.Row], rule: Callable[[table.Row], bool]) -> None:
    assert [row.name for row in rows if not rule(row)] == []


def test_the_table_keeps_its_own_style() -> None:
    rows = table.load(ROOT / TABLE).rows
    check_every(rows, lambda row: row.hint.rstrip().endswith("."))
    check_every(rows, lambda row: row.doc.rstrip().endswith("."))
    check_every(rows, lambda row: not row.title.endswith("."))
    check_every(rows, lambda row: row.title[0].isupper())
    check_every(rows, lambda row: row.errno == "none" or bool(row.also))
