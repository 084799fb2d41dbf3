# Tasks: the asyncio task that a thread runs.

cdef struct Task:
    PyObject *object         # not owned: the address is used again, see enter_task
    void *frame              # of its coroutine
    uint64_t name_fingerprint
    uint64_t met             # before which event
    uint32_t number

cdef enum:
    TASK_BUCKETS = 4096      # by address; a task that is pushed out gets another number when it comes back

cdef Task tasks[TASK_BUCKETS]
cdef uint32_t tasks_made = 0


cdef inline Status record_task(Thread *t, rec_iframe *frame, Code *code) noexcept nogil:
    """TASK, if the thread runs another one than was last written. Checked where coroutines begin and go on; and
    where anything begins, once there was a task."""
    if not code.is_async and t.task == NULL:
        return OK
    return find_task(t, frame)


cdef Status find_task(Thread *t, rec_iframe *frame) noexcept nogil:
    cdef PyObject *object = rec_current_task(t.state, &t.loop)
    cdef Status status
    if object == NULL and t.task == NULL:
        return OK
    status = reserve(1024)
    if status != OK:
        return status
    if object == NULL:
        t.task = NULL
        tape.cur = put_tagged(tape.cur, REC_TASK, t.greenlet)
        return OK
    return enter_task(t, object, frame)


cdef Status enter_task(Thread *t, PyObject *object, rec_iframe *frame) noexcept nogil:
    cdef Task *task = &tasks[<uint32_t> ((<uintptr_t> object >> 4) * 2654435761u) % TASK_BUCKETS]
    cdef void *body = rec_task_frame(object)
    cdef PyObject *name = rec_task_name(object)
    cdef uint64_t fingerprint = rec_fingerprint(name, name.ob_type) if name != NULL else 1
    cdef bint known = task.object == object and (body == NULL or task.frame == NULL or body == task.frame)
    global tasks_made
    if (known and frame != NULL and body == <void *> frame and task.frame != NULL and task.met != tape.events
            and not is_suspended(frame)):
        known = False                           # its coroutine begins: a new task at the address of an old one
    if not known:
        if task.object != NULL:
            tape.cur = put_retire(tape.cur, REC_DEF_TASK, task.number)
        task.object = object
        task.met = tape.events
        task.number = tasks_made
        tasks_made += 1
    if not known or fingerprint != task.name_fingerprint:
        task.name_fingerprint = fingerprint
        write_def_task(task, name)
    if not known:
        write_task_object(task)
    task.frame = body
    if t.task != task or t.task_number != task.number:
        t.task = task
        t.task_number = task.number
        tape.cur = put_tagged(tape.cur, REC_TASK, task.number + 1)
    return OK


cdef void write_def_task(Task *task, PyObject *name) noexcept nogil:
    cdef char text[32]
    cdef int64_t n = 0
    cdef uint8_t *p = put_tagged(tape.cur, REC_DEF_TASK, task.number)
    cdef int size = 0
    if name != NULL and name.ob_type == &PyUnicode_Type:
        tape.cur = put_str(p, name, 200)
        return
    if name != NULL and rec_int_small(name, &n):
        size = snprintf(text, sizeof(text), "Task-%lld", <long long> n)
    tape.cur = put_chars(p, text, <size_t> max(size, 0))


cdef void write_task_object(const Task *task) noexcept nogil:
    cdef uint64_t number
    begin_moment(tape.events)
    number = object_number(task.object)
    if number != NO_OBJECT:
        tape.cur = put_varint(put_tagged(tape.cur, REC_TASK_OBJECT, task.number), number)


cdef Status open_tasks() noexcept:
    global tasks_made
    tasks_made = 0
    memset(tasks, 0, sizeof(tasks))
    if rec_prepare_tasks() != 0:
        PyErr_Clear()
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    return OK
