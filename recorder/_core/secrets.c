#include "secrets.h"
#include "objects.h"

rec_secret_names rec_secrets;

void rec_forget_verdicts(void)
{
    /* What cannot stand in that place: a hash that belongs into another one. */
    for (uint64_t i = 0; i < REC_VERDICTS; i++)
        rec_secrets.verdicts[i] = (i ^ 1) << 1;
}

bool rec_find_verdict(PyObject *name)
{
    uint64_t hash = (uint64_t)rec_str_hash(name);
    bool secret = false;
    for (uint32_t i = 0; i < rec_secrets.count && !secret; i++)
        secret = rec_str_matches(name, rec_secrets.patterns[i]);
    if (rec_str_hash(name) != -1)
        rec_secrets.verdicts[hash >> 1 & (REC_VERDICTS - 1)] = (hash & ~1ull) | secret;
    return secret;
}
