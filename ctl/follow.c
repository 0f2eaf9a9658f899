/* Submitting, following, reporting; see follow.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/follow.h"
#include "ctl/screen.h"
#include "ctl/session.h"

struct files {
	FILE	*events, *tap, *junit;
};

static bool
is_stdout(const char *file)
{
	return file != NULL && strcmp(file, "-") == 0;
}

bool
follow_has_stdout(const struct options *o)
{
	return o->json || is_stdout(o->events) || is_stdout(o->tap) || is_stdout(o->junit);
}

static int
open_file(const struct cmd_entry *cmd, const char *file, FILE **ret)
{
	*ret = NULL;
	if (file == NULL)
		return 0;
	*ret = is_stdout(file) ? stdout : fopen(file, "we");
	if (*ret != NULL)
		return 0;
	return cmd_usage(cmd, "cannot write %s: %s", file, strerror(errno));
}

/* Opens the files before anything is run.  0 or an exit code. */
static int
open_files(const struct cmd_entry *cmd, const struct options *o, struct files *f)
{
	int	outputs = o->json + is_stdout(o->events) + is_stdout(o->tap) + is_stdout(o->junit), r;

	memset(f, 0, sizeof *f);
	if (outputs > 1)
		return cmd_usage(cmd, "only one of --json, --events -, --tap -, --junit - can "
		    "have standard output");
	r = open_file(cmd, o->events, &f->events);
	if (r == 0)
		r = open_file(cmd, o->tap, &f->tap);
	if (r == 0)
		r = open_file(cmd, o->junit, &f->junit);
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
add_reporters(struct session *s, const struct follow *fo, const struct files *f)
{
	const struct options		*o = fo->options;
	struct report_text_options	text;

	screen_options(follow_has_stdout(o) ? stderr : stdout, &text);
	text.quiet = o->quiet;
	report_text(&s->reporters[s->nreporters++], &text);
	if (f->events != NULL)
		report_events(&s->reporters[s->nreporters++], f->events);
	if (f->tap != NULL)
		report_tap(&s->reporters[s->nreporters++], f->tap, o->tap_version);
	if (f->junit != NULL)
		report_junit(&s->reporters[s->nreporters++], f->junit);
	if (o->json)
		report_json(&s->reporters[s->nreporters++], fo->json);
}

/* Follows the run that was submitted; the exit code. */
static int
follow_run(const struct follow *fo, struct session *s, const char *run, int signal_fd)
{
	struct client_error	e = { .code = 0 };
	int			r, code, r1;

	r = session_follow(s, run, signal_fd, &e);
	code = results_exit_code(&s->results, fo->options->flaky_fails);
	if (fo->over != NULL)
		fo->over(fo->arg, &s->results);
	r1 = session_end(s);
	if (r != 0) {
		(void)cmd_fail(fo->cmd, &e);
		return EXIT_INFRASTRUCTURE;
	}
	if (s->signal != 0)
		return EXIT_SIGNAL + s->signal;
	if (r1 != 0) {
		(void)fprintf(stderr, "paratestctl: %s: a report could not be written: %s\n",
		    fo->cmd->name, strerror(-r1));
		return EXIT_INTERNAL;
	}
	return code;
}

static int
submit_and_follow(const struct follow *fo, struct client *c, const struct plan *plan,
    const struct files *f, int signal_fd)
{
	const struct options	*o = fo->options;
	struct session		 s = { .client = c, .owner = true, .live = o->live };
	struct submit		 sub = { .parent = fo->parent };
	struct client_error	 e = { .code = 0 };

	options_submit(o, &sub);
	/* 31 bits: easy to say and to type again. */
	if (!o->has_seed && getrandom(&sub.seed, sizeof sub.seed, 0) > 0)
		sub.seed &= 0x7fffffff;
	if (submit_plan(c, plan, &sub, &e) != 0)
		return cmd_fail(fo->cmd, &e);
	if (o->detach) {
		(void)printf(o->json ? "{\"runId\": \"%s\"}\n" : "%s\n", sub.run);
		return EXIT_PASSED;
	}
	if (!fo->silent)
		add_reporters(&s, fo, f);
	return follow_run(fo, &s, sub.run, signal_fd);
}

int
follow_plan(const struct follow *fo, struct client *c, const struct plan *plan)
{
	struct files	f;
	int		fd = session_signals(), code = open_files(fo->cmd, fo->options, &f);

	if (code == 0)
		code = submit_and_follow(fo, c, plan, &f, fd);
	close_files(&f);
	if (fd >= 0)
		(void)close(fd);
	return code;
}
