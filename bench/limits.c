/*
 * What limits cost a start: /bin/true one after the other, with each kind of limit, beside
 * the same tests without any.  Where the supervisor is root, or has groups of version 2, it
 * is control groups that hold memory, processes and the CPU; else rlimits and the worker.
 */
#include <stdio.h>

#include "bench/service.h"
#include "bench/table.h"

#define LIMITS_TESTS	500
#define LIMITS_ROUNDS	7
#define LIMITS_BAR	1.10

static const struct kind {
	const char	*name, *figure;
	const char	*words[7];	/* options of run */
} kinds[] = {
	{ "none", "none", { NULL } },
	{ "open-files and file-size", "rlimits", { "--open-files", "256", "--file-size", "1G", NULL } },
	{ "memory", "memory", { "--memory", "1G", NULL } },
	{ "memory, processes", "memoryProcesses", { "--memory", "1G", "--processes", "100", NULL } },
	{ "memory, processes, CPU", "all", { "--memory", "1G", "--processes", "100", "--cpus", "1",
	    NULL } },
};
#define NKINDS	(sizeof kinds / sizeof kinds[0])

static int
run_suite(struct bench *b, const struct service *s, const char *suite, const struct kind *k,
    uint64_t *ret_us)
{
	const char		*words[16] = { "run", "-q", "-j", "1" };
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	size_t			 n = 4;
	int			 r;

	for (size_t i = 0; k->words[i] != NULL; i++)
		words[n++] = k->words[i];
	words[n++] = suite;
	words[n] = NULL;
	r = service_ask(b, s, &call, words, NULL);
	*ret_us = call.usage.wall_us;
	return r;
}

/* All kinds in turn, so that what else the machine does meets each of them. */
static int
measure(struct bench *b, const char *suite, size_t tests, const struct service *s,
    struct samples us[NKINDS], struct samples ratio[NKINDS])
{
	uint64_t	taken, plain = 0;
	int		r;

	for (size_t i = 0; i < NKINDS; i++) {
		r = run_suite(b, s, suite, &kinds[i], &taken);
		if (r != 0)
			return r;
		if (i == 0)
			plain = taken;
		samples_add(&us[i], (double)taken / (double)tests);
		samples_add(&ratio[i], (double)taken / (double)plain);
	}
	return 0;
}

static void
show(struct samples us[NKINDS], struct samples ratio[NKINDS], size_t tests, json_t *figures)
{
	struct table	t = { NULL, 0 };
	char		title[96];

	table_row(&t, "limits|a test, wall \xc2\xb5s|\xc3\x97 none|");
	for (size_t i = 0; i < NKINDS; i++) {
		double	x = samples_median(&ratio[i]);

		table_row(&t, "%s|%.0f|%.2f|%s", kinds[i].name, samples_median(&us[i]), x,
		    i > 0 ? table_at_most(x, LIMITS_BAR, "") : "");
		bench_figure(figures, kinds[i].figure, x);
	}
	(void)snprintf(title, sizeof title, "limits: %zu \xc3\x97 /bin/true, one at a time, medians of "
	    "%zu", tests, us[0].n);
	table_print(&t, title);
}

int
bench_limits(struct bench *b, json_t *figures)
{
	struct samples	us[NKINDS] = { 0 }, ratio[NKINDS] = { 0 };
	size_t		tests = b->quick ? LIMITS_TESTS / 5 : LIMITS_TESTS;
	size_t		rounds = b->quick ? 3 : LIMITS_ROUNDS;
	struct service	s;
	char		suite[BENCH_PATH];
	uint64_t	unused;
	int		r = bench_write_suite(bench_path(b, "limits.yaml", suite), tests,
	    "[/bin/true]"), r1;

	if (r == 0)
		r = service_start(b, "limits", &s);
	if (r != 0)
		return r;
	r = run_suite(b, &s, suite, &kinds[NKINDS - 1], &unused);	/* workers and groups */
	for (size_t i = 0; i < rounds && r == 0; i++)
		r = measure(b, suite, tests, &s, us, ratio);
	r1 = service_stop(b, &s, NULL);
	if (r == 0)
		r = r1;
	if (r == 0)
		show(us, ratio, tests, figures);
	return r;
}
