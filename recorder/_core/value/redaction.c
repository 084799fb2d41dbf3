#include "value/redaction.h"
#include "cpython/objects.h"

rec_secret_names rec_secrets;

void rec_forget_matches(void)
{
    /* An entry that no name can have: the hash in it belongs into another bucket. */
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

/* An entry that is pushed out moves to the neighbouring bucket, so that two names of one bucket can take turns. */
bool rec_find_match(PyObject *name)
{
    uint64_t hash = (uint64_t)rec_str_hash(name), bucket = hash >> 1 & (REC_MATCHES - 1);
    uint64_t *first = &rec_secrets.matches[bucket], *second = &rec_secrets.matches[bucket ^ 1];
    if (rec_str_hash(name) == -1)
        return match(name);
    uint64_t found = *second;
    if ((found ^ (hash & ~1ull)) > 1)
        found = (hash & ~1ull) | match(name);
    *second = *first;
    *first = found;
    return found & 1;
}
