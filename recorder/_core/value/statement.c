/* See statement.h. */
#include "value/statement.h"
#include "value/redaction.h"
#include <string.h>

enum { MASK = '*', LONGEST_WORD = 64 };

static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static bool is_of_word(uint32_t c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || is_digit(c) || c == '_' || c >= 0x80;
}

bool rec_names_a_secret(PyObject *statement)
{
    int kind = (int)PyUnicode_KIND(statement);
    const void *data = PyUnicode_DATA(statement);
    char word[LONGEST_WORD];
    size_t size = 0;
    if (rec_secrets.names.count == 0)
        return false;
    for (Py_ssize_t i = 0; i <= PyUnicode_GET_LENGTH(statement); i++) {
        Py_UCS4 c = i < PyUnicode_GET_LENGTH(statement) ? PyUnicode_READ(kind, data, i) : ' ';
        if (is_of_word(c)) {
            if (size < LONGEST_WORD)
                word[size] = c < 0x80 ? (char)c : '?'; /* names are compared by their ASCII letters */
            size++;
        } else {
            if (size > 0 && size <= LONGEST_WORD && rec_find_match_of_bytes(word, size))
                return true;
            size = 0;
        }
    }
    return false;
}

/* What ends with the same sign that it begins with; a doubled one goes on. Returns where it ends. */
static size_t mask_quoted(uint8_t *text, size_t at, size_t size)
{
    uint8_t quote = text[at++];
    while (at < size && text[at] != quote) {
        if (text[at] == '\\' && at + 1 < size)
            text[at++] = MASK;
        text[at++] = MASK;
    }
    return at + 1;
}

/* `$tag$ … $tag$`; returns where it ends, or `at` where it is none. */
static size_t mask_dollars(uint8_t *text, size_t at, size_t size)
{
    size_t begin = at + 1;
    while (begin < size && is_of_word(text[begin]))
        begin++;
    if (begin >= size || text[begin] != '$' || is_digit(text[at + 1]))
        return at;
    size_t tag = ++begin - at;
    size_t end = begin;
    while (end < size && (end + tag > size || memcmp(text + end, text + at, tag) != 0))
        end++;
    memset(text + begin, MASK, end - begin);
    return end < size ? end + tag : size;
}

void rec_mask_literals(uint8_t *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t begin = at;
        if (text[at] == '\'' || text[at] == '"') {
            at = mask_quoted(text, at, size);
        } else if (text[at] == '$') {
            at = mask_dollars(text, at, size);
        } else if (is_of_word(text[at])) {
            while (at < size && (is_of_word(text[at]) || (is_digit(text[begin]) && text[at] == '.')))
                at++;
            if (is_digit(text[begin]))
                memset(text + begin, MASK, at - begin);
        }
        at += at == begin;
    }
}
