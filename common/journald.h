/*
 * Records for the journal of systemd, with fields to look for (journalctl PARATEST_RUN=...):
 * its native protocol, a datagram of NAME=VALUE lines, as documented in
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.  Nothing here waits.
 */
#ifndef COMMON_JOURNALD_H
#define COMMON_JOURNALD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/sv.h"

#define JOURNALD_SOCKET	"/run/systemd/journal/socket"
#define JOURNALD_VALUE	2048	/* bytes of a value; what is longer is cut */
#define JOURNALD_FIELDS	8	/* of one record */

struct journald_field {
	const char	*name;	/* A-Z, 0-9, _ */
	struct sv	 value;	/* any bytes */
};

/* Does what is written to `fd` end in the journal?  stream: the value of JOURNAL_STREAM,
 * DEVICE:INODE; NULL: it is not set. */
bool	journald_is(int fd, const char *stream);

/* A descriptor for journald_send(), close-on-exec, or -errno. */
int	journald_open(const char *path);

/* Sends one record.  0; -EAGAIN when the journal is busy; else -errno. */
int	journald_send(int fd, const struct journald_field *, size_t n);

#endif
