"""`recorder info TRACE... [--json]`: verdict, counts, sizes, versions, exit status."""

from __future__ import annotations

import argparse
import json
import shlex
import time
from typing import TYPE_CHECKING, Any

from recorder.cli.console import has_colour, printable, write
from recorder.cli.events import unproved_sources
from recorder.cli.many import each
from recorder.export.text import ending_of, events_of
from recorder.trace.origins import DOUBTS, LEFT_OUT, REASONS

if TYPE_CHECKING:
    from recorder.trace.reader import Trace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

FROM_META = (
    "python", "recorder_version", "platform", "argv", "cwd", "pid", "run_id", "public_functions",
)  # fmt: skip
# What the limits of the policy left out.
OMITTED = {
    "output": "bytes of output (capture_output)",
    "logs": "logs (capture_output)",
    "audit": "audit events (capture_audit)",
}
MOST_NAMED = 3  # files of a kind; --json has all
UNKNOWN_PYTHON = (
    "not known to this recorder: all was asked of public functions, at 12 to 90 times the cost"
)


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("info", help="what a trace is")
    parser.add_argument("traces", metavar="TRACE", nargs="+")
    parser.add_argument(
        "--json", action="store_true", help="print JSON; of several traces a line each"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    is_one = len(args.traces) == 1

    def show_one(trace: Trace) -> int:
        facts = collect(trace)
        if args.json:
            write(json.dumps(facts, indent=1 if is_one else None))
        else:
            show(table(facts) if is_one else [("trace", printable(facts["path"])), *table(facts)])
            if not is_one:
                write("")
        return 0

    return each(args, show_one)


def collect(trace: Trace) -> dict[str, Any]:
    """Everything that can be known without reading the events."""
    verdict = trace.verdict
    failure, later = trace.failure, trace.closing.get("later_failure")
    return {
        "path": trace.path,
        "verdict": str(verdict),
        "state": verdict.state,
        "damage": [damage._asdict() for damage in trace.damage],
        "failure": None if failure is None else failure.to_dict(),
        "later_failure": later if isinstance(later, dict) else None,
        "exit_status": trace.exit_status,
        "events": len(trace),
        "lost_events": trace.lost_events,
        "cut_from": None if trace.cut_from is None else list(trace.cut_from),
        "threads": trace.closing.get("threads"),
        "segments": trace.closing.get("segments"),
        "forks": trace.closing.get("forks"),
        "unrecorded_forks": trace.unrecorded_forks,
        "duration_ns": trace.closing.get("duration_ns"),
        "counters": trace.closing.get("counters") or {},
        "omitted": trace.closing.get("omitted") or {},
        "size": trace.size,
        "started": trace.header["started"],
        "trace_id": trace.header["trace_id"],
        "sources": sorted(trace.sources),
        "unproved_sources": unproved_sources(trace),
        "missing_sources": dict(trace.missing_sources),
        "source_text": trace.has_source_text,
        **{name: trace.meta.get(name) for name in FROM_META},
    }


def table(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts for people, in the order in which they matter; what is not known is left out."""
    failure, later = facts["failure"] or {}, facts["later_failure"] or {}
    status = facts["exit_status"]
    rows = [
        ("verdict", facts["verdict"]),
        ("part", f"{events_of(*facts['cut_from'])} of a longer one" if facts["cut_from"] else None),
        ("failure", failure.get("detail")),
        ("and then", later.get("detail")),
        ("damage", "; ".join(f"byte {d['offset']}: {d['reason']}" for d in facts["damage"][:5])),
        ("exit status", None if status is None else ending_of(status)),
        ("events", f"{facts['events']:,}"),
        ("lost", f"{facts['lost_events']:,}" if facts["lost_events"] else None),
        ("degraded", ", ".join(f"{name} {n:,}" for name, n in _counters(facts["counters"]))),
        (
            "not kept",
            ", ".join(
                f"{n:,} {OMITTED.get(name, name)}" for name, n in _counters(facts["omitted"])
            ),
        ),
        ("threads", facts["threads"]),
        ("forked", _forked(facts)),
        ("duration", _duration(facts["duration_ns"])),
        ("size", _size(facts["size"], facts["events"])),
        ("sources", _files(len(facts["sources"])) if facts["source_text"] else REASONS[LEFT_OUT]),
        *(("", text) for text in _doubts(facts["unproved_sources"], facts["missing_sources"])),
        ("started", _date(facts["started"])),
        ("command", _command(facts["argv"])),
        ("folder", facts["cwd"]),
        ("process", facts["pid"]),
        ("python", facts["python"]),
        ("", UNKNOWN_PYTHON if facts["public_functions"] else None),
        ("platform", facts["platform"]),
        ("recorder", facts["recorder_version"]),
    ]
    return [(name, printable(str(value))) for name, value in rows if value not in (None, "")]


def _forked(facts: dict[str, Any]) -> str | None:
    forks = facts["forks"]
    if not forks:
        return None
    which = f"{forks:,} process{'' if forks == 1 else 'es'}"
    if facts["unrecorded_forks"]:
        return f"{which}, not recorded: --follow-children records them"
    return f"{which}, each with a trace of its own"


def show(rows: list[tuple[str, str]]) -> None:
    if has_colour() and show_styled(rows):
        return
    for name, value in rows:
        write(f"{name:<12} {value}")


def show_styled(rows: list[tuple[str, str]]) -> bool:
    """For a person at a terminal. False where rich is missing, which nothing else here needs."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(Text(name, style="bold"), Text(value))
    Console().print(grid)
    return True


def _counters(counters: object) -> list[tuple[str, int]]:
    """The counters that are ones: the file may say anything."""
    if not isinstance(counters, dict):
        return []
    return [(name, n) for name, n in sorted(counters.items()) if isinstance(n, int) and n]


def _duration(ns: object) -> str | None:
    return f"{ns / 1e9:.3f} s" if isinstance(ns, (int, float)) else None


def _files(count: int) -> str | None:
    return f"{count} file{'s' if count > 1 else ''}" if count else None


def _doubts(unproved: dict[str, str], missing: dict[str, str]) -> list[str]:
    """A line for each kind of source that is not certainly what ran, with the files."""
    rows: dict[str, list[str]] = {}
    for path, word in unproved.items():
        rows.setdefault(f"not proved to be what ran ({DOUBTS.get(word, word)})", []).append(path)
    for path, word in missing.items():
        rows.setdefault(f"not in the trace ({REASONS.get(word, word)})", []).append(path)
    return [f"{text}: {_some(paths)}" for text, paths in rows.items()]


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(sorted(paths)[:MOST_NAMED]) + more


def _size(size: int, events: int) -> str:
    if not events:
        return f"{size:,} bytes"
    each = size / events
    return f"{size:,} bytes, {each:{'.1f' if each >= 1 else '.2g'}} an event"


def _date(ns: int) -> str | None:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 10**9))
    except (OverflowError, ValueError, OSError):
        return None


def _command(argv: object) -> str | None:
    return shlex.join(map(str, argv)) if isinstance(argv, list) else None
