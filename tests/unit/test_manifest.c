/* Unit tests of supervisor/manifest.c: a plan as it is built. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/faketime.h"
#include "supervisor/manifest.h"

#define CPUS	3

struct fx {
	struct config	config;
	struct manifest	plan;
	char		why[MANIFEST_WHY];
	struct sv	argv[1], list[4];
};

static int
open_plan(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	config_init(&fx->config);
	fx->argv[0] = SV_LIT("/bin/true");
	*state = fx;
	return 0;
}

static int
close_plan(void **state)
{
	struct fx	*fx = *state;

	manifest_free(&fx->plan);
	manifest_free(&fx->plan);	/* a zeroed one is fine */
	free(fx);
	return 0;
}

static int
begin(struct fx *fx, const struct msg_run_begin *m)
{
	manifest_free(&fx->plan);
	return manifest_begin(&fx->plan, m, &fx->config, CPUS, 99, fx->why);
}

static struct msg_test_add
test(struct fx *fx, const char *name)
{
	return (struct msg_test_add){ .name = sv_from(name), .argv = { fx->argv, 1 },
	    .cwd = SV_LIT("/") };
}

static int
add(struct fx *fx, const struct msg_test_add *m)
{
	return manifest_add(&fx->plan, m, &fx->config, fx->why);
}

/* A list of one string. */
static struct svs
one(struct fx *fx, struct sv s)
{
	fx->list[0] = s;
	return (struct svs){ fx->list, 1 };
}

static void
what_a_run_does_not_say_comes_from_the_settings(void **state)
{
	struct fx		*fx = *state;
	struct msg_run_begin	 none = { 0 },
	    zeros = { .has = MSG_BIT(run_begin, test_timeout_ms) | MSG_BIT(run_begin, grace_ms) };
	struct msg_run_begin	 all = { .jobs = 7, .test_timeout_ms = 5, .grace_ms = 6,
	    .has = zeros.has, .timeout_ms = 8, .max_fail = 9, .umask = 07077, .seed = 11 };

	fx->config.timeout_ms = 1234;
	fx->config.grace_ms = 567;
	assert_int_equal(begin(fx, &none), 0);
	assert_int_equal(fx->plan.jobs, CPUS);
	assert_int_equal(fx->plan.test_timeout_ms, 1234);
	assert_int_equal(fx->plan.grace_ms, 567);
	assert_int_equal(fx->plan.timeout_ms, 0);
	assert_null(fx->plan.label);
	fx->config.jobs = 5;
	assert_int_equal(begin(fx, &zeros), 0);
	assert_int_equal(fx->plan.jobs, 5);
	assert_int_equal(fx->plan.test_timeout_ms, 0);	/* no limit was asked for */
	assert_int_equal(fx->plan.grace_ms, 0);
	assert_int_equal(begin(fx, &all), 0);
	assert_int_equal(fx->plan.jobs, 7);
	assert_int_equal(fx->plan.test_timeout_ms, 5);
	assert_int_equal(fx->plan.grace_ms, 6);
	assert_int_equal(fx->plan.timeout_ms, 8);
	assert_int_equal(fx->plan.max_fail, 9);
	assert_int_equal(fx->plan.context.umask, 077);
	assert_int_equal(fx->plan.context.seed, 11);
}

static void
a_run_that_asks_for_too_much_is_refused(void **state)
{
	struct fx	*fx = *state;
	char		*label = malloc(600);
	struct sv	 bad[] = { SV_LIT("db"), SV_LIT("db=0"), SV_LIT("=3") };

	memset(label, 'l', 600);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .jobs = 257 }), -EINVAL);
	assert_non_null(strstr(fx->why, "257 jobs are more than the 256 of max-jobs"));
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .jobs = UINT64_MAX }), -EINVAL);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .jobs = 256 }), 0);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .timeout_ms = UINT64_MAX }), -EINVAL);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .name = { label, 513 } }), -EINVAL);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ .name = { label, 512 } }), 0);
	assert_int_equal(strlen(fx->plan.label), 512);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct msg_run_begin	m = { .slots = { &bad[i], 1 } };

		assert_int_equal(begin(fx, &m), -EINVAL);
		assert_non_null(strstr(fx->why, "not NAME=COUNT: '"));
	}
	free(label);
}

/* Absent: the run's; 0 with its bit: no limit. */
static void
a_test_has_the_timeout_that_was_said_last(void **state)
{
	static const struct {
		uint64_t	has, timeout_ms, grace_ms;
		unsigned	hooks;	/* 1 setup, 2 teardown */
		uint64_t	want_timeout, want_grace, want_limit;
	} cases[] = {
		{ 0, 0, 0, 0, 1000, 50, 1050 },
		{ MSG_BIT(test_add, timeout_ms), 0, 0, 3, 0, 50, 0 },
		{ MSG_BIT(test_add, timeout_ms), 20, 0, 0, 20, 50, 70 },
		{ MSG_BIT(test_add, grace_ms), 0, 0, 0, 1000, 0, 1000 },
		{ MSG_BIT(test_add, grace_ms), 0, 7, 1, 1000, 7, 1007 + 400 + 7 },
		{ 0, 0, 0, 3, 1000, 50, 1050 + 400 + 50 + 30000 + 50 },
	};
	struct fx		*fx = *state;
	struct msg_run_begin	 run = { .test_timeout_ms = 1000, .grace_ms = 50 };
	char			 name[8];

	run.has = MSG_BIT(run_begin, test_timeout_ms) | MSG_BIT(run_begin, grace_ms);
	assert_int_equal(begin(fx, &run), 0);
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct msg_test_add	m;

		(void)snprintf(name, sizeof name, "t%u", i);
		m = test(fx, name);
		m.has = cases[i].has;
		m.timeout_ms = cases[i].timeout_ms;
		m.grace_ms = cases[i].grace_ms;
		m.setup_timeout_ms = 400;	/* the teardown's is the default */
		m.setup = (struct svs){ fx->argv, cases[i].hooks & 1 };
		m.teardown = (struct svs){ fx->argv, cases[i].hooks >> 1 };
		assert_int_equal(add(fx, &m), 0);
		assert_int_equal(fx->plan.tests[i].bounds->timeout_ms, cases[i].want_timeout);
		assert_int_equal(fx->plan.tests[i].bounds->grace_ms, cases[i].want_grace);
		assert_int_equal(fx->plan.tests[i].bounds->limit_ms, cases[i].want_limit);
	}
}

static void
a_specification_is_kept_as_it_came(void **state)
{
	struct fx		*fx = *state;
	struct msg_reader	*rd = msg_reader_new();
	struct msg_test_add	 m;
	union msg_body		 back;

	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	for (int i = 0; i < 1000; i++) {
		char	*name = malloc(32);

		(void)snprintf(name, 32, "test %d", i);
		m = test(fx, name);
		m.source = SV_LIT("suite.yaml:3");
		m.skip = i % 2 ? SV_LIT("not today") : SV_LIT("");
		m.weight = (uint64_t)i % 4;
		m.retry_count = 2;
		assert_int_equal(add(fx, &m), 0);
		memset(name, 'x', 32);
		free(name);		/* it borrows nothing from the message */
	}
	manifest_close(&fx->plan);
	assert_int_equal(fx->plan.ntests, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct manifest_test	*t = &fx->plan.tests[i];
		char				 name[16];

		(void)snprintf(name, sizeof name, "test %u", i);
		assert_true(sv_is(t->name, name));
		assert_true(sv_is(t->source, "suite.yaml:3"));
		assert_true(sv_is(t->skip, i % 2 ? "not today" : ""));
		assert_int_equal(fx->plan.sched[i].skip, i % 2);
		assert_int_equal(fx->plan.sched[i].weight, i % 4 ? i % 4 : 1);
		assert_int_equal(fx->plan.sched[i].retry->count, 2);
		assert_int_equal(strmap_get(&fx->plan.names, sv_from(name)), i);
		assert_int_equal(msg_decode(rd, MSG_TEST_ADD, t->spec.p, t->spec.n, &back,
		    NULL), 0);
		assert_true(sv_is(back.test_add.name, name));
	}
	assert_true(manifest_memory(&fx->plan) > 1000 * sizeof(struct manifest_test));
	msg_reader_free(rd);
}

static void
what_tests_have_alike_is_kept_once(void **state)
{
	/* The number of retries, and the limit of open files: 0 is none. */
	static const uint64_t		 said[][2] = { { 1, 9 }, { 1, 9 }, { 2, 9 }, { 2, 8 },
	    { 2, 0 }, { 1, 9 } };
	struct fx			*fx = *state;
	const struct sched_test		*s;
	const struct manifest_test	*t;

	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	for (uint32_t i = 0; i < 6; i++) {
		char			name[] = { (char)('a' + i), '\0' };
		struct msg_test_add	m = test(fx, name);

		m.has |= MSG_BIT(test_add, retry_count);
		m.retry_count = said[i][0];
		m.open_files = said[i][1];
		assert_int_equal(add(fx, &m), 0);
	}
	s = fx->plan.sched;
	t = fx->plan.tests;
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(s[i].retry->count, said[i][0]);
		assert_int_equal(t[i].bounds->limits != NULL, said[i][1] > 0);
		if (t[i].bounds->limits != NULL)
			assert_int_equal(t[i].bounds->limits->v[LIMIT_OPEN_FILES], said[i][1]);
		if (i == 0)
			continue;
		assert_int_equal(s[i].retry == s[i - 1].retry, said[i][0] == said[i - 1][0]);
		assert_int_equal(t[i].bounds == t[i - 1].bounds, said[i][1] == said[i - 1][1]);
	}
}

static void
a_name_comes_once(void **state)
{
	struct fx		*fx = *state;
	struct msg_test_add	 a = test(fx, "a"), b = test(fx, "b");

	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	assert_int_equal(add(fx, &a), 0);
	assert_int_equal(add(fx, &b), 0);
	assert_int_equal(add(fx, &a), -EINVAL);
	assert_string_equal(fx->why, "two tests have the name 'a'");
	assert_int_equal(fx->plan.ntests, 2);
}

static void
slots_are_those_that_were_declared(void **state)
{
	static const struct {
		const char	*slot;
		const char	*why;	/* NULL: taken */
	} cases[] = {
		{ "db=1", NULL },
		{ "db=2", NULL },
		{ "db=3", "a test takes more than there is of 'db'" },
		{ "gpu=1", "a test takes a slot that no plan declares: 'gpu'" },
		{ "DB=1", "a test takes a slot that no plan declares: 'DB'" },
	};
	struct fx		*fx = *state;
	struct sv		 declared[] = { SV_LIT("db=2"), SV_LIT("disk=1") };
	struct msg_run_begin	 run = { .slots = { declared, 2 } };
	struct msg_test_add	 m = test(fx, "x");
	struct sv		 twice[] = { SV_LIT("db=1"), SV_LIT("db=1") };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(begin(fx, &run), 0);
		m.slots = one(fx, sv_from(cases[i].slot));
		assert_int_equal(add(fx, &m), cases[i].why != NULL ? -EINVAL : 0);
		if (cases[i].why != NULL)
			assert_string_equal(fx->why, cases[i].why);
	}
	assert_int_equal(begin(fx, &run), 0);
	m.slots = (struct svs){ twice, 2 };
	assert_int_equal(add(fx, &m), -EINVAL);
	assert_string_equal(fx->why, "a test takes twice of 'db'");
	m.slots.n = 1;
	assert_int_equal(add(fx, &m), 0);
	assert_int_equal(fx->plan.sched[0].nneeds, 1);
	assert_int_equal(fx->plan.resources[fx->plan.sched[0].needs[0].resource], 2);
}

/* A lock is exclusive whatever slots are called, and declares none. */
static void
locks_and_slots_are_two_sets_of_names(void **state)
{
	struct fx		*fx = *state;
	struct sv		 declared[] = { SV_LIT("db=5") };
	struct msg_run_begin	 run = { .slots = { declared, 1 } };
	struct msg_test_add	 a = test(fx, "a"), b = test(fx, "b"), c = test(fx, "c");
	const struct sched_need	*need;
	struct sv		 lock = SV_LIT("db");

	assert_int_equal(begin(fx, &run), 0);
	a.locks = (struct svs){ &lock, 1 };
	assert_int_equal(add(fx, &a), 0);
	b.locks = a.locks;
	assert_int_equal(add(fx, &b), 0);
	need = fx->plan.sched[0].needs;
	assert_int_equal(fx->plan.sched[1].needs[0].resource, need->resource);
	assert_int_equal(need->count, 1);
	assert_int_equal(fx->plan.resources[need->resource], 1);
	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	assert_int_equal(add(fx, &a), 0);
	c.slots = one(fx, SV_LIT("db=1"));
	assert_int_equal(add(fx, &c), -EINVAL);
}

static void
a_plan_has_bounds(void **state)
{
	struct fx		*fx = *state;
	struct msg_test_add	 m;
	char			 name[16];
	int			 r = 0;

	fx->config.max_tests = 10;
	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	for (int i = 0; i <= 10; i++) {
		(void)snprintf(name, sizeof name, "t%d", i);
		m = test(fx, name);
		assert_int_equal(add(fx, &m), i < 10 ? 0 : -ENOSPC);
	}
	assert_non_null(strstr(fx->why, "the bound of 10 tests"));
	fx->config.max_tests = 1000000;
	fx->config.max_plan = 1 << 20;
	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	for (int i = 0; i < 100000 && r == 0; i++) {
		(void)snprintf(name, sizeof name, "t%d", i);
		m = test(fx, name);
		r = add(fx, &m);
	}
	assert_int_equal(r, -ENOSPC);
	assert_true(fx->plan.arena.total < (1 << 20) + 4096);
}

/* So that nobody fills the disk with attempts; and settings out of bounds are cut. */
static void
flake_detection_has_a_bound(void **state)
{
	struct fx		*fx = *state;
	uint64_t		 set[FLAKE_SET_COUNT] = { [FLAKE_SET_ON] = 1,
				    [FLAKE_SET_RUNS] = UINT64_MAX,
				    [FLAKE_SET_ALPHA_PPM] = UINT64_MAX };
	struct msg_run_begin	 b = { .flake = { set, FLAKE_SET_COUNT } };
	struct msg_test_add	 m;
	char			 name[16];

	assert_int_equal(begin(fx, &b), 0);
	assert_true(fx->plan.flake.on && fx->plan.flake.alpha <= 0.5);
	assert_int_equal(fx->plan.flake.runs, 10000);
	for (int i = 0; i <= MANIFEST_ATTEMPTS_MAX / 10000; i++) {
		(void)snprintf(name, sizeof name, "t%d", i);
		m = test(fx, name);
		assert_int_equal(add(fx, &m), i < MANIFEST_ATTEMPTS_MAX / 10000 ? 0 : -ENOSPC);
	}
	assert_non_null(strstr(fx->why, "more than 30000000 attempts"));
	set[FLAKE_SET_UNDER] = FLAKE_CONDITION_COUNT;
	set[FLAKE_SET_UNTIL_FAILS] = 3;
	assert_int_equal(begin(fx, &b), 0);
	assert_int_equal(fx->plan.flake.under, FLAKE_CONDITION_COUNT);
	assert_int_equal(fx->plan.flake.until_fails, 3);
	set[FLAKE_SET_UNDER]++;
	assert_int_equal(begin(fx, &b), -EINVAL);
	assert_non_null(strstr(fx->why, "unknown condition"));
	b.flake.n = 0;
	assert_int_equal(begin(fx, &b), 0);
	assert_false(fx->plan.flake.on);
}

static void
resources_have_a_bound(void **state)
{
	struct fx		*fx = *state;
	struct msg_test_add	 m;
	char			 name[16], lock[16];
	int			 r = 0, n = 0;

	assert_int_equal(begin(fx, &(struct msg_run_begin){ 0 }), 0);
	for (; n < 5000 && r == 0; n++) {
		(void)snprintf(name, sizeof name, "t%d", n);
		(void)snprintf(lock, sizeof lock, "l%d", n);
		m = test(fx, name);
		m.locks = one(fx, sv_from(lock));
		r = add(fx, &m);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, 4097);
	assert_string_equal(fx->why, "too many resources at 'l4096'");
}

/* One kind of tests has one order, whatever they say of themselves. */
static void
tests_that_share_a_folder_run_as_they_are_written(void **state)
{
	struct fx		*fx = *state;
	struct msg_run_begin	 m = { .shared = true };
	struct msg_test_add	 t;
	struct sched_plan	 plan;
	uint64_t		 on = 1;

	fx->config.jobs = 5;
	assert_int_equal(begin(fx, &m), 0);
	t = test(fx, "wide");
	t.weight = 7;
	t.serial = true;
	t.locks = one(fx, SV_LIT("a"));
	t.retry_count = 3;
	assert_int_equal(add(fx, &t), 0);
	t = test(fx, "asks");	/* it states no count */
	assert_int_equal(add(fx, &t), 0);
	t = test(fx, "left out");
	t.skip = SV_LIT("a reason");
	assert_int_equal(add(fx, &t), 0);
	plan = manifest_plan(&fx->plan);
	assert_int_equal(plan.jobs, 1);
	assert_false(plan.by_history);
	for (uint32_t i = 0; i < plan.ntests; i++) {
		assert_int_equal(plan.tests[i].weight, 1);
		assert_false(plan.tests[i].serial);
		assert_int_equal(plan.tests[i].nneeds, 0);
		assert_null(plan.tests[i].retry);
	}
	assert_true(plan.tests[2].skip);
	/* What cannot be had is refused as ever. */
	t = test(fx, "takes");
	t.slots = one(fx, SV_LIT("db=1"));
	assert_int_equal(add(fx, &t), -EINVAL);
	m.jobs = 2;
	assert_int_equal(begin(fx, &m), -EINVAL);
	m = (struct msg_run_begin){ .shared = true, .shuffle = true };
	assert_int_equal(begin(fx, &m), -EINVAL);
	m = (struct msg_run_begin){ .shared = true, .flake = { &on, 1 } };
	assert_int_equal(begin(fx, &m), -EINVAL);
	assert_non_null(strstr(fx->why, "one order"));
}

#define WITH_PLAN(f)	cmocka_unit_test_setup_teardown(f, open_plan, close_plan)

/* Which conditions a run may use: the usual, or those that are asked for. */
static void
conditions(void **state)
{
	struct fx		*fx = *state;
	uint64_t		 set[FLAKE_SET_COUNT] = { [FLAKE_SET_ON] = 1,
				    [FLAKE_SET_PROVOKE] = 1 };
	struct msg_run_begin	 b = { .flake = { set, FLAKE_SET_COUNT } };
	char			*library = faketime_find();

	assert_int_equal(begin(fx, &b), 0);
	assert_int_equal(fx->plan.flake.conditions, FLAKE_USUAL | FLAKE_ASIDE);
	set[FLAKE_SET_CONDITIONS] = 1u << FLAKE_LOADED | 1u << FLAKE_COPIES;
	assert_int_equal(begin(fx, &b), 0);
	assert_int_equal(fx->plan.flake.conditions, set[FLAKE_SET_CONDITIONS]);
	set[FLAKE_SET_CONDITIONS] = 1u << FLAKE_CLOCK;
	assert_int_equal(begin(fx, &b), library != NULL ? 0 : -EINVAL);
	if (library == NULL)
		assert_non_null(strstr(fx->why, "libfaketime"));
	free(library);
	/* Without one that shows a test flaky, or with one that nobody knows. */
	set[FLAKE_SET_CONDITIONS] = FLAKE_ASIDE;
	assert_int_equal(begin(fx, &b), -EINVAL);
	set[FLAKE_SET_CONDITIONS] = 1u << FLAKE_PLAIN | 1u << FLAKE_ZONE;
	assert_int_equal(begin(fx, &b), -EINVAL);
	set[FLAKE_SET_CONDITIONS] = UINT64_C(1) << 63 | 1u << FLAKE_ZONE;
	assert_int_equal(begin(fx, &b), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLAN(what_a_run_does_not_say_comes_from_the_settings),
		WITH_PLAN(a_run_that_asks_for_too_much_is_refused),
		WITH_PLAN(a_test_has_the_timeout_that_was_said_last),
		WITH_PLAN(a_specification_is_kept_as_it_came),
		WITH_PLAN(what_tests_have_alike_is_kept_once),
		WITH_PLAN(a_name_comes_once),
		WITH_PLAN(slots_are_those_that_were_declared),
		WITH_PLAN(locks_and_slots_are_two_sets_of_names),
		WITH_PLAN(a_plan_has_bounds),
		WITH_PLAN(flake_detection_has_a_bound),
		WITH_PLAN(conditions),
		WITH_PLAN(resources_have_a_bound),
		WITH_PLAN(tests_that_share_a_folder_run_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
