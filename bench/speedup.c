/* How much faster tests of 100 ms are side by side, as the run itself reports it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/results.h"
#include "bench/service.h"
#include "bench/table.h"

#define SPEEDUP_ROUNDS	5

struct speedup_case {
	unsigned	tests, workers;
	double		bar;		/* 0: none */
};

static const struct speedup_case cases[] = {
	{ 12, 4, 3.9 }, { 50, 8, 6.9 }, { 16, 1, 0 }, { 16, 2, 0 }, { 16, 4, 0 }, { 16, 8, 0 },
};
#define NCASES	(sizeof cases / sizeof cases[0])

struct outcome_ms {
	double	sequential, parallel, speedup;
};

static int
run_once(struct bench *b, const struct service *s, const struct speedup_case *c,
    struct outcome_ms *ret)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	char			 suite[BENCH_PATH], jobs[16];
	json_t			*doc = NULL;
	double			 passed;
	int			 r = bench_write_suite(bench_path(b, "suite.yaml", suite), c->tests,
	    "[/bin/sleep, '0.1']");

	(void)snprintf(jobs, sizeof jobs, "-j%u", c->workers);
	if (r == 0)
		r = ASK(b, s, &call, &doc, "run", jobs, "--json", suite);
	if (r != 0)
		return r;
	ret->sequential = service_number(doc, NULL, "sequentialDuration");
	ret->parallel = service_number(doc, NULL, "duration");
	ret->speedup = ret->parallel > 0 ? ret->sequential / ret->parallel : 0;
	passed = service_number(doc, "summary", "passed");
	json_decref(doc);
	if ((unsigned)passed != c->tests)
		return bench_fail(-EIO, "%.0f of %u tests passed", passed, c->tests);
	return 0;
}

/* The one that has the median speedup. */
static const struct outcome_ms *
middle(const struct outcome_ms *v, size_t n)
{
	struct samples	s = { .n = 0 };
	size_t		i;

	for (i = 0; i < n; i++)
		samples_add(&s, v[i].speedup);
	for (i = 0; i < n - 1 && v[i].speedup != samples_median(&s); i++)
		continue;
	return &v[i];
}

static void
record(json_t *runs, const struct speedup_case *c, const struct outcome_ms *o)
{
	json_t	*run = json_object();

	(void)json_object_set_new(run, "timestamp", results_timestamp());
	(void)json_object_set_new(run, "testCount", json_integer(c->tests));
	(void)json_object_set_new(run, "workers", json_integer(c->workers));
	bench_figure(run, "sequentialDuration", o->sequential);
	bench_figure(run, "parallelDuration", o->parallel);
	bench_figure(run, "speedup", o->speedup);
	bench_figure(run, "timeSaved", o->sequential - o->parallel);
	(void)json_array_append_new(runs, run);
}

/* Each with a supervisor of its own, whose workers are started by the first run. */
static int
measure(struct bench *b, const struct speedup_case *c, struct table *t, json_t *figures)
{
	struct outcome_ms	 v[SPEEDUP_ROUNDS];
	const struct outcome_ms	*m;
	size_t			 rounds = b->quick ? 3 : SPEEDUP_ROUNDS;
	unsigned		 turns = (c->tests + c->workers - 1) / c->workers;
	struct service		 s;
	char			 key[32];
	int			 r = service_start(b, "speedup", &s), r1;

	for (size_t i = 0; i < rounds && r == 0; i++)
		r = run_once(b, &s, c, &v[i]);
	r1 = service_stop(b, &s, NULL);
	if (r != 0 || r1 != 0)
		return r != 0 ? r : r1;
	m = middle(v, rounds);
	record(b->runs, c, m);
	(void)snprintf(key, sizeof key, "%uOn%u", c->tests, c->workers);
	bench_figure(figures, key, m->speedup);
	table_row(t, "%u tests, %u workers|%.0f|%.0f|%.2f|%.2f|%.2f|%s", c->tests, c->workers,
	    m->sequential, m->parallel, m->speedup, v[0].speedup, (double)c->tests / turns,
	    c->bar > 0 ? table_at_least(m->speedup, c->bar, "") : "");
	return 0;
}

int
bench_speedup(struct bench *b, json_t *figures)
{
	struct table	t = { NULL, 0 };
	int		r = 0;

	table_row(&t, "100 ms each|sequential ms|parallel ms|speedup|first run|possible|");
	for (size_t i = 0; i < NCASES && r == 0; i++)
		r = measure(b, &cases[i], &t, figures);
	table_print(&t, "speedup: medians; the first run starts the workers");
	return r;
}
