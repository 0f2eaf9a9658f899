/* Two files of /proc, kept open; see iocount.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "worker/iocount.h"

/* The first two lines: "rchar: 123", "wchar: 45".  Bytes of the file, 0: it is not so. */
static uint64_t
read_account(int fd, uint64_t *ret_read, uint64_t *ret_written)
{
	char	 buf[256], *p, *end;
	ssize_t	 n = pread(fd, buf, sizeof buf - 1, 0);

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	if (strncmp(buf, "rchar: ", 7) != 0)
		return 0;
	*ret_read = strtoull(buf + 7, &end, 10);
	p = end + 1;
	if (*end != '\n' || strncmp(p, "wchar: ", 7) != 0)
		return 0;
	*ret_written = strtoull(p + 7, NULL, 10);
	return (uint64_t)n;
}

void
iocount_open(struct iocount *c)
{
	uint64_t	a, b;

	c->read = c->written = 0;
	c->whole_fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	c->own_fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
	if (c->whole_fd == -1 || c->own_fd == -1)
		iocount_close(c);
	iocount_take(c, &a, &b);
}

void
iocount_close(struct iocount *c)
{
	fd_close(&c->whole_fd);
	fd_close(&c->own_fd);
}

void
iocount_take(struct iocount *c, uint64_t *ret_read, uint64_t *ret_written)
{
	uint64_t	r, w, own_r, own_w, asked;

	*ret_read = *ret_written = 0;
	if (c->whole_fd == -1)
		return;
	asked = read_account(c->whole_fd, &r, &w);
	if (asked == 0 || read_account(c->own_fd, &own_r, &own_w) == 0)
		return;
	r -= own_r - asked;	/* the second answer has the first question in it */
	w -= own_w;
	*ret_read = r - c->read;
	*ret_written = w - c->written;
	c->read = r;
	c->written = w;
}
