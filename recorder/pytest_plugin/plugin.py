"""What the plugin does where a recording is asked for."""

from __future__ import annotations

import os
from collections.abc import Generator
from types import TracebackType
from typing import Any, Final

import pytest

from recorder import errors, marks
from recorder.policy import check
from recorder.pytest_plugin import summary
from recorder.testing import names
from recorder.testing.session import PHASES, Phase, Test, Tests, note_failure

LONGEST_WAIT: Final = 15  # seconds, for the trace of a worker that was killed
PROPERTY: Final = "recording"


def make(config: pytest.Config, mode: str, folder: str, budget: str) -> Plugin:
    try:
        most = check("max_bytes", budget, "--recordings-budget")
    except errors.RecorderError as error:
        raise pytest.UsageError(error.message) from error
    return Plugin(config, mode, os.path.join(config.rootpath, folder), most)


class Plugin:
    """Of one process: a worker of xdist's, its controller, which records nothing and reports all, or the only one."""

    def __init__(self, config: pytest.Config, mode: str, folder: str, budget: int | None) -> None:
        self.config = config
        self.mode = mode
        self.folder = folder
        self.budget = budget
        worker = getattr(config, "workerinput", None)
        self.is_worker = worker is not None
        self.is_controller = not self.is_worker and _has_workers(config)
        self.tests = Tests(folder, worker["workerid"] if worker else "main")
        self.current: Test | None = None
        self.kept: list[Any] = []
        self.problems: list[str] = []
        self.died: list[Any] = []  # in earlier sessions

    # ---- the recording ----

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        if not self.is_worker and not session.config.option.collectonly:
            self.recover()
        if not self.is_controller and not session.config.option.collectonly:
            self.tests.start()
        try:
            return (yield)
        finally:
            self.stop()

    def recover(self) -> None:
        from recorder.testing import single_traces

        self.died = single_traces.recover(self.folder)

    def stop(self) -> None:
        from recorder.testing import single_traces

        self.kept += single_traces.of_session(self.tests, self.problems)

    # ---- tests ----

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        when = self.when(item)
        test = self.current = self.tests.begin(item.nodeid)
        test.wanted = when == "all"
        try:
            return (yield)
        finally:
            self.current = None
            test.wanted = test.wanted or (when == "failed" and test.failed is not None)
            self.tests.end(test)

    def when(self, item: pytest.Item) -> str:
        marker = item.get_closest_marker("record")
        if marker is None:
            return "none" if self.mode == "marked" else self.mode
        given = marker.args[0] if marker.args else marker.kwargs.get("when", "all")
        return given if given in ("failed", "none") else "all"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        return (yield from self.phase("setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        return (yield from self.phase("call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, Any, Any]:
        return (yield from self.phase("teardown"))

    def phase(self, name: str) -> Generator[None, Any, Any]:
        # Or the report of a failure that is not the test's own would have our frames.
        __tracebackhide__ = True
        phase = Phase(name)
        failed = True
        try:
            result = yield
            failed = False
            return result
        except KeyboardInterrupt as error:
            self.note_interruption(name, error)
            raise
        finally:
            phase.end(failed)

    def note_interruption(self, phase: str, error: KeyboardInterrupt) -> None:
        """Of a test that hangs nothing is reported: pytest ends where it is interrupted."""
        note_failure(phase, error)
        if self.current is not None:
            self.current.failed = self.current.failed or phase

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        if call.excinfo is not None:
            _leave_out_ours(call.excinfo.tb)
        report = yield
        if report.failed:
            file, line, _ = item.location
            place = {"file": os.path.join(item.config.rootpath, file), "line": (line or 0) + 1}
            note_failure(report.when, _error_of(report, call), **place)
        if report.failed and self.tests.is_ours and self.when(item) != "none":
            reported = (PROPERTY, self.path_of(item.nodeid))
            for properties in (item.user_properties, report.user_properties):
                if reported not in properties:
                    properties.append(reported)
            if self.config.pluginmanager.has_plugin("html"):
                summary.add_link(report, reported[1])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.current
        if report.failed and report.when not in PHASES:  # by a plugin that has it run elsewhere
            note_failure(report.when, str(report.longrepr))
        if test is not None and (report.failed or report.outcome == "rerun"):  # type: ignore[comparison-overlap]
            test.failed = test.failed or report.when

    def path_of(self, test: str) -> str:
        return os.path.relpath(
            os.path.join(self.folder, names.trace_of(test)), self.config.rootpath
        )

    # ---- several processes ----

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.is_worker:
            from recorder.testing import single_traces

            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]
            output["recorder"] = {
                "kept": single_traces.to_text(self.kept),
                "problems": self.problems,
            }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended, or died."""
        from recorder.testing import single_traces

        reported = getattr(node, "workeroutput", {}).get("recorder")
        if reported is not None:
            self.kept += single_traces.from_text(reported["kept"])
            self.problems += reported["problems"]
            return
        for path in single_traces.await_traces(
            self.folder, node.workerinput["workerid"], LONGEST_WAIT
        ):
            try:
                self.kept += single_traces.cut_out_what_ran(path, self.folder)
            except (errors.RecorderError, OSError) as error:
                self.problems.append(f"{path} could not be cut up: {error}")

    # ---- what is said ----

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.is_worker:
            return
        from recorder.testing import single_traces

        removed: list[str] = []
        if self.budget is not None and (self.kept or self.died):
            removed = single_traces.keep_to_budget(self.folder, self.budget)
        summary.write(terminalreporter, self.kept, self.died, self.problems, removed)


def _leave_out_ours(traceback: TracebackType | None) -> None:
    """An exception goes through the wrappers above. Of one that is not the test's own pytest would show them."""
    while traceback is not None:
        following = traceback.tb_next
        while following is not None and following.tb_frame.f_code.co_filename == __file__:
            following = following.tb_next
        traceback.tb_next = following
        traceback = following


def _error_of(report: pytest.TestReport, call: Any) -> object:
    """The exception, unless pytest has a better text."""
    if isinstance(report.longrepr, str):
        return report.longrepr.strip()  # of an xfail that passed
    text = getattr(report.longrepr, "errorstring", None)  # of a fixture that is not there
    return text.partition("\n")[0] if isinstance(text, str) else call.excinfo and call.excinfo.value


def _has_workers(config: pytest.Config) -> bool:
    return bool(config.getoption("dist", "no") != "no" and config.getoption("tx", None))


class Handle:
    """What the fixture `recording` gives."""

    def __init__(self, test: Test | None, plugin: Plugin | None) -> None:
        self._test = test
        self._plugin = plugin

    @property
    def path(self) -> str | None:
        """Where the trace of this test will be, if it is kept; None: nothing is recorded."""
        if self._test is None or self._plugin is None or not self._plugin.tests.is_ours:
            return None
        return os.path.join(self._plugin.folder, names.trace_of(self._test.id))

    def keep(self) -> None:
        """Keeps the recording of this test, whether it passes or not."""
        if self._test is not None:
            self._test.wanted = True

    def mark(self, name: str, /, **facts: Any) -> None:
        marks.mark(name, **facts)

    def span(self, name: str, /, **facts: Any) -> marks.span:
        return marks.span(name, **facts)
