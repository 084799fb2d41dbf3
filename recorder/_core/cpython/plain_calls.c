/* See plain_calls.h. */
#include "cpython/internal.h"
#include "cpython/plain_calls.h"
#include "cpython/objects.h"

#if REC_CPYTHON_KNOWN

static bool is_among(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static bool is_sequence(PyObject *o) { return o != NULL && (PyList_CheckExact(o) || PyTuple_CheckExact(o)); }

static bool are_all_scalars(PyObject *sequence)
{
    return rec_are_scalars(PyTuple_CheckExact(sequence) ? rec_tuple_items(sequence) : rec_list_items(sequence),
                           rec_size(sequence));
}

/* ---- functions ---- */

static bool ask_attribute(PyObject **arguments, int n, const char *name, PyObject **value)
{
    if (n < 2 || !rec_is_text(arguments[1]))
        return false;
    if (n == 2 && strcmp(name, "hasattr") == 0) {
        PyObject *found;
        return rec_read_attribute(arguments[0], arguments[1], true, &found);
    }
    if (n == 3 && strcmp(name, "getattr") == 0 && arguments[2] != NULL)
        return rec_read_attribute(arguments[0], arguments[1], true, value);
    return n == 2 && strcmp(name, "getattr") == 0 && rec_read_attribute(arguments[0], arguments[1], false, value);
}

/* Of builtins. */
static bool call_function(const char *name, PyObject **arguments, int n, PyObject **value)
{
    static const char *const of_scalars[] = {"abs", "bin", "chr", "hash", "hex", "max", "min", "oct", "ord", "repr", "round", NULL};
    if (n == 1 && strcmp(name, "len") == 0)
        return rec_has_plain_length(arguments[0]);
    if (n == 2 && strcmp(name, "isinstance") == 0)
        return rec_is_plainly_instance(arguments[0], arguments[1]);
    if (is_among(name, of_scalars))
        return rec_are_scalars(arguments, n);
    return ask_attribute(arguments, n, name, value);
}

/* ---- methods ---- */

/* Of a text: none of them changes anything. */
static bool call_of_text(const char *name, PyObject **arguments, int n, PyObject **value)
{
    static const char *const to_scalars[] = {
        "capitalize", "casefold", "center",    "count",     "endswith", "find",         "index",        "isalnum", "isalpha",
        "isascii",    "isdecimal", "isdigit",  "isidentifier", "islower", "isnumeric",  "isprintable",  "isspace", "istitle",
        "isupper",    "ljust",     "lower",    "lstrip",    "removeprefix", "removesuffix", "replace",  "rfind",   "rindex",
        "rjust",      "rstrip",    "startswith", "strip",   "swapcase", "title",        "upper",        "zfill",   NULL};
    static const char *const to_many[] = {"partition", "rpartition", "rsplit", "split", "splitlines", NULL};
    if (n == 2 && strcmp(name, "join") == 0 && is_sequence(arguments[1]))
        return are_all_scalars(arguments[1]);
    if (is_among(name, to_many))
        *value = NULL;
    else if (!is_among(name, to_scalars))
        return false;
    if (n == 2 && arguments[1] != NULL && PyTuple_CheckExact(arguments[1])) /* startswith(("a", "b")) */
        return are_all_scalars(arguments[1]);
    return rec_are_scalars(arguments, n);
}

static bool call_of_list(const char *name, PyObject **arguments, int n, rec_touched *touched, PyObject **value)
{
    PyObject *list = arguments[0];
    if (n == 2 && strcmp(name, "append") == 0)
        return rec_touch(touched, list);
    if (n == 2 && strcmp(name, "extend") == 0)
        return is_sequence(arguments[1]) && rec_touch(touched, list);
    if (n == 3 && strcmp(name, "insert") == 0)
        return rec_is_scalar(arguments[1]) && rec_touch(touched, list);
    if (n == 1 && strcmp(name, "reverse") == 0)
        return rec_touch(touched, list);
    if (strcmp(name, "pop") == 0) {
        *value = NULL;
        return (n == 1 || (n == 2 && rec_is_scalar(arguments[1]))) && rec_touch(touched, list);
    }
    return false;
}

static bool call_of_dict(const char *name, PyObject **arguments, int n, PyObject **value)
{
    if (strcmp(name, "get") != 0 || n < 2 || n > 3 || !rec_is_scalar(arguments[1]) || !rec_has_plain_keys(arguments[0]))
        return false;
    *value = NULL;
    if (!rec_is_text(arguments[1]) || !rec_has_text_keys(arguments[0]) || rec_str_hash(arguments[1]) == -1)
        return true;
    *value = rec_find_text(arguments[0], arguments[1]);
    if (*value == NULL)
        *value = n == 3 ? arguments[2] : REC_SOME_SCALAR;
    return true;
}

static bool call_of_set(const char *name, PyObject **arguments, int n, rec_touched *touched)
{
    return n == 2 && strcmp(name, "add") == 0 && rec_is_scalar(arguments[1]) && rec_has_plain_keys(arguments[0])
           && rec_touch(touched, arguments[0]);
}

static bool call_method(PyObject *function, PyObject **arguments, int n, rec_touched *touched, PyObject **value)
{
    const char *name = ((PyMethodDescrObject *)function)->d_method->ml_name;
    PyObject *object = n > 0 ? arguments[0] : NULL;
    if (object == NULL || object == REC_SOME_SCALAR || Py_TYPE(object) != ((PyDescrObject *)function)->d_type)
        return false;
    if (PyUnicode_CheckExact(object))
        return call_of_text(name, arguments, n, value);
    if (rec_is_touched(touched, object))
        return false;
    if (PyList_CheckExact(object))
        return call_of_list(name, arguments, n, touched, value);
    if (PyDict_CheckExact(object))
        return call_of_dict(name, arguments, n, value);
    return PySet_CheckExact(object) && call_of_set(name, arguments, n, touched);
}

/* ---- classes ---- */

static bool call_class(PyObject *function, PyObject **arguments, int n, PyObject **value)
{
    PyTypeObject *t = (PyTypeObject *)function;
    if (t == &PyType_Type && n == 1 && arguments[0] != NULL && arguments[0] != REC_SOME_SCALAR) {
        *value = (PyObject *)Py_TYPE(arguments[0]);
        return true;
    }
    if (t == &PyLong_Type || t == &PyUnicode_Type || t == &PyFloat_Type || t == &PyBool_Type)
        return rec_are_scalars(arguments, n);
    *value = NULL;
    return n == 0 && (t == &PyList_Type || t == &PyDict_Type || t == &PySet_Type || t == &PyTuple_Type);
}

bool rec_call_plainly(PyObject *function, PyObject **arguments, int n, rec_touched *touched, PyObject **value)
{
    *value = REC_SOME_SCALAR;
    if (function == NULL)
        return false;
    for (int i = 0; i < n; i++)
        if (arguments[i] != NULL && rec_is_touched(touched, arguments[i]))
            return false;
    if (PyType_CheckExact(function))
        return call_class(function, arguments, n, value);
    if (Py_IS_TYPE(function, &PyMethodDescr_Type))
        return call_method(function, arguments, n, touched, value);
    PyObject *module = PyCFunction_CheckExact(function) ? ((PyCFunctionObject *)function)->m_module : NULL;
    if (module == NULL || !rec_str_is(module, "builtins"))
        return false;
    return call_function(((PyCFunctionObject *)function)->m_ml->ml_name, arguments, n, value);
}
#endif
