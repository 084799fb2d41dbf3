"""Every exported name, used wrongly: with wrong types, wrong values, in the wrong order.

A call that does not fit the signature is Python's own TypeError; everything else that comes out is a
RecorderError with a code, and the recorder works afterwards. A new export without a row in the table
fails here.
"""

from __future__ import annotations

import inspect
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder.policy import KEYS, Policy
from tests.conftest import lacks_a_fact


class Hostile:
    """Raises whatever it is asked. No code of it may run."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":  # what isinstance() asks
            return Hostile
        raise AssertionError(f"code of the program ran: {name}")

    __str__ = __repr__ = __fspath__ = __index__ = __bool__ = __len__ = __iter__ = __eq__ = (  # type: ignore[assignment]
        __hash__
    ) = __int__ = __float__ = __getitem__ = lambda self, *args: Hostile.__getattribute__(self, "it")


class HostileText(str):
    """A str, and as such a value; but none of its own code runs."""

    __str__ = __repr__ = __format__ = __len__ = __iter__ = (  # type: ignore[assignment]
        lambda self, *args: Hostile.__getattribute__(self, "text")  # type: ignore[arg-type]
    )


WRONG: dict[str, Any] = {
    "None": None,
    "True": True,
    "a number": 42,
    "a negative number": -1,
    "a huge number": 10**30,
    "a fraction": 0.5,
    "not a number": float("nan"),
    "an empty text": "",
    "a text": "nonsense",
    "NUL": "a\0b",
    "a surrogate": "\ud800",
    "a long text": "x" * 100_000,
    "bytes": b"\xff",
    "NUL bytes": b"a\0b",
    "a list": [1],
    "a dict": {1: 2},
    "a set": {1},
    "an object": object(),
    "a class": int,
    "a function": len,
    "an exception": ValueError("x"),
    "a hostile object": Hostile(),
    "a hostile text": HostileText("own"),
}


def use(call: Callable[[], Any]) -> errors.RecorderError | None:
    """Makes a call. What comes out of it must be ours, or Python's word for a call that does not fit."""
    try:
        call()
    except errors.RecorderError as error:
        assert error.number in errors.ErrorCode.__members__.values()
        assert error.kind != errors.ErrorKind.INTERNAL, str(error)
        assert not lacks_a_fact(error.message), error.message
        assert error.message.isprintable() and len(error.message) < 2000
        assert pickle.loads(pickle.dumps(error)).message == error.message
        return error
    except TypeError as error:
        assert error.__traceback__ is not None
        inner = error.__traceback__.tb_next
        while (
            inner is not None
        ):  # raised by the call itself, which the guard makes, and not by anything of ours
            file = inner.tb_frame.f_code.co_filename
            assert "/recorder/" not in file or file.endswith("/errors/guard.py"), error
            inner = inner.tb_next
    return None


# ------------------------------------------------------------------------------------------ the table


def drain(made: Any) -> None:
    """Uses an iterator to its end: its errors come late."""
    for _ in made:
        pass


def start_and_stop(*args: Any, **kwargs: Any) -> None:
    recorder.start(*args, **kwargs).stop()


def record_something(*args: Any, **kwargs: Any) -> None:
    with recorder.record(*args, **kwargs):
        pass


def call_recorded(*args: Any, **kwargs: Any) -> None:
    recorder.recorded(*args, **kwargs)(lambda: None)()


# Exported name, or Class.name → what is called, and good values for what it takes. A name with no
# arguments is called with one too many.
Row = tuple[Callable[..., Any], dict[str, Any]]


def watched_in(trace: recorder.Trace) -> Any:
    """A change of whatever variable there is."""
    names = (name for event in trace for name in event.changed)
    return next(one for name in names for one in trace.watch(name))


BOUNDS = {"start": 0, "stop": 10}
ABOUT = {"function": "work", "file": "app.py", "thread": 0}


def table(trace: recorder.Trace, folder: Path) -> dict[str, Row]:
    error = errors.DiskFullError(path="/x", errno=28)
    summary = ("path", "complete", 1, 2, None)
    target = str(folder / "made.rtrace")
    return {
        "start": (start_and_stop, {"path": target, "policy": None}),
        "record": (record_something, {"path": target, "policy": None}),
        "recorded": (call_recorded, {"path": target, "policy": None}),
        "is_recording": (recorder.is_recording, {}),
        "reset": (recorder.reset, {}),
        "mark": (lambda name: recorder.mark(name, fact=1), {"name": "here"}),
        "span": (lambda name: recorder.span(name, fact=1), {"name": "part"}),
        "span.forget": (recorder.span("part").forget, {}),
        "open_trace": (lambda path: recorder.open_trace(path).close(), {"path": trace.path}),
        "Trace": (lambda path: recorder.Trace(path).close(), {"path": trace.path}),
        "Trace.events": (lambda **a: drain(trace.events(**a)), BOUNDS),
        "Trace.steps": (lambda **a: drain(trace.steps(**a)), BOUNDS),
        "Trace.find": (
            lambda **a: drain(trace.find(**a)),
            {"kind": "line", "line": 1, "exception": None, "since": 0, "until": 1, "frame": 0}
            | {"caller": 0, "depth": 3, **ABOUT, **BOUNDS},
        ),
        "Trace.calls": (lambda **a: drain(trace.calls(**a)), {**ABOUT, **BOUNDS}),
        "Trace.call_tree": (lambda **a: drain(trace.call_tree(**a)), {"thread": 0}),
        "Trace.exceptions": (
            lambda **a: drain(trace.exceptions(**a)),
            {"type_name": "ValueError", **ABOUT, **BOUNDS},
        ),
        "Trace.history": (
            lambda name, **a: drain(trace.history(name, **a)),
            {"name": "x", "frame": 0, **ABOUT, **BOUNDS},
        ),
        "Trace.at": (trace.at, {"seq": 0}),
        "Trace.changes": (trace.changes, {"event": trace[0]}),
        "Trace.source_of": (trace.source_of, {"function": trace[0].function}),
        "Trace.marks": (trace.marks, {"name": "here"}),
        "Trace.spans": (trace.spans, {"name": "part"}),
        "Trace.span": (trace.span, {"name": "part"}),
        "Trace.why_missing": (trace.why_missing, {"path": "app.py"}),
        "Trace.verify": (trace.verify, {}),
        "Trace.write_part": (
            trace.write_part,
            {"write": bytes.__len__, "redact": ["x"], "with_sources": True, **BOUNDS},
        ),
        "Trace.hits": (
            lambda **a: drain(trace.hits(**a)),
            {"kind": "line", "when": "x > 1", "log": "{x}", "value": "1", "numbers": (1, 2)}
            | BOUNDS,
        ),
        "Trace.evaluate": (trace.evaluate, {"expression": "x > 1", "frame": trace[0]}),
        "Trace.watch": (
            lambda expression, **a: drain(trace.watch(expression, **a)),
            {"expression": "x", "of": "Basket", **ABOUT, **BOUNDS},
        ),
        "Trace.written_by": (trace.written_by, {"watched": watched_in(trace)}),
        "Trace.check": (trace.check, {"expression": "x", "of": "Basket", **ABOUT, **BOUNDS}),
        "Trace.object": (trace.object, {"of": 0, **BOUNDS}),
        "Trace.same": (trace.same, {"expression": "x", "seq": 0}),
        "Trace.shared": (trace.shared, {"seq": 0}),
        "Trace.origin": (trace.origin, {"expression": "x", "seq": 0}),
        "Trace.why": (trace.why, {"name": "x", "seq": 0, "limit": 3, **ABOUT}),
        "Trace.tree": (trace.tree, {"own": True, "hide": None, **ABOUT, **BOUNDS}),
        "Trace.stats": (trace.stats, {"own": True, **ABOUT, **BOUNDS}),
        "Trace.output": (
            lambda stream, **a: drain(trace.output(stream, **a)),
            {"stream": "stdout", **BOUNDS},
        ),
        "Trace.output_at": (trace.output_at, {"seq": 0}),
        "Trace.logs": (
            lambda level, name, kind, **a: drain(trace.logs(level, name, kind, **a)),
            {"level": 30, "name": "shop", "kind": "record", **BOUNDS},
        ),
        "Trace.logs_at": (trace.logs_at, {"seq": 0}),
        "Trace.line_counts": (trace.line_counts, {**ABOUT, **BOUNDS}),
        "Trace.grep": (
            trace.grep,
            {"pattern": "x", "fixed": True, "ignore_case": True, **ABOUT, **BOUNDS},
        ),
        "Trace.grep_names": (
            lambda pattern, **a: drain(trace.grep_names(pattern, **a)),
            {"pattern": "x", "fixed": True, "ignore_case": True},
        ),
        "Trace.changed_arguments": (
            trace.changed_arguments,
            {"call": next(iter(trace.calls()))},
        ),
        "Trace.close": (lambda: recorder.open_trace(trace.path).close(), {}),
        "Policy": (Policy, Policy().to_dict()),
        "Policy.replace": (Policy().replace, Policy().to_dict()),
        "Policy.from_dict": (Policy.from_dict, {"values": {}, "source": "here"}),
        "Policy.to_dict": (Policy().to_dict, {}),
        "Policy.free_space_floor": (Policy().free_space_floor, {"disk_bytes": 1 << 40}),
        "Session": (recorder.Session, {"staging": None, "policy": Policy()}),
        "Session.stats": (lambda: with_session(recorder.Session.stats, folder), {}),
        "Session.stop": (lambda: with_session(recorder.Session.stop, folder), {}),
        "Summary": (
            recorder.Summary,
            dict(zip(("path", "state", "events", "size", "error"), summary, strict=True)),
        ),
        "RecorderError": (
            errors.DiskFullError,
            {"errno": 28, "number": 2001, "trace_path": "x", "trace_state": "partial"}
            | {"events_lost": 1, "path": "/x", "operation": "write", "anything": 1},
        ),
        "RecorderError.to_dict": (
            error.to_dict,
            {"disposition": "raise", "run_id": "r", "trace_id": "t", "events": 1, "thread": 1}
            | {"stage": "stop"},
        ),
        "RecorderError.from_dict": (
            recorder.RecorderError.from_dict,
            {"diagnostic": error.to_dict()},
        ),
        "RecordingAborted": (recorder.RecordingAborted, {"error": error}),
        "Truncated": (recorder.Truncated, {"type_name": "list", "size": 9, "value": [1]}),
        "Redacted": (recorder.Redacted, {}),
        "Opaque": (
            recorder.Opaque,
            {"type_name": "app.Bag", "attributes": {"n": 1}, "missing": 1, "reason": "it is cut"},
        ),
    }


# Called by the core and by the interpreter, not by people.
NOT_FOR_PEOPLE = {
    f"Session.{name}" for name in ("on_fault", "at_exit", "exited", "ended", "forked")
}


def with_session(method: Callable[[recorder.Session], Any], folder: Path) -> Any:
    session = recorder.start(folder / "made.rtrace")
    try:
        return method(session)
    finally:
        session.stop()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "good.rtrace"
    with recorder.record(path, scope="all"), recorder.span("part"):
        sum(number for number in range(3))
    return path


@pytest.fixture
def trace(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[recorder.Trace]:
    monkeypatch.chdir(tmp_path)
    path = shutil.copy(recorded, tmp_path / "good.rtrace")
    with recorder.open_trace(path) as opened:
        yield opened


def exported_callables() -> set[str]:
    found = set()
    for name in recorder.__all__:
        value = getattr(recorder, name)
        if inspect.ismodule(value):
            continue
        found.add(name)
        if isinstance(value, type) and name != "record":
            for method in vars(value):
                if not method.startswith("_") and callable(inspect.unwrap(getattr(value, method))):
                    found.add(f"{name}.{method}")
    return found


def test_every_exported_name_has_a_row(trace: recorder.Trace, tmp_path: Path) -> None:
    assert exported_callables() - NOT_FOR_PEOPLE == set(table(trace, tmp_path))
    accepted = set(table(trace, tmp_path)["Policy"][1])
    assert accepted == set(KEYS) == set(inspect.signature(Policy).parameters)


@pytest.mark.parametrize("name", sorted(exported_callables() - NOT_FOR_PEOPLE))
def test_wrong_values(name: str, trace: recorder.Trace, tmp_path: Path) -> None:
    """Each argument in turn gets each wrong value; good ones work before and after."""
    call, good = table(trace, tmp_path)[name]
    if name != "Session":  # it is made by start() alone
        call(**good)
    for value in WRONG.values():
        use(lambda value=value: call(value, **good))
        use(lambda value=value: call(unheard_of=value, **good))
        for argument in good:
            use(lambda argument=argument, value=value: call(**{**good, argument: value}))
    assert not recorder.is_recording()
    if name != "Session":
        call(**good)


@pytest.mark.parametrize(
    "name", [n for n in recorder.__all__ if n in ("start", "record", "open_trace")]
)
def test_a_path_is_a_path_and_nothing_else(
    name: str, trace: recorder.Trace, tmp_path: Path
) -> None:
    call, good = table(trace, tmp_path)[name]
    for value in (None, 42, 1.5, [1], {}, object(), Hostile(), int):
        error = use(lambda value=value: call(**{**good, "path": value}))
        assert isinstance(error, errors.InvalidArgumentError), value
        assert isinstance(error, ValueError)
    for value in ("", "a\0b", b"", b"a\0b"):
        error = use(lambda value=value: call(**{**good, "path": value}))
        assert isinstance(error, errors.InvalidArgumentError | errors.TraceNotFoundError), value


# ------------------------------------------------------------------------------------ in the wrong order


@pytest.mark.provokes("INVALID_ARGUMENT")
def test_a_closed_trace_can_be_used_for_nothing_more(trace: recorder.Trace) -> None:
    event = trace.at(0).event
    trace.close()
    trace.close()
    for name in (n for n in dir(recorder.Trace) if not n.startswith("_")):
        value = getattr(recorder.Trace, name)
        if isinstance(value, property):
            use(lambda value=value: value.fget(trace))
    for call in (lambda: drain(trace.events()), lambda: trace.at(0), trace.verify):
        error = use(call)
        assert isinstance(error, errors.InvalidArgumentError), call
        assert "closed" in error.message
    use(lambda: trace.__enter__())
    assert event.line and event.file  # what was read is kept


@pytest.mark.provokes("ALREADY_RECORDING")
def test_one_recording_at_a_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.rtrace", tmp_path / "second.rtrace"
    session = recorder.start(first)
    for begin in (lambda: recorder.start(second), lambda: recorder.record(second).__enter__()):
        error = use(begin)
        assert isinstance(error, errors.AlreadyRecordingError)
        assert error.message == f"this process is already being recorded to {first}"
    assert recorder.is_recording()
    assert session.stop().path == str(first)
    assert sorted(os.listdir(tmp_path)) == ["first.rtrace"]


def test_a_session_that_is_stopped_again_gives_the_same_answer(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace")
    assert session.stop() is session.stop()
    assert session.stats()["failures"] == {}
    with session:  # and is no harm as a context
        pass


@pytest.mark.provokes("NOT_RECORDING")
def test_what_never_began_cannot_be_stopped(tmp_path: Path) -> None:
    assert isinstance(
        use(lambda: recorder.record(tmp_path / "app.rtrace").__exit__(None, None, None)),
        errors.NotRecordingError,
    )
    session = recorder.start(tmp_path / "app.rtrace")
    recorder.reset()
    error = use(session.stop)
    assert isinstance(error, errors.NotRecordingError)
    assert error.message == "stop() was called but nothing is being recorded"


def test_a_context_that_is_entered_twice_ends_its_first_recording(tmp_path: Path) -> None:
    context = recorder.record(tmp_path / "app.rtrace")
    with context:
        assert isinstance(use(context.__enter__), errors.AlreadyRecordingError)
        assert recorder.is_recording()
    assert isinstance(use(lambda: context.__exit__(None, None, None)), errors.NotRecordingError)
    with context:  # it can be used again
        pass
    assert sorted(os.listdir(tmp_path)) == ["app.rtrace"]


def test_reset_is_no_failure_at_any_time(tmp_path: Path) -> None:
    recorder.reset()
    recorder.reset()
    session = recorder.start(tmp_path / "app.rtrace")
    recorder.reset()
    assert not recorder.is_recording()
    assert isinstance(use(session.stop), errors.NotRecordingError)
    recorder.start(tmp_path / "again.rtrace").stop()


def test_a_session_can_be_stopped_by_another_thread(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace")
    thread = threading.Thread(target=session.stop)
    thread.start()
    thread.join()
    assert not recorder.is_recording()
    assert session.stop().state == "complete"


def test_a_policy_that_is_changed_is_another_one() -> None:
    policy = Policy()
    with pytest.raises(AttributeError):
        policy.scope = "own"
    assert isinstance(use(lambda: policy.replace(scope="mine")), errors.InvalidPolicyValueError)
    assert isinstance(use(lambda: policy.replace(scop="own")), errors.UnknownPolicyKeyError)
    assert policy == Policy()
