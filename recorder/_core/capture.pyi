from collections.abc import Callable
from types import TracebackType
from typing import Final, TypedDict

SCOPES: Final[dict[str, int]]

class FaultFacts(TypedDict, total=False):
    """What is known of a fault. "status" is always there; the unit of "wanted" and "got" is the code's."""

    status: int
    errno: int
    stage: int
    offset: int
    event: int
    wanted: int
    got: int
    detail: str | int

class RecorderResult:
    status: int
    fault: FaultFacts | None

class Stopped(RecorderResult):
    events: int

class Publication(RecorderResult):
    sealer_state: int
    trace_bytes: int
    verdict: int

class HookRaised(RecorderResult):
    exception: Exception

class Options:
    def __init__(
        self,
        *,
        optimize: int,
        source_text: bool,
        scope: int,
        outside: tuple[str, ...],
        stdlib: tuple[str, ...],
        own: tuple[str, ...],
        included: tuple[bytes, ...],
        excluded: tuple[bytes, ...],
        secrets: tuple[str, ...],
        items: int,
        depth: int,
        text: int,
        nodes: int,
        budget: int,
        output: int,
        audit: int,
        max_events: int,
        max_seconds: float,
        wait_ms: int,
        wait_for_main: bool,
        summary: bool,
        exit_status: int,
        name: bytes,
        path: bytes,
        decisions: list[tuple[int, bytes, tuple[int, ...]]],
        missing: bytes,
        json_fd: int,
        json_path: bytes,
        json_facts: bytes,
        on_fork: Callable[[bool], None] | None,
        before_exit: Callable[[], None] | None,
    ) -> None: ...

class Recording:
    closed: Stopped | None
    published: RecorderResult | None
    session: Recording | None
    def on_fault(self, facts: FaultFacts) -> BaseException | None: ...
    def ended(self, kind: type[BaseException] | None, value: BaseException | None) -> None: ...
    def exited(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def at_exit(self) -> None: ...

def claim(recording: Recording) -> RecorderResult | None: ...
def arm(recording: Recording, folder: bytes, options: Options) -> RecorderResult | None: ...
def abandon(
    recording: Recording, folder: bytes, names: tuple[bytes, ...], sealer_pid: int
) -> tuple[str, int, bytes] | None: ...
def stop(recording: Recording, final: bool) -> RecorderResult | None: ...
def wait(recording: Recording) -> bool: ...
def reset() -> RecorderResult | None: ...
def note(name: str, facts: dict[str, object], begins: bool) -> int: ...
def end_span(span: int, forgotten: bool, raised: bool) -> int: ...
def grant(elements: int) -> None: ...
def is_recording() -> bool: ...

class Masking:
    def __init__(self, patterns: tuple[str, ...]) -> None: ...
    def begin(self) -> None: ...
    def masked(self, text: bytes) -> bytes: ...
    def awaits_value(self) -> bool: ...
    def statement(self, utf8: bytes, text: str) -> bytes | None: ...

def is_secret_name(name: str, patterns: tuple[str, ...]) -> bool: ...
def holder() -> Recording | None: ...
def state_name() -> str: ...
def read_public_frames(on: bool) -> bool: ...
def set_exit_status(status: int) -> None: ...
def set_reported(number: int, detail: bytes) -> None: ...
def stats(recording: Recording) -> dict[str, int] | None: ...
