# Built-in objects, dicts and instances, read in place.

cdef extern from "cpython/objects.h" nogil:
    ctypedef uint32_t digit
    Py_ssize_t rec_int_digits(PyObject *, const digit **, bint *)
    bint rec_int_small(PyObject *, int64_t *)
    size_t rec_int_bits(const digit *, Py_ssize_t)
    size_t rec_int_bytes(const digit *, Py_ssize_t, uint8_t *)
    uint64_t rec_float_bits(PyObject *)
    uint64_t rec_fold(uint64_t, uint64_t)
    uint64_t rec_str_fingerprint(PyObject *, Py_ssize_t)
    uint64_t rec_key_fingerprint(PyObject *)
    size_t rec_str_utf8(PyObject *, Py_ssize_t, uint8_t *)
    bint rec_str_is(PyObject *, const char *)
    bint rec_is_same_str(PyObject *, PyObject *)
    bint rec_str_matches(PyObject *, const char *)
    size_t rec_utf8_size(PyObject *, Py_ssize_t)
    Py_hash_t rec_str_hash(PyObject *)
    Py_ssize_t rec_references(PyObject *)
    Py_ssize_t rec_size(PyObject *)
    PyObject **rec_tuple_items(PyObject *)
    PyObject **rec_list_items(PyObject *)
    bint rec_set_next(PyObject *, Py_ssize_t *, PyObject **)
    uint64_t rec_dict_version(PyObject *)
    bint rec_is_dict(PyObject *)
    int REC_DICT_DELETED, REC_DICT_CLONED, REC_DICT_CLEARED, REC_DICT_DEALLOCATED
    int rec_watch_dict(int, PyObject *)
    void rec_unwatch_dict(int, PyObject *)
    int rec_add_dict_watcher(int (*)(int, PyObject *, PyObject *, PyObject *) noexcept)
    void rec_clear_dict_watcher(int)
    PyObject *rec_dict_find(PyObject *, const char *)
    PyObject *rec_heap_type_name(PyTypeObject *)

cdef extern from "cpython/items.h" nogil:
    ctypedef struct rec_items:
        Py_ssize_t size
    bint rec_dicts_public
    void rec_items_of(rec_items *, PyObject *)
    bint rec_items_next(rec_items *, PyObject **, PyObject **)

cdef extern from "cpython/type_tables.h" nogil:
    bint rec_is_type_of_python(PyTypeObject *)
    unsigned int rec_type_version(PyTypeObject *)
    PyObject *rec_weak_reference(PyTypeObject *)
    PyObject *rec_referred(PyObject *)

cdef extern from "cpython/ordered.h":
    void rec_prove_ordered()
    bint rec_is_ordered(PyTypeObject *) nogil

cdef extern from "known/forms.h" nogil:
    uint8_t rec_known_type(PyTypeObject *)
    uint8_t rec_type_with_members(PyTypeObject *)
    bint rec_known_changes(uint8_t)

cdef extern from "cpython/exceptions.h" nogil:
    bint rec_exception_may_have_fields(PyObject *)

cdef extern from "cpython/instances.h" nogil:
    ctypedef int rec_shape
    enum:
        REC_OPAQUE, REC_INSTANCE, REC_NAMED_TUPLE, REC_ENUM, REC_DATE, REC_TIME, REC_DATETIME, REC_TIMEDELTA
        REC_TIMEZONE, REC_RANGE, REC_SLICE, REC_METHOD, REC_GENERATOR, REC_ARRAY, REC_MODULE
    ctypedef struct rec_attributes:
        pass
    ctypedef struct rec_fields:
        int count
        const char **names
        PyObject **values
    ctypedef struct rec_datetime:
        int year, month, day, hour, minute, second, microsecond, fold, days, seconds
        PyObject *zone
    ctypedef struct rec_generator:
        int state, line
        PyObject *name
        void *frame
    ctypedef struct c_view "Py_buffer":
        Py_ssize_t len, itemsize
        int ndim
        Py_ssize_t *shape
        char *format
    ctypedef struct rec_array:
        c_view view
    rec_shape rec_shape_of(PyTypeObject *)
    bint rec_has_slots(PyTypeObject *)
    bint rec_is_machinery(PyTypeObject *)
    bint rec_is_numpy_number(PyTypeObject *)
    void rec_storage_of(rec_items *, PyObject *, PyTypeObject *)
    Py_ssize_t rec_attributes_begin(rec_attributes *, PyObject *, const TypeEntry *)
    bint rec_attributes_next(rec_attributes *, PyObject **, PyObject **)
    PyObject *rec_attribute(PyObject *, const char *)
    PyObject *rec_names_of_fields(PyObject *, PyTypeObject *)
    bint rec_find_fields(rec_fields *, PyObject *, rec_shape)
    void rec_read_datetime(PyObject *, rec_shape, rec_datetime *)
    void rec_read_generator(PyObject *, rec_generator *)
    bint rec_array_begin(PyObject *, rec_array *)
    size_t rec_array_fit(rec_array *, size_t)
    void rec_array_copy(rec_array *, uint8_t *, size_t)
    void rec_array_end(rec_array *)
    size_t rec_array_limit()
