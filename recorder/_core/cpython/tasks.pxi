# Threads by name, the asyncio task that a thread runs, and the stack that it runs on.

cdef extern from "cpython/tasks.h":
    int rec_prepare_tasks()
    bint rec_has_greenlets() nogil
    uint64_t *rec_stack_root(PyThreadState *) nogil
    PyObject *rec_thread_name(PyThreadState *) nogil
    PyObject *rec_current_task(PyThreadState *, PyObject **) nogil
    PyObject *rec_task_name(PyObject *) nogil
    void *rec_task_frame(PyObject *) nogil
