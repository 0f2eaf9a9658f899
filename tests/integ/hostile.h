/*
 * A user whose two hundred connections do everything that is not meant: say nothing, speak a
 * byte at a time, flood, read no answer, promise frames that are too long, make up ids, leave
 * plans open, come and go.
 */
#ifndef TESTS_INTEG_HOSTILE_H
#define TESTS_INTEG_HOSTILE_H

#include <sys/types.h>

#define HOSTILE_CLIENTS	200

/* Becomes this user for good, dials them all, writes a byte to `go` and is hostile until it
 * is killed, or its parent is gone.  run: the id of another's run, for what it makes up.
 * Never returns. */
void	hostile_be(const char *socket_path, uid_t, gid_t, const char *run, int go)
	    __attribute__((noreturn));

#endif
