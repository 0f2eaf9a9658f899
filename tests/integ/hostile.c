/* Two hundred hostile connections; see hostile.h. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/msg.h"
#include "tests/integ/hostile.h"

enum way { SILENT, SLOW, FLOOD, FLOOD_DEAF, OVERSIZED, FORGED, OPEN_PLAN, CHURN, N_WAYS };

struct hostile {
	enum way	 way;
	int		 fd;
	struct evbuffer	*out;
	size_t		 slow;		/* bytes said so far */
};

static void
greet(struct evbuffer *out)
{
	struct msg_hello	m = { .version = MSG_VERSION, .program = SV_LIT("hostile") };

	(void)msg_put(out, MSG_HELLO, 1, &m);
}

static void
flood(struct evbuffer *out)
{
	struct msg_status	m = { .has = 0 };

	for (int i = 0; i < 1000; i++)
		(void)msg_put(out, MSG_STATUS, 2, &m);
}

/* The id of another's run, those of none, and its first digit. */
static void
forge(struct evbuffer *out, const char *run)
{
	char				 id[33];
	struct msg_run_cancel		 cancel = { .kill = true };
	struct msg_run_watch		 watch = { .own = true };
	struct msg_output_read		 output = { .test = SV_LIT("t") };
	struct msg_plan_read		 plan = { .has = 0 };

	for (int i = 0; i < 16; i++) {
		(void)snprintf(id, sizeof id, "%s", run);
		if (i > 1)
			(void)snprintf(id, sizeof id, "%08x%08x%08x%08x", rand(), rand(), rand(),
			    rand());
		id[i == 1 ? 1 : 32] = '\0';
		cancel.run = watch.run = output.run = plan.run = sv_from(id);
		(void)msg_put(out, MSG_RUN_CANCEL, 3, &cancel);
		(void)msg_put(out, MSG_RUN_WATCH, 4, &watch);
		(void)msg_put(out, MSG_OUTPUT_READ, 5, &output);
		(void)msg_put(out, MSG_PLAN_READ, 6, &plan);
	}
}

static void
open_plan(struct evbuffer *out, int more)
{
	static char		text[100000];
	const struct sv		argv[] = { { text, sizeof text } };
	struct msg_run_begin	begin = { .jobs = 1 };
	struct msg_test_add	add = { .argv = { argv, 1 }, .cwd = SV_LIT("/") };
	char			name[32];

	memset(text, 'x', sizeof text);
	if (!more)
		(void)msg_put(out, MSG_RUN_BEGIN, 7, &begin);
	(void)snprintf(name, sizeof name, "%d", rand());
	add.name = sv_from(name);
	(void)msg_put(out, MSG_TEST_ADD, 8, &add);
}

static void
promise_too_much(struct evbuffer *out)
{
	char	header[MSG_HEADER], junk[4096];

	msg_header(header, MSG_TEST_ADD, 9, 0x7fffffff);
	memset(junk, 0xff, sizeof junk);
	(void)evbuffer_add(out, header, sizeof header);
	(void)evbuffer_add(out, junk, sizeof junk);
}

/* What it says next, when all before was taken. */
static void
speak(struct hostile *h, const char *run, int fresh)
{
	if (fresh && h->way != SILENT)
		greet(h->out);
	switch (h->way) {
	case SILENT:
	case CHURN:
	case N_WAYS:
		break;
	case SLOW:
		flood(h->out);
		break;
	case FLOOD:
	case FLOOD_DEAF:
		flood(h->out);
		break;
	case OVERSIZED:
		promise_too_much(h->out);
		break;
	case FORGED:
		forge(h->out, run);
		break;
	case OPEN_PLAN:
		open_plan(h->out, !fresh);
		break;
	}
}

static void
dial(struct hostile *h, const struct sockaddr_un *sa, const char *run)
{
	h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd == -1 || connect(h->fd, (const struct sockaddr *)sa, sizeof *sa) == -1) {
		if (h->fd != -1)
			(void)close(h->fd);
		h->fd = -1;
		return;
	}
	(void)evbuffer_drain(h->out, evbuffer_get_length(h->out));
	speak(h, run, 1);
}

static void
hang_up(struct hostile *h)
{
	(void)close(h->fd);
	h->fd = -1;
}

/* One step of one of them. */
static void
step(struct hostile *h, const struct sockaddr_un *sa, const char *run, short revents)
{
	char	buf[65536];
	ssize_t	n;

	if (h->fd == -1) {
		dial(h, sa, run);
		return;
	}
	if (h->way == CHURN || revents & (POLLHUP | POLLERR)) {
		hang_up(h);
		return;
	}
	if (h->way != FLOOD_DEAF && revents & POLLIN &&
	    (n = read(h->fd, buf, sizeof buf)) <= 0 && (n == 0 || errno != EAGAIN)) {
		hang_up(h);
		return;
	}
	if (h->way == SILENT)
		return;
	if (h->way == SLOW)
		(void)evbuffer_write_atmost(h->out, h->fd, 1);
	else
		(void)evbuffer_write(h->out, h->fd);
	if (evbuffer_get_length(h->out) == 0)
		speak(h, run, 0);
}

void
hostile_be(const char *socket_path, uid_t uid, gid_t gid, const char *run, int go)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	struct hostile		all[HOSTILE_CLIENTS];
	struct pollfd		p[HOSTILE_CLIENTS];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", socket_path);
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);	/* another user's is another matter */
	for (int i = 0; i < HOSTILE_CLIENTS; i++) {
		all[i] = (struct hostile){ .way = (enum way)(i % N_WAYS), .fd = -1,
		    .out = evbuffer_new() };
		if (all[i].out == NULL)
			_exit(1);
		dial(&all[i], &sa, run);
	}
	(void)write(go, "", 1);
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	for (;;) {	/* without ever waiting */
		for (int i = 0; i < HOSTILE_CLIENTS; i++)
			p[i] = (struct pollfd){ .fd = all[i].fd,
			    .events = all[i].way == FLOOD_DEAF ? 0 : POLLIN };
		(void)poll(p, HOSTILE_CLIENTS, 0);
		for (int i = 0; i < HOSTILE_CLIENTS; i++)
			step(&all[i], &sa, run, p[i].revents);
	}
}
