/*
 * -j auto beside one test a CPU: a suite of which three quarters sleep, with a record of
 * its tests and without, one that computes, and one of tests too short to be told.  All in
 * turn, round by round; a ratio is the median of those of each round.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"

#define WIDTH_ROUNDS	5
#define WIDTH_MS	200	/* a test of the first two suites */
#define WIDTH_SLEEPS	190	/* of these a sleeping one does */
#define WIDTH_MIXED	3.0	/* bars: so many times as fast at least */
#define WIDTH_LEAST	0.97

enum kind { MIXED, COMPUTES, SHORT };

static const struct {
	const char	*name, *key;
	unsigned	tests, quick;
	double		bar;
} kinds[] = {
	[MIXED] = { "three quarters sleep", "mixed", 96, 48, WIDTH_MIXED },
	[COMPUTES] = { "all compute", "computes", 48, 24, WIDTH_LEAST },
	[SHORT] = { "1 ms each", "short", 2000, 1000, WIDTH_LEAST },
};
#define NKINDS	(sizeof kinds / sizeof kinds[0])

/* A suite whose name nobody has on record. */
static int
write_suite(struct bench *b, enum kind kind, const char *name, char path[BENCH_PATH])
{
	unsigned	n = b->quick ? kinds[kind].quick : kinds[kind].tests;
	FILE		*f = fopen(bench_path(b, "width.yaml", path), "we");

	if (f == NULL)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	(void)fprintf(f, "name: %s\ntests:\n", name);
	for (unsigned i = 0; i < n; i++) {
		(void)fprintf(f, "  - name: test %u\n    run: ", i);
		if (kind == SHORT)
			(void)fputs("[/bin/true]\n", f);
		else if (kind == MIXED && i % 4 != 0)
			(void)fprintf(f, "['%s', --work, '%d', '%d']\n", b->self,
			    WIDTH_MS - WIDTH_SLEEPS, WIDTH_SLEEPS);
		else
			(void)fprintf(f, "['%s', --work, '%d', '0']\n", b->self, WIDTH_MS);
	}
	return fclose(f) == 0 ? 0 : bench_fail(-EIO, "%s could not be written", path);
}

/* The wall time of one run, ms. */
static int
run_once(struct bench *b, const struct service *s, const char *suite, bool wide, double *ret)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	json_t			*doc = NULL;
	double			 failed;
	int			 r = wide ?
	    ASK(b, s, &call, &doc, "run", "-j", "auto", "--json", suite) :
	    ASK(b, s, &call, &doc, "run", "--json", suite);

	if (r != 0)
		return r;
	*ret = service_number(doc, NULL, "duration");
	failed = service_number(doc, NULL, "totalTests") - service_number(doc, "summary", "passed");
	json_decref(doc);
	return failed == 0 ? 0 : bench_fail(-EIO, "%.0f tests did not pass", failed);
}

struct measured {
	struct samples	narrow, first, known;		/* ms */
	struct samples	by_first, by_known;		/* ratios */
};

/* A new suite without a record; one a CPU; and again, by the record. */
static int
measure_round(struct bench *b, const struct service *s, enum kind kind, unsigned round,
    struct measured *m)
{
	char	suite[BENCH_PATH], name[64];
	double	first, narrow, known;
	int	r;

	(void)snprintf(name, sizeof name, "%s %u", kinds[kind].key, round);
	r = write_suite(b, kind, name, suite);
	if (r == 0)
		r = run_once(b, s, suite, true, &first);
	if (r == 0)
		r = run_once(b, s, suite, false, &narrow);
	if (r == 0)
		r = run_once(b, s, suite, true, &known);
	if (r != 0)
		return r;
	samples_add(&m->first, first);
	samples_add(&m->narrow, narrow);
	samples_add(&m->known, known);
	samples_add(&m->by_first, narrow / first);
	samples_add(&m->by_known, narrow / known);
	return 0;
}

static int
measure(struct bench *b, enum kind kind, struct table *t, json_t *figures)
{
	unsigned	rounds = b->quick ? 3 : WIDTH_ROUNDS;
	struct measured	m = { .narrow = { .n = 0 } };
	struct service	s;
	char		key[32];
	int		r = service_start(b, "width", &s), r1;

	/* The first run starts workers: not counted. */
	for (unsigned i = 0; i <= rounds && r == 0; i++) {
		struct measured	none = { .narrow = { .n = 0 } };

		r = measure_round(b, &s, kind, i, i == 0 ? &none : &m);
	}
	r1 = service_stop(b, &s, NULL);
	if (r != 0 || r1 != 0)
		return r != 0 ? r : r1;
	(void)snprintf(key, sizeof key, "%sKnown", kinds[kind].key);
	bench_figure(figures, key, samples_median(&m.by_known));
	(void)snprintf(key, sizeof key, "%sFirst", kinds[kind].key);
	bench_figure(figures, key, samples_median(&m.by_first));
	table_row(t, "%s|%.0f|%.0f|%.0f|%.2f|%.2f|%s", kinds[kind].name, samples_median(&m.narrow),
	    samples_median(&m.first), samples_median(&m.known), samples_median(&m.by_first),
	    samples_median(&m.by_known),
	    table_at_least(samples_median(&m.by_known), kinds[kind].bar, "x"));
	return 0;
}

int
bench_width(struct bench *b, json_t *figures)
{
	struct table	t = { NULL, 0 };
	int		r = 0;

	table_row(&t, "-j auto|one a CPU, ms|first time|on record|x, first|x, on record|");
	for (size_t i = 0; i < NKINDS && r == 0; i++)
		r = measure(b, (enum kind)i, &t, figures);
	table_print(&t, "width: wall times; of the first suite no more than 3.5 x is possible");
	return r;
}
