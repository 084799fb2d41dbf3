"""Arms the recorder in a program before it starts, and leaves no trace of that.

There are three ways in here, and each is `enter` with what it has found:

- `recorder run` puts this folder on PYTHONPATH, so Python's `site` imports `sitecustomize.py`, which loads this file.
  So it does in the children of a program that is recorded with its children.
- RECORDER_AUTOSTART=out.rtrace: the same, or by `recorder_entry.py`, which an installation has Python call when it
  starts.
- where Python ignores PYTHONPATH (-I, -E, -S), `recorder run` comes in by `preload.c`.

What the recorder is made of is not for the program to see, and the program not for the recorder. Its modules, and
those of the standard library that it has loaded for itself, are taken out of `sys.modules` again, and find each other
by an `__import__` of their own (`Ours`). So a module of the program's that is called `recorder`, or `json`, is the
program's, and what the program does to imports, or to functions of `os` and `time`, it does to itself. A program that
imports the recorder gets the one that records it: `recorder/__init__.py` sees to that.
"""

import builtins
import os
import sys
from _frozen_importlib_external import PathFinder, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, NoReturn

    Seen = tuple[set[str], set[str]]

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
AUTOSTART = "RECORDER_AUTOSTART"
FOLLOW = "RECORDER_BOOT_FOLLOW"
# 3.15: the names of what may be imported later, and those of them that others have put there.
LAZY_MODULES: set[str] = getattr(sys, "lazy_modules", set())
LAZY_BEFORE = set(LAZY_MODULES)
# The one of our modules that stays in sys.modules: the recorder that a program imports is found by it.
ARMED = "recorder._boot"
COPIED = ("os", "posixpath", "genericpath", "time")
FUNCTION = type(lambda: None)
INTERNAL_EXIT_CODE = 70  # as in recorder.errors.kinds, which may be what cannot be loaded


def enter(staging: str | None, json_errors: str | None, before: "Seen | None" = None) -> None:
    """Arms this process, if that is wanted: for `recorder run`, where a failure ends it all, or by the
    environment, where it does not. `before`: what was there before anything of ours."""
    ours = Ours(before or seen())
    if staging is not None:
        try:
            arm("recorder.whole_process", "arm_for_main", staging, ours)
        except BaseException as exc:  # audit: the process ends in fail()
            fail(exc, json_errors, ours)
    elif FOLLOW in os.environ or AUTOSTART in os.environ:
        by_environment(ours)


def seen() -> "Seen":
    """What a program can see of imports: the names of modules, and the path entries that were searched."""
    return set(sys.modules), set(sys.path_importer_cache)


def by_environment(ours: "Ours") -> None:
    """Arms this process as a child of one that is recorded, or as RECORDER_AUTOSTART says; once, though there
    may be two ways in."""
    # `recorder run` comes later, and in its own way.
    by_run = os.environ.get("RECORDER_BOOT_PID") == str(os.getpid())
    if by_run or ARMED in sys.modules or is_recorder() or is_subinterpreter():
        return
    follow, name = os.environ.get(FOLLOW), os.environ.get(AUTOSTART)
    try:
        if follow is not None:
            arm("recorder.whole_process", "start_below", follow, ours)
        elif name:
            # Processes below are recorded where the pattern says that each has a name of its own.
            if not any(mark in name.replace("%%", "") for mark in ("%p", "%n")):
                del os.environ[AUTOSTART]
            arm("recorder.whole_process", "start_by_environment", name, ours)
    except BaseException as exc:  # audit: whatever it is, the program starts
        report(exc, ours)


def is_recorder() -> bool:
    """Whether this process is a command of the recorder's own, and no program to record."""
    kind, name = what_runs(sys.orig_argv[1:])
    if kind == "-m":
        return name == "recorder" and is_ours(name)
    return kind == "script" and os.path.basename(name) == "recorder" and is_our_script(name)


def what_runs(words: "list[str]") -> "tuple[str, str]":
    """What a command line has Python run: ("script", path), ("-m", module), ("-c", code), or ("", "") for stdin."""
    rest = iter(words)
    for word in rest:
        if word == "-" or not word.startswith("-"):
            return "script", word
        if word == "--check-hash-based-pycs":
            next(rest, "")
        for at, letter in enumerate(word[1:] if word[1] != "-" else "", 2):
            if letter in "cmWX":  # the rest of the word is what it takes, or the next word
                argument = word[at:] or next(rest, "")
                if letter in "cm":
                    return f"-{letter}", argument
                break
    return "", ""


def is_ours(name: str) -> bool:
    """Whether `python -m name` is going to run a module of ours."""
    here = [] if sys.flags.safe_path else [os.getcwd()]
    spec = PathFinder.find_spec(name, [*here, *sys.path])
    found = [] if spec is None else spec.submodule_search_locations or []
    return os.path.realpath(PACKAGE) in map(os.path.realpath, found)


def is_our_script(path: str) -> bool:
    """Whether it is the command that an installation makes."""
    try:
        with open(path, "rb") as file:
            text = file.read(1024)
            return b"recorder_entry" in text or b"recorder.cli" in text
    except OSError:
        return False


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


def arm(module: str, function: str, argument: str, ours: "Ours") -> None:
    """Calls one of our functions; of what that loads, nothing stays to be seen but who has it."""
    with ours:
        __import__(ARMED)
        loaded = __import__(module, fromlist=(function,))
        sys.modules[ARMED].ours = ours  # type: ignore[attr-defined]
        call: Callable[[str], object] = getattr(loaded, function)
        call(argument)
        import gc

        gc.collect()  # what arming left is not for the program to find


class Ours:
    """The modules that the recorder has for itself. Within `with`, they are in `sys.modules`, and what the program has
    done to imports is undone; at all other times our modules find each other by `find`, which is their `__import__`."""

    def __init__(self, before: "Seen") -> None:
        self.modules_before, self.importers_before = before
        self.hidden: dict[str, ModuleType] = {}
        self.copies = copies(COPIED)
        self.shared = {**self.copies}  # what the program has, too
        self.builtins = {**vars(builtins), "__import__": self.find}
        self.load = builtins.__import__
        # A folder of the user's that shadows the standard library must not shadow it for us.
        library = os.path.dirname(os.__file__)
        self.path = sorted(sys.path, key=lambda entry: not entry.startswith(library))
        self.finders = [self, *sys.meta_path]
        self.depth = 0

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth > 1:
            return
        self.is_first = not self.hidden
        if self.hidden:
            self.modules_before = set(sys.modules)
            self.importers_before = set(sys.path_importer_cache)
        ours = self.copies | self.hidden
        self.theirs = {name: sys.modules[name] for name in ours if name in sys.modules}
        self.their_path, self.their_finders = sys.path[:], sys.meta_path[:]
        sys.modules.update(ours)
        sys.path[:], sys.meta_path[:] = self.path, self.finders  # type: ignore[assignment]
        # 3.15: ours are loaded at once, whatever is said about the program's.
        self.mode = getattr(sys, "get_lazy_imports", lambda: None)()
        if self.mode == "all":
            sys.set_lazy_imports("normal")  # type: ignore[attr-defined]

    def __exit__(self, *failure: object) -> None:
        self.depth -= 1
        if self.depth:
            return
        if self.mode == "all":
            sys.set_lazy_imports(self.mode)  # type: ignore[attr-defined]
        sys.path[:], sys.meta_path[:] = self.their_path, self.their_finders
        self.hide()
        sys.modules.update(self.theirs)

    def hide(self) -> None:
        """Takes modules out of sight that the program does not have, and keeps them for the recorder."""
        for entry in set(sys.path_importer_cache) - self.importers_before:
            del sys.path_importer_cache[entry]
        LAZY_MODULES.intersection_update(LAZY_BEFORE)
        names = set(sys.modules) - self.modules_before
        for name in names:
            self.hidden[name] = module = sys.modules.pop(name)
            parent, _, child = name.rpartition(".")
            # Of a package that the program sees; one that is hidden as well stays whole, for the recorder.
            theirs = parent in self.modules_before and parent not in self.hidden
            if theirs and vars(sys.modules[parent]).get(child) is module:
                delattr(sys.modules[parent], child)
        if self.is_first and ARMED in self.hidden:
            sys.modules[ARMED] = self.hidden[
                ARMED
            ]  # from now on it is the program's to take it out
        forget_codecs({name.partition(".")[2] for name in names if name.startswith("encodings.")})

    def show(self) -> None:
        """The program imports the recorder: it gets this one."""
        ours = {name: self.hidden[name] for name in self.hidden if is_recorders(name)}
        sys.modules.update(ours)

    def find(
        self,
        name: str,
        globals: "dict[str, Any] | None" = None,
        locals: "dict[str, Any] | None" = None,
        fromlist: "tuple[str, ...] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        """`import` in a module of ours."""
        members = fromlist or ()
        module = self.hidden.get(name) or self.shared.get(name)
        if module is None or (
            hasattr(module, "__path__") and not set(members) <= set(vars(module))
        ):
            with self:
                self.load(name, globals, locals, members, level)
                module = sys.modules[name]
                if name in self.modules_before and not is_recorders(name):
                    self.shared[name] = module
        top = name.partition(".")[0]
        return module if members or top == name else self.find(top)

    def find_spec(
        self, name: str, path: "list[str] | None" = None, target: object = None
    ) -> object:
        """A finder of our own modules, in which `import` is `find`."""
        if not is_recorders(name):
            return None
        spec = PathFinder.find_spec(name, path or [os.path.dirname(PACKAGE)])
        if spec is not None and type(spec.loader) is SourceFileLoader:
            given = self.builtins

            class Loader(SourceFileLoader):
                def exec_module(self, module: "ModuleType") -> None:
                    vars(module)["__builtins__"] = given
                    super().exec_module(module)

            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def copies(names: "tuple[str, ...]") -> "dict[str, ModuleType]":
    """Modules as they are now, before the program can put other functions into them."""
    made = {name: type(sys)(name) for name in names if name in sys.modules}
    copy_of = {id(vars(sys.modules[name])): copy for name, copy in made.items()}
    for name, copy in made.items():
        for key, value in vars(sys.modules[name]).items():
            if type(value) is type(sys):
                value = copy_of.get(id(vars(value)), value)
            elif type(value) is FUNCTION and id(value.__globals__) in copy_of:
                given = value
                around = vars(copy_of[id(given.__globals__)])
                value = FUNCTION(given.__code__, around, key, given.__defaults__, given.__closure__)
                value.__kwdefaults__ = given.__kwdefaults__
            vars(copy)[key] = value
    return made


def is_recorders(name: str) -> bool:
    return name.partition(".")[0] == "recorder"


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


def fail(exc: BaseException, json_errors: str | None, ours: "Ours") -> "NoReturn":
    """Nothing has run yet. An exception would be a fatal error of Python's with a traceback."""
    interrupted = isinstance(exc, KeyboardInterrupt)
    code = 130 if interrupted else INTERNAL_EXIT_CODE
    try:
        with ours:
            from recorder.cli import failure

            if interrupted:
                failure.die_by_signal(2)  # SIGINT, as Ctrl-C ends a plain Python
            code = failure.report(exc, json_errors)
    except BaseException:  # audit: nothing may get out, and nothing comes after this
        os.write(2, b"recorder: could not be loaded: %a\n" % exc)
    finally:
        os._exit(code)  # audit: SystemExit in a sitecustomize is a fatal error with a traceback


def report(exc: BaseException, ours: "Ours") -> None:
    """Says on stderr why this process is not recorded. The program starts all the same."""
    try:
        with ours:
            from recorder.cli import failure

            failure.report(exc, failure.json_errors_wanted())
    except BaseException:  # audit: nothing may get out: the program is to start
        try:
            # audit: as much as stderr takes; nobody could be told of the rest
            os.write(2, b"recorder: could not be loaded: %a\n" % exc)
        except OSError:
            pass  # stderr is closed
