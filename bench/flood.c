/* A test that prints 1 GiB: how fast it can, and what it makes us hold. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"

#define FLOOD_BYTES	(UINT64_C(1) << 30)
#define FLOOD_SHORT	(UINT64_C(1) << 27)
#define MIB		(1024.0 * 1024)

/* The same program into a pipe that `cat` empties. */
static int
run_bare(struct bench *b, const char *bytes, double *ret_s)
{
	const char	*const argv[] = { "/bin/sh", "-c",
	    "\"$0\" --flood \"$1\" | cat >/dev/null", b->self, bytes, NULL };
	struct proc	 p = { .argv = argv };
	struct proc_usage u;
	int		 r = proc_run(b, &p, SERVICE_LONG_MS, &u);

	*ret_s = (double)u.wall_us / 1e6;
	if (r == 0 && u.code != 0)
		r = bench_fail(-EIO, "printing into a pipe: code %d", u.code);
	return r;
}

static int
run_paratest(struct bench *b, const struct service *s, const char *bytes, uint64_t expected,
    double *ret_s)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	json_t			*doc = NULL, *result;
	uint64_t		 came;
	int			 r = ASK(b, s, &call, &doc, "run", "--json", "--", b->self,
	    "--flood", bytes);

	if (r != 0)
		return r;
	result = json_array_get(json_object_get(doc, "results"), 0);
	came = (uint64_t)service_number(result, NULL, "outputBytes");
	*ret_s = service_number(result, NULL, "duration") / 1000;
	json_decref(doc);
	if (came != expected)
		return bench_fail(-EIO, "%" PRIu64 " bytes of %" PRIu64 " were counted", came,
		    expected);
	return 0;
}

static void
show(uint64_t bytes, double bare_s, double ours_s, double supervisor, double worker,
    json_t *figures)
{
	struct table	t = { NULL, 0 };
	char		title[64];

	table_row(&t, "into a pipe that cat empties|%.0f MiB/s|", (double)bytes / MIB / bare_s);
	table_row(&t, "as a test|%.0f MiB/s|%.2f of cat's", (double)bytes / MIB / ours_s,
	    bare_s / ours_s);
	table_row(&t, "supervisor, most resident|%.1f MiB|", supervisor / MIB);
	table_row(&t, "worker, most resident|%.1f MiB|", worker / MIB);
	bench_figure(figures, "catMiBPerSecond", (double)bytes / MIB / bare_s);
	bench_figure(figures, "MiBPerSecond", (double)bytes / MIB / ours_s);
	bench_figure(figures, "supervisorMiB", supervisor / MIB);
	bench_figure(figures, "workerMiB", worker / MIB);
	(void)snprintf(title, sizeof title, "flood: a test that prints %.0f MiB",
	    (double)bytes / MIB);
	table_print(&t, title);
}

int
bench_flood(struct bench *b, json_t *figures)
{
	uint64_t	bytes = b->quick ? FLOOD_SHORT : FLOOD_BYTES, supervisor = 0, worker = 0;
	double		bare_s = 0, ours_s = 0;
	char		text[32];
	struct service	s;
	int		r, r1;

	(void)snprintf(text, sizeof text, "%" PRIu64, bytes);
	r = run_bare(b, text, &bare_s);
	if (r != 0)
		return r;
	r = service_start(b, "flood", &s);
	if (r == 0)
		r = run_paratest(b, &s, text, bytes, &ours_s);
	if (r == 0) {
		supervisor = proc_peak(s.pid);
		worker = service_worker_peak(&s);
	}
	r1 = service_stop(b, &s, NULL);
	if (r == 0)
		r = r1;
	if (r == 0)
		show(bytes, bare_s, ours_s, (double)supervisor, (double)worker, figures);
	return r;
}
