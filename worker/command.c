/* Words, input and failures of a command; see command.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "worker/command.h"
#include "worker/strbuf.h"

char **
command_words(struct svs list)
{
	size_t	  bytes = 0;
	char	**v, *p;

	for (uint32_t i = 0; i < list.n; i++)
		bytes += list.v[i].n + 1;
	v = xcalloc(1, (list.n + 1) * sizeof *v + bytes);
	p = (char *)(v + list.n + 1);
	for (uint32_t i = 0; i < list.n; i++) {
		v[i] = p;
		memcpy(p, list.v[i].p, list.v[i].n);
		p += list.v[i].n + 1;
	}
	return v;
}

int
command_input(struct sv s, int *ret_fd)
{
	int	fd;

	*ret_fd = -1;
	if (s.n == 0)
		return 0;
	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd == -1)
		return -errno;
	for (size_t at = 0; at < s.n;) {
		ssize_t	n = write(fd, s.p + at, s.n - at);

		if (n == -1) {
			int	r = -errno;

			(void)close(fd);
			return r;
		}
		at += (size_t)n;
	}
	(void)lseek(fd, 0, SEEK_SET);
	*ret_fd = fd;
	return 0;
}

/* Is there a file, though it could not be run?  Then its interpreter is missing. */
static bool
is_there(struct sv file, const char *cwd)
{
	char	*path;
	bool	 there;

	if (file.n == 0 || memchr(file.p, '/', file.n) == NULL)
		return false;
	path = *file.p == '/' ? xstrndup(file.p, file.n) :
	    xasprintf("%s/" SV_FMT, cwd, SV_ARG(file));
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

char *
command_describe_failure(struct sv file, const char *cwd, enum exec_where where, int error)
{
	struct strbuf	t = { NULL, 0, 0 };

	if (where == EXEC_CONFINE) {
		strbuf_addf(&t, "cannot be held to its limits");
	} else if (where == EXEC_CHDIR) {
		strbuf_addf(&t, "cannot enter the folder ");
		strbuf_add_escaped(&t, sv_from(cwd), 4 * STRBUF_SHOWN);
		strbuf_addf(&t, ": %s", strerror(error));
		return t.p;
	}
	strbuf_addf(&t, "cannot start ");
	strbuf_add_escaped(&t, file, 4 * STRBUF_SHOWN);
	strbuf_addf(&t, ": %s", strerror(error));
	if (where == EXEC_CLONE)
		return t.p;
	if (error == ENOENT && is_there(file, cwd))
		strbuf_addf(&t, " (it is there, but its interpreter is not)");
	else if (error == ENOENT && file.n > 0 && memchr(file.p, '/', file.n) == NULL)
		strbuf_addf(&t, " (not found in PATH)");
	else if (file.n > 0 && *file.p != '/') {
		strbuf_addf(&t, " (in ");
		strbuf_add_escaped(&t, sv_from(cwd), STRBUF_SHOWN);
		strbuf_addf(&t, ")");
	}
	return t.p;
}
