"""What was counted: by a session while it runs and afterwards, in the trace, in `recorder info`, and in what
is told of a failure.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import jsonschema
import pytest

import recorder
from recorder import errors
from tests.conftest import PACKAGE_HOME, Run

KEYS = {
    "events", "segments", "segment_bytes", "looks", "threads", "codes", "suspended", "trace_bytes",
}  # fmt: skip


def work(turns: int) -> int:
    total = 0
    for turn in range(turns):
        total += turn
    return total


def test_the_counters_of_a_session_are_those_of_its_trace(
    tmp_path: Path, recorder_says: Run
) -> None:
    session = recorder.start(tmp_path / "app.rtrace")
    first = session.stats()
    work(10)
    other = threading.Thread(target=work, args=(10,))
    other.start()
    other.join()
    second = session.stats()
    assert set(first) == set(second) == {*KEYS, "failures"}
    assert all(key in (recorder.Session.stats.__doc__ or "") for key in second)
    assert second["events"] >= first["events"] + 40
    assert (second["threads"], second["segments"], second["failures"]) == (2, 1, {})
    summary = session.stop()
    last = session.stats()
    assert (last["events"], last["trace_bytes"]) == (summary.events, summary.bytes)
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        closing = trace.closing
        assert len(trace) == closing["events"] == last["events"]
        assert (closing["threads"], closing["segments"]) == (last["threads"], last["segments"])
        assert (closing["counters"], closing["lost_events"], closing["forks"]) == ({}, 0, 0)
        assert trace.size == last["trace_bytes"]
    shown = json.loads(recorder_says("info", "--json", tmp_path / "app.rtrace").stdout)
    for key in ("events", "lost_events", "threads", "segments", "forks", "counters", "duration_ns"):
        assert shown[key] == closing[key]


def test_the_counters_may_be_asked_for_at_the_end_only(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace")
    work(10)
    summary = session.stop()
    last = session.stats()
    assert set(last) == {*KEYS, "failures"}
    assert (last["events"], last["trace_bytes"]) == (summary.events, summary.bytes)
    assert (last["threads"], last["segments"]) == (1, 1) and last["codes"] >= 1


FAILING = """
import os, sys
def f(n):
    return n
print("begin", flush=True)
for turn in range(100_000):
    f(turn)
print("end")
sys.exit(4)
"""


def validator() -> jsonschema.Validator:
    schema = Path(PACKAGE_HOME, "recorder/errors/diagnostic.schema.json").read_text()
    return jsonschema.Draft202012Validator(json.loads(schema))


@pytest.mark.provokes("LIMIT_REACHED")
@pytest.mark.parametrize("form", ["stderr", "path", "descriptor"])
def test_a_failure_while_the_program_runs_is_told_as_json(
    run_recorded: Run, tmp_path: Path, form: str
) -> None:
    """On stderr it is the one line; a path or descriptor of its own leaves the line for people as it is."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    option = {
        "stderr": "--json-errors",
        "path": f"--json-errors={tmp_path / 'log.json'}",
        "descriptor": f"--json-errors=fd:{writing}",
    }[form]
    result = run_recorded(FAILING, option, "--max-events", "5000", pass_fds=(writing,))
    os.close(writing)
    with open(reading) as pipe:
        piped = pipe.read()
    assert (result.status, result.stdout) == (4, b"begin\nend\n")
    text = {"stderr": result.stderr, "descriptor": piped}.get(form)
    line, *more = (text if text is not None else (tmp_path / "log.json").read_text()).splitlines()
    told = json.loads(line)
    validator().validate(told)
    # Where it is not the one line on stderr, it comes once more, with what has become of the trace.
    assert len(more) == (form != "stderr")
    for final in map(json.loads, more):
        assert final["trace"]["state"] == "partial"
        assert (final["code"], final["detail"]) == (told["code"], told["detail"])
    assert (told["code"], told["disposition"]) == ("ERR_LIMIT_REACHED", "disable")
    assert told["context"]["limit_value"] == 5000
    with recorder.open_trace(result.trace) as trace:
        assert told["trace_id"] == trace.header["trace_id"]
        assert told["run_id"] == trace.meta["run_id"]
        assert trace.failure is not None and trace.failure.message == told["detail"]
    if form != "stderr":
        assert result.codes == ["ERR_LIMIT_REACHED"]
        assert result.stderr.count("\n") == 1


@pytest.mark.provokes("LIMIT_REACHED")
def test_a_session_counts_its_failures(tmp_path: Path) -> None:
    session = recorder.start(tmp_path / "app.rtrace", max_events=1000)
    for _ in range(500):  # a limit is looked at when a function is called
        work(5)
    assert session.stop().state == "partial"
    assert session.stats()["failures"] == {"ERR_LIMIT_REACHED": 1}
    assert isinstance(session.error, errors.LimitReachedError)
