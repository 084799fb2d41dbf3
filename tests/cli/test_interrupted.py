"""A question that is interrupted: what it has found stands, and the one that goes on there finds the rest."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder import cli
from recorder.trace.filters import Filter

PROGRAM = """\
def halve(n):
    total = n // 2
    if total % 3 == 0:
        try:
            [][total]
        except IndexError:
            pass
    return total

def both(n):
    return halve(n) + halve(n + 1)

for number in range(12):
    both(number)
"""
QUESTIONS = {
    "find": ["--function", "halve", "--kind", "line", "--when", "n > 1"],
    "watch": ["total"],
    "history": ["total"],
    "calls": [],
    "exceptions": [],
}
AFTER = (0, 1, 7, 60)  # events that were found


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("interrupted") / "halves_of_it.py"
    program.write_text(PROGRAM)
    return trace_of(program)


@pytest.fixture(autouse=True)
def plain_interrupt() -> Iterator[None]:
    """Whoever runs the tests in the background may have had SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupt_after(events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter(range(events))
    keeps = Filter.keeps

    def counted(self: Filter, event: object) -> bool:
        if next(left, None) is None:
            monkeypatch.setattr(Filter, "keeps", keeps)
            signal.raise_signal(signal.SIGINT)
        return keeps(self, event)  # type: ignore[arg-type]

    monkeypatch.setattr(Filter, "keeps", counted)


def answers(text: str) -> list[str]:
    """But for durations, and how deep calls are: whoever begins in the middle does not see the ones around."""
    return [re.sub(r"  [\d.]+ .?s$|(?<=\d)  +", "", line) for line in text.splitlines()]


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("command", QUESTIONS)
def test_it_goes_on_where_it_was_interrupted(
    command: str, after: int, trace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    asked = [command, str(trace), *QUESTIONS[command]]
    assert cli.main(asked) == 0
    whole = answers(capfd.readouterr().out)
    interrupt_after(after, monkeypatch)
    status = cli.main(asked)
    out, err = capfd.readouterr()
    if status == 0:  # it was at its end before
        assert after == AFTER[-1]
        return
    assert status == 130
    first = answers(out)
    assert first == whole[: len(first)] and len(first) < len(whole)
    match = re.fullmatch(
        r"recorder: interrupted: looked at up to event (\d+), of \d+: --since \1 goes on\n", err
    )
    assert match is not None, err
    assert cli.main([*asked, "--since", match[1]]) == 0
    rest = answers(capfd.readouterr().out)
    assert set(whole[len(first) :]) <= set(rest), (first, rest)
    numbers = [
        int(found[1]) for one in rest if (found := re.match(r" *(\d+)", one)) and "…" not in one
    ]
    assert min(numbers) >= int(match[1])


@pytest.mark.parametrize("after", AFTER)
def test_what_was_not_false_so_far(
    after: int, trace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Is not said never to have been."""
    asked = ["check", str(trace), "total < 6"]
    assert cli.main(asked) == 1
    failed = capfd.readouterr().out.splitlines()[0]
    interrupt_after(after, monkeypatch)
    status = cli.main(asked)
    out, err = capfd.readouterr()
    if status == 1:  # it was found before
        return
    assert status == 130 and "not false as far as it was looked at" in out
    (since,) = re.findall(r"--since (\d+) goes on", err)
    assert cli.main([*asked, "--since", since]) == 1
    assert capfd.readouterr().out.splitlines()[0] == failed


def test_who_has_it_ignored_goes_on(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_after(3, monkeypatch)
    assert cli.main(["watch", str(trace), "total"]) == 0
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    ("status", "said"), [(130, "found\n"), (0, "found\nmemory is given back\n")]
)
def test_who_was_interrupted_ends_at_once(status: int, said: str) -> None:
    """What was found has arrived by then."""
    program = (
        "import atexit, sys\n"
        "from recorder import cli\n"
        "atexit.register(print, 'memory is given back')\n"
        "print('found')\n"
        f"cli.main = lambda: {status}\n"
        "sys.exit(cli.of_process())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (status, said)
