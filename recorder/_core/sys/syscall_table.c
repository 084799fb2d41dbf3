/* See syscall_table.h. */
#define _GNU_SOURCE
#include "sys/syscall_table.h"
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- calls that libc has not, or has in another shape ---- */

static int
real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode); /* variadic in libc: not callable through our pointer */
}

static int
real_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    return poll(fds, count, milliseconds); /* may be a macro that checks the size of fds */
}

static ssize_t
real_read(int fd, void *data, size_t size)
{
    return read(fd, data, size);
}

static ssize_t
real_pread(int fd, void *data, size_t size, off_t at)
{
    return pread(fd, data, size, at);
}

static int
real_sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
    return sigaction(signal, act, old);
}

static int
real_stat(const char *path, struct stat *facts)
{
    return stat(path, facts); /* a macro or inline in older glibc */
}

static int
real_pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

#define real_spawn rec_spawn
#define real_close close
#define real_write write
#define real_pwrite pwrite
#define real_ftruncate ftruncate
#define real_fallocate fallocate
#define real_mmap mmap
#define real_munmap munmap
#define real_fsync fsync
#define real_rename rename
#define real_unlink unlink
#define real_mkdir mkdir
#define real_rmdir rmdir
#define real_chmod chmod
#define real_readlink readlink
#define real_statvfs statvfs
#define real_flock flock
#define real_kill kill
#define real_malloc malloc
#define real_calloc calloc
#define real_realloc realloc

/* ---- counting and failing ---- */

#define MAX_RULES 32

typedef struct {
    int call;
    int error;
    uint64_t first;
    uint64_t last;
} Rule;

static Rule rules[MAX_RULES];
static int rule_count;
static uint64_t counts[REC_CALL_COUNT];

/* Counts the call. What is to happen instead of it: an errno, REC_INJECT_SHORT, or 0 for nothing. */
static int
due(int call)
{
    uint64_t n = __atomic_add_fetch(&counts[call], 1, __ATOMIC_RELAXED);
    for (int i = 0; i < rule_count; i++) {
        const Rule *rule = &rules[i];
        if (rule->call != call || n < rule->first || n > rule->last) {
            continue;
        }
        if (rule->error != REC_INJECT_KILL && rule->error != REC_INJECT_STOP) {
            return rule->error;
        }
        /* audit: ourselves, by a signal that exists */
        (void)kill(getpid(), rule->error == REC_INJECT_KILL ? SIGKILL : SIGSTOP);
    }
    return 0;
}

#define COUNTED(type, name, parameters, arguments, failed) \
    static type counted_##name parameters \
    { \
        int error = due(REC_CALL_##name); \
        if (error != 0) { \
            errno = error; \
            return failed; \
        } \
        return real_##name arguments; \
    }
REC_PLAIN_SYSCALLS(COUNTED)

static int
counted_close(int fd)
{
    int error = due(REC_CALL_close);
    int result = close(fd); /* a close that fails has closed all the same */
    if (error != 0) {
        errno = error;
        return -1;
    }
    return result;
}

static ssize_t
counted_write(int fd, const void *data, size_t size)
{
    int error = due(REC_CALL_write);
    if (error > 0) {
        errno = error;
        return -1;
    }
    size = error == REC_INJECT_SHORT ? size / 2 : size;
    return size == 0 ? 0 : write(fd, data, size);
}

static ssize_t
counted_pwrite(int fd, const void *data, size_t size, off_t at)
{
    int error = due(REC_CALL_pwrite);
    if (error > 0) {
        errno = error;
        return -1;
    }
    size = error == REC_INJECT_SHORT ? size / 2 : size;
    return size == 0 ? 0 : pwrite(fd, data, size, at);
}

/* ---- the table ---- */

void
rec_sys_init(RecSys *table)
{
#define REAL(type, name, parameters, arguments, failed) table->name = real_##name;
    REC_SYSCALLS(REAL)
#undef REAL
    rule_count = 0;
}

void
rec_sys_arm(RecSys *table)
{
    memset(counts, 0, sizeof(counts));
    rule_count = 0;
#define SWAP(type, name, parameters, arguments, failed) table->name = counted_##name;
    REC_SYSCALLS(SWAP)
#undef SWAP
}

const char *
rec_sys_name(int call)
{
#define NAME(type, name, parameters, arguments, failed) #name,
    static const char *const names[] = {REC_SYSCALLS(NAME)};
#undef NAME
    return names[call];
}

int
rec_sys_inject(int call, uint64_t nth, int error, uint64_t times)
{
    if (rule_count == MAX_RULES) {
        return -1;
    }
    uint64_t last = times == 0 ? UINT64_MAX : nth + times - 1;
    rules[rule_count++] = (Rule){call, error, nth, last};
    return 0;
}

uint64_t
rec_sys_calls(int call)
{
    return __atomic_load_n(&counts[call], __ATOMIC_RELAXED);
}
