/* Whose event is it: the name of a thread, and the asyncio task that it runs, as the standard library's modules
 * have them. Read in place: no code of the program's runs, nothing is created, no reference is kept. */
#ifndef RECORDER_TASKS_H
#define RECORDER_TASKS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

/* Once per process; the interpreter's table of modules, and names to look up. -1: out of memory. */
int rec_prepare_tasks(void);

/* Whether the module `greenlet` is there, or about to be. */
bool rec_has_greenlets(void);

/* Where the memory for frames begins that the thread uses now; NULL: it has none yet. greenlet gives each greenlet memory of
 * its own. CPython leaves the first word of it unused, lest the first frame to end there give the memory back. */
uint64_t *rec_stack_root(PyThreadState *state);

/* The name that `threading` has for the thread: a str, or NULL. Borrowed. */
PyObject *rec_thread_name(PyThreadState *state);

/* The task that the thread runs now, or NULL. *loop is where it was found last time. Borrowed. */
PyObject *rec_current_task(PyThreadState *state, PyObject **loop);

/* Its name: a str, or the int n of `Task-n`, or NULL; and the frame of its coroutine, or NULL. Borrowed. */
PyObject *rec_task_name(PyObject *task);
void *rec_task_frame(PyObject *task);
#endif
