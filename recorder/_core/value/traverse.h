/* The one traversal of a value: which objects belong to it, in which order, and where the limits cut.
 *
 * It has two visitors, fingerprint.c and encode.c. Each defines `struct rec_visit` and includes this header, which
 * makes a traversal of its own for it; what it does at each step are the functions `visit_…` that are declared below.
 * So both meet the same objects in the same order, as they must: the fingerprint has every type defined that the
 * encoder is going to write, and covers all that the encoder would write anew. (A debug build checks, for each value,
 * that both met the same: rec_put_value.) Where the fingerprint has a faster way through a dict, a list or an
 * instance's attributes than these loops, it says which loop it stands for.
 *
 * An int, a float, a str, None and a bool have no parts and no type to be defined: visit_value takes them itself. */
#ifndef RECORDER_TRAVERSE_H
#define RECORDER_TRAVERSE_H
#include "cpython/dicts.h"
#include "cpython/instances.h"
#include "cpython/ordered.h"
#include "known/contexts.h"
#include "known/foreign.h"
#include "known/forms.h"
#include "known/itertools.h"
#include "known/sockets.h"
#include "known/string_arrays.h"
#include "known/tables.h"
#include "known/tensors.h"
#include "tape/records.h"
#include "value/identity.h"
#include "value/redaction.h"
#include "value/types.h"
#include "value/walk.h"

typedef struct rec_visit rec_visit;
#define TRAVERSAL __attribute__((always_inline)) static inline

/* ---- what a visitor defines ---- */

/* Whether nothing that has parts is gone into any more. */
static bool visit_is_full(const rec_visit *v);
/* Any value, as one of type `t`: traverses it, if it is not one of the above. */
static void visit_value(rec_visit *v, PyObject *o, PyTypeObject *t, uint32_t depth);
/* Instead of a value with parts: one that is beyond the limits, or was met before as the n-th. */
static void visit_elided(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size);
static void visit_reference(rec_visit *v, int64_t index);

/* A built-in container of `size` items, of which `shown` follow. */
static void visit_container(rec_visit *v, PyTypeObject *t, Py_ssize_t size, Py_ssize_t shown);
/* Its items: calls traverse_items and traverse_dict, or does what they do in a faster way. */
static void visit_items(rec_visit *v, PyObject **items, Py_ssize_t n, uint32_t depth);
static void visit_dict(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth);
/* Those of an OrderedDict: as visit_dict, but calls traverse_ordered_items. */
static void visit_ordered(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth);

/* An instance with attributes: its built-in part if it has one, then `shown` of `size` attributes. */
static void visit_instance(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown);
static void visit_part(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth);
static void visit_storage(rec_visit *v, rec_type_entry *entry, rec_items *items, Py_ssize_t n, uint32_t depth);
static void visit_name(rec_visit *v, PyObject *name); /* then its value, or: */
static void visit_redacted(rec_visit *v);
static void visit_missing(rec_visit *v); /* an attribute that was counted and is not there */

/* What a part begins with; the values that it has follow. */
static void visit_typed(rec_visit *v, const rec_type_entry *entry);
static void visit_named_tuple(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown);
static void visit_exception(rec_visit *v, const rec_type_entry *entry, PyObject *args); /* NULL: unreadable */
static void visit_member(rec_visit *v, PyObject *o, const rec_type_entry *entry, PyObject *value); /* NULL: not yet */
static void visit_datetime(rec_visit *v, const rec_type_entry *entry, const rec_datetime *datetime);
static void visit_fields(rec_visit *v, const rec_type_entry *entry, int count);
static void visit_field_name(rec_visit *v, const char *name);

/* A value of a well-known type: its parts follow. Those that are no objects: */
static void visit_form(rec_visit *v, const rec_type_entry *entry, const rec_form *form);
static void visit_number(rec_visit *v, int64_t number);
static void visit_text(rec_visit *v, const char *text);
static void visit_data(rec_visit *v, const char *data, Py_ssize_t size);
static void visit_decimal(rec_visit *v, const rec_decimal *decimal);
static void visit_utf8(rec_visit *v, const char *text, Py_ssize_t size);
static void visit_cells(rec_visit *v, const rec_type_entry *entry, const rec_cells *cells);

/* What is not gone into. */
static void visit_bytes(rec_visit *v, PyObject *o, PyTypeObject *t);
static void visit_complex(rec_visit *v, PyObject *o);
static void visit_class(rec_visit *v, const rec_type_entry *entry);
static void visit_named(rec_visit *v, PyObject *o, PyTypeObject *t);
static void visit_generator(rec_visit *v, PyObject *o, const rec_type_entry *entry);
static void visit_array(rec_visit *v, PyObject *o, const rec_type_entry *entry);
static void visit_opaque(rec_visit *v, PyObject *o, const rec_type_entry *entry);

/* Before an object that can be changed and shared. */
static void visit_identity(rec_visit *v, rec_identity identity);

/* ---- built-in containers ---- */

/* Whether it was met before: then that is all that is said of it. `identity` stands for it in the memo: not itself where
 * it is the part of an instance. */
TRAVERSAL bool traverse_met(rec_visit *v, PyObject *identity)
{
    int64_t index = rec_seen_before(identity);
    if (index >= 0)
        visit_reference(v, index);
    return index >= 0;
}

/* Whether a value of `size` items, and of `parts` in all, is gone into. If not, the visitor is called instead. */
TRAVERSAL bool traverse_begin(rec_visit *v, PyTypeObject *t, Py_ssize_t size, Py_ssize_t parts, uint32_t depth,
                              PyObject *identity)
{
    if (rec_is_elided(parts, depth) || (parts > 0 && visit_is_full(v))) {
        visit_elided(v, rec_type_of(t), size);
        return false;
    }
    return !traverse_met(v, identity);
}

/* The same of a container of `size` items, of which as many follow as there may be, and no more than `most`. Negative: it
 * is not gone into. */
TRAVERSAL Py_ssize_t traverse_begin_items(rec_visit *v, PyTypeObject *t, Py_ssize_t size, Py_ssize_t most, uint32_t depth,
                                          PyObject *identity)
{
    if (!traverse_begin(v, t, size, size, depth, identity))
        return -1;
    Py_ssize_t shown = rec_take_nodes(size < most ? size : most);
    visit_container(v, t, size, shown);
    return shown;
}

TRAVERSAL void traverse_items(rec_visit *v, PyObject **items, Py_ssize_t n, uint32_t depth)
{
    bool secret = rec_is_secret_pair(items, n);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (secret && i > 0)
            visit_redacted(v);
        else
            visit_value(v, items[i], Py_TYPE(items[i]), depth);
    }
}

TRAVERSAL void traverse_item(rec_visit *v, PyObject *key, PyObject *value, uint32_t depth)
{
    visit_value(v, key, Py_TYPE(key), depth);
    if (rec_is_secret(key))
        visit_redacted(v);
    else
        visit_value(v, value, Py_TYPE(value), depth);
}

TRAVERSAL void traverse_dict(rec_visit *v, rec_items *items, Py_ssize_t n, uint32_t depth)
{
    PyObject *key, *value;
    while (n > 0 && rec_next_item(items, &key, &value)) {
        traverse_item(v, key, value, depth);
        n--;
    }
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_ordered_items(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown,
                                                             uint32_t depth)
{
    rec_item items[REC_MOST_ORDERED];
    if (!rec_ordered_items(dict, shown, items)) {
        visit_dict(v, dict, size, shown, depth);
        return;
    }
    for (Py_ssize_t i = 0; i < shown; i++)
        traverse_item(v, items[i].key, items[i].value, depth);
}

TRAVERSAL void traverse_set(rec_visit *v, PyObject *set, Py_ssize_t n, uint32_t depth)
{
    Py_ssize_t at = 0;
    PyObject *key;
    while (n > 0 && rec_set_next(set, &at, &key)) {
        visit_value(v, key, Py_TYPE(key), depth);
        n--;
    }
}

TRAVERSAL void traverse_container(rec_visit *v, PyObject *o, PyTypeObject *t, uint32_t depth, PyObject *identity)
{
    Py_ssize_t size = rec_container_size(o, t), shown;
    shown = traverse_begin_items(v, t, size, size, depth, identity);
    if (shown < 0)
        return;
    if (t == &PyDict_Type)
        visit_dict(v, o, size, shown, depth + 1);
    else if (t == &PyList_Type || t == &PyTuple_Type)
        visit_items(v, rec_sequence_items(o, t), shown, depth + 1);
    else
        traverse_set(v, o, shown, depth + 1);
}

static void traverse_ordered(rec_visit *v, PyObject *o, uint32_t depth, PyObject *identity)
{
    Py_ssize_t size = rec_dict_size(o), shown;
    shown = traverse_begin_items(v, &PyDict_Type, size, REC_MOST_ORDERED, depth, identity);
    if (shown < 0)
        return;
    visit_ordered(v, o, size, shown, depth + 1);
}

/* ---- instances ---- */

TRAVERSAL void traverse_attribute(rec_visit *v, PyObject *name, PyObject *value, uint32_t depth)
{
    visit_name(v, name);
    if (rec_is_secret(name))
        visit_redacted(v);
    else
        visit_value(v, value, Py_TYPE(value), depth);
}

TRAVERSAL void traverse_storage(rec_visit *v, rec_items *items, Py_ssize_t n, uint32_t depth)
{
    PyObject *name, *value;
    while (n > 0 && rec_next_item(items, &name, &value)) {
        traverse_attribute(v, name, value, depth);
        n--;
    }
    for (; n > 0; n--)
        visit_missing(v);
}

/* All that it has is attributes in a dict, or in its place: as most instances. */
TRAVERSAL void traverse_plain(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    rec_items items;
    Py_ssize_t shown;
    rec_storage_of(&items, o, entry->type);
    if (!traverse_begin(v, entry->type, items.size, items.size, depth, o))
        return;
    shown = rec_take_nodes(items.size);
    visit_instance(v, entry, items.size, shown);
    visit_storage(v, entry, &items, shown, depth + 1);
}

/* Containers in which the built-in part of an instance is. That of an exception counts as if it had no attributes, which it
 * has by where it was raised: as far as a value can never be within more containers than the format has. */
static inline uint32_t depth_of_part(const rec_type_entry *entry, uint32_t depth)
{
    enum { DEEPEST = 30 };
    bool is_exception = (entry->type->tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS) != 0;
    return is_exception && rec_limits.depth <= DEEPEST ? depth : depth + 1;
}

static void traverse_instance(rec_visit *v, PyObject *o, rec_type_entry *entry, rec_attributes *attributes,
                              Py_ssize_t size, uint32_t depth)
{
    PyObject *name, *value;
    Py_ssize_t shown;
    if (!traverse_begin(v, entry->type, size, size + entry->part, depth, o))
        return;
    shown = rec_take_nodes(size);
    visit_instance(v, entry, size, shown);
    if (entry->part)
        visit_part(v, o, entry, depth_of_part(entry, depth));
    while (shown > 0 && rec_attributes_next(attributes, &name, &value)) {
        traverse_attribute(v, name, value, depth + 1);
        shown--;
    }
    for (; shown > 0; shown--)
        visit_missing(v);
}

/* One of the names of a tuple's items: a str, or a tuple that begins with it. */
static inline PyObject *name_of_item(PyObject *name)
{
    return PyTuple_CheckExact(name) ? rec_tuple_items(name)[0] : name;
}

static void traverse_named_tuple(rec_visit *v, PyObject *tuple, const rec_type_entry *entry, PyObject **names,
                                 uint32_t depth, PyObject *identity)
{
    PyObject **item = rec_tuple_items(tuple);
    Py_ssize_t size = rec_size(tuple), shown;
    bool secret = rec_is_secret_pair(item, size);
    if (!traverse_begin(v, entry->type, size, size, depth, identity))
        return;
    shown = rec_take_nodes(size);
    visit_named_tuple(v, entry, size, shown);
    for (Py_ssize_t i = 0; i < shown; i++) {
        PyObject *name = name_of_item(names[i]);
        visit_name(v, name);
        if ((secret && i > 0) || rec_is_secret(name))
            visit_redacted(v);
        else
            visit_value(v, item[i], Py_TYPE(item[i]), depth + 1);
    }
}

static void traverse_exception(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    PyObject *args = ((PyBaseExceptionObject *)o)->args;
    if (traverse_met(v, identity))
        return;
    if (args != NULL && Py_TYPE(args) != &PyTuple_Type)
        args = NULL;
    visit_exception(v, entry, args);
    if (args != NULL)
        traverse_container(v, args, &PyTuple_Type, depth + 1, args);
}

/* A member of an enum. It is what it is: only one that is being made can still change. */
static void traverse_member(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    PyObject *value = rec_attribute(o, "_value_");
    if (traverse_met(v, identity))
        return;
    visit_member(v, o, entry, value);
    if (value != NULL && rec_is_secret(rec_attribute(o, "_name_")))
        visit_redacted(v);
    else if (value != NULL)
        visit_value(v, value, Py_TYPE(value), depth + 1);
}

static void traverse_datetime(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    bool zoned = entry->shape == REC_TIME || entry->shape == REC_DATETIME;
    rec_datetime datetime;
    rec_read_datetime(o, entry->shape, &datetime);
    if (zoned && traverse_met(v, identity)) /* it counts as a container, of its time zone */
        return;
    visit_datetime(v, entry, &datetime);
    if (zoned && datetime.zone != NULL)
        visit_value(v, datetime.zone, Py_TYPE(datetime.zone), depth + 1);
}

/* ---- well-known types ---- */

/* What stands in the memo for a container that a value of a well-known type is or has: an address that no object has. */
static inline PyObject *items_in(PyObject *o) { return (PyObject *)((uintptr_t)o | 2); }

static void traverse_deque(rec_visit *v, PyObject *o, const rec_deque *deque, uint32_t depth)
{
    rec_deque left = *deque, first = *deque;
    PyObject *pair[2];
    Py_ssize_t shown;
    bool secret;
    shown = traverse_begin_items(v, &PyList_Type, deque->size, deque->size, depth, items_in(o));
    if (shown < 0)
        return;
    for (Py_ssize_t i = 0; i < deque->size && i < 2; i++)
        pair[i] = rec_deque_next(&first);
    secret = deque->size == 2 && rec_is_secret_pair(pair, 2);
    for (Py_ssize_t i = 0; i < shown; i++) {
        PyObject *item = rec_deque_next(&left);
        if (secret && i > 0)
            visit_redacted(v);
        else
            visit_value(v, item, Py_TYPE(item), depth + 1);
    }
}

static void traverse_numbers(rec_visit *v, PyObject *o, const Py_ssize_t *numbers, Py_ssize_t size, uint32_t depth)
{
    Py_ssize_t shown;
    shown = traverse_begin_items(v, &PyList_Type, size, size, depth, items_in(o));
    if (shown < 0)
        return;
    for (Py_ssize_t i = 0; i < shown; i++)
        visit_number(v, numbers[i]);
}

static void traverse_keys(rec_visit *v, PyObject *dict, uint32_t depth)
{
    Py_ssize_t size = rec_dict_size(dict), shown;
    PyObject *key, *value;
    rec_items items;
    shown = traverse_begin_items(v, &PyList_Type, size, size, depth, items_in(dict));
    if (shown < 0)
        return;
    rec_open_items(&items, dict);
    while (shown > 0 && rec_next_item(&items, &key, &value)) {
        visit_value(v, key, Py_TYPE(key), depth + 1);
        shown--;
    }
}

static void traverse_of_each(rec_visit *v, PyObject *tuple, const char *name, uint32_t depth)
{
    Py_ssize_t size = rec_size(tuple), shown;
    if (rec_is_elided(size, depth) || (size > 0 && visit_is_full(v))) {
        visit_elided(v, rec_type_of(&PyList_Type), size);
        return;
    }
    rec_count_container();
    shown = rec_take_nodes(size);
    visit_container(v, &PyList_Type, size, shown);
    for (Py_ssize_t i = 0; i < shown; i++) {
        PyObject *found = rec_attribute(rec_tuple_items(tuple)[i], name);
        found = found != NULL ? found : Py_None;
        visit_value(v, found, Py_TYPE(found), depth + 1);
    }
}

/* As a dict of names and values. */
static void traverse_members(rec_visit *v, PyObject *o, uint32_t depth)
{
    rec_members members;
    const PyMemberDef *member;
    Py_ssize_t size = rec_members_begin(&members, Py_TYPE(o)), shown;
    shown = traverse_begin_items(v, &PyDict_Type, size, size, depth, items_in(o));
    if (shown < 0)
        return;
    for (; shown > 0 && (member = rec_members_next(&members)) != NULL; shown--) {
        int64_t number;
        PyObject *held = rec_member_of(o, member, &number);
        visit_text(v, member->name);
        if (rec_secrets.names.count != 0 && rec_find_match_of_bytes(member->name, strlen(member->name)))
            visit_redacted(v);
        else if (held != NULL)
            visit_value(v, held, Py_TYPE(held), depth + 1);
        else
            visit_number(v, number);
    }
}

/* None, as any object: of its own address the compiler says that it is too short for what is read of an int. */
static inline PyObject *some_none(void)
{
    PyObject *none = Py_None;
    __asm__("" : "+r"(none));
    return none;
}

static inline void visit_none(rec_visit *v) { visit_value(v, some_none(), Py_TYPE(Py_None), 0); }

/* NULL: None. */
static inline void visit_object(rec_visit *v, PyObject *o, uint32_t depth)
{
    o = o != NULL ? o : some_none();
    visit_value(v, o, Py_TYPE(o), depth);
}

static void traverse_holes(rec_visit *v, PyObject *tuple, uint32_t depth)
{
    Py_ssize_t size = rec_size(tuple), shown;
    shown = traverse_begin_items(v, &PyTuple_Type, size, size, depth, tuple);
    if (shown < 0)
        return;
    for (Py_ssize_t i = 0; i < shown; i++) {
        visit_object(v, rec_tuple_items(tuple)[i], depth + 1);
    }
}

/* Of a socket, as Python has it: a tuple, or a text. */
static void traverse_address(rec_visit *v, const rec_part *part)
{
    rec_address address;
    if (!rec_address_of(part->address.fd, part->address.family, part->address.is_peer, &address)) {
        visit_none(v);
    } else if (address.kind == REC_ADDRESS_PATH) {
        visit_utf8(v, address.text, (Py_ssize_t)address.size);
    } else if (address.kind == REC_ADDRESS_BYTES) {
        visit_data(v, address.text, (Py_ssize_t)address.size);
    } else {
        int size = address.kind == REC_ADDRESS_INET6 ? 4 : 2;
        rec_count_container();
        visit_container(v, &PyTuple_Type, size, size);
        visit_utf8(v, address.text, (Py_ssize_t)address.size);
        visit_number(v, address.port);
        if (size > 2) {
            visit_number(v, address.flow);
            visit_number(v, address.scope);
        }
    }
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_context(rec_visit *v, PyObject *context, uint32_t depth)
{
    PyObject *pairs[2 * REC_MOST_VARIABLES];
    Py_ssize_t size = rec_context_pairs(context, pairs, REC_MOST_VARIABLES), shown;
    shown = traverse_begin_items(v, &PyDict_Type, size, REC_MOST_VARIABLES, depth, items_in(context));
    if (shown < 0)
        return;
    for (Py_ssize_t i = 0; i < shown; i++) {
        PyObject *name = rec_context_name(pairs[2 * i]), *value = pairs[2 * i + 1];
        visit_object(v, name, depth + 1);
        if (name != NULL && rec_is_secret(name))
            visit_redacted(v);
        else
            visit_value(v, value, Py_TYPE(value), depth + 1);
    }
}

/* Likewise. */
__attribute__((noinline)) static void traverse_tee(rec_visit *v, PyObject *o, uint32_t depth)
{
    PyObject *items[REC_MOST_OF_TEE];
    Py_ssize_t size = rec_tee_items(o, items, REC_MOST_OF_TEE), shown;
    shown = traverse_begin_items(v, &PyList_Type, size, REC_MOST_OF_TEE, depth, items_in(o));
    if (shown < 0)
        return;
    traverse_items(v, items, shown, depth + 1);
}

typedef struct {
    rec_visit *v;
    PyTypeObject *own;   /* which a value of a heap type holds as well, before the others */
    Py_ssize_t skipped, left;
    uint32_t depth;
    bool is_secret;      /* what stands behind the first one */
} held_items;

static int on_held(PyObject *o, void *arg)
{
    held_items *of = arg;
    if (o == (PyObject *)of->own) {
        of->own = NULL;
    } else if (of->skipped > 0) {
        of->skipped--;
    } else if (of->left > 0) {
        visit_object(of->v, o, of->depth);
        of->left--;
    }
    return of->left == 0 || of->is_secret;
}

/* Of a secret's name and what stands behind it the name alone. Behind those that are wanted may be the type. */
static void traverse_held(rec_visit *v, PyObject *o, const rec_part *part, uint32_t depth)
{
    PyTypeObject *type = part->held.type;
    Py_ssize_t size = part->held.count, shown;
    shown = traverse_begin_items(v, &PyList_Type, size, size, depth, items_in(o));
    if (shown < 0)
        return;
    bool type_is_first = type->tp_flags & Py_TPFLAGS_HEAPTYPE && !part->held.type_is_last;
    PyObject *first = part->held.first;
    held_items of = {.v = v, .skipped = part->held.from, .left = shown, .depth = depth + 1};
    of.own = type_is_first ? Py_TYPE(o) : NULL;
    of.is_secret = first != NULL && rec_is_secret_pair(&first, size);
    if (shown > 0)
        (void)type->tp_traverse(o, on_held, &of); /* audit: on_held's own answer */
    for (; of.left > 0; of.left--)
        visit_redacted(v);
}

static void traverse_items_of_list(rec_visit *v, PyObject *o, const rec_part *part, uint32_t depth)
{
    Py_ssize_t size = part->items.count, shown;
    shown = traverse_begin_items(v, &PyList_Type, size, size, depth, items_in(o));
    if (shown < 0)
        return;
    traverse_items(v, part->items.first, shown, depth + 1);
}

static void traverse_part_of_form(rec_visit *v, PyObject *o, const rec_part *part, uint32_t depth)
{
    switch (part->kind) {
    case REC_PART_OBJECT:
        visit_value(v, part->object, Py_TYPE(part->object), depth);
        return;
    case REC_PART_NUMBER:
        visit_number(v, part->number);
        return;
    case REC_PART_TEXT:
        visit_text(v, part->text);
        return;
    case REC_PART_BYTES:
        visit_data(v, part->bytes.data, part->bytes.size);
        return;
    case REC_PART_DECIMAL:
        visit_decimal(v, &part->decimal);
        return;
    case REC_PART_DEQUE:
        traverse_deque(v, o, &part->deque, depth);
        return;
    case REC_PART_NUMBERS:
        traverse_numbers(v, o, part->numbers.data, part->numbers.size, depth);
        return;
    case REC_PART_KEYS:
        traverse_keys(v, part->object, depth);
        return;
    case REC_PART_OF_EACH:
        traverse_of_each(v, part->each.tuple, part->each.name, depth);
        return;
    case REC_PART_HOLES:
        traverse_holes(v, part->object, depth);
        return;
    case REC_PART_ADDRESS:
        traverse_address(v, part);
        return;
    case REC_PART_CONTEXT:
        traverse_context(v, part->object, depth);
        return;
    case REC_PART_TEE:
        traverse_tee(v, part->object, depth);
        return;
    case REC_PART_HELD:
        traverse_held(v, o, part, depth);
        return;
    case REC_PART_ITEMS:
        traverse_items_of_list(v, o, part, depth);
        return;
    case REC_PART_MEMBERS:
        traverse_members(v, part->object, depth);
        return;
    default:
        traverse_container(v, o, &PyDict_Type, depth, items_in(o));
    }
}

/* One that has parts which have parts is gone into as a whole, or not at all. */
static void traverse_form(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_form form;
    bool secret;
    (void)rec_read_form(o, entry->known, &form); /* audit: the form says what is not known */
    if (!form.leaf && rec_walk.nodes_left < form.count) {
        visit_elided(v, entry, form.count);
        return;
    }
    if (!traverse_begin(v, entry->type, form.count, form.leaf ? 0 : form.count, depth, identity))
        return;
    if (!form.leaf)
        rec_walk.nodes_left -= form.count;
    visit_form(v, entry, &form);
    secret = form.named && rec_is_secret(form.parts[0].object);
    for (int i = 0; i < form.count; i++) {
        if (secret && i > 0)
            visit_redacted(v);
        else
            traverse_part_of_form(v, o, &form.parts[i], depth + 1);
    }
}

#include "value/traverse_tables.h"

/* What an instance has besides its attributes. */
static void traverse_part(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    PyTypeObject *t = entry->type, *base;
    PyObject *names;
    if (entry->known) {
        traverse_known(v, o, entry, depth, identity);
    } else if (entry->shape == REC_NAMED_TUPLE && (names = rec_names_of_fields(o, t)) != NULL) {
        traverse_named_tuple(v, o, entry, rec_tuple_items(names), depth, identity);
    } else if (entry->shape == REC_ENUM) {
        traverse_member(v, o, entry, depth, identity);
    } else if (REC_DATE <= entry->shape && entry->shape <= REC_TIMEDELTA) {
        traverse_datetime(v, o, entry, depth, identity);
    } else if (t->tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS) {
        traverse_exception(v, o, entry, depth, identity);
    } else {
        base = rec_builtin_base(t);
        visit_typed(v, entry);
        if (entry->ordered)
            traverse_ordered(v, o, depth, identity);
        else if (rec_is_container(base))
            traverse_container(v, o, base, depth, identity);
        else
            visit_value(v, o, base, depth);
    }
}

/* Ranges, slices, time zones, bound methods. */
static void traverse_fields(rec_visit *v, PyObject *o, rec_type_entry *entry, rec_fields *fields, uint32_t depth)
{
    if (rec_walk.nodes_left < (uint32_t)fields->count) {
        visit_elided(v, entry, fields->count);
        return;
    }
    if (!traverse_begin(v, entry->type, fields->count, fields->count, depth, o))
        return;
    rec_walk.nodes_left -= (uint32_t)fields->count;
    visit_fields(v, entry, fields->count);
    for (int i = 0; i < fields->count; i++) {
        visit_field_name(v, fields->names[i]);
        visit_value(v, fields->values[i], Py_TYPE(fields->values[i]), depth + 1);
    }
}

/* An instance: its built-in part and its attributes, what its type has instead, or its type alone. */
static void traverse_typed(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    rec_shape shape = entry->shape;
    rec_attributes attributes;
    rec_fields fields;
    if (shape == REC_INSTANCE || entry->part) {
        Py_ssize_t size = rec_attributes_begin(&attributes, o, entry);
        if (entry->machinery && depth > 0)
            visit_elided(v, entry, size);
        else if (entry->part && size == 0)
            traverse_part(v, o, entry, depth, o);
        else
            traverse_instance(v, o, entry, &attributes, size, depth);
    } else if (rec_find_fields(&fields, o, shape)) {
        traverse_fields(v, o, entry, &fields, depth);
    } else if (shape == REC_GENERATOR) {
        visit_generator(v, o, entry);
    } else if (shape == REC_ARRAY) {
        traverse_array(v, o, entry, depth, o);
    } else if (shape == REC_MODULE) {
        visit_named(v, o, &PyModule_Type);
    } else {
        visit_opaque(v, o, entry);
    }
}

/* ---- anything but what visit_value takes itself ---- */

TRAVERSAL void traverse_object(rec_visit *v, PyObject *o, PyTypeObject *t, uint32_t depth)
{
    rec_type_entry *entry;
    if (rec_is_container(t)) {
        if (t != &PyTuple_Type && t != &PyFrozenSet_Type)
            visit_identity(v, rec_identity_of(o));
        traverse_container(v, o, t, depth, o);
    } else if (t == &PyBytes_Type || t == &PyByteArray_Type) {
        if (t == &PyByteArray_Type && Py_TYPE(o) == t) /* and not the part of an instance */
            visit_identity(v, rec_identity_of(o));
        visit_bytes(v, o, t);
    } else if (t == &PyComplex_Type) {
        visit_complex(v, o);
    } else if (t->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS) {
        visit_class(v, rec_type_of((PyTypeObject *)o));
    } else if (rec_is_named(t)) {
        if (t == &PyFunction_Type)
            visit_identity(v, rec_identity_of(o));
        visit_named(v, o, t);
    } else {
        entry = rec_type_of(t);
        if (entry->shared)
            visit_identity(v, rec_identity_of(o));
        if (entry->plain)
            traverse_plain(v, o, entry, depth);
        else
            traverse_typed(v, o, entry, depth);
    }
}
#endif
