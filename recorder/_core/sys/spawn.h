/* Starting the sealer, so that no wait() of the program's ever sees it: see spawn.c. */
#ifndef RECORDER_SPAWN_H
#define RECORDER_SPAWN_H
#include <sys/types.h>

/* The pid of the program started, or -1 and errno. stdin and stdout are /dev/null, stderr is appended to the file
 * `log`. keeper: NULL, and it is an orphan; else it has a keeper, whose pid is put there, or 0 where there can be
 * none. */
pid_t rec_spawn(const char *path, char *const argv[], char *const envp[], const char *log, pid_t *keeper);

/* Whether the kernel makes this process the parent of orphans below it: it is the first of its namespace, or has asked
 * for that. */
int rec_adopts_orphans(void);

/* Ends the keeper of a program that has ended, or ends within a second, and takes it out of the list of our children. */
void rec_end_keeper(pid_t keeper, pid_t kept);
#endif
