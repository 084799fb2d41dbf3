/* 3.12 and later: which function sys.monitoring calls for an event of a tool. sys.monitoring.register_callback() would
 * tell the program's audit hooks that one goes, which a program without us never hears. */
#ifndef RECORDER_CALLABLES_H
#define RECORDER_CALLABLES_H
#include <Python.h>
#include <stdbool.h>

/* Takes the function away where it still is the one. False where this CPython is not known: nothing was done. */
bool rec_forget_callable(int tool, int event, PyObject *function);
#endif
