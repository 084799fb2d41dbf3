# What the program reads from its descriptor 0, and which line it was that read it. The functions by which Python
# reads lead through here, as those do by which it writes (output.pxi); what they return is looked at, and nothing else.
#
# A program that reads lines reads more at once, where they do not come from a terminal: the line that got the bytes
# from the system is told, not the ones that took them out of the buffer.

import builtins

cdef extern from "<termios.h>" nogil:
    ctypedef struct Terminal "struct termios":
        unsigned int c_lflag
    int tcgetattr(int, Terminal *)
    unsigned int ECHO

cdef struct StdinHooks:
    Watched file_readinto
    Watched file_read
    Watched file_readall
    Watched os_read
    Watched input_function   # the built-in function `input`
    uint64_t taken           # bytes that were recorded

cdef StdinHooks stdin_hooks


cdef int open_input(const rec_stream_methods *methods) except -1:
    """Once per session."""
    watch_method(&stdin_hooks.file_readinto, methods.file_readinto, METH_O, <void *> watched_readinto)
    watch_method(&stdin_hooks.file_readinto, methods.file_readinto, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                 <void *> watched_readinto_of)
    watch_method(&stdin_hooks.file_read, methods.file_read, METH_FASTCALL, <void *> watched_file_read)
    watch_method(&stdin_hooks.file_read, methods.file_read, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                 <void *> watched_file_read_of)
    watch_method(&stdin_hooks.file_readall, methods.file_readall, METH_NOARGS, <void *> watched_readall)
    watch_method(&stdin_hooks.file_readall, methods.file_readall, METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                 <void *> watched_readall_of)
    watch(&stdin_hooks.os_read, getattr(posix, "read", None), METH_FASTCALL, <void *> watched_os_read)
    watch(&stdin_hooks.input_function, builtin_input, METH_FASTCALL, <void *> watched_input)
    return 0

# Now, and not when the program can have put another in its place.
cdef object builtin_input = builtins.input   # audit: it is not called, but led through ours


cdef void close_input() noexcept nogil:
    unwatch(&stdin_hooks.file_readinto, <void *> watched_readinto)
    unwatch(&stdin_hooks.file_readinto, <void *> watched_readinto_of)
    unwatch(&stdin_hooks.file_read, <void *> watched_file_read)
    unwatch(&stdin_hooks.file_read, <void *> watched_file_read_of)
    unwatch(&stdin_hooks.file_readall, <void *> watched_readall)
    unwatch(&stdin_hooks.file_readall, <void *> watched_readall_of)
    unwatch(&stdin_hooks.os_read, <void *> watched_os_read)
    unwatch(&stdin_hooks.input_function, <void *> watched_input)


# ---- the functions ---------------------------------------------------------------------------------------------

cdef PyObject *watched_readinto(PyObject *self, PyObject *memory) noexcept:
    """FileIO.readinto of 3.11."""
    cdef PyObject *answer = (<OneArgument> stdin_hooks.file_readinto.original)(self, memory)
    record_readinto(self, memory, answer)
    return answer


cdef PyObject *watched_readinto_of(
        PyObject *self, PyTypeObject *type, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    """FileIO.readinto of 3.12 and later."""
    cdef PyObject *answer = (<MethodCall> stdin_hooks.file_readinto.original)(self, type, args, n, names)
    if n == 1:
        record_readinto(self, args[0], answer)
    return answer


cdef PyObject *watched_file_read(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    """FileIO.read of 3.11."""
    cdef PyObject *answer = (<FastCall> stdin_hooks.file_read.original)(self, args, n)
    record_read_of(self, answer)
    return answer


cdef PyObject *watched_file_read_of(
        PyObject *self, PyTypeObject *type, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    """FileIO.read of 3.12 and later."""
    cdef PyObject *answer = (<MethodCall> stdin_hooks.file_read.original)(self, type, args, n, names)
    record_read_of(self, answer)
    return answer


cdef PyObject *watched_readall(PyObject *self, PyObject *nothing) noexcept:
    """FileIO.readall up to 3.14."""
    cdef PyObject *answer = (<OneArgument> stdin_hooks.file_readall.original)(self, nothing)
    record_read_of(self, answer)
    return answer


cdef PyObject *watched_readall_of(
        PyObject *self, PyTypeObject *type, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    """FileIO.readall of 3.15 and later."""
    cdef PyObject *answer = (<MethodCall> stdin_hooks.file_readall.original)(self, type, args, n, names)
    record_read_of(self, answer)
    return answer


cdef PyObject *watched_os_read(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    cdef PyObject *answer = (<FastCall> stdin_hooks.os_read.original)(self, args, n)
    if n == 2 and answer != NULL and descriptor_in(args[0]) == 0:
        record_bytes_read(answer)
    return answer


cdef PyObject *watched_input(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    """input(): on a terminal C reads the line; else sys.stdin does, and has told what it read."""
    cdef uint64_t before = stdin_hooks.taken
    cdef PyObject *answer = (<FastCall> stdin_hooks.input_function.original)(self, args, n)
    if answer == NULL or before != stdin_hooks.taken or not takes_input() or not is_terminal():
        return answer
    if PyUnicode_CheckExact(answer):
        record_line_typed(answer)
    return answer


# ---- what they read --------------------------------------------------------------------------------------------

cdef inline bint takes_input() noexcept:
    return takes_output() and is_recorded_caller()


cdef void record_readinto(PyObject *file, PyObject *memory, PyObject *answer) noexcept:
    cdef Bytes bytes
    cdef int64_t taken = 0
    if answer == NULL or answer == Py_None or not rec_int_small(answer, &taken) or taken <= 0:
        return
    if not takes_output() or rec_descriptor_of(file) != 0 or not takes_input() or not rec_has_plain_bytes(memory):
        return
    if get_bytes(memory, &bytes, PyBUF_SIMPLE) != 0:
        PyErr_Clear()
        return
    record_input(<const uint8_t *> bytes.buf, <uint64_t> min(taken, <int64_t> bytes.len))
    release_bytes(&bytes)


cdef void record_read_of(PyObject *file, PyObject *answer) noexcept:
    if answer != NULL and takes_output() and rec_descriptor_of(file) == 0:
        record_bytes_read(answer)


cdef void record_bytes_read(PyObject *answer) noexcept:
    if takes_input() and answer.ob_type == &PyBytes_Type:
        record_input(<const uint8_t *> PyBytes_AS_STRING(answer), <uint64_t> rec_size(answer))


cdef void record_line_typed(PyObject *text) noexcept:
    """A line that has lost its end."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    cdef size_t size = rec_utf8_size(text, length)
    cdef uint8_t *line = <uint8_t *> rec_sys.malloc(size + 1)
    if line == NULL:
        fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size)
        handle_fault(ERR_OUT_OF_MEMORY)
        return
    line[rec_str_utf8(text, length, line)] = c'\n'
    record_input(line, size + 1)
    free(line)


cdef void record_input(const uint8_t *data, uint64_t size) noexcept:
    """OUTPUTs of the stream stdin. What is typed where it cannot be seen is not recorded, only how much it is."""
    cdef Write read
    if size == 0 or not select_thread():
        return
    stdin_hooks.taken += size
    if echo_is_off():
        if reserve_for_output(OUTPUT_RECORD + CALLEE_SIZE):
            tape.cur = put_callee(tape.cur, called_now())
            put_piece(REC_STREAM_STDIN | REC_OUTPUT_REDACTED, 0, 0, NULL, size, False, 0)
        return
    memset(&read, 0, sizeof(read))
    read.stream = REC_STREAM_STDIN
    read.callee = called_now()
    put_output(&read, data, size, 0)


cdef bint is_terminal() noexcept nogil:
    cdef Terminal terminal
    return tcgetattr(0, &terminal) == 0


cdef bint echo_is_off() noexcept nogil:
    cdef Terminal terminal
    return tcgetattr(0, &terminal) == 0 and not terminal.c_lflag & ECHO
