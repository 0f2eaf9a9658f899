/*
 * The part `flaky-rates`: the failure rate of each program of the corpus, measured one
 * at a time and without paratest, and kept in truth.json beside what is stated there.
 * Of failures that come in bursts Wilson's interval says a little less than it promises.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/flaky.h"
#include "bench/results.h"
#include "bench/table.h"

#define RUNS		400
#define Z		2.5758	/* 99 % */
#define GAP_MS		37	/* between runs of what fails in bursts, so that it meets many */

void
wilson(double k, double n, double z, double *low, double *high)
{
	double	p = n > 0 ? k / n : 0, d = 1 + z * z / n, half;

	if (n <= 0) {
		*low = 0;
		*high = 1;
		return;
	}
	half = z / d * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	*low = k > 0 ? (p + z * z / (2 * n)) / d - half : 0;
	*high = (p + z * z / (2 * n)) / d + half;
}

static json_t *
rounded(double v)
{
	return json_real((double)(long long)(v * 1e4 + 0.5) / 1e4);
}

/* What it takes for granted of earlier tests is not there: alone is alone. */
static int
measure(struct bench *b, const struct corpus_test *t, unsigned runs, struct table *table)
{
	struct score	s = { 0 };
	json_t		*o;
	double		low, high;
	int		r = corpus_environment(b);

	for (unsigned i = 0; i < runs && r == 0; i++) {
		r = bare_copies(b, t, 1, &s);
		if (json_is_true(json_object_get(t->truth, "bursts")))
			(void)poll(NULL, 0, GAP_MS);
	}
	if (r != 0)
		return r;
	wilson(s.fails, runs, Z, &low, &high);
	o = json_object();
	(void)json_object_set_new(o, "runs", json_integer(runs));
	(void)json_object_set_new(o, "failures", json_integer(s.fails));
	(void)json_object_set_new(o, "low", rounded(low));
	(void)json_object_set_new(o, "high", rounded(high));
	(void)json_object_set_new(t->truth, "measured", o);
	table_row(table, "%s|%u/%u|%.4f|%.4f..%.4f|%s", t->plan->name, s.fails, runs,
	    t->p < 0 ? 0 : t->p, low, high, t->p >= 0 && (t->p < low || t->p > high) ?
	    "not what is stated" : "");
	return 0;
}

/* A line a test, so that a change can be read. */
static int
save(const struct corpus *c)
{
	FILE	*f = fopen(FLAKY_TRUTH ".new", "we");
	char	*made, *line;

	if (f == NULL)
		return bench_fail(-errno, "%s.new: %s", FLAKY_TRUTH, strerror(errno));
	made = json_dumps(json_object_get(c->truth, "measured"), JSON_REAL_PRECISION(6));
	(void)fprintf(f, "{\n \"measured\": %s,\n \"tests\": [\n", made);
	free(made);
	for (size_t i = 0; i < c->n; i++) {
		line = json_dumps(c->tests[i].truth, JSON_REAL_PRECISION(6));
		(void)fprintf(f, "  %s%s\n", line, i + 1 < c->n ? "," : "");
		free(line);
	}
	(void)fputs(" ]\n}\n", f);
	if (fclose(f) != 0 || rename(FLAKY_TRUTH ".new", FLAKY_TRUTH) == -1)
		return bench_fail(-errno, "%s: %s", FLAKY_TRUTH, strerror(errno));
	return 0;
}

static json_t *
how(const struct bench *b, unsigned runs, bool real_time)
{
	struct utsname	u;
	double		load = 0;
	json_t		*o = json_object();

	(void)uname(&u);
	(void)getloadavg(&load, 1);
	(void)json_object_set_new(o, "by",
	    json_string("make bench-flaky BENCH=flaky-rates: bare, one at a time; Wilson interval, "
	    "99 %"));
	(void)json_object_set_new(o, "timestamp", results_timestamp());
	(void)json_object_set_new(o, "runs", json_integer(runs));
	(void)json_object_set_new(o, "cpus", json_integer(b->width));
	(void)json_object_set_new(o, "machine", json_sprintf("%s %s", u.sysname, u.machine));
	(void)json_object_set_new(o, "load", rounded(load));
	(void)json_object_set_new(o, "realTime", json_boolean(real_time));
	return o;
}

int
bench_flaky_rates(struct bench *b, json_t *figures)
{
	unsigned	runs = b->repeat != 0 ? b->repeat : b->quick ? RUNS / 10 : RUNS;
	struct table	t = { NULL, 0 };
	struct corpus	c;
	bool		real_time;
	int		r = corpus_load(&c, FLAKY_SUITE, FLAKY_TRUTH);

	/* Before all other work, where that is allowed: what others do is not to count. */
	real_time = sched_setscheduler(0, SCHED_RR,
	    &(struct sched_param){ .sched_priority = 1 }) == 0;
	(void)json_object_set_new(figures, "runs", json_integer(runs));
	table_row(&t, "program|failed|stated|99 %%|");
	for (size_t i = 0; i < c.n && r == 0; i++)
		r = measure(b, &c.tests[i], runs, &t);
	table_print(&t, "flaky-rates: alone, without paratest");
	if (r == 0) {
		(void)json_object_set_new(c.truth, "measured", how(b, runs, real_time));
		r = save(&c);
	}
	if (real_time)
		(void)sched_setscheduler(0, SCHED_OTHER,
		    &(struct sched_param){ .sched_priority = 0 });
	corpus_free(&c);
	return r;
}
