"""The probes of transparency: small programs that print all they can see of the interpreter, the process and
themselves. test_transparency.py runs each plain and recorded and compares.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.tools.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
# The command, without a need for the package to be on any path of the program.
RECORDER = [
    sys.executable,
    "-I",
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from recorder.cli import main; sys.exit(main(['run', *sys.argv[1:]]))",
]
COMPLETE, PARTIAL, TRUNCATED = 1, 2, 3


class Probe(NamedTuple):
    """command: what follows `python`; {name} is the folder of the probe.
    verdict: of the trace. deaf: nothing that is said on stderr gets anywhere."""

    code: str
    command: tuple[str, ...] = ("probe.py",)
    stdin: str = ""
    verdict: int = COMPLETE
    env: tuple[tuple[str, str], ...] = ()
    shell: str = ""  # appended to the command, run by sh
    bare: bool = False  # with an environment that is empty
    deaf: bool = False


PROBES: dict[str, Probe] = {}


def probe(name: str, code: str, *command: str, **rest: object) -> None:
    assert name not in PROBES
    code = textwrap.dedent(code).lstrip("\n")
    PROBES[name] = Probe(code, command or ("probe.py",), **rest)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------- what it prints

probe("nothing", "")
probe(
    "output",
    """
    import sys; print('out'); print('err', file=sys.stderr); sys.stdout.write('no newline')
    """,
)
probe("bytes", "import sys; sys.stdout.buffer.write(bytes(range(256)))")
probe("surrogates", "print('caf\\u00e9'); print(ascii('\\ud800')); x = '\\ud800'; print(len(x))")
probe(
    "surrogates on stdout", "print('\\udc80')", env=(("PYTHONIOENCODING", "utf-8:surrogateescape"),)
)
probe("surrogates that cannot be printed", "print('\\ud800')")
probe(
    "encoding", "import sys; print(sys.stdout.encoding, sys.stdin.encoding)", env=(("LANG", "C"),)
)
probe(
    "streams",
    """
    import sys; print(sys.stdin, sys.stdout, sys.stderr, sys.stdout.line_buffering)
    """,
)
probe(
    "stdin", "import sys; print(sys.stdin.read().upper()); print(sys.stdin.read())", stdin="a\nb\n"
)
probe("input", "print(input('name? '), input())", stdin="x\ny\n")
probe("closed stdin", "import sys; print(sys.stdin)", shell="<&-")
probe("closed stdout", "import sys; print(1); sys.stderr.write(repr(sys.stdout))", shell=">&-")
probe("closed stderr", "import sys; print(1); print(sys.stderr); 1 / 0", shell="2>&-", deaf=True)
probe("stdout to a full device", "print('x' * 10)", shell=">/dev/full")
probe("broken pipe", "for i in range(100000): print(i)", shell="| head -n 1")
probe(
    "warnings",
    """
    import warnings; warnings.warn('careful'); warnings.warn('old', DeprecationWarning)
    """,
)
probe("logging", "import logging; logging.warning('w'); logging.getLogger('a').error('e')")

# --------------------------------------------------------------------------------- how it ends

for index, form in enumerate(
    ("", "0", "3", "None", "True", "'a message'", "256", "-1", "2 ** 40", "(1, 2)", "1.5")
):
    probe(f"exit {index}: sys.exit({form})", f"import sys; sys.exit({form})")
probe("SystemExit raised", "raise SystemExit(4)")
probe(
    "SystemExit of an own class",
    """
    class E(SystemExit): pass
    raise E(5)
    """,
)
probe("quit", "quit(6)")
probe("os._exit", "import os; print('x', flush=True); os._exit(7)")
probe(
    "sys.exit in finally",
    """
    import sys
    try: sys.exit(2)
    finally: print('finally')
    """,
)
probe(
    "uncaught",
    """
    def f(): g()
    def g(): 1 / 0
    f()
    """,
)
probe(
    "uncaught with a cause",
    """
    try:
        {}['k']
    except KeyError as e:
        raise ValueError('v') from e
    """,
)
probe("uncaught with a note", "e = ValueError('v'); e.add_note('a note'); raise e")
probe("uncaught group", "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])")
probe("uncaught in an import", "import sibling", verdict=COMPLETE)
probe("uncaught KeyboardInterrupt", "raise KeyboardInterrupt")
probe("uncaught GeneratorExit", "raise GeneratorExit('g')")
probe(
    "uncaught BaseException",
    """
    class B(BaseException): pass
    raise B('b')
    """,
)
probe(
    "uncaught recursion",
    """
    def f(n): return f(n + 1)
    f(0)
    """,
)
probe(
    "an exception whose str fails",
    """
    class E(Exception):
        def __str__(s): 1 / 0
    raise E
    """,
)
probe(
    "excepthook",
    """
    import sys
    sys.excepthook = lambda *a: print('hook', a[0])
    1 / 0
    """,
)
probe(
    "syntax error",
    """
    def f(:
      pass
    """,
)
probe(
    "unraisable",
    """
    class D:
        def __del__(s): 1 / 0
    D()
    print('on')
    """,
)
probe(
    "atexit",
    """
    import atexit
    [atexit.register(print, i) for i in range(3)]
    print('end')
    """,
)
probe(
    "atexit that fails",
    """
    import atexit
    atexit.register(lambda: 1 / 0)
    """,
)
probe(
    "atexit that exits",
    """
    import atexit, sys
    atexit.register(lambda: sys.exit(9))
    """,
)
probe(
    "order of __del__",
    """
    class D:
        def __init__(s, n): s.n = n
        def __del__(s): print('del', s.n)
    def f():
        a = D('local'); print('in f')
    f()
    a = D(1); b = D(2); c = [D(3)]; c.append(c)
    del a
    print('end')
    """,
)
for number in (
    "SIGTERM",
    "SIGHUP",
    "SIGKILL",
    "SIGINT",
    "SIGABRT",
    "SIGSEGV",
    "SIGUSR1",
    "SIGPIPE",
):
    verdict = (
        TRUNCATED if number in ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE") else COMPLETE
    )
    code = "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.%s)\nprint('on')"
    probe(f"killed by {number}", code % number, verdict=verdict)
probe("abort", "import os; os.abort()", verdict=TRUNCATED)
probe(
    "segmentation fault with faulthandler",
    """
    import ctypes
    def f(): ctypes.string_at(0)
    f()
    """,
    *("-X", "faulthandler", "probe.py"),
    verdict=TRUNCATED,
)
probe(
    "signal handlers",
    """
    import signal, os
    def handler(n, frame): print('got', n, frame.f_code.co_name)
    signal.signal(signal.SIGUSR1, handler); signal.signal(signal.SIGTERM, handler)
    def f():
        os.kill(os.getpid(), signal.SIGUSR1); os.kill(os.getpid(), signal.SIGTERM)
    f()
    signal.signal(signal.SIGALRM, handler); signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause(); print('end')
    """,
)
probe(
    "dispositions",
    """
    import signal
    for s in signal.Signals:
        if s != signal.SIGINT: print(s.name, signal.getsignal(s))
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending())
    print(signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_PROF))
    """,
)

# ----------------------------------------------------------------- what it sees of the interpreter

probe(
    "argv", "import sys; print(sys.argv, sys.orig_argv)", "probe.py", "-o", "--scope=own", "", "é"
)
probe("path", "import sys; print(sys.path, sys.meta_path, sys.path_hooks)")
probe(
    "path of imports",
    """
    import sys
    print(sorted(p for p in sys.path_importer_cache if '/recorder' not in p))
    """,
)
probe(
    "modules",
    """
    import sys
    print([n for n in sys.modules if n.partition('.')[0] != 'recorder'])
    import json, functools, enum, re
    print(functools.reduce, enum.Enum, re.compile('x'))
    """,
)
probe(
    "main",
    """
    import __main__
    for k, v in sorted(vars(__main__).items()): print(k, repr(v)[:60])
    print(__file__, __name__, __spec__, __package__, __loader__.name)
    """,
)
probe(
    "environment",
    """
    import os, subprocess; print(dict(os.environ))
    print(subprocess.run(['env'], capture_output=True, text=True).stdout)
    """,
    env=(("PYTHONPATH", "/nowhere"), ("RECORDER_SCOPE", "own")),
)
probe(
    "flags",
    "import sys; print(sys.flags, sys.warnoptions, sys._xoptions)",
    "-W",
    "error",
    "-Xdev",
    "probe.py",
)
probe(
    "optimised",
    """
    assert False
    '''doc'''
    print(__doc__, __debug__)
    """,
    "-OO",
    "probe.py",
)
probe(
    "without bytecode",
    "import sibling_that_works, sys; print(sys.dont_write_bytecode)",
    "-B",
    "probe.py",
)
probe("bytes warnings", "print(b'a' == 'a')", "-bb", "probe.py")
probe(
    "unbuffered",
    """
    import os
    print('a', end='')
    os.write(1, b'b')
    print('c')
    """,
    "-u",
    "probe.py",
)
probe(
    "first line skipped",
    """
    #!no python here at all (
    print('x')
    """,
    "-x",
    "probe.py",
)
probe(
    "safe path",
    """
    import sys; print(sys.path)
    import sibling_that_works
    """,
    "-P",
    "probe.py",
)
probe("interactive afterwards", "x = 5", "-i", "-q", "probe.py", stdin="print(x + 1)\n")
probe(
    "versions and limits",
    """
    import sys, gc
    print(sys.version, sys.executable, sys.prefix, sys.getrecursionlimit())
    print(sys.getswitchinterval(), sys.get_int_max_str_digits(), sys.get_asyncgen_hooks())
    print(gc.get_threshold(), gc.callbacks, gc.isenabled())
    print(sys.get_coroutine_origin_tracking_depth())
    """,
)
probe(
    "process",
    """
    import os, resource, threading
    print(os.getcwd(), os.umask(0o22), os.getppid() == os.getsid(0) or 'own', os.nice(0))
    print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
    print(os.sched_getaffinity(0), threading.active_count(), len(os.listdir('/proc/self/task')))
    """,
)
probe("open files", "import os; print(sorted(os.listdir('/proc/self/fd')))")
probe("inherited files", "import os; print(os.read(7, 10))", shell="7<probe.py")
probe(
    "all files closed",
    """
    import os; os.closerange(3, 1000)
    f = open('made', 'w'); print(f.fileno())
    def g(n): return [i for i in range(n)]
    print(sum(g(100)), file=f)
    f.close(); print('end')
    """,
)
probe(
    "everything closed",
    """
    import os; os.closerange(0, 1000)
    open('made', 'w').write('x')
    1 / 0
    """,
    deaf=True,
)
probe(
    "files where stderr was",
    """
    import os, time
    os.closerange(0, 3)
    files = [open(f'made {n}', 'w') for n in range(3)]; print(files[2].fileno(), file=files[2])
    def f(n):
        for i in range(n): n += i
    f(100); print('end', file=files[2])
    """,
    deaf=True,
)
probe(
    "no children",
    """
    import os
    try: os.wait()
    except ChildProcessError as e: print(e)
    """,
)
probe(
    "hooks",
    """
    import sys, threading; print(sys.getprofile(), threading.gettrace(), sys.excepthook)
    """,
)
probe(
    "displayhook",
    """
    import sys; sys.displayhook(3); print(sys.unraisablehook, sys.breakpointhook)
    """,
)
probe("locale", "import locale; print(locale.getlocale(), locale.getpreferredencoding())")
probe("garbage", "import gc, sys; print(gc.collect(), gc.garbage, gc.get_freeze_count())")
probe(
    "references",
    """
    import sys, weakref, gc; gc.collect()
    class A: pass
    def f(x):
        y = x
        return sys.getrefcount(x)
    a = A(); print(f(a), sys.getrefcount(a)); r = weakref.ref(a, lambda _: print('gone'))
    del a; print(r()); s = 'x' * 50; print(sys.getrefcount(s)); print(gc.collect(), gc.garbage)
    """,
)
probe(
    "dictionaries",
    """
    class A: pass
    a = A(); a.x = 1; import sys
    def f(): return sys.getsizeof(a.__dict__), sys.getsizeof(globals()) > 0, list(globals())[-3:]
    print(f(), vars(a), a.__dict__ is a.__dict__)
    """,
)

# ---------------------------------------------------------------------------- frames and tracebacks

probe(
    "stack",
    """
    import inspect, sys, traceback
    def f(): return [(s.function, s.lineno, s.filename) for s in inspect.stack()]
    class C:
        at = f()
    print(f(), C.at, [f() for _ in 'ab'])
    print(traceback.format_stack(), sys._getframe().f_back, inspect.currentframe().f_trace)
    def g(n): return g(n - 1) if n else len(inspect.stack())
    print(g(20))
    """,
)
probe(
    "recursion depth",
    """
    import sys
    def f(n):
        try: return f(n + 1)
        except RecursionError: return n
    print(f(0)); sys.setrecursionlimit(300); print(f(0))
    class R:
        def __repr__(s): return repr(s)
    try: repr(R())
    except RecursionError as e: print(e)
    """,
)
probe(
    "frames",
    """
    import sys
    def f(a, b=2):
        c = a + b
        fr = sys._getframe()
        return fr.f_lineno, sorted(fr.f_locals), fr.f_lasti, fr.f_code.co_name, fr.f_back.f_lineno
    print(f(1)); print(sorted(k for k in locals() if k[0] != '_'))
    def g():
        x = 1; l = locals(); x = 2; m = locals(); return l['x'], m['x']
    print(g())
    """,
)
probe(
    "tracebacks",
    """
    import traceback, sys
    def f(n):
        if n: return f(n - 1)
        raise ValueError(n)
    try: f(3)
    except ValueError as e:
        traceback.print_exc(); t = e.__traceback__; d = 0
        while t: d += 1; print(t.tb_lineno, t.tb_lasti); t = t.tb_next
        print(d, sys.exc_info()[0])
    print(sys.exc_info())
    """,
)
probe(
    "code objects",
    """
    import dis
    def f(x):
        for i in range(x): x += i
        return x
    print(f(50)); dis.dis(f); print(f.__code__.co_code.hex(), hash(f.__code__) == hash(f.__code__))
    """,
)
probe(
    "closures and cells",
    """
    def f():
        x = 0
        def g():
            nonlocal x; x += 1; return x
        return g
    g = f(); print(g(), g(), g.__closure__[0].cell_contents)
    def h():
        print(y)
        y = 1
    try: h()
    except UnboundLocalError as e: print(e)
    def k():
        del z
        return lambda: z
        z = 1
    try: k()
    except NameError as e: print(e)
    """,
)
probe(
    "class bodies",
    """
    class Names:
        def __init__(s): s.d = {}
        def __getitem__(s, k): print('get', k); return s.d[k]
        def __setitem__(s, k, v): print('set', k); s.d[k] = v
    class Meta(type):
        def __prepare__(*a): return Names()
        def __new__(m, n, b, ns): return type.__new__(m, n, b, ns.d)
    class C(metaclass=Meta):
        x = 1
        y = x + 1
        def f(s): return s.x
    print(C().f(), C.y)
    """,
)
probe(
    "exec and eval",
    r"""
    d = {'x': 1}
    exec('y = x + 1\ndef f(): return y', d); print(d['y'], d['f'](), eval('x + y', d))
    exec(compile('1 / 1\nprint(__name__)', '<made up>', 'exec'))
    class M(dict):
        def __missing__(s, k): print('missing', k); return 0
    print(eval('a + b', {}, M()))
    """,
)
probe(
    "hostile objects",
    """
    class H:
        def __getattribute__(s, n): print('getattr', n); return object.__getattribute__(s, n)
        def bad(*a): print('called'); raise KeyboardInterrupt
        __repr__ = __str__ = __eq__ = __hash__ = __len__ = __bool__ = __iter__ = bad
        __index__ = __int__ = __float__ = __getitem__ = __contains__ = __format__ = bad
        __dir__ = __sizeof__ = __reduce__ = __copy__ = __lt__ = bad
    class S(str):
        __hash__ = __eq__ = __len__ = __repr__ = H.bad
    class I(int):
        __index__ = __int__ = __eq__ = __hash__ = __repr__ = H.bad
    class L(list):
        __iter__ = __len__ = __getitem__ = __eq__ = __repr__ = H.bad
    class D(dict):
        __iter__ = __len__ = __getitem__ = keys = items = values = H.bad
    class M(type):
        __repr__ = __eq__ = __getattribute__ = H.bad
        __hash__ = type.__hash__
    class K(metaclass=M): pass
    def f(a, *args, **kw):
        b = [a, args]; c = a
        return None
    h = H(); f(h, S('x'), I(3), L([1]), D(a=1), K, [h, {1: h}], x=h)
    l = []; l.append(l); d = {}; d[1] = d; f(l, d)
    print('end')
    """,
)
probe(
    "properties are not read",
    """
    class P:
        @property
        def x(s): print('property'); return 1
        def __getattr__(s, n): print('getattr', n); raise AttributeError(n)
        __slots__ = ('a',)
    class Descriptor:
        def __get__(s, *a): print('descriptor'); return 1
    class Q:
        d = Descriptor()
    def f(p, q): r = p; return q
    p = P(); q = Q(); f(p, q); p.a = 1; f(p, q); print('end')
    """,
)

# --------------------------------------------------------------------- generators, tasks, threads

probe(
    "generators",
    """
    def g(n):
        try:
            for i in range(n):
                x = yield i; print('sent', x)
        except ValueError as e: print('thrown', e); yield 'v'
        finally: print('closed')
    a = g(3); print(next(a), a.send('s'), a.throw(ValueError('t'))); a.close()
    b = g(2); next(b); print(b.gi_frame.f_lineno, b.gi_running, b.gi_suspended)
    del b
    print(list(g(2)))
    def d(): r = yield from g(1); return 'r'
    try:
        e = d(); next(e); next(e)
    except StopIteration as s: print(s.value)
    c = g(5); next(c); print('end')
    """,
)
probe(
    "asyncio",
    """
    import asyncio
    async def f(n):
        await asyncio.sleep(0); return n * 2
    async def agen():
        try:
            for i in range(3): yield i; await asyncio.sleep(0)
        finally: print('agen closed')
    async def forever():
        try: await asyncio.sleep(100)
        except asyncio.CancelledError: print('cancelled'); raise
    async def main():
        print(await asyncio.gather(*map(f, range(5)))); t = asyncio.create_task(forever())
        await asyncio.sleep(0); t.cancel()
        try: await t
        except asyncio.CancelledError: print('seen', t.cancelled(), t.get_name())
        async for x in agen(): print(x); break
        async with asyncio.timeout(5): print([x async for x in agen()])
        asyncio.create_task(f('lost'))
    asyncio.run(main())
    """,
)
probe(
    "asyncio debug",
    """
    import asyncio
    async def f(): pass
    f()
    asyncio.run(asyncio.sleep(0), debug=True)
    """,
)
probe(
    "threads",
    """
    import threading, sys
    def f(n):
        for i in range(100): n += i
        out.append((n, threading.current_thread().name))
    out = []; ts = [threading.Thread(target=f, args=(i,)) for i in range(4)]
    [t.start() for t in ts]; [t.join() for t in ts]; print(sorted(out), threading.enumerate()[1:])
    """,
)
probe(
    "an exception in a thread",
    """
    import threading
    t = threading.Thread(target=lambda: 1 / 0, name='t'); t.start(); t.join()
    """,
)
probe(
    "sys.exit in a thread",
    """
    import threading, sys
    t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join(); print('on')
    """,
)
probe(
    "daemon threads at the end",
    """
    import threading, time
    def f():
        while True: time.sleep(0.001)
    for _ in range(3): threading.Thread(target=f, daemon=True).start()
    print('end')
    """,
)
probe(
    "thread that outlives main",
    """
    import threading, time
    threading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()
    print('main ends')
    """,
)
probe(
    "executors",
    """
    from concurrent.futures import ThreadPoolExecutor as T
    def f(x): return x * x
    with T(3) as e: print(list(e.map(f, range(10)))); print(e.submit(divmod, 1, 0).exception())
    """,
)
probe(
    "context variables",
    """
    import contextvars as c
    v = c.ContextVar('v', default=0)
    def f(): v.set(1); return v.get()
    print(c.copy_context().run(f), v.get())
    """,
)

# -------------------------------------------------------------------------------- other processes

probe(
    "fork",
    """
    import os
    print('before', flush=True)
    pid = os.fork()
    def f(n): return n + 1
    if not pid:
        print('child', f(1), flush=True); os._exit(f(3))
    print('parent', os.waitpid(pid, 0)[1], f(2))
    """,
)
probe(
    "fork and exit by the end",
    """
    import os, sys
    pid = os.fork()
    if not pid: sys.exit(5)
    print(os.wait()[1])
    """,
)
probe(
    "at fork",
    """
    import os
    def say(text): return lambda: print(text, flush=True)
    os.register_at_fork(before=say('b'), after_in_child=say('c'))
    if not os.fork(): os._exit(0)
    os.wait(); print('p')
    """,
)
probe(
    "exec",
    """
    import os, sys; print('x', flush=True)
    code = 'import sys; print([m for m in sys.modules if "recorder" in m])'
    os.execv(sys.executable, [sys.executable, '-c', code])
    """,
    verdict=PARTIAL,
)
probe(
    "subprocess",
    """
    import subprocess, sys
    code = 'import sys; print(sys.argv, sys.path, len(sys.modules)); sys.exit(3)'
    print(subprocess.run([sys.executable, '-c', code], capture_output=True))
    """,
)
for method in ("fork", "spawn", "forkserver"):
    probe(
        f"multiprocessing {method}",
        "import multiprocessing as m\ndef f(x): return x * x\n"
        "if __name__ == '__main__':\n"
        f"    with m.get_context({method!r}).Pool(2) as p: print(p.map(f, range(5)))",
    )
probe(
    "pickles of main",
    """
    import pickle
    class A:
        def __init__(s): s.x = 1
    b = pickle.dumps(A()); print(pickle.loads(b).x, b)
    """,
)

# ------------------------------------------------------------------------------ ways to be started

probe("module", "", "-m", "package", "a", "-b")
probe("module in a package", "", "-m", "package.inner", "x")
probe("module of the standard library", "", "-m", "json.tool", "data.json")
probe("package that fails", "", "-m", "package.fails")
probe("command", "", "-c", "import sys; print(sys.argv, sys.path[0] == '', __name__); 1 / 0", "a")
probe("folder", "", "package", "a")
probe("archive", "", "archive.pyz", "a")
probe(
    "script from stdin",
    "",
    "-",
    "a",
    stdin="import sys; print(sys.argv, sys.path[0]); print(__name__)\n1 / 0\n",
)
probe("script by a pipe", "", "/dev/stdin", stdin="import sys\nprint(sys.argv)\n")
probe(
    "script with an absolute path", "import sys; print(__file__, sys.path[0])", "{folder}/probe.py"
)
probe("script in another folder", "", "package/inner.py", "a")
probe("script after two hyphens", "import sys; print(sys.argv)", "--", "probe.py", "-x")
probe("sibling", "import sibling_that_works as s; print(s.f(2), s.__file__)")
probe(
    "runpy",
    """
    import runpy; print(sorted(runpy.run_path('package/inner.py'))); runpy.run_module('package')
    """,
)
probe(
    "sibling called like the standard library",
    "import json; print(json.shadow)",
    env=(("SHADOW", "json"),),
)

# --------------------------------------------------------------------------- tools for developers

probe(
    "unittest",
    """
    import unittest
    class T(unittest.TestCase):
        def test(s): s.assertEqual(1, 1)
        @unittest.skip('s')
        def test_s(s): pass
    unittest.main(verbosity=0, exit=False)
    print('end')
    """,
    env=(("QUIET", "time"),),
)
probe(
    "doctest",
    """
    import doctest
    def f(x):
        '''
        >>> f(1)
        2
        >>> f('a')
        Traceback (most recent call last):
        TypeError: x
        '''
        if isinstance(x, str): raise TypeError('x')
        return x + 2
    print(doctest.testmod())
    """,
)
probe(
    "pdb",
    """
    def f(x):
        y = x + 1
        return y
    # Not breakpoint(): on 3.13.0 any LINE hook, an empty one too, lets it stop a line later.
    import pdb
    print(pdb.Pdb(nosigint=True).runcall(f, 1))
    """,
    stdin="n\nn\np y\nw\nc\n",
)
probe(
    "a trace function of its own",
    """
    import sys
    def t(f, e, a):
        if f.f_code.co_filename.endswith('probe.py'): print(e, f.f_lineno, f.f_code.co_name)
        return t
    def f():
        x = 1
        return x
    sys.settrace(t); f(); sys.settrace(None); f()
    """,
)
probe(
    "a profile function of its own",
    """
    import sys
    def t(f, e, a): print(e, f.f_code.co_name)
    def f(): return len('x')
    sys.setprofile(t); f(); sys.setprofile(None)
    """,
)
probe(
    "faulthandler",
    """
    import faulthandler
    def f(): faulthandler.dump_traceback()
    f()
    """,
)
probe(
    "timeit, cProfile",
    """
    import cProfile, timeit
    print(timeit.timeit('1', number=3) >= 0)
    p = cProfile.Profile(); p.runcall(lambda: sorted([2, 1])); print(len(p.getstats()))
    """,
)
probe(
    "reload",
    """
    import importlib, sibling_that_works as s
    x = s.f; importlib.reload(s); print(s.f is x, s.f(1))
    """,
)
probe(
    "typing and dataclasses",
    """
    import dataclasses, enum, typing
    @dataclasses.dataclass
    class P:
        x: int = 1
        y: list = dataclasses.field(default_factory=list)
    class E(enum.Flag):
        A = 1; B = 2
    class N(typing.NamedTuple):
        a: int
    print(P(), P() == P(), E.A | E.B, N(1), typing.get_type_hints(P))
    """,
)

probe(
    "pytest",
    "",
    *("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_things.py"),
    env=(("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),),
    shell="| sed 's/ in [0-9.]*s//'",
)
probe(
    "breakpoint",
    """
    import sys
    def f(x):
        sys.breakpointhook = lambda *a, **k: print('hook', a, k, sys._getframe(1).f_lineno)
        breakpoint(1, a=2)
        return x
    print(f(3))
    """,
)
probe(
    "breakpoint that is switched off",
    "print('a'); breakpoint(); print('b')",
    env=(("PYTHONBREAKPOINT", "0"),),
)
probe(
    "audit hooks",
    """
    import sys
    seen = []
    sys.addaudithook(lambda event, args: seen.append(event))
    import sibling_that_works
    open('made', 'w').close()
    exec(compile('1', 'x', 'eval'))
    print(seen)
    """,
)
probe(
    "memory",
    """
    import gc, sys, tracemalloc
    tracemalloc.start()
    def f(n): return [object() for _ in range(n)]
    x = f(1000)
    print(len(x), sys.getallocatedblocks() > 0, tracemalloc.get_traced_memory()[0] > 16000)
    """,
)

# ------------------------------------------------------------------- flags and surroundings

SURROUNDINGS = """
    import os, sys, subprocess
    print(sys.argv, sys.path, sys.flags, sys.orig_argv[1:], sys.warnoptions, sys._xoptions)
    print(sorted(n for n in sys.modules if n.partition('.')[0] != 'recorder'))
    print(sorted(globals()), __name__, __spec__, sys.stdin, sys.stdout.encoding)
    print(dict(os.environ), os.path.expanduser('~'), sys.getfilesystemencoding())
    print(subprocess.run(['/usr/bin/env'], capture_output=True).stdout)
    def f(n): return n and f(n - 1)
    f(5)
"""
for flags in (
    "-I", "-E", "-S", "-ISB", "-I -X dev", "-S -W error", "-X dev -W error", "-O", "-OO -s", "-B -u",
    "-I -u", "-P -E", "-X utf8=0", "-X importtime=0 -I", "-X frozen_modules=off", "-b -d",
):  # fmt: skip
    env = (("PYTHONPATH", "/nowhere"), ("LD_PRELOAD", ""), ("PYTHONWARNINGS", "default"))
    if "importtime" in flags:  # which numbers differ each time
        flags = flags.replace("-X importtime=0 ", "")
        env = (("PYTHONNODEBUGRANGES", "1"), ("PYTHONVERBOSE", "1"))
    probe(
        f"flags {flags}, {len(env)} variables",
        SURROUNDINGS,
        *flags.split(),
        "probe.py",
        "a",
        env=env,
    )
for start in ("-m package.inner x", "-c 1/0 x", "package a", "archive.pyz a"):
    probe(f"isolated: {start}", "", "-E", *start.split())
probe("isolated, from stdin", "", "-I", "-", "a", stdin="import sys; print(sys.argv); 1 / 0\n")
probe("isolated: uncaught", "def f(): 1 / 0\nf()", "-I", "probe.py")
probe(
    "isolated: killed", "import os; os.kill(os.getpid(), 9)", "-IS", "probe.py", verdict=TRUNCATED
)
probe("isolated: a module that is not there", "import nothing_like_it", "-S", "probe.py")
probe("isolated, interactive afterwards", "x = 5", "-I", "-i", "-q", "probe.py", stdin="print(x)\n")
for name, env in {
    "no home": (("HOME", ""),),
    "a home that is not there": (("HOME", "/nowhere"),),
    "C": (("LANG", "C"), ("LC_ALL", "C")),
    "POSIX without coercion": (
        ("LC_ALL", "POSIX"),
        ("PYTHONCOERCECLOCALE", "0"),
        ("PYTHONUTF8", "0"),
    ),
    "UTF-8": (("LANG", "C.UTF-8"),),
    "a path that is not UTF-8": (("PYTHONPATH", "/nowhere/\udcff"),),
    "hash seed": (("PYTHONHASHSEED", "random"), ("PYTHONDEVMODE", "1")),
    "allocator": (("PYTHONMALLOC", "debug"),),
    "no bytecode": (("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONPYCACHEPREFIX", "/nowhere")),
}.items():
    probe(f"surroundings: {name}", SURROUNDINGS, env=env)
probe("empty environment", SURROUNDINGS, shell="", bare=True)
probe("a read-only home", SURROUNDINGS, env=(("HOME", "/proc"),))
probe(
    "closed stdin, and a child", "import subprocess; print(subprocess.call(['true']))", shell="<&-"
)
probe("stdin from nowhere", "import sys; print(sys.stdin.read())", shell="</dev/null")
probe("a pipe as script", "", "/dev/fd/9", "a", shell="9<<X\nimport sys; print(sys.argv)\nX")
probe("stderr into stdout", "import sys; print(1); print(2, file=sys.stderr); 1 / 0", shell="2>&1")
probe(
    "a virtual environment's Python",
    """
    import sys, site
    print(sys.prefix != sys.base_prefix, sys.executable, site.ENABLE_USER_SITE, sys.exec_prefix)
    """,
)

# ---------------------------------------------------------------------- more of processes

probe(
    "raw fork",
    """
    import ctypes, os
    def f(): return 1
    pid = ctypes.CDLL(None).fork()
    if not pid: f(); os._exit(4)
    print(os.waitpid(pid, 0)[1] >> 8, f())
    """,
)
probe(
    "fork bomb of two",
    """
    import os
    for _ in range(2): os.fork()
    try:
        while True: os.wait()
    except ChildProcessError: pass
    os._exit(0)
    """,
)
probe(
    "fork in a thread",
    """
    import os, threading, warnings; warnings.simplefilter('ignore')
    def f():
        pid = os.fork()
        if not pid: os._exit(6)
        print(os.waitpid(pid, 0)[1])
    t = threading.Thread(target=f); t.start(); t.join()
    """,
)
probe(
    "os._exit with everything running",
    """
    import atexit, os, threading, time
    atexit.register(print, 'never')
    threading.Thread(target=time.sleep, args=(100,)).start()
    class D:
        def __del__(s): print('never')
    d = D(); print('x', flush=True); print('lost', end='')
    os._exit(9)
    """,
)
probe(
    "subinterpreters",
    f"""
    import {"_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"} as i
    def f(): return 1
    n = i.create()
    i.run_string(n, 'import sys, os; print(len(sys.path)); f = lambda: 1; f(); os.getpid()')
    i.destroy(n); print(f())
    """,
)
probe(
    "a daemon",
    """
    import os, sys
    if os.fork(): os.wait(); sys.exit(0)
    os.setsid()
    if os.fork(): os._exit(0)
    open('made', 'w').write('daemon')
    """,
    shell="; sleep 0.3",
)
probe(
    "signals of children",
    """
    import os, signal, time
    signal.signal(signal.SIGCHLD, lambda *a: print('child', flush=True))
    if not os.fork(): os._exit(0)
    time.sleep(0.1)
    print(os.wait()[1])
    """,
)
FILES = {
    "sibling.py": "def f():\n    raise ImportError('from the sibling')\nf()\n",
    "sibling_that_works.py": "def f(x):\n    return x + 1\n",
    "package/__init__.py": "print('package', __name__)\n",
    "package/__main__.py": "import sys; print(sys.argv, sys.path[0], __name__, __spec__)\n",
    "package/inner.py": "import sys; print(sys.argv, __spec__)\ndef f(): return 1\nf()\n",
    "package/fails.py": "from package import inner\n1 / 0\n",
    "test_things.py": "def test_a(): assert 1\n\ndef test_b(): assert [1, 2] == [1, 3]\n",
    "data.json": '{"b": [1, 2], "a": null}',
}


class Seen(NamedTuple):
    status: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]


def environment() -> dict[str, str]:
    """Of most probes."""
    return {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}


def run(folder: Path, start: list[str], case: Probe, warm: Warm | None = None) -> Seen:
    """Runs a probe in a fresh copy of its folder, always at the same place. With `warm`, the command RECORDER is had
    from there, where it does not matter."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    env = {**environment(), **dict(case.env)}
    if case.bare:
        env = {}
    if "SHADOW" in env:
        (folder / f"{env['SHADOW']}.py").write_text("shadow = 'a shadow'\n")
    (folder / "probe.py").write_text(case.code)
    with zipfile.ZipFile(folder / "archive.pyz", "w") as archive:
        main = FILES["package/__main__.py"] + "import other; other.f()"
        for name, text in (("__main__.py", main), ("other.py", "def f(): 1 / 0\n")):
            archive.writestr(zipfile.ZipInfo(name), text)
    command = [*start, *(word.replace("{folder}", str(folder)) for word in case.command)]
    if case.shell:
        command = ["sh", "-c", f'"$@" {case.shell}', "sh", *command]
    options: dict[str, Any] = {
        "cwd": folder,
        "env": env,
        "input": case.stdin.encode(),
        "timeout": 300,
    }
    if warm and command[: len(RECORDER)] == RECORDER and warm.can_run(env):
        done = warm.run(["run", *command[len(RECORDER) :]], **options)
    else:
        done = subprocess.run(command, capture_output=True, **options)
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return Seen(done.returncode, done.stdout, done.stderr, files)


# What differs between any two runs of a program; and the one thing that Python itself says of us.
ACCIDENTS = (
    (rb"0x[0-9a-f]+", b"0x..."),  # addresses
    (rb"(Ran \d+ tests?) in .*", rb"\1"),  # unittest
    (rb"\nExtension modules: recorder\.[^\n]*\n", b""),  # a fatal error lists what is loaded
)


def normal(seen: Seen) -> Seen:
    texts = [seen.stdout, seen.stderr]
    for pattern, replacement in ACCIDENTS:
        texts = [re.sub(pattern, replacement, text) for text in texts]
    return seen._replace(stdout=texts[0], stderr=texts[1])
