"""How a command that failed ends: what it says on stderr and as JSON, its exit status, its signal."""

from __future__ import annotations

import os

from recorder import errors
from recorder.cli import console
from recorder.cli.console import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

OPTION = "--json-errors"


def report(exc: BaseException, json_errors: str | None = None) -> int:
    """Reports a failure on stderr, and as JSON where that is wanted; its exit code."""
    error = errors.from_exception(exc, operation="command")
    if json_errors is not None:
        from recorder.diagnostics import Reporter

        reporter = Reporter(json_errors)
        reporter.report(error, disposition="raise")
        reporter.close()
        if json_errors == "stderr":  # free text beside it would spoil it
            reporter.final(error, disposition="raise")
            return error.exit_code
    warn(f"recorder: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
    return error.exit_code


def json_errors_wanted(given: object = None) -> str | None:
    """Where failures are to be reported: what was `given`, or RECORDER_JSON_ERRORS, if that can be understood."""
    from recorder.policy import Policy

    try:
        given = os.environ.get("RECORDER_JSON_ERRORS") if given is None else given
        return Policy.from_dict({"json_errors": given}).json_errors
    except errors.RecorderError:
        return None


def json_errors_in(words: Sequence[str]) -> str | bool | None:
    """What the last --json-errors among these words asks for."""
    given: str | bool | None = None
    for word in words:
        name, equals, value = word.partition("=")
        if name == OPTION:
            given = value if equals else True
    return given


def check_json_errors(given: object) -> None:
    """Raises what keeps diagnostics from being written where the command line wants them."""
    from recorder import policy
    from recorder.diagnostics import Reporter

    Reporter(policy.check("json_errors", given, f"command line {OPTION}")).check()


def without_json_errors(words: Sequence[str]) -> list[str]:
    """The words without that option, which every command has. What comes after `--` is no option."""
    end = words.index("--") if "--" in words else len(words)
    return [w for w in words[:end] if w.partition("=")[0] != OPTION] + list(words[end:])


def end_at_once(status: int) -> NoReturn:
    """Ends this process, when what was said has arrived. What is registered for the end of Python is not called."""
    try:
        console.flush()
    except (OSError, errors.RecorderError):  # audit: it was interrupted, and nobody reads any more
        pass
    os._exit(status)  # audit: all that the command began is put away, and only memory is left


def die_by_signal(number: int) -> NoReturn:
    """Ends this process by a signal, so that whoever waits for it sees what a plain Python shows."""
    import signal

    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)  # audit: the command ends as the signal would have ended it
    os._exit(128 + number)  # audit: nothing is left to clean up, and the signal has ended us
