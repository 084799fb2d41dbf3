"""Lets the recorder into a Python that starts below one that is recorded, or by `recorder run`, and makes room for the
user's own `sitecustomize`: see boot.py.

PYTHONPATH leads every Python here, also those that the recorder is not for. So this file is written in words that 2.7
understands, and does no more than to step aside there.
"""

import os
import sys

THIS = sys.modules.get(
    __name__
)  # 2.7 empties a module that nobody holds, though its code still runs
HERE = os.path.dirname(os.path.abspath(__file__))


def step_aside():  # type: ignore[no-untyped-def]
    """Leaves path, environment and modules as they are without us: (staging, json_errors)."""
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    sys.path_importer_cache.pop(HERE, None)
    sys.modules.pop("sitecustomize", None)
    pid, staging, pythonpath, json_errors = [
        os.environ.pop("RECORDER_BOOT_" + name, None)
        for name in ("PID", "STAGING", "PYTHONPATH", "JSON_ERRORS")
    ]
    if staging is not None and pythonpath is not None:
        os.environ["PYTHONPATH"] = pythonpath
    elif staging is not None:
        os.environ.pop("PYTHONPATH", None)
    return (staging if pid == str(os.getpid()) else None), json_errors


def enter(staging, json_errors, before=None):  # type: ignore[no-untyped-def]
    """Loads boot.py as a module of no name, and enters there. `before` is given by the .pth file of older versions."""
    from _frozen_importlib_external import SourceFileLoader

    name = "recorder._boot"
    path = os.path.join(HERE, "boot.py")
    module = type(sys)(name)
    module.__file__ = path
    exec(SourceFileLoader(name, path).get_code(name), vars(module))  # type: ignore[arg-type]
    vars(module)["kept"] = globals()  # not for the program's garbage collector to find
    module.enter(staging, json_errors, before)


if __name__ == "sitecustomize":
    found = step_aside()  # type: ignore[no-untyped-call]
    version = sys.version_info[:2]
    if version >= (3, 11) and sys.implementation.name == "cpython":
        enter(*found)  # type: ignore[no-untyped-call]
    elif version < (3, 0):
        try:
            os.remove(os.path.join(HERE, "sitecustomize.pyc"))  # 2.7 puts it right here
        except OSError:
            pass
    # The user's own. There may be none: site.py expects that very ImportError.
    __import__("sitecustomize")
