"""A copy of the checkout, in which a bug is planted, built and taken out again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs.test_documentation import ROOT
from tests.mutation.mutant import Mutant

BUILT = (".c", ".h", ".pyx", ".pxi")
MADE = ("build/cython", "build/temp*")  # what a build begins with, and leaves


class Checkout:
    """A copy of the checkout as it is, with the core that was built there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
        for name in [*tracked.strip("\0").split("\0"), *built(ROOT)]:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)  # with its times, by which a build goes
        for command in (["init", "-q"], ["add", "-A"]):  # some tests ask what is tracked
            subprocess.run(["git", *command], cwd=root, check=True)
        self.environment = {**os.environ, "PYTHONPATH": str(root)}
        if ccache := shutil.which(
            "ccache"
        ):  # what is the same as in the checkout is compiled there
            self.environment |= {"CC": f"{ccache} cc", "CCACHE_NOHASHDIR": "1"}

    def build(self) -> bool:
        """Without optimizing: a minute is saved, and broken invariants are told."""
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        environment = {**self.environment, "RECORDER_BUILD": "debug"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True)
        return done.returncode == 0

    @contextlib.contextmanager
    def planted(self, mutant: Mutant) -> Iterator[bool]:
        """Whether the bug could be built."""
        path = self.root / mutant.file
        whole, times = path.read_text(encoding="utf-8"), path.stat()
        is_built = path.suffix in BUILT
        kept = self.root / "build/kept"
        if is_built:
            copy_all(self.root, kept)
        try:
            path.write_text(mutant.applied(whole), encoding="utf-8")
            yield not is_built or self.build()
        finally:
            path.write_text(whole, encoding="utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            if is_built:
                copy_all(kept, self.root)
                shutil.rmtree(kept)

    def run(self, tests: list[str], *options: str, seconds: float) -> tuple[int | None, str]:
        """The status of pytest, None where it took too long, and what it said."""
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--no-header", *options, *tests]
        with subprocess.Popen(
            command, cwd=self.root, env=self.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            try:
                said, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None, ""
        return process.returncode, said


def built(root: Path) -> list[str]:
    """What building makes, of which the next build makes use."""
    found = [*(root / "recorder").rglob("*.so"), *(root / "build/cython").rglob("*")]
    return [str(path.relative_to(root)) for path in found if path.is_file()]


def copy_all(source: Path, target: Path) -> None:
    for name in built(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)
