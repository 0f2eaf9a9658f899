/*
 * Programs run again and again without paratest: what its benchmark and the failure
 * rates of the corpus are measured against; see flaky.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/flaky.h"
#include "bench/proc.h"
#include "bench/spans.h"
#include "common/clock.h"
#include "common/rmtree.h"
#include "common/xalloc.h"

#define SLOTS_MAX	64
#define BARE_TIMEOUT_MS	20000	/* as the suite has it */

struct slot {
	pid_t	 pid;		/* 0: free */
	int	 fd;		/* of the process */
	size_t	 test;
	msec_t	 deadline;
	uint64_t start_us;
	char	 dir[BENCH_PATH];
};

struct slots {
	struct slot	v[SLOTS_MAX];
	unsigned	n, busy;
};

void
bare_shuffle(size_t *v, size_t n, unsigned long long *seed)
{
	size_t	j, t;

	for (size_t i = 0; i < n; i++) {
		/* Knuth's MMIX generator. */
		*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (size_t)(*seed >> 33) % (i + 1);
		t = v[i];
		v[i] = v[j];
		v[j] = t;
	}
}

/* In a folder of its own. */
static int
bare_start(struct bench *b, const struct corpus_test *t, size_t test, struct slot *s)
{
	const char	*argv[16];
	struct proc	 p = { .argv = argv, .dir = t->plan->cwd };
	size_t		 n;
	int		 r;

	for (n = 0; n < t->plan->argv.n && n < 15; n++)
		argv[n] = t->plan->argv.v[n];
	argv[n] = NULL;
	if (snprintf(s->dir, sizeof s->dir, "%s/bare.XXXXXX", b->dir) >= (int)sizeof s->dir ||
	    mkdtemp(s->dir) == NULL || setenv("TMPDIR", s->dir, 1) == -1)
		return bench_fail(-EIO, "%s: no folder for a test", b->dir);
	s->pid = 0;
	r = proc_start(&p, &s->pid);
	(void)setenv("TMPDIR", b->dir, 1);
	if (r != 0)
		return r;
	s->test = test;
	s->start_us = now_us();
	s->deadline = now_ms() + BARE_TIMEOUT_MS;
	s->fd = pidfd_open(s->pid, 0);
	return s->fd != -1 ? 0 : bench_fail(-errno, "pidfd: %s", strerror(errno));
}

/* Ends what is left of it, and frees the slot. */
static void
bare_end(struct slot *s, struct spans *spans)
{
	int	status = 0;

	if (s->deadline <= now_ms())
		(void)kill(-s->pid, SIGKILL);
	(void)waitpid(s->pid, &status, 0);
	(void)kill(-s->pid, SIGKILL);
	while (waitpid(-s->pid, NULL, 0) > 0)	/* we are the sub-reaper */
		continue;
	if (spans != NULL)
		spans_add(spans, &(struct span){ .start_us = s->start_us, .end_us = now_us(),
		    .test = s->test, .passed = WIFEXITED(status) && WEXITSTATUS(status) == 0 });
	(void)close(s->fd);
	(void)rmtree_at(AT_FDCWD, s->dir);
	s->pid = 0;
}

/* Until at least one has ended or is overdue; all that have are counted. */
static int
bare_wait(struct bench *b, struct slots *s, struct spans *spans)
{
	struct signalfd_siginfo	si;
	struct pollfd	p[SLOTS_MAX + 1];
	msec_t		now, first = now_ms() + BARE_TIMEOUT_MS;

	for (unsigned i = 0; i < s->n; i++) {
		p[i] = (struct pollfd){ .fd = s->v[i].pid != 0 ? s->v[i].fd : -1,
		    .events = POLLIN };
		if (s->v[i].pid != 0 && s->v[i].deadline < first)
			first = s->v[i].deadline;
	}
	p[s->n] = (struct pollfd){ .fd = b->signal_fd, .events = POLLIN };
	now = now_ms();
	if (poll(p, s->n + 1, first > now ? (int)(first - now) : 0) == -1 && errno != EINTR)
		return bench_fail(-errno, "poll: %s", strerror(errno));
	if (p[s->n].revents != 0 && read(b->signal_fd, &si, sizeof si) == sizeof si) {
		b->interrupted = (int)si.ssi_signo;
		return -EINTR;
	}
	now = now_ms();
	for (unsigned i = 0; i < s->n; i++) {
		if (s->v[i].pid == 0 || (p[i].revents == 0 && s->v[i].deadline > now))
			continue;
		bare_end(&s->v[i], spans);
		s->busy--;
	}
	return 0;
}

static void
abandon(struct slots *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->v[i].pid == 0)
			continue;
		s->v[i].deadline = 0;
		bare_end(&s->v[i], NULL);
	}
}

/* Starts it when a slot is free and no other attempt of it runs; waits until then. */
static int
bare_add(struct bench *b, const struct corpus *c, size_t test, struct slots *s,
    struct spans *spans)
{
	bool		runs;
	unsigned	at;
	int		r;

	for (;;) {
		runs = false;
		at = s->n;
		for (unsigned i = 0; i < s->n; i++) {
			if (s->v[i].pid == 0)
				at = i;
			else
				runs = runs || s->v[i].test == test;
		}
		if (at < s->n && !runs)
			break;
		r = bare_wait(b, s, spans);
		if (r != 0)
			return r;
	}
	r = bare_start(b, &c->tests[test], test, &s->v[at]);
	s->busy += r == 0;
	return r;
}

int
bare_loop(struct bench *b, const struct corpus *c, unsigned width, double seconds,
    unsigned long long seed, struct score *scores)
{
	struct slots	s = { .n = width < SLOTS_MAX ? width : SLOTS_MAX };
	struct spans	spans = { .n = 0 };
	msec_t		end = now_ms() + (msec_t)(seconds * 1e3);
	size_t		*order = xcalloc(c->n, sizeof *order);
	int		 r = 0;

	for (size_t i = 0; i < c->n; i++)
		order[i] = i;
	while (r == 0 && c->n > 0 && now_ms() < end) {
		bare_shuffle(order, c->n, &seed);
		for (size_t i = 0; i < c->n && r == 0 && now_ms() < end; i++)
			r = bare_add(b, c, order[i], &s, &spans);
	}
	while (r == 0 && s.busy > 0)
		r = bare_wait(b, &s, &spans);
	abandon(&s);
	spans_score(&spans, scores);
	spans_free(&spans);
	free(order);
	return r;
}

int
bare_copies(struct bench *b, const struct corpus_test *t, unsigned n, struct score *score)
{
	struct slots	s = { .n = n < SLOTS_MAX ? n : SLOTS_MAX };
	struct spans	spans = { .n = 0 };
	int		r = 0;

	for (unsigned i = 0; i < s.n && r == 0; i++) {
		r = bare_start(b, t, 0, &s.v[i]);
		s.busy += r == 0;
	}
	while (r == 0 && s.busy > 0)
		r = bare_wait(b, &s, &spans);
	abandon(&s);
	spans_score(&spans, score);
	spans_free(&spans);
	return r;
}
