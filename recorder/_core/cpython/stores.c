/* See stores.h. */
#include "cpython/stores.h"
#include "cpython/bytecode.h"
#include "cpython/line_table.h"
#include "cpython/objects.h"
#include <opcode.h>
#include <stdbool.h>
#include <stdlib.h>

static uint64_t bit(int variable)
{
    return 0 <= variable && variable < REC_MASKED ? UINT64_C(1) << variable : 0;
}

/* Cells are not looked for: they are compared before each event. An assignment that is in fact a deletion, a walrus, the
 * target of a loop or of an import, and the name of an exception all come down to these. */
static uint64_t stored_by(int opcode, int argument)
{
    switch (opcode) {
    case STORE_FAST:
    case DELETE_FAST:
#if PY_VERSION_HEX >= 0x030C0000
    case LOAD_FAST_AND_CLEAR:
#endif
        return bit(argument);
#if PY_VERSION_HEX >= 0x030D0000
    case STORE_FAST_LOAD_FAST:
        return bit(argument >> 4);
    case STORE_FAST_STORE_FAST:
        return bit(argument >> 4) | bit(argument & 15);
#endif
    default:
        return 0;
    }
}

/* Nothing but CPython's own code runs in it, and no object is let go of that nobody else has. It does not look whether
 * something waits to be done: a signal, another thread, the garbage. `before`: the instruction before it. */
static bool is_still(int opcode, int before)
{
    switch (opcode) {
    case CACHE:
    case RESUME: /* there the line has not begun */
    case NOP:
    case COPY:
    case SWAP:
    case IS_OP:
    case LOAD_CONST:
    case LOAD_DEREF:
    case LOAD_FAST:
    case JUMP_FORWARD:
    case MAKE_CELL:
    case COPY_FREE_VARS:
    case RETURN_VALUE:
#ifdef RETURN_CONST
    case RETURN_CONST:
#endif
#ifdef LOAD_FAST_CHECK
    case LOAD_FAST_CHECK:
#endif
#ifdef LOAD_FAST_LOAD_FAST
    case LOAD_FAST_LOAD_FAST:
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW:
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
    case LOAD_SMALL_INT:
    case NOT_TAKEN:
#endif
#ifdef POP_JUMP_IF_NONE
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
#else
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
#endif
        return true;
#ifdef POP_JUMP_IF_FALSE
    case POP_JUMP_IF_FALSE: /* of anything but a truth value it may run code */
    case POP_JUMP_IF_TRUE:
#else
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
#endif
        return before == IS_OP;
    default:
        return false;
    }
}

/* Variables that are loaded. Of those of a class body none is told apart from a global. */
static uint64_t loaded_by(int opcode, int argument)
{
    switch (opcode) {
    case LOAD_FAST:
    case LOAD_DEREF:
#ifdef LOAD_FAST_CHECK
    case LOAD_FAST_CHECK:
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW:
#endif
        return bit(argument);
#ifdef LOAD_FAST_LOAD_FAST
    case STORE_FAST_LOAD_FAST:
        return bit(argument & 15);
    case LOAD_FAST_LOAD_FAST:
#ifdef LOAD_FAST_BORROW_LOAD_FAST_BORROW
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
#endif
        return bit(argument >> 4) | bit(argument & 15);
#endif
    case LOAD_GLOBAL:
    case LOAD_NAME:
        return REC_OF_GLOBALS;
    default:
        return 0;
    }
}

/* Methods of lists, dicts, sets, deques and the like that change them. */
static const char *const changing_methods[] = {
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "move_to_end", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort",
    "symmetric_difference_update", "update"};

static bool is_changing_method(PyCodeObject *code, int name)
{
    PyObject *names = code->co_names;
    for (size_t i = 0; i < sizeof(changing_methods) / sizeof(*changing_methods); i++)
        if (name < PyTuple_GET_SIZE(names) && rec_str_is(PyTuple_GET_ITEM(names, name), changing_methods[i]))
            return true;
    return false;
}

/* How many items are pushed: fewer than none where more are taken. A copy stands for what is below it. */
static int pushed_by(rec_unit unit)
{
    if (unit.opcode == COPY)
        return 0;
#ifdef LOAD_FAST_LOAD_FAST
    if (unit.opcode == STORE_FAST_LOAD_FAST) /* what it takes is the end of what stands before */
        return 1;
#endif
    int effect = PyCompile_OpcodeStackEffect(unit.opcode, unit.argument);
    return effect == PY_INVALID_STACK_EFFECT ? 0 : effect;
}

/* Variables that are loaded for the item below the upper ones, by code on the same line. */
static uint64_t loaded_for(const rec_stores *stores, uint32_t at, int upper)
{
    uint16_t line = stores->units[at].line;
    uint64_t loaded = 0;
    int wanted = upper + 1;
    while (wanted > 0 && at-- > 0 && stores->units[at].line == line) {
        int pushed = pushed_by(stores->units[at]);
        if (pushed >= wanted || wanted == 1)
            loaded |= loaded_by(stores->units[at].opcode, stores->units[at].argument);
        wanted -= pushed;
    }
    return loaded;
}

/* `a.b += c` puts aside what the result is stored to. */
static bool is_put_aside(const rec_stores *stores, uint32_t at)
{
    return at > 0 && stores->units[at - 1].opcode == SWAP;
}

/* Variables of which the instruction changes what they lead to. What follows an operation in place, and stores what comes
 * of it where it was, is not asked for: the operation was. */
static uint64_t changed_by(PyCodeObject *code, const rec_stores *stores, uint32_t at, int argument)
{
    switch (stores->units[at].opcode) {
    case STORE_ATTR:
    case DELETE_ATTR:
        return is_put_aside(stores, at) ? 0 : loaded_for(stores, at, 0);
    case STORE_SUBSCR:
    case DELETE_SUBSCR:
        return is_put_aside(stores, at) ? 0 : loaded_for(stores, at, 1);
#if PY_VERSION_HEX < 0x030C0000
    case LOAD_METHOD:
        return is_changing_method(code, argument) ? loaded_for(stores, at, 0) : 0;
#else
    case STORE_SLICE:
        return is_put_aside(stores, at) ? 0 : loaded_for(stores, at, 2);
    case LOAD_ATTR:
        return argument & 1 && is_changing_method(code, argument >> 1) ? loaded_for(stores, at, 0) : 0;
#endif
    case BINARY_OP:
        return NB_INPLACE_ADD <= argument && argument <= NB_INPLACE_XOR ? loaded_for(stores, at, 1) : 0;
    default:
        return 0;
    }
}

#if PY_VERSION_HEX >= 0x030E0000
/* What comes behind a loop may have no event of its own from 3.14 on: CPython compares its line with that of the last
 * instruction within the loop. So in `a = [f(b)` with `for b in c]` on the next line, where the loop's line is the last
 * that is told of before `a` is stored. */
static void add_behind_loops(rec_stores *stores, PyCodeObject *code, const uint8_t *units, Py_ssize_t count)
{
    Py_ssize_t at = 0;
    uint64_t *of_loop = NULL;
    rec_line_entry e = rec_line_table(code->co_linetable, code->co_firstlineno);
    while (rec_next_lines(&e)) {
        uint64_t *stored = e.has_line ? &stores->by_line[e.line - stores->first] : NULL;
        if (stored != NULL && of_loop != NULL && stored != of_loop) {
            *of_loop |= *stored;
            of_loop = NULL;
        }
        for (Py_ssize_t end = at + e.units; at < end && at < count; at++)
            if (stored != NULL && units[2 * at] == POP_ITER)
                of_loop = stored;
    }
}
#endif

/* Of what has no line: whether it is there to let an exception go on, of which CPython tells before. */
static bool leads_nowhere(const uint8_t *units, Py_ssize_t at, Py_ssize_t count, bool has_line)
{
    return !has_line && (units[2 * at] == RERAISE || (at + 1 < count && units[2 * at + 2] == RERAISE));
}

/* Meanwhile REC_STILL stands where a line is not still. */
static void collect(rec_stores *stores, PyCodeObject *code, const uint8_t *units, Py_ssize_t count)
{
    Py_ssize_t at = 0;
    int argument = 0, before = NOP;
    rec_line_entry e = rec_line_table(code->co_linetable, code->co_firstlineno);
    while (rec_next_lines(&e)) {
        uint64_t *stored = e.has_line ? &stores->by_line[e.line - stores->first] : &stores->unlined;
        for (Py_ssize_t end = at + e.units; at < end && at < count; at++) {
            argument = argument << 8 | units[2 * at + 1];
            stores->units[at] = (rec_unit){units[2 * at], units[2 * at + 1],
                                           e.has_line ? (uint16_t)(e.line - stores->first) : REC_UNLINED};
            if (units[2 * at] == EXTENDED_ARG)
                continue;
            *stored |= stored_by(units[2 * at], argument);
            if (e.has_line)
                stores->changed[e.line - stores->first] |= changed_by(code, stores, (uint32_t)at, argument);
            if (!is_still(units[2 * at], before) && !leads_nowhere(units, at, count, e.has_line))
                *stored |= REC_STILL;
            before = units[2 * at] != CACHE ? units[2 * at] : before;
            argument = 0;
        }
    }
#if PY_VERSION_HEX >= 0x030E0000
    add_behind_loops(stores, code, units, count);
#endif
    for (uint32_t i = 0; i < stores->count; i++)
        stores->by_line[i] = (stores->by_line[i] | stores->unlined) ^ REC_STILL;
    stores->unlined &= ~REC_STILL;
}

static rec_stores *allocate(PyCodeObject *code, const RecSys *sys)
{
    int64_t first = INT32_MAX, last = -1;
    rec_line_entry e = rec_line_table(code->co_linetable, code->co_firstlineno);
    while (rec_next_lines(&e)) {
        first = e.has_line && e.line < first ? e.line : first;
        last = e.has_line && e.line > last ? e.line : last;
    }
    if (first < 0 || last > INT32_MAX || last - first >= REC_MASKED_LINES || last < first)
        return NULL;
    size_t count = (size_t)(last - first + 1), units = (size_t)Py_SIZE(code);
    rec_stores *stores = sys->calloc(1, sizeof(rec_stores) + 2 * count * sizeof(uint64_t) + units * sizeof(rec_unit));
    if (stores != NULL) {
        *stores = (rec_stores){.first = (int32_t)first, .count = (uint32_t)count, .unit_count = (uint32_t)units};
        stores->changed = &stores->by_line[count];
        stores->units = (rec_unit *)&stores->changed[count];
    }
    return stores;
}

rec_stores *rec_find_stores(PyCodeObject *code, const RecSys *sys)
{
    rec_stores *stores = allocate(code, sys);
    PyObject *bytecode = stores == NULL ? NULL : rec_bytecode(code);
    if (bytecode == NULL) {
        PyErr_Clear();
        free(stores);
        return NULL;
    }
    collect(stores, code, (const uint8_t *)PyBytes_AS_STRING(bytecode), PyBytes_GET_SIZE(bytecode) / 2);
    Py_DECREF(bytecode);
    return stores;
}
