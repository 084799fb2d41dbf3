/* The columns of Arrow's format, as Arrow's C++ library keeps them: a Table has ChunkedArrays, a ChunkedArray has Arrays,
 * an Array has ArrayData, which has buffers; a RecordBatch has ArrayData itself. No class of it is made or called; that
 * the fields are where they are thought to be is proved by what pyarrow says of the first array of each type. */
#include "known/arrow_layout.h"

#define CHUNKED "pyarrow.lib.ChunkedArray"

/* What is not read is told by this name. */
const char *const rec_arrow_type_names[TYPES] = {
    "null", "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float",
    "double", "string", "binary", "fixed_size_binary", "date32", "date64", "timestamp", "time32", "time64",
    "interval_months", "interval_day_time", "decimal128", "decimal256", "list", "struct", "sparse_union",
    "dense_union", "dictionary", "map", "extension", "fixed_size_list", "duration", "large_string", "large_binary",
    "large_list", "month_day_nano", "run_end_encoded", "string_view", "binary_view", "list_view", "large_list_view",
    "decimal32", "decimal64",
};

const char *const rec_arrow_units[4] = {"s", "ms", "us", "ns"};

/* ---- types ---- */

PyObject *rec_arrow_get(PyObject *object, const char *type_name, const char *name)
{
    PyTypeObject *type = object != NULL ? rec_base_called(Py_TYPE(object), type_name) : NULL;
    PyGetSetDef *getter = type != NULL ? rec_getter_of(type, name) : NULL;
    PyObject *found = getter != NULL ? getter->get(object, getter->closure) : NULL;
    if (found == NULL)
        PyErr_Clear();
    return found;
}

bool rec_arrow_get_number(PyObject *object, const char *type_name, const char *name, int64_t *number)
{
    PyObject *found = rec_arrow_get(object, type_name, name);
    bool is_number = found != NULL && PyLong_CheckExact(found) && rec_int_small(found, number);
    Py_XDECREF(found);
    return is_number;
}

static bool is_of_views(unsigned id) { return id == STRING_VIEW || id == BINARY_VIEW; }

static bool is_of_texts(unsigned id)
{
    return id == STRING || id == BINARY || id == LARGE_STRING || id == LARGE_BINARY || is_of_views(id);
}

/* Moments and durations, as numpy has them: 64 bits, and a unit. */
static bool read_datetime_type(const data_type *type, rec_arrow *arrow)
{
    bool has_zone = type->id == TIMESTAMP && type->zone.size > 0;
    const char *unit = type->id == DATE32 ? "D" : type->id == DATE64 ? "ms" : type->unit < 4 ? rec_arrow_units[type->unit] : NULL;
    if (unit == NULL || (has_zone && type->zone.size >= sizeof(arrow->zone)))
        return false;
    if (has_zone)
        memcpy(arrow->zone, type->zone.data, type->zone.size);
    else if (type->id == DATE64) /* days, which are kept in milliseconds */
        memcpy(arrow->zone, "date", sizeof("date"));
    arrow->item_size = type->id == DATE32 ? 4 : 8;
    return snprintf(arrow->format, sizeof(arrow->format), "%c8[%s]", type->id == DURATION ? 'm' : 'M', unit) > 0;
}

/* Times of a day, as numbers of a unit. */
static bool read_time_type(const data_type *type, rec_arrow *arrow)
{
    arrow->item_size = type->id == TIME32 ? 4 : 8;
    arrow->format[0] = 'q';
    arrow->are_times = true;
    return type->unit < 4 && snprintf(arrow->zone, sizeof(arrow->zone), "time[%s]", rec_arrow_units[type->unit]) > 0;
}

static bool is_nested(unsigned id) { return is_of_lists(id) || id == STRUCT; }

/* Of the kind of items, with the number that arrow::Type has for it. */
bool rec_arrow_read_type(const data_type *type, rec_arrow *arrow)
{
    type = stored_type(type);
    static const struct { char format; int size; } numbers[] = {
        [BOOL] = {'?', 1}, [2] = {'B', 1}, [3] = {'b', 1}, [4] = {'H', 2}, [5] = {'h', 2}, [6] = {'I', 4},
        [7] = {'i', 4}, [8] = {'Q', 8}, [9] = {'q', 8}, [10] = {'e', 2}, [11] = {'f', 4}, [12] = {'d', 8},
    };
    if (type->id == NOTHING)
        return true;
    if (type->id == TIME32 || type->id == TIME64)
        return read_time_type(type, arrow);
    if (type->id == FIXED_BINARY) {
        arrow->are_bytes = true;
        arrow->item_size = type->width;
        return type->width > 0;
    }
    if (type->id == DICTIONARY) {
        const data_type *of = stored_type(type->of_dictionary.object);
        arrow->are_coded = true;
        return of->id < TYPES && of->id != DICTIONARY && !is_nested(of->id) && rec_arrow_read_type(of, arrow);
    }
    if (is_nested(type->id))
        return arrow->are_nested = true;
    if (is_of_texts(type->id)) {
        arrow->are_bytes = type->id == BINARY || type->id == LARGE_BINARY || type->id == BINARY_VIEW;
        arrow->are_views = is_of_views(type->id);
        arrow->are_large = type->id >= LARGE_STRING;
        return true;
    }
    if ((type->id >= DATE32 && type->id <= TIMESTAMP) || type->id == DURATION)
        return read_datetime_type(type, arrow);
    if (is_of_decimals(type->id)) {
        arrow->item_size = type->width;
        arrow->are_decimals = true;
        arrow->scale = type->scale;
        return type->width == 4 || type->width == 8 || type->width == 16 || type->width == 32;
    }
    if (type->id < BOOL || type->id > 12)
        return false;
    arrow->format[0] = numbers[type->id].format;
    arrow->item_size = numbers[type->id].size;
    return true;
}

/* ---- that the layout is the known one ---- */

void *rec_arrow_wrapped(PyObject *object, const char *type_name)
{
    PyTypeObject *type = object != NULL ? rec_base_called(Py_TYPE(object), type_name) : NULL;
    if (type == NULL || type->tp_basicsize < (Py_ssize_t)sizeof(wrapper))
        return NULL;
    wrapper *of = (wrapper *)object;
    return of->of.object == of->same && (uintptr_t)of->same % sizeof(void *) == 0 ? of->same : NULL;
}

PyObject *rec_arrow_ask(PyObject *object, const char *type_name, const char *name, int given)
{
    PyTypeObject *type = rec_base_called(Py_TYPE(object), type_name);
    PyObject *method = type != NULL && type->tp_dict != NULL ? rec_dict_find(type->tp_dict, name) : NULL;
    if (method == NULL || PyFunction_Check(method) || Py_TYPE(method)->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS)
        return NULL;
    bool is_of_c = strstr(Py_TYPE(method)->tp_name, "cython_function_or_method") != NULL
                   || Py_TYPE(method) == &PyMethodDescr_Type;
    PyObject *answer = !is_of_c        ? NULL
                       : given < 0     ? PyObject_CallFunction(method, "O", object)
                                       : PyObject_CallFunction(method, "Oi", object, given);
    if (answer == NULL)
        PyErr_Clear();
    return answer;
}

/* Whether each buffer is where pyarrow says that it is, which lists those of what is inside behind them. */
static bool proves_buffers(const array_data *data, PyObject *said)
{
    Py_ssize_t count = count_of(&data->buffers);
    if (said == NULL || !PyList_CheckExact(said) || PyList_GET_SIZE(said) < count
        || (PyList_GET_SIZE(said) > count && !is_nested(type_of(data)->id)))
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PyList_GET_ITEM(said, i);
        const buffer *of = data->buffers.begin[i].object;
        int64_t address, size;
        if ((one == Py_None) != (of == NULL))
            return false;
        if (of == NULL)
            continue;
        if (!rec_arrow_get_number(one, "pyarrow.lib.Buffer", "address", &address)
            || !rec_arrow_get_number(one, "pyarrow.lib.Buffer", "size", &size) || (uintptr_t)address != (uintptr_t)of->data
            || size != of->size)
            return false;
    }
    return true;
}

/* That an array which pyarrow has made has these data. `has_items`: they are looked at. */
static bool proves_data(const array_data *data, PyObject *said, bool has_items)
{
    const array *of = rec_arrow_wrapped(said, ARRAY);
    int64_t offset;
    if (of == NULL || data == NULL || of->data.object != data || (uintptr_t)data % sizeof(void *) != 0
        || !rec_arrow_get_number(said, ARRAY, "offset", &offset) || data->offset != offset || data->length != PyObject_Size(said)
        || !is_plausible(&data->buffers))
        return false;
    if (!has_items)
        return true;
    PyObject *buffers = rec_arrow_ask(said, ARRAY, "buffers", -1);
    bool proved = proves_buffers(data, buffers);
    Py_XDECREF(buffers);
    return proved;
}

static bool proves_chunks(const chunked *of, PyObject *said, bool has_items)
{
    int64_t count;
    if (of == NULL || !is_plausible(&of->chunks) || !rec_arrow_get_number(said, CHUNKED, "num_chunks", &count)
        || count != count_of(&of->chunks) || of->length != PyObject_Size(said))
        return false;
    if (count == 0)
        return true;
    PyObject *chunk = rec_arrow_ask(said, CHUNKED, "chunk", 0);
    const array *first = of->chunks.begin[0].object;
    bool proved = first != NULL && rec_arrow_wrapped(chunk, ARRAY) == first && proves_data(first->data.object, chunk, has_items);
    Py_XDECREF(chunk);
    return proved;
}

bool rec_arrow_is_text(PyObject *said, const char *text, size_t size)
{
    Py_ssize_t length;
    const char *data = said != NULL && PyUnicode_CheckExact(said) ? PyUnicode_AsUTF8AndSize(said, &length) : NULL;
    return data != NULL && (size_t)length == size && memcmp(data, text, size) == 0;
}

static bool has_unit(const data_type *type, PyObject *said, const char *class)
{
    PyObject *unit = rec_arrow_get(said, class, "unit");
    bool same = type->unit < 4 && rec_arrow_is_text(unit, rec_arrow_units[type->unit], strlen(rec_arrow_units[type->unit]));
    Py_XDECREF(unit);
    return same;
}

static bool wraps(PyObject *said, const char *class, const char *name, const void *wanted)
{
    PyObject *type = rec_arrow_get(said, class, name);
    bool same = type != NULL && rec_arrow_wrapped(type, TYPE) == wanted;
    Py_XDECREF(type);
    return same;
}

const char *rec_arrow_decimals(unsigned id)
{
    return id == DECIMAL     ? "pyarrow.lib.Decimal128Type"
           : id == DECIMAL256 ? "pyarrow.lib.Decimal256Type"
           : id == DECIMAL32  ? "pyarrow.lib.Decimal32Type"
                              : "pyarrow.lib.Decimal64Type";
}

/* What a type has besides its number: getters of the type's own class say the same. */
static bool proves_unit(const data_type *type, PyObject *said)
{
    int64_t scale;
    if (type->id == FIXED_BINARY)
        return rec_arrow_get_number(said, "pyarrow.lib.FixedSizeBinaryType", "byte_width", &scale) && scale == type->width;
    if (type->id == FIXED_LIST)
        return rec_arrow_get_number(said, "pyarrow.lib.FixedSizeListType", "list_size", &scale) && scale == type->width;
    if (type->id == DICTIONARY)
        return wraps(said, "pyarrow.lib.DictionaryType", "index_type", type->index.object)
               && wraps(said, "pyarrow.lib.DictionaryType", "value_type", type->of_dictionary.object);
    if (type->id == EXTENSION)
        return type->storage.object != NULL && wraps(said, "pyarrow.lib.BaseExtensionType", "storage_type", type->storage.object);
    if (type->id == TIME32 || type->id == TIME64)
        return has_unit(type, said, type->id == TIME32 ? "pyarrow.lib.Time32Type" : "pyarrow.lib.Time64Type");
    if (is_of_decimals(type->id))
        return rec_arrow_get_number(said, rec_arrow_decimals(type->id), "scale", &scale) && scale == type->scale
               && rec_arrow_get_number(said, "pyarrow.lib.FixedSizeBinaryType", "byte_width", &scale) && scale == type->width;
    if (type->id != TIMESTAMP && type->id != DURATION)
        return true;
    const char *class = type->id == TIMESTAMP ? "pyarrow.lib.TimestampType" : "pyarrow.lib.DurationType";
    PyObject *zone = type->id == TIMESTAMP ? rec_arrow_get(said, class, "tz") : NULL;
    bool proved = has_unit(type, said, class);
    if (type->id == TIMESTAMP)
        proved = proved && zone != NULL
                 && (zone == Py_None ? type->zone.size == 0 : rec_arrow_is_text(zone, type->zone.data, type->zone.size));
    Py_XDECREF(zone);
    return proved;
}

/* An extension written in Python has one object for all that are equal: it wraps the first of them. */
static bool is_of_python(PyObject *said)
{
    return said != NULL && rec_base_called(Py_TYPE(said), "pyarrow.lib.ExtensionType") != NULL;
}

bool rec_arrow_proves_type(const data_type *type, PyObject *said)
{
    int64_t id;
    return type != NULL && (rec_arrow_wrapped(said, TYPE) == type || is_of_python(said))
           && rec_arrow_get_number(said, TYPE, "id", &id) && id == type->id && proves_unit(type, said);
}

/* One bit for each number of a type: whether the layout of its arrays has been proved; apart for those in chunks. */
static uint64_t proved[2];

/* That the type is where it is thought to be has been proved: of arrays, of chunked ones. */
static bool knows_types[2];

typedef struct {         /* the n-th column of what pyarrow calls a table */
    PyObject *table;
    const char *type;
    int n;
} tabular_source;

static bool proves(PyObject *object, const rec_arrow *arrow, const data_type *type)
{
    PyObject *said = rec_arrow_get(object, arrow->chunked != NULL ? CHUNKED : ARRAY, "type");
    rec_arrow items = {0};
    bool same = rec_arrow_proves_type(type, said), has_items = same && rec_arrow_read_type(type, &items);
    if (same && arrow->chunked != NULL)
        same = proves_chunks(arrow->chunked, object, has_items);
    else if (same)
        same = proves_data(arrow->data, object, has_items);
    Py_XDECREF(said);
    knows_types[arrow->chunked != NULL] |= same;
    return same;
}

/* That it has its children where they are thought to be. */
static bool proves_type_of_nested(PyObject *made, const rec_arrow *arrow, const data_type *type)
{
    PyObject *said = rec_arrow_get(made, arrow->chunked != NULL ? CHUNKED : ARRAY, "type");
    bool known = said != NULL && rec_arrow_knows_type(type, said);
    Py_XDECREF(said);
    return known;
}

/* ---- what is inside of lists, structs and dictionaries ---- */

/* What stands inside of arrays of a type: of the n-th child, or NULL. */
static const data_type *type_inside(const data_type *type, Py_ssize_t n)
{
    if (type->id == DICTIONARY)
        return n == 0 ? type->of_dictionary.object : NULL;
    if (type->id == EXTENSION)
        return n == 0 ? type->storage.object : NULL;
    if (!is_nested(type->id) || n >= count_of(&type->children) || (n > 0 && type->id != STRUCT))
        return NULL;
    return ((const field *)type->children.begin[n].object)->type.object;
}

static const array_data *data_inside(const array_data *data, const data_type *type, Py_ssize_t n)
{
    if (type->id == DICTIONARY)
        return data->dictionary.object;
    if (type->id == EXTENSION)
        return data;
    return is_plausible(&data->children) && n < count_of(&data->children) ? data->children.begin[n].object : NULL;
}

static bool is_known_inside(const data_type *type)
{
    const data_type *inside;
    for (Py_ssize_t n = 0; (inside = type_inside(type, n)) != NULL; n++)
        if (inside->id >= TYPES || !(proved[0] >> inside->id & 1) || !is_known_inside(inside))
            return false;
    return true;
}

/* What pyarrow has for it. A new reference. */
static PyObject *object_inside(PyObject *said, const data_type *type, Py_ssize_t n)
{
    if (type->id == DICTIONARY)
        return rec_arrow_get(said, "pyarrow.lib.DictionaryArray", "dictionary");
    if (type->id == EXTENSION)
        return rec_arrow_get(said, "pyarrow.lib.ExtensionArray", "storage");
    if (type->id == STRUCT)
        return rec_arrow_ask(said, "pyarrow.lib.StructArray", "field", (int)n);
    return rec_arrow_get(said, type->id == LARGE_LIST ? "pyarrow.lib.LargeListArray"
                               : type->id == FIXED_LIST ? "pyarrow.lib.FixedSizeListArray"
                               : type->id == LIST_VIEW ? "pyarrow.lib.ListViewArray"
                               : type->id == LARGE_LIST_VIEW ? "pyarrow.lib.LargeListViewArray"
                               : "pyarrow.lib.ListArray", "values");
}

/* Whether both are the same values: pyarrow makes another array of a part of one. */
static bool have_same_buffers(const array_data *one, const array_data *other)
{
    if (!is_plausible(&one->buffers) || !is_plausible(&other->buffers) || count_of(&one->buffers) != count_of(&other->buffers))
        return false;
    for (Py_ssize_t i = 0; i < count_of(&one->buffers); i++)
        if (one->buffers.begin[i].object != other->buffers.begin[i].object)
            return false;
    return true;
}

enum { DEEPEST = 8 };

static bool proves_inside(PyObject *said, const array_data *data, const data_type *type, int depth)
{
    const data_type *inside;
    for (Py_ssize_t n = 0; (inside = type_inside(type, n)) != NULL; n++) {
        const array_data *child = data_inside(data, type, n), *other;
        PyObject *object = depth < DEEPEST ? object_inside(said, type, n) : NULL;
        PyObject *of = object != NULL ? rec_arrow_get(object, ARRAY, "type") : NULL;
        const array *wrapped = object != NULL ? rec_arrow_wrapped(object, ARRAY) : NULL;
        rec_arrow items = {0};
        bool same = wrapped != NULL && (other = wrapped->data.object) != NULL && child != NULL
                    && (uintptr_t)child % sizeof(void *) == 0
                    && other->type.object == (type->id == EXTENSION ? inside : child->type.object)
                    && ((const data_type *)other->type.object)->id == inside->id && have_same_buffers(child, other)
                    && rec_arrow_proves_type(other->type.object, of) && rec_arrow_knows_type(other->type.object, of)
                    && proves_data(other, object, rec_arrow_read_type(inside, &items)) && inside->id < TYPES
                    && proves_inside(object, other, inside, depth + 1);
        if (same)
            proved[0] |= UINT64_C(1) << inside->id;
        Py_XDECREF(of);
        Py_XDECREF(object);
        if (!same)
            return false;
    }
    return true;
}

/* Of an array, or of the first of several. */
static bool knows_inside(PyObject *made, const rec_arrow *arrow, const data_type *type)
{
    if (arrow->chunked == NULL)
        return proves_inside(made, arrow->data, type, 0);
    const vector *chunks = &((const chunked *)arrow->chunked)->chunks;
    PyObject *first = rec_arrow_ask(made, CHUNKED, "chunk", 0);
    bool known = first != NULL && proves_inside(first, ((const array *)chunks->begin[0].object)->data.object, type, 0);
    Py_XDECREF(first);
    return known;
}

static bool has_pieces(const rec_arrow *arrow)
{
    return arrow->chunked == NULL || count_of(&((const chunked *)arrow->chunked)->chunks) > 0;
}

/* Of this one; the next one may be proved, and this one be read from then on. */
static bool not_proved(void)
{
    rec_layout_was_unknown = true;
    return false;
}

/* Completes what is known of an array. `object` is asked if nothing has been proved yet; NULL: the column is. */
static bool complete(rec_arrow *arrow, PyObject *object, const tabular_source *source)
{
    const chunked *chunks = arrow->chunked;
    const array_data *data = arrow->data;
    if ((uintptr_t)data % sizeof(void *) != 0)
        return false;
    const data_type *type = chunks != NULL ? chunks->type.object : data->type.object;
    uint64_t *mask = &proved[chunks != NULL];
    if (!knows_types[chunks != NULL] || type->id >= TYPES || !(*mask >> type->id & 1)) {
        PyObject *made = object == NULL ? rec_arrow_ask(source->table, source->type, "_column", source->n) : Py_NewRef(object);
        bool same = made != NULL && proves(made, arrow, type);
        if (same && (is_nested(type->id) || type->id == DICTIONARY || type->id == EXTENSION))
            same = proves_type_of_nested(made, arrow, type);
        Py_XDECREF(made);
        if (!same || type->id >= TYPES)
            return not_proved();
        if (chunks == NULL || count_of(&chunks->chunks) > 0)
            *mask |= UINT64_C(1) << type->id;
    }
    if (has_pieces(arrow) && !is_known_inside(type)) {
        PyObject *made = object == NULL ? rec_arrow_ask(source->table, source->type, "_column", source->n) : Py_NewRef(object);
        bool known = made != NULL && knows_inside(made, arrow, type);
        Py_XDECREF(made);
        if (!known)
            return not_proved();
    }
    arrow->size = chunks != NULL ? chunks->length : data->length;
    if (!rec_arrow_read_type(type, arrow))
        arrow->unread = rec_arrow_type_names[type->id];
    return true;
}

static bool is_known_array(const array_data *data)
{
    const data_type *type = data->type.object;
    return type->id < TYPES && proved[0] >> type->id & 1 && is_known_inside(type);
}

bool rec_arrow_knows_array(const array_data *data, PyObject *said)
{
    const array *of = said != NULL ? rec_arrow_wrapped(said, ARRAY) : NULL;
    rec_arrow arrow = {.data = data};
    if (said == NULL)
        return data != NULL && is_known_array(data);
    return of != NULL && data != NULL && of->data.object == data && complete(&arrow, said, NULL);
}

static bool read_array(PyObject *object, rec_arrow *arrow)
{
    const array *of;
    if (rec_base_called(Py_TYPE(object), "pyarrow.lib.Scalar") != NULL)
        return rec_arrow_scalar_of(object, arrow);
    *arrow = (rec_arrow){.chunked = rec_arrow_wrapped(object, CHUNKED)};
    if (arrow->chunked == NULL && (of = rec_arrow_wrapped(object, ARRAY)) != NULL)
        arrow->data = of->data.object;
    return (arrow->chunked != NULL || arrow->data != NULL) && complete(arrow, object, NULL);
}

bool rec_arrow_of(PyObject *object, rec_arrow *arrow)
{
    asking asks = begin_asking();
    bool known = read_array(object, arrow);
    end_asking(&asks);
    return known;
}

/* ---- items ---- */

static const uint8_t *bytes_of(const array_data *data, int n)
{
    const buffer *of = n < count_of(&data->buffers) ? data->buffers.begin[n].object : NULL;
    return of != NULL && of->is_of_cpu ? of->data : NULL;
}

static bool bit(const uint8_t *bits, int64_t n) { return bits[n >> 3] >> (n & 7) & 1; }

static rec_arrow_item text_at(const array_data *data, int64_t at, bool large)
{
    const uint8_t *ends = bytes_of(data, 1), *texts = bytes_of(data, 2);
    int64_t from, to;
    if (ends == NULL)
        return (rec_arrow_item){NULL, 0};
    from = large ? ((const int64_t *)ends)[at] : ((const int32_t *)ends)[at];
    to = large ? ((const int64_t *)ends)[at + 1] : ((const int32_t *)ends)[at + 1];
    return texts != NULL ? (rec_arrow_item){(const char *)texts + from, to - from} : (rec_arrow_item){"", 0};
}

/* One of up to twelve bytes stands in its view, a longer one where that says. */
static rec_arrow_item view_at(const array_data *data, int64_t at)
{
    struct { int32_t size; char first[4]; int32_t buffer, offset; } view;
    const char *place = (const char *)bytes_of(data, 1) + at * (int64_t)sizeof(view);
    memcpy(&view, place, sizeof(view));
    if (view.size <= 12)
        return (rec_arrow_item){place + sizeof(view.size), view.size};
    const char *texts = (const char *)bytes_of(data, 2 + view.buffer);
    return (rec_arrow_item){texts != NULL ? texts + view.offset : NULL, view.size};
}

static bool is_there(const array_data *data, int64_t at)
{
    const uint8_t *present = bytes_of(data, 0);
    return present == NULL || bit(present, at);
}

/* Which item of the dictionary stands there. */
static int64_t code_at(const array_data *data, int64_t at)
{
    const uint8_t *codes = bytes_of(data, 1);
    switch (((const data_type *)type_of(data)->index.object)->id) {
    case 2:
        return codes[at];
    case 3:
        return ((const int8_t *)codes)[at];
    case 4:
        return ((const uint16_t *)codes)[at];
    case 5:
        return ((const int16_t *)codes)[at];
    case 6:
        return ((const uint32_t *)codes)[at];
    case 7:
        return ((const int32_t *)codes)[at];
    default:
        return ((const int64_t *)codes)[at];
    }
}

static rec_arrow_item item_at(const rec_arrow *arrow, const array_data *data, int64_t n)
{
    static const char truth[2] = {0, 1};
    int64_t at = n + data->offset;
    if (arrow->are_coded) {
        const array_data *dictionary = data->dictionary.object;
        if (bytes_of(data, 1) == NULL || !is_there(data, at) || dictionary == NULL)
            return (rec_arrow_item){NULL, 0};
        int64_t code = code_at(data, at);
        if (code < 0 || code >= dictionary->length)
            return (rec_arrow_item){NULL, 0};
        data = dictionary;
        at = code + data->offset;
    }
    const uint8_t *values = bytes_of(data, 1);
    if (values == NULL || !is_there(data, at))
        return (rec_arrow_item){NULL, 0};
    if (arrow->are_views)
        return view_at(data, at);
    if (arrow->item_size == 0)
        return text_at(data, at, arrow->are_large);
    if (arrow->format[0] == '?')
        return (rec_arrow_item){&truth[bit(values, at)], 1};
    return (rec_arrow_item){(const char *)values + at * arrow->item_size, arrow->item_size};
}

static Py_ssize_t pieces_of(const rec_arrow *arrow)
{
    return arrow->chunked != NULL ? count_of(&((const chunked *)arrow->chunked)->chunks) : 1;
}

static const array_data *piece_of(const rec_arrow *arrow, Py_ssize_t n)
{
    const chunked *of = arrow->chunked;
    return of != NULL ? ((const array *)of->chunks.begin[n].object)->data.object : arrow->data;
}

void rec_arrow_items(const rec_arrow *arrow, Py_ssize_t n, Py_ssize_t count, rec_arrow_item *out)
{
    if (arrow->scalar != NULL) {
        if (count > 0)
            *out = rec_arrow_scalar_item(arrow);
        return;
    }
    n += arrow->from;
    for (Py_ssize_t piece = 0; piece < pieces_of(arrow) && count > 0; piece++) {
        const array_data *data = piece_of(arrow, piece);
        for (; n < data->length && count > 0; n++, count--)
            *out++ = item_at(arrow, data, n);
        n -= data->length;
    }
}

/* ---- lists, and what has fields ---- */

static int64_t number_at(const uint8_t *numbers, int64_t at, bool is_large)
{
    return is_large ? ((const int64_t *)numbers)[at] : ((const int32_t *)numbers)[at];
}

/* Where the n-th list begins and ends in what is inside. */
static void read_list(const array_data *data, const data_type *type, int64_t at, rec_arrow_nest *nest)
{
    const uint8_t *ends = bytes_of(data, 1), *sizes = is_list_view(type->id) ? bytes_of(data, 2) : NULL;
    bool is_large = type->id == LARGE_LIST || type->id == LARGE_LIST_VIEW;
    nest->is_list = true;
    nest->is_map = type->id == MAP;
    nest->count = 1;
    if (type->id == FIXED_LIST) {
        nest->at = at * type->width;
        nest->items = type->width;
    } else if (ends == NULL || (is_list_view(type->id) && sizes == NULL)) {
        nest->is_missing = true;
    } else {
        nest->at = number_at(ends, at, is_large);
        nest->items = sizes != NULL ? number_at(sizes, at, is_large) : number_at(ends, at + 1, is_large) - nest->at;
    }
}

static void read_nest(const array_data *data, int64_t n, rec_arrow_nest *nest)
{
    const data_type *type = type_of(data);
    int64_t at = n + data->offset;
    *nest = (rec_arrow_nest){.data = data, .type = type, .is_missing = !is_there(data, at)};
    if (is_of_lists(type->id)) {
        read_list(data, type, at, nest);
        return;
    }
    nest->count = count_of(&type->children);
    nest->at = at;
    nest->items = 1;
}

/* Of a scalar that is a list, or has fields. */
static void read_nest_of_scalar(const rec_arrow *arrow, rec_arrow_nest *nest)
{
    const data_type *type = stored_type(((const scalar *)arrow->scalar)->type.object);
    *nest = (rec_arrow_nest){.is_missing = arrow->inside == NULL, .type = type, .inside = arrow->inside};
    if (is_of_lists(type->id)) {
        nest->is_list = true;
        nest->is_map = type->id == MAP;
        nest->count = 1;
        nest->items = nest->is_missing ? 0 : ((const array_data *)arrow->inside)->length;
    } else {
        nest->count = nest->is_missing ? 0 : count_of(arrow->inside);
        nest->items = 1;
    }
}

void rec_arrow_nest_of(const rec_arrow *arrow, Py_ssize_t n, rec_arrow_nest *nest)
{
    if (arrow->scalar != NULL) {
        read_nest_of_scalar(arrow, nest);
        return;
    }
    n += arrow->from;
    for (Py_ssize_t piece = 0; piece < pieces_of(arrow); piece++) {
        const array_data *data = piece_of(arrow, piece);
        if (n < data->length) {
            read_nest(data, n, nest);
            return;
        }
        n -= data->length;
    }
    *nest = (rec_arrow_nest){.is_missing = true};
}

rec_arrow_item rec_arrow_nest_name(const rec_arrow_nest *nest, Py_ssize_t i)
{
    const field *of = ((const data_type *)nest->type)->children.begin[i].object;
    return (rec_arrow_item){of->name.data, (Py_ssize_t)of->name.size};
}

void rec_arrow_nest_child(const rec_arrow_nest *nest, Py_ssize_t i, rec_arrow *child)
{
    const array_data *data = nest->data, *inside = nest->inside;
    if (nest->inside != NULL && !nest->is_list) {
        rec_arrow_read_scalar(((const vector *)nest->inside)->begin[i].object, child);
        return;
    }
    if (inside == NULL)
        inside = data_inside(data, nest->type, i);
    *child = (rec_arrow){.data = inside, .from = nest->at, .size = nest->items};
    if (inside == NULL || nest->at < 0 || nest->items < 0 || nest->at + nest->items > inside->length) {
        *child = (rec_arrow){.unread = "?"};
        return;
    }
    const data_type *type = inside->type.object;
    if (!is_known_array(inside) || !rec_arrow_read_type(type, child))
        child->unread = type->id < TYPES ? rec_arrow_type_names[type->id] : "?";
}

/* ---- decimals ---- */

/* Divides a number of so many words, the last one first, by ten. Returns what is left over. */
static unsigned divide(uint32_t *words, int count)
{
    uint64_t left = 0;
    while (count-- > 0) {
        left = left << 32 | words[count];
        words[count] = (uint32_t)(left / 10);
        left %= 10;
    }
    return (unsigned)left;
}

static bool is_zero(const uint32_t *words, int count)
{
    while (count-- > 0)
        if (words[count] != 0)
            return false;
    return true;
}

static void negate(uint32_t *words, int count)
{
    uint64_t carry = 1;
    for (int i = 0; i < count; i++, carry >>= 32)
        words[i] = (uint32_t)(carry += (uint32_t)~words[i]);
}

/* It is a number that counts units of 10 to the power of −scale. At most 77 digits, and those of the exponent. */
Py_ssize_t rec_arrow_decimal_text(const rec_arrow *arrow, const char *item, char *out)
{
    uint32_t words[8] = {0};
    int count = (int)arrow->item_size / 4, digits = 0;
    char reversed[80], *at = out;
    memcpy(words, item, (size_t)arrow->item_size);
    if (words[count - 1] >> 31) {
        *at++ = '-';
        negate(words, count);
    }
    do
        reversed[digits++] = (char)('0' + divide(words, count));
    while (!is_zero(words, count));
    while (digits > 0)
        *at++ = reversed[--digits];
    return at - out + (arrow->scale != 0 ? snprintf(at, 7, "E%d", (int)(int16_t)-arrow->scale) : 0);
}

/* ---- all of them ---- */

static uint64_t digest_piece(const rec_arrow *arrow, const array_data *data, int64_t from, int64_t count, uint64_t digest);

static uint64_t digest_nest(const rec_arrow_nest *nest, uint64_t digest)
{
    digest = rec_fold(digest, nest->is_missing ? 1 : 2 + (uint64_t)nest->items);
    for (Py_ssize_t i = 0; i < nest->count && !nest->is_missing; i++) {
        rec_arrow child;
        rec_arrow_nest_child(nest, i, &child);
        if (child.unread == NULL)
            digest = digest_piece(&child, child.data, child.from, child.size, digest);
    }
    return digest;
}

static uint64_t digest_piece(const rec_arrow *arrow, const array_data *data, int64_t from, int64_t count, uint64_t digest)
{
    rec_walk.bytes += 32 * (size_t)count;
    for (int64_t n = from; n < from + count; n++) {
        rec_arrow_nest nest;
        if (arrow->are_nested) {
            read_nest(data, n, &nest);
            digest = digest_nest(&nest, digest);
            continue;
        }
        rec_arrow_item item = item_at(arrow, data, n);
        digest = rec_fold(digest, item.data != NULL ? rec_hash_bytes(item.data, (size_t)item.size) : 1);
    }
    return digest;
}

bool rec_arrow_digest(const rec_arrow *arrow, uint64_t *digest)
{
    if (arrow->size > 1 << 20)
        return false;
    *digest = 0;
    if (arrow->chunked == NULL) {
        *digest = digest_piece(arrow, arrow->data, arrow->from, arrow->size, 0);
        return true;
    }
    for (Py_ssize_t piece = 0; piece < pieces_of(arrow); piece++) {
        const array_data *data = piece_of(arrow, piece);
        *digest = digest_piece(arrow, data, 0, data->length, *digest);
    }
    return true;
}

/* ---- tables ---- */

static const char *table_type(PyObject *object)
{
    static const char *const names[] = {"pyarrow.lib.Table", "pyarrow.lib.RecordBatch"};
    for (int i = 0; i < 2; i++)
        if (rec_base_called(Py_TYPE(object), names[i]) != NULL)
            return names[i];
    return NULL;
}

static bool proves_names(const vector *fields, PyObject *names)
{
    const field *first = fields->begin[0].object;
    return names != NULL && PyList_CheckExact(names) && PyList_GET_SIZE(names) == count_of(fields)
           && rec_arrow_is_text(PyList_GET_ITEM(names, 0), first->name.data, first->name.size);
}

/* That the first field is of the type of the first column, and called as pyarrow says. */
static bool proves_schema(const tabular *of, PyObject *said, PyObject *column)
{
    static const char type[] = "pyarrow.lib.Schema";
    const schema *schema = of->schema.object;
    PyObject *column_type = rec_arrow_get(column, rec_base_called(Py_TYPE(column), CHUNKED) != NULL ? CHUNKED : ARRAY, "type");
    PyObject *names = rec_arrow_get(said, type, "names");
    bool same = schema != NULL && rec_arrow_wrapped(said, type) == schema && schema->fields != NULL
                && (uintptr_t)schema->fields % sizeof(void *) == 0 && is_plausible(schema->fields)
                && count_of(schema->fields) == count_of(&of->columns);
    const field *first = same ? schema->fields->begin[0].object : NULL;
    same = first != NULL && first->type.object == rec_arrow_wrapped(column_type, TYPE) && proves_names(schema->fields, names);
    Py_XDECREF(column_type);
    Py_XDECREF(names);
    return same;
}

static bool proves_table(const tabular *of, PyObject *object, const char *type)
{
    int64_t columns, rows;
    if (!rec_arrow_get_number(object, type, "num_columns", &columns) || !rec_arrow_get_number(object, type, "num_rows", &rows)
        || rows != of->rows || !is_plausible(&of->columns) || columns != count_of(&of->columns) || columns == 0)
        return false;
    PyObject *schema = rec_arrow_get(object, type, "schema"), *column = rec_arrow_ask(object, type, "_column", 0);
    const void *first = of->columns.begin[0].object;
    const array *array = column != NULL ? rec_arrow_wrapped(column, ARRAY) : NULL;
    bool same = column != NULL && first != NULL
                && (rec_arrow_wrapped(column, CHUNKED) == first || (array != NULL && array->data.object == first))
                && proves_schema(of, schema, column);
    Py_XDECREF(schema);
    Py_XDECREF(column);
    return same;
}

static bool read_table(PyObject *object, rec_arrow_table *table)
{
    static void *known_methods[2]; /* of the class whose layout has been proved */
    const char *type = table_type(object);
    const tabular *of = type != NULL ? rec_arrow_wrapped(object, type) : NULL;
    *table = (rec_arrow_table){.object = object, .type = type};
    if (of == NULL)
        return false;
    bool is_batch = strcmp(type, "pyarrow.lib.RecordBatch") == 0;
    if (of->methods != known_methods[is_batch]) {
        int64_t columns;
        if (rec_arrow_get_number(object, type, "num_columns", &columns) && columns == 0)
            return rec_arrow_get_number(object, type, "num_rows", &columns) && ((table->rows = columns), true);
        if (!proves_table(of, object, type))
            return not_proved();
        known_methods[is_batch] = of->methods;
    }
    table->rows = of->rows;
    table->columns = count_of(&of->columns);
    table->vector = &of->columns;
    table->fields = ((const schema *)of->schema.object)->fields;
    table->is_batch = is_batch;
    return true;
}

bool rec_arrow_table_of(PyObject *object, rec_arrow_table *table)
{
    asking asks = begin_asking();
    bool known = read_table(object, table);
    end_asking(&asks);
    return known;
}

bool rec_arrow_column_of(const rec_arrow_table *table, Py_ssize_t n, rec_arrow *arrow)
{
    const void *column = ((const vector *)table->vector)->begin[n].object;
    tabular_source source = {table->object, table->type, (int)n};
    asking asks = begin_asking();
    *arrow = (rec_arrow){0};
    if (table->is_batch)
        arrow->data = column;
    else
        arrow->chunked = column;
    bool known = column != NULL && complete(arrow, NULL, &source);
    end_asking(&asks);
    return known;
}

rec_arrow_item rec_arrow_name_of(const rec_arrow_table *table, Py_ssize_t n)
{
    const field *of = ((const vector *)table->fields)->begin[n].object;
    return (rec_arrow_item){of->name.data, (Py_ssize_t)of->name.size};
}
