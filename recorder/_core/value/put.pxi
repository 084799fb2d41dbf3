# How the bytes of records and values are written (put.h).

cdef extern from "value/put.h" nogil:
    uint64_t zigzag "rec_zigzag"(int64_t)
    uint8_t *put_varint "rec_put_varint"(uint8_t *, uint64_t)
    uint8_t *put_tagged "rec_put_tagged"(uint8_t *, uint8_t tag, uint64_t number)
    uint8_t *put_retire "rec_put_retire"(uint8_t *, uint8_t record, uint64_t number)
    uint8_t *put_int "rec_put_int"(uint8_t *, int64_t)
    uint8_t *put_float "rec_put_float"(uint8_t *, uint64_t bits)
    uint8_t *put_chars "rec_put_chars"(uint8_t *, const char *text, size_t)
    uint8_t *put_str "rec_put_str"(uint8_t *, PyObject *, Py_ssize_t limit)
