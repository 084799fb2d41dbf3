# Values as Python objects: tuples that are made anew only where something changed.

cdef tuple changed_slots(const Frame *f):
    cdef uint64_t i
    cdef list changed = []
    for i in range(f.local_count):
        if is_new(&f.locals[i], f.since):
            changed.append(i)
    return tuple(changed)


cdef tuple changed_globals(const Frame *f):
    """As changed_slots, for a module's body: its own changes, and those of functions it called."""
    cdef uint64_t i
    cdef list changed = []
    if f.globals.changed_before >= f.since:
        for i in range(f.globals.variable_count):
            if is_new(&f.globals.variables[i], f.since):
                changed.append(i)
    return tuple(changed)


cdef tuple snapshot(void **kept, bint *dirty, Variable *variables, uint64_t count):
    """The values of a frame or namespace now. One that did not change since is the same object as before."""
    cdef tuple old = None
    cdef tuple new
    cdef object value
    cdef uint64_t i
    cdef uint64_t known = 0
    if kept[0] != NULL and not dirty[0]:
        return <tuple> kept[0]
    if kept[0] != NULL:
        old = <tuple> kept[0]
        known = <uint64_t> PyTuple_GET_SIZE(old)
    new = PyTuple_New(<Py_ssize_t> count)
    for i in range(count):
        if i < known and not variables[i].flags & VAR_DIRTY:
            value = <object> PyTuple_GET_ITEM(old, <Py_ssize_t> i)
        else:
            value = variable_value(&variables[i])
            variables[i].flags &= ~<uint32_t> VAR_DIRTY
        Py_INCREF(value)
        PyTuple_SET_ITEM(new, <Py_ssize_t> i, value)
    Py_XDECREF(<PyObject *> kept[0])
    Py_INCREF(new)
    kept[0] = <void *> new
    dirty[0] = False
    return new


cdef object variable_value(Variable *variable):
    """A value's bytes, with UNEXAMINED before them if that is what is known; None if unbound."""
    cdef bytes value
    if variable.size == 0 and not variable.flags & VAR_UNEXAMINED:
        return None
    value = PyBytes_FromStringAndSize(<const char *> variable_data(variable), <Py_ssize_t> variable.size)
    return bytes([TAG_UNEXAMINED]) + value if variable.flags & VAR_UNEXAMINED else value


cdef bytes to_bytes(const ByteBuffer *b):
    return PyBytes_FromStringAndSize(<const char *> b.data, <Py_ssize_t> b.size)


cdef str take_str(Cursor *c):
    """A str that was checked to be whole. Text that is no UTF-8 is shown as it is, escaped."""
    cdef uint64_t size = take_varint(c)
    cdef const char *text = <const char *> c.at
    skip(c, size)
    try:
        return PyUnicode_DecodeUTF8(text, <Py_ssize_t> size, "surrogatepass")
    except UnicodeDecodeError:
        return PyUnicode_DecodeUTF8(text, <Py_ssize_t> size, "backslashreplace")


cdef Cursor operands(const Definition *d) noexcept nogil:
    """The operands of a definition, after its number."""
    cdef Cursor c
    c.at = d.raw + 1
    c.end = d.raw + d.raw_size
    c.bad = False
    take_varint(&c)
    return c
