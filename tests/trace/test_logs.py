"""What a program tells by logging, warnings and exceptions that nobody caught: recorded as it is, and told by every
reader. The program does not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder
from recorder.cli import main
from recorder.export import export
from recorder.trace.logs import Log

PROGRAM = """\
import logging, sys, threading, warnings
log = logging.getLogger("shop.cart")
class Loud:
    def __str__(self): print("called"); return "loud"
    __repr__ = __str__
class Quiet(logging.Filter):
    def filter(self, record): return record.msg != "filtered"
class Handler(logging.Handler):
    def emit(self, record): pass
def told(n):
    log.warning("low on %s: %d left, %.1f %%", "milk", n, 2.5)
    log.info("named %(what)s", {"what": "parts", "password": "hun" "ter3"})
    log.log(35, "of its own level")
    log.error("wrong %d", "number")
    log.error(ValueError("as a message"))
    log.info("loud %s", Loud())
    log.info("\\u20ac %s", "\\U0001f600")
    log.info("token=%s", "hun" + "ter2")
    log.info("%s: %s", "Authorization", "hun" + "ter4")
    log.info("x" * 3000)
    logging.getLogger().critical("of the root")
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("failed")
def untold():
    log.debug("below the level")
    log.info("filtered")
    logging.getLogger("off").warning("disabled")
def shown():
    warnings.warn("old", DeprecationWarning)
    warnings.warn_explicit("explicit", UserWarning, "other.py", 7)
    warnings.warn(UserWarning("two", "parts"))
    with warnings.catch_warnings(record=True):
        warnings.warn("caught")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.warn("ignored")
class Bad:
    def __del__(self):
        raise ValueError("in __del__")
logging.basicConfig(level="INFO", handlers=[Handler()])
log.addFilter(Quiet())
logging.getLogger("off").disabled = True
warnings.simplefilter("always")
told(3)
untold()
shown()
Bad()
def in_thread():
    raise KeyError("thread")
for target in (in_thread, sys.exit):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
print([type(h).__name__ for h in logging.getLogger().handlers], sys.excepthook is sys.__excepthook__)
print(warnings.showwarning.__module__, log.callHandlers.__qualname__, logging.getLoggerClass().__name__)
raise OSError(2, "the end")
"""
LINES = PROGRAM.splitlines()


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(LINES, 1) if text in line)


CUT = "x" * 1024
# Kind, level, name, text, and what stands in the line that it is from.
EXPECTED = [
    ("record", 30, "shop.cart", "low on milk: 3 left, 2.5 %", "low on"),
    ("record", 20, "shop.cart", "named parts", "named"),
    ("record", 35, "shop.cart", "of its own level", "of its own"),
    ("record", 40, "shop.cart", "wrong %d % ('number',)", "wrong"),
    ("record", 40, "shop.cart", "ValueError('as a message')", "as a message"),
    ("record", 20, "shop.cart", "loud <opaque __main__.Loud>", "loud %s"),
    ("record", 20, "shop.cart", "€ \U0001f600", "u20ac"),
    ("record", 20, "shop.cart", "token=**", "token="),
    ("record", 20, "shop.cart", "Authorization: <redacted>", "Authorization"),
    ("record", 20, "shop.cart", CUT, "3000"),
    ("record", 50, "root", "of the root", "of the root"),
    ("record", 40, "shop.cart", "failed", "failed"),
    ("warning", 0, "DeprecationWarning", "old", '"old"'),
    ("warning", 0, "UserWarning", "explicit", "other.py"),
    ("warning", 0, "UserWarning", "UserWarning('two', 'parts')", "two"),
    ("warning", 0, "UserWarning", "caught", "caught"),
    ("unraisable", 0, "ValueError", "in __del__", "raise ValueError"),
    ("uncaught", 0, "KeyError", "KeyError('thread')", "raise KeyError"),
    ("uncaught", 0, "FileNotFoundError", "FileNotFoundError(2, 'the end')", "the end"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "shop.py").write_text(PROGRAM)
    trace = folder / "shop.rtrace"
    words = ["-m", "recorder", "run", "--min-free-space=0", "--no-summary", "-o", str(trace)]
    told = [
        subprocess.run(
            [sys.executable, *command, "shop.py"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(recorder.__file__).parents[1])},
            capture_output=True,
        )
        for command in ([], words)
    ]
    assert told[0].stdout == told[1].stdout and told[0].returncode == told[1].returncode == 1
    assert told[0].stderr.count(b"\n") == told[1].stderr.count(b"\n")
    return trace


@pytest.fixture
def told(path: Path) -> Iterator[list[Log]]:
    with recorder.open_trace(path) as trace:
        yield list(trace.logs())


def test_each_is_there_as_it_was_told(told: list[Log]) -> None:
    found = [(log.kind, log.level, log.name, log.text) for log in told]
    for ours, expected in zip(found, EXPECTED, strict=True):
        assert ours[:3] == expected[:3] and expected[3] in ours[3], ours
    for log, expected in zip(told, EXPECTED, strict=True):
        if expected[4] == "other.py":
            assert (log.file, log.line) == ("other.py", 7)
            continue
        assert log.file is not None and log.file.endswith("shop.py")
        assert log.line is not None and expected[4] in LINES[log.line - 1], expected
    assert not any("hunter" in f"{log}" for log in told)
    (failed,) = (log for log in told if log.text == "failed")
    assert failed.exception is not None and "division by zero" in failed.exception.show()
    assert [log.levelname for log in told[:4]] == ["WARNING", "INFO", "Level 35", "ERROR"]


def test_each_leads_to_its_moment(path: Path, told: list[Log]) -> None:
    with recorder.open_trace(path) as trace:
        for log in told[:12]:
            assert log.seq is not None and log.function is not None and log.thread is not None
            event = trace[log.seq]
            assert (event.kind, event.line, event.function.name) == ("line", log.line, "told")
            assert log.text in [other.text for other in trace.logs_at(log.seq)]
            assert log.before > log.seq and log.time >= event.time
        assert trace.logs_at(0) == []
        middle = told[5].seq or 0
        assert [log.text for log in trace.logs(start=middle)] == [log.text for log in told[5:]]
        assert [log.text for log in trace.logs(stop=middle)] == [log.text for log in told[:5]]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"level": "warning"}, 6), ({"level": 35}, 5), ({"level": "50"}, 1), ({"name": "shop"}, 11),
        ({"name": "sho"}, 0), ({"kind": "warning"}, 4), ({"kind": "uncaught"}, 2), ({"name": "KeyError"}, 1),
        ({"kind": "warning", "level": 10}, 0), ({}, len(EXPECTED)),
    ],
)  # fmt: skip
def test_some_are_asked_for(path: Path, asked: dict[str, str], count: int) -> None:
    with recorder.open_trace(path) as trace:
        assert len(list(trace.logs(**asked))) == count  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked", [{"level": "loud"}, {"level": -1}, {"kind": "print"}, {"name": 3}]
)
def test_what_cannot_be_asked_is_refused(path: Path, asked: dict[str, object]) -> None:
    with recorder.open_trace(path) as trace, pytest.raises(recorder.errors.InvalidArgumentError):
        list(trace.logs(**asked))  # type: ignore[arg-type]


def test_the_commands_tell_them(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", str(path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == len(EXPECTED)
    assert lines[0].endswith("shop.py:11  WARNING shop.cart: low on milk: 3 left, 2.5 %")
    assert lines[-1].endswith("uncaught FileNotFoundError(2, 'the end')")
    assert main(["logs", str(path), "--json", "--level", "35", "--limit", "2"]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["levelname"] for row in rows] == ["Level 35", "ERROR"]
    assert main(["logs", str(path), "--level", "loud"]) == 2
    assert main(["logs", str(path), "--limit", "-1"]) == 2
    capfd.readouterr()
    assert main(["print", str(path), "--line", "11", "--kind", "line"]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert "shop.py:11" in first and second.endswith(
        "> WARNING shop.cart: low on milk: 3 left, 2.5 %  (line 11)"  # behind the filter's call
    )
    assert main(["print", str(path), "--line", "11", "--kind", "line", "--json"]) == 0
    (row,) = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert [log["kind"] for log in row["logs"]] == ["record"]


def test_every_export_has_them(path: Path, tmp_path: Path) -> None:
    export(path, "jsonl", tmp_path / "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    told = [row for row in rows if row["kind"] == "log"]
    assert [(row["told"], row["level"], row["name"]) for row in told] == [e[:3] for e in EXPECTED]
    assert rows[rows.index(told[0]) + 1]["seq"] == told[0]["before"]
    export(path, "perfetto", tmp_path / "perfetto")
    events = json.loads((tmp_path / "perfetto").read_text())["traceEvents"]
    assert len([event for event in events if event.get("cat") == "log"]) == len(EXPECTED)


@pytest.mark.usefixtures("arrow_threads")
def test_sql_has_a_table_of_them(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    assert main(["sql", str(path), "select text from logs where level > 40", "--json"]) == 0
    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == [
        {"text": "of the root"}
    ]


def test_where_output_is_off_nothing_is_told(path: Path, tmp_path: Path) -> None:
    import logging
    import warnings

    log = logging.getLogger("shop.part")
    for setting, scope, count in (("off", "own", 0), ("on", "own", 2), ("on", "all", 2)):
        trace_path = tmp_path / f"{setting}-{scope}.rtrace"
        log.warning("before")
        with (
            recorder.record(trace_path, min_free_space=0, capture_output=setting, scope=scope),
            warnings.catch_warnings(record=True),
        ):
            warnings.simplefilter("always")
            log.warning("within")
            warnings.warn("shown", stacklevel=1)
        log.warning("after")
        with recorder.open_trace(trace_path) as trace:
            assert [log.text for log in trace.logs()] == ["within", "shown"][:count]
