# What the program does to its own process: it forks, replaces itself (exec), ends at once (os._exit), or by a signal
# that it sends itself.
#
# os._exit, os.exec* and such a signal leave without a word to libc. Their entries in the method tables of `posix` and
# `_signal` lead through here while something is recorded: the function objects, which is all that a program can see,
# stay what they are.

cdef extern from * nogil:
    """
    #include <stdlib.h>
    /* Exit handlers hear of the exit status from glibc alone. With musl it stays unknown. */
    #ifdef __GLIBC__
    #define REC_KNOWS_EXIT_STATUS 1
    static int rec_on_exit(void (*handler)(int, void *)) { return on_exit(handler, NULL); }
    #else
    #define REC_KNOWS_EXIT_STATUS 0
    static void (*rec_exit_handler)(int, void *);
    static void rec_run_exit_handler(void) { rec_exit_handler(-1, NULL); }
    static int rec_on_exit(void (*handler)(int, void *))
    {
        rec_exit_handler = handler;
        return atexit(rec_run_exit_handler);
    }
    #endif
    """
    const int REC_KNOWS_EXIT_STATUS
    int rec_on_exit(void (*)(int, void *) noexcept nogil)

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*)() noexcept nogil, void (*)() noexcept nogil, void (*)() noexcept nogil)

cdef extern from "<sys/auxv.h>" nogil:
    unsigned long getauxval(unsigned long)
    unsigned long AT_ENTRY, AT_RANDOM

cdef extern from "Python.h" nogil:
    PyInterpreterState *PyInterpreterState_Main()
    int METH_KEYWORDS, METH_NOARGS, METH_O
    int PyType_IsSubtype(PyTypeObject *, PyTypeObject *)

ctypedef PyObject *(*OneArgument)(PyObject *, PyObject *) noexcept
ctypedef PyObject *(*FastCall)(PyObject *, PyObject **, Py_ssize_t) noexcept
ctypedef PyObject *(*FastCallKeywords)(PyObject *, PyObject **, Py_ssize_t, PyObject *) noexcept

import _signal                  # now, and not when the program can have put others in their places
import posix

cdef struct Watched:             # an entry of posix's method table, and what it was
    PyMethodDef *method
    void *original

cdef extern from "<stdlib.h>" nogil:
    const char *getenv(const char *)

cdef extern from "<string.h>" nogil:
    const char *strstr(const char *, const char *)

cdef struct ExitHooks:
    Watched execv
    Watched execve
    Watched exit
    Watched kill
    Watched raise_signal
    bint has_fork_handler        # of Python's
    bint has_libc_hooks

cdef ExitHooks exit_hooks
cdef PyMethodDef after_fork_method
cdef object on_fork = None       # the session's, where a child has something to report or to record
cdef object before_exit = None   # what the session does when the program ends, before libc's hook


# ---- exec and os._exit ----------------------------------------------------------------------------------

cdef bint is_recorded() noexcept:
    """Whether this very process is recorded, and it is its main interpreter that calls."""
    return (tape.control != NULL and hooks.state != FORKED and getpid() == tape.pid
            and PyInterpreterState_Get() == PyInterpreterState_Main())


cdef PyObject *watched_execv(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    cdef PyObject *answer
    cdef bint ours = announce_exec()
    answer = (<FastCall> exit_hooks.execv.original)(self, args, n)
    if ours:
        withdraw_exec()
    return answer


cdef PyObject *watched_execve(PyObject *self, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    cdef PyObject *answer
    cdef bint ours = announce_exec()
    answer = (<FastCallKeywords> exit_hooks.execve.original)(self, args, n, names)
    if ours:
        withdraw_exec()
    return answer


cdef bint announce_exec() noexcept:
    """The mappings go with the program; what is in them stays. Who finds the process gone knows why."""
    if not is_recorded():
        return False
    REC_STORE(tape.control.leaving, 1)
    return True


cdef void withdraw_exec() noexcept:
    """There is still somebody to return to: it failed."""
    if is_recorded():
        REC_STORE(tape.control.leaving, 0)


cdef PyObject *watched_exit(PyObject *self, PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    cdef int64_t status = 0
    if is_exit_call(args, n, names) and rec_int_small(args[0], &status) and is_recorded():
        if -0x80000000 <= status <= 0x7fffffff:
            end_by_os_exit(<int> status)
    return (<FastCallKeywords> exit_hooks.exit.original)(self, args, n, names)


cdef bint is_exit_call(PyObject **args, Py_ssize_t n, PyObject *names) noexcept:
    """Whether posix._exit will take these arguments, and not go on with a TypeError."""
    cdef Py_ssize_t named = 0 if names == NULL else PyTuple_GET_SIZE(names)
    if n + named != 1 or args[0].ob_type != &PyLong_Type:
        return False
    return named == 0 or rec_str_is(PyTuple_GET_ITEM(names, 0), b"status")


cdef void end_by_os_exit(int status) noexcept:
    """The end of a program by os._exit: its recording is as whole as that of any other end."""
    cdef PyObject *handled = rec_save_handled()
    rec_lend_depth(REC_OWN_DEPTH)
    try:
        if before_exit is not None:
            before_exit()
    # audit: the session's own code failed; the program ends all the same
    except BaseException:
        PyErr_Clear()
    rec_restore_handled(handled)
    at_exit(status, NULL)
    hooks.state = IDLE


# ---- a signal to oneself ------------------------------------------------------------------------------------

cdef PyObject *watched_kill(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    cdef PyObject *answer
    cdef int64_t pid = 0
    cdef bint ours = (n == 2 and args[0].ob_type == &PyLong_Type and rec_int_small(args[0], &pid) and pid == getpid()
                      and announce_signal(args[1]))
    answer = (<FastCall> exit_hooks.kill.original)(self, args, n)
    if ours:
        withdraw_signal()
    return answer


cdef PyObject *watched_raise_signal(PyObject *self, PyObject *number) noexcept:
    cdef PyObject *answer
    cdef bint ours = announce_signal(number)
    answer = (<OneArgument> exit_hooks.raise_signal.original)(self, number)
    if ours:
        withdraw_signal()
    return answer


cdef bint announce_signal(PyObject *number) noexcept:
    """It may be the last that the program does: then who finds it gone knows why. An IntEnum is as good as an int."""
    cdef int64_t value = 0
    if not PyType_IsSubtype(number.ob_type, &PyLong_Type) or not rec_int_small(number, &value) or not is_recorded():
        return False
    if not 0 < value < 65:
        return False
    tape.control.raising = <int32_t> value
    return True


cdef void withdraw_signal() noexcept:
    if is_recorded():
        tape.control.raising = 0


# ---- all of them ---------------------------------------------------------------------------------------------

cdef Status watch_calls() noexcept:
    """Once per session: the five functions, and once per process: a call from os.fork() in the child."""
    try:
        execv, execve = posix.execv, posix.execve
        leave_at_once = posix._exit  # audit: it is not called, but led through ours
        watch(&exit_hooks.execv, execv, METH_FASTCALL, <void *> watched_execv)
        watch(&exit_hooks.execve, execve, METH_FASTCALL | METH_KEYWORDS, <void *> watched_execve)
        watch(&exit_hooks.exit, leave_at_once, METH_FASTCALL | METH_KEYWORDS, <void *> watched_exit)
        send, send_ourselves = posix.kill, _signal.raise_signal
        watch(&exit_hooks.kill, send, METH_FASTCALL, <void *> watched_kill)
        watch(&exit_hooks.raise_signal, send_ourselves, METH_O, <void *> watched_raise_signal)
        if not exit_hooks.has_fork_handler:
            posix.register_at_fork(after_in_child=make_fork_handler())
            exit_hooks.has_fork_handler = True
    except MemoryError:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    except BaseException:
        return fail(ERR_TRACER_INSTALL_CONFLICT, STAGE_START)
    return OK


cdef int watch(Watched *watched, function, int flags, void *ours) except -1:
    """Leads calls of a built-in function through one of ours. One that is not what we know stays as it is."""
    if (<PyObject *> function).ob_type == &PyCFunction_Type:
        watch_method(watched, (<PyCFunctionObject *> function).m_ml, flags, ours)
    return 0


cdef void watch_method(Watched *watched, PyMethodDef *method, int flags, void *ours) noexcept:
    """An entry of any type's or module's table, or NULL."""
    if method == NULL or watched.method != NULL or method.ml_flags != flags:
        return
    watched.method = method
    watched.original = method.ml_meth
    method.ml_meth = ours


cdef void unwatch_calls() noexcept nogil:
    unwatch(&exit_hooks.execv, <void *> watched_execv)
    unwatch(&exit_hooks.execve, <void *> watched_execve)
    unwatch(&exit_hooks.exit, <void *> watched_exit)
    unwatch(&exit_hooks.kill, <void *> watched_kill)
    unwatch(&exit_hooks.raise_signal, <void *> watched_raise_signal)
    close_output()
    unwatch_sqlite()


cdef void unwatch(Watched *watched, void *ours) noexcept nogil:
    """Back to what it was, unless somebody else leads it through theirs now: then ours stays in the chain."""
    if watched.method != NULL and watched.method.ml_meth == ours:
        watched.method.ml_meth = watched.original
        watched.method = NULL


cdef uint64_t image_of_process() noexcept nogil:
    """Another number after an exec: where the kernel has put this program and its stack (processes.process_image)."""
    cdef const char *preloaded = getenv(b"LD_PRELOAD")
    if preloaded != NULL and strstr(preloaded, b"vgpreload") != NULL:
        return 0                                # under valgrind a process does not see itself as the system does
    return <uint64_t> getauxval(AT_RANDOM) + <uint64_t> getauxval(AT_ENTRY)


# ---- libc's hooks --------------------------------------------------------------------------------------

cdef Status watch_process() noexcept nogil:
    """Once per process: libc calls us at its end and at forks."""
    if exit_hooks.has_libc_hooks:
        return OK
    if rec_on_exit(at_exit) != 0:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    if pthread_atfork(NULL, after_fork_in_parent, after_fork_in_child) != 0:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    exit_hooks.has_libc_hooks = True
    return OK


cdef void after_fork_in_parent() noexcept nogil:
    if tape.control != NULL:
        tape.control.forks += 1


cdef void after_fork_in_child() noexcept nogil:
    """The tape is the parent's. The hooks that the child inherited find nothing to do and switch themselves off."""
    global changing, deciding
    changing = deciding = NULL                  # only the thread that forked is here; it is in neither, or comes out
    if tape.control == NULL:
        return
    hooks.forked_while = hooks.state
    hooks.state = FORKED
    exit_plan.override = -1
    unmap_tape()


# ---- os.fork -------------------------------------------------------------------------------------------------

cdef object make_fork_handler():
    after_fork_method.ml_name = b"after_fork"
    after_fork_method.ml_meth = <void *> after_fork
    after_fork_method.ml_flags = METH_NOARGS
    after_fork_method.ml_doc = NULL
    cdef PyObject *made = PyCFunction_NewEx(&after_fork_method, NULL, NULL)
    if made == NULL:
        raise MemoryError   # audit: watch_calls makes a fault of it
    handler = <object> made
    Py_XDECREF(made)
    return handler


cdef PyObject *after_fork(PyObject *self, PyObject *nothing) noexcept:
    """In a child of os.fork(), before any function of the program's: the hooks that it inherited go. A child of a fork
    below Python never comes here; there they find nothing to do, and switch themselves off one by one."""
    cdef PyObject *handled
    cdef bint waited, was_recording
    if hooks.state != FORKED:
        return none()
    handled = rec_save_handled()
    rec_lend_depth(REC_OWN_DEPTH)
    waited = hooks.forked_while == WAITING
    was_recording = waited or hooks.forked_while == RECORDING
    end_session()
    try:
        if on_fork is not None and was_recording:
            on_fork(waited)
    # audit: the session reports its own failures; whatever else comes must not reach the program's fork()
    except BaseException:
        PyErr_Clear()
    rec_lend_depth(-REC_OWN_DEPTH)
    rec_restore_handled(handled)
    return none()
