"""Where memory lacks outside of a recording: a policy, an exception, its text, its diagnostic, a start, a reading.

Each allocation of Python's fails in turn, alone and with all that come after it, in a process of its own each. What
comes out is OutOfMemoryError, or where not even that could be made (docs/errors.md) Python's own MemoryError; never a
wrong argument or a wrong policy value.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT

pytest.importorskip("_testcapi")

PROGRAM = r"""
import dis, os, sys
import _testcapi
import recorder
from recorder import errors
from recorder.errors import codes, diagnostic, errnos, tables

name, lasts, path = sys.argv[1], sys.argv[2] == "lasting", sys.argv[3]
error = errors.DiskFullError("a message", path="/x", errno=28)
text = {"on_recorder_error": "abort", "max_bytes": "500MB", "redact": ["a*", "b"], "log_file": "x.log"}
CALLS = {
    "policy": lambda: recorder.Policy(on_recorder_error="abort", max_bytes="500MB", redact=("a*", "b"), log_file="x"),
    "policy from a dict": lambda: recorder.Policy.from_dict(text),
    "building": lambda: errors.DiskFullError(path="/x", operation="write", bytes_wanted=1, free_bytes=0, errno=5),
    "str": lambda: str(error),
    "repr": lambda: repr(error),
    "to_dict": lambda: error.to_dict(),
    "from_dict": lambda: recorder.RecorderError.from_dict({"number": 2001, "detail": "x", "context": {"path": "/x"}}),
    "open_trace": lambda: recorder.open_trace(path).close(),
    "at": lambda: trace.at(3).stack[-1].locals,
    "start": lambda: recorder.start("app.rtrace", max_bytes="500MB").stop(),
    "wrong argument": lambda: recorder.open_trace(5),
}
call = CALLS[name]
trace = recorder.open_trace(path)
try:
    call()  # what is loaded at the first use is there
except recorder.RecorderError:
    pass

def outcome(n):
    _testcapi.set_nomemory(n - 1, 0 if lasts else n)
    try:
        call()
        failed = None
    except BaseException as caught:
        failed = caught
    try:
        bytes(700)  # fails if its turn has not come yet, or lasts
        left = False
    except MemoryError:
        left = True
    _testcapi.remove_mem_hooks()
    if os.environ.get("DBG") and isinstance(failed, MemoryError) and not hasattr(failed,"error_name"):
        import traceback; print("".join(traceback.format_exception(failed))[-900:], flush=True)
    if failed is None:
        return "done" if left else "went well"
    if made_no_function(failed):
        return "CPython's"
    return getattr(failed, "error_name", None) or type(failed).__name__

def made_no_function(error):
    # CPython 3.12 and 3.13 have released its code once too often then: what comes after means nothing.
    while error is not None and sys.version_info >= (3, 12):
        at = error.__traceback__
        while at and at.tb_next:
            at = at.tb_next
        if at and at.tb_frame.f_code.co_code[at.tb_lasti] == dis.opmap["MAKE_FUNCTION"]:
            return True
        error = error.__cause__ or error.__context__
    return False

for n in range(1, 5000):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.environ.get("DBG"):
            import faulthandler; faulthandler.dump_traceback_later(5, exit=True)
        said = outcome(n)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 100).decode()
    os.close(read)
    status = os.waitpid(pid, 0)[1]
    print(n, said if status == 0 else f"status {status}")
    if said == "done":
        break
"""


def outcomes(name: str, lasts: str, trace: Path, folder: Path) -> Counter[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, lasts, str(trace)],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Counter(line.partition(" ")[2] for line in done.stdout.splitlines())
