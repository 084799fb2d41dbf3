# Python's own streams, read in place.

cdef extern from "cpython/streams.h":
    ctypedef struct rec_layers:
        PyObject *raw
        PyObject *buffered
        int descriptor
        uint64_t in_text
        uint64_t in_buffer
    ctypedef struct rec_stream_methods:
        PyMethodDef *file_write
        PyMethodDef *buffered_write
        PyMethodDef *text_write
        PyMethodDef *file_readinto
        PyMethodDef *file_read
        PyMethodDef *file_readall
    void rec_probe_streams(PyObject *) noexcept
    int rec_find_streams(rec_stream_methods *) except -1
    bint rec_layers_of_text(PyObject *, rec_layers *) noexcept
    bint rec_layers_of_buffered(PyObject *, rec_layers *) noexcept
    int rec_descriptor_of(PyObject *) noexcept
    bint rec_is_from_buffer(PyObject *) noexcept
    bint rec_has_plain_bytes(PyObject *) noexcept
    void rec_waiting_bytes(PyObject *, const rec_layers *, void (*)(const char *, Py_ssize_t) noexcept) noexcept
