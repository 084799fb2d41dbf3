"""Libraries that only some answers need: imported when the first one is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from recorder import errors


def load(module: str, install: str = "recorder-core[parquet]") -> Any:
    """`install`: what brings it. Raises DEPENDENCY_MISSING."""
    try:
        return import_module(module)
    except ImportError as exc:
        raise errors.DependencyMissingError(
            f"the library {module.partition('.')[0]} could not be imported; "
            f"pip install {install!r} brings it",
            module=module,
        ) from exc
