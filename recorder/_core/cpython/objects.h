/* Built-in objects read in place, without the C API calls that could fail, allocate or run code. */
#ifndef RECORDER_OBJECTS_H
#define RECORDER_OBJECTS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- int: sign and 30-bit digits, whose place changed in 3.12 ---- */

static inline Py_ssize_t rec_int_digits(PyObject *o, const digit **digits, int *negative)
{
    PyLongObject *v = (PyLongObject *)o;
#if PY_VERSION_HEX < 0x030C0000
    Py_ssize_t size = Py_SIZE(v);
    *digits = v->ob_digit;
    *negative = size < 0;
    return size < 0 ? -size : size;
#else
    uintptr_t tag = v->long_value.lv_tag;
    *digits = v->long_value.ob_digit;
    *negative = (tag & 3) == 2;
    return (Py_ssize_t)(tag >> 3);
#endif
}

/* True and *out set when the int fits in 64 signed bits as two digits do (60 bits). */
static inline bool rec_int_small(PyObject *o, int64_t *out)
{
#if PY_VERSION_HEX >= 0x030C0000
    uintptr_t tag = ((PyLongObject *)o)->long_value.lv_tag;
    if (tag < (2 << 3)) { /* at most one digit; 3.14 and later: bit 2 says that CPython keeps it for good */
        *out = (1 - (int64_t)(tag & 3)) * (int64_t)((PyLongObject *)o)->long_value.ob_digit[0];
        return true;
    }
#endif
    const digit *digits;
    int negative;
    Py_ssize_t n = rec_int_digits(o, &digits, &negative);
    if (n > 2)
        return false;
    int64_t value = n == 0 ? 0 : n == 1 ? (int64_t)digits[0]
                                        : (int64_t)digits[0] | (int64_t)digits[1] << PyLong_SHIFT;
    *out = negative ? -value : value;
    return true;
}

static inline size_t rec_int_bits(const digit *digits, Py_ssize_t n)
{
    return n == 0 ? 0 : (size_t)(n - 1) * PyLong_SHIFT + (32 - (size_t)__builtin_clz(digits[n - 1]));
}

/* Writes the magnitude, least significant byte first; returns the number of bytes. */
static inline size_t rec_int_bytes(const digit *digits, Py_ssize_t n, uint8_t *out)
{
    uint64_t pending = 0;
    int bits = 0;
    uint8_t *p = out;
    for (Py_ssize_t i = 0; i < n; i++) {
        pending |= (uint64_t)digits[i] << bits;
        bits += PyLong_SHIFT;
        while (bits >= 8) {
            *p++ = (uint8_t)pending;
            pending >>= 8;
            bits -= 8;
        }
    }
    if (bits > 0)
        *p++ = (uint8_t)pending;
    while (p > out && p[-1] == 0)
        p--;
    return (size_t)(p - out);
}

/* ---- float ---- */

static inline uint64_t rec_float_bits(PyObject *o)
{
    uint64_t bits;
    memcpy(&bits, &((PyFloatObject *)o)->ob_fval, 8);
    return bits;
}

/* ---- hashing: not cryptographic; 64 bits, good enough that equal means unchanged ---- */

static inline uint64_t rec_fold(uint64_t h, uint64_t x)
{
    h = ((h << 5 | h >> 59) ^ x) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

static inline uint64_t rec_hash_bytes(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t h = 0xA0761D6478BD642Fu ^ n, x, four[4];
    if (n >= 64) { /* four at a time, which do not wait for each other */
        uint64_t a = h, b = h + 1, c = h + 2, d = h + 3;
        for (; n >= 32; p += 32, n -= 32) {
            memcpy(four, p, 32);
            a = rec_fold(a, four[0]);
            b = rec_fold(b, four[1]);
            c = rec_fold(c, four[2]);
            d = rec_fold(d, four[3]);
        }
        h = rec_fold(rec_fold(a, b), rec_fold(c, d));
    }
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&x, p, 8);
        h = rec_fold(h, x);
    }
    if (n > 0) {
        x = 0;
        memcpy(&x, p, n);
        h = rec_fold(h, x);
    }
    return h;
}

/* ---- str: its content up to the limit, whether CPython has its hash yet or not (it is never computed here: a str that
 * has it cannot grow in place by `s += x`) ---- */

static inline size_t rec_str_seen(PyObject *o, Py_ssize_t limit)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(o);
    return (size_t)((n < limit ? n : limit) * PyUnicode_KIND(o));
}

static inline uint64_t rec_str_fingerprint(PyObject *o, Py_ssize_t limit)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(o);
    return rec_fold(rec_hash_bytes(PyUnicode_DATA(o), rec_str_seen(o, limit)), (uint64_t)n);
}

static inline Py_hash_t rec_str_hash(PyObject *o) { return ((PyASCIIObject *)o)->hash; }

/* Of a key in a dict, which has its hash. */
static inline uint64_t rec_key_fingerprint(PyObject *o)
{
    return rec_fold((uint64_t)rec_str_hash(o), (uint64_t)PyUnicode_GET_LENGTH(o));
}

/* The cached hash of a bytes; -1: never computed. */
static inline Py_hash_t rec_bytes_hash(PyObject *o)
{
    return ((Py_hash_t *)PyBytes_AS_STRING(o))[-1]; /* ob_shash, whose name is deprecated, stands before the bytes */
}

/* Writes the first n code points as UTF-8, lone surrogates as three bytes; returns the number of bytes (≤ 4n). */
static inline size_t rec_str_utf8(PyObject *o, Py_ssize_t n, uint8_t *out)
{
    if (PyUnicode_IS_ASCII(o)) {
        memcpy(out, PyUnicode_DATA(o), (size_t)n);
        return (size_t)n;
    }
    int kind = (int)PyUnicode_KIND(o);
    const void *data = PyUnicode_DATA(o);
    uint8_t *p = out;
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        if (c < 0x80) {
            *p++ = (uint8_t)c;
        } else if (c < 0x800) {
            *p++ = (uint8_t)(0xC0 | c >> 6);
            *p++ = (uint8_t)(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            *p++ = (uint8_t)(0xE0 | c >> 12);
            *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
            *p++ = (uint8_t)(0x80 | (c & 0x3F));
        } else {
            *p++ = (uint8_t)(0xF0 | c >> 18);
            *p++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
            *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
            *p++ = (uint8_t)(0x80 | (c & 0x3F));
        }
    }
    return (size_t)(p - out);
}

static inline size_t rec_utf8_size(PyObject *o, Py_ssize_t n)
{
    if (PyUnicode_IS_ASCII(o))
        return (size_t)n;
    int kind = (int)PyUnicode_KIND(o);
    const void *data = PyUnicode_DATA(o);
    size_t size = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        size += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    return size;
}

/* ---- set: its table, in iteration order. Empty entries have no key, deleted ones hash -1. ---- */

static inline bool rec_set_next(PyObject *set, Py_ssize_t *at, PyObject **key)
{
    PySetObject *so = (PySetObject *)set;
    for (; *at <= so->mask; ++*at) {
        setentry *entry = &so->table[*at];
        if (entry->key != NULL && entry->hash != -1) {
            *key = entry->key;
            ++*at;
            return true;
        }
    }
    return false;
}

static inline Py_ssize_t rec_references(PyObject *o) { return Py_REFCNT(o); }
static inline Py_ssize_t rec_size(PyObject *o) { return ((PyVarObject *)o)->ob_size; }
static inline PyObject **rec_list_items(PyObject *o) { return ((PyListObject *)o)->ob_item; }
static inline PyObject **rec_tuple_items(PyObject *o) { return ((PyTupleObject *)o)->ob_item; }

/* ---- dict: the storage of a dict, whatever the class of it answers. CPython counts the changes of all dicts until 3.13,
 * and gives no count twice; 0: not known ---- */

static inline bool rec_is_dict(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030F0000
    return PyAnyDict_Check(o); /* or a frozendict */
#else
    return PyDict_Check(o);
#endif
}

static inline uint64_t rec_dict_version(PyObject *dict)
{
#if PY_VERSION_HEX < 0x030E0000
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
    return ((PyDictObject *)dict)->ma_version_tag;
    _Pragma("GCC diagnostic pop")
#else
    (void)dict;
    return 0;
#endif
}

/* Dict watchers came with 3.12. Failures leave no exception behind. */
#if PY_VERSION_HEX >= 0x030C0000
enum {
    REC_DICT_DELETED = PyDict_EVENT_DELETED,
    REC_DICT_CLONED = PyDict_EVENT_CLONED,
    REC_DICT_CLEARED = PyDict_EVENT_CLEARED,
    REC_DICT_DEALLOCATED = PyDict_EVENT_DEALLOCATED
};
#else
enum { REC_DICT_DELETED, REC_DICT_CLONED, REC_DICT_CLEARED, REC_DICT_DEALLOCATED };
#endif

typedef int (*rec_dict_callback)(int, PyObject *, PyObject *, PyObject *);

static inline int rec_add_dict_watcher(rec_dict_callback callback)
{
#if PY_VERSION_HEX >= 0x030C0000
    int id = PyDict_AddWatcher((PyDict_WatchCallback)(void (*)(void))callback);
    if (id < 0)
        PyErr_Clear();
    return id;
#else
    (void)callback;
    return -1;
#endif
}

static inline int rec_watch_dict(int watcher, PyObject *dict)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyDict_Check(dict) ? PyDict_Watch(watcher, dict) : -1; /* fails only for an id or a dict that is none */
#else
    (void)watcher, (void)dict;
    return -1;
#endif
}

static inline void rec_unwatch_dict(int watcher, PyObject *dict)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (PyDict_Unwatch(watcher, dict) != 0)
        PyErr_Clear();
#else
    (void)watcher, (void)dict;
#endif
}

static inline void rec_clear_dict_watcher(int watcher)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (PyDict_ClearWatcher(watcher) != 0)
        PyErr_Clear();
#else
    (void)watcher;
#endif
}

static inline Py_ssize_t rec_dict_size(PyObject *dict) { return ((PyDictObject *)dict)->ma_used; }

static inline bool rec_str_is(PyObject *o, const char *text)
{
    size_t n = strlen(text);
    return PyUnicode_CheckExact(o) && PyUnicode_IS_ASCII(o) && (size_t)PyUnicode_GET_LENGTH(o) == n
           && memcmp(PyUnicode_DATA(o), text, n) == 0;
}

static inline bool rec_is_same_str(PyObject *a, PyObject *b)
{
    return a == b
           || (PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b) && PyUnicode_KIND(a) == PyUnicode_KIND(b)
               && PyUnicode_GET_LENGTH(a) == PyUnicode_GET_LENGTH(b)
               && memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b),
                         (size_t)PyUnicode_GET_LENGTH(a) * (size_t)PyUnicode_KIND(a)) == 0);
}

static inline Py_UCS4 rec_lower(Py_UCS4 c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

/* Shell pattern with `*` and `?`, ASCII in lower case, against a str in any case. */
static inline bool rec_str_matches(PyObject *o, const char *pattern)
{
    int kind = (int)PyUnicode_KIND(o);
    const void *data = PyUnicode_DATA(o);
    Py_ssize_t n = PyUnicode_GET_LENGTH(o), at = 0, resume = 0;
    const char *star = NULL;
    while (at < n) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = at;
        } else if (*pattern == '?' || (*pattern != 0
                   && (Py_UCS4)(unsigned char)*pattern == rec_lower(PyUnicode_READ(kind, data, at)))) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

/* A str key looked up by walking: PyDict_GetItem could call a foreign key's __eq__. Borrowed. */
static inline PyObject *rec_dict_find(PyObject *dict, const char *name)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &at, &key, &value))
        if (rec_str_is(key, name))
            return value;
    return NULL;
}

/* ---- type ---- */

/* The qualified name of a heap type; NULL for a static one, whose name is tp_name. Borrowed. */
static inline PyObject *rec_heap_type_name(PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return NULL;
    PyObject *name = ((PyHeapTypeObject *)type)->ht_qualname;
    return name != NULL && PyUnicode_Check(name) ? name : NULL;
}
#endif
