#include "cpython/internal.h"
#include "cpython/tasks.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "cpython/type_tables.h"
#if REC_CPYTHON_KNOWN
#include <internal/pycore_dict.h>
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_tstate.h>
#endif
#endif

static struct {
    PyObject *modules; /* sys.modules; not owned: it lives as long as the interpreter */
    PyObject *threading, *active;
    PyObject *tasks, *current_tasks;
    PyObject *greenlet;
} known;

/* A str for looking up, with its hash, which is nobody else's; made once. Whether it is there. */
static bool has_name(PyObject **name, const char *text)
{
    if (*name == NULL)
        *name = PyUnicode_FromString(text);
    if (*name != NULL && PyObject_Hash(*name) == -1)
        Py_CLEAR(*name);
    return *name != NULL;
}

int rec_prepare_tasks(void)
{
    known.modules = PyImport_GetModuleDict();
    return has_name(&known.threading, "threading") && has_name(&known.active, "_active")
               && has_name(&known.tasks, "asyncio.tasks") && has_name(&known.current_tasks, "_current_tasks")
               && has_name(&known.greenlet, "greenlet")
           ? 0 : -1;
}

/* A dict whose keys are all str is looked up without calling anybody's __eq__; any other is walked. */
static PyObject *look_up(PyObject *dict, PyObject *key)
{
#if REC_CPYTHON_KNOWN
    if (((PyDictObject *)dict)->ma_keys->dk_kind != DICT_KEYS_GENERAL)
        return _PyDict_GetItem_KnownHash(dict, key, ((PyASCIIObject *)key)->hash);
#endif
    return rec_dict_find(dict, PyUnicode_DATA(key));
}

/* Whatever is in sys.modules under a name, or NULL. */
static PyObject *module_called(PyObject *name)
{
#if PY_VERSION_HEX >= 0x030D0000
    bool ending = Py_IsFinalizing();
#else
    bool ending = _Py_IsFinalizing();
#endif
    if (ending || known.modules == NULL || !PyDict_CheckExact(known.modules))
        return NULL;
    return look_up(known.modules, name);
}

/* A dict that a module of the standard library keeps under a name. */
static PyObject *dict_in(PyObject *module_name, PyObject *name)
{
    PyObject *module = module_called(module_name);
    if (module == NULL || !PyModule_CheckExact(module))
        return NULL;
    PyObject *dict = look_up(PyModule_GetDict(module), name);
    return dict != NULL && PyDict_CheckExact(dict) ? dict : NULL;
}

bool rec_has_greenlets(void)
{
    return module_called(known.greenlet) != NULL;
}

#if REC_CPYTHON_KNOWN
_Static_assert(sizeof(((_PyStackChunk *)0)->data[0]) == sizeof(uint64_t), "a word of the memory for frames");

uint64_t *rec_stack_root(PyThreadState *state)
{
    _PyStackChunk *chunk = state->datastack_chunk;
    while (chunk != NULL && chunk->previous != NULL)
        chunk = chunk->previous;
    return chunk == NULL ? NULL : (uint64_t *)&chunk->data[0];
}
#else
/* No public function says: all that a thread runs is on one stack. */
uint64_t *rec_stack_root(PyThreadState *state)
{
    (void)state;
    return NULL;
}
#endif

static bool is_ident(PyObject *o, PyThreadState *state)
{
    int64_t value;
    return o != NULL && PyLong_CheckExact(o) && rec_int_small(o, &value) && (uint64_t)value == state->thread_id;
}

PyObject *rec_thread_name(PyThreadState *state)
{
    PyObject *active = dict_in(known.threading, known.active), *key, *thread;
    Py_ssize_t at = 0;
    while (active != NULL && PyDict_Next(active, &at, &key, &thread))
        if (is_ident(key, state)) {
            PyObject *name = rec_attribute(thread, "_name");
            return name != NULL && PyUnicode_CheckExact(name) ? name : NULL;
        }
    return NULL;
}

#if !REC_CPYTHON_KNOWN
/* No public function of C says which task runs, and calling asyncio's would run Python. */
PyObject *rec_current_task(PyThreadState *state, PyObject **loop)
{
    (void)state, (void)loop;
    return NULL;
}
#elif PY_VERSION_HEX >= 0x030E0000
PyObject *rec_current_task(PyThreadState *state, PyObject **loop)
{
    (void)loop;
    return ((_PyThreadStateImpl *)state)->asyncio_running_task;
}
#else
PyObject *rec_current_task(PyThreadState *state, PyObject **loop)
{
    PyObject *tasks = dict_in(known.tasks, known.current_tasks), *key, *task;
    Py_ssize_t at = 0;
    while (tasks != NULL && PyDict_Next(tasks, &at, &key, &task)) {
        if (key == *loop)
            return task == Py_None ? NULL : task;
        /* A loop that does not say whose it is can only be told apart when it is alone. */
        PyObject *ident = rec_attribute(key, "_thread_id");
        if (ident != NULL ? is_ident(ident, state) : rec_dict_size(tasks) == 1) {
            *loop = key;
            return task == Py_None ? NULL : task;
        }
    }
    return NULL;
}
#endif

/* Where the tasks of the C implementation have their coroutine; their name comes next. A task is asked for it by CPython's
 * own method, which returns what it has, and is searched for that. */
static struct {
    PyTypeObject *type;
    Py_ssize_t at;
} coroutine;

static bool find_coroutine(PyTypeObject *type, PyObject *task)
{
    PyMethodDef *method = rec_find_method(type, "get_coro");
    if (method == NULL || method->ml_flags != METH_NOARGS)
        return false;
    PyObject *coro = method->ml_meth(task, NULL);
    if (coro == NULL)
        PyErr_Clear();
    if (coro == NULL || coro == Py_None)
        return false;
    Py_ssize_t at = sizeof(PyObject), end = type->tp_basicsize - 2 * (Py_ssize_t)sizeof(PyObject *);
    while (at <= end && *(PyObject **)((char *)task + at) != coro)
        at += sizeof(PyObject *);
    Py_DECREF(coro);
    if (at > end)
        return false;
    coroutine.type = type;
    coroutine.at = at;
    return true;
}

enum { CORO, NAME };

static PyObject *field_of(PyObject *task, int field, const char *attribute)
{
    PyTypeObject *type = rec_base_called(Py_TYPE(task), "_asyncio.Task");
    if (type != NULL && (type == coroutine.type || find_coroutine(type, task)))
        return ((PyObject **)((char *)task + coroutine.at))[field];
    return rec_attribute(task, attribute);
}

PyObject *rec_task_name(PyObject *task)
{
    PyObject *name = field_of(task, NAME, "_name");
    return name != NULL && (PyUnicode_CheckExact(name) || PyLong_CheckExact(name)) ? name : NULL;
}

void *rec_task_frame(PyObject *task)
{
    rec_generator generator;
    PyObject *coro = field_of(task, CORO, "_coro");
    if (coro == NULL || !(PyCoro_CheckExact(coro) || PyGen_CheckExact(coro)))
        return NULL;
    rec_read_generator(coro, &generator);
    return generator.frame;
}
