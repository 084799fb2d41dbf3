"""The command line of `recorder run`: what is ours, what is Python's, what is the program's."""

from __future__ import annotations

from typing import Any

import pytest

from recorder import errors
from recorder.cli import options
from recorder.policy import KEYS, Policy, load

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("app.py", {"kind": "script", "target": "app.py"}),
    ("app.py -o x --scope own", {"program": ["app.py", "-o", "x", "--scope", "own"], "policy": {}}),
    ("-o t.rtrace app.py", {"output": "t.rtrace", "program": ["app.py"]}),
    ("-ot.rtrace app.py", {"output": "t.rtrace"}),
    ("--output=t.rtrace app.py", {"output": "t.rtrace"}),
    ("-m json.tool -h", {"kind": "module", "program": ["-m", "json.tool", "-h"]}),
    ("-mjson.tool a", {"kind": "module", "target": "json.tool", "program": ["-mjson.tool", "a"]}),
    ("-c pass -m x", {"kind": "code", "target": "pass", "program": ["-c", "pass", "-m", "x"]}),
    ("-Bum json.tool", {"kind": "module", "target": "json.tool", "flags": []}),
    ("-Buc pass", {"kind": "code", "program": ["-Buc", "pass"]}),
    ("- a", {"kind": "stdin", "program": ["-", "a"]}),
    ("-- -odd.py -x", {"kind": "script", "target": "-odd.py", "flags": ["--"]}),
    ("-B -OO -u app.py", {"flags": ["-B", "-OO", "-u"]}),
    ("-W error -X dev app.py", {"flags": ["-W", "error", "-X", "dev"]}),
    ("-Werror -Xdev app.py", {"flags": ["-Werror", "-Xdev"]}),
    ("-BW error app.py", {"flags": ["-BW", "error"], "target": "app.py"}),
    ("-bb -d -q -s -v -i -x app.py", {"flags": ["-bb", "-d", "-q", "-s", "-v", "-i", "-x"]}),
    ("--check-hash-based-pycs never app.py", {"flags": ["--check-hash-based-pycs", "never"]}),
    ("-P app.py", {"safe_path": True}),
    ("--scope own -B --require-trace app.py", {"policy": {"scope": "own", "require_trace": True}}),
    ("--no-keep-partial-trace app.py", {"policy": {"keep_partial_trace": False}}),
    ("--no-propagate-script-exit app.py", {"policy": {"propagate_script_exit": False}}),
    ("--json-errors app.py", {"policy": {"json_errors": True}, "target": "app.py"}),
    ("--json-errors=fd:5 app.py", {"policy": {"json_errors": "fd:5"}}),
    ("--summary app.py", {"policy": {"summary": "always"}}),
    ("--no-summary app.py", {"policy": {"summary": "never"}}),
    ("--max-bytes=5MB --max-events 7 a.py", {"policy": {"max_bytes": "5MB", "max_events": "7"}}),
    ("--scope own --scope all app.py", {"policy": {"scope": "all"}}),
    ("-h", {"help": True}),
    ("--scope own --help", {"help": True}),
    ("app.py --help", {"help": False}),
]  # fmt: skip

BAD = [
    ("", errors.MissingArgumentError, "SCRIPT"),
    ("--", errors.MissingArgumentError, "SCRIPT"),
    ("-B", errors.MissingArgumentError, "SCRIPT"),
    ("-m", errors.MissingArgumentError, "-m"),
    ("-c", errors.MissingArgumentError, "-c"),
    ("-W", errors.MissingArgumentError, "-W"),
    ("-o", errors.MissingArgumentError, "-o"),
    ("--scope", errors.MissingArgumentError, "--scope"),
    ("--check-hash-based-pycs", errors.MissingArgumentError, "--check-hash-based-pycs"),
    ("--scop own app.py", errors.InvalidArgumentError, "did you mean --scope?"),
    ("--require-trace=1 app.py", errors.InvalidArgumentError, "no value"),
    ("-z app.py", errors.InvalidArgumentError, "-z"),
]


@pytest.fixture(autouse=True)
def no_safe_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)


@pytest.mark.parametrize(("line", "expected"), GOOD, ids=[line for line, _ in GOOD])
def test_a_command_line_is_understood(line: str, expected: dict[str, Any]) -> None:
    run = options.parse(line.split())
    assert {key: getattr(run, key) for key in expected} == expected


@pytest.mark.parametrize(("line", "error", "told"), BAD, ids=[line for line, *_ in BAD])
def test_a_wrong_command_line_is_refused_by_name(
    line: str, error: type[errors.RecorderError], told: str
) -> None:
    with pytest.raises(error) as caught:
        options.parse(line.split())
    assert told in caught.value.message
    assert caught.value.exit_code == 2


def test_nothing_is_lost_or_reordered() -> None:
    """Python gets every word that is not ours, in order."""
    words = [
        "-X",
        "dev",
        "--scope=own",
        "-Wonce",
        "-o",
        "out",
        "-B",
        "a.py",
        "-o",
        "--scope=all",
        "",
    ]
    run = options.parse(words)
    assert run.flags + run.program == ["-X", "dev", "-Wonce", "-B", "a.py", "-o", "--scope=all", ""]


@pytest.mark.parametrize(
    ("line", "flag"),
    [("-B app.py", ""), ("-BI app.py", "-I"), ("-E -u a.py", "-E"), ("-S -m x", "-S")],
)
def test_flags_by_which_python_does_not_see_its_path(line: str, flag: str) -> None:
    run = options.parse(line.split())
    assert run.blind == flag
    assert run.flags + run.program == line.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("app.py", "app.rtrace"),
        ("/a/b/app.v2.py", "app.v2.rtrace"),
        ("folder/", "folder.rtrace"),
        ("app.pyz", "app.rtrace"),
        ("-m json.tool", "json.tool.rtrace"),
        ("-m json", "json.rtrace"),
        ("-c pass", "command.rtrace"),
        ("-", "stdin.rtrace"),
        ("-o x/y app.py", "x/y"),
    ],
)
def test_the_trace_is_named_after_the_program(line: str, expected: str) -> None:
    assert options.parse(line.split()).destination == expected


def test_a_folder_without_a_name_is_called_by_its_real_one(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert options.parse(["."]).destination == f"{tmp_path.name}.rtrace"


def test_every_policy_key_has_an_option_and_help() -> None:
    assert {key for key, *_ in options.SPELLINGS.values()} == {*KEYS, "output"}
    shown = options.help_rows()
    for spelling, *_ in options.OPTIONS:
        assert spelling in shown
    assert max(map(len, shown.splitlines())) <= 92
    assert "--output" not in options.help_rows(output=False)


def test_every_option_reaches_the_policy() -> None:
    line = (
        "--scope deps --own-folders /a,/b --include a,b --exclude c --redact d --no-redact-defaults "
        "--no-source-text --on-recorder-error abort "
        "--require-trace --min-free-space 4 "
        "--no-keep-partial-trace --no-propagate-script-exit --json-errors=fd:3 --log-level debug "
        "--log-file /l --summary --follow-children --max-bytes 1kB --keep-last 500 --keep-spans "
        "--max-events 2 --max-duration 3s --value-budget 9 --value-limit 12 --capture-output 5k --capture-audit on"
    )
    made, origins = load(cli_options=options.parse_policy(line.split()))
    assert made == Policy(
        scope="deps",
        own_folders=["/a", "/b"],
        include=["a", "b"],
        exclude=["c"],
        redact=["d"],
        redact_defaults=False,
        source_text=False,
        value_budget=9,
        value_limit=12,
        capture_output=5120,
        capture_audit=64 << 20,
        follow_children=True,
        on_recorder_error="abort",
        require_trace=True,
        keep_partial_trace=False,
        propagate_script_exit=False,
        json_errors="fd:3",
        log_level="debug",
        log_file="/l",
        summary="always",
        max_bytes=1000,
        keep_last=500,
        keep_spans=True,
        max_events=2,
        max_duration=3.0,
        min_free_space=4,
    )
    assert "default" not in origins.values()
    assert origins["on_recorder_error"] == "command line --on-recorder-error"


def test_a_policy_option_is_no_program() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"app\.py"):
        options.parse_policy(["app.py"])
