"""Plants a bug in a process that has imported the product already, if it can be planted there."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutation.forks import Request

OPTIMIZED = 1  # flag of code that is a function's, not a module's or a class's


def plant(request: Request) -> bool:
    """False where it is in what was done at import."""
    if request.number:
        switch_core(request.number)
    if not request.file:
        return True
    gc.unfreeze()  # to find them
    is_changed = change_functions(request.file, request.old, request.new)
    gc.freeze()
    return is_changed


def switch_core(number: int) -> None:
    for name, module in sys.modules.copy().items():
        path = getattr(module, "__file__", None) or ""
        if name.startswith("recorder._core.") and path.endswith(".so"):
            library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
            if hasattr(library, "switch_mutation"):
                library.switch_mutation(number)


def change_functions(file: str, old: str, new: str) -> bool:
    """Every function of a file that has changed gets its new code."""
    before, after = (by_name(compile(text, file, "exec", dont_inherit=True)) for text in (old, new))
    changed = [key for key in before if key not in after or own(before[key]) != own(after[key])]
    if any(not before[key].co_flags & OPTIMIZED for key in changed):
        return False
    known = {(code.co_qualname, code.co_firstlineno): key for key, code in before.items()}
    for it in gc.get_objects():
        if type(it) is FunctionType and it.__code__.co_filename == file:
            key = known.get((it.__code__.co_qualname, it.__code__.co_firstlineno))
            if key in after and it.__code__ != after[key]:
                try:
                    it.__code__ = after[key]
                except ValueError:  # of other variables of the function around it
                    return False
    return True


Key = tuple[str, int]


def by_name(module: CodeType) -> dict[Key, CodeType]:
    """All code of a module by its qualified name, and which of that name it is."""
    count: defaultdict[str, int] = defaultdict(int)
    found = {}
    for code in walk(module):
        found[code.co_qualname, count[code.co_qualname]] = code
        count[code.co_qualname] += 1
    return found


def walk(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from walk(constant)


def own(code: CodeType) -> tuple[object, ...]:
    """What is its own, without lines, and without what is defined in it."""
    constants = [repr(one) for one in code.co_consts if not isinstance(one, CodeType)]
    variables = code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, constants, code.co_names, variables, code.co_exceptiontable
