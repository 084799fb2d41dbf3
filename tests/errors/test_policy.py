"""The policy: its values, its sources and their order, and what is decided about a failure."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recorder import errors, policy
from recorder.policy import ORIGINS, STATES, Disposition, Policy, decide, load
from tests.conftest import ROOT

GIB = 1 << 30


# ---------------------------------------------------------------------------------------- values

GOOD = [
    ("on_recorder_error", "abort", "abort"),
    ("require_trace", True, True),
    ("require_trace", "yes", True),
    ("keep_partial_trace", "0", False),
    ("source_text", "no", False),
    ("capture_output", "on", 64 << 20),
    ("capture_output", "off", 0),
    ("capture_output", 0, 0),
    ("capture_output", "2MB", 2_000_000),
    ("capture_audit", "on", 64 << 20),
    ("capture_audit", "off", 0),
    ("capture_audit", "2MB", 2_000_000),
    ("propagate_script_exit", "Off", False),
    ("json_errors", True, "stderr"),
    ("json_errors", "false", None),
    ("json_errors", "fd:7", "fd:7"),
    ("json_errors", Path("/tmp/d.json"), "/tmp/d.json"),
    ("log_level", "debug", "debug"),
    ("log_file", "none", None),
    ("summary", "never", "never"),
    ("scope", "own", "own"),
    ("own_folders", "/src, /tests", ("/src", "/tests")),
    ("own_folders", [Path("src")], ("src",)),
    ("include", "a.*, b ,", ("a.*", "b")),
    ("exclude", ["x"], ("x",)),
    ("redact", "pin*, My-Key", ("pin*", "My-Key")),
    ("redact", None, None),
    ("redact_defaults", "no", False),
    ("follow_children", "on", True),
    ("max_bytes", "64MB", 64_000_000),
    ("max_bytes", "64 MiB", 64 << 20),
    ("keep_last", "200MB", 200_000_000),
    ("keep_spans", "yes", True),
    ("max_bytes", "2g", 2 * GIB),
    ("max_bytes", "1.5kB", 1500),
    ("max_bytes", "none", None),
    ("max_bytes", "9007199254740993", 9007199254740993),
    ("max_events", 10, 10),
    ("max_events", "1e6", 1_000_000),
    ("value_budget", "8", 8),
    ("value_budget", "auto", None),
    ("value_limit", "10", 10),
    ("value_limit", 5_000, 5_000),
    ("max_duration", "90s", 90.0),
    ("max_duration", "1.5h", 5400.0),
    ("max_duration", "250ms", 0.25),
    ("min_free_space", 0, 0),
    ("min_free_space", "0", 0),
    ("min_free_space", "auto", None),
]

BAD = [
    ("on_recorder_error", "explode"),
    ("on_recorder_error", None),
    ("require_trace", "perhaps"),
    ("require_trace", 1),
    ("json_errors", "fd:x"),
    ("json_errors", "fd:1"),
    ("json_errors", ""),
    ("json_errors", 2),
    ("log_level", "DEBUG"),
    ("log_file", "a\0b"),
    ("log_file", "no file system holds \ud800"),
    ("json_errors", "no file system holds \ud800"),
    ("scope", ["own"]),
    ("own_folders", 5),
    ("own_folders", ["a\0b"]),
    ("own_folders", [""]),
    ("include", [1]),
    ("exclude", [""]),
    ("redact", 3),
    ("redact", ""),
    ("redact", " , "),
    ("redact", []),
    ("redact", ()),
    ("redact", "none"),
    ("redact_defaults", "none"),
    ("follow_children", "all"),
    ("capture_output", "all"),
    ("capture_audit", "all"),
    ("capture_output", -1),
    ("capture_output", None),
    ("max_bytes", "64 parsecs"),
    ("keep_last", "0"),
    ("keep_spans", "outer"),
    ("max_bytes", "MB"),
    ("max_bytes", 0),
    ("max_bytes", -5),
    ("max_bytes", "0.3"),
    ("max_bytes", True),
    ("max_bytes", 1 << 70),
    ("value_budget", 0),
    ("value_budget", 100_001),
    ("value_limit", 9),
    ("value_limit", 5_001),
    ("value_limit", None),
    ("max_events", 1.5),
    ("max_events", "5k"),
    ("max_duration", float("nan")),
    ("max_duration", float("inf")),
    ("max_duration", "soon"),
    ("min_free_space", "5%"),
    ("min_free_space", False),
]


@pytest.mark.parametrize(("key", "given", "expected"), GOOD)
def test_a_good_value_has_one_true_form(key: str, given: Any, expected: Any) -> None:
    made = Policy(**{key: given})
    assert getattr(made, key) == expected
    assert type(getattr(made, key)) is type(expected)
    assert Policy(**{key: expected}) == made  # the true form is accepted as it is


@pytest.mark.provokes("INVALID_POLICY_VALUE")
@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_value_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(errors.InvalidPolicyValueError) as caught:
        Policy(**{key: value})
    assert caught.value.context["key"] == key
    assert caught.value.context["source"] == "argument"
    assert policy.KEYS[key][1] in caught.value.message
    assert isinstance(caught.value, ValueError)


def test_every_key_has_a_good_and_a_bad_example() -> None:
    assert {key for key, *_ in GOOD} == {key for key, _ in BAD} | {
        "keep_partial_trace",
        "propagate_script_exit",
        "source_text",
        "summary",
    }
    assert {key for key, *_ in GOOD} == set(policy.KEYS)


def test_a_policy_is_a_value() -> None:
    one = Policy(scope="deps", include=["a"])
    same = Policy(scope="deps", include=("a",))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Policy()
    assert one != "a policy"
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other == one
    assert Policy.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert repr(one) == "Policy(scope='deps', include=('a',))"
    assert repr(Policy()) == "Policy()"


def test_a_policy_cannot_be_changed() -> None:
    one = Policy()
    with pytest.raises(AttributeError, match="replace"):
        one.scope = "all"
    with pytest.raises(AttributeError):
        del one.scope
    with pytest.raises(AttributeError):
        one.colour = "red"
    changed = one.replace(scope="all", max_events=5)
    assert (changed.scope, changed.max_events) == ("all", 5)
    assert one == Policy()


@pytest.mark.provokes("UNKNOWN_POLICY_KEY")
def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(errors.UnknownPolicyKeyError, match="did you mean scope"):
        Policy().replace(scopes="own")
    with pytest.raises(errors.UnknownPolicyKeyError) as caught:
        Policy.from_dict({"colour": "red"})
    assert "did you mean" not in str(caught.value)
    with pytest.raises(TypeError):
        Policy(colour="red")  # type: ignore[call-arg]


def test_the_free_space_floor() -> None:
    assert Policy().free_space_floor(100 * GIB) == GIB
    assert Policy().free_space_floor(10 * GIB) == GIB // 2
    assert Policy(min_free_space=0).free_space_floor(10 * GIB) == 0
    assert Policy(min_free_space="2GiB").free_space_floor(GIB) == 2 * GIB


def test_a_hostile_value_is_not_run() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise AssertionError("code of the value ran")

        __str__ = __len__ = __bool__ = __int__ = __index__ = __iter__ = __repr__  # type: ignore

    for key in policy.KEYS:
        with pytest.raises(errors.InvalidPolicyValueError, match=r"<.*Hostile>"):
            Policy.from_dict({key: Hostile()})


def test_import_is_light() -> None:
    """The recorded program gets no module that a bare start does not have."""
    code = "import sys; m = sys.modules; b = set(m); import recorder.policy; print(*set(m) - b)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in out.stdout.split()} <= {"recorder", "__future__"}


# --------------------------------------------------------------------------------------- sources


@pytest.fixture
def pyproject(tmp_path: Path) -> Path:
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.recorder]\nscope = "deps"\nmax-bytes = "1MB"\nlog_file = "r.log"\n')
    return path


def test_nothing_given_is_the_default() -> None:
    made, origins = load()
    assert made == Policy()
    assert set(origins.values()) == {"default"}
    assert list(origins) == list(policy.KEYS)


def test_later_sources_win(pyproject: Path) -> None:
    sources: list[tuple[str, dict[str, Any]]] = [
        ("default", {}),
        (f"{pyproject} [tool.recorder]", {"pyproject": str(pyproject)}),
        ("environment RECORDER_SCOPE", {"environ": {"RECORDER_SCOPE": "all"}}),
        ("command line --scope", {"cli_options": {"scope": "deps"}}),
        ("argument", {"arguments": {"scope": "own"}}),
    ]
    expected = ["own", "deps", "all", "deps", "own"]
    for chosen in itertools.product((False, True), repeat=4):
        given: dict[str, Any] = {}
        last = 0
        for index, present in enumerate(chosen, start=1):
            if present:
                given |= sources[index][1]
                last = index
        made, origins = load(**given)
        assert (made.scope, origins["scope"]) == (expected[last], sources[last][0])


def test_every_key_can_be_set_in_every_source(tmp_path: Path) -> None:
    for key, given, expected in GOOD:
        if not isinstance(given, str):
            continue
        path = tmp_path / "pyproject.toml"
        path.write_text(f"[tool.recorder]\n{key} = {json.dumps(given)}\n")
        for kwargs in (
            {"pyproject": str(path)},
            {"environ": {f"RECORDER_{key.upper()}": given}},
            {"cli_options": {key: given}},
            {"arguments": {key: given}},
        ):
            made, origins = load(**kwargs)  # type: ignore[arg-type]
            assert getattr(made, key) == expected
            assert origins[key] != "default"


def test_a_bad_value_names_its_source(pyproject: Path) -> None:
    pyproject.write_text("[tool.recorder]\nscope = 3\n")
    for kwargs, source in (
        ({"pyproject": str(pyproject)}, f"{pyproject} [tool.recorder]"),
        ({"environ": {"RECORDER_SCOPE": "x"}}, "environment RECORDER_SCOPE"),
        ({"cli_options": {"scope": "x"}}, "command line --scope"),
        ({"arguments": {"scope": "x"}}, "argument"),
    ):
        with pytest.raises(errors.InvalidPolicyValueError) as caught:
            load(**kwargs)  # type: ignore[arg-type]
        assert caught.value.context["source"] == source


def test_a_bad_value_is_an_error_even_where_a_later_source_would_win() -> None:
    with pytest.raises(errors.InvalidPolicyValueError):
        load(environ={"RECORDER_SCOPE": "x"}, arguments={"scope": "own"})


def test_mistyped_environment_names_are_errors_and_others_are_left_alone() -> None:
    assert load(environ={"RECORDER_HOME": "/x", "SCOPE": "own", "RECORDER_": "1"})[0] == Policy()
    with pytest.raises(errors.UnknownPolicyKeyError, match="did you mean require_trace"):
        load(environ={"RECORDER_REQUIRE_TRACES": "1"})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[tool.recorder]\nrequire_traces = true\n", errors.UnknownPolicyKeyError),
        ("[tool.recorder\n", errors.InvalidPolicyValueError),
        ("[tool]\nrecorder = 5\n", errors.InvalidPolicyValueError),
        ("[tool.recorder]\nrequire_trace = 1979-05-27\n", errors.InvalidPolicyValueError),
    ],
)
def test_a_bad_pyproject(pyproject: Path, text: str, error: type[Exception]) -> None:
    pyproject.write_text(text)
    with pytest.raises(error, match=r"pyproject\.toml"):
        load(str(pyproject))


@pytest.mark.parametrize("text", ["", "[tool.other]\n", "broken but not about us [", "tool = 3"])
def test_a_pyproject_that_is_not_about_us(pyproject: Path, text: str) -> None:
    pyproject.write_text(text)
    assert load(str(pyproject))[0] == Policy()


def test_an_unreadable_pyproject_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(errors.RecorderError) as caught:
        load(str(tmp_path / "missing" / "pyproject.toml"))
    assert caught.value.path == str(tmp_path / "missing" / "pyproject.toml")


def test_paths_are_relative_to_where_they_were_written(
    pyproject: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    made, _ = load(str(pyproject), {"RECORDER_JSON_ERRORS": "d.json"})
    assert made.log_file == str(tmp_path / "r.log")
    assert made.json_errors == str(elsewhere / "d.json")
    for stream in ("stderr", "fd:5"):
        assert load(environ={"RECORDER_JSON_ERRORS": stream})[0].json_errors == stream


def test_the_nearest_pyproject_is_found(pyproject: Path, tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert policy.find_pyproject(str(inner)) == str(pyproject)
    (tmp_path / "a" / "pyproject.toml").touch()
    assert policy.find_pyproject(str(inner)) == str(tmp_path / "a" / "pyproject.toml")


# -------------------------------------------------------------------------------------- decision

NUMBERS = {int(code): code.name for code in errors.ErrorCode}
POLICIES = [
    Policy(on_recorder_error=on_error, require_trace=require, keep_partial_trace=keep)
    for on_error in ("disable", "abort")
    for require in (False, True)
    for keep in (False, True)
]
DOMAIN = [
    (number, origin, chosen, state)
    for number in [*NUMBERS, 9999]
    for origin in ORIGINS
    for chosen in POLICIES
    for state in STATES
]

ABORT = Policy(on_recorder_error="abort")
DISABLE = Policy()
DISK_FULL = errors.DiskFullError.number


def test_every_case_is_decided_and_consistent() -> None:
    """Over the whole domain: what must hold whatever the table says."""
    for case in DOMAIN:
        number, origin, chosen, state = case
        cls = errors.class_for(number)
        made = decide(*case)
        assert made == decide(*case)
        assert made.action in ("raise", "degrade", "disable", "abort"), case
        assert made.trace in ("continue", "keep", "discard"), case
        if made.action == "degrade":
            assert (made.trace, made.exit_code) == ("continue", None), case
        if made.action in ("raise", "abort"):
            assert made.exit_code == cls.exit_code, case
        if origin == "start" or state == "starting":
            assert made.action == "raise", case
            assert made.trace == ("discard" if state == "starting" else "continue"), case
        elif origin == "fork":
            assert made == Disposition("disable", "continue", None), case
        else:
            if cls.on_error == "degrade" and (origin, state) != ("stop", "poisoned"):
                assert made.action == "degrade", case
            if made.trace == "keep":
                assert chosen.keep_partial_trace, case
            if state in ("failed", "poisoned"):
                assert made.trace == "continue", case
            if origin in ("callback", "sealer", "shutdown"):
                assert made.action != "raise", case
            if origin == "stop":
                assert made.action != "abort", case
            if made.action == "disable" and cls.override and made.trace != "continue":
                assert chosen.require_trace == (made.exit_code is not None), case


CASES = [
    # code, origin, policy, state → action, trace, exit code
    ("DISK_FULL", "callback", DISABLE, "recording", "disable", "keep", None),
    ("DISK_FULL", "callback", ABORT, "recording", "abort", "keep", 10),
    ("DISK_FULL", "callback", ABORT, "failed", "degrade", "continue", None),
    ("DISK_FULL", "sealer", ABORT, "recording", "abort", "keep", 10),
    ("DISK_FULL", "sealer", DISABLE, "stopped", "disable", "keep", None),
    ("DISK_FULL", "start", DISABLE, "starting", "raise", "discard", 10),
    ("DISK_FULL", "stop", DISABLE, "recording", "disable", "keep", None),
    ("DISK_FULL", "stop", ABORT, "recording", "raise", "keep", 10),
    ("DISK_FULL", "shutdown", ABORT, "recording", "abort", "keep", 10),
    ("VALUE_UNREADABLE", "callback", ABORT, "recording", "degrade", "continue", None),
    ("INTERNAL", "callback", ABORT, "recording", "abort", "keep", 70),
    ("CALLBACK_FAILED", "callback", ABORT, "recording", "abort", "keep", 20),
    ("LIMIT_REACHED", "callback", ABORT, "recording", "disable", "keep", None),
    ("TARGET_EXEC", "callback", ABORT, "recording", "disable", "keep", None),
    ("FORKED", "fork", ABORT, "recording", "disable", "continue", None),
    ("ALREADY_RECORDING", "start", DISABLE, "recording", "raise", "continue", 2),
    ("NOT_RECORDING", "stop", DISABLE, "stopped", "raise", "continue", 2),
    ("SESSION_POISONED", "stop", DISABLE, "poisoned", "raise", "continue", 70),
    ("TRACE_MISSING", "shutdown", DISABLE, "stopped", "abort", "continue", 10),
    ("TRACE_MISSING", "stop", DISABLE, "stopped", "raise", "continue", 10),
    ("TRACE_INCOMPLETE", "shutdown", DISABLE, "failed", "abort", "continue", 10),
    ("REMOVE_FAILED", "stop", ABORT, "stopped", "degrade", "continue", None),
]


@pytest.mark.parametrize(
    ("code", "origin", "chosen", "state", "action", "trace", "exit_code"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_decisions(
    code: str,
    origin: str,
    chosen: Policy,
    state: str,
    action: str,
    trace: str,
    exit_code: int | None,
) -> None:
    number = int(errors.ErrorCode[code])
    assert decide(number, origin, chosen, state) == Disposition(action, trace, exit_code)


def test_every_rule_decides_something() -> None:
    """A rule that no case reaches is a lie to the reader."""
    used = set()
    for origin, state, on_error in itertools.product(
        ORIGINS, STATES, ("degrade", "disable", "abort", "raise")
    ):
        for rule in policy.RULES:
            if all(want in ("*", have) for want, have in zip(rule, (origin, state, on_error))):
                used.add(rule)
                break
    assert used == set(policy.RULES)


def test_the_partial_trace_is_kept_or_not_as_policy_says() -> None:
    thrifty = Policy(keep_partial_trace=False)
    assert decide(DISK_FULL, "callback", thrifty).trace == "discard"
    assert (
        decide(DISK_FULL, "callback", thrifty.replace(on_recorder_error="abort")).trace == "discard"
    )


def test_require_trace_beats_disable() -> None:
    required = Policy(require_trace=True)
    assert decide(DISK_FULL, "callback", required) == Disposition("disable", "keep", 10)
    # A limit that was asked for ends in a trace that was asked for.
    limit = errors.LimitReachedError.number
    assert decide(limit, "callback", required).exit_code is None
    assert decide(limit, "callback", required.replace(keep_partial_trace=False)).exit_code == 10


@pytest.mark.parametrize(
    ("require", "state", "ended_by", "expected"),
    [
        (False, "missing", "DISK_FULL", None),
        (True, "complete", None, None),
        (True, "missing", None, "TRACE_MISSING"),
        (True, "partial", "DISK_FULL", "TRACE_INCOMPLETE"),
        (True, "partial", "LIMIT_REACHED", None),
        (True, "truncated", None, "TRACE_INCOMPLETE"),
    ],
)
def test_what_a_required_trace_asks_for(
    require: bool, state: str, ended_by: str | None, expected: str | None
) -> None:
    number = int(errors.ErrorCode[ended_by]) if ended_by else 0
    found = policy.requirement(Policy(require_trace=require), state, number)
    assert NUMBERS.get(found) == expected


def test_the_exit_status() -> None:
    assert policy.exit_status(DISABLE, None, 3) == 3
    assert policy.exit_status(Policy(propagate_script_exit=False), None, 3) == 0
    assert policy.exit_status(ABORT, decide(DISK_FULL, "callback", ABORT), 3) == 10
    assert policy.exit_status(DISABLE, decide(DISK_FULL, "callback", DISABLE), 3) == 3


@pytest.mark.parametrize("chosen", POLICIES, ids=repr)
def test_what_the_core_does_when_python_has_gone(chosen: Policy) -> None:
    """It has decide's answer for every failure and every trace."""
    rows = policy.after_finalization(chosen, owns_status=True)
    assert [number for number, _, _ in rows] == [0, *NUMBERS, errors.UnknownFailureError.number]
    for number, action, exits in rows[1:]:
        made = decide(number, "shutdown", chosen, "stopped")
        assert action.decode() == made.action
        for state, exit_code in zip(("complete", "partial", "missing"), exits, strict=True):
            required = policy.requirement(chosen, state, number)
            if made.action == "abort":
                assert exit_code == errors.class_for(number).exit_code
            elif required:
                assert exit_code == errors.class_for(required).exit_code == 10
            else:
                assert exit_code == -1
    # A session within a program that goes on has no say in its exit status, but for what is required.
    shy = policy.after_finalization(chosen, owns_status=False)
    assert {exits for _, _, exits in shy} <= {(-1, -1, -1), (-1, 10, 10), (-1, -1, 10)}


def test_nobody_else_chooses() -> None:
    """Only policy.py looks at what decides about the program: others ask it."""
    choosing = re.compile(r"\b(on_recorder_error|require_trace)\b")
    for path in sorted((ROOT / "recorder").rglob("*.p[yx]*")):
        name = str(path.relative_to(ROOT / "recorder"))
        if path.suffix in (".py", ".pyx", ".pxi") and name not in ("policy.py", "cli/options.py"):
            code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
            assert not choosing.search(code), name


@pytest.mark.provokes("INVARIANT_BROKEN")
def test_an_origin_nobody_has_heard_of_is_an_invariant_broken() -> None:
    with pytest.raises(errors.InvariantBrokenError):
        decide(DISK_FULL, "elsewhere", DISABLE)
