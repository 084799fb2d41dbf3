/* Types of the standard library with a layout of a few fields. */
#include "known/readers.h"
#include "cpython/objects.h"
#include "cpython/tasks.h"
#include "tape/records.h"
#include <pythread.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <structmember.h>
#pragma GCC diagnostic pop

/* ---- re.Match ---- */

typedef struct {         /* MatchObject of Modules/_sre/sre.h */
    PyObject_VAR_HEAD
    PyObject *string;
    PyObject *spans_made;
    PyObject *pattern;
    Py_ssize_t begin, end;
    Py_ssize_t last_index;
    Py_ssize_t groups;   /* and the match itself */
    Py_ssize_t marks[1];
} match_object;

static bool is_at(PyTypeObject *type, const char *member, size_t offset)
{
    PyMemberDef *found = rec_find_member(type, member);
    return found != NULL && (size_t)found->offset == offset;
}

rec_reading rec_read_match(PyObject *object, PyTypeObject *type, rec_form *form)
{
    match_object *match = (match_object *)object;
    if (type->tp_basicsize != sizeof(match_object) || type->tp_itemsize != sizeof(Py_ssize_t)
        || !is_at(type, "string", offsetof(match_object, string)) || !is_at(type, "re", offsetof(match_object, pattern))
        || !is_at(type, "pos", offsetof(match_object, begin)) || !is_at(type, "endpos", offsetof(match_object, end))
        || match->groups < 1 || Py_SIZE(match) != 2 * match->groups)
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, match->pattern);
    rec_add_object(form, match->string);
    form->parts[form->count].kind = REC_PART_NUMBERS;
    form->parts[form->count].numbers.data = match->marks;
    form->parts[form->count++].numbers.size = 2 * match->groups;
    return REC_LAYOUT_PROVED;
}

/* ---- operator ---- */

typedef struct {         /* itemgetterobject and attrgetterobject of Modules/_operator.c, as they begin */
    PyObject_HEAD
    Py_ssize_t count;
    PyObject *wanted;    /* of an itemgetter the one, or a tuple of several; of an attrgetter a tuple */
} getter_object;

rec_reading rec_read_getter(PyObject *object, PyTypeObject *type, rec_form *form)
{
    getter_object *getter = (getter_object *)object;
    bool is_tuple = form->form == REC_FORM_ATTRIBUTE_GETTER || getter->count != 1;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(getter_object) || getter->count < 1
        || getter->wanted != rec_visited(object, type, 0, REC_HELD_ANY)
        || (is_tuple && (!PyTuple_CheckExact(getter->wanted) || PyTuple_GET_SIZE(getter->wanted) != getter->count)))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, getter->wanted);
    rec_add_number(form, getter->count);
    return REC_LAYOUT_PROVED;
}

/* Behind the name. No arguments are None: the empty tuple is everybody's. In 3.13 the name is the first of them. */
rec_reading rec_read_method_caller(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *arguments = rec_visited(object, type, 1, REC_HELD_ANY);
    Py_ssize_t before = PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000;
    if (arguments == NULL || !PyTuple_CheckExact(arguments) || PyTuple_GET_SIZE(arguments) < before)
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, PyTuple_GET_SIZE(arguments) > before ? arguments : NULL);
    rec_add_object(form, rec_visited(object, type, 0, REC_HELD_DICT));
    rec_add_number(form, before);
    return REC_LAYOUT_PROVED;
}

/* ---- weak references ---- */

/* The type of what is referred to, which is looked at no further: nobody holds it by this. */
rec_reading rec_read_weakref(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyObject *target = ((PyWeakReference *)object)->wr_object;
    bool alive = target != NULL && target != Py_None && Py_REFCNT(target) > 0;
    if (type->tp_basicsize != sizeof(PyWeakReference))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, alive ? (PyObject *)Py_TYPE(target) : NULL);
    return REC_LAYOUT_PROVED;
}

/* ---- locks ---- */

#if PY_VERSION_HEX < 0x030E0000
typedef struct {         /* rlockobject of Modules/_threadmodule.c */
    PyObject_HEAD
    void *lock;
    unsigned long owner;
    unsigned long count;
    PyObject *weak_references;
} rlock_object;

static unsigned long owner_of(const rlock_object *lock) { return lock->owner; }
static size_t count_of(const rlock_object *lock) { return lock->count; }
#else
typedef struct {         /* likewise, with its _PyRecursiveMutex of pycore_lock.h */
    PyObject_HEAD
    PyMutex mutex;
    unsigned long long owner; /* 0: nobody */
    size_t level;        /* times that it was taken once more */
} rlock_object;

static unsigned long owner_of(const rlock_object *lock) { return (unsigned long)lock->owner; }
static size_t count_of(const rlock_object *lock) { return lock->owner == 0 ? 0 : lock->level + 1; }
#endif

rec_reading rec_read_rlock(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    rlock_object *lock = (rlock_object *)object;
    int64_t count;
    if (type->tp_basicsize != sizeof(rlock_object))
        return REC_LAYOUT_UNKNOWN;
    if (proved != type) {
        bool owned = count_of(lock) > 0 && owner_of(lock) == PyThread_get_thread_ident(), said;
        if (!rec_ask_bool(object, type, "_is_owned", &said))
            return REC_UNREADABLE_NOW;
        if (said != owned)
            return REC_LAYOUT_UNKNOWN;
        /* The first releases of 3.11 have no such method. */
        if (rec_method_of(type, "_recursion_count") != NULL
            && (!rec_ask_number(object, type, "_recursion_count", &count)
                || (uint64_t)count != (owned ? count_of(lock) : 0)))
            return REC_LAYOUT_UNKNOWN;
        if (owned)
            proved = type;
    }
    rec_add_number(form, (int64_t)count_of(lock));
    return REC_LAYOUT_PROVED;
}

/* ---- io.BytesIO ---- */

typedef struct {         /* bytesio of Modules/_io/bytesio.c */
    PyObject_HEAD
    PyObject *content;   /* NULL when it is closed */
    Py_ssize_t position;
    Py_ssize_t size;
    PyObject *attributes;
    PyObject *weak_references;
    Py_ssize_t exports;
} bytes_io_object;

rec_reading rec_read_bytes_io(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    bytes_io_object *file = (bytes_io_object *)object;
    int64_t position;
    if (type->tp_basicsize != sizeof(bytes_io_object))
        return REC_LAYOUT_UNKNOWN;
    if (proved != type && file->content != NULL) {
        if (!rec_ask_number(object, type, "tell", &position))
            return REC_UNREADABLE_NOW;
        if (position != file->position || !PyBytes_CheckExact(file->content))
            return REC_LAYOUT_UNKNOWN;
        proved = type;
    }
    if (file->content == NULL) {
        rec_add_object(form, NULL);
        rec_add_object(form, NULL);
        return REC_LAYOUT_PROVED;
    }
    if (file->size < 0 || file->size > PyBytes_GET_SIZE(file->content))
        return REC_LAYOUT_UNKNOWN;
    form->parts[form->count].kind = REC_PART_BYTES;
    form->parts[form->count].bytes.data = PyBytes_AS_STRING(file->content);
    form->parts[form->count++].bytes.size = file->size;
    rec_add_number(form, file->position);
    return REC_LAYOUT_PROVED;
}

/* ---- io.StringIO ---- */

typedef struct {         /* stringio of Modules/_io/stringio.c, as it begins */
    PyObject_HEAD
    Py_UCS4 *characters;
    Py_ssize_t position;
    Py_ssize_t size;
} string_io_object;

enum { MOST_CHARACTERS = 1 << 16 };

/* What it says that is in it: a text that is made to be told. */
static PyObject *content_of(PyObject *object, PyTypeObject *type)
{
    PyMethodDef *method = rec_method_of(type, "getvalue");
    return rec_keep_told(method != NULL ? method->ml_meth(object, NULL) : NULL);
}

rec_reading rec_read_string_io(PyObject *object, PyTypeObject *type, rec_form *form)
{
    static PyTypeObject *proved;
    string_io_object *file = (string_io_object *)object;
    PyObject *content;
    int64_t position;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(string_io_object) || rec_method_of(type, "tell") == NULL)
        return REC_LAYOUT_UNKNOWN;
    if (!rec_ask_number(object, type, "tell", &position)) { /* it is closed */
        rec_add_object(form, NULL);
        rec_add_object(form, NULL);
        rec_add_object(form, NULL);
        return REC_LAYOUT_PROVED;
    }
    if (position != file->position)
        return REC_LAYOUT_UNKNOWN;
    content = file->size <= MOST_CHARACTERS ? content_of(object, type) : NULL;
    if (proved != type && file->size > 0) {
        if (content == NULL || PyUnicode_GET_LENGTH(content) != file->size)
            return content == NULL ? REC_UNREADABLE_NOW : REC_LAYOUT_UNKNOWN;
        proved = type;
    }
    rec_add_object(form, content);
    rec_add_number(form, position);
    rec_add_number(form, file->size);
    return REC_LAYOUT_PROVED;
}

/* ---- contextvars ---- */

rec_reading rec_read_context_var(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyMemberDef *name = rec_find_member(type, "name");
    PyObject *value = NULL;
    if (type != &PyContextVar_Type || name == NULL || name->type != T_OBJECT)
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, *(PyObject **)((char *)object + name->offset));
    if (PyContextVar_Get(object, NULL, &value) != 0) {
        PyErr_Clear();
        return REC_UNREADABLE_NOW;
    }
    form->named = true;
    if (value != NULL)
        rec_add_object(form, value); /* a context holds it, or the variable as its default */
    Py_XDECREF(value);
    return REC_LAYOUT_PROVED;
}

/* ---- asyncio ---- */

rec_reading rec_read_task_name(PyObject *object, PyTypeObject *type, rec_form *form)
{
    rec_add_object(form, rec_task_name(object)); /* an int, as long as nobody has asked for the name: Task-7 */
    return REC_LAYOUT_PROVED;
}
