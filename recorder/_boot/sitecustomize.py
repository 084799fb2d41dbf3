"""Arms the recorder in a program before it starts, and leaves no trace of that.

There are three ways in here, and each is `enter` with what it has found:

- `recorder run` puts this folder on PYTHONPATH, so Python's `site` imports this module. So it does in the
  children of a program that is recorded with its children.
- RECORDER_AUTOSTART=out.rtrace: the same, or by `recorder_autostart.pth`, which an installation has.
- where Python ignores PYTHONPATH (-I, -E, -S), `recorder run` comes in by `preload.c`.

Anywhere else (a subinterpreter, an environment that leaked) this module only steps aside, and makes room for
the user's own `sitecustomize`.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Seen = tuple[set[str], set[str]]

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
AUTOSTART = "RECORDER_AUTOSTART"
FOLLOW = "RECORDER_BOOT_FOLLOW"
# 3.15: the names of what may be imported later, and those of them that others have put there.
LAZY_MODULES: set[str] = getattr(sys, "lazy_modules", set())
LAZY_BEFORE = set(LAZY_MODULES)
INTERNAL_EXIT_CODE = 70  # as in recorder.errors.kinds, which may be what cannot be loaded


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


def enter(staging: str | None, json_errors: str | None, before: "Seen | None" = None) -> None:
    """Arms this process, if that is wanted: for `recorder run`, where a failure ends it all, or by the
    environment, where it does not. `before`: what was there before anything of ours."""
    before = before or seen()
    if staging is not None:
        try:
            arm("recorder.whole_process", "arm_for_main", staging, before)
        except BaseException as exc:  # audit: the process ends in fail()
            fail(exc, json_errors)
    elif FOLLOW in os.environ or AUTOSTART in os.environ:
        by_environment(before)


def seen() -> "Seen":
    """What a program can see of imports: the names of modules, and the path entries that were searched."""
    return set(sys.modules), set(sys.path_importer_cache)


def by_environment(before: "Seen") -> None:
    """Arms this process as a child of one that is recorded, or as RECORDER_AUTOSTART says; once, though there
    may be two ways in."""
    boot = sys.modules.get("recorder._boot")
    armed_by_run = os.environ.get("RECORDER_BOOT_PID") == str(
        os.getpid()
    )  # later, and in its own way
    if armed_by_run or is_recorder() or is_subinterpreter() or getattr(boot, "kept", None):
        return
    follow, name = os.environ.get(FOLLOW), os.environ.get(AUTOSTART)
    try:
        if follow is not None:
            arm("recorder.whole_process", "start_below", follow, before)
        elif name:
            # Processes below would all write the same trace, if the name does not differ.
            if "%p" not in name.replace("%%", ""):
                del os.environ[AUTOSTART]
            arm("recorder.whole_process", "start_by_environment", name, before)
    except BaseException as exc:  # audit: whatever it is, the program starts
        report(exc, before)


def is_recorder() -> bool:
    """Whether this process is a command of the recorder's own, and no program to record."""
    words = sys.orig_argv[1:]
    return ["-m", "recorder"] in [words[i : i + 2] for i in range(len(words))] or any(
        os.path.basename(word) == "recorder" for word in words[:1]
    )


def is_subinterpreter() -> bool:
    """Each of them runs `site`, too. Only the main one may ask about signals."""
    import _signal  # type: ignore[import-not-found]  # built in; `signal` itself imports `enum`

    try:
        before = _signal.set_wakeup_fd(-1)
    except ValueError:
        return True
    if before != -1:
        _signal.set_wakeup_fd(before)
    return False


def arm(module: str, function: str, argument: str, before: "Seen") -> None:
    """Calls one of our functions; of what that loads, only the recorder stays to be seen."""
    path = sys.path[:]
    # A folder of the user's that shadows the standard library must not shadow it for us.
    library = os.path.dirname(os.__file__)
    sys.path.sort(key=lambda entry: not entry.startswith(library))
    try:
        if "recorder" not in sys.modules:
            import_recorder()
        from recorder.imports import AtOnce

        with AtOnce():
            ours = __import__(module, fromlist=(function,))
            call: Callable[[str], object] = getattr(ours, function)
            call(argument)
        import gc

        gc.collect()  # what arming left is not for the program to find
    finally:
        sys.path[:] = path
        hide(before)


def import_recorder() -> None:
    """Imports the package this file is in, wherever that is, without touching sys.path."""
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("recorder", [os.path.dirname(PACKAGE)])
    if spec is None or spec.loader is None:
        # audit: there is no error of ours yet; fail() reports it
        raise ImportError("the recorder is not where it was", name="recorder", path=PACKAGE)
    sys.modules["recorder"] = package = module_from_spec(spec)
    spec.loader.exec_module(package)


def hide(before: "Seen") -> None:
    """Takes modules out of sight that are not the recorder's, and keeps them alive for it."""
    from recorder import _boot

    modules, importers = before
    _boot.kept.append(globals())  # ours, which would be garbage for the program to collect
    for entry in set(sys.path_importer_cache) - importers:
        del sys.path_importer_cache[entry]
    LAZY_MODULES.intersection_update(LAZY_BEFORE)
    hidden = set(sys.modules) - modules
    for name in hidden:
        parent, _, child = name.rpartition(".")
        if name.partition(".")[0] == "recorder":
            continue
        module = sys.modules.pop(name)
        _boot.kept.append(module)
        # Of a package that the program sees; one that is hidden as well stays whole, for the recorder.
        if parent in modules and vars(sys.modules[parent]).get(child) is module:
            delattr(sys.modules[parent], child)
    forget_codecs({name.partition(".")[2] for name in hidden if name.startswith("encodings.")})


def forget_codecs(names: set[str]) -> None:
    """Codecs that nobody else has asked for yet: else the program's own asking would load no module. In dev mode,
    3.11 asks for ASCII at the first import of any extension module."""
    if not names:
        return
    import _codecs
    import encodings

    cache: dict[str, object] = encodings._cache
    for key in [key for key in cache if encodings.aliases.aliases.get(key, key) in names]:
        del cache[key]
    # CPython's own cache is emptied by this; whatever is asked for next is found in the one above.
    _codecs.unregister(encodings.search_function)
    _codecs.register(encodings.search_function)


def fail(exc: BaseException, json_errors: str | None) -> "NoReturn":
    """Nothing has run yet. An exception would be a fatal error of Python's with a traceback."""
    interrupted = isinstance(exc, KeyboardInterrupt)
    code = 130 if interrupted else INTERNAL_EXIT_CODE
    try:
        from recorder.cli import failure

        if interrupted:
            failure.die_by_signal(2)  # SIGINT, as Ctrl-C ends a plain Python
        code = failure.report(exc, json_errors)
    except BaseException:  # audit: nothing may get out, and nothing comes after this
        os.write(2, b"recorder: could not be loaded: %a\n" % exc)
    finally:
        os._exit(code)  # audit: SystemExit in a sitecustomize is a fatal error with a traceback


def report(exc: BaseException, before: "Seen") -> None:
    """Says on stderr why this process is not recorded. The program starts all the same."""
    try:
        from recorder.cli import failure

        failure.report(exc, failure.json_errors_wanted())
        hide(before)
    except BaseException:  # audit: nothing may get out: the program is to start
        try:
            # audit: as much as stderr takes; nobody could be told of the rest
            os.write(2, b"recorder: could not be loaded: %a\n" % exc)
        except OSError:
            pass  # stderr is closed


if __name__ == "sitecustomize":
    enter(*step_aside())
    # The user's own. There may be none: site.py expects that very ImportError.
    __import__("sitecustomize")
