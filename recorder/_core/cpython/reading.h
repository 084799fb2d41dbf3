/* Whether a line of a function runs no code but its own, and which objects it changes: most only read, or touch one or two.
 *
 * The line's bytecode is gone through with the values that the variables hold as it begins. What it does to them is looked
 * up where CPython would look it up (plain.h): an attribute that is in the instance, or is a plain one of its class, a
 * comparison of numbers and texts, an item of a list. What it stores to is touched, and not read again; all else is still
 * what it was when it is reached. At the first instruction of which this is not known, it ends. */
#ifndef RECORDER_READING_H
#define RECORDER_READING_H
#include "cpython/frames.h"
#include "cpython/stores.h"
#include "cpython/touched.h"

#pragma GCC visibility push(hidden)

/* A line that jumps back, where CPython has what waits to be done wait no longer: a signal, another thread, the garbage. */
enum { REC_WHOLE_ROUND = INT32_MAX - 1, REC_WHOLE_LINE = INT32_MAX };

/* Once per process. False, with an exception: no memory. */
bool rec_prepare_reading(void);
/* The unit of the first instruction of the line that may run code, or change what is not known: or one of these. The frame
 * is about to run the line's first one. `touched`: what the instructions up to there change. */
int32_t rec_reads_until(const rec_stores *stores, rec_iframe *frame, int32_t line, rec_touched *touched);
/* The same from behind the call on in which the frame is, and which gives it this value. What ends with the called frame
 * has been let go of. */
int32_t rec_reads_behind_call(const rec_stores *stores, rec_iframe *frame, int32_t line, PyObject *value, rec_touched *touched);
/* Whether a frame that is in a call is at that unit. */
bool rec_calls_at(const rec_stores *stores, rec_iframe *frame, int32_t unit);

#pragma GCC visibility pop
#endif
