/* Which variables of a function its code can store, line by line.
 *
 * Between the event of a line and the next event of that frame nothing runs in it but instructions of that line, and
 * such as have no line. What none of these stores is still what it was, if it is nothing that can change in place. And if
 * none of these can run any other code, or let go of an object, nothing has changed at all: the line is a still one. */
#ifndef RECORDER_STORES_H
#define RECORDER_STORES_H
#include <Python.h>
#include <stdint.h>

#include "sys/syscall_table.h"

enum {
    REC_MASKED = 63,       /* variables, a bit each; of functions with more all are compared */
    REC_MASKED_LINES = 8192 /* from the first to the last one of a function; as above */
};

#define REC_STILL (UINT64_C(1) << 63) /* beside the variables of a still line, of which there are none */

typedef struct {        /* two bytes of bytecode */
    uint8_t opcode, argument;
    uint16_t line;      /* counted from the first one, or … */
} rec_unit;
enum { REC_UNLINED = UINT16_MAX };

#define REC_OF_GLOBALS (UINT64_C(1) << 63) /* beside the variables that a line changes in place */

typedef struct {
    int32_t first;      /* line */
    uint32_t count;     /* of lines */
    uint64_t unlined;   /* by instructions without a line */
    uint32_t unit_count;
    uint64_t *changed;  /* by line: variables of which it changes what they lead to */
    rec_unit *units;    /* the bytecode, for who goes through it (reading.c) */
    uint64_t by_line[]; /* with those without a line, too */
} rec_stores;

/* Memory of its own; NULL where there is none, or the lines are too many: then any variable can be stored anywhere. */
rec_stores *rec_find_stores(PyCodeObject *code, const RecSys *sys);

static inline uint64_t rec_stores_of(const rec_stores *stores, int32_t line, uint64_t any)
{
    if (stores == NULL)
        return any;
    uint32_t at = (uint32_t)line - (uint32_t)stores->first;
    return at < stores->count ? stores->by_line[at] : any;
}

/* Of which variables a line changes what they lead to, as it is written: `rows[7].name = x` and `rows[7].names.append(x)`
 * that of `rows`. What the code that it calls changes is another matter. */
static inline uint64_t rec_changed_on(const rec_stores *stores, int32_t line)
{
    if (stores == NULL)
        return 0;
    uint32_t at = (uint32_t)line - (uint32_t)stores->first;
    return at < stores->count ? stores->changed[at] : 0;
}

static inline uint32_t rec_lowest_bit(uint64_t bits) { return (uint32_t)__builtin_ctzll(bits); }
static inline int rec_count_bits(uint64_t bits) { return __builtin_popcountll(bits); }
#endif
