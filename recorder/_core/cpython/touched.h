/* What a line changes, as far as it is known before it runs: these objects, and none besides. */
#ifndef RECORDER_TOUCHED_H
#define RECORDER_TOUCHED_H
#include <Python.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_TOUCHED = 8 };

typedef struct {
    int count;
    int ended; /* so many references may have ended, whichever */
    PyObject *objects[REC_MOST_TOUCHED]; /* not owned, only compared. Some may be gone */
} rec_touched;

/* False: there is no room. */
static inline bool rec_touch(rec_touched *touched, PyObject *o)
{
    if (touched->count == REC_MOST_TOUCHED)
        return false;
    touched->objects[touched->count++] = o;
    return true;
}

static inline bool rec_is_touched(const rec_touched *touched, PyObject *o)
{
    for (int i = 0; i < touched->count; i++)
        if (touched->objects[i] == o)
            return true;
    return false;
}

/* An instance, of which an attribute is set: the dict that these may stand in, too. */
bool rec_touch_instance(rec_touched *touched, PyObject *o);
/* A reference to it ends: whether that runs no code, even if it was the last one. Then the object is touched, for another
 * can have its place. NULL: what is not known, and may be anything. */
bool rec_let_go(rec_touched *touched, PyObject *o);
/* The same for what is sure to be the last one. */
bool rec_ends_quietly(rec_touched *touched, PyObject *o);

#pragma GCC visibility pop
#endif
