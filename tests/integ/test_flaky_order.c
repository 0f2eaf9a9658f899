/* The search for tests that depend on the order, through the programs as they are: small
 * tests whose truth is known. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

#define PASSES(name)	"  - { name: " name ", run: 'true' }\n"

static const char cart[] =
    "name: cart\n"
    "tests:\n"
    "  - { name: reads, run: 'test ! -s $TMPDIR/cart' }\n"
    PASSES("one")
    "  - { name: fills, run: 'echo tea >>$TMPDIR/cart', serial: true }\n"
    PASSES("two")
    PASSES("three");

/* The wipe is between the two as it is written: only other orders show it. */
static const char wiped[] =
    "name: wiped\n"
    "tests:\n"
    PASSES("one")
    "  - { name: fills, run: 'echo tea >>$TMPDIR/cart' }\n"
    "  - { name: wipes, run: 'rm -f $TMPDIR/cart' }\n"
    PASSES("two")
    "  - { name: reads, run: 'test ! -s $TMPDIR/cart' }\n";

static const char both[] =
    "name: both\n"
    "tests:\n"
    "  - { name: left, run: 'touch $TMPDIR/left' }\n"
    PASSES("one")
    "  - { name: right, run: 'touch $TMPDIR/right' }\n"
    PASSES("two")
    "  - { name: reads, run: '! test -e $TMPDIR/left -a -e $TMPDIR/right' }\n";

static const char brittle[] =
    "name: brittle\n"
    "tests:\n"
    PASSES("one")
    "  - { name: builds, run: 'touch $TMPDIR/index' }\n"
    PASSES("two")
    "  - { name: finds, run: 'test -e $TMPDIR/index' }\n";

static const char independent[] =
    "name: independent\n"
    "tests:\n"
    "  - { name: own, run: 'touch $TMPDIR/own' }\n"
    "  - { name: counts, run: 'echo x >>$TMPDIR/own' }\n"
    "  - { name: skips, run: 'exit 77' }\n"
    PASSES("one");

static const char broken[] =
    "name: broken\n"
    "tests:\n"
    PASSES("one")
    "  - { name: never, run: 'touch $TMPDIR/x; exit 1' }\n"
    PASSES("two");

static json_t *
finding(json_t *doc, const char *name)
{
	json_t	*t;
	size_t	 i;

	json_array_foreach(json_object_get(doc, "tests"), i, t) {
		if (strcmp(json_string_value(json_object_get(t, "testName")), name) == 0)
			return t;
	}
	fail_msg("nothing is said of '%s'", name);
	return NULL;
}

static void
assert_text(json_t *t, const char *key, const char *want)
{
	assert_string_equal(json_string_value(json_object_get(t, key)), want);
}

static void
assert_names(json_t *t, const char *key, const char *const *want)
{
	json_t	*list = json_object_get(t, key);
	size_t	 n = 0;

	for (; want[n] != NULL; n++)
		assert_string_equal(json_string_value(json_array_get(list, n)), want[n]);
	assert_int_equal(json_array_size(list), n);
}
#define NAMES(t, key, ...)	assert_names(t, key, (const char *const []){ __VA_ARGS__, NULL })

static void
assert_count(json_t *t, const char *key, json_int_t failures, json_int_t runs)
{
	json_t	*c = json_object_get(t, key);

	assert_int_equal(json_integer_value(json_object_get(c, "failures")), failures);
	assert_int_equal(json_integer_value(json_object_get(c, "runs")), runs);
}

/* What a search says of a suite; *ret_n: findings. */
static json_t *
search(struct service *s, const char *text, int code, size_t *ret_n)
{
	const char	*file = service_file(s, "suite.yaml", text);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--order", "--json", "-q", "--shuffle=4711", file);
	doc = ran_document(&r);
	assert_int_equal(r.code, code);
	assert_true(json_is_true(json_object_get(doc, "complete")));
	*ret_n = json_array_size(json_object_get(doc, "tests"));
	ran_free(&r);
	return doc;
}

static void
a_polluter_and_its_victim(void **state)
{
	size_t	 n;
	json_t	*doc = search(*state, cart, 1, &n), *t = finding(doc, "reads");

	assert_int_equal(n, 1);
	assert_text(t, "verdict", "victim");
	NAMES(t, "polluters", "fills");
	assert_count(t, "with", 5, 5);
	assert_count(t, "alone", 0, 5);
	assert_true(json_number_value(json_object_get(t, "p")) < 0.005);
	assert_true(json_is_false(json_object_get(t, "noisy")));
	json_decref(doc);
}

static void
a_cleaner_between_them(void **state)
{
	size_t	 n;
	json_t	*doc = search(*state, wiped, 1, &n), *t = finding(doc, "reads");

	assert_int_equal(n, 1);
	assert_text(t, "verdict", "victim");
	NAMES(t, "polluters", "fills");
	NAMES(t, "cleaners", "wipes");
	assert_count(t, "cleaned", 0, 5);
	json_decref(doc);
}

static void
two_polluters_that_are_needed_both(void **state)
{
	size_t	 n;
	json_t	*doc = search(*state, both, 1, &n), *t = finding(doc, "reads");

	assert_int_equal(n, 1);
	assert_text(t, "verdict", "victim");
	assert_int_equal(json_array_size(json_object_get(t, "polluters")), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(t, "reproduce"), "order")),
	    3);
	json_decref(doc);
}

static void
a_brittle_test_and_its_setter(void **state)
{
	size_t	 n;
	json_t	*doc = search(*state, brittle, 1, &n), *t = finding(doc, "finds");

	assert_int_equal(n, 1);
	assert_text(t, "verdict", "brittle");
	NAMES(t, "stateSetters", "builds");
	assert_count(t, "with", 0, 5);
	assert_count(t, "alone", 5, 5);
	json_decref(doc);
}

static void
none_depends(void **state)
{
	size_t	 n;
	json_t	*doc = search(*state, independent, 0, &n);

	assert_int_equal(n, 0);
	assert_int_equal(json_integer_value(json_object_get(doc, "runs")), 10);
	assert_int_equal(ran_summary(doc, "withoutResult"), 1);
	json_decref(doc);
	doc = search(*state, broken, 0, &n);
	assert_int_equal(n, 1);
	assert_text(finding(doc, "never"), "verdict", "broken");
	assert_int_equal(ran_summary(doc, "broken"), 1);
	json_decref(doc);
}

/* The file shows it again, and each run is known by its name. */
static void
it_can_be_seen_again(void **state)
{
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "suite.yaml", cart));
	char		*order = xasprintf("%s/order", s->dir);
	struct ran	 r;
	json_t		*doc, *runs, *t;
	size_t		 i, named = 0;
	char		*want;

	CTL(s, &r, NULL, "flaky", "--order", "--orders", "3", "--write-order", order, file);
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.err, "order 1 of 3, as written: 0 of 5 failed\n"));
	assert_non_null(strstr(r.err, "order 2 of 3, reverse: 1 of 5 failed\n"));
	want = xasprintf("see it fail: paratestctl run --order %s %s\n", order, file);
	assert_non_null(strstr(r.out, want));
	assert_non_null(strstr(r.out, "failed 0/5 alone and 5/5 after its polluter "));
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--json", "--order", order, file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "total"), 2);
	assert_int_equal(ran_summary(doc, "failed"), 1);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "runs", "--json");
	doc = ran_document(&r);
	runs = json_is_array(doc) ? doc : json_object_get(doc, "runs");
	json_array_foreach(runs, i, t) {
		const char	*name = json_string_value(json_object_get(t, "name"));

		named += strncmp(name, "cart: order 3 of 3, seed ", 25) == 0;
		named += strcmp(name, "cart: reads, alone") == 0;
	}
	assert_int_equal(named, 1 + 5);
	json_decref(doc);
	ran_free(&r);
	free(want);
	free(order);
	free(file);
}

static void
wrong_input_is_said(void **state)
{
	static const struct { const char *option, *want; } cases[] = {
		{ "--runs=5", "--order looks for tests that depend on others" },
		{ "--alpha=0.1", "--order looks for tests that depend on others" },
		{ "--jobs=2", "leave out --jobs" },
		{ "--junit=x", "--order is many runs" },
		{ "--orders=1", "--orders: '1' is too small; it takes a number from 2" },
		{ "--write-order=/nowhere/f", "cannot write /nowhere/f" },
	};
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "suite.yaml", cart));
	struct ran	 r;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CTL(s, &r, NULL, "flaky", "--order", cases[i].option, file);
		assert_int_equal(r.code, 2);
		assert_non_null(strstr(r.err, cases[i].want));
		ran_free(&r);
	}
	CTL(s, &r, NULL, "flaky", "--write-order", "f", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "--write-order goes with --order"));
	ran_free(&r);
	free(file);
}

/* ---- how it ends ---- */

static void
bounds_are_kept(void **state)
{
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "suite.yaml", cart));
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--order", "--json", "--max-runs", "12", "--shuffle=4711", file);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_true(json_is_false(json_object_get(doc, "complete")));
	assert_int_equal(json_integer_value(json_object_get(doc, "runs")), 12);
	assert_text(finding(doc, "reads"), "verdict", "unsure");
	json_decref(doc);
	ran_free(&r);
	free(file);
	file = xstrdup(service_file(s, "slow.yaml", "tests:\n"
	    "  - { name: slow, run: 'sleep 100' }\n" PASSES("one")));
	CTL(s, &r, NULL, "flaky", "--order", "--json", "--run-timeout", "300ms", "--grace", "0",
	    file);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_text(doc, "message", "the time is up");
	/* What the time cut off is no failure. */
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 0);
	json_decref(doc);
	ran_free(&r);
	free(file);
}

struct mark {
	struct service	*s;
	int		 lines;
};

static int
has_lines(void *arg)
{
	const struct mark	*m = arg;
	char			*path = xasprintf("%s/marks", m->s->dir), line[64];
	FILE			*f = fopen(path, "re");
	int			 n = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n++;
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n >= m->lines;
}

static void
ctrl_c_ends_it(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("tests:\n"
	    "  - { name: hangs, run: 'echo x >>%s/marks; sleep 1000' }\n", s->dir);
	const char	*file = service_file(s, "hangs.yaml", text);
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "flaky", "--order",
	    "--grace", "0", file, NULL });
	struct mark	 m = { s, 1 };
	struct ran	 r;

	service_until(has_lines, &m, "the test does not begin");
	assert_int_equal(kill(pid, SIGINT), 0);
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 128 + SIGINT);
	assert_non_null(strstr(r.out, "interrupted: what is said here is what was known by then"));
	ran_free(&r);
	free(text);
}

/* A run under which the supervisor was lost is no evidence, and is done again. */
static void
it_goes_on_when_the_supervisor_is_lost(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("name: marks\ntests:\n"
	    "  - { name: reads, run: 'test ! -s $TMPDIR/cart' }\n"
	    "  - { name: marks, run: 'echo x >>%s/marks; sleep 0.02' }\n"
	    "  - { name: fills, run: 'echo tea >>$TMPDIR/cart' }\n", s->dir);
	const char	*file = service_file(s, "marks.yaml", text);
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "flaky", "--order",
	    "--json", file, NULL });
	struct mark	 m = { s, 4 };
	struct ran	 r;
	json_t		*doc;

	service_until(has_lines, &m, "the test is not run again");
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	service_again(s);
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 1);
	NAMES(finding(doc, "reads"), "polluters", "fills");
	json_decref(doc);
	ran_free(&r);
	free(text);
}

#define WITH_SERVICE(f)	cmocka_unit_test_setup_teardown(f, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(a_polluter_and_its_victim),
		WITH_SERVICE(a_cleaner_between_them),
		WITH_SERVICE(two_polluters_that_are_needed_both),
		WITH_SERVICE(a_brittle_test_and_its_setter),
		WITH_SERVICE(none_depends),
		WITH_SERVICE(it_can_be_seen_again),
		WITH_SERVICE(wrong_input_is_said),
		WITH_SERVICE(bounds_are_kept),
		WITH_SERVICE(ctrl_c_ends_it),
		WITH_SERVICE(it_goes_on_when_the_supervisor_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
