/* See plain.h. */
#include "cpython/internal.h"
#include "cpython/plain.h"
#include "cpython/dicts.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "cpython/type_tables.h"
#include <structmember.h>

#if !REC_CPYTHON_KNOWN
bool rec_prepare_plain(void) { return true; }
#else

/* ---- values ---- */

bool rec_is_scalar(PyObject *o)
{
    if (o == NULL)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    return o == Py_None || t == &PyUnicode_Type || t == &PyLong_Type || t == &PyBool_Type || t == &PyFloat_Type
           || t == &PyBytes_Type;
}

bool rec_are_scalars(PyObject **items, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (i == REC_MOST_PLAIN || !rec_is_scalar(items[i]))
            return false;
    return true;
}

bool rec_has_text_keys(PyObject *dict)
{
    return dict != NULL && PyDict_CheckExact(dict) && DK_IS_UNICODE(((PyDictObject *)dict)->ma_keys);
}

PyObject *rec_find_text(PyObject *dict, PyObject *text)
{
    return rec_str_hash(text) != -1 ? PyDict_GetItemWithError(dict, text) : NULL;
}

bool rec_has_plain_truth(PyObject *o)
{
    if (o == NULL)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    if (rec_is_scalar(o) || PyList_CheckExact(o) || PyTuple_CheckExact(o) || PyDict_CheckExact(o) || PyAnySet_CheckExact(o))
        return true;
    return (t->tp_as_number == NULL || t->tp_as_number->nb_bool == NULL)
           && (t->tp_as_mapping == NULL || t->tp_as_mapping->mp_length == NULL)
           && (t->tp_as_sequence == NULL || t->tp_as_sequence->sq_length == NULL);
}

bool rec_is_plainly_contained(PyObject *item, PyObject *in)
{
    Py_ssize_t at = 0, n = 0;
    PyObject *key;
    if (in == NULL || !rec_is_scalar(item))
        return false;
    if (PyUnicode_CheckExact(in) && PyUnicode_CheckExact(item))
        return true;
    if (PyTuple_CheckExact(in) || PyList_CheckExact(in))
        return rec_are_scalars(PyTuple_CheckExact(in) ? rec_tuple_items(in) : rec_list_items(in), rec_size(in));
    if (PyAnySet_CheckExact(in)) {
        while (rec_set_next(in, &at, &key))
            if (n++ == REC_MOST_PLAIN || !rec_is_scalar(key))
                return false;
        return true;
    }
    return rec_has_text_keys(in);
}

bool rec_has_plain_keys(PyObject *o)
{
    rec_items items;
    PyObject *key, *value;
    if (o == NULL || !PyDict_CheckExact(o))
        return o != NULL && PySet_CheckExact(o) && rec_is_plainly_contained(REC_SOME_SCALAR, o);
    if (rec_has_text_keys(o))
        return true;
    rec_open_items(&items, o);
    if (items.count > REC_MOST_PLAIN)
        return false;
    while (rec_next_item(&items, &key, &value))
        if (!rec_is_scalar(key))
            return false;
    return true;
}

bool rec_read_item(PyObject *in, PyObject *key, PyObject **item)
{
    int64_t index;
    *item = NULL;
    if (in == NULL || key == NULL)
        return false;
    if (PyTuple_CheckExact(in) || PyList_CheckExact(in)) {
        if (PyLong_CheckExact(key) && rec_int_small(key, &index)) {
            index += index < 0 ? rec_size(in) : 0;
            if (0 <= index && index < rec_size(in))
                *item = (PyTuple_CheckExact(in) ? rec_tuple_items(in) : rec_list_items(in))[index];
        }
        return rec_is_scalar(key);
    }
    if (PyUnicode_CheckExact(in))
        *item = REC_SOME_SCALAR;
    else if (rec_has_text_keys(in) && PyUnicode_CheckExact(key))
        *item = rec_find_text(in, key);
    return *item != NULL;
}

/* ---- attributes ---- */

/* How the attribute of a name is read of the instances of a type. */
typedef enum {
    RUNS_CODE = 0,
    IN_INSTANCE, /* or nowhere: that could be asked of code */
    OF_CLASS,    /* a function or a value, unless the instance has one of its own */
    IN_SLOT
} way;

typedef struct {
    PyTypeObject *type;
    PyObject *name;
    unsigned version;
    way way;
    PyObject *found; /* in the class; borrowed: as long as the version stands, it has it */
} rule;

/* Whether the class and those it is derived from have texts alone for names. */
static bool are_plain_classes(PyTypeObject *t)
{
    PyObject *bases = t->tp_mro;
    if (bases == NULL)
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(bases, i);
        if (base->tp_flags & Py_TPFLAGS_HEAPTYPE && !rec_has_text_keys(base->tp_dict))
            return false;
    }
    return true;
}

static way way_of(PyTypeObject *type, PyObject *found)
{
    if (found == NULL)
        return IN_INSTANCE;
    PyTypeObject *t = Py_TYPE(found);
    if (t == &PyMemberDescr_Type) {
        const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        bool is_plain = member->type == T_OBJECT_EX && (member->flags & ~READONLY) == 0;
        return is_plain && PyType_IsSubtype(type, ((PyDescrObject *)found)->d_type) ? IN_SLOT : RUNS_CODE;
    }
    if (t == &PyFunction_Type || t == &PyMethodDescr_Type || t == &PyStaticMethod_Type)
        return OF_CLASS;
    return t->tp_descr_get == NULL && t->tp_descr_set == NULL ? OF_CLASS : RUNS_CODE;
}

static const rule *rule_of(PyTypeObject *t, PyObject *name)
{
    enum { RULES = 1024 };
    static rule rules[RULES];
    rule *kept = &rules[((uintptr_t)t >> 4 ^ (uintptr_t)name >> 5) & (RULES - 1)];
    if (kept->type == t && kept->name == name && kept->version == t->tp_version_tag && kept->version != 0)
        return kept;
    *kept = (rule){.type = t, .name = name};
    if (!are_plain_classes(t))
        return kept;
    kept->found = _PyType_Lookup(t, name);
    kept->way = way_of(t, kept->found);
    kept->version = rec_type_version(t);
    return kept;
}

/* What the instance itself has by a name, or NULL. False: it takes code to find out, or too long. */
static bool find_own(PyObject *o, PyObject *name, PyObject **value)
{
    enum { MOST = 100 };
    rec_items items;
    PyObject *key;
    rec_storage_of(&items, o, Py_TYPE(o));
    if (items.count > MOST || (items.count > 0 && !DK_IS_UNICODE((PyDictKeysObject *)items.keys)))
        return false;
    while (rec_next_item(&items, &key, value))
        if (key == name || (rec_str_hash(key) == rec_str_hash(name) && rec_is_same_str(key, name)))
            return true;
    *value = NULL;
    return true;
}

static PyObject **slot_in(PyObject *o, const rule *how)
{
    return (PyObject **)((char *)o + ((PyMemberDescrObject *)how->found)->d_member->offset);
}

/* Of a module, or of a class that is no other one's instance. */
static bool read_of_namespace(PyObject *o, PyObject *name, PyObject **value)
{
    if (Py_IS_TYPE(o, &PyModule_Type)) {
        PyObject *dict = PyModule_GetDict(o);
        *value = rec_has_text_keys(dict) ? rec_find_text(dict, name) : NULL;
        return *value != NULL;
    }
    if (!are_plain_classes((PyTypeObject *)o))
        return false;
    *value = _PyType_Lookup((PyTypeObject *)o, name);
    return *value != NULL && (Py_TYPE(*value)->tp_descr_get == NULL || Py_IS_TYPE(*value, &PyFunction_Type));
}

/* Which are CPython's, and often computed. */
static bool has_underscores(PyObject *name)
{
    return PyUnicode_GET_LENGTH(name) > 1 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_';
}

bool rec_read_attribute(PyObject *o, PyObject *name, bool may_lack, PyObject **value)
{
    *value = NULL;
    if (o == NULL || o == REC_SOME_SCALAR || has_underscores(name) || rec_str_hash(name) == -1)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    if (t == &PyModule_Type || t == &PyType_Type)
        return read_of_namespace(o, name, value);
    if (t->tp_getattro != PyObject_GenericGetAttr)
        return false;
    const rule *how = rule_of(t, name);
    switch (how->way) {
    case IN_SLOT:
        *value = *slot_in(o, how);
        return *value != NULL || may_lack;
    case IN_INSTANCE:
        return find_own(o, name, value) && (*value != NULL || may_lack);
    case OF_CLASS:
        if (!find_own(o, name, value))
            return false;
        if (*value == NULL && Py_TYPE(how->found)->tp_descr_get == NULL)
            *value = how->found;
        return true;
    default:
        return false;
    }
}

PyObject *rec_method_for(PyObject *o, PyObject *name)
{
    PyObject *own;
    if (o == NULL || o == REC_SOME_SCALAR || rec_str_hash(name) == -1)
        return NULL;
    if (Py_TYPE(o)->tp_getattro != PyObject_GenericGetAttr)
        return NULL;
    const rule *how = rule_of(Py_TYPE(o), name);
    if (how->way != OF_CLASS || !find_own(o, name, &own) || own != NULL)
        return NULL;
    return PyFunction_Check(how->found) || Py_IS_TYPE(how->found, &PyMethodDescr_Type) ? how->found : NULL;
}

bool rec_may_set_attribute(PyObject *o, PyObject *name, PyObject **before)
{
    *before = NULL;
    if (o == NULL || o == REC_SOME_SCALAR || has_underscores(name) || rec_str_hash(name) == -1)
        return false;
    if (Py_TYPE(o)->tp_setattro != PyObject_GenericSetAttr)
        return false;
    const rule *how = rule_of(Py_TYPE(o), name);
    if (how->way == IN_SLOT)
        *before = *slot_in(o, how);
    return how->way == IN_SLOT || (how->way != RUNS_CODE && find_own(o, name, before));
}

/* ---- instances of classes, and what has a length ---- */

static PyObject *class_name; /* "__class__", as names of attributes are kept */

bool rec_is_plainly_instance(PyObject *o, PyObject *of)
{
    if (o == NULL || of == NULL)
        return false;
    if (PyTuple_CheckExact(of)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(of); i++)
            if (!PyType_CheckExact(PyTuple_GET_ITEM(of, i)) || !rec_is_plainly_instance(o, PyTuple_GET_ITEM(of, i)))
                return false;
        return true;
    }
    if (!PyType_CheckExact(of) || Py_TYPE(o)->tp_getattro != PyObject_GenericGetAttr)
        return false;
    if (rec_is_scalar(o))
        return true;
    const rule *how = rule_of(Py_TYPE(o), class_name);
    return how->found != NULL && Py_IS_TYPE(how->found, &PyGetSetDescr_Type)
           && ((PyDescrObject *)how->found)->d_type == &PyBaseObject_Type;
}

bool rec_has_plain_length(PyObject *o)
{
    return rec_is_scalar(o)
           || (o != NULL
               && (PyList_CheckExact(o) || PyTuple_CheckExact(o) || PyDict_CheckExact(o) || PyAnySet_CheckExact(o)));
}

bool rec_is_text(PyObject *o) { return o != NULL && o != REC_SOME_SCALAR && PyUnicode_CheckExact(o); }

bool rec_prepare_plain(void)
{
    if (class_name == NULL)
        class_name = PyUnicode_InternFromString("__class__");
    return class_name != NULL;
}
#endif
