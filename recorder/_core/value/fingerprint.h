/* Fingerprints: what a value is compared by, to see whether it has changed. See fingerprint.c. */
#ifndef RECORDER_FINGERPRINT_H
#define RECORDER_FINGERPRINT_H
#include <Python.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Once per process. */
void rec_prepare_fingerprints(void);
/* Before each recording: which names are secret, and how much of a text is looked at, may have changed. */
void rec_forget_fingerprints(void);

/* Of anything, as one of type `t`, as far as it is recorded. A walk must have begun, see walk.h. Has the types that it
 * meets defined, so that writing the value never has to. */
uint64_t rec_fingerprint(PyObject *o, PyTypeObject *t);

#pragma GCC visibility pop
#endif
