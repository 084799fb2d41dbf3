"""`python -m codegen audit`: every place in recorder/ from which something unmapped could get out.

The allowed number is zero. A place that is right all the same says why, on its line or the one
above: `# audit: the reason` (in C `/* audit: the reason */`); a reason that excuses nothing is a
finding too.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from codegen import audit_c, audit_compiled, audit_cython, audit_guard, audit_python, sources
from codegen.table import Table

RULES = {
    "builtin-raise": "a builtin exception is raised; raise one of recorder.errors",
    "exception-class": "an exception class outside of the table",
    "bare-except": "swallows KeyboardInterrupt and its like; catch Exception, or raise again",
    "swallowed": "an exception that nobody hears of; catch less, or make something of it",
    "assert": "an assert; raise InvariantBrokenError or return ERR_INVARIANT_BROKEN",
    "cdef-except": "a cdef function without noexcept or except",
    "unchecked": "the result of a call that can fail is thrown away",
    "vanishes": "an exception here would vanish, and read as OK: the function is noexcept",
    "comprehension": "a list comprehension: Cython releases the element twice if the list cannot grow; use a loop",
    "unguarded": "an exported function without the guard: @errors.guarded or @errors.guarded_class",
    "exit": "ends the process",
    "print": "prints; stdout belongs to the program",
    "warning": "warns through `warnings` or the root logger, which are the program's",
    "missing-fact": "the message needs a fact that is not given",
    "unknown-fact": "a fact that the table does not name",
    "unused-waiver": "this `audit:` comment excuses nothing",
    "unparsable": "cannot be parsed",
    "uncompilable": "cannot be compiled, so that nobody knows what vanishes in it",
}
CHECKS = (
    audit_python.check,
    audit_guard.check,
    audit_cython.check,
    audit_compiled.check,
    audit_c.check,
)
FORMATS = ("text", "json", "markdown", "issues")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    detail: str
    owner: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.detail}"


@dataclass(frozen=True)
class Audit:
    findings: list[Finding]
    waived: list[Finding]


Check = Callable[[Path, Table], Iterable[tuple[Path, int, str, str]]]


def run(root: Path, table: Table, checks: Iterable[Check] = CHECKS) -> Audit:
    """Everything found, and everything that says why it is right."""
    owner_of = owners(root)
    found: set[Finding] = set()
    for check in checks:
        for file, at, rule, detail in check(root, table):
            name = file.relative_to(root).as_posix()
            found.add(Finding(name, at, rule, detail or RULES[rule], owner_of(name)))
    waived = {f for f in found if sources.waiver_at(root / f.path, f.line)}
    used = {(f.path, sources.waiver_at(root / f.path, f.line)) for f in waived}
    for file in sources.files(root, ".py", ".pyx", ".pxi", ".pxd", ".c", ".h"):
        name = file.relative_to(root).as_posix()
        for line, reason in sources.waivers(file).items():
            if (name, line) not in used:
                found.add(Finding(name, line, "unused-waiver", reason, owner_of(name)))
    return Audit(sorted(found - waived), sorted(waived))


def owners(root: Path) -> Callable[[str], str]:
    """Path → owner, by the last line of CODEOWNERS that fits."""
    rules: list[tuple[str, str]] = []
    path = root / "CODEOWNERS"
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        pattern, _, names = line.partition("#")[0].strip().partition(" ")
        if pattern:
            rules.append((pattern, names.strip()))

    def owner(name: str) -> str:
        fitting = [names for pattern, names in rules if _fits(f"/{name}", pattern)]
        return fitting[-1] if fitting else "nobody"

    return owner


def _fits(name: str, pattern: str) -> bool:
    if pattern.endswith("/"):
        pattern += "*"
    return fnmatch.fnmatch(name, pattern if pattern.startswith("/") else f"*/{pattern}")


def by_path(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.path, []).append(finding)
    return groups


def as_text(audit: Audit) -> str:
    lines = []
    for path, group in by_path(audit.findings).items():
        lines += [f"{path} ({group[0].owner})"]
        lines += [f"  {finding.line}: {finding.rule}: {finding.detail}" for finding in group]
    lines.append(f"{len(audit.findings)} findings, {len(audit.waived)} excused by a reason")
    return "\n".join(lines) + "\n"


def as_json(audit: Audit) -> str:
    shown = {
        "findings": [asdict(finding) for finding in audit.findings],
        "waived": [asdict(finding) for finding in audit.waived],
    }
    return json.dumps(shown, indent=1) + "\n"


def as_markdown(audit: Audit) -> str:
    lines = [f"# Audit: {len(audit.findings)} findings", ""]
    for path, group in by_path(audit.findings).items():
        lines += [f"## {path}", "", f"Owner: {group[0].owner}", ""]
        lines += [f"- [ ] line {f.line}, `{f.rule}`: {f.detail}" for f in group]
        lines.append("")
    return "\n".join(lines)


def write_issues(audit: Audit, folder: Path) -> list[Path]:
    """One file for each module that has findings, ready to be filed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path, group in by_path(audit.findings).items():
        lines = [f"# {path}: {len(group)} unmapped failures", "", f"Owner: {group[0].owner}", ""]
        lines += [f"- [ ] line {f.line}, `{f.rule}`: {f.detail}" for f in group]
        rules = sorted({finding.rule for finding in group})
        lines += ["", *(f"`{rule}`: {RULES[rule]}." for rule in rules)]
        target = folder / (path.replace("/", "-") + ".md")
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        written.append(target)
    return written
