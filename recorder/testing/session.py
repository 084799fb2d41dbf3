"""The recording of a process that runs tests: started once, with each test as a span in it.

A test that is not wanted says so when it ends, and what was recorded of it is given back (policy `keep_spans`). The
others are cut out of the recording when all tests have run. Where the process is being recorded already, by `recorder
run`, its tests are spans in that, and no more.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import Final

from recorder import errors, policy, session
from recorder._core import capture
from recorder.testing import names

# Most tests pass, and are over after some hundred events: these look at all that they meet, and from then on at less
# than a program that is run once, and recorded on purpose.
VALUE_BUDGET = 4
FRESH_BUDGET = 50_000
LEFT: Final = "thread left behind"  # marks
PHASES: Final = ("setup", "call", "teardown")  # of a test: spans in its own
FAILED: Final = "test failed"


class Test:
    """A test that runs, or has run. `id`: its name; `wanted`: a trace of it is to be made."""

    __slots__ = ("failed", "id", "number", "number_in_trace", "wanted")

    def __init__(self, id: str, number: int, before: int) -> None:
        self.id = id
        self.number = number  # of its span, in this process
        self.number_in_trace = number - before
        self.wanted = False
        self.failed: str | None = None  # the phase in which it failed first


class Tests:
    """The recording, from `start` to `stop`. No failure of the recorder's gets out of here: `problem` tells of it."""

    def __init__(self, folder: str, worker: str = "") -> None:
        self.folder = folder
        self.path = os.path.join(folder, names.session(worker, os.getpid()))
        self.problem: errors.RecorderError | None = None
        self.wanted: list[Test] = []
        self._session: session.Session | None = None
        self._before = 0
        self._threads: list[
            tuple[weakref.ref[threading.Thread], str]
        ] = []  # and the tests that left them

    def start(self) -> None:
        if session.is_recording():
            return
        try:
            make_folder(self.folder)
            chosen, _ = policy.load(policy.find_pyproject(), os.environ)
            chosen = chosen.replace(
                keep_spans=True, summary="never", value_budget=chosen.value_budget or VALUE_BUDGET
            )
            self._session = session.start(self.path, chosen)
            first = capture.note("session", {}, True)
            capture.end_span(first, True, False)
            self._before = first - 1  # spans of the process before this recording
        except OSError as error:
            self.problem = errors.from_exception(error, operation="mkdir", path=self.folder)
        except errors.RecorderError as error:
            self.problem = error

    @property
    def is_ours(self) -> bool:
        """Whether the recording was begun for the tests."""
        return self._session is not None

    def begin(self, id: str) -> Test:
        capture.grant(FRESH_BUDGET)
        test = Test(id, capture.note(id, {}, True), self._before)
        self._note_threads("")
        for known, by in self._threads:
            thread = known()
            if by and thread is not None:
                _tell_of(thread, by)
        return test

    def end(self, test: Test) -> None:
        """A test has run. What it does not end goes on in the tests after it; all of them say so."""
        self._note_threads(test.id)
        for known, by in self._threads:
            thread = known()
            if by == test.id and thread is not None and test.failed is not None:
                _tell_of(thread, by)
        capture.end_span(test.number, not test.wanted, test.failed is not None)
        if test.wanted:
            self.wanted.append(test)

    def _note_threads(self, test: str) -> None:
        """Those that run now; new ones are this test's. Found by what they are: a class of the program's may say of two
        that they are equal."""
        running = threading.enumerate()
        alive = {id(one) for one in running}
        before = [(known, by) for known, by in self._threads if id(known()) in alive]
        met = {id(known()) for known, _ in before}
        new = [one for one in running if id(one) not in met]
        self._threads = [*before, *((weakref.ref(one), test) for one in new)]

    def stop(self) -> str | None:
        """Ends the recording. The trace, if there is one."""
        if self._session is None:
            return None
        try:
            summary = self._session.stop()
        except errors.RecorderError as error:
            self.problem = error
            return None
        self.problem = self.problem or summary.error
        return summary.path


def _tell_of(thread: threading.Thread, by: str) -> None:
    capture.note(LEFT, {"thread": thread.name, "by": by}, False)


class Phase:
    """A part of a test, such as its setup: a span within its span."""

    __slots__ = ("_number",)

    def __init__(self, name: str) -> None:
        self._number = capture.note(name, {}, True)

    def end(self, failed: bool) -> None:
        capture.end_span(self._number, False, failed)


def note_failure(phase: str, error: object, **more: object) -> None:
    """`error`: an exception, or a text. Whatever ran, or did not, the trace says why the test failed."""
    capture.note(FAILED, {"error": error, "phase": phase, **more}, False)


def make_folder(folder: str) -> None:
    """One for recordings of tests, which belong into nobody's repository. Raises what the system says."""
    with contextlib.suppress(FileExistsError):  # a file, in which the next call finds no folder
        os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, ".gitignore")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write("# made by recorder\n*\n")
