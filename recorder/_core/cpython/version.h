/* Whether this is a CPython whose structures the recorder has been shown to know. Of another one public functions alone
 * are asked, and no internal header is read: slower by a factor of 12 to 90, but built and right. A build can say that
 * it is another one (-DREC_CPYTHON_KNOWN=0). */
#ifndef RECORDER_VERSION_H
#define RECORDER_VERSION_H
#include <patchlevel.h>

#if PY_VERSION_HEX < 0x030B0000
#error "the recorder needs CPython 3.11 or later"
#endif
#ifndef REC_CPYTHON_KNOWN
#define REC_CPYTHON_KNOWN (PY_VERSION_HEX < 0x03100000)
#endif
#endif
