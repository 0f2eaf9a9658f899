/* The wrapped calls; see fault.h. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <event2/event.h>

#include "tests/fault/fault.h"

static struct {
	bool		 armed, for_ever, kills;
	enum fault_kind	 kind;
	uint64_t	 left;		/* calls until one fails */
	uint64_t	 failed;
} fault;

/* What the linker makes of a wrapped name. */
void	*__real_malloc(size_t);
void	*__real_calloc(size_t, size_t);
void	*__real_realloc(void *, size_t);
void	*__real_reallocarray(void *, size_t, size_t);
char	*__real_strdup(const char *);
char	*__real_strndup(const char *, size_t);
ssize_t	 __real_pwrite(int, const void *, size_t, off_t);
int	 __real_renameat(int, const char *, int, const char *);
int	 __real_posix_spawn(pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const *, char *const *);
void	*__wrap_malloc(size_t);
void	*__wrap_calloc(size_t, size_t);
void	*__wrap_realloc(void *, size_t);
void	*__wrap_reallocarray(void *, size_t, size_t);
char	*__wrap_strdup(const char *);
char	*__wrap_strndup(const char *, size_t);
int	 __wrap_asprintf(char **, const char *, ...) __attribute__((format(printf, 2, 3)));
ssize_t	 __wrap_pwrite(int, const void *, size_t, off_t);
int	 __wrap_renameat(int, const char *, int, const char *);
int	 __wrap_posix_spawn(pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const *, char *const *);

bool
fault_hits(enum fault_kind kind, int error)
{
	if (!fault.armed || fault.kind != kind)
		return false;
	if (fault.left > 0)
		fault.left--;
	if (fault.left > 0 || (fault.failed > 0 && !fault.for_ever))
		return false;
	if (fault.kills)
		(void)raise(SIGKILL);
	fault.failed++;
	errno = error;
	return true;
}

void
fault_arm(enum fault_kind kind, uint64_t nth, bool for_ever)
{
	fault.armed = true;
	fault.for_ever = for_ever;
	fault.kind = kind;
	fault.left = nth;
	fault.failed = 0;
}

void
fault_kills(void)
{
	fault.kills = true;
}

uint64_t
fault_disarm(void)
{
	fault.armed = false;
	return fault.failed;
}

void *
__wrap_malloc(size_t n)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : __real_strndup(s, n);
}

int
__wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list	ap;
	int	r;

	if (fault_hits(FAULT_MEMORY, ENOMEM))
		return -1;
	va_start(ap, fmt);
	r = vasprintf(ret, fmt, ap);
	va_end(ap);
	return r;
}

ssize_t
__wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
	return fault_hits(FAULT_WRITE, ENOSPC) ? -1 : __real_pwrite(fd, data, n, at);
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fault_hits(FAULT_WRITE, ENOSPC) ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *at, char *const *argv, char *const *env)
{
	return fault_hits(FAULT_SPAWN, EAGAIN) ? EAGAIN :
	    __real_posix_spawn(pid, path, fa, at, argv, env);
}

void
fault_init(void)
{
	event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
}
