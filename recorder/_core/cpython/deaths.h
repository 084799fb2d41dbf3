/* 3.13 and later: CPython tells of objects that die, whoever's; of all of them, some releases later. It has one place for
 * who is told: a function that was there before (tracemalloc's) is called by ours, and one that is put there later takes
 * ours away. */
#ifndef RECORDER_DEATHS_H
#define RECORDER_DEATHS_H
#include <Python.h>
#include <stdbool.h>

/* `died` is called with objects that are about to go, but for numbers, texts, bytes and tuples. Another interpreter may
 * call it at the same time. It may not touch the object. False where that cannot be had: an earlier CPython, or the place
 * was taken since. */
bool rec_watch_deaths(void (*died)(PyObject *));
void rec_unwatch_deaths(void);
/* Whether ours is still there, and this CPython leaves none out. */
bool rec_sees_every_death(void);
#endif
