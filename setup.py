"""Builds the Cython core. Everything else about the package is in pyproject.toml."""

import gzip
import os
import sys
import sysconfig
import tarfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel
from setuptools.command.sdist import sdist

CORE = Path("recorder/_core")
# Each extension, and the C files that belong to it, besides the C that Cython writes.
MODULES = {
    "capture": [
        "cpython/code_table.c",
        "cpython/deaths.c",
        "cpython/dicts.c",
        "cpython/exceptions.c",
        "cpython/frames.c",
        "cpython/frames_public.c",
        "cpython/in_flight.c",
        "cpython/instances.c",
        "cpython/generators.c",
        "cpython/arrays.c",
        "cpython/iteration.c",
        "cpython/monitoring_table.c",
        "cpython/ordered.c",
        "cpython/reading.c",
        "cpython/slots.c",
        "cpython/stores.c",
        "cpython/streams.c",
        "cpython/tasks.c",
        "known/arrow.c",
        "known/arrow_types.c",
        "known/cells.c",
        "known/clients.c",
        "known/collections.c",
        "known/contexts.c",
        "known/decimals.c",
        "known/everyday.c",
        "known/foreign.c",
        "known/iterators.c",
        "known/itertools.c",
        "known/members.c",
        "known/objects.c",
        "known/sockets.c",
        "known/string_arrays.c",
        "known/stdlib.c",
        "known/table.c",
        "known/tables.c",
        "known/tensors.c",
        "value/encode.c",
        "value/fingerprint.c",
        "value/identity.c",
        "value/name_patterns.c",
        "value/printed.c",
        "value/redaction.c",
        "value/statement.c",
    ],
    "control": [],
    "decode": [],
    "status": [],
    "syscalls": ["sys/spawn.c", "sys/syscall_table.c", "tape/map_guard.c"],
}
PRELOAD = CORE / "session/preload.c"
# What is built of one commit is the same bytes, whenever, wherever and by whomever it is built.
os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600")  # zip files begin in 1980; wheels heed it
os.umask(0o022)

# RECORDER_BUILD=debug: the core checks its invariants (sys/checks.h). asan: it is checked for wrong memory as well;
# ubsan: for what C leaves undefined.
BUILDS = {
    "": ["-O3", "-fvisibility=hidden", "-DNDEBUG", "-g0", f"-ffile-prefix-map={Path.cwd()}=."],
    "debug": ["-O0", "-g", "-UNDEBUG"],
    "asan": ["-O1", "-g", "-UNDEBUG", "-fsanitize=address", "-fno-omit-frame-pointer"],
    "ubsan": ["-O1", "-g", "-UNDEBUG", "-fsanitize=undefined", "-fno-omit-frame-pointer"],
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
# A warning is an error where we build ourselves: in CI, which sets this, and in debug builds. Not where a user
# installs, whose compiler may be newer than this page and warn of what none warned of before.
if BUILD or os.environ.get("RECORDER_STRICT"):
    FLAGS += ["-Werror", "-include", str(CORE / "sys/must_check.h")]
# Names of functions stay: profilers and reports of crashes need them.
LINKER_FLAGS = {
    "": ["-Wl,-S"],
    "asan": ["-fsanitize=address"],
    "ubsan": ["-fsanitize=undefined"],
}.get(BUILD, [])


def sources(module):
    return [str(CORE / name) for name in (f"{module}.pyx", *MODULES[module])]


# Its core would be compiled for minutes, or not at all, and then refuse to be loaded.
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    raise SystemExit(
        "recorder-core cannot be built here: [ERR_FREE_THREADED_PYTHON] this Python is built to run without the GIL;"
        " use the default build of the same version (docs/free-threading.md)"
    )

# A module without its source would be left out, and one without a C file could not be loaded: neither is noticed here.
needed = [str(PRELOAD), *(name for module in MODULES for name in sources(module))]
missing = [name for name in needed if not Path(name).exists()]
if missing:
    raise SystemExit(f"recorder-core cannot be built here: {', '.join(missing)} not found")

extensions = [
    Extension(
        f"recorder._core.{module}",
        sources(module),
        depends=[
            str(path) for pattern in ("*.h", "*.px[di]") for path in sorted(CORE.rglob(pattern))
        ],
        extra_compile_args=FLAGS,
        extra_link_args=LINKER_FLAGS,
    )
    for module in MODULES
]

# A line that site-packages has besides the package: it starts the recorder where RECORDER_AUTOSTART says so. CPython
# takes it from a .pth file up to 3.17. From 3.15 on it takes it from a .start file as well, but imports pkgutil for it
# and what that needs: ten milliseconds at each start, and none at all where PYTHONPATH leads to a functools.py.
AUTOSTART_SUFFIX = ".start" if sys.version_info >= (3, 18) else ".pth"
AUTOSTART = [Path("recorder/_boot/recorder_autostart" + AUTOSTART_SUFFIX)]


class BuildWithAutostart(build_py):
    """For a wheel: the files go to the root of what is installed."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for file in AUTOSTART:
                self.copy_file(str(file), str(Path(self.build_lib, file.name)))
            for path in self.get_outputs(include_bytecode=0):
                os.chmod(path, 0o644)  # a checkout has the modes of whoever made it

    def get_outputs(self, include_bytecode=1):
        files = [] if self.editable_mode else AUTOSTART
        ours = [str(Path(self.build_lib, file.name)) for file in files]
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
                for file in AUTOSTART:
                    wheel.write(str(file), file.name)

        return Strategy()


class ReproducibleSdist(sdist):
    """An archive whose bytes tell only what is in the files: no time, owner or order of a folder."""

    def make_archive(self, base_name, format, base_dir=None, **owner):
        self.mkpath(self.dist_dir)
        epoch = int(os.environ["SOURCE_DATE_EPOCH"])

        def anonymous(member):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            return member

        with (
            open(f"{base_name}.tar.gz", "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path in sorted(path for path in Path(base_dir).rglob("*") if path.is_file()):
                archive.add(path, filter=anonymous)
        return file.name


# No Cython: it is loaded before Python begins (see recorder/cli/run.py).
preload = Extension(
    "recorder._core.preload",
    [str(PRELOAD)],
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
    cmdclass={
        "build_py": BuildWithAutostart,
        "editable_wheel": EditableWithAutostart,
        "sdist": ReproducibleSdist,
    },
    ext_modules=[preload, *cythonized],
)
