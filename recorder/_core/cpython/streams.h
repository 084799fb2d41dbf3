/* Python's own streams (`io`), on their way to a descriptor: text, buffer, file. Read in place: what waits in them is
 * not flushed, and no code of the program's runs. Where their fields are is found out by experiment, on streams that
 * lead nowhere; where that fails, only what needs it is missing. */
#ifndef RECORDER_STREAMS_H
#define RECORDER_STREAMS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {
    PyObject *raw;           /* the FileIO at the end */
    PyObject *buffered;      /* the BufferedWriter before it, or NULL */
    int descriptor;
    uint64_t in_text;        /* bytes that wait in the text layer */
    uint64_t in_buffer;      /* bytes that wait in the BufferedWriter */
} rec_layers;

typedef struct {             /* the methods by which something is written or read; NULL: there is no such one */
    PyMethodDef *file_write, *buffered_write, *text_write;
    PyMethodDef *file_readinto, *file_read, *file_readall;
} rec_stream_methods;

/* The types of the module `_io`, before the program can have put others in their places. */
void rec_probe_streams(PyObject *io);

/* Finds out where their fields are, once per process. −1, with an exception set: there
 * was no memory, or a handler of a signal raised it. */
int rec_find_streams(rec_stream_methods *methods);

/* Where a stream leads; false: not to a descriptor, or that is not known. */
bool rec_layers_of_text(PyObject *text, rec_layers *layers);
bool rec_layers_of_buffered(PyObject *buffered, rec_layers *layers);
/* −1: closed, or not known. */
int rec_descriptor_of(PyObject *raw);

/* Whether it is a piece of the memory of a BufferedWriter, as that hands it on. */
bool rec_is_from_buffer(PyObject *data);
/* Whether its bytes can be had without running code of the program's. */
bool rec_has_plain_bytes(PyObject *data);

/* Calls `take` with every piece that waits in the stream, in order. */
typedef void (*rec_take)(const char *data, Py_ssize_t size);
void rec_waiting_bytes(PyObject *text, const rec_layers *layers, rec_take take);

#pragma GCC visibility pop
#endif
