/* The administrator's policy; see policy.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "ctl/suite_value.h"
#include "mcpsrv/policy.h"

#define FILE_MAX	65536	/* bytes of a policy */
#define WORDS_MAX	1000

static const char *const keys[] = { "roots", "programs", "max_workers", "max_tests",
	"max_timeout", "max_run_time", "max_memory", "log", NULL };
enum { KEY_ROOTS, KEY_PROGRAMS, KEY_MAX_WORKERS, KEY_MAX_TESTS, KEY_MAX_TIMEOUT,
	KEY_MAX_RUN_TIME, KEY_MAX_MEMORY, KEY_LOG };

/* ---- the file ---- */

struct reading {
	struct suite_source	 src;
	struct policy		*policy;
};

/* Folders as they really are: what is compared with them is resolved, too.  Programs
 * as they are written, since some do what their name says. */
static int
read_paths(struct reading *rd, const char *what, const struct suite_node *v, bool folders,
    struct strs *ret)
{
	struct strs	words = { NULL, 0, 0 };
	int		r = suite_words(&rd->src, what, v, WORDS_MAX, &words);

	for (size_t i = 0; r == 0 && i < words.n; i++) {
		char	*real = folders && words.v[i][0] == '/' ? realpath(words.v[i], NULL) : NULL;

		if (words.v[i][0] != '/')
			r = suite_fail_at(&rd->src, v, "'%s': '%.200s' is not an absolute "
			    "path", what,
			    words.v[i]);
		else
			strs_add(ret, real != NULL ? real : words.v[i]);
		free(real);
	}
	/* An empty list allows nothing; it must not read as "no list". */
	if (r == 0 && words.n == 0)
		strs_add(ret, "");
	strs_free(&words);
	return r;
}

static int
on_key(void *state, struct suite_node *key, struct suite_node *v)
{
	static const char *const	planned[] = { NULL };
	struct reading			*rd = state;
	struct policy			*p = rd->policy;
	const char			*text;
	int				 which = suite_key(&rd->src, key, keys, planned), r;

	if (which < 0)
		return which;
	if (v == NULL)
		return suite_fail_at(&rd->src, key, "'%s' is no list of tests", key->text);
	v->key = key;
	switch (which) {
	case KEY_ROOTS:
		return read_paths(rd, key->text, v, true, &p->roots);
	case KEY_PROGRAMS:
		return read_paths(rd, key->text, v, false, &p->programs);
	case KEY_MAX_WORKERS:
		return suite_count(&rd->src, key->text, v, 1, 100000, &p->max_workers);
	case KEY_MAX_TESTS:
		return suite_count(&rd->src, key->text, v, 1, 10000000, &p->max_tests);
	case KEY_MAX_TIMEOUT:
		return suite_duration(&rd->src, key->text, v, false, &p->max_timeout_ms);
	case KEY_MAX_RUN_TIME:
		return suite_duration(&rd->src, key->text, v, false, &p->max_run_ms);
	case KEY_MAX_MEMORY:
		return suite_size(&rd->src, key->text, v, UINT64_C(1) << 50, &p->max_memory);
	default:
		r = suite_word(&rd->src, key->text, v, &text);
		if (r == 0)
			p->log = xstrdup(text);
		return r;
	}
}

static int
on_test(void *state, struct suite_node *n)
{
	struct reading	*rd = state;

	return suite_fail_at(&rd->src, n, "a policy is a mapping of %s ... and has no "
	    "tests", keys[0]);
}

void
policy_parse(struct policy *p, const char *file, const char *text, size_t len)
{
	struct suite_pool	 pool = { 0 };
	struct suite_error	 e = { "" };
	struct reading		 rd = { .src = { .file = file, .text = text, .len = len,
	    .error = &e, .pool = &pool, .on_key = on_key, .on_test = on_test }, .policy = p };

	rd.src.state = &rd;
	*p = (struct policy){ .error = NULL };
	if (suite_yaml_read(&rd.src) != 0)
		p->error = xstrdup(e.text);
	suite_pool_free(&pool);
}

/* NULL, or what is wrong with who may write it. */
static const char *
unguarded(int fd)
{
	struct stat	st;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (st.st_uid != 0)
		return "it does not belong to root";
	return (st.st_mode & 022) != 0 ? "others than root may write it" : NULL;
}

void
policy_load(struct policy *p, const char *file, bool needed, bool guarded)
{
	int		 fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char	*why = fd == -1 ? strerror(errno) : guarded ? unguarded(fd) : NULL;
	char		*text;
	ssize_t		 n;

	*p = (struct policy){ .error = NULL };
	if (fd == -1 && errno == ENOENT && !needed)
		return;
	if (why == NULL) {
		text = xcalloc(FILE_MAX + 1, 1);
		n = read(fd, text, FILE_MAX + 1);
		if (n < 0)
			why = strerror(errno);
		else if (n > FILE_MAX)
			why = "it is longer than 64 KiB";
		else
			policy_parse(p, file, text, (size_t)n);
		free(text);
	}
	if (why != NULL)
		p->error = xasprintf("%s: %s", file, why);
	if (fd != -1)
		(void)close(fd);
}

void
policy_free(struct policy *p)
{
	strs_free(&p->roots);
	strs_free(&p->programs);
	free(p->log);
	free(p->error);
	*p = (struct policy){ .error = NULL };
}

/* ---- checks ---- */

static char *
listed(const struct strs *s)
{
	char	*all = xstrdup(""), *more;

	for (size_t i = 0; i < s->n && i < 8; i++) {
		more = xasprintf("%s%s%s", all, i > 0 ? ", " : "", s->v[i]);
		free(all);
		all = more;
	}
	return all;
}

/* path is root, or below it. */
static bool
is_below(const char *path, const char *root)
{
	size_t	n = strlen(root);

	if (n == 0)
		return false;
	if (strcmp(root, "/") == 0)
		return true;
	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int
check_folder(const struct policy *p, struct plan_test *t, char *why)
{
	char	*real, *all;
	bool	 ok = false;

	if (p->roots.n == 0)
		return 0;
	real = realpath(t->cwd, NULL);
	for (size_t i = 0; real != NULL && i < p->roots.n && !ok; i++)
		ok = is_below(real, p->roots.v[i]);
	if (ok) {	/* what was looked at is what is used */
		free(t->cwd);
		t->cwd = real;
		return 0;
	}
	all = listed(&p->roots);
	(void)snprintf(why, POLICY_WHY, "test '%.200s': its folder %.300s is outside of what the "
	    "administrator's policy allows: %.300s", t->name, t->cwd, all);
	free(all);
	free(real);
	return -EPERM;
}

/* The path on the list of a program that is allowed: it is the same file, or is called
 * by its name, so that no PATH of the caller decides.  NULL: it is not allowed. */
static const char *
allowed_program(const struct policy *p, const struct plan_test *t, const char *program)
{
	const char	*found = NULL, *base;
	char		*path, *real, *listed_real;

	if (strchr(program, '/') == NULL) {
		for (size_t i = 0; i < p->programs.n && found == NULL; i++) {
			base = strrchr(p->programs.v[i], '/');
			if (base != NULL && strcmp(base + 1, program) == 0)
				found = p->programs.v[i];
		}
		return found;
	}
	path = program[0] == '/' ? xstrdup(program) : xasprintf("%s/%s", t->cwd, program);
	real = realpath(path, NULL);
	for (size_t i = 0; real != NULL && i < p->programs.n && found == NULL; i++) {
		listed_real = realpath(p->programs.v[i], NULL);
		if (listed_real != NULL && strcmp(real, listed_real) == 0)
			found = p->programs.v[i];
		free(listed_real);
	}
	free(real);
	free(path);
	return found;
}

/*
 * A command with a limit of memory before it: RLIMIT_AS, which every child inherits.
 * One that comes back from a record has its limit already.
 */
#define LIMIT_WORDS	4
#define LIMIT_SCRIPT	"ulimit -v %" PRIu64 " && exec \"$@\""

/* LIMIT_WORDS and the limit in bytes; 0: it has none. */
static size_t
limited(const struct strs *argv, uint64_t *ret_bytes)
{
	char		*again;
	uint64_t	 kib;
	bool		 same;

	if (argv->n <= LIMIT_WORDS || strcmp(argv->v[0], "/bin/sh") != 0 ||
	    strcmp(argv->v[1], "-c") != 0 || sscanf(argv->v[2], "ulimit -v %" SCNu64, &kib) != 1)
		return 0;
	again = xasprintf(LIMIT_SCRIPT, kib);
	same = strcmp(again, argv->v[2]) == 0;
	free(again);
	*ret_bytes = kib * 1024;
	return same ? LIMIT_WORDS : 0;
}

static void
limit_memory(uint64_t bytes, struct strs *argv)
{
	struct strs	with = { NULL, 0, 0 };
	uint64_t	has = UINT64_MAX;
	size_t		at = argv->n > 0 ? limited(argv, &has) : 0;

	if (bytes == 0 || argv->n == 0 || has <= bytes)
		return;
	strs_add(&with, "/bin/sh");
	strs_add(&with, "-c");
	strs_addf(&with, LIMIT_SCRIPT, bytes / 1024);
	strs_add(&with, "sh");
	for (size_t i = at; i < argv->n; i++)
		strs_add(&with, argv->v[i]);
	strs_free(argv);
	*argv = with;
}

static int
check_program(const struct policy *p, const struct plan_test *t, const char *what,
    struct strs *argv, char *why)
{
	uint64_t	 bytes;
	size_t		 at = argv->n > 0 ? limited(argv, &bytes) : 0;
	const char	*found;
	char		*all;

	if (p->programs.n == 0 || argv->n == 0)
		return 0;
	found = allowed_program(p, t, argv->v[at]);
	if (found != NULL) {
		free(argv->v[at]);
		argv->v[at] = xstrdup(found);
		return 0;
	}
	all = listed(&p->programs);
	(void)snprintf(why, POLICY_WHY, "test '%.200s': %s %.200s is none of the programs that the "
	    "administrator's policy allows: %.400s%s", t->name, what, argv->v[at], all,
	    strcmp(argv->v[at], "/bin/sh") == 0 ?
	    "; a shell line (command) needs /bin/sh, so give argv" : "");
	free(all);
	return -EPERM;
}

/* Does the variable make a program run code that is not its own?  A loader's, a shell's
 * (its functions too: the limit of memory is set by one), an interpreter's. */
static bool
loads_code(const char *name, size_t n)
{
	static const char *const	prefixes[] = { "LD_", "BASH_FUNC_" };
	static const char *const	names[] = { "BASH_ENV", "ENV", "GCONV_PATH", "SHELLOPTS",
	    "BASHOPTS", "PERL5OPT", "PERL5LIB", "PERL5DB", "PYTHONPATH", "PYTHONHOME",
	    "PYTHONSTARTUP", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "NODE_PATH", "CLASSPATH",
	    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS" };

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strlen(names[i]) == n && strncmp(name, names[i], n) == 0)
			return true;
	}
	return false;
}

/* Where programs are restricted, variables that load code into them are, too. */
static int
check_env(const struct policy *p, const struct plan_test *t, char *why)
{
	for (size_t i = 0; p->programs.n > 0 && i < t->env.n; i++) {
		const char	*v = t->env.v[i];

		if (!loads_code(v, strcspn(v, "=")))
			continue;
		(void)snprintf(why, POLICY_WHY, "test '%.200s': env.%.*s would load other code "
		    "into a program, which the administrator's policy does not allow: leave it "
		    "out", t->name, (int)strcspn(v, "="), v);
		return -EPERM;
	}
	return 0;
}

int
policy_check_timeout(const struct policy *p, const char *what, uint64_t ms, char why[POLICY_WHY])
{
	if (p->error != NULL) {
		(void)snprintf(why, POLICY_WHY, "the administrator's policy cannot be read, so "
		    "nothing is run or changed: %.800s", p->error);
		return -EPERM;
	}
	if (p->max_timeout_ms == 0 || (ms != 0 && ms <= p->max_timeout_ms))
		return 0;
	(void)snprintf(why, POLICY_WHY, "%.300s is %" PRIu64 " ms; the administrator's policy "
	    "allows at most %" PRIu64 " ms", what, ms, p->max_timeout_ms);
	return -EPERM;
}

static int
check_times(const struct policy *p, struct plan_test *t, uint64_t default_ms, char *why)
{
	char	*what;
	int	 r = 0;

	if (p->max_timeout_ms == 0)
		return 0;
	if (!t->has_timeout) {
		t->has_timeout = true;
		t->timeout_ms = default_ms != 0 && default_ms < p->max_timeout_ms ? default_ms :
		    p->max_timeout_ms;
	}
	what = xasprintf("test '%.200s': its timeout", t->name);
	r = policy_check_timeout(p, what, t->timeout_ms, why);
	free(what);
	for (int i = 0; r == 0 && i < 2; i++) {
		struct plan_hook	*h = i == 0 ? &t->setup : &t->teardown;

		if (h->argv.n == 0)
			continue;
		if (h->timeout_ms == 0)
			h->timeout_ms = p->max_timeout_ms;
		what = xasprintf("test '%.200s': the timeout of its %s", t->name,
		    i == 0 ? "setup" : "teardown");
		r = policy_check_timeout(p, what, h->timeout_ms, why);
		free(what);
	}
	return r;
}

static int
check_test(const struct policy *p, struct plan_test *t, uint64_t default_ms, char *why)
{
	int	r = check_folder(p, t, why);

	if (r == 0)
		r = check_program(p, t, "its program", &t->argv, why);
	if (r == 0)
		r = check_program(p, t, "the program of its setup", &t->setup.argv, why);
	if (r == 0)
		r = check_program(p, t, "the program of its teardown", &t->teardown.argv, why);
	if (r == 0)
		r = check_env(p, t, why);
	return r == 0 ? check_times(p, t, default_ms, why) : r;
}

static int
check_plan(const struct policy *p, struct plan *plan, const struct policy_unasked *unasked,
    char *why)
{
	long		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t	jobs = unasked->jobs != 0 ? unasked->jobs : cpus > 0 ? (uint64_t)cpus : 1;
	int		r = 0;

	if (p->error != NULL)
		return policy_check_timeout(p, "", 1, why);
	if (p->max_tests != 0 && plan->ntests > p->max_tests) {
		(void)snprintf(why, POLICY_WHY, "%zu tests are more than the %" PRIu64 " that the "
		    "administrator's policy allows in a call: give them in several calls",
		    plan->ntests, p->max_tests);
		return -EPERM;
	}
	if (p->max_workers != 0 && plan->jobs > p->max_workers) {
		(void)snprintf(why, POLICY_WHY, "maxWorkers is %" PRIu64 "; the administrator's "
		    "policy allows at most %" PRIu64, plan->jobs, p->max_workers);
		return -EPERM;
	}
	if (p->max_workers != 0 && plan->jobs == 0 && jobs > p->max_workers)
		plan->jobs = p->max_workers;
	for (size_t i = 0; i < plan->ntests && r == 0; i++)
		r = check_test(p, &plan->tests[i], unasked->timeout_ms, why);
	return r;
}

int
policy_check(const struct policy *p, size_t n, struct plan *plan,
    const struct policy_unasked *unasked, char why[POLICY_WHY])
{
	uint64_t	bytes = 0;
	int		r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = check_plan(&p[i], plan, unasked, why);
		if (p[i].max_memory != 0 && (bytes == 0 || p[i].max_memory < bytes))
			bytes = p[i].max_memory;
	}
	for (size_t i = 0; r == 0 && i < plan->ntests; i++) {
		limit_memory(bytes, &plan->tests[i].argv);
		limit_memory(bytes, &plan->tests[i].setup.argv);
		limit_memory(bytes, &plan->tests[i].teardown.argv);
	}
	return r;
}
