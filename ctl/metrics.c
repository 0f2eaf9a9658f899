/* Metrics gathered from an answer, and a file of them; see metrics.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "ctl/metrics.h"

#define METRICS_MAX	10000000	/* more than a supervisor has */

static char *
copy(struct sv s)
{
	return s.n > 0 ? xstrndup(s.p, s.n) : xstrdup("");
}

static void
copy_stats(uint64_t to[STAT_COUNT], struct nums from)
{
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		to[i] = nums_at(from, i);
}

static void
add_row(struct metrics *ms, const struct msg_metric_row *r)
{
	struct metric	*m;

	if (ms->n >= METRICS_MAX)
		return;
	if (ms->n == ms->cap) {
		ms->cap = ms->cap > 0 ? ms->cap * 2 : 64;
		ms->v = xreallocarray(ms->v, ms->cap, sizeof(*ms->v));
	}
	m = &ms->v[ms->n++];
	*m = (struct metric){ .test = copy(r->test), .suite = copy(r->suite),
	    .last_run = copy(r->last_run), .attempts = r->attempts, .passes = r->passes,
	    .failures = r->failures, .flaky = r->flaky, .last_ms = r->last_ms,
	    .last_outcome = r->last_outcome, .max_rss = r->max_rss, .sessions = r->sessions,
	    .processes = r->processes, .wasted_us = r->wasted_us, .total_us = r->total_us,
	    .regressed = r->regressed & ((UINT64_C(1) << METRIC_KIND_COUNT) - 1) };
	copy_stats(m->stats[METRIC_DURATION], r->duration);
	copy_stats(m->stats[METRIC_CPU], r->cpu);
	copy_stats(m->stats[METRIC_MEMORY], r->memory);
	copy_stats(m->stats[METRIC_OUTPUT], r->output);
}

int
metrics_answer(void *metrics, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct metrics	*ms = metrics;

	(void)id;
	if (type == MSG_METRIC_ROW)
		add_row(ms, &m->metric_row);
	else if (type == MSG_METRIC_SUM)
		ms->sum = m->metric_sum;
	else if (type == MSG_END_OF)
		ms->truncated = m->end_of.truncated;
	return 0;
}

void
metrics_free(struct metrics *ms)
{
	for (size_t i = 0; i < ms->n; i++) {
		free(ms->v[i].test);
		free(ms->v[i].suite);
		free(ms->v[i].last_run);
	}
	free(ms->v);
	*ms = (struct metrics){ 0 };
}

const char *
metrics_kind_name(enum metric_kind kind)
{
	static const char *const	names[METRIC_KIND_COUNT] = {
		[METRIC_DURATION] = "duration", [METRIC_CPU] = "cpuTime",
		[METRIC_MEMORY] = "peakMemory", [METRIC_OUTPUT] = "outputBytes",
	};

	return names[kind];
}

bool
metrics_trend(const struct metric *m, enum metric_kind kind, double *ret)
{
	uint64_t	base = m->stats[kind][STAT_BASE];

	*ret = 0;
	if (base == 0)
		return false;
	*ret = (double)m->stats[kind][STAT_NEW] / (double)base - 1;
	return true;
}

double
metrics_pass_rate(uint64_t passes, uint64_t attempts)
{
	return attempts > 0 ? (double)passes / (double)attempts : 0;
}

int
metrics_textfile(const char *path, const struct text *t)
{
	/* Not *.prom: a collector must not take it before it is whole. */
	char	*tmp = xasprintf("%s.XXXXXX", path);
	mode_t	 mask = umask(0);
	int	 fd = mkostemp(tmp, O_CLOEXEC), r = 0;
	size_t	 done = 0;

	(void)umask(mask);
	if (fd == -1) {
		r = -errno;
		free(tmp);
		return r;
	}
	while (done < t->n && r == 0) {
		ssize_t	n = write(fd, t->p + done, t->n - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? -EIO : -errno;
	}
	/* The collector is another user. */
	if (r == 0 && (fchmod(fd, 0666 & ~mask) == -1 || fsync(fd) == -1))
		r = -errno;
	if (close(fd) == -1 && r == 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) == -1)
		r = -errno;
	if (r != 0)
		(void)unlink(tmp);
	free(tmp);
	return r;
}
