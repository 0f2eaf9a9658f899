/*
 * The commit at which a command began to fail now and then; see flaky_bisect.h.
 *
 * The failure rate is measured at the bad revision, and the good one is held to it; then
 * `git bisect` chooses commits.  `git bisect start` comes before the first checkout, so
 * that `git bisect reset` leads back from wherever this ends.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/flaky_bisect.h"
#include "ctl/hunt.h"
#include "ctl/session.h"

#define SHOWN	10	/* digits of a commit */

static const char usage[] =
	"usage: paratestctl flaky --bisect [--good REV] [--bad REV] [options] -- CMD ARG...\n"
	"\n"
	"The commit at which CMD began to fail now and then, by git bisect in this work tree:\n"
	"at each commit it runs until it fails (bad), or has passed so often that a bad one\n"
	"would hardly have done that (good).  Exit code 125, a skip or a command that cannot be\n"
	"started: the commit cannot be tested.  The tree is taken back however it ends.\n"
	"      --good REV        where it never fails (default: looked for 1, 2, 4, 8... back)\n"
	"      --bad REV         where it fails (HEAD)\n"
	"      --rate X          at which rate it fails there (default: measured)\n"
	"      --max-runs N      to measure it (1000)\n"
	"      --error X         chance that the answer is wrong (0.05)\n"
	"      --under CONDITION every attempt under this one: paused, one-cpu, ...\n"
	"  -j, --jobs N          copies of CMD at a time, in the same tree (1)\n"
	"      --timeout DUR     of one run of CMD; 0: no limit\n"
	"      --grace DUR       between TERM and KILL (10s); 0: KILL at once\n"
	"  -q, --quiet           no line for each commit\n"
	"      --json            one JSON document on standard output\n"
	"\n"
	"Exit: 0 found, 1 commits that cannot be tested hide it, 2 wrong input, or no ground to\n"
	"start from (a changed tree, a good revision that fails, a bad one that does not), 3 no\n"
	"supervisor, git failed or internal, 8 infrastructure, 128+N signal N.\n";

/* One line; the exit code. */
static int __attribute__((format(printf, 2, 3)))
complain(const struct hunt *h, const char *fmt, ...)
{
	va_list	ap;

	(void)fprintf(stderr, "paratestctl: %s: ", h->command.cmd->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return EXIT_USAGE;
}

/* The signal that asks us to leave and that nobody took yet: 0, or an exit code. */
static int
interrupted(void)
{
	static const int	signals[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t		set;

	if (sigpending(&set) == -1)
		return 0;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigismember(&set, signals[i]) == 1)
			return EXIT_SIGNAL + signals[i];
	}
	return 0;
}

/* ---- git ---- */

/* Calls git at the top of the work tree.  Its exit code. */
#define ASK(h, out, ...)	GIT((h)->top, out, (h)->why, __VA_ARGS__)

static int
git_failed(const struct hunt *h, const char *what)
{
	(void)complain(h, "git %s: %s", what, h->why[0] != '\0' ? h->why : "it failed");
	return EXIT_INTERNAL;
}

/* A number that git prints. */
static int
ask_count(struct hunt *h, const char *range, uint64_t *ret)
{
	struct text	t = { 0 };
	int		r = ASK(h, &t, "rev-list", "--count", range, "--");

	*ret = r == 0 ? strtoull(t.p, NULL, 10) : 0;
	text_free(&t);
	return r == 0 ? 0 : git_failed(h, "rev-list");
}

/* The commit of a revision, NULL when there is none. */
static char *
commit_of(struct hunt *h, const char *rev)
{
	struct text	 t = { 0 };
	char		*full = xasprintf("%s^{commit}", rev);
	int		 r = ASK(h, &t, "rev-parse", "--verify", "-q", "--end-of-options", full);

	free(full);
	if (r == 0)
		return t.p;
	text_free(&t);
	return NULL;
}

static int
resolve(struct hunt *h, const char *option, const char *rev, char **ret)
{
	*ret = commit_of(h, rev);
	if (*ret != NULL)
		return 0;
	return complain(h, "--%s: there is no revision '%s' here", option, rev);
}

/* Files that git tracks and that are changed: the first of them, "" for none. */
static int
first_changed(struct hunt *h, struct text *ret)
{
	int	r = ASK(h, ret, "status", "--porcelain", "--untracked-files=no",
	    "--ignore-submodules=all");

	if (r != 0)
		return git_failed(h, "status");
	if (ret->n > 3) {
		ret->n = 3 + strcspn(ret->p + 3, "\n");
		ret->p[ret->n] = '\0';
		memmove(ret->p, ret->p + 3, ret->n - 2);
	}
	return 0;
}

static int
is_under_way(struct hunt *h)
{
	struct text	t = { 0 };
	char		*path;
	int		r = ASK(h, &t, "rev-parse", "--git-path", "BISECT_START");

	if (r != 0) {
		text_free(&t);
		return git_failed(h, "rev-parse");
	}
	path = t.p[0] == '/' ? xstrdup(t.p) : xasprintf("%s/%s", h->top, t.p);
	r = access(path, F_OK) == 0 ? complain(h, "a bisect is under way in %s: end it first "
	    "(git bisect reset)", h->top) : 0;
	free(path);
	text_free(&t);
	return r;
}

/* ---- what there is to start from ---- */

static int
find_tree(struct hunt *h)
{
	struct text	t = { 0 };
	int		r = GIT(".", &t, h->why, "rev-parse", "--show-toplevel");

	if (r == 0 && t.n > 0) {
		h->top = t.p;
		return 0;
	}
	text_free(&t);
	if (r == GIT_NO_PROGRAM)
		return complain(h, "%s", h->why);
	return complain(h, "it works in a git work tree, and this folder is in none%s%s",
	    r != 0 ? ": " : "", r != 0 ? h->why : "");
}

static int
check_revisions(struct hunt *h, const struct options *o)
{
	const char	*bad = o->bad != NULL ? o->bad : "HEAD";
	int		 r = resolve(h, "bad", bad, &h->bad);

	if (r != 0 || o->good == NULL)
		return r;
	r = resolve(h, "good", o->good, &h->good);
	if (r != 0)
		return r;
	if (strcmp(h->good, h->bad) == 0)
		return complain(h, "--good and --bad are the same commit, %.*s", SHOWN, h->bad);
	if (ASK(h, NULL, "merge-base", "--is-ancestor", h->good, h->bad) != 0)
		return complain(h, "--good %s is no ancestor of --bad %s: name an older one", o->good,
		    bad);
	return 0;
}

static int
check_tree(struct hunt *h)
{
	struct text	t = { 0 };
	int		r = first_changed(h, &t);

	if (r == 0 && t.n > 0 && t.p[0] != '\0')
		r = complain(h, "%s is changed and not committed: a bisect checks out other commits; "
		    "commit or stash it first", t.p);
	text_free(&t);
	return r;
}

/* ---- steps ---- */

static char *
subject_of(struct hunt *h, const char *commit)
{
	struct text	t = { 0 };

	if (ASK(h, &t, "show", "-s", "--format=%s", commit, "--") != 0)
		text_clear(&t);
	text_puts(&t, "");
	return t.p;
}

static struct hunt_step *
add_step(struct hunt *h, const char *commit)
{
	h->steps = xreallocarray(h->steps, h->n + 1, sizeof *h->steps);
	h->steps[h->n] = (struct hunt_step){ .commit = xstrdup(commit),
	    .subject = subject_of(h, commit), .verdict = BISECT_OPEN };
	return &h->steps[h->n++];
}

/* The next checkout would meet it. */
static int
left_the_tree(struct hunt *h)
{
	struct text	t = { 0 };
	int		r = first_changed(h, &t);

	if (r == 0 && t.n > 0 && t.p[0] != '\0')
		r = complain(h, "the command has changed %s, which git tracks, at %.*s: let it put "
		    "that back", t.p, SHOWN, h->steps[h->n - 1].commit);
	text_free(&t);
	return r;
}

/*
 * Runs the command at the commit that is checked out, until it failed `until` times or
 * was run `most` times.  0 with the step in *ret, or an exit code.
 */
static int
look(struct hunt *h, const char *commit, uint64_t most, uint64_t until, struct hunt_step **ret)
{
	struct hunt_step	*s = add_step(h, commit);
	uint64_t		 start = now_us();
	char			*label = xasprintf("bisect %.*s", SHOWN, commit);
	int			 code = interrupted();

	if (code == 0)
		code = bisect_run(&h->command, label, most, until, &s->runs);
	free(label);
	s->duration_us = now_us() - start;
	h->runs += s->runs.passes + s->runs.fails + s->runs.untestable;
	if (code == 0)
		code = interrupted();
	if (code != 0)
		return code;
	s->verdict = bisect_decide(&h->plan, &s->runs);
	if (s->verdict == BISECT_OPEN && s->runs.passes < most) {
		(void)complain(h, "the runs at %.*s ended before anything could be said", SHOWN, commit);
		return EXIT_INFRASTRUCTURE;
	}
	if (!h->command.options->quiet)
		hunt_say_step(s, stderr);
	*ret = s;
	return left_the_tree(h);
}

static int
look_at(struct hunt *h, const char *commit, uint64_t most, uint64_t until, struct hunt_step **ret)
{
	int	code = interrupted();

	if (code == 0 && ASK(h, NULL, "checkout", "-q", "--detach", commit) != 0)
		code = git_failed(h, "checkout");
	return code == 0 ? look(h, commit, most, until, ret) : code;
}

/* ---- the bad revision ---- */

static int
check_repeats(const struct hunt *h)
{
	if (h->plan.repeats <= FLAKE_RUNS_MAX)
		return 0;
	return complain(h, "it fails too seldom: %llu runs a commit would be needed; --under a "
	    "condition that makes it fail more often may help",
	    (unsigned long long)h->plan.repeats);
}

static int
never_failed(const struct hunt *h, const struct hunt_step *s)
{
	if (s->verdict == BISECT_SKIP)
		return complain(h, "the command cannot be tested at the bad revision %.*s (it exits "
		    "with 125, skips, or cannot be started)", SHOWN, h->bad);
	return complain(h, "the bad revision %.*s passed %llu times: name another one with --bad, or "
	    "have it run more often with --max-runs", SHOWN, h->bad,
	    (unsigned long long)s->runs.passes);
}

/* Makes the plan, by the rate that is given or that is measured at the bad revision. */
static int
begin(struct hunt *h, const struct options *o)
{
	double			 error = o->error_ppm != 0 ? (double)o->error_ppm / 1e6 : BISECT_ERROR;
	double			 rate = (double)o->flake[FLAKE_SET_RATE_PPM] / 1e6;
	uint64_t		 most = o->flake[FLAKE_SET_MAX_RUNS];
	struct hunt_step	*s;
	int			 code;

	h->is_measured = o->flake[FLAKE_SET_RATE_PPM] == 0;
	if (!h->is_measured) {
		h->plan = bisect_plan(rate, error, h->commits);
		code = check_repeats(h);
		if (code == 0)
			code = look_at(h, h->bad, h->plan.repeats, 1, &s);
	} else {
		code = look_at(h, h->bad, most != 0 ? most : BISECT_MEASURE, BISECT_FAILURES, &s);
	}
	if (code != 0)
		return code;
	if (s->runs.fails == 0)
		return never_failed(h, s);
	if (!h->is_measured)
		return 0;
	h->measured = s->runs;
	h->plan = bisect_plan_by(&h->measured, error, h->commits);
	return check_repeats(h);
}

/* ---- the good revision ---- */

static int
check_good(struct hunt *h)
{
	struct hunt_step	*s;
	int			 code = look_at(h, h->good, h->plan.repeats, 1, &s);

	if (code != 0)
		return code;
	if (s->verdict == BISECT_SKIP)
		return complain(h, "the command cannot be tested at the good revision %.*s (it exits "
		    "with 125, skips, or cannot be started)", SHOWN, h->good);
	if (s->verdict == BISECT_BAD)
		return complain(h, "the good revision %.*s fails too (run %llu): name an older one with "
		    "--good", SHOWN, h->good, (unsigned long long)(s->runs.passes + 1));
	bisect_called_good(&h->plan, s->runs.passes);
	return 0;
}

/* The ancestor of the bad revision that is `back` commits away, or the first one. */
static char *
ancestor(struct hunt *h, uint64_t back, bool *ret_first)
{
	struct text	 t = { 0 };
	char		*rev = xasprintf("%s~%llu", h->bad, (unsigned long long)back);
	char		*commit = commit_of(h, rev);

	free(rev);
	*ret_first = commit == NULL;
	if (commit != NULL)
		return commit;
	if (ASK(h, &t, "rev-list", "--first-parent", "--max-parents=0", h->bad, "--") == 0 && t.n > 0)
		return t.p;
	text_free(&t);
	return NULL;
}

/* Looks for one, 1, 2, 4, 8 commits back and so on; what fails on the way is the bad one
 * from there on. */
static int
find_good(struct hunt *h)
{
	struct hunt_step	*s = NULL;
	bool			 first = false;
	char			*commit, *nearest = NULL;
	int			 code = 0;

	for (uint64_t back = 1; code == 0 && !first && h->good == NULL; back *= 2) {
		commit = ancestor(h, back, &first);
		if (commit == NULL)
			return git_failed(h, "rev-list");
		code = look_at(h, commit, h->plan.repeats, 1, &s);
		if (code == 0 && s->verdict == BISECT_GOOD) {
			bisect_called_good(&h->plan, s->runs.passes);
			h->good = commit;
		} else if (code == 0 && s->verdict == BISECT_BAD) {
			free(nearest);
			nearest = commit;
		} else {
			free(commit);
		}
	}
	if (nearest != NULL) {
		free(h->bad);
		h->bad = nearest;
	}
	if (code == 0 && h->good == NULL)
		return complain(h, "no good revision was found down to the first commit: name one with "
		    "--good");
	return code;
}

/* ---- git bisect ---- */

/* "# first bad commit: [COMMIT] SUBJECT", or several possible ones. */
static void
take_line(struct hunt *h, const char *line, size_t n)
{
	static const char *const	marks[] = { "# first bad commit: [",
	    "# possible first bad commit: [" };

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		size_t	 skip = strlen(marks[i]);
		size_t	 digits = n > skip ? strspn(line + skip, "0123456789abcdef") : 0;

		if (digits == 0 || strncmp(line, marks[i], skip) != 0)
			continue;
		skip += digits;
		strs_addf(&h->found, "%.*s", (int)digits, line + skip - digits);
		skip += strspn(line + skip, "] ");
		strs_addf(&h->found, "%.*s", (int)(n - skip), line + skip);
	}
}

/* Tells git what a commit is; it checks out the next one, or has found it. */
static int
mark(struct hunt *h, const char *verdict, const char *commit)
{
	struct text	 t = { 0 };
	const char	*p;
	size_t		 n, len;
	int		 r = ASK(h, NULL, "bisect", verdict, commit);
	char		*why = xstrdup(h->why);

	if (ASK(h, &t, "bisect", "log") == 0) {
		p = t.p;
		n = t.n;
		while (n > 0) {
			const char	*line = p;

			len = text_line(&p, &n);
			take_line(h, line, len);
		}
	}
	text_free(&t);
	(void)snprintf(h->why, sizeof h->why, "%s", why);
	free(why);
	/* It fails where only skipped commits are left. */
	return r == 0 || h->found.n > 0 ? 0 : git_failed(h, "bisect");
}

static int
search(struct hunt *h)
{
	static const char *const	names[] = { "good", "bad", "skip" };
	struct hunt_step		*s;
	char				*commit;
	int				 code = mark(h, "bad", h->bad);

	if (code == 0)
		code = mark(h, "good", h->good);
	while (code == 0 && h->found.n == 0) {
		commit = commit_of(h, "HEAD");
		if (commit == NULL)
			return git_failed(h, "rev-parse");
		code = look(h, commit, h->plan.repeats, 1, &s);
		if (code == 0 && s->verdict == BISECT_GOOD)
			bisect_called_good(&h->plan, s->runs.passes);
		if (code == 0)
			code = mark(h, names[s->verdict], commit);
		free(commit);
	}
	return code;
}

static int
hunt(struct hunt *h, const struct options *o)
{
	char	*range = o->good != NULL ? xasprintf("%s..%s", h->good, h->bad) : xstrdup(h->bad);
	int	 code = ask_count(h, range, &h->commits);

	free(range);
	if (code == 0)
		code = begin(h, o);
	if (code == 0) {
		hunt_say_plan(h, stderr);
		code = h->good != NULL ? check_good(h) : find_good(h);
	}
	return code == 0 ? search(h) : code;
}

/* Back to where the tree was. */
static int
leave(struct hunt *h, int code)
{
	if (ASK(h, NULL, "bisect", "reset") == 0) {
		if (code > EXIT_SIGNAL)
			(void)complain(h, "ended by a signal; the tree is where it was");
		return code;
	}
	(void)complain(h, "the tree could not be taken back to where it was: %s; see git status, then: "
	    "git bisect reset", h->why);
	return EXIT_INTERNAL;
}

static void
hunt_free(struct hunt *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->steps[i].commit);
		free(h->steps[i].subject);
	}
	free(h->steps);
	free(h->top);
	free(h->good);
	free(h->bad);
	strs_free(&h->found);
}

static int
go(struct hunt *h, const struct options *o)
{
	int	code = find_tree(h);

	if (code == 0)
		code = check_revisions(h, o);
	if (code == 0)
		code = is_under_way(h);
	if (code == 0)
		code = check_tree(h);
	if (code == 0 && ASK(h, NULL, "bisect", "start") != 0)
		code = leave(h, git_failed(h, "bisect start"));
	else if (code == 0)
		code = leave(h, hunt(h, o));
	if (code != 0)
		return code;
	if (o->json)
		hunt_json(h);
	else
		hunt_say_end(h, stdout);
	return h->found.n == 2 ? EXIT_PASSED : EXIT_TESTS_FAILED;
}

int
flaky_bisect(const struct cmd_entry *cmd, const struct cmd_globals *g, const struct options *o,
    int argc, char **argv)
{
	char		*cwd = getcwd(NULL, 0);
	struct hunt	 h = { .command = { cmd, g, o, argv + optind, cwd }, .start_us = now_us() };
	int		 fd, code;

	if (o->command == NULL || optind == argc || argv[optind] != o->command)
		code = complain(&h, "it runs one command: paratestctl flaky --bisect --good REV -- "
		    "CMD ARG...");
	else if (cwd == NULL)
		code = complain(&h, "the current folder is gone");
	else {
		/* A signal waits until it is safe to take the tree back. */
		fd = session_signals();
		code = go(&h, o);
		if (fd >= 0)
			(void)close(fd);
	}
	hunt_free(&h);
	free(cwd);
	return code;
}

const struct cmd_entry flaky_bisect_cmd = {
	"flaky --bisect", "the commit at which a command began to fail", usage, NULL, NULL,
	OPTIONS_FLAKY, NULL
};
