"""The empty C callback, on the hook that the recorder uses on this Python: what any recorder costs at least.

from floor import Floor
with Floor():
    work()
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def build() -> ModuleType:
    """Compiles floor.pyx for this Python, once per temporary folder, and imports it."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    folder = Path(tempfile.gettempdir()) / f"recorder-floor-{sys.implementation.cache_tag}"
    library = folder / f"recorder_floor{sysconfig.get_config_var('EXT_SUFFIX')}"
    source = HERE / "floor.pyx"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        extensions = cythonize(
            [Extension("recorder_floor", [str(source)], extra_compile_args=["-O3"])],
            build_dir=str(folder / "build"),
            quiet=True,
        )
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(folder), str(folder / "build")
        command.ensure_finalized()
        command.run()
    spec = importlib.util.spec_from_file_location("recorder_floor", library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Floor:
    """Every event that the recorder would see goes to a C function that does nothing."""

    def __init__(self) -> None:
        self.module = build()

    def __enter__(self) -> None:
        if sys.version_info < (3, 12):
            self.module.start_trace()
            return
        monitoring = sys.monitoring
        events = monitoring.events
        self.tool = 4
        monitoring.use_tool_id(self.tool, "floor")
        wanted = (
            events.PY_START | events.PY_RESUME | events.PY_THROW | events.LINE | events.PY_RETURN
            | events.PY_YIELD | events.PY_UNWIND | events.RAISE | events.RERAISE
            | events.EXCEPTION_HANDLED
        )  # fmt: skip
        for bit in range(events.PY_THROW.bit_length() + 8):
            if wanted & 1 << bit:
                monitoring.register_callback(self.tool, 1 << bit, self.module.empty)
        monitoring.set_events(self.tool, wanted)

    def __exit__(self, *exc: object) -> None:
        if sys.version_info < (3, 12):
            self.module.stop_trace()
            return
        sys.monitoring.set_events(self.tool, 0)
        sys.monitoring.free_tool_id(self.tool)
