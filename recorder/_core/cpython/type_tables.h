/* What the tables of a type written in C say of its methods and fields: looked up there, and not as attributes, so that
 * nothing of the program's runs or stands in for them. */
#ifndef RECORDER_TYPE_TABLES_H
#define RECORDER_TYPE_TABLES_H
#include <Python.h>
#include <stdbool.h>
#include <string.h>
#include "cpython/version.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <structmember.h>
#pragma GCC diagnostic pop

/* The type, or the first one that it is derived from, of this tp_name; NULL: there is none. */
static inline PyTypeObject *rec_base_called(PyTypeObject *type, const char *name)
{
    while (type != NULL && strcmp(type->tp_name, name) != 0)
        type = type->tp_base;
    return type;
}

/* NULL: it has none of that name. */
static inline PyMethodDef *rec_find_method(PyTypeObject *type, const char *name)
{
    PyMethodDef *method = type->tp_methods;
    while (method != NULL && method->ml_name != NULL && strcmp(method->ml_name, name) != 0)
        method++;
    return method != NULL && method->ml_name != NULL ? method : NULL;
}

static inline PyMemberDef *rec_find_member(PyTypeObject *type, const char *name)
{
    PyMemberDef *member = type->tp_members;
    while (member != NULL && member->name != NULL && strcmp(member->name, name) != 0)
        member++;
    return member != NULL && member->name != NULL ? member : NULL;
}

/* A class statement makes a heap type that has no module and no table of methods. */
static inline bool rec_is_type_of_python(PyTypeObject *type)
{
    return type->tp_flags & Py_TPFLAGS_HEAPTYPE && ((PyHeapTypeObject *)type)->ht_module == NULL
           && type->tp_methods == NULL;
}

/* CPython's number of the state that a type is in; what has none yet gets one, as a lookup of an attribute would give it.
 * 0: it can have none. */
static inline unsigned rec_type_version(PyTypeObject *type)
{
#if REC_CPYTHON_KNOWN && PY_VERSION_HEX >= 0x030C0000
    if (type->tp_version_tag == 0)
        (void)PyUnstable_Type_AssignVersionTag(type); /* audit: the tag says whether it could */
#endif
    return type->tp_version_tag;
}

/* The weak reference by which CPython itself lists a class among those derived from its bases: all that have no callback are
 * this one. Borrowed; NULL: there is none. */
static inline PyObject *rec_weak_reference(PyTypeObject *type)
{
    PyWeakReference *first = (PyWeakReference *)type->tp_weaklist;
    bool shared = first != NULL && Py_TYPE(first) == &_PyWeakref_RefType && first->wr_callback == NULL;
    return shared ? (PyObject *)first : NULL;
}

/* What it refers to, borrowed; NULL: that is gone, or about to be. */
static inline PyObject *rec_referred(PyObject *reference)
{
    PyObject *object = ((PyWeakReference *)reference)->wr_object;
    return object != Py_None && Py_REFCNT(object) > 0 ? object : NULL;
}

#endif
