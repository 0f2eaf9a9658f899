/* Datagrams to the service manager; see notify.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "supervisor/notify.h"

/* A number of the environment; 0: there is none, or it is no number. */
static uint64_t
number(const char *name)
{
	const char	*text = getenv(name), *why = "";
	long long	 v = text != NULL ? strtonum(text, 1, INT64_MAX, &why) : 0;

	return why == NULL ? (uint64_t)v : 0;
}

/* Its address, of `name`: 0 or -errno. */
static int
address(const char *name, struct sockaddr_un *sa, socklen_t *ret_len)
{
	size_t	n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2)
		return -EAFNOSUPPORT;
	if (n >= sizeof sa->sun_path)
		return -ENAMETOOLONG;
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, name, n);
	if (name[0] == '@')
		sa->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

static int
connect_to(const char *name, int *ret_fd)
{
	struct sockaddr_un	sa;
	socklen_t		len;
	int			fd, r = address(name, &sa, &len);

	if (r != 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, len) == -1) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int
notify_open(struct notify *n)
{
	const char	*name = getenv("NOTIFY_SOCKET");
	uint64_t	 pid = number("WATCHDOG_PID");
	int		 r = 0;

	memset(n, 0, sizeof *n);
	n->fd = -1;
	if (name != NULL && name[0] != '\0')
		r = connect_to(name, &n->fd);
	if (n->fd != -1 && (pid == 0 || pid == (uint64_t)getpid()))
		n->watchdog_us = number("WATCHDOG_USEC");
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return r;
}

void
notify_close(struct notify *n)
{
	fd_close(&n->fd);
}

static int
put(struct notify *n, const char *text)
{
	ssize_t	r;

	do
		r = send(n->fd, text, strlen(text), MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	return r != -1 ? 0 : errno == ENOBUFS ? -EAGAIN : -errno;
}

void
notify_retry(struct notify *n)
{
	if (n->fd != -1 && n->owed[0] != '\0' && put(n, n->owed) != -EAGAIN)
		n->owed[0] = '\0';
}

int
notify_try(struct notify *n, const char *text)
{
	if (n->fd == -1)
		return 0;
	notify_retry(n);
	return n->owed[0] == '\0' ? put(n, text) : -EAGAIN;
}

int
notify_send(struct notify *n, const char *fmt, ...)
{
	char	text[NOTIFY_TEXT];
	size_t	used, len;
	va_list	ap;
	int	r;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r = notify_try(n, text);
	if (r != -EAGAIN)
		return r;
	used = strlen(n->owed);
	len = strlen(text);
	if (used + 1 + len >= sizeof n->owed)
		return -ENOBUFS;
	if (used > 0)
		n->owed[used++] = '\n';
	memcpy(n->owed + used, text, len + 1);
	return -EAGAIN;
}
