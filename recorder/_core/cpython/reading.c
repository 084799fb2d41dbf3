/* See reading.h. */
#include "cpython/internal.h"
#include "cpython/reading.h"
#include "cpython/items.h"
#include "cpython/objects.h"
#include "cpython/plain_calls.h"
#include <opcode.h>

#if !REC_CPYTHON_KNOWN
int32_t rec_reads_until(const rec_stores *stores, rec_iframe *frame, int32_t line, rec_touched *touched) { return 0; }
int32_t rec_reads_behind_call(const rec_stores *stores, rec_iframe *frame, int32_t line, PyObject *value, rec_touched *touched)
{
    return 0;
}
bool rec_calls_at(const rec_stores *stores, rec_iframe *frame, int32_t unit) { return false; }
bool rec_prepare_reading(void) { return true; }
#else

static PyObject *some_tuple;

/* On the stack below, what is known is held by somebody. These stand for what the line makes itself, and only it has: */
#define SOME_TUPLE some_tuple                       /* of whatever items */
#define SOME_CLASSES ((PyObject *)&PyType_Type)     /* a tuple of them, to ask with whether something is an instance of these */
#define SOME_RANGE ((PyObject *)&PyRange_Type)
#define SOME_ITERATOR ((PyObject *)&PySeqIter_Type) /* of what `iterated` is */

/* ---- the line ---- */

enum { MOST_STACK = 32, MOST_TARGETS = 8 };

typedef struct {
    const rec_stores *stores;
    rec_iframe *frame;
    PyCodeObject *code;
    uint16_t line;
    uint32_t at, next;         /* this instruction, and the one behind it and its caches */
    int argument;
    uint64_t stored;           /* variables that the line has stored to */
    rec_touched *touched;
    PyObject *attribute_of[REC_MOST_TOUCHED]; /* of what is touched: the name of the attribute that is set, or NULL */
    PyObject *iterated;
    bool jumps_back;
    int below;                 /* values on the frame's own stack, which was there before */
    int depth;
    PyObject *stack[MOST_STACK]; /* what the line has put there */
    int targets;               /* of jumps within the line, that are still to be reached */
    struct {
        uint32_t at;
        int below, depth;
    } target[MOST_TARGETS];
} reader;

/* Has so many values on this stack, if there are as many. */
static void reach_below(reader *r, int n)
{
    while (r->depth < n && r->below > 0) {
        memmove(r->stack + 1, r->stack, (size_t)r->depth++ * sizeof(PyObject *));
        r->stack[0] = rec_object(r->frame->localsplus[r->code->co_nlocalsplus + --r->below]);
    }
}

static PyObject *pop(reader *r)
{
    reach_below(r, 1);
    return r->depth > 0 ? r->stack[--r->depth] : NULL;
}

static bool push(reader *r, PyObject *o)
{
    if (r->depth == MOST_STACK)
        return false;
    r->stack[r->depth++] = o;
    return true;
}

/* ---- variables ---- */

static bool load(reader *r, int variable)
{
    PyObject *o = rec_object(r->frame->localsplus[variable]);
    if (variable < REC_MASKED && r->stored >> variable & 1)
        o = NULL;
    else if (o == NULL)
        return false;
    return push(r, o);
}

/* What the variable held lives on, or is nothing of which code hears when it does not. */
static bool store(reader *r, int variable)
{
    PyObject *before = rec_object(r->frame->localsplus[variable]);
    (void)pop(r); /* audit: it may be anything */
    if (variable >= REC_MASKED || r->stored >> variable & 1)
        return false;
    r->stored |= UINT64_C(1) << variable;
    return before == NULL || rec_let_go(r->touched, before);
}

static bool load_global(reader *r, int index)
{
    PyObject *name = PyTuple_GET_ITEM(r->code->co_names, index), *value;
    if (!rec_has_text_keys(r->frame->globals) || !rec_has_text_keys(r->frame->builtins))
        return false;
    value = rec_find_text(r->frame->globals, name);
    if (value == NULL)
        value = rec_find_text(r->frame->builtins, name);
    return value != NULL && push(r, value);
}

/* ---- what the line has changed is no longer what it was when it began ---- */

static bool is_changed(reader *r, PyObject *o) { return o != NULL && rec_is_touched(r->touched, o); }

static bool load_attribute(reader *r, int index, bool is_method)
{
    PyObject *value, *o = pop(r), *name = PyTuple_GET_ITEM(r->code->co_names, index);
    if (is_changed(r, o))
        return false;
    PyObject *method = is_method ? rec_method_for(o, name) : NULL;
    if (method != NULL)
        return push(r, method) && push(r, o);
    return rec_read_attribute(o, name, false, &value) && push(r, value) && (!is_method || push(r, NULL));
}

/* What a second assignment to one attribute lets go of is not known: it is what the first one gave it. */
static bool is_set_before(reader *r, PyObject *o, PyObject *name)
{
    for (int i = 0; i < r->touched->count; i++)
        if (r->touched->objects[i] == o && (r->attribute_of[i] == NULL || r->attribute_of[i] == name))
            return true;
    return false;
}

static bool store_attribute(reader *r, int index)
{
    PyObject *o = pop(r), *name = PyTuple_GET_ITEM(r->code->co_names, index), *before;
    (void)pop(r); /* audit: it may be anything */
    if (!rec_may_set_attribute(o, name, &before) || is_set_before(r, o, name))
        return false;
    int at = r->touched->count;
    if (!rec_touch_instance(r->touched, o))
        return false;
    for (; at < r->touched->count; at++)
        r->attribute_of[at] = name;
    return before == NULL || rec_let_go(r->touched, before);
}

static bool read_item(reader *r)
{
    PyObject *key = pop(r), *in = pop(r), *item;
    return !is_changed(r, in) && rec_read_item(in, key, &item) && push(r, item);
}

/* An item of a list or of a dict. */
static bool store_item(reader *r)
{
    PyObject *key = pop(r), *in = pop(r), *before = NULL;
    (void)pop(r); /* audit: it may be anything */
    if (in == NULL || !rec_is_scalar(key) || is_changed(r, in))
        return false;
    if (PyList_CheckExact(in)) {
        if (key == REC_SOME_SCALAR && !rec_are_scalars(rec_list_items(in), rec_size(in)))
            return false;
        (void)rec_read_item(in, key, &before); /* audit: where there is none, an exception is raised */
    } else if (!rec_is_text(key) || rec_str_hash(key) == -1 || !rec_has_text_keys(in)) {
        return false;
    } else {
        before = rec_find_text(in, key);
    }
    return rec_touch(r->touched, in) && (before == NULL || rec_let_go(r->touched, before));
}

/* ---- ways ---- */

/* Whether there the function returns None, on whatever line the compiler has put that. */
static bool only_returns(reader *r, uint32_t at)
{
    const rec_unit *units = r->stores->units;
#ifdef RETURN_CONST
    return units[at].opcode == RETURN_CONST;
#else
    return units[at].opcode == LOAD_CONST && at + 1 < r->stores->unit_count && units[at + 1].opcode == RETURN_VALUE;
#endif
}

/* A jump ahead: to another line, of which CPython tells, or within this one. */
static bool jump(reader *r, uint32_t to)
{
    if (to >= r->stores->unit_count || r->stores->units[to].line == REC_UNLINED)
        return false;
    if (r->stores->units[to].line != r->line || only_returns(r, to))
        return true;
    if (r->targets == MOST_TARGETS)
        return false;
    r->target[r->targets].at = to;
    r->target[r->targets].below = r->below;
    r->target[r->targets++].depth = r->depth;
    return true;
}

/* As another way has it, which takes more from the frame's own stack. */
static void reach_as_far(reader *r, int below, int depth)
{
    if (below < r->below) {
        r->below = below;
        r->depth = depth;
    }
}

/* Where ways meet, the stack has one or another. `goes_on`: one of them comes from the instruction before. */
static bool arrive(reader *r, bool goes_on)
{
    bool arrived = false;
    for (int i = r->targets - 1; i >= 0; i--) {
        if (r->target[i].at != r->at)
            continue;
        if (!arrived && !goes_on) {
            r->below = r->target[i].below;
            r->depth = r->target[i].depth;
        }
        reach_as_far(r, r->target[i].below, r->target[i].depth);
        arrived = true;
        r->target[i] = r->target[--r->targets];
    }
    for (int i = 0; arrived && i < r->depth; i++)
        r->stack[i] = NULL;
    return arrived;
}

static bool swap(reader *r, int n)
{
    reach_below(r, n);
    if (n > r->depth)
        return false;
    PyObject *top = r->stack[r->depth - 1];
    r->stack[r->depth - 1] = r->stack[r->depth - n];
    r->stack[r->depth - n] = top;
    return true;
}

/* A cell's content. */
static bool load_cell(reader *r, int variable)
{
    PyObject *cell = rec_object(r->frame->localsplus[variable]);
    PyObject *o = cell != NULL && Py_IS_TYPE(cell, &PyCell_Type) ? ((PyCellObject *)cell)->ob_ref : NULL;
    return o != NULL && push(r, o);
}

/* Below the arguments stand the function and, before or behind it, nothing; or a method and what it is of. */
static bool call_function(reader *r, int n)
{
    reach_below(r, n + 2);
    int at = r->depth - n - 2;
    if (at < 0)
        return false;
    PyObject *value, *function = r->stack[at] != NULL ? r->stack[at] : r->stack[at + 1];
    bool is_method = r->stack[at] != NULL && r->stack[at + 1] != NULL;
    if (!rec_call_plainly(function, r->stack + at + 2 - is_method, n + is_method, r->touched, &value))
        return false;
    if (n > 0 && function == (PyObject *)&PyRange_Type)
        value = SOME_RANGE;
    r->depth = at;
    return push(r, value);
}

/* A new list or tuple of so many of the topmost. */
static bool build(reader *r, int n)
{
    bool of_classes = n > 0;
    for (; n > 0; n--) {
        PyObject *part = pop(r);
        of_classes = of_classes && part != NULL && PyType_CheckExact(part);
    }
    return push(r, of_classes ? SOME_CLASSES : NULL);
}

/* A text of so many of them. */
static bool format(reader *r, int n)
{
    for (; n > 0; n--)
        if (!rec_is_scalar(pop(r)))
            return false;
    return push(r, REC_SOME_SCALAR);
}

/* A new dict of so many pairs, or of so many values whose keys stand on top of them. */
static bool build_dict(reader *r, int n, bool are_keys_apart)
{
    if (are_keys_apart)
        (void)pop(r); /* audit: a constant, of texts */
    for (; n > 0; n--) {
        (void)pop(r); /* audit: it may be anything */
        if (!are_keys_apart && !rec_is_scalar(pop(r)))
            return false;
    }
    return push(r, NULL);
}

/* What is put into a list that the line makes. */
static bool extend(reader *r)
{
    PyObject *by = pop(r);
    return by != NULL && (PyList_CheckExact(by) || PyTuple_CheckExact(by)) && !is_changed(r, by);
}

static bool operate(reader *r)
{
#ifdef NB_SUBSCR
    if (r->argument == NB_SUBSCR)
        return read_item(r);
#endif
    PyObject *right = pop(r), *left = pop(r);
    return rec_is_scalar(left) && rec_is_scalar(right) && push(r, REC_SOME_SCALAR);
}

/* ---- iterations ---- */

static bool unpack(reader *r, int n)
{
    PyObject *of = pop(r);
    bool is_list = of != NULL && PyList_CheckExact(of), is_known = of != SOME_TUPLE;
    if (of == NULL || !(is_list || PyTuple_CheckExact(of)) || is_changed(r, of))
        return false;
    if (is_known && rec_size(of) != n)
        return true; /* an exception is raised */
    for (int i = n - 1; i >= 0; i--)
        if (!push(r, !is_known ? NULL : (is_list ? rec_list_items(of) : rec_tuple_items(of))[i]))
            return false;
    return true;
}

#if PY_VERSION_HEX < 0x030E0000
typedef struct { /* of lists and tuples: listiterobject, tupleiterobject */
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *over; /* NULL at its end */
} sequence_iterator;

static bool iterate(reader *r)
{
    PyObject *over = pop(r);
    if (over == NULL || is_changed(r, over)
        || !(over == SOME_RANGE || PyList_CheckExact(over) || PyTuple_CheckExact(over) || PyDict_CheckExact(over)))
        return false;
    r->iterated = over;
    return push(r, SOME_ITERATOR);
}

/* The first item of what the line iterates over. False: there is none. */
static bool first_item(PyObject *over, PyObject **item)
{
    *item = NULL;
    if (over == SOME_RANGE) {
        *item = REC_SOME_SCALAR;
        return true; /* or there is none, and nothing is changed by that */
    }
    if (PyDict_CheckExact(over)) {
        *item = rec_has_text_keys(over) ? REC_SOME_SCALAR : NULL;
        return rec_dict_size(over) > 0;
    }
    if (rec_size(over) > 0)
        *item = (PyList_CheckExact(over) ? rec_list_items(over) : rec_tuple_items(over))[0];
    return rec_size(over) > 0;
}

/* The next one of a list or a tuple, from an iterator on the frame's stack. False: it is not known what it gives, or what
 * it ends. */
static bool next_item(reader *r, PyObject *iterator, PyObject **item, bool *ends)
{
    sequence_iterator *it = (sequence_iterator *)iterator;
    if (Py_IS_TYPE(iterator, &PyRangeIter_Type)) {
        *item = REC_SOME_SCALAR;
        return true;
    }
    bool is_list = Py_IS_TYPE(iterator, &PyListIter_Type);
    if (!(is_list || Py_IS_TYPE(iterator, &PyTupleIter_Type)) || it->over == NULL || is_changed(r, it->over))
        return false;
    *ends = it->index >= rec_size(it->over);
    if (!*ends)
        *item = (is_list ? rec_list_items(it->over) : rec_tuple_items(it->over))[it->index];
    return !*ends || rec_let_go(r->touched, it->over);
}

/* A loop's head. Both ways are gone: that of what is next, and that behind the loop. */
static bool go_round(reader *r)
{
    PyObject *iterator = pop(r), *item = NULL;
    bool ends = false;
    if (iterator == NULL)
        return false;
    if (iterator == SOME_ITERATOR)
        ends = !first_item(r->iterated, &item);
    else if (!next_item(r, iterator, &item, &ends) || !rec_touch(r->touched, iterator))
        return false;
#if PY_VERSION_HEX < 0x030C0000
    uint32_t end = r->next + (uint32_t)r->argument;
#elif PY_VERSION_HEX < 0x030D0000
    uint32_t end = r->next + (uint32_t)r->argument + 1; /* END_FOR */
#else
    uint32_t end = r->next + (uint32_t)r->argument + 2; /* END_FOR, POP_TOP */
#endif
    if (!jump(r, end))
        return false;
    return push(r, iterator) && push(r, ends ? NULL : item);
}
#endif

/* ---- the line as a whole ---- */

/* One instruction. False: it may run code, or it is not known what it does. */
static bool step(reader *r, int opcode)
{
    PyObject *other;
    int n = r->argument;
    switch (opcode) {
    case CACHE:
    case NOP:
    case EXTENDED_ARG:
    case RESUME:
#ifdef NOT_TAKEN
    case NOT_TAKEN:
#endif
#ifdef PRECALL
    case PRECALL:
#endif
        return true;
    case POP_TOP:
        return pop(r) != NULL;
    case PUSH_NULL:
        return push(r, NULL);
    case COPY:
        reach_below(r, n);
        return n <= r->depth && push(r, r->stack[r->depth - n]);
    case SWAP:
        return swap(r, n);
    case LOAD_CONST:
        return push(r, PyTuple_GET_ITEM(r->code->co_consts, n));
    case LOAD_FAST:
#ifdef LOAD_FAST_CHECK
    case LOAD_FAST_CHECK:
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW:
#endif
        return load(r, n);
#ifdef LOAD_FAST_LOAD_FAST
    case LOAD_FAST_LOAD_FAST:
        return load(r, n >> 4) && load(r, n & 15);
    case STORE_FAST_STORE_FAST:
        return store(r, n >> 4) && store(r, n & 15);
    case STORE_FAST_LOAD_FAST:
        return store(r, n >> 4) && load(r, n & 15);
#endif
#ifdef LOAD_FAST_BORROW_LOAD_FAST_BORROW
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
        return load(r, n >> 4) && load(r, n & 15);
    case LOAD_SMALL_INT:
        return push(r, PyLong_FromLong(n)); /* one of those that CPython keeps for good */
#endif
    case STORE_FAST:
        return store(r, n);
    case LOAD_DEREF:
        return load_cell(r, n);
    case LOAD_GLOBAL:
#if PY_VERSION_HEX < 0x030D0000
        return (!(n & 1) || push(r, NULL)) && load_global(r, n >> 1);
#else
        return load_global(r, n >> 1) && (!(n & 1) || push(r, NULL));
#endif
#if PY_VERSION_HEX < 0x030C0000
    case LOAD_ATTR:
        return load_attribute(r, n, false);
    case LOAD_METHOD:
        return load_attribute(r, n, true);
#else
    case LOAD_ATTR:
        return load_attribute(r, n >> 1, n & 1);
#endif
    case STORE_ATTR:
        return store_attribute(r, n);
    case COMPARE_OP:
        other = pop(r);
        return rec_is_scalar(other) && rec_is_scalar(pop(r)) && push(r, REC_SOME_SCALAR);
    case IS_OP:
        other = pop(r);
        return pop(r) != NULL && other != NULL && push(r, REC_SOME_SCALAR);
    case CONTAINS_OP:
        other = pop(r);
        return !is_changed(r, other) && rec_is_plainly_contained(pop(r), other) && push(r, REC_SOME_SCALAR);
    case UNARY_NOT:
#ifdef TO_BOOL
    case TO_BOOL:
#endif
        return rec_has_plain_truth(pop(r)) && push(r, REC_SOME_SCALAR);
#ifdef BINARY_SUBSCR
    case BINARY_SUBSCR:
        return read_item(r);
#endif
    case STORE_SUBSCR:
        return store_item(r);
    case BINARY_OP:
        return operate(r);
    case CALL:
        return call_function(r, n);
    case BUILD_TUPLE:
    case BUILD_LIST:
        return build(r, n);
    case BUILD_MAP:
        return build_dict(r, n, false);
#ifdef BUILD_CONST_KEY_MAP
    case BUILD_CONST_KEY_MAP:
        return build_dict(r, n, true);
#endif
    case LIST_EXTEND:
        return extend(r);
    case LIST_APPEND:
        (void)pop(r); /* audit: it may be anything */
        return true;
    case UNPACK_SEQUENCE:
        return unpack(r, n);
#if PY_VERSION_HEX < 0x030E0000
    case GET_ITER:
        return iterate(r);
    case FOR_ITER:
        return go_round(r);
#endif
    case BUILD_STRING:
        return format(r, n);
#ifdef FORMAT_VALUE
    case FORMAT_VALUE:
        return format(r, (n & 4) != 0 ? 2 : 1);
#else
    case FORMAT_SIMPLE:
    case CONVERT_VALUE:
        return format(r, 1);
#endif
#ifdef POP_JUMP_IF_NONE
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
#else
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
#endif
        return pop(r) != NULL && jump(r, r->next + (uint32_t)n);
#ifdef POP_JUMP_IF_FALSE
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
#else
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
#endif
        return rec_has_plain_truth(pop(r)) && jump(r, r->next + (uint32_t)n);
    default:
        return false;
    }
}

/* Whether it is the last one on its way: what stands behind it is reached by a jump, or not at all. */
static bool leaves(reader *r, int opcode, bool *quietly)
{
    switch (opcode) {
    case JUMP_FORWARD:
        *quietly = jump(r, r->next + (uint32_t)r->argument);
        return true;
    case JUMP_BACKWARD: /* of a loop whose head is on another line */
        *quietly = jump(r, r->next - (uint32_t)r->argument);
        r->jumps_back = true;
        return true;
    case RETURN_VALUE:
#ifdef RETURN_CONST
    case RETURN_CONST:
#endif
        return *quietly = true;
    default:
        return false;
    }
}

/* The instruction behind this one and its caches. */
static uint32_t behind(const rec_stores *stores, uint32_t at)
{
    do
        at++;
    while (at < stores->unit_count && stores->units[at].opcode == CACHE);
    return at;
}

/* Goes through the line from `at` on. */
static int32_t read_line(reader *r)
{
    const rec_unit *units = r->stores->units;
    bool goes_on = true, quietly;
    int extended = 0;
    for (; r->at < r->stores->unit_count && units[r->at].line == r->line; r->at = r->next) {
        int opcode = units[r->at].opcode;
        r->argument = extended << 8 | units[r->at].argument;
        extended = opcode == EXTENDED_ARG ? r->argument : 0;
        r->next = behind(r->stores, r->at);
        if (!arrive(r, goes_on) && !goes_on)
            break;
        goes_on = !leaves(r, opcode, &quietly);
        if (goes_on ? !step(r, opcode) : !quietly)
            return (int32_t)r->at;
    }
    bool is_told = r->at < r->stores->unit_count && units[r->at].line != REC_UNLINED;
    if (r->targets > 0 || (goes_on && !is_told))
        return (int32_t)r->at;
    return r->jumps_back ? REC_WHOLE_ROUND : REC_WHOLE_LINE;
}

/* Values on the frame's stack, where it says how many there are. */
static int count_stack(rec_iframe *frame, PyCodeObject *code)
{
#if PY_VERSION_HEX < 0x030E0000
    return frame->stacktop > code->co_nlocalsplus ? frame->stacktop - code->co_nlocalsplus : 0;
#else
    (void)frame, (void)code;
    return 0;
#endif
}

static bool begin(reader *r, const rec_stores *stores, rec_iframe *frame, int32_t line, rec_touched *touched)
{
    if (stores == NULL || rec_frames_public || rec_dicts_public)
        return false;
    r->stores = stores;
    r->frame = frame;
    r->code = rec_frame_code(frame);
    r->line = (uint16_t)(line - stores->first);
    r->at = (uint32_t)rec_frame_offset(frame) / 2;
    r->stored = 0;
    r->touched = touched;
    memset(r->attribute_of, 0, sizeof(r->attribute_of));
    r->iterated = NULL;
    r->below = count_stack(frame, r->code);
    r->depth = r->targets = 0;
    r->jumps_back = false;
    return r->at < stores->unit_count && stores->units[r->at].line == r->line;
}

/* The instruction that has this cache, or is this one. */
static uint32_t whole_instruction(const rec_stores *stores, uint32_t at)
{
    while (at > 0 && stores->units[at].opcode == CACHE)
        at--;
    return at;
}

bool rec_prepare_reading(void)
{
    if (some_tuple == NULL)
        some_tuple = PyTuple_New(0);
    return some_tuple != NULL && rec_prepare_plain();
}

int32_t rec_reads_until(const rec_stores *stores, rec_iframe *frame, int32_t line, rec_touched *touched)
{
    reader r;
    return begin(&r, stores, frame, line, touched) ? read_line(&r) : 0;
}

int32_t rec_reads_behind_call(const rec_stores *stores, rec_iframe *frame, int32_t line, PyObject *value, rec_touched *touched)
{
    reader r;
    if (!begin(&r, stores, frame, line, touched))
        return 0;
    uint32_t call = whole_instruction(stores, r.at);
    if (stores->units[call].opcode != CALL && stores->units[call].opcode != LOAD_ATTR)
        return 0;
    r.at = behind(stores, call);
    (void)push(&r, rec_is_scalar(value) ? value : NULL); /* audit: there is room for the first */
    return read_line(&r);
}

bool rec_calls_at(const rec_stores *stores, rec_iframe *frame, int32_t unit)
{
    uint32_t at = (uint32_t)rec_frame_offset(frame) / 2;
    return stores != NULL && at < stores->unit_count && whole_instruction(stores, at) == (uint32_t)unit;
}
#endif
