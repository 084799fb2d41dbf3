"""Leaks planted on purpose, of every kind by which something unmapped could get out, be lost, or end the process: who
finds each of them?

    audit     `python -m codegen audit` names the line
    guard     it raises by itself, and an exported function lets none of that out: the plant is run inside one
    compiler  the C compiler refuses it, with what CI and debug builds ask of it (RECORDER_STRICT in setup.py)

Each is found by all that are named, and by no other of them; none is left that nobody finds.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from codegen import audit, table
from recorder import errors

ROOT = Path(__file__).resolve().parents[2]
TABLE = table.load(ROOT / table.TABLE)
MUST_CHECK = ROOT / "recorder/_core/sys/must_check.h"

PYTHON = {
    # What the standard library and libraries raise by themselves.
    "import zstandard\nzstandard.ZstdDecompressor().decompress(b'x')": "guard",
    "import zstandard\nzstandard.get_frame_parameters(b'')": "guard",
    "import struct\nstruct.unpack('<I', b'')": "guard",
    "import struct\nstruct.pack('<I', -1)": "guard",
    "import struct\nstruct.Struct('<Q').unpack_from(b'', 8)": "guard",
    "import json\njson.loads('{')": "guard",
    "import json\njson.dumps(object())": "guard",
    "import tomllib\ntomllib.loads('=')": "guard",
    "b'\\xff'.decode()": "guard",
    "'\\udc80'.encode()": "guard",
    "str(b'\\xff', 'utf-8')": "guard",
    "int('x')": "guard",
    "float('x')": "guard",
    "bytes.fromhex('x')": "guard",
    "chr(-1)": "guard",
    "1 // 0": "guard",
    "1 << 1 << 70 << 70 and 2.0 ** 5000": "guard",
    "{}['k']": "guard",
    "[][0]": "guard",
    "().index(1)": "guard",
    "[].remove(1)": "guard",
    "set().pop()": "guard",
    "next(iter(()))": "guard",
    "min(())": "guard",
    "list(zip((1,), (), strict=True))": "guard",
    "a, b = (1,)": "guard",
    "None.name": "guard",
    "object().name = 1": "guard",
    "len(5)": "guard",
    "'a' + 1": "guard",
    "nowhere_defined": "guard",
    "open('/nowhere/at/all')": "guard",
    "import os\nos.stat('/nowhere/at/all')": "guard",
    "import os\nos.readlink('/')": "guard",
    "import os\nos.execve('/nowhere/at/all', ['x'], {})": "guard",
    "import subprocess\nsubprocess.run(['/nowhere/at/all'])": "guard",
    "import importlib\nimportlib.import_module('nowhere.at.all')": "guard",
    "import nowhere_at_all": "guard",
    "import mmap\nmmap.mmap(-1, -1)": "guard",
    "import re\nre.compile('(')": "guard",
    "memoryview(b'')[1]": "guard",
    "exc = KeyError(1)\nraise exc": "audit",
    "kinds = {1: ValueError}\nraise kinds[1]": "audit",
    "def make(): return OSError(1)\nraise make()": "audit",
    "class Own(Exception): pass\nraise Own": "audit",
    # Our own, and lost or besides the table.
    "from recorder import errors\ntry: pass\nexcept errors.DiskFullError: pass": "audit",
    "from recorder import errors\ntry: pass\nexcept errors.RecorderError: pass": "audit",
    "from recorder import errors\nclass Other(errors.RecorderError): pass": "audit",
    "from recorder.errors import DiskFullError\nclass Other(DiskFullError): pass": "audit",
    "import contextlib\nfrom recorder import errors\nwith contextlib.suppress(errors.RecorderError): pass": "audit",
    # What ends the process, or writes where the program does.
    "import os\nos.kill(os.getpid(), 9)": "audit",
    "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)": "audit",
    "import sys\nsys.stderr.write('x')": "audit",
    "import sys\nsys.__stderr__.write('x')": "audit",
    "import os\nos.write(1, b'x')": "audit",
    "import sys\nprint('x', file=sys.stderr)": "audit",
    "try: pass\nexcept Exception: pass": "audit",
}

CYTHON = {
    "ctypedef int Status\ncdef Status f() noexcept: return 0\ndef g():\n    f()\n": "audit",
    "ctypedef int Status\ncdef Status f() noexcept: return 0\ndef g():\n    cdef Status s = f()\n": "audit",
    "cdef int f():\n    return 1\n": "audit",
    "cdef int f() noexcept:\n    d = {}\n    return d['k']\n": "audit",
    "cdef int f(dict d) noexcept:\n    return d['k']\n": "audit",
    "cdef int f(list d) noexcept:\n    return d[0]\n": "audit",
    "cdef int f(object o) noexcept:\n    return o.x\n": "audit",
    "cdef int f(object o) noexcept:\n    o()\n    return 0\n": "audit",
    "cdef int f(int a, int b) noexcept:\n    raise ValueError(a)\n": "audit",
    "cdef int f() noexcept:\n    try:\n        return int('x')\n    except ValueError:\n        return 1\n": "audit",
    "def f():\n    raise MemoryError\n": "audit",
    "from libc.stdlib cimport malloc\ncdef void f() noexcept:\n    malloc(1)\n": "audit",
    "from libc.stdlib cimport malloc\ndef f():\n    cdef char *p = <char *>malloc(1)\n    p[0] = 1\n": "audit",
    "from libc.stdlib cimport abort\ncdef void f() noexcept:\n    abort()\n": "audit",
    "from posix.unistd cimport close\ncdef void f() noexcept:\n    close(1)\n": "audit",
    "def f():\n    assert 1\n": "audit",
    "def f():\n    print('x')\n": "audit",
    "def f():\n    try:\n        pass\n    except:\n        pass\n": "audit",
}

C = {
    "close(fd);": "audit",
    "(void)write(fd, text, 1);": "audit compiler",
    "int wrote = write(fd, text, 1);": "audit compiler",
    "char *p = malloc(9); p[0] = 1; free(p);": "audit",
    "struct stat s; fstat(fd, &s); return (int)s.st_size;": "audit compiler",
    "ftruncate(fd, 1), fsync(fd);": "audit compiler",
    "if (fd) rec_prepare();": "audit compiler",
    "(void)rec_prepare();": "audit compiler",
    "PyList_Append(object, object);": "audit",
    "PyErr_SetString(PyExc_ValueError, text);": "audit",
    "abort();": "audit",
    "fprintf(stderr, text);": "audit",
    "int x; return x;": "compiler",
    "return unheard_of(fd);": "compiler",
    "assert(fd);": "audit",
}

C_FILE = """#include <assert.h>
#include <stdio.h>
#include <Python.h>
static int rec_prepare(void) MUST_CHECK;
static int rec_prepare(void) { return 1; }
int f(int fd, const char *text, PyObject *object);
int f(int fd, const char *text, PyObject *object)
{
    if (fd < 0 || text == NULL || object == NULL)
        return rec_prepare();
    %s
    return 0;
}
"""
PLANTS = [
    *((f"python_{i}.py", text, PYTHON[text]) for i, text in enumerate(PYTHON)),
    *((f"cython_{i}.pyx", text, CYTHON[text]) for i, text in enumerate(CYTHON)),
    *((f"c_{i}.c", C_FILE % text, C[text]) for i, text in enumerate(C)),
]


def test_there_are_ninety() -> None:
    assert (len(PYTHON), len(CYTHON), len(C)) == (57, 18, 15)


def test_the_audit_finds_what_it_is_to_find(tmp_path: Path) -> None:
    (tmp_path / "recorder").mkdir()
    for name, text, _ in PLANTS:
        (tmp_path / "recorder" / name).write_text(text + "\n", encoding="utf-8")
    found = {
        finding.path.removeprefix("recorder/") for finding in audit.run(tmp_path, TABLE).findings
    }
    wanted = {name for name, _, who in PLANTS if "audit" in who}
    named = {name: text for name, text, _ in PLANTS}
    assert [named[name] for name in sorted(wanted ^ found)] == []


@pytest.mark.parametrize("text", [text for text in PYTHON if PYTHON[text] == "guard"])
def test_the_guard_lets_none_of_it_out(text: str) -> None:
    @errors.guarded("a plant")
    def exported() -> None:
        exec(compile(text, errors.__file__, "exec"), {})

    with pytest.raises(errors.RecorderError) as raised:
        exported()
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("text", C)
def test_the_compiler_refuses(tmp_path: Path, text: str) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc")
    source = tmp_path / "plant.c"
    source.write_text(C_FILE % text, encoding="utf-8")
    headers = f"-I{sysconfig.get_path('include')}"
    command = [compiler, "-c", "-o", str(tmp_path / "plant.o"), headers, *strict_flags(), source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode != 0) == ("compiler" in C[text]), done.stderr


def strict_flags() -> list[str]:
    """What setup.py asks of the compiler where warnings are errors."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    flags = re.findall(r'"(-W[^"]*)"', text)
    assert "-Werror" in flags
    return [*(flag for flag in flags if "," not in flag), "-std=gnu11", "-include", str(MUST_CHECK)]
