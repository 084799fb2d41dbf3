/* See reading.h. */
#include "cpython/internal.h"
#include "cpython/reading.h"
#include "cpython/dicts.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "cpython/type_tables.h"
#include <opcode.h>
#include <structmember.h>

#if !REC_CPYTHON_KNOWN
bool rec_prepare_reading(void) { return true; }
int32_t rec_reads_until(const rec_stores *stores, rec_iframe *frame, int32_t line) { return 0; }
int32_t rec_reads_behind_call(const rec_stores *stores, rec_iframe *frame, int32_t line, PyObject *value, int ending) { return 0; }
bool rec_calls_at(const rec_stores *stores, rec_iframe *frame, int32_t unit) { return false; }
#else

/* ---- values ---- */

/* On the stack below stands NULL for what is not known, which may be an object that nobody else has, and None for a number,
 * a text or a truth value, whichever. What is known is held by somebody. */
#define SOME_SCALAR Py_None

static bool is_scalar(PyObject *o)
{
    if (o == NULL)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    return o == Py_None || t == &PyUnicode_Type || t == &PyLong_Type || t == &PyBool_Type || t == &PyFloat_Type
           || t == &PyBytes_Type;
}

static bool are_scalars(PyObject **items, Py_ssize_t n)
{
    enum { MOST = 32 };
    for (Py_ssize_t i = 0; i < n; i++)
        if (i == MOST || !is_scalar(items[i]))
            return false;
    return true;
}

static bool has_text_keys(PyObject *dict)
{
    return dict != NULL && PyDict_CheckExact(dict) && DK_IS_UNICODE(((PyDictObject *)dict)->ma_keys);
}

/* Of a dict with texts for keys, which are compared without running any code. Borrowed; NULL: there is none, or the text
 * has no hash yet, which is the program's to ask for (objects.h). */
static PyObject *find_text(PyObject *dict, PyObject *text)
{
    return rec_str_hash(text) != -1 ? PyDict_GetItemWithError(dict, text) : NULL;
}

/* Whether asking for its truth value runs no code. */
static bool has_plain_truth(PyObject *o)
{
    if (o == NULL)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    if (is_scalar(o) || PyList_CheckExact(o) || PyTuple_CheckExact(o) || PyDict_CheckExact(o) || PyAnySet_CheckExact(o))
        return true;
    return (t->tp_as_number == NULL || t->tp_as_number->nb_bool == NULL)
           && (t->tp_as_mapping == NULL || t->tp_as_mapping->mp_length == NULL)
           && (t->tp_as_sequence == NULL || t->tp_as_sequence->sq_length == NULL);
}

/* Whether looking for it there runs no code. */
static bool is_plainly_contained(PyObject *item, PyObject *in)
{
    Py_ssize_t at = 0, n = 0;
    PyObject *key;
    if (in == NULL || !is_scalar(item))
        return false;
    if (PyUnicode_CheckExact(in) && PyUnicode_CheckExact(item))
        return true;
    if (PyTuple_CheckExact(in) || PyList_CheckExact(in))
        return are_scalars(PyTuple_CheckExact(in) ? rec_tuple_items(in) : rec_list_items(in), rec_size(in));
    if (PyAnySet_CheckExact(in)) {
        while (rec_set_next(in, &at, &key))
            if (n++ == 32 || !is_scalar(key))
                return false;
        return true;
    }
    return has_text_keys(in);
}

/* An item of a list, a tuple or a dict. False: it may run code. What is not there raises an exception, of which CPython tells. */
static bool read_item(PyObject *in, PyObject *key, PyObject **item)
{
    int64_t index;
    *item = NULL;
    if (in == NULL || key == NULL)
        return false;
    if (PyTuple_CheckExact(in) || PyList_CheckExact(in)) {
        if (PyLong_CheckExact(key) && rec_int_small(key, &index)) {
            index += index < 0 ? rec_size(in) : 0;
            if (0 <= index && index < rec_size(in))
                *item = (PyTuple_CheckExact(in) ? rec_tuple_items(in) : rec_list_items(in))[index];
        }
        return is_scalar(key);
    }
    if (PyUnicode_CheckExact(in))
        *item = SOME_SCALAR;
    else if (has_text_keys(in) && PyUnicode_CheckExact(key))
        *item = find_text(in, key);
    return *item != NULL;
}

/* ---- attributes ---- */

/* How the attribute of a name is read of the instances of a type. */
typedef enum {
    RUNS_CODE = 0,
    IN_INSTANCE, /* or nowhere: that could be asked of code */
    OF_CLASS,    /* a function or a value, unless the instance has one of its own */
    IN_SLOT
} way;

typedef struct {
    PyTypeObject *type;
    PyObject *name;
    unsigned version;
    way way;
    PyObject *found; /* in the class; borrowed: as long as the version stands, it has it */
} rule;

/* Whether the class and those it is derived from have texts alone for names. */
static bool are_plain_classes(PyTypeObject *t)
{
    PyObject *bases = t->tp_mro;
    if (bases == NULL)
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(bases, i);
        if (base->tp_flags & Py_TPFLAGS_HEAPTYPE && !has_text_keys(base->tp_dict))
            return false;
    }
    return true;
}

static way way_of(PyTypeObject *type, PyObject *found)
{
    if (found == NULL)
        return IN_INSTANCE;
    PyTypeObject *t = Py_TYPE(found);
    if (t == &PyMemberDescr_Type) {
        const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        bool is_plain = member->type == T_OBJECT_EX && (member->flags & ~READONLY) == 0;
        return is_plain && PyType_IsSubtype(type, ((PyDescrObject *)found)->d_type) ? IN_SLOT : RUNS_CODE;
    }
    if (t == &PyFunction_Type || t == &PyMethodDescr_Type || t == &PyStaticMethod_Type)
        return OF_CLASS;
    return t->tp_descr_get == NULL && t->tp_descr_set == NULL ? OF_CLASS : RUNS_CODE;
}

static const rule *rule_of(PyTypeObject *t, PyObject *name)
{
    enum { RULES = 1024 };
    static rule rules[RULES];
    rule *kept = &rules[((uintptr_t)t >> 4 ^ (uintptr_t)name >> 5) & (RULES - 1)];
    if (kept->type == t && kept->name == name && kept->version == t->tp_version_tag && kept->version != 0)
        return kept;
    *kept = (rule){.type = t, .name = name};
    if (!are_plain_classes(t))
        return kept;
    kept->found = _PyType_Lookup(t, name);
    kept->way = way_of(t, kept->found);
    kept->version = rec_type_version(t);
    return kept;
}

/* What the instance itself has by a name, or NULL. False: it takes code to find out, or too long. */
static bool find_own(PyObject *o, PyObject *name, PyObject **value)
{
    enum { MOST = 100 };
    rec_items items;
    PyObject *key;
    rec_storage_of(&items, o, Py_TYPE(o));
    if (items.count > MOST || (items.count > 0 && !DK_IS_UNICODE((PyDictKeysObject *)items.keys)))
        return false;
    while (rec_next_item(&items, &key, value))
        if (key == name || (rec_str_hash(key) == rec_str_hash(name) && rec_is_same_str(key, name)))
            return true;
    *value = NULL;
    return true;
}

/* Of a module, or of a class that is no other one's instance. */
static bool read_of_namespace(PyObject *o, PyObject *name, PyObject **value)
{
    if (Py_IS_TYPE(o, &PyModule_Type)) {
        PyObject *dict = PyModule_GetDict(o);
        *value = has_text_keys(dict) ? find_text(dict, name) : NULL;
        return *value != NULL;
    }
    if (!are_plain_classes((PyTypeObject *)o))
        return false;
    *value = _PyType_Lookup((PyTypeObject *)o, name);
    return *value != NULL && (Py_TYPE(*value)->tp_descr_get == NULL || Py_IS_TYPE(*value, &PyFunction_Type));
}

/* Which are CPython's, and often computed. */
static bool has_underscores(PyObject *name)
{
    return PyUnicode_GET_LENGTH(name) > 1 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_';
}

/* False: it may run code. `may_lack`: so may that it is not there. */
static bool read_attribute(PyObject *o, PyObject *name, bool may_lack, PyObject **value)
{
    *value = NULL;
    if (o == NULL || o == SOME_SCALAR || has_underscores(name) || rec_str_hash(name) == -1)
        return false;
    PyTypeObject *t = Py_TYPE(o);
    if (t == &PyModule_Type || t == &PyType_Type)
        return read_of_namespace(o, name, value);
    if (t->tp_getattro != PyObject_GenericGetAttr)
        return false;
    const rule *how = rule_of(t, name);
    switch (how->way) {
    case IN_SLOT:
        *value = *(PyObject **)((char *)o + ((PyMemberDescrObject *)how->found)->d_member->offset);
        return *value != NULL || may_lack;
    case IN_INSTANCE:
        return find_own(o, name, value) && (*value != NULL || may_lack);
    case OF_CLASS:
        if (!find_own(o, name, value))
            return false;
        if (*value == NULL && Py_TYPE(how->found)->tp_descr_get == NULL)
            *value = how->found;
        return true;
    default:
        return false;
    }
}

/* ---- calls ---- */

static PyObject *class_name; /* "__class__", as names of attributes are kept */

/* Whether asking whether it is an instance of the class, or of those in the tuple, runs no code. */
static bool is_plainly_instance(PyObject *o, PyObject *of)
{
    if (o == NULL || of == NULL)
        return false;
    if (PyTuple_CheckExact(of)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(of); i++)
            if (!PyType_CheckExact(PyTuple_GET_ITEM(of, i)) || !is_plainly_instance(o, PyTuple_GET_ITEM(of, i)))
                return false;
        return true;
    }
    if (!PyType_CheckExact(of) || Py_TYPE(o)->tp_getattro != PyObject_GenericGetAttr)
        return false;
    if (is_scalar(o))
        return true;
    const rule *how = rule_of(Py_TYPE(o), class_name);
    return how->found != NULL && Py_IS_TYPE(how->found, &PyGetSetDescr_Type)
           && ((PyDescrObject *)how->found)->d_type == &PyBaseObject_Type;
}

static bool has_plain_length(PyObject *o)
{
    return is_scalar(o)
           || (o != NULL
               && (PyList_CheckExact(o) || PyTuple_CheckExact(o) || PyDict_CheckExact(o) || PyAnySet_CheckExact(o)));
}

static bool is_text(PyObject *o) { return o != NULL && o != SOME_SCALAR && PyUnicode_CheckExact(o); }

/* A call of one of Python's own functions that only read. False: it may run code. */
static bool call(PyObject *function, PyObject **arguments, int n, PyObject **value)
{
    *value = SOME_SCALAR;
    if (function == (PyObject *)&PyType_Type && n == 1 && arguments[0] != NULL && arguments[0] != SOME_SCALAR) {
        *value = (PyObject *)Py_TYPE(arguments[0]);
        return true;
    }
    if (function == NULL || !PyCFunction_CheckExact(function))
        return false;
    PyObject *module = ((PyCFunctionObject *)function)->m_module;
    const char *name = ((PyCFunctionObject *)function)->m_ml->ml_name;
    if (module == NULL || !rec_str_is(module, "builtins"))
        return false;
    if (n == 1 && strcmp(name, "len") == 0)
        return has_plain_length(arguments[0]);
    if (n == 2 && strcmp(name, "isinstance") == 0)
        return is_plainly_instance(arguments[0], arguments[1]);
    if (n == 2 && strcmp(name, "hasattr") == 0 && is_text(arguments[1])) {
        PyObject *found;
        return read_attribute(arguments[0], arguments[1], true, &found);
    }
    if (n == 3 && strcmp(name, "getattr") == 0 && is_text(arguments[1]) && arguments[2] != NULL)
        return read_attribute(arguments[0], arguments[1], true, value);
    return n == 2 && strcmp(name, "getattr") == 0 && is_text(arguments[1])
           && read_attribute(arguments[0], arguments[1], false, value);
}

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
    int ending;                /* as many references may have ended before */
    bool jumps_back;
    int depth;
    PyObject *stack[MOST_STACK]; /* what the line has put there */
    int targets;               /* of jumps within the line, that are still to be reached */
    struct {
        uint32_t at;
        int depth;
    } target[MOST_TARGETS];
} reader;

/* What lies below was put there by other lines. */
static PyObject *pop(reader *r) { return r->depth > 0 ? r->stack[--r->depth] : NULL; }

static bool push(reader *r, PyObject *o)
{
    if (r->depth == MOST_STACK)
        return false;
    r->stack[r->depth++] = o;
    return true;
}

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
    return before == NULL || is_scalar(before) || Py_REFCNT(before) > rec_count_bits(r->stored) + r->ending;
}

static bool load_global(reader *r, int index)
{
    PyObject *name = PyTuple_GET_ITEM(r->code->co_names, index), *value;
    if (!has_text_keys(r->frame->globals) || !has_text_keys(r->frame->builtins))
        return false;
    value = find_text(r->frame->globals, name);
    if (value == NULL)
        value = find_text(r->frame->builtins, name);
    return value != NULL && push(r, value);
}

static bool load_attribute(reader *r, int index, bool is_method)
{
    PyObject *value, *o = pop(r);
    if (!read_attribute(o, PyTuple_GET_ITEM(r->code->co_names, index), false, &value))
        return false;
    return push(r, value) && (!is_method || push(r, NULL));
}

/* A jump ahead: to another line, of which CPython tells, or within this one. */
static bool jump(reader *r, uint32_t to)
{
    if (to >= r->stores->unit_count || r->stores->units[to].line == REC_UNLINED)
        return false;
    if (r->stores->units[to].line != r->line)
        return true;
    if (r->targets == MOST_TARGETS)
        return false;
    r->target[r->targets].at = to;
    r->target[r->targets++].depth = r->depth;
    return true;
}

/* Where ways meet, the stack has one or another. */
static bool arrive(reader *r)
{
    bool arrived = false;
    for (int i = r->targets - 1; i >= 0; i--) {
        if (r->target[i].at != r->at)
            continue;
        arrived = true;
        r->depth = r->target[i].depth;
        r->target[i] = r->target[--r->targets];
    }
    for (int i = 0; arrived && i < r->depth; i++)
        r->stack[i] = NULL;
    return arrived;
}

static bool swap(reader *r, int n)
{
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
    int at = r->depth - n - 2;
    if (at < 0 || (r->stack[at] != NULL && r->stack[at + 1] != NULL))
        return false;
    PyObject *value, *function = r->stack[at] != NULL ? r->stack[at] : r->stack[at + 1];
    if (!call(function, r->stack + at + 2, n, &value))
        return false;
    r->depth = at;
    return push(r, value);
}

/* A new list or tuple of so many of the topmost. For one of classes, to ask with whether something is an instance of
 * these, the class of all classes stands. */
static bool build(reader *r, int n)
{
    bool of_classes = n > 0;
    for (; n > 0; n--) {
        PyObject *part = pop(r);
        of_classes = of_classes && part != NULL && PyType_CheckExact(part);
    }
    return push(r, of_classes ? (PyObject *)&PyType_Type : NULL);
}

/* A text of so many of them. */
static bool format(reader *r, int n)
{
    for (; n > 0; n--)
        if (!is_scalar(pop(r)))
            return false;
    return push(r, SOME_SCALAR);
}

static bool operate(reader *r)
{
    PyObject *right = pop(r), *left = pop(r), *item;
#ifdef NB_SUBSCR
    if (r->argument == NB_SUBSCR)
        return read_item(left, right, &item) && push(r, item);
#else
    (void)item;
#endif
    return is_scalar(left) && is_scalar(right) && push(r, SOME_SCALAR);
}

/* One instruction. False: it may run code, or it is not known what it does. */
static bool step(reader *r, int opcode)
{
    PyObject *one, *other;
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
    case COMPARE_OP:
        other = pop(r);
        one = pop(r);
        return is_scalar(one) && is_scalar(other) && push(r, SOME_SCALAR);
    case IS_OP:
        other = pop(r);
        return pop(r) != NULL && other != NULL && push(r, SOME_SCALAR);
    case CONTAINS_OP:
        other = pop(r);
        return is_plainly_contained(pop(r), other) && push(r, SOME_SCALAR);
    case UNARY_NOT:
#ifdef TO_BOOL
    case TO_BOOL:
#endif
        return has_plain_truth(pop(r)) && push(r, SOME_SCALAR);
#ifdef BINARY_SUBSCR
    case BINARY_SUBSCR:
        other = pop(r);
        return read_item(pop(r), other, &one) && push(r, one);
#endif
    case BINARY_OP:
        return operate(r);
    case CALL:
        return call_function(r, n);
    case BUILD_TUPLE:
    case BUILD_LIST:
        return build(r, n);
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
        return has_plain_truth(pop(r)) && jump(r, r->next + (uint32_t)n);
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
        if (!arrive(r) && !goes_on)
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

static bool begin(reader *r, const rec_stores *stores, rec_iframe *frame, int32_t line)
{
    if (stores == NULL || rec_frames_public || rec_dicts_public)
        return false;
    r->stores = stores;
    r->frame = frame;
    r->code = rec_frame_code(frame);
    r->line = (uint16_t)(line - stores->first);
    r->at = (uint32_t)rec_frame_offset(frame) / 2;
    r->stored = 0;
    r->depth = r->targets = r->ending = 0;
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
    if (class_name == NULL)
        class_name = PyUnicode_InternFromString("__class__");
    return class_name != NULL;
}

int32_t rec_reads_until(const rec_stores *stores, rec_iframe *frame, int32_t line)
{
    reader r;
    return begin(&r, stores, frame, line) ? read_line(&r) : 0;
}

int32_t rec_reads_behind_call(const rec_stores *stores, rec_iframe *frame, int32_t line, PyObject *value, int ending)
{
    reader r;
    if (!begin(&r, stores, frame, line))
        return 0;
    uint32_t call = whole_instruction(stores, r.at);
    if (stores->units[call].opcode != CALL && stores->units[call].opcode != LOAD_ATTR)
        return 0;
    r.at = behind(stores, call);
    r.ending = ending;
    (void)push(&r, is_scalar(value) ? value : NULL); /* audit: there is room for the first */
    return read_line(&r);
}

bool rec_calls_at(const rec_stores *stores, rec_iframe *frame, int32_t unit)
{
    uint32_t at = (uint32_t)rec_frame_offset(frame) / 2;
    return stores != NULL && at < stores->unit_count && whole_instruction(stores, at) == (uint32_t)unit;
}
#endif
