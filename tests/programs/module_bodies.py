"""Module bodies: imported by a finder of the program's own, one importing another, failing, loaded again."""

import importlib
import importlib.abc
import importlib.util
import sys

SOURCES = {
    "first": "import second\nx = second.y + 1\nfor i in range(2):\n    x += i\n",
    "second": "y = 10\n\ndef up():\n    global y\n    y += 1\n    return y\n\nclass C:\n    z = y\n",
    "broken": "a = 1\nraise ImportError('broken', name=__name__)\n",
    "package": "from . import part\n__all__ = ['part']\n",
    "package.part": "from package import *\nhere = __name__\n",
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name not in SOURCES:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == "package")

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = compile(SOURCES[module.__name__], __file__, "exec")
        exec(code, module.__dict__)


def imported():
    import first

    second = sys.modules["second"]
    return first.x, second.up(), second.C.z


def failed():
    try:
        import broken  # noqa: F401
    except ImportError as error:
        return error.name, "broken" in sys.modules


def again():
    import second

    second.y = 99
    importlib.reload(second)
    return second.y


def packaged():
    import package.part

    return package.part.here


finder = Finder()
sys.meta_path.insert(0, finder)
imported()
failed()
again()
packaged()
sys.meta_path.remove(finder)
