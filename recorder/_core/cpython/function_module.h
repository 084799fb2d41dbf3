/* Which module a function says it is of. */
#ifndef RECORDER_FUNCTION_MODULE_H
#define RECORDER_FUNCTION_MODULE_H
#include "cpython/objects.h"

/* The globals of the module that is called as `function.__module__` says, or NULL. Borrowed. */
static inline PyObject *rec_module_of_function(PyObject *function)
{
    if (function == NULL || !PyFunction_Check(function))
        return NULL;
    PyObject *name = PyFunction_GetModule(function), *modules = PyImport_GetModuleDict(), *key, *module;
    Py_ssize_t at = 0;
    if (name == NULL || modules == NULL || !PyDict_CheckExact(modules))
        return NULL;
    while (PyDict_Next(modules, &at, &key, &module)) /* walked: looking it up could call a foreign key's __eq__ */
        if (rec_is_same_str(key, name))
            return PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
    return NULL;
}
#endif
