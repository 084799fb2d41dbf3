/* Redaction: names whose values are never written. Whether a name is one is kept by its hash, since the same names come
 * again and again. */
#ifndef RECORDER_REDACTION_H
#define RECORDER_REDACTION_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_PATTERNS = 64, REC_MATCHES = 8192 };

typedef struct {
    uint32_t count;
    const char *patterns[REC_MOST_PATTERNS]; /* ASCII, lower case; owned by who sets them */
    uint64_t matches[REC_MATCHES];           /* by bucket: a hash; its lowest bit says if it is one's */
} rec_secret_names;

extern rec_secret_names rec_secrets;

/* To be called when the patterns have changed. */
void rec_forget_matches(void);
bool rec_find_match(PyObject *name);

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
    if (rec_secrets.count == 0 || name == NULL || !PyUnicode_CheckExact(name))
        return false;
    return rec_is_secret_str(name, ((PyASCIIObject *)name)->hash);
}

#pragma GCC visibility pop
#endif
