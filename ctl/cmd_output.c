/* paratestctl output: what a test printed. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/session.h"

struct reading {
	struct evbuffer	*kept;		/* --tail: all of it, cut at the end */
	uint32_t	 id;
	bool		 cut, failed;
	struct client_error *error;
};

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading	*r = arg;
	struct sv	 d;

	if (id != r->id)
		return 0;
	switch (type) {
	case MSG_OUTPUT_CHUNK:
		d = m->output_chunk.data;
		if (r->kept != NULL)
			return evbuffer_add(r->kept, d.p, d.n) == 0 ? 0 : -ENOMEM;
		r->failed |= fwrite(d.p, 1, d.n, stdout) != d.n || fflush(stdout) != 0;
		return r->failed ? -EIO : 0;
	case MSG_END_OF:
		r->cut = m->end_of.truncated;
		return 1;
	case MSG_ERROR:
		client_set_error(r->error, &m->error);
		return -EREMOTEIO;
	default:
		return 0;
	}
}

/* The last n lines. */
static void
print_tail(struct evbuffer *kept, uint64_t lines)
{
	size_t		 len = evbuffer_get_length(kept), from = len;
	const char	*p = (const char *)evbuffer_pullup(kept, -1);

	if (len == 0)
		return;
	if (p[from - 1] == '\n')
		from--;
	for (; from > 0; from--) {
		if (p[from - 1] == '\n' && --lines == 0)
			break;
	}
	(void)fwrite(p + from, 1, len - from, stdout);
}

static int
read_output(const struct cmd_globals *g, const struct msg_output_read *m, uint64_t tail)
{
	struct client_error	 e = { .code = 0 };
	struct reading		 rd = { .error = &e, .kept = tail != 0 ? evbuffer_new() : NULL };
	int			 code = 0, r, fd = -1;
	struct client		*c = cmd_open(&cmd_output, g, true, &code);

	if (c == NULL)
		goto out;
	r = client_send(c, MSG_OUTPUT_READ, m, &rd.id);
	while (r == 0)
		r = client_next(c, now_ms() + CLIENT_WAIT_MS, fd, on_frame, &rd, &e);
	if (r == -EIO)
		code = EXIT_INTERNAL;	/* whoever read us is gone */
	else if (r < 0)
		code = cmd_fail(&cmd_output, &e);
	else if (rd.kept != NULL)
		print_tail(rd.kept, tail);
	if (r > 0 && rd.cut)
		(void)fprintf(stderr, "paratestctl: output: some of it was not kept\n");
out:
	client_close(c);
	if (rd.kept != NULL)
		evbuffer_free(rd.kept);
	return code;
}

enum { C_ATTEMPT = OPTION_LONG, C_STREAM, C_TAIL };

static const struct option_row output_rows[] = {
	{ "attempt", "N", C_ATTEMPT, NULL },
	{ "stream", "stdout|stderr|combined", C_STREAM, NULL },
	{ "tail", "N", C_TAIL, NULL },
	{ "follow", NULL, 'f', NULL },
	{ NULL, NULL, 0, NULL }
};

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_output_read	m = { .streams = 3 };
	const char		*why = NULL;
	uint64_t		tail = 0;
	bool			json = g->json;
	int			c;

	while ((c = cmd_getopt(&cmd_output, argc, argv)) != -1) {
		if (cmd_common(&cmd_output, c, &json))
			continue;
		if (c == C_ATTEMPT)
			m.attempt = (uint64_t)strtonum(optarg, 1, UINT32_MAX, &why);
		else if (c == C_TAIL)
			tail = (uint64_t)strtonum(optarg, 1, UINT32_MAX, &why);
		else if (c == 'f')
			m.follow = true;
		else if (strcmp(optarg, "combined") == 0)
			m.streams = 3;
		else if (strcmp(optarg, "stdout") == 0 || strcmp(optarg, "stderr") == 0)
			m.streams = strcmp(optarg, "stdout") == 0 ? 1 : 2;
		else
			return cmd_usage(&cmd_output, "--stream takes stdout, stderr or combined");
		if (why != NULL)
			return cmd_usage(&cmd_output, "'%s' is %s: a number from 1 is wanted", optarg,
			    why);
	}
	if (argc - optind != 2 && argc - optind != 1)
		return cmd_usage(&cmd_output, "it takes a run and a test, or a test of the newest run");
	if (argc - optind == 2)
		m.run = sv_from(argv[optind]);
	m.test = sv_from(argv[argc - 1]);
	if (json)
		return cmd_usage(&cmd_output, "output is bytes, not JSON: see show --json");
	return read_output(g, &m, tail);
}

const struct cmd_entry cmd_output = {
	"output", "output of a test",
	"usage: paratestctl output [options] [RUN] TEST\n"
	"\n"
	"What TEST printed, byte for byte (RUN: default the newest).\n"
	"      --attempt N       of that attempt (default: the last)\n"
	"      --stream stdout|stderr|combined\n"
	"      --tail N          the last N lines\n"
	"  -f, --follow          as it comes, until the test is over\n", exec,
	output_rows, 0, "[RUN] TEST"
};
