/* A plan of 100,000 tests: time until it is accepted, and what it holds. */
#include <stdio.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"

#define PLAN_TESTS	100000
#define PLAN_BAR_MS	1000
#define PLAN_BAR_MB	60
#define PLAN_ROUNDS	3
#define MB		1e6
#define MIB		(1024.0 * 1024)

enum { P_LIST, P_ACCEPT, P_RESIDENT, P_CANCEL, P_CANCELLED, NSAMPLES };

/* Submits it, looks, and cancels it; the two tests that run by then only sleep. */
static int
measure(struct bench *b, const char *suite, const struct service *s, struct samples v[NSAMPLES])
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	json_t			*doc = NULL;
	char			 run[64] = "";
	int			 r = ASK(b, s, &call, NULL, "list", suite);

	if (r != 0)
		return r;
	samples_add(&v[P_LIST], (double)call.usage.wall_us / 1000);
	r = ASK(b, s, &call, &doc, "run", "--detach", "--json", suite);
	if (r != 0)
		return r;
	samples_add(&v[P_ACCEPT], (double)call.usage.wall_us / 1000);
	(void)snprintf(run, sizeof run, "%s", json_string_value(json_object_get(doc, "runId")));
	json_decref(doc);
	r = ASK(b, s, &call, &doc, "status", "--json");
	if (r != 0)
		return r;
	samples_add(&v[P_RESIDENT], service_number(doc, NULL, "memory"));
	json_decref(doc);
	r = ASK(b, s, &call, NULL, "cancel", "--kill", run);
	if (r != 0)
		return r;
	samples_add(&v[P_CANCEL], (double)call.usage.wall_us / 1000);
	samples_add(&v[P_CANCELLED], (double)proc_peak(s->pid));
	return 0;
}

static void
show(const struct samples v[NSAMPLES], json_t *figures)
{
	double		accept = samples_median(&v[P_ACCEPT]),
	    resident = samples_median(&v[P_RESIDENT]);
	struct table	t = { NULL, 0 };
	char		title[96];

	table_row(&t, "read by the client alone (list)|%.0f ms|", samples_median(&v[P_LIST]));
	table_row(&t, "read, sent and accepted (run --detach)|%.0f ms|%s", accept,
	    table_at_most(accept, PLAN_BAR_MS, " ms"));
	table_row(&t, "supervisor, resident then|%.1f MB (%.1f MiB)|%s", resident / MB,
	    resident / MIB, table_at_most(resident / MB, PLAN_BAR_MB, " MB"));
	table_row(&t, "cancel --kill answered|%.0f ms|", samples_median(&v[P_CANCEL]));
	table_row(&t, "supervisor, most resident after that|%.1f MB|",
	    samples_median(&v[P_CANCELLED]) / MB);
	bench_figure(figures, "listMs", samples_median(&v[P_LIST]));
	bench_figure(figures, "acceptMs", accept);
	bench_figure(figures, "residentMB", resident / MB);
	bench_figure(figures, "cancelMs", samples_median(&v[P_CANCEL]));
	(void)snprintf(title, sizeof title, "plan: %d tests in one YAML suite, medians of %zu",
	    PLAN_TESTS, v[P_LIST].n);
	table_print(&t, title);
}

int
bench_plan(struct bench *b, json_t *figures)
{
	struct samples	v[NSAMPLES] = { 0 };
	size_t		rounds = b->quick ? 1 : PLAN_ROUNDS;
	struct service	s;
	char		suite[BENCH_PATH];
	int		r = bench_write_suite(bench_path(b, "plan.yaml", suite), PLAN_TESTS,
	    "[/bin/sleep, '60']"), r1;

	for (size_t i = 0; i < rounds && r == 0; i++) {
		r = service_start(b, "plan", &s);
		if (r == 0)
			r = measure(b, suite, &s, v);
		r1 = service_stop(b, &s, NULL);
		if (r == 0)
			r = r1;
	}
	if (r == 0)
		show(v, figures);
	return r;
}
