/* Redaction: names whose values are never written. Whether a name is one is kept by its hash, since the same names come
 * again and again. */
#ifndef RECORDER_REDACTION_H
#define RECORDER_REDACTION_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include "cpython/objects.h"
#include "value/name_patterns.h"

#pragma GCC visibility push(hidden)

/* A text that is longer is no name of what stands beside it. */
enum { REC_LONGEST_OF_PAIR = 64, REC_MATCHES = 8192 };

typedef struct {
    rec_patterns names;
    uint64_t matches[REC_MATCHES];           /* by bucket: a hash; its lowest bit says if it is one's */
} rec_secret_names;

extern rec_secret_names rec_secrets;

/* To be called when the patterns have changed. */
void rec_forget_matches(void);
bool rec_find_match(PyObject *name);
/* Of a name that is no object. */
bool rec_find_match_of_bytes(const char *name, size_t size);
/* Of a key that is no exact str: a bytes, a member of an enum, a tuple with a name in it. Its type is in the table. */
bool rec_is_secret_key(PyObject *key);

/* A str or a bytes. */
static inline bool rec_is_name(PyObject *o)
{
    return (Py_TYPE(o)->tp_flags & (Py_TPFLAGS_UNICODE_SUBCLASS | Py_TPFLAGS_BYTES_SUBCLASS)) != 0;
}

/* `hash` is that of the name, an exact str, or -1 where it was never computed. */
static inline bool rec_is_secret_str(PyObject *name, Py_hash_t hash)
{
    uint64_t known = rec_secrets.matches[(uint64_t)hash >> 1 & (REC_MATCHES - 1)] ^ ((uint64_t)hash & ~1ull);
    if (known <= 1 && hash != -1)
        return (bool)known;
    return rec_find_match(name);
}

static inline bool rec_is_secret(PyObject *name)
{
    if (rec_secrets.names.count == 0 || name == NULL)
        return false;
    if (PyUnicode_CheckExact(name))
        return rec_is_secret_str(name, rec_str_hash(name));
    return Py_TYPE(name) != &PyLong_Type && rec_is_secret_key(name);
}

/* Two or three items of which the first is a secret's name: ("password", …), [b"cookie", b"Cookie", …]. */
static inline bool rec_is_secret_pair(PyObject **items, Py_ssize_t n)
{
    if ((n != 2 && n != 3) || !rec_is_name(items[0]) || rec_secrets.names.count == 0)
        return false;
    Py_ssize_t size = PyUnicode_Check(items[0]) ? PyUnicode_GET_LENGTH(items[0]) : rec_size(items[0]);
    return size <= REC_LONGEST_OF_PAIR && rec_find_match(items[0]);
}

#pragma GCC visibility pop
#endif
