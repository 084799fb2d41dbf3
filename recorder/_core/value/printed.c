/* See printed.h. The rules err on the side of leaving out too much: at worst the rest of a line. */
#include "value/printed.h"
#include "value/redaction.h"
#include <string.h>

enum { MASK = '*', ESCAPE = 0x1B, LONGEST_AUTHORITY = 4096 };

typedef enum {
    BETWEEN,               /* or within a name */
    BEHIND_NAME,           /* a quote, or spaces */
    AT_COLON,              /* behind `name:`, where another one would make it a C++ name or a test's */
    BEFORE_VALUE,
    IN_WORD_PREFIX,        /* b"…", rf'…' */
    IN_WORD,
    IN_QUOTES,
    BEHIND_BACKSLASH,      /* in quotes */
    IN_LINE,
    AT_SLASH,              /* scheme:/ */
    IN_AUTHORITY,          /* scheme://… */
} state;

static inline bool is_space(uint8_t c) { return c == ' ' || c == '\t'; }
static inline bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }
static inline bool is_quote(uint8_t c) { return c == '"' || c == '\'' || c == '`'; }

static const bool OF_NAME[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true, ['-'] = true, [0x80 ... 0xFF] = true,
};

static inline bool is_of_name(uint8_t c) { return OF_NAME[c]; }

static inline bool ends_word(uint8_t c)
{
    return c <= ' ' || is_quote(c) || strchr(",;&)]}>", c) != NULL;
}

static inline bool is_prefix(uint8_t c)
{
    return strchr("bBrRuUfF", c) != NULL;
}

/* ---- names ---- */

static void forget_name(rec_printed *p)
{
    p->state = BETWEEN;
    p->size = p->word_at = p->quote = 0;
    p->has_colon = p->is_no_host = false;
}

static void add_to_name(rec_printed *p, uint8_t c)
{
    if (p->size < REC_LONGEST_PRINTED_NAME)
        p->name[p->size] = (char)c;
    if (p->size <= REC_LONGEST_PRINTED_NAME)
        p->size++;
}

/* What most of a text is: a run of letters. Returns how many there are. */
static size_t add_run_to_name(rec_printed *p, const uint8_t *from, size_t size)
{
    size_t n = 0, left = REC_LONGEST_PRINTED_NAME + 1u - p->size;
    while (n < size && is_of_name(from[n])) {
        if (n + 1 < left)
            p->name[p->size + n] = (char)from[n];
        n++;
    }
    p->size = (uint8_t)(p->size + (n < left ? n : left));
    return n;
}

static bool is_secret(const rec_printed *p, size_t begin)
{
    return p->size > begin && p->size <= REC_LONGEST_PRINTED_NAME
           && rec_find_match_of_bytes(p->name + begin, p->size - begin);
}

/* Of its last two words: "API key: …". */
static bool is_secret_title(const rec_printed *p)
{
    return is_secret(p, p->word_at) || (p->word_at > 0 && is_secret(p, 0));
}

/* `--password …` */
static bool is_secret_option(const rec_printed *p)
{
    return p->size > p->word_at + 1 && p->name[p->word_at] == '-' && is_secret(p, p->word_at);
}

/* Another word of a title; of those before only the last is kept. */
static void begin_word(rec_printed *p, uint8_t c)
{
    if (p->size > REC_LONGEST_PRINTED_NAME || p->quote != 0) {
        forget_name(p);
    } else {
        p->size = (uint8_t)(p->size - p->word_at);
        memmove(p->name, p->name + p->word_at, p->size);
        p->word_at = 0;
        add_to_name(p, ' ');
        p->word_at = p->size;
    }
    p->state = BETWEEN;
    add_to_name(p, c);
}

static void begin_value(rec_printed *p, bool of_line)
{
    p->state = BEFORE_VALUE;
    p->size = p->word_at = p->quote = 0;
    p->is_value_of_line = of_line;
}

static void end_name(rec_printed *p, uint8_t c)
{
    if (c == '=' && is_secret(p, p->word_at)) {
        begin_value(p, false);
    } else if (c == ':' && p->size > 0) {
        p->state = AT_COLON;
    } else {
        forget_name(p);
        if (is_quote(c))
            p->quote = c;
    }
}

static void read_between(rec_printed *p, uint8_t c)
{
    if (is_of_name(c)) {
        add_to_name(p, c);
    } else if (is_space(c) && p->size > 0 && p->quote == 0) {
        if (is_secret_option(p))
            begin_value(p, false);
        else
            p->state = BEHIND_NAME;
    } else if (is_space(c) && p->size > 0) {
        add_to_name(p, c);                           /* "API key" */
    } else if (c == p->quote && c != 0 && p->size > 0) {
        p->state = BEHIND_NAME;
    } else {
        end_name(p, c);
    }
}

static void read_behind_name(rec_printed *p, uint8_t c)
{
    if (is_of_name(c))
        begin_word(p, c);
    else if (!is_space(c))
        end_name(p, c);
}

static bool read_value(rec_printed *p, uint8_t c);

static bool read_at_colon(rec_printed *p, uint8_t c)
{
    if (c == '/') {
        p->state = AT_SLASH;
    } else if (c == ':' || !is_secret_title(p)) {
        forget_name(p);
        read_between(p, c);
    } else {
        begin_value(p, p->quote == 0);
        return read_value(p, c);
    }
    return false;
}

/* ---- values ---- */

/* What stands behind a name and its `=` or `:`. Whether this byte is part of the value. */
static bool read_before_value(rec_printed *p, uint8_t c)
{
    if (is_space(c) || c == '=' || c == '>')
        return false;
    if (is_line_end(c)) {
        forget_name(p);
        return false;
    }
    if (is_quote(c)) {
        p->state = IN_QUOTES;
        p->quote = c;
        return false;
    }
    if (p->is_value_of_line || (c != 0 && strchr("[{(<", c) != NULL))
        p->state = IN_LINE;
    else if (ends_word(c))
        forget_name(p);
    else
        p->state = is_prefix(c) ? IN_WORD_PREFIX : IN_WORD;
    return p->state != BETWEEN;
}

static bool read_word(rec_printed *p, uint8_t c)
{
    if (p->state == IN_WORD_PREFIX && (c == '"' || c == '\'')) {
        p->state = IN_QUOTES;
        p->quote = c;
        return false;
    }
    if (ends_word(c)) {
        forget_name(p);
        read_between(p, c);
        return false;
    }
    if (!is_prefix(c))
        p->state = IN_WORD;
    return true;
}

static bool read_quotes(rec_printed *p, uint8_t c)
{
    if (is_line_end(c) || (p->state == IN_QUOTES && c == p->quote)) {
        forget_name(p);
        return false;
    }
    p->state = p->state == IN_QUOTES && c == '\\' ? BEHIND_BACKSLASH : IN_QUOTES;
    return true;
}

static bool read_value(rec_printed *p, uint8_t c)
{
    switch (p->state) {
    case BEFORE_VALUE:
        return read_before_value(p, c);
    case IN_WORD_PREFIX:
    case IN_WORD:
        return read_word(p, c);
    case IN_QUOTES:
    case BEHIND_BACKSLASH:
        return read_quotes(p, c);
    default:
        if (is_line_end(c))
            forget_name(p);
        return p->state == IN_LINE;
    }
}

/* ---- addresses ---- */

static void read_slash(rec_printed *p, uint8_t c)
{
    forget_name(p);
    if (c == '/')
        p->state = IN_AUTHORITY;
    else
        read_between(p, c);
}

static bool ends_authority(uint8_t c)
{
    return ends_word(c) || c == '/' || c == '?' || c == '#' || c == '<';
}

static void read_of_authority(rec_printed *p, uint8_t c)
{
    bool is_digit = '0' <= c && c <= '9', is_letter = 'a' <= (c | 0x20) && (c | 0x20) <= 'z';
    if (c == '@')
        p->has_colon = p->is_no_host = false;
    else if (c == ':')
        p->has_colon = true;
    else if (!is_digit && (p->has_colon || !(is_letter || c == '-' || c == '.')))
        p->is_no_host = true;
}

/* An authority goes on at `from`. Returns how many of these bytes are its. `secret`: of how many of them the last `@` makes
 * credentials. Where the authority is cut off at the end of all that is known, its `@` may come with the next write: then
 * what can be no host is taken for credentials. */
static size_t read_authority(rec_printed *p, const uint8_t *from, size_t size, size_t ahead, size_t *secret)
{
    size_t at = 0, known = size + (ahead < LONGEST_AUTHORITY ? ahead : LONGEST_AUTHORITY);
    rec_printed there = *p; /* with what is ahead */
    *secret = 0;
    for (; at < known && !ends_authority(from[at]); at++) {
        if (from[at] == '@') {
            *secret = at;
            p->has_at = true;
        }
        read_of_authority(&there, from[at]);
        if (at < size)
            read_of_authority(p, from[at]);
    }
    if (at == known && there.is_no_host)
        *secret = known;
    if (at < size)
        forget_name(p);
    *secret = *secret < size ? *secret : size;
    return at < size ? at : size;
}

/* ---- all of them ---- */

/* Colours and the like are no text: `\x1b[1mtoken\x1b[0m: …`. Whether this byte is of such a sequence. */
static bool read_escape(rec_printed *p, uint8_t c)
{
    if (c == ESCAPE) {
        p->escape = 1;
        return true;
    }
    if (p->escape == 0)
        return false;
    if (p->escape == 1 && c == '[')
        p->escape = 2;
    else if (p->escape == 1 || ('@' <= c && c <= '~'))
        p->escape = 0;
    return true;
}

static bool read_byte(rec_printed *p, uint8_t c)
{
    if (read_escape(p, c))
        return false;
    switch (p->state) {
    case BETWEEN:
        read_between(p, c);
        return false;
    case BEHIND_NAME:
        read_behind_name(p, c);
        return false;
    case AT_COLON:
        return read_at_colon(p, c);
    case AT_SLASH:
        read_slash(p, c);
        return false;
    default:
        return read_value(p, c);
    }
}

bool rec_awaits_value(const rec_printed *printed) { return printed->state == BEFORE_VALUE; }

/* Part of an authority, from the first of these bytes on; as rec_copy_printed. */
static size_t mask_authority(rec_printed *p, uint8_t *to, const uint8_t *from, size_t size, size_t ahead, bool *any)
{
    size_t secret, n = read_authority(p, from, size, ahead, &secret);
    p->open = p->state == IN_AUTHORITY ? n : 0;
    *any |= secret > 0;
    if (to != NULL)
        memset(to, MASK, secret);
    return n;
}

bool rec_copy_printed(rec_printed *printed, uint8_t *to, const uint8_t *from, size_t size, size_t ahead)
{
    bool any = false;
    if (to != NULL && to != from)
        memcpy(to, from, size);
    printed->open = 0;
    printed->is_late = false;
    for (size_t i = 0; i < size; i++) {
        if (printed->state == IN_AUTHORITY) {
            printed->has_at = false;
            size_t n = mask_authority(printed, to == NULL ? NULL : to + i, from + i, size - i, ahead, &any);
            printed->is_late |= i == 0 && printed->has_at;
            i += n;
        } else if (printed->state == BETWEEN && printed->escape == 0)
            i += add_run_to_name(printed, from + i, size - i);
        if (i < size && read_byte(printed, from[i])) {
            any = true;
            if (to != NULL)
                to[i] = MASK;
        }
    }
    return any;
}
