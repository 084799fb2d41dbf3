/* Arrays of numpy's StringDType. Each item says where its text is: in itself, in memory that all items share, or in its
 * own. What is said of one is good as long as nobody else has run, and until rec_strings_end. */
#ifndef RECORDER_STRING_ARRAYS_H
#define RECORDER_STRING_ARRAYS_H
#include "known/arrow.h"
#include "known/cells.h"

#pragma GCC visibility push(hidden)

typedef struct {
    rec_cells cells;
    PyObject *missing;   /* what stands for an item that is missing, or NULL: none can be */
    void *allocator;
} rec_strings;

/* False: it is none, its layout is not the known one, or another thread is at it. */
bool rec_strings_begin(PyObject *array, rec_strings *strings);
void rec_strings_end(const rec_strings *strings);

/* One of the items: NULL if it is missing. */
rec_arrow_item rec_string_of(const rec_strings *strings, const char *item);

/* A number that changes with any of them. False: there are too many. */
bool rec_strings_digest(const rec_strings *strings, uint64_t *digest);

#pragma GCC visibility pop
#endif
