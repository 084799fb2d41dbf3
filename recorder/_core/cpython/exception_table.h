/* The table of a code's exception handlers, as it is since 3.11. */
#ifndef RECORDER_EXCEPTION_TABLE_H
#define RECORDER_EXCEPTION_TABLE_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int target; /* in instructions, as all places here */
    int level;  /* what stays on the stack; above it the handler finds … */
    int lasti;  /* … where the exception was raised, if this is 1, and the exception */
} rec_handler;

static inline int rec_table_number(const uint8_t **p)
{
    int n = **p & 63;
    while (*(*p)++ & 64)
        n = n << 6 | (**p & 63);
    return n;
}

/* The handler of the instruction `at`, or the first one that begins at `target`: each with the other one −1. */
static inline bool rec_find_handler(PyCodeObject *code, int at, int target, rec_handler *found)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
    while (p < end) {
        int start = rec_table_number(&p), size = rec_table_number(&p);
        found->target = rec_table_number(&p);
        int depth = rec_table_number(&p);
        found->level = depth >> 1;
        found->lasti = depth & 1;
        if (target == found->target || (start <= at && at < start + size))
            return true;
    }
    return false;
}
#endif
