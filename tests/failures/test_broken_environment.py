"""Commands and calls in an environment that is broken: what comes out is mapped, or nothing was wrong.

Every environment is a real one: a folder that was removed, descriptors that are closed, limits of the
system, a machine without /proc. A program that runs under `recorder run` in it ends as it does without.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder import errors
from tests.conftest import ENVIRONMENT, lacks_a_fact
from tests.tools.tape_tools import in_turn

APP = "import sys\nsys.stdout and print('ran')\nsys.exit(3)\n"
API = """
import sys, recorder
from recorder import errors
try:
    session = recorder.start("api.rtrace")
    total = sum(range(10))
    session.stop()
    with recorder.open_trace("api.rtrace") as trace:
        for step in trace.steps():
            dict(step.locals)
    recorder.Policy(log_file="log", json_errors="x").replace(scope="all")
except errors.RecorderError as error:
    assert str(error) and error.to_dict()
    import os
    os.write(2, f"recorder: {error}\\n".encode())
    sys.exit(error.exit_code)
sys.exit(3)
"""
LIMIT = {"nofile": (5, 6, 7, 8, 10), "as": (30_000_000, 40_000_000, 60_000_000), "fsize": (0, 4096)}
# name → shell, with {} for the command
ENVIRONMENTS = {
    "as it should be": "{}",
    "the folder is gone": "mkdir gone && cd gone && rmdir ../gone && {}",
    "no HOME": "unset HOME; {}",
    "no TMPDIR": "TMPDIR=/no/such/folder {}",
    "almost no environment": "env -i PYTHONPATH={home} {}",
    "no stdin": "{} <&-",
    "no stdout": "{} >&-",
    "no stderr": "{} 2>&-",
    "no streams": "{} <&- >&- 2>&-",
    "stdout is full": "{} >/dev/full",
    "stderr is full": "{} 2>/dev/full",
    "names nobody knows": "RECORDER_=1 RECORDER_FROBNICATE=x RECORDER_TEST_FAULTS=::: {}",
    "a policy that is wrong": "RECORDER_SCOPE=mine {}",
    "what run leaves for itself": "RECORDER_BOOT_PID=x RECORDER_BOOT_STAGING=/no/such {}",
    "its own mark": "RECORDER_BOOT_PID=$$ RECORDER_BOOT_STAGING=/no/such exec {}",
    "an odd encoding": "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii {}",
    "all warnings are errors": "PYTHONWARNINGS=error PYTHONDEVMODE=1 {}",
    **{
        f"{name}={value}": f"prlimit --{name}={value} {{}}"
        for name, values in LIMIT.items()
        for value in values
    },
}
AS_ROOT = {
    "no /proc": "unshare -m sh -c 'umount -l /proc; exec \"$@\"' - {}",
    "a read-only folder": "unshare -m sh -c 'mount -t tmpfs -o ro none ro; cd ro; exec \"$@\"' - {}",
    "no further process": "setpriv --reuid=65534 --inh-caps=+dac_override,+dac_read_search "
    "--ambient-caps=+dac_override,+dac_read_search prlimit --nproc=0 {}",
}
MISSING = "missing.rtrace"
WORDS = {
    "run": ("run", "{app}"),
    "run -o": ("run", "-o", "out.rtrace", "--json-errors=log.json", "{app}"),
    "run -m": ("run", "-m", "json.tool", "--help"),
    "info": ("info", "{trace}"),
    "info --json": ("info", "--json", "{trace}"),
    "verify": ("verify", "{trace}"),
    "print": ("print", "{trace}"),
    "recover": ("recover", "{trace}"),
    "policy": ("policy",),
    "errors": ("errors", "DISK_FULL"),
    "help": ("--help",),
    "missing": ("info", MISSING),
}
OTHERS = [name for name in WORDS if name not in ("run", "policy", "errors", "help")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    (folder / "app.py").write_text(APP)
    (folder / "api.py").write_text(API)
    (folder / "ro").mkdir()
    with recorder.record(folder / "good.rtrace"):
        pass
    return folder


def in_shell(place: Path, environment: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    shell = {**ENVIRONMENTS, **AS_ROOT}[environment]
    text = shell.replace("{home}", ENVIRONMENT["PYTHONPATH"]).replace("{}", shlex.join(command))
    return subprocess.run(
        ["sh", "-c", text],
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def check(done: subprocess.CompletedProcess[str]) -> list[type[errors.RecorderError]]:
    """What was said of ours is mapped. The failures that were named."""
    found = re.findall(r"^recorder: \[(ERR_\w+)\]", done.stderr, re.MULTILINE)
    for line in done.stderr.splitlines():
        assert not lacks_a_fact(line), line
    assert not set(found) & {"ERR_INTERNAL", "ERR_SEALER_DIED", "ERR_IO_ERROR"}, done.stderr
    by_name = {c.error_name: errors.class_for(c) for c in errors.ErrorCode}
    return [by_name[name] for name in found]


@pytest.mark.root("unshare", "prlimit", "setpriv")
@pytest.mark.leaves_staging
@pytest.mark.parametrize("environment", in_turn({**ENVIRONMENTS, **AS_ROOT}, of=3))
def test_a_program_and_one_of_the_other_commands(place: Path, environment: str) -> None:
    check_command(place, environment, "run")
    number = list({**ENVIRONMENTS, **AS_ROOT}).index(environment)
    check_command(place, environment, OTHERS[number % len(OTHERS)])


@pytest.mark.slow
@pytest.mark.root("unshare", "prlimit", "setpriv")
@pytest.mark.leaves_staging
@pytest.mark.parametrize("environment", {**ENVIRONMENTS, **AS_ROOT})
def test_every_command(place: Path, environment: str) -> None:
    for name in WORDS:
        check_command(place, environment, name)


def check_command(place: Path, environment: str, name: str) -> None:
    """It does its work, or says why not; and `run` ends as the program does."""
    words = {"app": str(place / "app.py"), "trace": str(place / "good.rtrace")}
    command = WORDS[name]
    given = [word.format(**words) for word in command]
    done = in_shell(place, environment, [sys.executable, "-m", "recorder", *given])
    named = check(done)
    if named and done.returncode == named[0].exit_code:
        assert done.stdout == ""  # nothing ran
        return
    assert done.returncode not in {kind.exit_code for kind in named}
    if command[0] != "run":
        assert "Traceback" not in done.stderr, (name, done.stderr)
        expected = 2 if command[-1] == MISSING else 0  # where nobody could be told
        assert done.returncode == expected, (name, done)
        return
    program = ["-m", *given[given.index("-m") + 1 :]] if "-m" in given else [given[-1]]
    plain = in_shell(place, environment, [sys.executable, *program])
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), (name, done)
    ours = "".join(f"{line}\n" for line in done.stderr.splitlines() if "recorder: " not in line)
    assert ours == plain.stderr


@pytest.mark.root("unshare", "prlimit", "setpriv")
@pytest.mark.leaves_staging
@pytest.mark.parametrize("environment", in_turn({**ENVIRONMENTS, **AS_ROOT}, of=3))
def test_the_calls(place: Path, environment: str) -> None:
    done = in_shell(place, environment, [sys.executable, str(place / "api.py")])
    named = check(done)
    assert "Traceback" not in done.stderr, done.stderr
    # 3: the program's own, after a recording that was disabled on the way.
    assert done.returncode in {3, *(kind.exit_code for kind in named)}, done
