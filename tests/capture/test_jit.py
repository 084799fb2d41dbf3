"""CPython's JIT changes nothing of what is recorded: neither of code that it compiled before the recording began, nor
of what is called from compiled code out of scope."""

from __future__ import annotations

import sys

import pytest

import recorder
from tests.conftest import Run


def has_jit() -> bool:
    return sys.version_info >= (3, 14) and sys._jit.is_available()


PROGRAM = """
import sys
from pathlib import Path

import recorder

Path("hot.py").write_text('''
def apply(function, values):
    total = 0
    for value in values:
        total += function(value)
    return total

def spin(rounds):
    total = 0
    for number in range(rounds):
        total += number & 7
    return total
''')
sys.path.insert(0, ".")
import hot

def square(number):
    doubled = number + number
    return doubled * number

def mixed(rounds):
    found = []
    for number in range(rounds):
        if number % 3:
            found.append(square(number))
        else:
            try:
                found.append(1 // (number % 2))
            except ZeroDivisionError as error:
                found.append(str(error))
    return len(found)

def generated(rounds):
    return sum(square(number) for number in range(rounds))

hot.spin(50_000), hot.apply(square, range(20_000)), mixed(20_000), generated(20_000)
with recorder.record("hot.rtrace", exclude=["hot.py"]):
    hot.apply(square, range(40))
    mixed(40)
    generated(40)
    hot.spin(50_000)
    hot.apply(square, range(40))
print(sys._jit.is_enabled())
"""


@pytest.mark.skipif(not has_jit(), reason="this Python has no JIT")
def test_the_trace_is_the_same(run_plain: Run) -> None:
    traces = []
    for jit in "01":
        result = run_plain(PROGRAM, env={"PYTHON_JIT": jit})
        assert (result.status, result.stdout) == (0, f"{jit == '1'}\n".encode()), result.stderr
        with recorder.open_trace(result.trace.with_name("hot.rtrace")) as trace:
            assert trace.verdict == "complete"
            traces.append(
                [
                    (
                        step.kind,
                        step.function.name,
                        step.line,
                        {name: value.show() for name, value in step.locals.items()},
                        step.value and step.value.show(),
                    )
                    for step in trace.steps()
                ]
            )
    without, with_it = traces
    names = {name for _, name, *_ in without}
    assert len(without) > 400 and names >= {"square", "mixed"} and "spin" not in names
    assert with_it == without
