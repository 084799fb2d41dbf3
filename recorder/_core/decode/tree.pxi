# From the bytes of a value to its tree (docs/trace-format.md, section 3): what nearly all of most values is made of.
# The rest is read by who derives from this, recorder/trace/values/parse.py; the nodes are those of nodes.py there.

cdef extern from "Python.h":
    ctypedef struct rec_type "PyTypeObject":
        PyObject *(*tp_new)(rec_type *, PyObject *, PyObject *) except NULL
    rec_type PyTuple_Type

cdef enum:
    MOST_PARTS = 100_000     # of one value; the recorder writes a few thousand


cdef object tuple_as(object cls, object items):
    """A tuple of a class derived from tuple, without the Python code that such a class is called through."""
    cdef tuple arguments = (items,)
    cdef PyObject *made = PyTuple_Type.tp_new(<rec_type *> <PyObject *> cls, <PyObject *> arguments, NULL)
    cdef object result = <object> made
    Py_XDECREF(made)
    return result


cdef class TreeReader:
    """Reads the bytes of one value. `types`: number → module and qualified name. `kinds`: the classes Node, ObjectNode,
    ObjectBytes and Identity. What derives from it has `other(tag, depth)`, for the tags that are not read here, and
    `damaged()`, an exception; both with `at` behind what was read."""

    cdef readonly bytes raw
    cdef readonly Py_ssize_t at
    cdef object types
    cdef object node, object_node, object_bytes, identity
    cdef const uint8_t *data
    cdef Py_ssize_t size
    cdef int parts

    def __init__(self, bytes raw not None, object types, tuple kinds not None):
        self.raw = raw
        self.data = raw
        self.size = len(raw)
        self.at = 1 if self.size and self.data[0] == TAG_UNEXAMINED else 0
        self.types = types
        self.node, self.object_node, self.object_bytes, self.identity = kinds
        self.parts = 0

    # ---- for what derives from it ----

    def varint(self):
        return self.number()

    def bytes(self, Py_ssize_t size):
        return self.chunk(size)

    def text(self):
        return self.string()

    def type(self):
        return self.type_named()

    def value(self, int depth):
        return self.tree(depth)

    def items(self, uint64_t count, int depth):
        return self.trees(count, depth)

    # ---- pieces ----

    cdef int take(self) except -1:
        cdef uint8_t byte
        if self.at >= self.size:
            raise self.damaged()
        byte = self.data[self.at]
        self.at += 1
        return byte

    cdef uint64_t number(self) except? 0xFFFFFFFFFFFFFFFF:
        cdef uint64_t n = 0
        cdef int shift = 0, byte = 0x80
        while byte >= 0x80:
            byte = self.take()
            if shift > 63 or (shift == 63 and byte > 1):
                raise self.damaged()
            n |= <uint64_t> (byte & 0x7F) << shift
            shift += 7
        return n

    cdef const uint8_t *run(self, uint64_t size) except NULL:
        """That many bytes."""
        cdef const uint8_t *begin = self.data + self.at
        if size > <uint64_t> (self.size - self.at):
            raise self.damaged()
        self.at += <Py_ssize_t> size
        return begin

    cdef bytes chunk(self, uint64_t size):
        cdef const uint8_t *begin = self.run(size)
        return PyBytes_FromStringAndSize(<const char *> begin, <Py_ssize_t> size)

    cdef str string(self):
        cdef uint64_t size = self.number()
        cdef const uint8_t *begin = self.run(size)
        return PyUnicode_DecodeUTF8(<const char *> begin, <Py_ssize_t> size, b"surrogatepass")

    cdef object type_named(self):
        return self.types.get(self.number(), ("", "?"))

    cdef uint64_t count_of(self, uint64_t each) except? 0xFFFFFFFFFFFFFFFF:
        """How many items follow, of which each takes so many bytes at least."""
        cdef uint64_t count = self.number()
        if count > <uint64_t> (self.size - self.at) // each:
            raise self.damaged()
        return count

    # ---- trees ----

    cdef object tree(self, int depth):
        cdef int tag = self.take()
        self.parts += 1
        if tag >= TAG_SMALL_INT:
            return tag - TAG_SMALL_INT + REC_SMALL_MIN
        if tag == TAG_STR:
            return self.string()
        if TAG_NONE <= tag <= TAG_NOTIMPLEMENTED:
            return constant(tag)
        if depth > 3 * REC_MAX_NESTING or self.parts > MOST_PARTS:
            raise self.damaged()
        if TAG_STR <= tag <= TAG_DICT_CUT:
            return self.sized(tag & ~1, tag & 1, depth)
        if tag == TAG_IDENTITY or tag == TAG_IDENTITY_UNSURE:
            return self.identified(tag == TAG_IDENTITY_UNSURE, depth)
        if TAG_INSTANCE <= tag <= TAG_NAMED_CUT:
            return self.instance(tag & ~1, tag & 1, depth)
        return self.leaf(tag, depth)

    cdef list trees(self, uint64_t count, int depth):
        cdef list items = []
        if count > <uint64_t> (self.size - self.at):
            raise self.damaged()
        while count:
            items.append(self.tree(depth + 1))
            count -= 1
        return items

    cdef object sized(self, int tag, bint cut, int depth):
        cdef object size = self.number() if cut else None
        cdef object content
        if tag == TAG_STR:
            content = self.string()
        elif tag <= TAG_BYTEARRAY:
            content = self.chunk(self.number())
            if tag == TAG_BYTEARRAY:
                content = bytearray(content)
        else:
            content = self.pairs(self.count_of(2), depth) if tag == TAG_DICT else self.trees(self.number(), depth)
            return self.new_node(tag, None, size if cut else len(content), content, cut)
        return self.new_node(tag, None, size, content, True) if cut else content

    cdef list pairs(self, uint64_t count, int depth):
        cdef list items = []
        cdef object key
        while count:
            key = self.tree(depth + 1)
            items.append((key, self.tree(depth + 1)))
            count -= 1
        return items

    cdef object instance(self, int tag, bint cut, int depth):
        cdef object of = self.type_named()
        cdef object size = self.number() if cut else None
        cdef uint64_t count = self.count_of(2)
        cdef list items = []
        cdef object name
        if not cut:
            size = count
        while count:
            name = self.string()
            items.append((name, self.tree(depth + 1)))
            count -= 1
        return self.new_node(tag, of, size, items, cut)

    cdef object identified(self, bint unsure, int depth):
        cdef object identity = tuple_as(self.identity, (self.number(), self.number() if unsure else 0))
        cdef object found = self.tree(depth + 1)
        if isinstance(found, self.node):
            found = tuple_as(self.object_node, found)
        elif type(found) is bytearray:
            found = self.object_bytes(found)
        else:
            return found
        found.identity = identity
        return found

    cdef object leaf(self, int tag, int depth):
        cdef uint64_t n
        cdef double real = 0.0
        cdef const uint8_t *begin
        if tag == TAG_INT:
            n = self.number()
            return <int64_t> (n >> 1) ^ -<int64_t> (n & 1)
        if tag == TAG_FLOAT:
            begin = self.run(sizeof(real))
            memcpy(&real, begin, sizeof(real))
            return real
        if tag == TAG_REF or tag == TAG_ERROR:
            return self.new_node(tag, None, self.number(), (), False)
        if tag == TAG_OBJECT or tag == TAG_CLASS:
            return self.new_node(tag, self.type_named(), None, (), False)
        if tag == TAG_ELIDED:
            of = self.type_named()
            return self.new_node(tag, of, self.number(), (), False)
        if tag == TAG_TYPED or tag == TAG_EXCEPTION:
            of = self.type_named()
            return self.new_node(tag, of, None, [self.tree(depth + 1)], False)
        if tag == TAG_FUNCTION or tag == TAG_MODULE:
            return self.new_node(tag, None, None, self.string(), False)
        if tag == TAG_REDACTED:
            return self.new_node(tag, None, None, (), False)
        return self.other(tag, depth)

    cdef object new_node(self, int tag, object of, object size, object items, bint cut):
        return tuple_as(self.node, (tag, of, size, items, cut))


cdef object constant(int tag):
    if tag == TAG_NONE:
        return None
    if tag == TAG_FALSE:
        return False
    if tag == TAG_TRUE:
        return True
    return Ellipsis if tag == TAG_ELLIPSIS else NotImplemented
