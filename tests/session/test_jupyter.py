"""`%%record` in a notebook, by IPython itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.jupyter import FRAME
from recorder.view.moments import inline, module_globals
from recorder.view.parameters import Parameters
from recorder.view.values import rows_of
from tests.conftest import ENVIRONMENT

CELLS = {
    "define": "def f(n):\n    total = n + 1\n    return total",
    "record": "%%record\ny = 20\nprint('said')\nf(y)",
    "fails": "%%record fails.rtrace\nf(1)\n1/0",
    "statement": "%%record other.rtrace\nz = f(y)",
    "nothing": "%%record empty.rtrace\n",
    "nowhere": "%%record /nowhere/x.rtrace\nw = 1",
    "no trace": "from recorder.jupyter import show\nshow('missing.rtrace')",
    "values": "print(y, z, 'w' in globals())",
    "future": "from __future__ import annotations",
    "annotated": "%%record annotated.rtrace\ndef g(a: int) -> str:\n    b: int = a\n    return str(b)\ng(4)",
}
SHELL = f"""
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_cell("%load_ext recorder")
told = {{}}
for name, cell in {CELLS!r}.items():
    with capture_output() as captured:
        result = shell.run_cell(cell)
    told[name] = dict(
        result=result.result, error=result.error_in_exec and type(result.error_in_exec).__name__,
        stdout=captured.stdout, stderr=captured.stderr,
        html=[one.data.get("text/html", "") for one in captured.outputs],
        plain=[one.data.get("text/plain", "") for one in captured.outputs],
    )
told["modules"] = sorted(set(sys.modules) - before)
json.dump(told, open("told.json", "w"))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("notebook")
    environment = {**ENVIRONMENT, "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-c", SHELL]
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=120)
    return folder, json.loads((folder / "told.json").read_text())


def test_what_is_typed_in_the_page_can_be_sent() -> None:
    """A frame of which forms are not allowed ignores Enter, without a word."""
    assert 'sandbox="allow-scripts allow-forms"' in FRAME


def pages(cell: dict[str, Any]) -> int:
    return sum(html.startswith("<iframe srcdoc=") for html in cell["html"])


def test_a_cell_is_recorded_and_shown(told: tuple[Path, dict[str, Any]]) -> None:
    folder, cells = told
    cell = cells["record"]
    assert (cell["result"], cell["error"], cell["stderr"]) == (21, None, "")
    assert cell["stdout"].startswith("said\n") and pages(cell) == 1
    assert not any("<script" in html for html in cell["html"])  # it is a text in there
    with recorder.open_trace(folder / "cell.rtrace") as trace:
        assert trace.verdict == "complete"
        called = [call.function.qualified_name for call in trace.calls()]
        assert called.count("f") == 1 and set(called) == {"f", "<module>"}
        assert [one.value.to_python() for one in trace.history("y")] == [20]
        assert trace.at(len(trace) - 1).event.value == 21


def test_what_a_cell_raises_is_raised_and_shown(told: tuple[Path, dict[str, Any]]) -> None:
    folder, cells = told
    assert cells["fails"]["error"] == "ZeroDivisionError" and pages(cells["fails"]) == 1
    with recorder.open_trace(folder / "fails.rtrace") as trace:
        (raised,) = trace.exceptions()
        assert raised.type_name == "ZeroDivisionError" and raised.escaped


@pytest.mark.provokes("DIRECTORY_CREATE_FAILED")
def test_cells_that_show_nothing(told: tuple[Path, dict[str, Any]]) -> None:
    """An assignment has no value; what cannot be recorded is not run."""
    cells = told[1]
    assert (cells["statement"]["result"], cells["statement"]["stdout"]) == (None, "")
    assert pages(cells["statement"]) == 1
    assert (cells["nowhere"]["error"], pages(cells["nowhere"])) == ("DirectoryCreateFailedError", 0)
    assert cells["values"]["stdout"] == "20 21 False\n"


def test_why_there_is_no_page_is_said_as_a_person_reads_it(
    told: tuple[Path, dict[str, Any]],
) -> None:
    cell = told[1]["no trace"]
    (said,) = cell["plain"]
    assert said.startswith("recorder: [ERR_TRACE_NOT_FOUND] ") and said.endswith("\n")
    assert (cell["error"], pages(cell)) == (None, 0)


def test_the_kernel_gets_nothing_of_the_page(told: tuple[Path, dict[str, Any]]) -> None:
    assert not {"uvicorn", "starlette", "rich", "recorder.view.html"} & set(told[1]["modules"])


@pytest.mark.parametrize("trace", ["cell", "fails", "other", "annotated"])
def test_a_cell_is_proved_to_be_what_ran(told: tuple[Path, dict[str, Any]], trace: str) -> None:
    """With its last expression, whose value is asked for, and with a future that an earlier cell imported."""
    with recorder.open_trace(told[0] / f"{trace}.rtrace") as opened:
        texts = opened.all_sources
        assert texts and [one.doubt for one in texts] == [None] * len(texts)
        assert all(opened.source_of(call.function) in texts for call in opened.calls())


def test_the_page_tells_the_variables_of_ipython_apart(told: tuple[Path, dict[str, Any]]) -> None:
    with recorder.open_trace(told[0] / "cell.rtrace") as trace:
        seq = next(trace.find(kind="line", function="f")).seq - 1  # the call: y is there
        body = next(one for one in trace.at(seq).stack if one.function.is_body)
        rows = [rows_of(body), module_globals(trace, Parameters({"seq": str(seq)}))["rows"]]
        lines = inline(trace, Parameters({"seq": str(seq), "frame": str(body.frame)}))["lines"]
    for each in rows:
        shown = {row["name"] for row in each if not row["definition"]}
        assert "y" in shown and not {"In", "_oh", "_i1", "exit", "get_ipython"} & shown
    assert {name for line in lines for name, _ in line["values"]} <= {"y"}


# As ipykernel has it: its streams write to no descriptor, IPython stands before them, and what comes out of a
# descriptor is handed to the same method, in a thread.
STREAMS = """
class OutStream:
    def __init__(self, name):
        self.name, self.sent = name, []

    def write(self, string):
        self.sent.append(string)
        return len(string)

    def _watch_pipe_fd(self, text):
        self.write(text)

    def flush(self):
        pass

class InteractiveShell:
    def _tee(self, stream):
        original = stream.write

        def write(data, *args):
            return original(data, *args)

        stream.write = write
"""
KERNEL = """
import json, os, sys
import recorder
from ipykernel.iostream import InteractiveShell, OutStream

sys.stdout, sys.stderr, other = OutStream("stdout"), OutStream("stderr"), OutStream("a file")
InteractiveShell()._tee(sys.stdout)

def cell():
    print("said €")
    print("bad", file=sys.stderr)
    print("elsewhere", file=other)
    os.write(1, b"by os\\n")
    sys.stdout._watch_pipe_fd("by os\\n")
    print("password=hunter2")
    sys.stdout.write("\\ud800")

with recorder.record("streams.rtrace"):
    cell()
sent = {"stdout": sys.stdout.sent, "stderr": sys.stderr.sent}
json.dump(sent, open("sent.json", "w"))
"""


def test_what_is_printed_in_a_kernel_is_output(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "ipykernel"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "iostream.py").write_text(STREAMS)
    program = tmp_path / "kernel_of_cells.py"
    program.write_text(KERNEL)
    subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": f"{package.parent}:{ENVIRONMENT['PYTHONPATH']}"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    begin = KERNEL.splitlines().index("def cell():") + 1
    with recorder.open_trace(tmp_path / "streams.rtrace") as trace:
        assert trace.verdict == "complete"
        rows = [one for one in trace.output() if one.text.strip()]
    found = [(one.stream, one.text.strip(), one.line and one.line - begin) for one in rows]
    assert found == [
        ("stdout", "said €", 1),
        ("stderr", "bad", 2),
        ("stdout", "by os", 4),
        ("stdout", "password=*******", 6),
        ("stdout", "\\xed\\xa0\\x80", 7),
    ]
    assert [one.during for one in rows] == [None] * len(rows)
    sent = json.loads((tmp_path / "sent.json").read_text())
    assert sent["stdout"][:2] == ["said €", "\n"] and sent["stderr"][:1] == ["bad"]
