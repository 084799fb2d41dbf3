"""The audit: each rule finds what it is there for, and nothing else; and this tree is clean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen import audit, audit_cython, table
from codegen.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
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
    # What is raised.
    "raise ValueError('x')": "builtin-raise",
    "raise KeyError": "builtin-raise",
    "raise SystemExit(1)": "exit",
    "raise builtins.ValueError('x')": "builtin-raise",
    "raise ValueError('x') from exc": "builtin-raise",
    "raise AssertionError": "builtin-raise",
    "raise KeyboardInterrupt": "builtin-raise",
    "raise ExceptionGroup('x', [exc])": "builtin-raise",
    "error = ValueError('x')": "builtin-raise",
    "error = ValueError": "builtin-raise",
    "def f(kind=ValueError): raise kind()": "builtin-raise",
    "def f(): return ValueError('x')": "builtin-raise",
    "def f(): return OSError": "builtin-raise",
    "f = lambda: KeyError(1)": "builtin-raise",
    "fail(TypeError)": "builtin-raise",
    "fail(kind=TypeError)": "builtin-raise",
    "generator.throw(ValueError('x'))": "builtin-raise",
    "future.set_exception(RuntimeError())": "builtin-raise",
    "kinds = {1: TypeError}": "builtin-raise",
    "raise (ValueError if x else None)": "builtin-raise",
    "raise type(exc)('x')": "builtin-raise",
    "from json import JSONDecodeError\nraise JSONDecodeError('', '', 0)": "builtin-raise",
    "import asyncio\nraise asyncio.CancelledError": "builtin-raise",
    "import subprocess as s\nraise s.CalledProcessError(1, '')": "builtin-raise",
    "try: pass\nexcept OSError: raise": "builtin-raise",
    "try: pass\nexcept OSError as exc: raise exc": "builtin-raise",
    "try: pass\nexcept Exception: raise": "builtin-raise",
    "try: pass\nexcept* OSError: raise": "builtin-raise",
    "CAUGHT = (OSError, RecorderError)\ntry: pass\nexcept CAUGHT: raise": "builtin-raise",
    "raise errors.TraceBusyError(path='a', target_pid=1)": None,
    "raise exc": None,
    "raise": None,
    "try: pass\nexcept RecorderError: raise": None,
    "try: pass\nexcept OSError as exc:\n    if errors.is_from_program(exc): raise\n    use(exc)": None,
    "try: pass\nexcept Exception as exc:\n    if is_unrelated(exc, value): raise\n    use(exc)": None,
    "try: pass\nexcept ValueError as exc:\n    if isinstance(exc, RecorderError): raise\n    use(exc)": None,
    "with errors.mapped('open'):\n    try: pass\n    except OSError: raise": None,
    "try: pass\nexcept OSError as exc:\n    def f(): raise\n    use(exc, f)": None,
    "CAUGHT = (OSError, ValueError)": None,
    "isinstance(exc, OSError)": None,
    "isinstance(exc, (OSError, ValueError))": None,
    "def f(exc: OSError) -> type[ValueError]: pass": None,
    "exc: OSError | None = None": None,
    "x = kind is KeyboardInterrupt": None,
    "errors.from_oserror(OSError(1, 'x'))": None,
    "import contextlib\nwith contextlib.suppress(OSError): pass": None,
    "def __getattr__(name): raise AttributeError(name)": None,
    "def __getitem__(self, key): raise KeyError(key)": None,
    "def __next__(self): raise StopIteration": None,
    "def get(self, key): raise KeyError(key)": "builtin-raise",
    "class MineError(Exception): pass": "exception-class",
    "class MineError(builtins.ValueError): pass": "exception-class",
    "class MineError(RecorderError): pass": "exception-class",
    "class MineError(errors.TraceBusyError): pass": "exception-class",
    # The facts of what is raised.
    "raise errors.TraceBusyError(path='a')": "missing-fact",
    "raise TraceBusyError": None,
    "raise errors.TraceBusyError('explicit', path='a')": None,
    "raise errors.TraceBusyError(**facts)": None,
    "raise errors.TraceBusyError(path='a', target_pid=1, moon=2)": "unknown-fact",
    "raise errors.TraceBusyError(path='a', target_pid=1, errno=2, events_lost=3)": None,
    # Asserts.
    "assert x": "assert",
    "assert x, 'why'": "assert",
    "from typing import assert_never\nassert_never(x)": "assert",
    "import typing\ntyping.assert_never(x)": "assert",
    # What writes where it should not.
    "print('x')": "print",
    "builtins.print('x')": "print",
    "say = print": "print",
    "from pprint import pprint as show\nshow(x)": "print",
    "import pprint\npprint.pp(x)": "print",
    "import traceback\ntraceback.print_exc()": "print",
    "from traceback import print_stack\nprint_stack()": "print",
    "sys.stdout.write('x')": "print",
    "import sys as s\ns.stdout.write('x')": "print",
    "from sys import stdout\nstdout.write('x')": "print",
    "sys.__stdout__.flush()": "print",
    "wrote = os.write(1, b'x')": "print",
    "os.fdopen(1, 'w')": "print",
    "open('/dev/stdout', 'w')": "print",
    "input()": "print",
    "sys.stderr.write('x')": "print",
    "import sys as s\ns.__stderr__.write('x')": "print",
    "wrote = os.write(fd, b'x')": None,
    # What may do less than it was asked to.
    "os.write(fd, b'x')": "unchecked",
    "import os as o\no.posix_fallocate(fd, 0, 1)": "unchecked",
    "from os import pwrite\npwrite(fd, b'x', 0)": "unchecked",
    "import warnings\nwarnings.warn('x')": "warning",
    "import warnings as w\nw.warn_explicit('x', A, 'f', 1)": "warning",
    "from warnings import warn\nwarn('x')": "warning",
    "import logging\nlogging.warning('x')": "warning",
    "import logging\nlogging.basicConfig()": "warning",
    "import logging\nlogging.getLogger('recorder').warning('x')": None,
    # What ends the process.
    "sys.exit(1)": "exit",
    "from sys import exit\nexit(1)": "exit",
    "from sys import exit as leave\nleave(1)": "exit",
    "import sys as s\ns.exit(1)": "exit",
    "leave = sys.exit": "exit",
    "getattr(sys, 'exit')(1)": "exit",
    "exit()": "exit",
    "quit()": "exit",
    "os._exit(1)": "exit",
    "os.abort()": "exit",
    "import posix\nposix._exit(1)": "exit",
    "from os import _exit\n_exit(1)": "exit",
    "atexit.register(os._exit, 1)": "exit",
    "os.kill(os.getpid(), 9)": "exit",
    "import os as o\no.killpg(o.getpgrp(), 9)": "exit",
    "os.kill(child, 9)": None,
    "import signal\nsignal.raise_signal(9)": "exit",
    "def f(): raise SystemExit": "exit",
    # What is swallowed.
    "try: pass\nexcept: pass": "bare-except",
    "try: pass\nexcept BaseException: pass": "bare-except",
    "try: pass\nexcept builtins.BaseException: pass": "bare-except",
    "try: pass\nexcept (OSError, BaseException) as e: print_it(e)": "bare-except",
    "ALL = BaseException\ntry: pass\nexcept ALL: pass": "builtin-raise bare-except",
    "try: pass\nexcept BaseException:\n    if x: raise": "bare-except",
    "try: pass\nexcept BaseException:\n    def f(): raise": "bare-except",
    "try: pass\nexcept BaseException:\n    tidy()\n    raise": None,
    "try: pass\nexcept BaseException as e:\n    if x: raise\n    keep(e)": None,
    "try: pass\nexcept Exception: pass": "swallowed",
    "try: pass\nexcept Exception: x = 1": "swallowed",
    "try: pass\nexcept (OSError, Exception): pass": "swallowed",
    "try: pass\nexcept Exception as exc: pass": "swallowed",
    "try: pass\nexcept Exception as exc: keep(exc)": None,
    "try: pass\nexcept OSError: pass": None,
    "import contextlib\nwith contextlib.suppress(Exception): pass": "swallowed",
    "from contextlib import suppress\nwith suppress(BaseException): pass": "swallowed",
    "def f():\n    try: pass\n    finally: return 1": "swallowed",
    "for x in y:\n    try: pass\n    finally: break": "swallowed",
    "for x in y:\n    try: pass\n    finally: continue": "swallowed",
    "try: pass\nfinally:\n    for x in y: break": None,
    "def __exit__(self, *facts): return True": "swallowed",
    "def __exit__(self, *facts): return False": None,
    "def f(:": "unparsable",
}


@pytest.mark.parametrize("text", PYTHON)
def test_python(tmp_path: Path, text: str) -> None:
    said = [rule for _, rule in rules(tmp_path, "module.py", text)]
    assert said == (PYTHON[text] or "").split()


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
    "def f():\n    try: pass\n    except BaseException:\n        if x: raise": "bare-except",
    "def f():\n    try: pass\n    except Exception: pass": "swallowed",
    "def f():\n    try: pass\n    except Exception as e: keep(e)": None,
    "def f():\n    try: pass\n    finally: return 1": "swallowed",
    "def f():\n    try: pass\n    except OSError: raise": "builtin-raise",
    "def f():\n    try: pass\n    except OSError as e: raise e": "builtin-raise",
    "def f():\n    e = ValueError('x')\n    raise e": "builtin-raise",
    "def f(): return KeyError(1)": "builtin-raise",
    "def f(): raise AssertionError": "builtin-raise",
    "def f(): raise type(e)('x')": "builtin-raise",
    "import builtins\ndef f(): raise builtins.ValueError": "builtin-raise",
    "def f(): return isinstance(e, ValueError)": None,
    "def f(): return errors.from_oserror(OSError(1, 'x'))": None,
    "def f(): PyErr_SetString(kind, 'x')": "builtin-raise",
    "def f(): PyErr_NoMemory()": "builtin-raise",
    "def f(): PyErr_Format(kind, 'x')": "builtin-raise",
    "def f(): PyErr_WarnEx(kind, 'x', 1)": "warning",
    "import warnings\ndef f(): warnings.warn('x')": "warning",
    "from warnings import warn\ndef f(): warn('x')": "warning",
    "import sys\ndef f(): sys.exit(1)": "exit",
    "from sys import exit as leave\ndef f(): leave(1)": "exit",
    "from os import _exit\ndef f(): _exit(1)": "exit",
    "import os as o\ndef f(): o.abort()": "exit",
    "def f(): return g(os._exit)": "exit",
    "def f(): getattr(os, '_exit')(1)": "exit",
    "def f(): quit()": "exit",
    "from libc.stdlib cimport abort as stop\ndef f(): stop()": "exit",
    "from libc.stdlib cimport exit\ndef f(): exit(1)": "exit",
    "cdef extern from 'x.h':\n    void leave '_exit'(int)\ndef f(): leave(1)": "exit",
    "cdef extern from 'x.h':\n    void Py_FatalError(char *)\ndef f(): Py_FatalError(b'x')": "exit",
    "from libc.stdio cimport printf\ndef f(): return printf(b'x')": "print",
    "from libc.stdio cimport puts as say\ndef f(): return say(b'x')": "print",
    "import sys\ndef f(): sys.stdout.write('x')": "print",
    "say = print": "print",
    "cdef struct S:\n    int print\ncdef int f(S *s) noexcept: return s.print": None,
    "cdef int f(int print) noexcept: return print": None,
    # Results.
    "from posix.unistd cimport close\ndef g():\n    cdef int r = close(1)": "unchecked",
    "from posix.unistd cimport close\ndef g():\n    r = close(1)\n    return 2": "unchecked",
    "from posix.unistd cimport close\ndef g():\n    r = close(1)\n    r = close(2)\n    return r": (
        "unchecked"
    ),
    "from posix.unistd cimport close\ndef g():\n    r = close(1)\n    return r": None,
    "from posix.unistd cimport close\ndef g():\n    r = close(1)\n    if r: return 1": None,
    "from posix.unistd cimport close\ndef g(): x and close(1)": "unchecked",
    "from posix.unistd cimport close\ndef g(): close(1) if x else 0": "unchecked",
    "from posix.unistd cimport close\ndef g(): <void> close(1)": "unchecked",
    "from posix.unistd cimport close\ndef g(): (close(1), 2)": "unchecked",
    "from libc.stdlib cimport malloc\ndef g():\n    p = malloc(1)\n    p[0] = 1": "unchecked",
    "from libc.stdlib cimport malloc\ndef g():\n    p = <S *> malloc(1)\n    p.x = 1": "unchecked",
    "from libc.stdlib cimport malloc\ndef g():\n    p = malloc(1)\n    if p == NULL: return": None,
    "cdef Status f() noexcept: return OK\ndef g():\n    s = f()\n    return 1": "unchecked",
    "cdef Status f() noexcept: return OK\ndef g():\n    s = f()\n    return s": None,
    "cdef Status f(int x) noexcept: return OK\ndef g(): f(x=1)": "unchecked",
    # Pointers to functions.
    "ctypedef int (*F)(int)": "cdef-except",
    "ctypedef int (*F)(int) noexcept": None,
    "ctypedef int (*F)(int) except -1": None,
    "cdef struct S:\n    int (*f)(int)": "cdef-except",
    "cdef struct S:\n    int (*f)(int) noexcept": None,
    "cdef int (*f)(int)": "cdef-except",
    "cdef extern from 'x.h':\n    ctypedef int (*F)(int)": None,
    "cdef int f() nogil: return 0": "cdef-except",
    "cdef inline int f(): return 0": "cdef-except",
    "cdef public int f(): return 0": "cdef-except",
    "def f(:": "unparsable",
}


@pytest.mark.parametrize("text", CYTHON)
def test_cython(tmp_path: Path, text: str) -> None:
    # What these name is nowhere: they can be parsed, not compiled.
    path = tmp_path / "recorder/core.pyx"
    path.parent.mkdir()
    path.write_text(text + "\n")
    said = [f.rule for f in audit.run(tmp_path, TABLE, [audit_cython.check]).findings]
    assert said == ([CYTHON[text]] if CYTHON[text] else [])


def test_an_included_file_is_audited_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "recorder").mkdir()
    (tmp_path / "recorder/part.pxi").write_text("\n\ncdef int f(): return 0\n")
    (tmp_path / "recorder/core.pyx").write_text('include "part.pxi"\n')
    (finding,) = audit.run(tmp_path, TABLE).findings
    assert (finding.path, finding.line, finding.rule) == ("recorder/part.pxi", 3, "cdef-except")


def test_a_declaration_alone_must_say_what_becomes_of_exceptions(tmp_path: Path) -> None:
    assert rules(tmp_path, "core.pxd", "cdef int f()\ncdef int g() noexcept\n") == [
        (1, "cdef-except")
    ]
    (tmp_path / "recorder/core.pxd").unlink()
    assert rules(tmp_path, "other.pxd", "cdef class A:\n    cdef int f(self)\n") == [
        (2, "cdef-except")
    ]


# One operation on each line; the ones at whose end it says so can raise where nobody would hear of it.
VANISHING = """\
cdef extern from *:
    int answers() except -1
    struct S:
        int x
cdef int may_raise() except -1: return 0
cdef object some_object(): return 1
cdef dict known = {}
cdef class A:
    cdef int x
    cdef int method(self) noexcept:
        return len(known)                   # vanishes
cdef int plain(int a) noexcept:
    cdef int b = a + 1
    return b // 2 if b > 0 else a
cdef int python(int a) noexcept:
    x = some_object()                       # vanishes
    x.attribute                             # vanishes
    x.attribute = a                         # vanishes
    x()                                     # vanishes
    x[a]                                    # vanishes
    y = x + 1                               # vanishes
    y = [x]                                 # vanishes
    y = {"a": x}                            # vanishes
    y = f"{x}"                              # vanishes
    y, z = x                                # vanishes
    if x == y:                              # vanishes
        return a
    for y in x:                             # vanishes
        pass
    with x:                                 # vanishes
        pass
    del known[1]                            # vanishes
    import os                               # vanishes
    return x                                # vanishes
cdef int calls(int a) noexcept:
    may_raise()                             # vanishes
    answers()                               # vanishes
    raise known                             # vanishes
cdef int divides(int a, int b) noexcept:
    return a // b                           # vanishes
cdef int narrow(object x) noexcept:
    return x                                # vanishes
cdef const char *text(bytes x) noexcept:
    return x                                # vanishes
cdef int with_gil() noexcept nogil:
    with gil:
        x = some_object()                   # vanishes
    return 0
cdef int all_is_caught() noexcept:
    try:
        x = some_object()
        may_raise()
    except BaseException:
        return -1
    return 0
cdef int bare() noexcept:
    try:
        may_raise()
    except:
        return -1
    return 0
cdef int too_little() noexcept:
    try:
        may_raise()                         # vanishes
    except Exception:
        return -1
    return 0
cdef int only_finally() noexcept:
    cdef int x = 0
    try:
        may_raise()                         # vanishes
    finally:
        x = 1
    return x
cdef int in_the_handler() noexcept:
    try:
        may_raise()
    except BaseException:
        may_raise()                         # vanishes
    return 0
cdef int around() noexcept:
    try:
        try:
            may_raise()
        finally:
            may_raise()
    except BaseException:
        return -1
    return 0
cdef int else_of_a_try() noexcept:
    try:
        may_raise()
    except BaseException:
        return -1
    else:
        may_raise()                         # vanishes
    return 0
cdef object checked(x):
    return x.attribute
cdef int says_so(x) except -1:
    return x.attribute
def python_function(x):
    return x.attribute
"""


def test_what_would_vanish_in_a_noexcept_function(tmp_path: Path) -> None:
    lines = VANISHING.splitlines()
    marked = [at for at, text in enumerate(lines, 1) if text.endswith("# vanishes")]
    said = rules(tmp_path, "core.pyx", VANISHING)
    vanishes = sorted({line for line, rule in said if rule == "vanishes"})
    assert [lines[at - 1] for at in vanishes] == [lines[at - 1] for at in marked]


# As Cython 3.3 makes it of `[f(x) for x in y]` and of `(*x, "1")`, whose list it fills in the same manner.
COMPREHENSIONS = """
static const char* const __pyx_f[] = {
  "<stringsource>",
  "recorder/core.pyx",
};
  if (unlikely(__Pyx_ListComp_AppendAndDecref(__pyx_t_1, __pyx_t_4))) __PYX_ERR(1, 3, __pyx_L5_error)
  if (unlikely(__Pyx_ListComp_Append(__pyx_t_1, __pyx_mstate_global->__pyx_kp_u_1))) __PYX_ERR(1, 4, __pyx_L1_error)
  if (unlikely(__Pyx_ListComp_AppendAndDecref(__pyx_t_1, __pyx_t_5))) __PYX_ERR(0, 612, __pyx_L1_error)
"""


def test_list_comprehensions_in_cython(tmp_path: Path) -> None:
    rules(tmp_path, "core.pyx", "\n" * 9)
    built = tmp_path / "build/cython/recorder/core.c"
    built.parent.mkdir(parents=True)
    built.write_text(COMPREHENSIONS)
    (found,) = audit.run(tmp_path, TABLE).findings
    assert (found.path, found.line, found.rule) == ("recorder/core.pyx", 3, "comprehension")


def test_what_the_build_has_left_is_read_unless_a_source_is_newer(tmp_path: Path) -> None:
    rules(tmp_path, "core.pyx", "cdef int f(x) noexcept:\n    return x\n")
    built = tmp_path / "build/cython/recorder/core.c"
    built.parent.mkdir(parents=True)
    built.write_text("")
    assert audit.run(tmp_path, TABLE).findings == []
    os.utime(tmp_path / "recorder/core.pyx", (built.stat().st_mtime + 9,) * 2)
    assert [f.rule for f in audit.run(tmp_path, TABLE).findings] == ["vanishes"]


def test_what_can_raise_depends_on_how_it_is_built(tmp_path: Path) -> None:
    text = "cdef int f(int a, int b) noexcept:\n    return a // b\n"
    assert (2, "vanishes") in rules(tmp_path, "core.pyx", text)
    (tmp_path / "setup.py").write_text("cythonize([], compiler_directives={'cdivision': True})\n")
    assert rules(tmp_path, "core.pyx", text) == []


def test_what_does_not_compile_is_told(tmp_path: Path) -> None:
    text = "x = 1\ndef f():\n    return nowhere\n"
    assert rules(tmp_path, "core.pyx", text) == [(3, "uncompilable")]


def test_a_file_that_nobody_includes_is_not_forgotten(tmp_path: Path) -> None:
    assert rules(tmp_path, "part.pxi", "x = 1\n") == [(1, "unparsable")]


def test_a_status_declared_in_a_pxd_must_be_looked_at(tmp_path: Path) -> None:
    declared = "ctypedef int Status\ncdef Status f() noexcept\n"
    defined = "cdef Status f() noexcept: return 0\ndef g():\n    f()\n"
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
    "(void)close(fd);": "unchecked",
    "(void) sys->close(fd);": "unchecked",
    "(void)fd;": None,
    "a && close(fd);": "unchecked",
    "a ? close(fd) : 0;": "unchecked",
    "a = 1, close(fd);": "unchecked",
    "close(a), close(b);": "unchecked",
    "for (; a; close(fd)) { }": "unchecked",
    "int r = close(fd); return 1;": "unchecked",
    "int r; r = close(fd); return 1;": "unchecked",
    "int r = close(fd); r = 2; return r;": "unchecked",
    "int r = close(fd); r = r + 2; return r;": None,
    "int r = close(fd); return r;": None,
    "int r = close(fd); if (r < 0) return 1;": None,
    "char *p = malloc(9); p[0] = 1;": "unchecked",
    "struct s *p = malloc(9); p->x = 1;": "unchecked",
    "char *p = (char *)malloc(9); *p = 1;": "unchecked",
    "char *p = malloc(9); if (p == NULL) return 1;": None,
    "PyObject *o = PyList_New(0); o->ob_type = 0;": "unchecked",
    "shared = close(fd);": None,
    "unheard_of(1);": "unchecked",
    "sigaction(1, 0, 0);": "unchecked",
    "pthread_mutex_lock(&m);": "unchecked",
    "memcpy(a, b, 1);": None,
    "PyErr_SetString(PyExc_ValueError, text);": "builtin-raise",
    "PyErr_NoMemory();": "builtin-raise",
    "PyErr_SetFromErrno(PyExc_OSError);": "builtin-raise",
    "PyErr_WarnEx(kind, text, 1);": "unchecked warning",
    "exit(1);": "exit",
    "quick_exit(1);": "exit",
    "raise(9);": "exit",
    "Py_FatalError(text);": "exit",
    "Py_Exit(1);": "exit",
    "__builtin_trap();": "exit",
    "on_exit_do(abort);": "exit unchecked",
    "Py_UNREACHABLE();": "assert",
    "__builtin_unreachable();": "assert",
    "static_assert(1, text);": None,
    "fprintf(file, text);": "print",
    "puts(text);": "print",
    "perror(text);": "print",
    "PySys_WriteStdout(text);": "print",
    "PyObject_Print(o, file, 0);": "print",
    "PyErr_Print();": "print",
    "if (close(fd) < 0) return 1;": None,
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
        '#include "x.h" /* close(1); */\n#define X \\\n  (close(2) < 0)\n'
        "static int mine(int a);\nstatic void nothing(int a) { (void)a; }\n"
        f"int f(int fd)\n{{\n    {text}\n}}\n"
    )
    expected = (C[text] or "").split()
    assert rules(tmp_path, "part.c", source) == [(8, rule) for rule in expected]


def test_the_body_of_a_macro(tmp_path: Path) -> None:
    text = "#define X(a) do { \\\n    close(a); \\\n} while (0)\n#define Y(a) (close(a) < 0)\n"
    assert rules(tmp_path, "part.h", text) == [(2, "unchecked")]
    assert rules(tmp_path, "part.h", "#define X close(1)\n") == [(1, "unchecked")]


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
    text = "ctypedef int Status\n# audit: sticky\ncdef Status f() noexcept: return 0\ndef g():\n    f()\n"
    assert rules(tmp_path, "core.pyx", text) == []
    assert [f.line for f in audit.run(tmp_path, TABLE).waived] == [3]


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


@pytest.mark.slow  # `.ci/run` calls the command itself
def test_nothing_gets_out_of_this_tree_unmapped() -> None:
    """In a process of its own: Cython's compiler remembers what it has seen of other trees."""
    command = [sys.executable, "-m", "codegen", "audit"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("0 findings")
