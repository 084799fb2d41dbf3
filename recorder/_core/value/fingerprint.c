/* Fingerprints of values: one of the two visitors of traverse.h.
 *
 * A container's is a sum of products, in 128 bits: each element has a number of 64 bits, which is multiplied by a
 * constant that belongs to its position. The products do not wait for each other, so that an int, a float or a str in a
 * list costs little more than fetching it. Two different contents have the same sum only by a chance of about 2^-64
 * (this is multilinear hashing), whichever elements changed together. The sum is folded when the constants are used
 * up, and at the end. */
#include "cpython/internal.h"
#include "value/fingerprint.h"
#include "cpython/frames.h"
#include "value/traverse.h"

rec_limits_of_values rec_limits;
rec_walk_state rec_walk;
rec_met rec_memo[REC_MEMO_SIZE];
rec_type_table rec_types;

enum { FACTORS = 64 };
static uint64_t factors[FACTORS];

void rec_prepare_fingerprints(void)
{
    uint64_t seed = 0;
    for (int i = 0; i < FACTORS; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        factors[i] = (z ^ z >> 31) | 1;
    }
}

struct rec_visit {       /* the fingerprint of one value, as far as it has been visited */
    unsigned __int128 sum;
    uint64_t before;     /* what was folded so far */
    uint32_t count;      /* factors used up in `sum` */
};

static inline void fold_sum(rec_visit *v)
{
    v->before = rec_fold(rec_fold(v->before, (uint64_t)v->sum), (uint64_t)(v->sum >> 64));
    v->sum = 0;
    v->count = 0;
}

static inline void add(rec_visit *v, uint64_t number)
{
    if (__builtin_expect(v->count == FACTORS, 0))
        fold_sum(v);
    v->sum += (unsigned __int128)number * factors[v->count++];
}

static inline void mix(rec_visit *v, uint64_t number) { v->before = rec_fold(v->before, number); }

static inline uint64_t total(rec_visit *v)
{
    if (v->count != 0)
        fold_sum(v);
    return v->before;
}

/* ---- what has no parts ---- */

/* So that 1, 1.0 and a text whose hash is 1 differ. */
#define OF_INT 0xA24BAED4963EE407u
#define OF_FLOAT 0x9FB21C651E98DF25u
#define OF_STR 0xD6E8FEB86659FD93u
#define OF_OBJECT 0xC2B2AE3D27D4EB4Fu

__attribute__((noinline)) static uint64_t fingerprint_large_int(PyObject *o)
{
    const digit *digits;
    int negative;
    Py_ssize_t n = rec_int_digits(o, &digits, &negative);
    if (n == 2)
        return OF_INT + ((4u | (uint64_t)negative) << 60) + (digits[0] | (uint64_t)digits[1] << PyLong_SHIFT);
    rec_count_bytes((size_t)n * sizeof(digit));
    return rec_fold(rec_hash_bytes(digits, (size_t)n * sizeof(digit)), (uint64_t)negative);
}

static inline uint64_t fingerprint_int(PyObject *o)
{
    PyLongObject *v = (PyLongObject *)o;
#if PY_VERSION_HEX < 0x030C0000
    Py_ssize_t size = Py_SIZE(v);
    if (__builtin_expect((size_t)(size + 1) <= 2, 1))
        return OF_INT + ((uint64_t)size << 40) + (v->ob_digit[0] & -(uint64_t)(size & 1)); /* 0 has none */
#else
#if PY_VERSION_HEX < 0x030E0000
    uintptr_t tag = v->long_value.lv_tag;
#else
    uintptr_t tag = v->long_value.lv_tag & ~(uintptr_t)4; /* without the mark of those that CPython keeps for good */
#endif
    if (__builtin_expect(tag < (2 << 3), 1)) /* at most one digit; 0 has one, too */
        return OF_INT + (tag << 40) + v->long_value.ob_digit[0];
#endif
    return fingerprint_large_int(o);
}

/* Those of strs that have their hash, by which they are found again. It must not be taken for the fingerprint: a str is the
 * same before it has it. */
enum { REC_KEPT_TEXTS = 1024 };
static struct {
    Py_hash_t hash; /* −1: none */
    uint64_t fingerprint;
} kept_texts[REC_KEPT_TEXTS];

/* Apart from the loops, which it would make slower. */
__attribute__((noinline)) static uint64_t fingerprint_text(PyObject *o)
{
    Py_hash_t hash = rec_str_hash(o);
    uint64_t fingerprint = OF_STR ^ rec_str_fingerprint(o, rec_limits.text);
    rec_count_bytes(rec_str_seen(o, rec_limits.text));
    if (hash != -1) {
        kept_texts[hash & (REC_KEPT_TEXTS - 1)].hash = hash;
        kept_texts[hash & (REC_KEPT_TEXTS - 1)].fingerprint = fingerprint;
    }
    return fingerprint;
}

static inline uint64_t fingerprint_str(PyObject *o)
{
    Py_hash_t hash = rec_str_hash(o);
    size_t place = hash & (REC_KEPT_TEXTS - 1);
    return hash != -1 && kept_texts[place].hash == hash ? kept_texts[place].fingerprint : fingerprint_text(o);
}

static uint64_t fingerprint_object(PyObject *o, PyTypeObject *t, uint32_t depth);

/* Of anything, as one of type `t`. */
TRAVERSAL uint64_t fingerprint_any(PyObject *o, PyTypeObject *t, uint32_t depth)
{
    if (__builtin_expect(t == &PyLong_Type, 1))
        return fingerprint_int(o);
    if (t == &PyUnicode_Type)
        return fingerprint_str(o);
    if (t == &PyFloat_Type)
        return OF_FLOAT ^ rec_float_bits(o);
    if (o == Py_None || t == &PyBool_Type)
        return (uint64_t)(uintptr_t)o;
    return fingerprint_object(o, t, depth);
}

TRAVERSAL void visit_value(rec_visit *v, PyObject *o, PyTypeObject *t, uint32_t depth)
{
    add(v, fingerprint_any(o, t, depth));
}

static inline bool visit_is_full(const rec_visit *v) { return false; }

/* A variable that holds another object, which is equal, keeps its fingerprint: which one it is, is told by itself. So far
 * there is nothing but the type. */
static inline void visit_identity(rec_visit *v, rec_identity identity)
{
    if (rec_walk.containers == 0) {
        rec_identities.top = identity;
        return;
    }
    v->before += identity.number * OF_OBJECT;
    if (identity.doubts != rec_identities.alike)
        rec_walk.inner_doubts += rec_fold(identity.number + 1, identity.doubts + OF_OBJECT);
}

static void visit_data(rec_visit *v, const char *data, Py_ssize_t size)
{
    Py_ssize_t seen = size < (Py_ssize_t)rec_limits.text ? size : (Py_ssize_t)rec_limits.text;
    mix(v, rec_hash_bytes(data, (size_t)seen));
    mix(v, (uint64_t)size);
    rec_count_bytes((size_t)seen);
}

static void visit_bytes(rec_visit *v, PyObject *o, PyTypeObject *t) { visit_data(v, rec_bytes_data(o, t), rec_size(o)); }

static inline void visit_complex(rec_visit *v, PyObject *o)
{
    mix(v, rec_hash_bytes(&((PyComplexObject *)o)->cval, 16));
}

static inline void visit_class(rec_visit *v, const rec_type_entry *entry) { mix(v, entry->id); }

static inline void mix_name(rec_visit *v, PyObject *name)
{
    if (name != NULL && PyUnicode_CheckExact(name))
        mix(v, fingerprint_str(name));
}

/* Its name as well: another one may have come to be at its address. */
static void visit_named(rec_visit *v, PyObject *o, PyTypeObject *t)
{
    mix(v, (uint64_t)(uintptr_t)o);
    if (t == &PyModule_Type) {
        mix_name(v, rec_module_name(o));
    } else if (t == &PyFunction_Type) {
        mix_name(v, ((PyFunctionObject *)o)->func_module);
        mix_name(v, ((PyFunctionObject *)o)->func_qualname);
    }
}

static inline void visit_opaque(rec_visit *v, PyObject *o, const rec_type_entry *entry) { mix(v, entry->id); }

static void visit_generator(rec_visit *v, PyObject *o, const rec_type_entry *entry)
{
    rec_generator generator;
    rec_read_generator(o, &generator);
    mix(v, (uint64_t)(uintptr_t)generator.name);
    mix_name(v, generator.name);
    mix(v, (uint64_t)generator.state);
    mix(v, (uint64_t)generator.line);
}

static void visit_array(rec_visit *v, PyObject *o, const rec_type_entry *entry)
{
    static uint8_t items[REC_ARRAY_BYTES];
    rec_array array;
    mix(v, entry->id);
    if (!rec_array_begin(o, &array))
        return;
    size_t size = rec_array_fit(&array, rec_array_limit());
    rec_array_copy(&array, items, size);
    mix(v, rec_hash_bytes(array.view.shape, (size_t)array.view.ndim * sizeof(Py_ssize_t)));
    if (array.view.format != NULL)
        mix(v, rec_hash_bytes(array.view.format, strlen(array.view.format)));
    mix(v, rec_hash_bytes(items, size));
    rec_array_end(&array);
}

static void visit_cells(rec_visit *v, const rec_type_entry *entry, const rec_cells *cells)
{
    static uint8_t items[REC_ARRAY_BYTES];
    size_t size = rec_cells_fit(cells, rec_array_limit());
    mix(v, entry->id);
    for (int d = 0; d < cells->dimensions; d++)
        mix(v, (uint64_t)rec_cells_length(cells, d));
    mix(v, rec_hash_bytes(cells->format, strlen(cells->format)));
    if (size > 0)
        rec_cells_copy(cells, items, size);
    mix(v, rec_hash_bytes(items, size));
}

/* ---- built-in containers ---- */

/* The kinds of what is not a container of its own, so that they differ. */
enum { ELIDED = 1, REFERENCE = 2 };

static inline void visit_elided(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size)
{
    mix(v, ELIDED + ((uint64_t)entry->id << 8));
    mix(v, (uint64_t)size);
}

static inline void visit_reference(rec_visit *v, int64_t index) { mix(v, REFERENCE + ((uint64_t)index << 8)); }

static inline void visit_container(rec_visit *v, PyTypeObject *t, Py_ssize_t size, Py_ssize_t shown)
{
    mix(v, (uint64_t)size);
}

/* As traverse_items, with sums that are kept in registers. */
TRAVERSAL void visit_items(rec_visit *v, PyObject **items, Py_ssize_t n, uint32_t depth)
{
    if (__builtin_expect(rec_is_secret_pair(items, n), 0)) {
        traverse_items(v, items, n, depth);
        return;
    }
    while (n > 0) {
        Py_ssize_t some = n < FACTORS ? n : FACTORS;
        unsigned __int128 sum = 0;
        for (Py_ssize_t i = 0; i < some; i++)
            sum += (unsigned __int128)fingerprint_any(items[i], Py_TYPE(items[i]), depth) * factors[i];
        v->sum += sum;
        fold_sum(v);
        items += some;
        n -= some;
    }
}

static uint64_t objects_visited; /* how many were not scalars */

/* Sets of names of which none is secret, by what they are together: the same dicts are looked at again and again. */
enum { REC_PLAIN_SETS = 512 };
static uint64_t plain_sets[REC_PLAIN_SETS];

/* Dicts whose values cannot change by themselves: as long as CPython's count of their changes stands where it stood, so
 * does the fingerprint. */
enum { REC_KEPT_DICTS = 256 };
static struct {
    PyObject *dict;
    uint64_t version, fingerprint;
} kept_dicts[REC_KEPT_DICTS];

void rec_forget_fingerprints(void)
{
    memset(kept_texts, 0xFF, sizeof(kept_texts));
    memset(plain_sets, 0, sizeof(plain_sets));
    memset(kept_dicts, 0, sizeof(kept_dicts));
}

#if REC_CPYTHON_KNOWN
/* As traverse_dict, for a table whose keys are exact strs with their hashes, as nearly all are: the names are added all
 * together, and looked at one by one only if one of them is secret. */
static inline void add_texts(rec_visit *v, PyDictKeysObject *keys, Py_ssize_t n, uint32_t depth)
{
    PyDictUnicodeEntry *first = DK_UNICODE_ENTRIES(keys), *end = first, *entry;
    uint64_t names = 0;
    bool secret = false;
    for (; n > 0 && end < first + keys->dk_nentries; end++) {
        if (end->me_value == NULL)
            continue;
        /* Hashes of strs have no pattern that could add up: half a product does. */
        names += (uint64_t)rec_str_hash(end->me_key) * (factors[n % FACTORS] + (uint64_t)n);
        n--;
    }
    names = rec_fold(names, 1);
    add(v, names);
    uint64_t *plain = &plain_sets[names >> 20 & (REC_PLAIN_SETS - 1)];
    if (*plain != names && rec_secrets.names.count != 0) {
        for (entry = first; entry < end; entry++)
            secret |= entry->me_value != NULL && rec_is_secret(entry->me_key);
        if (!secret)
            *plain = names;
    }
    unsigned __int128 sum = 0;
    uint32_t count = 0;
    for (entry = first; entry < end; entry++) {
        PyObject *value = entry->me_value;
        if (value == NULL || (secret && rec_is_secret(entry->me_key)))
            continue;
        sum += (unsigned __int128)fingerprint_any(value, Py_TYPE(value), depth) * factors[count];
        if (__builtin_expect(++count == FACTORS, 0)) {
            v->sum += sum;
            fold_sum(v);
            sum = count = 0;
        }
    }
    fold_sum(v);
    v->sum = sum;
    v->count = count;
}
#endif

static inline void add_dict(rec_visit *v, PyObject *dict, Py_ssize_t n, uint32_t depth)
{
    rec_items items;
    rec_open_items(&items, dict);
#if REC_CPYTHON_KNOWN
    if (items.dict == NULL && items.values == NULL && DK_IS_UNICODE((PyDictKeysObject *)items.keys)) {
        add_texts(v, items.keys, n, depth);
        return;
    }
#endif
    traverse_dict(v, &items, n, depth);
}

/* Of all its items, which have been taken from what the value may have. `version`: see kept_dicts. */
static uint64_t fingerprint_dict(PyObject *o, Py_ssize_t n, uint32_t depth, uint64_t version, bool ordered)
{
    uint64_t before = objects_visited;
    size_t bucket = ((uintptr_t)o >> 4) * 2654435761u >> 16 & (REC_KEPT_DICTS - 1);
    if (version != 0 && kept_dicts[bucket].version == version && kept_dicts[bucket].dict == o)
        return kept_dicts[bucket].fingerprint;
    rec_visit v = {0};
    if (ordered)
        traverse_ordered_items(&v, o, n, n, depth);
    else
        add_dict(&v, o, n, depth);
    uint64_t fingerprint = total(&v);
    if (objects_visited == before) {
        kept_dicts[bucket].dict = o;
        kept_dicts[bucket].version = version;
        kept_dicts[bucket].fingerprint = fingerprint;
    }
    return fingerprint;
}

static inline void visit_dict(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth)
{
    if (shown == size)
        mix(v, fingerprint_dict(dict, size, depth, rec_dicts_public ? 0 : rec_dict_version(dict), false));
    else
        add_dict(v, dict, shown, depth);
}

static void visit_ordered(rec_visit *v, PyObject *dict, Py_ssize_t size, Py_ssize_t shown, uint32_t depth)
{
    if (shown == size)
        mix(v, fingerprint_dict(dict, size, depth, rec_ordered_version(dict), true));
    else
        traverse_ordered_items(v, dict, size, shown, depth);
}

static inline void visit_redacted(rec_visit *v) {}

/* ---- instances ---- */

static inline void visit_instance(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown)
{
    mix(v, entry->id);
    mix(v, (uint64_t)size);
}

static void visit_part(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    rec_visit part = {0};
    traverse_part(&part, o, entry, depth, rec_part_of(o));
    add(v, total(&part));
}

#if REC_CPYTHON_KNOWN
/* Which of the names that all instances share are secret: a bit for each. */
static uint32_t shared_secrets(rec_type_entry *entry, PyDictKeysObject *keys)
{
    if (entry->keys != keys) {
        entry->keys = keys;
        entry->named = 0;
        entry->secrets = 0;
    }
    for (; entry->named < keys->dk_nentries && entry->named < 32; entry->named++)
        if (rec_is_secret(DK_UNICODE_ENTRIES(keys)[entry->named].me_key))
            entry->secrets |= 1u << entry->named;
    return entry->secrets;
}

/* As traverse_storage, for values whose names all instances share: the index of a value stands for its name. */
static inline void add_values(rec_visit *v, rec_type_entry *entry, rec_items *items, Py_ssize_t n, uint32_t depth)
{
    uint32_t secrets = shared_secrets(entry, items->keys);
    for (Py_ssize_t i = 0; i < items->count && n > 0; i++) {
        uint8_t index = rec_values_index(items->values, i);
        PyObject *value = items->values[index];
        if (value == NULL)
            continue;
        add(v, index + 1u);
        if (index < 32 && !(secrets >> index & 1))
            visit_value(v, value, Py_TYPE(value), depth);
        n--;
    }
}
#endif

static inline void visit_storage(rec_visit *v, rec_type_entry *entry, rec_items *items, Py_ssize_t n, uint32_t depth)
{
#if REC_CPYTHON_KNOWN
    if (items->values != NULL && items->keys == ((PyHeapTypeObject *)entry->type)->ht_cached_keys) {
        add_values(v, entry, items, n, depth);
        return;
    }
#endif
    traverse_storage(v, items, n, depth);
}

static inline void visit_name(rec_visit *v, PyObject *name)
{
    if (name != NULL && PyUnicode_CheckExact(name))
        add(v, fingerprint_str(name));
}

static inline void visit_missing(rec_visit *v) {}

static inline void visit_typed(rec_visit *v, const rec_type_entry *entry) { mix(v, entry->id); }

static inline void visit_named_tuple(rec_visit *v, const rec_type_entry *entry, Py_ssize_t size, Py_ssize_t shown)
{
    mix(v, entry->id);
    mix(v, (uint64_t)size);
}

static inline void visit_exception(rec_visit *v, const rec_type_entry *entry, PyObject *args)
{
    mix(v, entry->id);
}

static inline void visit_member(rec_visit *v, PyObject *o, const rec_type_entry *entry, PyObject *value)
{
    mix(v, entry->id);
    mix(v, (uint64_t)(uintptr_t)o);
}

static inline void visit_datetime(rec_visit *v, const rec_type_entry *entry, const rec_datetime *datetime)
{
    mix(v, entry->id);
    mix(v, rec_hash_bytes(datetime, 10 * sizeof(int)));
}

static inline void visit_fields(rec_visit *v, const rec_type_entry *entry, int count) { mix(v, entry->id); }

static inline void visit_field_name(rec_visit *v, const char *name) {}

/* ---- well-known types ---- */

static inline void visit_form(rec_visit *v, const rec_type_entry *entry, const rec_form *form)
{
    mix(v, entry->id);
    mix(v, form->form + ((uint64_t)form->count << 8));
}

static inline void visit_number(rec_visit *v, int64_t number) { mix(v, (uint64_t)number); }

static inline void visit_text(rec_visit *v, const char *text) { mix(v, rec_hash_bytes(text, strlen(text))); }

static inline void visit_utf8(rec_visit *v, const char *text, Py_ssize_t size) { visit_data(v, text, size); }

static inline void visit_decimal(rec_visit *v, const rec_decimal *decimal)
{
    mix(v, decimal->flags);
    mix(v, (uint64_t)decimal->exponent);
    mix(v, rec_hash_bytes(decimal->words, (size_t)decimal->count * sizeof(uint64_t)));
    rec_count_bytes((size_t)decimal->count * sizeof(uint64_t));
}

/* ---- anything ---- */

__attribute__((noinline)) static uint64_t fingerprint_object(PyObject *o, PyTypeObject *t, uint32_t depth)
{
    rec_visit v = {.before = (uint64_t)(uintptr_t)t};
    objects_visited++;
    rec_reach(o);
    traverse_object(&v, o, t, depth);
    return total(&v);
}

uint64_t rec_fingerprint(PyObject *o, PyTypeObject *t)
{
    rec_identities.top.number = REC_NO_OBJECT;
    return t == &PyUnicode_Type ? fingerprint_str(o) : fingerprint_any(o, t, 0);
}
