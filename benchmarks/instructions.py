"""The regression guard that noise cannot fool: instructions per event, counted by valgrind.

    python benchmarks/instructions.py               compares with the budget; fails if one is exceeded
    python benchmarks/instructions.py --update      makes what is counted the budget of this Python
    python benchmarks/instructions.py --profile     also prints in which functions they are spent

Small recordings, always the same, run under `valgrind --tool=callgrind`; counted is what the hooks and
all that they call execute, not the program or the interpreter. The counts depend on the compiler, so
that a budget belongs to the one that it names. A count may exceed its budget by the tolerance (3 %).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUDGET = HERE / "instruction_budget.json"
TOLERANCE = 0.03
PREFIX = "__pyx_f_8recorder_5_core_7capture_"
CORE = (
    PREFIX,
    "rec_",
    "fingerprint_",
    "traverse_",
    "visit_",
    "put_",
    "add_",
    "total",
    "fold",
)  # how the functions of the core's C files begin
# How CPython calls us: 3.12 and later one function per event, 3.11 one for all.
HOOKS = (
    ["trace"]
    if sys.version_info < (3, 12)
    else [
        *("start", "resume", "throw", "line", "jump", "return", "yield"),
        *("unwind", "raise", "reraise", "handled"),
    ]
)
# Programs of the recordings, with sizes that make some thousand events each.
PROGRAMS = {
    "scalar loop": 800,
    "calls (fib)": 3,
    "methods (machines)": 60,
    "strings": 600,
    "generators": 600,
    "exceptions": 400,
    "containers touched": 60,
    "containers untouched": 400,
    "large list untouched": 200,
}


@dataclass
class Part:
    """What callgrind counted: instructions of the hooks, how often each was called, and where the
    instructions are."""

    instructions: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    by_hook: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)

    @property
    def per_event(self) -> float:
        return self.instructions / sum(self.calls.values())


# ---- running ---------------------------------------------------------------------------------------------


def count(programs: Iterable[str]) -> dict[str, Part]:
    """Runs each program recorded, under valgrind. Raises SystemExit when that does not work."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    names = list(programs)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        command = [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"),
            *("--dump-before=__pyx_pw_8recorder_5_core_7capture_*state_name", "--quiet"),
            *(sys.executable, "-B", __file__, "--child", *names),
        ]
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE.parent)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"valgrind failed: {done.stderr[-2000:]}")
        parts = [parse(Path(f"{out}.{2 * number}")) for number in range(1, len(names) + 1)]
    return dict(zip(names, parts, strict=True))


def child(names: list[str]) -> None:
    """Inside valgrind: one recording per program, which runs twice in it. Counted is the second time: what is
    done once per function, per type and per name belongs to no event. Asking for the state's name, which
    nobody else does, begins and ends the count."""
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    import workloads

    import recorder
    from recorder._core import capture
    from recorder.staging import launch

    launch._spawn_sealer = spawn_sealer  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            run, size = workloads.WORKLOADS[name].run, PROGRAMS[name]
            session = recorder.start(Path(folder) / "count.rtrace", min_free_space=0)
            run(size)
            capture.state_name()
            run(size)
            capture.state_name()
            summary = session.stop()
            if summary.state != "complete":
                raise SystemExit(f"{name}: the recording is {summary.state}: {summary.error}")


def spawn_sealer(staging: object, command: list[str]) -> tuple[int, int]:
    """The recorder clones with shared memory, which valgrind turns into a fork: the sealer's pid would be
    lost. Here it is an ordinary child."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).pid, 0


# ---- callgrind's format ----------------------------------------------------------------------------------

NAMED = re.compile(r"^(c?fn)=\((\d+)\)(?: (.*))?$")


def parse(path: Path) -> Part:
    """Sums up what the hooks cost in a file of callgrind's."""
    names: dict[str, str] = {}
    part = Part()
    caller = callee = ""
    calls = 0
    for line in path.read_text().splitlines():
        if found := NAMED.match(line):
            kind, number, name = found.groups()
            if name is not None:
                names[number] = name.partition("'")[0]  # recursion is counted as name'2
            if kind == "fn":
                caller = names[number]
            else:
                callee = names[number]
        elif line.startswith("calls="):
            calls = int(line[6:].split()[0])
        elif line[:1] in ("+", "-", "*") or line[:1].isdigit():  # position, cost
            cost = int(line.split()[1])
            if not calls:
                part.own[caller] += cost
            elif not caller.startswith(PREFIX):
                _add_call(part, callee, calls, cost)
            calls = 0
    part.own = Counter({name: n for name, n in part.own.items() if name.startswith(CORE)})
    return part


def _add_call(part: Part, callee: str, calls: int, cost: int) -> None:
    hook = callee.removeprefix(PREFIX + "on_")
    if hook in HOOKS:
        part.calls[hook] += calls
        part.by_hook[hook] += cost
        part.instructions += cost


# ---- the budget ------------------------------------------------------------------------------------------


def python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def compiler() -> str:
    command = (sysconfig.get_config_var("CC") or "cc").split()[0]
    done = subprocess.run([command, "-dumpfullversion"], capture_output=True, text=True)
    return f"{command} {done.stdout.strip()}"


def compare(counted: dict[str, float], budget: dict[str, float]) -> Iterator[tuple[str, bool]]:
    """A line of text per program, and whether it is within its budget."""
    for name, instructions in counted.items():
        allowed = budget.get(name)
        if allowed is None:
            yield f"{name}: {instructions:.1f} instructions per event, and no budget", False
            continue
        more = instructions / allowed - 1
        ok = more <= TOLERANCE
        verdict = "" if ok else "  EXCEEDED"
        if more < -TOLERANCE:
            verdict = "  (less: --update makes it the budget)"
        yield f"{name}: {instructions:.1f} instructions per event, {more:+.1%}{verdict}", ok


def profile(part: Part) -> Iterator[str]:
    """Per hook and per function of the core: instructions per call, and per event."""
    events = sum(part.calls.values())
    for hook, calls in part.calls.most_common():
        yield f"    on_{hook}: {calls:,} calls, {part.by_hook[hook] / calls:.1f} instructions each"
    for name, own in part.own.most_common(8):
        if own / events >= 0.5:
            yield f"    {own / events:8.1f} per event in {name.removeprefix(PREFIX)}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=", ".join(PROGRAMS))
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--budget", type=Path, default=BUDGET, help="another file than ours")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    programs = chosen.programs or list(PROGRAMS)
    if chosen.child:
        child(programs)
        return 0
    parts = count(programs)
    counted = {name: round(part.per_event, 1) for name, part in parts.items()}
    budgets = json.loads(chosen.budget.read_text()) if chosen.budget.exists() else {}
    if chosen.update:
        ours = budgets.setdefault(python(), {})
        ours["compiler"] = compiler()
        ours.setdefault("instructions per event", {}).update(counted)
        chosen.budget.write_text(json.dumps(dict(sorted(budgets.items())), indent=1) + "\n")
    ours = budgets.get(python(), {})
    if ours.get("compiler") != compiler():
        print(f"the budget is for {ours.get('compiler')}, this is {compiler()}: counts may differ")
    fine = True
    for (text, ok), part in zip(
        compare(counted, ours.get("instructions per event", {})), parts.values(), strict=True
    ):
        print(text)
        fine = fine and ok
        if chosen.profile:
            print("\n".join(profile(part)))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
