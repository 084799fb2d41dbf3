"""The empty C callback, on the hook that the recorder uses on this Python: what any recorder costs at least.

with Floor():
    work()

On 3.12 and later the callback gets the events of code in scope, as the recorder does; on 3.11 a trace
function is called for all code.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

HERE = Path(__file__).resolve().parent


def build() -> ModuleType:
    """Compiles floor.pyx for this Python, once per temporary folder, and imports it."""
    folder = Path(tempfile.gettempdir()) / f"recorder-floor-{sys.implementation.cache_tag}"
    library = folder / f"recorder_floor{sysconfig.get_config_var('EXT_SUFFIX')}"
    source = HERE / "floor.pyx"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        _compile(source, folder)
    spec = importlib.util.spec_from_file_location("recorder_floor", library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compile(source: Path, folder: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extensions = cythonize(
        [Extension("recorder_floor", [str(source)], extra_compile_args=["-O3"])],
        build_dir=str(folder / "build"),
        quiet=True,
    )
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder / "build")
    command.ensure_finalized()
    command.run()


def in_scope(file: str) -> bool:
    """Whether a workload's code, or what it brings from site-packages, is in this file."""
    return file.startswith(str(HERE)) or "/site-packages/" in file


def codes_in_scope() -> Iterator[CodeType]:
    """All code objects that are in scope, nested ones included."""
    pending = [
        function.__code__
        for function in gc.get_objects()
        if type(function) is FunctionType and in_scope(function.__code__.co_filename)
    ]
    seen = set()
    while pending:
        code = pending.pop()
        if id(code) not in seen:
            seen.add(id(code))
            yield code
            pending += [inner for inner in code.co_consts if isinstance(inner, CodeType)]


class Floor:
    """Every event that the recorder would see goes to a C function that does nothing."""

    def __init__(self) -> None:
        self.module = build()

    def __enter__(self) -> None:
        if sys.version_info < (3, 12):
            self.module.start_trace()
            return
        monitoring = sys.monitoring
        e = monitoring.events
        local = e.PY_START | e.PY_RESUME | e.LINE | e.PY_RETURN | e.PY_YIELD | e.STOP_ITERATION
        everywhere = e.PY_THROW | e.PY_UNWIND | e.RAISE | e.RERAISE | e.EXCEPTION_HANDLED
        self.tool = 4
        monitoring.use_tool_id(self.tool, "floor")
        for bit in range(32):
            if (local | everywhere) & 1 << bit:
                monitoring.register_callback(self.tool, 1 << bit, self.module.empty)
        self.codes = list(codes_in_scope())
        for code in self.codes:
            monitoring.set_local_events(self.tool, code, local)
        monitoring.set_events(self.tool, everywhere)

    def __exit__(self, *exc: object) -> None:
        if sys.version_info < (3, 12):
            self.module.stop_trace()
            return
        monitoring = sys.monitoring
        monitoring.set_events(self.tool, 0)
        for code in self.codes:
            monitoring.set_local_events(self.tool, code, 0)
        monitoring.free_tool_id(self.tool)
