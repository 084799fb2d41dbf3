/* Values written down. See encode.c. */
#ifndef RECORDER_ENCODE_H
#define RECORDER_ENCODE_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A whole value, of at most rec_limits.value_size bytes; returns where the next byte goes. Every type in it must have
 * been defined: rec_fingerprint has walked the value before, or it is one that names no type. `walked`: rec_fingerprint
 * has walked it just now, and no other value since. */
uint8_t *rec_put_value(uint8_t *p, PyObject *o, bool walked);

#pragma GCC visibility pop
#endif
