# The shared memory of target and sealer (layout.h), and how its polled fields are read and written.
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t


cdef extern from "tape/layout.h" nogil:
    enum:
        REC_CONTROL_MAGIC
        REC_SEGMENT_MAGIC
        REC_LAYOUT_VERSION
        REC_CONTROL_SIZE
        REC_SEGMENT_HEAD
        REC_SEGMENT_SIZE
        REC_RING_SLOTS
        REC_SLOT_FREE
        REC_SLOT_LIVE
        REC_SLOT_FULL
        REC_TARGET_PREPARING
        REC_TARGET_RECORDING
        REC_TARGET_STOPPED
        REC_TARGET_FINISHED
        REC_SEALER_STARTING
        REC_SEALER_READY
        REC_SEALER_CLOSING
        REC_SEALER_PUBLISHED
        REC_SEALER_DISCARDED
        REC_SEALER_FAILED

    ctypedef struct RecFault:
        uint32_t status
        int32_t sys_errno
        uint32_t stage
        uint32_t disposition
        uint64_t offset
        uint64_t event
        uint64_t wanted
        uint64_t got

    ctypedef struct RecSlot:
        uint32_t state
        uint64_t sequence

    ctypedef struct RecControl:
        uint32_t magic
        uint32_t version
        uint8_t trace_id[16]
        uint64_t ticks_per_second
        uint64_t started_wall_ns
        uint64_t started_mono_ns
        uint32_t target_state
        int32_t target_pid
        int32_t exit_status
        uint32_t has_exit_status
        uint32_t discard
        uint32_t forks
        uint64_t events
        uint64_t lost_events
        uint64_t stopped_mono_ns
        uint64_t image
        RecFault target_fault
        uint32_t leaving
        uint32_t sealer_state
        int32_t sealer_pid
        uint64_t heartbeat
        uint64_t sealed_segments
        uint64_t sealed_events
        uint64_t trace_bytes
        uint32_t verdict
        RecFault sealer_fault
        uint32_t attention
        RecSlot slots[4]
        uint64_t degraded[32]
        char target_detail[1024]
        char sealer_detail[1024]

    ctypedef struct RecSegmentHead:
        uint32_t magic
        uint32_t version
        uint64_t sequence
        uint64_t committed
        uint64_t first_event


cdef extern from *:
    """
    static inline uint32_t rec_load_u32(const uint32_t *at)
    {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline uint64_t rec_load_u64(const uint64_t *at)
    {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline void rec_store_u32(uint32_t *at, uint32_t value)
    {
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
    }
    static inline void rec_store_u64(uint64_t *at, uint64_t value)
    {
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
    }
    """
    uint32_t load_u32 "rec_load_u32"(const uint32_t *at) noexcept nogil
    uint64_t load_u64 "rec_load_u64"(const uint64_t *at) noexcept nogil
    void store_u32 "rec_store_u32"(uint32_t *at, uint32_t value) noexcept nogil
    void store_u64 "rec_store_u64"(uint64_t *at, uint64_t value) noexcept nogil


cdef class ControlPage:
    cdef readonly object path
    cdef RecControl *page
    cdef bytes encoded_path
    cdef bint was_lost
    cdef int mapped(self) except -1
