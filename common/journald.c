/* The journal's native protocol; see journald.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/journald.h"

#define NAME_MAX_BYTES	64	/* of a field's name, as the journal has it */

bool
journald_is(int fd, const char *stream)
{
	char		want[64];
	struct stat	st;

	if (stream == NULL || fstat(fd, &st) == -1)
		return false;
	(void)snprintf(want, sizeof want, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, want) == 0;
}

int
journald_open(const char *path)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd, r;

	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == -1) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

/* "NAME=VALUE\n"; a value of several lines as "NAME\n", its length in 64 bits, the least
 * byte first, the value and "\n".  The bytes written. */
static size_t
put_field(char *at, const struct journald_field *f)
{
	size_t	name = strnlen(f->name, NAME_MAX_BYTES), n = 0;
	size_t	len = f->value.n < JOURNALD_VALUE ? f->value.n : JOURNALD_VALUE;

	memcpy(at, f->name, name);
	n = name;
	if (len > 0 && memchr(f->value.p, '\n', len) != NULL) {
		at[n++] = '\n';
		for (int i = 0; i < 8; i++)
			at[n++] = (char)((uint64_t)len >> (8 * i));
	} else {
		at[n++] = '=';
	}
	if (len > 0)
		memcpy(at + n, f->value.p, len);
	n += len;
	at[n++] = '\n';
	return n;
}

int
journald_send(int fd, const struct journald_field *f, size_t n)
{
	char	buf[JOURNALD_FIELDS * (NAME_MAX_BYTES + 10 + JOURNALD_VALUE)];
	size_t	len = 0;
	ssize_t	r;

	for (size_t i = 0; i < n && i < JOURNALD_FIELDS; i++)
		len += put_field(buf + len, &f[i]);
	do
		r = send(fd, buf, len, MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	return r != -1 ? 0 : errno == ENOBUFS ? -EAGAIN : -errno;
}
