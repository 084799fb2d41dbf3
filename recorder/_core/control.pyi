from typing import Any, Final

# generated: constants
LAYOUT_VERSION: Final[int]
CONTROL_SIZE: Final[int]
SEGMENT_HEAD: Final[int]
SEGMENT_SIZE: Final[int]
RING_SLOTS: Final[int]
FILE_PLACES: Final[int]
DETAIL_SIZE: Final[int]

SLOT_FREE: Final[int]
SLOT_LIVE: Final[int]
SLOT_FULL: Final[int]

TARGET_PREPARING: Final[int]
TARGET_RECORDING: Final[int]
TARGET_STOPPED: Final[int]
TARGET_FINISHED: Final[int]

SEALER_STARTING: Final[int]
SEALER_READY: Final[int]
SEALER_CLOSING: Final[int]
SEALER_PUBLISHED: Final[int]
SEALER_DISCARDED: Final[int]
SEALER_FAILED: Final[int]

DISPOSITION_UNDECIDED: Final[int]
DISPOSITION_DEGRADE: Final[int]
DISPOSITION_DISABLE: Final[int]
DISPOSITION_ABORT: Final[int]
# end of constants

READS_IN_PLACE: Final[bool]
TRACE_COMPLETE: Final[int]

class ControlFields:
    # generated: fields
    ticks_per_second: int
    started_wall_ns: int
    started_mono_ns: int
    keeper_pid: int
    target_state: int
    target_pid: int
    exit_status: int
    has_exit_status: int
    discard: int
    forks: int
    events: int
    lost_events: int
    stopped_mono_ns: int
    image: int
    leaving: int
    raising: int
    optimize: int
    sealer_state: int
    sealer_pid: int
    heartbeat: int
    sealed_segments: int
    sealed_events: int
    trace_bytes: int
    verdict: int
    attention: int
    file_count: int
    # end of fields

class ControlPage(ControlFields):
    path: Final[str]
    trace_id: bytes
    def __init__(self, path: str, fresh: bool = False, guarded: bool = False) -> None: ...
    def take_loss(self) -> bool: ...
    def is_of(self, trace_id: bytes) -> bool: ...
    def restore(self, facts: dict[str, int], trace_id: bytes) -> None: ...
    @property
    def target_fault(self) -> dict[str, Any] | None: ...
    @property
    def sealer_fault(self) -> dict[str, Any] | None: ...
    def set_target_fault(self, status: int, **facts: Any) -> bool: ...
    def set_sealer_fault(self, status: int, **facts: Any) -> bool: ...
    def slot(self, index: int) -> tuple[int, int]: ...
    def set_slot(self, index: int, state: int, sequence: int) -> None: ...
    def free_slot(self, index: int) -> None: ...
    def announced_files(self, seen: int) -> tuple[int, list[int]]: ...
    def close(self) -> None: ...

def discard(
    folder: bytes, names: tuple[bytes, ...], sealer_pid: int = 0
) -> tuple[str, int, bytes] | None: ...
def read_segment(path: str) -> tuple[int, int, bytes, int]: ...
def clock() -> tuple[int, int]: ...
