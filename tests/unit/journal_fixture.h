/*
 * The journal of systemd, played by a test: what log.h writes in this process comes here, a
 * record at a time.
 */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/rmtree.h"

struct jx {
	char	dir[40];
	int	fd;
	char	record[8192];	/* the last */
};

static inline void
jx_open(struct jx *jx)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	struct stat		st;
	char			stream[64];

	(void)snprintf(jx->dir, sizeof jx->dir, "/tmp/paratest-unit.XXXXXX");
	assert_non_null(mkdtemp(jx->dir));
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/journal", jx->dir);
	jx->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(jx->fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_init("test", LOG_LEVEL_INFO, sa.sun_path);
}

/* The next record whose message has `part` in it: its lines; NULL: there is none yet. */
static inline const char *
jx_find(struct jx *jx, const char *part)
{
	ssize_t	n;

	while ((n = recv(jx->fd, jx->record, sizeof jx->record - 1, 0)) > 0) {
		jx->record[n] = '\0';
		if (strstr(jx->record, part) != NULL)
			return jx->record;
	}
	return NULL;
}

static inline void
jx_close(struct jx *jx)
{
	(void)unsetenv("JOURNAL_STREAM");
	log_init("test", LOG_LEVEL_WARN, NULL);
	(void)close(jx->fd);
	(void)rmtree_at(AT_FDCWD, jx->dir);
}

#endif
