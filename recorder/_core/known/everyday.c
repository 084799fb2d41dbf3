/* What programs have at hand and C keeps to itself: queues, what each thread has of its own, formats, random numbers,
 * elements of XML. Each is asked for what its type's own tables offer, or is what CPython's own functions visit. */
#include "known/readers.h"
#include "cpython/objects.h"

/* ---- queue.SimpleQueue ---- */

/* Whether those from `from` on are so many, and the last ones. */
static bool holds_so_many(PyObject *object, PyTypeObject *type, int64_t from, int64_t count)
{
    int64_t end = from + count;
    return type->tp_traverse != NULL && count >= 0 && end < INT32_MAX && (count == 0 || rec_visited(object, type, (int)end - 1, REC_HELD_ANY) != NULL)
           && rec_visited(object, type, (int)end, REC_HELD_ANY) == NULL;
}

static rec_part held_from(PyObject *object, PyTypeObject *type, int64_t from, int64_t count)
{
    rec_part part = {.kind = REC_PART_HELD};
    part.held.type = type;
    part.held.first = rec_visited(object, type, (int)from, REC_HELD_ANY);
    part.held.from = (Py_ssize_t)from;
    part.held.count = (Py_ssize_t)count;
    return part;
}

#if PY_VERSION_HEX < 0x030D0000
/* It has a list, of which those that were taken are at the beginning. */
static bool find_items(PyObject *object, PyTypeObject *type, int64_t count, rec_part *part)
{
    PyObject *list = rec_visited(object, type, 0, REC_HELD_ANY);
    if (list == NULL || !PyList_CheckExact(list) || count < 0 || count > PyList_GET_SIZE(list))
        return false;
    *part = (rec_part){.kind = REC_PART_ITEMS};
    part->items.first = ((PyListObject *)list)->ob_item + PyList_GET_SIZE(list) - count;
    part->items.count = (Py_ssize_t)count;
    return true;
}
#else
/* It has a ring, whose items are visited in order. */
static bool find_items(PyObject *object, PyTypeObject *type, int64_t count, rec_part *part)
{
    static PyTypeObject *proved;
    if (proved != type && !holds_so_many(object, type, 0, count))
        return false;
    proved = count > 1 ? type : proved;
    *part = held_from(object, type, 0, count);
    part->held.type_is_last = true;
    return true;
}
#endif

rec_reading rec_read_simple_queue(PyObject *object, PyTypeObject *type, rec_form *form)
{
    int64_t count;
    if (!rec_ask_number(object, type, "qsize", &count))
        return REC_UNREADABLE_NOW;
    if (!find_items(object, type, count, &form->parts[form->count]))
        return REC_LAYOUT_UNKNOWN;
    form->count++;
    return REC_LAYOUT_PROVED;
}

/* ---- threading.local ---- */

/* What stands for a thread in all of them; NULL where the thread has none of its own. */
static PyObject *key_of_thread(PyObject *object)
{
    PyThreadState *thread = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
    (void)object;
    return thread != NULL ? thread->threading_local_key : NULL;
#else
    char name[40];
    (void)snprintf(name, sizeof(name), "thread.local.%p", (void *)object); /* audit: an address fits */
    return thread != NULL && thread->dict != NULL ? rec_dict_find(thread->dict, name) : NULL;
#endif
}

/* Up to 3.12 the keys are weak references to what stands for the threads. */
static bool is_key(PyObject *key, PyObject *wanted)
{
    return key == wanted || (PyWeakref_CheckRef(key) && ((PyWeakReference *)key)->wr_object == wanted);
}

/* The attributes that the thread which looks has there: of a dict of those of all threads, which is the last one. */
rec_reading rec_read_thread_local(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *threads = NULL, *next, *found = NULL, *wanted = key_of_thread(object), *key, *value;
    for (int n = 0; (next = rec_visited(object, type, n, REC_HELD_DICT)) != NULL; n++)
        threads = next;
    if (threads == NULL || !PyDict_CheckExact(threads))
        return REC_LAYOUT_UNKNOWN;
    Py_ssize_t at = 0;
    while (wanted != NULL && found == NULL && PyDict_Next(threads, &at, &key, &value))
        if (is_key(key, wanted))
            found = value;
    if (found != NULL && !PyDict_CheckExact(found))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, found);
    return REC_LAYOUT_PROVED;
}

/* ---- struct.Struct ---- */

rec_reading rec_read_struct(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyGetSetDef *format = rec_getter_of(type, "format");
    PyObject *told = format != NULL ? rec_keep_told(format->get(object, format->closure)) : NULL;
    if (told == NULL)
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, told);
    return REC_LAYOUT_PROVED;
}

/* ---- random.Random ---- */

enum { WORDS = 624 };

typedef struct {         /* RandomObject of Modules/_randommodule.c */
    PyObject_HEAD
    int next;
    uint32_t words[WORDS];
} random_object;

/* What getstate() says: all words, and which is the next one. */
static bool has_state(const random_object *of, PyObject *said)
{
    if (said == NULL || !PyTuple_CheckExact(said) || PyTuple_GET_SIZE(said) != WORDS + 1)
        return false;
    for (int i = 0; i <= WORDS; i++)
        if (PyLong_AsLong(PyTuple_GET_ITEM(said, i)) != (i < WORDS ? (long)of->words[i] : of->next))
            return false;
    return true;
}

static bool proves_random(PyObject *object, PyTypeObject *type)
{
    int collects = PyGC_Disable(); /* a tuple is made: no code of the program's may run by that */
    PyMethodDef *method = rec_method_of(type, "getstate");
    PyObject *said = method != NULL ? method->ml_meth(object, NULL) : NULL;
    bool same = has_state((random_object *)object, said);
    PyErr_Clear();
    Py_XDECREF(said);
    if (collects)
        (void)PyGC_Enable(); /* audit: it says whether it was on before */
    return same;
}

/* A number that changes with each that is drawn, and with each seed. */
rec_reading rec_read_random(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    const random_object *of = (random_object *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(random_object))
        return REC_LAYOUT_UNKNOWN;
    if (proved != type) {
        if (!proves_random(object, type))
            return REC_LAYOUT_UNKNOWN;
        proved = type;
    }
    uint64_t state = rec_fold(of->words[0] | (uint64_t)of->words[1] << 32, of->words[WORDS - 1]);
    rec_add_number(form, (int64_t)(rec_fold(state, (uint64_t)of->next) >> 4));
    return REC_LAYOUT_PROVED;
}

/* ---- xml.etree.ElementTree.Element ---- */

/* Behind its tag: the text, what follows the element, its attributes, if it has had any, and the elements in it. */
rec_reading rec_read_element(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    PyObject *text = rec_visited(object, type, 1, REC_HELD_ANY), *tail = rec_visited(object, type, 2, REC_HELD_ANY);
    PyObject *attributes = rec_visited(object, type, 3, REC_HELD_ANY);
    bool has_attributes = attributes != NULL && PyDict_Check(attributes);
    Py_ssize_t from = 3 + has_attributes;
    PySequenceMethods *methods = type->tp_as_sequence;
    Py_ssize_t count = methods != NULL && methods->sq_length != NULL ? methods->sq_length(object) : -1;
    if (tail == NULL || rec_held(object, type, "tag") != form->parts[1].object
        || (proved != type && !holds_so_many(object, type, from, count)))
        return REC_LAYOUT_UNKNOWN;
    proved = count > 1 ? type : proved;
    rec_add_name(form, "attrib");
    rec_add_object(form, has_attributes ? attributes : NULL);
    rec_add_name(form, "text");
    rec_add_object(form, text);
    rec_add_name(form, "children");
    form->parts[form->count++] = held_from(object, type, from, count);
    return REC_LAYOUT_PROVED;
}
