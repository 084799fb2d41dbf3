/* For the C files that look into CPython: included before anything else, it lets the internal headers in, if there is
 * anything in them that is known. */
#ifndef RECORDER_INTERNAL_H
#define RECORDER_INTERNAL_H
#include "cpython/version.h"

#if REC_CPYTHON_KNOWN
#define Py_BUILD_CORE 1
#endif
#include <Python.h>
#endif
