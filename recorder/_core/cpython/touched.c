/* See touched.h. */
#include "cpython/internal.h"
#include "cpython/touched.h"
#include "cpython/dicts.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "cpython/plain.h"

#if !REC_CPYTHON_KNOWN
bool rec_ends_quietly(rec_touched *touched, PyObject *o) { return false; }
#else
bool rec_touch_instance(rec_touched *touched, PyObject *o)
{
    rec_items items;
    rec_storage_of(&items, o, Py_TYPE(o));
    return rec_touch(touched, o) && (items.of == NULL || rec_touch(touched, items.of));
}

/* Whether, of so many parts that end together, this one lives on, or is nothing of which code hears when it does not. */
static bool outlives(const rec_touched *touched, PyObject *part, Py_ssize_t parts)
{
    return part == NULL || rec_is_scalar(part) || Py_REFCNT(part) > touched->ended + parts;
}

static bool all_outlive(rec_touched *touched, PyObject **items, Py_ssize_t n)
{
    if (n > REC_MOST_PLAIN)
        return false;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!outlives(touched, items[i], n))
            return false;
    touched->ended += (int)n;
    return true;
}

static bool items_outlive(rec_touched *touched, rec_items *items)
{
    PyObject *key, *value;
    Py_ssize_t parts = 2 * items->size;
    if (items->count > REC_MOST_PLAIN)
        return false;
    while (rec_next_item(items, &key, &value))
        if (!outlives(touched, key, parts) || !outlives(touched, value, parts))
            return false;
    touched->ended += (int)parts;
    return true;
}

/* An instance of a class of the program's with nothing but attributes in a dict, or in its place. */
static bool ends_plainly(rec_touched *touched, PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    rec_items items;
    if (!(t->tp_flags & Py_TPFLAGS_HEAPTYPE) || t->tp_base != &PyBaseObject_Type || Py_SIZE(t) != 0
        || t->tp_finalize != NULL || t->tp_del != NULL || Py_REFCNT(t) <= touched->ended + 1)
        return false;
    if (t->tp_weaklistoffset != 0 && *PyObject_GET_WEAKREFS_LISTPTR(o) != NULL)
        return false;
    rec_storage_of(&items, o, t);
    if (items.of != NULL && !rec_touch(touched, items.of))
        return false;
    return items_outlive(touched, &items);
}

bool rec_ends_quietly(rec_touched *touched, PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    rec_items items;
    if (rec_is_scalar(o))
        return true;
    if (!rec_touch(touched, o))
        return false;
    if (t == &PyList_Type || t == &PyTuple_Type)
        return all_outlive(touched, t == &PyList_Type ? rec_list_items(o) : rec_tuple_items(o), rec_size(o));
    if (t == &PyDict_Type) {
        rec_open_items(&items, o);
        return items_outlive(touched, &items);
    }
    return ends_plainly(touched, o);
}

bool rec_let_go(rec_touched *touched, PyObject *o)
{
    if (o == NULL)
        return false;
    return rec_is_scalar(o) || Py_REFCNT(o) > ++touched->ended || rec_ends_quietly(touched, o);
}
#endif
