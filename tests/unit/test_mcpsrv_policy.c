/* The administrator's policy: how it is read, and that no call gets around it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "mcpsrv/policy.h"

static void
parse(struct policy *p, const char *text)
{
	policy_parse(p, "mcp.yaml", text, strlen(text));
}

/* A plan of one test. */
static struct plan_test *
one_test(struct plan *plan, const char *program, const char *cwd)
{
	struct plan_test	*t;

	*plan = (struct plan){ .name = NULL };
	t = plan_add(plan);
	t->name = xstrdup("it");
	strs_add(&t->argv, program);
	strs_add(&t->argv, "--word");
	t->cwd = xstrdup(cwd);
	return t;
}

static const struct policy_unasked	unasked;

static void
assert_refused(const struct policy *p, size_t n, struct plan *plan, const char *because)
{
	char	why[POLICY_WHY];

	assert_int_not_equal(policy_check(p, n, plan, &unasked, why), 0);
	if (strstr(why, because) == NULL)
		fail_msg("'%s' is not in: %s", because, why);
	plan_free(plan);
}

static void
assert_allowed(const struct policy *p, size_t n, struct plan *plan)
{
	char	why[POLICY_WHY];

	if (policy_check(p, n, plan, &unasked, why) != 0)
		fail_msg("refused: %s", why);
}

static void
each_key_is_read(void **state)
{
	struct policy	p;

	(void)state;
	parse(&p, "roots: [/usr]\nprograms: /bin/sh\nmax_workers: 4\nmax_tests: 10\n"
	    "max_timeout: 2m\nmax_run_time: 1h\nmax_memory: 2G\nlog: /var/log/x\n");
	assert_null(p.error);
	assert_string_equal(p.roots.v[0], "/usr");
	assert_int_equal(p.programs.n, 1);
	assert_int_equal(p.max_workers, 4);
	assert_int_equal(p.max_tests, 10);
	assert_int_equal(p.max_timeout_ms, 120000);
	assert_int_equal(p.max_run_ms, 3600000);
	assert_int_equal(p.max_memory, UINT64_C(2) << 30);
	assert_string_equal(p.log, "/var/log/x");
	policy_free(&p);
}

/* Wrong in any way it allows nothing, and says where. */
static void
a_wrong_file_allows_nothing(void **state)
{
	static const struct {
		const char	*text, *because;
	} wrong[] = {
		{ "rots: [/usr]\n", "mcp.yaml:1:1: unknown key 'rots': did you mean 'roots'" },
		{ "max_workers: many\n", "mcp.yaml:1:14" },
		{ "roots: [usr]\n", "not an absolute path" },
		{ "max_timeout: 5\n", "mcp.yaml:1" },
		{ "- a\n", "has no tests" },
		{ "", "empty" },
	};
	struct policy	p;
	struct plan	plan;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		parse(&p, wrong[i].text);
		assert_non_null(p.error);
		(void)one_test(&plan, "/bin/true", "/");
		assert_refused(&p, 1, &plan, wrong[i].because);
		policy_free(&p);
	}
}

static void
a_file_that_others_may_write_allows_nothing(void **state)
{
	char		path[] = "/tmp/paratest-policy.XXXXXX";
	int		fd = mkstemp(path);
	struct policy	p;

	(void)state;
	assert_int_equal(write(fd, "max_tests: 1\n", 13), 13);
	assert_int_equal(fchmod(fd, 0666), 0);
	policy_load(&p, path, true, true);
	assert_non_null(p.error);
	policy_free(&p);
	policy_load(&p, path, true, false);
	assert_null(p.error);
	assert_int_equal(p.max_tests, 1);
	policy_free(&p);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
	policy_load(&p, path, true, false);
	assert_non_null(p.error);
	policy_free(&p);
	policy_load(&p, path, false, true);
	assert_null(p.error);
}

static void
folders_are_looked_at_as_they_really_are(void **state)
{
	char		 base[] = "/tmp/paratest-policy.XXXXXX", *text, *in, *out, *link;
	struct policy	 p;
	struct plan	 plan;

	(void)state;
	assert_non_null(mkdtemp(base));
	in = xasprintf("%s/in", base);
	out = xasprintf("%s/in-not", base);
	link = xasprintf("%s/in/link", base);
	assert_int_equal(mkdir(in, 0700) + mkdir(out, 0700) + symlink(out, link), 0);
	text = xasprintf("roots: [%s]\n", in);
	parse(&p, text);
	assert_null(p.error);
	(void)one_test(&plan, "true", in);
	assert_allowed(&p, 1, &plan);
	plan_free(&plan);
	(void)one_test(&plan, "true", out);
	assert_refused(&p, 1, &plan, "outside");
	(void)one_test(&plan, "true", link);
	assert_refused(&p, 1, &plan, "outside");
	free(text);
	text = xasprintf("%s/../in-not", in);
	(void)one_test(&plan, "true", text);
	assert_refused(&p, 1, &plan, "outside");
	policy_free(&p);
	assert_int_equal(unlink(link) + rmdir(in) + rmdir(out) + rmdir(base), 0);
	free(text);
	free(in);
	free(out);
	free(link);
}

static void
programs_are_run_by_their_listed_paths(void **state)
{
	static const char *const	code[] = { "LD_PRELOAD=/tmp/x.so", "BASH_ENV=x", "ENV=x",
	    "BASH_FUNC_ulimit%%=() { x; }", "SHELLOPTS=xtrace", "PERL5OPT=-Mx", "PYTHONPATH=.",
	    "NODE_OPTIONS=-r x" };
	struct policy	 p;
	struct plan	 plan;
	struct plan_test *t;

	(void)state;
	parse(&p, "programs: [/bin/true]\n");
	t = one_test(&plan, "true", "/");
	strs_add(&t->setup.argv, "/bin/../bin/true");
	assert_allowed(&p, 1, &plan);
	assert_string_equal(plan.tests[0].argv.v[0], "/bin/true");
	assert_string_equal(plan.tests[0].setup.argv.v[0], "/bin/true");
	plan_free(&plan);
	(void)one_test(&plan, "/bin/sh", "/");
	assert_refused(&p, 1, &plan, "argv");
	(void)one_test(&plan, "./true", "/tmp");
	assert_refused(&p, 1, &plan, "none of the programs");
	t = one_test(&plan, "true", "/");
	strs_add(&t->teardown.argv, "sh");
	assert_refused(&p, 1, &plan, "teardown");
	for (size_t i = 0; i < sizeof code / sizeof code[0]; i++) {
		t = one_test(&plan, "true", "/");
		strs_add(&t->env, code[i]);
		assert_refused(&p, 1, &plan, "would load other code");
	}
	t = one_test(&plan, "true", "/");
	strs_add(&t->env, "ENVIRONMENT=test");
	assert_allowed(&p, 1, &plan);
	plan_free(&plan);
	policy_free(&p);
	parse(&p, "programs: []\n");
	(void)one_test(&plan, "true", "/");
	assert_refused(&p, 1, &plan, "none of the programs");
	policy_free(&p);
}

static void
ceilings_hold_for_what_is_not_said(void **state)
{
	const struct policy_unasked	tight = { .timeout_ms = 3000, .jobs = 1 };
	const struct policy_unasked	many = { .jobs = 1000 };
	struct policy	 p;
	struct plan	 plan;
	struct plan_test *t;
	char		 why[POLICY_WHY];

	(void)state;
	parse(&p, "max_timeout: 5s\nmax_workers: 2\nmax_tests: 1\n");
	t = one_test(&plan, "true", "/");
	strs_add(&t->setup.argv, "true");
	assert_int_equal(policy_check(&p, 1, &plan, &unasked, why), 0);
	assert_true(t->has_timeout);
	assert_int_equal(t->timeout_ms, 5000);
	assert_int_equal(t->setup.timeout_ms, 5000);
	plan_free(&plan);
	t = one_test(&plan, "true", "/");	/* the supervisor's own limit is tighter */
	assert_int_equal(policy_check(&p, 1, &plan, &tight, why), 0);
	assert_int_equal(t->timeout_ms, 3000);
	assert_int_equal(plan.jobs, 0);
	plan_free(&plan);
	(void)one_test(&plan, "true", "/");	/* its own number of workers is not */
	assert_int_equal(policy_check(&p, 1, &plan, &many, why), 0);
	assert_int_equal(plan.jobs, 2);
	plan_free(&plan);
	t = one_test(&plan, "true", "/");
	t->has_timeout = true;
	t->timeout_ms = 5001;
	assert_refused(&p, 1, &plan, "at most 5000");
	t = one_test(&plan, "true", "/");	/* 0: none at all */
	t->has_timeout = true;
	assert_refused(&p, 1, &plan, "at most 5000");
	(void)one_test(&plan, "true", "/");
	plan.jobs = 3;
	assert_refused(&p, 1, &plan, "maxWorkers");
	(void)one_test(&plan, "true", "/");
	(void)plan_add(&plan);
	assert_refused(&p, 1, &plan, "2 tests");
	assert_int_equal(policy_check_timeout(&p, "timeout", 5000, why), 0);
	assert_int_not_equal(policy_check_timeout(&p, "timeout", 6000, why), 0);
	policy_free(&p);
}

/* Of several policies the tighter holds, also for what comes back from a record. */
static void
memory_is_limited_once(void **state)
{
	struct policy	 p[2];
	struct plan	 plan;
	struct plan_test *t;

	(void)state;
	parse(&p[0], "max_memory: 64M\n");
	parse(&p[1], "max_memory: 32M\nprograms: [/bin/true]\n");
	t = one_test(&plan, "/bin/true", "/");
	assert_allowed(p, 1, &plan);
	assert_string_equal(t->argv.v[2], "ulimit -v 65536 && exec \"$@\"");
	assert_int_equal(t->argv.n, 6);
	assert_allowed(p, 2, &plan);
	assert_string_equal(t->argv.v[2], "ulimit -v 32768 && exec \"$@\"");
	assert_int_equal(t->argv.n, 6);
	assert_allowed(p, 1, &plan);
	assert_string_equal(t->argv.v[2], "ulimit -v 32768 && exec \"$@\"");
	assert_string_equal(t->argv.v[5], "--word");
	/* The look of it is no way around the list of programs. */
	free(t->argv.v[4]);
	t->argv.v[4] = xstrdup("/bin/sh");
	assert_refused(p, 2, &plan, "/bin/sh");
	policy_free(&p[0]);
	policy_free(&p[1]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(each_key_is_read),
		cmocka_unit_test(a_wrong_file_allows_nothing),
		cmocka_unit_test(a_file_that_others_may_write_allows_nothing),
		cmocka_unit_test(folders_are_looked_at_as_they_really_are),
		cmocka_unit_test(programs_are_run_by_their_listed_paths),
		cmocka_unit_test(ceilings_hold_for_what_is_not_said),
		cmocka_unit_test(memory_is_limited_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
