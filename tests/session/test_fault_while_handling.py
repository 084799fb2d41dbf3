"""A recording that fails while the program handles an exception: what is handled is what it was, goes on as it would
have, and is kept by nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT

PROGRAM = """
import errno, gc, sys, weakref
import recorder
from recorder import errors
from recorder._core import control

class Own(Exception): pass
class Outer(Exception): pass

def work(): return 1

def fail():
    "The sealer reports a failure: the next line that is recorded finds it."
    page = control.ControlPage(session._staging.file("control"))
    page.set_sealer_fault(errors.DiskFullError.number, errno=errno.ENOSPC, detail="/disk")
    page.close()
    while recorder.is_recording():
        work()

def in_except():
    try: raise Own
    except Own:
        fail()
        yield sys.exception()
        raise

def in_finally():
    try: raise Own
    finally:
        fail()
        yield sys.exception()

def in_a_context():
    try:
        try: raise Outer
        except Outer: raise Own
    except Own:
        fail()
        yield sys.exception()
        raise

def in_a_generator():
    def inner():
        try: yield 1
        except Own:
            fail()
            yield sys.exception()
            raise
    one = inner()
    next(one)
    yield one.throw(Own())
    next(one)

def in_a_function_that_is_called():
    try: raise Own
    except Own:
        def called(): fail()
        called()
        yield sys.exception()
        raise

session = recorder.start("it.rtrace", on_recorder_error="disable", min_free_space=0)
steps = globals()[sys.argv[1]]()
handled = next(steps)
assert type(handled) is Own, handled
references = [weakref.ref(one) for one in (handled, handled.__context__) if one is not None]
try:
    next(steps)
except Own as caught:
    assert caught is handled
else:
    raise SystemExit("it was not raised on")
assert sys.exception() is None
del handled, steps
gc.collect()
print(len(references), [one() for one in references])
session.stop()
"""
PLACES = {
    "in_except": 1,
    "in_finally": 1,
    "in_a_context": 2,
    "in_a_generator": 1,
    "in_a_function_that_is_called": 1,
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_handled_stays_so_and_ends(place: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, place],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == 1 and "ERR_DISK_FULL" in lines[0]
    assert done.stdout == f"{PLACES[place]} {[None] * PLACES[place]}\n"
