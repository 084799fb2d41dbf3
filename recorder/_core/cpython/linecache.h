/* The text that `linecache` holds of code that is in no file: a cell of a notebook, a line typed at the prompt, methods
 * that attrs wrote. Read as plain dicts, tuples and lists; whatever is of a class of the program's is not looked at, nor is
 * an entry that would have to call a loader first. Borrowed all along: nothing here runs code or makes objects. */
#ifndef RECORDER_LINECACHE_H
#define RECORDER_LINECACHE_H
#include <Python.h>
#include <stdbool.h>
#include <string.h>

#include "cpython/objects.h"

/* `linecache.cache`, or NULL. */
static inline PyObject *rec_linecache(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = modules != NULL && PyDict_CheckExact(modules) ? rec_dict_find(modules, "linecache") : NULL;
    PyObject *names = module != NULL && PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
    PyObject *cache = names != NULL && PyDict_CheckExact(names) ? rec_dict_find(names, "cache") : NULL;
    return cache != NULL && PyDict_CheckExact(cache) ? cache : NULL;
}

/* The lines of an entry `(size, None, lines, name)`. One with a time is of a file, which the sealer reads. */
static inline PyObject *rec_lines_of_entry(PyObject *entry)
{
    if (!PyTuple_CheckExact(entry) || PyTuple_GET_SIZE(entry) != 4 || PyTuple_GET_ITEM(entry, 1) != Py_None)
        return NULL;
    PyObject *lines = PyTuple_GET_ITEM(entry, 2);
    if (!PyList_CheckExact(lines))
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lines); i++)
        if (!PyUnicode_CheckExact(PyList_GET_ITEM(lines, i)))
            return NULL;
    return lines;
}

/* A list of exact strs, or NULL. */
static inline PyObject *rec_cached_lines(PyObject *name)
{
    PyObject *cache = rec_linecache(), *key, *entry;
    Py_ssize_t at = 0;
    while (cache != NULL && PyDict_Next(cache, &at, &key, &entry))
        if (rec_is_same_str(key, name))
            return rec_lines_of_entry(entry);
    return NULL;
}

static inline size_t rec_lines_size(PyObject *lines)
{
    size_t size = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lines); i++) {
        PyObject *line = PyList_GET_ITEM(lines, i);
        size += rec_utf8_size(line, PyUnicode_GET_LENGTH(line));
    }
    return size;
}

static inline uint8_t *rec_put_lines(uint8_t *p, PyObject *lines)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lines); i++) {
        PyObject *line = PyList_GET_ITEM(lines, i);
        p += rec_str_utf8(line, PyUnicode_GET_LENGTH(line), p);
    }
    return p;
}
#endif
