/* Clients of databases and of HTTP that are written in Python: the function of each through which all goes. */
#ifndef RECORDER_CLIENTS_H
#define RECORDER_CLIENTS_H
#include <Python.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {               /* what is not known is NULL; borrowed */
    PyObject *method;
    const char *scheme;
    PyObject *host, *port, *path, *query;
} rec_request;

typedef struct rec_client {
    const char *name;
    const char *function;      /* its qualified name … */
    const char *file;          /* … and a pattern of its file's */
    uint8_t kind;              /* of LOG; of SQL the second argument is the statement, and the third its parameters */
    void (*look)(PyObject *const arguments[3], rec_request *); /* of HTTP */
} rec_client;

/* NULL: it is none's. */
const rec_client *rec_client_of(PyObject *function, PyObject *file);

#pragma GCC visibility pop
#endif
