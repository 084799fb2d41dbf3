"""No answer tells a password in an address, whoever holds it: a variable, a part of one, the text of the program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli
from recorder.errors.text import without_passwords
from recorder.trace.reader import open_trace
from recorder.trace.values.render import show
from recorder.trace.values.to_json import to_json

PROGRAM = """
def connect(url):
    settings = {"database": url, "port": 5}
    text = f"connecting to {url} now"
    print("connected to", url)
    if len(settings) > 1:
        raise ValueError(url)
    return settings
for _ in range(2):
    try:
        connect("postgres://bob:hunter2@db.example/app")
    except ValueError:
        pass
"""
COMMANDS = """
    find --function connect|find --value *hunter*|find --function connect --log {url}|print|why settings --at 9
    why url --at 9|grep hunter2|history url|history settings|watch settings|watch settings['database']|state 9|source
    source connect|source --grep hunter2|explain|calls|exceptions|same url --at 9|check url=='a'|output|tree
    diff --calls 4,14|origin url --at 9
"""
ASKED = [one.strip() for row in COMMANDS.split("\n") for one in row.split("|") if one.strip()]


@pytest.fixture(scope="module")
def trace(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("addresses") / "connect_to.py"
    program.write_text(PROGRAM)
    return trace_of(program)


@pytest.mark.parametrize("more", [(), ("--json",), ("--full",)])
@pytest.mark.parametrize("asked", ASKED)
def test_no_answer_tells_it(
    asked: str, more: tuple[str, ...], trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command, *options = asked.split()
    cli.main([command, str(trace), *options, *more])
    said = capfd.readouterr()
    assert "hunter2" not in said.out.replace("*hunter", "") and "hunter2" not in said.err
    assert "hunter2" in asked or "Traceback" not in said.err


def test_the_trace_has_it(trace: Path) -> None:
    """It is asked for as it is, and found."""
    with open_trace(trace) as opened:
        (first, *_) = opened.hits(
            "call", function="connect", when="url == 'postgres://bob:hunter2@db.example/app'"
        )
        value = first.event.locals["url"]
        assert value.to_python() == "postgres://bob:hunter2@db.example/app"
        assert value.show() == "'postgres://***********@db.example/app'"
        assert value.show(12) == "'postgres://…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a://b:c@d", "a://***@d"),
        ("see a://b:c@d/e and f://g:h@i, j", "see a://***@d/e and f://***@i, j"),
        ("a://b:c@d@e/f@g", "a://*****@e/f@g"),
        ("a://b/c:d@e", "a://b/c:d@e"),
        ("a://b?c=d@e", "a://b?c=d@e"),
        ("a://b mail c:d@e", "a://b mail c:d@e"),
        ("a://@b", "a://@b"),
        ("b:c@d", "b:c@d"),
        ("a://b:c", "a://b:c"),
        ("://", "://"),
        ('["a://b:c", "d@e"]', '["a://b:c", "d@e"]'),
        ("a://b:c@d\ne://f:g@h", "a://***@d\ne://***@h"),
        ("", ""),
    ],
)
def test_what_of_a_text(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert to_json(text) == shown
    assert show(text) == repr(shown)
