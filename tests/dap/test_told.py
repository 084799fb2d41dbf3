"""What the program printed and told comes as output events at its moments, in the console of whoever steps there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools.dap_client import Session

LIBRARY = """\
import logging
def log(text): logging.getLogger("lib").warning(text)
def echo(text): print(text, flush=True)
"""
PROGRAM = """\
import logging, os, sqlite3, sys, warnings
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "site-packages"))
import told_lib
class Bad:
    def __del__(self): raise ValueError("in __del__")
loud = logging.getLogger("loud")
loud.addHandler(logging.StreamHandler())
loud.propagate = False
logging.basicConfig(handlers=[logging.NullHandler()])
def tell():
    logging.warning("low on %s", "milk")
    print("printed", flush=True)
    told_lib.log("theirs")
    told_lib.echo("echoed")
    warnings.warn("old")
    sqlite3.connect(":memory:").execute("select 1")
    Bad()
    loud.warning("out of %s", "tea")
    sys.stdin.readline()
tell()
raise KeyError("end")
"""
FIRST = 11
# Category, line, text and whom the line waited for.
TOLD = [
    ("console", 11, "WARNING root: low on milk", None),
    ("stdout", 12, "printed", None),
    ("console", 2, "WARNING lib: theirs", "log (site-packages/told_lib.py)"),
    ("stdout", 14, "echoed", "echo (site-packages/told_lib.py)"),
    ("stderr", 15, "UserWarning: old", "_showwarnmsg (python"),
    ("console", 16, "sqlite3.connect(':memory:')", None),
    ("console", 16, "sql select 1", None),
    ("important", 5, "Exception ignored ", None),
    ("stderr", 17, "Exception ignored ", None),
    ("stderr", 18, "out of tea\n", "Logger.warning (logging"),
]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("told")
    (folder / "site-packages").mkdir()
    (folder / "site-packages/told_lib.py").write_text(LIBRARY)
    (folder / "told_program.py").write_text(PROGRAM)
    words = ["--min-free-space=0", "--capture-audit=on", "-o", folder / "t.rtrace"]
    done = subprocess.run(
        recorder_command("run", *words, folder / "told_program.py"),
        cwd=folder, env=ENVIRONMENT, input=b"a line\n", capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return folder / "t.rtrace"


def told(session: Session) -> list[dict[str, Any]]:
    found = [one["body"] for one in session.events if one["event"] == "output"]
    session.events[:] = [one for one in session.events if one["event"] != "output"]
    return found


def test_it_is_told_on_the_way(session: Session, trace: Path) -> None:
    session.attach(trace).break_at(trace.parent / "told_program.py", FIRST, FIRST + 1)
    session.begin()
    session.move("continue")
    told(session)
    session.move("continue")
    (log,) = told(session)  # of the line that was passed, and no more
    assert (log["category"], log["output"]) == ("console", "WARNING root: low on milk\n")
    session.move("reverseContinue")
    (back,) = told(session)
    assert back["category"] == "console"
    assert back["output"] == "back before this output: WARNING root: low on milk\n"
    session.ask(
        "setBreakpoints", source={"path": str(trace.parent / "told_program.py")}, breakpoints=[]
    )
    assert "text" in session.move("continue").body
    found = [
        one
        for one in told(session)
        if "open(" not in one["output"]
        and "/handle" not in one["output"]
        # Behind "Exception ignored", which 3.15 writes by itself.
        and not one["output"].startswith("Traceback")
    ]
    for (category, line, text, during), one in zip(TOLD, found, strict=False):
        assert (one["category"], one["line"]) == (category, line) and text in one["output"], one
        said = one.get("data", {}).get("during")
        assert said == during if during is None else said.startswith(during), said
        assert one["source"]["path"].endswith("told_lib.py" if line == 2 else "told_program.py")
    assert len(found) >= len(TOLD)
