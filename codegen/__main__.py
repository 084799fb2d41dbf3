"""Everything that is derived from the tables of failures and of the trace format.

`python -m codegen` writes what changed; `--check` writes nothing and says what is out of date;
`audit` lists what could still get out of the recorder unmapped; `coverage` shows where each code is
emitted and which test provokes it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from codegen import (
    audit,
    audit_guard,
    coverage,
    format_lock,
    format_table,
    generate,
    lock,
    sources,
    table,
)

MEND = "to mend it: python -m codegen, and commit what it writes"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    commands = parser.add_subparsers(dest="command")
    auditing = commands.add_parser("audit", help="what could still get out unmapped")
    auditing.add_argument("--format", choices=audit.FORMATS, default="text")
    auditing.add_argument("--out", type=Path, default=Path("build/audit"), help="for issues")
    auditing.add_argument(
        "--implicit", action="store_true", help="what raises by itself, within the guard"
    )
    covering = commands.add_parser("coverage", help="where each code is emitted and provoked")
    covering.add_argument("--json", action="store_true")
    covering.add_argument("--activate", action="store_true", help="planned rows that are ready")
    args = parser.parse_args(argv)
    args.root = args.root.resolve()
    if args.command == "audit":
        return _audit(args)
    if args.command == "coverage":
        return _coverage(args)
    return _check(args.root) if args.check else _write(args.root)


def _outputs(root: Path) -> dict[str, str]:
    """Every generated file. A table that breaks a rule or a promise is refused, before anything is rendered."""
    failures, issued = table.load(root / table.TABLE), lock.load(root)
    _refuse(lock.broken(failures, issued))
    the_format, promised = format_table.load(root / format_table.TABLE), format_lock.load(root)
    _refuse(format_lock.broken(the_format, promised))
    outputs = generate.render(table.TABLE, failures, root)
    outputs[str(lock.LOCK)] = lock.render(failures, issued, generate.mark(table.TABLE))
    outputs |= generate.render(format_table.TABLE, the_format, root)
    mark = generate.mark(format_table.TABLE)
    outputs[str(format_lock.LOCK)] = format_lock.render(the_format, promised, mark)
    return outputs


def _refuse(problems: list[str]) -> None:
    if problems:
        raise table.TableError(problems)


def _write(root: Path) -> int:
    try:
        changed = generate.write(_outputs(root), root)
    except (table.TableError, generate.GenerationError) as exc:
        return _fail(f"{exc}\n")
    for output in changed:
        sys.stdout.write(f"wrote {output}\n")
    return 0


def _check(root: Path) -> int:
    try:
        outputs = _outputs(root)
    except (table.TableError, generate.GenerationError) as exc:
        return _fail(f"{exc}\n")
    stale = generate.stale(outputs, root)
    if stale:
        return _fail("".join(stale) + MEND + "\n")
    untracked = _untracked(outputs, root)
    if untracked:
        names = " ".join(untracked)
        return _fail(f"not tracked by git: {names}\nto mend it: git add {names}\n")
    return 0


def _audit(args: argparse.Namespace) -> int:
    if args.implicit:
        sys.stdout.write(audit_guard.as_text(args.root))
        return 0
    try:
        found = audit.run(args.root, table.load(args.root / table.TABLE))
    except table.TableError as exc:
        return _fail(f"{exc}\n")
    shown = {"text": audit.as_text, "json": audit.as_json, "markdown": audit.as_markdown}
    if args.format == "issues":
        for path in audit.write_issues(found, args.out):
            sys.stdout.write(f"{path}\n")
    else:
        sys.stdout.write(shown[args.format](found))
    return 1 if found.findings else 0


def _coverage(args: argparse.Namespace) -> int:
    try:
        found = coverage.run(args.root, table.load(args.root / table.TABLE))
    except table.TableError as exc:
        return _fail(f"{exc}\n")
    except sources.UnparsableError as exc:
        return _fail(f"{exc.path}:{exc.line}: {exc.why}\n")
    if args.activate:
        coverage.activate(args.root, found.ready)
        sys.stdout.write("".join(f"active: {row.error_name}\n" for row in found.ready))
        return _write(args.root)
    sys.stdout.write(coverage.as_json(found) if args.json else coverage.as_text(found))
    return 1 if found.problems else 0


def _untracked(outputs: Iterable[str], root: Path) -> list[str]:
    """Outputs that a commit would leave behind; none where this is no git work tree."""
    if not (root / ".git").exists():
        return []
    command = ["git", "-C", str(root), "ls-files", "--others", "--", *outputs]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def _fail(text: str) -> int:
    sys.stderr.write(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
