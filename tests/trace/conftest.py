from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.rechunk import rechunked

PROGRAMS = Path(__file__).parent.parent / "programs"

InChunks = Callable[[str, int, int], Path]


@pytest.fixture(scope="module")
def in_chunks(
    trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> InChunks:
    """in_chunks(name, pieces, seed): the trace of one of the programs, cut into so many chunks by chance."""

    def cut(name: str, pieces: int, seed: int) -> Path:
        path = tmp_path_factory.mktemp("chunks") / f"{name}.rtrace"
        path.write_bytes(rechunked(trace_of(PROGRAMS / f"{name}.py"), pieces, seed=seed))
        return path

    return cut
