/* The frames of a CPython whose layout is not known: copies of what its public functions say, in the shape that the
 * rest of the core reads. Made anew for the whole stack at each event: slow, and CPython makes a frame object for each
 * frame; but nothing is assumed. See rec_current_frame. */
#include "cpython/frames.h"
#include <stdlib.h>

bool rec_frames_public = !REC_CPYTHON_KNOWN;

#if PY_VERSION_HEX >= 0x030C0000
typedef struct copy { /* stands for one frame object, or for the next one at its address */
    struct copy *next;
    PyFrameObject *of;
    int capacity;
    rec_iframe frame; /* the variables go on behind its end */
} copy;

enum { BUCKETS = 4096, LEAST_CAPACITY = 32 };
static copy *copies[BUCKETS];

static copy *copy_of(PyFrameObject *object, int slots)
{
    copy **link = &copies[((uintptr_t)object >> 4) % BUCKETS], *found;
    while (*link != NULL && (*link)->of != object)
        link = &(*link)->next;
    found = *link;
    if (found != NULL && found->capacity >= slots)
        return found;
    int capacity = slots > LEAST_CAPACITY ? slots : LEAST_CAPACITY;
    copy *made = calloc(1, sizeof(copy) + (size_t)capacity * sizeof(PyObject *));
    if (made == NULL)
        return NULL;
    made->of = object;
    made->capacity = capacity;
    if (found != NULL) {
        made->next = found->next;
        free(found);
    }
    *link = made;
    return made;
}

/* The frame, or what owns it for longer than an event takes, has a reference, too. */
static PyObject *borrowed(PyObject *o)
{
    if (o == NULL)
        PyErr_Clear();
    Py_XDECREF(o);
    return o;
}

/* Of a body. Within a comprehension that is part of it, 3.13 and later make a proxy of its variables, which nobody keeps:
 * NULL. */
static PyObject *locals_of(PyFrameObject *object)
{
    PyObject *locals = PyFrame_GetLocals(object);
    bool is_kept = locals != NULL && Py_REFCNT(locals) > 1;
    PyObject *ours = borrowed(locals);
    return is_kept ? ours : NULL;
}

static rec_iframe *read_frame(PyFrameObject *object)
{
    PyCodeObject *code = (PyCodeObject *)borrowed((PyObject *)PyFrame_GetCode(object));
    copy *made = copy_of(object, code->co_nlocalsplus);
    if (made == NULL)
        return NULL;
    rec_iframe *frame = &made->frame;
    frame->code = rec_ref_to((PyObject *)code);
    frame->globals = borrowed(PyFrame_GetGlobals(object));
    frame->locals = code->co_flags & CO_OPTIMIZED ? NULL : locals_of(object);
    frame->instr = (char *)code->co_code_adaptive + PyFrame_GetLasti(object);
    frame->previous = NULL;
    frame->frame_obj = object;
    for (int i = 0; i < code->co_nlocalsplus; i++)
        frame->localsplus[i] =
            rec_ref_to(borrowed(PyFrame_GetVar(object, PyTuple_GET_ITEM(code->co_localsplusnames, i))));
    return frame;
}

rec_iframe *rec_public_frame(PyThreadState *ts)
{
    PyObject *raised = PyErr_GetRaisedException();
    PyFrameObject *object = PyThreadState_GetFrame(ts), *back;
    rec_iframe *top = NULL, *above = NULL, *frame;
    while (object != NULL && (frame = read_frame(object)) != NULL) {
        if (above != NULL)
            above->previous = frame;
        else
            top = frame;
        above = frame;
        back = PyFrame_GetBack(object);
        Py_DECREF(object);
        object = back;
    }
    Py_XDECREF(object); /* no memory: the stack ends here, and what is below is not recorded */
    PyErr_SetRaisedException(raised);
    return top;
}
#else
rec_iframe *rec_public_frame(PyThreadState *ts)
{
    (void)ts; /* 3.11 is known, and its functions do not tell one variable from another */
    return NULL;
}
#endif
