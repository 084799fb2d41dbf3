/* ctypes says itself where the memory of a value is (it is a buffer), what it is a part of (_b_base_), and whether it is
 * its own (_b_needsfree_). Memory that is nobody's own here, which a pointer or an address led to, is not read. */
#include "known/foreign.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "value/name_patterns.h"
#include "value/redaction.h"
#include "value/walk.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <structmember.h>
#pragma GCC diagnostic pop

typedef struct {
    PyTypeObject *type;  /* the one written in C, whose way to make a buffer is that of ctypes */
    PyMemberDef *base, *is_own, *held;
} layout;

enum { MOST_BASES = 16 };

static bool layout_of(PyObject *object, layout *out)
{
    PyTypeObject *data = rec_base_called(Py_TYPE(object), "_ctypes._CData");
    out->type = Py_TYPE(object);
    while (out->type != NULL && rec_is_type_of_python(out->type))
        out->type = out->type->tp_base;
    if (data == NULL || out->type == NULL || out->type->tp_as_buffer == NULL || out->type->tp_as_buffer->bf_getbuffer == NULL)
        return false;
    out->base = rec_find_member(data, "_b_base_");
    out->is_own = rec_find_member(data, "_b_needsfree_");
    out->held = rec_find_member(data, "_objects");
    return out->base != NULL && out->base->type == T_OBJECT && out->held != NULL && out->held->type == T_OBJECT
           && out->is_own != NULL && out->is_own->type == T_INT;
}

static PyObject *object_at(PyObject *object, const PyMemberDef *member)
{
    return *(PyObject **)((char *)object + member->offset);
}

/* The memory of a value, with nothing held: the value is, by whoever asks. */
static bool view_of(PyObject *object, const layout *of, Py_buffer *view)
{
    if (of->type->tp_as_buffer->bf_getbuffer(object, view, PyBUF_FULL_RO) != 0) {
        PyErr_Clear();
        return false;
    }
    Py_CLEAR(view->obj);
    return true;
}

/* Whether the memory of a value is its own, or within that of what it is a part of, which is its own. */
static bool is_own_memory(PyObject *object, const char *data, Py_ssize_t size)
{
    layout of;
    Py_buffer view;
    for (int n = 0; n < MOST_BASES; n++) {
        if (!layout_of(object, &of) || !view_of(object, &of, &view) || data < (char *)view.buf
            || data + size > (char *)view.buf + view.len)
            return false;
        PyObject *base = object_at(object, of.base);
        if (base == NULL)
            return *(int *)((char *)object + of.is_own->offset);
        object = base;
    }
    return false;
}

bool rec_format_hides(const char *format)
{
    const char *end;
    if (rec_secrets.names.count == 0)
        return false;
    while ((format = strchr(format, ':')) != NULL && (end = strchr(format + 1, ':')) != NULL) {
        if (rec_find_match_of_bytes(format + 1, (size_t)(end - format - 1)))
            return true;
        format = end + 1;
    }
    return false;
}

/* What a pointer to the bytes, or to the object, that ctypes keeps for it points to. */
static PyObject *pointed_to(const rec_foreign *foreign, PyObject *held)
{
    void *pointer;
    const char *format = foreign->format + strspn(foreign->format, "<>@=");
    if (held == NULL || held == Py_None || foreign->cells.data == NULL || foreign->cells.dimensions != 0
        || foreign->cells.item_size != sizeof(pointer))
        return NULL;
    memcpy(&pointer, foreign->cells.data, sizeof(pointer));
    if (*format == 'z' && PyBytes_CheckExact(held) && PyBytes_AS_STRING(held) == pointer)
        return held;
    return *format == 'O' && held == pointer ? held : NULL;
}

static bool read_view(PyObject *object, const Py_buffer *view, rec_foreign *out)
{
    if (view->ndim > (int)(sizeof(out->strides) / sizeof(*out->strides)) || view->itemsize < 0)
        return false;
    out->format = view->format != NULL && strlen(view->format) <= REC_LONGEST_FORMAT ? view->format : "";
    out->cells = (rec_cells){.type = Py_TYPE(object), .dimensions = view->ndim, .shape = view->shape, .strides = out->strides,
                             .item_size = view->itemsize};
    Py_ssize_t stride = view->itemsize;
    for (int d = view->ndim - 1; d >= 0; stride *= view->shape[d--])
        out->strides[d] = stride;
    if (stride <= view->len && is_own_memory(object, view->buf, stride))
        out->cells.data = view->buf;
    out->is_secret = rec_format_hides(out->format);
    return true;
}

bool rec_foreign_of(PyObject *object, rec_foreign *foreign)
{
    PyObject *kind, *value, *trace;
    Py_buffer view;
    layout of;
    PyErr_Fetch(&kind, &value, &trace);
    bool known = layout_of(object, &of) && view_of(object, &of, &view) && read_view(object, &view, foreign);
    if (known)
        foreign->held = pointed_to(foreign, object_at(object, of.held));
    PyErr_Restore(kind, value, trace);
    return known;
}
