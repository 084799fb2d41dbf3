/* 3.11: which exception ends a frame.
 *
 * Its trace function is called for a frame that is unwound with no word of the exception, which CPython has put into
 * variables of its own. What was raised last need not be it: a handler, a `finally` or a `with` may have dealt with others
 * before it let this one go on. But where the frame stands, and the table of its handlers, tell the way that the
 * exception has taken out of it: through nothing, or through handlers that do nothing but pass it on. The last of
 * these takes it from the frame's stack, at a depth that the table has, and what was taken is still there: CPython
 * clears a place when it is used again. The exception itself is alive, since it is in flight. */
#include "cpython/internal.h"
#include "cpython/exception_table.h"
#include "cpython/in_flight.h"

#if PY_VERSION_HEX < 0x030C0000
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#include <opcode.h>

static bool is_op(PyCodeObject *code, int at, int op, int argument)
{
    _Py_CODEUNIT unit = _PyCode_CODE(code)[at];
    return at >= 0 && at < (int)Py_SIZE(code) && _Py_OPCODE(unit) == op && (argument < 0 || _Py_OPARG(unit) == argument);
}

/* Whether this may stand in the end of `except … as name`, which unbinds the name and passes the exception on. */
static bool unbinds(int op)
{
    switch (op) {
    case EXTENDED_ARG:
    case LOAD_CONST:
    case STORE_FAST: case STORE_NAME: case STORE_GLOBAL: case STORE_DEREF:
    case DELETE_FAST: case DELETE_NAME: case DELETE_GLOBAL: case DELETE_DEREF:
        return true;
    default:
        return false;
    }
}

enum {
    LONGEST_EXIT = 24,  /* instructions of the end of an `async with`, and of the like */
    MOST_HANDLERS = 64, /* around one another: the compiler allows 20 blocks, each of which has up to three */
};

/* Where a handler passes the exception on, if it does nothing else with it; −1 if it is none of these. With any other
 * the frame would stand at an instruction of the handler's. */
static int passes_on(PyCodeObject *code, int at)
{
    int end = at + LONGEST_EXIT;
    if (is_op(code, at, COPY, 3) && is_op(code, at + 1, POP_EXCEPT, -1))
        return is_op(code, at + 2, RERAISE, 1) ? at + 2 : -1;
    if (is_op(code, at, PUSH_EXC_INFO, -1) && is_op(code, at + 1, WITH_EXCEPT_START, -1)) {
        while (at < end && !is_op(code, at, RERAISE, 2))
            at++;
        return at < end ? at : -1;
    }
    while (at < end && at < (int)Py_SIZE(code) && unbinds(_Py_OPCODE(_PyCode_CODE(code)[at])))
        at++;
    return is_op(code, at, RERAISE, 1) ? at : -1;
}

/* What the frame had on its stack, `depth` from the bottom. */
static PyObject *stacked(rec_iframe *frame, PyCodeObject *code, int depth)
{
    return 0 <= depth && depth < code->co_stacksize ? rec_object(frame->localsplus[code->co_nlocalsplus + depth]) : NULL;
}

/* What a `raise` without an exception raises. */
static PyObject *topmost(void)
{
    _PyErr_StackItem *item = rec_thread_state()->exc_info;
    while ((item->exc_value == NULL || item->exc_value == Py_None) && item->previous_item != NULL)
        item = item->previous_item;
    return item->exc_value;
}

/* An instruction that no handler of the frame's is for. */
static PyObject *left_from(rec_iframe *frame, PyCodeObject *code, int at, PyObject *raised, int raised_at)
{
    rec_handler h;
    if (raised != NULL && raised_at == at)
        return raised;
    if (is_op(code, at, RAISE_VARARGS, 0))
        return topmost();
    if (is_op(code, at, END_ASYNC_FOR, -1) && rec_find_handler(code, -1, at, &h))
        return stacked(frame, code, h.level);
    /* the end of `except*`: what none of them handled, raised together */
    if (is_op(code, at, RERAISE, 0) && is_op(code, at - 1, POP_EXCEPT, -1) && is_op(code, at - 2, SWAP, 2)
        && passes_on(code, at + 1) >= 0 && rec_find_handler(code, -1, at + 1, &h))
        return stacked(frame, code, h.level - 1);
    return NULL;
}

PyObject *rec_in_flight(rec_iframe *frame, PyObject *raised, int raised_at)
{
    PyCodeObject *code = rec_frame_code(frame);
    int at = rec_frame_offset(frame) / (int)sizeof(_Py_CODEUNIT);
    rec_handler h, outer;
    if (!rec_find_handler(code, at, -1, &h))
        return left_from(frame, code, at, raised, raised_at / (int)sizeof(_Py_CODEUNIT));
    for (int i = 0; i < MOST_HANDLERS; i++) {
        at = passes_on(code, h.target);
        if (at < 0)
            return NULL;
        if (!rec_find_handler(code, at, -1, &outer)) /* the last one: it takes its exception from above `lasti` */
            return is_op(code, at, RERAISE, 1) && h.lasti ? stacked(frame, code, h.level + 1) : NULL;
        h = outer;
    }
    return NULL;
}
#else
PyObject *rec_in_flight(rec_iframe *frame, PyObject *raised, int raised_at)
{
    (void)frame, (void)raised, (void)raised_at;
    return NULL;
}
#endif
