#include "cpython/internal.h"
#include "cpython/ordered.h"
#include "cpython/dicts.h"
#include "cpython/objects.h"

/* Objects/odictobject.c keeps this for itself; rec_prove_ordered shows that it is so. */
typedef struct ordered_node {
    PyObject *key;
    Py_hash_t hash;
    struct ordered_node *next;
    struct ordered_node *previous;
} ordered_node;

typedef struct {
    PyDictObject dict;
    ordered_node *first;
    ordered_node *last;
    ordered_node **fast_nodes;
    Py_ssize_t fast_nodes_size;
    void *resize_sentinel;
    size_t state;          /* goes up whenever the list of nodes changes */
    PyObject *attributes;
    PyObject *weak_references;
} ordered_dict;

static bool is_known;

bool rec_is_ordered(PyTypeObject *type) { return is_known && PyType_IsSubtype(type, &PyODict_Type); }

uint64_t rec_ordered_version(PyObject *ordered)
{
    uint64_t version = rec_dicts_public ? 0 : rec_dict_version(ordered);
    return version == 0 ? 0 : rec_fold(version, ((ordered_dict *)ordered)->state) | 1;
}

#if REC_CPYTHON_KNOWN
static Py_ssize_t index_at(PyDictKeysObject *keys, size_t i)
{
    if (keys->dk_log2_size < 8)
        return ((int8_t *)keys->dk_indices)[i];
    if (keys->dk_log2_size < 16)
        return ((int16_t *)keys->dk_indices)[i];
    if (keys->dk_log2_size < 32)
        return ((int32_t *)keys->dk_indices)[i];
    return (Py_ssize_t)((int64_t *)keys->dk_indices)[i];
}

/* The value of this very key: CPython's own lookup would compare another one of the same hash. */
static PyObject *value_of(PyObject *dict, PyObject *key, Py_hash_t hash)
{
    PyDictKeysObject *keys = ((PyDictObject *)dict)->ma_keys;
    size_t mask = ((size_t)1 << keys->dk_log2_size) - 1, perturb = (size_t)hash, i = perturb & mask;
    if (((PyDictObject *)dict)->ma_values != NULL)
        return NULL;
    for (size_t round = 0; round <= mask + 64; round++) {
        Py_ssize_t at = index_at(keys, i);
        if (at == -1)
            return NULL;
        if (at >= 0 && DK_IS_UNICODE(keys) && DK_UNICODE_ENTRIES(keys)[at].me_key == key)
            return DK_UNICODE_ENTRIES(keys)[at].me_value;
        if (at >= 0 && !DK_IS_UNICODE(keys) && DK_ENTRIES(keys)[at].me_key == key)
            return DK_ENTRIES(keys)[at].me_value;
        perturb >>= 5;
        i = (i * 5 + perturb + 1) & mask;
    }
    return NULL;
}

bool rec_ordered_items(PyObject *ordered, Py_ssize_t n, rec_item *items)
{
    ordered_node *node = ((ordered_dict *)ordered)->first;
    if (rec_dicts_public || n > REC_MOST_ORDERED)
        return false;
    for (Py_ssize_t i = 0; i < n; i++, node = node->next) {
        PyObject *value = node != NULL ? value_of(ordered, node->key, node->hash) : NULL;
        if (value == NULL)
            return false;
        items[i] = (rec_item){node->key, value};
    }
    return true;
}
#else
bool rec_ordered_items(PyObject *ordered, Py_ssize_t n, rec_item *items)
{
    (void)ordered, (void)n, (void)items;
    return false;
}
#endif

/* Whether an OrderedDict in which `moved` was taken out and put in again after `other` says so. */
static bool is_as_known(PyObject *ordered, PyObject *moved, PyObject *other)
{
    rec_item items[2];
    size_t state = ((ordered_dict *)ordered)->state;
    if (PyODict_SetItem(ordered, moved, Py_True) != 0 || PyODict_SetItem(ordered, other, Py_False) != 0
        || PyODict_DelItem(ordered, moved) != 0 || PyODict_SetItem(ordered, moved, Py_None) != 0)
        return false;
    return rec_ordered_items(ordered, 2, items) && items[0].key == other && items[0].value == Py_False
           && items[1].key == moved && items[1].value == Py_None && ((ordered_dict *)ordered)->state == state + 4;
}

void rec_prove_ordered(void)
{
    if (is_known || rec_dicts_public || PyODict_Type.tp_basicsize != sizeof(ordered_dict))
        return;
    PyObject *ordered = PyODict_New();
    if (ordered != NULL)
        is_known = is_as_known(ordered, Py_Ellipsis, Py_NotImplemented);
    PyErr_Clear();
    Py_XDECREF(ordered);
}
