/* How the values of one type are read: what table.c and the files for single types share. */
#ifndef RECORDER_READERS_H
#define RECORDER_READERS_H
#include "known/forms.h"
#include "cpython/type_tables.h"

#pragma GCC visibility push(hidden)

typedef enum { REC_LAYOUT_UNKNOWN, REC_LAYOUT_PROVED, REC_UNREADABLE_NOW } rec_reading;

/* A reader of a row: `type` is the one written in C that the value's type is derived from, or is. */
typedef rec_reading (*rec_reader)(PyObject *object, PyTypeObject *type, rec_form *form);

rec_reading rec_read_decimal(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_deque(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_match(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_method_caller(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_getter(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_weakref(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_rlock(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_bytes_io(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_context_var(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_task_name(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_datetime64(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_string_io(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_model(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_orm_state(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_range_iterator(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_enumerate(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_reversed(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_islice(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_sequence_iterator(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_cycle(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_accumulate(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_groupby(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_pairwise(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_zip_longest(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_takewhile(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_dropwhile(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_batched(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_product(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_combinations(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_permutations(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_tee(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_context(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_token(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_addresses(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_count(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_members(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_simple_queue(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_thread_local(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_struct(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_random(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_element(PyObject *object, PyTypeObject *type, rec_form *form);
rec_reading rec_read_zone(PyObject *object, PyTypeObject *type, rec_form *form);

static inline void rec_add_object(rec_form *form, PyObject *object)
{
    form->parts[form->count++] = (rec_part){.kind = REC_PART_OBJECT, .object = object != NULL ? object : Py_None};
}

static inline void rec_add_number(rec_form *form, int64_t number)
{
    form->parts[form->count++] = (rec_part){.kind = REC_PART_NUMBER, .number = number};
}

/* What a part that follows is called. */
static inline void rec_add_name(rec_form *form, const char *name)
{
    form->parts[form->count].kind = REC_PART_TEXT;
    strncpy(form->parts[form->count++].text, name, sizeof(form->parts->text) - 1);
}

/* The n-th object that a value holds, as its tp_traverse has them; NULL: so many it has not. */
typedef enum { REC_HELD_ANY, REC_HELD_DICT, REC_HELD_ITERATOR } rec_held_kind;
PyObject *rec_visited(PyObject *object, PyTypeObject *type, int n, rec_held_kind kind);

/* Whether what it holds, as its tp_traverse has it, are these objects, in this order; those that are NULL are not there. */
bool rec_holds_in_order(PyObject *object, PyTypeObject *type, PyObject *const held[], int count);
/* An object that is made to be compared with: of the type, with arguments as Py_BuildValue has them, which are given up.
 * NULL where there is no memory. Nothing is collected meanwhile, by which code of the program's could run. */
PyObject *rec_make_one(PyTypeObject *type, PyObject *args);

/* What a type's own tables say. NULL, or −1, where there is no such thing. */
PyMethodDef *rec_method_of(PyTypeObject *type, const char *name);
PyGetSetDef *rec_getter_of(PyTypeObject *type, const char *name);
/* What the getter of a type gives, if the object holds it: borrowed. NULL where there is no such type, or nothing. No
 * exception is left behind. */
PyObject *rec_held(PyObject *object, PyTypeObject *type, const char *name);

/* What a method without arguments answers: whether it is true; a small int. False where it does not say. No exception
 * is left behind. */
bool rec_ask_bool(PyObject *object, PyTypeObject *type, const char *method, bool *answer);
bool rec_ask_number(PyObject *object, PyTypeObject *type, const char *method, int64_t *answer);
/* A text that was made to be told is kept until the next one is, so that it has to be the first part of its value. NULL
 * where it is none. Takes the reference. */
PyObject *rec_keep_told(PyObject *text);

#pragma GCC visibility pop
#endif
