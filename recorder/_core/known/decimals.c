/* decimal.Decimal, as libmpdec keeps it. */
#include "known/readers.h"
#include <string.h>

typedef struct {         /* mpd_t of Modules/_decimal/libmpdec/mpdecimal.h */
    uint8_t flags;
    Py_ssize_t exponent;
    Py_ssize_t digits;
    Py_ssize_t count;
    Py_ssize_t capacity;
    uint64_t *words;
} mpd;

typedef struct {         /* PyDecObject of Modules/_decimal/_decimal.c */
    PyObject_HEAD
    Py_hash_t hash;
    mpd number;
    uint64_t own_words[4];
} decimal_object;

#define WORD_DIGITS 19
#define HASH_PRIME ((UINT64_C(1) << 61) - 1)
#define HASH_INVERSE_OF_TEN UINT64_C(2075258708292324556)

static bool is_special(const mpd *number)
{
    return number->flags & (REC_DECIMAL_INFINITE | REC_DECIMAL_NAN | REC_DECIMAL_SIGNALING);
}

static uint64_t multiplied(uint64_t a, uint64_t b) { return (uint64_t)((unsigned __int128)a * b % HASH_PRIME); }

/* The hash that Python gives to equal numbers of all types. */
static Py_hash_t hash_of(const mpd *number)
{
    uint64_t hash = 0, power = number->exponent < 0 ? HASH_INVERSE_OF_TEN : 10;
    for (Py_ssize_t i = number->count - 1; i >= 0; i--)
        hash = (multiplied(hash, UINT64_C(10000000000000000000) % HASH_PRIME) + number->words[i] % HASH_PRIME) % HASH_PRIME;
    for (size_t n = (size_t)(number->exponent < 0 ? -number->exponent : number->exponent); n != 0; n >>= 1) {
        if (n & 1)
            hash = multiplied(hash, power);
        power = multiplied(power, power);
    }
    Py_hash_t signed_hash = number->flags & REC_DECIMAL_NEGATIVE ? -(Py_hash_t)hash : (Py_hash_t)hash;
    return signed_hash == -1 ? -2 : signed_hash;
}

static bool is_plausible(const mpd *number)
{
    return number->count >= 0 && number->count <= number->capacity && number->words != NULL
           && number->digits <= number->count * WORD_DIGITS && number->digits > (number->count - 1) * WORD_DIGITS;
}

/* Whether a number that is none says so of itself. */
static bool proves_special(decimal_object *o, PyTypeObject *type)
{
    bool infinite, quiet, signaling, negative;
    PyObject *object = (PyObject *)o;
    return rec_ask_bool(object, type, "is_infinite", &infinite) && rec_ask_bool(object, type, "is_qnan", &quiet)
           && rec_ask_bool(object, type, "is_snan", &signaling) && rec_ask_bool(object, type, "is_signed", &negative)
           && o->number.flags % 16
                  == (infinite ? REC_DECIMAL_INFINITE : 0) + (quiet ? REC_DECIMAL_NAN : 0)
                         + (signaling ? REC_DECIMAL_SIGNALING : 0) + (negative ? REC_DECIMAL_NEGATIVE : 0);
}

/* By what the number answers itself: none of these needs a context, which would be made by asking. */
static rec_reading prove(decimal_object *o, PyTypeObject *type)
{
    int64_t adjusted;
    bool negative;
    if (is_special(&o->number))
        return proves_special(o, type) && o->number.digits == 0 ? REC_LAYOUT_PROVED : REC_UNREADABLE_NOW;
    if (!is_plausible(&o->number) || type->tp_hash == NULL)
        return REC_LAYOUT_UNKNOWN;
    if (!rec_ask_number((PyObject *)o, type, "adjusted", &adjusted)
        || !rec_ask_bool((PyObject *)o, type, "is_signed", &negative))
        return REC_UNREADABLE_NOW; /* no memory */
    Py_hash_t hash = type->tp_hash((PyObject *)o);
    if (hash == -1) {
        PyErr_Clear();
        return REC_UNREADABLE_NOW;
    }
    return hash == hash_of(&o->number) && adjusted == o->number.exponent + o->number.digits - 1
                   && negative == (o->number.flags & REC_DECIMAL_NEGATIVE)
               ? REC_LAYOUT_PROVED : REC_LAYOUT_UNKNOWN;
}

static PyTypeObject *proved; /* the type whose layout this has been shown to be, by a number that is one */

rec_reading rec_read_decimal(PyObject *object, PyTypeObject *type, rec_form *form)
{
    decimal_object *o = (decimal_object *)object;
    if (type->tp_basicsize != sizeof(decimal_object))
        return REC_LAYOUT_UNKNOWN;
    if (proved != type) {
        rec_reading reading = prove(o, type);
        if (reading != REC_LAYOUT_PROVED)
            return reading;
        if (!is_special(&o->number))
            proved = type;
    }
    form->parts[0].kind = REC_PART_DECIMAL;
    form->parts[0].decimal = (rec_decimal){o->number.words, o->number.count, o->number.digits, o->number.exponent,
                                           o->number.flags & 15};
    if (o->number.flags & REC_DECIMAL_INFINITE)
        form->parts[0].decimal.count = form->parts[0].decimal.digits = form->parts[0].decimal.exponent = 0;
    form->count = 1;
    return REC_LAYOUT_PROVED;
}

/* ---- as text ---- */

typedef struct {
    char *out;
    Py_ssize_t size, limit;
} writer;

static void put_char(writer *w, char c)
{
    if (w->size < w->limit)
        w->out[w->size] = c;
    w->size++;
}

static void put_chars(writer *w, const char *text)
{
    for (; *text != 0; text++)
        put_char(w, *text);
}

static void put_digits(writer *w, uint64_t number, int width)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (n < width)
        digits[n++] = '0';
    while (n > 0)
        put_char(w, digits[--n]);
}

static void put_coefficient(writer *w, const rec_decimal *decimal)
{
    Py_ssize_t before = w->size, last = decimal->count - 1;
    for (Py_ssize_t i = last; i >= 0 && w->size < w->limit; i--)
        put_digits(w, decimal->words[i], i == last ? 0 : WORD_DIGITS);
    w->size = before + decimal->digits; /* those beyond the limit were passed over */
}

Py_ssize_t rec_decimal_text(const rec_decimal *decimal, char *out, Py_ssize_t limit)
{
    writer w = {out, 0, limit};
    if (decimal->flags & REC_DECIMAL_NEGATIVE)
        put_char(&w, '-');
    if (decimal->flags & REC_DECIMAL_INFINITE) {
        put_chars(&w, "Infinity");
        return w.size;
    }
    if (decimal->flags & (REC_DECIMAL_NAN | REC_DECIMAL_SIGNALING)) {
        put_chars(&w, decimal->flags & REC_DECIMAL_SIGNALING ? "sNaN" : "NaN");
        if (decimal->digits > 0)
            put_coefficient(&w, decimal);
        return w.size;
    }
    put_coefficient(&w, decimal);
    if (decimal->exponent != 0) {
        put_char(&w, 'E');
        if (decimal->exponent < 0)
            put_char(&w, '-');
        put_digits(&w, (uint64_t)(decimal->exponent < 0 ? -decimal->exponent : decimal->exponent), 0);
    }
    return w.size;
}
