/* The normal form of a name is its words in lower case with `_` between them: `X-Api-Key`, `xApiKey` and `X_API_KEY` are
 * all x_api_key. Where words begin is not certain (`PASSWORDhash`), and a number can be part of a name or count names
 * (`token2`), so that a name has several forms, and a pattern, too: one of the name's has to match one of the pattern's.
 * What is asked for once is kept by who asks: see redaction.c. */
#include "value/name_patterns.h"
#include "cpython/objects.h"

/* More than is recorded of any text. */
enum { LONGEST_NAME = 2048 };

typedef enum {
    WORDS = 1,             /* what is no letter and no digit separates words; else as it is, but in lower case */
    CAMEL = 2,             /* … and so does a capital letter */
    NO_DIGITS = 4,
    JOINED = 8             /* as if words within a pattern were one: `api_key` stands for apikey as well */
} form;

typedef struct {           /* what is given: code points, or bytes */
    int kind;
    const void *data;
    Py_ssize_t size;
} rec_text;

static rec_text text_of(PyObject *name)
{
    rec_text text;
    if (PyUnicode_Check(name)) {
        text.kind = (int)PyUnicode_KIND(name);
        text.data = PyUnicode_DATA(name);
        text.size = PyUnicode_GET_LENGTH(name);
    } else {
        text.kind = PyUnicode_1BYTE_KIND;
        text.data = PyBytes_AS_STRING(name);
        text.size = PyBytes_GET_SIZE(name);
    }
    return text;
}

static inline Py_UCS4 code_point(const rec_text *text, Py_ssize_t i)
{
    return PyUnicode_READ(text->kind, text->data, i);
}

static inline bool is_wild(Py_UCS4 c) { return c == '*' || c == '?'; }

/* Whether a word begins with the capital letter at `i`: fooBar, and the B of FOOBar. */
static bool is_hump(const rec_text *text, Py_ssize_t i)
{
    Py_UCS4 before = i > 0 ? code_point(text, i - 1) : 0;
    Py_UCS4 after = i + 1 < text->size ? code_point(text, i + 1) : 0;
    if (!Py_UNICODE_ISUPPER(code_point(text, i)) || !Py_UNICODE_ISALNUM(before))
        return false;
    return !Py_UNICODE_ISUPPER(before) || Py_UNICODE_ISLOWER(after);
}

/* Writes a form of a name, or of a pattern, in at most 2 × size code points; returns how many. */
static uint32_t write_form(const rec_text *text, int how, bool is_pattern, Py_UCS4 *out)
{
    uint32_t n = 0;
    bool gap = false;      /* between two words */
    for (Py_ssize_t i = 0; i < text->size && i < LONGEST_NAME; i++) {
        Py_UCS4 c = code_point(text, i);
        bool wild = is_pattern && is_wild(c), wild_before = n > 0 && is_pattern && is_wild(out[n - 1]);
        if (how & WORDS) {
            if (!wild && !Py_UNICODE_ISALNUM(c)) {
                gap = true;
                continue;
            }
            if (how & NO_DIGITS && '0' <= c && c <= '9')
                continue;
            gap |= how & CAMEL && is_hump(text, i);
            /* What begins or ends a name does not separate, but beside a `*` it is part of what is asked for. */
            if (gap && (n > 0 || wild) && !(how & JOINED && !wild && !wild_before))
                out[n++] = '_';
            gap = false;
        }
        out[n++] = Py_UNICODE_TOLOWER(c);
    }
    if (gap && n > 0 && is_pattern && is_wild(out[n - 1]))
        out[n++] = '_';
    return n;
}

static uint32_t letters_of(const Py_UCS4 *text, uint32_t size)
{
    uint32_t letters = 0;
    for (uint32_t i = 0; i < size; i++)
        if ('a' <= text[i] && text[i] <= 'z')
            letters |= 1u << (text[i] - 'a');
    return letters;
}

static bool matches(const rec_pattern *pattern, const Py_UCS4 *name, uint32_t size)
{
    uint32_t at = 0, next = 0, star = UINT32_MAX, resume = 0;
    while (at < size) {
        if (next < pattern->size && pattern->text[next] == '*') {
            star = ++next;
            resume = at;
        } else if (next < pattern->size && (pattern->text[next] == '?' || pattern->text[next] == name[at])) {
            next++;
            at++;
        } else if (star != UINT32_MAX) {
            next = star;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (next < pattern->size && pattern->text[next] == '*')
        next++;
    return next == pattern->size;
}

static bool matches_text(const rec_patterns *patterns, const rec_text *text)
{
    static const int forms[] = {0, WORDS, WORDS | CAMEL, WORDS | NO_DIGITS, WORDS | CAMEL | NO_DIGITS};
    static Py_UCS4 written[2 * LONGEST_NAME];
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        uint32_t size = write_form(text, forms[i], false, written), letters = letters_of(written, size);
        for (uint32_t k = 0; k < patterns->count; k++)
            if ((patterns->patterns[k].letters & ~letters) == 0 && matches(&patterns->patterns[k], written, size))
                return true;
    }
    return false;
}

bool rec_matches_name(const rec_patterns *patterns, PyObject *name)
{
    rec_text text = text_of(name);
    return matches_text(patterns, &text);
}

bool rec_matches_bytes(const rec_patterns *patterns, const char *name, size_t size)
{
    rec_text text = {PyUnicode_1BYTE_KIND, name, (Py_ssize_t)size};
    return matches_text(patterns, &text);
}

static rec_text part_of(const rec_text *text, Py_ssize_t start, Py_ssize_t end)
{
    return (rec_text){text->kind, (const char *)text->data + start * text->kind, end - start};
}

/* Whether what a function is within begins here, a dot before it. */
static bool is_locals(const rec_text *text, Py_ssize_t at)
{
    static const char locals[] = ".<locals>";
    for (Py_ssize_t i = 0; locals[i] != 0; i++)
        if (at + i >= text->size || code_point(text, at + i) != (Py_UCS4)locals[i])
            return false;
    return true;
}

bool rec_matches_function(const rec_patterns *patterns, PyObject *name)
{
    rec_text text = text_of(name), part;
    Py_ssize_t start = 0;
    for (Py_ssize_t at = 0; at <= text.size; at++) {
        if (at < text.size && code_point(&text, at) != '.')
            continue;
        part = part_of(&text, start, at);
        if ((at == text.size || is_locals(&text, at)) && matches_text(patterns, &part))
            return true;
        start = at + 1;
    }
    return false;
}

static const int pattern_forms[] = {0, WORDS, WORDS | CAMEL, WORDS | JOINED};
enum { PATTERN_FORMS = sizeof(pattern_forms) / sizeof(*pattern_forms) };

size_t rec_patterns_size(PyObject *texts)
{
    size_t total = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        size_t size = (size_t)PyUnicode_GET_LENGTH(PyTuple_GET_ITEM(texts, i));
        total += PATTERN_FORMS * (sizeof(rec_pattern) + (2 * size + 1) * sizeof(Py_UCS4));
    }
    return total;
}

static bool is_there(const rec_patterns *patterns, const Py_UCS4 *text, uint32_t size)
{
    for (uint32_t i = 0; i < patterns->count; i++)
        if (patterns->patterns[i].size == size && memcmp(patterns->patterns[i].text, text, size * sizeof(*text)) == 0)
            return true;
    return false;
}

rec_patterns rec_read_patterns(PyObject *texts, void *memory)
{
    rec_pattern *pattern = memory;
    rec_patterns found = {0, pattern};
    Py_UCS4 *out = (Py_UCS4 *)(pattern + PATTERN_FORMS * PyTuple_GET_SIZE(texts));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        rec_text text = text_of(PyTuple_GET_ITEM(texts, i));
        for (int k = 0; k < PATTERN_FORMS; k++) {
            uint32_t size = write_form(&text, pattern_forms[k], true, out), letters = letters_of(out, size);
            if (is_there(&found, out, size))
                continue;
            pattern[found.count++] = (rec_pattern){out, size, letters};
            out += size;
        }
    }
    return found;
}
