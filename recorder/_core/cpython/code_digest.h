/* What a code object is recognised by: 64 bits of all that a compiler makes of a text, line by line. The recorded program
 * and the sealer, which compiles the text again, come to the same number for the same code.
 *
 * In it: the bytecode as the compiler wrote it (neither specialized nor instrumented), the line of every instruction, the
 * exception table, names, variables and constants. Not in it: the file's name, and the columns, which `-X
 * no_debug_ranges` leaves out. A code among the constants counts by its name and line: it has a digest of its own.
 * Nothing of the program's is called: what is no constant that a compiler makes counts by its type's name. */
#ifndef RECORDER_CODE_DIGEST_H
#define RECORDER_CODE_DIGEST_H
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "cpython/objects.h"
#include "cpython/version.h"

#define REC_DIGEST_DEPTH 32 /* of constants within constants */

static inline uint64_t rec_digest_number(uint64_t h, uint64_t number)
{
    h = (h ^ number) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static inline uint64_t rec_digest_bytes(uint64_t h, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t word;
    h = rec_digest_number(h, size);
    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = rec_digest_number(h, word);
    }
    word = 0;
    memcpy(&word, p, size);
    return rec_digest_number(h, word);
}

static inline uint64_t rec_digest_str(uint64_t h, PyObject *text)
{
    int kind = (int)PyUnicode_KIND(text);
    h = rec_digest_number(h, (uint64_t)kind);
    return rec_digest_bytes(h, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text) * (size_t)kind);
}

static inline uint64_t rec_digest_strs(uint64_t h, PyObject *tuple)
{
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    h = rec_digest_number(h, (uint64_t)n);
    for (Py_ssize_t i = 0; i < n; i++)
        h = rec_digest_str(h, PyTuple_GET_ITEM(tuple, i));
    return h;
}

static uint64_t rec_digest_constant(uint64_t h, PyObject *o, int depth);

static inline uint64_t rec_digest_set(uint64_t h, PyObject *set, int depth)
{
    uint64_t sum = 0; /* the order of a set depends on the process */
    PyObject *key;
    Py_ssize_t at = 0;
    while (rec_set_next(set, &at, &key))
        sum += rec_digest_constant(0, key, depth);
    return rec_digest_number(rec_digest_number(h, (uint64_t)PySet_GET_SIZE(set)), sum);
}

static inline uint64_t rec_digest_code_constant(uint64_t h, PyCodeObject *code)
{
    return rec_digest_str(rec_digest_number(h, (uint64_t)code->co_firstlineno), code->co_name);
}

static uint64_t rec_digest_constant(uint64_t h, PyObject *o, int depth)
{
    const char *type = Py_TYPE(o)->tp_name;
    h = rec_digest_bytes(h, type, strlen(type));
    if (depth == 0)
        return h;
    if (o == Py_True)
        return rec_digest_number(h, 1);
    if (PyUnicode_CheckExact(o))
        return rec_digest_str(h, o);
    if (PyBytes_CheckExact(o))
        return rec_digest_bytes(h, PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o));
    if (PyLong_CheckExact(o)) {
        const digit *digits;
        int negative;
        Py_ssize_t n = rec_int_digits(o, &digits, &negative);
        return rec_digest_bytes(rec_digest_number(h, (uint64_t)negative), digits, (size_t)n * sizeof(digit));
    }
    if (PyFloat_CheckExact(o))
        return rec_digest_number(h, rec_float_bits(o));
    if (PyComplex_CheckExact(o))
        return rec_digest_bytes(h, &((PyComplexObject *)o)->cval, sizeof(Py_complex));
    if (PyTuple_CheckExact(o)) {
        h = rec_digest_number(h, (uint64_t)PyTuple_GET_SIZE(o));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
            h = rec_digest_constant(h, PyTuple_GET_ITEM(o, i), depth - 1);
        return h;
    }
    if (PyFrozenSet_CheckExact(o))
        return rec_digest_set(h, o, depth - 1);
    if (PySlice_Check(o)) {
        PySliceObject *slice = (PySliceObject *)o;
        h = rec_digest_constant(h, slice->start, depth - 1);
        h = rec_digest_constant(h, slice->stop, depth - 1);
        return rec_digest_constant(h, slice->step, depth - 1);
    }
    return PyCode_Check(o) ? rec_digest_code_constant(h, (PyCodeObject *)o) : h;
}

/* A varint of a location table: six bits a byte, low bits first. */
static inline uint32_t rec_location_varint(const uint8_t **p, const uint8_t *end)
{
    uint32_t number = 0;
    for (int shift = 0; *p < end && shift < 30; shift += 6) {
        uint8_t byte = *(*p)++;
        number |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return number;
}

static inline void rec_skip_location_varint(const uint8_t **p, const uint8_t *end)
{
    while (*p < end && *(*p)++ & 64)
        ;
}

static inline int32_t rec_location_signed(const uint8_t **p, const uint8_t *end)
{
    uint32_t number = rec_location_varint(p, end);
    return number & 1 ? -(int32_t)(number >> 1) : (int32_t)(number >> 1);
}

/* The line of every instruction, from co_linetable (CPython's Objects/locations.md, InternalDocs/code_objects.md). */
static inline uint64_t rec_digest_lines(uint64_t h, PyObject *table)
{
    enum { SHORT_LAST = 9, ONE_LINE = 10, NO_COLUMNS = 13, LONG_FORM = 14, NO_LOCATION = 15 };
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(table), *end = p + PyBytes_GET_SIZE(table);
    int64_t line = 0, run_line = -1, run = 0;
    while (p < end) {
        int kind = *p >> 3 & 15, units = (*p & 7) + 1;
        p++;
        if (kind <= SHORT_LAST) {
            p += 1;
        } else if (kind < NO_COLUMNS) {
            line += kind - ONE_LINE;
            p += 2;
        } else if (kind != NO_LOCATION) {
            line += rec_location_signed(&p, end);
            for (int i = 0; kind == LONG_FORM && i < 3; i++)
                rec_skip_location_varint(&p, end);
        }
        int64_t here = kind == NO_LOCATION ? INT64_MIN : line;
        if (here != run_line) { /* with columns there are more entries */
            h = rec_digest_number(rec_digest_number(h, (uint64_t)run_line), (uint64_t)run);
            run_line = here;
            run = 0;
        }
        run += units;
    }
    return rec_digest_number(rec_digest_number(h, (uint64_t)run_line), (uint64_t)run);
}

/* CPython keeps the bytes that it makes of the bytecode with the code object: those that we asked for are not to stay. */
static inline PyObject **rec_kept_bytecode(PyCodeObject *code)
{
#if !REC_CPYTHON_KNOWN
    return NULL;
#elif PY_VERSION_HEX < 0x030C0000
    return &code->_co_code;
#else
    return code->_co_cached == NULL ? NULL : &code->_co_cached->_co_code;
#endif
}

/* 0 and an exception where memory lacks. */
static inline uint64_t rec_code_digest(PyObject *object)
{
    PyCodeObject *code = (PyCodeObject *)object;
    PyObject **kept = rec_kept_bytecode(code);
    int was_kept = kept != NULL && *kept != NULL;
    PyObject *bytecode = PyCode_GetCode(code);
    if (bytecode == NULL)
        return 0;
    uint64_t h = rec_digest_bytes(1, PyBytes_AS_STRING(bytecode), (size_t)PyBytes_GET_SIZE(bytecode));
    Py_DECREF(bytecode);
    kept = rec_kept_bytecode(code);
    if (!was_kept && kept != NULL)
        Py_CLEAR(*kept);
    h = rec_digest_code_constant(h, code);
    h = rec_digest_lines(h, code->co_linetable);
    h = rec_digest_bytes(h, PyBytes_AS_STRING(code->co_exceptiontable), (size_t)PyBytes_GET_SIZE(code->co_exceptiontable));
    h = rec_digest_str(h, code->co_qualname);
    h = rec_digest_strs(h, code->co_names);
    h = rec_digest_strs(h, code->co_localsplusnames);
    h = rec_digest_number(h, (uint64_t)PyTuple_GET_SIZE(code->co_consts));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_consts); i++)
        h = rec_digest_constant(h, PyTuple_GET_ITEM(code->co_consts, i), REC_DIGEST_DEPTH);
    return h | 1; /* never 0 */
}
#endif
