"""Where an installation is entered: by the command `recorder`, and by Python's `site` in every process.

The recorder is looked for beside this file, and not on `sys.path`: there may be another module of the name `recorder`,
and to the program that has it that one is the recorder.
"""

import os
import sys

HOME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder")


def main() -> int:
    """The command `recorder`."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = os.path.join(HOME, "__init__.py")
    spec = spec_from_file_location("recorder", path, submodule_search_locations=[HOME])
    if spec is None or spec.loader is None:
        # audit: there is no error of ours yet
        raise ImportError("the recorder is not where it was", name="recorder", path=HOME)
    sys.modules["recorder"] = package = module_from_spec(spec)
    spec.loader.exec_module(package)
    from recorder.cli import of_process as command

    return command()


def autostart() -> None:
    """For recorder_autostart.pth and .start: records this process, if its environment says so."""
    sys.modules.pop(__name__, None)  # nobody else needs it
    if "RECORDER_AUTOSTART" not in os.environ and "RECORDER_BOOT_FOLLOW" not in os.environ:
        globals().clear()  # or it would be garbage, for the program's collector to count
        return
    before = set(sys.modules), set(sys.path_importer_cache)
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(HOME, "_boot", "boot.py")
    boot = type(sys)("recorder._boot")
    boot.__file__ = path
    exec(SourceFileLoader(boot.__name__, path).get_code(boot.__name__), vars(boot))
    vars(boot)["kept"] = globals()  # not for the program's garbage collector to find
    boot.enter(None, None, before)
