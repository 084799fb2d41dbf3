/* See map_guard.h. Everything below `on_bus_error` runs in a signal handler. */
#define _GNU_SOURCE
#include "tape/map_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_MAPPINGS 16

typedef struct {
    uint8_t *at; /* NULL: free. Written last, cleared first. */
    size_t size;
    const char *path;
    int is_mended; /* once is enough: a disk without room would fail for ever */
    RecLost lost;
    void *owner;
} Mapping;

static Mapping mappings[MOST_MAPPINGS];
static RecSys *calls;
static struct sigaction below; /* whom a signal that is none of ours is for */
static struct sigaction first; /* the same, when ours was installed */
static int is_installed;
static uintptr_t page_size = 4096;

/* Where a signal is being passed on; by the thread and the place of its stack frame. */
static volatile uintptr_t passing_frame;
static volatile long passing_thread;

static void on_bus_error(int number, siginfo_t *info, void *context);

static int
is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_bus_error;
}

/* ---- in the handler ---- */

static Mapping *
mapping_of(const uint8_t *address)
{
    for (int i = 0; i < MOST_MAPPINGS; i++) {
        uint8_t *at = __atomic_load_n(&mappings[i].at, __ATOMIC_ACQUIRE);
        if (at != NULL && address >= at && address < at + mappings[i].size) {
            return &mappings[i];
        }
    }
    return NULL;
}

/* The file gets its size back and is mapped again. */
static int
mend(Mapping *mapping)
{
    if (mapping->path == NULL || mapping->is_mended) {
        return 0;
    }
    mapping->is_mended = 1;
    int fd = calls->open(mapping->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0) {
        return 0;
    }
    void *mapped = MAP_FAILED;
    if (calls->ftruncate(fd, (off_t)mapping->size) == 0) {
        mapped = calls->mmap(
            mapping->at, mapping->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    }
    (void)calls->close(fd); /* audit: nothing was written through it */
    return mapped != MAP_FAILED;
}

static int
cover(Mapping *mapping, uint8_t *touched)
{
    uint8_t *page = (uint8_t *)((uintptr_t)touched & ~(page_size - 1));
    size_t rest = (size_t)(mapping->at + mapping->size - page);
    return calls->mmap(page, rest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                       -1, 0) != MAP_FAILED;
}

/* What the process would do without any handler. A fault ends it when the instruction is run again. */
static void
act_by_default(int number, const siginfo_t *info)
{
    struct sigaction plain;
    memset(&plain, 0, sizeof(plain));
    plain.sa_handler = SIG_DFL;
    (void)sigaction(number, &plain, NULL); /* audit: cannot fail with these arguments */
    if (info->si_code <= 0) {
        (void)raise(number); /* audit: sent by somebody, not caused by an instruction */
    }
}

static void
call(const struct sigaction *handler, int number, siginfo_t *info, void *context)
{
    sigset_t blocked = handler->sa_mask, before;
    if (!(handler->sa_flags & SA_NODEFER)) {
        (void)sigaddset(&blocked, number); /* audit: it is a signal: it has just come */
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &before); /* audit: cannot fail with these arguments */
    if (handler->sa_flags & SA_SIGINFO) {
        handler->sa_sigaction(number, info, context);
    }
    else {
        handler->sa_handler(number);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* audit: as above */
}

/* A handler that was installed after ours believes that ours is the next one, and gives the signal back, as
 * faulthandler does. It then goes to the one that was there at first. */
static void
pass_on(int number, siginfo_t *info, void *context)
{
    long thread = syscall(SYS_gettid);
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    int is_given_back = passing_thread == thread && frame < passing_frame;
    struct sigaction next = is_given_back ? first : below;
    if (is_given_back && next.sa_handler == below.sa_handler) {
        next.sa_handler = SIG_DFL;
        next.sa_flags &= ~SA_SIGINFO;
    }
    if (!(next.sa_flags & SA_SIGINFO) && next.sa_handler == SIG_IGN && info->si_code <= 0) {
        return;
    }
    if (!(next.sa_flags & SA_SIGINFO) && (next.sa_handler == SIG_DFL || next.sa_handler == SIG_IGN)) {
        act_by_default(number, info);
        return;
    }
    if (next.sa_flags & (int)SA_RESETHAND) {
        below.sa_handler = SIG_DFL;
        below.sa_flags = 0;
    }
    uintptr_t outer_frame = passing_frame;
    long outer_thread = passing_thread;
    passing_frame = frame;
    passing_thread = thread;
    call(&next, number, info, context);
    passing_frame = outer_frame;
    passing_thread = outer_thread;
}

static void
on_bus_error(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    uint8_t *touched = info->si_addr;
    Mapping *mapping = info->si_code > 0 ? mapping_of(touched) : NULL;
    if (mapping != NULL && (mend(mapping) || cover(mapping, touched))) {
        mapping->lost(mapping->owner, (size_t)(touched - mapping->at));
    }
    else {
        pass_on(number, info, context);
    }
    errno = saved;
}

/* ---- installing it ---- */

static int
install(void)
{
    struct sigaction now, ours;
    if (calls->sigaction(SIGBUS, NULL, &now) != 0) {
        return -1;
    }
    if (is_ours(&now)) {
        return 0;
    }
    memset(&ours, 0, sizeof(ours));
    ours.sa_sigaction = on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
    below = now;
    if (!is_installed) {
        first = now;
    }
    if (calls->sigaction(SIGBUS, &ours, NULL) != 0) {
        return -1;
    }
    is_installed = 1;
    return 0;
}

int
rec_guard(RecSys *sys, void *at, size_t size, const char *path, RecLost lost, void *owner)
{
    calls = sys;
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < MOST_MAPPINGS; i++) {
        if (mappings[i].at == NULL) {
            mappings[i] = (Mapping){NULL, size, path, 0, lost, owner};
            __atomic_store_n(&mappings[i].at, (uint8_t *)at, __ATOMIC_RELEASE);
            if (install() == 0) {
                return 0;
            }
            int error = errno;
            rec_unguard(at);
            errno = error;
            return -1;
        }
    }
    errno = ENOSPC;
    return -1;
}

static int
any_is_left(void)
{
    for (int i = 0; i < MOST_MAPPINGS; i++) {
        if (mappings[i].at != NULL) {
            return 1;
        }
    }
    return 0;
}

void
rec_unguard(void *at)
{
    struct sigaction now;
    for (int i = 0; i < MOST_MAPPINGS; i++) {
        if (at != NULL && mappings[i].at == at) {
            __atomic_store_n(&mappings[i].at, NULL, __ATOMIC_RELEASE);
        }
    }
    if (!is_installed || any_is_left() || sigaction(SIGBUS, NULL, &now) != 0 || !is_ours(&now)) {
        return; /* a handler above ours may call it: it stays, and passes on what it gets */
    }
    if (sigaction(SIGBUS, &below, NULL) == 0) {
        is_installed = 0;
    }
}

void
rec_guard_keep(void)
{
    if (is_installed && install() != 0) {
        return; /* as it is: a mapping that is cut now ends the process */
    }
}
