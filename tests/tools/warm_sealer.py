"""Sealers without the time that Python and its imports take, which is half of what a short recording costs: each is
forked from a process that has imported everything.

    with serving(environment) as address:   # an abstract socket
        use(address)                        # what this process records from now on has such a sealer; "": no more

A sealer that was forked finds what a fresh one finds: arguments, environment, descriptors, signals, a session of its
own, and nobody whose child it is. Where it could not, because the kernel gives orphans to this process or because
faults are planted, it is started as ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from recorder.staging.layout import Staging

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LARGEST = 1 << 17  # of a request
ROOM_FOR_ARGUMENTS = 1 << 14
PATIENCE = 10.0

address = ""  # of the server that is used
is_cold = False  # none is, for now


def in_use() -> str:
    return "" if is_cold else address


@contextlib.contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a server. It ends with whoever has started it."""
    from recorder.staging import launch

    name = f"recorder-tests-sealers-{secrets.token_hex(8)}"
    code = f"import sys; sys.path += [{HOME!r}, *{launch._sealer_path()!r}]; "
    code += "from tests.tools import warm_sealer; warm_sealer.serve()"
    env = {key: value for key, value in environment.items() if not key.startswith("PYTHON")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(f"\0{name}")
        listening.listen(64)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                fds = listening.fileno(), theirs.fileno()
                words = [*map(str, fds), "." * ROOM_FOR_ARGUMENTS]
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-X", "utf8", "-c", code, *words],
                    env={**env, **{os.fsdecode(k): os.fsdecode(v) for k, v in launch.SEALER_MEMORY.items()}},
                    pass_fds=fds,
                )  # fmt: skip
            listening.close()
            yield name
    process.wait()


def use(of_server: str) -> None:
    """Has the sealers that this process starts come from there."""
    from recorder.staging import launch

    global address
    address = of_server
    if of_server and launch._spawn_sealer is not _spawn_sealer:
        _cold.append(launch._spawn_sealer)
        launch._spawn_sealer = _spawn_sealer


_cold: list[Callable[..., tuple[int, int]]] = []  # what the product does


def _spawn_sealer(staging: Staging, command: list[str]) -> tuple[int, int]:
    """In place of the product's."""
    from recorder._core import syscalls

    is_usual = command[0] == sys.executable and "RECORDER_TEST_FAULTS" not in os.environ
    if in_use() and is_usual and not syscalls.adopts_orphans():
        pid = _ask([staging.path, staging.file("sealer.log"), command, dict(os.environ)])
        if pid:
            return pid, 0
    return _cold[0](staging, command)


def _ask(request: object) -> int:
    """The pid of a sealer; 0: there is none to be had."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(PATIENCE)
            asking.connect(f"\0{in_use()}")
            asking.sendall(json.dumps(request).encode())
            asking.shutdown(socket.SHUT_WR)
            return int(asking.recv(64) or 0)
    except OSError:
        return 0


# ---- the server's own process --------------------------------------------------------------------


def serve() -> None:
    """Forks for each request until the other end of the second descriptor is closed."""
    import gc
    import select

    import recorder.sealer
    import recorder.trace.container.compression
    import recorder.trace.sealing  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those between
    gc.freeze()
    listening, parent = (int(word) for word in sys.argv[1:3])
    with socket.socket(fileno=listening) as asked:
        while True:
            ready, *_ = select.select([listening, parent], [], [])
            if parent in ready:
                return
            asking, _ = asked.accept()
            if os.fork() == 0:
                break
            asking.close()
    if os.fork():
        os._exit(0)  # the other one is nobody's child
    become_sealer(asking)


def become_sealer(asking: socket.socket) -> NoReturn:
    status = 1
    try:
        text = b"".join(iter(lambda: asking.recv(1 << 16), b""))
        path, log, command, environment = json.loads(text)
        os.setsid()
        clear_signals()
        os.environ.clear()
        os.environ.update({k: v for k, v in environment.items() if not k.startswith("PYTHON")})
        show_in_proc(command)
        sys.argv = ["-c", *command[command.index(path) :]]
        asking.sendall(b"%d" % os.getpid())
        stand_alone(log)
        sys.modules["recorder.sealer"].main(path)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def clear_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):  # of those between, which are libc's own
            signal.signal(number, signal.SIG_DFL)
    blocked = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # Python's own, at its start
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def stand_alone(log: str) -> None:
    """No descriptor but the three that a sealer has."""
    os.closerange(0, 256)
    os.open(os.devnull, os.O_RDONLY)
    os.open(os.devnull, os.O_WRONLY)
    os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for fd in range(3):
        os.set_inheritable(fd, True)


def show_in_proc(command: list[str]) -> None:
    """Makes /proc/self/cmdline show this command. It shows the memory in which ours was."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()  # from the third on, as proc(5) counts
    start, end = int(fields[48 - 3]), int(fields[49 - 3])
    text = b"".join(os.fsencode(word) + b"\0" for word in command)[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, len(text))
