/* paratest-mcp: tests for agents, on standard input and output. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/outcome.h"
#include "common/timespan.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/args.h"
#include "mcpsrv/call.h"
#include "mcpsrv/feed.h"
#include "mcpsrv/tools.h"

#define HEAP_KEPT	(1 << 20)	/* bytes of free memory that are kept */

/*
 * Standard output is the protocol's: a copy of it is used, out of the way of what
 * libraries print and children inherit.  Both are close-on-exec.
 */
static int
take_stdio(int *ret_in, int *ret_out)
{
	int	null = open("/dev/null", O_RDWR | O_CLOEXEC);

	*ret_in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	*ret_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null == -1 || *ret_in == -1 || *ret_out == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		return -errno;
	/* Then there was no standard error, and nothing else may get its number. */
	if (null != STDERR_FILENO)
		(void)close(null);
	return 0;
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mcp_stop(((struct srv *)arg)->mcp);
}

static void
open_log(struct srv *s)
{
	int	fd;

	for (size_t i = 0; i < CALL_POLICIES && s->log == NULL; i++) {
		if (s->policies[i].log == NULL)
			continue;
		fd = open(s->policies[i].log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
		    O_NOFOLLOW, 0600);
		s->log = fd != -1 ? fdopen(fd, "a") : NULL;
		if (s->log == NULL)
			log_warn("policy", "calls cannot be logged in %s: %s", s->policies[i].log,
			    strerror(errno));
	}
}

static void
prepare(struct srv *s, const char *policy)
{
	s->cwd = getcwd(NULL, 0);
	if (s->cwd == NULL)
		s->cwd = strdup("/");
	policy_load(&s->policies[0], POLICY_FILE, false, true);
	if (policy != NULL)
		policy_load(&s->policies[1], policy, true, false);
	for (size_t i = 0; i < CALL_POLICIES; i++) {
		if (s->policies[i].error != NULL)
			log_warn("policy", "nothing is run: %s", s->policies[i].error);
	}
	for (char **v = environ; *v != NULL; v++)
		secrets_add(&s->secrets, *v);
	open_log(s);
}

static int
serve(struct srv *s)
{
	static const int	stops[] = { SIGTERM, SIGINT, SIGHUP };
	struct event		*events[3];
	struct mcp_offer	 offer;
	int			 in, out, r = take_stdio(&in, &out);

	if (r != 0) {
		(void)fprintf(stderr, "paratest-mcp: standard input and output cannot be used: "
		    "%s\n",
		    strerror(-r));
		return EXIT_INTERNAL;
	}
	s->base = mcp_base_new();
	offer_make(&offer, s);
	s->mcp = mcp_new(s->base, in, out, &offer);
	for (size_t i = 0; i < 3; i++) {
		events[i] = evsignal_new(s->base, stops[i], on_stop, s);
		(void)evsignal_add(events[i], NULL);
	}
	r = mcp_run(s->mcp);
	if (r != 0 && r != -EPIPE)
		(void)fprintf(stderr, "paratest-mcp: standard output cannot be written: %s\n",
		    strerror(-r));
	feed_free(s);
	call_no_spare(s);
	mcp_free(s->mcp);
	for (size_t i = 0; i < 3; i++)
		event_free(events[i]);
	event_base_free(s->base);
	return r == 0 || r == -EPIPE ? EXIT_PASSED : EXIT_INTERNAL;
}

int
main(int argc, char **argv)
{
	struct srv	 s = { .budget = ANSWER_BUDGET };
	const char	*policy = NULL;
	int		 code;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	/* What one call has given back is there for the next; else each asks the kernel. */
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	/* A client that is gone is an end of input, not a reason to vanish. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_init("paratest-mcp", LOG_LEVEL_INFO, NULL);
	code = args_read(argc, argv, &s, &policy);
	if (code != -1)
		return code;
	prepare(&s, policy);
	code = serve(&s);
	for (size_t i = 0; i < CALL_POLICIES; i++)
		policy_free(&s.policies[i]);
	secrets_free(&s.secrets);
	if (s.log != NULL)
		(void)fclose(s.log);
	free(s.cwd);
	return code;
}
