"""How a command that failed ends: what it says on stderr and as JSON, its exit status, its signal."""

from __future__ import annotations

import os

from recorder import errors
from recorder.cli.output import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


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


def json_errors_wanted() -> str | None:
    """Where RECORDER_JSON_ERRORS wants failures to be reported, if that can be understood."""
    from recorder.policy import Policy

    try:
        given = os.environ.get("RECORDER_JSON_ERRORS")
        return Policy.from_dict({"json_errors": given}).json_errors
    except errors.RecorderError:
        return None


def die_by_signal(number: int) -> NoReturn:
    """Ends this process by a signal, so that whoever waits for it sees what a plain Python shows."""
    import signal

    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)  # audit: the command ends as the signal would have ended it
    os._exit(128 + number)  # audit: nothing is left to clean up, and the signal has ended us
