"""Arms the recorder in the program that `recorder run` becomes.

`recorder run` puts this folder on PYTHONPATH, so Python's `site` imports this module before the
program starts. It removes every trace of that, arms the recorder, and makes room for the user's own
`sitecustomize`. Anywhere else (a subinterpreter, an environment that leaked) it only steps aside.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)


def step_aside() -> tuple[str | None, str | None]:
    """Leaves path, environment and modules as they are without us: (staging, json_errors)."""
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    sys.path_importer_cache.pop(HERE, None)
    sys.modules.pop("sitecustomize", None)
    pid, staging, pythonpath, json_errors = (
        os.environ.pop(f"RECORDER_BOOT_{name}", None)
        for name in ("PID", "STAGING", "PYTHONPATH", "JSON_ERRORS")
    )
    if staging is not None and pythonpath is not None:
        os.environ["PYTHONPATH"] = pythonpath
    elif staging is not None:
        os.environ.pop("PYTHONPATH", None)
    return (staging if pid == str(os.getpid()) else None), json_errors


def arm(staging: str) -> None:
    """Arms this process; of what that loads, only the recorder stays to be seen."""
    modules, path, importers = set(sys.modules), sys.path[:], set(sys.path_importer_cache)
    # A folder of the user's that shadows the standard library must not shadow it for us.
    library = os.path.dirname(os.__file__)
    sys.path.sort(key=lambda entry: not entry.startswith(library))
    try:
        import_recorder()
        from recorder.session import arm_for_main

        arm_for_main(staging)
        import gc

        gc.collect()  # what arming left is not for the program to find
    finally:
        hide(set(sys.modules) - modules)
        sys.path[:] = path
        for entry in set(sys.path_importer_cache) - importers:
            del sys.path_importer_cache[entry]


def import_recorder() -> None:
    """Imports the package this file is in, wherever that is, without touching sys.path."""
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("recorder", [os.path.dirname(PACKAGE)])
    if spec is None or spec.loader is None:
        # audit: there is no error of ours yet; fail() tells of it
        raise ImportError("the recorder is not where it was", name="recorder", path=PACKAGE)
    sys.modules["recorder"] = package = module_from_spec(spec)
    spec.loader.exec_module(package)


def hide(names: set[str]) -> None:
    """Takes modules out of sight that are not the recorder's, and keeps them alive for it."""
    from recorder import _boot

    _boot.kept.append(globals())  # ours, which would be garbage for the program to collect
    for name in names:
        parent, _, child = name.rpartition(".")
        if name.partition(".")[0] == "recorder":
            continue
        module = sys.modules.pop(name)
        _boot.kept.append(module)
        if vars(sys.modules.get(parent, _boot)).get(child) is module:
            delattr(sys.modules[parent], child)


def fail(exc: BaseException, json_errors: str | None) -> "NoReturn":
    """Nothing has run yet. An exception would be a fatal error of Python's with a traceback."""
    interrupted = isinstance(exc, KeyboardInterrupt)
    code = 130 if interrupted else 70
    try:
        from recorder import cli

        if interrupted:
            cli.die_by(2)  # SIGINT, as Ctrl-C ends a plain Python
        code = cli.tell(exc, json_errors)
    except BaseException:  # audit: nothing may get out, and nothing comes after this
        os.write(2, b"recorder: could not be loaded: %a\n" % exc)
    finally:
        os._exit(code)  # audit: SystemExit in a sitecustomize is a fatal error with a traceback


if __name__ == "sitecustomize":
    staging, json_errors = step_aside()
    if staging is not None:
        try:
            arm(staging)
        except BaseException as exc:  # audit: the process ends in fail()
            fail(exc, json_errors)
    # The user's own. There may be none: site.py expects that very ImportError.
    __import__("sitecustomize")
