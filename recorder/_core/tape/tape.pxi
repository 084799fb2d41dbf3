# The target's end of the tape: four mapped segments used in turn. No file descriptor stays open, no thread
# is started; what is written is in the page cache at once and survives the process.

cdef struct Tape:
    uint8_t *cur             # the next record goes here
    uint8_t *end
    uint8_t *promised        # debug builds: as far as the last reserve() lets a record go
    uint8_t *data            # first record of the live segment
    RecSegmentHead *head
    RecControl *control
    uint8_t *segments[REC_RING_SLOTS]
    uint32_t slot
    uint32_t wait_ms         # how long the target waits for the sealer
    uint64_t sequence
    uint64_t events
    uint64_t last_tick
    uint64_t clock_ticks     # what the last CLOCK said
    uint64_t clock_wall
    uint64_t most_events     # limits of the policy; looked at when a function is called and at every line
    uint64_t deadline        # in ticks
    uint64_t next_check      # in ticks: when to look whether our handler of SIGBUS is still there
    int32_t pid
    int32_t sealer_pid
    bint is_cut_off          # the control page is memory of our own: nobody else sees it

cdef Tape tape
cdef RecControl old_page     # what the control page is made of again when its file was damaged
cdef char tape_path[REC_RING_SLOTS + 1][4096]  # of the segments, and of the control page
cdef double max_seconds = 1e9   # of recording

cdef enum:
    SMALL_RECORD = 64        # no record but a value, a DEF or a SET of many slots is longer


cdef inline void commit() noexcept nogil:
    """Everything written so far is whole: a reader after a crash stops here."""
    REC_CHECK(tape.cur >= tape.data, b"what was written begins in the live segment")
    REC_CHECK(tape.cur <= tape.promised, b"what was written fits into what was reserved")
    REC_STORE64(tape.head.committed, <uint64_t> (tape.cur - tape.data))


cdef inline void commit_event(uint8_t *p) noexcept nogil:
    tape.cur = p
    tape.events += 1
    commit()


cdef inline Status reserve(size_t size) noexcept nogil:
    """Makes sure that `size` bytes can be written at tape.cur. Called at record boundaries only."""
    cdef Status status = OK
    REC_CHECK(not walk.writing, b"a value is written in one go")
    REC_CHECK(tape.cur <= tape.promised, b"the records before fit into what was reserved")
    if tape.end - tape.cur < <ssize_t> size:     # the end is before cur when the mapping was lost
        status = rotate(size)
    if REC_CHECKING and status == OK:
        tape.promised = tape.cur + size
    return status


cdef inline uint8_t *put_ticks(uint8_t *p) noexcept nogil:
    cdef uint64_t now = rec_ticks()
    # Cores may disagree by a few ticks: time never goes back within a trace.
    if now < tape.last_tick:
        now = tape.last_tick
    p = put_varint(p, now - tape.last_tick)
    tape.last_tick = now
    return p


cdef void put_clock() noexcept nogil:
    """A CLOCK record: ties ticks to the monotonic and the wall clock. Needs SMALL_RECORD."""
    cdef uint8_t *p = tape.cur
    cdef uint64_t stamp[3]
    stamp[0] = rec_ticks()
    stamp[1] = rec_clock_ns(CLOCK_MONOTONIC)
    stamp[2] = rec_clock_ns(CLOCK_REALTIME)
    p[0] = REC_CLOCK
    memcpy(p + 1, stamp, sizeof(stamp))
    tape.cur = p + 1 + sizeof(stamp)
    tape.last_tick = tape.clock_ticks = stamp[0]
    tape.clock_wall = stamp[2]


cdef void open_segment(uint32_t slot) noexcept nogil:
    """Makes a free segment the live one."""
    cdef RecSegmentHead *head = <RecSegmentHead *> tape.segments[slot]
    REC_CHECK(REC_LOAD(tape.control.slots[slot].state) == REC_SLOT_FREE, b"a segment is free when it is begun")
    tape.sequence += 1
    head.magic = REC_SEGMENT_MAGIC
    head.version = REC_LAYOUT_VERSION
    REC_STORE64(head.committed, 0)
    head.first_event = tape.events
    REC_STORE64(head.sequence, tape.sequence)
    tape.slot = slot
    tape.head = head
    tape.data = tape.segments[slot] + REC_SEGMENT_HEAD
    tape.cur = tape.data
    tape.promised = tape.data + SMALL_RECORD
    tape.end = tape.segments[slot] + REC_SEGMENT_SIZE
    tape.control.slots[slot].sequence = tape.sequence
    REC_STORE(tape.control.slots[slot].state, REC_SLOT_LIVE)
    put_clock()
    commit()


cdef Status rotate(size_t size) noexcept nogil:
    """Hands the live segment to the sealer and goes on in the next one."""
    cdef uint32_t following
    cdef Status status
    REC_CHECK(PyGILState_Check() != 0, b"events are recorded one at a time")
    if size > <size_t> (REC_SEGMENT_SIZE - REC_SEGMENT_HEAD - SMALL_RECORD):
        set_fault_detail("a record fits into a segment")
        return fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE, 0, size, REC_SEGMENT_SIZE)
    status = <Status> sticky_fault.status
    if status != OK:
        return status                # a mapping was lost
    if limit_is_reached():
        tape.end = tape.cur
        return fail_limit()
    keep_guard()
    commit()
    tape.control.events = tape.events
    REC_STORE(tape.control.slots[tape.slot].state, REC_SLOT_FULL)
    following = (tape.slot + 1) % REC_RING_SLOTS
    status = wait_for_slot(following)
    if status != OK:
        tape.end = tape.cur          # nothing more fits; the segment is the sealer's now
        return status
    open_segment(following)
    return OK


cdef bint limit_is_reached() noexcept nogil:
    return tape.events >= tape.most_events or rec_ticks() >= tape.deadline


cdef inline bint needs_attention_at_line() noexcept nogil:
    """At every line: a loop that calls nothing must end, too."""
    return tape.control.attention != 0 or tape.events >= tape.most_events


cdef inline bint needs_attention_at_call() noexcept nogil:
    """At every call, which has a timestamp."""
    return needs_attention_at_line() or tape.last_tick >= tape.next_check


cdef Status fail_limit() noexcept nogil:
    if tape.events >= tape.most_events:
        set_fault_detail("max_events")
        return fail(ERR_LIMIT_REACHED, STAGE_CAPTURE, 0, tape.most_events)
    set_fault_detail("max_duration")
    return fail(ERR_LIMIT_REACHED, STAGE_CAPTURE, 0, <uint64_t> (max_seconds * 1000))


cdef Status handle_attention() noexcept nogil:
    """Something outside of capture may want the recording to end. OK if not."""
    cdef Status status
    if tape.control.magic != REC_CONTROL_MAGIC:
        return OK                    # somebody wrote over the page: the sealer makes it anew, and reports that there
    status = <Status> sticky_fault.status
    if status != OK:
        return status                # a mapping was lost
    if limit_is_reached():
        return fail_limit()
    if tape.last_tick >= tape.next_check:
        keep_guard()
        plan_next_check()
    return adopt_sealer_fault()


cdef void plan_next_check() noexcept nogil:
    """In ten milliseconds, and when the time is up."""
    tape.next_check = min(tape.deadline, tape.last_tick + tape.control.ticks_per_second // 100)


cdef struct SealerWait:          # with a sealer that is waited for
    uint64_t beat                # its last sign of life
    uint64_t looked              # when we looked for one
    uint64_t waited              # since that, in ns

cdef enum:
    LONGEST_LOOK_NS = 100000000


cdef uint64_t ns_since_heartbeat(SealerWait *sealer_wait) noexcept nogil:
    """For how long the sealer has shown no sign of life, in ns. A look that took long says that we were stopped
    ourselves, and the machine with us, perhaps: it counts as a short one."""
    cdef uint64_t now = rec_clock_ns(CLOCK_MONOTONIC)
    cdef uint64_t beat = REC_LOAD64(tape.control.heartbeat)
    if sealer_wait.looked == 0 or beat != sealer_wait.beat:
        sealer_wait.beat = beat
        sealer_wait.waited = 0
    else:
        sealer_wait.waited += min(now - sealer_wait.looked, <uint64_t> LONGEST_LOOK_NS)
    sealer_wait.looked = now
    return sealer_wait.waited


cdef Status wait_for_slot(uint32_t slot) noexcept nogil:
    """Waits, bounded, for the sealer to free a segment: the one place where capture can wait."""
    cdef SealerWait sealer_wait
    cdef uint64_t waited
    cdef Status status
    memset(&sealer_wait, 0, sizeof(sealer_wait))
    while REC_LOAD(tape.control.slots[slot].state) != REC_SLOT_FREE:
        status = adopt_sealer_fault()
        if status != OK:
            return status
        waited = ns_since_heartbeat(&sealer_wait)
        if waited > 100000000 and not sealer_is_alive():
            return fail(ERR_SEALER_DIED, STAGE_ROTATE, 0, 0, tape.sealer_pid)
        if waited > <uint64_t> tape.wait_ms * 1000000:
            return fail(ERR_SEALER_STALLED, STAGE_ROTATE, 0, waited // 1000000, 0)
        pause_us(200)
    return adopt_sealer_fault()


cdef bint sealer_is_alive() noexcept nogil:
    cdef int32_t pid = tape.sealer_pid
    cdef c_pollfd watched
    if pid <= 0:
        return False
    watched.fd = rec_sys.pidfd_open(pid, 0)
    watched.events = POLLIN
    watched.revents = 0
    if watched.fd < 0:                # no such process; or no such call
        return errno != ESRCH and (rec_sys.kill(pid, 0) == 0 or errno != ESRCH)
    # Asked this way, a dead process that its parent has not waited for is dead.
    if rec_sys.poll(&watched, 1, 0) < 0:
        watched.revents = 0
    if rec_sys.close(watched.fd) != 0:
        return watched.revents == 0   # nothing was written through it
    return watched.revents == 0


cdef void pause_us(uint64_t us) noexcept nogil:
    cdef timespec t
    t.tv_sec = us // 1000000
    t.tv_nsec = (us % 1000000) * 1000
    if nanosleep(&t, NULL) != 0:
        return                        # a signal: the caller looks again, and that is all it wants


cdef Status map_tape(const char *folder) noexcept nogil:
    """Maps the control page and the ring of a staging folder. On failure nothing stays mapped."""
    cdef void *mapping = NULL
    cdef Status status
    cdef char name[16]
    cdef int i
    memset(&tape, 0, sizeof(tape))
    memset(&sticky_fault, 0, sizeof(sticky_fault))
    memset(sticky_detail, 0, sizeof(sticky_detail))
    status = map_file(tape_path[REC_RING_SLOTS], folder, b"control", REC_CONTROL_SIZE, MAP_POPULATE, &mapping)
    if status != OK:
        return status
    tape.control = <RecControl *> mapping
    if tape.control.magic != REC_CONTROL_MAGIC or tape.control.version != REC_LAYOUT_VERSION:
        set_fault_detail(tape_path[REC_RING_SLOTS])
        status = fail(ERR_STAGING_LOST, STAGE_START)
        unmap_tape()
        return status
    memcpy(&old_page, tape.control, sizeof(old_page))
    tape.sealer_pid = old_page.sealer_pid
    for i in range(REC_RING_SLOTS):
        # audit: a number of one digit fits
        snprintf(name, sizeof(name), "segment-%d", i)
        # Most programs never come to the others, whose pages would be made for nothing.
        status = map_file(tape_path[i], folder, name, REC_SEGMENT_SIZE, 0 if i else MAP_POPULATE, &mapping)
        if status != OK:
            unmap_tape()
            return status
        tape.segments[i] = <uint8_t *> mapping
    tape.pid = getpid()
    status = guard_tape()
    if status != OK:
        unmap_tape()
    return status


cdef Status guard_tape() noexcept nogil:
    """What becomes of the mappings when somebody cuts the files, or the disk has no room in spite of all."""
    cdef int i
    if guard(tape.control, REC_CONTROL_SIZE, tape_path[REC_RING_SLOTS], control_lost, NULL) != 0:
        return fail(ERR_MAP_FAILED, STAGE_START, errno, REC_CONTROL_SIZE)
    for i in range(REC_RING_SLOTS):
        if guard(tape.segments[i], REC_SEGMENT_SIZE, NULL, segment_lost, <void *> tape_path[i]) != 0:
            return fail(ERR_MAP_FAILED, STAGE_START, errno, REC_SEGMENT_SIZE)
    return OK


cdef void segment_lost(void *path, size_t offset) noexcept nogil:
    """In the signal handler: there is private memory where the rest of a segment was."""
    mapping_lost(<const char *> path, offset)


cdef void control_lost(void *owner, size_t offset) noexcept nogil:
    """In the signal handler: the control page is all zeros, in a file made whole or in private memory."""
    restore_control()
    tape.is_cut_off = not is_shared()
    mapping_lost(tape_path[REC_RING_SLOTS], offset)


cdef bint is_shared() noexcept nogil:
    """Whether the control page is that of the file: what is written to one is read from the other."""
    cdef uint32_t seen[2]
    cdef int fd = open_file(tape_path[REC_RING_SLOTS], O_RDONLY)
    cdef ssize_t got
    if fd < 0:
        return False
    got = rec_sys.pread(fd, seen, sizeof(seen), 0)
    if close_file(fd) != 0:
        return False
    return got == <ssize_t> sizeof(seen) and seen[0] == REC_CONTROL_MAGIC


cdef void restore_control() noexcept nogil:
    """Our part of the control page, and what never changes, after the rest was lost."""
    cdef RecControl *page = tape.control
    memcpy(page, &old_page, <size_t> (<char *> &old_page.sealer_state - <char *> &old_page))
    page.sealer_pid = tape.sealer_pid
    page.target_pid = tape.pid
    page.target_state = REC_TARGET_RECORDING if hooks.state == RECORDING else REC_TARGET_STOPPED
    page.events = tape.events
    copy_fault_to_page()


cdef void mapping_lost(const char *path, size_t offset) noexcept nogil:
    """Recording ends at the next record. What was written into the lost memory is written in vain."""
    set_fault_detail(path)
    fail(ERR_MAPPING_LOST, STAGE_CAPTURE)
    tape.control.attention = 1
    tape.end = tape.data


cdef bint is_garbage() noexcept nogil:
    """Whether somebody has written over the control page; or has cut it, and it grew again before we touched it."""
    cdef size_t named = <size_t> (<char *> &old_page.ticks_per_second - <char *> &old_page)  # magic, version, trace_id
    return memcmp(tape.control, &old_page, named) != 0 or tape.control.sealer_pid != tape.sealer_pid


cdef Status control_is_garbage() noexcept nogil:
    memset(tape.control, 0, sizeof(tape.control[0]))
    restore_control()
    mapping_lost(tape_path[REC_RING_SLOTS], 0)
    return ERR_MAPPING_LOST


cdef Status map_file(char *path, const char *folder, const char *name, size_t size, int populate,
                     void **mapping) noexcept nogil:
    cdef int fd, saved
    if snprintf(path, 4096, "%s/%s", folder, name) >= 4096:
        set_fault_detail(folder)
        return fail(ERR_NAME_TOO_LONG, STAGE_START)
    fd = open_file(path, O_RDWR | O_NOFOLLOW)
    if fd < 0:
        saved = errno
        set_fault_detail(path)
        return fail(ERR_STAGING_LOST if saved == ENOENT else by_errno(saved, ERR_OPEN_FAILED), STAGE_START, saved)
    mapping[0] = rec_sys.mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | populate, fd, 0)
    saved = errno
    # The mapping outlives the descriptor, and nothing was written through it: a failing close costs nothing.
    if close_file(fd) != 0 and mapping[0] != MAP_FAILED:
        saved = errno
        # audit: munmap of what mmap gave cannot fail
        rec_sys.munmap(mapping[0], size)
        set_fault_detail(path)
        return fail(by_errno(saved, ERR_CLOSE_FAILED), STAGE_START, saved)
    if mapping[0] == MAP_FAILED:
        set_fault_detail(path)
        return fail(by_errno(saved, ERR_MAP_FAILED), STAGE_START, saved, size)
    return OK


cdef void unmap_tape() noexcept nogil:
    """Gives the memory back."""
    cdef int i
    for i in range(REC_RING_SLOTS):
        if tape.segments[i] != NULL:
            unguard(tape.segments[i])
            # audit: munmap of what mmap gave cannot fail
            rec_sys.munmap(tape.segments[i], REC_SEGMENT_SIZE)
            tape.segments[i] = NULL
    if tape.control != NULL:
        unguard(tape.control)
        # audit: munmap of what mmap gave cannot fail
        rec_sys.munmap(tape.control, REC_CONTROL_SIZE)
        tape.control = NULL
    tape.cur = tape.end = tape.data = NULL
    tape.head = NULL
