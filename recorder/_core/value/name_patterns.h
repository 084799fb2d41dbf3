/* Whether a name is one of those that patterns stand for: in one normal form, whatever its spelling is. */
#ifndef RECORDER_NAME_PATTERNS_H
#define RECORDER_NAME_PATTERNS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {
    const Py_UCS4 *text;   /* with `*` and `?` as in a shell */
    uint32_t size;
    uint32_t letters;      /* which of a to z are in it: a name that lacks one cannot match */
} rec_pattern;

typedef struct {
    uint32_t count;
    const rec_pattern *patterns;
} rec_patterns;

/* The patterns of a tuple of exact strs. `memory` has to have as many bytes as the first says, zeroed; its owner keeps it. */
size_t rec_patterns_size(PyObject *texts);
rec_patterns rec_read_patterns(PyObject *texts, void *memory);

/* `name` is a str or a bytes, or of a class derived from them. */
bool rec_matches_name(const rec_patterns *patterns, PyObject *name);
bool rec_matches_bytes(const rec_patterns *patterns, const char *name, size_t size);
/* `name` is a qualified one, a str: of the function, or of a function around it (`get_token.<locals>.<genexpr>`). */
bool rec_matches_function(const rec_patterns *patterns, PyObject *name);

#pragma GCC visibility pop
#endif
