/*
 * Loaded into a program with LD_PRELOAD: it dies by SIGKILL at the step whose number
 * is DIE_AT, before that step is done.  A step is a call that changes something which
 * outlives the program: a write to a file or a socket, a file made, renamed, cut or
 * removed.  Only the program whose name is DIE_PROGRAM counts; without DIE_AT it only
 * counts, and leaves the number in the file DIE_COUNT when it ends in order.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long	steps, die_at;
static int		counts;

static void __attribute__((constructor))
begin(void)
{
	const char	*program = getenv("DIE_PROGRAM"), *at = getenv("DIE_AT");

	counts = program != NULL && strcmp(program, program_invocation_short_name) == 0;
	die_at = counts && at != NULL ? strtoul(at, NULL, 10) : 0;
}

static void __attribute__((destructor))
end(void)
{
	const char	*path = getenv("DIE_COUNT");
	FILE		*f = counts && path != NULL ? fopen(path, "we") : NULL;

	if (f == NULL)
		return;
	(void)fprintf(f, "%lu\n", steps);
	(void)fclose(f);
}

static void
step(void)
{
	if (counts && ++steps == die_at)
		(void)raise(SIGKILL);
}

/* The function of libc that ours stands before. */
#define REAL(ret, name, ...)						\
	static ret	(*real)(__VA_ARGS__);				\
	if (real == NULL) {						\
		void	*p = dlsym(RTLD_NEXT, #name);			\
		memcpy(&real, &p, sizeof real);				\
	}

ssize_t
write(int fd, const void *buf, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t)
	step();
	return real(fd, buf, n);
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
	step();
	return real(fd, buf, n, at);
}

ssize_t
pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)
	step();
	return real(fd, buf, n, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	REAL(ssize_t, writev, int, const struct iovec *, int)
	step();
	return real(fd, v, n);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(ssize_t, sendmsg, int, const struct msghdr *, int)
	step();
	return real(fd, m, flags);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	REAL(int, unlinkat, int, const char *, int)
	step();
	return real(dirfd, path, flags);
}

int
unlink(const char *path)
{
	REAL(int, unlink, const char *)
	step();
	return real(path);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	REAL(int, renameat, int, const char *, int, const char *)
	step();
	return real(from_dir, from, to_dir, to);
}

int
ftruncate(int fd, off_t size)
{
	REAL(int, ftruncate, int, off_t)
	step();
	return real(fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	REAL(int, ftruncate64, int, off64_t)
	step();
	return real(fd, size);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	va_list	ap;
	mode_t	mode;

	REAL(int, openat, int, const char *, int, ...)
	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_CREAT)
		step();
	return real(dirfd, path, flags, mode);
}
