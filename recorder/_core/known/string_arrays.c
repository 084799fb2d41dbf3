/* numpy's StringDType: the dtype as numpy's public headers have it; its allocator and its items as its source does. Both
 * are proved by an array that is made for it. Its ufuncs work without the GIL, and hold a lock: nothing is read before that
 * is taken, and nobody is waited for. */
#include "known/string_arrays.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "value/walk.h"

typedef struct {         /* PyArray_StringDTypeObject */
    PyObject_HEAD
    void *scalar;
    char kind, type, byte_order, flags;
    int number;
    uint64_t more_flags;
    Py_ssize_t item_size, alignment;
    PyObject *metadata;
    Py_hash_t hash;
    void *reserved[2];
    PyObject *missing;
    char coerces, is_nan, is_text, is_owned;
    struct { size_t size; const char *data; } texts[2]; /* for what is missing; what it is called */
    void *allocator;
} string_dtype;

typedef struct {         /* npy_string_allocator */
    void *allocate, *release, *grow;
    size_t used, size;
    const char *shared;
#if PY_VERSION_HEX < 0x030D0000
    PyThread_type_lock lock;
#else
    PyMutex lock;
#endif
} allocator;

typedef union {          /* npy_packed_static_string */
    struct { size_t at, size; } elsewhere; /* the highest byte of the size are flags */
    struct { char text[2 * sizeof(size_t) - 1]; unsigned char flags; } here; /* its lowest four bits are the size */
} item;

enum { MISSING = 0x80, INITIALIZED = 0x40, OUTSIDE = 0x20, FLAGS = 0xF0 };

/* ---- one item ---- */

rec_arrow_item rec_string_of(const rec_strings *strings, const char *place)
{
    const allocator *of = strings->allocator;
    item it;
    memcpy(&it, place, sizeof(it));
    unsigned flags = it.here.flags & FLAGS;
    size_t size = it.elsewhere.size & ~((size_t)0xFF << (8 * sizeof(size_t) - 8));
    if (flags & MISSING)
        return strings->missing != NULL ? (rec_arrow_item){NULL, 0} : (rec_arrow_item){"", 0};
    if (flags == (INITIALIZED | OUTSIDE)) /* in the array itself */
        return (rec_arrow_item){place + offsetof(item, here.text), it.here.flags & ~FLAGS};
    if (size == 0)
        return (rec_arrow_item){"", 0};
    if (flags & OUTSIDE)
        return (rec_arrow_item){(const char *)it.elsewhere.at, (Py_ssize_t)size};
    if (of->shared == NULL || it.elsewhere.at > of->size || size > of->size - it.elsewhere.at)
        return (rec_arrow_item){"", 0};
    return (rec_arrow_item){of->shared + it.elsewhere.at, (Py_ssize_t)size};
}

/* ---- the lock ---- */

static bool take_lock(allocator *of)
{
#if PY_VERSION_HEX < 0x030D0000
    return PyThread_acquire_lock(of->lock, NOWAIT_LOCK) == PY_LOCK_ACQUIRED;
#else
    uint8_t free = 0; /* as PyMutex_Lock begins */
    return __atomic_compare_exchange_n(&of->lock._bits, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
#endif
}

static void give_lock(allocator *of)
{
#if PY_VERSION_HEX < 0x030D0000
    PyThread_release_lock(of->lock);
#else
    PyMutex_Unlock(&of->lock); /* audit: returns nothing */
#endif
}

/* ---- that the layout is the known one ---- */

/* A text in the item, one in the memory that all share, a long one, and one that is missing. */
static PyObject *texts_to_prove(void)
{
    return Py_BuildValue("[ssNsO]", "", "a \xC3\xA9", PyUnicode_FromFormat("%0300d", 7), "more than fifteen bytes", Py_None);
}

/* What numpy makes of them: a function of it that is written in C, given a dtype that it has just made. */
static PyObject *array_of(PyTypeObject *dtype, PyObject *texts)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = modules != NULL ? rec_dict_find(modules, "numpy._core._multiarray_umath") : NULL;
    PyObject *names = module != NULL && PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
    PyObject *make = names != NULL ? rec_dict_find(names, "array") : NULL;
    if (make == NULL || !PyCFunction_CheckExact(make) || texts == NULL)
        return NULL;
    PyObject *none = PyTuple_New(0), *missing = Py_BuildValue("{sO}", "na_object", Py_None), *made = NULL;
    PyObject *kind = none != NULL && missing != NULL ? PyObject_Call((PyObject *)dtype, none, missing) : NULL;
    if (kind != NULL)
        made = PyObject_CallFunction(make, "OO", texts, kind);
    Py_XDECREF(kind);
    Py_XDECREF(none);
    Py_XDECREF(missing);
    return made;
}

static bool is_what_stands_there(const rec_strings *strings, PyObject *texts)
{
    rec_cell_walk walk;
    rec_cells_begin(&walk, &strings->cells);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(texts); i++) {
        const rec_arrow_item found = rec_string_of(strings, rec_cells_next(&walk));
        PyObject *text = PyList_GET_ITEM(texts, i);
        Py_ssize_t size = 0;
        const char *wanted = text != Py_None ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
        if ((found.data == NULL) != (wanted == NULL) || found.size != size
            || (wanted != NULL && memcmp(found.data, wanted, (size_t)size) != 0))
            return false;
    }
    return true;
}

static bool is_allocator(const allocator *of)
{
    return of != NULL && (uintptr_t)of % sizeof(void *) == 0 && of->allocate == (void *)PyMem_RawMalloc
           && of->release == (void *)PyMem_RawFree && of->grow == (void *)PyMem_RawRealloc && of->used <= of->size;
}

static bool read_dtype(PyObject *array, rec_strings *strings)
{
    PyObject *dtype = rec_cells_of_texts(array, &strings->cells);
    if (dtype == NULL || Py_TYPE(dtype)->tp_basicsize < (Py_ssize_t)sizeof(string_dtype)
        || strings->cells.item_size != sizeof(item))
        return false;
    strings->missing = ((string_dtype *)dtype)->missing;
    strings->allocator = ((string_dtype *)dtype)->allocator;
    return is_allocator(strings->allocator);
}

static bool proves(PyTypeObject *dtype)
{
    rec_strings strings = {0};
    PyObject *texts = texts_to_prove(), *made = array_of(dtype, texts);
    bool same = made != NULL && read_dtype(made, &strings) && strings.missing == Py_None && strings.cells.dimensions == 1
                && strings.cells.shape[0] == PyList_GET_SIZE(texts) && is_what_stands_there(&strings, texts);
    Py_XDECREF(made);
    Py_XDECREF(texts);
    return same;
}

/* Whether dtypes of that class are the known ones. */
static bool is_known(PyTypeObject *dtype)
{
    static PyTypeObject *known, *unknown;
    PyObject *kind, *value, *trace;
    if (dtype == known || dtype == unknown || strcmp(dtype->tp_name, "numpy.dtypes.StringDType") != 0)
        return dtype == known;
    PyErr_Fetch(&kind, &value, &trace);
    int collects = PyGC_Disable(); /* objects are made: no code of the program's may run by that */
    bool same = proves(dtype);
    if (collects)
        (void)PyGC_Enable(); /* audit: says what it was before */
    PyErr_Clear();
    PyErr_Restore(kind, value, trace);
    *(same ? &known : &unknown) = dtype;
    return same;
}

bool rec_strings_begin(PyObject *array, rec_strings *strings)
{
    PyObject *dtype = rec_cells_of_texts(array, &strings->cells);
    return dtype != NULL && is_known(Py_TYPE(dtype)) && read_dtype(array, strings) && take_lock(strings->allocator);
}

void rec_strings_end(const rec_strings *strings) { give_lock(strings->allocator); }

/* ---- all of them ---- */

enum { MOST_TEXTS = 1 << 20 };

bool rec_strings_digest(const rec_strings *strings, uint64_t *digest)
{
    Py_ssize_t count = rec_cells_count(&strings->cells);
    rec_cell_walk walk;
    if (count > MOST_TEXTS)
        return false;
    rec_count_items((size_t)count);
    rec_cells_begin(&walk, &strings->cells);
    for (*digest = 0; count > 0; count--) {
        const rec_arrow_item text = rec_string_of(strings, rec_cells_next(&walk));
        *digest = rec_fold(*digest, text.data != NULL ? rec_hash_bytes(text.data, (size_t)text.size) : 1);
    }
    return true;
}
