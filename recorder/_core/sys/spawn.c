/* Starting the sealer.
 *
 * An orphan, as a rule: a helper process starts it and ends, and the kernel gives it to the first process of the
 * system, or to whatever other one above us has asked for orphans. The program has no child that it does not know.
 *
 * Where the program itself is that process (of a container, say), or one above it that is recorded, the sealer would
 * be its child, which wait() tells of, and waits for. There a keeper stays between the two: a child of the program's
 * that was cloned without an exit signal, so that a plain wait() neither sees it nor waits for it. exec would give it
 * one; so the keeper remains a copy of the program, gives its memory back, and sleeps. */
#define _GNU_SOURCE
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (128 * 1024)
/* How often a keeper is looked at until it is given up. Looks are counted, not time: while this process stands still, so may
 * the keeper. */
#define LOOKS_AT_THE_START 2500 /* of 2 ms */
#define LOOKS_AT_THE_END 2000   /* of half a millisecond */

typedef struct {
    const char *path;
    char *const *argv;
    char *const *envp;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
    pid_t pid;
    int error;
    uint32_t is_done; /* the keeper's word that pid and error stand */
} SpawnJob;

/* ---- both ways ---- */

/* Closes all descriptors of the process from the first on. */
static void
close_inherited(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0u) == 0) {
        return;
    }
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = (int)first; fd < (limit > 0 && limit < 65536 ? limit : 65536); fd++) {
        (void)close(fd); /* audit: most numbers are not open */
    }
}

static void
start(SpawnJob *job)
{
    job->error = posix_spawn(&job->pid, job->path, job->actions, job->attributes, job->argv, job->envp);
}

/* A session of its own; all handlers default; SIGINT, SIGTERM and SIGHUP blocked, so that the program can ignore them
 * before they can end it. */
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

/* ---- an orphan ----
 *
 * The helper shares our memory (as in vfork, we sleep until it is gone), closes its copies of our file descriptors,
 * starts the program and exits. Its exit signal is 0: the host program gets no SIGCHLD and its os.wait() sees no
 * child. */

static int
start_and_leave(void *argument)
{
    close_inherited(3);
    start(argument);
    _exit(0); /* audit: the helper process, not the host */
}

static int
spawn_orphan(SpawnJob *job, char *stack)
{
    pid_t helper = clone(start_and_leave, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, job);
    int error = helper < 0 ? errno : job->error;
    while (helper > 0 && waitpid(helper, NULL, __WCLONE) < 0 && errno == EINTR) {
    }
    return error;
}

/* ---- a keeper ----
 *
 * It has a copy of our memory, but for its stack, which we share: there it says what has become of the program it
 * started. Then it has nothing to do but to be a parent. Its memory goes, and with that what libc and the other
 * libraries hold in it; so from there on it calls nobody. */

#if defined(__x86_64__)
#define HAS_KEEPER 1
static inline __attribute__((always_inline)) long
bare_call(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
    return number;
}
#elif defined(__aarch64__)
#define HAS_KEEPER 1
static inline __attribute__((always_inline)) long
bare_call(long number, long a, long b, long c, long d)
{
    register long call __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(first) : "r"(call), "r"(second), "r"(third), "r"(fourth) : "memory");
    return first;
}
#else
#define HAS_KEEPER 0
#endif

#if HAS_KEEPER
#define ABOVE_ALL_MEMORY (1UL << 48)

#if defined(__has_attribute) && __has_attribute(no_stack_protector)
#define UNPROTECTED __attribute__((no_stack_protector)) /* what it compares with is among the memory that goes */
#else
#define UNPROTECTED
#endif

/* Of what is given back here, code is read from its file again, and the rest is zero. Each call goes on until it comes to
 * memory of the kernel's, which lies before its vdso. */
static UNPROTECTED __attribute__((noinline, noreturn)) void
keep(pid_t kept, pid_t parent, unsigned long stack, unsigned long vdso)
{
    unsigned long top = stack + STACK_SIZE;
    unsigned long end = vdso < stack ? stack : ABOVE_ALL_MEMORY;
    /* audit: what is not given back is only kept; each call may say that there are holes */
    (void)bare_call(SYS_madvise, 0, (long)stack, MADV_DONTNEED, 0);
    /* audit: as above */
    (void)bare_call(SYS_madvise, (long)top, (long)(ABOVE_ALL_MEMORY - top), MADV_DONTNEED, 0);
    /* audit: as above */
    (void)bare_call(SYS_madvise, (long)vdso, (long)(end - vdso), MADV_DONTNEED, 0);
    while (bare_call(SYS_wait4, kept, 0, 0, 0) == -EINTR) {
    }
    /* Who was our parent may have replaced itself by another program, to which our end would be signalled. So it is put
     * off until that program has ended, or the recorder in it ends us. */
    if (bare_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0) == 0) {
        while (bare_call(SYS_getppid, 0, 0, 0, 0) == parent) {
            (void)bare_call(SYS_ppoll, 0, 0, 0, 0); /* audit: it returns for nothing but a signal that ends us */
        }
    }
    for (;;) {
        (void)bare_call(SYS_exit_group, 0, 0, 0, 0); /* audit: the keeper, not the host */
    }
}

typedef struct {
    SpawnJob job;
    pid_t parent;
    char *stack;
} KeeperJob;

static int
start_and_keep(void *argument)
{
    KeeperJob *job = argument;
    if (setsid() < 0 || chdir("/") < 0 || prctl(PR_SET_NAME, "recorder") < 0) {
        ; /* it would be in the way of somebody who ends a session or unmounts a disk, no more */
    }
    close_inherited(0);
    start(&job->job);
    int failed = job->job.error != 0;
    pid_t kept = job->job.pid, parent = job->parent;
    unsigned long stack = (unsigned long)job->stack, vdso = getauxval(AT_SYSINFO_EHDR);
    __atomic_store_n(&job->job.is_done, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &job->job.is_done, FUTEX_WAKE, 1, NULL, NULL, 0); /* audit: they look by themselves, too */
    if (failed) {
        _exit(0); /* audit: the keeper, not the host */
    }
    keep(kept, parent, stack, vdso);
}

/* Waits until the keeper has said something. It may have been killed; or hang, as what another thread of the program
 * had locked is locked in its copy for ever. */
static int
await_keeper(pid_t keeper, const SpawnJob *job)
{
    const struct timespec moment = {0, 2000000};
    for (int looks = 0; __atomic_load_n(&job->is_done, __ATOMIC_ACQUIRE) == 0; looks++) {
        if (waitpid(keeper, NULL, WNOHANG | __WCLONE) == keeper) {
            return EAGAIN;
        }
        if (looks == LOOKS_AT_THE_START) {
            (void)kill(keeper, SIGKILL); /* audit: our child, and not waited for */
            while (waitpid(keeper, NULL, __WCLONE) < 0 && errno == EINTR) {
            }
            return EAGAIN;
        }
        /* audit: whatever it answers, is_done says whether to go on */
        (void)syscall(SYS_futex, &job->is_done, FUTEX_WAIT, 0, &moment, NULL, 0);
    }
    return job->error;
}

static int
spawn_kept(SpawnJob *job, char *stack, pid_t *keeper)
{
    KeeperJob *shared = (KeeperJob *)stack; /* at the far end of it */
    *shared = (KeeperJob){*job, getpid(), stack};
    *keeper = clone(start_and_keep, stack + STACK_SIZE, 0, shared);
    if (*keeper < 0) {
        return errno;
    }
    int error = await_keeper(*keeper, &shared->job);
    job->pid = shared->job.pid;
    if (error != 0) {
        while (waitpid(*keeper, NULL, __WCLONE) < 0 && errno == EINTR) {
        }
    }
    return error;
}
#endif

/* ---- ---- */

/* 0 or an errno. */
static int
spawn(SpawnJob *job, pid_t *keeper)
{
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return errno;
    }
    /* No handler of the host may run in the helper, which shares the host's memory. */
    sigset_t all, before;
    (void)sigfillset(&all);
    int error = pthread_sigmask(SIG_BLOCK, &all, &before);
    if (error == 0) {
#if HAS_KEEPER
        error = keeper != NULL ? spawn_kept(job, stack, keeper) : spawn_orphan(job, stack);
#else
        error = spawn_orphan(job, stack);
#endif
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* audit: cannot fail: it just worked */
    }
    (void)munmap(stack, STACK_SIZE); /* audit: cannot fail: our own mapping */
    return error;
}

pid_t
rec_spawn(const char *path, char *const argv[], char *const envp[], const char *log, pid_t *keeper)
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
        SpawnJob job = {path, argv, envp, &actions, &attributes, -1, 0, 0};
        error = spawn_settings(&actions, &attributes, log);
        if (error == 0) {
            error = spawn(&job, keeper);
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

int
rec_adopts_orphans(void)
{
    int asked = 0;
    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &asked) == 0 && asked);
}

void
rec_end_keeper(pid_t keeper, pid_t kept)
{
    const struct timespec moment = {0, 500000};
    if (keeper <= 0) {
        return;
    }
    for (int looks = 0; waitpid(keeper, NULL, WNOHANG | __WCLONE) == 0; looks++) {
        if (kill(kept, 0) != 0) {
            (void)kill(keeper, SIGKILL); /* audit: our child, and not waited for */
        }
        if (looks == LOOKS_AT_THE_END) {
            return; /* it ends with us */
        }
        (void)nanosleep(&moment, NULL); /* audit: shorter would do as well */
    }
}
