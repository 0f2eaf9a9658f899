/* The journal of one run; see journal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "common/fdutil.h"
#include "common/journal.h"

#define JOURNAL_KEEP	((size_t)256 << 10)	/* a larger buffer is given back */
#define READER_BLOCK	((size_t)64 << 10)	/* bytes asked for in one read */

/* ---- the frame ---- */

static void
put32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of length and type, and of the body: of zeros it is not zero, so that a hole in a
 * file is no record. */
static uint32_t
checksum(const unsigned char *head, const void *body, size_t len)
{
	return (uint32_t)XXH3_64bits_withSeed(body, len, XXH3_64bits(head, 8));
}

/* ---- writing ---- */

static int
open_nameless(int dirfd)
{
	char	path[64];
	int	fd;

	fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd != -1 ? fd : -errno;
	/* A file system without O_TMPFILE. */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/journal.XXXXXX", dirfd);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd == -1)
		return -errno;
	(void)unlink(path);
	return fd;
}

int
journal_create(struct journal *j, int dirfd, const char *name)
{
	int	fd;

	memset(j, 0, sizeof *j);
	j->fd = -1;
	if (name == NULL)
		fd = open_nameless(dirfd);
	else if ((fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600)) == -1)
		fd = -errno;
	if (fd < 0)
		return fd;
	j->fd = fd;
	return 0;
}

int
journal_open(struct journal *j, int dirfd, const char *name, uint64_t size)
{
	int	r;

	memset(j, 0, sizeof *j);
	j->fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (j->fd == -1)
		return -errno;
	if (ftruncate(j->fd, (off_t)size) == -1) {
		r = -errno;
		fd_close(&j->fd);
		return r;
	}
	j->written = size;
	return 0;
}

void
journal_close(struct journal *j)
{
	if (j->fd > 0)
		(void)close(j->fd);
	free(j->buf);
	memset(j, 0, sizeof *j);
	j->fd = -1;
}

static int
make_room(struct journal *j, size_t n)
{
	size_t	 cap = j->cap > 0 ? j->cap : 4096;
	char	*p;

	if (j->error != 0 && j->len + n > JOURNAL_HELD_MAX)
		return j->error;
	while (cap < j->len + n)
		cap *= 2;
	if (cap == j->cap)
		return 0;
	p = realloc(j->buf, cap);
	if (p == NULL)
		return -ENOMEM;
	j->buf = p;
	j->cap = cap;
	return 0;
}

int
journal_append(struct journal *j, enum msg_type type, const void *body, size_t len,
    uint64_t *ret_at)
{
	const struct msg_desc	*d = msg_desc(type);
	unsigned char		*head;
	int			 r;

	if (d == NULL)
		return -EINVAL;
	if (len > d->max_len)
		return -EMSGSIZE;
	r = j->ended != 0 ? j->ended : make_room(j, MSG_HEADER + len);
	j->ended = r;
	if (r != 0)
		return r;
	head = (unsigned char *)j->buf + j->len;
	msg_header(head, type, 0, len);
	put32(head + 8, checksum(head, body, len));
	memcpy(head + MSG_HEADER, body, len);
	if (ret_at != NULL)
		*ret_at = journal_size(j) + MSG_HEADER;
	j->len += MSG_HEADER + len;
	return 0;
}

int
journal_put(struct journal *j, enum msg_type type, const void *msg, uint64_t *ret_at)
{
	char	*body;
	size_t	 len;
	int	 r = msg_encode(type, msg, &body, &len);

	if (r != 0)
		return r;
	r = journal_append(j, type, body, len, ret_at);
	free(body);
	return r;
}

/* What was written goes out of memory. */
static void
drop(struct journal *j, size_t n)
{
	j->written += n;
	j->len -= n;
	if (j->len > 0) {
		memmove(j->buf, j->buf + n, j->len);
	} else if (j->cap > JOURNAL_KEEP) {
		free(j->buf);
		j->buf = NULL;
		j->cap = 0;
	}
}

int
journal_flush(struct journal *j)
{
	size_t	done = 0;
	ssize_t	n;
	int	r = 0;

	while (done < j->len && r == 0) {
		n = pwrite(j->fd, j->buf + done, j->len - done, (off_t)(j->written + done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? -EIO : -errno;
	}
	if (done > 0)
		drop(j, done);
	j->error = r;
	return r;
}

uint64_t
journal_size(const struct journal *j)
{
	return j->written + j->len;
}

/* Exactly n bytes of a file.  0, -EIO when it ends before them, or -errno. */
static int
read_at(int fd, uint64_t at, char *p, size_t n)
{
	ssize_t	got;

	while (n > 0) {
		got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int
journal_read(const struct journal *j, uint64_t at, void *data, size_t n)
{
	uint64_t	size = journal_size(j);
	size_t		file = 0;
	int		r = 0;

	if (at > size || n > size - at)
		return -EIO;
	if (at < j->written)
		file = j->written - at < n ? (size_t)(j->written - at) : n;
	if (file > 0)
		r = read_at(j->fd, at, data, file);
	if (r == 0 && file < n)
		memcpy((char *)data + file, j->buf + (at + file - j->written), n - file);
	return r;
}

/* ---- reading ---- */

void
journal_reader_init(struct journal_reader *rd, int fd, uint64_t at, uint64_t end)
{
	memset(rd, 0, sizeof *rd);
	rd->fd = fd;
	rd->at = at;
	rd->end = end;
}

void
journal_reader_free(struct journal_reader *rd)
{
	free(rd->buf);
	memset(rd, 0, sizeof *rd);
	rd->fd = -1;
}

/* Room for n bytes behind rd->from. */
static int
reader_room(struct journal_reader *rd, size_t n)
{
	char	*p;

	if (rd->from > 0 && rd->from + n > rd->cap) {
		memmove(rd->buf, rd->buf + rd->from, rd->len);
		rd->from = 0;
	}
	if (n <= rd->cap)
		return 0;
	p = realloc(rd->buf, n);
	if (p == NULL)
		return -ENOMEM;
	rd->buf = p;
	rd->cap = n;
	return 0;
}

/* Reads until n bytes are there.  1, 0 when the file or what may be read of it ends
 * before, or -errno. */
static int
need(struct journal_reader *rd, size_t n)
{
	uint64_t	left;
	size_t		want;
	ssize_t		got;

	if (rd->at > rd->end || n > rd->end - rd->at)
		return 0;
	if (rd->len < n && reader_room(rd, n > READER_BLOCK ? n : READER_BLOCK) != 0)
		return -ENOMEM;
	while (rd->len < n) {
		left = rd->end - rd->at - rd->len;
		want = rd->cap - rd->from - rd->len;
		got = pread(rd->fd, rd->buf + rd->from + rd->len, want < left ? want : left,
		    (off_t)(rd->at + rd->len));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		rd->len += (size_t)got;
	}
	return 1;
}

int
journal_next(struct journal_reader *rd, enum msg_type *ret_type, struct sv *ret_body)
{
	const struct msg_desc	*d = NULL;
	const unsigned char	*head;
	size_t			 len = 0;
	int			 r;

	r = need(rd, MSG_HEADER);
	if (r == 1) {
		head = (const unsigned char *)rd->buf + rd->from;
		len = get32(head);
		d = msg_desc(get32(head + 4) >> 16);
		if (d == NULL || (get32(head + 4) & 0xffff) != 0 || len > d->max_len)
			r = 0;
	}
	if (r == 1)
		r = need(rd, MSG_HEADER + len);
	if (r == 1) {
		head = (const unsigned char *)rd->buf + rd->from;	/* it may have moved */
		if (get32(head + 8) != checksum(head, head + MSG_HEADER, len))
			r = 0;
	}
	if (r != 1) {
		/* What ends it may be written over: it is read again the next time. */
		rd->from = rd->len = 0;
		return r;
	}
	*ret_type = (enum msg_type)(get32(head + 4) >> 16);
	*ret_body = (struct sv){ rd->buf + rd->from + MSG_HEADER, len };
	rd->at += MSG_HEADER + len;
	rd->from += MSG_HEADER + len;
	rd->len -= MSG_HEADER + len;
	return 1;
}
