from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.rechunk import rechunked

PROGRAMS = Path(__file__).parent.parent / "programs"

InChunks = Callable[[str | Path, int, int], Path]


@pytest.fixture(scope="module")
def in_chunks(
    trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> InChunks:
    """in_chunks(program, pieces, seed): the trace of one of the programs, by its name, or of another one, by its path,
    cut into so many chunks by chance."""

    def cut(program: str | Path, pieces: int, seed: int) -> Path:
        file = PROGRAMS / f"{program}.py" if isinstance(program, str) else program
        path = tmp_path_factory.mktemp("chunks") / f"{file.stem}.rtrace"
        path.write_bytes(rechunked(trace_of(file), pieces, seed=seed))
        return path

    return cut
