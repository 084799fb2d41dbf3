/* The part of frame access that needs CPython's internal headers; see frames.h. */
#include "cpython/internal.h"
#include "cpython/frames.h"
#include "cpython/objects.h"
#include <stddef.h>
#if REC_CPYTHON_KNOWN
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_moduleobject.h>
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe.h>
#include <internal/pycore_pythonrun.h>
#include <internal/pycore_tstate.h>
#endif
#endif
#if PY_VERSION_HEX < 0x030C0000
#define NEED_OPCODE_TABLES 1 /* CPython does not export _PyOpcode_Deopt: this is our copy */
#include <internal/pycore_opcode.h>
#include <opcode.h>
#endif

#if REC_CPYTHON_KNOWN
#define SAME(ours, theirs)                                                                          \
    _Static_assert(offsetof(rec_iframe, ours) == offsetof(_PyInterpreterFrame, theirs), #theirs);   \
    _Static_assert(sizeof(((rec_iframe *)0)->ours) == sizeof(((_PyInterpreterFrame *)0)->theirs), #theirs)

#if PY_VERSION_HEX < 0x030C0000
SAME(func, f_func);
SAME(code, f_code);
SAME(instr, prev_instr);
#elif PY_VERSION_HEX < 0x030D0000
SAME(func, f_funcobj);
SAME(code, f_code);
SAME(instr, prev_instr);
#else
SAME(func, f_funcobj);
SAME(code, f_executable);
SAME(instr, instr_ptr);
#endif
SAME(globals, f_globals);
SAME(builtins, f_builtins);
SAME(locals, f_locals);
SAME(frame_obj, frame_obj);
SAME(previous, previous);
SAME(owner, owner);
SAME(localsplus, localsplus);
#if PY_VERSION_HEX < 0x030E0000
SAME(stacktop, stacktop);
#else
SAME(stackpointer, stackpointer);
SAME(return_offset, return_offset);
_Static_assert(Py_TAG_BITS == 3 && (PyStackRef_NULL_BITS & ~Py_TAG_BITS) == 0, "the tags of a _PyStackRef");
_Static_assert(CO_FAST_ARG < REC_KIND_HIDDEN, "co_localspluskinds");
#endif
#if PY_VERSION_HEX >= 0x030C0000
_Static_assert((int)REC_KIND_HIDDEN == CO_FAST_HIDDEN, "co_localspluskinds");
#endif
_Static_assert((int)REC_KIND_LOCAL == CO_FAST_LOCAL && (int)REC_KIND_CELL == CO_FAST_CELL
               && (int)REC_KIND_FREE == CO_FAST_FREE, "co_localspluskinds");
_Static_assert(offsetof(rec_frame_object, iframe) == offsetof(PyFrameObject, f_frame), "f_frame");
_Static_assert(offsetof(rec_frame_object, lineno) == offsetof(PyFrameObject, f_lineno), "f_lineno");
_Static_assert(offsetof(rec_frame_object, trace_lines) == offsetof(PyFrameObject, f_trace_lines), "f_trace_lines");
#endif

/* Whether it is Python code that has come to its first instruction. */
bool rec_frame_is_complete(rec_iframe *frame)
{
#if REC_CPYTHON_KNOWN
    if (!rec_frames_public) {
#if PY_VERSION_HEX >= 0x030E0000
        if (frame->owner >= FRAME_OWNED_BY_INTERPRETER)
            return false;
#elif PY_VERSION_HEX >= 0x030C0000
        if (frame->owner == FRAME_OWNED_BY_CSTACK)
            return false;
#endif
        return rec_frame_code(frame) != NULL && !_PyFrame_IsIncomplete((_PyInterpreterFrame *)frame);
    }
#endif
    (void)frame;
    return true;
}

void rec_lend_depth(int depth)
{
    PyThreadState *ts = rec_thread_state();
#if !REC_CPYTHON_KNOWN
    (void)ts, (void)depth;
#elif PY_VERSION_HEX < 0x030C0000
    ts->recursion_remaining += depth;
#else
    ts->py_recursion_remaining += depth;
#if PY_VERSION_HEX < 0x030E0000
    ts->c_recursion_remaining += depth;
#else
    /* C code is told by the address where it stands. Below the limit that raises RecursionError there is a margin, at
     * whose end CPython gives the process up: of that, half. */
    uintptr_t *limit = &((_PyThreadStateImpl *)ts)->c_stack_soft_limit;
    if (depth > 0)
        *limit -= _PyOS_STACK_MARGIN_BYTES / 2;
    else
        *limit += _PyOS_STACK_MARGIN_BYTES / 2;
#endif
#endif
}

#if PY_VERSION_HEX < 0x030C0000
/* Opcodes are specialised in place; the table gives back the one that was compiled. */
static int base_opcode(_Py_CODEUNIT unit)
{
    return _PyOpcode_Deopt[_Py_OPCODE(unit)];
}

/* A CALL event of 3.11 comes from RESUME, whose argument tells a start (0) from a continuation (1, 2, 3),
 * or from gen.throw(), where the frame still stands behind its YIELD_VALUE: then 4. */
int rec_resume_kind(rec_iframe *frame)
{
    _Py_CODEUNIT unit = *(_Py_CODEUNIT *)frame->instr;
    return base_opcode(unit) == RESUME ? (_Py_OPARG(unit) & 3) : 4;
}

/* A RETURN event of 3.11 stands for a yield when the instruction is one. */
bool rec_is_yielding(rec_iframe *frame)
{
    return base_opcode(*(_Py_CODEUNIT *)frame->instr) == YIELD_VALUE;
}
#else
int rec_resume_kind(rec_iframe *frame)
{
    (void)frame;
    return 0;
}

bool rec_is_yielding(rec_iframe *frame)
{
    (void)frame;
    return false;
}
#endif

PyObject *rec_module_name(PyObject *module)
{
#if REC_CPYTHON_KNOWN
    PyObject *name = ((PyModuleObject *)module)->md_name;
#else
    PyObject *name = rec_dict_find(PyModule_GetDict(module), "__name__");
#endif
    return name != NULL && PyUnicode_CheckExact(name) ? name : NULL;
}
