/*
 * The MCP server beside the SDK's own on Node: its start, 1,000 pings and 1,000 calls of
 * console_get_execution_metrics, one after the other in one session.  The peer's tool
 * gives a constant; ours asks a supervisor, whose own time is not in the figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/service.h"
#include "bench/table.h"
#include "common/clock.h"

#define MCP_REQUESTS	1000
#define MCP_ROUNDS	5
#define MCP_BAR		0.1	/* of the peer's start and CPU time */
#define MCP_BAR_MIB	8
#define MCP_NODE	"build/npm/node_modules/node-linux-*/bin/node"
#define MCP_PEER	"build/npm/node_modules/@modelcontextprotocol/server"

enum figure { START, PINGS, CALLS, CPU, PEAK, NFIGURES };

static const char *const figure_names[] = {
	[START] = "startMs", [PINGS] = "pingUs", [CALLS] = "callUs", [CPU] = "cpuMs",
	[PEAK] = "peakMiB",
};

/* A server and its pipes, which are FIFOs in the temporary folder. */
struct session {
	pid_t	pid;
	int	in, out;
	char	buf[65536];
	size_t	len;
};

static int
make_fifo(const struct bench *b, const char *name, char path[BENCH_PATH])
{
	int	fd;

	(void)unlink(bench_path(b, name, path));
	if (mkfifo(path, 0600) == -1)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	/* For both, so that nobody waits for the other end. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : bench_fail(-errno, "%s: %s", path, strerror(errno));
}

/* Sends a line and waits for the one that answers it. */
static int
ask(struct session *s, const char *line)
{
	struct pollfd	 p = { .fd = s->out, .events = POLLIN };
	msec_t		 end = now_ms() + SERVICE_SHORT_MS;
	ssize_t		 n;
	char		*nl;

	if (write(s->in, line, strlen(line)) != (ssize_t)strlen(line))
		return bench_fail(-EIO, "the MCP server takes no request");
	while ((nl = memchr(s->buf, '\n', s->len)) == NULL) {
		if (now_ms() > end || poll(&p, 1, SERVICE_SHORT_MS) != 1)
			return bench_fail(-ETIMEDOUT, "the MCP server does not answer");
		n = read(s->out, s->buf + s->len, sizeof s->buf - s->len);
		if (n <= 0)
			return bench_fail(-EIO, "an answer of the MCP server cannot be read");
		s->len += (size_t)n;
	}
	/* An error is no answer to measure. */
	if (memmem(s->buf, s->len, "\"result\"", 8) == NULL ||
	    memmem(s->buf, s->len, "\"isError\":true", 14) != NULL)
		return bench_fail(-EIO, "the MCP server answers: %.*s", (int)(nl - s->buf), s->buf);
	s->len -= (size_t)(nl + 1 - s->buf);
	memmove(s->buf, nl + 1, s->len);
	return 0;
}

/* Asks the same so many times; *ret_us: what one took. */
static int
ask_all(struct session *s, const char *request, double *ret_us)
{
	uint64_t	start = now_us();
	char		line[512];
	int		r = 0;

	for (int i = 1; i <= MCP_REQUESTS && r == 0; i++) {
		(void)snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%d,%s}\n", i,
		    request);
		r = ask(s, line);
	}
	*ret_us = (double)(now_us() - start) / MCP_REQUESTS;
	return r;
}

static int
talk(struct session *s, uint64_t started, double v[NFIGURES])
{
	int	r = ask(s, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		    "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
		    "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n");

	v[START] = (double)(now_us() - started) / 1000;
	if (r == 0)
		r = ask_all(s, "\"method\":\"ping\"", &v[PINGS]);
	if (r == 0)
		r = ask_all(s, "\"method\":\"tools/call\",\"params\":{"
		    "\"name\":\"console_get_execution_metrics\",\"arguments\":{}}", &v[CALLS]);
	v[PEAK] = (double)proc_peak(s->pid) / (1 << 20);
	return r;
}

/* One session with a server, from its start to its end. */
static int
session(struct bench *b, const char *const *argv, double v[NFIGURES])
{
	char			in[BENCH_PATH], out[BENCH_PATH];
	struct session		s = { .len = 0 };
	struct proc		p = { .argv = argv, .in = in, .out = out };
	struct proc_usage	u;
	uint64_t		started;
	int			r, r1;

	s.in = make_fifo(b, "mcp.in", in);
	s.out = make_fifo(b, "mcp.out", out);
	r = s.in < 0 ? s.in : s.out < 0 ? s.out : 0;
	started = now_us();
	if (r == 0)
		r = proc_start(&p, &s.pid);
	if (r == 0) {
		r = talk(&s, started, v);
		(void)close(s.in);
		s.in = -1;
		r1 = proc_wait(b, s.pid, SERVICE_SHORT_MS, &u);
		v[CPU] = (double)u.cpu_us / 1000;
		r = r != 0 ? r : r1;
	}
	if (s.in >= 0)
		(void)close(s.in);
	if (s.out >= 0)
		(void)close(s.out);
	return r;
}

/* The Node that make test-mcp installed, when the peer is there too; free() it. */
static char *
find_node(void)
{
	glob_t	 g;
	char	*path = NULL;

	if (access(MCP_PEER, F_OK) == 0 && glob(MCP_NODE, 0, NULL, &g) == 0) {
		path = strdup(g.gl_pathv[0]);
		globfree(&g);
	}
	return path;
}

static void
show_row(struct table *t, const char *name, const struct samples v[NFIGURES], json_t *figures)
{
	json_t	*o = json_object();

	table_row(t, "%s|%.1f|%.0f|%.0f|%.1f|%.1f|", name, samples_median(&v[START]),
	    samples_median(&v[PINGS]), samples_median(&v[CALLS]), samples_median(&v[CPU]),
	    samples_median(&v[PEAK]));
	for (size_t i = 0; i < NFIGURES; i++)
		bench_figure(o, figure_names[i], samples_median(&v[i]));
	(void)json_object_set_new(figures, name, o);
}

static void
show(const struct samples ours[NFIGURES], const struct samples peer[NFIGURES],
    const struct samples ratio[NFIGURES], json_t *figures)
{
	double		peak = samples_rank(&ours[PEAK], 100);
	struct table	t = { NULL, 0 };
	char		title[96];

	table_row(&t, "MCP server|start ms|ping us|call us|CPU ms|peak MiB|");
	show_row(&t, "paratest-mcp", ours, figures);
	table_row(&t, "|||||%.1f|%s", peak, table_at_most(peak, MCP_BAR_MIB, " MiB"));
	if (peer[CPU].n > 0) {
		show_row(&t, "SDK on Node", peer, figures);
		table_row(&t, "ratio, start|%.3f|||||%s", samples_median(&ratio[START]),
		    table_at_most(samples_median(&ratio[START]), MCP_BAR, ""));
		table_row(&t, "ratio, CPU||||%.3f||%s", samples_median(&ratio[CPU]),
		    table_at_most(samples_median(&ratio[CPU]), MCP_BAR, ""));
		bench_figure(figures, "startRatio", samples_median(&ratio[START]));
		bench_figure(figures, "cpuRatio", samples_median(&ratio[CPU]));
	} else
		table_row(&t, "SDK on Node|-|-|-|-|-|not installed: make test-mcp installs it");
	(void)snprintf(title, sizeof title, "mcp: %d pings and %d calls, medians of %zu",
	    MCP_REQUESTS, MCP_REQUESTS, ours[CPU].n);
	table_print(&t, title);
}

int
bench_mcp(struct bench *b, json_t *figures)
{
	static struct samples	ours[NFIGURES], peer[NFIGURES], ratio[NFIGURES];
	struct service		s;
	char			mcp[BENCH_PATH], *node = find_node();
	const char		*const our_argv[] = { mcp, "--socket", s.socket, NULL };
	const char		*const peer_argv[] = { node, "bench/mcp_peer.mjs",
	    "build/npm/node_modules", NULL };
	double			v[NFIGURES], w[NFIGURES];
	int			r = service_start(b, "mcp", &s), r1;

	(void)snprintf(mcp, sizeof mcp, "%s/paratest-mcp", b->bin);
	for (int round = 0; round < (b->quick ? 2 : MCP_ROUNDS) && r == 0; round++) {
		r = session(b, our_argv, v);
		if (r == 0 && node != NULL)
			r = session(b, peer_argv, w);
		for (size_t i = 0; i < NFIGURES && r == 0; i++) {
			samples_add(&ours[i], v[i]);
			if (node == NULL)
				continue;
			samples_add(&peer[i], w[i]);
			samples_add(&ratio[i], v[i] / w[i]);
		}
	}
	r1 = service_stop(b, &s, NULL);
	free(node);
	if (r == 0)
		r = r1;
	if (r == 0)
		show(ours, peer, ratio, figures);
	return r;
}
