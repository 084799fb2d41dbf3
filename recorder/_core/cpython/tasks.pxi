# Threads by name, and the asyncio task that a thread runs.

cdef extern from "cpython/tasks.h":
    int rec_prepare_tasks()
    PyObject *rec_thread_name(PyThreadState *) nogil
    PyObject *rec_current_task(PyThreadState *, PyObject **) nogil
    PyObject *rec_task_name(PyObject *) nogil
    void *rec_task_frame(PyObject *) nogil
