/* Iterators of itertools that keep more than what they go over. Each has its fields where CPython's function that visits
 * them comes to the same objects in the same order; the numbers among them are proved by one that is made for it. */
#include "known/itertools.h"
#include "known/readers.h"
#include "cpython/objects.h"
#include "value/walk.h"

/* ---- cycle ---- */

typedef struct {         /* cycleobject of Modules/itertoolsmodule.c */
    PyObject_HEAD
    PyObject *over;      /* NULL once it repeats … */
    PyObject *saved;     /* … these … */
    Py_ssize_t index;    /* … from here on */
} cycling;

rec_reading rec_read_cycle(PyObject *object, PyTypeObject *type, rec_form *form)
{
    cycling *it = (cycling *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(cycling))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {it->over, it->saved};
    if (!rec_holds_in_order(object, type, held, 2)
        || it->saved == NULL || !PyList_CheckExact(it->saved))
        return REC_LAYOUT_UNKNOWN;
    bool repeats = it->over == NULL;
    if (repeats && (it->index < 0 || it->index > PyList_GET_SIZE(it->saved)))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_object(form, it->saved);
    if (repeats)
        rec_add_number(form, it->index);
    else
        rec_add_object(form, NULL);
    return REC_LAYOUT_PROVED;
}

/* ---- accumulate, groupby, pairwise, zip_longest ---- */

typedef struct {         /* accumulateobject, likewise */
    PyObject_HEAD
    PyObject *total, *over, *function, *initial;
} accumulation;

rec_reading rec_read_accumulate(PyObject *object, PyTypeObject *type, rec_form *form)
{
    accumulation *it = (accumulation *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(accumulation))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {it->function, it->over, it->total, it->initial};
    if (!rec_holds_in_order(object, type, held, 4))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, it->function);
    rec_add_object(form, it->total != NULL ? it->total : it->initial);
    return REC_LAYOUT_PROVED;
}

typedef struct {         /* groupbyobject, likewise */
    PyObject_HEAD
    PyObject *over, *function, *key, *next_key, *next_item;
} grouping;

rec_reading rec_read_groupby(PyObject *object, PyTypeObject *type, rec_form *form)
{
    grouping *it = (grouping *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(grouping))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {it->over, it->function, it->key, it->next_key, it->next_item};
    if (!rec_holds_in_order(object, type, held, 5))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, it->function);
    rec_add_object(form, it->key);
    return REC_LAYOUT_PROVED;
}

typedef struct {         /* pairwiseobject, likewise */
    PyObject_HEAD
    PyObject *over, *before, *result;
} pairing;

rec_reading rec_read_pairwise(PyObject *object, PyTypeObject *type, rec_form *form)
{
    pairing *it = (pairing *)object;
    bool has_result = type->tp_basicsize >= (Py_ssize_t)sizeof(pairing); /* before 3.12 it had none to give once more */
    if (type->tp_basicsize < (Py_ssize_t)offsetof(pairing, result))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {it->over, it->before, has_result ? it->result : NULL};
    if (!rec_holds_in_order(object, type, held, 3))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_object(form, it->before);
    return REC_LAYOUT_PROVED;
}

/* What it goes over stands in a tuple, out of which an iterator is taken when it has come to its end. The fillvalue is the
 * last thing that it holds. */
rec_reading rec_read_zip_longest(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *over = rec_visited(object, type, 0, REC_HELD_ANY), *filling = rec_visited(object, type, 2, REC_HELD_ANY);
    if (over == NULL || !PyTuple_CheckExact(over) || filling == NULL)
        return REC_LAYOUT_UNKNOWN;
    form->parts[form->count++] = (rec_part){.kind = REC_PART_HOLES, .object = over};
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_object(form, filling);
    return REC_LAYOUT_PROVED;
}

/* ---- takewhile, dropwhile, batched: a number behind what they hold ---- */

typedef struct {         /* takewhileobject, dropwhileobject */
    PyObject_HEAD
    PyObject *function, *over;
    long flag;           /* it has come to its end; it has begun to give items */
} conditional;

static bool is_conditional(PyObject *object, PyTypeObject *type)
{
    conditional *it = (conditional *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(conditional))
        return false;
    PyObject *const held[] = {it->over, it->function};
    return rec_holds_in_order(object, type, held, 2)
           && (it->flag == 0 || it->flag == 1);
}

rec_reading rec_read_takewhile(PyObject *object, PyTypeObject *type, rec_form *form)
{
    conditional *it = (conditional *)object;
    if (!is_conditional(object, type))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    if (it->flag)
        rec_add_number(form, 0);
    else
        rec_add_object(form, NULL);
    rec_add_object(form, it->function);
    return REC_LAYOUT_PROVED;
}

rec_reading rec_read_dropwhile(PyObject *object, PyTypeObject *type, rec_form *form)
{
    conditional *it = (conditional *)object;
    if (!is_conditional(object, type))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, it->function);
    rec_add_object(form, it->flag ? Py_True : Py_False);
    return REC_LAYOUT_PROVED;
}

typedef struct {         /* batchedobject */
    PyObject_HEAD
    PyObject *over;
    Py_ssize_t size;
} batching;

static bool proves_batched(PyTypeObject *type)
{
    PyObject *made = rec_make_one(type, Py_BuildValue("(()i)", 7));
    bool proved = made != NULL && ((batching *)made)->size == 7;
    Py_XDECREF(made);
    return proved;
}

rec_reading rec_read_batched(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    batching *it = (batching *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(batching))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {it->over};
    if (!rec_holds_in_order(object, type, held, 1)
        || (proved != type && !proves_batched(type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    rec_add_object(form, it->over);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    rec_add_number(form, it->size);
    return REC_LAYOUT_PROVED;
}

/* ---- product, combinations, permutations ---- */

typedef struct {         /* productobject */
    PyObject_HEAD
    PyObject *pools;
    Py_ssize_t *indices;
    PyObject *result;
    int is_at_end;
} multiplication;

typedef struct {         /* combinationsobject, cwrobject */
    PyObject_HEAD
    PyObject *pool;
    Py_ssize_t *indices;
    PyObject *result;
    Py_ssize_t length;
    int is_at_end;
} combining;

typedef struct {         /* permutationsobject */
    PyObject_HEAD
    PyObject *pool;
    Py_ssize_t *indices, *cycles;
    PyObject *result;
    Py_ssize_t length;
    int is_at_end;
} permuting;

typedef struct {
    PyObject *pool, *result; /* of several pools a tuple of them; no result: nothing was given yet */
    const Py_ssize_t *indices;
    Py_ssize_t length;   /* how many indices there are */
    int is_at_end;
} combination;

static bool is_combining(PyObject *object, PyTypeObject *type, size_t size, const combination *of)
{
    if (type->tp_basicsize < (Py_ssize_t)size)
        return false;
    PyObject *const held[] = {of->pool, of->result};
    return of->pool != NULL && PyTuple_CheckExact(of->pool)
           && rec_holds_in_order(object, type, held, 2) && (of->result == NULL || PyTuple_CheckExact(of->result))
           && (of->is_at_end == 0 || of->is_at_end == 1) && of->length >= 0;
}

/* Of a result, that each of its items is the one at its index. */
static bool are_indices(const combination *of, bool has_pools)
{
    if (of->result == NULL || of->is_at_end)
        return true;
    if (of->indices == NULL || PyTuple_GET_SIZE(of->result) != of->length)
        return false;
    for (Py_ssize_t i = 0; i < of->length; i++) {
        PyObject *pool = has_pools ? PyTuple_GET_ITEM(of->pool, i) : of->pool;
        if (!PyTuple_CheckExact(pool) || of->indices[i] < 0 || of->indices[i] >= PyTuple_GET_SIZE(pool)
            || PyTuple_GET_ITEM(pool, of->indices[i]) != PyTuple_GET_ITEM(of->result, i))
            return false;
    }
    return true;
}

/* Where it is: the indices of the last result; none before the first one. */
static rec_reading add_combination(rec_form *form, const combination *of, bool has_pools)
{
    if (!are_indices(of, has_pools))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, of->pool);
    if (of->is_at_end)
        rec_add_number(form, 0);
    else
        rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    if (of->result == NULL || of->is_at_end) {
        rec_add_object(form, NULL);
    } else {
        form->parts[form->count].kind = REC_PART_NUMBERS;
        form->parts[form->count].numbers.data = of->indices;
        form->parts[form->count++].numbers.size = of->length;
    }
    rec_add_number(form, of->length);
    return REC_LAYOUT_PROVED;
}

rec_reading rec_read_product(PyObject *object, PyTypeObject *type, rec_form *form)
{
    multiplication *it = (multiplication *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(multiplication) || it->pools == NULL || !PyTuple_CheckExact(it->pools))
        return REC_LAYOUT_UNKNOWN;
    Py_ssize_t pools = rec_size(it->pools);
    const combination of = {it->pools, it->result, it->indices, pools, it->is_at_end};
    return is_combining(object, type, sizeof(*it), &of) ? add_combination(form, &of, true) : REC_LAYOUT_UNKNOWN;
}

rec_reading rec_read_combinations(PyObject *object, PyTypeObject *type, rec_form *form)
{
    combining *it = (combining *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(combining))
        return REC_LAYOUT_UNKNOWN;
    const combination of = {it->pool, it->result, it->indices, it->length, it->is_at_end};
    return is_combining(object, type, sizeof(*it), &of) ? add_combination(form, &of, false) : REC_LAYOUT_UNKNOWN;
}

rec_reading rec_read_permutations(PyObject *object, PyTypeObject *type, rec_form *form)
{
    permuting *it = (permuting *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(permuting))
        return REC_LAYOUT_UNKNOWN;
    const combination of = {it->pool, it->result, it->indices, it->length, it->is_at_end};
    return is_combining(object, type, sizeof(*it), &of) ? add_combination(form, &of, false) : REC_LAYOUT_UNKNOWN;
}

/* ---- tee ---- */

enum { ITEMS_OF_PORTION = 57, CHECKED_PORTIONS = 4 };

typedef struct portion { /* teedataobject: items that were read, and some of the iterators have not given yet */
    PyObject_HEAD
    PyObject *over;
    int count;
    int is_running;
    struct portion *next;
    PyObject *items[ITEMS_OF_PORTION];
} portion;

typedef struct {         /* teeobject */
    PyObject_HEAD
    portion *first;
    int index;
} sharing;

/* That it holds what it goes over, each of its items, and the next one. */
static bool is_portion(const portion *of, PyTypeObject *type)
{
    PyObject *object = (PyObject *)of;
    if (of == NULL || Py_TYPE(of) != type || type->tp_basicsize != sizeof(portion) || of->count < 0
        || of->count > ITEMS_OF_PORTION || of->over == NULL || rec_visited(object, type, 0, REC_HELD_ANY) != of->over)
        return false;
    if (of->count > 0 && rec_visited(object, type, of->count, REC_HELD_ANY) != of->items[of->count - 1])
        return false;
    return rec_visited(object, type, of->count + 1, REC_HELD_ANY) == (PyObject *)of->next;
}

Py_ssize_t rec_tee_items(PyObject *object, PyObject **items, Py_ssize_t room)
{
    const sharing *it = (sharing *)object;
    PyTypeObject *type = Py_TYPE(it->first);
    Py_ssize_t count = 0;
    int index = it->index, portions = 0;
    for (const portion *at = it->first; at != NULL; at = at->next, index = 0) {
        bool is_known = portions++ < CHECKED_PORTIONS ? is_portion(at, type) : Py_TYPE(at) == type;
        if (!is_known || index < 0 || index > at->count || at->count > ITEMS_OF_PORTION)
            return -1;
        for (; index < at->count; index++, count++)
            if (count < room)
                items[count] = at->items[index];
    }
    rec_count_items((size_t)portions);
    return count;
}

/* What was read of it, and this one has not given yet, comes before the rest. */
rec_reading rec_read_tee(PyObject *object, PyTypeObject *type, rec_form *form)
{
    const sharing *it = (sharing *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(sharing))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {(PyObject *)it->first};
    if (it->first == NULL || !rec_holds_in_order(object, type, held, 1)
        || strcmp(Py_TYPE(it->first)->tp_name, "itertools._tee_dataobject") != 0 || rec_tee_items(object, NULL, 0) < 0)
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->first->over);
    rec_add_object(form, NULL);
    rec_add_object(form, NULL);
    form->parts[form->count++] = (rec_part){.kind = REC_PART_TEE, .object = object};
    return REC_LAYOUT_PROVED;
}
