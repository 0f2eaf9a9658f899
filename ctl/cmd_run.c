/* paratestctl run: suites, a command, or a list; submitted, followed, reported. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/options.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/submit.h"

static const char usage[] =
	"usage: paratestctl run [options] SUITE...      suites: YAML or JSON, - for stdin\n"
	"       paratestctl run [options] -- CMD ARG... one command as a test\n"
	"       paratestctl run [options] --each 'CMD {}' < LIST\n"
	"\n"
	"What:\n"
	OPTIONS_SELECT_HELP
	"How:\n"
	"  -j, --jobs N|auto     attempts at a time (auto: CPUs)\n"
	"      --timeout DUR     of a test that states none itself; 0: no limit\n"
	"      --run-timeout DUR of the whole run\n"
	"      --grace DUR       between TERM and KILL (10s); 0: KILL at once\n"
	"      --retries N       run a failed test again, up to N times\n"
	"      --backoff DUR     wait before a retry; it holds no slot\n"
	"      --backoff-multiplier X    each wait is X times the last\n"
	"      --jitter none|full|equal|decorrelated\n"
	"      --fail-fast       start nothing after the first failure\n"
	"      --max-fail N      the same after N of them\n"
	"      --shuffle[=SEED]  in random order; the seed is printed\n"
	"      --flaky-result pass|fail  of a test that passed on a retry (pass)\n"
	"      --detach          print the run's id and leave it running\n"
	"      --name LABEL      for lists and reports\n"
	"What is shown:\n"
	"      --live            output of the tests as it comes, prefixed\n"
	"  -q, --quiet           failures and the summary only\n"
	"      --json            one JSON document on standard output\n"
	"      --junit FILE      JUnit XML\n"
	"      --tap FILE        TAP version 13 (--tap-version 14 on request)\n"
	"      --events FILE     JSON lines; - for standard output, in each of these\n"
	"\n"
	"Ctrl-C cancels with grace, a second one at once.\n"
	"Exit: 0 passed, 1 failed, 2 wrong input (nothing ran), 3 no supervisor or internal,\n"
	"4 no test, 6 flaky only, 7 a setup failed, 8 infrastructure, 128+N signal N.\n";

static bool
is_stdout(const char *file)
{
	return file != NULL && strcmp(file, "-") == 0;
}

static int
open_file(const char *file, FILE **ret)
{
	*ret = NULL;
	if (file == NULL)
		return 0;
	*ret = is_stdout(file) ? stdout : fopen(file, "we");
	if (*ret != NULL)
		return 0;
	return cmd_usage(&cmd_run, "cannot write %s: %s", file, strerror(errno));
}

struct files {
	FILE	*events, *tap, *junit;
};

/* Opens the files before anything is run.  0 or an exit code. */
static int
open_files(const struct options *o, struct files *f)
{
	int	outputs = o->json + is_stdout(o->events) + is_stdout(o->tap) + is_stdout(o->junit), r;

	memset(f, 0, sizeof *f);
	if (outputs > 1)
		return cmd_usage(&cmd_run, "only one of --json, --events -, --tap -, --junit - can "
		    "have standard output");
	r = open_file(o->events, &f->events);
	if (r == 0)
		r = open_file(o->tap, &f->tap);
	if (r == 0)
		r = open_file(o->junit, &f->junit);
	return r;
}

static void
close_files(struct files *f)
{
	FILE	*all[] = { f->events, f->tap, f->junit };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (all[i] != NULL && all[i] != stdout)
			(void)fclose(all[i]);
	}
}

static void
add_reporters(struct session *s, const struct options *o, const struct files *f)
{
	bool				busy = o->json || is_stdout(o->events) ||
	    is_stdout(o->tap) || is_stdout(o->junit);
	struct report_text_options	text;

	screen_options(busy ? stderr : stdout, &text);
	text.quiet = o->quiet;
	report_text(&s->reporters[s->nreporters++], &text);
	if (f->events != NULL)
		report_events(&s->reporters[s->nreporters++], f->events);
	if (f->tap != NULL)
		report_tap(&s->reporters[s->nreporters++], f->tap, o->tap_version);
	if (f->junit != NULL)
		report_junit(&s->reporters[s->nreporters++], f->junit);
	if (o->json)
		report_json(&s->reporters[s->nreporters++], stdout);
}

/* Follows the run that was submitted; the exit code. */
static int
follow(struct session *s, const struct options *o, const struct submit *sub, int signal_fd)
{
	struct client_error	e = { .code = 0 };
	int			r, code, r1;

	r = session_follow(s, sub->run, signal_fd, &e);
	code = results_exit_code(&s->results, o->flaky_fails);
	r1 = session_end(s);
	if (r != 0) {
		(void)cmd_fail(&cmd_run, &e);
		return EXIT_INFRASTRUCTURE;
	}
	if (s->signal != 0)
		return EXIT_SIGNAL + s->signal;
	if (r1 != 0) {
		(void)fprintf(stderr, "paratestctl: run: a report could not be written: %s\n",
		    strerror(-r1));
		return EXIT_INTERNAL;
	}
	return code;
}

static int
submit_and_follow(struct client *c, const struct plan *plan, const struct options *o,
    int signal_fd)
{
	struct session		s = { .client = c, .owner = true, .live = o->live };
	struct submit		sub = { .label = o->name, .detach = o->detach, .live = o->live,
	    .shuffle = o->shuffle, .seed = o->seed, .has_timeout = o->has_run_timeout,
	    .timeout_ms = o->run_timeout_ms };
	struct client_error	e = { .code = 0 };
	struct files		f;
	int			code = open_files(o, &f);

	/* 31 bits: easy to say and to type again. */
	if (!o->has_seed && getrandom(&sub.seed, sizeof sub.seed, 0) > 0)
		sub.seed &= 0x7fffffff;
	if (code == 0 && submit_plan(c, plan, &sub, &e) != 0)
		code = cmd_fail(&cmd_run, &e);
	else if (code == 0 && o->detach)
		(void)printf(o->json ? "{\"runId\": \"%s\"}\n" : "%s\n", sub.run);
	else if (code == 0) {
		add_reporters(&s, o, &f);
		code = follow(&s, o, &sub, signal_fd);
	}
	close_files(&f);
	return code;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct options	 o;
	struct plan	 plan = { .name = NULL };
	struct client	*c;
	int		 fd = -1, code = options_parse(&cmd_run, argc, argv, true, &o);

	o.json |= g->json;
	if (code == 0)
		code = options_plan(&cmd_run, &o, argc, argv, &plan);
	if (code == 0) {
		c = cmd_open(&cmd_run, g, true, &code);
		if (c != NULL) {
			fd = session_signals();
			code = submit_and_follow(c, &plan, &o, fd);
		}
		client_close(c);
	}
	if (fd >= 0)
		(void)close(fd);
	plan_free(&plan);
	options_free(&o);
	return code;
}

const struct cmd_entry cmd_run = {
	"run", "runs suites, or one command as a test", usage, exec
};
