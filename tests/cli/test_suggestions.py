"""Whatever is suggested can be asked as it is printed, and answers: by the command line, and by the server's tools."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli
from recorder.mcp.allowed import Allowed
from recorder.mcp.tools import BY_NAME, call_of, input_schema, words
from tests.bugs.follow import PROGRAMS as BUGS
from tests.bugs.follow import unmarked
from tests.tools.tape_tools import in_turn

jsonschema = pytest.importorskip("jsonschema")
PROGRAMS = Path(__file__).parent.parent / "programs"
STRANGE = """\
class Shop:
    def __init__(self, *, tax=0.2): self._Shop__rows, self.tax = {}, tax
    def put(self, name, *rest, **more):
        self._Shop__rows[name] = lambda extra: (rest, more, extra)
        return [row(name) for row in self._Shop__rows.values() for _ in range(2)]
    @property
    def größe(self): return len(self._Shop__rows)
def gen(n):
    for k in range(n):
        try: yield k
        finally: k = None
shop = Shop()
for name in ("it's", 'a "b"', "--help", "c d", ""):
    shop.put(name, 1, key=name)
    try: {}[name]
    except KeyError: pass
rows = [shop.größe, *gen(3), *(x * 2 for x in (1, 2))]
try: exec("made = 1; assert not made")
except AssertionError: print(rows)
"""
TRACES = [
    *(f"bugs/{path.stem}" for path in BUGS[::10]),
    *("awaiting", "generators", "class_bodies", "exceptions"),
    "strange",
]
FIRST = [
    ["explain"], ["calls"], ["calls", "--limit", "1"], ["exceptions"], ["exceptions", "--limit", "1"],
    ["find", "--kind", "return"], ["find", "--kind", "line", "--backwards", "--limit", "3"], ["tree"], ["source"],
    ["state", "50%"], ["print", "--limit", "5"],
]  # fmt: skip
MOST = 30  # of one trace
BEGIN = "next: recorder "


@pytest.fixture
def trace(
    request: pytest.FixtureRequest, tmp_path: Path, trace_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> str:  # fmt: skip
    """In the present folder, with a name that wants quoting."""
    folder, _, name = request.param.rpartition("/")
    program = tmp_path / f"suggested_{name}.py"
    if folder:
        program.write_text(unmarked((BUGS[0].parent / f"{name}.py").read_text()))
    else:
        program.write_text(STRANGE if name == "strange" else (PROGRAMS / f"{name}.py").read_text())
    monkeypatch.chdir(tmp_path)
    shutil.copy(trace_of(program), "it's a trace.rtrace")
    return "it's a trace.rtrace"


def variables(trace: str, capfd: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Questions about variables that there are."""
    capfd.readouterr()
    cli.main(["calls", trace, "--json", "--limit", "30"])
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    names = list(dict.fromkeys(name for row in rows for name in row["arguments"]))[:2]
    return [[command, name] for name in names for command in ("watch", "history", "why")]


def asked(
    given: list[str], capfd: pytest.CaptureFixture[str]
) -> tuple[int, str, list[str], list[list[str]]]:
    """The status, the answer, what else was said, and what is suggested."""
    status = cli.main(given)
    out, err = capfd.readouterr()
    said = err.splitlines()
    suggested = [
        shlex.split(re.sub(r"  \(.*\)$", "", line.removeprefix(BEGIN)))
        for line in said
        if line.startswith(BEGIN)
    ]
    return status, out, [line for line in said if not line.startswith(BEGIN)], suggested


@pytest.mark.parametrize("trace", in_turn(TRACES, of=3, always=["strange"]), indirect=True)
def test_each_can_be_asked_as_it_is_printed(
    trace: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so can what its answer suggests."""
    monkeypatch.setenv("RECORDER_NEXT", "1")
    waiting: dict[str, list[str]] = {}
    for command, *rest in [*FIRST, *variables(trace, capfd)]:
        for one in asked([command, trace, *rest], capfd)[3]:
            waiting.setdefault(shlex.join(one), one)
    done = set()
    while waiting and len(done) < MOST:
        key, given = waiting.popitem()
        done.add(key)
        status, out, said, suggested = asked(given, capfd)
        assert said == [] and out, key
        assert status == 0 or (given[0] == "diff" and status == 1), key  # they differ
        for one in suggested:
            if shlex.join(one) not in done:
                waiting.setdefault(shlex.join(one), one)
        found = call_of(given[0], [word for word in given[1:] if word != trace])
        assert found is not None, key
        tool, arguments = BY_NAME[found[0]], found[1]
        jsonschema.validate(arguments, input_schema(tool))
        again = cli.main(words(tool, arguments, Allowed([trace]), trace))
        assert (again, capfd.readouterr().out) == (status, out), key
    assert len(done) >= 5
