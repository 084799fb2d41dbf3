"""Every way in which a program writes, into every kind of thing that it may write to: the recorded run and the plain
one give the same bytes on each stream, in the same writes, in the same order between the streams, and end alike. And
`recorder output` is what arrived, but for what a rule of docs/output.md leaves out.

A cell is a small program and where its streams lead. What it writes between << and >> is of those that a rule leaves
out: another process, C, or another descriptor.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

import recorder
from recorder.cli import main
from tests.tools.tape_tools import in_turn

OUT, ERR, BOTH = 1, 2, 3  # BOTH: they are one
Writes = list[tuple[int, bytes]]  # by whom, and what: each write, where that can be seen


class Ran(NamedTuple):
    status: int
    writes: Writes

    def of(self, stream: int) -> bytes:
        return b"".join(data for one, data in self.writes if one == stream)


PATIENCE: Final = 60.0
CLEARED: Final = (
    "PYTHONUNBUFFERED",
    "PYTHONIOENCODING",
    "PYTHONFAULTHANDLER",
    "FORCE_COLOR",
    "NO_COLOR",
)


def start(command: list[str], cell: Cell, **streams: object) -> subprocess.Popen[bytes]:
    env = {name: value for name, value in os.environ.items() if name not in CLEARED}
    env |= {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "INPUTRC": os.devnull, **cell.env}
    return subprocess.Popen(command, env=env, **streams)  # type: ignore[call-overload,no-any-return]


def said(cell: Cell) -> int:
    """A pipe that has what stdin gives."""
    read, write = os.pipe()
    os.write(write, cell.stdin)
    os.close(write)
    return read


# ---- where the streams lead ------------------------------------------------------------------------------------------


def datagrams(command: list[str], cell: Cell, folder: Path) -> Ran:
    """Each write is a message, of which it is known who sent it: sizes, and the order between the streams."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(f"\0{folder}")
        senders = []
        for name in ("1", "2"):
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sender.bind(f"\0{folder}/{name}")
            sender.connect(f"\0{folder}")
            senders.append(sender)
        stdin = said(cell)
        process = start(command, cell, stdin=stdin, stdout=senders[0], stderr=senders[1])
        for fd in (stdin, *(sender.detach() for sender in senders)):
            os.close(fd)
        writes: Writes = []
        deadline = time.monotonic() + PATIENCE
        while True:
            has_ended = process.poll() is not None
            if select.select([receiver], [], [], 0 if has_ended else 0.02)[0]:
                data, sender_name = receiver.recvfrom(1 << 20)
                writes.append((int(sender_name[-1:]), data))
            elif has_ended or time.monotonic() > deadline:
                break
        return Ran(process.wait(1), writes)


def one_pipe(command: list[str], cell: Cell, folder: Path) -> Ran:
    """Both streams; in packet mode it tells one write from the next, up to 4,096 bytes."""
    read, write = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    stdin = said(cell)
    process = start(command, cell, stdin=stdin, stdout=write, stderr=write)
    os.close(write)
    os.close(stdin)
    with open(read, "rb", buffering=0) as file:
        writes = [(BOTH, data) for data in iter(lambda: file.read(1 << 16), b"")]
    return Ran(process.wait(PATIENCE), writes)


def files(command: list[str], cell: Cell, folder: Path) -> Ran:
    """A file for each."""
    stdin = said(cell)
    with open(folder / "1", "wb") as out, open(folder / "2", "wb") as err:
        process = start(command, cell, stdin=stdin, stdout=out, stderr=err)
        os.close(stdin)
        status = process.wait(PATIENCE)
    return Ran(status, [(OUT, (folder / "1").read_bytes()), (ERR, (folder / "2").read_bytes())])


def one_file(command: list[str], cell: Cell, folder: Path) -> Ran:
    """Both, at its end."""
    with open(folder / "written", "wb") as file:
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
        process = start(command, cell, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        status = process.wait(PATIENCE)
    return Ran(status, [(BOTH, (folder / "written").read_bytes())])


def terminal(command: list[str], cell: Cell, folder: Path) -> Ran:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = start(command, cell, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    got, keys = b"", list(cell.keys)
    try:
        while data := os.read(master, 1 << 16):
            got += data
            while keys and keys[0][0] in got:
                os.write(master, keys.pop(0)[1])
    except OSError:  # nobody has it open any more
        pass
    os.close(master)
    return Ran(process.wait(PATIENCE), [(BOTH, got)])


def nobody(command: list[str], cell: Cell, folder: Path) -> Ran:
    """stdout is a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with open(folder / "2", "wb") as err:
        process = start(command, cell, stdin=subprocess.DEVNULL, stdout=write, stderr=err)
        os.close(write)
        status = process.wait(PATIENCE)
    return Ran(status, [(ERR, (folder / "2").read_bytes())])


def full(command: list[str], cell: Cell, folder: Path) -> Ran:
    """stdout is a disk without room."""
    with open("/dev/full", "wb") as out, open(folder / "2", "wb") as err:
        process = start(command, cell, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        status = process.wait(PATIENCE)
    return Ran(status, [(ERR, (folder / "2").read_bytes())])


def without(*closed: int) -> Callable[[list[str], Cell, Path], Ran]:
    """By the shell's `>&-`."""

    def send(command: list[str], cell: Cell, folder: Path) -> Ran:
        redirections = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
        return files(["sh", "-c", f'"$@" {redirections}', "sh", *command], cell, folder)

    return send


# ---- the cells -------------------------------------------------------------------------------------------------------

# A name, where it writes and what else differs from Cell's defaults; below it the program. Those with `~~` do the same
# on every Python: they share them (tests/tools/turns.py).
TABLE: Final = r"""
# print and its layers
-- print
print('hello', 1, sep=', ')
print(end='')
print()
-- both streams
print('out')
print('err', file=sys.stderr)
print('again')
-- write
sys.stdout.write('a\nb'); sys.stdout.writelines(['c\n', 'd'])
~~ flush
print('now', flush=True)
print('later')
~~ flushed by hand
print('a')
sys.stdout.flush()
sys.stdout.flush()
print('b')
-- many lines
for n in range(3000): print('line', n)
~~ a long line
print('x' * 100_000)
-- 10 MB | to=one_pipe
print('y' * 10_000_000)
~~ 10 MB into a file | to=files
print('y' * 10_000_000)
print('end', file=sys.stderr)
~~ 10 MB of os.write | to=one_pipe
data = b'z' * 10_000_000
while data: data = data[os.write(1, data):]
~~ umlauts
print('\u00fcn\u00ef \u20ac \U0001f600')
-- a surrogate
try: print('\ud800')
except UnicodeEncodeError as e: print(e.reason)
-- a surrogate on stderr
print('\ud800', file=sys.stderr)
~~ undecodable bytes
sys.stdout.reconfigure(errors='surrogateescape')
print(b'\xff'.decode('utf-8', 'surrogateescape'))
~~ ascii | env={"PYTHONIOENCODING": "ascii:backslashreplace"}
print('\u20ac')
~~ another encoding
print('a', flush=True)
sys.stdout.reconfigure(encoding='utf-16-le', newline='\r\n')
print('b')
-- line by line
sys.stdout.reconfigure(line_buffering=True)
print('a')
print('b', end='')
print('c')
-- write through
sys.stdout.reconfigure(write_through=True)
sys.stdout.write('a')
sys.stdout.write('b\n')
-- bytes
sys.stdout.buffer.write(b'\0\xff\n')
sys.stdout.buffer.write(bytearray(b'x'))
sys.stdout.buffer.write(memoryview(b'y'))
-- the raw file
print('waits')
sys.stdout.buffer.raw.write(b'raw\n')
-- bytes overtake text
print('text', end='')
sys.stdout.buffer.write(b'bytes')
print('behind')
-- os.write
print('waits')
os.write(1, b'direct\n')
os.write(2, b'x')
os.write(1, b'')
-- writev
os.writev(1, [b'from ', bytearray(b'several '), memoryview(b'places')])
os.writev(2, (b'a', b'b'))
-- another wrapper
import io
o = io.TextIOWrapper(open(1, 'wb', closefd=False))
o.write('other\n')
print('first?')
o.flush()
~~ opened again
with open(1, 'w', closefd=False) as f: print('opened', file=f)
~~ an unbuffered file of 1
with open(1, 'wb', 0, closefd=False) as f: f.write(b'a'); f.write(b'b')
~~ csv and json
import csv, json
csv.writer(sys.stdout).writerow([1, 'a,b'])
json.dump({'a': [1, 2]}, sys.stdout)
~~ copied into
import io, shutil
shutil.copyfileobj(io.BytesIO(b'c' * 70_000), sys.stdout.buffer)
~~ compressed
import gzip
with gzip.GzipFile(fileobj=sys.stdout.buffer, mode='wb', mtime=0) as f: f.write(b'x' * 999)
-- printed while printing
class Loud:
    def __str__(self): print('inner'); return 'outer'
print('a', Loud(), 'b')
~~ a progress bar
for n in range(5): print(f'\r{n * 25} %', end='', flush=True)
print()
~~ a progress bar on stderr
for n in range(5): print(f'\r{n * 25} %', end='', file=sys.stderr)
# buffering that the program finds
-- -u | flags=["-u"]
print('out')
print('err', file=sys.stderr)
print('again')
sys.stdout.write('a')
sys.stdout.write('b')
~~ PYTHONUNBUFFERED | env={"PYTHONUNBUFFERED": "1"}
print('out')
print('err', file=sys.stderr)
print('again')
~~ -X dev | flags=["-X", "dev"]
print('out')
print('err', file=sys.stderr)
print('again')
~~ a pipe | to=one_pipe
print('out')
print('err', file=sys.stderr)
print('again')
~~ a file | to=one_file
print('out')
print('err', file=sys.stderr)
print('again')
~~ two files | to=files
print('out')
print('err', file=sys.stderr)
print('again')
-- a terminal | to=terminal
print('out')
print('err', file=sys.stderr)
print('again')
print(os.isatty(1), os.get_terminal_size())
~~ a progress bar on a terminal | to=terminal
import time
for n in range(3): print(f'\r{n}', end='')
print()
~~ what it is | to=one_pipe
print(os.isatty(1), sys.stdout.fileno(), sys.stdout.line_buffering, type(sys.stdout.buffer))
print(len(os.listdir('/proc/self/fd')))
# other writers
-- C
import ctypes
libc = ctypes.CDLL(None)
print('a', flush=True)
libc.printf(b'<<printf\n>>')
libc.fflush(None)
libc.write(2, b'<<w>>', 5)
~~ C at the end | to=one_pipe, says=b"python\n"
import ctypes
libc = ctypes.CDLL(None)
libc.puts(b'<<puts>>')
print('python')
~~ sendfile | to=files, says=b"end\n"
with open(__file__, 'rb') as f: os.sendfile(1, f.fileno(), 0, 10)
print('end', file=sys.stderr)
-- faulthandler | says=b"a\n"
import faulthandler
print('a', file=sys.stderr)
faulthandler.dump_traceback(all_threads=False)
~~ a crash | says=b"lost\nb\n", status=-11
import faulthandler
faulthandler.enable()
print('lost')
print('b', flush=True)
faulthandler._sigsegv()
~~ a started program
import subprocess
print('a', flush=True)
subprocess.run([sys.executable, '-c', "print('<<child>>')"])
print('b')
~~ a program that is read
import subprocess
print(subprocess.check_output(['echo', 'heard']))
~~ os.system
print('a', flush=True)
os.system('echo "<<b>>"')
os.system('echo "<<c>>" >&2')
~~ asyncio's child
import asyncio
async def main():
    p = await asyncio.create_subprocess_exec(sys.executable, '-c', "print('<<child>>')"); await p.wait(); print('done')
asyncio.run(main())
-- fork
pid = os.fork()
if pid == 0: os.write(1, b'<<child>>'); os._exit(3)
print(os.waitpid(pid, 0)[1])
~~ fork with a full buffer | says=b"twice\n"
print('twice')
pid = os.fork()
if pid == 0: sys.stdout.flush(); os._exit(0)
os.waitpid(pid, 0)
-- multiprocessing
import multiprocessing as m
def f(n): os.write(1, b'<<child>>')
if __name__ == '__main__':
    p = m.get_context('fork').Process(target=f, args=(1,)); p.start(); p.join(); print(p.exitcode)
~~ spawned
import multiprocessing as m
def f(n): os.write(1, b'<<child>>')
if __name__ == '__main__':
    p = m.get_context('spawn').Process(target=f, args=(1,)); p.start(); p.join(); print(p.exitcode)
-- exec | says=b"before\n"
print('before', flush=True)
print('lost')
os.execv(sys.executable, [sys.executable, '-c', 'print("<<after>>")'])
# threads and tasks
-- threads
import threading
for n in range(3):
    t = threading.Thread(target=print, args=('thread', n)); t.start(); t.join()
~~ a pool
from concurrent.futures import ThreadPoolExecutor as P
with P(1) as p: list(p.map(print, range(5)))
-- tasks
import asyncio
async def work(n): print('begin', n); await asyncio.sleep(0); print('end', n, file=sys.stderr)
async def main(): await asyncio.gather(*map(work, range(3)))
asyncio.run(main())
-- generators
def g():
    for n in range(3): print('in', n); yield n
for n in g(): print('out', n)
[print(n, end=' ') for n in range(9)]
# another stdout
-- dup2 | to=one_pipe
print('a', flush=True)
os.dup2(2, 1)
print('b', flush=True)
print('c', file=sys.stderr)
~~ dup2 and back | says=b"unheard\nheard\n"
s = os.dup(1)
n = os.open(os.devnull, os.O_WRONLY)
os.dup2(n, 1)
print('unheard', flush=True)
os.dup2(s, 1)
print('heard')
~~ a copy
with os.fdopen(os.dup(1), 'w') as f: print('<<copy>>', file=f)
print('own')
~~ /dev/stdout | to=one_file
with open('/dev/stdout', 'w') as f: print('<<by its name>>', file=f)
print('own')
-- redirect_stdout
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as s: print('kept')
with contextlib.redirect_stdout(sys.stderr): print('moved')
print(s.getvalue())
~~ a tee
class Tee:
    def __init__(self, *all): self.all = all
    def write(self, text): [one.write(text) for one in self.all]
    def flush(self): pass
out = sys.stdout; sys.stdout = Tee(out, sys.stderr); print('tee'); sys.stdout = out
~~ no stdout
sys.stdout = None
print('nothing')
print('err', file=sys.stderr)
-- detached
b = sys.stdout.detach()
b.write(b'x\n')
b.flush()
sys.stdout = open(1, 'w', closefd=False)
print('y')
-- a class of its own
import io
class Mine(io.TextIOWrapper):
    def write(self, text): return super().write(text.upper())
sys.stdout = Mine(sys.stdout.detach())
print('loud')
# what is closed, full or gone
-- sys.stdout is closed
print('a')
sys.stdout.close()
try: print('b')
except ValueError as e: print(e, file=sys.stderr)
-- descriptor 1 is closed | status=120
print('a', flush=True)
os.close(1)
print('lost')
-- without 1 | to=without(1)
print('out')
print('err', file=sys.stderr)
print('again')
~~ without 2 | to=without(2)
print('out')
print('err', file=sys.stderr)
print('again')
~~ without 0 | to=without(0)
print('out')
print('err', file=sys.stderr)
print('again')
print(sys.stdin)
~~ without any | to=without(0, 1, 2), status=7
print(1)
print(2, file=sys.stderr)
raise SystemExit(7)
-- /dev/full | to=full, status=120
print('out')
print('err', file=sys.stderr)
print('again')
~~ /dev/full, flushed | to=full
try: print('a', flush=True)
except OSError as e: print(e, file=sys.stderr); sys.stdout = None
-- nobody reads | to=nobody, status=120 if sys.version_info >= (3, 14) else 1
for n in range(9999): print('line', n)
~~ SIGPIPE kills | to=nobody, says=b"a\n", status=-13
import signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
print('a', flush=True)
-- a part of a write | to=files, says=b"z" * 65536 + b"65536\nfull\n"
r, w = os.pipe()
os.set_blocking(w, False)
os.dup2(w, 1)
print(os.write(1, b'z' * 100_000), file=sys.stderr)
try: os.write(1, b'none')
except BlockingIOError: print('full', file=sys.stderr)
os.read(r, 1 << 17)
-- a full buffer | to=files, says=b"z" * 65536 + b"65536\n"
r, w = os.pipe()
os.set_blocking(w, False)
os.dup2(w, 1)
try: sys.stdout.write('z' * 100_000); sys.stdout.flush()
except BlockingIOError: print(len(os.read(r, 1 << 17)), file=sys.stderr)
os._exit(0)
# telling and ending
~~ logging
import logging
logging.warning('low on %s', 'milk')
print('a')
~~ warnings
import warnings
warnings.warn('old')
~~ a traceback
import traceback
try: 1 / 0
except ZeroDivisionError: traceback.print_exc()
-- unraisable
class Bad:
    def __del__(self): raise ValueError('in __del__')
Bad()
print('on')
-- an exception | status=1
print('a'); 1 / 0
~~ ends by words | status=1
print('a')
sys.exit('words')
-- at exit
import atexit
atexit.register(print, 'at exit')
class Last:
    def __del__(self): print('finalized')
last = Last()
print('a')
-- os._exit | status=5
print('lost')
os.write(2, b'kept')
os._exit(5)
~~ os.abort | status=-6
print('lost')
print('b', file=sys.stderr)
os.abort()
-- SIGKILL | status=-9
print('a', flush=True)
print('lost')
sys.stderr.write('last')
os.kill(os.getpid(), 9)
~~ SIGTERM | status=-15
print('lost')
print('b', file=sys.stderr)
os.kill(os.getpid(), 15)
-- a signal's handler
import signal
signal.signal(signal.SIGUSR1, lambda *_: print('in it', file=sys.stderr))
os.kill(os.getpid(), 10)
print('after')
# what is asked
-- input | stdin=b"bob\n"
print(repr(input('name? ')))
~~ input at its end
try: input('more? ')
except EOFError: print('none')
-- lines of stdin | stdin=b"a\nb\n" * 2000
for line in sys.stdin: print(line, end='')
-- input on a terminal | to=terminal, keys=[(b"name? ", b"bob\r")], says=b"'bob'\n"
import readline
print(repr(input('name? ')))
~~ input without readline | to=terminal, keys=[(b"name? ", b"bob\n")], says=b"'bob'\n"
sys.modules['readline'] = None
print(repr(input('name? ')))
~~ getpass | to=terminal, keys=[(b"word? ", b"hunter2\n")]
import getpass
print(len(getpass.getpass('word? ')))
-- curses | to=terminal, keys=[(b"hello", b"k")], says=b"a\nb\n"
import curses
print('a')
def draw(s): s.addstr(1, 1, 'hello'); s.refresh(); s.getkey()
curses.wrapper(draw)
print('b')
# what the policy says
~~ --capture-output=off | policy=["--capture-output=off"], says=b""
print('out')
print('err', file=sys.stderr)
print('again')
~~ --capture-output=5 | policy=["--capture-output=5"], says=b"err\no"
print('out')
print('err', file=sys.stderr)
print('again')
"""


class Cell(NamedTuple):
    program: str
    to: Callable[[list[str], Cell, Path], Ran]
    flags: Sequence[str] = ()
    env: Mapping[str, str] = MappingProxyType({})
    stdin: bytes = b""
    keys: Sequence[tuple[bytes, bytes]] = ()  # on a terminal: after what is shown what is typed
    policy: Sequence[str] = ()
    says: bytes | None = None  # what the trace has, where that is not what arrived
    status: int = 0


def read_table(mark: str) -> dict[str, Cell]:
    cells = {}
    for block in re.split(r"^(?=--|~~|# )", TABLE, flags=re.MULTILINE):
        if block.startswith(mark):
            head, _, program = block.partition("\n")
            name, _, more = head.removeprefix(mark).partition("|")
            given: dict[str, Any] = eval(f"dict({more})", globals())
            cells[name.strip()] = Cell(program, **{"to": datagrams, **given})
    return cells


EVERYWHERE: Final = read_table("--")
IN_TURN: Final = read_table("~~")


def run_both(cell: Cell, folder: Path) -> tuple[Ran, Ran]:
    path = folder / "program.py"
    path.write_text(f"import os, sys\n{cell.program}")
    words = ["--min-free-space=0", "--no-summary", "-o", str(folder / "t.rtrace"), *cell.policy]
    recorded = [sys.executable, "-m", "recorder", "run", *words]
    runs = []
    for way, command in (("plain", [sys.executable]), ("recorded", recorded)):
        (folder / way).mkdir()
        runs.append(cell.to([*command, *cell.flags, str(path)], cell, folder / way))
    return runs[0], runs[1]


def told_in(path: Path) -> Writes:
    """What the trace has, as soon as the sealer of a program that was killed has closed it."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with recorder.open_trace(path) as trace:
        return [(1 + (one.stream == "stderr"), one.data) for one in trace.output()]


def joined(writes: Writes) -> Writes:
    """One piece for what went to one stream without anything of another between, without << … >>."""
    whole: Writes = []
    for stream, data in writes:
        if whole and whole[-1][0] == stream:
            whole[-1] = (stream, whole[-1][1] + data)
        else:
            whole.append((stream, data))
    bare = [(stream, re.sub(rb"<<.*?>>\n?", b"", data, flags=re.DOTALL)) for stream, data in whole]
    bare = [one for one in bare if one[1]]
    return bare if bare == writes else joined(bare)


def without_addresses(writes: Writes) -> Writes:
    """Nor what else differs from run to run."""
    return [(stream, re.sub(rb"\b(0x)?[0-9a-f]{8,}\b", b"0x", data)) for stream, data in writes]


def check(cell: Cell, folder: Path) -> None:
    plain, ours = run_both(cell, folder)
    assert (ours.status, plain.status) == (cell.status, cell.status)
    assert without_addresses(ours.writes) == without_addresses(plain.writes)
    told = told_in(folder / "t.rtrace")
    if cell.says is not None:
        assert b"".join(data for _, data in told) == cell.says
    elif cell.to is datagrams:
        assert joined(told) == joined(ours.writes)
    elif any(stream == BOTH for stream, _ in ours.writes):
        assert joined([(BOTH, data) for _, data in told]) == joined(ours.writes)
    else:
        for stream in (OUT, ERR):
            assert b"".join(data for one, data in told if one == stream) == ours.of(stream)


@pytest.mark.parametrize("name", EVERYWHERE)
def test_cell(name: str, tmp_path: Path) -> None:
    check(EVERYWHERE[name], tmp_path)


@pytest.mark.parametrize("name", in_turn(IN_TURN, of=3))
def test_in_turn(name: str, tmp_path: Path) -> None:
    check(IN_TURN[name], tmp_path)


# ---- the recorder stops in the middle --------------------------------------------------------------------------------


class Stop(NamedTuple):
    policy: Sequence[str] = ()
    fault: str = ""  # as RECORDER_TEST_FAULTS has it
    status: int = 0
    goes_on: bool = True


ABORT: Final = "--on-recorder-error=abort"
STOPS: Final = {
    "a limit": Stop(["--max-events=3000"]),
    "its tape is cut": Stop(),
    "its tape is cut, abort": Stop([ABORT], status=10, goes_on=False),
    "its sealer is killed": Stop([], "sealer:pwrite:2:KILL"),
    "its sealer is killed, abort": Stop([ABORT], "sealer:pwrite:2:KILL", 10, False),
    "its disk is full": Stop([], "sealer:pwrite:2:ENOSPC:forever"),
    "its disk is full, abort": Stop([ABORT], "sealer:pwrite:2:ENOSPC:forever", 10, False),
}
LONG: Final = """
maps = {line.split()[-1] for line in open("/proc/self/maps") if "/segment-" in line}
for n in range(300):
    print(n, flush=n % 3 == 0)
    print("err", n, file=sys.stderr)
    words = [f"{n} " * 2000 for _ in range(20)]
    if n == 99 and CUT:
        for name in maps: os.truncate(name, 1 << 16)
print("the end")
"""


@pytest.mark.leaves_staging
@pytest.mark.parametrize("name", STOPS)
def test_recorder_stops(name: str, tmp_path: Path) -> None:
    """What it says on stderr comes between the program's own writes, and is all that differs."""
    stop = STOPS[name]
    program = LONG.replace("CUT", str("tape" in name))
    env = {"RECORDER_TEST_FAULTS": stop.fault} if stop.fault else {}
    cell = Cell(program, datagrams, env=env, policy=stop.policy)
    plain, ours = run_both(cell, tmp_path)
    own = ours._replace(writes=[one for one in ours.writes if not one[1].startswith(b"recorder: ")])
    assert len(own.writes) < len(ours.writes) and ours.status == stop.status
    if stop.goes_on:
        assert own.writes == plain.writes
    if not (tmp_path / "t.rtrace").exists():  # a long one that nobody could close
        assert main(["recover", str(tmp_path / "t.rtrace")]) in (0, 3)
    told = told_in(tmp_path / "t.rtrace")
    for stream in (OUT, ERR):
        assert plain.of(stream).startswith(own.of(stream)) and own.of(stream)
        assert own.of(stream).startswith(b"".join(data for one, data in told if one == stream))
    assert told
