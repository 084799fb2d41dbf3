"""Whether an object is true, how it compares and what it is an instance of, where its class says so in code of its own:
the answer is Python's, or that it is not known."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.reader import open_trace

PROGRAM = """\
import abc, enum, http
class Light(enum.Enum):
    OFF, ON = "off", "on"
    def __bool__(self):
        return self is Light.ON
class Base(enum.Enum):
    def __bool__(self):
        return self.value != "no"
class Derived(Base):
    NO = "no"
class Sized(enum.Enum):
    EMPTY = "e"
    def __len__(self):
        return 0
class Odd(int, enum.Enum):
    ONE = 1
    def __bool__(self):
        return False
    def __lt__(self, other):
        return True
class Mixin:
    def __bool__(self):
        return False
class Mixed(Mixin, enum.Enum):
    A = "a"
class Plain(enum.Enum):
    A = "a"
class Number(enum.IntEnum):
    ZERO, ONE = 0, 1
class Box:
    def __bool__(self):
        return False
class Bag:
    def __len__(self):
        return 0
class Text(str):
    def __len__(self):
        return 0
class HasLen(abc.ABC):
    @classmethod
    def __subclasshook__(cls, kind):
        return hasattr(kind, "__len__")
class Failure(Exception):
    pass
def look(v):
    return bool(v)
VALUES = [
    Light.OFF, Light.ON, Derived.NO, Sized.EMPTY, Odd.ONE, Mixed.A, Plain.A, Number.ZERO, Number.ONE,
    http.HTTPStatus.OK, Box(), Bag(), Text("abc"), [1], "", 3, None,
]
for v in VALUES:
    look(v)
"""
QUESTIONS = (
    "bool(v)", "not v", "1 if v else 2", "v is not None and not v", "v < 0", "0 <= v is None < 9",
    "isinstance(v, HasLen)", "isinstance(v, Failure)",
)  # fmt: skip
KNOWN = {  # of these it is
    "bool(v)": ["Plain.A", "Number.ONE", "HTTPStatus.OK", "[1]", "''", "3", "None"],
    "isinstance(v, Failure)": ["[1]", "''", "3", "None"],
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("truth") / "own_truth_of.py"
    made.write_text(PROGRAM)
    return made


def python_says(question: str, names: dict[str, Any], value: object) -> object:
    try:
        return eval(question, {**names, "v": value})
    except TypeError:
        return "error"


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_pythons_answer_or_none(
    question: str, program: Path, trace_of: Callable[[Path], Path]
) -> None:
    names = runpy.run_path(str(program))
    known = set()
    with open_trace(trace_of(program)) as trace:
        events = list(trace.find("call", function="look"))
        assert len(events) == len(names["VALUES"])
        for event, value in zip(events, names["VALUES"], strict=True):
            answer = trace.evaluate(question, event)
            if answer.kind == "unknown":
                continue
            said = answer.tree if answer.kind == "known" else answer.kind
            assert said == python_says(question, names, value), (value, answer)
            is_member = isinstance(value, names["enum"].Enum)
            known.add(f"{type(value).__name__}.{value.name}" if is_member else repr(value))
    assert known >= set(KNOWN.get(question, ()))


INSTANCES = """\
import abc
import typing
class Registered(abc.ABC):
    pass
Registered.register(list)
class Late(Registered):
    pass
class ByMeta(metaclass=abc.ABCMeta):
    pass
ByMeta.register(int)
@typing.runtime_checkable
class Measured(typing.Protocol):
    def __len__(self): ...
class Failure(Exception):
    pass
class Plain:
    pass
def look(v):
    return v, KINDS
KINDS = (Registered, Late, ByMeta, Measured, Failure, Plain)
VALUES = [[1], 3, "a", None, {}, 2.5, Plain(), Failure()]
"""
META = """\
class Meta(type):
    def __instancecheck__(cls, other):
        return other == 3
class Odd(metaclass=Meta):
    pass
"""
LOOKS = "for v in VALUES:\n    look(v)\n"


@pytest.mark.parametrize("has_meta", [False, True])
def test_code_of_a_metaclass_may_say_what_is_an_instance(
    has_meta: bool, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / f"instances_of_{has_meta}.py"
    text = META + INSTANCES.replace("(Registered,", "(Odd, Registered,") if has_meta else INSTANCES
    program.write_text(text + LOOKS)
    names = runpy.run_path(str(program))
    known = []
    with open_trace(trace_of(program)) as trace:
        for event, value in zip(trace.find("call", function="look"), names["VALUES"], strict=True):
            for kind in names["KINDS"]:
                answer = trace.evaluate(f"isinstance(v, {kind.__name__})", event)
                if answer.kind != "unknown":
                    assert answer.tree is isinstance(value, kind), (value, kind, answer)
                    known.append((value, kind.__name__))
    assert has_meta or {(3, "Plain"), ("a", "Failure"), (None, "Plain")} <= {
        (value, kind) for value, kind in known if value.__hash__
    }
