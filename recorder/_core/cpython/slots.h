/* The slots of a class, and of those that it derives from, in the order in which the classes declare them. */
#ifndef RECORDER_SLOTS_H
#define RECORDER_SLOTS_H
#include <Python.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_ORDERED = 24 };

typedef struct {
    PyObject *name;      /* borrowed from the class */
    Py_ssize_t offset;   /* in an instance */
} rec_slot;

typedef struct {
    PyTypeObject *type;
    unsigned int version; /* which CPython gives to each state of the type and of those it derives from */
    int count;
    rec_slot slot[REC_MOST_ORDERED];
} rec_slot_list;

/* Good until the next call. NULL: the class has more of them; then they are told as they lie in memory. */
const rec_slot_list *rec_slots_in_order(PyTypeObject *type);

#pragma GCC visibility pop
#endif
