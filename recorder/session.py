"""A recording session: start, faults, stop. One at a time per process.

    session = start("app.rtrace", policy=Policy(on_recorder_error="abort"))
    ...
    summary = session.stop()

Everything here runs inside the recorded program, between its own instructions: it imports little, holds
no lock, and leaves the process as it found it when a step fails.
"""

from __future__ import annotations

import os

from recorder import errors
from recorder import policy as policies
from recorder import staging as stagings
from recorder._core import capture, control, syscalls
from recorder.diagnostics import Reporter
from recorder.errors import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ParamSpec, TypeVar

    from recorder.errors import RecorderError, RecordingAborted
    from recorder.policy import Disposition, Policy
    from recorder.staging import Staging

    P = ParamSpec("P")
    R = TypeVar("R")

# What one value may take: elements of a container, nesting, code points of a str, elements in all.
LIMITS = {"items": 200, "depth": 6, "text": 1024, "nodes": 2000}
# How long the program waits for a sealer that shows no sign of life before recording is given up.
WAIT_MS = 10_000
NO_LIMIT = (1 << 64) - 1
SCOPES = {"own": 0, "deps": 1, "all": 2}

_current: Session | None = None


class Summary:
    """What a finished recording left.

    path: the trace, or None if none was published. state: "complete" or "partial". events: number of
    events. bytes: size of the trace. error: the RecorderError that ended the recording early, or None."""

    __slots__ = ("bytes", "error", "events", "path", "state")

    def __init__(
        self, path: str | None, state: str, events: int, size: int, error: RecorderError | None
    ) -> None:
        self.path = path
        self.state = state
        self.events = events
        self.bytes = size
        self.error = error

    def __repr__(self) -> str:
        return (
            f"Summary(path={self.path!r}, state={self.state!r}, events={self.events}, "
            f"bytes={self.bytes}, error={self.error!r})"
        )


class Session:
    """A running recording. Made by `start`, `record`, `recorded`; ended by `stop`, once."""

    def __init__(self, staging: Staging, policy: Policy, *, whole_process: bool = False) -> None:
        arguments.instance(staging, stagings.Staging, "staging", "what start() has prepared")
        self.path = staging.destination
        self.run_id = staging.run_id
        self.trace_id = staging.trace_id
        self.policy = policy
        self.error: RecorderError | None = None
        self.disposition: Disposition | None = None
        self._staging = staging
        self._whole_process = whole_process
        self._summary: Summary | None = None
        self._aborted: RecordingAborted | None = None
        self._reporter = Reporter(
            policy.json_errors,
            log_level=policy.log_level if policy.log_file else None,
            log_file=policy.log_file,
            run_id=staging.run_id,
            trace_id=staging.trace_id,
        )

    def stats(self) -> dict[str, Any]:
        """Counters: events, segments, threads, code objects, bytes; failures by code."""
        counters: dict[str, Any] = capture.stats() or {}
        return {**counters, "failures": dict(self._reporter.counts)}

    def stop(self) -> Summary:
        """Ends the recording and waits for the trace. Calling it again gives the same answer.

        Raises NotRecordingError in a forked child; the failure that ended the recording, if the policy
        says abort; TraceMissingError if the policy requires a trace and there is none."""
        global _current
        if self._summary is not None:
            return self._summary
        closed = capture.stop(True)
        if closed.status == errors.NotRecordingError.number:
            _current = None
            raise errors.NotRecordingError(operation="stop")
        published = capture.wait_published()
        for answer in (closed, published):
            if answer.status and self.error is None:
                self._decide(errors.from_fault(answer.fault), "stop", "stopped")
        self._finish(closed.value, *published.value)
        _current = None
        return self._answer()

    def _finish(self, events: int, sealer_state: int, size: int, status: int) -> None:
        written = sealer_state == control.SEALER_PUBLISHED
        state = "complete" if written and not status else "partial" if written else "none"
        self._summary = Summary(self.path if written else None, state, events, size, self.error)
        if self.error is not None:
            self.error.trace_path = self._summary.path
            self.error.trace_state = state
        self._reporter.close()

    def _answer(self) -> Summary:
        summary = self._summary
        if summary is None:
            raise errors.InvariantBrokenError(invariant="a stopped session has a summary")
        action = self.disposition.action if self.disposition else ""
        if self.error is not None and action in ("abort", "raise"):
            raise self.error
        number = self.error.number if self.error else 0
        state = summary.state if summary.path else "missing"
        required = policies.requirement(self.policy, state, number)
        if required:
            raise errors.from_number(
                required, path=self.path, state=state, reason=str(self.error)
            ) from self.error
        return summary

    def on_fault(self, facts: dict[str, Any]) -> RecordingAborted | None:
        """The core's callback: what becomes of the recording, and of the program."""
        disposition = self._decide(errors.from_fault(facts), "callback")
        if disposition.action != "abort" or self.error is None:
            return None
        self._aborted = errors.RecordingAborted(self.error)
        if self._whole_process:
            capture.set_exit_status(self.error.exit_code)
        return self._aborted

    def _decide(self, error: RecorderError, origin: str, state: str = "recording") -> Disposition:
        """Asks the policy, remembers the answer, tells of the failure."""
        disposition = policies.decide(error.number, origin, self.policy, state)
        self.error = error
        self.disposition = disposition
        self._reporter.report(error, disposition=disposition.action)
        if disposition.action != "raise":
            self._reporter.final(error, disposition=disposition.action)
        return disposition

    def at_exit(self) -> None:
        """The program has ended. libc's exit hook passes on the exit status and waits for the trace."""
        closed = capture.stop(False)
        if closed.status == errors.NotRecordingError.number:
            return  # a forked child: the trace is its parent's
        if closed.status and self.error is None:
            self._decide(errors.from_fault(closed.fault), "shutdown", "stopped")
        if self.error is not None and policies.requirement(
            self.policy, "partial", self.error.number
        ):
            capture.set_exit_status(errors.TraceIncompleteError.exit_code)
        elif self.error is None and not self.policy.propagate_script_exit:
            capture.set_exit_status(0)
        self._reporter.close()

    # ---- as a context manager ----

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The user's exception wins; ours is attached to it. An abort becomes the failure it is."""
        try:
            self.stop()
        except errors.RecorderError as error:
            if value is None or value is self._aborted:
                raise error from error.__cause__
            value.add_note(str(error))


class record:
    """`with record("app.rtrace") as session:` records its body."""

    def __init__(self, path: str | os.PathLike[str], policy: Policy | None = None, **options: Any):
        self._arguments = (path, policy, options)
        self._session: Session | None = None

    def __enter__(self) -> Session:
        path, policy, options = self._arguments
        self._session = start(path, policy, **options)
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is None:
            raise errors.NotRecordingError(operation="stop")
        session, self._session = self._session, None
        session.__exit__(kind, value, trace)


def recorded(
    path: str | os.PathLike[str], policy: Policy | None = None, **options: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: every call of the function is recorded, into the same file."""

    import functools

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            with record(path, policy, **options):
                return function(*args, **kwargs)

        return wrapper

    return decorate


def start(path: str | os.PathLike[str], policy: Policy | None = None, **options: Any) -> Session:
    """Starts recording into `path`. A failure raises, and leaves nothing behind: nothing has run yet.

    options are fields of Policy, on top of `policy`. Raises AlreadyRecordingError, InvalidPolicyValueError,
    UnknownPolicyKeyError, and whatever can go wrong with the destination, the disk or the sealer."""
    arguments.stack("start")
    if policy is not None:
        arguments.instance(policy, policies.Policy, "policy", "a Policy")
    if capture.is_recording():
        raise errors.AlreadyRecordingError(path=_current.path if _current else "another trace")
    if policy is None:
        policy = policies.load(arguments=options)[0]
    elif options:
        policy = policy.replace(**options)
    session = None
    staging = stagings.prepare(path, policy=policy)
    try:
        session = Session(staging, policy)
        session._reporter.check()
        stagings.launch_sealer(staging)
        _arm(session, wait_for_main=False)
    except BaseException:
        _abandon(staging)
        raise
    return session


def _arm(session: Session, *, wait_for_main: bool) -> None:
    global _current
    policy = session.policy
    name = _short(session.path)
    missing = errors.TraceMissingError(path=session.path)
    syscalls.load_faults("target")
    answer = capture.arm(
        os.fsencode(session._staging.path),
        {
            **LIMITS,
            "scope": SCOPES[policy.scope],
            "outside": (_folder(__file__),),
            "stdlib": _standard_library(),
            "secrets": _secrets(policy),
            "include": _paths(policy.include),
            "exclude": _paths(policy.exclude),
            "max_events": NO_LIMIT if policy.max_events is None else policy.max_events,
            "max_seconds": 1e9 if policy.max_duration is None else policy.max_duration,
            "wait_ms": WAIT_MS,
            "wait_for_main": wait_for_main,
            "summary": wait_for_main and _wants_summary(policy),
            "require_trace": policy.require_trace,
            "name": os.fsencode(name),
            "missing": f"recorder: {missing}\n".encode("utf-8", "backslashreplace"),
        },
        session.on_fault,
    )
    if answer.status:
        raise errors.from_fault(answer.fault)
    _current = session


def _abandon(staging: Staging) -> None:
    """Undoes what a failed start has made: the sealer, if there is one, ends by itself."""
    if capture.is_recording():
        capture.reset()
    if not os.path.exists(staging.path):
        return
    page = control.ControlPage(staging.file("control"))
    page.discard = 1
    page.target_state = control.TARGET_FINISHED
    page.close()
    stagings.discard(staging)


def _short(path: str) -> str:
    """The path as a user here would write it."""
    try:
        return os.path.relpath(path)
    except OSError:  # the current folder is gone
        return path


def _secrets(policy: Policy) -> tuple[bytes, ...]:
    """Patterns of names, as the core compares them: with `*` and `?`, ASCII in lower case."""
    return tuple(pattern.lower().encode("ascii", "replace") for pattern in policy.redact)


def _paths(patterns: tuple[str, ...]) -> tuple[bytes, ...]:
    """Patterns of files. `package.module` stands for its file, or for the folder of that name."""
    found = []
    for pattern in patterns:
        pattern = pattern.lower()
        if os.sep not in pattern and not pattern.endswith(".py"):
            pattern = pattern.replace(".", os.sep)
            found += [f"*/{pattern}.py", f"*/{pattern}/*"]
        else:
            found.append(pattern if pattern.startswith((os.sep, "*")) else f"*/{pattern}")
    return tuple(pattern.encode("ascii", "replace") for pattern in found)


def _wants_summary(policy: Policy) -> bool:
    return policy.summary == "always" or (policy.summary == "auto" and os.isatty(2))


def _standard_library() -> tuple[str, ...]:
    folder = _folder(os.__file__)
    return (folder, os.path.realpath(folder) + os.sep)


def _folder(file: str) -> str:
    return os.path.dirname(os.path.abspath(file)) + os.sep


# ---- a whole process: `recorder run`, start by environment ----


def arm_for_main(staging_path: str) -> Session:
    """Starts recording with `__main__`, into a staging folder that was prepared for this process."""
    import atexit

    facts = stagings.read_session(staging_path)
    meta = facts["meta"]
    staging = stagings.Staging(
        staging_path, stagings.native(facts["destination"]), meta["run_id"], meta["trace_id"]
    )
    policy = policies.Policy.from_dict(meta["policy"])
    session = Session(staging, policy, whole_process=True)
    try:
        _arm(session, wait_for_main=True)
    except BaseException:
        _abandon(staging)
        raise
    # Registered before anything of the program's, so called after all of it.
    atexit.register(session.at_exit)
    return session


def is_recording() -> bool:
    """Whether this process is being recorded."""
    return bool(capture.is_recording())


def reset() -> None:
    """Back to the state of a fresh process, from any state. What was recorded is published by the sealer."""
    global _current
    capture.reset()
    _current = None
