"""Builds the Cython core. Everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

CORE = Path("recorder/_core")
# Folders whose C files belong to an extension, besides the C that Cython writes.
C_FOLDERS = {
    "capture": ["cpython", "value"],
    "syscalls": ["sys", "tape"],
}
# RECORDER_BUILD=debug: the core checks its invariants (sys/checks.h). asan: it is checked for wrong memory as well.
BUILDS = {
    "": ["-O3", "-fvisibility=hidden", "-DNDEBUG"],
    "debug": ["-O0", "-g", "-UNDEBUG"],
    "asan": ["-O1", "-g", "-UNDEBUG", "-fsanitize=address", "-fno-omit-frame-pointer"],
}
BUILD = os.environ.get("RECORDER_BUILD", "")
# -fno-strict-aliasing and friends come from CPython's own flags.
FLAGS = [
    "-std=gnu11",
    f"-iquote{CORE}",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-missing-field-initializers",
]
FLAGS += BUILDS[BUILD]
LINKER_FLAGS = [flag for flag in BUILDS[BUILD] if flag.startswith("-fsanitize")]


def c_files(extension):
    return [
        str(path)
        for folder in C_FOLDERS.get(extension, [])
        for path in sorted((CORE / folder).glob("*.c"))
    ]


extensions = [
    Extension(
        f"recorder._core.{pyx.stem}",
        [str(pyx), *c_files(pyx.stem)],
        depends=[
            str(path) for pattern in ("*.h", "*.px[di]") for path in sorted(CORE.rglob(pattern))
        ],
        extra_compile_args=FLAGS,
        extra_link_args=LINKER_FLAGS,
    )
    for pyx in sorted(CORE.glob("*.pyx"))
]

# A line that site-packages has besides the package: it starts the recorder where RECORDER_AUTOSTART says so.
AUTOSTART = Path("recorder/_boot/recorder_autostart.pth")


class BuildWithAutostart(build_py):
    """For a wheel: the file goes to the root of what is installed."""

    def run(self):
        super().run()
        if not self.editable_mode:
            self.copy_file(str(AUTOSTART), str(Path(self.build_lib, AUTOSTART.name)))

    def get_outputs(self, include_bytecode=1):
        ours = [] if self.editable_mode else [str(Path(self.build_lib, AUTOSTART.name))]
        return [*super().get_outputs(include_bytecode), *ours]


class EditableWithAutostart(editable_wheel):
    """For an installation in place: beside the path that leads here."""

    def _select_strategy(self, *arguments):
        strategy = super()._select_strategy(*arguments)

        class Strategy:
            def __enter__(self):
                strategy.__enter__()
                return self

            def __exit__(self, *facts):
                return strategy.__exit__(*facts)

            def __call__(self, wheel, files, mapping):
                strategy(wheel, files, mapping)
                wheel.write(str(AUTOSTART), AUTOSTART.name)

        return Strategy()


# No Cython: it is loaded before Python begins (see recorder/cli/run.py).
preload = Extension(
    "recorder._core.preload",
    [str(CORE / "session/preload.c")],
    extra_compile_args=FLAGS,
    extra_link_args=LINKER_FLAGS,
)

cythonized = cythonize(
    extensions,
    build_dir="build/cython",
    compiler_directives={
        "language_level": 3,
        "binding": False,
        "boundscheck": False,
        "wraparound": False,
        "cdivision": True,
        "initializedcheck": False,
        "warn.undeclared": False,
        "warn.unused": True,
        "warn.maybe_uninitialized": True,
    },
)

setup(
    cmdclass={"build_py": BuildWithAutostart, "editable_wheel": EditableWithAutostart},
    ext_modules=[preload, *cythonized],
)
