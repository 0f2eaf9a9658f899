/* How long one `true` takes: by itself, and as a run with a cold and a warm supervisor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/service.h"
#include "bench/table.h"

#define LATENCY_COLD_MS	30
#define LATENCY_WARM_MS	5

static int
run_bare(struct bench *b, double *ret_ms)
{
	const char	*const argv[] = { "true", NULL };
	struct proc	 p = { .argv = argv };
	struct proc_usage u;
	int		 r = proc_run(b, &p, SERVICE_SHORT_MS, &u);

	*ret_ms = (double)u.wall_us / 1000;
	return r;
}

static int
run_ctl(struct bench *b, const struct service *s, double *ret_ms)
{
	struct service_call	call = { .timeout_ms = SERVICE_SHORT_MS };
	int			r = ASK(b, s, &call, NULL, "run", "--", "true");

	*ret_ms = (double)call.usage.wall_us / 1000;
	return r;
}

/* Ends the private supervisor, which became ours when its client left. */
static int
end_private(struct bench *b)
{
	struct service_call	 call = { .timeout_ms = SERVICE_SHORT_MS };
	struct proc_usage	 u;
	json_t			*status = NULL;
	pid_t			 pid;
	int			 r = ASK(b, NULL, &call, &status, "status", "--json");

	if (r != 0)
		return r;
	pid = (pid_t)service_number(status, NULL, "pid");
	json_decref(status);
	r = ASK(b, NULL, &call, NULL, "shutdown");
	if (r != 0)
		(void)kill(pid, SIGTERM);
	if (proc_wait(b, pid, SERVICE_SHORT_MS, &u) != 0)
		r = -EIO;
	return r;
}

/* `cold` false: left out. */
static int
measure(struct bench *b, const struct service *warm, bool cold, struct samples s[3])
{
	double	ms;
	int	r = run_bare(b, &ms);

	samples_add(&s[0], ms);
	if (r == 0) {
		r = run_ctl(b, warm, &ms);
		samples_add(&s[1], ms);
	}
	if (r == 0 && cold) {
		r = run_ctl(b, NULL, &ms);
		samples_add(&s[2], ms);
		if (r == 0)
			r = end_private(b);
	}
	return r;
}

static void
show(const struct samples s[3], json_t *figures)
{
	double		bare = samples_median(&s[0]), warm = samples_median(&s[1]) - bare,
	    cold = samples_median(&s[2]) - bare;
	struct table	t = { NULL, 0 };
	char		title[64];

	table_row(&t, "one test|ms|more than bare|");
	table_row(&t, "true by itself|%.2f||", bare);
	table_row(&t, "paratestctl run, warm|%.2f|%.2f|%s", samples_median(&s[1]), warm,
	    table_at_most(warm, LATENCY_WARM_MS, " ms"));
	bench_figure(figures, "bareMs", bare);
	bench_figure(figures, "warmMoreMs", warm);
	if (s[2].n > 0) {
		table_row(&t, "paratestctl run, cold|%.2f|%.2f|%s", samples_median(&s[2]), cold,
		    table_at_most(cold, LATENCY_COLD_MS, " ms"));
		bench_figure(figures, "coldMoreMs", cold);
	} else {
		table_row(&t, "paratestctl run, cold|-|-|a service runs here: nothing is cold");
	}
	(void)snprintf(title, sizeof title, "latency: medians of %zu", s[0].n);
	table_print(&t, title);
}

int
bench_latency(struct bench *b, json_t *figures)
{
	struct samples	s[3] = { 0 };
	struct service	warm;
	bool		cold = access("/run/paratest/control.sock", F_OK) == -1;
	size_t		rounds = b->quick ? 5 : 15;
	double		ms;
	int		r = service_start(b, "warm", &warm), r1;

	if (r == 0)
		r = run_ctl(b, &warm, &ms);
	for (size_t i = 0; i < rounds && r == 0; i++)
		r = measure(b, &warm, cold, s);
	r1 = service_stop(b, &warm, NULL);
	if (r == 0)
		r = r1;
	if (r == 0)
		show(s, figures);
	return r;
}
