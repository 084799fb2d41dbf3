/* Ticks of the cheapest monotonic clock: the time stamp counter where there is one, else nanoseconds. */
#ifndef RECORDER_CLOCK_H
#define RECORDER_CLOCK_H
#include <stdint.h>
#include <time.h>

static inline uint64_t rec_clock_ns(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) /* only an unknown clock can fail; 0 is visible as such */
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#if defined(__x86_64__)
#include <x86intrin.h>
static inline uint64_t rec_ticks(void) { return __rdtsc(); }
#elif defined(__aarch64__)
static inline uint64_t rec_ticks(void)
{
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
}
#else
static inline uint64_t rec_ticks(void) { return rec_clock_ns(CLOCK_MONOTONIC); }
#endif
#endif
