/*
 * What it costs to keep the history: the same tests under a supervisor that keeps one
 * and under one that cannot, in turn.  CPU times are of all processes, the store too,
 * and known when the supervisors have ended.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"
#include "common/proctree.h"

#define RECORD_BAR	1.05

enum { WITH, WITHOUT, NKINDS };

struct side {
	struct service	s;
	uint64_t	cpu_us;		/* of all */
	double		store_us, hold_ms;
};

/* CPU time of the store; 0 when there is none. */
static double
store_cpu_us(const struct service *s)
{
	char		 path[64], name[32];
	uint64_t	 ns = 0;
	pid_t		*pids = NULL;
	size_t		 n = 0;
	FILE		*f;

	if (proctree_pids(s->pid, &pids, &n) != 0)
		return 0;
	for (size_t i = 0; i < n && ns == 0; i++) {
		name[0] = '\0';
		(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pids[i]);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fgets(name, sizeof name, f) != NULL && strcmp(name, "paratest-store\n") == 0)
			ns = proc_cpu_ns(pids[i]);
		(void)fclose(f);
	}
	free(pids);
	return (double)ns / 1000;
}

static int
run_once(struct bench *b, struct side *side, const char *suite)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	char			 jobs[24];
	int			 r;

	(void)snprintf(jobs, sizeof jobs, "-j%u", b->width);
	r = ASK(b, &side->s, &call, NULL, "run", jobs, suite);
	side->cpu_us += call.usage.cpu_us;
	return r;
}

static int
end_side(struct bench *b, struct side *side)
{
	struct service_call	 call = { .timeout_ms = SERVICE_SHORT_MS };
	struct proc_usage	 u = { 0 };
	json_t			*doc = NULL;
	int			 r, r1;

	if (side->s.pid == 0)
		return 0;
	r = ASK(b, &side->s, &call, &doc, "status", "--json");
	if (r == 0)
		side->hold_ms = service_number(doc, NULL, "longestHold");
	json_decref(doc);
	side->store_us = store_cpu_us(&side->s);
	r1 = service_stop(b, &side->s, &u);
	side->cpu_us += u.cpu_us;
	return r != 0 ? r : r1;
}

static void
show(const struct side v[NKINDS], double tests, size_t rounds, json_t *figures)
{
	static const char *const	names[] = { "with", "without" };
	double				ratio = (double)v[WITH].cpu_us / (double)v[WITHOUT].cpu_us;
	struct table			t = { NULL, 0 };
	char				title[96];
	json_t				*o;

	table_row(&t, "history|CPU \xc2\xb5s|store \xc2\xb5s|\xc3\x97 without|longest turn ms|");
	for (size_t i = 0; i < NKINDS; i++) {
		double	cpu = (double)v[i].cpu_us / tests, store = v[i].store_us / tests;

		table_row(&t, "%s|%.0f|%.1f|%.3f|%.1f|%s", names[i], cpu, store,
		    i == WITH ? ratio : 1, v[i].hold_ms,
		    i == WITH ? table_at_most(ratio, RECORD_BAR, "") : "");
		o = json_object();
		bench_figure(o, "cpuMicroseconds", cpu);
		bench_figure(o, "storeMicroseconds", store);
		bench_figure(o, "longestTurnMs", v[i].hold_ms);
		(void)json_object_set_new(figures, names[i], o);
	}
	bench_figure(figures, "cpuRatio", ratio);
	(void)snprintf(title, sizeof title, "record: a test of %.0f \xc3\x97 /bin/true, means "
	    "of %zu rounds", tests / (double)rounds, rounds);
	table_print(&t, title);
}

int
bench_record(struct bench *b, json_t *figures)
{
	struct side	 v[NKINDS] = { 0 };
	size_t		 tests = b->quick ? 200 : 1000, rounds = b->quick ? 3 : 7;
	char		 suite[BENCH_PATH];
	int		 r, r1;

	r = bench_write_suite(bench_path(b, "record.yaml", suite), tests, "[/bin/true]");
	if (r == 0)
		r = service_start(b, "with", &v[WITH].s);
	if (r == 0)
		r = service_start_at(b, "without", "/dev/null/none", &v[WITHOUT].s);
	for (size_t i = 0; i < rounds * NKINDS && r == 0; i++)
		r = run_once(b, &v[(i + i / NKINDS) % NKINDS], suite);
	for (size_t i = 0; i < NKINDS; i++) {
		r1 = end_side(b, &v[i]);
		r = r != 0 ? r : r1;
	}
	if (r == 0)
		show(v, (double)(tests * rounds), rounds, figures);
	return r;
}
