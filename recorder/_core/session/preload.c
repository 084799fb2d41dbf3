/* The way in where Python ignores PYTHONPATH (-I, -E) or does not look for anything at start-up (-S).
 *
 * `recorder run` lets the dynamic linker load this library into the Python that it becomes (LD_PRELOAD). Before
 * Python begins, the constructor takes what was put into the environment out of it again, and asks to be told when
 * Python is about to run the program (an audit hook). Then it arms the recorder, and the hook is gone.
 *
 * It is also an extension module, with nothing in it, so that it is built and installed like the others. In a
 * process that is no Python the functions of Python's are missing: they are weak here, and then NULL. */
#define _GNU_SOURCE
#include "cpython/internal.h"
#if REC_CPYTHON_KNOWN
#include <internal/pycore_runtime.h>
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_audit.h>
#endif
#endif
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/failures.h"

#if REC_CPYTHON_KNOWN
#pragma weak _PyRuntime
#endif
#pragma weak _Py_Dealloc
#pragma weak PyDict_New
#pragma weak PyDict_SetItemString
#pragma weak PyErr_Clear
#pragma weak PyEval_GetBuiltins
#pragma weak PyModuleDef_Init
#pragma weak PyRun_StringFlags
#pragma weak PySys_AddAuditHook
#pragma weak PyUnicode_DecodeFSDefault

#if !REC_CPYTHON_KNOWN
/* `recorder run` does not come in by here where the list of hooks is not known: it could not be left as it was. */
#elif PY_VERSION_HEX < 0x030C0000
#define FIRST_HOOK _PyRuntime.audit_hook_head
#else
#define FIRST_HOOK _PyRuntime.audit_hooks.head
#endif

extern char **environ;

/* What the constructor found, in the memory of the environment that the process was started with. */
static const char *staging;
static const char *json_errors = "";
static const char *boot; /* path of _boot/boot.py */

/* ---- the environment ---- */

static const char *
value_of(const char *entry, const char *name)
{
    size_t size = strlen(name);
    return strncmp(entry, name, size) == 0 && entry[size] == '=' ? entry + size + 1 : NULL;
}

/* "LD_PRELOAD=<us>:<what the user wants>" loses us; false if nothing is left of it. */
static int
without_us(char *entry)
{
    char *value = strchr(entry, '=') + 1;
    char *rest = strchr(value, ':');
    if (rest == NULL) {
        return 0;
    }
    memmove(value, rest + 1, strlen(rest + 1) + 1);
    return 1;
}

/* Takes what is ours out of the environment, and leaves the rest in its order. */
static void
clean_environment(void)
{
    char **to = environ;
    for (char **from = environ; *from != NULL; from++) {
        const char *value;
        if ((value = value_of(*from, "RECORDER_BOOT_STAGING")) != NULL) {
            staging = value;
        }
        else if ((value = value_of(*from, "RECORDER_BOOT_JSON_ERRORS")) != NULL) {
            json_errors = value;
        }
        else if ((value = value_of(*from, "RECORDER_BOOT_FILE")) != NULL) {
            boot = value;
        }
        else if (value_of(*from, "RECORDER_BOOT_PID") != NULL) {
            continue;
        }
        else if (value_of(*from, "LD_PRELOAD") == NULL || without_us(*from)) {
            *to++ = *from;
        }
    }
    *to = NULL;
}

/* ---- when the program is about to run ---- */

/* Loads `boot.py` as a module of no name and lets it arm the process; a failure of that ends it there. */
static const char ENTER[] =
    "from _frozen_importlib_external import SourceFileLoader\n"
    "import sys\n"
    "module = type(sys)('recorder._boot')\n"
    "module.__file__ = file\n"
    "exec(SourceFileLoader('recorder._boot', file).get_code('recorder._boot'), vars(module))\n"
    "module.enter(staging, json_errors or None)\n";

static int
set_path(PyObject *namespace, const char *name, const char *path)
{
    PyObject *text = PyUnicode_DecodeFSDefault(path);
    int error = text == NULL ? -1 : PyDict_SetItemString(namespace, name, text);
    Py_XDECREF(text);
    return error;
}

static PyObject *
arm(void)
{
    PyObject *answer = NULL;
    PyObject *namespace = PyDict_New();
    if (namespace != NULL && PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins()) == 0
        && set_path(namespace, "file", boot) == 0 && set_path(namespace, "staging", staging) == 0
        && set_path(namespace, "json_errors", json_errors) == 0) {
        answer = PyRun_String(ENTER, Py_file_input, namespace, namespace);
    }
    Py_XDECREF(namespace);
    return answer;
}

static int on_event(const char *event, PyObject *arguments, void *data);

/* Takes our hook out of the list again. CPython would free it with an allocator that may not be the one it was made
 * with (-X dev), and would call it for the rest of the program. */
static void
unhook(void)
{
#if REC_CPYTHON_KNOWN
    _Py_AuditHookEntry *first = FIRST_HOOK;
    if (first != NULL && first->hookCFunction == on_event && first->userData == (void *)&staging) {
        FIRST_HOOK = first->next;
    }
#endif
}

static int
on_event(const char *event, PyObject *arguments, void *data)
{
    int runs = strncmp(event, "cpython.run_", strlen("cpython.run_")) == 0;
    if (!runs && strcmp(event, "cpython._PySys_ClearAuditHooks") != 0) {
        return 0;
    }
    unhook();
    if (!runs || staging == NULL) {
        return 0;
    }
    PyObject *answer = arm();
    staging = NULL;
    if (answer == NULL) {
        PyErr_Clear(); /* boot.py reports its own failures; this one kept it from being read */
        static const char text[] = "recorder: could not be loaded: its files are not where they were\n";
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
            ; /* stderr is closed */
        }
        _exit(REC_EXIT_INTERNAL); /* audit: nothing has run yet, and SystemExit would have a traceback */
    }
    Py_DECREF(answer);
    return 0;
}

__attribute__((constructor)) static void
prepare(void)
{
    const char *pid = getenv("RECORDER_BOOT_PID");
    if (pid == NULL || getenv("RECORDER_BOOT_FILE") == NULL || atol(pid) != (long)getpid()
        || PySys_AddAuditHook == NULL) {
        return; /* not for this process, or something on the way to it, such as a shell script that is `python` */
    }
    clean_environment();
    if (staging == NULL || boot == NULL || PySys_AddAuditHook(on_event, (void *)&staging) != 0) {
        staging = NULL;
    }
}

/* ---- the extension module ---- */

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "preload",
    .m_doc = "The library by which the recorder gets into a Python that ignores PYTHONPATH.",
    .m_size = 0,
};

PyMODINIT_FUNC
PyInit_preload(void)
{
    return PyModuleDef_Init(&module);
}
