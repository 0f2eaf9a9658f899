/*
 * What limits cost a start: /bin/true one after the other, with each kind of limit, beside
 * the same tests without any.  Where the supervisor is root, or has groups of version 2, it
 * is control groups that hold memory, processes and the CPU; else rlimits and the worker.
 * CPU times are of all processes, and known when the supervisors have ended.
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
	{ "open-files and file-size", "rlimits", { "--open-files", "256", "--file-size", "1G",
	    NULL } },
	{ "memory", "memory", { "--memory", "1G", NULL } },
	{ "memory, processes", "memoryProcesses", { "--memory", "1G", "--processes", "100",
	    NULL } },
	{ "memory, processes, CPU", "all", { "--memory", "1G", "--processes", "100", "--cpus", "1",
	    NULL } },
};
#define NKINDS	(sizeof kinds / sizeof kinds[0])

struct side {
	struct service	s;
	uint64_t	cpu_us;		/* of all */
	struct samples	wall;		/* us a test, of each round */
};

static int
run_suite(struct bench *b, struct side *side, const char *suite, const struct kind *k,
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
	r = service_ask(b, &side->s, &call, words, NULL);
	side->cpu_us += call.usage.cpu_us;
	*ret_us = call.usage.wall_us;
	return r;
}

static void
show(struct side v[NKINDS], double tests, size_t rounds, json_t *figures)
{
	struct table	t = { NULL, 0 };
	char		title[96];
	double		wall, cpu, ratio;
	json_t		*o;

	table_row(&t, "limits|wall \xc2\xb5s|\xc3\x97 none|CPU \xc2\xb5s|\xc3\x97 none|");
	for (size_t i = 0; i < NKINDS; i++) {
		wall = samples_median(&v[i].wall);
		cpu = (double)v[i].cpu_us / (tests * (double)(rounds + 1));
		ratio = (double)v[i].cpu_us / (double)v[0].cpu_us;
		table_row(&t, "%s|%.0f|%.2f|%.0f|%.2f|%s", kinds[i].name, wall,
		    wall / samples_median(&v[0].wall), cpu, ratio,
		    i > 0 ? table_at_most(ratio, LIMITS_BAR, "") : "");
		o = json_object();
		bench_figure(o, "wallMicroseconds", wall);
		bench_figure(o, "cpuMicroseconds", cpu);
		bench_figure(o, "cpuRatio", ratio);
		(void)json_object_set_new(figures, kinds[i].figure, o);
	}
	(void)snprintf(title, sizeof title, "limits: %.0f \xc3\x97 /bin/true, one at a time, %zu "
	    "rounds", tests, rounds);
	table_print(&t, title);
}

int
bench_limits(struct bench *b, json_t *figures)
{
	struct side	v[NKINDS] = { 0 };
	size_t		tests = b->quick ? LIMITS_TESTS / 5 : LIMITS_TESTS, at;
	size_t		rounds = b->quick ? 3 : LIMITS_ROUNDS;
	struct proc_usage u = { 0 };
	char		suite[BENCH_PATH];
	uint64_t	us;
	int		r, r1;

	r = bench_write_suite(bench_path(b, "limits.yaml", suite), tests, "[/bin/true]");
	for (size_t i = 0; i < NKINDS && r == 0; i++) {
		r = service_start(b, kinds[i].figure, &v[i].s);
		if (r == 0)	/* a worker is there then, and its groups */
			r = run_suite(b, &v[i], suite, &kinds[i], &us);
	}
	for (size_t i = 0; i < rounds * NKINDS && r == 0; i++) {
		at = (i + i / NKINDS) % NKINDS;
		r = run_suite(b, &v[at], suite, &kinds[at], &us);
		samples_add(&v[at].wall, (double)us / (double)tests);
	}
	for (size_t i = 0; i < NKINDS; i++) {
		r1 = service_stop(b, &v[i].s, &u);
		v[i].cpu_us += u.cpu_us;
		r = r != 0 ? r : r1;
	}
	if (r == 0)
		show(v, (double)tests, rounds, figures);
	return r;
}
