/* The layouts behind instances.h: CPython's own headers say where things are. */
#include "cpython/internal.h"
#include "cpython/instances.h"
#include "cpython/dicts.h"
#include "cpython/frames.h"
#include "cpython/objects.h"
#include "cpython/slots.h"
#include "cpython/type_tables.h"
#include "known/forms.h"
#include "tape/records.h"
#if REC_CPYTHON_KNOWN
#include <internal/pycore_frame.h>
#include <internal/pycore_object.h>
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable" /* its static PyDateTimeAPI: importing it would be seen */
#include <datetime.h>
#pragma GCC diagnostic pop
#include <structmember.h>

/* ---- kinds of types ---- */

static bool is_static_named(PyTypeObject *type, const char *name, size_t size)
{
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && (size_t)type->tp_basicsize == size
           && strcmp(type->tp_name, name) == 0;
}

/* Whether a class statement of this module made it, by this name. */
static bool is_class_of(PyTypeObject *type, const char *module, const char *name)
{
    PyObject *its_name = rec_heap_type_name(type), *its_module;
    if (its_name == NULL || !rec_str_is(its_name, name) || type->tp_dict == NULL)
        return false;
    its_module = rec_dict_find(type->tp_dict, "__module__");
    return its_module != NULL && rec_str_is(its_module, module);
}

/* A class made by a class statement of Python's enum module, or of one derived from it. */
static bool is_enum_class(PyTypeObject *type)
{
    for (PyTypeObject *meta = Py_TYPE(type); meta != NULL && rec_heap_type_name(meta) != NULL; meta = meta->tp_base)
        if (is_class_of(meta, "enum", "EnumType"))
            return true;
    return false;
}

bool rec_is_numpy_number(PyTypeObject *type)
{
    return rec_base_called(type, "numpy.generic") != NULL && rec_base_called(type, "numpy.void") == NULL;
}

/* No class statement makes a static type, or one with a module: this one is written in C, and so is its buffer. */
bool rec_is_array(PyTypeObject *type)
{
    return type->tp_as_buffer != NULL && type->tp_as_buffer->bf_getbuffer != NULL
           && (strcmp(type->tp_name, "numpy.ndarray") == 0 || strcmp(type->tp_name, "array.array") == 0
               || type == &PyMemoryView_Type || rec_base_called(type, "numpy.generic") != NULL);
}

bool rec_has_slots(PyTypeObject *type)
{
    for (; type != NULL && type->tp_flags & Py_TPFLAGS_HEAPTYPE; type = type->tp_base)
        if (((PyHeapTypeObject *)type)->ht_slots != NULL)
            return true;
    return false;
}

bool rec_is_machinery(PyTypeObject *type)
{
    PyObject *bases = type->tp_mro;
    for (Py_ssize_t i = 0; bases != NULL && i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(bases, i);
        if (is_class_of(base, "asyncio.base_events", "BaseEventLoop") || is_class_of(base, "logging", "Manager"))
            return true;
    }
    return false;
}

static rec_shape shape_of_datetime(PyTypeObject *type)
{
    while (type != NULL && type->tp_flags & Py_TPFLAGS_HEAPTYPE)
        type = type->tp_base;
    if (type == NULL || strncmp(type->tp_name, "datetime.", 9) != 0)
        return REC_OPAQUE;
    if (is_static_named(type, "datetime.datetime", sizeof(PyDateTime_DateTime)))
        return REC_DATETIME;
    if (is_static_named(type, "datetime.date", sizeof(PyDateTime_Date)))
        return REC_DATE;
    if (is_static_named(type, "datetime.time", sizeof(PyDateTime_Time)))
        return REC_TIME;
    if (is_static_named(type, "datetime.timedelta", sizeof(PyDateTime_Delta)))
        return REC_TIMEDELTA;
    return REC_OPAQUE;
}

typedef struct { /* as in Modules/_datetimemodule.c */
    PyObject_HEAD
    PyObject *offset;
    PyObject *name;
} timezone_object;

typedef struct { /* 3.14: as in Objects/templateobject.c */
    PyObject_HEAD
    PyObject *strings;
    PyObject *interpolations;
} template_object;

typedef struct { /* 3.14: as in Objects/interpolationobject.c */
    PyObject_HEAD
    PyObject *value;
    PyObject *expression;
    PyObject *conversion;
    PyObject *format_spec;
} interpolation_object;

static rec_shape shape_of_static(PyTypeObject *type)
{
    if (type == &PyGen_Type || type == &PyCoro_Type || type == &PyAsyncGen_Type)
        return REC_GENERATOR;
    if (type == &PyMethod_Type)
        return REC_METHOD;
    if (type == &PyRange_Type)
        return REC_RANGE;
    if (type == &PySlice_Type)
        return REC_SLICE;
    if (is_static_named(type, "datetime.timezone", sizeof(timezone_object)))
        return REC_TIMEZONE;
    if (rec_is_array(type))
        return REC_ARRAY;
    if (type->tp_dictoffset > 0 && strcmp(type->tp_name, "types.SimpleNamespace") == 0)
        return REC_INSTANCE;
    if (is_static_named(type, "string.templatelib.Template", sizeof(template_object)))
        return REC_TEMPLATE;
    if (is_static_named(type, "string.templatelib.Interpolation", sizeof(interpolation_object)))
        return REC_INTERPOLATION;
    return shape_of_datetime(type);
}

/* What _fields says, if that is a tuple of str: a class with it is one of named tuples. Borrowed. */
static PyObject *field_names_of(PyTypeObject *type)
{
    for (; type != NULL && type->tp_flags & Py_TPFLAGS_HEAPTYPE; type = type->tp_base) {
        PyObject *fields = type->tp_dict != NULL ? rec_dict_find(type->tp_dict, "_fields") : NULL;
        if (fields == NULL)
            continue;
        if (!PyTuple_CheckExact(fields))
            return NULL;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); i++)
            if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(fields, i)))
                return NULL;
        return fields;
    }
    return NULL;
}

/* A time.struct_time, an os.stat_result: a tuple written in C, whose table of members names its items. */
static bool is_struct_sequence(PyTypeObject *type)
{
    return type->tp_base == &PyTuple_Type && !rec_is_type_of_python(type) && type->tp_members != NULL
           && type->tp_members->name != NULL && type->tp_members->type == T_OBJECT
           && type->tp_members->offset >= (Py_ssize_t)offsetof(PyTupleObject, ob_item);
}

/* So many names of its members. */
static PyObject *make_names(const PyMemberDef *members, Py_ssize_t count)
{
    PyObject *names = PyTuple_New(count), *name;
    for (Py_ssize_t i = 0; names != NULL && i < count; i++) {
        name = members[i].name != NULL ? PyUnicode_InternFromString(members[i].name) : NULL;
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

/* They are made once, and kept. Nothing is collected meanwhile, by which code of the program's could run. */
static PyObject *names_of_sequence(PyTypeObject *type, Py_ssize_t count)
{
    enum { KEPT = 64 };
    static struct {
        const PyMemberDef *members;
        PyObject *names;
    } kept[KEPT];
    PyObject *kind, *value, *trace;
    int i = 0, collects;
    while (i < KEPT && kept[i].members != NULL && kept[i].members != type->tp_members)
        i++;
    if (i < KEPT && kept[i].names == NULL) {
        PyErr_Fetch(&kind, &value, &trace);
        collects = PyGC_Disable();
        kept[i].names = make_names(type->tp_members, count);
        if (kept[i].names != NULL)
            kept[i].members = type->tp_members;
        if (collects)
            (void)PyGC_Enable(); /* audit: it says whether it was on before */
        PyErr_Restore(kind, value, trace);
    }
    return i < KEPT ? kept[i].names : NULL;
}

rec_shape rec_shape_of(PyTypeObject *type)
{
    if (is_struct_sequence(type))
        return REC_NAMED_TUPLE;
    if (PyType_IsSubtype(type, &PyModule_Type)) /* walks the MRO, a tuple of classes; no code runs */
        return REC_MODULE;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return shape_of_static(type);
    if (is_enum_class(type))
        return REC_ENUM;
    if (type->tp_flags & Py_TPFLAGS_TUPLE_SUBCLASS && field_names_of(type) != NULL)
        return REC_NAMED_TUPLE;
    rec_shape datetime = shape_of_datetime(type);
    if (datetime != REC_OPAQUE)
        return datetime;
    if (((PyHeapTypeObject *)type)->ht_module != NULL) /* written in C */
        return rec_is_array(type) ? REC_ARRAY : REC_OPAQUE;
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT || type->tp_dictoffset != 0 || rec_has_slots(type))
        return REC_INSTANCE;
    return REC_OPAQUE;
}

PyObject *rec_names_of_fields(PyObject *object, PyTypeObject *type)
{
    PyObject *names = is_struct_sequence(type) ? names_of_sequence(type, rec_size(object)) : field_names_of(type);
    return names != NULL && PyTuple_GET_SIZE(names) == rec_size(object) ? names : NULL;
}

/* ---- attributes ---- */

#if !REC_CPYTHON_KNOWN
/* The dict of attributes, which CPython makes now if there is none yet. The object holds it. */
void rec_storage_of(rec_items *items, PyObject *object, PyTypeObject *type)
{
    *items = (rec_items){0};
    if (type->tp_dictoffset == 0 && !(type->tp_flags & Py_TPFLAGS_MANAGED_DICT))
        return;
    PyObject *raised = PyErr_GetRaisedException();
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    if (dict != NULL && PyDict_Check(dict))
        rec_open_items(items, dict);
    PyErr_Clear();
    Py_XDECREF(dict);
    PyErr_SetRaisedException(raised);
}
#else
/* Where the instance keeps its attributes: in a dict, or in an array in the order of its class's keys. */
void rec_storage_of(rec_items *items, PyObject *object, PyTypeObject *type)
{
    PyObject *dict = NULL;
    PyDictValues *values = NULL;
    *items = (rec_items){0};
    if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) {
        /* For such a type this only computes an address, where it is not a fixed one. */
        Py_ssize_t offset = type->tp_dictoffset;
        PyObject **place = offset > 0    ? (PyObject **)((char *)object + offset)
                           : offset != 0 ? _PyObject_GetDictPtr(object)
                                         : NULL;
        dict = place != NULL ? *place : NULL;
    } else {
#if PY_VERSION_HEX < 0x030C0000
        values = *_PyObject_ValuesPointer(object);
        dict = *_PyObject_ManagedDictPointer(object);
#elif PY_VERSION_HEX < 0x030D0000
        PyDictOrValues either = *_PyObject_DictOrValuesPointer(object);
        if (_PyDictOrValues_IsValues(either))
            values = _PyDictOrValues_GetValues(either);
        else
            dict = _PyDictOrValues_GetDict(either); /* audit: what stands below is for another version */
#else
        dict = (PyObject *)_PyObject_GetManagedDict(object);
        if (dict == NULL && type->tp_flags & Py_TPFLAGS_INLINE_VALUES && _PyObject_InlineValues(object)->valid)
            values = _PyObject_InlineValues(object);
#endif
    }
    if (dict != NULL) {
        if (PyDict_Check(dict))
            rec_open_items(items, dict);
    } else if (values != NULL && ((PyHeapTypeObject *)type)->ht_cached_keys != NULL) {
        rec_split_items(items, ((PyHeapTypeObject *)type)->ht_cached_keys, values->values);
    }
}
#endif

static bool next_in_order(rec_attributes *walk, PyObject **name, PyObject **value)
{
    const rec_slot_list *list = rec_slots_in_order(walk->type);
    while (list != NULL && walk->slot < list->count) {
        const rec_slot *slot = &list->slot[walk->slot++];
        *name = slot->name;
        *value = *(PyObject **)((char *)walk->object + slot->offset);
        if (*value != NULL)
            return true;
    }
    walk->type = NULL;
    return false;
}

/* __slots__ of a class statement: ht_slots has the names, the members in the same order the offsets. */
static bool next_slot(rec_attributes *walk, PyObject **name, PyObject **value)
{
    if (walk->type != NULL && walk->are_ordered)
        return next_in_order(walk, name, value);
    for (; walk->type != NULL && walk->type->tp_flags & Py_TPFLAGS_HEAPTYPE;
         walk->type = walk->type->tp_base, walk->slot = 0) {
        PyObject *names = ((PyHeapTypeObject *)walk->type)->ht_slots;
        PyMemberDef *members = walk->type->tp_members;
        if (names == NULL || !PyTuple_CheckExact(names) || members == NULL)
            continue;
        while (walk->slot < PyTuple_GET_SIZE(names)) {
            PyMemberDef *member = &members[walk->slot];
            *name = PyTuple_GET_ITEM(names, walk->slot++);
            if (member->name == NULL || member->type != T_OBJECT_EX)
                continue;
            *value = *(PyObject **)((char *)walk->object + member->offset);
            if (*value != NULL)
                return true;
        }
    }
    walk->type = NULL;
    return false;
}

/* How many of them are set. */
static Py_ssize_t count_slots(PyObject *object)
{
    Py_ssize_t count = 0;
    const rec_slot_list *list = rec_slots_in_order(Py_TYPE(object));
    if (list != NULL) {
        for (int i = 0; i < list->count; i++)
            count += *(PyObject **)((char *)object + list->slot[i].offset) != NULL;
        return count;
    }
    for (PyTypeObject *type = Py_TYPE(object); type != NULL && type->tp_flags & Py_TPFLAGS_HEAPTYPE; type = type->tp_base) {
        PyObject *names = ((PyHeapTypeObject *)type)->ht_slots;
        PyMemberDef *member = type->tp_members;
        if (names == NULL || !PyTuple_CheckExact(names) || member == NULL)
            continue;
        for (PyMemberDef *end = member + PyTuple_GET_SIZE(names); member < end; member++)
            count += member->name != NULL && member->type == T_OBJECT_EX
                     && *(PyObject **)((char *)object + member->offset) != NULL;
    }
    return count;
}

static void start(rec_attributes *walk, PyObject *object, bool slotted)
{
    walk->object = object;
    walk->type = slotted ? Py_TYPE(object) : NULL;
    walk->slot = 0;
    walk->are_ordered = slotted && rec_slots_in_order(walk->type) != NULL;
    walk->fields.exception = NULL;
    if (PyExceptionInstance_Check(object) && rec_exception_may_have_fields(object))
        rec_exception_begin(&walk->fields, object);
    rec_storage_of(&walk->items, object, Py_TYPE(object));
}

static bool next_attribute(rec_attributes *walk, PyObject **name, PyObject **value)
{
    if (!rec_next_item(&walk->items, name, value) && !next_slot(walk, name, value))
        return rec_exception_next(&walk->fields, name, value);
    if (!PyUnicode_CheckExact(*name))
        *name = NULL;
    return true;
}

/* What the enum module itself keeps in a member. */
static bool is_enums_own(PyObject *name)
{
    return name != NULL
           && (rec_str_is(name, "_value_") || rec_str_is(name, "_name_") || rec_str_is(name, "__objclass__")
               || rec_str_is(name, "_sort_order_"));
}

Py_ssize_t rec_attributes_begin(rec_attributes *walk, PyObject *object, const rec_type_entry *entry)
{
    PyObject *name, *value;
    Py_ssize_t n;
    walk->is_enum = entry->shape == REC_ENUM;
    if ((entry->shape != REC_INSTANCE && !entry->part) || rec_is_whole(entry->known))
        return 0;
    start(walk, object, entry->slotted);
    n = walk->items.size;
    if (walk->is_enum && n > 0) {
        n = 0;
        while (rec_attributes_next(walk, &name, &value))
            n++;
        start(walk, object, entry->slotted);
        return n;
    }
    n += entry->slotted ? count_slots(object) : 0;
    if (walk->fields.exception != NULL) {
        while (rec_exception_next(&walk->fields, &name, &value))
            n++;
        start(walk, object, entry->slotted);
    }
    return n;
}

bool rec_attributes_next(rec_attributes *walk, PyObject **name, PyObject **value)
{
    while (next_attribute(walk, name, value))
        if (!walk->is_enum || !is_enums_own(*name))
            return true;
    return false;
}

PyObject *rec_attribute(PyObject *object, const char *wanted)
{
    rec_attributes walk;
    PyObject *name, *value;
    start(&walk, object, true);
    while (next_attribute(&walk, &name, &value))
        if (name != NULL && rec_str_is(name, wanted))
            return value;
    return NULL;
}

/* ---- what is written as an instance, but has no attributes as such ---- */

typedef struct { /* as in Objects/rangeobject.c */
    PyObject_HEAD
    PyObject *start;
    PyObject *stop;
    PyObject *step;
    PyObject *length;
} range_object;

static void read_range(PyObject *object, rec_shape shape, PyObject *out[3])
{
    if (shape == REC_RANGE) {
        out[0] = ((range_object *)object)->start;
        out[1] = ((range_object *)object)->stop;
        out[2] = ((range_object *)object)->step;
    } else {
        out[0] = ((PySliceObject *)object)->start;
        out[1] = ((PySliceObject *)object)->stop;
        out[2] = ((PySliceObject *)object)->step;
    }
}

bool rec_find_fields(rec_fields *fields, PyObject *object, rec_shape shape)
{
    switch (shape) {
    case REC_RANGE:
    case REC_SLICE:
        *fields = (rec_fields){3, {"start", "stop", "step"}, {0}};
        read_range(object, shape, fields->values);
        return true;
    case REC_TIMEZONE:
        *fields = (rec_fields){2, {"offset", "name"}, {0}};
        fields->values[0] = ((timezone_object *)object)->offset;
        fields->values[1] = ((timezone_object *)object)->name;
        if (fields->values[1] == NULL)
            fields->values[1] = Py_None;
        return true;
    case REC_TEMPLATE:
        *fields = (rec_fields){2, {"strings", "interpolations"}, {0}};
        fields->values[0] = ((template_object *)object)->strings;
        fields->values[1] = ((template_object *)object)->interpolations;
        return true;
    case REC_INTERPOLATION:
        *fields = (rec_fields){4, {"value", "expression", "conversion", "format_spec"}, {0}};
        fields->values[0] = ((interpolation_object *)object)->value;
        fields->values[1] = ((interpolation_object *)object)->expression;
        fields->values[2] = ((interpolation_object *)object)->conversion;
        fields->values[3] = ((interpolation_object *)object)->format_spec;
        return true;
    case REC_METHOD:
        *fields = (rec_fields){2, {"__func__", "__self__"}, {0}};
        fields->values[0] = PyMethod_GET_FUNCTION(object);
        fields->values[1] = PyMethod_GET_SELF(object);
        return true;
    default:
        return false;
    }
}

/* ---- dates and times ---- */

static void read_time(const unsigned char *data, rec_datetime *out)
{
    out->hour = data[0];
    out->minute = data[1];
    out->second = data[2];
    out->microsecond = data[3] << 16 | data[4] << 8 | data[5];
}

void rec_read_datetime(PyObject *object, rec_shape shape, rec_datetime *out)
{
    memset(out, 0, sizeof(*out));
    if (shape == REC_TIMEDELTA) {
        PyDateTime_Delta *delta = (PyDateTime_Delta *)object;
        out->days = delta->days;
        out->seconds = delta->seconds;
        out->microsecond = delta->microseconds;
    } else if (shape == REC_TIME) {
        PyDateTime_Time *time = (PyDateTime_Time *)object;
        read_time(time->data, out);
        out->fold = time->fold;
        out->zone = time->hastzinfo ? time->tzinfo : NULL;
    } else {
        PyDateTime_Date *date = (PyDateTime_Date *)object;
        out->year = PyDateTime_GET_YEAR(date);
        out->month = PyDateTime_GET_MONTH(date);
        out->day = PyDateTime_GET_DAY(date);
    }
    if (shape == REC_DATETIME) {
        PyDateTime_DateTime *datetime = (PyDateTime_DateTime *)object;
        read_time(datetime->data + 4, out);
        out->fold = datetime->fold;
        out->zone = datetime->hastzinfo ? datetime->tzinfo : NULL;
    }
}
