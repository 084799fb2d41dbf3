"""What is downloaded to be built has everything, is the same bytes whoever makes it, and says what it lacks."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from recorder.version import VERSION
from tests.conftest import ROOT

SHIPPED = (
    "recorder", "frontend", "editors", "codegen", "tests", "docs", "examples", "benchmarks", ".ci",
)  # fmt: skip
BUILT = ("__pycache__", "node_modules", "out", "*.vsix", "*.so", "*.pyc", "*.rtrace", "*.egg-info")


def copy_of_the_checkout(to: Path) -> Path:
    for name in SHIPPED:
        if (ROOT / name).exists():  # an sdist is tested as well
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns(*BUILT))
    if (ROOT / "build/cython").exists():  # what Cython wrote is as good here
        shutil.copytree(ROOT / "build/cython", to / "build/cython")
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".rtrace":
            shutil.copy2(path, to)
    return to


def setup(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "-q", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300)


def sdist(checkout: Path) -> Path:
    done = setup(checkout, "sdist")
    assert done.returncode == 0, done.stderr
    (archive,) = (checkout / "dist").iterdir()
    return archive


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def archive(checkout: Path) -> Path:
    return sdist(checkout)


@pytest.mark.timeout(300)
def test_it_has_every_file(checkout: Path, archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert archive.name == f"recorder_core-{VERSION}.tar.gz"
    made = ("build/", "dist/", "recorder_core.egg-info/", ".hypothesis/")
    files = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    assert sorted(name for name in files - names if not name.startswith(made)) == []
    more = {name for name in names - files if not name.startswith("recorder_core.egg-info/")}
    assert more <= {"PKG-INFO", "setup.cfg"}
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


@pytest.mark.timeout(300)
def test_it_is_the_same_bytes_from_another_checkout(
    checkout: Path, archive: Path, tmp_path: Path
) -> None:
    """Made elsewhere, at another time, in another order, under another umask."""
    other = tmp_path / "a longer path"
    for path in sorted((p for p in checkout.rglob("*") if p.is_file()), reverse=True):
        name = path.relative_to(checkout)
        if name.parts[0] not in ("dist", "recorder_core.egg-info"):
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, other / name)
            os.chmod(other / name, path.stat().st_mode & 0o700)
            os.utime(other / name, (1_700_000_000, 1_700_000_000))
    assert sdist(other).read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    "name", ["capture.pyx", "status.pyx", "cpython/frames.c", "sys/syscall_table.c", "session/preload.c"]
)  # fmt: skip
def test_a_missing_source_is_said(checkout: Path, tmp_path: Path, name: str) -> None:
    for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "recorder"):
        (tmp_path / file).symlink_to(checkout / file)
    (tmp_path / "recorder").unlink()
    shutil.copytree(checkout / "recorder", tmp_path / "recorder")
    (tmp_path / "recorder/_core" / name).unlink()
    done = setup(tmp_path, "--version")
    said = f"recorder-core cannot be built here: recorder/_core/{name} not found"
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", said)


def test_a_free_threaded_python_is_told_before_anything_is_compiled(checkout: Path) -> None:
    script = """
import runpy, sysconfig
sysconfig.get_config_vars()["Py_GIL_DISABLED"] = 1
runpy.run_path("setup.py", run_name="__main__")"""
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], cwd=checkout, capture_output=True, text=True
    )
    said = "recorder-core cannot be built here: [ERR_FREE_THREADED_PYTHON] this Python "
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith(said)


def test_every_source_belongs_to_a_module() -> None:
    """A C file that is in no module is not built, and what it defines is missed when the core is loaded."""
    core = ROOT / "recorder/_core"
    tree = ast.parse((ROOT / "setup.py").read_text())
    (modules,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODULES"
    ]
    assert sorted(modules) == sorted(path.stem for path in core.glob("*.pyx"))
    named = sorted(name for names in modules.values() for name in names)
    there = sorted(str(path.relative_to(core)) for path in core.rglob("*.c"))
    assert named == [name for name in there if name != "session/preload.c"]
