# What the program writes to its descriptors 1 and 2, and which line it was that printed it.
#
# Nothing of the program's is replaced. The methods by which Python writes lead through here while something is
# recorded, as os._exit does (session/process_hooks.pxi). There are two layers, and a record for each:
#
#     PRINT    at the top, where text or bytes are handed over, and may wait in a buffer: from this position on, what
#              comes out of the stream is of the line that runs now
#     OUTPUT   at the bottom, where bytes go to the system. It is written before that is asked, so that what somebody
#              has read is in the trace, whatever happens to the process. What the system did not take is taken back
#              behind it
#
# A *channel* is a FileIO that leads to one of the descriptors; a position counts the bytes that went through it. Bytes
# that come another way (os.write) are of no channel: the line that writes them is the one that made them.

cdef extern from "Python.h":
    ctypedef struct Bytes "Py_buffer":
        void *buf
        Py_ssize_t len
    int get_bytes "PyObject_GetBuffer"(PyObject *, Bytes *, int) noexcept
    void release_bytes "PyBuffer_Release"(Bytes *) noexcept
    int PyBUF_SIMPLE
    int METH_METHOD
    PyObject *PySys_GetObject(const char *) noexcept
    bint PyList_CheckExact(PyObject *) noexcept
    bint PyTuple_CheckExact(PyObject *) noexcept

import _io

rec_probe_streams(<PyObject *> _io)

ctypedef PyObject *(*MethodCall)(PyObject *, PyTypeObject *, PyObject **, Py_ssize_t, PyObject *) noexcept

cdef struct Channel:
    PyObject *raw            # not owned, only compared
    int descriptor
    bint buffered            # a BufferedWriter stands before it
    uint64_t given           # bytes that the BufferedWriter was given
    uint64_t promised        # … and those that wait in the text layer above it
    uint64_t written         # to the descriptor

cdef struct Part:            # of an address that is not whole: bytes in a record
    uint8_t *record
    uint8_t *bytes
    size_t size
    uint64_t segment

cdef enum:
    MOST_CHANNELS = 16
    PIECE = 32768            # bytes of a record
    OUTPUT_RECORD = 128      # without its bytes
    MOST_PARTS = 64

cdef struct Address:
    uint32_t count
    Part parts[MOST_PARTS]

cdef struct Output:
    bint on
    uint64_t limit           # bytes that are kept
    uint64_t kept
    Channel channels[MOST_CHANNELS]
    Printed printed[4]       # by stream: as far as it was looked at for secrets …
    Address addresses[4]     # … and what a later `@` would make credentials of
    uint32_t count
    uint32_t printing        # the channel of the last PRINT, from 1 on; 0: it counts no longer
    Thread *printer
    uint64_t printed_at      # its event
    PyCodeObject *printed_by  # not owned, only compared: what its line waited for
    Watched file_write
    Watched buffered_write
    Watched text_write
    Watched os_write
    Watched os_writev

cdef struct Write:           # to a descriptor, while it is asked for
    uint8_t stream           # 0: it is none of ours
    uint32_t session
    uint32_t channel         # from 1 on; 0: none
    uint64_t size
    PyObject *data           # all of it, borrowed from who writes it; NULL: there are several
    PyCodeObject *callee     # that does it; its frame holds it
    Printed printed          # before it

cdef Output output


cdef inline bint takes_output() noexcept:
    """Whether there is a tape to write to. After the recording has stopped, Python's own end still flushes."""
    if not output.on or tape.control == NULL:
        return False
    if hooks.state != RECORDING and hooks.state != WAITING and not (
            hooks.state == IDLE and REC_LOAD(tape.control.target_state) == REC_TARGET_STOPPED):
        return False
    return sticky_fault.status == 0


cdef inline bint is_recorded_caller() noexcept:
    """Whether it is the recorded process that asks, and its main interpreter."""
    return getpid() == tape.pid and rec_thread_state().interp == PyInterpreterState_Main()


cdef Status open_output() except *:
    """Once per session. The methods lead through ours from here on."""
    cdef rec_stream_methods methods
    if output.limit == 0:
        return OK
    try:
        rec_find_streams(&methods)
    except MemoryError:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    output.count = output.printing = 0
    output.kept = 0
    memset(output.printed, 0, sizeof(output.printed))
    memset(output.addresses, 0, sizeof(output.addresses))
    watch_method(&output.file_write, methods.file_write, METH_O, <void *> watched_file_write)
    watch_method(&output.file_write, methods.file_write, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                 <void *> watched_file_write_of)
    watch_method(&output.buffered_write, methods.buffered_write, METH_O, <void *> watched_buffered_write)
    watch_method(&output.text_write, methods.text_write, METH_O, <void *> watched_text_write)
    watch(&output.os_write, getattr(posix, "write", None), METH_FASTCALL, <void *> watched_os_write)
    watch(&output.os_writev, getattr(posix, "writev", None), METH_FASTCALL, <void *> watched_os_writev)
    output.on = True
    open_logs()
    open_input(&methods)
    return OK


cdef void close_output() noexcept nogil:
    output.on = False
    close_logs()
    close_input()
    unwatch(&output.file_write, <void *> watched_file_write)
    unwatch(&output.file_write, <void *> watched_file_write_of)
    unwatch(&output.buffered_write, <void *> watched_buffered_write)
    unwatch(&output.text_write, <void *> watched_text_write)
    unwatch(&output.os_write, <void *> watched_os_write)
    unwatch(&output.os_writev, <void *> watched_os_writev)


# ---- the top: who prints ---------------------------------------------------------------------------------------

cdef PyObject *watched_text_write(PyObject *self, PyObject *text) noexcept:
    """TextIOWrapper.write, which print() calls."""
    cdef uint32_t session = tracer.session
    cdef rec_layers layers
    cdef Channel *channel = NULL
    cdef PyObject *answer
    if takes_output() and rec_layers_of_text(self, &layers):
        channel = channel_of(&layers)
        if channel != NULL:
            print_from(channel, given_to(channel) + layers.in_text, 0)
    answer = (<OneArgument> output.text_write.original)(self, text)
    if channel != NULL and takes_output() and session == tracer.session and rec_layers_of_text(self, &layers):
        channel.promised = given_to(channel) + layers.in_text
    return answer


cdef inline uint64_t given_to(const Channel *channel) noexcept:
    """Bytes that the text layer has handed on."""
    return channel.given if channel.buffered else channel.written


cdef PyObject *watched_buffered_write(PyObject *self, PyObject *data) noexcept:
    """BufferedWriter.write: of the text layer, whose bytes are known from above, or of who writes bytes."""
    cdef uint32_t session = tracer.session
    cdef rec_layers layers
    cdef Channel *channel = NULL
    cdef PyObject *answer
    cdef int64_t taken = 0
    cdef bint is_bytes = data.ob_type == &PyBytes_Type
    if takes_output() and rec_layers_of_buffered(self, &layers):
        channel = channel_of(&layers)
    if channel != NULL:
        if channel.given >= channel.promised:
            print_from(channel, channel.given, 0)
        elif text_waits_above(self):            # so these are not its bytes, and overtake it
            print_from(channel, channel.given, size_of_data(data))
            channel.promised += size_of_data(data)
        if is_bytes:                            # counted now: another thread may print while these are on their way
            channel.given += <uint64_t> rec_size(data)
    answer = (<OneArgument> output.buffered_write.original)(self, data)
    if channel == NULL or not takes_output() or session != tracer.session:
        return answer
    if answer == NULL:
        if rec_layers_of_buffered(self, &layers):
            channel.given = channel.written + layers.in_buffer
        channel.promised = channel.given
    elif not is_bytes and rec_int_small(answer, &taken):
        channel.given += <uint64_t> taken
    channel.promised = max(channel.promised, channel.given)
    return answer


cdef bint text_waits_above(PyObject *buffered) noexcept:
    """A text layer that hands on what waits counts none of it any more."""
    return waits_in(b"stdout", buffered) or waits_in(b"stderr", buffered) or (
        waits_in(b"__stdout__", buffered) or waits_in(b"__stderr__", buffered))


cdef bint waits_in(const char *name, PyObject *buffered) noexcept:
    cdef PyObject *text = PySys_GetObject(name)
    cdef rec_layers layers
    return text != NULL and rec_layers_of_text(text, &layers) and layers.buffered == buffered and layers.in_text > 0


cdef Channel *channel_of(const rec_layers *layers) noexcept:
    """NULL: it leads to another descriptor, there are too many, or another interpreter asks."""
    cdef Channel *channel
    if layers.descriptor != 1 and layers.descriptor != 2:
        return NULL
    if rec_thread_state().interp != PyInterpreterState_Main():
        return NULL
    channel = find_channel(layers.raw, layers.descriptor)
    if channel != NULL and layers.buffered != NULL and not channel.buffered:
        channel.buffered = True                 # met here for the first time, perhaps with bytes that wait already
        channel.given = channel.promised = channel.written + layers.in_buffer
    return channel


cdef Channel *find_channel(PyObject *raw, int descriptor) noexcept:
    cdef Channel *channel
    cdef uint32_t i
    for i in range(output.count):
        if output.channels[i].raw == raw and output.channels[i].descriptor == descriptor:
            return &output.channels[i]
    if output.count == MOST_CHANNELS:
        return NULL
    channel = &output.channels[output.count]
    output.count += 1
    memset(channel, 0, sizeof(Channel))
    channel.raw = raw
    channel.descriptor = descriptor
    return channel


cdef inline uint32_t number_of(const Channel *channel) noexcept:
    return <uint32_t> (channel - output.channels) + 1


cdef void print_from(Channel *channel, uint64_t position, uint64_t inserted) noexcept:
    """PRINT, unless all that this line has printed so far is in the same channel: then it goes on."""
    cdef uint32_t number = number_of(channel)
    cdef PyCodeObject *callee
    cdef uint8_t *p
    if not select_thread():
        return
    callee = called_now()
    if (output.printing == number and output.printer == tracer.last_thread and output.printed_at == tape.events
            and output.printed_by == callee and inserted == 0):
        return
    if not reserve_for_output(OUTPUT_RECORD + size_of_callee(callee)):
        return
    p = put_tagged(put_callee(tape.cur, callee), REC_PRINT, number)
    tape.cur = put_varint(put_varint(p, position), inserted)
    commit()
    output.printed_by = callee
    output.printing = number if inserted == 0 else 0
    output.printer = tracer.last_thread
    output.printed_at = tape.events


cdef bint select_thread() noexcept:
    """Makes the thread that runs the tape's current one. Outside of a recording there is none. False after a fault."""
    if hooks.state != RECORDING:
        return True
    if thread_of(rec_thread_state()) != NULL:
        return True
    handle_fault(ERR_OUT_OF_MEMORY)
    return False


cdef bint reserve_for_output(size_t size) noexcept:
    """As reserve; a fault ends the recording here."""
    cdef Status status
    if hooks.state != RECORDING and limit_is_reached():
        return False                            # the recording itself has not been cut
    status = reserve(size)
    if status == OK:
        return True
    if hooks.state == RECORDING:
        handle_fault(status)
    output.on = False
    return False


# ---- the bottom: bytes for the system ------------------------------------------------------------------------------

cdef PyObject *watched_file_write(PyObject *self, PyObject *data) noexcept:
    """FileIO.write of 3.11."""
    cdef Write write
    cdef PyObject *answer
    begin_file_write(&write, self, data)
    answer = (<OneArgument> output.file_write.original)(self, data)
    end_write(&write, answer)
    return answer


cdef PyObject *watched_file_write_of(
        PyObject *self, PyTypeObject *type, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    """FileIO.write of 3.12 and later."""
    cdef Write write
    cdef PyObject *answer
    begin_file_write(&write, self, args[0] if n == 1 and names == NULL else NULL)
    answer = (<MethodCall> output.file_write.original)(self, type, args, n, names)
    end_write(&write, answer)
    return answer


cdef PyObject *watched_os_write(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    cdef Write write
    cdef PyObject *answer
    write.stream = 0
    if n == 2 and begin_write(&write, descriptor_in(args[0])):
        put_data(&write, args[1])
        write.data = args[1]
    answer = (<FastCall> output.os_write.original)(self, args, n)
    end_write(&write, answer)
    return answer


cdef PyObject *watched_os_writev(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    cdef Write write
    cdef PyObject *answer
    cdef Py_ssize_t i
    write.stream = 0
    if n == 2 and (PyList_CheckExact(args[1]) or PyTuple_CheckExact(args[1])):
        if begin_write(&write, descriptor_in(args[0])):
            for i in range(rec_size(args[1])):
                put_data(&write, rec_list_or_tuple_item(args[1], i))
    answer = (<FastCall> output.os_writev.original)(self, args, n)
    end_write(&write, answer)
    return answer


cdef inline PyObject *rec_list_or_tuple_item(PyObject *items, Py_ssize_t i) noexcept:
    return PyTuple_GET_ITEM(items, i) if PyTuple_CheckExact(items) else PyList_GET_ITEM(items, i)


cdef int descriptor_in(PyObject *argument) noexcept:
    """−1: it is no int, and what it makes of itself is not asked for."""
    cdef int64_t number = 0
    if argument.ob_type != &PyLong_Type or not rec_int_small(argument, &number):
        return -1
    return <int> number if 0 <= number < 3 else -1


cdef void begin_file_write(Write *write, PyObject *file, PyObject *data) noexcept:
    cdef Channel *channel = NULL
    cdef int descriptor
    cdef bint from_buffer
    write.stream = 0
    if data == NULL or not takes_output():
        return
    descriptor = rec_descriptor_of(file)
    if not begin_write(write, descriptor):
        return
    channel = find_channel(file, descriptor)
    from_buffer = rec_is_from_buffer(data)
    if channel != NULL and from_buffer and not channel.buffered:
        channel.buffered = True
        channel.given = channel.promised = channel.written + size_of_data(data)
    if channel != NULL and (from_buffer or not channel.buffered):
        if not from_buffer and channel.written >= channel.promised:
            print_from(channel, channel.written, 0)  # not text that waited: it is of who writes it
        write.channel = number_of(channel)      # else it goes past the buffer
        write.callee = NULL                     # who printed it is told already
    put_data(write, data)
    write.data = data


cdef bint begin_write(Write *write, int descriptor) noexcept:
    """Whether it is one that is recorded."""
    write.stream = 0
    write.size = 0
    write.channel = 0
    write.data = NULL
    write.callee = NULL
    if descriptor != 1 and descriptor != 2 or not takes_output():
        return False
    if not is_recorded_caller() or not select_thread():
        return False
    write.stream = <uint8_t> descriptor
    write.session = tracer.session
    write.callee = called_now()
    write.printed = output.printed[descriptor]
    return True


cdef uint64_t size_of_data(PyObject *data) noexcept:
    cdef Bytes bytes
    cdef uint64_t size
    if not rec_has_plain_bytes(data) or get_bytes(data, &bytes, PyBUF_SIMPLE) != 0:
        PyErr_Clear()
        return 0
    size = <uint64_t> bytes.len
    release_bytes(&bytes)
    return size


cdef void put_data(Write *write, PyObject *data) noexcept:
    cdef Bytes bytes
    if not rec_has_plain_bytes(data):
        return
    if get_bytes(data, &bytes, PyBUF_SIMPLE) != 0:
        PyErr_Clear()                           # then it is not written either
        return
    put_output(write, <const uint8_t *> bytes.buf, <uint64_t> bytes.len, 0)
    release_bytes(&bytes)


cdef void put_output(Write *write, const uint8_t *data, uint64_t size, uint8_t flags) noexcept:
    """OUTPUT, a piece a record. Behind the limit only how much there was."""
    cdef uint8_t stream = write.stream | flags
    cdef uint64_t position = output.channels[write.channel - 1].written + write.size if write.channel != 0 else 0
    cdef uint64_t n
    cdef uint64_t left = size
    cdef bint kept
    while left > 0:
        kept = output.kept < output.limit
        n = min(left, min(<uint64_t> PIECE, output.limit - output.kept)) if kept else left
        if not takes_output() or not reserve_for_output((<size_t> n if kept else 0) + OUTPUT_RECORD + CALLEE_SIZE):
            return
        if write.size > 0 or left < size:
            stream |= REC_OUTPUT_CONTINUED
        tape.cur = put_callee(tape.cur, write.callee)
        put_piece(stream, write.channel, position, data, n, kept, left - n)
        output.kept += n if kept else 0
        data += n
        position += n
        left -= n
    write.size += size


cdef void put_piece(
        uint8_t stream, uint32_t channel, uint64_t position, const uint8_t *data, uint64_t n, bint kept,
        uint64_t ahead) noexcept:
    """`ahead`: bytes behind them that are known already."""
    cdef uint8_t *p = tape.cur
    cdef uint8_t *begin = p
    p[0] = REC_OUTPUT
    p[1] = stream
    p = put_ticks(p + 2)
    p = put_varint(p, channel)
    p = put_varint(p, position if channel != 0 else 0)
    p = put_varint(p, n)
    p = put_varint(p, n if kept else 0)
    if kept and rec_secrets.names.count == 0:
        memcpy(p, data, <size_t> n)
        p += n
    elif kept:
        if rec_copy_printed(&output.printed[stream & 3], p, data, <size_t> n, <size_t> ahead):
            begin[1] |= REC_OUTPUT_REDACTED
        look_at_address(stream & 3, begin, p, <size_t> n)
        p += n
    tape.cur = p
    commit()


cdef void look_at_address(uint8_t stream, uint8_t *record, uint8_t *bytes, size_t size) noexcept:
    """The `@` of an address makes credentials of what was written before it: as long as that is in the live segment, it
    is masked there. The segment is the program's own until it is full."""
    cdef const Printed *printed = &output.printed[stream]
    cdef Address *address = &output.addresses[stream]
    cdef Part *part
    cdef uint32_t i
    if printed.is_late:
        for i in range(address.count):
            part = &address.parts[i]
            if part.segment == tape.sequence:
                part.record[1] |= REC_OUTPUT_REDACTED
                memset(part.bytes, c'*', part.size)
    if printed.open < size:
        address.count = 0                       # it ends here, or begins here
    if printed.open > 0 and address.count < MOST_PARTS:
        address.parts[address.count] = Part(record, bytes + size - printed.open, printed.open, tape.sequence)
        address.count += 1


cdef void end_write(Write *write, PyObject *answer) noexcept:
    """What the system did not take is taken back."""
    cdef int64_t taken = 0
    cdef uint64_t left
    if write.stream == 0 or write.size == 0 or not takes_output() or write.session != tracer.session:
        return
    if answer != NULL and answer != Py_None and not rec_int_small(answer, &taken):
        return
    left = write.size - <uint64_t> min(<uint64_t> taken, write.size)
    if write.channel != 0:
        output.channels[write.channel - 1].written += write.size - left
    if left > 0:
        rescan_taken(write, write.size - left)
    if left > 0 and select_thread() and reserve_for_output(OUTPUT_RECORD):
        put_piece(write.stream | REC_OUTPUT_UNWRITTEN, write.channel, 0, NULL, left, False, 0)


cdef void rescan_taken(Write *write, uint64_t taken) noexcept:
    """What was not taken has not been said: a name that began in it begins anew."""
    cdef Bytes bytes
    cdef Printed *printed = &output.printed[write.stream]
    printed[0] = write.printed
    if taken == 0 or write.data == NULL or rec_secrets.names.count == 0:
        return
    if get_bytes(write.data, &bytes, PyBUF_SIMPLE) != 0:
        PyErr_Clear()
        return
    # audit: it is only read
    rec_copy_printed(printed, NULL, <const uint8_t *> bytes.buf, min(<size_t> taken, <size_t> bytes.len), 0)
    release_bytes(&bytes)


# ---- a notebook ------------------------------------------------------------------------------------------------------

cdef uint8_t NOTEBOOK_WRITE = 0x7F              # where a kind of LOG would be: it is none


cdef bint writes_to_notebook(PyCodeObject *code) noexcept nogil:
    """The stdout and stderr of ipykernel lead to no descriptor: they send what they are given to the notebook."""
    return rec_str_is(code.co_qualname, b"OutStream.write") and rec_str_matches(
        code.co_filename, b"*/ipykernel/iostream.py")


cdef Status record_notebook_write(rec_iframe *frame, Code *code) noexcept:
    """Such a write begins. What a descriptor was given, which ipykernel reads there, was recorded then."""
    cdef PyObject *self = argument_in(frame, code, 0)
    cdef PyObject *text = argument_in(frame, code, 1)
    cdef rec_iframe *asker = caller_of(frame)
    cdef PyCodeObject *callee
    cdef Write write
    cdef uint8_t *bytes
    if runs(asker, b"InteractiveShell._tee.<locals>.write"):
        asker = caller_of(asker)                # IPython's own, which keeps the output with the cell
    if runs(asker, b"OutStream._watch_pipe_fd") or not takes_output():
        return OK
    if text == NULL or not PyUnicode_CheckExact(text):
        return OK
    callee = called_by_top(asker)
    if not begin_write(&write, notebook_descriptor(rec_attribute(self, b"name"))):
        return still_records()
    write.callee = callee
    bytes = <uint8_t *> rec_sys.malloc(rec_utf8_size(text, PyUnicode_GET_LENGTH(text)) + 1)
    if bytes == NULL:
        return ERR_OUT_OF_MEMORY
    put_output(&write, bytes, rec_str_utf8(text, PyUnicode_GET_LENGTH(text), bytes), 0)
    free(bytes)
    return still_records()


cdef inline Status still_records() noexcept:
    """A fault of what writes output has ended the recording already: to the hook, one that ends nothing any more."""
    return OK if hooks.state == RECORDING else ERR_OUT_OF_MEMORY


cdef int notebook_descriptor(PyObject *name) noexcept nogil:
    if name == NULL or not PyUnicode_CheckExact(name):
        return -1
    return 1 if rec_str_is(name, b"stdout") else 2 if rec_str_is(name, b"stderr") else -1


cdef rec_iframe *caller_of(rec_iframe *frame) noexcept nogil:
    """The frame below; NULL: there is none, or frames cannot be walked here."""
    if rec_frames_public:
        return NULL
    frame = frame.previous
    while frame != NULL and not rec_frame_is_complete(frame):
        frame = frame.previous                  # it stands where C calls Python
    return frame


cdef bint runs(rec_iframe *frame, const char *name) noexcept nogil:
    """Whether it is a frame of a function with that name."""
    return frame != NULL and rec_str_is(rec_frame_code(frame).co_qualname, name)


# ---- what waits when the recording ends ------------------------------------------------------------------------------

cdef Write waiting


cdef void record_waiting() noexcept:
    """The recording is about to end, and the program goes on: what stands in the buffers of sys.stdout and sys.stderr
    was printed by it."""
    if takes_output():
        record_waiting_in(PySys_GetObject(b"stdout"))
        record_waiting_in(PySys_GetObject(b"stderr"))


cdef void record_waiting_in(PyObject *stream) noexcept:
    cdef rec_layers layers
    cdef Channel *channel
    if stream == NULL or not rec_layers_of_text(stream, &layers) or not begin_write(&waiting, layers.descriptor):
        return
    channel = channel_of(&layers)
    if channel != NULL:
        waiting.channel = number_of(channel)
        rec_waiting_bytes(stream, &layers, take_waiting)


cdef void take_waiting(const char *data, Py_ssize_t size) noexcept:
    put_output(&waiting, <const uint8_t *> data, <uint64_t> size, REC_OUTPUT_WAITING)
