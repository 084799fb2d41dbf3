/* CPython's interpreter frames, read in place.
 *
 * CPython's internal headers cannot be included where Cython's C is compiled, and a function call per
 * field would cost more than the field. So the layouts are repeated here, one per version, and frames.c,
 * which does include the internal headers, proves at compile time that each field is where we say. */
#ifndef RECORDER_FRAMES_H
#define RECORDER_FRAMES_H
#include "cpython/version.h"
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

/* A reference to an object, or to none, as a frame holds it. */
#if PY_VERSION_HEX < 0x030E0000
typedef PyObject *rec_ref;
static inline PyObject *rec_object(rec_ref ref) { return ref; }
static inline rec_ref rec_ref_to(PyObject *o) { return o; }
#else
typedef struct {
    uintptr_t bits; /* the lowest ones say who counts it */
} rec_ref;
static inline PyObject *rec_object(rec_ref ref) { return (PyObject *)(ref.bits & ~(uintptr_t)3); }
static inline rec_ref rec_ref_to(PyObject *o) { return (rec_ref){(uintptr_t)o}; }
#endif

typedef struct rec_iframe {
#if PY_VERSION_HEX < 0x030C0000
    rec_ref func;
    PyObject *globals;
    PyObject *builtins;
    PyObject *locals;
    rec_ref code;
    PyFrameObject *frame_obj;
    struct rec_iframe *previous;
    char *instr;
    int stacktop;
    bool is_entry;
    char owner;
#else
    rec_ref code; /* on 3.13 and later this can be None */
    struct rec_iframe *previous;
    rec_ref func;
    PyObject *globals;
    PyObject *builtins;
    PyObject *locals;
    PyFrameObject *frame_obj;
    char *instr;
#if PY_VERSION_HEX < 0x030E0000
    int stacktop;
    uint16_t return_offset;
    char owner;
#else
    rec_ref *stackpointer;
    uint16_t return_offset;
    char owner;
    uint8_t visited;
#endif
#endif
    rec_ref localsplus[1];
} rec_iframe;

/* The public struct _frame has no members outside CPython; these are the ones the 3.11 hook reads. */
typedef struct {
    PyObject_HEAD
    PyFrameObject *back;
    rec_iframe *iframe;
    PyObject *trace;
    int lineno;
    char trace_lines;
} rec_frame_object;

/* in frames_public.c */
extern bool rec_frames_public; /* set where the layout is not known, and by tests */
rec_iframe *rec_public_frame(PyThreadState *ts);

static inline rec_iframe *rec_current_frame(PyThreadState *ts)
{
    if (__builtin_expect(rec_frames_public, 0))
        return rec_public_frame(ts);
#if !REC_CPYTHON_KNOWN
    return NULL;
#elif PY_VERSION_HEX < 0x030D0000
    return (rec_iframe *)ts->cframe->current_frame;
#else
    return (rec_iframe *)ts->current_frame;
#endif
}

/* The code of a frame, or NULL for a frame that is not Python code or not yet complete. */
static inline PyCodeObject *rec_frame_code(rec_iframe *frame)
{
    PyObject *code = rec_object(frame->code);
    return code != NULL && PyCode_Check(code) ? (PyCodeObject *)code : NULL;
}

static inline PyThreadState *rec_thread_state(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

/* Byte offset of the frame's instruction in its code: the one running (3.13) or the last one (before). */
static inline int rec_frame_offset(rec_iframe *frame)
{
    return (int)(frame->instr - (char *)((PyCodeObject *)rec_object(frame->code))->co_code_adaptive);
}

/* Whether the other frame's code called it, and no function written in C that goes on when it returns: on 3.11 that has no
 * frame in between. */
static inline bool rec_is_called_by(const rec_iframe *frame, const rec_iframe *caller)
{
#if PY_VERSION_HEX < 0x030C0000
    if (frame->is_entry)
        return false;
#endif
    return frame->previous == caller;
}

/* Whether a variable can have been set by something else than the frame's own code. A debugger, f_locals and all else that
 * can do so needs a frame object; on 3.11, where each frame that is traced has one, it has filled the dict of f_locals. */
static inline bool rec_is_exposed(rec_iframe *frame)
{
#if PY_VERSION_HEX >= 0x030C0000
    return frame->frame_obj != NULL;
#else
    return frame->locals != NULL || frame->frame_obj == NULL || !((rec_frame_object *)frame->frame_obj)->trace_lines;
#endif
}

/* The exception that the thread is handling now, or NULL; borrowed. */
static inline PyObject *rec_being_handled(void) { return rec_thread_state()->exc_info->exc_value; }

/* Whether the exception is being handled, somewhere up the thread's stack of except and finally blocks. */
static inline bool rec_is_handling(PyThreadState *ts, PyTypeObject *type)
{
    for (_PyErr_StackItem *item = ts->exc_info; item != NULL; item = item->previous_item)
        if (item->exc_value != NULL && Py_TYPE(item->exc_value) == type)
            return true;
    return false;
}

/* What the current frame is handling, to be put back after code that has a try statement of its own: Cython
 * saves the topmost handled exception, an outer frame's maybe, and restores it into the innermost place. */
static inline PyObject *rec_save_handled(void)
{
    PyObject *value = rec_being_handled();
    Py_XINCREF(value);
    return value;
}

static inline void rec_restore_handled(PyObject *value)
{
    _PyErr_StackItem *item = rec_thread_state()->exc_info;
    PyObject *old = item->exc_value;
    item->exc_value = value;
    Py_XDECREF(old);
}

/* Our own Python code runs where the program has no depth left to call anything. What is lent is taken back. */
enum { REC_OWN_DEPTH = 200 };

void rec_lend_depth(int depth); /* in frames.c */

/* Kinds of a code's localsplus, as in CPython's pycore_code.h. From 3.14 on other bits tell of arguments. */
enum { REC_KIND_HIDDEN = 0x10, REC_KIND_LOCAL = 0x20, REC_KIND_CELL = 0x40, REC_KIND_FREE = 0x80, REC_KINDS = 0xF0 };

/* 3.11: the C trace function of any thread. It is exchanged in place: _PyEval_SetTrace would call the program's
 * audit hooks, and drop the object that belongs to the function of a debugger or of coverage, which stays where it is
 * and is handed to our function as its first argument. On later versions the recorder never uses it. */
#if PY_VERSION_HEX < 0x030C0000
static inline void rec_update_tracing(PyThreadState *ts)
{
    bool on = ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL);
    ts->cframe->use_tracing = on ? 255 : 0;
}
static inline Py_tracefunc rec_trace_of(PyThreadState *ts) { return ts->c_tracefunc; }
static inline void rec_set_trace(PyThreadState *ts, Py_tracefunc func)
{
    ts->c_tracefunc = func;
    rec_update_tracing(ts);
}
static inline Py_tracefunc rec_profile_of(PyThreadState *ts) { return ts->c_profilefunc; }
static inline void rec_set_profile(PyThreadState *ts, Py_tracefunc func)
{
    ts->c_profilefunc = func;
    rec_update_tracing(ts);
}
/* A thread has room for frames from its first one on. */
static inline bool rec_had_a_frame(PyThreadState *ts) { return ts->datastack_chunk != NULL; }
#else
static inline bool rec_had_a_frame(PyThreadState *ts) { (void)ts; return true; }
static inline Py_tracefunc rec_trace_of(PyThreadState *ts) { (void)ts; return NULL; }
static inline void rec_set_trace(PyThreadState *ts, Py_tracefunc func) { (void)ts, (void)func; }
static inline Py_tracefunc rec_profile_of(PyThreadState *ts) { (void)ts; return NULL; }
static inline void rec_set_profile(PyThreadState *ts, Py_tracefunc func) { (void)ts, (void)func; }
#endif

/* in frames.c */
bool rec_frame_is_complete(rec_iframe *frame);
int rec_resume_kind(rec_iframe *frame); /* 3.11: 0 starts, 1 goes on; see frames.c */
bool rec_is_yielding(rec_iframe *frame);
PyObject *rec_module_name(PyObject *module); /* borrowed, may be NULL */
#endif
