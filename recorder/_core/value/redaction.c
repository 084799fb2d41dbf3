#include "value/redaction.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "value/types.h"

rec_secret_names rec_secrets;

void rec_forget_matches(void)
{
    /* An entry that no name can have: the hash in it belongs into another bucket. */
    for (uint64_t i = 0; i < REC_MATCHES; i++)
        rec_secrets.matches[i] = (i ^ 2) << 1;
}

/* The hash of a name's content: CPython's, if it was computed. */
static uint64_t hash_of(PyObject *name)
{
    Py_hash_t hash;
    if (PyUnicode_Check(name)) {
        hash = rec_str_hash(name);
        if (hash == -1)
            return rec_hash_bytes(PyUnicode_DATA(name), (size_t)(PyUnicode_GET_LENGTH(name) * PyUnicode_KIND(name)));
    } else {
        hash = rec_bytes_hash(name);
        if (hash == -1)
            return rec_hash_bytes(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name));
    }
    return (uint64_t)hash;
}

static inline bool is_of(uint64_t entry, uint64_t hash) { return (entry ^ (hash & ~1ull)) <= 1; }

/* The entry of a hash, or the one that it is to have. An entry that is pushed out moves to the neighbouring bucket, so that
 * two names of one bucket can take turns. */
static uint64_t *entry_of(uint64_t hash)
{
    uint64_t bucket = hash >> 1 & (REC_MATCHES - 1);
    uint64_t *first = &rec_secrets.matches[bucket], *second = &rec_secrets.matches[bucket ^ 1];
    if (!is_of(*first, hash)) {
        uint64_t found = *second;
        *second = *first;
        *first = found;
    }
    return first;
}

bool rec_find_match(PyObject *name)
{
    uint64_t hash = hash_of(name), *entry = entry_of(hash);
    if (!is_of(*entry, hash))
        *entry = (hash & ~1ull) | rec_matches_name(&rec_secrets.names, name);
    return *entry & 1;
}

bool rec_find_match_of_bytes(const char *name, size_t size)
{
    uint64_t hash = rec_hash_bytes(name, size), *entry = entry_of(hash);
    if (!is_of(*entry, hash))
        *entry = (hash & ~1ull) | rec_matches_bytes(&rec_secrets.names, name, size);
    return *entry & 1;
}

static bool is_secret_member(PyObject *key)
{
    PyObject *name = rec_attribute(key, "_name_"), *value = rec_attribute(key, "_value_");
    return (name != NULL && rec_is_name(name) && rec_find_match(name))
           || (value != NULL && rec_is_name(value) && rec_find_match(value));
}

bool rec_is_secret_key(PyObject *key)
{
    PyTypeObject *t = Py_TYPE(key);
    if (rec_is_name(key) && rec_find_match(key))
        return true;
    if (t == &PyTuple_Type) {
        for (Py_ssize_t i = 0; i < rec_size(key); i++)
            if (rec_is_name(rec_tuple_items(key)[i]) && rec_find_match(rec_tuple_items(key)[i]))
                return true;
        return false;
    }
    return t->tp_flags & Py_TPFLAGS_HEAPTYPE && rec_type_of(t)->shape == REC_ENUM && is_secret_member(key);
}
