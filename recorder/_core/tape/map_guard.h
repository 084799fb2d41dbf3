/* Mapped files that may be cut or run out of room while we write into them.
 *
 * Touching such a page raises SIGBUS, which ends the process. A handler of ours puts other memory there and
 * tells the owner of the mapping. Every SIGBUS that has to do with no mapping of ours goes to the handler
 * that was there before, as if ours were not there; one that is installed later is put below ours at the next
 * `rec_guard_keep`. A thread that blocks SIGBUS cannot be helped: the kernel ends the process. */
#ifndef RECORDER_MAP_GUARD_H
#define RECORDER_MAP_GUARD_H
#include "sys/syscall_table.h"

/* Called in the handler, when there is memory again: `offset` is where the mapping was touched. */
typedef void (*RecLost)(void *owner, size_t offset);

/* From now on [at, at + size) is ours. With a path, which must outlive the guard, the file is made whole and
 * mapped again, as zeros; without one, or where that fails, private memory takes its place from the touched
 * page on. 0, or -1 and errno: sigaction failed, or there are too many mappings (ENOSPC). */
int rec_guard(RecSys *sys, void *at, size_t size, const char *path, RecLost lost, void *owner);
/* Before munmap. With the last one the handler goes, unless another one was put above it. */
void rec_unguard(void *at);
/* Puts our handler on top again, if another one took its place. */
void rec_guard_keep(void);
#endif
