/* The part of frame access that needs CPython's internal headers; see frames.h. */
#define Py_BUILD_CORE 1
#include "cpython/frames.h"
#include <internal/pycore_frame.h>
#include <internal/pycore_moduleobject.h>
#include <stddef.h>
#if PY_VERSION_HEX < 0x030C0000
#define NEED_OPCODE_TABLES 1 /* CPython does not export _PyOpcode_Deopt: this is our copy */
#include <internal/pycore_opcode.h>
#include <opcode.h>
#endif

#if REC_FRAMES_KNOWN
#define SAME(ours, theirs)                                                                          \
    _Static_assert(offsetof(rec_iframe, ours) == offsetof(_PyInterpreterFrame, theirs), #theirs)

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
SAME(stacktop, stacktop);
SAME(owner, owner);
SAME(localsplus, localsplus);
_Static_assert(offsetof(rec_frame_object, iframe) == offsetof(PyFrameObject, f_frame), "f_frame");
_Static_assert(offsetof(rec_frame_object, lineno) == offsetof(PyFrameObject, f_lineno), "f_lineno");
_Static_assert((int)REC_OWNED_BY_GENERATOR == (int)FRAME_OWNED_BY_GENERATOR, "owner");
#if PY_VERSION_HEX >= 0x030C0000
_Static_assert((int)REC_OWNED_BY_C == (int)FRAME_OWNED_BY_CSTACK, "owner");
#endif
#endif

bool rec_frame_is_complete(rec_iframe *frame)
{
    if (rec_frames_public)
        return true;
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK)
        return false;
#endif
    return PyCode_Check(frame->code) && !_PyFrame_IsIncomplete((_PyInterpreterFrame *)frame);
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
    PyObject *name = ((PyModuleObject *)module)->md_name;
    return name != NULL && PyUnicode_CheckExact(name) ? name : NULL;
}
