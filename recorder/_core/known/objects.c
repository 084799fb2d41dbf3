/* What comes out of databases: what is known of an instance of a class that SQLAlchemy or Django maps, and the rows of a
 * result, sqlite3's as well. No attribute is asked for, by which something could be loaded. */
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"

/* Whether it is in the database, whether it was changed, and the names of all its mapped attributes: those that it does
 * not have are not loaded. */
rec_reading rec_read_orm_state(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *manager = rec_attribute(object, "manager"), *key = rec_attribute(object, "key");
    if (manager == NULL)
        return REC_UNREADABLE_NOW; /* it is still being made */
    if (!PyDict_Check(manager))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, key != NULL && key != Py_None ? Py_True : Py_False);
    rec_add_object(form, rec_attribute(object, "modified") == Py_True ? Py_True : Py_False);
    form->parts[form->count++] = (rec_part){.kind = REC_PART_KEYS, .object = manager};
    return REC_LAYOUT_PROVED;
}

/* The columns and fields of a model of Django's: those that it does not have are not loaded. */
rec_reading rec_read_model(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *about = type->tp_dict != NULL ? rec_dict_find(type->tp_dict, "_meta") : NULL;
    PyObject *fields = about != NULL ? rec_attribute(about, "concrete_fields") : NULL;
    PyObject *state = rec_attribute(object, "_state");
    bool known = fields != NULL && PyTuple_Check(fields);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_object(form, state != NULL ? rec_attribute(state, "fields_cache") : NULL);
    for (int i = 0; i < 2 && known; i++) {
        form->parts[i].kind = REC_PART_OF_EACH;
        form->parts[i].each.tuple = fields;
        form->parts[i].each.name = i == 0 ? "attname" : "name";
    }
    return REC_LAYOUT_PROVED;
}

/* The class written in C that keeps the values. */
static PyTypeObject *base_of_row(PyTypeObject *type)
{
    while (type != NULL && (strchr(type->tp_name, '.') == NULL || strcmp(strrchr(type->tp_name, '.'), ".BaseRow") != 0
                            || type->tp_getset == NULL))
        type = type->tp_base;
    return type;
}

/* A row of sqlite3's holds its values, and what its cursor said of the columns: of each a tuple that begins with its name. */
static bool row_of_sqlite(PyObject *row, PyTypeObject *type, PyObject **values, PyObject ***names)
{
    PyObject *columns = rec_visited(row, type, 1, REC_HELD_ANY);
    *values = rec_visited(row, type, 0, REC_HELD_ANY);
    if (*values == NULL || !PyTuple_CheckExact(*values) || columns == NULL || !PyTuple_CheckExact(columns)
        || rec_size(columns) != rec_size(*values))
        return false;
    *names = rec_tuple_items(columns);
    for (Py_ssize_t i = 0; i < rec_size(columns); i++)
        if (!PyTuple_CheckExact((*names)[i]) || rec_size((*names)[i]) == 0
            || !PyUnicode_CheckExact(rec_tuple_items((*names)[i])[0]))
            return false;
    return true;
}

bool rec_row_of(PyObject *row, PyObject **values, PyObject ***names)
{
    PyTypeObject *of_sqlite = rec_base_called(Py_TYPE(row), "sqlite3.Row");
    if (of_sqlite != NULL)
        return row_of_sqlite(row, of_sqlite, values, names);
    PyTypeObject *type = base_of_row(Py_TYPE(row));
    PyObject *parent = rec_held(row, type, "_parent");
    PyObject *keys = parent != NULL ? rec_attribute(parent, "_keys") : NULL;
    *values = rec_held(row, type, "_data");
    if (keys == NULL || *values == NULL || !PyTuple_CheckExact(*values)
        || (!PyTuple_CheckExact(keys) && !PyList_CheckExact(keys)) || rec_size(keys) != rec_size(*values))
        return false;
    *names = PyList_CheckExact(keys) ? rec_list_items(keys) : rec_tuple_items(keys);
    return true;
}
