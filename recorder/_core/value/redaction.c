#include "value/redaction.h"
#include "cpython/objects.h"

rec_secret_names rec_secrets;

void rec_forget_matches(void)
{
    /* What cannot stand in that place: a hash that belongs into another one. */
    for (uint64_t i = 0; i < REC_MATCHES; i++)
        rec_secrets.matches[i] = (i ^ 2) << 1;
}

static bool match(PyObject *name)
{
    for (uint32_t i = 0; i < rec_secrets.count; i++)
        if (rec_str_matches(name, rec_secrets.patterns[i]))
            return true;
    return false;
}

/* A verdict that had to make room stands in the place beside its own, so that two names can take turns. */
bool rec_find_match(PyObject *name)
{
    uint64_t hash = (uint64_t)rec_str_hash(name), place = hash >> 1 & (REC_MATCHES - 1);
    uint64_t *first = &rec_secrets.matches[place], *second = &rec_secrets.matches[place ^ 1];
    if (rec_str_hash(name) == -1)
        return match(name);
    uint64_t found = *second;
    if ((found ^ (hash & ~1ull)) > 1)
        found = (hash & ~1ull) | match(name);
    *second = *first;
    *first = found;
    return found & 1;
}
