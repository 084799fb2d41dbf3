"""`trace.why` of what came from a server: which request asked for it, and where the same value had stood on the other
side, if that ran in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recorder.trace.reader import open_trace
from tests.conftest import Run

THREADS = """\
import json, threading, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

def total_of(order):
    return sum(order.values())

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"total": total_of(order), "lines": len(order)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

def ask(port, order):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/total?token=abc", data=json.dumps(order).encode())
    with urllib.request.urlopen(request) as response:
        text = response.read()
    answer = json.loads(text)
    return answer

def asked_at_once(port, order):
    answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/total", json.dumps(order).encode()))
    return answer

def main():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    answer = ask(port, {"apple": 2, "pear": 40})
    due = answer["total"]
    other = asked_at_once(port, {"apple": 1})
    alone = json.loads('[70, 80, 90]')
    server.shutdown()
    thread.join()
    server.server_close()
    end = 0

main()
"""
TASKS = """\
import asyncio, json

async def serve(reader, writer):
    line = await reader.readline()
    numbers = json.loads(line)
    reply = json.dumps({"sum": sum(numbers)}).encode()
    writer.write(reply + b"\\n")
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(json.dumps([3, 4]).encode() + b"\\n")
    text = (await reader.readline()).strip()
    answer = json.loads(text)
    total = answer["sum"]
    writer.close()
    server.close()
    end = 0

asyncio.run(main())
"""


@pytest.fixture
def traced(tmp_path: Path, recorder_says: Run) -> Path:
    (tmp_path / "threads.py").write_text(THREADS)
    path = tmp_path / "threads.rtrace"
    done = recorder_says("run", "--capture-audit", "on", "-o", path, tmp_path / "threads.py")
    assert done.status == 0
    return path


def test_the_answer_of_a_server_leads_to_who_answered(traced: Path, recorder_says: Run) -> None:
    with open_trace(traced) as trace:
        (end,) = trace.find("return", function="main")
        for name, variables in (("due", ("body", "answer")), ("other['total']", ("answer",))):
            last = trace.why(name, end.seq)[-1]
            sent, stood = last.elsewhere
            assert sent.how == "sent" and sent.text.startswith("POST http://127.0.0.1:")
            assert "abc" not in sent.text
            assert stood.how == "stood" and stood.text in variables and stood.event is not None
            assert stood.event.function.qualified_name == "Handler.do_POST"
            assert (
                stood.seq < last.seq + 10 and stood.event.thread.number != last.event.thread.number
            )
            # It was the answer to this request: the total that was computed for it.
            total = trace.evaluate("answer['total']", stood.event)
            assert total.tree == (42 if name == "due" else 1)
            assert trace.why(stood.text, stood.seq)[-1].elsewhere == ()
        assert trace.why("alone", end.seq)[-1].elsewhere == ()
        seq = trace.why("due", end.seq)[-1].elsewhere[1].seq
    said = recorder_says("why", traced, "due").stdout.decode()
    assert "meanwhile it sent POST http://127.0.0.1:" in said
    assert f"of Handler.do_POST, event {seq} [Thread-" in said
    facts = [
        json.loads(one) for one in recorder_says("why", traced, "due", "--json").stdout.splitlines()
    ]
    assert [one["how"] for one in facts[-1]["elsewhere"]] == ["sent", "stood"]
    assert not any(one["elsewhere"] for one in facts[:-1])


def test_where_nothing_is_kept_of_requests_the_other_side_is_told(
    tmp_path: Path, recorder_says: Run
) -> None:
    (tmp_path / "threads.py").write_text(THREADS)
    path = tmp_path / "threads.rtrace"
    recorder_says("run", "-o", path, tmp_path / "threads.py")
    with open_trace(path) as trace:
        (end,) = trace.find("return", function="main")
        assert [one.how for one in trace.why("due", end.seq)[-1].elsewhere] == ["stood"]


def test_of_tasks_too(tmp_path: Path, recorder_says: Run) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    path = tmp_path / "tasks.rtrace"
    recorder_says("run", "-o", path, tmp_path / "tasks.py")
    with open_trace(path) as trace:
        (end,) = trace.find("return", function="main")
        (stood,) = [one for step in trace.why("total", end.seq) for one in step.elsewhere]
        assert stood.text == "reply" and stood.event is not None
        assert stood.event.function.name == "serve"


WORKERS = """\
import asyncio

class Pool:
    def __init__(self):
        self.queue = asyncio.Queue()
        self.results = {}
        self.active = 0

    async def worker(self, name):
        while True:
            job = await self.queue.get()
            self.active += 1
            try:
                self.results[job] = await compute(job)
            except ValueError as error:
                self.results[job] = f"failed: {error}"
            finally:
                self.active -= 1
                self.queue.task_done()

    async def run(self, jobs):
        for job in range(jobs):
            self.queue.put_nowait(job)
        workers = [asyncio.create_task(self.worker(f"w{n}"), name=f"w{n}") for n in range(3)]
        await self.queue.join()
        for one in workers:
            one.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

async def compute(n):
    await asyncio.sleep(0.001 * (n % 3))
    if n == 7:
        raise ValueError(n)
    return n * n

async def main():
    pool = Pool()
    await pool.run(12)
    end = 0

asyncio.run(main())
"""


def test_what_a_task_finds_when_it_goes_on_others_did(tmp_path: Path, recorder_says: Run) -> None:
    """Of each result, whoever has it in sight, the way leads to the task that had the job."""
    (tmp_path / "workers.py").write_text(WORKERS)
    path = tmp_path / "workers.rtrace"
    recorder_says("run", "-o", path, tmp_path / "workers.py")
    with open_trace(path) as trace:
        wrote = {}
        for event in trace.find("line", function="Pool.worker"):
            if WORKERS.splitlines()[event.line - 1].strip() == "self.active -= 1":
                job = event.locals["job"].to_python()
                wrote[job] = event.task and event.task.name, 16 if job == 7 else 14
        assert len(wrote) == 12
        (end,) = trace.find("return", function="main")
        for job, (task, line) in wrote.items():
            for seq, name in [(end.seq, "pool")] + [
                (one.seq, "self") for one in trace.find("resume", function="Pool.worker")
            ]:
                answer = trace.evaluate(f"{job} in {name}.results", trace.at(seq).event)
                if not answer.truth:
                    continue
                steps = trace.why(f"{name}.results[{job}]", seq)
                written = [
                    step
                    for step in steps
                    if step.line in (14, 16) and step.how in ("assigned", "returned")
                ]
                assert written, (job, seq, steps)
                by = written[0].event.task
                assert ((by and by.name), written[0].line) == (task, line), (job, seq)


CLIENT = """\
import asyncio, json

class Response:
    def __init__(self, reader):
        self.reader, self.body = reader, None
    async def __aenter__(self):
        return self
    async def __aexit__(self, *about):
        self.closed = True
    async def json(self):
        self.body = await self.reader.readline()
        return json.loads(self.body)

class Posting:
    def __init__(self, port, numbers):
        self.port, self.numbers = port, numbers
    async def __aenter__(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(json.dumps(self.numbers).encode() + b"\\n")
        text = await reader.readline()
        self.got = asyncio.StreamReader()
        self.got.feed_data(text)
        writer.close()
        return Response(self.got)
    async def __aexit__(self, *about):
        self.port = None

class Client:
    async def __aenter__(self):
        return self
    async def __aexit__(self, *about):
        self.state = "closed"
    async def get(self, port, numbers):
        self.response = await Posting(port, numbers).__aenter__()
        return self.response
    def end(self):
        self.response.ended = True
"""
ASKING = """\
import asyncio, json
from client import Client, Posting

async def serve(reader, writer):
    numbers = json.loads(await reader.readline())
    answer = {"total": sum(numbers), "kind": "sum of all"}
    writer.write(json.dumps(answer).encode() + b"\\n")
    await writer.drain()
    writer.close()

async def by_context(port):
    async with Posting(port, [3, 4]) as response:
        answer = await response.json()
    total = answer["total"]
    return total

async def kept_open(port):
    async with Client() as client:
        response = await client.get(port, [3, 5])
        client.end()
    answer = await response.json()
    total = answer["total"]
    return total

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await by_context(port)
    await kept_open(port)
    server.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("by_context", "async with Posting(port, [3, 4]) as response:"),
        ("kept_open", "response = await client.get(port, [3, 5])"),
    ],
)
def test_a_response_that_changes_as_it_is_read_leads_to_the_line_that_got_it(
    function: str, line: str, tmp_path: Path, recorder_says: Run
) -> None:
    """Of a library that is not recorded, as those for HTTP are by default."""
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "asking.py").write_text(ASKING)
    path = tmp_path / "asking.rtrace"
    said = recorder_says("run", "--exclude", "*/client.py", "-o", path, tmp_path / "asking.py")
    assert said.status == 0
    with open_trace(path) as trace:
        steps = trace.why("total", function=function)
        last = next(step for step in steps if step.elsewhere)
        assert ASKING.splitlines()[last.line - 1].strip() == line
        assert [one.how for one in last.elsewhere] == ["stood"] and last.elsewhere[0].event
        assert last.elsewhere[0].event.function.name == "serve"
