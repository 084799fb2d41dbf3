"""No module imports upward, wherever the import stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import recorder

HOME = Path(recorder.__file__).parent
# From the bottom up. A module may import from its own line and from those above it here.
LAYERS = [
    {"errors", "_core"},
    {"processes", "destination", "policy", "log"},
    {"staging", "diagnostics"},
    {"preparing"},
    {"launching"},
    {"trace"},
    {"export", "sealer", "session", "children"},
    {"cli", "_boot", "__main__", "__init__"},
]
# The package's own name gives its version, and what users call.
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def parts_imported(path: Path) -> Iterator[tuple[str, int]]:
    """The parts of the package that a module imports, and where."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "recorder":
            names = [f"recorder.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "recorder" and rest.partition(".")[0] in LEVEL:
                yield rest.partition(".")[0], node.lineno


def test_every_module_has_its_layer() -> None:
    parts = {path.stem for path in HOME.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__pycache__"} == set(LEVEL)


def test_imports_point_one_way() -> None:
    upward = []
    for path in HOME.rglob("*.py"):
        own = path.relative_to(HOME).parts[0].removesuffix(".py")
        for other, line in parts_imported(path):
            if LEVEL[other] > LEVEL[own]:
                upward.append(f"{path.relative_to(HOME)}:{line} imports {other}")
    assert upward == []
