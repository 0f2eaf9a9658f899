/*
 * The store at work: a loop over the socket to the supervisor, journals in, answers out.
 *
 * What fails (a full disk, a database that cannot be read) is told once as STORE_FAULT and
 * tried again, at longer and longer intervals; STORE_FAULT without a text says that it
 * works again.  A damaged database or journal is set aside, and said to be as long as
 * it lies in the folder: mended is what somebody has repaired, moved or removed.
 */
#ifndef STORE_SERVICE_H
#define STORE_SERVICE_H

/* Serves until the socket `fd` (non-blocking, owned from now on) ends; an exit code. */
int	service_run(const char *dir, int fd);

#endif
