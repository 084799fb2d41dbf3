/* A diagnostic as JSON, where there is no Python any more to make it: what recorder/errors/diagnostic.py makes, as far
 * as it is known here. */
#ifndef RECORDER_EXIT_DIAGNOSTIC_H
#define RECORDER_EXIT_DIAGNOSTIC_H

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "session/failures.h"

typedef struct {
    int number, sys_errno;
    const rec_failure_text *failure; /* what is known of the number */
    const char *detail, *disposition;
    const char *path, *state; /* of the trace */
    unsigned long long events;
    const char *constant; /* the fields that were known when the recording began */
} rec_exit_diagnostic;

/* A line is as long as it may be with everything in it escaped. */
typedef struct {
    char text[16384];
    size_t size;
} rec_line;

static void
rec_put(rec_line *line, const char *text)
{
    size_t n = strlen(text);
    if (n < sizeof(line->text) - line->size) {
        memcpy(line->text + line->size, text, n);
        line->size += n;
    }
}

/* A member whose value is a string, or null; JSON's ASCII, so what is no ASCII becomes a question mark. */
static void
rec_put_text(rec_line *line, const char *name, const char *text)
{
    char escaped[8];
    rec_put(line, "\"");
    rec_put(line, name);
    if (text == NULL) {
        rec_put(line, "\":null,");
        return;
    }
    rec_put(line, "\":\"");
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c & 0xC0) == 0x80) {
            continue; /* the rest of a character */
        }
        if (c < 0x20 || c == '"' || c == '\\') {
            (void)snprintf(escaped, sizeof(escaped), "\\u%04x", c); /* audit: plain numbers and ASCII cannot fail */
        }
        else {
            (void)snprintf(escaped, sizeof(escaped), "%c", c < 0x7F ? c : '?'); /* audit: as above */
        }
        rec_put(line, escaped);
    }
    rec_put(line, "\",");
}

static void
rec_put_number(rec_line *line, const char *name, unsigned long long number)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "\"%s\":%llu,", name, number); /* audit: as above */
    rec_put(line, text);
}

static void
rec_put_time(rec_line *line)
{
    struct timespec now = {0, 0};
    struct tm utc;
    char whole[32] = "1970-01-01T00:00:00", text[64];
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &utc) != NULL) {
        /* audit: always 19 characters */
        (void)strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    /* audit: as above */
    (void)snprintf(text, sizeof(text), "\"time\":\"%s.%03ldZ\"}\n", whole, now.tv_nsec / 1000000);
    rec_put(line, text);
}

static const char *
rec_errno_name(int number)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    const char *strerrorname_np(int);
    return number != 0 ? strerrorname_np(number) : NULL;
#else
    return NULL;
#endif
}

static void
rec_write_diagnostic(rec_line *line, const rec_exit_diagnostic *facts)
{
    const rec_failure_text *failure = facts->failure;
    line->size = 0;
    rec_put(line, "{");
    rec_put_text(line, "code", failure->name);
    rec_put_number(line, "number", (unsigned long long)facts->number);
    rec_put_text(line, "kind", failure->kind);
    rec_put_text(line, "title", failure->title);
    rec_put_text(line, "detail", facts->detail);
    rec_put_text(line, "hint", failure->hint);
    rec_put_text(line, "doc_url", failure->doc_url);
    if (facts->sys_errno != 0) {
        rec_put_number(line, "errno", (unsigned long long)facts->sys_errno);
    }
    else {
        rec_put(line, "\"errno\":null,");
    }
    rec_put_text(line, "errno_name", rec_errno_name(facts->sys_errno));
    rec_put_text(line, "disposition", facts->disposition);
    rec_put_number(line, "exit_code", (unsigned long long)failure->exit_code);
    rec_put(line, "\"trace\":{");
    rec_put_text(line, "path", facts->path);
    rec_put_text(line, "state", facts->state);
    rec_put_number(line, "events", facts->events);
    rec_put(line, "\"events_lost\":null},");
    rec_put(line, facts->constant);
    rec_put_time(line);
}

#endif
