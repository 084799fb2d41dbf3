"""What code does that is not recorded keeps the line that called it, and every reader says that it was during the call:
never as if the line itself had done it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import recorder
from recorder.cli import main
from recorder.explain.page import explain
from recorder.export import export
from tests.conftest import ENVIRONMENT, recorder_command

LIBRARY = """\
import logging, os, sys, warnings
def echo(text): inner(text)
def inner(text): print(text)
def raw(text): os.write(1, text)
def back(function): print("before"); function(); print("after")
def log(text): logging.getLogger("lib").warning(text)
def warn(text): warnings.warn(text, stacklevel=2)
def opens(): open(os.devnull).close()
def reads(): return sys.stdin.readline()
"""
PROGRAM = """\
import logging, os, sys, traceback, warnings
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "site-packages"))
import during_lib as lib
print("of its own")
lib.echo("of echo")
print("both", end=" "); lib.echo("on one line")
lib.raw(b"of raw")
os.write(1, b"of os.write")
def own(): print("called back")
lib.back(own)
logging.warning("own log")
lib.log("their log")
warnings.warn("own warning")
lib.warn("their warning")
open(os.devnull).close()
lib.opens()
lib.reads()
sys.stdin.readline()
list(map(print, ["by C"]))
def gen():
    yield print("in a generator")
list(gen())
try: 1 / 0
except ZeroDivisionError: traceback.print_exc()
"""
# Of what was written and told, in which function.
WRITTEN = {
    "of its own\n": None, "of echo\n": "echo", "both ": None, "on one line\n": "echo", "of raw": "raw",
    "of os.write": None, "before\n": "back", "called back\n": None, "after\n": "back", "by C\n": None,
    "in a generator\n": None,
}  # fmt: skip
TOLD = {
    "own log": [None], "their log": ["log"], "own warning": [None], "their warning": [None],
    "open('/dev/null', 'r', 524288)": [None, "opens"],
}  # fmt: skip


READERS = {
    "output": (["output", "--seq"], "py:5  stdout: of echo  [during echo (site-packages/during_lib.py)]"),
    "output --json": (["output", "--json"], '"during": {"function": "raw", "file": "'),
    "logs": (["logs"], r"during_lib.py:6  WARNING lib: their log  [during log (site-packages/during_lib.py)]"),
    "logs --json": (["logs", "--json"], '"during": {"function": "log", "file": "'),
    "print": (["print"], "> stdout: of echo  [during echo (site-packages/during_lib.py)]"),
    "print --json": (["print", "--json"], '"line": 5, "during": {"function": "echo"'),
    "find": (["find", "--output", "of echo"], "stdout: of echo  [during echo (site-packages/during_lib.py)]"),
    "sql": (["sql", "select text, during from output"], "echo (site-packages/during_lib.py)"),
    "sql, logs": (["sql", "select text, during from logs"], "log (site-packages/during_lib.py)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("during")
    (folder / "site-packages").mkdir()
    (folder / "site-packages/during_lib.py").write_text(LIBRARY)
    (folder / "during_program.py").write_text(PROGRAM)
    words = ["--min-free-space=0", "--capture-audit=on", "-o", folder / "t.rtrace"]
    subprocess.run(
        recorder_command("run", *words, folder / "during_program.py"),
        cwd=folder, env=ENVIRONMENT, input=b"a\nb\n", capture_output=True, check=True,
    )  # fmt: skip
    return folder / "t.rtrace"


def test_it_is_known_whose_call_it_was(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        written = {one.text: one.during for one in trace.output()}
        told = [(one.text, one.during) for one in trace.logs()]
        (read,) = trace.output("stdin")
    for text, function in WRITTEN.items():
        during = written[text]
        assert (None if during is None else during.function) == function, text
        assert during is None or during.file.endswith("site-packages/during_lib.py")
    functions = [(text, during and during.function) for text, during in told]
    for text, functions_told in TOLD.items():
        assert [function for one, function in functions if one == text] == functions_told, text
    assert str(written["of echo\n"]) == "echo (site-packages/during_lib.py)"
    assert read.during is not None and read.during.function == "reads"
    (shown,) = (during for text, during in written.items() if text.startswith("Traceback"))
    assert shown is not None and shown.function == "print_exc"


@pytest.mark.usefixtures("arrow_threads")
@pytest.mark.parametrize("reader", READERS)
def test_each_reader_says_so(reader: str, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (command, *words), said = READERS[reader]
    assert main([command, str(path), *words]) == 0
    assert said in capfd.readouterr().out


def test_each_export_says_so(path: Path, tmp_path: Path) -> None:
    export(path, "jsonl", tmp_path / "jsonl")
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert {
        one["during"]["function"] for one in lines if one["kind"] == "output" and "during" in one
    } >= {"echo", "raw"}
    export(path, "perfetto", tmp_path / "perfetto")
    slices = json.loads((tmp_path / "perfetto").read_text())["traceEvents"]
    told = {
        one["name"]: one["args"].get("during")
        for one in slices
        if one.get("cat") in ("output", "log")
    }
    assert told["of echo"] == "echo (site-packages/during_lib.py)" and told["of its own"] is None
    assert any(name.startswith("WARNING lib: their log") for name in told)


def test_explain_says_so(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        page = str(explain(trace, 2000))
    assert "[during print_exc (" in page and "outside: `open(" in page
