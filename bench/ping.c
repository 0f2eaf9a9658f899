/* How fast the supervisor answers while every slot is busy with tests of no length. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench/service.h"
#include "bench/table.h"
#include "common/clock.h"
#include "common/outcome.h"
#include "ctl/client.h"

#define PING_COUNT	300
#define PING_EVERY_MS	5
#define PING_TESTS	100000		/* more than are run while it is measured */
#define PING_BAR_MS	5

static int
on_status(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)id;
	if (type != MSG_STATUS_OK)
		return 0;
	*(uint64_t *)arg = m->status_ok.tests_completed;
	return 1;
}

static int
completed(struct client *c, uint64_t *ret)
{
	struct msg_status	m = { .has = 0 };
	struct client_error	e;
	int			r = client_request(c, MSG_STATUS, &m, on_status, ret, &e);

	return r == 0 ? 0 : bench_fail(r, "status: %s", e.text);
}

/* Until the run is going. */
static int
await_run(struct client *c)
{
	msec_t		end = now_ms() + SERVICE_SHORT_MS;
	uint64_t	n = 0;
	int		r;

	while ((r = completed(c, &n)) == 0 && n < 100) {
		if (now_ms() > end)
			return bench_fail(-ETIMEDOUT, "the run does not start");
		(void)poll(NULL, 0, 2);
	}
	return r;
}

static int
ping_all(struct bench *b, struct client *c, struct samples *ret)
{
	struct msg_ping		m = { .has = 0 };
	struct client_error	e;
	size_t			n = b->quick ? PING_COUNT / 3 : PING_COUNT;
	uint64_t		start;
	int			r;

	for (size_t i = 0; i < n; i++) {
		start = now_us();
		r = client_request(c, MSG_PING, &m, NULL, NULL, &e);
		if (r != 0)
			return bench_fail(r, "ping: %s", e.text);
		samples_add(ret, (double)(now_us() - start) / 1000);
		(void)poll(NULL, 0, PING_EVERY_MS);
	}
	return 0;
}

/* A client that follows a long run, ended when the pings are done. */
static int
ping_busy(struct bench *b, const struct service *s, struct client *c, struct samples *ret,
    double *ret_rate)
{
	char			suite[BENCH_PATH], events[BENCH_PATH], ctl[BENCH_PATH + 16];
	const char		*const argv[] = { ctl, "--socket", s->socket, "run", "--events",
	    events, "--json", "--grace", "0", suite, NULL };
	struct proc		p = { .argv = argv };
	struct proc_usage	u;
	uint64_t		before = 0, after = 0, start;
	pid_t			pid;
	int			r = bench_write_suite(bench_path(b, "ping.yaml", suite),
	    PING_TESTS, "[/bin/true]"), r1;

	(void)bench_path(b, "ping.events", events);
	(void)snprintf(ctl, sizeof ctl, "%s/paratestctl", b->bin);
	if (r == 0)
		r = proc_start(&p, &pid);
	if (r != 0)
		return r;
	r = await_run(c);
	start = now_us();
	if (r == 0)
		r = completed(c, &before);
	if (r == 0)
		r = ping_all(b, c, ret);
	if (r == 0)
		r = completed(c, &after);
	*ret_rate = (double)(after - before) * 1e6 / (double)(now_us() - start);
	(void)kill(pid, SIGTERM);
	r1 = proc_wait(b, pid, SERVICE_LONG_MS, &u);
	if (r != 0 || r1 != 0)
		return r != 0 ? r : r1;
	if (u.code != EXIT_SIGNAL + SIGTERM)
		return bench_fail(-EIO, "the run was over before the pings: code %d", u.code);
	return 0;
}

static void
show(const struct samples v[2], double rate, json_t *figures)
{
	static const char *const	names[] = { "idle", "busy" };
	struct table			t = { NULL, 0 };
	char				title[96];

	table_row(&t, "supervisor|p50 ms|p99 ms|max ms|");
	for (size_t i = 0; i < 2; i++) {
		double	p99 = samples_rank(&v[i], 99);
		json_t	*o = json_object();

		table_row(&t, "%s|%.3f|%.3f|%.3f|%s", names[i], samples_median(&v[i]), p99,
		    samples_rank(&v[i], 100), i == 1 ? table_at_most(p99, PING_BAR_MS, " ms") : "");
		bench_figure(o, "p50Ms", samples_median(&v[i]));
		bench_figure(o, "p99Ms", p99);
		bench_figure(o, "maxMs", samples_rank(&v[i], 100));
		(void)json_object_set_new(figures, names[i], o);
	}
	(void)snprintf(title, sizeof title, "ping: %zu, every %d ms; busy: a run of /bin/true, "
	    "%.0f tests/s", v[0].n, PING_EVERY_MS, rate);
	table_print(&t, title);
}

int
bench_ping(struct bench *b, json_t *figures)
{
	struct samples		 v[2] = { 0 };
	struct client_error	 e = { .code = 0 };
	struct client		*c = NULL;
	struct service		 s;
	double			 rate = 0;
	int			 r = service_start(b, "ping", &s), r1;

	if (r == 0) {
		c = client_open(s.socket, false, &e);
		if (c == NULL)
			r = bench_fail(-EIO, "%s", e.text);
	}
	if (r == 0)
		r = ping_all(b, c, &v[0]);
	if (r == 0)
		r = ping_busy(b, &s, c, &v[1], &rate);
	client_close(c);
	r1 = service_stop(b, &s, NULL);
	if (r == 0)
		r = r1;
	if (r == 0)
		show(v, rate, figures);
	return r;
}
