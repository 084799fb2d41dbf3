"""Start-up below `recorder run`: the sitecustomize that arms the program and leaves no trace.

A copy of the package with stand-ins for the session, the staging folder and the sealer shows the mechanism alone: what
is armed here records nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CREATE = """
import os

class Staging:
    sealer = 0

    def __init__(self, path):
        self.path = path
        self.folder = os.fsencode(path)

def plan(destination, *, policy, argv):
    return Staging(os.path.abspath("staging"))

def make(staging):
    os.mkdir(staging.path)

def undo(staging, error):
    from recorder._core import control
    from recorder.staging.layout import FILES_AS_BYTES

    control.discard(staging.folder, FILES_AS_BYTES, staging.sealer)
"""
LAUNCH = """
def launch_sealer(staging):
    pass
"""

# Loads much more than the real one, and says what it was given.
SESSION = """
import atexit, collections.abc, functools, importlib.util, json, re, struct, typing

def arm_for_main(path):
    with open(os.path.join(path, "armed"), "a") as file:
        file.write(f"{os.getpid()} {path}")

import os
"""

STATE = """
import json, os, subprocess, sys
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path,
    # Codecs are kept by a registry of the interpreter's: who looks one up first imports its module.
    "modules": [n for n in sys.modules if n.partition(".")[0] not in ("recorder", "encodings")],
    "importers": sorted(sys.path_importer_cache),
    "environment": dict(os.environ),
    "environment of children": subprocess.run("env", capture_output=True, text=True).stdout,
    "attributes": sorted(vars(sys.modules.get("importlib", sys))),
    "main": sorted(globals()),
    "user": getattr(sys.modules.get("sitecustomize"), "__file__", None),
}))
"""


class Tree:
    """A copy of the package beside which programs run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self.work.mkdir()
        shutil.copytree(ROOT / "recorder", path / "recorder", symlinks=True)
        (path / "recorder" / "staging" / "create.py").write_text(CREATE)
        (path / "recorder" / "staging" / "launch.py").write_text(LAUNCH)
        self.session(SESSION)

    def session(self, source: str) -> None:
        (self.path / "recorder" / "whole_process.py").write_text(source)

    def start(
        self, command: list[str], env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.work,
            env={"PATH": os.environ["PATH"], **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def plain(
        self, *arguments: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.start([sys.executable, *arguments], env)

    def run(
        self, *arguments: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`recorder run`, without a need for this tree to be on any path of the program."""
        code = (
            f"import sys; sys.path.insert(1, {str(self.path)!r}); "
            "from recorder.cli import main; sys.exit(main(['run', *sys.argv[1:]]))"
        )
        return self.start([sys.executable, "-I", "-c", code, *arguments], env)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def states(tree: Tree, *arguments: str, env: dict[str, str] | None = None) -> tuple[object, object]:
    (tree.work / "state.py").write_text(STATE)
    plain = tree.plain(*arguments, env=env)
    recorded = tree.run(*arguments, env=env)
    assert plain.returncode == 0, plain.stderr
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stderr == plain.stderr
    assert (tree.work / "staging" / "armed").read_text().endswith("staging")
    return json.loads(plain.stdout), json.loads(recorded.stdout)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"PYTHONPATH": ""},
        {"PYTHONPATH": "/nowhere"},
        {"PYTHONPATH": "/nowhere:/elsewhere:"},
        {"PYTHONPATH": ":"},
        {"PYTHONPATH": "relative", "PYTHONSAFEPATH": "1"},
    ],
    ids=str,
)
def test_the_program_sees_a_bare_start(tree: Tree, env: dict[str, str]) -> None:
    plain, recorded = states(tree, "state.py", "one", "-o", env=env)
    assert recorded == plain


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "state", "--scope=own"],
        ["-W", "error", "-X", "dev", "-B", "state.py"],
        ["-Bsm", "state"],
        ["-P", "state.py"],
        ["-c", STATE, "x"],
        ["--", "state.py"],
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_whatever_way_it_is_started(tree: Tree, arguments: list[str]) -> None:
    plain, recorded = states(tree, *arguments)
    assert recorded == plain


def test_the_users_sitecustomize_is_loaded(tree: Tree) -> None:
    site = tree.path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys; sys.user_was_here = __name__")
    env = {"PYTHONPATH": str(site)}
    plain, recorded = states(tree, "state.py", env=env)
    assert recorded == plain
    assert tree.run("-c", "import sys; print(sys.user_was_here)", env=env).stdout == ""
    shutil.rmtree(tree.work / "staging")
    done = tree.run("-c", "import sys; print(sys.user_was_here)", env=env)
    assert done.stdout == "sitecustomize\n"


@pytest.mark.parametrize("body", ["raise ImportError('mine', name='x')", "1 / 0", "import nothing"])
def test_a_users_sitecustomize_that_fails_fails_as_ever(tree: Tree, body: str) -> None:
    site = tree.path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(body)
    env = {"PYTHONPATH": str(site)}
    plain = tree.plain("-c", "print(1)", env=env)
    recorded = tree.run("-c", "print(1)", env=env)
    assert (recorded.stdout, recorded.stderr) == (plain.stdout, plain.stderr)
    assert "Error in sitecustomize" in plain.stderr


def test_a_folder_that_shadows_the_standard_library_shadows_it_for_the_program_only(
    tree: Tree,
) -> None:
    shadow = tree.path / "shadow"
    shadow.mkdir()
    for name in ("json", "functools", "struct", "recorder"):
        (shadow / f"{name}.py").write_text(f"print('the shadow of {name}')")
    env = {"PYTHONPATH": str(shadow)}
    done = tree.run("-c", "import json", env=env)
    assert (done.stdout, done.stderr) == ("the shadow of json\n", "")


def test_processes_below_are_not_armed(tree: Tree) -> None:
    code = (
        "import os, subprocess, sys; "
        "print(subprocess.run([sys.executable, '-c', 'import sys; print(*sys.modules)'],"
        "capture_output=True, text=True).stdout)"
    )
    done = tree.run("-c", code)
    assert "recorder" not in done.stdout
    assert (tree.work / "staging" / "armed").read_text().count("staging") == 1


@pytest.mark.parametrize("pid", ["1", "", "x", None])
def test_an_environment_that_leaked_arms_nothing(tree: Tree, pid: str | None) -> None:
    (tree.work / "state.py").write_text(STATE)
    env = {
        "PYTHONPATH": str(tree.path / "recorder" / "_boot"),
        "RECORDER_BOOT_STAGING": str(tree.work / "staging"),
    }
    if pid is not None:
        env["RECORDER_BOOT_PID"] = pid
    leaked = tree.plain("state.py", env=env)
    assert leaked.stderr == ""
    assert json.loads(leaked.stdout) == json.loads(tree.plain("state.py").stdout)


def test_subinterpreters_are_left_alone(tree: Tree) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    probe = (
        "import os, sys; print(sys.path, [m for m in sys.modules if 'site' in m], file=sys.stderr)"
    )
    code = f"import {module} as i; n = i.create(); i.run_string(n, {probe!r}); i.destroy(n)"
    plain = tree.plain("-c", code)
    recorded = tree.run("-c", code)
    assert plain.returncode == 0, plain.stderr
    assert "site-packages" in plain.stderr
    assert (recorded.stdout, recorded.stderr) == (plain.stdout, plain.stderr)
    assert (tree.work / "staging" / "armed").read_text().count("staging") == 1


# ------------------------------------------------------------------------------ arming that fails

FAILS = "from recorder import errors\ndef arm_for_main(path):\n    "


@pytest.mark.parametrize(
    ("session", "told", "status"),
    [
        (FAILS + "raise errors.ToolIdsTakenError(tools='a, b')", "[ERR_TOOL_IDS_TAKEN]", 10),
        (FAILS + "raise errors.SubinterpreterError(interpreter=1)", "[ERR_SUBINTERPRETER]", 2),
        (FAILS + "1 / 0", "[ERR_INTERNAL] unexpected ZeroDivisionError", 70),
        (FAILS + "import nothing_like_it", "[ERR_DEPENDENCY_MISSING]", 10),
        (FAILS + "raise SystemExit(5)", "could not be loaded: SystemExit(5)", 70),
        ("this is no Python", "[ERR_INTERNAL] unexpected SyntaxError", 70),
    ],
)
def test_a_failure_is_told_and_nothing_runs(
    tree: Tree, session: str, told: str, status: int
) -> None:
    tree.session(session)
    done = tree.run("-c", "print('it ran')")
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "Fatal Python error" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_failure_is_told_as_json_where_that_is_wanted(tree: Tree) -> None:
    tree.session(FAILS + "raise errors.ToolIdsTakenError(tools='a, b')")
    done = tree.run("--json-errors", "-c", "print('it ran')")
    assert json.loads(done.stderr)["code"] == "ERR_TOOL_IDS_TAKEN"
    assert (done.returncode, done.stdout) == (10, "")


def test_an_interrupt_while_arming_ends_it_quietly(tree: Tree) -> None:
    tree.session(FAILS + "raise KeyboardInterrupt")
    done = tree.run("-c", "print('it ran')")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_an_exec_that_fails_leaves_nothing(tree: Tree) -> None:
    code = (
        f"import sys; sys.path.insert(1, {str(tree.path)!r}); sys.executable = '/nowhere/python'; "
        "from recorder.cli import main; sys.exit(main(['run', '-c', 'print(1)']))"
    )
    done = tree.plain("-c", code)
    assert done.stderr.startswith("recorder: [ERR_")
    assert "/nowhere/python" in done.stderr
    assert done.returncode == 10
    assert list(tree.work.iterdir()) == []


def test_a_package_in_a_folder_that_no_path_can_hold(tree: Tree) -> None:
    odd = tree.path / "a:b"
    odd.mkdir()
    shutil.move(tree.path / "recorder", odd / "recorder")
    tree.path = odd
    done = tree.run("-c", "print('it ran')")
    assert "[ERR_UNSUPPORTED_PYTHON]" in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tree.work.iterdir()) == []


def answers(program: str) -> list[str]:
    """What a process prints that finds the recorder."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def test_a_start_that_is_not_asked_for_leaves_no_garbage() -> None:
    program = (
        "import gc, importlib, os, sys; gc.collect()\n"
        "importlib.import_module('recorder_entry').autostart()\n"
        "print(gc.collect(), 'recorder_entry' in sys.modules)\n"
    )
    assert answers(program) == ["0", "False"]


def test_what_the_program_took_out_of_its_modules_stays_out() -> None:
    """Our modules are put there for a moment whenever we need another one."""
    program = (
        "import sys\n"
        "from importlib.machinery import SourceFileLoader\n"
        f"path = {str(ROOT / 'recorder/_boot/boot.py')!r}\n"
        "boot = type(sys)('boot'); boot.__file__ = path\n"
        "exec(SourceFileLoader('boot', path).get_code('boot'), vars(boot))\n"
        "ours = boot.Ours(boot.seen())\n"
        "with ours: __import__(boot.ARMED)\n"
        "print(boot.ARMED in sys.modules)\n"
        "with ours: pass\n"
        "print(boot.ARMED in sys.modules)\n"
        "del sys.modules[boot.ARMED]\n"
        "with ours: pass\n"
        "print(boot.ARMED in sys.modules)\n"
    )
    assert answers(program) == ["True", "True", "False"]
