/* Values written down, as docs/trace-format.md has them: one of the two visitors of traverse.h. */
#include "cpython/internal.h"
#include "value/encode.h"
#include "cpython/frames.h"
#include "value/put.h"
#include "value/traverse.h"

struct rec_visit {
    uint8_t *p;          /* where the next byte goes */
};

static uint8_t *put_any(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth);

uint8_t *rec_put_value(uint8_t *p, PyObject *o, bool walked)
{
    uint64_t order = rec_walk.order;
    uint32_t nodes_left = rec_walk.nodes_left;
    rec_begin_walk();
    rec_walk.soft_end = p + rec_limits.soft_size;
    rec_walk.writing = true;
    p = put_any(p, o, Py_TYPE(o), 0);
    rec_walk.writing = false;
    REC_CHECK(p <= rec_walk.soft_end - rec_limits.soft_size + rec_limits.value_size, "a value keeps to its limits");
    REC_CHECK(!walked || p >= rec_walk.soft_end || (order == rec_walk.order && nodes_left == rec_walk.nodes_left),
              "a value is written of the objects that its fingerprint was computed of");
    (void)walked, (void)order, (void)nodes_left;
    return p;
}

static inline bool visit_is_full(const rec_visit *v) { return v->p >= rec_walk.soft_end; }

static inline void put_byte(rec_visit *v, int byte) { *v->p++ = (uint8_t)byte; }
static inline void put_number(rec_visit *v, uint64_t number) { v->p = rec_put_varint(v->p, number); }

static inline void put_type(rec_visit *v, uint8_t tag, const rec_type_entry *entry)
{
    v->p = rec_put_tagged(v->p, tag, entry->id);
}

static inline void visit_identity(rec_visit *v, rec_identity identity)
{
    if (!rec_identities.exact && (rec_walk.containers != 0 || !rec_identities.followed))
        identity.doubts |= REC_NOT_FOLLOWED;
    bool is_first = v->p == rec_walk.soft_end - rec_limits.soft_size;
    if (rec_walk.alike != 0 && identity.doubts == (rec_walk.alike | (is_first ? 0 : REC_NOT_FOLLOWED))) {
        v->p = rec_put_tagged(v->p, TAG_IDENTITY_LIKE, identity.number);
        rec_walk.is_alike = true;
        return;
    }
    v->p = rec_put_tagged(v->p, identity.doubts == 0 ? TAG_IDENTITY : TAG_IDENTITY_UNSURE, identity.number);
    if (identity.doubts != 0)
        put_number(v, identity.doubts);
}

/* Code points of a name: few, once a value has become too long. One that has more ends with an ellipsis. */
static inline Py_ssize_t name_limit(const rec_visit *v) { return visit_is_full(v) ? 8 : 200; }

static const char ellipsis[] = "\xE2\x80\xA6";
enum { ELLIPSIS_SIZE = sizeof(ellipsis) - 1 };

/* Code points that are shown, and the bytes that all takes. */
static Py_ssize_t measure_name(PyObject *name, Py_ssize_t limit, size_t *size)
{
    Py_ssize_t points = PyUnicode_GET_LENGTH(name);
    if (points <= limit) {
        *size += rec_utf8_size(name, points);
        return points;
    }
    *size += rec_utf8_size(name, limit - 1) + ELLIPSIS_SIZE;
    return limit - 1;
}

static void put_points(rec_visit *v, PyObject *name, Py_ssize_t points)
{
    v->p += rec_str_utf8(name, points, v->p);
    if (points < PyUnicode_GET_LENGTH(name)) {
        memcpy(v->p, ellipsis, ELLIPSIS_SIZE);
        v->p += ELLIPSIS_SIZE;
    }
}

/* ---- what has no parts ---- */

static inline uint8_t *put_big_int(uint8_t *p, PyObject *o)
{
    const digit *digits;
    int negative;
    Py_ssize_t n = rec_int_digits(o, &digits, &negative);
    size_t bits = rec_int_bits(digits, n), size = (bits + 7) / 8;
    bool cut = size > (size_t)rec_limits.text * 4 || p >= rec_walk.soft_end;
    *p++ = cut ? TAG_INT_CUT : TAG_BIGINT;
    *p++ = (uint8_t)negative;
    p = rec_put_varint(p, cut ? bits : size);
    return cut ? p : p + rec_int_bytes(digits, n, p);
}

static inline uint8_t *put_text(uint8_t *p, PyObject *o)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(o), limit = p < rec_walk.soft_end ? (Py_ssize_t)rec_limits.text : 0;
    if (n > limit)
        return rec_put_str(rec_put_tagged(p, TAG_STR_CUT, (uint64_t)n), o, limit);
    *p = TAG_STR;
    return rec_put_str(p + 1, o, n);
}

static uint8_t *put_any(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth)
{
    int64_t number;
    if (t == &PyLong_Type)
        return rec_int_small(o, &number) ? rec_put_int(p, number) : put_big_int(p, o);
    if (t == &PyUnicode_Type)
        return put_text(p, o);
    if (t == &PyFloat_Type)
        return rec_put_float(p, rec_float_bits(o));
    if (o == Py_None || t == &PyBool_Type) {
        *p = o == Py_None ? TAG_NONE : o == Py_True ? TAG_TRUE : TAG_FALSE;
        return p + 1;
    }
    rec_visit v = {p};
    traverse_object(&v, o, t, depth);
    return v.p;
}

static inline void visit_value(rec_visit *v, PyObject *o, PyTypeObject *t, uint32_t depth)
{
    v->p = put_any(v->p, o, t, depth);
}

static void put_bytes(rec_visit *v, int tag, const char *data, Py_ssize_t size)
{
    Py_ssize_t limit = visit_is_full(v) ? 0 : (Py_ssize_t)rec_limits.text, shown = size < limit ? size : limit;
    put_byte(v, tag + (shown < size));
    if (shown < size)
        put_number(v, (uint64_t)size);
    v->p = rec_put_chars(v->p, data, (size_t)shown);
}

static void visit_bytes(rec_visit *v, PyObject *o, PyTypeObject *t)
{
    put_bytes(v, t == &PyBytes_Type ? TAG_BYTES : TAG_BYTEARRAY, rec_bytes_data(o, t), rec_size(o));
}

static inline void visit_complex(rec_visit *v, PyObject *o)
{
    put_byte(v, TAG_COMPLEX);
    memcpy(v->p, &((PyComplexObject *)o)->cval, 16);
    v->p += 16;
}

static inline void visit_class(rec_visit *v, const rec_type_entry *entry) { put_type(v, TAG_CLASS, entry); }

/* Whether it is a name that can be written: methods of a class of the program's own could be called by a look at it. */
static inline bool is_name(PyObject *name) { return name != NULL && PyUnicode_CheckExact(name); }

/* The bare str `module.name`, without what is no name. */
static void put_dotted(rec_visit *v, PyObject *module, PyObject *name)
{
    Py_ssize_t limit = name_limit(v), m = 0, n = 0;
    size_t size = is_name(module); /* the dot */
    if (is_name(module))
        m = measure_name(module, limit, &size);
    if (is_name(name))
        n = measure_name(name, limit, &size);
    put_number(v, size);
    if (is_name(module)) {
        put_points(v, module, m);
        put_byte(v, '.');
    }
    if (is_name(name))
        put_points(v, name, n);
}

static void put_chars(rec_visit *v, const char *name)
{
    size_t limit = (size_t)name_limit(v), size = strnlen(name, limit + 1);
    if (size <= limit) {
        v->p = rec_put_chars(v->p, name, size);
        return;
    }
    put_number(v, limit - 1 + ELLIPSIS_SIZE);
    memcpy(v->p, name, limit - 1);
    memcpy(v->p + limit - 1, ellipsis, ELLIPSIS_SIZE);
    v->p += limit - 1 + ELLIPSIS_SIZE;
}

/* A function or a module, by name. */
static void visit_named(rec_visit *v, PyObject *o, PyTypeObject *t)
{
    put_byte(v, t == &PyModule_Type ? TAG_MODULE : TAG_FUNCTION);
    if (t == &PyModule_Type) {
        put_dotted(v, NULL, rec_module_name(o));
    } else if (t == &PyCFunction_Type) {
        put_chars(v, ((PyCFunctionObject *)o)->m_ml->ml_name);
    } else if (t == &PyFunction_Type) {
        put_dotted(v, ((PyFunctionObject *)o)->func_module, ((PyFunctionObject *)o)->func_qualname);
    } else {
        put_dotted(v, NULL, ((PyDescrObject *)o)->d_name);
    }
}

static void visit_opaque(rec_visit *v, PyObject *o, const rec_type_entry *entry)
{
    if (o == Py_Ellipsis)
        put_byte(v, TAG_ELLIPSIS);
    else if (o == Py_NotImplemented)
        put_byte(v, TAG_NOTIMPLEMENTED);
    else
        put_type(v, TAG_OBJECT, entry);
}

static inline void put_error(rec_visit *v) { v->p = rec_put_tagged(v->p, TAG_ERROR, rec_limits.unreadable); }

/* The bare str of a name; `?` for what is none. */
static inline void put_name(rec_visit *v, PyObject *name)
{
    size_t size = 0;
    Py_ssize_t points;
    if (!is_name(name)) {
        v->p = rec_put_chars(v->p, "?", 1);
        return;
    }
    points = measure_name(name, name_limit(v), &size);
    put_number(v, size);
    put_points(v, name, points);
}

static void visit_generator(rec_visit *v, PyObject *o, const rec_type_entry *entry)
{
    rec_generator generator;
    rec_read_generator(o, &generator);
    put_type(v, TAG_GENERATOR, entry);
    put_byte(v, generator.state);
    put_name(v, generator.name);
    put_number(v, (uint64_t)generator.line);
}

static void visit_array(rec_visit *v, PyObject *o, const rec_type_entry *entry)
{
    rec_array array;
    if (!rec_array_begin(o, &array)) {
        put_type(v, TAG_OBJECT, entry);
        return;
    }
    const char *format = array.view.format != NULL ? array.view.format : "B";
    put_type(v, TAG_ARRAY, entry);
    v->p = rec_put_chars(v->p, format, strlen(format));
    put_number(v, (uint64_t)array.view.itemsize);
    put_number(v, (uint64_t)array.view.ndim);
    for (int i = 0; i < array.view.ndim; i++)
        put_number(v, (uint64_t)array.view.shape[i]);
    size_t size = rec_array_fit(&array, rec_array_limit());
    put_number(v, size);
    rec_array_copy(&array, v->p, size);
    v->p += size;
    rec_array_end(&array);
}

static void visit_cells(rec_visit *v, const rec_type_entry *entry, const rec_cells *cells)
{
    size_t size = visit_is_full(v) ? 0 : rec_cells_fit(cells, rec_array_limit());
    put_type(v, TAG_ARRAY, entry);
    v->p = rec_put_chars(v->p, cells->format, strlen(cells->format));
    put_number(v, (uint64_t)cells->item_size);
    put_number(v, (uint64_t)cells->dimensions);
    for (int d = 0; d < cells->dimensions; d++)
        put_number(v, (uint64_t)rec_cells_length(cells, d));
    put_number(v, size);
    if (size > 0)
        rec_cells_copy(cells, v->p, size);
    v->p += size;
}

/* ---- containers ---- */

static inline void visit_elided(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size)
{
    put_type(v, TAG_ELIDED, entry);
    put_number(v, (uint64_t)size);
}

static inline void visit_reference(rec_visit *v, int64_t index) { v->p = rec_put_tagged(v->p, TAG_REF, (uint64_t)index); }

static inline int container_tag(PyTypeObject *t)
{
    if (t == &PyList_Type)
        return TAG_LIST;
    if (t == &PyTuple_Type)
        return TAG_TUPLE;
    if (t == &PyDict_Type)
        return TAG_DICT;
    return t == &PySet_Type ? TAG_SET : TAG_FROZENSET;
}

static inline void visit_container(rec_visit *v, PyTypeObject *t, Py_ssize_t size, Py_ssize_t shown)
{
    put_byte(v, container_tag(t) + (shown < size));
    if (shown < size)
        put_number(v, (uint64_t)size);
    put_number(v, (uint64_t)shown);
}

static inline void visit_items(rec_visit *v, PyObject **items, Py_ssize_t n, uint32_t depth)
{
    traverse_items(v, items, n, depth);
}

static inline void visit_dict(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth)
{
    rec_items items;
    rec_open_items(&items, dict);
    traverse_dict(v, &items, shown, depth);
}

static inline void visit_ordered(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth)
{
    traverse_ordered_items(v, dict, size, shown, depth);
}

static inline void visit_redacted(rec_visit *v) { put_byte(v, TAG_REDACTED); }

/* ---- instances ---- */

static inline void put_attributes(rec_visit *v, int tag, const rec_type_entry *entry, Py_ssize_t size,
                                  Py_ssize_t shown)
{
    put_type(v, (uint8_t)(tag + (shown < size)), entry);
    if (shown < size)
        put_number(v, (uint64_t)size);
    put_number(v, (uint64_t)shown);
}

static inline void visit_instance(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown)
{
    put_attributes(v, TAG_INSTANCE, entry, size + entry->part, shown + entry->part);
}

static void visit_part(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    put_byte(v, 0); /* the empty name */
    traverse_part(v, o, entry, depth, rec_part_of(o));
}

static inline void visit_storage(rec_visit *v, rec_type_entry *entry, rec_items *items, Py_ssize_t n, uint32_t depth)
{
    traverse_storage(v, items, n, depth);
}

static inline void visit_name(rec_visit *v, PyObject *name) { put_name(v, name); }

static inline void visit_missing(rec_visit *v)
{
    put_name(v, NULL);
    put_error(v);
}

static inline void visit_typed(rec_visit *v, const rec_type_entry *entry) { put_type(v, TAG_TYPED, entry); }

static inline void visit_named_tuple(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown)
{
    put_attributes(v, TAG_NAMED, entry, size, shown);
}

static inline void visit_exception(rec_visit *v, const rec_type_entry *entry, PyObject *args)
{
    put_type(v, TAG_EXCEPTION, entry);
    if (args == NULL)
        put_error(v);
}

static void visit_member(rec_visit *v, PyObject *o, const rec_type_entry *entry, PyObject *value)
{
    put_type(v, TAG_ENUM, entry);
    put_name(v, rec_attribute(o, "_name_"));
    if (value == NULL) /* it is still being made */
        put_type(v, TAG_OBJECT, entry);
}

static inline void put_date(rec_visit *v, const rec_datetime *date)
{
    put_byte(v, date->year & 0xFF);
    put_byte(v, date->year >> 8);
    put_byte(v, date->month);
    put_byte(v, date->day);
}

static void visit_datetime(rec_visit *v, const rec_type_entry *entry, const rec_datetime *datetime)
{
    switch ((rec_shape)entry->shape) {
    case REC_TIMEDELTA:
        put_type(v, TAG_TIMEDELTA, entry);
        put_number(v, rec_zigzag(datetime->days));
        put_number(v, (uint64_t)datetime->seconds);
        put_number(v, (uint64_t)datetime->microsecond);
        return;
    case REC_DATE:
        put_type(v, TAG_DATE, entry);
        put_date(v, datetime);
        return;
    case REC_DATETIME:
        put_type(v, TAG_DATETIME, entry);
        put_date(v, datetime);
        break;
    default:
        put_type(v, TAG_TIME, entry);
    }
    put_byte(v, datetime->hour);
    put_byte(v, datetime->minute);
    put_byte(v, datetime->second);
    put_byte(v, datetime->fold);
    put_number(v, (uint64_t)datetime->microsecond);
    if (datetime->zone == NULL)
        put_byte(v, TAG_NONE);
}

static inline void visit_fields(rec_visit *v, const rec_type_entry *entry, int count)
{
    put_type(v, TAG_INSTANCE, entry);
    put_number(v, (uint64_t)count);
}

static inline void visit_field_name(rec_visit *v, const char *name) { v->p = rec_put_chars(v->p, name, strlen(name)); }

/* ---- well-known types ---- */

static void visit_form(rec_visit *v, const rec_type_entry *entry, const rec_form *form)
{
    put_type(v, TAG_FORM, entry);
    put_byte(v, form->form);
    put_number(v, form->count);
}

static inline void visit_number(rec_visit *v, int64_t number) { v->p = rec_put_int(v->p, number); }

static inline void visit_text(rec_visit *v, const char *text)
{
    put_byte(v, TAG_STR);
    v->p = rec_put_chars(v->p, text, strlen(text));
}

static inline void visit_data(rec_visit *v, const char *data, Py_ssize_t size) { put_bytes(v, TAG_BYTES, data, size); }

/* Cut to so many bytes as a text may have code points, where a code point begins. */
static void visit_utf8(rec_visit *v, const char *text, Py_ssize_t size)
{
    Py_ssize_t shown = visit_is_full(v) ? 0 : (Py_ssize_t)rec_limits.text, points = 0;
    if (size <= shown) {
        put_byte(v, TAG_STR);
        v->p = rec_put_chars(v->p, text, (size_t)size);
        return;
    }
    while (shown > 0 && (text[shown] & 0xC0) == 0x80)
        shown--;
    for (Py_ssize_t i = 0; i < size; i++)
        points += (text[i] & 0xC0) != 0x80;
    v->p = rec_put_tagged(v->p, TAG_STR_CUT, (uint64_t)points);
    v->p = rec_put_chars(v->p, text, (size_t)shown);
}

static void visit_decimal(rec_visit *v, const rec_decimal *decimal)
{
    Py_ssize_t limit = visit_is_full(v) ? 0 : (Py_ssize_t)rec_limits.text, size = rec_decimal_text(decimal, NULL, 0);
    put_byte(v, size > limit ? TAG_STR_CUT : TAG_STR);
    if (size > limit)
        put_number(v, (uint64_t)size);
    limit = size < limit ? size : limit;
    put_number(v, (uint64_t)limit);
    (void)rec_decimal_text(decimal, (char *)v->p, limit); /* audit: it said before how much there is */
    v->p += limit;
}
