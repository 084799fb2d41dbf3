/* See streams.h. */
#include "cpython/streams.h"
#include "cpython/type_tables.h"
#include <string.h>

static PyTypeObject *file_type, *buffered_type, *text_type, *memory_type;
/* Where fields are, in bytes from the object's beginning; 0: not known. */
static size_t text_buffer_at, text_pending_at, text_count_at, buffered_raw_at, buffered_memory_at, buffered_end_at;
static bool descriptor_is_first; /* behind a FileIO's head */

#define FIELD(type, object, at) (*(type *)((char *)(object) + (at)))

/* ---- the types, and what they say of themselves ---- */

static PyMethodDef *method_of(PyTypeObject *type, const char *name)
{
    return type == NULL ? NULL : rec_find_method(type, name);
}

static size_t offset_of_member(PyTypeObject *type, const char *name)
{
    PyMemberDef *member = type == NULL ? NULL : rec_find_member(type, name);
    return member == NULL ? 0 : (size_t)member->offset;
}

static PyTypeObject *type_called(PyObject *module, const char *name)
{
    PyObject *found = PyObject_GetAttrString(module, name);
    PyTypeObject *type = NULL;
    if (found == NULL)
        PyErr_Clear();
    else if (PyType_Check(found))
        type = (PyTypeObject *)Py_NewRef(found); /* for good */
    Py_XDECREF(found);
    return type;
}

/* ---- experiments ---- */

enum { MOST_WORDS = 64 };

typedef struct {
    int64_t words[MOST_WORDS];
} picture;

static size_t words_of(PyTypeObject *type)
{
    size_t words = (size_t)type->tp_basicsize / sizeof(int64_t);
    return words < MOST_WORDS ? words : MOST_WORDS;
}

static void take_picture(picture *taken, PyObject *object)
{
    memset(taken, 0, sizeof(*taken));
    memcpy(taken->words, object, words_of(Py_TYPE(object)) * sizeof(int64_t));
}

/* The only word that had these values one after the other; 0: there is none, or several. */
static size_t word_that_was(const picture *pictures, const int64_t *values, int count, size_t words)
{
    size_t found = 0;
    for (size_t i = sizeof(PyObject) / sizeof(int64_t); i < words; i++) {
        int fits = 0;
        while (fits < count && pictures[fits].words[i] == values[fits])
            fits++;
        if (fits < count)
            continue;
        if (found != 0)
            return 0;
        found = i;
    }
    return found;
}

static bool call(PyObject *object, const char *method, PyObject *argument)
{
    PyObject *answer = argument == NULL ? PyObject_CallMethod(object, method, NULL)
                                        : PyObject_CallMethod(object, method, "O", argument);
    Py_XDECREF(answer);
    return answer != NULL;
}

/* What it writes to is held once. A member in some versions, and in others read by a function. */
static void find_buffer(PyObject *text, PyObject *below)
{
    picture taken;
    const int64_t held = (int64_t)(intptr_t)below;
    take_picture(&taken, text);
    text_buffer_at = word_that_was(&taken, &held, 1, words_of(Py_TYPE(text))) * sizeof(int64_t);
}

/* Text that waits is counted, and right before the count stands what waits: one ASCII text is kept as it is. */
static void probe_text(PyObject *text, PyObject *first, PyObject *second)
{
    static const int64_t counts[] = {0, 123, 123 + 456, 0};
    picture pictures[4];
    take_picture(&pictures[0], text);
    if (!call(text, "write", first))
        return;
    take_picture(&pictures[1], text);
    if (!call(text, "write", second))
        return;
    take_picture(&pictures[2], text);
    if (!call(text, "flush", NULL))
        return;
    take_picture(&pictures[3], text);
    size_t at = word_that_was(pictures, counts, 4, words_of(Py_TYPE(text)));
    if (at == 0 || pictures[1].words[at - 1] != (int64_t)(intptr_t)first)
        return;
    text_count_at = at * sizeof(int64_t);
    text_pending_at = text_count_at - sizeof(int64_t);
}

/* The end of what waits is −1 where nothing does; before it stand memory, position, position below, end of what was
 * read, and where what waits begins. */
static void probe_buffered(PyObject *buffered, PyObject *data)
{
    static const int64_t ends[] = {-1, 5, -1};
    picture pictures[3];
    take_picture(&pictures[0], buffered);
    if (!call(buffered, "write", data))
        return;
    take_picture(&pictures[1], buffered);
    size_t at = 0;
    const char *memory = NULL;
    bool filled = false;
    if (words_of(Py_TYPE(buffered)) < MOST_WORDS) {
        for (size_t i = 5 + sizeof(PyObject) / sizeof(int64_t); i < words_of(Py_TYPE(buffered)); i++) {
            const int64_t *words = &pictures[1].words[i];
            if (words[0] == 5 && words[-1] == 0 && words[-2] <= 0 && words[-3] == 0 && words[-4] == 5)
                at = i;
        }
    }
    if (at != 0) {
        memory = (const char *)(intptr_t)pictures[1].words[at - 5];
        filled = memory != NULL && memcmp(memory, PyBytes_AS_STRING(data), 5) == 0;
    }
    if (!call(buffered, "flush", NULL))
        return;
    take_picture(&pictures[2], buffered);
    if (!filled || word_that_was(pictures, ends, 3, words_of(Py_TYPE(buffered))) != at)
        return;
    buffered_end_at = at * sizeof(int64_t);
    buffered_memory_at = (at - 5) * sizeof(int64_t);
}

static int probe_layouts(void)
{
    PyObject *memory = PyObject_CallNoArgs((PyObject *)memory_type);
    PyObject *text = memory == NULL ? NULL : PyObject_CallFunction((PyObject *)text_type, "Os", memory, "utf-8");
    PyObject *buffered = text == NULL ? NULL : PyObject_CallFunction((PyObject *)buffered_type, "Oi", memory, 64);
    PyObject *first = buffered == NULL ? NULL : PyUnicode_New(123, 127);
    PyObject *second = first == NULL ? NULL : PyUnicode_New(456, 127);
    PyObject *data = second == NULL ? NULL : PyBytes_FromString("abcde");
    int error = data == NULL ? -1 : 0;
    if (error == 0) {
        memset(PyUnicode_DATA(first), 'x', 123);
        memset(PyUnicode_DATA(second), 'x', 456);
        find_buffer(text, memory);
        probe_text(text, first, second);
        if (PyErr_Occurred() == NULL)
            probe_buffered(buffered, data);
        error = PyErr_Occurred() == NULL ? 0 : -1;
    }
    Py_XDECREF(data);
    Py_XDECREF(second);
    Py_XDECREF(first);
    Py_XDECREF(buffered);
    Py_XDECREF(text);
    Py_XDECREF(memory);
    return error;
}

void rec_probe_streams(PyObject *io)
{
    file_type = type_called(io, "FileIO");
    buffered_type = type_called(io, "BufferedWriter");
    text_type = type_called(io, "TextIOWrapper");
    memory_type = type_called(io, "BytesIO");
    buffered_raw_at = offset_of_member(buffered_type, "raw");
}

int rec_find_streams(rec_stream_methods *methods)
{
    static bool done;
    int error = 0;
    if (!done && text_type != NULL && buffered_type != NULL && memory_type != NULL)
        error = probe_layouts();
    done = error == 0;
    methods->file_write = method_of(file_type, "write");
    methods->buffered_write = method_of(buffered_type, "write");
    methods->text_write = method_of(text_type, "write");
    methods->file_readinto = method_of(file_type, "readinto");
    methods->file_read = method_of(file_type, "read");
    methods->file_readall = method_of(file_type, "readall");
    return error;
}

/* ---- where a stream leads ---- */

int rec_descriptor_of(PyObject *raw)
{
    PyMethodDef *fileno;
    PyObject *answer, *kind, *value, *trace;
    if (file_type == NULL || !PyObject_TypeCheck(raw, file_type))
        return -1;
    if (descriptor_is_first)
        return FIELD(int, raw, sizeof(PyObject));
    fileno = method_of(file_type, "fileno");
    if (fileno == NULL || fileno->ml_flags != METH_NOARGS)
        return -1;
    PyErr_Fetch(&kind, &value, &trace);
    answer = fileno->ml_meth(raw, NULL);
    long descriptor = answer != NULL && PyLong_CheckExact(answer) ? PyLong_AsLong(answer) : -1;
    PyErr_Clear(); /* a closed one says so by an exception */
    Py_XDECREF(answer);
    PyErr_Restore(kind, value, trace);
    descriptor_is_first = descriptor >= 0 && FIELD(int, raw, sizeof(PyObject)) == descriptor;
    return (int)descriptor;
}

static bool leads_to(PyObject *raw, rec_layers *layers)
{
    layers->raw = raw;
    layers->descriptor = raw == NULL ? -1 : rec_descriptor_of(raw);
    return layers->descriptor >= 0;
}

bool rec_layers_of_buffered(PyObject *buffered, rec_layers *layers)
{
    if (buffered_raw_at == 0 || buffered_end_at == 0 || !PyObject_TypeCheck(buffered, buffered_type))
        return false;
    int64_t end = FIELD(int64_t, buffered, buffered_end_at);
    int64_t begin = FIELD(int64_t, buffered, buffered_end_at - sizeof(int64_t));
    layers->buffered = buffered;
    layers->in_text = 0;
    layers->in_buffer = end > begin ? (uint64_t)(end - begin) : 0;
    return leads_to(FIELD(PyObject *, buffered, buffered_raw_at), layers);
}

bool rec_layers_of_text(PyObject *text, rec_layers *layers)
{
    if (text_buffer_at == 0 || text_count_at == 0 || !PyObject_TypeCheck(text, text_type))
        return false;
    PyObject *below = FIELD(PyObject *, text, text_buffer_at);
    if (below == NULL)
        return false;
    if (!rec_layers_of_buffered(below, layers)) {
        *layers = (rec_layers){0};
        if (!leads_to(below, layers))
            return false;
    }
    layers->in_text = (uint64_t)FIELD(Py_ssize_t, text, text_count_at);
    return true;
}

/* ---- bytes ---- */

bool rec_is_from_buffer(PyObject *data)
{
    return PyMemoryView_Check(data) && PyMemoryView_GET_BASE(data) == NULL;
}

bool rec_has_plain_bytes(PyObject *data)
{
    return PyObject_CheckBuffer(data) && !rec_is_type_of_python(Py_TYPE(data));
}

static void take_pending(PyObject *pending, rec_take take)
{
    if (PyBytes_CheckExact(pending))
        take(PyBytes_AS_STRING(pending), PyBytes_GET_SIZE(pending));
    else if (PyUnicode_CheckExact(pending) && PyUnicode_IS_ASCII(pending))
        take(PyUnicode_DATA(pending), PyUnicode_GET_LENGTH(pending));
}

void rec_waiting_bytes(PyObject *text, const rec_layers *layers, rec_take take)
{
    if (layers->in_buffer > 0) {
        int64_t begin = FIELD(int64_t, layers->buffered, buffered_end_at - sizeof(int64_t));
        take(FIELD(const char *, layers->buffered, buffered_memory_at) + begin, (Py_ssize_t)layers->in_buffer);
    }
    if (layers->in_text == 0)
        return;
    PyObject *pending = FIELD(PyObject *, text, text_pending_at);
    if (pending != NULL && PyList_CheckExact(pending)) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pending); i++)
            take_pending(PyList_GET_ITEM(pending, i), take);
    } else if (pending != NULL) {
        take_pending(pending, take);
    }
}
