"""`python -m codegen coverage`: for each code, where it is emitted and which test provokes it.

Read from the syntax trees, nothing is run. A code is emitted where recorder/ mentions its exception
class, `ErrorCode.NAME` or, in the core, `ERR_NAME`, other than to catch or compare it; or where a
conversion can select it by errno, operation or exception. A test says what it provokes by the
marker `@pytest.mark.provokes("DISK_FULL", …)`, on a function, a class, a parameter or as
`pytestmark`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegen import sources
from codegen.audit_cython import cython_dotted
from codegen.audit_python import CONVERSIONS, dotted, function_of
from codegen.sources import is_a, walk
from codegen.table import TABLE, Row, Table

DOCUMENTATION = Path("docs/errors.md")
TESTS = Path("tests")


@dataclass
class Seen:
    """What is known of one code."""

    row: Row
    emitted: list[str] = field(default_factory=list)
    provoked: list[str] = field(default_factory=list)
    documented: bool = False

    @property
    def missing(self) -> list[str]:
        """What an active code lacks."""
        lacks = []
        if not self.emitted:
            lacks.append("emitted nowhere in recorder/")
        if not self.provoked:
            lacks.append(f'provoked by no test (@pytest.mark.provokes("{self.row.name}"))')
        if not self.documented:
            lacks.append(f"has no section in {DOCUMENTATION}")
        return lacks

    @property
    def problems(self) -> list[str]:
        """What contradicts the status of the row."""
        name, status = self.row.error_name, self.row.status
        if status in ("active", "deprecated"):
            return [f"{name} is {status}, but {lack}" for lack in self.missing]
        if status == "planned" and not self.missing:
            return [f"{name} is planned, but emitted and provoked: coverage --activate"]
        if status == "retired" and self.emitted:
            return [f"{name} is retired, but emitted: {self.emitted[0]}"]
        return []


@dataclass
class Coverage:
    codes: list[Seen]
    unknown: list[str]

    @property
    def problems(self) -> list[str]:
        return [*self.unknown, *(line for seen in self.codes for line in seen.problems)]

    @property
    def ready(self) -> list[Row]:
        """The planned rows that could be active."""
        return [s.row for s in self.codes if s.row.status == "planned" and not s.missing]


def run(root: Path, table: Table) -> Coverage:
    by_name = {row.name: Seen(row) for row in table.rows}
    conversions: list[Conversion] = []
    for name, location in _mentions(root, table, conversions):
        by_name[name].emitted.append(location)
    for conversion in conversions:
        for row in table.rows:
            if conversion.can_select(row):
                by_name[row.name].emitted.append(f"{conversion.location} (converted)")
    unknown = []
    for name, test in declared(root):
        if name in by_name:
            by_name[name].provoked.append(test)
        else:
            unknown.append(f"{test} provokes {name!r}, which is no code")
    page = root / DOCUMENTATION
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    for seen in by_name.values():
        seen.documented = f'<a id="{seen.row.anchor}"></a>' in text
    return Coverage(list(by_name.values()), unknown)


@dataclass(frozen=True)
class Conversion:
    """A call that turns a foreign exception into ours."""

    name: str
    operation: str | None
    location: str

    def can_select(self, row: Row) -> bool:
        if row.exceptions and self.name != "from_oserror":
            return True
        operations = {selector.rpartition(":")[0] for selector in row.select}
        if self.operation is None:
            return bool(operations)
        return "" in operations or self.operation in operations


def _mentions(root: Path, table: Table, conversions: list[Conversion]) -> Iterator[tuple[str, str]]:
    """(name of a code, place) for each mention that emits it."""
    by_class = {row.exception: row.name for row in table.rows}
    names = {row.name for row in table.rows}
    for path in sources.files(root, ".py"):
        if sources.is_generated(path):
            continue
        where = path.relative_to(root).as_posix()
        for node in ast.walk(sources.python_tree(path)):
            if (name := _code_named_by(node, by_class, names)) and not _is_look(node):
                yield name, f"{where}:{node.lineno}"  # type: ignore[attr-defined]
            elif isinstance(node, ast.Call) and not where.startswith("recorder/errors/"):
                called = dotted(node.func).rpartition(".")[2]
                if called in CONVERSIONS:
                    location = f"{where}:{node.lineno}"
                    conversions.append(Conversion(called, _operation(node), location))
    for path in sources.files(root, ".pyx"):
        if not sources.is_generated(path):
            for node in walk(sources.cython_tree(path)):
                name = _cython_mention(node, by_class, names)
                if name and not _is_cython_look(node):
                    file, line = sources.location(node)
                    yield name, f"{file.relative_to(root).as_posix()}:{line}"


def _code_named_by(node: ast.AST, by_class: dict[str, str], names: set[str]) -> str:
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return ""
    base, _, last = dotted(node).rpartition(".")
    if base.endswith("ErrorCode") and last in names:
        return last
    return by_class.get(last, "")


def _is_look(node: Any) -> bool:
    """Catching, comparing and annotating emit nothing."""
    child = node
    for around in sources.ancestors(node):
        if isinstance(around, ast.ExceptHandler) and around.type is child:
            return True
        if isinstance(around, ast.Compare | ast.AnnAssign | ast.arg | ast.match_case):
            return not (isinstance(around, ast.AnnAssign) and around.value is child)
        if isinstance(around, ast.FunctionDef) and around.returns is child:
            return True
        if isinstance(around, ast.Call) and dotted(around.func) in ("isinstance", "issubclass"):
            return True
        if isinstance(around, ast.stmt) and not isinstance(around, ast.AnnAssign):
            return False
        child = around
    return False


def _operation(node: ast.Call) -> str | None:
    """The operation a conversion names; None when it is not known before it runs."""
    given = [keyword.value for keyword in node.keywords if keyword.arg == "operation"]
    if not given and dotted(node.func).endswith("mapped"):
        given = node.args[:1]
    if given and isinstance(given[0], ast.Constant):
        return str(given[0].value)
    return None if given else ""


def _cython_mention(node: Any, by_class: dict[str, str], names: set[str]) -> str:
    if not is_a(node, "NameNode", "AttributeNode"):
        return ""
    last = cython_dotted(node).rpartition(".")[2]
    if last.startswith("ERR_") and last[4:] in names:
        return last[4:]
    return by_class.get(last, "")


def _is_cython_look(node: Any) -> bool:
    child = node
    for around in sources.ancestors(node):
        if is_a(around, "PrimaryCmpNode", "CascadedCmpNode"):
            return True
        if is_a(around, "ExceptClauseNode"):
            pattern = around.pattern if isinstance(around.pattern, list) else [around.pattern]
            return any(child is one for one in pattern)
        if is_a(around, "StatNode"):
            return False
        child = around
    return False


def declared(root: Path) -> Iterable[tuple[str, str]]:
    """(name, test) for each `provokes("NAME")` in the tests."""
    for path in sorted((root / TESTS).rglob("*.py")):
        where = path.relative_to(root).as_posix()
        for node in ast.walk(sources.python_tree(path)):
            if isinstance(node, ast.Call) and dotted(node.func) == "pytest.mark.provokes":
                test = _marked(node)
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        yield str(argument.value), f"{where}::{test}" if test else where


def _marked(node: ast.AST) -> str:
    """The test (or class) a marker stands on."""
    for around in sources.ancestors(node):
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return around.name
    return function_of(node)


def as_text(coverage: Coverage) -> str:
    lines = []
    for seen in coverage.codes:
        lines.append(f"{seen.row.error_name} ({seen.row.number}, {seen.row.status})")
        lines.append(f"  emitted:  {_some(seen.emitted)}")
        lines.append(f"  provoked: {_some(seen.provoked)}")
    active = [seen for seen in coverage.codes if seen.row.status == "active"]
    whole = sum(not seen.missing for seen in active)
    lines += ["", *coverage.problems]
    lines.append(f"{whole} of {len(active)} active codes are emitted, documented and provoked")
    return "\n".join(lines) + "\n"


def _some(places: list[str]) -> str:
    """The first few."""
    shown = list(dict.fromkeys(places))
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return (", ".join(shown[:3]) + more) or "-"


def as_json(coverage: Coverage) -> str:
    shown = {
        seen.row.error_name: {
            "status": seen.row.status,
            "emitted": seen.emitted,
            "provoked": seen.provoked,
            "missing": seen.missing,
        }
        for seen in coverage.codes
    }
    return json.dumps(shown, indent=1) + "\n"


def activate(root: Path, rows: Iterable[Row]) -> None:
    """Makes planned rows active, in the table itself."""
    path = root / TABLE
    text = path.read_text(encoding="utf-8")
    for row in rows:
        pattern = rf'(\nname = "{row.name}"\n(?:(?!\[\[).*\n)*?status = )"planned"'
        text = re.sub(pattern, r'\1"active"', text)
    path.write_text(text, encoding="utf-8")
