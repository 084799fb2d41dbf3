"""Files, processes and connections, as CPython's audit events tell of them: where the policy asks for it, each with its
moment and its arguments, without what looks like a secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.cli import main
from recorder.explain.page import explain
from recorder.export import export
from recorder.view.parameters import Parameters
from recorder.view.questions import ask
from tests.conftest import recorder_command

# What it does is told to an audit hook of its own as well: the last line that it prints.
PROGRAM = """\
import http.client, json, os, shutil, socket, sqlite3, subprocess, sys, tempfile

class Odd(str): pass

def audited(event, arguments):
    if event.partition(".")[0] in ("open", "os", "socket", "subprocess", "sqlite3", "http", "shutil", "tempfile"):
        frame = sys._getframe(1)
        if "importlib" not in frame.f_code.co_filename:
            seen.append((event, repr(arguments)))

def outside():
    with open("data.txt", "w") as file: file.write("x")
    subprocess.run(["true", "--token", "hunter2 it is", "https://bob:hunter2@host/x"], check=True)
    subprocess.run("true", shell=True, env={"PASSWORD": "hunter2", "A": "1", Odd("B"): "2"})
    os.environ["API_TOKEN"] = "hunter2"
    server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
    port = server.getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/", headers={"Authorization": "Bearer hunter2"})
    connection.close(); server.close()
    sqlite3.connect(":memory:").execute("select 1")
    tempfile.TemporaryFile().close()
    shutil.copyfile("data.txt", "copy.txt")
    os.remove("data.txt")
    try: open("missing")
    except OSError: pass

def odd():
    sys.audit("os.none")
    sys.audit("os.many", *range(20))
    sys.audit("os.words", ["w" * 3000] * 100, ("a", "--password"), {n: {} for n in range(50)})
    sys.audit("os.values", None, 2.5, True, 1 << 80, b"\\xff token=hunter2 x", Odd("odd"))
    sys.audit("os.objects", outside, ("cookie", "hunter2"))
    sys.audit("os.pair", [b"secret", b"hunter2"])
    sys.audit("socket.getaddrinfo", "bob:hunter2@host", 80); sys.audit("smtplib.connect", None, "bob:hunter2@host", 25)
    sys.audit("opened", 1); sys.audit("import", "x"); sys.audit("mine.event"); sys.audit("os")

import encodings.idna
seen = []
sys.addaudithook(audited)
outside()
told, seen = seen, []
odd()
print(json.dumps(told))
"""
LINES = PROGRAM.splitlines()


def recorded(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(program)
    words = ["--min-free-space=0", "--no-summary", "-o", str(folder / "app.rtrace"), *options]
    return subprocess.run(
        [sys.executable, "-m", "recorder", "run", *words, "app.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(recorder.__file__).parents[1])},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """The trace, and what the program's own hook was told."""
    folder = tmp_path_factory.mktemp("audit")
    done = recorded(folder, PROGRAM, "--capture-audit=on")
    assert done.returncode == 0, done.stderr
    return folder / "app.rtrace", [(name, text) for name, text in json.loads(done.stdout)]


def test_each_is_there_in_order(told: tuple[Path, list[tuple[str, str]]]) -> None:
    path, theirs = told
    with recorder.open_trace(path) as trace:
        ours = [
            log
            for log in trace.logs(kind="audit")
            if log.function and log.function.name == "outside"
        ]
        assert [log.name for log in ours] == [name for name, _ in theirs] and len(ours) > 15
        for log, (name, text) in zip(ours, theirs, strict=True):
            if "hunter2" not in text and "<" not in text:
                assert log.text == name + text.replace(",)", ")")
            assert log.seq is not None and log.line is not None and trace[log.seq].line == log.line
        (opened,) = (
            log
            for log in ours
            if "data.txt" in log.text and log.name == "open" and "'w'" in log.text
        )
        assert opened.line is not None and 'open("data.txt", "w")' in LINES[opened.line - 1]
        assert opened.text in [log.text for log in trace.logs_at(opened.seq or 0)]
        assert not any(".pyc" in log.text for log in trace.logs())
    assert b"hunter2" not in path.read_bytes()


def test_arguments_are_cut_and_redacted(told: tuple[Path, list[tuple[str, str]]]) -> None:
    with recorder.open_trace(told[0]) as trace:
        texts: dict[str, list[Any]] = {}
        for log in trace.logs(kind="audit"):
            texts.setdefault(log.name, []).append(log)
        shown = {
            name: logs[-1].arguments.show(10_000)
            for name, logs in texts.items()
            if logs[-1].arguments
        }
    assert (
        "['true', '--token', <redacted>, 'https://***********@host/x']"
        in texts["subprocess.Popen"][0].text
    )
    assert "'PASSWORD': <redacted>, 'A': '1'" in texts["subprocess.Popen"][1].text
    assert texts["os.putenv"][-1].text == "os.putenv(b'API_TOKEN', <redacted>)"
    sent = shown["http.client.send"]
    assert "GET / HTTP/1.1" in sent and "Authorization: **************" in sent
    assert texts["os.none"][0].text == "os.none()"
    assert shown["os.many"] == "(0, 1, 2, 3, 4, 5, 6, 7, … 12 more)"
    words = texts["os.words"][0].arguments
    assert words is not None and len(words._raw) > 64 * 1024
    assert shown["os.values"] == (
        f"(None, 2.5, True, {1 << 80}, b'\\xff token=******* x', <__main__.Odd object>)"
    )
    assert shown["os.objects"] == "(<function object>, ('cookie', <redacted>))"
    assert shown["socket.getaddrinfo"] == "('***********@host', 80)"
    assert shown["smtplib.connect"] == "(None, '***********@host', 25)"
    assert shown["os.pair"] == "([b'secret', <redacted>],)"
    assert not {"opened", "import", "mine.event", "os"} & set(texts)


@pytest.mark.usefixtures("arrow_threads")
def test_every_reader_has_them(
    told: tuple[Path, list[tuple[str, str]]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = str(told[0])
    assert main(["logs", path, "--kind", "audit", "--name", "os", "--limit", "1"]) == 0
    assert "app.py" in capfd.readouterr().out
    assert main(["logs", path, "--kind", "audit", "--name", "sqlite3.connect", "--json"]) == 0
    (row,) = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert (row["kind"], row["text"]) == ("audit", "sqlite3.connect(':memory:')")
    assert main(["print", path, "--line", str(row["line"]), "--kind", "line"]) == 0
    assert "> sqlite3.connect(':memory:')" in capfd.readouterr().out
    export(told[0], "jsonl", tmp_path / "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert row["text"] in [one["text"] for one in rows if one.get("told") == "audit"]
    export(told[0], "perfetto", tmp_path / "perfetto")
    slices = json.loads((tmp_path / "perfetto").read_text())["traceEvents"]
    assert row["text"] in [one["name"] for one in slices if one.get("cat") == "log"]
    query = "select text from logs where kind = 'audit' and name = 'sqlite3.connect'"
    assert main(["sql", path, query, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"text": row["text"]}
    words = recorder_command("show", path, "--plain")
    shown = subprocess.run(words, input=f"g {row['seq']}\n".encode(), capture_output=True)
    assert f"> {row['text']}" in shown.stdout.decode()
    with recorder.open_trace(told[0]) as trace:
        assert "outside: `" in str(explain(trace, 2000))
        asked = Parameters({"question": "logs", "kind": "audit", "name": "sqlite3.connect"})
        answers = ask(trace, asked)["rows"]
        assert row["text"] in [one["text"] for one in answers]


def test_a_program_may_refuse_audit_hooks(tmp_path: Path) -> None:
    """Then its recording does not begin, and it is told why; it goes on as without us."""
    program = f"""if True:
        import sys, recorder
        def refuse(event, arguments):
            if event == "sys.addaudithook": raise ValueError("no more hooks")
        sys.addaudithook(refuse)
        try:
            recorder.start({str(tmp_path / "t.rtrace")!r}, min_free_space=0, capture_audit=True)
        except recorder.errors.RecorderError as error:
            print(type(error).__name__, error.__cause__)
        with recorder.record({str(tmp_path / "u.rtrace")!r}, min_free_space=0):
            open("/dev/null").close()
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "CallbackFailedError no more hooks\n"
    with recorder.open_trace(tmp_path / "u.rtrace") as trace:
        assert list(trace.logs()) == []


def test_what_is_told_without_end_is_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behind the limit of the policy only that there was more."""
    log = logging.getLogger("shop")
    path = tmp_path / "t.rtrace"
    policy: dict[str, Any] = {"min_free_space": 0, "capture_output": 2000, "capture_audit": 1000}
    with recorder.record(path, **policy), warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        for n in range(200):
            log.warning("number %d", n)
            open(os.devnull).close()
        warnings.warn("late", stacklevel=1)
    with recorder.open_trace(path) as trace:
        records = list(trace.logs(kind="record"))
        kept = [one for one in records if not one.omitted]
        assert len(records) == 200 and 20 < len(kept) < 60
        assert [one.text for one in kept] == [f"number {n}" for n in range(len(kept))]
        assert all(one.text == "" and one.line == kept[0].line for one in records[len(kept) :])
        assert [one.omitted for one in trace.logs(kind="warning")] == [True]
        audited = list(trace.logs(kind="audit"))
        opened = sum(not one.omitted for one in audited)
        assert len(audited) == 200 and 10 < opened < 40
        omitted = {"output": 0, "logs": 201 - len(kept), "audit": 200 - opened}
        assert trace.closing["omitted"] == omitted
    assert main(["logs", str(path), "--level", "info"]) == 0
    said = capfd.readouterr()
    assert said.out.count("\n") == len(kept)
    assert said.err == f"recorder: {200 - len(kept)} lines more not kept (capture_output)\n"
    assert main(["info", str(path)]) == 0
    assert (
        f"not kept     {200 - opened} audit events (capture_audit), {omitted['logs']} logs (capture_output)"
        in capfd.readouterr().out
    )
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["omitted"] == omitted
