/* What is known of the types that values have. types.pxi fills the table, and writes the types' definitions. */
#ifndef RECORDER_TYPES_H
#define RECORDER_TYPES_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {
    PyTypeObject *type;
    uint64_t name_fingerprint; /* a type's address is used again after its death: the name shows it … */
    unsigned int version; /* … as does the tag that CPython gives to each state of each type; 0: not known */
    uint32_t id;
    uint32_t space;       /* of a class: the number of the namespace with its attributes, + 1; 0: they are not followed */
    uint8_t shape;        /* a rec_shape */
    bool part;            /* instances have content besides their attributes */
    bool slotted;
    bool ordered;         /* OrderedDict, or a class derived from it */
    uint8_t known;        /* the row of a well-known type (known/table.c), or 0 */
    bool shared;          /* instances can be changed, or are told apart: they have numbers (identity.h) */
    bool machinery;       /* within another value it is left out: see rec_is_machinery */
    bool plain;           /* all that instances have is attributes in a dict, or in its place */
    uint8_t named;        /* attributes that instances share: so many of them … */
    uint32_t secrets;     /* … are known to be secret (bit set) or not */
    void *keys;           /* and this is where CPython keeps their names */
} rec_type_entry;

typedef struct {
    rec_type_entry *entries;
    uint32_t size;        /* a power of two */
    uint32_t used;
    uint32_t next_id;
    rec_type_entry *(*lookup)(PyTypeObject *); /* looks for a type, and takes in a new one */
} rec_type_table;

extern rec_type_table rec_types;

static inline uint32_t rec_type_bucket(PyTypeObject *type)
{
    return ((uint32_t)((uintptr_t)type >> 4) * 2654435761u) >> 8 & (rec_types.size - 1);
}

static inline rec_type_entry *rec_type_of(PyTypeObject *type)
{
    rec_type_entry *entry = &rec_types.entries[rec_type_bucket(type)];
    if (entry->type == type && entry->version == type->tp_version_tag && entry->version != 0)
        return entry;
    return rec_types.lookup(type);
}

#pragma GCC visibility pop
#endif
