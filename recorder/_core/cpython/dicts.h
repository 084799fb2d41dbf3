/* The layouts behind items.h, for the C files that can include CPython's internal headers. */
#ifndef RECORDER_DICTS_H
#define RECORDER_DICTS_H
#include "cpython/items.h"
#include "cpython/version.h"

#if !REC_CPYTHON_KNOWN
static inline void rec_open_items(rec_items *items, PyObject *dict)
{
    *items = (rec_items){.dict = dict, .size = PyDict_Size(dict), .of = dict};
}

static inline bool rec_next_item(rec_items *items, PyObject **key, PyObject **value)
{
    return items->dict != NULL && PyDict_Next(items->dict, &items->at, key, value);
}
#else
#include <internal/pycore_dict.h>

/* Values without keys beside them: which of them was set as the i-th. */
#if PY_VERSION_HEX < 0x030D0000
static inline Py_ssize_t rec_values_size(PyObject **values) { return ((uint8_t *)values)[-2]; }
static inline uint8_t rec_values_index(PyObject **values, Py_ssize_t i) { return ((uint8_t *)values)[-3 - i]; }
#else
static inline PyDictValues *rec_values_of(PyObject **values)
{
    return (PyDictValues *)((char *)values - offsetof(PyDictValues, values));
}
static inline Py_ssize_t rec_values_size(PyObject **values) { return rec_values_of(values)->size; }
static inline uint8_t rec_values_index(PyObject **values, Py_ssize_t i)
{
    return get_insertion_order_array(rec_values_of(values))[i];
}
#endif

static inline void rec_split_items(rec_items *items, void *keys, PyObject **values)
{
    Py_ssize_t size = rec_values_size(values);
    *items = (rec_items){.keys = keys, .values = values, .count = size, .size = size};
}

static inline void rec_open_items(rec_items *items, PyObject *dict)
{
    PyDictObject *d = (PyDictObject *)dict;
    if (__builtin_expect(rec_dicts_public, 0))
        *items = (rec_items){.dict = dict, .size = d->ma_used};
    else if (d->ma_values != NULL)
        rec_split_items(items, d->ma_keys, d->ma_values->values);
    else
        *items = (rec_items){.keys = d->ma_keys, .count = d->ma_keys->dk_nentries, .size = d->ma_used};
    items->of = dict;
}

static inline bool rec_next_item(rec_items *items, PyObject **key, PyObject **value)
{
    if (items->dict != NULL)
        return PyDict_Next(items->dict, &items->at, key, value);
    while (items->at < items->count) {
        Py_ssize_t at = items->at++;
        PyDictKeysObject *keys = items->keys;
        if (items->values != NULL) {
            at = rec_values_index(items->values, at);
            *key = DK_UNICODE_ENTRIES(keys)[at].me_key;
            *value = items->values[at];
        } else if (DK_IS_UNICODE(keys)) {
            *key = DK_UNICODE_ENTRIES(keys)[at].me_key;
            *value = DK_UNICODE_ENTRIES(keys)[at].me_value;
        } else {
            *key = DK_ENTRIES(keys)[at].me_key;
            *value = DK_ENTRIES(keys)[at].me_value;
        }
        if (*value != NULL)
            return true;
    }
    return false;
}
#endif
#endif
