/* The one table of system calls. Everything the recorder asks of the operating system while it records,
 * seals, publishes or recovers goes through `rec_sys`, so that a test can make the n-th call fail in the
 * very build that ships. Unarmed, an entry is the libc function itself. The core's own memory counts as asked
 * of the operating system, too; what is never refused, `free`, is not here.
 *
 * The table lives in the extension `syscalls`; others reach it with
 *     from recorder._core.syscalls cimport rec_sys
 * and C files get a pointer to it from the extension they belong to. */
#ifndef RECORDER_SYSCALL_TABLE_H
#define RECORDER_SYSCALL_TABLE_H
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/* X(return type, name, parameters, arguments, value that says it failed) */
#define REC_PLAIN_SYSCALLS(X) \
    X(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode), -1) \
    X(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), -1) \
    X(ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at), -1) \
    X(int, ftruncate, (int fd, off_t size), (fd, size), -1) \
    X(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), -1) \
    X(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset), \
      (at, size, protection, flags, fd, offset), ((void *)-1)) \
    X(int, munmap, (void *at, size_t size), (at, size), -1) \
    X(int, fsync, (int fd), (fd), -1) \
    X(int, rename, (const char *from, const char *to), (from, to), -1) \
    X(int, unlink, (const char *path), (path), -1) \
    X(int, mkdir, (const char *path, mode_t mode), (path, mode), -1) \
    X(int, rmdir, (const char *path), (path), -1) \
    X(int, chmod, (const char *path, mode_t mode), (path, mode), -1) \
    X(int, stat, (const char *path, struct stat *facts), (path, facts), -1) \
    X(ssize_t, readlink, (const char *path, char *into, size_t size), (path, into, size), -1) \
    X(int, statvfs, (const char *path, struct statvfs *facts), (path, facts), -1) \
    X(int, flock, (int fd, int operation), (fd, operation), -1) \
    X(int, kill, (pid_t pid, int signal), (pid, signal), -1) \
    X(int, sigaction, (int signal, const struct sigaction *act, struct sigaction *old), \
      (signal, act, old), -1) \
    X(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags), -1) \
    X(int, poll, (struct pollfd *fds, nfds_t count, int milliseconds), (fds, count, milliseconds), -1) \
    X(pid_t, spawn, (const char *path, char *const argv[], char *const envp[], const char *log, pid_t *keeper), \
      (path, argv, envp, log, keeper), -1) \
    X(void *, malloc, (size_t size), (size), NULL) \
    X(void *, calloc, (size_t count, size_t size), (count, size), NULL) \
    X(void *, realloc, (void *memory, size_t size), (memory, size), NULL)

/* Calls whose failure a test must imitate with care; written out in syscall_table.c. */
#define REC_CAREFUL_SYSCALLS(X) \
    X(int, close, (int fd), (fd), -1) \
    X(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), -1) \
    X(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), -1)

#define REC_SYSCALLS(X) REC_PLAIN_SYSCALLS(X) REC_CAREFUL_SYSCALLS(X)

#define REC_FIELD(type, name, parameters, arguments, failed) type(*name) parameters;
typedef struct {
    REC_SYSCALLS(REC_FIELD)
} RecSys;
#undef REC_FIELD

#define REC_NUMBER(type, name, parameters, arguments, failed) REC_CALL_##name,
enum { REC_SYSCALLS(REC_NUMBER) REC_CALL_COUNT };
#undef REC_NUMBER

/* What an injected fault may do besides setting an errno. */
enum {
    REC_INJECT_SHORT = -1, /* write half of what was asked for; nothing, if that is one byte */
    REC_INJECT_KILL = -2,  /* the process dies just before the call */
    REC_INJECT_STOP = -3   /* the process is stopped just before the call, which then takes place */
};

void rec_sys_init(RecSys *table);
const char *rec_sys_name(int call);
/* From now on every call is counted; the counts begin at 0. */
void rec_sys_arm(RecSys *table);
/* The nth call (from 1) of this kind fails, and so do the next ones: `times` in all, 0 for ever.
 * -1: there is no room for another rule. */
int rec_sys_inject(int call, uint64_t nth, int error, uint64_t times);
uint64_t rec_sys_calls(int call);
#endif
