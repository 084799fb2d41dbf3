"""What the server of `recorder view` answers, and whom: without a browser."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import jsonschema
import pytest

from recorder import cli, errors, loopback
from recorder.trace import libraries
from recorder.trace.reader import open_trace
from recorder.view import moments, texts, timeline
from recorder.view.answers import ANSWERS, QUICK, SLOW, answer
from recorder.view.guard import Guard
from recorder.view.lanes import Lanes
from recorder.view.moments import WAYS
from recorder.view.proxy import VARIABLE, Proxy, chosen
from recorder.view.questions import QUESTIONS
from recorder.view.server import Pages, Server, application
from tests.conftest import ENVIRONMENT, ROOT, recorder_command
from tests.tools.rechunk import places, rechunked

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e\ud800\x00"
PROGRAM = f"""
import logging
import sys
import threading

HOSTILE = {HOSTILE!r}

class Cart:
    def __init__(self):
        self.items = []

    def add(self, price):
        self.items.append(price)
        return sum(self.items)

def fill(cart, n):
    rows = [dict(name=HOSTILE, n=i) for i in range(300)]
    for i in range(n):
        total = cart.add(i)
        print("total", total)
    return rows

def fail(hostile):
    raise ValueError(hostile)

cart = Cart()
fill(cart, 5)
worker = threading.Thread(target=fill, args=(cart, 1))
worker.start()
worker.join()
try:
    fail(HOSTILE)
except ValueError as exc:
    print("caught", file=sys.stderr)
    logging.warning("caught %s", type(exc))
"""
TOKEN = "token"


def place_of(text: str) -> str:
    """FILE:LINE of the first line of the program that has this in it."""
    lines = PROGRAM.splitlines()
    return f"view_app.py:{next(n for n, line in enumerate(lines, 1) if text in line)}"


HOST = {"host": "127.0.0.1:1"}


@pytest.fixture(scope="module")
def app(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "view_app.py"
    path.write_text(PROGRAM)
    return trace_of(path)


@pytest.fixture(scope="module")
def damaged(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in chunks of a few events, of which one in the middle is damaged."""
    path = tmp_path_factory.mktemp("damaged") / "damaged.rtrace"
    data = bytearray(rechunked(app, 9))
    path.write_bytes(data)
    chunks = [one for one in places(bytes(data), path) if one.head.events]
    data[chunks[len(chunks) // 2].end - 1] ^= 0xFF
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def lanes(app: Path, damaged: Path) -> Iterator[Lanes]:
    with Lanes([str(app), str(damaged)]) as opened:
        yield opened


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    lanes: Lanes,
    path: str,
    headers: dict[str, str] = HOST,
    method: str = "GET",
    proxy: Proxy | None = None,
    **asked: Any,
) -> Reply:
    """As a browser would have it, without a socket."""
    served = application(lanes, TOKEN, Pages(), proxy)
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": urlencode(asked).encode(), "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    return asyncio.run(_call(served, scope))


async def _call(served: Guard, scope: dict[str, Any]) -> Reply:
    sent: list[Any] = []
    received = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not received:
            await asyncio.Event().wait()  # whoever asked stays
        return received.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    await served(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]))


def get(lanes: Lanes, what: str, number: int = 0, **asked: Any) -> Any:
    """An answer, which fits its schema; or an error, which does."""
    reply = request(lanes, f"/{TOKEN}/api/{number}/{what}", **asked)
    found = reply.json
    assert reply.status == (422 if "error" in found else 200)
    validator("error" if "error" in found else what).validate(found)
    if "error" in found:
        jsonschema.validate(found["error"], schema("errors/diagnostic.schema.json"))
    return found


def schema(name: str) -> Any:
    return json.loads((ROOT / "recorder" / name).read_text(encoding="utf-8"))


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {**schema("view/answers.schema.json"), "$ref": f"#/$defs/{name}"}
    )


# ---- who is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"/{TOKEN}/", f"/{TOKEN}/api/traces", f"/{TOKEN}/api/0/about"])
def test_a_page_of_this_machine_is_answered(lanes: Lanes, path: str) -> None:
    for host in ("127.0.0.1:1", "localhost:8080", "[::1]:9", "localhost"):
        assert request(lanes, path, {"host": host}).status == 200
        same = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        assert request(lanes, path, same).status == 200


FOREIGN = {
    "no host": {},
    "a foreign host": {"host": "evil.example:1"},
    "a host that begins as ours": {"host": "127.0.0.1.evil.example"},
    "a host that ends as ours": {"host": "evil.example:1@127.0.0.1"},
    "a foreign origin": HOST | {"origin": "http://evil.example"},
    "another port": HOST | {"origin": "http://127.0.0.1:2"},
    "an origin that is none": HOST | {"origin": "null"},
    "another scheme": HOST | {"origin": "https://127.0.0.1:1"},
    "a page of another site": HOST | {"sec-fetch-site": "cross-site"},
    "a page of the same site": HOST | {"sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_nobody_else_is_answered(lanes: Lanes, headers: dict[str, str]) -> None:
    for path in (f"/{TOKEN}/", f"/{TOKEN}/api/0/about", f"/{TOKEN}/api/alive"):
        reply = request(lanes, path, headers)
        assert (reply.status, reply.body) == (403, b"")


NO_TOKEN = ["/", "/api/0/about", "/tokem/", "/toke/", "/tokenn/api/0/about", "//", "/%FF/", "*"]
ANY = ["", "api/0/about", "api/0/none", "no.js", "../server.py", "..%2fserver.py"]
NOWHERE = [*ANY[2:], "server.py", "api/9/about", "api/-1/about", "api/x/about"]


@pytest.mark.parametrize("path", NO_TOKEN)
def test_without_the_token_there_is_nothing(lanes: Lanes, path: str) -> None:
    reply = request(lanes, path)
    assert (reply.status, reply.body) == (404, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_is_only_read(lanes: Lanes, method: str) -> None:
    assert request(lanes, f"/{TOKEN}/api/0/about", method=method).status == 405


@pytest.mark.parametrize("path", ANY)
def test_every_reply_says_what_a_page_may_do(lanes: Lanes, path: str) -> None:
    headers = request(lanes, f"/{TOKEN}/{path}").headers
    policy = dict(re.findall(r"([\w-]+) ([^;]+)", headers["content-security-policy"]))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"] == "no-store"


def test_the_icon_is_not_asked_for_at_each_moment(lanes: Lanes) -> None:
    """As a browser does, by the address, unless it may keep it."""
    headers = request(lanes, f"/{TOKEN}/icon.svg").headers
    assert headers["cache-control"] == "private, max-age=86400"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", NOWHERE)
def test_what_there_is_not(lanes: Lanes, path: str) -> None:
    assert request(lanes, f"/{TOKEN}/{path}").status == 404


# ---- below a proxy -------------------------------------------------------------------------------

BEFORE = [
    "/proxy/8000",
    "/absproxy/8000",
    "/user/me/proxy/8000",
    "//",
    "/a/b/../c",
    "/tokem",
    "/%2e",
]
PLACES = ["", "page.js", "api/traces", "api/0/about"]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("place", PLACES)
def test_a_proxy_may_put_a_path_before_it(lanes: Lanes, before: str, place: str) -> None:
    plain = request(lanes, f"/{TOKEN}/{place}")
    assert request(lanes, f"{before}/{TOKEN}/{place}") == plain and plain.status == 200
    for wrong in ("tokem", "", TOKEN[:-1], f"{TOKEN}n"):
        assert request(lanes, f"{before}/{wrong}/{place}").status == 404


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_below_a_path_nobody_else_is_answered_either(lanes: Lanes, headers: dict[str, str]) -> None:
    assert request(lanes, f"/proxy/8000/{TOKEN}/api/0/about", headers).status == 403


NAMED = Proxy("https://code.example:8443/proxy/8000/")
BY_NAME = {"host": "code.example:8443"}
OF_PROXY: list[tuple[dict[str, str], int]] = [
    (HOST, 200),
    (BY_NAME, 200),
    (BY_NAME | {"origin": "https://code.example:8443", "sec-fetch-site": "same-origin"}, 200),
    (BY_NAME | {"origin": "http://code.example:8443"}, 403),
    (BY_NAME | {"origin": "https://code.example"}, 403),
    ({"host": "code.example"}, 403),
    ({"host": "code.example:8443.evil.example"}, 403),
    (HOST | {"origin": "https://code.example:8443"}, 403),
    (BY_NAME | {"sec-fetch-site": "cross-site"}, 403),
    (BY_NAME | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    (BY_NAME | {"sec-fetch-site": "same-site"}, 403),
    (BY_NAME | {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, 200),
]


@pytest.mark.parametrize(("headers", "status"), OF_PROXY)
def test_the_name_of_a_proxy_is_answered_where_it_was_told(
    lanes: Lanes, headers: dict[str, str], status: int
) -> None:
    for before in ("", "/absproxy/8000"):
        path = f"{before}/{TOKEN}/api/0/about"
        assert request(lanes, path, headers, proxy=NAMED).status == status
        if "code.example" in headers["host"]:
            assert request(lanes, path, headers).status == 403


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://h/proxy/{port}/", "https://h/proxy/80/"),
        ("http://h:8/proxy/{{port}}", "http://h:8/proxy/80/"),
        ("https://{{port}}.h", "https://80.h/"),
        ("https://h", "https://h/"),
        ("", None),
        ("h/proxy/{port}", None),
        ("ftp://h/", None),
        ("https:///x", None),
        ("https://h:x/", None),
        ("https://me@h/", None),
        ("https://h/?a", None),
        ("https://h/#a", None),
        ("https://h/ x", None),
        ("https://h/\n", None),
        ("https://[h/", None),
    ],
)
def test_the_address_of_a_proxy(given: str, address: str | None) -> None:
    found = chosen(None, 80, {VARIABLE: given})
    assert (found and found.address) == address
    if address is None:
        with pytest.raises(errors.InvalidArgumentError, match="--proxy"):
            chosen(given, 80, {})
    else:
        assert chosen(given, 80, {VARIABLE: "https://other/"}) == found


# ---- what is answered ----------------------------------------------------------------------------


def asked_of_each(lanes: Lanes, number: int) -> dict[str, list[dict[str, Any]]]:
    """Each answer, with several ways to ask it."""
    about = get(lanes, "about", number)
    with_rows = get(lanes, "ask", number, question="find", at=place_of("total ="))["rows"]
    seq = with_rows[-1]["seq"] if with_rows else about["begin_at"]
    now = get(lanes, "moment", number, seq=seq)
    frame, file = now["frame"], now["file"]
    source = now["shown"]["source"]
    return {
        "about": [{}],
        "checked": [{}],
        "files": [{}],
        "forms": [{}],
        "moment": [{"seq": seq}, {"seq": seq, "frame": now["stack"][-1]["frame"]}],
        "children": [
            {"seq": seq, "part": part} for part in ('["rows"]', '["rows", 0]', '["rows", 0, 1]', '["cart"]')
        ] + [{"seq": seq, "part": '["rows"]', "first": 200}],
        "table": [{"seq": seq, "part": '["rows"]'}],
        "words": [{"field": name} for name in ("function", "when", "log", "kind")],
        "whole": [{"seq": seq, "part": '["rows", 3]'}],
        "globals": [{"seq": seq}],
        "evaluate": [{"seq": seq, "expression": text} for text in ("total + 1", "nope", "rows[0]['name']", "f()")],
        "inline": [{"seq": seq, "frame": frame}],
        "move": [{"seq": seq, "how": how, "to": "1", "back": back} for how in WAYS for back in (0, 1)],
        "source": [{"file": file, "sha256": source}, {"file": file}, {"file": "/not/there.py"}],
        "counts": [{"file": file, "sha256": source}, {"file": file, "soon": 1}, {"file": "/not/there.py"}],
        "timeline": [{}, {"start": 10, "stop": 20}, {"columns": 3}, {"start": 10**9}, {"over": "time"}],
        "ticks": [{}, {"start": 3, "stop": 9}, {"over": "time"}],
        "awaiting": [{"seq": seq}],
        "aligned": [{"seq": seq, "other": 0}, {"seq": seq, "other": 1}],
        "differences": [{"other": 0}, {"other": 1}],
    }  # fmt: skip


@pytest.mark.parametrize("number", [0, 1], ids=["whole", "damaged"])
def test_every_answer_fits_its_schema(lanes: Lanes, number: int) -> None:
    asked = asked_of_each(lanes, number)
    assert {*asked, "ask"} == set(ANSWERS)
    good = {name: [get(lanes, name, number, **way) for way in ways] for name, ways in asked.items()}
    for name, found in good.items():
        assert name == "table" or any("error" not in one for one in found), name
    if number == 0:
        assert not any("error" in one for name in ("children", "timeline") for one in good[name])


QUESTIONS_ASKED: dict[str, dict[str, Any]] = {
    "find": {"at": place_of("total ="), "when": "i > 2"},
    "grep": {"pattern": "onerror", "fixed": "1"},
    "watch": {"expression": "total"},
    "why": {"name": "total"},
    "history": {"name": "total", "backwards": "1"},
    "same": {"expression": "cart", "at": "99%"},
    "origin": {"expression": "cart", "at": "99%"},
    "exceptions": {"type": "ValueError"},
    "explain": {},
    "check": {"expression": "total < 5"},
    "calls": {"function": "fill"},
    "tree": {"own": "1", "limit": "3"},
    "stats": {"sort": "calls"},
    "output": {"stream": "stdout"},
    "logs": {"level": "WARNING"},
}


def test_every_question_is_asked() -> None:
    assert QUESTIONS_ASKED.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_rows_of_a_question_are_what_the_command_prints(lanes: Lanes, question: str) -> None:
    found = get(lanes, "ask", question=question, **QUESTIONS_ASKED[question])
    assert found["rows"] and found["question"] == question
    of_row = f"#/$defs/{question}"
    if question == "explain":  # its rows are the statements of all sections
        of_row += "/properties/sections/items/properties/statements/items"
        assert len({row["section"] for row in found["rows"]}) > 1
    rows = jsonschema.Draft202012Validator({**schema("cli/answers.schema.json"), "$ref": of_row})
    for row in found["rows"]:
        rows.validate(row)


def test_a_question_has_so_many_rows_at_most(lanes: Lanes) -> None:
    some = get(lanes, "ask", question="calls", limit=2)
    every = get(lanes, "ask", question="calls")
    assert len(some["rows"]) == 2 and some["more"] and not every["more"]
    assert every["rows"][:2] == some["rows"]


def test_a_step_shows_what_changed(lanes: Lanes) -> None:
    line = int(place_of("total =").partition(":")[2])
    seq = get(lanes, "ask", question="find", at=place_of("print"))["rows"][1]["seq"]
    now = get(lanes, "moment", seq=seq)
    (change,) = [one for one in now["changes"] if one["name"] == "total"]
    assert (change["old"], change["new"], change["line"]) == ("0", "1", line)
    assert [one["name"] for one in now["variables"] if one["changed"]] == ["cart", "total"]
    lines = get(lanes, "inline", seq=seq, frame=now["frame"])["lines"]
    (inline,) = [one for one in lines if one["line"] == line]
    assert inline["values"][-1] == ["total", "1"]
    there = get(lanes, "move", seq=seq, how="change", to="total", back=1)
    assert there["moved"] and there["seq"] < seq


@pytest.mark.parametrize("back", [{}, {"back": 1}], ids=["on", "back"])
@pytest.mark.parametrize("how", ["step", "next", "out"])
def test_a_move_brings_what_is_shown_of_where_it_leads(
    lanes: Lanes, how: str, back: dict[str, int]
) -> None:
    seq = get(lanes, "ask", question="find", at=place_of("return sum"))["rows"][1]["seq"]
    plain = get(lanes, "move", seq=seq, how=how, **back)
    shown = get(lanes, "move", seq=seq, how=how, show=1, **back).pop("shown")
    assert plain["moved"] and plain.keys() == {"version", "seq", "moved"}
    moment = get(lanes, "moment", seq=plain["seq"])
    inline = get(lanes, "inline", seq=plain["seq"], frame=moment["shown"]["frame"])
    assert {"version": moment["version"], **shown["moment"]} == moment
    assert {"version": inline["version"], **shown["inline"]} == inline and inline["lines"]


def test_a_move_to_what_cannot_be_read_is_one(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise errors.TraceCorruptError(path="app.rtrace", offset=0, reason="a test")

    monkeypatch.setattr(moments, "moment", damaged)
    found = get(lanes, "move", seq=0, how="end", show=1)
    assert found["moved"] and found["shown"] is None


def test_a_tree_is_loaded_as_it_is_opened(lanes: Lanes) -> None:
    seq = get(lanes, "ask", question="find", at=place_of("total ="))["rows"][0]["seq"]
    first = get(lanes, "children", seq=seq, part='["rows"]')
    rest = get(lanes, "children", seq=seq, part='["rows"]', first=200)
    assert first["count"] == 201 == len(first["rows"]) + len(rest["rows"])
    assert first["rows"][199]["path"] == "rows[199]"
    assert rest["rows"][0]["text"] == "100 more were not recorded"
    part = get(lanes, "children", seq=seq, part='["rows", 199]')
    assert [row["name"] for row in part["rows"]] == ["'name'", "'n'"]
    assert part["rows"][1]["text"] == "199"


def test_what_was_raised_is_a_tree_too(lanes: Lanes) -> None:
    raised = get(lanes, "ask", question="exceptions")["rows"][0]["seq"]
    now = get(lanes, "moment", seq=raised)
    assert now["value"]["type"] == "ValueError" and now["outcome"] == "! raised"
    parts = get(lanes, "children", seq=raised, frame=now["frame"], part='["(value)"]')
    assert parts["count"] == 1 and "onerror" in parts["rows"][0]["text"]


def test_the_timeline_shows_every_frame_when_there_is_room(lanes: Lanes) -> None:
    about = get(lanes, "about")
    found = get(lanes, "timeline", columns=1_000)
    assert found["columns"] == list(range(about["end"]))
    assert {"module __main__", "fill", "Cart.add"} <= set(found["titles"])
    for depth, first, end, _, frame in found["threads"][0]["bars"][:20]:
        now = get(lanes, "moment", seq=first)
        mine = [one["frame"] for one in now["stack"]][::-1]
        if now["thread"] == found["threads"][0]["thread"]:
            assert mine[depth] == frame
        assert first < end


TASKS = """
import asyncio

async def step(n):
    await asyncio.sleep(0)
    return n

async def work(n):
    for turn in range(3):
        await step(turn)

async def main():
    await asyncio.gather(*(asyncio.create_task(work(1), name=name) for name in ("one", "two", "same", "same")))

asyncio.run(main())
"""


def number_of_task(lanes: Lanes, seq: int) -> int:
    with open_trace(lanes.paths[0]) as trace:
        task = trace.at(seq).event.task
    assert task is not None
    return task.number


def test_the_timeline_has_a_row_for_each_task(
    trace_of: Callable[[Path], Path], tmp_path: Path
) -> None:
    program = tmp_path / "view_tasks.py"
    program.write_text(TASKS)
    with Lanes([str(trace_of(program))]) as lanes:
        found = get(lanes, "timeline", columns=1_000)
        rows = {row["task"]: row["bars"] for row in found["threads"]}
        *others, same, too = rows
        assert others == [None, "Task-1", "one", "two"]
        for told in (same, too):
            first = get(lanes, "moment", seq=found["columns"][rows[told][0][1]])
            assert told == f"same #{number_of_task(lanes, first['seq'])}"
        assert same != too
        for _, first, _, title, _ in rows["one"]:
            assert get(lanes, "moment", seq=found["columns"][first])["task"] == "one"
            assert found["titles"][title] != "main"
        seen = {found["titles"][bar[3]] for bar in rows["two"]}
        assert {"work", "step"} <= seen


def test_beside_the_lines_of_a_module_stands_what_is_no_definition(lanes: Lanes) -> None:
    end = get(lanes, "about")["end"] - 1
    body = get(lanes, "moment", seq=end)["stack"][-1]
    lines = get(lanes, "inline", seq=end, frame=body["frame"])["lines"]
    rows = get(lanes, "moment", seq=end, frame=body["frame"])["variables"]
    definitions = {row["name"] for row in rows if row["definition"]}
    named = {name for line in lines for name, _ in line["values"]}
    assert {"__name__", "fill"} <= definitions
    assert named and not named & definitions


def test_counts_are_told_as_far_as_they_are_made(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "WINDOW", 40)
    monkeypatch.setattr(texts, "SOON", 0.0)
    file = get(lanes, "moment", seq=get(lanes, "about")["begin_at"])["file"]
    whole = get(lanes, "counts", file=file)
    assert whole["next"] is None
    times: list[int] = [0] * len(whole["times"])
    start, parts = 0, 0
    while start is not None:
        part = get(lanes, "counts", file=file, soon=1, start=start)
        times = [a + (b or 0) for a, b in zip(times, part["times"], strict=True)]
        start, parts = part["next"], parts + 1
    assert parts == -(-get(lanes, "about")["end"] // 40)
    assert times == [one or 0 for one in whole["times"]]


def test_marks_of_many_chunks_are_stretches(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of which is read for them; each mark lies in one of its kind."""
    monkeypatch.setattr(timeline, "MOST_READ", 5)
    path = tmp_path / "chunks.rtrace"
    path.write_bytes(rechunked(app, 60))
    with Lanes([str(path)]) as lanes:
        exact = get(lanes, "ticks", stop=20)["spans"]
        found = get(lanes, "ticks")
        with open_trace(path) as trace:
            marks = {
                "exceptions": [one.seq for one in trace.find("raise")],
                "output": [one.seq for one in trace.output() if one.seq is not None],
            }
        assert exact == {} and found["exceptions"] == found["output"] == []
        for kind, seqs in marks.items():
            spans = found["spans"][kind]
            assert seqs and all(any(a <= seq < b for a, b in spans) for seq in seqs), kind
            assert sum(b - a for a, b in spans) < get(lanes, "about")["end"], kind


def test_a_column_of_many_events_is_one_that_is_near(app: Path, tmp_path: Path) -> None:
    """The first of a chunk, where one begins in it."""
    path = tmp_path / "near.rtrace"
    path.write_bytes(rechunked(app, 60))
    begins = {one.head.first_event for one in places(path.read_bytes(), path)}
    with Lanes([str(path)]) as lanes:
        found = get(lanes, "timeline", columns=10)
        end = get(lanes, "about")["end"]
        for column, seq in enumerate(found["columns"]):
            first, behind = end * column // 10, end * (column + 1) // 10
            assert first <= seq < behind
            assert seq == min((one for one in begins if first <= one < behind), default=first)


WORDS = [
    ("function", "cart", ["Cart.__init__", "Cart.add"]),
    ("file", "view", ["view_app.py"]),
    ("name", "tot", ["total"]),
    ("type", "valueerror", ["ValueError"]),
    ("kind", "rais", ["raise", "reraise"]),
    ("level", "war", ["WARNING"]),
    ("log", "x", []),
]


@pytest.mark.parametrize("field, text, expected", WORDS)
def test_what_may_be_entered(lanes: Lanes, field: str, text: str, expected: list[str]) -> None:
    found = get(lanes, "words", field=field, text=text)["words"]
    assert found[: len(expected)] == expected


def test_a_row_says_its_values_as_python_would(lanes: Lanes) -> None:
    rows = get(lanes, "ask", question="watch", expression="total")["rows"]
    assert (rows[0]["shown"], rows[1]["shown"]) == ({"new": "0"}, {"old": "0", "new": "1"})
    (why,) = get(lanes, "ask", question="why", name="total", at=rows[1]["seq"])["rows"][:1]
    assert why["shown"]["value"] == "1"
    call = get(lanes, "ask", question="calls", function="Cart.add")["rows"][1]
    assert call["shown"]["arguments.price"] == "1" and call["shown"]["returned"] == "1"


def test_globals_open_and_lead_on(lanes: Lanes) -> None:
    seq = get(lanes, "ask", question="find", at=place_of("total ="))["rows"][-1]["seq"]
    named = {one["name"]: one for one in get(lanes, "globals", seq=seq)["rows"]}
    assert named["cart"]["path"] == "cart" and named["cart"]["children"] == 1
    part = json.dumps(["(global) cart", 0])
    assert get(lanes, "children", seq=seq, part=part)["rows"][0]["path"] == "cart.items[0]"


def test_two_lanes_have_what_a_trace_says_of_its_chunks_once(lanes: Lanes) -> None:
    quick, slow = lanes.quick[0].trace._queries, lanes.slow[0].trace._queries
    assert quick._known() is slow._known() is not None


def test_two_traces_are_compared(lanes: Lanes) -> None:
    same = get(lanes, "differences", other=0)
    assert same["rows"] == [] and same["summary"]["aligned"] == get(lanes, "about")["events"]
    found = get(lanes, "differences", other=1)
    rows = jsonschema.Draft202012Validator(
        {**schema("cli/answers.schema.json"), "$ref": "#/$defs/diff"}
    )
    for row in found["rows"]:
        rows.validate(row)
    assert found["rows"] and found["rows"][0]["what"] == "flow"  # the one lacks a chunk


# ---- a question that nobody waits for ----------------------------------------------------------------


def for_ever(*_: Any) -> Any:
    while True:
        pass


def test_a_question_that_nobody_waits_for_ends(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ANSWERS, "counts", for_ever)

    async def ask() -> tuple[bool, bytes]:
        running = asyncio.ensure_future(lanes.ask(0, "counts", {}))
        queued = asyncio.ensure_future(lanes.ask(0, "counts", {}))
        await asyncio.sleep(0.05)
        running.cancel()
        queued.cancel()
        return await asyncio.wait_for(lanes.ask(0, "checked", {}), 30)

    for _ in range(3):
        good, body = asyncio.run(ask())
        assert good and json.loads(body)["state"] == "complete"


def test_whoever_asks_and_leaves(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a browser does that is told to ask no more."""
    monkeypatch.setitem(ANSWERS, "counts", for_ever)
    with Server(lanes, linger=0.1) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        place = urlsplit(server.address)
        page = http.client.HTTPConnection(place.netloc, timeout=30)
        page.request("GET", f"{place.path}api/alive")
        page.getresponse().read(2)
        leaves = http.client.HTTPConnection(place.netloc, timeout=30)
        leaves.request("GET", f"{place.path}api/0/counts")
        leaves.close()
        other = http.client.HTTPConnection(place.netloc, timeout=30)
        other.request("GET", f"{place.path}api/0/checked")
        assert json.loads(other.getresponse().read())["state"] == "complete"
        other.close()
        page.sock.close()
        page.close()
        thread.join(30)
        assert not thread.is_alive()


# ---- what is hostile, wrong or damaged -------------------------------------------------------------


def test_hostile_texts_are_json_and_nothing_else(lanes: Lanes) -> None:
    reply = request(lanes, f"/{TOKEN}/api/0/ask", question="grep", pattern="onerror", fixed=1)
    assert reply.headers["content-type"] == "application/json"
    assert (
        reply.body.isascii()
    )  # escape sequences, marks of direction and lone surrogates are escaped
    assert HOSTILE in {row["value"] for row in reply.json["rows"] if isinstance(row["value"], str)}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("moment", {}, "ERR_MISSING_ARGUMENT"),
    ("moment", {"seq": "x"}, "ERR_INVALID_ARGUMENT"),
    ("moment", {"seq": "-1"}, "ERR_INVALID_ARGUMENT"),
    ("moment", {"seq": "9" * 30}, "ERR_INVALID_ARGUMENT"),
    ("moment", {"seq": "٣"}, "ERR_INVALID_ARGUMENT"),
    ("moment", {"seq": 10**9}, "ERR_EVENT_NOT_FOUND"),
    ("moment", {"seq": 1, "frame": 10**6}, "ERR_NOT_IN_TRACE"),
    ("children", {"seq": 1, "part": "rows"}, "ERR_INVALID_ARGUMENT"),
    ("children", {"seq": 1, "part": "[" * 10_000}, "ERR_INVALID_ARGUMENT"),
    ("children", {"seq": 1, "part": '["x", -1]'}, "ERR_INVALID_ARGUMENT"),
    ("children", {"seq": 1, "part": '["x", true]'}, "ERR_INVALID_ARGUMENT"),
    ("children", {"seq": 1, "part": '["no_such"]'}, "ERR_NOT_IN_TRACE"),
    ("evaluate", {"seq": 1, "expression": "1 +"}, "ERR_INVALID_ARGUMENT"),
    ("move", {"seq": 1, "how": "fly"}, "ERR_INVALID_ARGUMENT"),
    ("move", {"seq": 1, "how": "run", "to": "a b"}, "ERR_INVALID_ARGUMENT"),
    ("source", {"file": "x", "sha256": "y"}, "ERR_NOT_IN_TRACE"),
    ("ask", {"question": "rm"}, "ERR_INVALID_ARGUMENT"),
    ("ask", {"question": "watch"}, "ERR_MISSING_ARGUMENT"),
    ("ask", {"question": "find", "when": "1 +"}, "ERR_INVALID_ARGUMENT"),
    ("ask", {"question": "find", "function": "no_such"}, "ERR_NOT_IN_TRACE"),
    ("ask", {"question": "grep", "pattern": "("}, "ERR_INVALID_ARGUMENT"),
    ("ask", {"question": "stats", "sort": "x"}, "ERR_INVALID_ARGUMENT"),
    ("ask", {"question": "tree", "limit": "x"}, "ERR_INVALID_ARGUMENT"),
    ("differences", {}, "ERR_MISSING_ARGUMENT"),
    ("differences", {"other": 2}, "ERR_MISSING_ARGUMENT"),
    ("differences", {"other": "/etc/passwd"}, "ERR_MISSING_ARGUMENT"),
]


@pytest.mark.provokes("EVENT_NOT_FOUND", "NOT_IN_TRACE", "MISSING_ARGUMENT", "INVALID_ARGUMENT")
@pytest.mark.parametrize("name, asked, code", WRONG)
def test_what_is_wrong_is_an_error_with_its_code(
    lanes: Lanes, name: str, asked: dict[str, Any], code: str
) -> None:
    found = get(lanes, name, **asked)
    assert found["error"]["code"] == code
    assert "Traceback" not in json.dumps(found)


def test_a_bug_is_an_error_too(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised, a page gets a diagnostic."""

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setitem(ANSWERS, "about", broken)
    good, body = answer(lanes.quick[0].trace, "about", {})
    assert not good and json.loads(body)["error"]["code"].startswith("ERR_")


def test_a_damaged_trace_says_so_and_shows_the_gap(lanes: Lanes) -> None:
    assert get(lanes, "checked")["notice"] is None
    found = get(lanes, "checked", 1)
    assert found["state"] == "corrupt" and "corrupt" in found["notice"]
    ((first, behind),) = found["gaps"]
    assert get(lanes, "moment", 1, seq=first)["error"]["code"] == "ERR_TRACE_CORRUPT"
    assert "error" not in get(lanes, "moment", 1, seq=behind)
    chart = get(lanes, "timeline", 1, start=first - 2, stop=behind + 2)
    assert chart["columns"].count(None) == behind - first


# ---- the process ---------------------------------------------------------------------------------


def test_it_ends_when_the_last_page_is_closed(app: Path) -> None:
    with Lanes([str(app)]) as lanes, Server(lanes, linger=0.2) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        place = urlsplit(server.address)
        pages = [http.client.HTTPConnection(place.netloc, timeout=10) for _ in range(2)]
        for page in pages:
            page.request("GET", f"{place.path}api/alive")
            assert page.getresponse().read(2) == b": "
        pages[0].close()
        thread.join(0.5)
        assert thread.is_alive()  # one page is still open
        pages[1].sock.close()
        pages[1].close()
        thread.join(15)
        assert not thread.is_alive()


def test_the_command(app: Path, tmp_path: Path) -> None:
    """The first line is the address; it answers there, to whoever has it; Ctrl-C ends it."""
    command = recorder_command("view", app, "--no-open", "--at", "3")
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname == "127.0.0.1" and address.fragment == "at=3"
        assert len(address.path) > 30
        client = http.client.HTTPConnection(address.netloc, timeout=10)
        client.request("GET", f"{address.path}api/0/moment?seq=3")
        assert json.loads(client.getresponse().read())["seq"] == 3
        client.request("GET", "/api/0/moment?seq=3")
        assert client.getresponse().status == 404
        client.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.provokes("DEPENDENCY_MISSING")
@pytest.mark.parametrize("module", ["starlette", "uvicorn"])
def test_what_it_needs_and_is_not_there(
    app: Path, module: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert cli.main(["view", str(app), "--no-open"]) == errors.DependencyMissingError.exit_code
    assert "pip install 'recorder-core[view]'" in capfd.readouterr().err
    with pytest.raises(errors.DependencyMissingError):
        libraries.load(module, "recorder-core[view]")


def test_what_passes_over_the_trace_does_not_hold_up_a_step() -> None:
    assert not QUICK.keys() & SLOW.keys()


@pytest.mark.parametrize("length", [9_999, 10_000, 10_001, 5_000_000])
def test_a_long_text_is_clipped(
    trace_of: Callable[[Path], Path], tmp_path: Path, length: int
) -> None:
    program = tmp_path / f"view_long_{length}.py"
    program.write_text(f"print('x' * {length}, end='')\nprint('short')\n")
    with Lanes([str(trace_of(program))]) as lanes:
        rows = get(lanes, "ask", question="output")["rows"]
    assert rows[0]["text"] == ("x" * length if length <= 10_000 else "x" * 9_999 + "…")
    assert "".join(row["text"] for row in rows[1:]).endswith("short\n")


def test_an_answer_in_pieces_waits_for_no_confirmation() -> None:
    """A step makes two requests, and each would take 40 ms more."""
    with loopback.listen(0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
