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

#include "cpython/bytecode.h"
#include "cpython/line_table.h"
#include "cpython/objects.h"

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

static inline uint64_t rec_digest_lines(uint64_t h, PyObject *table)
{
    int64_t run_line = -1, run = 0;
    rec_line_entry e = rec_line_table(table, 0);
    while (rec_next_lines(&e)) {
        int64_t here = e.has_line ? e.line : INT64_MIN;
        if (here != run_line) { /* with columns there are more entries */
            h = rec_digest_number(rec_digest_number(h, (uint64_t)run_line), (uint64_t)run);
            run_line = here;
            run = 0;
        }
        run += e.units;
    }
    return rec_digest_number(rec_digest_number(h, (uint64_t)run_line), (uint64_t)run);
}

/* 0 and an exception where memory lacks. */
static inline uint64_t rec_code_digest(PyObject *object)
{
    PyCodeObject *code = (PyCodeObject *)object;
    PyObject *bytecode = rec_bytecode(code);
    if (bytecode == NULL)
        return 0;
    uint64_t h = rec_digest_bytes(1, PyBytes_AS_STRING(bytecode), (size_t)PyBytes_GET_SIZE(bytecode));
    Py_DECREF(bytecode);
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
