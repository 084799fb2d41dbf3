"""Statements for databases and requests over HTTP, where the policy asks for what is outside: each with its moment, and
without what looks like a secret in it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

import recorder
from recorder.cli import main
from recorder.explain.page import explain
from recorder.export import export
from tests.conftest import ENVIRONMENT, recorder_command

# Clients that are written in Python are known by the names of a file, a function and attributes: these have those of
# the real ones, which are tried in docs/real-programs.md.
LIBRARIES = {
    "pymysql/cursors.py": """\
class Cursor:
    def execute(self, query, args=None): return len(query)
class DictCursor(Cursor): pass
class Other:
    def execute(self, query, args=None): return 0
""",
    "httpcore/__init__.py": """\
class URL:
    def __init__(self, scheme, host, port, target):
        self.scheme, self.host, self.port, self.target = scheme, host, port, target
class Request:
    def __init__(self, method, *parts): self.method, self.url = method, URL(*parts)
""",
    "httpcore/_sync/connection_pool.py": """\
class ConnectionPool:
    def handle_request(self, request): return self
""",
    "httpcore/_async/connection_pool.py": """\
class AsyncConnectionPool:
    async def handle_async_request(self, request):
        await __import__("asyncio").sleep(0)
        return lambda: (self, request)
""",
    "aiohttp/client_reqrep.py": """\
class URL:
    __slots__ = ("_cache", "_scheme", "_netloc", "_path", "_query", "_fragment")
    def __init__(self, *parts): self._scheme, self._netloc, self._path, self._query = parts
class ClientRequest:
    def __init__(self, method, *parts): self.method, self.url = method, URL(*parts)
    async def send(self, conn):
        for _ in range(3): await __import__("asyncio").sleep(0)
""",
}
PROGRAM = """\
import asyncio, http.client, http.server, os, sqlite3, sys, threading, urllib.request
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "site-packages"))
from httpcore import Request
from httpcore._async.connection_pool import AsyncConnectionPool
from httpcore._sync.connection_pool import ConnectionPool
from aiohttp.client_reqrep import ClientRequest
from pymysql.cursors import Cursor, DictCursor, Other
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    do_POST = do_GET
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
port = server.server_port
threading.Thread(target=server.serve_forever, daemon=True).start()
def statements():
    db = sqlite3.connect(":memory:")
    db.execute("create table users(name, age)")
    db.executemany("insert into users values (?, ?)", [("ann", 1), ("bob", 2)])
    cursor = db.cursor()
    cursor.execute("select * from users where name = :name", {"name": "bob"})
    cursor.execute("select ?", (1,)); cursor.executemany("insert into users values (?, ?)", [])
    cursor.executescript("select 1; select 2"); db.executescript("select 3")
    cursor.execute("select 'hun' || 'ter2' as password, 4321, x'00'")
    cursor.execute("select ? as api_key, $n$kept$n$" if 0 else "select ? as api_key", ("hun" "ter2",))
    cursor.execute("select :a", {"a": 1, "token": "hun" "ter2"})
    cursor.execute("select " + "1 + " * 400 + "1")
    try: cursor.execute("no statement")
    except sqlite3.OperationalError: pass
    Cursor().execute("select %s", (5,)); DictCursor().execute("select 6"); Other().execute("select 7")
def requests():
    urllib.request.urlopen(f"http://127.0.0.1:{port}/urllib?token=hun" "ter2&n=1").close()
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/posted", b"x")).close()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("PUT", "/client", headers={"Authorization": "Bearer hun" "ter2"}); connection.close()
    pool = ConnectionPool()
    pool.handle_request(Request(b"GET", b"https", b"host", None, b"/core?a=1&api_key=hun" b"ter2"))
    pool.handle_request(Request(b"POST", b"http", b"host", 8080, b"/"))
async def tasks():
    await AsyncConnectionPool().handle_async_request(Request(b"GET", b"https", b"host", 443, b"/async"))
    await ClientRequest("GET", "https", "bob:hun" "ter2@host:81", "/a", "token=hun" "ter2&b=2").send(None)
    await ClientRequest("HEAD", "http", "host", "", "").send(None)
statements()
requests()
asyncio.run(tasks())
server.shutdown()
print("done")
"""
LINES = PROGRAM.splitlines()
SQL = [
    ("sqlite3", "create table users(name, age)"),
    ("sqlite3", "insert into users values (?, ?)  [('ann', 1), ('bob', 2)]"),
    ("sqlite3", "select * from users where name = :name  {'name': 'bob'}"),
    ("sqlite3", "select ?  (1,)"),
    ("sqlite3", "insert into users values (?, ?)  []"),
    ("sqlite3", "select 1; select 2"),
    ("sqlite3", "select 3"),
    ("sqlite3", "select '***' || '****' as password, ****, x'**'"),
    ("sqlite3", "select ? as api_key  <redacted>"),
    ("sqlite3", "select :a  {'a': 1, 'token': <redacted>}"),
    ("sqlite3", "'select 1 + 1 + 1 + "),
    ("sqlite3", "no statement"),
    ("pymysql", "select %s  (5,)"),
    ("pymysql", "select 6"),
]
HTTP = [
    ("http.client", "GET", "http://127.0.0.1:PORT/urllib?token=*******&n=1", "urlopen"),
    ("http.client", "POST", "http://127.0.0.1:PORT/posted", "urlopen"),
    ("http.client", "PUT", "http://127.0.0.1:PORT/client", None),
    ("httpcore", "GET", "https://host/core?a=1&api_key=*******", None),
    ("httpcore", "POST", "http://host:8080/", None),
    ("httpcore", "GET", "https://host/async", None),
    ("aiohttp", "GET", "https://***********@host:81/a?token=*******&b=2", None),
    ("aiohttp", "HEAD", "http://host", None),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("requests")
    for name, text in LIBRARIES.items():
        file = folder / "site-packages" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "outside_program.py").write_text(PROGRAM)
    words = ["--min-free-space=0", "--capture-audit=on", "-o", folder / "t.rtrace"]
    done = subprocess.run(
        recorder_command("run", *words, folder / "outside_program.py"),
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    return folder / "t.rtrace"


def test_statements(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        told = list(trace.logs(kind="sql"))
        for one in told:
            assert one.line is not None and "execute" in LINES[one.line - 1] and one.during is None
            assert one.seq is not None and trace[one.seq].line == one.line
            assert trace[one.seq].function.name == "statements"
    shown = [(one.name, one.text[:20] if len(one.text) > 500 else one.text) for one in told]
    assert shown == [(name, text[:20] if text.startswith("'") else text) for name, text in SQL]


def test_requests(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        told = list(trace.logs(kind="http"))
    found = []
    for one in told:
        method, _, address = one.text.partition(" ")
        address = re.sub(r"(127\.0\.0\.1):\d+", r"\1:PORT", address)
        found.append((one.name, method, address, one.during and one.during.function))
    assert found == HTTP
    assert b"hunter2" not in path.read_bytes()


def test_they_are_there_only_by_policy(tmp_path: Path) -> None:
    db = sqlite3.connect(":memory:")
    for setting, count in (("off", 0), ("on", 2), (1, 2)):
        trace_path = tmp_path / f"{setting}.rtrace"
        db.execute("select 'before'")
        with recorder.record(trace_path, min_free_space=0, capture_audit=setting):
            db.execute("select 1")
            db.cursor().execute("select 2")
        with recorder.open_trace(trace_path) as trace:
            told = list(trace.logs(kind="sql"))
            assert [one.text for one in told if not one.omitted] == ["select 1", "select 2"][
                :count
            ][: 2 if setting == "on" else 1]
            assert len(told) == count
    db.close()


READERS = {
    "logs": (["logs", "--kind", "sql"], "  sql create table users(name, age)\n"),
    "logs --name": (["logs", "--name", "httpcore"], "GET https://host/core?a=1&api_key=*******"),
    "logs --json": (["logs", "--kind", "http", "--json"], '"kind": "http", "level": 0, "levelname": "", "name": "http'),
    "print": (["print"], "> sql select ?  (1,)\n"),
    "print --json": (["print", "--json"], '{"kind": "sql", "text": "sql select 1; select 2", "function": "'),
    "sql": (["sql", "select name, text from logs where kind = 'sql'"], "select 1; select 2"),
}  # fmt: skip


@pytest.mark.usefixtures("arrow_threads")
@pytest.mark.parametrize("reader", READERS)
def test_each_reader_has_them(reader: str, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (command, *words), said = READERS[reader]
    assert main([command, str(path), *words]) == 0
    assert said in capfd.readouterr().out


def test_each_export_has_them(path: Path, tmp_path: Path) -> None:
    export(path, "jsonl", tmp_path / "jsonl")
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert sum(one.get("told") == "sql" for one in lines) == len(SQL)
    export(path, "perfetto", tmp_path / "perfetto")
    slices = json.loads((tmp_path / "perfetto").read_text())["traceEvents"]
    names = [one["name"] for one in slices if one.get("cat") == "log"]
    assert "sql select 1; select 2" in names and any(one.startswith("PUT http://") for one in names)


def test_show_and_explain_have_them(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with recorder.open_trace(path) as trace:
        (told,) = (one for one in trace.logs() if one.text == "select 6")
        page = str(explain(trace, 3000))
    assert "outside: `" in page
    commands = f"g {told.seq}\nq\n".encode()
    shown = subprocess.run(
        recorder_command("show", path, "--plain"), input=commands, env=ENVIRONMENT, capture_output=True, check=True
    )  # fmt: skip
    assert b"> sql select 6" in shown.stdout
