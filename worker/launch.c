/* How a process becomes a worker; see launch.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/outcome.h"
#include "common/privilege.h"
#include "worker/groups.h"
#include "worker/launch.h"

struct launch_options
launch_options(int argc, char **argv)
{
	struct launch_options	 ret = { .scratch = NULL };
	const char		**into;

	for (int i = 1; i < argc; i += 2) {
		into = strcmp(argv[i], "--scratch") == 0 ? &ret.scratch :
		    strcmp(argv[i], "--shared") == 0 ? &ret.shared :
		    strcmp(argv[i], "--remove") == 0 ? &ret.remove :
		    strcmp(argv[i], "--isolation") == 0 ? &ret.isolation :
		    strcmp(argv[i], "--cgroup") == 0 ? &ret.cgroup :
		    strcmp(argv[i], "--as") == 0 ? &ret.as : NULL;
		if (into != NULL && i + 1 < argc && argv[i + 1][0] != '\0') {
			*into = argv[i + 1];
			continue;
		}
		(void)fprintf(stderr, "usage: paratest-worker [--as UID:GID:GROUP,...] [--scratch DIR] "
		    "[--shared DIR]\n"
		    "                       [--isolation LEVEL] [--cgroup DIR|PART:DIR,...]\n"
		    "       paratest-worker [--as ...] --remove DIR\n"
		    "It is started by paratestd, with a socket as descriptor 3.\n");
		exit(EXIT_USAGE);
	}
	return ret;
}

/*
 * Becomes the user whose tests we run, before anything is opened or read.  The log of
 * the supervisor is none of a user's business from then on: what is wrong is told in a
 * frame.
 */
void
launch_become(const char *as)
{
	struct identity	*who = identity_parse(as);
	char		 why[PRIVILEGE_WHY] = "--as takes UID:GID:GROUP,GROUP";
	int		 null;

	if (who == NULL || privilege_become(who, why) != 0) {
		log_at(LOG_LEVEL_ERROR, "worker", "%s", why);
		exit(PRIVILEGE_EXIT);
	}
	free(who);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || dup2(null, STDOUT_FILENO) == -1 || dup2(null, STDERR_FILENO) == -1)
		exit(PRIVILEGE_EXIT);
	(void)close(null);
}

/* Before we are somebody else: its files are the supervisor's.  What kills our tests. */
int
launch_join(const char *cgroup)
{
	int	kill, r = groups_join(cgroup, &kill);

	if (r == 0)
		return kill;
	log_at(LOG_LEVEL_ERROR, "worker", "%s cannot be entered: %s", cgroup, strerror(-r));
	exit(PRIVILEGE_EXIT);
}

/* We cannot start: whoever started us is told why, and logs it. */
void
launch_give_up(const char *fmt, ...)
{
	struct evbuffer	*out = evbuffer_new();
	char		 text[512];
	struct msg_log	 m = { .level = LOG_LEVEL_ERROR };
	va_list		 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	m.text = sv_from(text);
	if (out != NULL && msg_put(out, MSG_LOG, 0, &m) == 0)
		(void)evbuffer_write(out, WORKER_FD);
	fatal("worker", "%s", text);
}

/* keep: -1, or one that we have opened. */
void
launch_descriptors(int keep)
{
	int	fd;

	if (fcntl(WORKER_FD, F_GETFD) == -1) {
		(void)fprintf(stderr, "paratest-worker: descriptor 3 is not open; "
		    "it is paratestd that starts workers\n");
		exit(EXIT_USAGE);
	}
	if (keep > WORKER_FD + 1)
		(void)close_range(WORKER_FD + 1, (unsigned)keep - 1, 0);
	(void)close_range((unsigned)(keep > WORKER_FD ? keep : WORKER_FD) + 1, ~0u, 0);
	if (fd_nonblock(WORKER_FD, 1) != 0 || fcntl(WORKER_FD, F_SETFD, FD_CLOEXEC) == -1)
		fatal("worker", "descriptor 3: %s", strerror(errno));
	/* Tests inherit 0 as it is. */
	(void)close(STDIN_FILENO);
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd == -1)
			fatal("worker", "/dev/null: %s", strerror(errno));
	} while (fd < STDERR_FILENO);	/* 1 and 2 may have been closed */
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/* Default dispositions for the tests' sake; the signals that may reach us are
 * blocked, and those that matter are read from a descriptor. */
int
launch_signals(void)
{
	static const int	blocked[] = { SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	sigset_t		set, wanted;
	int			fd;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);	/* fails for libc's own two */
	}
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++)
		(void)sigaddset(&set, blocked[i]);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGCHLD);
	(void)sigaddset(&wanted, SIGTERM);
	fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		fatal("worker", "signalfd: %s", strerror(errno));
	return fd;
}
