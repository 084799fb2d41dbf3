"""What a program writes arrives as it would without us: the same bytes, in the same writes, in the same order. And the
trace has the bytes, and the line of each.

A pipe in packet mode tells one write from the next.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import recorder

# Each probe writes in a way of its own. What comes out of `probes` goes to the descriptors 1 and 2 of this process, by
# Python; what comes out of `others` is written by somebody else, goes elsewhere, or comes from C.
PROGRAM = r"""
import asyncio, atexit, contextlib, io, logging, os, subprocess, sys, threading, traceback, warnings

out, err = sys.stdout, sys.stderr

class Tee:
    def __init__(self, *streams): self.streams = streams
    def write(self, text):
        for stream in self.streams: stream.write(text)
        return len(text)
    def flush(self):
        for stream in self.streams: stream.flush()

class Loud:
    def __del__(self): print("finalized")
    def __str__(self):
        print("nested")
        return "loud"

def plain(): print("hello", 1, sep=", ")
def nothing(): print(end="")
def text(): sys.stdout.write("a\nb")
def lines(): sys.stdout.writelines(["one\n", "two\n"])
def umlauts(): print("\u00fcn\u00ef \u20ac \U0001f600")
def surrogate():
    try: print("\ud800")
    except UnicodeEncodeError: print("refused")
def escaped(): print("\ud800", file=sys.stderr)
def flushed(): print("now", flush=True)
def bar():
    for n in range(5): print(f"\r{n * 25} %", end="", file=sys.stderr)
    for n in range(5): print(f"\r{n * 25} %", end="", flush=True)
def direct(): sys.stdout.flush(); os.write(1, b"direct\n")
def gathered(): sys.stdout.flush(); os.writev(1, [b"from ", bytearray(b"several "), memoryview(b"places\n")])
def binary(): sys.stdout.flush(); sys.stdout.buffer.write(b"\x00\xff\n")
def overtaking():
    print("waits", end="")
    getattr(sys.stdout, "buffer").write(b"overtakes")
    print("behind")
def raw():
    sys.stdout.flush()
    getattr(sys.stdout.buffer, "raw", sys.stdout.buffer).write(b"raw\n")
def both():
    for n in range(3):
        print("out", n); print("err", n, file=sys.stderr)
def nested(): print("with", Loud())
def second_wrapper():
    sys.stdout.flush()
    other = io.TextIOWrapper(open(1, "wb", closefd=False), line_buffering=True)
    other.write("by another\nhalf"); other.flush()
def opened():
    sys.stdout.flush()
    with open(1, "w", closefd=False) as file: print("opened", file=file)
def replaced():
    sys.stdout = Tee(out, io.StringIO())
    print("tee"); sys.stdout = out
def redirected():
    with contextlib.redirect_stdout(sys.stderr): print("to stderr")
    with contextlib.redirect_stdout(io.StringIO()): print("to nobody")
def reconfigured():
    sys.stdout.reconfigure(newline="\r\n"); print("crlf"); sys.stdout.reconfigure(newline="\n")
    sys.stdout.reconfigure(line_buffering=True); print("line"); print("half", end="")
    sys.stdout.reconfigure(line_buffering=False)
    sys.stdout.reconfigure(encoding="utf-16-le"); print("wide"); sys.stdout.reconfigure(encoding="utf-8")
def threads():
    for n in range(3):
        thread = threading.Thread(target=print, args=("thread", n)); thread.start(); thread.join()
def tasks():
    async def work(n):
        print("begin", n); await asyncio.sleep(0); print("end", n, file=sys.stderr)
    async def main(): await asyncio.gather(*(work(n) for n in range(3)))
    asyncio.run(main())
def logged(): logging.getLogger("shop").warning("low on %s", "milk")
def warned(): warnings.warn("old", stacklevel=1)
def raised():
    try: 1 / 0
    except ZeroDivisionError: traceback.print_exc()
def unraisable():
    class Bad:
        def __del__(self): raise ValueError("in __del__")
    Bad()
def comprehension(): [print(n, end=" ") for n in range(50)]
def long_line(): print("x" * 100_000)
def huge(): print("y" * 5_000_000)
def many():
    for n in range(500): print("line", n)
def asked(): print(repr(input("name? ")))

probes = [plain, nothing, text, lines, umlauts, surrogate, escaped, flushed, bar, direct, gathered, binary, overtaking,
          raw, both, nested, second_wrapper, opened, replaced, redirected, reconfigured, threads, tasks, logged, warned,
          raised, unraisable, comprehension, long_line, huge, many]

def forked():
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        print("child"); sys.stdout.flush(); os._exit(0)
    os.waitpid(pid, 0)
def started(): sys.stdout.flush(); subprocess.run([sys.executable, "-c", "print('started')"])
def started_by_asyncio():
    sys.stdout.flush()
    async def main():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('by asyncio')")
        await process.wait()
    asyncio.run(main())
def moved():
    sys.stdout.flush()
    saved, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1); print("unheard", flush=True); os.dup2(saved, 1)
    with os.fdopen(saved, "w") as file: print("by a copy", file=file)
    os.close(null); print("heard again")

def from_c():
    import ctypes
    libc = ctypes.CDLL(None)
    sys.stdout.flush(); libc.printf(b"by printf\n"); libc.fflush(None); libc.write(1, b"by write\n", 9)
def by_faulthandler():
    import faulthandler
    sys.stderr.flush(); faulthandler.dump_traceback(all_threads=False)

others = [forked, started, started_by_asyncio, moved, from_c, by_faulthandler]

for probe in globals()[sys.argv[1]]:
    if probe.__name__ in sys.argv[2:]: continue
    print("--", probe.__name__)
    probe()
if sys.stdin.isatty() is False and sys.argv[1] == "probes":
    asked()
atexit.register(print, "at exit")
last = Loud()
if sys.argv[1] == "probes":
    raise SystemExit("it ends by words")
"""


class Ran(NamedTuple):
    status: int
    writes: list[bytes]

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("output") / "program.py"
    path.write_text(PROGRAM)
    return path


def environment() -> dict[str, str]:
    names = ("PYTHONUNBUFFERED", "PYTHONIOENCODING")
    return {name: value for name, value in os.environ.items() if name not in names}


def run(command: list[str], out: int, read: int | None) -> Ran:
    """Both streams lead to `out`; what comes out of `read` is told write by write."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment()
    )
    os.close(out)
    assert process.stdin is not None
    process.stdin.write(b"a name\n")
    process.stdin.close()
    writes = []
    if read is not None:
        try:
            while data := os.read(read, 1 << 16):
                writes.append(data)
        except OSError:  # a terminal that nobody has open any more
            pass
        os.close(read)
    return Ran(process.wait(60), writes)


def to_pipe(command: list[str], folder: Path) -> Ran:
    read, write = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    return run(command, write, read)


def to_file(command: list[str], folder: Path) -> Ran:
    path = folder / "written"
    fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND)
    ran = run(command, fd, None)
    return ran._replace(writes=[path.read_bytes()])


def to_terminal(command: list[str], folder: Path) -> Ran:
    read, write = pty.openpty()
    attributes = termios.tcgetattr(write)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(write, termios.TCSANOW, attributes)
    ran = run(command, write, read)
    return ran._replace(writes=[ran.data])


Destination = Callable[[list[str], Path], Ran]
SITUATIONS: dict[str, tuple[Destination, list[str]]] = {
    "pipe": (to_pipe, []),
    "file": (to_file, []),
    "terminal": (to_terminal, []),
    "unbuffered": (to_pipe, ["-u"]),
}


def recorded(trace: Path, *flags: str) -> list[str]:
    words = ["--min-free-space=0", "--no-summary", "-o", str(trace)]
    return [sys.executable, "-m", "recorder", "run", *words, *flags]


def without_addresses(writes: list[bytes]) -> list[bytes]:
    return [re.sub(rb"0x[0-9a-f]+", b"0x", data) for data in writes]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_arrives_is_the_same_and_is_in_the_trace(
    situation: str, script: Path, tmp_path: Path
) -> None:
    send, flags = SITUATIONS[situation]
    trace = tmp_path / "t.rtrace"
    words = [str(script), "probes", *(["huge"] if situation != "pipe" else [])]
    plain = send([sys.executable, *flags, *words], tmp_path)
    ours = send([*recorded(trace, *flags), *words], tmp_path)
    assert (ours.status, len(ours.data)) == (plain.status, len(plain.data)) and plain.status == 1
    assert without_addresses(ours.writes) == without_addresses(plain.writes)
    with recorder.open_trace(trace) as opened:
        told = list(opened.output())
        assert opened.verdict == "complete"
    assert b"".join(output.data for output in told) == ours.data
    assert not any(output.missing or output.waiting for output in told)
    lines = PROGRAM.splitlines()
    for data, text in {
        b"hello, 1\n": 'print("hello", 1', b"a\nb": 'write("a', b"one\ntwo\n": "writelines", b"now\n": '"now"',
        b"\x00\xff\n": "binary", b"overtakes": "overtakes", b"waits": '"waits"', b"raw\n": ".write(b",
        b"tee": "stream.write", b"direct\n": '"direct', b"from several places\n": "os.writev",
        b"nested\n": '"nested"', b"opened\n": "with open",
    }.items():  # fmt: skip
        places = [lines[output.line - 1] for output in told if output.data == data and output.line]
        assert places and all(text in place for place in places), (data, places)


def test_what_others_write_arrives_as_well(script: Path, tmp_path: Path) -> None:
    plain = to_pipe([sys.executable, str(script), "others"], tmp_path)
    ours = to_pipe([*recorded(tmp_path / "t.rtrace"), str(script), "others"], tmp_path)
    assert ours == plain and plain.status == 0
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        text = "".join(output.text for output in trace.output())
    # What descriptor 1 was given, wherever that led at the time; nothing of a child's or of another descriptor's.
    for words in ("child", "started\n", "by asyncio", "by a copy", "by printf\n", "by write\n"):
        assert words not in text.replace("-- started\n", "")
    assert "unheard\nheard again\n" in text


FAILING = """
import os, sys
print("first")
try:
    sys.stdout.flush()
except OSError as error:
    print("failed", error.errno, file=sys.stderr)
try:
    os.write(1, b"second")
except OSError as error:
    print("failed", error.errno, file=sys.stderr)
read, write = os.pipe()
os.set_blocking(write, False)
os.dup2(write, 1)
print(os.write(1, b"z" * 100_000), file=sys.stderr)
try:
    os.write(1, b"none of it")
except BlockingIOError:
    print("full", file=sys.stderr)
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
"""


def test_what_the_system_does_not_take_is_not_in_the_trace(tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    told = []
    for command in ([sys.executable], recorded(tmp_path / "t.rtrace")):
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [*command, str(script)], stdout=full, stderr=subprocess.PIPE, env=environment()
            )
        told.append((ran.returncode, ran.stderr))
    assert (
        told[0] == told[1]
        and told[0][0] == 120
        and told[0][1].startswith(b"failed 28\nfailed 28\n65536\nfull\n")
    )
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        assert b"".join(output.data for output in trace.output("stdout")) == b"z" * 65536
        assert b"".join(output.data for output in trace.output("stderr")) == told[1][1]


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_is_closed_is_left_alone(closed: str, script: Path, tmp_path: Path) -> None:
    told = []
    for name, command in (("plain", [sys.executable]), ("ours", recorded(tmp_path / "t.rtrace"))):
        report = tmp_path / name
        code = (
            "import sys; print('out'); print('err', file=sys.stderr); "
            f"open({str(report)!r}, 'w').write(str([s is None for s in (sys.stdout, sys.stderr)]))"
        )
        words = " ".join(f"'{word}'" for word in [*command, "-c"])
        shell = f'{words} "$0" {closed}'
        ran = subprocess.run(["sh", "-c", shell, code], capture_output=True, env=environment())
        told.append((ran.returncode, ran.stdout, ran.stderr, report.read_text()))
    assert told[0] == told[1]


DRAWN = """
import curses, readline, sys
print("before")
def draw(screen):
    screen.addstr(1, 1, "hello"); screen.refresh()
    screen.addstr(2, 1, screen.getkey()); screen.refresh()
curses.wrapper(draw)
print(repr(input("name? ")))
for n in range(3): print(f"\\r{n * 50} %", end="", file=sys.stderr, flush=True)
print("behind")
"""


def test_what_is_drawn_on_a_terminal_is_the_same(tmp_path: Path) -> None:
    """By curses, and by readline for input(): C writes it. The trace has what Python wrote."""
    script = tmp_path / "draws.py"
    script.write_text(DRAWN)
    shown = []
    for command in ([sys.executable], recorded(tmp_path / "t.rtrace")):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [*command, str(script)], stdin=slave, stdout=slave, stderr=slave,
            env={**environment(), "TERM": "xterm", "INPUTRC": os.devnull},
        )  # fmt: skip
        os.close(slave)
        got = b""
        for wait, keys in ((b"hello", b"k"), (b"name? ", b"bob\r")):
            while wait not in got:
                got += os.read(master, 1 << 16)
            os.write(master, keys)
        try:
            while data := os.read(master, 1 << 16):
                got += data
        except OSError:  # nobody has it open any more
            pass
        os.close(master)
        assert process.wait(60) == 0
        shown.append(got)
    assert shown[0] == shown[1] and b"'bob'" in shown[0]
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        assert "".join(one.text for one in trace.output()) == (
            "before\n'bob'\n\r0 %\r50 %\r100 %behind\n"
        )


# In the midst of it the tape is cut off, or the sealer is gone: what is printed next finds that out.
HARM = """
import glob, os, sys
maps = {line.split()[-1] for line in open("/proc/self/maps") if "/segment-" in line}
def harm():
    for name in maps:
        os.truncate(name, 1 << 16)
"""


@pytest.mark.parametrize("way", ["limit", "tape"])
def test_what_arrives_is_the_same_when_the_recording_fails(
    way: str, script: Path, tmp_path: Path
) -> None:
    program = script.read_text().replace("def long_line():", "def long_line():\n    harm()\n   ")
    program = program.replace("\n", "\n" + (HARM if way == "tape" else "def harm(): pass\n"), 1)
    (tmp_path / "failing.py").write_text(program)
    words = [str(tmp_path / "failing.py"), "probes", "huge"]
    limit = ["--max-events=300"] if way == "limit" else []
    plain = to_pipe([sys.executable, *words], tmp_path)
    ours = to_pipe([*recorded(tmp_path / "t.rtrace"), *limit, *words], tmp_path)
    said = re.compile(rb"recorder: .*\n")
    assert without_addresses(
        [said.sub(b"", each) for each in ours.writes if not said.fullmatch(each)]
    ) == (without_addresses(plain.writes))
    assert ours.status == plain.status == 1
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        told = b"".join(one.data for one in trace.output())
        assert trace.verdict != "complete"
    assert plain.data.startswith(told[:500]) and b"hello, 1\n" in told and b"at exit" not in told


KILLED = """
import os, sys
for n in range(999):
    print("line", n, flush=n % 3 == 0)
sys.stderr.write("the last words\\n")
os.write(1, b"and one more")
os.kill(os.getpid(), 9)
"""


def test_a_program_that_is_killed_has_told_all_that_arrived(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    ran = to_pipe([*recorded(tmp_path / "t.rtrace"), str(script)], tmp_path)
    assert ran.status == -9
    for _ in range(200):  # the sealer closes the trace
        if (tmp_path / "t.rtrace").exists():
            break
        subprocess.run(["sleep", "0.05"])
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        assert b"".join(output.data for output in trace.output()) == ran.data
        assert "line 998\n" not in [output.text for output in trace.output()]
        assert any(output.text == "line 996\n" for output in trace.output())


@pytest.mark.parametrize("limit", [1, 1001, 101_003, 101_004, 101_005, "off"])
def test_what_is_too_much_is_counted(limit: int | str, tmp_path: Path) -> None:
    """Behind the limit of the policy only how much there was; nothing, where it is off."""
    data = b"a" * 1000 + b"\n" + b"b" * 100_000 + b"\nc\n"
    kept = 0 if isinstance(limit, str) else limit
    read, write = os.pipe()
    saved = os.dup(2)
    os.dup2(write, 2)
    try:
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 1 << 20)
        with recorder.record(tmp_path / "t.rtrace", capture_output=limit, min_free_space=0):
            for part in (data[:1001], data[1001:101_002], data[101_002:]):
                assert os.write(2, part) == len(part)
    finally:
        os.dup2(saved, 2)
        for fd in (read, write, saved):
            os.close(fd)
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        told = list(trace.output())
    assert b"".join(output.data for output in told) == data[:kept]
    assert sum(output.size for output in told) == (len(data) if kept else 0)
    assert sum(output.missing for output in told) == (max(len(data) - kept, 0) if kept else 0)


def test_what_waits_when_a_part_of_a_program_was_recorded(tmp_path: Path) -> None:
    code = f"""if True:
        import recorder, sys
        print("before")
        with recorder.record({str(tmp_path / "t.rtrace")!r}, min_free_space=0):
            print("within")
            print("and", "more", end="")
        print(" after")
    """
    ran = to_pipe([sys.executable, "-c", code], tmp_path)
    assert ran.data == b"before\nwithin\nand more after\n"
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        told = list(trace.output())
    assert [(output.text, output.waiting, output.line) for output in told] == [
        ("before\n", True, None),
        ("within\n", True, 5),
        ("and more", True, 6),
    ]
