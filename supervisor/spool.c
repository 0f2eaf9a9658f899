/* A nameless file; see spool.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "supervisor/spool.h"

void
spool_init(struct spool *s, const char *dir)
{
	s->fd = -1;
	s->dir = dir;
	s->size = 0;
}

static int
open_nameless(const char *dir)
{
	char	path[512];
	int	fd;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd != -1 ? fd : -errno;
	/* A file system without O_TMPFILE. */
	if ((size_t)snprintf(path, sizeof path, "%s/spool.XXXXXX", dir) >= sizeof path)
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd == -1)
		return -errno;
	(void)unlink(path);
	return fd;
}

int
spool_append(struct spool *s, const void *data, size_t n, uint64_t *ret_at)
{
	const char	*p = data;
	size_t		 left = n;
	uint64_t	 at = s->size;
	ssize_t		 w;

	if (s->fd == -1) {
		s->fd = open_nameless(s->dir);
		if (s->fd < 0) {
			w = s->fd;
			s->fd = -1;
			return (int)w;
		}
	}
	while (left > 0) {
		w = pwrite(s->fd, p, left, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		p += w;
		at += (uint64_t)w;
		left -= (size_t)w;
	}
	*ret_at = s->size;
	s->size = at;
	return 0;
}

int
spool_read(const struct spool *s, uint64_t at, void *data, size_t n)
{
	char	*p = data;
	ssize_t	 r;

	while (n > 0) {
		r = pread(s->fd, p, n, (off_t)at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		p += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

void
spool_free(struct spool *s)
{
	fd_close(&s->fd);
	s->size = 0;
}
