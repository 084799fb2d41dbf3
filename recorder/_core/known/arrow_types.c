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

static void put_part(text *out, const char *before, const data_type *type, int depth)
{
    put_name(out, before);
    put_type(out, type, depth);
}

/* The types that one is made of which has no fields. */
static void put_parts(text *out, const data_type *type, int depth)
{
    const field *entry = type->id == MAP ? type->children.begin[0].object : NULL;
    const vector *pair = entry != NULL ? &((const data_type *)entry->type.object)->children : NULL;
    if (pair != NULL && count_of(pair) == 2) {
        put_part(out, "<", ((const field *)pair->begin[0].object)->type.object, depth);
        put_part(out, ", ", ((const field *)pair->begin[1].object)->type.object, depth);
        put_name(out, ">");
    } else if (type->id == DICTIONARY) {
        put_part(out, "<values=", type->of_dictionary.object, depth);
        put_part(out, ", indices=", type->index.object, depth);
        put_name(out, ">");
    } else if (type->id == EXTENSION) {
        put_part(out, "<storage=", type->storage.object, depth);
        put_name(out, ">");
    }
}

/* As Arrow writes it, but for what an extension is called and whether a dictionary has an order. */
static void put_type(text *out, const data_type *type, int depth)
{
    char precision[32], width[16] = "";
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
    if (is_of_decimals(type->id) && snprintf(precision, sizeof(precision), "(%d, %d)", type->precision, type->scale) > 0)
        put_name(out, precision);
    if (type->id == TIME32 || type->id == TIME64) {
        put_name(out, "[");
        put_name(out, rec_arrow_units[type->unit & 3]);
        put_name(out, "]");
    }
    if (type->id == FIXED_BINARY || type->id == FIXED_LIST)
        (void)snprintf(width, sizeof(width), "[%d]", type->width); /* audit: a number of 32 bits fits */
    if (type->id == LIST || type->id == LARGE_LIST || type->id == STRUCT || type->id == FIXED_LIST || is_list_view(type->id))
        put_children(out, type, depth);
    put_name(out, width);
    if (depth < DEEPEST)
        put_parts(out, type, depth + 1);
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
    bool is_number = arrow->item_size > 0 && arrow->item_size < 8 && !arrow->are_bytes;
    size_t size = is_number ? (size_t)arrow->item_size : 8;
    return (const char *)arrow->scalar + (offsetof(scalar, value) + size - 1) / size * size;
}

/* What a scalar has that stands for another one, or that has parts. */
static const void *pointer_of(const scalar *of, int n)
{
    const rec_arrow arrow = {.scalar = of};
    return ((const shared *)place_of(&arrow))[n].object;
}

static const vector *fields_of(const scalar *of)
{
    const rec_arrow arrow = {.scalar = of};
    return place_of(&arrow);
}

rec_arrow_item rec_arrow_scalar_item(const rec_arrow *arrow)
{
    if (!((const scalar *)arrow->scalar)->is_present)
        return (rec_arrow_item){NULL, 0};
    if (arrow->item_size > 0 && !arrow->are_bytes)
        return (rec_arrow_item){(const char *)place_of(arrow), arrow->item_size};
    const buffer *of = *(const buffer *const *)place_of(arrow);
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

/* What a dictionary scalar stands for: one item of the array that is its dictionary. */
static void read_encoded(const scalar *of, rec_arrow *arrow)
{
    rec_arrow index = {.scalar = pointer_of(of, 0)};
    const array_data *dictionary = ((const array *)pointer_of(of, 1))->data.object;
    (void)rec_arrow_read_type(((const scalar *)index.scalar)->type.object, &index); /* audit: an integer, as is known */
    const rec_arrow_item item = rec_arrow_scalar_item(&index);
    int64_t code = item.data != NULL ? integer_of(&index, item.data) : -1;
    arrow->are_coded = false;
    if (code < 0 || code >= dictionary->length) {
        arrow->scalar = index.scalar; /* which is missing */
        return;
    }
    arrow->scalar = NULL;
    arrow->data = dictionary;
    arrow->from = code;
}

void rec_arrow_read_scalar(const void *scalar_of_any, rec_arrow *arrow)
{
    const scalar *of = scalar_of_any;
    while (of->is_present && ((const data_type *)of->type.object)->id == EXTENSION)
        of = pointer_of(of, 0);
    const data_type *type = of->type.object;
    *arrow = (rec_arrow){.scalar = of, .size = 1};
    if (!rec_arrow_read_type(type, arrow)) {
        arrow->unread = rec_arrow_type_names[type->id];
        return;
    }
    type = stored_type(type);
    if (!of->is_present)
        arrow->are_coded = false;
    else if (type->id == DICTIONARY)
        read_encoded(of, arrow);
    else if (is_of_lists(type->id))
        arrow->inside = ((const array *)pointer_of(of, 0))->data.object;
    else if (type->id == STRUCT)
        arrow->inside = fields_of(of);
}

/* ---- that they are the known ones ---- */

/* pyarrow makes a Decimal by its module's name for it: only that of C is asked. */
static bool is_decimal_of_c(PyObject *said)
{
    return said != NULL && !rec_is_type_of_python(Py_TYPE(said)) && rec_base_called(Py_TYPE(said), "decimal.Decimal") != NULL;
}

static bool makes_decimals_of_c(void)
{
    PyObject *module = PyImport_GetModuleDict() != NULL ? rec_dict_find(PyImport_GetModuleDict(), "decimal") : NULL;
    PyObject *names = module != NULL && PyModule_CheckExact(module) ? PyModule_GetDict(module) : NULL;
    PyObject *type = names != NULL ? rec_dict_find(names, "Decimal") : NULL;
    return type != NULL && PyType_Check(type) && !rec_is_type_of_python((PyTypeObject *)type);
}

static bool is_same_decimal(PyObject *said, const rec_arrow *arrow, const char *item)
{
    char text[REC_ARROW_DECIMAL], known[REC_ARROW_DECIMAL];
    rec_form form = {0};
    if (!is_decimal_of_c(said) || rec_read_decimal(said, Py_TYPE(said), &form) == REC_LAYOUT_UNKNOWN)
        return false;
    Py_ssize_t size = rec_arrow_decimal_text(arrow, item, text);
    return rec_decimal_text(&form.parts[0].decimal, known, sizeof(known)) == size && memcmp(text, known, (size_t)size) == 0;
}

/* Whether a Python object is what stands there. */
static bool is_value(PyObject *said, const rec_arrow *arrow)
{
    rec_arrow_item item = rec_arrow_scalar_item(arrow);
    float number;
    if (said == NULL || item.data == NULL)
        return false;
    if (arrow->are_bytes)
        return PyBytes_CheckExact(said) && PyBytes_GET_SIZE(said) == item.size
               && memcmp(PyBytes_AS_STRING(said), item.data, (size_t)item.size) == 0;
    if (arrow->item_size == 0)
        return rec_arrow_is_text(said, item.data, (size_t)item.size);
    if (arrow->are_decimals)
        return is_same_decimal(said, arrow, item.data);
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

/* Of moments, times and durations pyarrow tells the number; of all others it makes what Python has for it. */
static bool proves_value(PyObject *object, const rec_arrow *arrow)
{
    bool is_moment = arrow->format[0] == 'M' || arrow->format[0] == 'm' || arrow->are_times;
    if (arrow->are_decimals && !makes_decimals_of_c())
        return false;
    PyObject *said = is_moment ? rec_arrow_get(object, class_with(object, "value"), "value")
                               : rec_arrow_ask(object, class_with(object, "as_py"), "as_py", -1);
    bool same = is_value(said, arrow);
    Py_XDECREF(said);
    return same;
}

/* What pyarrow has for a field of a scalar. A new reference. */
static PyObject *field_said(PyObject *said, Py_ssize_t n)
{
    PyTypeObject *type = rec_base_called(Py_TYPE(said), "pyarrow.lib.StructScalar");
    PyObject *key = type != NULL && type->tp_as_mapping != NULL ? PyLong_FromSsize_t(n) : NULL;
    PyObject *found = key != NULL ? type->tp_as_mapping->mp_subscript(said, key) : NULL;
    Py_XDECREF(key);
    if (found == NULL)
        PyErr_Clear();
    return found;
}

enum { MOST_FIELDS = 40 };

static bool knows_scalar(const scalar *of, PyObject *said, int depth);

/* Of a scalar within another one, whether it is known, or what pyarrow has for it says so. Takes the reference. */
static bool knows_part(const scalar *of, PyObject *said, int depth)
{
    bool same = is_address(of) && said != NULL && rec_base_called(Py_TYPE(said), SCALAR) != NULL
                && ((wrapper *)said)->of.object == of && knows_scalar(of, said, depth + 1);
    Py_XDECREF(said);
    return same;
}

static bool knows_array_of(const scalar *of, int n, PyObject *said, const char *name)
{
    const array *kept = pointer_of(of, n);
    PyObject *array = rec_arrow_get(said, class_with(said, name), name);
    bool same = array != NULL && is_address(kept) && rec_arrow_wrapped(array, ARRAY) == kept
                && rec_arrow_knows_array(kept->data.object, array);
    Py_XDECREF(array);
    return same;
}

static bool knows_fields(const scalar *of, const data_type *type, PyObject *said, int depth)
{
    const vector *fields = fields_of(of);
    if (!is_plausible(fields) || count_of(fields) != count_of(&type->children))
        return false;
    for (Py_ssize_t n = 0; n < count_of(fields) && n < MOST_FIELDS; n++) {
        bool is_nothing = ((const data_type *)((const field *)type->children.begin[n].object)->type.object)->id == NOTHING;
        if (!is_nothing && !knows_part(fields->begin[n].object, field_said(said, n), depth)) /* of null pyarrow has one object */
            return false;
    }
    return true;
}

/* Of a scalar that is there: its value, or its parts, are where they are thought to be. */
static bool knows_value(const scalar *of, const data_type *type, PyObject *said, int depth)
{
    rec_arrow arrow = {.scalar = of, .size = 1};
    if (depth >= DEEPEST)
        return false;
    if (type->id == EXTENSION)
        return knows_part(pointer_of(of, 0), rec_arrow_get(said, "pyarrow.lib.ExtensionScalar", "value"), depth);
    if (!rec_arrow_read_type(type, &arrow) || type->id == NOTHING)
        return true;
    if (type->id == DICTIONARY)
        return knows_part(pointer_of(of, 0), rec_arrow_get(said, "pyarrow.lib.DictionaryScalar", "index"), depth)
               && knows_array_of(of, 1, said, "dictionary");
    if (is_of_lists(type->id))
        return knows_array_of(of, 0, said, "values");
    if (type->id == STRUCT)
        return knows_fields(of, type, said, depth);
    if (!(proved_scalars >> type->id & 1) && proves_value(said, &arrow))
        proved_scalars |= UINT64_C(1) << type->id;
    return proved_scalars >> type->id & 1;
}

static bool knows_scalar(const scalar *of, PyObject *said, int depth)
{
    PyObject *type = rec_arrow_get(said, SCALAR, "type"), *valid = rec_arrow_get(said, SCALAR, "is_valid");
    const data_type *known = of->type.object;
    bool same = type != NULL && rec_arrow_wrapped(type, TYPE) == known && rec_arrow_knows_type(known, type)
                && valid == (of->is_present ? Py_True : Py_False)
                && (!of->is_present || knows_value(of, known, said, depth));
    Py_XDECREF(type);
    Py_XDECREF(valid);
    return same;
}

bool rec_arrow_scalar_of(PyObject *object, rec_arrow *arrow)
{
    const scalar *of = ((wrapper *)object)->of.object;
    if (!is_address(of) || Py_TYPE(object)->tp_basicsize < (Py_ssize_t)offsetof(wrapper, same)
        || !knows_scalar(of, object, 0))
        return false;
    rec_arrow_read_scalar(of, arrow);
    return true;
}
