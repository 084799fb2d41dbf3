#include "cpython/internal.h"
#include "cpython/dicts.h"

bool rec_dicts_public = !REC_CPYTHON_KNOWN;

void rec_items_of(rec_items *items, PyObject *dict) { rec_open_items(items, dict); }

bool rec_items_next(rec_items *items, PyObject **key, PyObject **value) { return rec_next_item(items, key, value); }
