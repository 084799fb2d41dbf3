"""The texts in a trace: each code has the one that it was compiled from, or the trace says that this is not known."""

from __future__ import annotations

import importlib.util
import itertools
import json
import marshal
import os
import struct
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from recorder._core.decode import Scanner
from recorder.cli import diff
from recorder.trace import origins, recompile, source_files, texts
from recorder.trace.compare import Difference
from recorder.trace.container.writer import TraceWriter
from recorder.trace.format import ChunkType
from recorder.trace.reader import Trace, open_trace
from tests.conftest import Run
from tests.tools import reference_writer as w

WITH_PYC = {"PYTHONDONTWRITEBYTECODE": ""}
WAIT = "__import__('time').sleep(0.5)\n"  # the sealer reads a file within 20 ms
MODULE = "def f(x):\n    y = x + 1\n    return y\n"
OTHER = "# another one\n\n\ndef f(x):\n    return x * 2\n"

IMPORT = "import sys\nsys.dont_write_bytecode = True\nimport mod\nmod.f(1)\n"
PLACE = "p = __import__('os').path.abspath('mod.py')\n"
# Compiled as an import does it, so that something can happen before it runs.
COMPILE = PLACE + "g = {'__name__': 'mod'}\ncode = compile(open(p, 'rb').read(), p, 'exec')\n"


def write(text: str) -> str:
    return f"open('mod.py', 'w').write({text!r})\n"


class Case(NamedTuple):
    program: str
    texts: list[tuple[str, str | None]]  # of the functions called f, as they ran: text and doubt
    missing: str | None = None
    options: tuple[str, ...] = ()
    module: str = MODULE


DIFFERS, UNCHECKED = origins.DIFFERS, origins.UNCHECKED
CASES = {
    "nothing happens": Case(IMPORT, [(MODULE, None)]),
    "edited once it was read": Case(IMPORT + WAIT + write(OTHER), [(MODULE, None)]),
    "deleted once it was read": Case(
        IMPORT + WAIT + "__import__('os').unlink('mod.py')\n", [(MODULE, None)]
    ),
    "edited at once": Case(
        COMPILE + write(OTHER) + "exec(code, g)\ng['f'](1)\n", [(OTHER, DIFFERS)]
    ),
    "edited within a line": Case(
        COMPILE + write(MODULE.replace("+", "-")) + "exec(code, g)\ng['f'](1)\n",
        [(MODULE.replace("+", "-"), DIFFERS)],
    ),
    "another constant": Case(
        COMPILE + write(MODULE.replace("1", "2")) + "exec(code, g)\ng['f'](1)\n",
        [(MODULE.replace("1", "2"), DIFFERS)],
    ),
    "another name": Case(
        COMPILE + write(MODULE.replace("y", "z")) + "exec(code, g)\ng['f'](1)\n",
        [(MODULE.replace("y", "z"), DIFFERS)],
    ),
    "no Python any more": Case(
        COMPILE + write("this is\nno Python\n") + "exec(code, g)\ng['f'](1)\n",
        [("this is\nno Python\n", DIFFERS)],
    ),
    "deleted at once": Case(
        COMPILE + "__import__('os').unlink('mod.py')\nexec(code, g)\ng['f'](1)\n",
        [],
        origins.NOT_FOUND,
    ),
    "written again": Case(IMPORT + WAIT + write(MODULE) + WAIT, [(MODULE, None)]),
    "touched": Case(IMPORT + "__import__('os').utime('mod.py', (1, 1))\n", [(MODULE, None)]),
    "reloaded": Case(
        IMPORT + WAIT + write(OTHER) + "import importlib\nimportlib.reload(mod).f(1)\n",
        [(MODULE, None), (OTHER, None)],
    ),
    "reloaded with the same text": Case(
        IMPORT + "import importlib\nimportlib.reload(mod).f(1)\n", [(MODULE, None), (MODULE, None)]
    ),
    "another text under its name": Case(
        IMPORT + PLACE + f"g = {{}}\nexec(compile({OTHER!r}, p, 'exec'), g)\ng['f'](1)\n",
        [(MODULE, None), (MODULE, DIFFERS)],
    ),
    "rewritten on its way": Case(
        "import ast\n" + PLACE + "tree = ast.parse(open(p).read())\n"
        "tree.body[0].body.insert(0, ast.copy_location(ast.Pass(), tree.body[0].body[0]))\n"
        "tree.body[0].body.insert(0, ast.parse('z = 1').body[0])\n"
        "g = {}\nexec(compile(ast.fix_missing_locations(tree), p, 'exec'), g)\ng['f'](1)\n",
        [(MODULE, DIFFERS)],
    ),
    "-O": Case(IMPORT, [("assert 1\n" + MODULE, None)], options=("-O",), module="assert 1\n" + MODULE),
    "-OO": Case(
        IMPORT,
        [("'''doc'''\nassert 1\n" + MODULE, None)],
        options=("-OO",),
        module="'''doc'''\nassert 1\n" + MODULE,
    ),
    "without columns": Case(IMPORT, [(MODULE, None)], options=("-X", "no_debug_ranges")),
    "a future": Case(
        IMPORT,
        [("from __future__ import annotations\n" + MODULE.replace("(x)", "(x: U)"), None)],
        module="from __future__ import annotations\n" + MODULE.replace("(x)", "(x: U)"),
    ),
    "constants of all kinds": Case(
        IMPORT,
        [(MODULE.replace("x + 1", "x in {'a', 'b', b'c', 1.5, 2j}"), None)],
        module=MODULE.replace("x + 1", "x in {'a', 'b', b'c', 1.5, 2j}"),
    ),
    "ends of lines": Case(
        IMPORT, [("\f\r\n" + MODULE, None)], module="\f\r\n" + MODULE
    ),
    "large": Case(IMPORT, [(MODULE + "#" * (2 << 20), UNCHECKED)], module=MODULE + "#" * (2 << 20)),
    "too large": Case(IMPORT, [], origins.TOO_LARGE, module=MODULE + "#" * (5 << 20)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_code_has_its_own_text(name: str, run_recorded: Run, tmp_path: Path) -> None:
    case = CASES[name]
    module = tmp_path / "mod.py"
    module.write_bytes(case.module.encode())
    done = run_recorded(case.program, *case.options)
    assert (done.status, done.stderr) == (0, "")
    with open_trace(done.trace) as trace:
        assert trace.verdict == "complete"
        found = list(texts_of(trace, str(module)))
        assert found == [(text.encode(), doubt) for text, doubt in case.texts]
        assert trace.missing_sources.get(str(module)) == case.missing
        program = trace.sources[str(tmp_path / "program.py")]
        assert (program.text, program.doubt) == (case.program, None)


def texts_of(trace: Trace, path: str) -> Iterator[tuple[bytes, str | None]]:
    for event in trace.find("call", function="f"):
        assert event.file == path
        source = trace.source_of(event.function)
        if source is not None:
            yield source.content, source.doubt


def test_a_pyc_that_is_newer_than_its_source_proves_it(
    run_recorded: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the times alone, at a tenth of the cost."""
    module = tmp_path / "mod.py"
    module.write_text(MODULE)
    time.sleep(2.1)
    run_recorded("import mod\nmod.f(1)\n", env=WITH_PYC)
    read = source_files.read(str(module))
    assert isinstance(read, source_files.Read)
    with monkeypatch.context() as patch:
        patch.setattr(recompile, "compiled", None)  # which would be called
        proved = recompile.digests(str(module), read, 0)
    assert proved == recompile.compiled(module.read_bytes(), 0)


CELL = b"def f(n):\n    return [n for _ in range(n)]\nx = f(2)\nx\n"


def test_the_parts_of_a_text_are_gone_through_when_what_ran_is_not_in_the_whole() -> None:
    whole = recompile.compiled(CELL, 0)
    every = recompile.compiled(CELL, 0, in_parts=True)
    assert isinstance(whole, frozenset) and isinstance(every, frozenset) and whole < every
    for ran in whole:
        assert recompile.compiled(CELL, 0, True, [ran]) == whole
    for ran in every - whole:
        assert recompile.compiled(CELL, 0, True, [*whole, ran]) == every
    assert recompile.compiled(CELL, 0, False, every) == whole
    assert recompile.compiled(b"await f()\n", 0, True, [1]) != origins.NOT_PYTHON


@pytest.mark.parametrize("text", [MODULE.replace("1", "2"), MODULE.replace("+", "-")])
def test_a_pyc_out_of_date_proves_nothing(text: str, run_recorded: Run, tmp_path: Path) -> None:
    """The same size and, by force, the same time: Python runs the old one."""
    module = tmp_path / "mod.py"
    module.write_text(MODULE)
    state = module.stat()
    run_recorded("import mod\nmod.f(1)\n", env=WITH_PYC)
    assert list(tmp_path.glob("__pycache__/mod.*.pyc"))
    module.write_text(text)
    os.utime(module, ns=(state.st_atime_ns, state.st_mtime_ns))
    done = run_recorded("import mod\nprint(mod.f(1))\n", env=WITH_PYC)
    assert done.stdout == b"2\n"
    with open_trace(done.trace) as trace:
        assert list(texts_of(trace, str(module))) == [(text.encode(), DIFFERS)]


SECOND = 10**9
REWRITTEN = {
    # When the program began, in nanoseconds after the source was written, or None; by a hash; of which text; a proof
    "by its hash": (None, True, MODULE, True),
    "of another text, by its hash": (SECOND // 50, True, MODULE + "#", False),
    "written by the program": (SECOND // 50, False, MODULE, True),
    "when the program began is not known": (None, False, MODULE, False),
    "the source was changed meanwhile": (-SECOND, False, MODULE, False),
    "written before the program began": (SECOND, False, MODULE, False),
    "of another text": (SECOND // 50, False, MODULE + "#", False),
}


@pytest.mark.parametrize("case", REWRITTEN)
def test_what_pytest_has_made_of_a_text(case: str, tmp_path: Path) -> None:
    after, is_hashed, text, is_proved = REWRITTEN[case]
    module = tmp_path / "test_it.py"
    module.write_text(MODULE)
    read = source_files.read(str(module))
    assert isinstance(read, source_files.Read) and read.state is not None
    began = 0 if after is None else read.state.st_ctime_ns + after
    time.sleep(0.1)
    write_rewritten(module, text, is_hashed)
    plain = recompile.digests(str(module), read._replace(state=None), 0)
    found = recompile.digests(str(module), read, 0, began=began)
    assert isinstance(plain, frozenset) and isinstance(found, frozenset)
    assert plain <= found
    assert (plain < found) == is_proved


def write_rewritten(path: Path, text: str, is_hashed: bool) -> None:
    """A .pyc of pytest's: of another code than Python's. Those before 9.2 have no hash."""
    code = compile(text + "rewritten = True\n", str(path), "exec")
    folder, name = os.path.split(importlib.util.cache_from_source(str(path)))
    os.makedirs(folder, exist_ok=True)
    stamp = struct.pack("<II", int(path.stat().st_mtime), len(text))
    source = importlib.util.source_hash(text.encode()) if is_hashed else stamp
    head = importlib.util.MAGIC_NUMBER + struct.pack("<I", 3 if is_hashed else 0) + source
    Path(folder, name.replace(".pyc", "-pytest-8.3.4.pyc")).write_bytes(head + marshal.dumps(code))


def test_a_pyc_alone_has_no_text(run_recorded: Run, tmp_path: Path) -> None:
    module = tmp_path / "mod.py"
    module.write_text(MODULE)
    make = "import py_compile\npy_compile.compile('mod.py', 'mod.pyc', doraise=True)\n"
    run_recorded(make)
    module.unlink()
    done = run_recorded("import mod\nmod.f(1)\n")
    with open_trace(done.trace) as trace:
        (event,) = trace.find("call", function="f")
        assert trace.source_of(event.function) is None
        assert trace.missing_sources[event.file] == origins.NOT_FOUND


FOREIGN = {
    "a secret": ("passwd", "root:x:0:0\n"),
    "what could be Python": ("settings.conf", "TOKEN = 'hush'\n"),
    "a .pyc": ("mod.pyc", "TOKEN = 'hush'\n"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_alone_brings_no_file_in(name: str, run_recorded: Run, tmp_path: Path) -> None:
    file, content = FOREIGN[name]
    path = tmp_path / file
    path.write_text(content)
    code = f"exec(compile('a = 1\\nb = 2\\n', {str(path)!r}, 'exec'))\n"
    done = run_recorded(code + WAIT)
    with open_trace(done.trace) as trace:
        assert [s.path for s in trace.all_sources] == [str(tmp_path / "program.py")]
        assert trace.missing_sources == {str(path): origins.NOT_PYTHON}


def test_a_device_is_not_opened(run_recorded: Run) -> None:
    done = run_recorded("exec(compile('a = 1\\n', '/dev/zero', 'exec'))\n")
    with open_trace(done.trace) as trace:
        assert trace.missing_sources == {"/dev/zero": origins.NOT_PYTHON}


def test_a_script_of_any_name_is_kept_if_it_is_what_ran(run_recorded: Run, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("a = 1\nb = a\n")
    done = run_recorded(script)
    with open_trace(done.trace) as trace:
        assert trace.sources[str(script)].doubt is None


def test_a_file_of_a_thousand_functions(run_recorded: Run, tmp_path: Path) -> None:
    functions = "".join(f"def f{i}(): return {i}\n" for i in range(1000))
    (tmp_path / "mod.py").write_text(functions)
    calls = "import mod\nfor i in range(1000): getattr(mod, f'f{i}')()\n"
    done = run_recorded(calls)
    with open_trace(done.trace) as trace:
        named = [f for f in trace.functions if f.file.endswith("/mod.py") and f.name[0] == "f"]
        doubts = {s.doubt for s in map(trace.source_of, named) if s is not None}
        assert (len(named), doubts) == (1000, {None})


def test_recovery_finds_out_what_the_sealer_could_not(
    run_recorded: Run, recorder_says: Run, tmp_path: Path
) -> None:
    module = tmp_path / "mod.py"
    module.write_text(MODULE)
    kill = "import os, signal\nfor n in os.listdir('/proc'):\n    if n.isdigit():\n        try:\n"
    kill += "            c = open(f'/proc/{n}/cmdline').read()\n        except OSError: continue\n"
    kill += "        if 'recorder.sealer' in c and os.getcwd() in c: os.kill(int(n), 9)\n"
    done = run_recorded(IMPORT + kill + "os.kill(os.getpid(), 9)\n")
    assert not done.trace.exists()
    recorder_says("recover", done.trace)
    with open_trace(done.trace) as trace:
        assert list(texts_of(trace, str(module))) == [(MODULE.encode(), None)]


# ---- texts that are in no file ---------------------------------------------------------------------

CELL = "a = 1\ndef f(x):\n    return x + a\nf(2)\n"
# As a notebook runs a cell: the text goes to linecache, then each statement is compiled by itself.
NOTEBOOK = f"""\
import ast, linecache
text, name, g = {CELL!r}, NAME, {{'__name__': '__main__'}}
linecache.cache[name] = (len(text), None, [l + "\\n" for l in text.splitlines()], name)
for node in ast.parse(text).body:
    exec(compile(ast.Module([node], []), name, 'exec'), g)
"""
LINECACHE = {
    "a cell": NOTEBOOK.replace("NAME", "'<ipython-input-1-0123>'"),
    "a cell of a kernel": NOTEBOOK.replace("NAME", "'/tmp/ipykernel_1/23.py'"),
    "in one piece": "import linecache\n"
    f"text = {CELL!r}\n"
    "linecache.cache['<x>'] = (len(text), None, text.splitlines(True), '<x>')\n"
    "exec(compile(text, '<x>', 'exec'))\n",
}


@pytest.mark.parametrize("name", LINECACHE)
def test_what_linecache_holds_is_kept(name: str, run_recorded: Run, tmp_path: Path) -> None:
    """Where the texts are wanted: it is in no chunk of a part without them."""
    done = run_recorded(LINECACHE[name])
    with open_trace(done.trace) as trace:
        assert [(s.text, s.doubt) for s in trace.all_sources[-1:]] == [(CELL, None)]
        path = trace.all_sources[-1].path
        functions = [f for f in trace.functions if f.file == path]
        assert len(functions) == (2 if name == "in one piece" else 4)
        assert {(s.text, s.doubt) for s in map(trace.source_of, functions) if s} == {(CELL, None)}
        assert trace.why_missing(path) is None
        parts: list[bytes] = []
        trace.write_part(parts.append, 1, with_sources=False)
    part = tmp_path / "part.rtrace"
    part.write_bytes(b"".join(parts))
    for path_of, has_text in ((done.trace, True), (part, False)):
        with open_trace(path_of) as trace:
            events = trace._file.of(ChunkType.EVENTS)
            texts = [Scanner().chunk(trace._file.payload(chunk)).texts for chunk in events]
            assert any(texts) is has_text
            assert trace.verify().damage == []


EXAMPLES = """\
'''Of the module.

>>> one = 1
>>> for i in range(2):
...     one += i
'''
class Box:
    '''
    >>> box = Box()
    '''
    def half(self):
        '''Indented.

            >>> def g(a):
            ...     return a / 2
            >>> g(one)
            Traceback (most recent call last):
            NameError: name 'one' is not defined
        '''

    class Inner:
        ">>> 1 + 1\\n2"

if __name__ == '__main__':
    import doctest
    doctest.testmod()
    exec(compile('made = 1', '<doctest __main__[7]>', 'exec'))
    exec(compile('made = 1', '<doctest __main__[1]>', 'exec'))
"""


def test_examples_of_doctest_have_their_text(run_recorded: Run) -> None:
    done = run_recorded(EXAMPLES)
    with open_trace(done.trace) as trace:
        found = {s.path: (s.text, s.doubt) for s in trace.all_sources if s.path.startswith("<")}
        assert found == {
            "<doctest __main__[0]>": ("one = 1\n", None),
            # Something else ran under this name, too.
            "<doctest __main__[1]>": ("for i in range(2):\n    one += i\n", origins.DIFFERS),
            "<doctest __main__.Box[0]>": ("box = Box()\n", None),
            "<doctest __main__.Box.half[0]>": ("def g(a):\n    return a / 2\n", None),
            "<doctest __main__.Box.half[1]>": ("g(one)\n", None),
            "<doctest __main__.Box.Inner[0]>": ("1 + 1\n", None),
        }
        codes = [f for f in trace.functions if f.file == "<doctest __main__[1]>"]
        sources = [trace.source_of(code) for code in codes]
        assert [None if s is None else s.doubt for s in sources] == [None, origins.DIFFERS]
        assert trace.why_missing("<doctest __main__[7]>") == origins.NO_FILE


AWAITING = """\
import ast, asyncio, linecache
text = "import asyncio\\nr = [await asyncio.sleep(0, i) for i in (1, 2)]\\nawait asyncio.sleep(0)\\n"
linecache.cache['<cell>'] = (len(text), None, text.splitlines(True), '<cell>')
for node in ast.parse(text).body:
    code = compile(ast.Module([node], []), '<cell>', 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(code, globals())
    if waiting is not None:
        asyncio.run(waiting)
"""


def test_a_cell_may_await(run_recorded: Run) -> None:
    done = run_recorded(AWAITING)
    with open_trace(done.trace) as trace:
        assert [s.doubt for s in trace.all_sources if s.path == "<cell>"] == [None]


HOSTILE_CACHE = {
    "lazy": "linecache.cache['<x>'] = (boom,)",
    "of a file": "linecache.cache['<x>'] = (1, 1.0, ['a\\n'], '<x>')",
    "a list of another class": "linecache.cache['<x>'] = (1, None, L(['a']), '<x>')",
    "lines that are none": "linecache.cache['<x>'] = (1, None, [1], '<x>')",
    "a text of another class": "linecache.cache['<x>'] = (1, None, [S('a')], '<x>')",
    "a key of another class": "linecache.cache = {S('<x>'): (1, None, ['a'], '<x>')}",
    "a dict of another class": "linecache.cache = D()",
    "a module of another class": "sys.modules['linecache'] = D()",
    "no entry": "linecache.cache[5] = 6",
    "too long": "linecache.cache['<x>'] = (1, None, ['a' * (2 << 20)], '<x>')",
    "empty": "linecache.cache['<x>'] = (0, None, [], '<x>')",
}


@pytest.mark.parametrize("name", HOSTILE_CACHE)
def test_nothing_of_the_programs_runs_for_a_text(name: str, run_recorded: Run) -> None:
    program = f"""\
import linecache, sys
def boom(*args): print("called")
class L(list): __iter__ = __len__ = __getitem__ = boom
class S(str): __eq__ = boom; __hash__ = str.__hash__
class D(dict): get = __getitem__ = __iter__ = __contains__ = boom
cache = linecache.cache
{HOSTILE_CACHE[name]}
exec(compile("b = 1\\n", "<x>", "exec"))
linecache.cache, sys.modules["linecache"] = cache, linecache
"""
    done = run_recorded(program)
    assert (done.status, done.stdout, done.stderr) == (0, b"", "")
    with open_trace(done.trace) as trace:
        assert [s.path for s in trace.all_sources if s.path == "<x>"] == []
        assert trace.why_missing("<x>") == origins.NO_FILE


def test_a_text_that_did_not_run_is_marked(run_recorded: Run) -> None:
    program = "import linecache\nlinecache.cache['<x>'] = (1, None, ['a = 1\\n'], '<x>')\n"
    done = run_recorded(program + "exec(compile('b = 1\\n', '<x>', 'exec'))\n")
    with open_trace(done.trace) as trace:
        texts = [(s.text, s.doubt) for s in trace.all_sources if s.path == "<x>"]
        assert texts == [("a = 1\n", DIFFERS)]


def test_the_code_of_the_command_line_is_kept(tmp_path: Path, recorder_says: Run) -> None:
    trace_path = tmp_path / "c.rtrace"
    code = "def f(): return 1\nf()\nexec('a = 1')"
    recorder_says("run", "-o", trace_path, "-c", code)
    with open_trace(trace_path) as trace:
        # From 3.13 on linecache has it, too, and ends the last line.
        assert [(s.path, s.text.rstrip()) for s in trace.all_sources] == [("<string>", code)]
        found = {f.name: trace.source_of(f) for f in trace.functions if f.file == "<string>"}
        assert found["f"] is not None and found["f"].doubt is None
        first, second = (
            f for f in trace.functions if f.name == "<module>" and f.file == "<string>"
        )
        assert trace.source_of(first) is not None
        assert trace.source_of(second) is None


def test_modules_in_an_archive(run_recorded: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/mod.py", MODULE)
        archive.writestr("package/data.txt", "TOKEN = 'hush'\n")
    program = "import sys\nsys.path.insert(0, 'app.zip')\nfrom package import mod\nmod.f(1)\n"
    program += "exec(compile('a = 1\\n', 'app.zip/package/data.txt', 'exec'))\n"
    program += "exec(compile('a = 1\\n', 'program.py/mod.py', 'exec'))\n"
    done = run_recorded(program)
    with open_trace(done.trace) as trace:
        (event,) = trace.find("call", function="f")
        source = trace.source_of(event.function)
        assert source is not None and (source.text, source.doubt) == (MODULE, None)
        assert trace.missing_sources == {
            "app.zip/package/data.txt": origins.NOT_PYTHON,
            "program.py/mod.py": origins.NOT_FOUND,
        }


def test_a_zipapp(run_recorded: Run, tmp_path: Path) -> None:
    app = tmp_path / "app.pyz"
    with zipfile.ZipFile(app, "w") as archive:
        archive.writestr("__main__.py", MODULE + "f(1)\n")
    done = run_recorded(app)
    with open_trace(done.trace) as trace:
        assert list(texts_of(trace, str(app / "__main__.py"))) == [
            ((MODULE + "f(1)\n").encode(), None)
        ]


def test_the_policy_leaves_texts_out(run_recorded: Run, recorder_says: Run, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("def f(x): return x  # hush\n")
    done = run_recorded("import mod\n" + LINECACHE["a cell"], "--no-source-text")
    with open_trace(done.trace) as trace:
        assert (trace.verdict, trace.all_sources, dict(trace.missing_sources)) == (
            "complete",
            [],
            {},
        )
        assert trace.why_missing(str(tmp_path / "mod.py")) == origins.LEFT_OUT
        payloads = [trace._file.payload(chunk) for chunk in trace._file.chunks]
        assert not any(b"hush" in payload for payload in payloads)
        assert Scanner().chunk(payloads[1]).texts == []  # of what linecache holds
    assert origins.REASONS[origins.LEFT_OUT] in recorder_says("info", done.trace).stdout.decode()
    shown = recorder_says("show", "--plain", done.trace, input=b"l\n").stdout.decode()
    assert origins.REASONS[origins.LEFT_OUT] in shown


# ---- what readers say ------------------------------------------------------------------------------


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """A trace in which the text of one function is not proved to be what ran."""
    file = w.File()
    file.meta()
    head = w.def_file(0, "/a.py") + w.def_file(1, "/b.py") + w.def_thread(0, 1, "MainThread")
    head += w.def_code(0, 0, 1, 3, "f", "f", 0, []) + w.def_code(1, 0, 1, 3, "g", "g", 0, [])
    body = w.thread(0) + w.enter(0) + w.event("call", 1) + w.line(0)
    body += w.enter(1) + w.event("call", 1) + w.line(0)
    file.segment(w.state(0, 0, None) + w.BEGIN + head + body, 4)
    file.source("/a.py", b"new\n", 0)
    file.source("/a.py", b"old\n", 1)
    file.origins(
        {"codes": [[0, "proved", [0]], [1, "differs", [1]]], "missing": {"/b.py": "not_found"}}
    )
    path = tmp_path / "doubtful.rtrace"
    path.write_bytes(bytes(file.close()))
    return path


def test_the_reader_tells_them_apart(doubtful: Path) -> None:
    with open_trace(doubtful) as trace:
        f, g = (trace.source_of(function) for function in trace.functions)
        assert f is not None and g is not None
        assert (f.text, f.doubt, f.why) == ("new\n", None, "")
        assert (g.text, g.doubt, g.why) == ("old\n", DIFFERS, origins.DOUBTS[DIFFERS])
        assert [s.content for s in trace.all_sources] == [b"new\n", b"old\n"]
        assert trace.missing_sources == {"/b.py": origins.NOT_FOUND}


def test_texts_come_as_they_were_first_used_whoever_wrote_them_first(tmp_path: Path) -> None:
    file = w.File()
    file.meta()
    for number, name in enumerate(["/never.py", "/last.py", "/first.py"]):
        file.source(name, b"", number)
    file.origins({"codes": [[1, "proved", [7]], [2, "proved", [9, 3]]], "missing": {}})
    path = tmp_path / "app.rtrace"
    path.write_bytes(bytes(file.close()))
    with open_trace(path) as trace:
        assert [s.path for s in trace.all_sources] == ["/first.py", "/last.py", "/never.py"]


def test_wherever_a_line_is_shown_the_doubt_is(doubtful: Path, recorder_says: Run) -> None:
    shown = recorder_says("show", "--plain", doubtful, input=b"l\n", timeout=30).stdout.decode()
    assert "new" in shown and "not proved" not in shown
    shown = recorder_says("show", "--plain", "--at", 3, doubtful, input=b"l\n").stdout.decode()
    assert shown.count("old") == shown.count("! not proved to be what ran") == 2
    told = recorder_says("info", doubtful).stdout.decode()
    assert "not proved to be what ran" in told and "/b.py" in told
    facts = json.loads(recorder_says("info", "--json", doubtful).stdout)
    assert facts["unproved_sources"] == {"/a.py": "differs"}
    assert facts["missing_sources"] == {"/b.py": "not_found"}


def test_diff_says_it_too(doubtful: Path, tmp_path: Path, recorder_says: Run) -> None:
    other = tmp_path / "other.rtrace"
    raw = doubtful.read_bytes()
    with open_trace(doubtful) as trace:
        assert len(trace) == 4
    file = w.File()
    file.meta()
    head = w.def_file(0, "/a.py") + w.def_thread(0, 1, "MainThread")
    head += w.def_code(0, 0, 1, 3, "f", "f", 0, []) + w.def_code(1, 0, 1, 3, "h", "h", 0, [])
    body = w.thread(0) + w.enter(0) + w.event("call", 1) + w.line(0)
    body += w.enter(1) + w.event("call", 1) + w.line(0)
    file.segment(w.state(0, 0, None) + w.BEGIN + head + body, 4)
    file.source("/a.py", b"older\n")
    other.write_bytes(bytes(file.close()))
    assert raw
    told = recorder_says("diff", doubtful, other).stdout.decode()
    with open_trace(doubtful) as trace:
        flow = Difference(trace[3].thread, "flow", None, [], trace[3], None, 0, None, "exact")
        doubts: set[str] = set()
        first, second = (diff.as_text(1, flow, trace, trace, doubts) for _ in range(2))
    assert "(not proved to be what ran: " in first
    assert "(not proved to be what ran)" in second  # why is told once
    assert f"old  (not proved to be what ran: {origins.DOUBTS[DIFFERS]})" in told
    assert f"older  (not proved to be what ran: {origins.DOUBTS[origins.UNKNOWN]})" in told


@pytest.mark.parametrize(
    "facts",
    [
        {}, {"codes": 1, "missing": {}}, {"codes": [[1]], "missing": {}},
        {"codes": [["a", "proved", [1]]], "missing": {}}, {"codes": [[0, "proved", ["b"]]], "missing": {}},
        {"codes": [], "missing": []}, {"codes": [[0, "proved", [1e400]]], "missing": {}},
    ],
)  # fmt: skip
def test_origins_that_are_none_are_damage(facts: object, tmp_path: Path) -> None:
    file = w.File()
    file.meta()
    file.segment(w.state(0, 0, None) + w.BEGIN, 0)
    file.source("/a.py", b"new\n", 0)
    file.origins(facts)
    path = tmp_path / "damaged.rtrace"
    path.write_bytes(bytes(file.close()))
    with open_trace(path) as trace:
        assert trace.sources["/a.py"].doubt == origins.UNKNOWN
        assert len(trace.damage) == 1


# ---- decoding, and lines ---------------------------------------------------------------------------

LINES = ["a = 1 \f", "b = '\x1c\x1d\x1e\x85\u2028\u2029' # \v", "", "c = 2"]
ENCODINGS = {
    "utf-8": b"",
    "utf-8 with a BOM": b"\xef\xbb\xbf",
    "latin-1": b"# -*- coding: latin-1 -*-\n",
    "shift_jis": b"#!/usr/bin/python\n# vim: set fileencoding=shift_jis :\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_python_ends_them(end: str, run_recorded: Run, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_bytes(end.join([*LINES, ""]).encode())
    done = run_recorded(script)
    with open_trace(done.trace) as trace:
        source = trace.sources[str(script)]
        assert (source.lines, source.doubt) == (LINES, None)
        ran = [event.line for event in trace.find("line")]
    assert ran == [1, 2, 4]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_command_shows_the_line_that_ran(
    end: str, run_recorded: Run, recorder_says: Run, tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_bytes(end.join([*LINES, ""]).encode())
    done = run_recorded(script)
    shown = recorder_says("show", "--plain", done.trace, input=b"s\ns\n").stdout.decode()
    assert "      4 → c = 2" in shown
    changed = tmp_path / "program.py"
    changed.write_bytes(end.join([*LINES[:3], "c = 3", ""]).encode())
    other = run_recorded(changed, output=tmp_path / "other.rtrace")
    told = recorder_says("diff", done.trace, other.trace).stdout.decode()
    assert "c: 2 → 3" in told and "by line 4" in told
    folder = tmp_path / "exported"
    recorder_says("export", done.trace, "--to", "codetracer", "-o", folder)
    copy = (folder / "files" / str(script).lstrip("/")).read_bytes()
    assert copy.decode().split("\n") == [*LINES, ""]


@pytest.mark.parametrize("name", ENCODINGS)
def test_text_is_decoded_as_it_says(name: str, run_recorded: Run, tmp_path: Path) -> None:
    said = {"utf-8 with a BOM": "utf-8"}.get(name, name)
    letters = "ä" if name != "shift_jis" else "\u65e5\u672c"
    script = tmp_path / "program.py"
    script.write_bytes(ENCODINGS[name] + f"a = '{letters}'\n".encode(said))
    done = run_recorded(script)
    with open_trace(done.trace) as trace:
        source = trace.sources[str(script)]
        assert source.doubt is None
        assert source.lines[-1] == f"a = '{letters}'"
        assert source.encoding == ("utf-8-sig" if "BOM" in name else name)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"#coding=rot13\n", "utf-8"),  # no encoding of texts
        (b"# coding: no-such\n", "utf-8"),
        (b"a = 1\n# coding: latin-1\n", "utf-8"),  # behind code
        (b"\n# coding: latin-1\n", "latin-1"),
        (b"\n\n# coding: latin-1\n", "utf-8"),  # the third line
        (b"# a\r# coding: latin-1\n", "latin-1"),
        (b"#" * (1 << 20), "utf-8"),
    ],
)
def test_the_encoding_is_declared_in_one_of_two_lines(content: bytes, encoding: str) -> None:
    from recorder.trace.sources import Source

    source = Source("/a.py", "", content)
    assert source.encoding == encoding
    assert source.text.encode() == content


def test_a_digest_costs_no_memory_that_stays() -> None:
    """CPython would keep the bytes of the bytecode with the code object."""
    from recorder._core.decode import code_digests

    source = "def f():\n" + "    a = 1\n" * 2000 + "    return a\n"
    codes = [compile(source, "", "exec").co_consts[0] for _ in range(20)]
    sizes = [code.__sizeof__() for code in codes]
    import tracemalloc

    tracemalloc.start()
    try:
        for code in codes:
            code_digests(code)
        assert tracemalloc.get_traced_memory()[0] < 5_000
        assert sizes == [code.__sizeof__() for code in codes]
        _ = [code.co_code for code in codes]
        assert tracemalloc.get_traced_memory()[0] > 20 * 4_000  # as Python does it
    finally:
        tracemalloc.stop()
    assert sys.getsizeof(codes[0]) > 0


def test_the_newest_text_is_the_one_that_was_first_used_last(tmp_path: Path) -> None:
    """Whatever their order in the file, which is that in which they were found; one that no code is of comes first."""
    path = tmp_path / "out.rtrace"
    for order in itertools.permutations((0, 1, 2)):
        file = w.File()
        file.meta()
        for number in order:
            file.source("/app.py", b"text %d\n" % number, number)
        file.source("/other.py", b"other\n", 3)  # of which no code is known
        proved = [[0, origins.PROVED, [4]], [1, origins.PROVED, [1, 7]]]
        file.origins({"codes": proved, "missing": {}})
        path.write_bytes(file.close())
        with open_trace(path) as trace:
            assert trace.sources["/app.py"].number == 0
            assert [source.number for source in trace.all_sources][:2] == [1, 0]
            assert trace.sources["/other.py"].text == "other\n"


class Written:
    """What a writer is given."""

    def __init__(self) -> None:
        self.sources: list[int] = []
        self.codes: set[int] = set()
        self.missing: set[str] = set()

    def source(self, path: str, content: bytes, sha256: str, number: int) -> None:
        self.sources.append(number)

    def origins(self, facts: dict[str, Any]) -> None:
        self.codes.update(code for _, _, codes in facts["codes"] for code in codes)
        self.missing.update(facts["missing"])


def test_what_is_remembered_of_files_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that is made as the program runs can have any number of names of files, and one file any number of texts:
    each text is written, its codes are told of, and only the last ones stay in memory."""
    monkeypatch.setattr(texts, "MOST_PATHS", 50)
    monkeypatch.setattr(texts, "MOST_TEXTS", 5)
    written = Written()
    kept = texts.Texts(cast(TraceWriter, written), "/", lambda: 0, checking=True, keeping=True)
    kept.take_command(["-c", "x = 0"])
    for i in range(500):
        kept.add([(i, f"<made {i}>", 1)], [], [(f"<made {i}>", b"x = %d\n" % i)])
        kept.add([(500 + i, "<cell>", 1)], [], [("<cell>", b"y = %d\n" % i)])
        kept.announce(f"/nowhere/{i}.py")
        while i % 7 == 0 and kept.work():
            pass
    kept.finish()
    assert written.sources == list(range(1000))
    assert written.codes == set(range(1000))
    assert written.missing == {f"/nowhere/{i}.py" for i in range(500)}
    assert len(kept.texts) <= 55 and len(kept.written) <= 50 and len(kept.texts["<cell>"]) <= 10
    assert "<string>" in kept.texts


@pytest.mark.parametrize("there", [*itertools.permutations((0, 1, 2))])
def test_a_text_gets_a_number_that_none_has_that_is_taken_up(there: tuple[int, ...]) -> None:
    """In whichever order they stand, which another process has written: it died, and this one goes on."""
    written = Written()
    kept = texts.Texts(cast(TraceWriter, written), "/", lambda: 0, checking=True, keeping=True)
    for number in there:
        about = {"path": f"<{number}>", "sha256": "0" * 64, "size": 5, "number": number}
        kept.resume(ChunkType.SOURCE, w.text(json.dumps(about)) + b"x = 1")
    kept.add([(0, "<new>", 1)], [], [("<new>", b"y = 2\n")])
    kept.finish()
    assert written.sources == [3]
