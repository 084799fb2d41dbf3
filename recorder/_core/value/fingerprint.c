/* Fingerprints of values.
 *
 * A container's is a sum of products, in 128 bits: each element has a number of 64 bits, which is multiplied by a
 * constant that belongs to its place. The products do not wait for each other, so that an int, a float or a str in a
 * list costs little more than fetching it. Two different contents have the same sum only by a chance of about 2^-64
 * (this is multilinear hashing), whichever elements changed together. The sum is folded when the constants are used
 * up, and at the end. */
#include "cpython/internal.h"
#include "value/fingerprint.h"
#include "cpython/dicts.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "value/redaction.h"
#include "value/types.h"
#include "value/walk.h"

rec_limits_of_values rec_limits;
rec_walk_state rec_walk;
rec_met rec_memo[REC_MEMO_SIZE];
rec_type_table rec_types;

enum { PLACES = 64 };
static uint64_t factors[PLACES];

void rec_prepare_prints(void)
{
    uint64_t seed = 0;
    for (int i = 0; i < PLACES; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        factors[i] = (z ^ z >> 31) | 1;
    }
}

typedef struct {
    unsigned __int128 sum;
    uint64_t before; /* what was folded so far */
    uint32_t place;
} rec_sum;

static inline void fold_sum(rec_sum *s)
{
    s->before = rec_fold(rec_fold(s->before, (uint64_t)s->sum), (uint64_t)(s->sum >> 64));
    s->sum = 0;
    s->place = 0;
}

static inline void add(rec_sum *s, uint64_t number)
{
    if (__builtin_expect(s->place == PLACES, 0))
        fold_sum(s);
    s->sum += (unsigned __int128)number * factors[s->place++];
}

static inline uint64_t total(rec_sum s)
{
    fold_sum(&s);
    return s.before;
}

/* ---- elements ---- */

/* So that 1, 1.0 and a text whose hash is 1 differ. */
#define OF_INT 0xA24BAED4963EE407u
#define OF_FLOAT 0x9FB21C651E98DF25u
#define OF_STR 0xD6E8FEB86659FD93u

__attribute__((noinline)) static uint64_t print_large_int(PyObject *o)
{
    const digit *digits;
    int negative;
    Py_ssize_t n = rec_int_digits(o, &digits, &negative);
    if (n == 2)
        return OF_INT + ((4u | (uint64_t)negative) << 60) + (digits[0] | (uint64_t)digits[1] << PyLong_SHIFT);
    return rec_fold(rec_hash_bytes(digits, (size_t)n * sizeof(digit)), (uint64_t)negative);
}

static inline uint64_t print_int(PyObject *o)
{
    PyLongObject *v = (PyLongObject *)o;
#if PY_VERSION_HEX < 0x030C0000
    Py_ssize_t size = Py_SIZE(v);
    if (__builtin_expect((size_t)(size + 1) <= 2, 1))
        return OF_INT + ((uint64_t)size << 40) + (v->ob_digit[0] & -(uint64_t)(size & 1)); /* 0 has none */
#else
    uintptr_t tag = v->long_value.lv_tag;
    if (__builtin_expect(tag < (2 << 3), 1)) /* at most one digit; 0 has one, too. Bit 2: kept by CPython for good */
        return OF_INT + ((tag & ~(uintptr_t)4) << 40) + v->long_value.ob_digit[0];
#endif
    return print_large_int(o);
}

/* Apart from the loops, which it would make slower. */
__attribute__((noinline)) static uint64_t print_str(PyObject *o)
{
    return OF_STR ^ rec_str_print(o, rec_limits.text);
}

__attribute__((always_inline)) static inline uint64_t print_element(PyObject *o, uint32_t depth)
{
    PyTypeObject *t = Py_TYPE(o);
    if (t == &PyLong_Type)
        return print_int(o);
    if (t == &PyUnicode_Type) {
        Py_hash_t hash = rec_str_hash(o);
        return hash != -1 ? OF_STR ^ (uint64_t)hash : print_str(o);
    }
    if (t == &PyFloat_Type)
        return OF_FLOAT ^ rec_float_bits(o);
    if (o == Py_None || t == &PyBool_Type)
        return (uint64_t)(uintptr_t)o;
    return rec_print(o, t, depth);
}

/* ---- built-in containers ---- */

static inline void add_items(rec_sum *s, PyObject **items, Py_ssize_t n, uint32_t depth)
{
    while (n > 0) {
        Py_ssize_t some = n < PLACES ? n : PLACES;
        unsigned __int128 sum = 0;
        for (Py_ssize_t i = 0; i < some; i++)
            sum += (unsigned __int128)print_element(items[i], depth) * factors[i];
        s->sum += sum;
        fold_sum(s);
        items += some;
        n -= some;
    }
}

static void add_set(rec_sum *s, PyObject *set, Py_ssize_t n, uint32_t depth)
{
    Py_ssize_t at = 0;
    PyObject *key;
    while (n > 0 && rec_set_next(set, &at, &key)) {
        add(s, print_element(key, depth));
        n--;
    }
}

/* Sets of names of which none is secret, by what they are together: the same dicts are looked at again and again. */
enum { REC_PLAIN_SETS = 512 };
static uint64_t plain_sets[REC_PLAIN_SETS];

/* Dicts whose values cannot change by themselves: as long as CPython's count of their changes stands where it stood, so
 * does the fingerprint. */
enum { REC_KEPT_DICTS = 256 };
static struct {
    PyObject *dict;
    uint64_t version, print;
} kept_dicts[REC_KEPT_DICTS];
static uint64_t values_entered; /* how many were not scalars */

void rec_forget_dicts(void)
{
    memset(plain_sets, 0, sizeof(plain_sets));
    memset(kept_dicts, 0, sizeof(kept_dicts));
}

#if REC_CPYTHON_KNOWN
/* A table whose keys are exact strs with their hashes, as nearly all are. */
static inline void add_texts(rec_sum *s, PyDictKeysObject *keys, Py_ssize_t n, uint32_t depth)
{
    PyDictUnicodeEntry *first = DK_UNICODE_ENTRIES(keys), *end = first, *entry;
    uint64_t names = 0;
    bool secret = false;
    for (; n > 0 && end < first + keys->dk_nentries; end++) {
        if (end->me_value == NULL)
            continue;
        /* Hashes of strs have no pattern that could add up: half a product does. */
        names += (uint64_t)rec_str_hash(end->me_key) * (factors[n % PLACES] + (uint64_t)n);
        n--;
    }
    names = rec_fold(names, 1);
    add(s, names);
    uint64_t *plain = &plain_sets[names >> 20 & (REC_PLAIN_SETS - 1)];
    if (*plain != names && rec_secrets.count != 0) {
        for (entry = first; entry < end; entry++)
            secret |= entry->me_value != NULL && rec_is_secret(entry->me_key);
        if (!secret)
            *plain = names;
    }
    unsigned __int128 sum = 0;
    uint32_t place = 0;
    for (entry = first; entry < end; entry++) {
        PyObject *value = entry->me_value;
        if (value == NULL || (secret && rec_is_secret(entry->me_key)))
            continue;
        sum += (unsigned __int128)print_element(value, depth) * factors[place];
        if (__builtin_expect(++place == PLACES, 0)) {
            s->sum += sum;
            fold_sum(s);
            sum = place = 0;
        }
    }
    fold_sum(s);
    s->sum += sum;
}
#endif

static void add_dict(rec_sum *s, PyObject *dict, Py_ssize_t n, uint32_t depth)
{
    rec_items items;
    PyObject *key, *value;
    rec_open_items(&items, dict);
#if REC_CPYTHON_KNOWN
    if (items.dict == NULL && items.values == NULL && DK_IS_UNICODE((PyDictKeysObject *)items.keys)) {
        add_texts(s, items.keys, n, depth);
        return;
    }
#endif
    while (n > 0 && rec_next_item(&items, &key, &value)) {
        add(s, print_element(key, depth));
        if (!rec_is_secret(key))
            add(s, print_element(value, depth));
        n--;
    }
}

/* Of all its items, which have been taken from what the value may have. */
static uint64_t print_dict(PyObject *o, Py_ssize_t n, uint32_t depth)
{
    uint64_t version = rec_dicts_public ? 0 : rec_dict_version(o), before = values_entered;
    size_t place = ((uintptr_t)o >> 4) * 2654435761u >> 16 & (REC_KEPT_DICTS - 1);
    if (version != 0 && kept_dicts[place].version == version && kept_dicts[place].dict == o)
        return kept_dicts[place].print;
    rec_sum s = {.before = rec_fold((uint64_t)(uintptr_t)&PyDict_Type, (uint64_t)n)};
    add_dict(&s, o, n, depth);
    uint64_t print = total(s);
    if (values_entered == before) {
        kept_dicts[place].dict = o;
        kept_dicts[place].version = version;
        kept_dicts[place].print = print;
    }
    return print;
}

/* `identity` stands for the container in the memo: not itself where it is the part of an instance. */
static uint64_t print_container(PyObject *o, PyTypeObject *t, uint32_t depth, PyObject *identity)
{
    Py_ssize_t n = rec_container_size(o, t), shown;
    int64_t index;
    if (rec_is_elided(n, depth))
        return rec_fold(rec_type_of(t)->id, (uint64_t)n);
    index = rec_seen_before(identity);
    if (index >= 0)
        return rec_fold(5, (uint64_t)index);
    shown = rec_take_nodes(n);
    if (t == &PyDict_Type && shown == n)
        return print_dict(o, n, depth + 1);
    rec_sum s = {.before = rec_fold((uint64_t)(uintptr_t)t, (uint64_t)n)};
    if (t == &PyDict_Type)
        add_dict(&s, o, shown, depth + 1);
    else if (t == &PyList_Type || t == &PyTuple_Type)
        add_items(&s, rec_sequence_items(o, t), shown, depth + 1);
    else
        add_set(&s, o, shown, depth + 1);
    return total(s);
}

/* ---- instances ---- */

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

/* The place of a value tells its name. */
static void add_values(rec_sum *s, rec_type_entry *entry, rec_items *items, Py_ssize_t n, uint32_t depth)
{
    uint32_t secrets = shared_secrets(entry, items->keys);
    for (Py_ssize_t i = 0; i < items->count && n > 0; i++) {
        uint8_t place = rec_values_place(items->values, i);
        PyObject *value = items->values[place];
        if (value == NULL)
            continue;
        add(s, place + 1u);
        if (place < 32 && !(secrets >> place & 1))
            add(s, print_element(value, depth));
        n--;
    }
}
#endif

static void add_attribute(rec_sum *s, PyObject *name, PyObject *value, uint32_t depth)
{
    if (name != NULL)
        add(s, (uint64_t)rec_str_hash(name));
    if (!rec_is_secret(name))
        add(s, print_element(value, depth));
}

/* An instance that has attributes only, in a dict or in its place. */
static uint64_t print_plain(PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    rec_items items;
    PyObject *name, *value;
    int64_t index;
    rec_storage_of(&items, o, entry->type);
    rec_sum s = {.before = rec_fold(rec_fold(6, entry->id), (uint64_t)items.size)};
    if (rec_is_elided(items.size, depth))
        return s.before;
    index = rec_seen_before(o);
    if (index >= 0)
        return rec_fold(5, (uint64_t)index);
    Py_ssize_t n = rec_take_nodes(items.size);
#if REC_CPYTHON_KNOWN
    if (items.values != NULL && items.keys == ((PyHeapTypeObject *)entry->type)->ht_cached_keys) {
        add_values(&s, entry, &items, n, depth + 1);
        return total(s);
    }
#endif
    while (n > 0 && rec_next_item(&items, &name, &value)) {
        add_attribute(&s, PyUnicode_CheckExact(name) ? name : NULL, value, depth + 1);
        n--;
    }
    return total(s);
}

static uint64_t print_part(PyObject *o, PyTypeObject *t, rec_type_entry *entry, uint32_t depth, PyObject *identity);

static uint64_t print_instance(PyObject *o, rec_type_entry *entry, rec_attributes *attributes, Py_ssize_t n,
                               uint32_t depth)
{
    PyObject *name, *value;
    rec_sum s = {.before = rec_fold(rec_fold(6, entry->id), (uint64_t)n)};
    int64_t index;
    if (rec_is_elided(n + entry->part, depth))
        return s.before;
    index = rec_seen_before(o);
    if (index >= 0)
        return rec_fold(5, (uint64_t)index);
    Py_ssize_t shown = rec_take_nodes(n);
    if (entry->part)
        add(&s, print_part(o, Py_TYPE(o), entry, depth + 1, rec_part_of(o)));
    while (shown > 0 && rec_attributes_next(attributes, &name, &value)) {
        add_attribute(&s, name, value, depth + 1);
        shown--;
    }
    return total(s);
}

/* A member of an enum. It is what it is: only one that is being made can still change. */
static uint64_t print_member(PyObject *o, uint32_t depth, PyObject *identity)
{
    PyObject *value = rec_attribute(o, "_value_");
    uint64_t h = (uint64_t)(uintptr_t)o;
    if (rec_seen_before(identity) >= 0 || value == NULL)
        return h;
    return rec_fold(h, print_element(value, depth + 1));
}

static uint64_t print_moment(PyObject *o, rec_shape shape, uint32_t depth, PyObject *identity)
{
    rec_moment moment;
    rec_read_moment(o, shape, &moment);
    uint64_t h = rec_hash_bytes(&moment, 10 * sizeof(int));
    if (shape == REC_DATE || shape == REC_TIMEDELTA || rec_seen_before(identity) >= 0 || moment.zone == NULL)
        return h;
    return rec_fold(h, print_element(moment.zone, depth + 1));
}

/* What an instance has besides its attributes. */
static uint64_t print_part(PyObject *o, PyTypeObject *t, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_shape shape = entry->shape;
    uint64_t h = rec_fold(4, entry->id);
    if (shape == REC_NAMED_TUPLE && rec_names_of_fields(o, t) != NULL)
        return rec_fold(h, print_container(o, &PyTuple_Type, depth, identity));
    if (shape == REC_ENUM)
        return rec_fold(h, print_member(o, depth, identity));
    if (REC_DATE <= shape && shape <= REC_TIMEDELTA)
        return rec_fold(h, print_moment(o, shape, depth, identity));
    if (t->tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS) {
        PyObject *args = ((PyBaseExceptionObject *)o)->args;
        if (rec_seen_before(identity) >= 0 || args == NULL || Py_TYPE(args) != &PyTuple_Type)
            return h;
        return rec_fold(h, print_container(args, &PyTuple_Type, depth + 1, args));
    }
    PyTypeObject *base = rec_builtin_base(t);
    if (rec_is_container(base))
        return rec_fold(h, print_container(o, base, depth, identity));
    if (base == &PyFloat_Type)
        return rec_fold(h, rec_float_bits(o));
    return rec_fold(h, rec_print(o, base, depth));
}

static uint64_t print_fields(PyObject *o, rec_type_entry *entry, rec_fields *fields, uint32_t depth)
{
    uint64_t h = rec_fold(7, entry->id);
    if (rec_is_elided(fields->count, depth) || rec_seen_before(o) >= 0)
        return rec_fold(h, (uint64_t)(uintptr_t)o);
    for (int i = 0; i < fields->count; i++)
        h = rec_fold(h, print_element(fields->values[i], depth + 1));
    return h;
}

static uint64_t print_generator(PyObject *o)
{
    rec_generator generator;
    rec_read_generator(o, &generator);
    return rec_fold(rec_fold((uint64_t)(uintptr_t)generator.name, (uint64_t)generator.state), (uint64_t)generator.line);
}

static uint64_t print_array(PyObject *o, rec_type_entry *entry)
{
    static uint8_t items[REC_ARRAY_BYTES];
    rec_array array;
    uint64_t h = rec_fold(8, entry->id);
    if (!rec_array_begin(o, &array))
        return h;
    size_t size = rec_array_fit(&array, rec_array_limit());
    rec_array_copy(&array, items, size);
    h = rec_fold(h, rec_hash_bytes(array.view.shape, (size_t)array.view.ndim * sizeof(Py_ssize_t)));
    if (array.view.format != NULL)
        h = rec_fold(h, rec_hash_bytes(array.view.format, strlen(array.view.format)));
    h = rec_fold(h, rec_hash_bytes(items, size));
    rec_array_end(&array);
    return h;
}

/* An instance: its built-in part and its attributes, what its type has instead, or its type alone. */
static uint64_t print_typed(PyObject *o, rec_type_entry *entry, uint32_t depth)
{
    rec_shape shape = entry->shape;
    rec_attributes attributes;
    rec_fields fields;
    if (shape == REC_INSTANCE || entry->part) {
        Py_ssize_t n = rec_attributes_begin(&attributes, o, entry);
        if (entry->part && n == 0)
            return print_part(o, Py_TYPE(o), entry, depth, o);
        return print_instance(o, entry, &attributes, n, depth);
    }
    if (rec_find_fields(&fields, o, shape))
        return print_fields(o, entry, &fields, depth);
    if (shape == REC_GENERATOR)
        return print_generator(o);
    if (shape == REC_ARRAY)
        return print_array(o, entry);
    if (shape == REC_MODULE)
        return rec_fold(2, (uint64_t)(uintptr_t)o);
    return rec_fold(3, entry->id);
}

/* ---- anything ---- */

uint64_t rec_print(PyObject *o, PyTypeObject *t, uint32_t depth)
{
    values_entered++;
    if (rec_is_container(t))
        return print_container(o, t, depth, o);
    if (t == &PyUnicode_Type)
        return print_str(o);
    if (t == &PyLong_Type)
        return print_int(o);
    if (t == &PyBytes_Type || t == &PyByteArray_Type) {
        Py_ssize_t n = rec_size(o), seen = n < (Py_ssize_t)rec_limits.text ? n : (Py_ssize_t)rec_limits.text;
        return rec_fold(rec_hash_bytes(rec_bytes_data(o, t), (size_t)seen), (uint64_t)n);
    }
    if (t == &PyComplex_Type)
        return rec_hash_bytes(&((PyComplexObject *)o)->cval, 16);
    if (t->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS)
        return rec_fold(1, rec_type_of((PyTypeObject *)o)->id);
    if (rec_is_named(t))
        return rec_fold(2, (uint64_t)(uintptr_t)o);
    rec_type_entry *entry = rec_type_of(t);
    return entry->plain ? print_plain(o, entry, depth) : print_typed(o, entry, depth);
}
