/* Redaction of text that is printed: what stands behind a secret's name (`password=…`, `"token": "…"`, `--api-key …`,
 * `Authorization: …`) and the credentials in an address are written as `*`, one for each byte, so that where everything
 * else stands is the same. Read byte by byte: a name may come in one write, and what it stands for in the next. */
#ifndef RECORDER_PRINTED_H
#define RECORDER_PRINTED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { REC_LONGEST_PRINTED_NAME = 64 };

/* How far a stream has been read. Zeroed: nothing yet. */
typedef struct {
    uint8_t state, escape;
    uint8_t quote;         /* around the name; around the value */
    bool is_value_of_line; /* the value goes on to the line's end, whatever is in it */
    uint8_t size;          /* of the name; one more than there is room for: it is too long for one */
    uint8_t word_at;       /* where its last word begins */
    bool has_colon;        /* in an address, before … */
    bool is_no_host;       /* … as is something that is neither a host's name nor a port */
    bool has_at;           /* in what was read of one last */
    bool is_late;          /* what was copied last made credentials of an address's beginning, which was copied before */
    size_t open;           /* so many bytes at the end of that are of an address that goes on */
    char name[REC_LONGEST_PRINTED_NAME];
} rec_printed;

/* Whether what comes next, if it is no space, is the value of a secret's name. */
bool rec_awaits_value(const rec_printed *printed);

/* Copies bytes without secrets; `to` NULL: only reads them. `ahead`: so many more stand behind them, which say where an
 * address ends. Returns whether something was left out. */
bool rec_copy_printed(rec_printed *printed, uint8_t *to, const uint8_t *from, size_t size, size_t ahead);

#pragma GCC visibility pop
#endif
