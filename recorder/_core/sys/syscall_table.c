/* See syscall_table.h. */
#define _GNU_SOURCE
#include "sys/syscall_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* ---- spawn: a process that is nobody's child ----
 *
 * A helper process is cloned that shares our memory (as in vfork, we sleep until it is gone), closes its
 * copies of our file descriptors, spawns the program and exits, so that the program is an orphan at birth.
 * The helper's exit signal is 0: the host program gets no SIGCHLD and its os.wait() sees no child. */

typedef struct {
    const char *path;
    char *const *argv;
    char *const *envp;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
    pid_t pid;
    int error;
} SpawnJob;

static void
close_inherited(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0) {
        return;
    }
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = 3; fd < (limit > 0 && limit < 65536 ? limit : 65536); fd++) {
        (void)close(fd); /* audit: most numbers are not open */
    }
}

static int
spawn_and_leave(void *argument)
{
    SpawnJob *job = argument;
    close_inherited();
    job->error = posix_spawn(&job->pid, job->path, job->actions, job->attributes, job->argv, job->envp);
    _exit(0); /* audit: the helper process, not the host */
}

/* 0 or an errno. */
static int
spawn_orphan(SpawnJob *job)
{
    const size_t stack_size = 128 * 1024;
    char *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return errno;
    }
    /* No handler of the host may run in the helper, which shares the host's memory. */
    sigset_t all, before;
    (void)sigfillset(&all);
    int error = pthread_sigmask(SIG_BLOCK, &all, &before);
    if (error == 0) {
        pid_t helper = clone(spawn_and_leave, stack + stack_size, CLONE_VM | CLONE_VFORK, job);
        error = helper < 0 ? errno : job->error;
        while (helper > 0 && waitpid(helper, NULL, __WCLONE) < 0 && errno == EINTR) {
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* audit: cannot fail: it just worked */
    }
    (void)munmap(stack, stack_size); /* audit: cannot fail: our own mapping */
    return error;
}

/* stdin and stdout are /dev/null, stderr is appended to the file `log`. A session of its own; all handlers
 * default; SIGINT, SIGTERM and SIGHUP blocked, so that the program can ignore them before they can end it. */
static int
spawn_settings(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *log)
{
    sigset_t all, blocked;
    (void)sigfillset(&all);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);  /* audit: these are signals */
    (void)sigaddset(&blocked, SIGTERM); /* audit: as above */
    (void)sigaddset(&blocked, SIGHUP);  /* audit: as above */
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) {
        error = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addopen(actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    if (error == 0) {
        error = posix_spawnattr_setsigdefault(attributes, &all);
    }
    if (error == 0) {
        error = posix_spawnattr_setsigmask(attributes, &blocked);
    }
    if (error == 0) {
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    return error;
}

static pid_t
real_spawn(const char *path, char *const argv[], char *const envp[], const char *log)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        errno = error;
        return -1;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        SpawnJob job = {path, argv, envp, &actions, &attributes, -1, 0};
        error = spawn_settings(&actions, &attributes, log);
        if (error == 0) {
            error = spawn_orphan(&job);
        }
        (void)posix_spawnattr_destroy(&attributes); /* frees nothing that could fail */
        if (error == 0) {
            (void)posix_spawn_file_actions_destroy(&actions);
            return job.pid;
        }
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    errno = error;
    return -1;
}

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
