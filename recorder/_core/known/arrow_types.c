/* Schemas, fields, types and scalars of pyarrow. As in arrow.c, that the fields are where they are thought to be is proved
 * by what pyarrow says of the first of each. */
#include "known/arrow_layout.h"

#define SCHEMA "pyarrow.lib.Schema"
#define FIELD "pyarrow.lib.Field"
#define SCALAR "pyarrow.lib.Scalar"

/* One bit for each number of a type: whether what it says of itself has been proved; whether its scalars have. */
static uint64_t proved_types, proved_scalars;

static bool is_address(const void *of) { return of != NULL && (uintptr_t)of % sizeof(void *) == 0; }

/* ---- types ---- */

static bool proves_field(const field *of, PyObject *said)
{
    PyObject *name = rec_arrow_get(said, FIELD, "name"), *type = rec_arrow_get(said, FIELD, "type");
    PyObject *nullable = rec_arrow_get(said, FIELD, "nullable");
    bool same = is_address(of) && rec_arrow_wrapped(said, FIELD) == of && rec_arrow_is_text(name, of->name.data, of->name.size)
                && type != NULL && rec_arrow_wrapped(type, TYPE) == of->type.object
                && nullable == (of->may_be_missing ? Py_True : Py_False);
    Py_XDECREF(name);
    Py_XDECREF(type);
    Py_XDECREF(nullable);
    return same;
}

static bool proves_children(const data_type *type, PyObject *said)
{
    int64_t count;
    if (!is_plausible(&type->children) || !rec_arrow_get_number(said, TYPE, "num_fields", &count)
        || count != count_of(&type->children))
        return false;
    PyObject *first = count > 0 ? rec_arrow_ask(said, TYPE, "field", 0) : NULL;
    bool same = count == 0 || (first != NULL && proves_field(type->children.begin[0].object, first));
    Py_XDECREF(first);
    return same;
}

bool rec_arrow_knows_type(const data_type *type, PyObject *said)
{
    if (is_address(type) && proved_types != 0 && type->id < TYPES && proved_types >> type->id & 1)
        return true;
    bool same = said != NULL && is_address(type) && rec_arrow_proves_type(type, said) && type->id < TYPES
                && proves_children(type, said);
    if (same)
        proved_types |= UINT64_C(1) << type->id;
    return same;
}

typedef struct {
    char *at;
    size_t left;
} text;

enum { DEEPEST = 8, MOST_CHILDREN = 50 };

static void put(text *out, const char *from, size_t size)
{
    size = size < out->left ? size : out->left;
    memcpy(out->at, from, size);
    out->at += size;
    out->left -= size;
}

static void put_name(text *out, const char *name) { put(out, name, strlen(name)); }

static void put_type(text *out, const data_type *type, int depth);

static void put_children(text *out, const data_type *type, int depth)
{
    Py_ssize_t count = depth < DEEPEST ? count_of(&type->children) : 0;
    put_name(out, "<");
    for (Py_ssize_t i = 0; i < count && i < MOST_CHILDREN; i++) {
        const field *of = type->children.begin[i].object;
        put_name(out, i > 0 ? ", " : "");
        put(out, of->name.data, of->name.size);
        put_name(out, ": ");
        put_type(out, of->type.object, depth + 1);
        put_name(out, of->may_be_missing ? "" : " not null");
    }
    put_name(out, count < count_of(&type->children) || count > MOST_CHILDREN ? "…>" : ">");
}

/* As Arrow writes it. */
static void put_type(text *out, const data_type *type, int depth)
{
    char precision[32];
    put_name(out, type->id == 10 ? "halffloat" : type->id < TYPES ? rec_arrow_type_names[type->id] : "?");
    if (type->id >= TYPES || !(proved_types >> type->id & 1))
        return;
    if (type->id == DATE32 || type->id == DATE64)
        put_name(out, type->id == DATE32 ? "[day]" : "[ms]");
    if (type->id == TIMESTAMP || type->id == DURATION) {
        put_name(out, "[");
        put_name(out, rec_arrow_units[type->unit & 3]);
        if (type->id == TIMESTAMP && type->zone.size > 0) {
            put_name(out, ", tz=");
            put(out, type->zone.data, type->zone.size);
        }
        put_name(out, "]");
    }
    if (type->id == DECIMAL && snprintf(precision, sizeof(precision), "(%d, %d)", type->precision, type->scale) > 0)
        put_name(out, precision);
    if (type->id == TIME32 || type->id == TIME64) {
        put_name(out, "[");
        put_name(out, rec_arrow_units[type->unit & 3]);
        put_name(out, "]");
    }
    if (type->id == LIST || type->id == LARGE_LIST || type->id == STRUCT)
        put_children(out, type, depth);
}

/* ---- schemas ---- */

static const field *field_at(const rec_arrow_schema *schema, Py_ssize_t n)
{
    return schema->fields != NULL ? ((const vector *)schema->fields)->begin[n].object : schema->field;
}

rec_arrow_item rec_arrow_field_name(const rec_arrow_schema *schema, Py_ssize_t n)
{
    const field *of = field_at(schema, n);
    return (rec_arrow_item){of->name.data, (Py_ssize_t)of->name.size};
}

size_t rec_arrow_type_text(const rec_arrow_schema *schema, Py_ssize_t n, char *out, size_t room)
{
    text written = {out, room};
    const field *of = schema->type == NULL ? field_at(schema, n) : NULL;
    put_type(&written, of != NULL ? of->type.object : schema->type, 0);
    if (of != NULL && !of->may_be_missing)
        put_name(&written, " not null");
    return room - written.left;
}

/* That the fields are called as pyarrow says, and are of the types that it says. */
static bool proves_fields(const vector *fields, PyObject *names, PyObject *types)
{
    Py_ssize_t count = count_of(fields);
    if (names == NULL || types == NULL || !PyList_CheckExact(names) || !PyList_CheckExact(types)
        || PyList_GET_SIZE(names) != count || PyList_GET_SIZE(types) != count)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        const field *of = fields->begin[i].object;
        PyObject *type = PyList_GET_ITEM(types, i);
        if (!is_address(of) || !rec_arrow_is_text(PyList_GET_ITEM(names, i), of->name.data, of->name.size)
            || rec_arrow_wrapped(type, TYPE) != of->type.object || !rec_arrow_knows_type(of->type.object, type))
            return false;
    }
    return true;
}

static bool knows_types_of(const vector *fields)
{
    for (Py_ssize_t i = 0; i < count_of(fields); i++)
        if (!rec_arrow_knows_type(((const field *)fields->begin[i].object)->type.object, NULL))
            return false;
    return true;
}

static bool read_schema(PyObject *object, rec_arrow_schema *out)
{
    static const void *known_methods; /* of the class whose layout has been proved */
    const schema *of = rec_arrow_wrapped(object, SCHEMA);
    if (!is_address(of) || !is_address(of->fields) || !is_plausible(of->fields))
        return false;
    out->fields = of->fields;
    out->count = count_of(of->fields);
    if (of->methods == known_methods && knows_types_of(of->fields))
        return true;
    PyObject *names = rec_arrow_get(object, SCHEMA, "names"), *types = rec_arrow_get(object, SCHEMA, "types");
    bool same = proves_fields(of->fields, names, types);
    Py_XDECREF(names);
    Py_XDECREF(types);
    if (same && out->count > 0)
        known_methods = of->methods;
    return same;
}

static bool read_field(PyObject *object, rec_arrow_schema *out)
{
    static bool is_known;
    const field *of = rec_arrow_wrapped(object, FIELD);
    out->field = of;
    out->count = 1;
    if (!is_address(of) || (!is_known && !proves_field(of, object)))
        return false;
    is_known = true;
    PyObject *type = rec_arrow_get(object, FIELD, "type");
    bool knows = rec_arrow_knows_type(of->type.object, type);
    Py_XDECREF(type);
    return knows;
}

bool rec_arrow_schema_of(PyObject *object, rec_arrow_schema *schema)
{
    asking asks = begin_asking();
    bool known;
    *schema = (rec_arrow_schema){0};
    if (rec_base_called(Py_TYPE(object), SCHEMA) != NULL)
        known = read_schema(object, schema);
    else if (rec_base_called(Py_TYPE(object), FIELD) != NULL)
        known = read_field(object, schema);
    else
        known = rec_arrow_knows_type(schema->type = rec_arrow_wrapped(object, TYPE), object);
    end_asking(&asks);
    return known;
}

/* ---- scalars ---- */

/* Where the value is: behind the truth value, as far as it has to be. */
static const void *place_of(const rec_arrow *arrow)
{
    size_t size = arrow->item_size == 0 || arrow->item_size > 8 ? 8 : (size_t)arrow->item_size;
    return (const char *)arrow->scalar + (offsetof(scalar, value) + size - 1) / size * size;
}

rec_arrow_item rec_arrow_scalar_item(const rec_arrow *arrow)
{
    if (!((const scalar *)arrow->scalar)->is_present)
        return (rec_arrow_item){NULL, 0};
    if (arrow->item_size > 0)
        return (rec_arrow_item){(const char *)place_of(arrow), arrow->item_size};
    const void *place = place_of(arrow);
    const buffer *of = *(const buffer *const *)place;
    if (!is_address(of) || !of->is_of_cpu)
        return (rec_arrow_item){NULL, 0};
    return (rec_arrow_item){of->size > 0 ? (const char *)of->data : "", of->size};
}

static int64_t integer_of(const rec_arrow *arrow, const void *place)
{
    int64_t number = 0;
    bool is_signed = strchr("bhiqMm", arrow->format[0]) != NULL;
    memcpy(&number, place, (size_t)arrow->item_size);
    int unused = 64 - 8 * (int)arrow->item_size;
    return is_signed ? (int64_t)((uint64_t)number << unused) >> unused : number;
}

/* Whether a Python object is what stands there. */
static bool is_value(PyObject *said, const rec_arrow *arrow)
{
    rec_arrow_item item = rec_arrow_scalar_item(arrow);
    float number;
    if (said == NULL || item.data == NULL)
        return false;
    if (arrow->item_size == 0 && arrow->are_bytes)
        return PyBytes_CheckExact(said) && PyBytes_GET_SIZE(said) == item.size
               && memcmp(PyBytes_AS_STRING(said), item.data, (size_t)item.size) == 0;
    if (arrow->item_size == 0)
        return rec_arrow_is_text(said, item.data, (size_t)item.size);
    if (arrow->format[0] == '?')
        return said == (*item.data ? Py_True : Py_False);
    if (arrow->format[0] == 'e')
        return PyFloat_CheckExact(said) && PyFloat_AS_DOUBLE(said) == PyFloat_Unpack2(item.data, 1);
    if (arrow->format[0] == 'f') {
        memcpy(&number, item.data, sizeof(number));
        return PyFloat_CheckExact(said) && PyFloat_AS_DOUBLE(said) == (double)number;
    }
    if (arrow->format[0] == 'd')
        return PyFloat_CheckExact(said) && memcmp(&((PyFloatObject *)said)->ob_fval, item.data, sizeof(double)) == 0;
    return PyLong_CheckExact(said) && PyLong_AsUnsignedLongLongMask(said) == (uint64_t)integer_of(arrow, item.data);
}

/* The class that has it, of the one of an object and those that it is derived from. */
static const char *class_with(PyObject *object, const char *name)
{
    PyTypeObject *type = Py_TYPE(object);
    while (type->tp_base != NULL && type->tp_dict != NULL && rec_dict_find(type->tp_dict, name) == NULL)
        type = type->tp_base;
    return type->tp_name;
}

/* Of moments and durations pyarrow tells the number; of all others it makes what Python has for it. */
static bool proves_value(PyObject *object, const rec_arrow *arrow)
{
    bool is_moment = arrow->format[0] == 'M' || arrow->format[0] == 'm';
    PyObject *said = is_moment ? rec_arrow_get(object, class_with(object, "value"), "value")
                               : rec_arrow_ask(object, class_with(object, "as_py"), "as_py", -1);
    bool same = is_value(said, arrow);
    Py_XDECREF(said);
    return same;
}

/* Whether a scalar is its value, and as_py() makes of it what it can be compared with. */
static bool is_told_by_python(const rec_arrow *arrow, const data_type *type)
{
    return !arrow->are_decimals && !arrow->are_nested && !arrow->are_coded && !arrow->are_times && type->id != NOTHING
           && type->id != FIXED_BINARY;
}

/* Of a scalar that is a list: the array that it keeps is the one that pyarrow says. */
static bool read_list_scalar(PyObject *object, rec_arrow *arrow)
{
    const array *kept = *(const array *const *)place_of(arrow);
    PyObject *said = rec_arrow_get(object, class_with(object, "values"), "values");
    bool same = said != NULL && is_address(kept) && rec_arrow_wrapped(said, ARRAY) == kept
                && rec_arrow_knows_array(kept->data.object, said);
    if (same)
        arrow->inside = kept->data.object;
    Py_XDECREF(said);
    return same;
}

bool rec_arrow_scalar_of(PyObject *object, rec_arrow *arrow)
{
    const scalar *of = ((wrapper *)object)->of.object;
    if (strncmp(Py_TYPE(object)->tp_name, "pyarrow.lib.", 12) != 0 || !is_address(of)
        || Py_TYPE(object)->tp_basicsize < (Py_ssize_t)offsetof(wrapper, same))
        return false;
    PyObject *type = rec_arrow_get(object, SCALAR, "type"), *valid = rec_arrow_get(object, SCALAR, "is_valid");
    const data_type *known = of->type.object;
    bool same = type != NULL && rec_arrow_wrapped(type, TYPE) == known && rec_arrow_knows_type(known, type)
                && valid == (of->is_present ? Py_True : Py_False);
    *arrow = (rec_arrow){.scalar = of, .size = 1};
    bool is_read = same && rec_arrow_read_type(known, arrow);
    if (is_read && is_of_lists(known->id))
        same = !of->is_present || read_list_scalar(object, arrow);
    else if (same && (!is_read || !is_told_by_python(arrow, known)))
        arrow->unread = rec_arrow_type_names[known->id];
    else if (same && of->is_present && !(proved_scalars >> known->id & 1)) {
        same = proves_value(object, arrow);
        proved_scalars |= (uint64_t)same << known->id;
    }
    Py_XDECREF(type);
    Py_XDECREF(valid);
    return same;
}
