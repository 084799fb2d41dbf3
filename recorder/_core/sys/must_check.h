/* Included before everything else where warnings are errors (setup.py): the compiler refuses a call whose result nobody
 * looks at. libc says so of some functions only, and only in optimized builds; so these are declared once more. Not
 * those whose failure somebody can have a reason to pass over, such as close and kill at the end: the audit asks for
 * that reason, and watches over the table of system calls and the functions of the core as well. */
#ifndef RECORDER_MUST_CHECK_H
#define RECORDER_MUST_CHECK_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define MUST_CHECK __attribute__((warn_unused_result))
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

ssize_t read(int fd, void *data, size_t size) MUST_CHECK;
ssize_t write(int fd, const void *data, size_t size) MUST_CHECK;
int fsync(int fd) MUST_CHECK;
int ftruncate(int fd, off_t size) MUST_CHECK;
int posix_fallocate(int fd, off_t at, off_t size) MUST_CHECK;
int unlink(const char *path) MUST_CHECK;
int fstat(int fd, struct stat *facts) MUST_CHECK;
int stat(const char *path, struct stat *facts) MUST_CHECK;
int dup2(int from, int to) MUST_CHECK;
int pipe2(int fds[2], int flags) MUST_CHECK;
int poll(struct pollfd *fds, nfds_t count, int milliseconds) MUST_CHECK;
pid_t waitpid(pid_t pid, int *status, int options) MUST_CHECK;
#endif
