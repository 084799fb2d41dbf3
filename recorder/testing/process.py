"""The recording of a process whose tests have another runner than pytest: begun with its first test, and told of at the
end. Processes below, in which a runner has tests run side by side, have a recording each, which the one above cuts up.

What is asked for is said in the environment, which processes below have as well.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import Final

from recorder import errors, session
from recorder.policy import check
from recorder.testing import github, report, single_traces
from recorder.testing.session import Phase, Test, Tests, note_failure

MODES: Final = ("failed", "all", "none")
MODE: Final = "RECORDER_UNITTEST"
FOLDER: Final = "RECORDER_RECORDINGS_DIR"
BUDGET: Final = "RECORDER_RECORDINGS_BUDGET"
DEFAULTS: Final = {MODE: "failed", FOLDER: ".recordings", BUDGET: "500MB"}
BELOW: Final = "below"
LONGEST_WAIT: Final = 15  # seconds, for the traces of processes below
FIXTURES: Final = "fixtures of classes and modules"


def asked(name: str) -> str:
    return os.environ.get(name) or DEFAULTS[name]


class Recording:
    """Nothing of it is raised: `problems` tells what went wrong."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.mode = asked(MODE)
        self.folder = os.path.abspath(asked(FOLDER))
        self.is_below = multiprocessing.parent_process() is not None
        self.problems: list[str] = []
        self.died: list[single_traces.SingleTrace] = []
        self.tests = Tests(self.folder, BELOW if self.is_below else "main")
        self.is_on = False
        self.has_finished = False
        if self.mode not in MODES:
            self.problems.append(f"{MODE} is {self.mode!r}, and not one of {', '.join(MODES)}")
            self.mode = "none"

    def start(self) -> None:
        """Where somebody else records this process, nothing is."""
        if self.mode == "none" or session.is_recording():
            return
        if not self.is_below:
            self.died = single_traces.recover(self.folder)
        self.tests.start()
        self.is_on = self.tests.is_ours

    def begin(self, id: str, *, is_test: bool = True) -> Running:
        return Running(self, id, is_test)

    def finish(self) -> list[str]:
        """Ends it, and makes the traces. What is to be said of them."""
        self.has_finished, self.is_on = True, False
        if self.mode == "none":
            return report.lines_of([], [], self.problems, [])
        made = single_traces.of_session(self.tests, self.problems)
        single_traces.await_traces(self.folder, BELOW, LONGEST_WAIT)
        made += single_traces.recover(self.folder)
        removed: list[str] = []
        try:
            most = check("max_bytes", asked(BUDGET), BUDGET)
            if most is not None and (made or self.died):
                removed = single_traces.keep_to_budget(self.folder, most)
        except (errors.RecorderError, OSError) as error:
            self.problems.append(str(error))
        if github.is_there():
            github.write_summary(made)
        return report.lines_of(made, self.died, self.problems, removed)


class Running:
    """A test that runs. What was recorded up to its first failure is a span of its own."""

    def __init__(self, recording: Recording, id: str, is_test: bool) -> None:
        self._recording = recording
        self._is_test = is_test  # what runs between tests is kept if it fails, and only then
        self.test: Test = recording.tests.begin(id)
        self._phase: Phase | None = Phase("call")

    def fail(self, error: object = None, name: str = "") -> None:
        """`name`: what failed, where that is known only now."""
        self.test.failed = "call"
        self.test.id = name or self.test.id
        self._end_phase()
        if error is not None:
            note_failure("call", error, test=self.test.id)

    def end(self) -> None:
        self._end_phase()
        wants_all = self._recording.mode == "all" and self._is_test
        self.test.wanted = wants_all or self.test.failed is not None
        self._recording.tests.end(self.test)

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end(self.test.failed is not None)
            self._phase = None


_current: Recording | None = None


def prepare() -> Recording:
    """The recording of this process, which may not have been started."""
    global _current
    if _current is None or _current.pid != os.getpid():
        _current = Recording()
    return _current


def of_process() -> Recording | None:
    """The recording of this process, started with its first test. None: nothing is recorded for tests."""
    recording = prepare()
    if not (recording.is_on or recording.has_finished):
        recording.start()
        recording.has_finished = not recording.is_on
    return recording if recording.is_on else None
