"""The ways in which a workload is run: bare, with a hook that does nothing, recorded, filtered out, under a peer.

Each way is a function `(run, folder) → (run, stop)`: it begins to record into the folder and answers what
to call instead of `run` (nearly always `run` itself) and how to end. Everything a way needs is imported
when it begins, so that its start-up time is what a program would pay.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

Run = Callable[[int], object]
Stop = Callable[[], object]
Begin = Callable[[Run, Path], tuple[Run, Stop]]


class Way(NamedTuple):
    begin: Begin
    divisor: int = 1  # the workload's size is divided by this: what is slow is measured on less
    needs: str = ""  # the package it is in
    sees: str = ""  # what of the program it writes down
    records: bool = True  # else a run leaves nothing behind, and can be repeated


def unrecorded(run: Run, folder: Path) -> tuple[Run, Stop]:
    return run, lambda: None


def empty_callback(run: Run, folder: Path) -> tuple[Run, Stop]:
    from floor import Floor

    floor = Floor()
    floor.__enter__()
    return run, floor.__exit__


def recorded(run: Run, folder: Path) -> tuple[Run, Stop]:
    import recorder

    return run, recorder.start(folder / "benchmark.rtrace", min_free_space=0, scope="deps").stop


def filtered_out(run: Run, folder: Path) -> tuple[Run, Stop]:
    """The same, with every file of the workload out of scope."""
    import recorder

    policy = recorder.Policy(scope="own", exclude=["*/benchmarks/*"], min_free_space=0)
    return run, recorder.start(folder / "benchmark.rtrace", policy).stop


# ---- peers: each as near as it comes to recording values -------------------------------------------------


def kolo_lines(run: Run, folder: Path) -> tuple[Run, Stop]:
    import kolo
    from kolo.db import create_traces_table, db_connection

    config = {
        "line_events": True,
        "auto_emit": False,
        "hide_startup_message": True,
        "threading": True,
        "filters": {"include_frames": ["benchmarks", "pyflakes"]},
    }
    database = folder / "kolo.sqlite3"
    with db_connection(database) as connection:
        create_traces_table(connection)
    session = kolo.enable(config, _save_in_thread=False, _db_path=database)
    session.__enter__()
    return run, lambda: session.__exit__(None, None, None)


def coverage_lines(run: Run, folder: Path) -> tuple[Run, Stop]:
    import coverage

    measured = coverage.Coverage(
        data_file=str(folder / "coverage"),
        include=[f"{HERE}/*", "*/pyflakes/*"],
        concurrency=["thread"],
        config_file=False,
    )
    measured.set_option("run:core", "ctrace")
    measured.start()

    def stop() -> None:
        measured.stop()
        measured.save()

    return run, stop


def viztracer_values(run: Run, folder: Path) -> tuple[Run, Stop]:
    from viztracer import VizTracer

    tracer = VizTracer(
        tracer_entries=5_000_000,
        log_func_args=True,
        log_func_retval=True,
        ignore_c_function=True,
        verbose=0,
        output_file=str(folder / "viztracer.json"),
    )
    tracer.start()

    def stop() -> None:
        tracer.stop()
        tracer.save()

    return run, stop


def hunter_variables(run: Run, folder: Path) -> tuple[Run, Stop]:
    import hunter

    stream = (folder / "hunter.txt").open("w")
    tracer = hunter.trace(
        filename_regex=r".*/(benchmarks|pyflakes)/.*",
        action=hunter.VarsSnooper(stream=stream),
        threading_support=True,
    )

    def stop() -> None:
        tracer.stop()
        stream.close()

    return run, stop


def codetracer_values(run: Run, folder: Path) -> tuple[Run, Stop]:
    import codetracer_python_recorder as codetracer

    codetracer.start(folder / "codetracer", format="binary")
    return run, codetracer.stop


def pyttd_values(run: Run, folder: Path) -> tuple[Run, Stop]:
    import pyttd

    pyttd.start_recording(str(folder / "program.pyttd.db"), checkpoint_interval=0)
    return run, pyttd.stop_recording


def pysnooper_values(run: Run, folder: Path) -> tuple[Run, Stop]:
    import pysnooper

    snoop = pysnooper.snoop(str(folder / "pysnooper.txt"), depth=50)
    return snoop(run), lambda: None


# Its line events come from sys.monitoring.
KOLO_SEES = "calls, lines, variables" if sys.version_info >= (3, 12) else "calls, locals at the end"

OURS: dict[str, Way] = {
    "unrecorded": Way(unrecorded, records=False),
    "empty callback": Way(empty_callback, sees="nothing", records=False),
    "recorded": Way(recorded, sees="calls, lines, variables, exceptions"),
    "filtered out": Way(filtered_out, sees="nothing", records=False),
}
PEERS: dict[str, Way] = {
    "coverage": Way(coverage_lines, 1, "coverage", "which lines ran"),
    "kolo": Way(kolo_lines, 4, "kolo", KOLO_SEES),
    "viztracer": Way(viztracer_values, 4, "viztracer", "calls, arguments, results"),
    "hunter": Way(hunter_variables, 100, "hunter", "calls, lines, variables"),
    "codetracer": Way(
        codetracer_values, 200, "codetracer_python_recorder", "calls, lines, variables"
    ),
    "py-tt-debug": Way(pyttd_values, 50, "pyttd", "calls, lines, variables"),
    "PySnooper": Way(pysnooper_values, 500, "pysnooper", "calls, lines, variables"),
}
WAYS = OURS | PEERS


def available() -> dict[str, Way]:
    """Those whose packages are installed."""
    return {
        name: way
        for name, way in WAYS.items()
        if not way.needs or importlib.util.find_spec(way.needs)
    }


def versions() -> dict[str, str]:
    """Version of each installed peer, and of what else the figures depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    packages = {
        "recorder": "recorder-core",
        "zstandard": "zstandard",
        "pyflakes": "pyflakes",
        **{name: name for name in PEERS if name not in ("codetracer",)},
        "codetracer": "codetracer-python-recorder",
    }
    for name, package in packages.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    if "recorder" not in found:
        found["recorder"] = _own_version()
    return found


def _own_version() -> str:
    import tomllib

    facts: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return str(facts["project"]["version"])
