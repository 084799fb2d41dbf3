/* Values written down. See encode.c. */
#ifndef RECORDER_ENCODE_H
#define RECORDER_ENCODE_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A whole value, of at most rec_limits.value_size bytes; returns where the next byte goes. No type may be in it that has
 * no definition: unless it is one of those that have none, rec_fingerprint has walked it before. `walked`: just before,
 * and nothing else since. */
uint8_t *rec_put_value(uint8_t *p, PyObject *o, bool walked);

#pragma GCC visibility pop
#endif
