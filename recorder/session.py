"""A recording session: start, faults, stop. One at a time per process.

    session = start("app.rtrace", policy=Policy(on_recorder_error="abort"))
    ...
    summary = session.stop()

Everything here runs inside the recorded program, between its own instructions: it imports little, holds
no lock, and leaves the process as it found it when a step fails.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

from recorder import children, errors
from recorder import policy as policies
from recorder._core import capture, control, syscalls
from recorder.capture_options import options_for
from recorder.diagnostics import Reporter, report_unfinished
from recorder.errors import arguments

# Loaded now: where no file can be opened any more, a failure can still be reported.
from recorder.errors import errnos as errnos
from recorder.errors import tables as tables
from recorder.staging import create, launch
from recorder.staging.layout import FILES_AS_BYTES, Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, ParamSpec, TypeVar

    from recorder._core.capture import FaultFacts, RecorderResult
    from recorder.errors import RecorderError, RecordingAborted
    from recorder.policy import Disposition, Policy

    P = ParamSpec("P")
    R = TypeVar("R")


__all__ = ["Session", "Summary", "is_recording", "record", "recorded", "reset", "start"]


@errors.guarded_class("stop")
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


@errors.guarded_class("record")
class Session(capture.Recording):
    """A running recording. Made by `start`, `record`, `recorded`; ended by `stop`.

    path: where the trace is to be, absolute and without symbolic links. pid: of the recorded process. run_id, trace_id:
    of this recording, as 16 and 32 hexadecimal digits; META of the trace has them. policy: the Policy it has.
    error: the RecorderError that ended the recording early, or None. disposition: what the policy makes of that, a
    Disposition, or None as long as it was not asked.

    It exists, and knows by name all that it is going to make, before anything is made. So at every moment, wherever
    an exception from a signal handler comes in, one call into the core undoes it (`capture.abandon`) or ends it
    (`capture.stop`), and each of these can be made again."""

    def __init__(
        self, staging: Staging, *, whole_process: bool = False, waiting: bool = False
    ) -> None:
        arguments.instance(staging, Staging, "staging", "what start() has prepared")
        policy = staging.policy
        self.path = staging.destination
        self.run_id = staging.run_id
        self.trace_id = staging.trace_id
        self.policy = policy
        self.error: RecorderError | None = None
        self.disposition: Disposition | None = None
        self._staging = staging
        self.pid = os.getpid()
        self.whole_process = whole_process
        self._waiting = waiting  # for `__main__`, which is still to come
        self._summary: Summary | None = None
        self._aborted: RecordingAborted | None = None
        self._counters: dict[str, Any] = {}
        self._reporter = Reporter(
            policy.json_errors,
            log_level=policy.log_level if policy.log_file else None,
            log_file=policy.log_file,
            run_id=staging.run_id,
            trace_id=staging.trace_id,
        )

    # ---- the beginning ----

    def _begin(self) -> None:
        """All that a recording needs, and then the recording. A failure leaves nothing behind."""
        staging = self._staging
        try:
            self._claim()
            if not staging.is_made:
                self._reporter.check()
                report_unfinished(staging.destination)
                create.make(staging)
                launch.launch_sealer(staging)
            self._arm()
        except BaseException as error:
            theirs = isinstance(error, errors.StagingExistsError)  # that folder is not ours to undo
            folder = b"" if theirs else staging.folder
            left = capture.abandon(self, folder, FILES_AS_BYTES, staging.sealer)
            create.note_leftovers(error, left)
            raise

    def _claim(self) -> None:
        """From here on no other recording can start in this process."""
        previous = capture.holder()
        while previous is not None and not capture.wait(previous):  # it may be of the same name
            pass
        answer = _ask(capture.claim, self)
        if answer.status:
            raise _refusal(answer, "start")

    def _arm(self) -> None:
        staging = self._staging
        options = options_for(
            staging,
            self._reporter,
            whole_process=self.whole_process,
            waiting=self._waiting,
            on_fork=self.forked,
            at_exit=self.at_exit,
        )
        syscalls.load_faults("target")
        answer = _ask(capture.arm, self, staging.folder, options)
        if isinstance(answer, capture.HookRaised):
            raise _out_of_hook(answer.exception) from answer.exception
        if answer.status:
            raise _refusal(answer, "start", path=staging.path)
        if self.policy.follow_children:
            children.pass_on(staging)

    # ---- the end ----

    def stats(self) -> dict[str, Any]:
        """Counters, as numbers unless said otherwise. After the end they stay as they were, and the trace has
        its own in its closing chunk (`Trace.closing`, `recorder info --json`).

        events          recorded so far
        segments        of the ring that were begun, of 4 MiB each
        segment_bytes   bytes in the live one
        looks           how often an object in a variable was gone through, to see whether it has changed
        threads         that were seen
        codes           code objects in scope that were seen
        suspended       generators and coroutines that wait
        trace_bytes     bytes the sealer has written
        failures        dict: what was reported, by code (ERR_NAME)
        """
        self._counters = capture.stats(self) or self._counters
        if self._summary is not None:
            self._counters |= {"events": self._summary.events, "trace_bytes": self._summary.bytes}
        return {**self._counters, "failures": dict(self._reporter.counts)}

    def stop(self) -> Summary:
        """Ends the recording and waits for the trace. Calling it again gives the same answer; also after an exception
        of a signal handler came out of it, which leaves the trace to the sealer.

        In a forked child nothing is being recorded: the answer is a summary without a trace, whose error is a
        ForkedError. Raises NotRecordingError after `reset`; the failure that ended the recording, if the policy says
        abort; TraceMissingError or TraceIncompleteError if the policy requires a trace."""
        if self._summary is None:
            self.stats()  # as they are now
            closed = _ask(capture.stop, self, True)
            if closed.status == errors.ForkedError.number:
                return self._forked(closed)
            if self.closed is None:
                raise _refusal(closed, "stop")
            self._await_publication()
            self._finish()
        return self._answer()

    def _await_publication(self) -> None:
        while not capture.wait(
            self
        ):  # half a millisecond each, so that signal handlers run in between
            pass

    def _finish(self) -> None:
        """The summary of what the core has answered; who asks again finds it made."""
        closed, published = self.closed, self.published
        if closed is None or published is None:
            raise errors.InvariantBrokenError(invariant="a stopped session has its answers")
        if not isinstance(published, capture.Publication):
            raise errors.NotRecordingError(operation="stop")
        for answer in (closed, published):
            if answer.status and self.error is None:
                self._decide(errors.from_fault(answer.fault), "stop", "stopped")
            elif self.error is not None and answer.status not in (0, self.error.number):
                self._note(errors.from_fault(answer.fault))
        sealer_state, size = published.sealer_state, published.trace_bytes
        if isinstance(self.error, errors.SealerDiedError):
            sealer_state, size = self._close_here(sealer_state, size)
        written = sealer_state == control.SEALER_PUBLISHED
        is_complete = published.verdict == control.TRACE_COMPLETE
        state = "none" if not written else "complete" if is_complete else "partial"
        summary = Summary(self.path if written else None, state, closed.events, size, self.error)
        if self.error is not None:
            self.error.trace_path = summary.path
            self.error.trace_state = state
            self._reporter.conclude(self.error, self.disposition, events=closed.events)
        self._reporter.close()
        _forget_children(self.policy)
        self._summary = summary

    def _close_here(self, sealer_state: int, size: int) -> tuple[int, int]:
        """The sealer has died: a short recording is closed by this process. What cannot be done now,
        `recorder recover` does later."""
        from recorder.trace import recovery

        try:
            written = recovery.close_here(
                self._staging.path, keep_partial=self.policy.keep_partial_trace
            )
        except (errors.RecorderError, OSError, ImportError):
            written = None
        if self.whole_process:
            _keep_interrupt()
        return (sealer_state, size) if written is None else (control.SEALER_PUBLISHED, written)

    def _forked(self, answer: RecorderResult) -> Summary:
        """The trace is the parent's, and so is what becomes of it: the child goes on."""
        self.disposition = policies.decide(answer.status, "fork", self.policy)
        self.error = errors.from_fault(answer.fault)
        self._summary = Summary(None, "none", 0, 0, self.error)
        return self._summary

    def _answer(self) -> Summary:
        summary = self._summary
        if summary is None:
            raise errors.InvariantBrokenError(invariant="a stopped session has a summary")
        action = self.disposition.action if self.disposition else ""
        if self.error is not None and action in ("abort", "raise"):
            raise self.error
        if self.error is not None and self.error.number == errors.ForkedError.number:
            return summary
        number = self.error.number if self.error else 0
        state = summary.state if summary.path else "missing"
        required = policies.requirement(self.policy, state, number)
        if required:
            raise errors.from_number(
                required, path=self.path, state=state, reason=str(self.error)
            ) from self.error
        return summary

    # ---- failures ----

    def on_fault(self, facts: FaultFacts) -> RecordingAborted | None:
        """The core's callback: what becomes of the recording, and of the program."""
        error = errors.from_fault(facts)
        disposition = self._decide(error, "callback")
        if disposition.action != "abort":
            return None
        self._aborted = errors.RecordingAborted(error)
        if self.whole_process:
            capture.set_exit_status(error.exit_code)
        return self._aborted

    def _decide(self, error: RecorderError, origin: str, state: str = "recording") -> Disposition:
        """Asks the policy, remembers the answer, reports the failure."""
        disposition = policies.decide(error.number, origin, self.policy, state)
        self.error = error
        self.disposition = disposition
        self._reporter.report(error, disposition=disposition.action)
        if disposition.action != "raise":
            self._reporter.final(error, disposition=disposition.action)
        capture.set_reported(error.number, error.message.encode("utf-8", "backslashreplace"))
        return disposition

    def _note(self, error: RecorderError) -> None:
        """A failure after the one that has decided what becomes of the trace: a diagnostic, and a note on the
        first one."""
        self._reporter.report(error, disposition="degrade")
        if self.error is not None:
            self.error.add_note(str(error))

    def exited(self) -> None:
        """The program has ended, and something went wrong. libc's exit hook passes on the exit status and waits for
        the trace."""
        closed = _ask(capture.stop, self, False)
        if closed.status in (errors.NotRecordingError.number, errors.ForkedError.number):
            return
        if closed.status and self.error is None:
            self._decide(errors.from_fault(closed.fault), "shutdown", "stopped")
        if isinstance(self.error, errors.SealerDiedError):
            self._close_here(0, 0)
        self._reporter.close()

    def forked(self, waiting: bool) -> None:
        """This is the child of a fork: the recording is its parent's. Says so where diagnostics are wanted, and
        records the child as well if policy says that."""
        error = errors.ForkedError(child_pid=os.getpid())
        disposition = policies.decide(error.number, "fork", self.policy)
        self._reporter.report(error, disposition=disposition.action)
        if self.policy.follow_children:
            try:
                self._follow_fork(waiting)
            except Exception as exc:
                self._decide(errors.from_exception(exc, operation="fork"), "fork")

    def _follow_fork(self, waiting: bool) -> None:
        staging = self._staging
        start_child(
            children.root_of(staging),
            self.policy,
            children.facts_of(staging),
            children.host_of(staging),
            waiting=waiting,
            whole_process=self.whole_process,
        )

    # ---- as a context manager; __exit__ is the core's ----

    def __enter__(self) -> Session:
        return self

    def ended(self, kind: type[BaseException] | None, value: BaseException | None) -> None:
        """The user's exception wins; ours is attached to it. An abort becomes the failure it is."""
        try:
            self.stop()
        except errors.RecorderError as error:
            if value is None or value is self._aborted:
                raise error from error.__cause__
            if value is not error:
                value.add_note(str(error))


def _ask(
    question: Callable[P, RecorderResult | None], *args: P.args, **kwargs: P.kwargs
) -> RecorderResult:
    """The core's answer. While another thread is in the middle of a transition there is none yet."""
    answer = question(*args, **kwargs)
    while answer is None:
        time.sleep(0.001)
        answer = question(*args, **kwargs)
    return answer


def _refusal(answer: RecorderResult, operation: str, **facts: Any) -> RecorderError:
    """Why the core did not do what it was asked to."""
    fault: dict[str, Any] = {**(answer.fault or {})}
    if answer.status == errors.AlreadyRecordingError.number:
        return errors.AlreadyRecordingError(path=_recorded_path())
    if answer.status == errors.NotRecordingError.number:
        return errors.NotRecordingError(operation=operation)
    if answer.status == errors.SessionPoisonedError.number:
        first = errors.class_for(fault["detail"])
        return errors.SessionPoisonedError(failure=first.error_name)
    return errors.from_fault({**fault, "detail": fault.get("detail") or facts.get("path")})


@errors.guarded_class("start")
class record(capture.Recording):
    """`with record("app.rtrace") as session:` records its body.

    Arguments are those of `start`. Entering raises what `start` raises, leaving what `Session.stop` raises; where the
    body raised an exception, that goes on, with ours as a note."""

    def __init__(self, path: str | os.PathLike[str], policy: Policy | None = None, **options: Any):
        self._arguments = (path, policy, options)

    def __enter__(self) -> Session:
        path, policy, options = self._arguments
        # This refuses while a recording runs, this one's too.
        session = _make(path, policy, options)
        # Before it begins: whatever happens from here on, __exit__ knows it.
        self.session = session
        session._begin()
        return session

    def ended(self, kind: type[BaseException] | None, value: BaseException | None) -> None:
        """As `Session.ended`. NotRecordingError if it was never entered, or left already."""
        session, self.session = self.session, None
        if session is None:
            raise errors.NotRecordingError(operation="stop")
        session.ended(kind, value)


@errors.guarded("start")
def recorded(
    path: str | os.PathLike[str], policy: Policy | None = None, **options: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: every call of the function is recorded, into the same file: the trace is that of the last one.

    Arguments are those of `start`. A call raises what `start` and `Session.stop` raise; one within another (the
    function calls itself, or is called by two threads) AlreadyRecordingError."""

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

    policy: a whole policy, with nothing left to other sources. Without one, it is collected as for
    `recorder run`: [tool.recorder] in pyproject.toml, then the environment. options: fields of Policy, on top.
    Raises AlreadyRecordingError, InvalidPolicyValueError, UnknownPolicyKeyError, SessionPoisonedError after an
    internal failure, ReenteredError inside of the recorder's own work, and whatever can go wrong with the
    destination, the disk or the sealer."""
    # Not the usual guard: an exception of a signal handler could come in there when this has returned, and nobody
    # would have the session.
    try:
        session = _make(path, policy, options)
        session._begin()
        return session
    except Exception as error:
        failure = errors.leaving(error, "start", (), (path, policy), options)
        if failure is error:
            raise  # audit: it is not the recorder's
        raise failure from error


def _out_of_hook(error: Exception) -> RecorderError:
    if isinstance(error, MemoryError):
        return errors.OutOfMemoryError(operation="arm")
    kind, reason = errors.describe(error).strip("<>"), errors.text_of(error)
    return errors.CallbackFailedError(exception=kind, operation="arm", reason=reason)


def _recorded_path() -> str:
    holder = capture.holder()
    return holder.path if isinstance(holder, Session) else "another trace"


@errors.guarded("start")
def _make(path: str | os.PathLike[str], policy: Policy | None, options: dict[str, Any]) -> Session:
    """A session that has not begun: everything is decided, and nothing made."""
    arguments.stack("start")
    if policy is not None:
        arguments.instance(policy, policies.Policy, "policy", "a Policy")
    if policy is None:
        policy, _ = policies.load(policies.find_pyproject(), os.environ, arguments=options)
    elif options:
        policy = policy.replace(**options)
    if capture.is_recording():
        raise errors.AlreadyRecordingError(path=_recorded_path())
    return Session(create.plan(path, policy=policy))


def _keep_interrupt() -> None:
    """A program that Ctrl-C has ended dies of SIGINT when all is done: unless text was evaluated since, as imports do,
    for then CPython forgets it. This reminds it."""
    if not sys.flags.interactive and _has_ended_it(getattr(sys, "last_value", None)):
        try:
            eval("(_ for _ in ()).throw(KeyboardInterrupt)")
        except KeyboardInterrupt:
            pass


def _has_ended_it(exc: object) -> bool:
    """Whether the last exception that was shown is a Ctrl-C that has left the program: what a console inside of it
    has shown came no further than that."""
    trace = exc.__traceback__ if isinstance(exc, KeyboardInterrupt) else None
    return trace is not None and trace.tb_frame.f_back is None


def _forget_children(policy: Policy) -> None:
    if policy.follow_children:
        children.withdraw()


# ---- a whole process ----


def start_process(staging: Staging, *, waiting: bool, whole_process: bool) -> Session:
    """Records this process, by its own means; `waiting`: from `__main__` on, which is still to come."""
    session = Session(staging, whole_process=whole_process, waiting=waiting)
    if whole_process:
        # Registered before anything of the program's, so called after all of it.
        atexit.register(session.at_exit)
    session._begin()
    return session


def start_child(
    root: str,
    policy: Policy,
    parent: Mapping[str, Any],
    host: Mapping[str, Any] | None,
    *,
    waiting: bool,
    whole_process: bool,
) -> None:
    """Records this process as a child of the one that `parent` describes, below the trace `root`. `host`: whose sealer
    is asked to start this one's."""
    before = children.set_root(root, host)
    try:
        start_under_a_free_name(
            children.names_below(root, os.getpid()),
            policy,
            parent=parent,
            host=host,
            waiting=waiting,
            whole_process=whole_process,
        )
    except BaseException:
        children.set_root(*before)
        raise


def start_under_a_free_name(
    names: Iterator[str],
    policy: Policy,
    *,
    parent: Mapping[str, Any] | None = None,
    host: Mapping[str, Any] | None = None,
    waiting: bool,
    whole_process: bool,
) -> Session:
    """Records this process into the first of these traces that is not there, nor on its way."""
    for name in names:
        if not children.is_free(name):
            continue
        argv = children.command_line()
        staging = create.plan(name, policy=policy, argv=argv, parent=parent, host=host)
        try:
            return start_process(staging, waiting=waiting, whole_process=whole_process)
        except errors.TraceBusyError:  # audit: somebody else has taken it meanwhile
            pass
    raise errors.InvariantBrokenError(invariant="there is always another name")


@errors.guarded("start")
def is_recording() -> bool:
    """Whether this process is being recorded."""
    return capture.is_recording()


@errors.guarded("reset")
def reset() -> None:
    """Back to the state of a fresh process, from any state. What was recorded is published by the sealer. Raises
    ReenteredError inside of the recorder's own work."""
    holder = capture.holder()
    answer = _ask(capture.reset)
    if answer.status:
        raise _refusal(answer, "reset")
    if isinstance(holder, Session):
        _forget_children(holder.policy)
