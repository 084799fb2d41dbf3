/* The line of every instruction, from co_linetable (CPython's Objects/locations.md, InternalDocs/code_objects.md). */
#ifndef RECORDER_LINE_TABLE_H
#define RECORDER_LINE_TABLE_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {          /* one entry: some instructions that follow each other */
    const uint8_t *at, *end;
    int64_t line;         /* theirs, if they have one … */
    bool has_line;        /* … which those do not that the compiler added */
    int units;            /* how many; an instruction's caches are among them */
} rec_line_entry;

/* Before the first entry. `line`: what the lines are counted from. */
static inline rec_line_entry rec_line_table(PyObject *table, int64_t line)
{
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(table);
    return (rec_line_entry){at, at + PyBytes_GET_SIZE(table), line, false, 0};
}

/* Six bits a byte, low bits first. */
static inline uint32_t rec_location_varint(rec_line_entry *e)
{
    uint32_t number = 0;
    for (int shift = 0; e->at < e->end && shift < 30; shift += 6) {
        uint8_t byte = *e->at++;
        number |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return number;
}

static inline void rec_skip_location_varint(rec_line_entry *e)
{
    while (e->at < e->end && *e->at++ & 64)
        ;
}

static inline int32_t rec_location_signed(rec_line_entry *e)
{
    uint32_t number = rec_location_varint(e);
    return number & 1 ? -(int32_t)(number >> 1) : (int32_t)(number >> 1);
}

/* The next entry; false: there is none. */
static inline bool rec_next_lines(rec_line_entry *e)
{
    enum { SHORT_LAST = 9, ONE_LINE = 10, NO_COLUMNS = 13, LONG_FORM = 14, NO_LOCATION = 15 };
    if (e->at >= e->end)
        return false;
    int kind = *e->at >> 3 & 15;
    e->units = (*e->at & 7) + 1;
    e->has_line = kind != NO_LOCATION;
    e->at++;
    if (kind <= SHORT_LAST) {
        e->at += 1;
    } else if (kind < NO_COLUMNS) {
        e->line += kind - ONE_LINE;
        e->at += 2;
    } else if (kind != NO_LOCATION) {
        e->line += rec_location_signed(e);
        for (int i = 0; kind == LONG_FORM && i < 3; i++)
            rec_skip_location_varint(e);
    }
    return true;
}
#endif
