/* Which object a value is: a number for every object that can be changed and shared, kept by its address.
 *
 * No reference is held, so that an address can come to be another object's. From 3.13 on every death is told (deaths.h), and
 * the number goes with the object. Elsewhere an object that is met again at an address may be another one: then that is
 * counted, as `doubts`, unless what held it has not let go of it, or nothing ran in between. What is in doubt is written
 * with the number.
 *
 * The table has a fixed size. Where an address has no room its oldest neighbour is forgotten; whatever gets a number there
 * from then on may be an object that had one before. */
#ifndef RECORDER_IDENTITY_H
#define RECORDER_IDENTITY_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include "cpython/deaths.h"
#include "sys/syscall_table.h"

#pragma GCC visibility push(hidden)

enum {
    REC_IDENTITIES = 1 << 18,        /* objects that the table holds, a power of two: 12 MiB, of which what is used is touched */
    REC_NEIGHBOURS = 8,              /* entries in which an object may be, from that of its address on */
    REC_MAYBE_OLDER = 1,             /* in `doubts`: it may be one that had another number before … */
    REC_NOT_FOLLOWED = 2,            /* … may become another, equal one without a word, … */
    REC_MAYBE_ANOTHER = 4            /* … and at this moment, as they are numbered, it may have become another one */
};

#define REC_NO_OBJECT UINT64_MAX

typedef struct {
    PyObject *object;    /* not owned, only compared; NULL: nobody's; lowest bit set: it may have died */
    PyTypeObject *type;  /* likewise */
    uint64_t number;
    uint64_t doubts;
    uint32_t met;        /* the moment when it was met last; not kept up while deaths are told */
    uint32_t walk;       /* over a value in which it was met last … */
    uint32_t index;      /* … as the n-th container */
    bool is_heap_type;
    bool forgot;         /* an object of this address was left out for want of room */
} rec_identity_entry;

typedef struct {
    uint64_t number;
    uint64_t doubts;
} rec_identity;

typedef struct {
    rec_identity_entry *entries;
    rec_identity_entry *current; /* of the object that was asked for last, whose parts come next */
    rec_identity top;        /* of the object that was looked at as a whole; REC_NO_OBJECT: it has no number */
    uint64_t next;
    uint64_t moments;        /* so many there were */
    uint64_t alike;          /* what an object is doubted by that comes into doubt at this moment; 0: none has to */
    uint32_t now;            /* the moment: between two looks within one nothing of the program's can have run */
    uint32_t interludes;     /* moments that are no events */
    bool exact;              /* every death is told */
    bool followed;           /* what may become another object is told of the variable that is looked at */
} rec_identity_table;

extern rec_identity_table rec_identities;

/* For a recording. False: no memory. */
bool rec_open_identities(const RecSys *sys);
void rec_close_identities(void);
void rec_hold_elsewhere(PyObject *o);
/* The number of an object that is sure to live, and is not looked at: nothing is doubted for it. REC_NO_OBJECT: it has none, and
 * would be in doubt when it is looked at. */
uint64_t rec_number_of(PyObject *o);
/* The rare ways of the two below. */
rec_identity rec_find_identity(PyObject *o);
void rec_doubt_all_identities(void);

/* What is doubted of an object from this moment on. */
static inline uint64_t rec_doubt(uint64_t doubts)
{
    return (doubts & (REC_MAYBE_ANOTHER - 1)) + rec_identities.moments * REC_MAYBE_ANOTHER;
}

/* Before objects are looked at for an event, by its number, or in between. */
static inline void rec_begin_moment(uint64_t event)
{
    uint32_t now = (uint32_t)event + rec_identities.interludes;
    if (rec_identities.now == now)
        return;
    rec_identities.now = now;
    rec_identities.moments++;
    if (rec_identities.exact && !rec_sees_every_death())
        rec_doubt_all_identities();
    rec_identities.alike = rec_identities.exact ? 0 : rec_identities.moments * REC_MAYBE_ANOTHER;
}

static inline size_t rec_identity_bucket(PyObject *o)
{
    uintptr_t address = (uintptr_t)o;
    return ((address >> 4) + (address >> 22)) & (REC_IDENTITIES - 1); /* no two objects are nearer than 16 bytes */
}

/* It has been held since it was met last. */
static inline void rec_hold_object(PyObject *o)
{
    rec_identity_entry *entry = &rec_identities.entries[rec_identity_bucket(o)];
    if (__builtin_expect(entry->object == o, 1))
        entry->met = rec_identities.now;
    else
        rec_hold_elsewhere(o);
}

static inline rec_identity rec_identity_of(PyObject *o)
{
    rec_identity_entry *entry = &rec_identities.entries[rec_identity_bucket(o)];
    if (__builtin_expect(entry->object != o, 0))
        return rec_find_identity(o);
    rec_identities.current = entry;
    if (!rec_identities.exact && entry->met != rec_identities.now) {
        if (entry->type != Py_TYPE(o))
            return rec_find_identity(o);
        entry->doubts = rec_doubt(entry->doubts);
        entry->met = rec_identities.now;
    }
    return (rec_identity){entry->number, entry->doubts};
}

#pragma GCC visibility pop
#endif
