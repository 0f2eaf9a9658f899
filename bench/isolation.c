/*
 * What a level of isolation costs a start: the same tests at each, side by side, round by
 * round.  CPU times are of all processes, and known when the supervisors have ended; the
 * wall time of a round is a client's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"

#define WHAT	"{ argv: [/bin/true], cwd: / }"
#define PLAIN	0		/* the level that the others are held against */

static const struct level {
	const char	*name;
	double		 bar;	/* at most so many times the plain start; 0: none */
} levels[] = {
	{ "process", 0 },
	{ "pid", 1.05 },
	{ "cgroup", 1.10 },
	{ "sandbox", 1.25 },
};
#define NLEVELS	(sizeof levels / sizeof levels[0])

struct side {
	struct service	s;
	bool		there;		/* the level can be had */
	uint64_t	cpu_us;		/* of all */
	struct samples	wall;		/* us a test, of each round */
};

/* A run of the suite; the first one at a level tells whether that can be had. */
static int
run_once(struct bench *b, struct side *side, const char *level, const char *suite, bool first)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS, .may_refuse = first };
	char			 jobs[24];
	int			 r;

	(void)snprintf(jobs, sizeof jobs, "-j%u", b->width);
	r = ASK(b, &side->s, &call, NULL, "run", jobs, "--isolation", level, suite);
	side->cpu_us += call.usage.cpu_us;
	if (first)
		side->there = call.usage.code == 0;
	else
		samples_add(&side->wall, (double)call.usage.wall_us);
	return r;
}

static void
show(struct side v[NLEVELS], double tests, size_t rounds, json_t *figures)
{
	struct table	t = { NULL, 0 };
	char		title[96];
	json_t		*o;

	table_row(&t, "level|wall \xc2\xb5s|\xc3\x97 process|CPU \xc2\xb5s|\xc3\x97 process|");
	for (size_t i = 0; i < NLEVELS; i++) {
		double	wall = samples_median(&v[i].wall) / tests, ratio;
		double	cpu = (double)v[i].cpu_us / (tests * (double)rounds);

		if (!v[i].there) {
			table_row(&t, "%s|||||not to be had here", levels[i].name);
			continue;
		}
		ratio = (double)v[i].cpu_us / (double)v[PLAIN].cpu_us;
		table_row(&t, "%s|%.0f|%.3f|%.0f|%.3f|%s", levels[i].name, wall,
		    samples_median(&v[i].wall) / samples_median(&v[PLAIN].wall), cpu, ratio,
		    levels[i].bar > 0 ? table_at_most(ratio, levels[i].bar, "") : "");
		o = json_object();
		bench_figure(o, "wallMicroseconds", wall);
		bench_figure(o, "cpuMicroseconds", cpu);
		bench_figure(o, "cpuRatio", ratio);
		(void)json_object_set_new(figures, levels[i].name, o);
	}
	(void)snprintf(title, sizeof title, "isolation: a test of %.0f \xc3\x97 /bin/true, %zu "
	    "rounds", tests, rounds);
	table_print(&t, title);
}

int
bench_isolation(struct bench *b, json_t *figures)
{
	struct side	 v[NLEVELS] = { 0 };
	size_t		 tests = b->quick ? 200 : 1000, rounds = b->quick ? 3 : 7, at;
	struct proc_usage u = { 0 };
	char		 suite[BENCH_PATH], one[BENCH_PATH];
	int		 r, r1;

	/* No level hides the root. */
	r = bench_write_suite(bench_path(b, "isolation.yaml", suite), tests, WHAT);
	if (r == 0)
		r = bench_write_suite(bench_path(b, "isolation.1.yaml", one), 1, WHAT);

	for (size_t i = 0; i < NLEVELS && r == 0; i++) {
		r = service_start(b, levels[i].name, &v[i].s);
		if (r == 0)
			r = run_once(b, &v[i], levels[i].name, one, true);
	}
	for (size_t i = 0; i < rounds * NLEVELS && r == 0; i++) {
		at = (i + i / NLEVELS) % NLEVELS;
		if (v[at].there)
			r = run_once(b, &v[at], levels[at].name, suite, false);
	}
	for (size_t i = 0; i < NLEVELS; i++) {
		r1 = service_stop(b, &v[i].s, &u);
		v[i].cpu_us += u.cpu_us;
		r = r != 0 ? r : r1;
	}
	if (r == 0)
		show(v, (double)tests, rounds, figures);
	return r;
}
