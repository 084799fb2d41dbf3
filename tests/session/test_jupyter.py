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
from tests.conftest import ENVIRONMENT

CELLS = {
    "define": "def f(n):\n    total = n + 1\n    return total",
    "record": "%%record\ny = 20\nprint('said')\nf(y)",
    "fails": "%%record fails.rtrace\nf(1)\n1/0",
    "statement": "%%record other.rtrace\nz = f(y)",
    "nothing": "%%record empty.rtrace\n",
    "nowhere": "%%record /nowhere/x.rtrace\nw = 1",
    "values": "print(y, z, 'w' in globals())",
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


def test_the_kernel_gets_nothing_of_the_page(told: tuple[Path, dict[str, Any]]) -> None:
    assert not {"uvicorn", "starlette", "rich", "recorder.view.html"} & set(told[1]["modules"])
