"""The command `recorder` as a person meets it: help, errors, exit codes, no traceback of ours."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from recorder.cli import policy

ROOT = Path(__file__).resolve().parents[2]


def recorder(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-m", "recorder", *arguments],
        cwd=cwd,
        env={**clean_environment(), "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RECORDER_"))}


def assert_refused(done: subprocess.CompletedProcess[str], code: str, status: int = 2) -> None:
    """One line with the code, one with a hint, nothing else; the exit code of its kind."""
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"recorder: [{code}] ")
    assert [line.partition(":")[0] for line in rest] == ["hint"]
    assert done.stdout == ""
    assert done.returncode == status


def test_help_and_version(tmp_path: Path) -> None:
    for arguments in (
        [],
        ["--help"],
        ["-h"],
        ["run", "--help"],
        ["policy", "--help"],
        ["errors", "-h"],
    ):
        done = recorder(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: recorder")
    done = recorder("--version", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("recorder ")


@pytest.mark.parametrize(
    ("command", "statuses"),
    [("find", "03"), ("why", "03"), ("check", "013"), ("diff", "013"), ("verify", "013")],
)
def test_help_names_the_exit_statuses(tmp_path: Path, command: str, statuses: str) -> None:
    said = " ".join(recorder(command, "--help", cwd=tmp_path).stdout.split())
    _, *sentences = said.split("Exit status: ")
    assert [sorted(re.findall(r"\d", sentence)) for sentence in sentences] == [[*statuses]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["rnu", "app.py"], "ERR_INVALID_ARGUMENT"),
        (["run"], "ERR_MISSING_ARGUMENT"),
        (["run", "--nonsense", "app.py"], "ERR_INVALID_ARGUMENT"),
        (["run", "--scope", "mine", "app.py"], "ERR_INVALID_POLICY_VALUE"),
        (["run", "missing.py"], "ERR_SCRIPT_NOT_FOUND"),
        (["run", "app.py/inner.py"], "ERR_SCRIPT_NOT_FOUND"),
        (["run", "folder"], "ERR_SCRIPT_NOT_FOUND"),
        (["run", "empty.zip"], "ERR_SCRIPT_NOT_FOUND"),
        (["run", "-m", "no_such_module"], "ERR_MODULE_NOT_FOUND"),
        (["run", "-m", "no_such_package.inner"], "ERR_MODULE_NOT_FOUND"),
        (["run", "-m", ""], "ERR_MODULE_NOT_FOUND"),
        (["run", "-m", "email"], "ERR_MODULE_NOT_FOUND"),
        (["run", "-m", "mine"], "ERR_MODULE_NOT_FOUND"),
        (["run", "-P", "-m", "app"], "ERR_MODULE_NOT_FOUND"),
        (["run", "-o", "folder", "app.py"], "ERR_DESTINATION_IS_DIRECTORY"),
        (["run", "-o", "/dev/null", "app.py"], "ERR_DESTINATION_NOT_REGULAR"),
        (["errors", "--nonsense"], "ERR_INVALID_ARGUMENT"),
        (["policy", "--scopes", "own"], "ERR_INVALID_ARGUMENT"),
        (["policy", "extra"], "ERR_INVALID_ARGUMENT"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: list[str], code: str) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('the program ran')")
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("raise SystemExit('the package was imported')")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    before = sorted(tmp_path.rglob("*"))
    assert_refused(recorder(*arguments, cwd=tmp_path), code)
    assert sorted(tmp_path.rglob("*")) == before


def test_suggestions(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    assert "did you mean run?" in recorder("rnu", cwd=tmp_path).stderr
    assert "did you mean recorder run app.py?" in recorder("app.py", cwd=tmp_path).stderr
    assert "did you mean --scope?" in recorder("run", "--scop", cwd=tmp_path).stderr


def test_an_unreadable_script(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.touch(mode=0o000)
    if os.access(script, os.R_OK):
        pytest.skip("the superuser reads everything")
    assert_refused(recorder("run", "app.py", cwd=tmp_path), "ERR_PERMISSION_DENIED", 10)


def test_a_destination_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    done = recorder("run", "-o", "missing/t.rtrace", "app.py", cwd=tmp_path)
    assert_refused(done, "ERR_DIRECTORY_CREATE_FAILED", 10)


def test_diagnostics_of_a_refusal(tmp_path: Path) -> None:
    done = recorder("run", "--json-errors", "missing.py", cwd=tmp_path)
    diagnostic = json.loads(done.stderr)  # nothing else is on stderr
    assert diagnostic["code"] == "ERR_SCRIPT_NOT_FOUND"
    assert diagnostic["disposition"] == "raise"
    assert done.returncode == diagnostic["exit_code"] == 2

    done = recorder("run", "--json-errors=d.json", "--nonsense", "x.py", cwd=tmp_path)
    assert_refused(done, "ERR_INVALID_ARGUMENT")
    assert json.loads((tmp_path / "d.json").read_text())["code"] == "ERR_INVALID_ARGUMENT"

    environment = {"RECORDER_JSON_ERRORS": "1", "RECORDER_SCOPE": "mine"}
    done = recorder("run", "x.py", cwd=tmp_path, env=environment)
    assert json.loads(done.stderr)["context"]["source"] == "environment RECORDER_SCOPE"


def test_the_policy_in_force(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.recorder]\nscope = 'own'\nmax_events = 5\n")
    environment = {"RECORDER_MAX_EVENTS": "6", "RECORDER_LOG_LEVEL": "debug"}
    done = recorder("policy", "--json", "--log-level=info", cwd=tmp_path, env=environment)
    rows = json.loads(done.stdout)
    assert rows["scope"] == {
        "value": "own",
        "source": f"{tmp_path / 'pyproject.toml'} [tool.recorder]",
    }
    assert rows["max_events"] == {"value": 6, "source": "environment RECORDER_MAX_EVENTS"}
    assert rows["log_level"] == {"value": "info", "source": "command line --log-level"}
    assert rows["require_trace"] == {"value": False, "source": "default"}

    text = recorder("policy", cwd=tmp_path, env=environment).stdout.splitlines()
    assert len(text[: text.index("")]) == len(rows) - 1  # then come the folders that count
    assert text[0].split() == ["on_recorder_error", "disable", "default"]


@pytest.mark.parametrize("length", [1, 23, 24, 25, 60])
def test_a_long_value_pushes_only_its_own_source_aside(length: int) -> None:
    """Up to 24 characters are none."""
    short, long = policy.listing(
        {"a": "x", "bcd": "y" * length}, {"a": "default", "bcd": "file"}
    ).splitlines()
    assert (short.split(), long.split()) == (["a", "x", "default"], ["bcd", "y" * length, "file"])
    assert short.index("default") == (5 + length + 2 if length <= 24 else 5 + 1 + 2)
    assert long.index("file") == 5 + length + 2


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "recorder", "errors", "--json"],
        env={**clean_environment(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


def test_an_interrupt_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    from recorder import cli

    def interrupted(words: list[str], json_errors: object) -> int:
        signal.raise_signal(signal.SIGINT)
        return 0

    # Whoever runs the tests in the background may have had SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(cli, "dispatch", interrupted)
    assert cli.main(["info"]) == 130
    signal.signal(signal.SIGINT, before)


def test_an_unexpected_failure_has_a_code_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from recorder import cli

    def broken(words: list[str], json_errors: object) -> int:
        return 1 // 0

    monkeypatch.setattr(cli, "dispatch", broken)
    assert cli.main(["info"]) == 70
    told = capfd.readouterr().err
    assert told.startswith("recorder: [ERR_INTERNAL] unexpected ZeroDivisionError")
    assert "Traceback" not in told


def test_a_closed_stderr_is_no_failure(tmp_path: Path) -> None:
    command = f"{sys.executable} -m recorder run missing.py 2>&-"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={**clean_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, b"")


def test_run_starts_light(tmp_path: Path) -> None:
    """Until it is clear that something will run, nothing heavy is loaded."""
    done = recorder("run", "missing.py", cwd=tmp_path, python=("-X", "importtime"))
    bare = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"],
        env=clean_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = imported(done.stderr) - imported(bare.stderr)
    assert "recorder.cli.run" in loaded
    heavy = {"argparse", "json", "re", "typing", "dataclasses", "logging", "zstandard", "_zstd"}
    assert loaded & heavy == set()


def imported(told: str) -> set[str]:
    """By -X importtime."""
    return {line.rpartition("|")[2].strip() for line in told.splitlines() if "|" in line}


@pytest.mark.leaves_staging
def test_what_an_earlier_run_left_is_reported(tmp_path: Path) -> None:
    """Program and sealer are both killed; the next run to the same place says so, and runs."""
    from recorder._core import control

    (tmp_path / "app.py").write_text("print('x', flush=True)\nimport time\ntime.sleep(60)")
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == b"x\n"
    (staging,) = tmp_path.glob(".app.rtrace.partial-*")
    page = control.ControlPage(str(staging / "control"))
    sealer = page.sealer_pid
    page.close()
    os.kill(sealer, signal.SIGKILL)
    program.kill()
    program.wait()
    program.stdout.close()

    (tmp_path / "app.py").write_text("print('y')")
    done = recorder("run", "app.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "y\n")
    assert done.stderr == (
        f"recorder: an earlier recording was not finished: recorder recover {staging}\n"
    )
    assert staging.is_dir()


@pytest.mark.parametrize("before", ["nothing", "ignored", "blocked", "handled"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGPIPE])
def test_a_command_ends_by_the_signal_that_ended_it(number: signal.Signals, before: str) -> None:
    """Whatever had become of that signal: whoever waits sees what a plain program would have shown."""
    done = {
        "nothing": "pass",
        "ignored": "signal.signal(number, signal.SIG_IGN)",
        "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [number])",
        "handled": "signal.signal(number, print)",
    }[before]
    text = f"import signal\nfrom recorder.cli import failure\nnumber = {int(number)}\n{done}\n"
    command = [sys.executable, "-c", text + "failure.die_by_signal(number)"]
    ended = subprocess.run(
        command, env={**clean_environment(), "PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert ended.returncode == -number
