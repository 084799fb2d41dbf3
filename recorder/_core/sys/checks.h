/* What must always hold inside the core. Checked in a debug build (RECORDER_BUILD=debug or asan) only: the condition
 * is not even evaluated in the build that ships. A program whose recorder is wrong about itself ends at once, with the
 * sentence that does not hold. */
#ifndef RECORDER_CHECKS_H
#define RECORDER_CHECKS_H

#ifdef NDEBUG
#define REC_CHECKING 0
#define REC_CHECK(condition, sentence) ((void)sizeof(sentence))
#else
#include <stdio.h>
#include <stdlib.h>
#define REC_CHECKING 1
#define REC_CHECK(condition, sentence) ((condition) ? (void)0 : rec_broken(sentence, __FILE__, __LINE__))

static void
rec_broken(const char *sentence, const char *file, int line)
{
    (void)fprintf(stderr, "recorder: it does not hold that %s (%s:%d)\n", sentence, file, line); /* audit: not shipped */
    abort(); /* audit: not in the build that ships */
}
#endif
#endif
