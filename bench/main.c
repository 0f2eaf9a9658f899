/* The benchmark: which parts, a temporary folder, an ordered end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/results.h"
#include "common/clock.h"
#include "common/outcome.h"
#include "common/proctree.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "supervisor/cpus.h"

#define BENCH_RESULTS	"bench/results.json"
#define BENCH_END_MS	10000	/* for killing what is left */

struct part {
	const char	*name, *summary;
	bench_fn	*fn;
	bool		 asked;		/* only when it is named */
};

static const struct part parts[] = {
	{ "floor", "/bin/true many times, against a bare loop and other runners", bench_floor,
	  false },
	{ "speedup", "tests of 100 ms on 1 to 8 workers", bench_speedup, false },
	{ "width", "-j auto beside one test a CPU", bench_width, false },
	{ "latency", "one test: bare, with a cold and with a warm supervisor", bench_latency,
	  false },
	{ "plan", "a plan of 100,000 tests", bench_plan, false },
	{ "ping", "answers of the supervisor during a full run", bench_ping, false },
	{ "flood", "a test that prints 1 GiB", bench_flood, false },
	{ "record", "what the history costs of 1,000 x true", bench_record, false },
	{ "isolation", "1,000 x true at each level of isolation", bench_isolation, false },
	{ "history", "questions about 1,000,000 attempts", bench_history, false },
	{ "limits", "what limits cost the start of a test", bench_limits, false },
	{ "mcp", "the MCP server beside the SDK's own on Node", bench_mcp, false },
	{ "hostile", "one user's 200 hostile connections beside another's runs (root)",
	  bench_hostile, false },
	{ "flaky", "flake detection on programs whose flaws are known", bench_flaky, true },
	{ "flaky-rates", "how often those fail alone; kept in tests/flaky/truth.json",
	  bench_flaky_rates, true },
};
#define NPARTS	(sizeof parts / sizeof parts[0])

int
bench_fail(int r, const char *fmt, ...)
{
	va_list	ap;

	(void)fflush(stdout);
	(void)fputs("bench: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return r;
}

const char *
bench_path(const struct bench *b, const char *name, char path[BENCH_PATH])
{
	(void)snprintf(path, BENCH_PATH, "%s/%s", b->dir, name);
	return path;
}

/* Ends a file that was written. */
static int
finish(FILE *f, const char *path)
{
	int	bad = ferror(f);

	if (fclose(f) != 0 || bad)
		return bench_fail(-EIO, "%s could not be written", path);
	return 0;
}

int
bench_write_list(const char *path, size_t n)
{
	FILE	*f = fopen(path, "we");

	if (f == NULL)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	for (size_t i = 1; i <= n; i++)
		(void)fprintf(f, "%zu\n", i);
	return finish(f, path);
}

int
bench_write_suite(const char *path, size_t n, const char *argv)
{
	FILE	*f = fopen(path, "we");

	if (f == NULL)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	(void)fputs("name: bench\ntests:\n", f);
	for (size_t i = 1; i <= n; i++)
		(void)fprintf(f, "  - name: test %zu\n    run: %s\n", i, argv);
	return finish(f, path);
}

void
bench_figure(json_t *o, const char *key, double v)
{
	(void)json_object_set_new(o, key, json_real((double)(long long)(v * 1000 + 0.5) / 1000));
}

/* ---- start and end ---- */

/* A supervisor of the user's own is neither found nor disturbed. */
static int
set_environment(const struct bench *b)
{
	char	run[BENCH_PATH], state[BENCH_PATH];

	if (mkdir(bench_path(b, "run", run), 0700) == -1 ||
	    mkdir(bench_path(b, "state", state), 0700) == -1)
		return -errno;
	(void)unsetenv("PARATEST_SOCKET");
	if (setenv("TMPDIR", b->dir, 1) == -1 || setenv("XDG_RUNTIME_DIR", run, 1) == -1 ||
	    setenv("XDG_STATE_HOME", state, 1) == -1)
		return -errno;
	return 0;
}

static int
start(struct bench *b)
{
	const char	*tmp = getenv("TMPDIR");
	char		*dup;
	sigset_t	 set;
	int		 r;

	b->self = realpath("/proc/self/exe", NULL);
	if (b->self == NULL)
		return bench_fail(-errno, "cannot find my own program: %s", strerror(errno));
	dup = xstrdup(b->self);
	b->bin = xstrdup(dirname(dup));
	free(dup);
	b->width = cpus_auto();
	b->runs = json_array();
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* What a killed program leaves becomes ours, to be ended. */
	if (b->signal_fd == -1 || prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return bench_fail(-errno, "start: %s", strerror(errno));
	if (snprintf(b->dir, sizeof b->dir, "%s/paratest-bench.XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp") >= (int)sizeof b->dir)
		return bench_fail(-ENAMETOOLONG, "TMPDIR is too long");
	if (mkdtemp(b->dir) == NULL) {
		r = -errno;
		b->dir[0] = '\0';
		return bench_fail(r, "cannot make a temporary folder: %s", strerror(-r));
	}
	r = set_environment(b);
	return r == 0 ? 0 : bench_fail(r, "%s: %s", b->dir, strerror(-r));
}

static void
end(struct bench *b)
{
	msec_t	deadline = now_ms() + BENCH_END_MS;
	pid_t	pid;
	bool	said = false;

	/* Nothing should be left; what is, is ours. */
	while ((pid = waitpid(-1, NULL, WNOHANG)) != -1 && now_ms() < deadline) {
		if (pid != 0)
			continue;
		if (!said)
			(void)bench_fail(0, "a process was left; it is ended");
		said = true;
		(void)proctree_kill(getpid(), SIGKILL);
		(void)poll(NULL, 0, 10);
	}
	if (b->dir[0] != '\0' && rmtree_at(AT_FDCWD, b->dir) != 0)
		(void)bench_fail(0, "%s could not be removed", b->dir);
	json_decref(b->runs);
	free(b->self);
	free(b->bin);
}

/* ---- arguments ---- */

static int
usage(FILE *out)
{
	(void)fputs("usage: paratest-bench [--quick] [--repeat N] [--results FILE] [--json FILE]\n"
	    "                      [PART...]\n\n"
	    "Prints how paratest compares, side by side, and adds it to the results\n"
	    "(" BENCH_RESULTS "); --json writes this measurement alone.  --repeat: how often,\n"
	    "for the parts about flaky tests.  Without a PART: all but those.\n\n", out);
	for (size_t i = 0; i < NPARTS; i++)
		(void)fprintf(out, "  %-11s %s\n", parts[i].name, parts[i].summary);
	return out == stderr ? EXIT_USAGE : EXIT_PASSED;
}

static bool
is_chosen(const struct part *part, char *const *names)
{
	if (*names == NULL)
		return !part->asked;
	for (; *names != NULL; names++) {
		if (strcmp(*names, part->name) == 0)
			return true;
	}
	return false;
}

static bool
is_part(const char *name)
{
	for (size_t i = 0; i < NPARTS; i++) {
		if (strcmp(name, parts[i].name) == 0)
			return true;
	}
	return false;
}

/* Where figures go. */
struct outputs {
	const char	*results;
	const char	*json;		/* NULL: nowhere else */
};

/* 0, or -1 with the exit code. */
static int
read_options(int argc, char **argv, struct bench *b, struct outputs *ret, int *ret_code)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "results", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char	*why;
	int		 c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'q':
			b->quick = true;
			break;
		case 'n':
			b->repeat = (unsigned)strtonum(optarg, 1, 1000000, &why);
			if (why != NULL) {
				(void)bench_fail(0, "--repeat '%s' is %s", optarg, why);
				*ret_code = usage(stderr);
				return -1;
			}
			break;
		case 'r':
			ret->results = optarg;
			break;
		case 'j':
			ret->json = optarg;
			break;
		default:
			*ret_code = usage(c == 'h' ? stdout : stderr);
			return -1;
		}
	}
	for (int i = optind; i < argc; i++) {
		if (!is_part(argv[i])) {
			(void)bench_fail(0, "there is no part '%s'", argv[i]);
			*ret_code = usage(stderr);
			return -1;
		}
	}
	return 0;
}

/* Work of others makes wall times worth little: show it. */
static void
print_head(const struct bench *b)
{
	double	load = 0;

	(void)getloadavg(&load, 1);
	(void)printf("%u CPUs, load %.1f%s\n", b->width, load, load > 0.5 * b->width ?
	    ": others work here, so look at CPU times more than at wall times" : "");
	(void)fflush(stdout);
}

/* Runs what is chosen; 0, or what the last one that did not work gave. */
static int
run_parts(struct bench *b, char *const *names, json_t *all)
{
	json_t	*figures;
	int	 r = 0, r1;

	for (size_t i = 0; i < NPARTS && !b->interrupted; i++) {
		if (!is_chosen(&parts[i], names))
			continue;
		figures = json_object();
		r1 = parts[i].fn(b, figures);
		if (r1 == 0)
			(void)json_object_set(all, parts[i].name, figures);
		else
			r = bench_fail(r1, "%s did not work", parts[i].name);
		json_decref(figures);
	}
	return r;
}

int
main(int argc, char **argv)
{
	struct bench	 b = { .signal_fd = -1 };
	struct outputs	 out = { .results = BENCH_RESULTS };
	json_t		*all;
	int		 code = bench_child(argc, argv), r;

	if (code != -1)
		return code;
	if (read_options(argc, argv, &b, &out, &code) != 0)
		return code;
	all = json_object();
	(void)json_object_set_new(all, "timestamp", results_timestamp());
	r = start(&b);
	if (r == 0) {
		(void)json_object_set_new(all, "cpus", json_integer(b.width));
		(void)json_object_set_new(all, "quick", json_boolean(b.quick));
		print_head(&b);
		r = run_parts(&b, argv + optind, all);
		if (!b.interrupted && results_append(out.results, b.runs, all) != 0)
			r = -EIO;
		if (!b.interrupted && out.json != NULL && json_dump_file(all, out.json,
		    JSON_INDENT(2) | JSON_REAL_PRECISION(10)) != 0)
			r = bench_fail(-EIO, "cannot write %s", out.json);
	}
	end(&b);
	json_decref(all);
	if (b.interrupted)
		return EXIT_SIGNAL + b.interrupted;
	return r == 0 ? EXIT_PASSED : EXIT_FAILURE;
}
