"""Somebody else's client of the protocol: what VS Code has for tests of debug adapters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT, ROOT

EXTENSION = ROOT / "editors/vscode"
CLIENT = "@vscode/debugadapter-testsupport"


@pytest.mark.needs("node")
def test_a_session_of_somebody_elses_client(tmp_path: Path) -> None:
    if not (EXTENSION / "node_modules" / CLIENT).is_dir():
        pytest.skip(f"{CLIENT} is not installed: npm ci in editors/vscode")
    done = subprocess.run(
        ["node", "e2e/protocol.mjs", sys.executable, tmp_path],
        cwd=EXTENSION,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "all of it holds\n"), done.stderr
