/* The fields of exceptions. Those that are among the arguments are left out: they are told as such. */
#include "cpython/exceptions.h"
#include "cpython/objects.h"

/* Told elsewhere, or worth less than they cost: the object that lacks an attribute can be of any size. */
static const char *const left_out[] = {"obj", "exceptions", "print_file_and_line"};

static bool is_left_out(const char *name)
{
    if (name[0] == '_') /* SyntaxError's own affair, from 3.14 on */
        return true;
    for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
        if (strcmp(name, left_out[i]) == 0)
            return true;
    return false;
}

static bool is_item(PyObject *tuple, PyObject *value)
{
    for (Py_ssize_t i = 0; i < rec_size(tuple); i++)
        if (rec_tuple_items(tuple)[i] == value)
            return true;
    return false;
}

/* Whether it is among the arguments, or in a tuple among them, as SyntaxError has it. */
static bool is_argument(PyObject *exception, PyObject *value)
{
    PyObject *args = ((PyBaseExceptionObject *)exception)->args;
    if (args == NULL || !PyTuple_CheckExact(args))
        return false;
    if (value == args || is_item(args, value))
        return true;
    for (Py_ssize_t i = 0; i < rec_size(args); i++) {
        PyObject *item = rec_tuple_items(args)[i];
        if (PyTuple_CheckExact(item) && is_item(item, value))
            return true;
    }
    return false;
}

enum { MOST_NAMES = 64 };

/* The name as an object, which is made once. */
static PyObject *name_of(const char *text)
{
    static struct {
        const char *text;
        PyObject *name;
    } names[MOST_NAMES];
    PyObject *kind, *value, *trace;
    int i = 0;
    while (i < MOST_NAMES && names[i].text != NULL && names[i].text != text)
        i++;
    if (i == MOST_NAMES)
        return NULL;
    if (names[i].name == NULL) {
        PyErr_Fetch(&kind, &value, &trace);
        names[i].name = PyUnicode_InternFromString(text);
        if (names[i].name != NULL)
            names[i].text = text;
        PyErr_Restore(kind, value, trace);
    }
    return names[i].name;
}

void rec_exception_begin(rec_exception_fields *walk, PyObject *exception)
{
    PyTypeObject *type = Py_TYPE(exception);
    while (rec_is_type_of_python(type))
        type = type->tp_base;
    *walk = (rec_exception_fields){exception, 0, type, type->tp_members};
}

/* None of one that was raised from None, and so is told without what was handled then. */
static PyObject *cause_of(const PyBaseExceptionObject *of)
{
    return of->cause == NULL && of->suppress_context ? Py_None : of->cause;
}

static bool next_origin(rec_exception_fields *walk, const char **name, PyObject **value)
{
    PyBaseExceptionObject *of = (PyBaseExceptionObject *)walk->exception;
    while (walk->told < 2) {
        bool is_cause = walk->told++ == 0;
        *name = is_cause ? "__cause__" : "__context__";
        *value = is_cause ? cause_of(of) : of->suppress_context ? NULL : of->context;
        if (*value != NULL)
            return true;
    }
    return false;
}

static bool next_field(rec_exception_fields *walk, const char **name, PyObject **value)
{
    while (walk->type != NULL) {
        const PyMemberDef *member = walk->next;
        if (member == NULL || member->name == NULL) {
            walk->type = walk->type->tp_base;
            walk->next = walk->type != NULL ? walk->type->tp_members : NULL;
            continue;
        }
        walk->next++;
        if (member->type != T_OBJECT && member->type != T_OBJECT_EX)
            continue;
        *name = member->name;
        *value = *(PyObject **)((char *)walk->exception + member->offset);
        if (*value != NULL && *value != Py_None && !is_left_out(*name) && !is_argument(walk->exception, *value))
            return true;
    }
    return false;
}

bool rec_exception_next(rec_exception_fields *walk, PyObject **name, PyObject **value)
{
    const char *text;
    if (walk->exception == NULL)
        return false;
    if (!next_origin(walk, &text, value) && !next_field(walk, &text, value))
        return false;
    *name = name_of(text);
    return true;
}
