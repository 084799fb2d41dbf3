"""Django's test runner: every failing test leaves a recording of its own, with `--parallel`, too.

TEST_RUNNER = "recorder.testing.django.Runner"
"""

from __future__ import annotations

import sys
from typing import Any

from django.test import runner  # type: ignore[import-not-found,import-untyped,unused-ignore]

from recorder.testing import process, unit


class RecordedRemoteResult(unit.RecordingResult, runner.RemoteTestResult):  # type: ignore[misc]
    """In a process below, whose recording is cut up by the one above."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.open_between()


class RecordedRemoteRunner(runner.RemoteTestRunner):  # type: ignore[misc]
    """Tells no result that its tests begin, or that they have run."""

    resultclass = RecordedRemoteResult

    def run(self, test: Any) -> Any:
        result = super().run(test)
        result.close_between()
        return result


class RecordedParallelSuite(runner.ParallelTestSuite):  # type: ignore[misc]
    runner_class = RecordedRemoteRunner


class Runner(runner.DiscoverRunner):  # type: ignore[misc]
    parallel_test_suite = RecordedParallelSuite

    def get_resultclass(self) -> Any:
        """Where tests run side by side, the one here only adds up what the processes below say."""
        given = super().get_resultclass()
        if self.parallel > 1:
            return given
        base = given or self.test_runner.resultclass
        return type("RecordedResult", (unit.RecordingResult, base), {})

    def run_suite(self, suite: Any, **options: Any) -> Any:
        try:
            return super().run_suite(suite, **options)
        finally:
            lines = process.prepare().finish()
            if lines:
                # audit: the section of recordings is what was asked for
                sys.stdout.write("\n".join([unit.TITLE, *lines, ""]))
