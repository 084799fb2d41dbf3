"""A copy of the checkout in which bugs are planted one by one, and a core that has them all behind switches."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.docs.test_documentation import ROOT
from tests.mutation import switched
from tests.mutation.forks import Request, Server
from tests.mutation.mutant import Mutant
from tests.mutation.reach import Marks

BUILT = (".c", ".h", ".pyx", ".pxi")
Numbered = list[tuple[int, Mutant]]
COLLECTING_SECONDS = 1800


class Checkout:
    """The product as it was when the folder was made, with the tests as they are now."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        """Several can be at work at once; the first of them is where the core is built."""
        self.folder = folder
        self.name = f"copy-{number}" if number else "copy"
        self.root = folder / self.name  # here the tests are run
        self.core = folder / "core"  # here the core is built
        self.marks = Marks(folder / f"{self.name}.reached")
        self.told = folder / f"{self.name}.told"  # what a run tells of its tests
        self.output = folder / f"{self.name}.said"
        self.temporary = folder / f"{self.name}.tmp"
        if number and not self.root.exists():
            shutil.copytree(folder / "copy", self.root, symlinks=True)
        is_new = not self.root.exists()
        for name in tracked(ROOT):
            if is_new or (name.startswith("tests/") and is_other(ROOT / name, self.root / name)):
                copy(name, ROOT, self.root)
        if is_new:
            for path in (ROOT / "recorder").rglob("*.so"):  # as it was built there, until `build`
                copy(str(path.relative_to(ROOT)), ROOT, self.root)
            # Some tests ask what is tracked.
            for command in (["init", "-q"], ["add", "-A"]):
                subprocess.run(["git", *command], cwd=self.root, check=True)
        else:  # what a run that was killed has left
            subprocess.run(["git", "checkout", "-q", "--", "recorder"], cwd=self.root, check=True)
            self.switch(switched.NONE)
        self.environment = {**os.environ, "PYTHONPATH": str(self.root)}
        self.when = 0
        self.whole: dict[str, str] = {}  # files as they are without a bug
        self._server: Server | None = None

    # ---- the core

    def build(self, mutants: Numbered) -> set[int]:
        """Builds the core with these bugs, all of them off; gives those that could not be built. Without optimizing
        much, and with its checks: a minute is saved, and broken invariants are told."""
        for name in tracked(ROOT):
            if (
                not name.startswith(("tests/", "docs/", "frontend/"))
                and not (self.core / name).exists()
            ):
                copy(name, self.root, self.core)
        bad: set[int] = set()
        while True:
            lines = self.write_switched(mutants, bad)
            bad |= {number for number, _ in mutants} - lines.keys()
            said = self.compile()
            if said is None:
                return bad
            refused = {number for number, where in lines.items() if is_told(where, said)}
            refused = refused or {n for n, one in mutants if n in lines and is_function(one, said)}
            if not refused:
                raise SystemExit(f"the core cannot be built:\n{said}")
            bad |= refused

    def write_switched(self, mutants: Numbered, bad: set[int]) -> dict[int, tuple[str, int, int]]:
        """In which lines of what is built each of them is."""
        by_file: dict[str, Numbered] = {}
        for number, mutant in mutants:
            good = by_file.setdefault(mutant.file, [])
            if number not in bad:
                good.append((number, mutant))
        modules = [name for name in tracked(self.root) if name.endswith(".pyx")]
        lines: dict[int, tuple[str, int, int]] = {}
        for name in {*by_file, *modules}:
            made = switched.switched(name, (self.root / name).read_text(), by_file.get(name, []))
            lines |= {number: (name, *where) for number, where in made.lines.items()}
            write(self.core / name, made.text)
        return lines

    def compile(self) -> str | None:
        """What the compilers said against it; None if nothing, and the modules are where the tests look for them."""
        ccache = shutil.which("ccache")
        cc = f"{ccache} cc" if ccache else "cc"
        compiler = switched.write_compiler(self.core, cc)
        (self.core / "switch.o").unlink(missing_ok=True)
        object_file = ["cc", "-fPIC", "-O1", "-c", "switch.c", "-o", "switch.o"]
        subprocess.run(object_file, cwd=self.core, check=True)
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        environment = {**os.environ, "CC": str(compiler), "CCACHE_NOHASHDIR": "1"}
        environment.pop("RECORDER_BUILD", None)
        done = subprocess.run(
            command, cwd=self.core, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )  # fmt: skip
        if done.returncode:
            return done.stdout
        for path in (self.core / "recorder").rglob("*.so"):
            copy(str(path.relative_to(self.core)), self.core, self.root)
        return None

    def switch(self, number: int) -> None:
        for path in (self.root / "recorder").rglob("*.so"):
            switched.switch(path, number, self.marks.core if number == switched.ALL else None)

    # ---- bugs

    @contextlib.contextmanager
    def planted(self, number: int, mutant: Mutant, alone: bool = False) -> Iterator[bool]:
        """Whether it could be built."""
        path = self.root / mutant.file
        whole = self.whole[mutant.file] = path.read_text(encoding="utf-8")
        is_core = path.suffix in BUILT
        try:
            self.write(path, mutant.applied(whole))
            with self.built_alone(mutant) if alone else contextlib.nullcontext(True) as is_built:
                if is_core and is_built and not alone:
                    self.switch(number)
                yield is_built
        finally:
            self.write(path, whole)
            if is_core:
                self.switch(switched.NONE)

    @contextlib.contextmanager
    def built_alone(self, mutant: Mutant) -> Iterator[bool]:
        """A bug that can be behind no switch."""
        path = self.core / mutant.file
        with_switches = path.read_text()
        made = switched.switched(mutant.file, (self.root / mutant.file).read_text(), [])
        try:
            path.write_text(made.text)
            yield self.compile() is None
        finally:
            path.write_text(with_switches)
            self.compile()

    @contextlib.contextmanager
    def marked(self, mutants: Numbered) -> Iterator[None]:
        """No bug is on, and each says when it is come by."""
        by_file: dict[str, Numbered] = {}
        for number, mutant in mutants:
            if not mutant.file.endswith(BUILT):
                by_file.setdefault(mutant.file, []).append((number, mutant))
        whole = {name: (self.root / name).read_text(encoding="utf-8") for name in by_file}
        self.marks.make([number for number, _ in mutants], switched.MOST)
        try:
            for name, text in whole.items():
                self.write(self.root / name, self.marks.with_marks(text, by_file[name]))
            self.switch(switched.ALL)
            yield
        finally:
            for name, text in whole.items():
                self.write(self.root / name, text)
            self.switch(switched.NONE)

    def write(self, path: Path, text: str) -> None:
        """With a time of its own: what was compiled of another text of the same size is not taken."""
        path.write_text(text, encoding="utf-8")
        self.when = max(self.when + 1, int(path.stat().st_mtime))
        os.utime(path, (self.when, self.when))

    # ---- tests

    def serve(self, files: Iterable[str] = (), marks: bool = False) -> Server:
        """A pytest with the product as it is on the disk now."""
        environment = {
            **self.environment,
            **({"MUTATION_MARKS": str(self.marks.folder)} if marks else {}),
        }
        return Server(self.root, environment, self.output, self.temporary, files)

    @property
    def server(self) -> Server:
        """The one without a bug, which has collected all tests: asked for none of them, it answers when it has, and
        nothing that is planted afterwards is imported by it."""
        if self._server is None:
            self._server = self.serve()
            self._server.run(Request([], str(self.told), until_it_fails=True), COLLECTING_SECONDS)
        return self._server

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def tracked(root: Path) -> list[str]:
    """With what was made and not yet added, so that new tests count."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(command, cwd=root, text=True).strip("\0").split("\0")
    return [name for name in names if (root / name).is_file()]


def copy(name: str, source: Path, target: Path) -> None:
    """With its times, by which a build goes; as a new file, as a process may have the old one loaded."""
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    new = (target / name).with_name((target / name).name + ".new")
    shutil.copy2(source / name, new)
    new.replace(target / name)


def is_other(one: Path, other: Path) -> bool:
    return not other.exists() or one.read_bytes() != other.read_bytes()


def write(path: Path, text: str) -> None:
    """Unless it is there already: a build goes by times."""
    if path.read_text() != text:
        path.write_text(text)


def is_told(where: tuple[str, int, int], said: str) -> bool:
    """Whether a compiler names one of these lines."""
    file, first, last = where
    told = re.findall(rf"{re.escape(file.rpartition('_core/')[2])}:(\d+)(?::\d+)?", said)
    return any(first <= int(line) <= last for line in told)


def is_function(mutant: Mutant, said: str) -> bool:
    """Whether a compiler complains of what Cython has made of the function that it is in."""
    told = re.findall(r"In function .__pyx_\w*?_(?=[a-z])(\w+).:", said)
    return any(f"_{name}".endswith(f"_{mutant.function}") for name in told)
