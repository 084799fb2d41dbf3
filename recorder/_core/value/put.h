/* How the bytes of records and values are written. Each function returns where the next byte goes; that there is memory
 * behind `p` is the caller's affair (reserve). */
#ifndef RECORDER_PUT_H
#define RECORDER_PUT_H
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "cpython/objects.h"
#include "tape/records.h"

static inline uint8_t *rec_put_varint(uint8_t *p, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *p++ = (uint8_t)(number | 0x80);
    *p = (uint8_t)number;
    return p + 1;
}

static inline uint64_t rec_zigzag(int64_t number) { return (uint64_t)number << 1 ^ (uint64_t)(number >> 63); }

static inline uint8_t *rec_put_tagged(uint8_t *p, uint8_t tag, uint64_t number)
{
    *p = tag;
    return rec_put_varint(p + 1, number);
}

/* No record will mention the number that a DEF of this kind gave. */
static inline uint8_t *rec_put_retire(uint8_t *p, uint8_t record, uint64_t number)
{
    *p = REC_RETIRE;
    return rec_put_tagged(p + 1, record, number);
}

static inline uint8_t *rec_put_int(uint8_t *p, int64_t number)
{
    if (REC_SMALL_MIN <= number && number <= REC_SMALL_MAX) {
        *p = (uint8_t)(TAG_SMALL_INT | (number - REC_SMALL_MIN));
        return p + 1;
    }
    return rec_put_tagged(p, TAG_INT, rec_zigzag(number));
}

static inline uint8_t *rec_put_float(uint8_t *p, uint64_t bits)
{
    *p = TAG_FLOAT;
    memcpy(p + 1, &bits, 8);
    return p + 9;
}

/* A bare str of `n` bytes. */
static inline uint8_t *rec_put_chars(uint8_t *p, const char *text, size_t n)
{
    p = rec_put_varint(p, n);
    memcpy(p, text, n);
    return p + n;
}

/* A bare str: length and UTF-8, at most `limit` code points. */
static inline uint8_t *rec_put_str(uint8_t *p, PyObject *text, Py_ssize_t limit)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(text) < limit ? PyUnicode_GET_LENGTH(text) : limit;
    p = rec_put_varint(p, rec_utf8_size(text, n));
    return p + rec_str_utf8(text, n, p);
}
#endif
