/* What a generator, a coroutine or an async generator is at. See instances.h. */
#include "cpython/internal.h"
#include "cpython/instances.h"
#include "cpython/frames.h"
#include "tape/records.h"
#if REC_CPYTHON_KNOWN
#include <internal/pycore_frame.h>
#include <internal/pycore_object.h> /* on 3.14, what a generator is */
#endif

#if REC_CPYTHON_KNOWN
static int state_of(PyGenObject *gen)
{
    int state = gen->gi_frame_state;
#if PY_VERSION_HEX < 0x030D0000
    bool ended = state >= FRAME_COMPLETED;
#else
    bool ended = FRAME_STATE_FINISHED(state);
#endif
    if (ended)
        return REC_GENERATOR_ENDED;
    if (state == FRAME_EXECUTING)
        return REC_GENERATOR_RUNNING;
    return state == FRAME_CREATED ? REC_GENERATOR_NOT_BEGUN : REC_GENERATOR_SUSPENDED;
}

void rec_read_generator(PyObject *object, rec_generator *out)
{
    PyGenObject *gen = (PyGenObject *)object; /* coroutines and async generators begin the same way */
    rec_iframe *frame = (rec_iframe *)&gen->gi_iframe;
    memset(out, 0, sizeof(*out));
    out->name = gen->gi_qualname;
    out->state = state_of(gen);
    if (out->state == REC_GENERATOR_ENDED)
        return;
    out->frame = frame;
    if (out->state == REC_GENERATOR_SUSPENDED && rec_frame_code(frame) != NULL)
        out->line = PyCode_Addr2Line(rec_frame_code(frame), rec_frame_offset(frame));
    if (out->line < 0)
        out->line = 0;
}
#else
/* What CPython's own attributes say, which no class can replace. */
static PyObject *attribute_of(PyObject *object, const char *const names[3])
{
    int kind = PyGen_Check(object) ? 0 : PyCoro_CheckExact(object) ? 1 : 2;
    PyObject *value = PyObject_GetAttrString(object, names[kind]);
    if (value == NULL)
        PyErr_Clear();
    return value;
}

static bool is_true(PyObject *object, const char *const names[3])
{
    PyObject *value = attribute_of(object, names);
    bool answer = value == Py_True;
    Py_XDECREF(value);
    return answer;
}

void rec_read_generator(PyObject *object, rec_generator *out)
{
    static const char *const frames[] = {"gi_frame", "cr_frame", "ag_frame"};
    static const char *const running[] = {"gi_running", "cr_running", "ag_running"};
    static const char *const suspended[] = {"gi_suspended", "cr_suspended", "ag_suspended"};
    static const char *const names[] = {"__qualname__", "__qualname__", "__qualname__"};
    PyObject *raised = PyErr_GetRaisedException();
    PyObject *frame = attribute_of(object, frames);
    memset(out, 0, sizeof(*out));
    out->name = attribute_of(object, names);
    Py_XDECREF(out->name); /* the generator holds it */
    if (frame == NULL || !PyFrame_Check(frame))
        out->state = REC_GENERATOR_ENDED;
    else if (is_true(object, running))
        out->state = REC_GENERATOR_RUNNING;
    else if (is_true(object, suspended))
        out->state = REC_GENERATOR_SUSPENDED;
    if (out->state == REC_GENERATOR_SUSPENDED)
        out->line = PyFrame_GetLineNumber((PyFrameObject *)frame);
    Py_XDECREF(frame);
    PyErr_SetRaisedException(raised);
}
#endif
