/* Tensors of torch, whose values C++ keeps. What is said of one is good as long as nobody else has run. */
#ifndef RECORDER_TENSORS_H
#define RECORDER_TENSORS_H
#include "known/cells.h"

#pragma GCC visibility push(hidden)

typedef struct {
    const char *dtype;   /* float32 */
    char device[16];     /* cpu, cuda:0 */
    rec_cells cells;     /* without data where the items are not read */
    Py_ssize_t strides[REC_MOST_DIMENSIONS]; /* in bytes */
} rec_tensor;

/* False: of a layout that is not the known one, or of a class that decides for itself what it shows. */
bool rec_tensor_of(PyObject *object, rec_tensor *tensor);

#pragma GCC visibility pop
#endif
