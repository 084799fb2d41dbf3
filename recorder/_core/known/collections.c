/* collections.deque: a list of blocks, linked both ways. */
#include "known/readers.h"

enum { BLOCK_ITEMS = 64 };

typedef struct block {   /* as in Modules/_collectionsmodule.c */
    struct block *left;
    PyObject *items[BLOCK_ITEMS];
    struct block *right;
} block;

typedef struct {
    PyObject_VAR_HEAD
    block *left, *right;
    Py_ssize_t left_index, right_index;
    size_t state;
    Py_ssize_t longest;  /* −1: no limit */
    Py_ssize_t free_count;
    block *free[16];
    PyObject *weak_references;
} deque_object;

PyObject *rec_deque_next(rec_deque *items)
{
    block *at = items->block;
    if (items->index == BLOCK_ITEMS) {
        items->block = at = at->right;
        items->index = 0;
    }
    return at->items[items->index++];
}

static rec_deque items_of(deque_object *deque)
{
    return (rec_deque){.block = deque->left, .index = deque->left_index, .size = Py_SIZE(deque)};
}

/* Whether the deque itself says that its n-th item is that one. */
static bool is_item(deque_object *deque, PyTypeObject *type, Py_ssize_t n, PyObject *item)
{
    PyObject *said = type->tp_as_sequence->sq_item((PyObject *)deque, n);
    bool same = said == item;
    if (said == NULL)
        PyErr_Clear();
    Py_XDECREF(said);
    return same;
}

static bool is_index(Py_ssize_t index) { return 0 <= index && index < BLOCK_ITEMS; }

static bool proves_ends(deque_object *deque, PyTypeObject *type)
{
    Py_ssize_t last = Py_SIZE(deque) - 1;
    return last < 0
           || (is_index(deque->left_index) && is_index(deque->right_index)
               && is_item(deque, type, 0, deque->left->items[deque->left_index])
               && is_item(deque, type, last, deque->right->items[deque->right_index]));
}

/* That the blocks hang together: the item behind the end of the first one. */
static bool proves_blocks(deque_object *deque, PyTypeObject *type)
{
    return is_item(deque, type, BLOCK_ITEMS - deque->left_index, deque->left->right->items[0]);
}

static struct {
    PyTypeObject *ends, *blocks;
} proved;                /* the type for which each has been shown, by a deque that has them */

static bool is_proved(deque_object *deque, PyTypeObject *type)
{
    if (proved.ends != type) {
        if (type->tp_as_sequence == NULL || type->tp_as_sequence->sq_item == NULL || !proves_ends(deque, type))
            return false;
        if (Py_SIZE(deque) > 0)
            proved.ends = type;
    }
    if (Py_SIZE(deque) > 0 && deque->left != deque->right && proved.blocks != type) {
        if (!proves_blocks(deque, type))
            return false;
        proved.blocks = type;
    }
    return true;
}

rec_reading rec_read_deque(PyObject *object, PyTypeObject *type, rec_form *form)
{
    deque_object *deque = (deque_object *)object;
    if (type->tp_basicsize != sizeof(deque_object) || !is_proved(deque, type))
        return REC_LAYOUT_UNKNOWN;
    form->parts[form->count++] = (rec_part){.kind = REC_PART_DEQUE, .deque = items_of(deque)};
    if (deque->longest < 0)
        rec_add_object(form, NULL);
    else
        rec_add_number(form, deque->longest);
    return REC_LAYOUT_PROVED;
}
