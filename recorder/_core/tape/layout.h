/* The memory that target and sealer share: the control page and the head of a segment.
 * Described in docs/trace-format.md, section 4. Every field is naturally aligned; fields that one side
 * polls while the other writes are accessed with __atomic builtins (see control.pxd and tape.pxd). */
#ifndef RECORDER_LAYOUT_H
#define RECORDER_LAYOUT_H
#include <stddef.h>
#include <stdint.h>

#define REC_CONTROL_MAGIC 0x4C544352u /* "RCTL" */
#define REC_SEGMENT_MAGIC 0x47455352u /* "RSEG" */
#define REC_LAYOUT_VERSION 1u
#define REC_CONTROL_SIZE 4096
#define REC_SEGMENT_HEAD 64
#define REC_SEGMENT_SIZE (4u << 20)
#define REC_RING_SLOTS 4

enum { REC_SLOT_FREE = 0, REC_SLOT_LIVE = 1, REC_SLOT_FULL = 2 };

enum { /* target_state, written by the target only */
    REC_TARGET_PREPARING = 0, /* nothing runs yet */
    REC_TARGET_RECORDING = 1,
    REC_TARGET_STOPPED = 2,   /* hooks are gone, the tape is whole; the exit status is still to come */
    REC_TARGET_FINISHED = 3   /* publish now */
};

enum { /* sealer_state, written by the sealer only */
    REC_SEALER_STARTING = 0,
    REC_SEALER_READY = 1,
    REC_SEALER_CLOSING = 2,
    REC_SEALER_PUBLISHED = 3,
    REC_SEALER_DISCARDED = 4, /* partial, and policy says to keep nothing */
    REC_SEALER_FAILED = 5     /* not published; the staging folder is left for recovery */
};

typedef struct {           /* 48 bytes: what is known of a failure, on either side */
    uint32_t status;       /* number of the error code; 0 = none. Written last. */
    int32_t sys_errno;
    uint32_t stage;        /* an enum of the writing side, see fault.pxd */
    uint32_t disposition;  /* 1 degrade, 2 disable, 3 abort; 0 undecided */
    uint64_t offset;
    uint64_t event;
    uint64_t wanted;       /* bytes asked for, or ms waited */
    uint64_t got;          /* bytes got, or free */
} RecFault;

typedef struct {
    uint32_t state;
    uint32_t reserved;
    uint64_t sequence;
} RecSlot;

typedef struct {
    /* 0: written once, by whoever prepares the run */
    uint32_t magic;
    uint32_t version;
    uint8_t trace_id[16];
    uint64_t ticks_per_second;
    uint64_t started_wall_ns;
    uint64_t started_mono_ns;
    uint8_t pad0[16];
    /* 64: written by the target */
    uint32_t target_state;
    int32_t target_pid;
    int32_t exit_status;
    uint32_t has_exit_status;
    uint32_t discard;        /* 1: publish nothing, remove the staging folder */
    uint32_t forks;          /* children that stopped recording */
    uint64_t events;         /* counted when a segment is handed over, and at the end */
    uint64_t lost_events;
    uint64_t stopped_mono_ns;
    uint64_t image;          /* of the process: another number after an exec */
    RecFault target_fault;   /* at 120 */
    uint32_t leaving;        /* 1: an exec is under way; it has failed if this is 0 again */
    uint8_t pad2[20];
    /* 192: written by the sealer */
    uint32_t sealer_state;
    int32_t sealer_pid;
    uint64_t heartbeat;      /* goes up at least every 50 ms while the sealer lives */
    uint64_t sealed_segments;
    uint64_t sealed_events;
    uint64_t trace_bytes;    /* size of the trace file so far */
    uint32_t verdict;        /* of the published trace: 1 complete, 2 partial, 3 truncated */
    uint8_t pad3[20];
    RecFault sealer_fault;   /* at 256 */
    uint8_t pad4[16];
    /* 320: written by the sealer, read by the target at every call: keep it on a line of its own */
    uint32_t attention;      /* 1: the sealer has a fault that the target should act on, or its time is up */
    uint8_t pad5[60];
    /* 384: the ring. The target makes FREE → LIVE → FULL, the sealer FULL → FREE */
    RecSlot slots[REC_RING_SLOTS];
    uint8_t pad6[64];
    /* 512: counters of degraded values and events, by index (fault.pxd) */
    uint64_t degraded[32];
    uint8_t pad7[1280];
    /* 2048: the sealer's and the target's words about their fault: a path, NUL-terminated */
    char target_detail[1024];
    char sealer_detail[1024];
} RecControl;

typedef struct {
    uint32_t magic;
    uint32_t version;
    uint64_t sequence;
    uint64_t committed;      /* bytes of whole records after the head; stored after every event */
    uint64_t first_event;
    uint8_t pad[32];
} RecSegmentHead;

#ifndef __cplusplus
_Static_assert(sizeof(RecFault) == 48, "RecFault");
_Static_assert(sizeof(RecControl) == REC_CONTROL_SIZE, "RecControl");
_Static_assert(sizeof(RecSegmentHead) == REC_SEGMENT_HEAD, "RecSegmentHead");
_Static_assert(offsetof(RecControl, target_state) == 64, "target");
_Static_assert(offsetof(RecControl, target_fault) == 120, "target_fault");
_Static_assert(offsetof(RecControl, sealer_state) == 192, "sealer");
_Static_assert(offsetof(RecControl, sealer_fault) == 256, "sealer_fault");
_Static_assert(offsetof(RecControl, attention) == 320, "attention");
_Static_assert(offsetof(RecControl, slots) == 384, "slots");
_Static_assert(offsetof(RecControl, degraded) == 512, "degraded");
_Static_assert(offsetof(RecControl, target_detail) == 2048, "detail");
#endif
#endif
