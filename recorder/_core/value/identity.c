/* Numbers of objects, by their addresses. See identity.h. */
#include "cpython/internal.h"
#include "value/identity.h"
#include <string.h>
#include "value/walk.h"

rec_identity_table rec_identities;

/* Of an object whose finalizer may let it outlive its death: its address, marked. */
static inline PyObject *ghost_of(PyObject *o) { return (PyObject *)((uintptr_t)o | 1); }

/* A death is told before the object's memory is given back. Interpreters with a lock of their own tell of their objects at
 * the same time: none of them has an address of one of ours. */
static void on_death(PyObject *o)
{
    size_t bucket = rec_identity_bucket(o);
    for (size_t i = 0; i < REC_NEIGHBOURS; i++) {
        PyObject **there = &rec_identities.entries[(bucket + i) & (REC_IDENTITIES - 1)].object;
        if (__atomic_load_n(there, __ATOMIC_RELAXED) == o) {
            bool stays = Py_TYPE(o)->tp_finalize != NULL || Py_TYPE(o)->tp_del != NULL;
            __atomic_store_n(there, stays ? ghost_of(o) : NULL, __ATOMIC_RELAXED);
            return;
        }
    }
}

bool rec_open_identities(const RecSys *sys)
{
    rec_identity_entry *entries = rec_identities.entries;
    if (entries != NULL)
        memset(entries, 0, REC_IDENTITIES * sizeof(rec_identity_entry));
    else
        entries = sys->calloc(REC_IDENTITIES, sizeof(rec_identity_entry));
    if (entries == NULL)
        return false;
    rec_identities = (rec_identity_table){.entries = entries};
    rec_identities.exact = rec_watch_deaths(on_death);
    return true;
}

/* The table stays for the next recording: who came after us to be told of deaths may still call us. */
void rec_close_identities(void) { rec_unwatch_deaths(); }

/* Somebody took our place. If they have left it since, it is ours again, but who died in between is not known. */
void rec_doubt_all_identities(void)
{
    rec_identities.exact = rec_watch_deaths(on_death);
    for (size_t i = 0; i < REC_IDENTITIES; i++)
        if (rec_identities.entries[i].object != NULL)
            rec_identities.entries[i].doubts = rec_doubt(rec_identities.entries[i].doubts);
}

static rec_identity enter(rec_identity_entry *entry, PyObject *o, uint64_t doubts)
{
    __atomic_store_n(&entry->object, o, __ATOMIC_RELAXED);
    entry->type = Py_TYPE(o);
    entry->is_heap_type = (Py_TYPE(o)->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0;
    entry->number = rec_identities.next++;
    entry->doubts = doubts;
    entry->met = rec_identities.now;
    entry->walk = rec_walk.number - 1;
    rec_identities.current = entry;
    return (rec_identity){entry->number, doubts};
}

/* An object of another type is another one, unless both can be of one that was assigned to __class__. */
static bool is_alike(const rec_identity_entry *entry, PyTypeObject *t)
{
    return entry->type == t || (entry->is_heap_type && (t->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0);
}

static rec_identity meet_again(rec_identity_entry *entry, PyObject *o)
{
    bool is_ghost = entry->object != o;
    if (!is_alike(entry, Py_TYPE(o)))
        return enter(entry, o, 0);
    if (is_ghost || (!rec_identities.exact && entry->met != rec_identities.now))
        entry->doubts = rec_doubt(entry->doubts);
    if (is_ghost)
        __atomic_store_n(&entry->object, o, __ATOMIC_RELAXED);
    entry->type = Py_TYPE(o);
    entry->met = rec_identities.now;
    rec_identities.current = entry;
    return (rec_identity){entry->number, entry->doubts};
}

/* Where there is no room, what was met longest ago is forgotten; not what is in the value that is looked at. */
rec_identity rec_find_identity(PyObject *o)
{
    size_t bucket = rec_identity_bucket(o);
    rec_identity_entry *first = &rec_identities.entries[bucket], *chosen = NULL;
    for (size_t i = 0; i < REC_NEIGHBOURS; i++) {
        rec_identity_entry *entry = &rec_identities.entries[(bucket + i) & (REC_IDENTITIES - 1)];
        if (entry->object == o || entry->object == ghost_of(o))
            return meet_again(entry, o);
        if (entry->object != NULL && entry->walk == rec_walk.number)
            continue;
        if (chosen == NULL || (chosen->object != NULL
                               && (entry->object == NULL
                                   || rec_identities.now - entry->met > rec_identities.now - chosen->met)))
            chosen = entry;
    }
    if (chosen == NULL) {
        first->forgot = true;
        rec_identities.current = NULL;
        return (rec_identity){rec_identities.next++, REC_MAYBE_OLDER};
    }
    if (chosen->object != NULL)
        rec_identities.entries[rec_identity_bucket(chosen->object)].forgot = true;
    return enter(chosen, o, first->forgot ? REC_MAYBE_OLDER : 0);
}

uint64_t rec_number_of(PyObject *o)
{
    size_t bucket = rec_identity_bucket(o);
    for (size_t i = 0; i < REC_NEIGHBOURS; i++) {
        rec_identity_entry *entry = &rec_identities.entries[(bucket + i) & (REC_IDENTITIES - 1)];
        if (entry->object == o && entry->type == Py_TYPE(o))
            return entry->number;
    }
    return rec_identities.exact ? rec_find_identity(o).number : REC_NO_OBJECT;
}

void rec_hold_elsewhere(PyObject *o)
{
    size_t bucket = rec_identity_bucket(o);
    for (size_t i = 1; i < REC_NEIGHBOURS; i++) {
        rec_identity_entry *entry = &rec_identities.entries[(bucket + i) & (REC_IDENTITIES - 1)];
        if (entry->object == o) {
            entry->met = rec_identities.now;
            return;
        }
    }
}
