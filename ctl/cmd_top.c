/* paratestctl top: what the supervisor does, as it does it. */
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/cmd_json.h"
#include "ctl/duration.h"
#include "ctl/human.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/text_view.h"
#include "ctl/top.h"

#define TOP_DELAY_MS	1000
#define TOP_DELAY_MIN	100

struct showing {
	bool			json, terminal;
	uint64_t		times;		/* 0: until it is ended */
	uint64_t		delay_ms;
	struct text_style	style;
	int			signals;
};

static unsigned
rows_of(FILE *out)
{
	struct winsize	w;

	return ioctl(fileno(out), TIOCGWINSZ, &w) == 0 ? w.ws_row : 0;
}

static void
show(const struct showing *s, const struct top *t)
{
	struct text	text = { 0 };

	if (s->terminal)	/* a row that is too long is cut, not wrapped */
		text_puts(&text, "\033[?7l\033[H\033[2J");
	top_show(&text, t, human_columns(stdout), s->terminal ? rows_of(stdout) : 0,
	    s->style.ascii);
	if (s->terminal)
		text_puts(&text, "\033[?7h");
	text_write(&text, stdout);
	text_free(&text);
}

/* True when a signal came within that time. */
static bool
pause_for(const struct showing *s)
{
	struct pollfd	p = { .fd = s->signals, .events = POLLIN };

	return poll(&p, 1, (int)s->delay_ms) > 0;
}

static int
refresh(struct showing *s, struct client *c)
{
	struct client_error	e = { .code = 0 };
	struct top		t;
	int			r;

	for (uint64_t n = 1;; n++) {
		r = top_ask(c, &t, &e);
		if (r == 0 && s->json)
			cmd_json_print(top_json(&t));
		else if (r == 0)
			show(s, &t);
		top_free(&t);
		if (r != 0)
			return cmd_fail(&cmd_top, &e);
		if (text_finish(stdout) != 0)	/* nobody reads it any more */
			return 0;
		if (n == s->times || pause_for(s))
			return 0;
		if (!s->terminal && !s->json)
			(void)puts("");
	}
}

static const struct option_row top_rows[] = {
	{ "once", NULL, OPTION_LONG, NULL },
	{ "count", "N", 'n', NULL },
	{ "delay", "DUR", 'd', NULL },
	{ NULL, NULL, 0, NULL }
};

/* 0 or an exit code. */
static int
read_options(struct showing *s, int argc, char **argv)
{
	const char	*why;
	int		 c;

	while ((c = cmd_getopt(&cmd_top, argc, argv)) != -1) {
		switch (c) {
		case OPTION_LONG:
			s->times = 1;
			break;
		case 'n':
			s->times = (uint64_t)strtonum(optarg, 1, 1000000000, &why);
			if (why != NULL)
				return cmd_usage(&cmd_top, "--count: '%s' is %s; it takes a number "
				    "from 1", optarg, why);
			break;
		case 'd':
			if (duration_parse(optarg, &s->delay_ms) != 0 ||
			    s->delay_ms < TOP_DELAY_MIN || s->delay_ms > INT_MAX)
				return cmd_usage(&cmd_top, "--delay: '%s' is not a duration from "
				    "100ms on; write it like 500ms, 2s", optarg);
			break;
		default:
			(void)cmd_common(&cmd_top, c, &s->json);
		}
	}
	if (argc > optind)
		return cmd_usage(&cmd_top, "'%s' is one argument too many", argv[optind]);
	return 0;
}

static int
exec_top(const struct cmd_globals *g, int argc, char **argv)
{
	struct showing			 s = { .json = g->json, .delay_ms = TOP_DELAY_MS };
	struct report_text_options	 o;
	struct client			*c;
	int				 code = read_options(&s, argc, argv);

	if (code != 0)
		return code;
	if (s.json && s.times == 0)
		s.times = 1;
	screen_options(stdout, &o);
	s.terminal = o.terminal && s.times != 1 && !s.json;
	text_style_init(&s.style, o.terminal, o.colour);
	s.signals = session_signals();
	if (s.signals < 0)
		return EXIT_INTERNAL;
	c = cmd_open(&cmd_top, g, false, &code);
	if (c != NULL)
		code = refresh(&s, c);
	client_close(c);
	fd_close(&s.signals);
	return code;
}

const struct cmd_entry cmd_top = {
	"top", "users, runs and the tests that run, live",
	"usage: paratestctl top [--once] [-n N] [-d DUR] [--json]\n"
	"\n"
	"  -n, --count N    show it N times and leave\n"
	"      --once       show it once\n"
	"  -d, --delay DUR  between two of them (1s)\n"
	"\n"
	"Ctrl-C ends it.  SHARE is how many workers are due to a user now, USED how many he\n"
	"has; CPU and MEMORY of a test are those of all its processes.  A service shows you what\n"
	"is yours, and its administrators everything.  --json shows it once, unless -n says\n"
	"more.  Does not start a supervisor: exits 3 when there is none.\n", exec_top,
	top_rows, 0, NULL
};
