/* What the recorder knows of a code object, found by its address.
 *
 * Not in co_extra, the place that CPython has for it: sys.getsizeof(code) would grow. That a code object goes is told
 * by a watcher; 3.11 has none, there the function that frees code objects is wrapped. All of it runs under the GIL. */
#ifndef RECORDER_CODE_TABLE_H
#define RECORDER_CODE_TABLE_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys/syscall_table.h"

typedef struct {
    PyObject *code; /* not owned; NULL: nothing here */
    void *known;
} rec_code_entry;

typedef struct {
    rec_code_entry *entries;
    size_t mask; /* how many, a power of two, less one */
    size_t used;
} rec_code_table;

extern rec_code_table rec_codes;

static inline size_t rec_code_bucket(PyObject *code)
{
    return (size_t)(((uint64_t)(uintptr_t)code >> 4) * 0x9E3779B97F4A7C15u >> 32) & rec_codes.mask;
}

/* NULL for a code object that rec_know was not called for. Only after rec_watch_codes. */
static inline void *rec_known_of(PyObject *code)
{
    size_t at = rec_code_bucket(code);
    while (rec_codes.entries[at].code != code && rec_codes.entries[at].code != NULL)
        at = (at + 1) & rec_codes.mask;
    return rec_codes.entries[at].known;
}

typedef enum { REC_WATCHING, REC_WATCHERS_TAKEN, REC_WATCH_MEMORY } rec_watch_outcome;

/* Once per process: `gone` is called with what is known of a code object that is being freed. */
rec_watch_outcome rec_watch_codes(const RecSys *sys, void (*gone)(void *known));
bool rec_know(PyObject *code, void *known); /* false: no memory */
void rec_forget_code(PyObject *code);       /* as if it were freed */
#endif
