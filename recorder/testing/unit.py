"""unittest: every failing test leaves a recording of its own. See docs/pytest.md.

python -m recorder unittest …               as `python -m unittest …`
class TestCart(RecordedTests, TestCase):    with a runner of somebody else's
"""

from __future__ import annotations

import atexit
import sys
import unittest
from typing import TYPE_CHECKING, Any

from recorder.testing import process

if TYPE_CHECKING:
    Base = unittest.TestResult
    Case = unittest.TestCase
else:
    Base = Case = object

TITLE = " recordings ".center(70, "=")  # as wide as unittest's own lines


class RecordingResult(Base):
    """Before a class of results: tells the recording which test runs, and whether it fails.

    Between tests fixtures of classes and modules are set up and put away. What fails there has no test: it is a span
    of its own, under the name that unittest gives it."""

    _test: process.Running | None = None
    _between: process.Running | None = None

    def startTestRun(self) -> None:
        super().startTestRun()
        self.open_between()

    def stopTestRun(self) -> None:
        self.close_between()
        super().stopTestRun()

    def startTest(self, test: Any) -> None:
        self.close_between()
        recording = process.of_process()
        self._test = None if recording is None else recording.begin(test.id())
        super().startTest(test)

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        if self._test is not None:
            self._test.end()
        self._test = None
        self.open_between()

    def addError(self, test: Any, err: Any) -> None:
        self._note(test, err[1])
        super().addError(test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        self._note(test, err[1])
        super().addFailure(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._note(test, err[1])
        super().addSubTest(test, subtest, err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._note(test, "unexpected success")
        super().addUnexpectedSuccess(test)

    def _note(self, test: Any, error: object) -> None:
        """It failed."""
        if self._test is not None:
            self._test.fail(error)
        elif self._between is not None:
            self._between.fail(error, test.id())
            self.close_between()  # the fixtures of the next class may fail as well
            self.open_between()

    def open_between(self) -> None:
        recording = process.of_process()
        if recording is not None and self._between is None:
            self._between = recording.begin(process.FIXTURES, is_test=False)

    def close_between(self) -> None:
        if self._between is not None:
            self._between.end()
        self._between = None


class RecordedResult(RecordingResult, unittest.TextTestResult):
    pass


class Runner(unittest.TextTestRunner):
    """unittest's own, which tells of the recordings at its end."""

    resultclass = RecordedResult  # type: ignore[assignment]  # as typeshed has it, of one signature

    def run(self, test: Any) -> Any:
        result = super().run(test)
        lines = process.prepare().finish()
        if lines:
            self.stream.writeln(TITLE)
            for line in lines:
                self.stream.writeln(line)
        return result


class RecordedTests(Case):
    """Before TestCase: what `python -m recorder unittest` does, with whatever runs the tests. The recordings are told
    of on stderr, when the process ends."""

    def run(self, result: Any = None) -> Any:
        recording = None if result is None else process.of_process()
        told_by_runner = isinstance(result, RecordingResult)
        if not told_by_runner and (recording is not None or process.prepare().problems):
            _report_at_end()
        if recording is None or told_by_runner:
            return super().run(result)
        before, running = _failures(result), recording.begin(self.id())
        try:
            return super().run(result)
        finally:
            if _failures(result) > before:
                running.fail()
            running.end()


def _failures(result: Any) -> int:
    return sum(
        len(getattr(result, name, ())) for name in ("errors", "failures", "unexpectedSuccesses")
    )


_is_registered = False


def _report_at_end() -> None:
    global _is_registered
    if not _is_registered:
        _is_registered = True
        atexit.register(_report, process.prepare())


def _report(recording: process.Recording) -> None:
    if recording is process.prepare():  # and this no process that was forked off
        lines = recording.finish()
        if lines:
            # audit: the section of recordings is what was asked for
            sys.stderr.write("\n".join([TITLE, *lines, ""]))


def main() -> None:
    sys.argv[0] = "python -m unittest"
    unittest.main(module=None, testRunner=Runner)
