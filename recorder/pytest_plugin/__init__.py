"""The pytest plugin: every failing test leaves a recording of its own. See docs/pytest.md.

    pytest --record=failed

pytest loads this file at every start, by its entry point: what is more than options is loaded when a recording is
asked for.
"""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from recorder.pytest_plugin.plugin import Handle

MODES: Final = ("failed", "all", "none")
NAME: Final = "recorder-recording"
FOLDER: Final = ".recordings"
BUDGET: Final = "500MB"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("recorder", "recording tests")
    group.addoption(
        "--record", choices=MODES, default=None,
        help="keep a recording of tests that failed, or of all (default: ini record, RECORDER_PYTEST, none)",
    )  # fmt: skip
    group.addoption(
        "--recordings-dir", metavar="DIR", default=None, help=f"where they go (default: {FOLDER})"
    )
    group.addoption(
        "--recordings-budget", metavar="SIZE", default=None,
        help=f"what they may take together, the oldest go first (default: {BUDGET})",
    )  # fmt: skip
    parser.addini("record", "as --record", default="")
    parser.addini("recordings_dir", "as --recordings-dir", default="")
    parser.addini("recordings_budget", "as --recordings-budget", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "record(when='all'): keep a recording of this test: 'all' always, 'failed' if it fails, 'none' never",
    )
    mode = mode_of(config)
    if mode in ("failed", "all"):
        start_plugin(config, mode)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where nothing is said about all tests, a marker can ask for one."""
    config = session.config
    if mode_of(config) or config.pluginmanager.has_plugin(NAME):
        return
    if any(mark.name == "record" for item in session.items for mark in item.iter_markers()):
        start_plugin(config, "marked")


def mode_of(config: pytest.Config) -> str:
    """One of MODES, or "" if nobody has said anything. Raises UsageError."""
    for source, given in (
        ("--record", config.getoption("--record")),
        ("RECORDER_PYTEST", os.environ.get("RECORDER_PYTEST")),
        ("ini option record", config.getini("record")),
    ):
        if given and given not in MODES:
            raise pytest.UsageError(f"{source} is {given!r}, and not one of {', '.join(MODES)}")
        if given:
            return str(given)
    return ""


def start_plugin(config: pytest.Config, mode: str) -> None:
    from recorder.pytest_plugin import plugin

    folder = config.getoption("--recordings-dir") or config.getini("recordings_dir") or FOLDER
    budget = config.getoption("--recordings-budget") or config.getini("recordings_budget") or BUDGET
    config.pluginmanager.register(plugin.make(config, mode, folder, budget), NAME)


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> Iterator[Handle]:
    """The recording of this test: `mark(name, **facts)`, `span(name, **facts)`, `keep()` for a test that passes,
    and `path`, where its trace will be if it is kept. Without --record they do nothing."""
    from recorder.pytest_plugin.plugin import Handle

    plugin: Any = request.config.pluginmanager.get_plugin(NAME)
    yield Handle(None if plugin is None else plugin.current, plugin)
