/* Arrays read through the buffer protocol. See instances.h. */
#include "cpython/internal.h"
#include "cpython/instances.h"
#include "cpython/objects.h"

/* A view that was released says of what it was, and has let go of it: that may be gone. */
bool rec_is_released(PyObject *view)
{
    const PyMemoryViewObject *of = (PyMemoryViewObject *)view;
    return (of->flags & _Py_MEMORYVIEW_RELEASED) || of->mbuf == NULL || (of->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED);
}

PyObject *rec_view_owner(PyObject *view) { return rec_is_released(view) ? NULL : PyMemoryView_GET_BASE(view); }

/* Whether the memory that a view is of is such that it can be read: a file that is mapped into memory may be shorter by
 * now. */
static bool is_of_memory(PyObject *view)
{
    PyObject *owner = rec_view_owner(view);
    return owner != NULL
           && (PyBytes_CheckExact(owner) || PyByteArray_CheckExact(owner) || rec_is_array(Py_TYPE(owner)));
}

bool rec_array_begin(PyObject *object, rec_array *out)
{
    PyObject *kind, *value, *trace;
    if (PyMemoryView_Check(object) && !is_of_memory(object))
        return false;
    PyErr_Fetch(&kind, &value, &trace);
    int failed = PyObject_GetBuffer(object, &out->view, PyBUF_FULL_RO);
    if (failed)
        PyErr_Clear(); /* a kind of items that buffers cannot express */
    PyErr_Restore(kind, value, trace);
    if (failed)
        return false;
    const char *format = out->view.format != NULL ? out->view.format : "B";
    out->simple = strchr(format, 'O') == NULL && strchr(format, 'P') == NULL;
    if (out->view.ndim > 32 || strlen(format) > 200) {
        PyBuffer_Release(&out->view);
        return false;
    }
    return true;
}

size_t rec_array_fit(rec_array *array, size_t capacity)
{
    size_t item = (size_t)array->view.itemsize, size = (size_t)array->view.len;
    if (!array->simple || item == 0 || array->view.suboffsets != NULL)
        return 0;
    return (size < capacity ? size : capacity) / item * item;
}

void rec_array_copy(rec_array *array, uint8_t *out, size_t size)
{
    Py_buffer *view = &array->view;
    size_t item = (size_t)view->itemsize, done = 0;
    Py_ssize_t index[32] = {0};
    if (PyBuffer_IsContiguous(view, 'C')) {
        memcpy(out, view->buf, size);
        rec_count_bytes(size);
        return;
    }
    while (done < size) {
        const char *place = view->buf;
        for (int d = 0; d < view->ndim; d++)
            place += index[d] * view->strides[d];
        memcpy(out + done, place, item);
        rec_count_items(1);
        done += item;
        int d = view->ndim - 1;
        while (d >= 0 && ++index[d] == view->shape[d])
            index[d--] = 0;
        if (d < 0)
            return;
    }
}

void rec_array_end(rec_array *array) { PyBuffer_Release(&array->view); }

bool rec_array_digest(PyObject *object, uint64_t *digest)
{
    rec_array array;
    if (!rec_array_begin(object, &array))
        return false;
    size_t size = (size_t)array.view.len;
    bool can = array.simple && size > rec_array_limit() && size <= REC_MOST_DIGESTED
               && PyBuffer_IsContiguous(&array.view, 'A');
    if (can) {
        *digest = rec_hash_bytes(array.view.buf, size);
        rec_count_bytes(size);
    }
    rec_array_end(&array);
    return can;
}
