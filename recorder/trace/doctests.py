"""The text of one of doctest's examples, which is in no file by itself: out of the docstring that it stands in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ast

FILE_NAME: Final = re.compile(r"<doctest (?P<test>.+)\[(?P<number>\d+)\]>")
PROMPT: Final = b">>>"


class Example(NamedTuple):
    """As `co_filename` tells of one: of which module or object, and which of its examples."""

    test: str
    number: int

    def may_be_of(self, path: str) -> bool:
        """Whether the file could be that of the module. A program's main module can be any."""
        *_, folder, name = ("", *path.split("/"))
        stem = folder if name == "__init__.py" else name.removesuffix(".py")
        parts = self.test.split(".")
        return path.endswith(".py") and (parts[0] == "__main__" or stem in parts)

    def texts(self, by_name: dict[str, list[str]]) -> list[str]:
        """What it can be of a file's examples: a module's name may have any number of parts."""
        names = [name for name in by_name if not name or ("." + self.test).endswith("." + name)]
        return [by_name[name][self.number] for name in names if self.number < len(by_name[name])]


def example(path: str) -> Example | None:
    found = FILE_NAME.fullmatch(path)
    return None if found is None else Example(found["test"], int(found["number"]))


def in_docstrings(content: bytes) -> dict[str, list[str]]:
    """The examples in a source, by the qualified name of what has them; those of the module itself by ''."""
    import ast

    if PROMPT not in content:
        return {}
    found: dict[str, list[str]] = {}
    try:
        _collect(ast.parse(content), "", found)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return found


def _collect(node: ast.AST, name: str, found: dict[str, list[str]]) -> None:
    import ast
    import doctest

    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        text = ast.get_docstring(node, clean=False) or ""
        try:
            found[name] = [one.source for one in doctest.DocTestParser().get_examples(text)]
        except ValueError:
            pass  # doctest refuses it as well
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return  # doctest does not look at what is defined in there
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            own = getattr(child, "name", "")
            _collect(child, ".".join(filter(None, (name, own))), found)
