/* The well-known types, one row each. To know another one: a member of the enum Form in codegen/format.toml, a row
 * here, and how it is shown in recorder/trace/values/forms.py. Types of libraries are known by name: what a library
 * costs that is not there is nothing. */
#include "known/forms.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "tape/records.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <structmember.h>
#pragma GCC diagnostic pop

typedef enum {
    NOTHING,
    MEMBER,              /* of tp_members */
    GETTER,              /* of tp_getset: one that returns what the value holds, a bool, an int or a short text */
    METHOD,              /* of tp_methods, without arguments: as a getter */
    VISITED,             /* the n-th object that tp_traverse comes to */
    HELD,                /* likewise, of a kind (rec_held_kind): None where there is none */
    UNTOLD,              /* None */
    SAID,                /* the text that stands there */
    ITSELF,              /* the dict that the value is */
    ATTRIBUTE            /* of an instance of a class that is written in Python */
} way;

typedef struct {
    way way;
    const char *name;
    int n;
    rec_held_kind kind;
} source;

typedef struct {
    const char *name;    /* tp_name of a type that is written in C; of a class statement module and name */
    uint8_t form;
    rec_reader reader;   /* reads what comes behind: */
    source sources[REC_MOST_PARTS];
    rec_table table;
    bool whole;          /* see rec_is_whole */
    bool of_python;      /* it is written in Python */
} row;

#define MEMBERS(a) {MEMBER, a, 0, 0}
#define GETTERS(a) {GETTER, a, 0, 0}
#define METHODS(a) {METHOD, a, 0, 0}
#define VISITS(i) {VISITED, NULL, i, 0}
#define ATTRIBUTES(a) {ATTRIBUTE, a, 0, 0}
#define NONE {UNTOLD, NULL, 0, 0}
/* The name of what stands behind it. */
#define CALLED(a) {SAID, a, 0, 0}
/* Of an iterator: what it goes over, how many are left, if its __length_hint__ can tell without asking anybody, and
 * what it calls. */
#define OVER(i) {HELD, NULL, i, REC_HELD_ANY}
#define LEFT METHODS("__length_hint__")
#define ITERATOR(name, ...) {name, REC_FORM_ITERATOR, NULL, {__VA_ARGS__}}
#define COUNTED(name) ITERATOR(name, OVER(0), LEFT, NONE)
#define COUNTED_DICT(name) ITERATOR(name, {HELD, NULL, 0, REC_HELD_DICT}, LEFT, NONE)
#define CALLING(name) ITERATOR(name, OVER(0), NONE, OVER(1))
/* Of a class that the standard library has in Python, and that keeps all in attributes: of what is derived from it, which
 * class it is. Those of the class itself are told by its name. */
#define DERIVED(name, said) {name, REC_FORM_DERIVED, NULL, {{SAID, said, 0, 0}}, .of_python = true}
#define OF_PYTHON(table) {{0}}, table, true, true

static const row rows[] = {
    {NULL, 0, NULL, {{0}}},
    {"decimal.Decimal", REC_FORM_DECIMAL, rec_read_decimal, {{0}}},
    {"collections.deque", REC_FORM_DEQUE, rec_read_deque, {{0}}},
    {"collections.defaultdict", REC_FORM_DEFAULTDICT, NULL, {MEMBERS("default_factory"), {ITSELF, NULL, 0, 0}}},
    {"mappingproxy", REC_FORM_MAPPINGPROXY, NULL, {VISITS(0)}},
    {"dict_keys", REC_FORM_DICT_KEYS, NULL, {VISITS(0)}},
    {"dict_values", REC_FORM_DICT_VALUES, NULL, {VISITS(0)}},
    {"dict_items", REC_FORM_DICT_ITEMS, NULL, {VISITS(0)}},
    {"functools.partial", REC_FORM_PARTIAL, NULL, {MEMBERS("func"), MEMBERS("args"), MEMBERS("keywords")}},
    {"re.Pattern", REC_FORM_PATTERN, NULL, {MEMBERS("pattern"), MEMBERS("flags")}},
    {"re.Match", REC_FORM_MATCH, rec_read_match, {{0}}},
    {"types.GenericAlias", REC_FORM_GENERIC_ALIAS, NULL,
     {MEMBERS("__origin__"), MEMBERS("__args__"), MEMBERS("__unpacked__")}},
    {"types.UnionType", REC_FORM_UNION, NULL, {MEMBERS("__args__")}},
    {"typing.Union", REC_FORM_UNION, NULL, {MEMBERS("__args__")}},
    {"weakref.ReferenceType", REC_FORM_WEAKREF, rec_read_weakref, {{0}}},
    {"weakref.ProxyType", REC_FORM_WEAKREF, rec_read_weakref, {{0}}},
    {"weakref.CallableProxyType", REC_FORM_WEAKREF, rec_read_weakref, {{0}}},
    {"_thread.lock", REC_FORM_LOCK, NULL, {METHODS("locked")}},
    {"_thread.RLock", REC_FORM_RLOCK, rec_read_rlock, {{0}}},
    {"_contextvars.ContextVar", REC_FORM_CONTEXT_VAR, rec_read_context_var, {{0}}},
    {"_contextvars.Token", REC_FORM_CONTEXT_TOKEN, rec_read_token, {GETTERS("var"), GETTERS("old_value")}},
    {"_contextvars.Context", REC_FORM_CONTEXT, rec_read_context, {{0}}},
    {"_asyncio.Future", REC_FORM_FUTURE, NULL, {GETTERS("_state"), GETTERS("_result"), GETTERS("_exception")}},
    {"_asyncio.Task", REC_FORM_TASK, rec_read_task_name,
     {GETTERS("_state"), GETTERS("_result"), GETTERS("_exception"), GETTERS("_coro"), GETTERS("_fut_waiter")}},
    {"_io.BytesIO", REC_FORM_BYTES_IO, rec_read_bytes_io, {{0}}},
    {"_io.FileIO", REC_FORM_FILE, NULL, {GETTERS("mode"), METHODS("fileno")}},
    {"_io.BufferedReader", REC_FORM_BUFFERED, NULL, {MEMBERS("raw")}},
    {"_io.BufferedWriter", REC_FORM_BUFFERED, NULL, {MEMBERS("raw")}},
    {"_io.BufferedRandom", REC_FORM_BUFFERED, NULL, {MEMBERS("raw")}},
    {"_io.TextIOWrapper", REC_FORM_TEXT_FILE, NULL, {MEMBERS("buffer"), MEMBERS("encoding")}},
    {"_socket.socket", REC_FORM_SOCKET, rec_read_addresses,
     {METHODS("fileno"), MEMBERS("family"), MEMBERS("type"), MEMBERS("proto")}},
    {"zoneinfo.ZoneInfo", REC_FORM_ZONE_INFO, NULL, {MEMBERS("key")}},
    {"property", REC_FORM_PROPERTY, NULL, {MEMBERS("fget"), MEMBERS("fset"), MEMBERS("fdel")}},
    {"staticmethod", REC_FORM_STATICMETHOD, NULL, {MEMBERS("__func__")}},
    {"classmethod", REC_FORM_CLASSMETHOD, NULL, {MEMBERS("__func__")}},
    {"_io.StringIO", REC_FORM_STRING_IO, rec_read_string_io, {{0}}},
    {"operator.itemgetter", REC_FORM_ITEM_GETTER, rec_read_getter, {{0}}},
    {"operator.attrgetter", REC_FORM_ATTRIBUTE_GETTER, rec_read_getter, {{0}}},
    {"operator.methodcaller", REC_FORM_METHOD_CALLER, rec_read_method_caller, {VISITS(0)}},
#if PY_VERSION_HEX < 0x030F0000
    {"_struct.Struct", REC_FORM_FACTS, rec_read_struct, {CALLED("format")}},
#else
    {"_struct.Struct", REC_FORM_FACTS, NULL, {CALLED("format"), MEMBERS("format")}},
#endif
    {"_queue.SimpleQueue", REC_FORM_FACTS, rec_read_simple_queue, {CALLED("items")}},
    {"_thread._local", REC_FORM_MEMBERS, rec_read_thread_local, {{0}}},
    {"_random.Random", REC_FORM_FACTS, rec_read_random, {CALLED("state")}},
    {"functools._lru_cache_wrapper", REC_FORM_FACTS, NULL, {CALLED("function"), ATTRIBUTES("__wrapped__")},
     .whole = true},
    {"xml.etree.ElementTree.Element", REC_FORM_FACTS, rec_read_element, {CALLED("tag"), VISITS(0)}},
    {"_multiprocessing.SemLock", REC_FORM_LOCK, NULL, {METHODS("_is_zero")}},
    {"_ctypes._CData", 0, NULL, {{0}}, .table = REC_TABLE_FOREIGN},
    {"torch._C.TensorBase", 0, NULL, {{0}}, .table = REC_TABLE_TENSOR},
    {"numpy.ndarray", 0, NULL, {{0}}, .table = REC_TABLE_ARRAY},
    {"array.array", 0, NULL, {{0}}, .table = REC_TABLE_ARRAY},
    {"numpy.datetime64", REC_FORM_DATETIME64, rec_read_datetime64, {{0}}},
    {"numpy.timedelta64", REC_FORM_DATETIME64, rec_read_datetime64, {{0}}},
    {"pandas._libs.tslibs.timestamps._Timestamp", REC_FORM_TIMESTAMP, rec_read_zone,
     {GETTERS("_value"), GETTERS("_creso")}, .whole = true},
    {"pandas._libs.tslibs.timedeltas._Timedelta", REC_FORM_TIMEDELTA64, NULL,
     {GETTERS("_value"), GETTERS("_creso")}, .whole = true},
    {"pandas._libs.tslibs.nattype._NaT", REC_FORM_MISSING, NULL, {{0}}, .whole = true},
    {"pandas._libs.missing.C_NAType", REC_FORM_MISSING, NULL, {{0}}, .whole = true},
    {"pandas._libs.interval.Interval", REC_FORM_INTERVAL, NULL,
     {GETTERS("left"), GETTERS("right"), GETTERS("closed")}, .whole = true},
    {"pandas._libs.tslibs.period._Period", REC_FORM_PERIOD, NULL, {GETTERS("ordinal"), GETTERS("_dtype")},
     .whole = true},
    {"pandas._libs.tslibs.dtypes.PeriodDtypeBase", REC_FORM_PERIOD_DTYPE, NULL,
     {GETTERS("_dtype_code"), GETTERS("_n"), GETTERS("_freqstr")}, .whole = true},
    {"pandas._libs.sparse.IntIndex", REC_FORM_SPARSE_INDEX, NULL, {GETTERS("length"), GETTERS("indices")}},
    {"pandas._libs.sparse.BlockIndex", REC_FORM_SPARSE_INDEX, NULL,
     {GETTERS("length"), GETTERS("blocs"), GETTERS("blengths")}},
    {"numpy.dtype", REC_FORM_DTYPE, NULL, {GETTERS("str")}, .whole = true},
    {"pandas._libs.arrays.NDArrayBacked", 0, NULL, {{0}}, .table = REC_TABLE_COLUMN, .whole = true},
    {"pandas.core.arrays.masked.BaseMaskedArray", 0, NULL, OF_PYTHON(REC_TABLE_COLUMN)},
    {"pandas.arrays.ArrowExtensionArray", 0, NULL, OF_PYTHON(REC_TABLE_COLUMN)},
    {"pandas.core.arrays.arrow.array.ArrowExtensionArray", 0, NULL, OF_PYTHON(REC_TABLE_COLUMN)},
    {"pandas.DataFrame", 0, NULL, OF_PYTHON(REC_TABLE_FRAME)},
    {"pandas.core.frame.DataFrame", 0, NULL, OF_PYTHON(REC_TABLE_FRAME)},
    {"pandas.Series", 0, NULL, OF_PYTHON(REC_TABLE_SERIES)},
    {"pandas.core.series.Series", 0, NULL, OF_PYTHON(REC_TABLE_SERIES)},
    {"pyarrow.lib.ChunkedArray", 0, NULL, {{0}}, .table = REC_TABLE_COLUMN},
    {"pyarrow.lib.Array", 0, NULL, {{0}}, .table = REC_TABLE_COLUMN},
    {"pyarrow.lib.Scalar", 0, NULL, {{0}}, .table = REC_TABLE_COLUMN},
    {"pyarrow.lib.Schema", 0, NULL, {{0}}, .table = REC_TABLE_SCHEMA},
    {"pyarrow.lib.Field", 0, NULL, {{0}}, .table = REC_TABLE_SCHEMA},
    {"pyarrow.lib.DataType", 0, NULL, {{0}}, .table = REC_TABLE_SCHEMA},
    {"pyarrow.lib.Table", 0, NULL, {{0}}, .table = REC_TABLE_ARROW},
    {"pyarrow.lib.RecordBatch", 0, NULL, {{0}}, .table = REC_TABLE_ARROW},
    {"sqlite3.Row", 0, NULL, {{0}}, .table = REC_TABLE_ROW, .whole = true},
    {"sqlalchemy.engine._row_cy.BaseRow", 0, NULL, {{0}}, .table = REC_TABLE_ROW, .whole = true},
    {"sqlalchemy.cyextension.resultproxy.BaseRow", 0, NULL, {{0}}, .table = REC_TABLE_ROW, .whole = true},
    {"sqlalchemy.orm.state.InstanceState", REC_FORM_ORM_STATE, rec_read_orm_state, {{0}}, .whole = true,
     .of_python = true},
    {"sqlalchemy.orm.collections.CollectionAdapter", 0, NULL, OF_PYTHON(REC_TABLE_OPAQUE)},
    {"django.db.models.base.Model", REC_FORM_MODEL, rec_read_model, {{0}}, .of_python = true},
    {"django.db.models.base.ModelState", 0, NULL, OF_PYTHON(REC_TABLE_OPAQUE)},
    {"django.db.models.query.QuerySet", REC_FORM_QUERY_SET, NULL, {ATTRIBUTES("model"), ATTRIBUTES("_result_cache")},
     .whole = true, .of_python = true},
    {"pandas.MultiIndex", REC_FORM_MULTI_INDEX, NULL,
     {ATTRIBUTES("_names"), ATTRIBUTES("_levels"), ATTRIBUTES("_codes")}, .whole = true, .of_python = true},
    {"pandas.core.indexes.multi.MultiIndex", REC_FORM_MULTI_INDEX, NULL,
     {ATTRIBUTES("_names"), ATTRIBUTES("_levels"), ATTRIBUTES("_codes")}, .whole = true, .of_python = true},
    {"pandas.Index", 0, NULL, OF_PYTHON(REC_TABLE_INDEX)},
    {"pandas.core.indexes.base.Index", 0, NULL, OF_PYTHON(REC_TABLE_INDEX)},
    {"pandas._libs.tslibs.offsets.BaseOffset", REC_FORM_OFFSET, NULL, {GETTERS("n"), GETTERS("normalize")}},
    DERIVED("fractions.Fraction", "fractions.Fraction"),
    DERIVED("pathlib.Path", "pathlib.Path"),
    DERIVED("pathlib._local.Path", "pathlib.Path"),
    DERIVED("pathlib.PosixPath", "pathlib.PosixPath"),
    DERIVED("pathlib._local.PosixPath", "pathlib.PosixPath"),
    DERIVED("pathlib.WindowsPath", "pathlib.WindowsPath"),
    DERIVED("pathlib._local.WindowsPath", "pathlib.WindowsPath"),
    DERIVED("pathlib.PurePath", "pathlib.PurePath"),
    DERIVED("pathlib._local.PurePath", "pathlib.PurePath"),
    DERIVED("pathlib.PurePosixPath", "pathlib.PurePosixPath"),
    DERIVED("pathlib._local.PurePosixPath", "pathlib.PurePosixPath"),
    DERIVED("pathlib.PureWindowsPath", "pathlib.PureWindowsPath"),
    DERIVED("pathlib._local.PureWindowsPath", "pathlib.PureWindowsPath"),
    DERIVED("uuid.UUID", "uuid.UUID"),
    DERIVED("ipaddress.IPv4Address", "ipaddress.IPv4Address"),
    DERIVED("ipaddress.IPv4Network", "ipaddress.IPv4Network"),
    DERIVED("ipaddress.IPv4Interface", "ipaddress.IPv4Interface"),
    DERIVED("ipaddress.IPv6Address", "ipaddress.IPv6Address"),
    DERIVED("ipaddress.IPv6Network", "ipaddress.IPv6Network"),
    DERIVED("ipaddress.IPv6Interface", "ipaddress.IPv6Interface"),
    DERIVED("collections.ChainMap", "collections.ChainMap"),
    DERIVED("collections.UserDict", "collections.UserDict"),
    DERIVED("collections.UserList", "collections.UserList"),
    DERIVED("collections.UserString", "collections.UserString"),
    COUNTED("list_iterator"),
    COUNTED("list_reverseiterator"),
    COUNTED("tuple_iterator"),
    COUNTED("str_iterator"),
    COUNTED("str_ascii_iterator"),
    COUNTED("bytes_iterator"),
    COUNTED("bytearray_iterator"),
    COUNTED("set_iterator"),
    COUNTED("_collections._deque_iterator"),
    COUNTED("collections._deque_iterator"),
    COUNTED_DICT("dict_keyiterator"),
    COUNTED_DICT("dict_valueiterator"),
    COUNTED_DICT("dict_itemiterator"),
    COUNTED_DICT("dict_reversekeyiterator"),
    COUNTED_DICT("dict_reversevalueiterator"),
    COUNTED_DICT("dict_reverseitemiterator"),
    {"iterator", REC_FORM_ITERATOR, rec_read_sequence_iterator, {OVER(0), NONE, NONE}},
    ITERATOR("callable_iterator", NONE, NONE, OVER(0), OVER(1)),
    ITERATOR("zip", OVER(0), NONE, NONE),
    CALLING("map"),
    CALLING("filter"),
    {"range_iterator", REC_FORM_ITERATOR, rec_read_range_iterator, {NONE, LEFT, NONE}},
    {"enumerate", REC_FORM_ITERATOR, rec_read_enumerate, {OVER(0), NONE, NONE}},
    {"reversed", REC_FORM_ITERATOR, rec_read_reversed, {{0}}},
    {"itertools.islice", REC_FORM_ITERATOR, rec_read_islice, {OVER(0), NONE, NONE}},
    {"itertools.count", REC_FORM_ITERATOR, rec_read_count, {NONE, NONE, NONE}},
    COUNTED("itertools.repeat"),
    {"itertools.cycle", REC_FORM_ITERATOR, rec_read_cycle, {{0}}},
    {"itertools._tee", REC_FORM_ITERATOR, rec_read_tee, {{0}}},
    ITERATOR("itertools.chain", OVER(0), NONE, NONE, OVER(1)),
    ITERATOR("itertools.compress", OVER(0), NONE, OVER(1)),
    {"itertools.pairwise", REC_FORM_ITERATOR, rec_read_pairwise, {{0}}},
    {"itertools.batched", REC_FORM_ITERATOR, rec_read_batched, {{0}}},
    {"itertools.zip_longest", REC_FORM_ITERATOR, rec_read_zip_longest, {{0}}},
    {"itertools.product", REC_FORM_ITERATOR, rec_read_product, {{0}}},
    {"itertools.combinations", REC_FORM_ITERATOR, rec_read_combinations, {{0}}},
    {"itertools.combinations_with_replacement", REC_FORM_ITERATOR, rec_read_combinations, {{0}}},
    {"itertools.permutations", REC_FORM_ITERATOR, rec_read_permutations, {{0}}},
    {"itertools.accumulate", REC_FORM_ITERATOR, rec_read_accumulate, {{0}}},
    CALLING("itertools.starmap"),
    {"itertools.takewhile", REC_FORM_ITERATOR, rec_read_takewhile, {{0}}},
    {"itertools.dropwhile", REC_FORM_ITERATOR, rec_read_dropwhile, {{0}}},
    CALLING("itertools.filterfalse"),
    {"itertools.groupby", REC_FORM_ITERATOR, rec_read_groupby, {{0}}},
    ITERATOR("itertools._grouper", OVER(0), NONE, NONE, OVER(1)),
    {"?", REC_FORM_MEMBERS, rec_read_members, {{0}}}, /* any that no row names: see rec_type_with_members */
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

typedef struct {         /* where the parts of a type's values are */
    PyTypeObject *type;
    bool known;
    struct {
        PyMemberDef *member;
        PyGetSetDef *getter;
        PyMethodDef *method;
    } found[REC_MOST_PARTS];
} places;

static places resolved[ROWS];

/* ---- types ---- */

/* The type written in C that a type is, or is derived from. */
static PyTypeObject *c_type_of(PyTypeObject *type)
{
    while (type != NULL && rec_is_type_of_python(type))
        type = type->tp_base;
    return type;
}

/* Programs that make classes all the time ask for each of them: most rows are ruled out by one letter. */
static uint8_t row_called(const char *name)
{
    for (uint8_t i = 1; i < ROWS; i++)
        if (rows[i].name[0] == name[0] && !rows[i].of_python && strcmp(rows[i].name, name) == 0)
            return i;
    return 0;
}

static bool has_text(PyObject *text, const char *wanted, size_t size)
{
    return text != NULL && PyUnicode_CheckExact(text) && PyUnicode_IS_ASCII(text)
           && (size_t)PyUnicode_GET_LENGTH(text) == size && memcmp(PyUnicode_DATA(text), wanted, size) == 0;
}

/* Of the classes that are written in Python: what stands behind the last dot of the name, before which is the module. */
static const char *class_name(uint8_t row)
{
    static const char *kept[ROWS];
    if (kept[row] == NULL)
        kept[row] = strrchr(rows[row].name, '.') + 1;
    return kept[row];
}

static uint8_t row_of_class(PyTypeObject *type)
{
    PyObject *name = rec_heap_type_name(type);
    if (name == NULL || type->tp_dict == NULL || PyUnicode_GET_LENGTH(name) == 0)
        return 0;
    Py_UCS4 letter = PyUnicode_READ_CHAR(name, 0);
    for (uint8_t i = 1; i < ROWS; i++) {
        if (!rows[i].of_python || (Py_UCS4)class_name(i)[0] != letter || !has_text(name, class_name(i), strlen(class_name(i))))
            continue;
        if (has_text(rec_dict_find(type->tp_dict, "__module__"), rows[i].name, (size_t)(class_name(i) - rows[i].name - 1)))
            return i;
    }
    return 0;
}

/* Of classes written in Python: the first one in the order in which Python looks for attributes. */
static uint8_t row_of_classes(PyTypeObject *type)
{
    PyObject *bases = type->tp_mro;
    uint8_t found = 0;
    for (Py_ssize_t i = 0; bases != NULL && i < PyTuple_GET_SIZE(bases) && found == 0; i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(bases, i);
        if (rec_is_type_of_python(base))
            found = row_of_class(base);
        if (base == type && rows[found].form == REC_FORM_DERIVED)
            return 0;
    }
    return found;
}

uint8_t rec_known_type(PyTypeObject *type)
{
    PyTypeObject *in_c = c_type_of(type);
    uint8_t found = 0;
    if (in_c == type && (strcmp(type->tp_name, "numpy.ndarray") == 0 || strcmp(type->tp_name, "array.array") == 0))
        return 0; /* one of no class of its own is an array, and nothing else */
    for (; in_c != NULL && in_c != &PyBaseObject_Type && found == 0; in_c = in_c->tp_base)
        found = row_called(in_c->tp_name);
    return found != 0 ? found : row_of_classes(type);
}

/* None of the types without a module, which are CPython's own works: frames, code, descriptors. */
uint8_t rec_type_with_members(PyTypeObject *type)
{
    rec_members members;
    PyTypeObject *in_c = c_type_of(type);
    bool has_module = in_c != NULL && strchr(in_c->tp_name, '.') != NULL;
    return has_module && rec_members_begin(&members, in_c) > 0 ? ROWS - 1 : 0;
}

rec_table rec_table_of(uint8_t number) { return rows[number].table; }
bool rec_is_whole(uint8_t number) { return rows[number].whole; }

bool rec_known_changes(uint8_t row)
{
    switch (rows[row].form) {
    case REC_FORM_DECIMAL:
    case REC_FORM_PATTERN:
    case REC_FORM_MATCH:
    case REC_FORM_GENERIC_ALIAS:
    case REC_FORM_UNION:
    case REC_FORM_ZONE_INFO:
    case REC_FORM_TIMESTAMP:
    case REC_FORM_TIMEDELTA64:
    case REC_FORM_DATETIME64:
    case REC_FORM_MISSING:
    case REC_FORM_INTERVAL:
    case REC_FORM_PERIOD:
    case REC_FORM_PERIOD_DTYPE:
    case REC_FORM_DTYPE:
    case REC_FORM_ITEM_GETTER:
    case REC_FORM_ATTRIBUTE_GETTER:
    case REC_FORM_METHOD_CALLER:
    case REC_FORM_DICT_KEYS:
    case REC_FORM_DICT_VALUES:
    case REC_FORM_DICT_ITEMS:
        return false;
    default:
        return true;
    }
}

static PyTypeObject *type_of_row(PyObject *object, uint8_t number)
{
    if (rows[number].of_python || number == ROWS - 1)
        return Py_TYPE(object);
    return rec_base_called(c_type_of(Py_TYPE(object)), rows[number].name);
}

/* ---- what a type's own tables say ---- */

PyMethodDef *rec_method_of(PyTypeObject *type, const char *name)
{
    PyMethodDef *method = rec_find_method(type, name);
    return method != NULL && method->ml_flags == METH_NOARGS ? method : NULL;
}

/* Of the type or one that it is made of: a task's `_state` is the future's, from 3.14 on. */
PyGetSetDef *rec_getter_of(PyTypeObject *type, const char *name)
{
    for (; type != NULL; type = type->tp_base)
        for (PyGetSetDef *getter = type->tp_getset; getter != NULL && getter->name != NULL; getter++)
            if (strcmp(getter->name, name) == 0)
                return getter->get != NULL ? getter : NULL;
    return NULL;
}

PyObject *rec_held(PyObject *object, PyTypeObject *type, const char *name)
{
    PyGetSetDef *getter = type != NULL ? rec_getter_of(type, name) : NULL;
    PyObject *found = getter != NULL ? getter->get(object, getter->closure) : NULL;
    if (found == NULL) {
        PyErr_Clear();
        return NULL;
    }
    bool is_held = Py_REFCNT(found) > 1;
    Py_DECREF(found);
    return is_held ? found : NULL;
}

static PyObject *ask(PyObject *object, PyTypeObject *type, const char *name)
{
    PyMethodDef *method = rec_method_of(type, name);
    PyObject *answer = method != NULL ? method->ml_meth(object, NULL) : NULL;
    if (answer == NULL)
        PyErr_Clear();
    return answer;
}

bool rec_ask_bool(PyObject *object, PyTypeObject *type, const char *method, bool *answer)
{
    PyObject *said = ask(object, type, method);
    bool is_bool = said == Py_True || said == Py_False;
    *answer = said == Py_True;
    Py_XDECREF(said);
    return is_bool;
}

bool rec_ask_number(PyObject *object, PyTypeObject *type, const char *method, int64_t *answer)
{
    PyObject *said = ask(object, type, method);
    bool is_number = said != NULL && PyLong_CheckExact(said) && rec_int_small(said, answer);
    Py_XDECREF(said);
    return is_number;
}

PyObject *rec_keep_told(PyObject *text)
{
    static PyObject *told;
    if (text == NULL || !PyUnicode_CheckExact(text)) {
        PyErr_Clear();
        Py_XDECREF(text);
        return NULL;
    }
    Py_XSETREF(told, text);
    return told;
}

/* ---- parts ---- */

enum { BASE_OF_ITERATOR = 6 };

/* Of an iterator of a class that is derived from one: which one, behind all parts that there can be. */
static void add_base(rec_form *form, PyTypeObject *type)
{
    while (form->count < BASE_OF_ITERATOR)
        rec_add_object(form, NULL);
    form->parts[form->count].kind = REC_PART_TEXT;
    (void)snprintf(form->parts[form->count++].text, sizeof(form->parts->text), "%s", type->tp_name); /* audit: all fit */
}

static bool add_member(rec_form *form, PyObject *object, const PyMemberDef *member)
{
    const char *place = (const char *)object + member->offset;
    switch (member->type) {
    case T_OBJECT:
    case T_OBJECT_EX:
        rec_add_object(form, *(PyObject *const *)place);
        return true;
    case T_INT:
        rec_add_number(form, *(const int *)place);
        return true;
    case T_PYSSIZET:
        rec_add_number(form, *(const Py_ssize_t *)place);
        return true;
    case T_BOOL:
        rec_add_object(form, *place ? Py_True : Py_False);
        return true;
    default:
        return false;
    }
}

/* What a getter returned: a new reference. What nobody else holds is gone when it is given back; of that, ints and
 * short texts can be copied. */
static bool add_answer(rec_form *form, PyObject *answer)
{
    rec_part *part = &form->parts[form->count];
    bool added = true;
    if (answer == NULL) {
        PyErr_Clear();
        rec_add_object(form, NULL);
        return true;
    }
    if (PyLong_CheckExact(answer)) {
        int overflow;
        part->number = PyLong_AsLongLongAndOverflow(answer, &overflow);
        added = overflow == 0;
        part->kind = REC_PART_NUMBER;
        form->count += added;
    } else if (Py_REFCNT(answer) > 1) {
        rec_add_object(form, answer);
    } else if (PyUnicode_CheckExact(answer) && PyUnicode_IS_ASCII(answer)
               && PyUnicode_GET_LENGTH(answer) < (Py_ssize_t)sizeof(part->text)) {
        memcpy(part->text, PyUnicode_DATA(answer), (size_t)PyUnicode_GET_LENGTH(answer) + 1);
        part->kind = REC_PART_TEXT;
        form->count++;
    } else {
        added = false;
    }
    Py_DECREF(answer);
    return added;
}

typedef struct {
    PyObject *own;       /* the type, which a value of a heap type holds as well */
    int left;
    rec_held_kind kind;
    PyObject *found;
} search;

static bool is_of_kind(PyObject *object, rec_held_kind kind)
{
    return kind == REC_HELD_ANY || (kind == REC_HELD_DICT ? PyDict_Check(object) : Py_TYPE(object)->tp_iternext != NULL);
}

static int on_visit(PyObject *object, void *arg)
{
    search *looked_for = arg;
    if (object == looked_for->own) {
        looked_for->own = NULL;
        return 0;
    }
    if (!is_of_kind(object, looked_for->kind) || looked_for->left-- > 0)
        return 0;
    looked_for->found = object;
    return 1;
}

PyObject *rec_visited(PyObject *object, PyTypeObject *type, int n, rec_held_kind kind)
{
    bool holds_type = type->tp_flags & Py_TPFLAGS_HEAPTYPE;
    search looked_for = {holds_type ? (PyObject *)Py_TYPE(object) : NULL, n, kind, NULL};
    if (type->tp_traverse != NULL)
        (void)type->tp_traverse(object, on_visit, &looked_for); /* audit: on_visit's own answer */
    return looked_for.found;
}

typedef struct {
    PyObject *own;       /* as in a search */
    PyObject *const *held;
    int left;
    bool same;
} comparison;

static int on_visit_in_order(PyObject *object, void *arg)
{
    comparison *of = arg;
    if (object == of->own) {
        of->own = NULL;
        return 0;
    }
    while (of->left > 0 && *of->held == NULL)
        of->held++, of->left--;
    of->same = of->left > 0 && *of->held == object;
    of->held++, of->left--;
    return !of->same;
}

bool rec_holds_in_order(PyObject *object, PyTypeObject *type, PyObject *const held[], int count)
{
    bool holds_type = type->tp_flags & Py_TPFLAGS_HEAPTYPE;
    comparison of = {holds_type ? (PyObject *)Py_TYPE(object) : NULL, held, count, true};
    if (type->tp_traverse == NULL)
        return false;
    (void)type->tp_traverse(object, on_visit_in_order, &of); /* audit: on_visit_in_order's own answer */
    for (; of.same && of.left > 0; of.held++, of.left--)
        of.same = *of.held == NULL;
    return of.same;
}

static bool add_visited(rec_form *form, PyObject *object, PyTypeObject *type, int n)
{
    PyObject *found = rec_visited(object, type, n, REC_HELD_ANY);
    if (found != NULL)
        rec_add_object(form, found);
    return found != NULL;
}

static bool add_attribute(rec_form *form, PyObject *object, const char *name)
{
    PyObject *value = rec_attribute(object, name);
    if (value != NULL)
        rec_add_object(form, value);
    return value != NULL;
}

static bool add_part(rec_form *form, PyObject *object, const places *at, const source *from, int i)
{
    switch (from->way) {
    case MEMBER:
    case GETTER:
        if (at->found[i].member != NULL)
            return add_member(form, object, at->found[i].member);
        return add_answer(form, at->found[i].getter->get(object, at->found[i].getter->closure));
    case METHOD:
        return add_answer(form, at->found[i].method->ml_meth(object, NULL));
    case VISITED:
        return add_visited(form, object, at->type, from->n);
    case HELD:
        rec_add_object(form, rec_visited(object, at->type, from->n, from->kind));
        return true;
    case UNTOLD:
        rec_add_object(form, NULL);
        return true;
    case SAID:
        form->parts[form->count].kind = REC_PART_TEXT;
        return snprintf(form->parts[form->count++].text, sizeof(form->parts->text), "%s", from->name) > 0;
    case ATTRIBUTE:
        return add_attribute(form, object, from->name);
    default:
        form->parts[form->count++].kind = REC_PART_DICT;
        return true;
    }
}

/* Finds the parts of a row in the tables of a type; not known if one of them is not there. */
static void resolve(places *at, PyTypeObject *type, const row *of)
{
    *at = (places){.type = type, .known = true};
    for (int i = 0; i < REC_MOST_PARTS && of->sources[i].way != NOTHING; i++) {
        const source *from = &of->sources[i];
        if (from->way == MEMBER && (at->found[i].member = rec_find_member(type, from->name)) != NULL)
            continue;
        /* What was a member becomes a getter where it has to be read under a lock: TextIOWrapper's buffer in 3.14. */
        if (from->way == MEMBER || from->way == GETTER)
            at->known &= (at->found[i].getter = rec_getter_of(type, from->name)) != NULL;
        else if (from->way == VISITED || from->way == HELD)
            at->known &= type->tp_traverse != NULL;
        else if (from->way == METHOD)
            at->known &= (at->found[i].method = rec_method_of(type, from->name)) != NULL;
    }
}

static bool read_sources(PyObject *object, const places *at, const row *of, rec_form *form)
{
    for (int i = 0; i < REC_MOST_PARTS && of->sources[i].way != NOTHING; i++)
        if (!add_part(form, object, at, &of->sources[i], i))
            return false;
    return true;
}

static bool has_only_leaves(const rec_form *form)
{
    for (int i = 0; i < form->count; i++)
        if (form->parts[i].kind != REC_PART_NUMBER && form->parts[i].kind != REC_PART_TEXT
            && form->parts[i].kind != REC_PART_BYTES && form->parts[i].kind != REC_PART_DECIMAL)
            return false;
    return true;
}

static bool read_parts(PyObject *object, uint8_t number, rec_form *form)
{
    places *at = &resolved[number];
    PyTypeObject *type = type_of_row(object, number);
    if (type == NULL)
        return false;
    if (at->type != type)
        resolve(at, type, &rows[number]);
    if (!at->known)
        return false;
    if (!read_sources(object, at, &rows[number], form))
        return false;
    bool is_derived = rows[number].form == REC_FORM_ITERATOR && Py_TYPE(object) != type;
    switch (rows[number].reader == NULL ? REC_LAYOUT_PROVED : rows[number].reader(object, type, form)) {
    case REC_LAYOUT_PROVED:
        if (is_derived)
            add_base(form, type);
        return true;
    case REC_LAYOUT_UNKNOWN:
        at->known = false;
        rec_layout_was_unknown = true;
        return false;
    default:
        return false;
    }
}

bool rec_layout_was_unknown;

bool rec_read_form(PyObject *object, uint8_t number, rec_form *form)
{
    PyObject *kind, *value, *trace;
    *form = (rec_form){.form = rows[number].form};
    PyErr_Fetch(&kind, &value, &trace);
    bool done = read_parts(object, number, form);
    PyErr_Restore(kind, value, trace);
    if (!done)
        *form = (rec_form){.form = REC_FORM_UNKNOWN_LAYOUT};
    form->leaf = has_only_leaves(form);
    return done;
}
