/* Suites from files and standard input; the rest of the loader opens nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/xalloc.h"
#include "ctl/suite.h"

#define FILE_MAX_BYTES	((size_t)1 << 30)
#define READ_BYTES	((size_t)64 * 1024)

static int
fail_file(struct suite_error *error, const char *file, int r, const char *what)
{
	(void)snprintf(error->text, sizeof(error->text), "%.300s: %s", file, what);
	return r;
}

/* All there is to read; *ret_text is allocated. */
static int
read_all(int fd, char **ret_text, size_t *ret_len)
{
	struct stat	 st;
	size_t		 cap = READ_BYTES, len = 0;
	ssize_t		 n;
	char		*text;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (size_t)st.st_size < FILE_MAX_BYTES)
		cap = (size_t)st.st_size + 1;
	text = xcalloc(1, cap);
	for (;;) {
		n = read(fd, text + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len >= FILE_MAX_BYTES) {
			errno = EFBIG;
			n = -1;
			break;
		}
		if (len == cap) {
			cap *= 2;
			text = xreallocarray(text, cap, 1);
		}
	}
	if (n < 0) {
		n = -errno;
		free(text);
		return (int)n;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* The folder that a file is in, absolute and allocated; NULL with errno. */
static char *
folder_of(const char *file)
{
	const char	*slash = strrchr(file, '/');
	char		*path, *real;

	if (slash == NULL)
		return realpath(".", NULL);
	path = xstrndup(file, slash == file ? 1 : (size_t)(slash - file));
	real = realpath(path, NULL);
	free(path);
	return real;
}

int
suite_load(struct plan *p, const char *file, struct suite_error *error)
{
	bool	 standard = strcmp(file, "-") == 0;
	char	*text = NULL, *dir = NULL;
	size_t	 len = 0;
	int	 fd = -1, r = 0;

	if (!standard) {
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return fail_file(error, file, -errno, strerror(errno));
	}
	r = read_all(standard ? STDIN_FILENO : fd, &text, &len);
	if (r < 0) {
		(void)fail_file(error, standard ? "stdin" : file, r, strerror(-r));
		goto out;
	}
	dir = folder_of(standard ? "." : file);
	if (dir == NULL) {
		r = fail_file(error, file, -errno, strerror(errno));
		goto out;
	}
	r = suite_parse(p, standard ? "stdin" : file, dir, text, len, error);
out:
	free(dir);
	free(text);
	if (!standard)
		fd_close(&fd);
	return r;
}
