/* Iterators of Python's own and of itertools that keep numbers: how far they are. None is advanced. What they go over
 * stands in the rows of table.c. */
#include "known/readers.h"
#include "cpython/objects.h"

PyObject *rec_make_one(PyTypeObject *type, PyObject *args)
{
    int collects = PyGC_Disable();
    PyObject *made = args != NULL ? PyObject_CallObject((PyObject *)type, args) : NULL;
    if (made == NULL)
        PyErr_Clear();
    Py_XDECREF(args);
    if (collects)
        (void)PyGC_Enable(); /* audit: it says whether it was on before */
    return made;
}

/* ---- of a range ---- */

typedef struct {         /* rangeiterobject of Objects/rangeobject.c */
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030C0000
    long index;
#endif
    long start;
    long step;
    long left;
} range_iterator;

static long next_of_range(const range_iterator *it)
{
#if PY_VERSION_HEX < 0x030C0000
    return (long)((unsigned long)it->start + (unsigned long)it->index * (unsigned long)it->step);
#else
    return it->start;
#endif
}

static long left_of_range(const range_iterator *it)
{
#if PY_VERSION_HEX < 0x030C0000
    return it->left - it->index;
#else
    return it->left;
#endif
}

/* Its next number, and what it tells of itself: how many are left. */
static bool proves_range(PyObject *object, PyTypeObject *type)
{
    PyObject *range = rec_make_one(&PyRange_Type, Py_BuildValue("iii", 2, 11, 3));
    PyObject *iterator = range != NULL ? PyObject_GetIter(range) : NULL;
    const range_iterator *made = (range_iterator *)iterator;
    int64_t left;
    bool proved = iterator != NULL && Py_TYPE(iterator) == type && next_of_range(made) == 2 && made->step == 3
                  && left_of_range(made) == 3 && rec_ask_number(object, type, "__length_hint__", &left)
                  && left == left_of_range((range_iterator *)object);
    if (iterator == NULL)
        PyErr_Clear();
    Py_XDECREF(iterator);
    Py_XDECREF(range);
    return proved;
}

rec_reading rec_read_range_iterator(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    if (type->tp_basicsize != sizeof(range_iterator) || (proved != type && !proves_range(object, type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    rec_add_number(form, next_of_range((range_iterator *)object));
    rec_add_number(form, ((range_iterator *)object)->step);
    return REC_LAYOUT_PROVED;
}

/* ---- of what has only a __getitem__ ---- */

typedef struct {         /* seqiterobject of Objects/iterobject.c */
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *over;      /* NULL at its end */
} sequence_iterator;

static bool proves_sequence_iterator(PyTypeObject *type)
{
    PyObject *over = PyTuple_New(0), *made = over != NULL ? PySeqIter_New(over) : NULL;
    const sequence_iterator *it = (sequence_iterator *)made;
    bool proved = made != NULL && Py_TYPE(made) == type && it->index == 0 && it->over == over;
    if (made == NULL)
        PyErr_Clear();
    Py_XDECREF(made);
    Py_XDECREF(over);
    return proved;
}

rec_reading rec_read_sequence_iterator(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    sequence_iterator *it = (sequence_iterator *)object;
    if (type->tp_basicsize != sizeof(sequence_iterator) || it->over != rec_visited(object, type, 0, REC_HELD_ANY)
        || (proved != type && !proves_sequence_iterator(type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    rec_add_number(form, it->index);
    return REC_LAYOUT_PROVED;
}

/* ---- enumerate ---- */

typedef struct {         /* enumobject of Objects/enumobject.c */
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *over;
    PyObject *result;
    PyObject *long_index; /* once the index has become too large */
    PyObject *one;
} enumeration;

static bool proves_enumerate(PyTypeObject *type)
{
    PyObject *made = rec_make_one(type, Py_BuildValue("(()i)", 5));
    bool proved = made != NULL && ((enumeration *)made)->index == 5
                  && ((enumeration *)made)->over == rec_visited(made, type, 0, REC_HELD_ANY);
    Py_XDECREF(made);
    return proved;
}

rec_reading rec_read_enumerate(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    enumeration *it = (enumeration *)object;
    if (type->tp_basicsize != sizeof(enumeration) || (proved != type && !proves_enumerate(type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    if (it->long_index != NULL)
        rec_add_object(form, it->long_index);
    else
        rec_add_number(form, it->index);
    return REC_LAYOUT_PROVED;
}

/* ---- reversed ---- */

typedef struct {         /* reversedobject, likewise */
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *over;      /* NULL at its end */
} reversal;

rec_reading rec_read_reversed(PyObject *object, PyTypeObject *type, rec_form *form)
{
    reversal *it = (reversal *)object;
    if (type->tp_basicsize != sizeof(reversal) || it->over != rec_visited(object, type, 0, REC_HELD_ANY))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, it->over);
    rec_add_number(form, it->over != NULL ? it->index + 1 : 0);
    rec_add_object(form, NULL);
    return REC_LAYOUT_PROVED;
}

/* ---- itertools.islice ---- */

typedef struct {         /* isliceobject of Modules/itertoolsmodule.c */
    PyObject_HEAD
    PyObject *over;      /* NULL at its end */
    Py_ssize_t next;     /* of the items of what it goes over, as all that follows */
    Py_ssize_t stop;     /* −1: none */
    Py_ssize_t step;
    Py_ssize_t taken;
} slicing;

static bool proves_islice(PyTypeObject *type)
{
    PyObject *made = rec_make_one(type, Py_BuildValue("(()iii)", 3, 7, 2));
    const slicing *it = (slicing *)made;
    bool proved = made != NULL && it->next == 3 && it->stop == 7 && it->step == 2 && it->taken == 0
                  && it->over == rec_visited(made, type, 0, REC_HELD_ANY);
    Py_XDECREF(made);
    return proved;
}

/* From where on, in which steps and to where the rest of what it goes over is given. */
rec_reading rec_read_islice(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    slicing *it = (slicing *)object;
    if (type->tp_basicsize != sizeof(slicing) || (proved != type && !proves_islice(type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    rec_add_number(form, it->next - it->taken);
    rec_add_number(form, it->step);
    if (it->stop < 0)
        rec_add_object(form, NULL);
    else
        rec_add_number(form, it->stop - it->taken);
    return REC_LAYOUT_PROVED;
}

/* ---- itertools.count ---- */

typedef struct {         /* countobject, likewise */
    PyObject_HEAD
    Py_ssize_t next;     /* as long as it is a small int, and the step 1 */
    PyObject *long_next; /* else NULL */
    PyObject *step;
} counting;

static bool proves_count(PyTypeObject *type)
{
    PyObject *small = rec_make_one(type, Py_BuildValue("(i)", 5)),
             *large = rec_make_one(type, Py_BuildValue("ii", 1000003, 1000033));
    const counting *one = (counting *)small, *other = (counting *)large;
    bool proved = small != NULL && large != NULL && one->next == 5 && one->long_next == NULL
                  && one->step == rec_visited(small, type, 0, REC_HELD_ANY) && other->next == PY_SSIZE_T_MAX
                  && other->long_next == rec_visited(large, type, 0, REC_HELD_ANY)
                  && other->step == rec_visited(large, type, 1, REC_HELD_ANY);
    Py_XDECREF(small);
    Py_XDECREF(large);
    return proved;
}

rec_reading rec_read_count(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    counting *it = (counting *)object;
    if (type->tp_basicsize != sizeof(counting) || (proved != type && !proves_count(type)))
        return REC_LAYOUT_UNKNOWN;
    proved = type;
    if (it->next == PY_SSIZE_T_MAX)
        rec_add_object(form, it->long_next);
    else
        rec_add_number(form, it->next);
    rec_add_object(form, it->step);
    return REC_LAYOUT_PROVED;
}
