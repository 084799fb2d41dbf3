"""`recorder run`: checks what can be checked, starts the sealer, and becomes `python SCRIPT`."""

from __future__ import annotations

import itertools
import os
import sys

from recorder import errors
from recorder import policy as policies
from recorder.cli import failure, options
from recorder.cli.console import write
from recorder.errors.arguments import path as checked_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from recorder.policy import Policy
    from recorder.staging.layout import Staging

USAGE = """\
usage: recorder run [options] [python flags] (SCRIPT | -m MODULE | -c CODE) [ARG...]

Runs a Python program as `python SCRIPT ARG...` would, and records it.

options:
{rows}

python flags: -b -B -d -E -i -I -O -OO -P -q -s -S -u -v -W ... -X ..., passed on as they are
Every option can be set in pyproject.toml ([tool.recorder]) and the environment (RECORDER_...) too:
`recorder policy` shows what is in force.
"""

# The folder whose sitecustomize arms the recorder, and what tells it that it was us. Where Python ignores
# PYTHONPATH, the dynamic linker loads `preload`, which does the same.
BOOT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_boot")
BOOT_PID = "RECORDER_BOOT_PID"
BOOT_STAGING = "RECORDER_BOOT_STAGING"
BOOT_PYTHONPATH = "RECORDER_BOOT_PYTHONPATH"
BOOT_JSON_ERRORS = "RECORDER_BOOT_JSON_ERRORS"
BOOT_FILE = "RECORDER_BOOT_FILE"
AT_SECURE = 23  # the entry of the auxiliary vector that says whether LD_PRELOAD is ignored


def main(arguments: list[str]) -> int:
    """Does not return when all goes well."""
    json_errors = _json_errors_of(arguments)
    try:
        run = options.parse(arguments)
        if run.help:
            write(USAGE.format(rows=options.help_rows()).rstrip())
            return 0
        policy, _ = policies.load(policies.find_pyproject(), os.environ, run.policy)
        json_errors = policy.json_errors
        check_target(run)
        become(run, policy)
    except (Ended, KeyboardInterrupt) as exc:
        failure.die_by_signal(exc.number if isinstance(exc, Ended) else 2)  # SIGINT
    except Exception as exc:
        return failure.report(exc, json_errors)


def become(run: options.Run, policy: Policy) -> NoReturn:
    """Prepares the recording, and replaces this process by the program."""
    from recorder.diagnostics import Reporter, report_unfinished
    from recorder.staging import create, launch

    Reporter(policy.json_errors).check()
    report_unfinished(run.destination)
    end_by_signal_as_by_ctrl_c()
    staging = create.plan(run.destination, policy=policy, argv=run.program)
    try:
        create.make(staging)
        launch.launch_sealer(staging)
        _exec(run, policy, staging)
    except BaseException as error:
        create.undo(staging, error)
        raise


class Ended(SystemExit):  # audit: control flow of the command itself; main() ends it
    """A signal that ends a process has come; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def end_by_signal_as_by_ctrl_c() -> None:
    """Until the program is there, SIGTERM and SIGHUP end us only when all that was made is removed.
    exec takes these handlers away; a signal that is ignored stays so."""
    import signal

    def end(number: int, _: object) -> NoReturn:
        raise Ended(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _exec(run: options.Run, policy: Policy, staging: Staging) -> NoReturn:
    if not sys.executable:
        raise errors.UnsupportedPythonError(
            "Python does not know its own executable", **_this_python()
        )
    if os.pathsep in BOOT and not run.blind:
        raise errors.UnsupportedPythonError(
            f"PYTHONPATH cannot hold the path {BOOT}", **_this_python()
        )
    way_in = preloaded(run.blind) if run.blind else on_path()
    made = {**environment(policy, staging), **way_in}
    if run.blind:
        # The preloaded one comes later, and would find it recording.
        made.pop(b"RECORDER_AUTOSTART", None)
    arguments = [sys.executable, *run.flags, *run.program]
    with errors.mapped("exec", path=sys.executable):
        os.execve(sys.executable, arguments, made)


def _this_python() -> dict[str, Any]:
    return {"implementation": sys.implementation.name, "version": sys.version.split()[0]}


def environment(policy: Policy, staging: Staging) -> dict[bytes, bytes]:
    """The one we were given, and what `_boot` looks for and takes out again."""
    made = given_environment()
    made[os.fsencode(BOOT_PID)] = str(os.getpid()).encode()
    made[os.fsencode(BOOT_STAGING)] = os.fsencode(staging.path)
    if policy.json_errors is not None:
        made[os.fsencode(BOOT_JSON_ERRORS)] = os.fsencode(policy.json_errors)
    return made


def on_path() -> dict[bytes, bytes]:
    """The usual way in: Python's `site` imports our sitecustomize."""
    if os.pathsep in BOOT:
        raise errors.UnsupportedPythonError(f"PYTHONPATH cannot hold the path {BOOT}")
    given = given_environment().get(b"PYTHONPATH")
    made = {b"PYTHONPATH": _before(given or None, BOOT)}
    if given is not None:
        made[os.fsencode(BOOT_PYTHONPATH)] = given
    return made


def preloaded(flag: str) -> dict[bytes, bytes]:
    """The way in past a flag by which Python ignores PYTHONPATH or loads nothing at its start."""
    from recorder._core import control, preload
    from recorder.processes import auxiliary_vector

    if not control.READS_IN_PLACE:
        reason = (
            "how this Python keeps its audit hooks is not known, and ours could not be taken away"
        )
        raise errors.UnsupportedPythonFlagError(flag=flag, reason=reason)
    if os.pathsep in preload.__file__ or " " in preload.__file__:
        reason = f"the dynamic linker cannot load {preload.__file__}, for the characters in it"
        raise errors.UnsupportedPythonFlagError(flag=flag, reason=reason)
    if auxiliary_vector(os.getpid()).get(AT_SECURE):
        reason = "this Python has privileges of its own, and the dynamic linker loads nothing else"
        raise errors.UnsupportedPythonFlagError(flag=flag, reason=reason)
    return {
        b"LD_PRELOAD": _before(given_environment().get(b"LD_PRELOAD"), preload.__file__),
        os.fsencode(BOOT_FILE): os.fsencode(os.path.join(BOOT, "boot.py")),
    }


def _before(given: bytes | None, path: str) -> bytes:
    return os.fsencode(path) + (b"" if given is None else os.pathsep.encode() + given)


def given_environment() -> dict[bytes, bytes]:
    """As it was when we were started. Python itself may change it: in the C locale it sets
    LC_CTYPE, and then a Python below would not go into UTF-8 mode."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    found: dict[bytes, bytes] = {}
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if equals:
            found.setdefault(name, value)
    return found


# ----------------------------------------------------------------------------- what can be checked


def check_target(run: options.Run) -> None:
    """Whether there is something to run, as far as that can be said without running any of it."""
    if any(flag.endswith("gil=0") for flag in run.flags):
        raise errors.FreeThreadedPythonError(version=_this_python()["version"])
    if run.kind == "script":
        check_script(run.target)
    elif run.kind == "module":
        check_module(run.target, safe_path=run.safe_path)


def check_script(path: str) -> None:
    import stat

    path = checked_path(path, "SCRIPT")
    with errors.mapped("script", path=path):
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            os.close(os.open(path, os.O_RDONLY))
    if stat.S_ISDIR(mode):
        names = [os.path.join(path, name) for name in ("__main__.py", "__main__.pyc")]
        if not any(os.path.isfile(name) for name in names):
            raise errors.ScriptNotFoundError(path=names[0])
    elif stat.S_ISREG(mode):
        import zipimport

        try:
            archive = zipimport.zipimporter(path)
        except zipimport.ZipImportError:
            return  # the usual case: a file of source
        if archive.find_spec("__main__") is None:
            raise errors.ScriptNotFoundError(path=os.path.join(path, "__main__.py"))


def check_module(name: str, *, safe_path: bool) -> None:
    """Looks for the first part of the name only: to look further is to import it."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    top = name.partition(".")[0]
    # What `python -m` would search: the current folder takes the place of our own script's.
    own = 0 if sys.flags.safe_path else 1
    before = sys.path[:]
    sys.path[:] = [*([] if safe_path else [policies.current_folder()]), *before[own:]]
    try:
        spec = find_spec(top) if top else None
    except ValueError:  # a module such as __main__, which has no spec
        return
    finally:
        sys.path[:] = before
    if spec is None:
        raise errors.TargetModuleNotFoundError(module=name)
    folders = spec.submodule_search_locations if top == name else None
    if folders is not None and PathFinder.find_spec(f"{name}.__main__", list(folders)) is None:
        message = f"{name} is a package without __main__, and cannot be run"
        raise errors.TargetModuleNotFoundError(message, module=name)


def _json_errors_of(arguments: list[str]) -> str | None:
    """Where to report a failure to read the command line or the policy: the best guess."""
    ours = itertools.takewhile(lambda word: word.startswith("-"), arguments)
    return failure.json_errors_wanted(failure.json_errors_in(list(ours)))
