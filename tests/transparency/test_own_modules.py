"""A program whose modules are called as ours are, or that does something to imports, to `os` and `time`: what it has is
its own, and it is recorded all the same. A Python below it that the recorder is not for notices nothing.
"""

from __future__ import annotations

import glob
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.conftest import ENVIRONMENT, ROOT, Result, Run
from tests.tools.tape_tools import in_turn, leftovers, until

BOOT = ROOT / "recorder" / "_boot"
OWN = """
import sys
def who(): return "their own"
"""
KINDS = {
    "module": {"recorder.py": OWN},
    "package": {
        "recorder/__init__.py": OWN + "from recorder import session\n",
        "recorder/session.py": "def who(): return 'their own session'\n",
        "recorder/__main__.py": "from recorder import who\nprint(who(), sys.argv[1:])\n".replace(
            "from", "import sys\nfrom"
        ),
    },
}
USES = """
import sys
{before}
import recorder
who = getattr(recorder, "who", None)
print(who and who(), getattr(recorder, "start", None), __name__, flush=True)
try:
    from recorder import session
    print(session.who())
except ImportError: print("no session")
print(sorted(n for n in sys.modules if n.startswith("recorder") and n != "recorder._boot"))
"""
PLACES = {
    "beside the script": ("{own}", "", ""),
    "on PYTHONPATH": ("{other}", "{own}", ""),
    "on a path it adds": ("{other}", "", "sys.path.insert(0, {own!r})"),
}
WAYS = ["run", "run -I", "environment", "child"]


def program_of(tmp_path: Path, kind: str, place: str) -> tuple[Path, dict[str, str]]:
    """The script, and the environment it needs."""
    own, other = tmp_path / "own", tmp_path / "other"
    for name, text in KINDS[kind].items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text(text)
    other.mkdir()
    script_in, path, before = (
        part.format(own=str(own), other=str(other)) for part in PLACES[place]
    )
    script = Path(script_in) / "app.py"
    script.write_text(USES.format(before=before))
    return script, {"PYTHONPATH": path} if path else {}


@pytest.mark.parametrize(
    ("kind", "place", "way"), in_turn(itertools.product(KINDS, PLACES, WAYS), of=3)
)
def test_a_programs_own_recorder_wins(tmp_path: Path, kind: str, place: str, way: str) -> None:
    script, path = program_of(tmp_path, kind, place)
    flags = ["-I"] if way == "run -I" else []
    if flags and place != "on a path it adds":
        pytest.skip("-I finds neither")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    plain = subprocess.run(
        [sys.executable, *flags, script], env=env | path, cwd=tmp_path, capture_output=True
    )
    assert plain.returncode == 0 and b"their own" in plain.stdout, plain.stderr
    command: list[Any] = [sys.executable, *flags, script]
    if way == "environment":
        here = os.pathsep.join([str(BOOT), *path.values()])
        env |= {"RECORDER_AUTOSTART": str(tmp_path / "out.rtrace"), "PYTHONPATH": here}
    else:
        run: list[Any] = ["run", "-o", tmp_path / "out.rtrace", *flags, script]
        if way == "child":
            (tmp_path / "parent.py").write_text(
                f"import os, subprocess, sys\nos.environ.update({path!r})\n"
                f"subprocess.run([sys.executable, {str(script)!r}], check=True)\n"
            )
            run = [
                "run",
                "-o",
                tmp_path / "out.rtrace",
                "--follow-children",
                tmp_path / "parent.py",
            ]
        # As the command that an installation makes: it knows its own place.
        entry = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import recorder_entry; "
        command = [sys.executable, "-c", entry + "del sys.path[0]; recorder_entry.main()", *run]
        env |= path
        if way == "child":
            env.pop("PYTHONPATH", None)
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, plain.stderr)
    until(lambda: not leftovers(tmp_path))
    traces = sorted(tmp_path.glob("out*.rtrace"))
    assert len(traces) == (2 if way == "child" else 1)
    for path_of_trace in traces:
        with recorder.open_trace(path_of_trace) as trace:
            assert trace.verdict == "complete"
    with recorder.open_trace(traces[0]) as trace:
        assert "who" in {event.function.name for event in trace.events()} or way == "child"


def test_python_m_of_a_recorder_of_ones_own(tmp_path: Path) -> None:
    for name, text in KINDS["package"].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    env = {"RECORDER_AUTOSTART": "out.rtrace", "PYTHONPATH": str(BOOT)}
    command = [sys.executable, "-m", "recorder", "more"]
    done = subprocess.run(
        command, env={**os.environ, **env}, cwd=tmp_path, capture_output=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"their own ['more']\n", b"")
    with recorder.open_trace(until(lambda: list(tmp_path.glob("out.rtrace")))[0]) as trace:
        assert trace.verdict == "complete" and len(trace) > 3


def test_a_program_that_imports_the_recorder_gets_the_one_that_records_it(
    run_recorded: Run,
) -> None:
    result = run_recorded(
        "import sys\n"
        "print([n for n in sys.modules if n.startswith('recorder')])\n"
        "import recorder, pickle\n"
        "import recorder.errors as errors\n"
        "print(recorder.is_recording(), recorder is sys.modules['recorder'])\n"
        "try: recorder.start('again.rtrace')\n"
        "except errors.AlreadyRecordingError as error: print(error.error_name)\n"
        "print(type(pickle.loads(pickle.dumps(error))) if 'error' in globals() else None)\n",
        env={"PYTHONPATH": str(ROOT)},
    )
    assert result.stdout.decode().split("\n") == [
        "['recorder._boot']", "True True", "ERR_ALREADY_RECORDING", "None", "",
    ]  # fmt: skip
    assert (result.status, result.stderr) == (0, "")


def test_a_json_of_ones_own(run_recorded: Run, run_plain: Run, tmp_path: Path) -> None:
    """Beside the script, before the standard library's: also in a child, and at the end."""
    for name in ("json", "fcntl", "atexit", "shlex", "zstandard", "struct"):
        (tmp_path / f"{name}.py").write_text(f"print('their own {name}')\n")
    program = "import json\nimport os\nif not os.fork(): os._exit(0)\nos.wait()\nimport shlex\n"
    (tmp_path / "elsewhere").mkdir()  # the command's own folder is its own business
    plain = run_plain(program, cwd=tmp_path / "elsewhere")
    result = run_recorded(program, "--follow-children", cwd=tmp_path / "elsewhere")
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, "")
    until(lambda: len(list(tmp_path.glob("*.rtrace"))) == 2)


HOSTILE = {
    "import hooks": "class Hook:\n"
    "    def find_spec(self, name, path=None, target=None): print('hook', name, flush=True)\n"
    "sys.meta_path.insert(0, Hook())\n"
    "sys.path_hooks.insert(0, lambda entry: print('path hook', entry, flush=True))\n",
    "builtins.__import__": "import builtins\nreal = builtins.__import__\n"
    "def mine(name, *rest): print('import', name, flush=True); return real(name, *rest)\n"
    "builtins.__import__ = mine\n",
    "no sys.path": "sys.path.clear()\n",
    "no sys.modules": "kept = dict(sys.modules)\nsys.modules.clear()\n"
    "sys.modules['__main__'] = kept['__main__']\n",
    "no json": "sys.modules.update(dict.fromkeys(('json', 'fcntl', 'time', 'recorder')))\n",
    "os.getpid": "os.getpid = lambda: 1 / 0\n",
    "time": "import time\ntime.monotonic = time.time = time.sleep = lambda *a: 1 / 0\n",
    "os": "for name in ('stat', 'lstat', 'urandom', 'listdir', 'getcwd', 'symlink', 'fspath', 'readlink'):\n"
    "    setattr(os, name, lambda *a: 1 / 0)\n",
    "builtins.open": "import builtins\nbuiltins.open = builtins.print = None\n",
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\n"
    "class Hook:\n    def find_spec(self, *a): lock.acquire()\n"
    "sys.meta_path.insert(0, Hook())\n",
}


@pytest.mark.parametrize("hostility", HOSTILE)
def test_a_forked_child_runs_nothing_of_the_programs_to_be_recorded(
    run_recorded: Run, run_plain: Run, tmp_path: Path, hostility: str
) -> None:
    program = (
        "import os, sys\nwrite = os.write\n"
        f"{HOSTILE[hostility]}"
        "before = set(sys.modules)\n"
        "def in_child(): return 2\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    in_child()\n"
        "    write(1, repr(set(sys.modules) - before).encode())\n"
        "    os._exit(3)\n"
        "write(1, str(os.waitpid(pid, 0)[1] >> 8).encode())\n"
    )
    plain = run_plain(program)
    result: Result = run_recorded(program, "--follow-children")
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, plain.stderr)
    assert plain.stdout.endswith(b"set()3")
    until(lambda: not leftovers(tmp_path))
    (child,) = (path for path in tmp_path.glob("*.rtrace") if path != result.trace)
    with recorder.open_trace(child) as trace:
        assert (trace.verdict, trace.exit_status) == ("complete", 3)
        assert "in_child" in {event.function.name for event in trace.events()}


# --------------------------------------------------------------- what is the recorder's own command


@pytest.mark.parametrize(
    ("arguments", "is_recorded"),
    [
        (["recorder"], True),
        (["./recorder", "run"], True),
        (["app.py", "-m", "recorder"], True),
        (["-X", "dev", "app.py", "-m", "recorder"], True),
        (["-c", "pass", "-m", "recorder"], True),
        (["-W", "ignore", "-c", "pass"], True),
        (["-m", "recorder", "--version"], False),
        (["-Im", "recorder", "--version"], False),
        (["-X", "dev", "-mrecorder", "--version"], False),
        (["bin/recorder", "--version"], False),
    ],
)
def test_only_the_recorders_own_commands_are_not_recorded(
    tmp_path: Path, arguments: list[str], is_recorded: bool
) -> None:
    for name in ("recorder", "app.py"):
        (tmp_path / name).write_text("print('ran')")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "recorder").write_text(
        "import sys\nfrom recorder_entry import main\nsys.exit(main())\n"
    )
    env = {
        **ENVIRONMENT,
        "RECORDER_AUTOSTART": "out.rtrace",
        "PYTHONPATH": f"{BOOT}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60)
    if "-Im" not in arguments:
        assert done.returncode == 0, done.stderr
    until(lambda: not leftovers(tmp_path))
    assert bool(list(tmp_path.glob("*.rtrace"))) == is_recorded


# ------------------------------------------------------------------------------------ other Pythons

OLD = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10"]


def python(version: str) -> str | None:
    """An interpreter of this version, if there is one that runs: a shim of pyenv's may stand for none."""
    installed = glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python"))
    found = installed[0] if installed else shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True).returncode != 0:
        return None
    return found


@pytest.mark.parametrize("version", OLD)
def test_an_older_python_below_notices_nothing(tmp_path: Path, version: str) -> None:
    old = python(version)
    if old is None:
        pytest.skip(f"there is no Python {version}")
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "sitecustomize.py").write_text(
        "import sys; sys.stderr.write('their own sitecustomize\\n')\n"
    )
    (tmp_path / "below.py").write_text(
        "import sys\nprint([sys.path[1:], [n for n in sys.modules if 'recorder' in n],"
        " sorted(sys.path_importer_cache), sys.modules['sitecustomize'].__file__])\n"
    )
    (tmp_path / "app.py").write_text(
        f"import subprocess\nsubprocess.run([{old!r}, 'below.py'], check=True)\n"
    )
    before = set(os.listdir(BOOT))
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "packages"), "HOME": str(tmp_path)}
    plain = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=env, capture_output=True)
    assert plain.returncode == 0 and b"their own sitecustomize" in plain.stderr, plain.stderr
    env["PYTHONPATH"] += f"{os.pathsep}{ROOT}"
    command = [sys.executable, "-m", "recorder", "run", "--follow-children", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60)
    expected = plain.stdout.replace(b"'packages'", b"")
    said = done.stdout.replace(f", {str(ROOT)!r}".encode(), b"")
    # 2.7 writes what it compiled beside the file, and finds it there the second time.
    said = said.replace(b"sitecustomize.pyc'", b"sitecustomize.py'")
    assert (done.returncode, said) == (0, expected)
    # Once more than without: the command itself is a Python, too.
    assert set(done.stderr.splitlines()) == {b"their own sitecustomize"}
    assert set(os.listdir(BOOT)) - {"__pycache__"} == before - {"__pycache__"}
