/* Fingerprints: what a value is compared by, to tell whether it has changed. See prints.c. */
#ifndef RECORDER_PRINTS_H
#define RECORDER_PRINTS_H
#include <Python.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Once per process. */
void rec_prepare_prints(void);
/* To be called when the names that are secret have changed. */
void rec_forget_dicts(void);

/* Of anything, as far as it is recorded. Inside a walk, see walk.h; defines the types that it meets, so that writing
 * the value never has to. */
uint64_t rec_print(PyObject *o, PyTypeObject *type, uint32_t depth);

#pragma GCC visibility pop
#endif
