"""The audit: each rule finds what it is there for, and nothing else; and this tree is clean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen import audit, table
from codegen.__main__ import main

ROOT = Path(__file__).parent.parent
TABLE = table.load(ROOT / table.TABLE)


def found(tmp_path: Path, name: str, text: str, **more: str) -> list[tuple[int, str, str]]:
    """What the audit says of one file (and the ones beside it)."""
    files = {name: text, **{key.replace("__", "."): value for key, value in more.items()}}
    for file, content in files.items():
        path = tmp_path / "recorder" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return [(f.line, f.rule, f.detail) for f in audit.run(tmp_path, TABLE).findings]


def rules(tmp_path: Path, name: str, text: str, **more: str) -> list[tuple[int, str]]:
    return [(line, rule) for line, rule, _ in found(tmp_path, name, text, **more)]


PYTHON = {
    "raise ValueError('x')": "builtin-raise",
    "raise KeyError": "builtin-raise",
    "raise SystemExit(1)": "exit",
    "raise errors.TraceBusyError(path='a', target_pid=1)": None,
    "raise exc": None,
    "raise": None,
    "raise errors.TraceBusyError(path='a')": "missing-fact",
    "raise TraceBusyError": None,
    "raise errors.TraceBusyError('explicit', path='a')": None,
    "raise errors.TraceBusyError(**facts)": None,
    "raise errors.TraceBusyError(path='a', target_pid=1, moon=2)": "unknown-fact",
    "raise errors.TraceBusyError(path='a', target_pid=1, errno=2, events_lost=3)": None,
    "assert x": "assert",
    "print('x')": "print",
    "sys.stdout.write('x')": "print",
    "sys.stderr.write('x')": None,
    "sys.exit(1)": "exit",
    "os._exit(1)": "exit",
    "os.abort()": "exit",
    "class MineError(Exception): pass": "exception-class",
    "class MineError(RecorderError): pass": None,
    "try: pass\nexcept: pass": "bare-except",
    "try: pass\nexcept BaseException: pass": "bare-except",
    "try: pass\nexcept (OSError, BaseException) as e: print_it(e)": "bare-except",
    "try: pass\nexcept BaseException:\n    tidy()\n    raise": None,
    "try: pass\nexcept Exception: pass": None,
    "def __getattr__(name): raise AttributeError(name)": None,
    "def __getitem__(self, key): raise KeyError(key)": None,
    "def __next__(self): raise StopIteration": None,
    "def get(self, key): raise KeyError(key)": "builtin-raise",
    "def f(:": "unparsable",
}


@pytest.mark.parametrize("text", PYTHON)
def test_python(tmp_path: Path, text: str) -> None:
    said = [rule for _, rule in rules(tmp_path, "module.py", text)]
    assert said == ([PYTHON[text]] if PYTHON[text] else [])


def test_the_entry_point_may_exit(tmp_path: Path) -> None:
    assert rules(tmp_path, "__main__.py", "import sys\nsys.exit(main())\n") == []
    assert rules(tmp_path, "__main__.py", "def f():\n    sys.exit(1)\n") == [(2, "exit")]


def test_the_command_line_may_write_to_stdout(tmp_path: Path) -> None:
    assert rules(tmp_path, "cli/info.py", "sys.stdout.write('x')\n") == []
    assert rules(tmp_path, "cli/info.py", "print('x')\n") == [(1, "print")]


CYTHON = {
    "cdef Status f() noexcept nogil: return OK": None,
    "cdef int f() except -1: return 0": None,
    "cdef int f() except *: return 0": None,
    "cdef int f(): return 0": "cdef-except",
    "cdef Status f(): return OK": "cdef-except",
    "cdef char *f(): return NULL": "cdef-except",
    "cdef void f(): pass": "cdef-except",
    "cpdef int f(): return 0": "cdef-except",
    "cdef object f(): return 0": None,
    "cdef f(): return 0": None,
    "cdef list f(): return []": None,
    "cdef class A:\n    cdef int f(self): return 0": "cdef-except",
    "cdef class A: pass\ncdef A f(): return A()": None,
    "cdef extern from 'x.h':\n    int f()": None,
    "cdef extern from 'x.h':\n    int f()\ndef g(): f()": "unchecked",
    "cdef extern from 'x.h':\n    int f()\ndef g(): return f()": None,
    "cdef extern from 'x.h':\n    void f()\ndef g(): f()": None,
    "cdef extern from 'x.h':\n    int f() except -1\ndef g(): f()": None,
    "cdef extern from 'x.h':\n    object f()\ndef g(): f()": None,
    "cdef extern from 'x.h':\n    struct T:\n        int (*f)(int)\n    T t\ndef g(): t.f(1)": (
        "unchecked"
    ),
    "cdef Status f() noexcept: return OK\ndef g(): f()": "unchecked",
    "cdef int f() noexcept: return 1\ndef g(): f()": None,
    "cdef char *f() noexcept: return NULL\ndef g(): f()": "unchecked",
    "cdef Status f() except ERR: return OK\ndef g(): f()": None,
    "cdef class A:\n    cdef Status f(self) noexcept: return OK\n    def g(self): self.f()": (
        "unchecked"
    ),
    "from posix.unistd cimport close\ndef g(): close(1)": "unchecked",
    "from posix.unistd cimport close as shut\ndef g(): shut(1)": "unchecked",
    "from posix cimport unistd\ndef g(): unistd.close(1)": None,
    "cimport posix.unistd\ndef g(): posix.unistd.close(1)": "unchecked",
    "cimport posix.unistd as u\ndef g(): u.close(1)": "unchecked",
    "from libc.string cimport memcpy\ndef g(): memcpy(a, b, 1)": None,
    "from libc.stdlib cimport free\ndef g(): free(a)": None,
    "from libc.stdlib cimport abort\ndef g(): abort()": "exit",
    "from cpython.dict cimport PyDict_SetItem\ndef g(): PyDict_SetItem(a, b, c)": None,
    "def f(): raise ValueError": "builtin-raise",
    "def f(): raise ValueError('x')": "builtin-raise",
    "def f(): raise SystemExit": "exit",
    "def f(): raise errors.TraceBusyError(path=1, target_pid=2)": None,
    "def f(): raise errors.TraceBusyError(path=1)": "missing-fact",
    "def f(): raise errors.TraceBusyError('explicit')": None,
    "def f(): raise errors.TraceBusyError(path=1, target_pid=2, moon=3)": "unknown-fact",
    "def f(): assert 1": "assert",
    "def f(): print(1)": "print",
    "def f():\n    try: pass\n    except: pass": "bare-except",
    "def f():\n    try: pass\n    except BaseException: pass": "bare-except",
    "def f():\n    try: pass\n    except BaseException: raise": None,
    "def f():\n    try: pass\n    except BaseException: return ERR_INTERNAL": None,
    "def f():\n    try: pass\n    except BaseException as e: fail_by_exception(e, 1)": None,
    "def f():\n    try: pass\n    except Exception: pass": None,
    "def f(:": "unparsable",
}


@pytest.mark.parametrize("text", CYTHON)
def test_cython(tmp_path: Path, text: str) -> None:
    said = [rule for _, rule in rules(tmp_path, "core.pyx", text + "\n")]
    assert said == ([CYTHON[text]] if CYTHON[text] else [])


def test_an_included_file_is_audited_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "recorder").mkdir()
    (tmp_path / "recorder/part.pxi").write_text("\n\ncdef int f(): return 0\n")
    (tmp_path / "recorder/core.pyx").write_text('include "part.pxi"\n')
    (finding,) = audit.run(tmp_path, TABLE).findings
    assert (finding.path, finding.line, finding.rule) == ("recorder/part.pxi", 3, "cdef-except")


def test_a_file_that_nobody_includes_is_not_forgotten(tmp_path: Path) -> None:
    assert rules(tmp_path, "part.pxi", "x = 1\n") == [(1, "unparsable")]


def test_a_status_declared_in_a_pxd_must_be_looked_at(tmp_path: Path) -> None:
    declared = "cdef Status f() noexcept\n"
    defined = "cdef Status f() noexcept: return OK\ndef g():\n    f()\n"
    assert rules(tmp_path, "core.pyx", defined, core__pxd=declared) == [(3, "unchecked")]
    other = "from recorder.core cimport f\ndef g():\n    f()\n"
    assert [(f.path, f.line) for f in audit.run(tmp_path, TABLE).findings] == [
        ("recorder/core.pyx", 3)
    ]
    (tmp_path / "recorder/other.pyx").write_text(other)
    assert ("recorder/other.pyx", 3) in [
        (f.path, f.line) for f in audit.run(tmp_path, TABLE).findings
    ]


C = {
    "close(fd);": "unchecked",
    "(void)close(fd);": None,
    "if (close(fd) < 0) return 1;": None,
    "int r = close(fd);": None,
    "return close(fd);": None,
    "if (x) close(fd);": "unchecked",
    "else_: close(fd);": "unchecked",
    "return a ? 0 : close(fd);": None,
    "do close(fd); while (0);": "unchecked",
    "sys.close(fd);": "unchecked",
    "sys->inner.close(fd);": "unchecked",
    "free(p);": None,
    "PyList_Append(a, b);": "unchecked",
    "PyErr_Clear();": None,
    "Py_DECREF(a);": None,
    "PyMem_RawFree(a);": None,
    "mine(1);": "unchecked",
    "nothing(1);": None,
    "abort();": "exit",
    "_exit(3);": "exit",
    "assert(x);": "assert",
    'printf("x");': "print",
    'char *s = "close(fd); abort();";': None,
    "/* close(fd); */ // abort();": None,
}


@pytest.mark.parametrize("text", C)
def test_c(tmp_path: Path, text: str) -> None:
    source = (
        '#include "x.h" /* close(1); */\n#define X \\\n  close(2);\n'
        "static int mine(int a);\nstatic void nothing(int a) { (void)a; }\n"
        f"int f(int fd)\n{{\n    {text}\n}}\n"
    )
    assert rules(tmp_path, "part.c", source) == ([(8, C[text])] if C[text] else [])


def test_a_reason_excuses_and_is_listed(tmp_path: Path) -> None:
    text = (
        "assert 1  # audit: the same line\n"
        "# audit: the line above\n"
        "assert 2\n"
        "assert 3\n"
        "x = 4  # audit: nothing to excuse\n"
    )
    assert found(tmp_path, "module.py", text) == [
        (4, "assert", audit.RULES["assert"]),
        (5, "unused-waiver", "nothing to excuse"),
    ]
    assert [f.line for f in audit.run(tmp_path, TABLE).waived] == [1, 3]


def test_a_reason_at_a_function_excuses_its_callers(tmp_path: Path) -> None:
    text = "# audit: sticky\ncdef Status f() noexcept: return OK\ndef g():\n    f()\n"
    assert rules(tmp_path, "core.pyx", text) == []
    assert [f.line for f in audit.run(tmp_path, TABLE).waived] == [2]


def test_a_reason_in_c(tmp_path: Path) -> None:
    text = "void f(void) {\n    abort(); /* audit: asked for */\n}\n"
    assert rules(tmp_path, "part.c", text) == []


def test_the_last_fitting_line_of_codeowners_owns(tmp_path: Path) -> None:
    (tmp_path / "CODEOWNERS").write_text(
        "# who\n* @all\n/recorder/cli/ @cli @more\n*.c @c # note\n/recorder/one.py @one\n"
    )
    owner = audit.owners(tmp_path)
    assert owner("recorder/x.py") == "@all"
    assert owner("recorder/cli/deep/x.py") == "@cli @more"
    assert owner("recorder/a/b.c") == "@c"
    assert owner("recorder/one.py") == "@one"
    assert audit.owners(tmp_path / "nowhere")("x") == "nobody"


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    (tmp_path / "codegen").mkdir()
    (tmp_path / "recorder").mkdir()
    (tmp_path / table.TABLE).write_text((ROOT / table.TABLE).read_text(encoding="utf-8"))
    (tmp_path / "CODEOWNERS").write_text("* @all\n")
    (tmp_path / "recorder/a.py").write_text("assert 1\nprint(2)\n")
    (tmp_path / "recorder/b.py").write_text("raise ValueError\n")
    return tmp_path


def test_every_format_has_every_finding(dirty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(dirty), "audit"]) == 1
    text = capsys.readouterr().out
    assert "recorder/a.py (@all)\n  1: assert: " in text
    assert text.endswith("3 findings, 0 excused by a reason\n")
    assert main(["--root", str(dirty), "audit", "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)["findings"]
    assert [(r["path"], r["line"], r["rule"], r["owner"]) for r in rows] == [
        ("recorder/a.py", 1, "assert", "@all"),
        ("recorder/a.py", 2, "print", "@all"),
        ("recorder/b.py", 1, "builtin-raise", "@all"),
    ]
    assert main(["--root", str(dirty), "audit", "--format", "markdown"]) == 1
    page = capsys.readouterr().out
    assert "## recorder/a.py\n\nOwner: @all\n\n- [ ] line 1, `assert`: " in page
    out = dirty / "out"
    assert main(["--root", str(dirty), "audit", "--format", "issues", "--out", str(out)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        str(out / "recorder-a.py.md"),
        str(out / "recorder-b.py.md"),
    ]
    issue = (out / "recorder-a.py.md").read_text()
    assert issue.startswith("# recorder/a.py: 2 unmapped failures\n\nOwner: @all\n")
    assert issue.count("- [ ] line") == 2


def test_nothing_gets_out_of_this_tree_unmapped() -> None:
    assert [str(finding) for finding in audit.run(ROOT, TABLE).findings] == []
