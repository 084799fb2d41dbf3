/* torch.Tensor has a TensorImpl, which has sizes, strides and a StorageImpl, which has the items. Where these fields are
 * differs between the releases of torch and is promised by none: all places where one has had them are tried with the
 * first tensor, and have to agree with what its own methods say. The class of that TensorImpl is the only one read. */
#include "known/tensors.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"

#define TENSOR "torch._C.TensorBase"

typedef struct {         /* c10::impl::SizesAndStrides, and what follows it in c10::TensorImpl */
    size_t count;
    union {
        const Py_ssize_t *elsewhere; /* of more than five dimensions */
        Py_ssize_t here[10];
    };
    int64_t offset, items;
    uint16_t type;
    struct { int8_t kind, number; bool is_known; } device;
    uint64_t keys;       /* what is to be done with it; among that what is put off, as a sign */
} shape;

typedef struct {         /* of c10::StorageImpl: how its c10::DataPtr begins */
    const char *data;
    void *owner[2];      /* what frees it, and what that is given: of torch's own memory, `data` again */
} memory;

static struct {          /* what has been proved by the first tensor */
    PyTypeObject *type;
    const void *methods; /* of the class of its TensorImpl */
    size_t body;         /* where the fields begin, behind the table of methods and the counts of references */
    size_t shape;
    int owner;
    uint64_t put_off;    /* of the keys those by which the items are not what stands there; 0: not known */
} known;

/* By the number that c10::ScalarType has for it; which of them have been compared with what torch says. */
static const struct { const char *name, *format; int size; } dtypes[] = {
    {"uint8", "B", 1}, {"int8", "b", 1}, {"int16", "h", 2}, {"int32", "i", 4}, {"int64", "q", 8},
    {"float16", "e", 2}, {"float32", "f", 4}, {"float64", "d", 8}, {NULL, NULL, 0}, {"complex64", "Zf", 8},
    {"complex128", "Zd", 16}, {"bool", "?", 1}, {NULL, NULL, 0}, {NULL, NULL, 0}, {NULL, NULL, 0},
    {"bfloat16", "bfloat16", 2}, [27] = {"uint16", "H", 2}, {"uint32", "I", 4}, {"uint64", "Q", 8},
};
enum { DTYPES = sizeof(dtypes) / sizeof(*dtypes) };
static uint32_t proved_dtypes;

/* By the number that c10::DeviceType has for it. */
static const char *const devices[] = {"cpu", "cuda", [13] = "mps", [14] = "meta", [12] = "xpu"};
enum { CPU = 0, DEVICES = sizeof(devices) / sizeof(*devices) };

static const char *impl_of(PyObject *object, PyTypeObject *type)
{
    /* Older releases have a truth value before it. */
    size_t at = type->tp_basicsize >= 48 ? sizeof(PyObject) + 8 : sizeof(PyObject);
    const char *impl = *(char **)((char *)object + at);
    return (uintptr_t)impl > 4096 && (uintptr_t)impl % sizeof(void *) == 0 ? impl : NULL;
}

static const Py_ssize_t *lengths_of(const shape *of) { return of->count > 5 ? of->elsewhere : of->here; }
static const Py_ssize_t *strides_of(const shape *of) { return lengths_of(of) + (of->count > 5 ? of->count : 5); }

static const memory *memory_of(const char *impl, size_t body)
{
    const char *storage = *(char **)(impl + body);
    return (uintptr_t)storage > 4096 && (uintptr_t)storage % sizeof(void *) == 0 ? (const memory *)(storage + body) : NULL;
}

/* ---- what torch itself says ---- */

/* A name of torch._C. Borrowed. */
static PyObject *in_module(const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(), *module = modules != NULL ? rec_dict_find(modules, "torch._C") : NULL;
    return module != NULL && PyModule_CheckExact(module) ? rec_dict_find(PyModule_GetDict(module), name) : NULL;
}

/* What a function of the module torch._C answers. It has to be the one that is written in C. */
static int64_t ask_module(const char *name)
{
    PyObject *function = in_module(name);
    PyObject *answer = function != NULL && PyCFunction_CheckExact(function) ? PyObject_CallNoArgs(function) : NULL;
    int64_t number = -1;
    if (answer == NULL)
        PyErr_Clear();
    else if (PyBool_Check(answer))
        number = answer == Py_True;
    else if (!PyLong_CheckExact(answer) || !rec_int_small(answer, &number))
        number = -1;
    Py_XDECREF(answer);
    return number;
}

/* The bits of a set of keys, which is given up; 0: it does not say. */
static uint64_t bits_of(PyObject *keys)
{
    PyObject *type = in_module("DispatchKeySet");
    PyObject *answer = keys != NULL && (PyObject *)Py_TYPE(keys) == type ? PyObject_CallMethod(keys, "raw_repr", NULL) : NULL;
    uint64_t bits = answer != NULL && PyLong_CheckExact(answer) ? PyLong_AsUnsignedLongLongMask(answer) : 0;
    Py_XDECREF(answer);
    Py_XDECREF(keys);
    PyErr_Clear();
    return bits;
}

/* Those of one key. */
static uint64_t bits_of_key(const char *name)
{
    PyObject *type = in_module("DispatchKeySet"), *names = in_module("DispatchKey");
    PyObject *key = type != NULL && names != NULL && PyType_Check(type) && PyType_Check(names)
                        ? PyObject_GetAttrString(names, name) : NULL;
    PyObject *keys = key != NULL ? PyObject_CallOneArg(type, key) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return bits_of(keys);
}

/* Whether the methods of a tensor answer by themselves: no code of the program's stands before them. */
static bool answers_by_itself(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *name = rec_heap_type_name(type);
    return name != NULL && PyUnicode_CheckExact(name) && strcmp(type->tp_base->tp_name, TENSOR) == 0
           && PyUnicode_CompareWithASCIIString(name, "Tensor") == 0 && ask_module("_len_torch_function_stack") == 0
           && ask_module("_len_torch_dispatch_stack") == 0 && ask_module("_is_tracing") == 0;
}

static PyObject *call(PyObject *object, PyTypeObject *type, const char *name)
{
    PyMethodDef *method = rec_find_method(type, name);
    PyObject *none = PyTuple_New(0), *answer = NULL;
    int flags = method != NULL ? method->ml_flags & ~METH_STATIC : 0;
    if (none != NULL && flags == METH_NOARGS)
        answer = method->ml_meth(object, NULL);
    else if (none != NULL && flags == METH_VARARGS)
        answer = method->ml_meth(object, none);
    else if (none != NULL && flags == (METH_VARARGS | METH_KEYWORDS))
        answer = ((PyCFunctionWithKeywords)(void (*)(void))method->ml_meth)(object, none, NULL);
    Py_XDECREF(none);
    if (answer == NULL)
        PyErr_Clear();
    return answer;
}

static bool says_number(PyObject *object, PyTypeObject *type, const char *name, int64_t number)
{
    PyObject *answer = call(object, type, name);
    int64_t said = 0;
    bool same = answer != NULL && PyLong_CheckExact(answer) && rec_int_small(answer, &said) && said == number;
    Py_XDECREF(answer);
    return same;
}

static bool says_address(PyObject *object, PyTypeObject *type, const void *address)
{
    PyObject *answer = call(object, type, "data_ptr");
    bool same = answer != NULL && PyLong_CheckExact(answer) && PyLong_AsVoidPtr(answer) == address;
    PyErr_Clear();
    Py_XDECREF(answer);
    return same;
}

static bool says_numbers(PyObject *object, PyTypeObject *type, const char *name, const Py_ssize_t *numbers, size_t count)
{
    PyObject *answer = call(object, type, name);
    bool same = answer != NULL && PyTuple_Check(answer) && (size_t)PyTuple_GET_SIZE(answer) == count;
    for (size_t i = 0; same && i < count; i++) {
        int64_t said = 0;
        PyObject *one = PyTuple_GET_ITEM(answer, i);
        same = PyLong_CheckExact(one) && rec_int_small(one, &said) && said == numbers[i];
    }
    Py_XDECREF(answer);
    return same;
}

/* ---- that the layout is the known one ---- */

static bool proves_shape(PyObject *object, PyTypeObject *type, const shape *of)
{
    return says_number(object, type, "dim", (int64_t)of->count) && of->count > 0 && of->count <= 5
           && says_numbers(object, type, "size", lengths_of(of), of->count)
           && says_numbers(object, type, "stride", strides_of(of), of->count)
           && says_number(object, type, "storage_offset", of->offset) && says_number(object, type, "numel", of->items)
           && of->items > 0 && of->type < DTYPES && dtypes[of->type].name != NULL && of->device.is_known
           && of->device.kind == CPU && says_number(object, type, "element_size", dtypes[of->type].size);
}

static bool proves_memory(PyObject *object, PyTypeObject *type, const char *impl, size_t body, const shape *of)
{
    const memory *at = memory_of(impl, body);
    if (at == NULL || !says_address(object, type, at->data + of->offset * dtypes[of->type].size))
        return false;
    if (at->owner[0] != at->data && at->owner[1] != at->data)
        return false; /* it is memory of somebody else's, by which this cannot be known */
    known.owner = at->owner[1] == at->data;
    return true;
}

/* By which keys a tensor is the conjugate, or the negative, of what stands in its memory. */
static uint64_t keys_that_put_off(PyObject *object, uint64_t keys)
{
    PyObject *ask = in_module("_dispatch_keys");
    PyObject *said = ask != NULL && PyCFunction_CheckExact(ask) ? PyObject_CallOneArg(ask, object) : NULL;
    PyErr_Clear();
    if (said == NULL || bits_of(said) != keys)
        return 0;
    uint64_t conjugate = bits_of_key("Conjugate"), negative = bits_of_key("Negative");
    return conjugate != 0 && negative != 0 ? conjugate | negative : 0;
}

static void prove(PyObject *object, PyTypeObject *type)
{
    static const struct { size_t body, shape; } places[] = {{16, 56}, {16, 64}, {24, 64}, {24, 72}};
    const char *impl = impl_of(object, type);
    if (impl == NULL || !answers_by_itself(object))
        return;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const shape *of = (const shape *)(impl + places[i].shape);
        if (!proves_shape(object, type, of) || !proves_memory(object, type, impl, places[i].body, of))
            continue;
        known.type = type;
        known.methods = *(void **)impl;
        known.body = places[i].body;
        known.shape = places[i].shape;
        known.put_off = keys_that_put_off(object, of->keys);
        return;
    }
}

static bool proves_dtype(PyObject *object, PyTypeObject *type, uint16_t number)
{
    if (proved_dtypes >> number & 1)
        return true;
    PyGetSetDef *getter = answers_by_itself(object) ? rec_getter_of(type, "dtype") : NULL;
    PyObject *dtype = getter != NULL ? getter->get(object, getter->closure) : NULL;
    PyObject *name = dtype != NULL && strcmp(Py_TYPE(dtype)->tp_name, "torch.dtype") == 0
                         ? call(dtype, Py_TYPE(dtype), "__reduce__") : NULL;
    bool same = name != NULL && PyUnicode_CheckExact(name) && PyUnicode_CompareWithASCIIString(name, dtypes[number].name) == 0;
    Py_XDECREF(name);
    Py_XDECREF(dtype);
    PyErr_Clear();
    proved_dtypes |= (uint32_t)same << number;
    return same;
}

/* ---- a tensor ---- */

/* Whether a class of the program's decides what its tensors are: torch.Tensor itself says that it does not. */
static bool has_own_meaning(PyTypeObject *type)
{
    while (type != NULL && rec_is_type_of_python(type)) {
        if (type->tp_dict != NULL && rec_dict_find(type->tp_dict, "__torch_dispatch__") != NULL)
            return strcmp(type->tp_base->tp_name, TENSOR) != 0;
        type = type->tp_base;
    }
    return true;
}

static bool read_device(const shape *of, rec_tensor *tensor)
{
    const char *kind = of->device.is_known && of->device.kind >= 0 && of->device.kind < DEVICES
                           ? devices[of->device.kind] : NULL;
    if (kind == NULL)
        return false;
    if (of->device.number < 0)
        return snprintf(tensor->device, sizeof(tensor->device), "%s", kind) > 0;
    return snprintf(tensor->device, sizeof(tensor->device), "%s:%d", kind, of->device.number) > 0;
}

/* Whether the items are what is in the memory: only of a complex tensor is one put off. */
static bool stands_there(const shape *of)
{
    bool may_be_put_off = strchr("BbhiqHIQ?", dtypes[of->type].format[0]) == NULL;
    return known.put_off != 0 ? (of->keys & known.put_off) == 0 : !may_be_put_off;
}

static bool read_tensor(PyObject *object, PyTypeObject *type, rec_tensor *tensor)
{
    const char *impl = impl_of(object, type);
    if (impl == NULL || *(void **)impl != known.methods)
        return false;
    const shape *of = (const shape *)(impl + known.shape);
    if (of->count > REC_MOST_DIMENSIONS || of->type >= DTYPES || dtypes[of->type].name == NULL
        || !proves_dtype(object, type, of->type) || !read_device(of, tensor))
        return false;
    const memory *at = of->device.kind == CPU ? memory_of(impl, known.body) : NULL;
    tensor->dtype = dtypes[of->type].name;
    tensor->cells = (rec_cells){.type = Py_TYPE(object), .dimensions = (int)of->count, .shape = lengths_of(of),
                                .item_size = dtypes[of->type].size};
    for (size_t d = 0; d < of->count; d++)
        tensor->strides[d] = strides_of(of)[d] * tensor->cells.item_size;
    tensor->cells.strides = tensor->strides;
    memcpy(tensor->cells.format, dtypes[of->type].format, strlen(dtypes[of->type].format) + 1);
    if (at != NULL && at->data != NULL && at->owner[known.owner] == at->data && stands_there(of))
        tensor->cells.data = at->data + of->offset * tensor->cells.item_size;
    return true;
}

bool rec_tensor_of(PyObject *object, rec_tensor *tensor)
{
    PyObject *kind, *value, *trace;
    PyTypeObject *type = rec_base_called(Py_TYPE(object), TENSOR);
    if (type == NULL || has_own_meaning(Py_TYPE(object)))
        return false;
    PyErr_Fetch(&kind, &value, &trace);
    int collects = PyGC_Disable(); /* torch makes objects: no code of the program's may run by that */
    if (known.type != type)
        prove(object, type);
    bool is_known = known.type == type && read_tensor(object, type, tensor);
    PyErr_Clear();
    if (collects)
        (void)PyGC_Enable(); /* audit: says what it was before */
    PyErr_Restore(kind, value, trace);
    return is_known;
}
