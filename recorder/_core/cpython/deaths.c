#include "cpython/deaths.h"

#if PY_VERSION_HEX >= 0x030D0000
static void (*report_death)(PyObject *);
static PyRefTracer before; /* NULL: nobody's */
static void *data_of_before;
static bool taken;

static int on_reference(PyObject *o, PyRefTracerEvent event, void *data)
{
    PyTypeObject *t;
    (void)data;
    if (event == PyRefTracer_DESTROY) {
        t = Py_TYPE(o);
        if (t != &PyLong_Type && t != &PyUnicode_Type && t != &PyFloat_Type && t != &PyTuple_Type && t != &PyBytes_Type)
            report_death(o);
    }
    return before != NULL ? before(o, event, data_of_before) : 0;
}

/* 3.13.0 to 3.13.2 leave out what the interpreter's own loop lets go of (CPython's issue 130382), earlier releases of 3.14
 * and 3.15 what is deep within others (156371). */
static bool sees_every_death(void)
{
    return Py_Version >= 0x030D0300 && !(Py_Version >= 0x030E0000 && Py_Version < 0x030E0A00)
           && !(Py_Version >= 0x030F0000 && Py_Version < 0x030F0200);
}

static bool is_there(void) { return PyRefTracer_GetTracer(NULL) == on_reference; }

bool rec_sees_every_death(void) { return is_there() && sees_every_death(); }

/* Put there by `after`, if it can be, in place of whatever is there. */
static bool set_tracer(PyRefTracer after, void *data)
{
    if (PyRefTracer_SetTracer(after, data) == 0)
        return true;
    PyErr_Clear();
    return false;
}

bool rec_watch_deaths(void (*died)(PyObject *))
{
    void *data = NULL;
    PyRefTracer there = PyRefTracer_GetTracer(&data);
    if (there == on_reference)
        return sees_every_death();
    if (taken && there != NULL) /* somebody came after us: to go before them again would take theirs away */
        return false;
    before = there;
    data_of_before = data;
    report_death = died;
    taken = set_tracer(on_reference, NULL);
    return taken && sees_every_death();
}

void rec_unwatch_deaths(void)
{
    if (taken && is_there())
        (void)set_tracer(before, data_of_before); /* audit: it fails for want of memory alone, and then ours finds nothing to do */
    taken = false;
}
#else
bool rec_watch_deaths(void (*died)(PyObject *))
{
    (void)died;
    return false;
}

void rec_unwatch_deaths(void) {}

bool rec_sees_every_death(void) { return false; }
#endif
