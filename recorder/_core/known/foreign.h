/* What ctypes has of C's own data: numbers, structures, arrays, pointers. What is said of one is good as long as nobody
 * else has run. */
#ifndef RECORDER_FOREIGN_H
#define RECORDER_FOREIGN_H
#include "known/cells.h"

#pragma GCC visibility push(hidden)

enum { REC_LONGEST_FORMAT = 1000 };

typedef struct {
    const char *format;  /* as a buffer has it: T{<i:x:<d:y:}, &<i of a pointer */
    rec_cells cells;     /* its shape, and its bytes, or none: they are not its own */
    Py_ssize_t strides[8];
    PyObject *held;      /* the object that it points to, or NULL: not known. No pointer is followed. */
    bool is_secret;      /* a field has the name of a secret */
} rec_foreign;

/* Whether a field of a structure, as a buffer's format names it (T{i:count:10w:password:}), is a secret's. */
bool rec_format_hides(const char *format);
/* False: of a layout that is not the known one. */
bool rec_foreign_of(PyObject *object, rec_foreign *foreign);

#pragma GCC visibility pop
#endif
