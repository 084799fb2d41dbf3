/* Fingerprints: what a value is compared by, to tell whether it has changed. See fingerprint.c. */
#ifndef RECORDER_FINGERPRINT_H
#define RECORDER_FINGERPRINT_H
#include <Python.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Once per process. */
void rec_prepare_fingerprints(void);
/* To be called when the names that are secret have changed. */
void rec_forget_dicts(void);

/* Of anything, as far as it is recorded. Inside a walk, see walk.h; defines the types that it meets, so that writing
 * the value never has to. */
uint64_t rec_fingerprint(PyObject *o, PyTypeObject *type, uint32_t depth);

#pragma GCC visibility pop
#endif
