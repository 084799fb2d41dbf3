"""Calls in the order in which they began, nested; bodies are none of them, the import machinery is out of the way."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace import calls, frame_search
from recorder.trace.container.chunks import Chunk
from recorder.trace.seeking import Seeker
from tests.conftest import Run, recorder_command
from tests.tools.rechunk import rechunked

PROGRAM = """
import wave_of_mine
class Cart:
    rate = 2
    class Item:
        pass
    def add(self, n):
        def helper(self): return self
        return helper(n) + self.other(n)
    def other(self, n): return fib(n)
    @classmethod
    def make(cls): return cls()
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def fails(): raise KeyError(1)
cart = Cart.make()
cart.add(2)
try: fails()
except KeyError: pass
exec("def z(): pass\\nz()")
"""

# The name, and how far it stands in.
EXPECTED = [
    "module __main__", "  module wave_of_mine", "  class Cart", "    class Cart.Item", "  Cart.make()",
    "  Cart.add(n=2)", "    Cart.add.<locals>.helper(self=2)", "    Cart.other(n=2)", "      fib(n=2)",
    "        fib(n=1)", "        fib(n=0)", "  fails()", "  code in __main__", "    z()",
]  # fmt: skip


def asked(trace: Path, *options: object) -> list[str]:
    command = recorder_command("calls", trace, *options)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture
def trace(run_recorded: Run, tmp_path: Path) -> Path:
    (tmp_path / "wave_of_mine.py").write_text("X = 1\n")
    result = run_recorded(PROGRAM, "--scope", "all", "--exclude", "*/site-packages/*")
    assert result.status == 0, result.stderr
    return result.trace


def test_nested_in_order(trace: Path) -> None:
    lines = [line[10:] for line in asked(trace)]
    names = [re.split(r" → | ! |  (?=\S+:\d)", line, maxsplit=1)[0] for line in lines]
    assert names == EXPECTED
    assert "  Cart.add(n=2) → 3" in lines[5]
    assert "→" not in lines[0] + lines[2] and "! KeyError(1)" in lines[11]
    assert any("add(self=" in line for line in asked(trace, "--self"))
    everything = asked(trace, "--imports")
    assert any("_find_and_load" in line for line in everything) and len(everything) > len(lines)
    assert [
        line[10:].partition("  ")[0] for line in asked(trace, "--function", "fib", "--limit", 1)
    ] == ["fib(n=2) → 1"]
    assert json.loads(asked(trace, "--json", "--function", "Cart.add")[0])["arguments"]["self"]


def test_however_few_wait_for_one_another(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def facts(opened: recorder.Trace) -> list[Any]:
        return [
            (c.seq, c.title, c.start and c.start.seq, c.end and c.end.seq) for c in opened.calls()
        ]

    with recorder.open_trace(trace) as opened:
        plenty = facts(opened)
        monkeypatch.setattr(calls, "MOST_WAITING", 1)
        assert facts(opened) == plenty
        assert next(opened.calls(stop=40)).end is None


def test_the_end_of_a_long_call_is_looked_up_without_reading_what_is_between(
    trace_of: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many chunks there are."""
    monkeypatch.setattr(calls, "MOST_WAITING", 1)
    monkeypatch.setattr(frame_search, "WINDOW", 8)
    program, path = tmp_path / "a_long_call.py", tmp_path / "long.rtrace"
    program.write_text("def f(n): return n\nfor n in range(300): f(n)\n")
    path.write_bytes(rechunked(trace_of(program), 300))
    with recorder.open_trace(path) as opened:
        first = next(opened.calls())
        assert first.end is not None and first.end.seq == len(opened) - 1
        loaded = counted(monkeypatch)
        assert next(opened.calls()).end == first.end
        assert len(loaded) < 40, len(loaded)
        assert next(opened.call_tree()).end == first.end


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The chunks that are gone to from now on."""
    loaded: list[int] = []
    load = Seeker.load

    def counting(self: Seeker, chunk: Chunk) -> None:
        loaded.append(chunk.offset)
        load(self, chunk)

    monkeypatch.setattr(Seeker, "load", counting)
    return loaded


def test_bodies_in_the_exports(trace: Path, tmp_path: Path) -> None:
    for format, name in (("perfetto", "p.json"), ("speedscope", "s.json")):
        out = tmp_path / name
        subprocess.run(recorder_command("export", trace, "--to", format, "-o", out), check=True)
        text = out.read_text("utf-8")
        for title in (
            "class Cart",
            "class Cart.Item",
            "module __main__",
            "module wave_of_mine",
            "Cart.add",
        ):
            assert f'"name": "{title}"' in text, (format, title)
        assert '"name": "<module>"' not in text and '"name": "Cart"' not in text
