/* numpy.ndarray, as numpy's public headers have it, by which other extension modules are compiled; and array.array, of
 * which its buffer tells all. */
#include "known/cells.h"
#include "known/readers.h"
#include "cpython/objects.h"
#include "cpython/instances.h"
#include "value/walk.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <structmember.h>
#pragma GCC diagnostic pop

typedef struct {         /* PyArrayObject_fields of numpy/ndarraytypes.h */
    PyObject_HEAD
    char *data;
    int dimensions;
    Py_ssize_t *shape, *strides;
    PyObject *base;
    PyObject *dtype;
} array_object;

typedef struct {         /* PyArrayInterface: what __array_struct__ says */
    int two;
    int dimensions;
    char kind;
    int item_size;
    int flags;
    Py_ssize_t *shape, *strides;
    void *data;
} array_interface;

static struct {          /* what has been proved by the first array, and where numpy.dtype keeps its parts */
    PyTypeObject *array, *dtype;
    Py_ssize_t code, byte_order, item_size;
    bool short_item_size;
    PyGetSetDef *text;
} known;

/* ---- the layout ---- */

/* Where numpy.dtype's own table says that its parts are. */
static bool find_parts_of_dtype(PyTypeObject *type)
{
    PyMemberDef *code = rec_find_member(type, "char"), *order = rec_find_member(type, "byteorder");
    PyMemberDef *size = rec_find_member(type, "itemsize");
    known.text = rec_getter_of(type, "str");
    if (code == NULL || code->type != T_CHAR || order == NULL || order->type != T_CHAR || size == NULL
        || (size->type != T_PYSSIZET && size->type != T_INT) || known.text == NULL)
        return false;
    known.code = code->offset;
    known.byte_order = order->offset;
    known.item_size = size->offset;
    known.short_item_size = size->type == T_INT;
    return true;
}

static bool says_the_same(const array_object *array, const array_interface *said)
{
    size_t bytes = (size_t)array->dimensions * sizeof(Py_ssize_t);
    return said != NULL && said->two == 2 && said->dimensions == array->dimensions && said->data == array->data
           && memcmp(said->shape, array->shape, bytes) == 0 && memcmp(said->strides, array->strides, bytes) == 0;
}

static bool proves(array_object *array, PyTypeObject *type)
{
    PyGetSetDef *as_struct = rec_getter_of(type, "__array_struct__"), *dtype = rec_getter_of(type, "dtype");
    if (as_struct == NULL || dtype == NULL || array->dimensions < 0 || array->dimensions > REC_MOST_DIMENSIONS)
        return false;
    PyObject *of = dtype->get((PyObject *)array, dtype->closure);
    PyObject *capsule = as_struct->get((PyObject *)array, as_struct->closure);
    bool same = of != NULL && of == array->dtype && capsule != NULL
                && says_the_same(array, PyCapsule_GetPointer(capsule, NULL));
    PyTypeObject *dtype_type = of != NULL ? rec_base_called(Py_TYPE(of), "numpy.dtype") : NULL;
    same = same && dtype_type != NULL && find_parts_of_dtype(dtype_type);
    Py_XDECREF(of);
    Py_XDECREF(capsule);
    PyErr_Clear();
    if (same && array->dimensions > 0) {
        known.array = type;
        known.dtype = dtype_type;
    }
    return same;
}

static bool is_known(array_object *array)
{
    PyObject *kind, *value, *trace;
    PyTypeObject *type = rec_base_called(Py_TYPE(array), "numpy.ndarray");
    if (type == NULL || type->tp_basicsize < (Py_ssize_t)sizeof(array_object))
        return false;
    if (type == known.array)
        return true;
    PyErr_Fetch(&kind, &value, &trace);
    int collects = PyGC_Disable(); /* numpy makes objects: no code of the program's may run by that */
    bool proved = proves(array, type);
    if (collects)
        (void)PyGC_Enable(); /* audit: says what it was before */
    PyErr_Restore(kind, value, trace);
    return proved;
}

/* ---- what the items are ---- */

/* `M8[ns]`, as dtype.str has it, without the order of bytes. */
static bool read_unit(PyObject *dtype, char *format, size_t capacity)
{
    PyObject *text = known.text->get(dtype, known.text->closure);
    bool fits = text != NULL && PyUnicode_CheckExact(text) && PyUnicode_IS_ASCII(text)
                && PyUnicode_GET_LENGTH(text) > 1 && (size_t)PyUnicode_GET_LENGTH(text) < capacity;
    if (fits)
        memcpy(format, (char *)PyUnicode_DATA(text) + 1, (size_t)PyUnicode_GET_LENGTH(text));
    if (text == NULL)
        PyErr_Clear();
    Py_XDECREF(text);
    return fits;
}

static bool read_format(PyObject *dtype, rec_cells *cells)
{
    char code = *((char *)dtype + known.code), order = *((char *)dtype + known.byte_order);
    char *format = cells->format;
    if (order == '>')
        *format++ = '>';
    size_t capacity = sizeof(cells->format) - 1;
    cells->objects = code == 'O';
    if (strchr("?bBhHiIlLqQefdgO", code) != NULL)
        return snprintf(format, capacity, "%c", code) > 0;
    if (strchr("FDG", code) != NULL)
        return snprintf(format, capacity, "Z%c", code - 'A' + 'a') > 0;
    if (code == 'S')
        return snprintf(format, capacity, "%zds", cells->item_size) > 0;
    if (code == 'U')
        return snprintf(format, capacity, "%zdw", cells->item_size / 4) > 0;
    return (code == 'M' || code == 'm') && read_unit(dtype, format, capacity);
}

/* Whether this memory may be gone: somebody else can make a file shorter, and what a view has let go of is nobody's. */
static bool may_be_gone(PyObject *base)
{
    for (int n = 0; base != NULL && n < 8; n++) {
        if (strcmp(Py_TYPE(base)->tp_name, "mmap.mmap") == 0)
            return true;
        if (PyMemoryView_Check(base) && rec_is_released(base))
            return true;
        if (PyMemoryView_Check(base))
            base = rec_view_owner(base);
        else if (rec_base_called(Py_TYPE(base), "numpy.ndarray") != NULL)
            base = ((array_object *)base)->base;
        else
            return false;
    }
    return false;
}

/* Of a class derived from array.array, which may have methods of its own for a buffer: those of array.array are called.
 * `type`: that; NULL: it is none. */
static bool cells_of_array(PyObject *object, PyTypeObject *type, rec_cells *cells)
{
    PyObject *kind, *value, *trace;
    Py_buffer view;
    if (type == NULL)
        return false;
    PyErr_Fetch(&kind, &value, &trace);
    bool has = type->tp_as_buffer != NULL && type->tp_as_buffer->bf_getbuffer(object, &view, PyBUF_FULL_RO) == 0;
    if (!has)
        PyErr_Clear();
    PyErr_Restore(kind, value, trace);
    if (!has)
        return false;
    *cells = (rec_cells){.type = Py_TYPE(object), .data = view.buf, .dimensions = 1, .length = view.len / view.itemsize,
                         .stride = view.itemsize, .item_size = view.itemsize};
    bool fits = snprintf(cells->format, sizeof(cells->format), "%s", view.format) < (int)sizeof(cells->format);
    if (type->tp_as_buffer->bf_releasebuffer != NULL)
        type->tp_as_buffer->bf_releasebuffer(object, &view); /* audit: returns nothing */
    Py_DECREF(view.obj);
    return fits;
}

static void read_array(array_object *array, rec_cells *cells)
{
    char *size = (char *)array->dtype + known.item_size;
    *cells = (rec_cells){.type = Py_TYPE(array), .data = array->data, .dimensions = array->dimensions,
                         .shape = array->shape, .strides = array->strides};
    cells->item_size = known.short_item_size ? *(int *)size : *(Py_ssize_t *)size;
    if (may_be_gone(array->base))
        cells->data = NULL;
}

bool rec_cells_of(PyObject *object, rec_cells *cells)
{
    array_object *array = (array_object *)object;
    if (!is_known(array))
        return cells_of_array(object, rec_base_called(Py_TYPE(object), "array.array"), cells);
    if (array->dimensions > REC_MOST_DIMENSIONS)
        return false;
    read_array(array, cells);
    return read_format(array->dtype, cells);
}

PyObject *rec_cells_of_texts(PyObject *object, rec_cells *cells)
{
    array_object *array = (array_object *)object;
    if (!is_known(array) || array->dimensions > REC_MOST_DIMENSIONS || *((char *)array->dtype + known.code) != 'T')
        return NULL;
    read_array(array, cells);
    return cells->data != NULL ? array->dtype : NULL;
}

/* ---- some of them ---- */

Py_ssize_t rec_cells_count(const rec_cells *cells)
{
    Py_ssize_t count = 1;
    for (int d = 0; d < cells->dimensions; d++)
        count *= rec_cells_length(cells, d);
    return count;
}

bool rec_cells_row(const rec_cells *array, Py_ssize_t n, rec_cells *row)
{
    int last = array->dimensions - 1;
    if (array->shape == NULL || last < 0 || last > 1 || (last == 1 && n >= array->shape[0]))
        return false;
    *row = *array;
    row->dimensions = 1;
    row->length = array->shape[last];
    row->stride = array->strides[last];
    if (last == 1 && row->data != NULL)
        row->data += n * array->strides[0];
    row->shape = row->strides = NULL;
    return true;
}

rec_cells rec_cells_some(const rec_cells *row, Py_ssize_t first, Py_ssize_t count)
{
    rec_cells some = *row;
    if (some.data != NULL)
        some.data += first * row->stride;
    some.length = count;
    return some;
}

/* ---- walking ---- */

void rec_cells_begin(rec_cell_walk *walk, const rec_cells *cells)
{
    walk->cells = cells;
    memset(walk->index, 0, (size_t)cells->dimensions * sizeof(Py_ssize_t));
}

const char *rec_cells_next(rec_cell_walk *walk)
{
    const rec_cells *cells = walk->cells;
    const char *item = cells->data;
    if (cells->shape == NULL)
        return item + walk->index[0]++ * cells->stride;
    for (int d = 0; d < cells->dimensions; d++)
        item += walk->index[d] * cells->strides[d];
    for (int d = cells->dimensions - 1; d >= 0 && ++walk->index[d] == cells->shape[d]; d--)
        walk->index[d] = 0;
    return item;
}

PyObject *rec_cell_object(const char *item)
{
    PyObject *object;
    memcpy(&object, item, sizeof(object));
    return object != NULL ? object : Py_None;
}

size_t rec_cells_fit(const rec_cells *cells, size_t capacity)
{
    size_t item = (size_t)cells->item_size, all = item * (size_t)rec_cells_count(cells);
    if (cells->objects || cells->data == NULL || item == 0)
        return 0;
    return (all < capacity ? all : capacity) / item * item;
}

/* Whether the items stand one after the other, the first dimension first. */
static bool is_in_reversed_order(const rec_cells *cells)
{
    Py_ssize_t step = cells->item_size;
    if (cells->shape == NULL)
        return false;
    for (int d = 0; d < cells->dimensions; step *= cells->shape[d++])
        if (cells->strides[d] != step && cells->shape[d] > 1)
            return false;
    return true;
}

/* Whether the items stand one after the other. */
static bool is_in_one_piece(const rec_cells *cells)
{
    Py_ssize_t step = cells->item_size;
    if (cells->shape == NULL)
        return cells->stride == step || cells->length <= 1;
    for (int d = cells->dimensions - 1; d >= 0; step *= cells->shape[d--])
        if (cells->strides[d] != step && cells->shape[d] > 1)
            return false;
    return true;
}

void rec_cells_copy(const rec_cells *cells, uint8_t *out, size_t size)
{
    rec_cell_walk walk;
    if (is_in_one_piece(cells)) {
        memcpy(out, cells->data, size);
        rec_count_bytes(size);
        return;
    }
    rec_cells_begin(&walk, cells);
    for (size_t item = (size_t)cells->item_size; size > 0; size -= item, out += item) {
        memcpy(out, rec_cells_next(&walk), item);
        rec_count_items(1);
    }
}

/* ---- all of them ---- */

enum { MOST_OBJECTS = 1 << 20 };

static uint64_t digest_object(PyObject *o)
{
    int64_t number;
    if (PyUnicode_CheckExact(o))
        return rec_str_fingerprint(o, PyUnicode_GET_LENGTH(o));
    if (PyFloat_CheckExact(o))
        return rec_float_bits(o);
    if (PyLong_CheckExact(o) && rec_int_small(o, &number))
        return rec_fold(2, (uint64_t)number);
    if (o == Py_None || PyBool_Check(o))
        return o == Py_None ? 3 : 4 + (o == Py_True);
    return rec_hash_bytes(Py_TYPE(o)->tp_name, strlen(Py_TYPE(o)->tp_name));
}

static bool digest_objects(const rec_cells *cells, Py_ssize_t count, uint64_t *digest)
{
    rec_cell_walk walk;
    if (count > MOST_OBJECTS)
        return false;
    rec_count_items((size_t)count);
    rec_cells_begin(&walk, cells);
    for (*digest = 0; count > 0; count--)
        *digest = rec_fold(*digest, digest_object(rec_cell_object(rec_cells_next(&walk))));
    return true;
}

static uint64_t digest_scattered(const rec_cells *cells, Py_ssize_t count)
{
    rec_cell_walk walk;
    uint64_t digest = 0;
    rec_count_items((size_t)count);
    rec_cells_begin(&walk, cells);
    for (; count > 0; count--)
        digest = rec_fold(digest, rec_hash_bytes(rec_cells_next(&walk), (size_t)cells->item_size));
    return digest;
}

bool rec_cells_digest(const rec_cells *cells, uint64_t *digest)
{
    Py_ssize_t count = rec_cells_count(cells);
    size_t size = (size_t)count * (size_t)cells->item_size;
    if (cells->data == NULL || size > REC_MOST_DIGESTED)
        return false;
    if (cells->objects)
        return digest_objects(cells, count, digest);
    if (is_in_one_piece(cells) || is_in_reversed_order(cells)) {
        rec_count_bytes(size);
        *digest = rec_hash_bytes(cells->data, size);
    } else {
        *digest = digest_scattered(cells, count);
    }
    return true;
}

/* ---- numpy.datetime64, numpy.timedelta64 ---- */

/* The number, as the buffer has it, and what dtype.str says of its unit: <M8[ns]. */
static bool read_datetime(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyTypeObject *generic = rec_base_called(type, "numpy.generic");
    PyGetSetDef *getter = generic != NULL ? rec_getter_of(generic, "dtype") : NULL;
    PyObject *dtype = getter != NULL ? getter->get(object, getter->closure) : NULL;
    PyTypeObject *dtype_type = dtype != NULL ? rec_base_called(Py_TYPE(dtype), "numpy.dtype") : NULL;
    PyGetSetDef *text = dtype_type != NULL ? rec_getter_of(dtype_type, "str") : NULL;
    PyObject *said = text != NULL ? text->get(dtype, text->closure) : NULL;
    Py_buffer view;
    rec_part *unit = &form->parts[1];
    bool read = said != NULL && PyUnicode_CheckExact(said) && PyUnicode_IS_ASCII(said)
                && (size_t)PyUnicode_GET_LENGTH(said) < sizeof(unit->text)
                && PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) == 0;
    if (read) {
        int64_t number;
        read = view.len == sizeof(number);
        memcpy(&number, view.buf, read ? sizeof(number) : 0);
        PyBuffer_Release(&view);
        rec_add_number(form, read ? number : 0);
        unit->kind = REC_PART_TEXT;
        memcpy(unit->text, PyUnicode_DATA(said), (size_t)PyUnicode_GET_LENGTH(said) + 1);
        form->count++;
    }
    PyErr_Clear();
    Py_XDECREF(said);
    Py_XDECREF(dtype);
    return read;
}

rec_reading rec_read_datetime64(PyObject *object, PyTypeObject *type, rec_form *form)
{
    return read_datetime(object, type, form) ? REC_LAYOUT_PROVED : REC_LAYOUT_UNKNOWN;
}
