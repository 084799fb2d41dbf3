"""Builds the Cython core. Everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CORE = Path("recorder/_core")
# C files that belong to an extension besides the one Cython writes.
EXTRA_SOURCES = {"capture": ["frames.c", "instances.c", "whose.c"], "syscalls": ["syscall_table.c"]}
# -fno-strict-aliasing and friends come from CPython's own flags; asserts stay out unless asked for.
DEBUG = os.environ.get("RECORDER_BUILD") == "debug"
FLAGS = [
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-missing-field-initializers",
]
FLAGS += ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-fvisibility=hidden"]

extensions = [
    Extension(
        f"recorder._core.{pyx.stem}",
        [str(pyx), *(str(CORE / name) for name in EXTRA_SOURCES.get(pyx.stem, []))],
        include_dirs=[str(CORE)],
        depends=[str(path) for path in (*CORE.glob("*.h"), *CORE.glob("*.px[di]"))],
        extra_compile_args=FLAGS,
    )
    for pyx in sorted(CORE.glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        show_all_warnings=True,
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
)
