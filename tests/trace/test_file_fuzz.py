"""Every byte of a small trace is changed, and it is cut at every length: see tests/tools/fuzz_file.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.fuzz_file import look, make_trace, stored
from tests.tools.tape_tools import write_anew

STEP = 5  # by default; the whole with `pytest -m slow tests/trace/test_file_fuzz.py`


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    whole = make_trace(tmp_path_factory.mktemp("fuzz") / "small.rtrace")
    return [whole, stored(whole)]


def every_flip(traces: list[bytes], path: Path, step: int) -> None:
    for data in traces:
        for at in range(0, len(data), step):
            for mask in (0xFF, 1 << at % 8):
                changed = bytearray(data)
                changed[at] ^= mask
                write_anew(path, changed)
                assert not look(path).startswith("complete"), (at, mask)


def every_cut(traces: list[bytes], path: Path, step: int) -> None:
    for data in traces:
        for size in range(0, len(data), step):
            write_anew(path, data[:size])
            assert not look(path).startswith("complete"), size


def test_a_changed_byte_is_noticed(traces: list[bytes], tmp_path: Path) -> None:
    every_flip(traces, tmp_path / "a.rtrace", STEP)


def test_a_cut_file_is_noticed(traces: list[bytes], tmp_path: Path) -> None:
    every_cut(traces, tmp_path / "a.rtrace", STEP)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_changed_byte_is_noticed(traces: list[bytes], tmp_path: Path) -> None:
    every_flip(traces, tmp_path / "a.rtrace", 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_cut_is_noticed(traces: list[bytes], tmp_path: Path) -> None:
    every_cut(traces, tmp_path / "a.rtrace", 1)
