/* 3.11: which exception ends a frame. See in_flight.c. */
#ifndef RECORDER_IN_FLIGHT_H
#define RECORDER_IN_FLIGHT_H
#include "cpython/frames.h"

/* Borrowed, and alive as long as the frame is being unwound; NULL where it cannot be told. `raised` is the exception that
 * CPython told of last in this frame, or NULL, and `raised_at` where its instruction was. */
PyObject *rec_in_flight(rec_iframe *frame, PyObject *raised, int raised_at);
#endif
