"""The official SDK and what it brings, imported when the server starts: the rest of the recorder does without it."""

from __future__ import annotations

from typing import Any, Final

from recorder.trace import libraries

INSTALL: Final = "recorder-core[mcp]"


def load(module: str) -> Any:
    """Raises DEPENDENCY_MISSING."""
    return libraries.load(module, INSTALL)
