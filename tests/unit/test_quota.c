/*
 * Unit tests of supervisor/quota.c and users.c through a supervisor in memory: what one
 * user may have, what each of two gets, and who is shown what.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "common/spec.h"
#include "supervisor/quota.h"
#include "tests/unit/control_fixture.h"

#define SX_THIRD	3000

static struct run *
newest(struct sx *sx)
{
	return TAILQ_FIRST(&sx->server.runs.list);
}

/* n tests of this priority; the run, or NULL when it was refused. */
static struct run *
submit(struct sx *sx, struct sx_client *c, unsigned n, uint64_t jobs, int priority)
{
	struct msg_run_begin	m = { .jobs = jobs, .detach = true, .seed = 7,
	    .priority = spec_priority_wire(priority) };
	const struct sx_frame	*f;
	char			 name[16];

	sx_send(c, MSG_RUN_BEGIN, 2, &m);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "t%u", i);
		sx_add(c, name);
	}
	sx_commit(c, n);
	sx_turn(sx);
	if (c->next < c->n && c->frames[c->next]->type == MSG_ERROR)
		return NULL;
	f = sx_next(c);
	assert_non_null(f);
	assert_int_equal(f->type, MSG_RUN_OK);
	for (struct run *run = newest(sx); run != NULL; run = TAILQ_NEXT(run, entry)) {
		if (sv_is(f->body.run_ok.run, run->id))
			return run;
	}
	fail_msg("the run is not on show");
	return NULL;
}

static void
kill_run(struct sx *sx, struct run *run)
{
	run_cancel(run, true, "the test is done with it");
	sx_turn(sx);
	assert_true(run->over);
}

/* ---- bounds ---- */

static void
one_user_has_so_many_runs(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*own = sx_greeted(sx, SX_UID), *c = sx_greeted(sx, SX_OTHER),
				*third = sx_greeted(sx, SX_THIRD);
	struct run		*run;

	set(sx, "user-runs", "2");
	run = submit(sx, c, 1, 1, 0);
	assert_non_null(run);
	assert_non_null(submit(sx, c, 1, 1, 0));
	assert_null(submit(sx, c, 1, 1, 0));
	expect_error(c, MSG_ERR_LIMIT, "2 active runs, which is what user-runs allows");
	/* The others do not notice; whom it belongs to, and root, have no bound. */
	assert_non_null(submit(sx, third, 1, 1, 0));
	for (int i = 0; i < 3; i++)
		assert_non_null(submit(sx, own, 1, 1, 0));
	kill_run(sx, run);
	assert_non_null(submit(sx, c, 1, 1, 0));
	set(sx, "user-runs", "0");
	assert_non_null(submit(sx, c, 1, 1, 0));
}

static void
one_user_has_so_many_tests_that_wait(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_OTHER), *third = sx_greeted(sx, SX_THIRD);

	set(sx, "user-tests", "10");
	set(sx, "jobs", "2");
	assert_null(submit(sx, c, 11, 2, 0));
	expect_error(c, MSG_ERR_LIMIT, "11 tests on top of the 0 of yours that wait already");
	assert_non_null(submit(sx, c, 10, 2, 0));	/* 8 wait */
	assert_null(submit(sx, c, 3, 2, 0));
	expect_error(c, MSG_ERR_LIMIT, "user-tests");
	assert_non_null(submit(sx, third, 3, 2, 0));
	assert_non_null(submit(sx, c, 2, 2, 0));
	assert_true(still_served(sx, c));
}

static void
one_user_has_so_much_memory(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_OTHER), *third = sx_greeted(sx, SX_THIRD);
	struct run		*run;
	uint64_t		 each;
	char			 bound[32];

	run = submit(sx, c, 4000, 1, 0);
	assert_non_null(run);
	assert_int_equal(c->conn->guest->plans, 0);	/* it is a run now */
	each = run_memory(run);
	assert_true(each > QUOTA_STEP);
	(void)snprintf(bound, sizeof bound, "%llu", (unsigned long long)(each + each / 2));
	set(sx, "user-memory", bound);
	assert_null(submit(sx, c, 4000, 1, 0));
	expect_error(c, MSG_ERR_LIMIT, "that user-memory allows one user");
	assert_non_null(submit(sx, third, 4000, 1, 0));
	/* What is only on show makes room. */
	assert_int_equal(runs_on_show(sx, c), 1);
	kill_run(sx, run);
	assert_non_null(submit(sx, c, 4000, 1, 0));
	assert_int_equal(runs_on_show(sx, c), 1);
	assert_int_equal(runs_on_show(sx, third), 1);
}

/* The plan is refused while it comes: what is held is bounded by that. */
static void
a_plan_is_not_taken_in_beyond_the_bound(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_OTHER);
	struct msg_run_begin	 m = { .jobs = 1 };
	char			 name[16];

	set(sx, "user-memory", "2M");
	sx_send(c, MSG_RUN_BEGIN, 2, &m);
	for (unsigned i = 0; i < 40000; i++) {
		(void)snprintf(name, sizeof name, "t%u", i);
		sx_add(c, name);
	}
	assert_true(c->conn->guest->plans < 6 * QUOTA_STEP);
	sx_commit(c, 40000);
	sx_turn(sx);
	expect_error(c, MSG_ERR_LIMIT, "user-memory");
	assert_int_equal(c->conn->guest->plans, 0);
}

static void
one_user_has_so_many_clients(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*a, *b;
	char			 why[QUOTA_WHY];

	set(sx, "user-connections", "1");
	a = sx_greeted(sx, SX_OTHER);
	assert_int_equal(quota_connect(a->conn, why), 0);
	b = sx_greeted(sx, SX_OTHER);
	assert_int_equal(quota_connect(b->conn, why), -EDQUOT);
	assert_non_null(strstr(why, "1 clients"));
	a = sx_greeted(sx, SX_THIRD);
	assert_int_equal(quota_connect(a->conn, why), 0);
	for (int i = 0; i < 3; i++)
		a = sx_greeted(sx, i == 1 ? 0 : SX_UID);
	assert_int_equal(quota_connect(a->conn, why), 0);
	/* More than half of all is no one user's. */
	set(sx, "user-connections", "0");
	assert_int_equal(quota_connect(b->conn, why), 0);
	set(sx, "max-connections", "4");
	(void)sx_greeted(sx, SX_OTHER);
	assert_int_equal(quota_connect(b->conn, why), -EDQUOT);
	assert_non_null(strstr(why, "2 clients connected, which is half of max-connections"));
	set(sx, "user-connections", "3");
	assert_int_equal(quota_connect(b->conn, why), -EDQUOT);
	set(sx, "max-connections", "6");
	assert_int_equal(quota_connect(b->conn, why), 0);
}

/* Nobody's finished runs go from show for those of somebody who has more there. */
static void
who_has_most_on_show_makes_room(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_OTHER), *third = sx_greeted(sx, SX_THIRD);

	set(sx, "keep-runs", "3");
	kill_run(sx, submit(sx, third, 1, 1, 0));
	for (int i = 0; i < 6; i++)
		kill_run(sx, submit(sx, c, 1, 1, 0));
	assert_int_equal(runs_on_show(sx, third), 1);
}

/* ---- shares ---- */

static void
users_share_and_not_runs(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*own = sx_greeted(sx, SX_UID), *c = sx_greeted(sx, SX_OTHER);
	struct run		*a, *b, *other;

	set(sx, "jobs", "8");
	other = submit(sx, c, 20, 8, 0);
	assert_int_equal(other->limit, 8);	/* alone it has it all */
	a = submit(sx, own, 20, 8, 0);
	b = submit(sx, own, 20, 8, 0);
	assert_int_equal(other->limit, 4);
	/* Nothing has ended yet: what is due to the newcomer is not free. */
	assert_int_equal(a->limit + b->limit, 0);
	kill_run(sx, other);
	assert_int_equal(a->limit, 4);
	assert_int_equal(b->limit, 4);
}

static void
weights_bounds_and_priorities_count(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*own = sx_greeted(sx, SX_UID), *c = sx_greeted(sx, SX_OTHER);
	struct run		*low, *high, *other;

	set(sx, "jobs", "8");
	set(sx, "weight.1000", "3");
	low = submit(sx, own, 2, 8, -1);
	other = submit(sx, c, 20, 8, 0);
	assert_int_equal(low->limit, 2);
	assert_int_equal(other->limit, 6);
	high = submit(sx, own, 20, 8, 10);
	assert_int_equal(high->plan.priority, 10);
	assert_int_equal(low->plan.priority, -1);
	assert_int_equal(low->limit, 0);	/* it keeps what runs, and gets no more */
	assert_int_equal(other->limit, 2);
	kill_run(sx, low);
	kill_run(sx, high);
	/* An idle host is given whole, but for a bound of his. */
	assert_int_equal(other->limit, 8);
	set(sx, "user-workers", "3");
	sx->server.runs.dirty = true;
	sx_turn(sx);
	assert_int_equal(other->limit, 3);
}

static void
a_priority_that_is_none_is_refused(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);

	for (int p = -SPEC_PRIORITY_MAX; p <= SPEC_PRIORITY_MAX; p++)
		assert_int_equal(spec_priority(spec_priority_wire(p)), p);
	assert_null(submit(sx, c, 1, 1, SPEC_PRIORITY_MAX + 1));
	expect_error(c, MSG_ERR_BAD, "priority");
	assert_null(submit(sx, c, 1, 1, -SPEC_PRIORITY_MAX - 1));
	expect_error(c, MSG_ERR_BAD, "from -10 to 10");
}

/* ---- on show ---- */

static void
each_sees_himself_and_no_others(void **state)
{
	struct sx			*sx = *state;
	struct sx_client		*c = sx_greeted(sx, SX_OTHER), *root = sx_greeted(sx, 0),
					*third = sx_greeted(sx, SX_THIRD);
	struct msg_shares		 m = { .has = 0 };
	const struct msg_share_row	*row;

	set(sx, "jobs", "4");
	(void)submit(sx, c, 3, 4, 0);
	(void)submit(sx, third, 20, 4, 0);
	sx_send(c, MSG_SHARES, 8, &m);
	sx_turn(sx);
	row = &expect(c, MSG_SHARE_ROW)->share_row;
	assert_true(MSG_HAS(row, share_row, uid));
	assert_int_equal(row->uid, SX_OTHER);
	assert_int_equal(row->runs, 1);
	assert_int_equal(row->running + row->queued, 3);
	assert_int_equal(row->clients, 1);
	assert_true(row->memory > 0);
	assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 1);
	sx_send(root, MSG_SHARES, 8, &m);
	sx_turn(sx);
	for (int i = 0; i < 2; i++)
		assert_true(MSG_HAS(&expect(root, MSG_SHARE_ROW)->share_row, share_row, uid));
	assert_int_equal(expect(root, MSG_END_OF)->end_of.count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(one_user_has_so_many_runs),
		WITH_SERVER(one_user_has_so_many_tests_that_wait),
		WITH_SERVER(one_user_has_so_much_memory),
		WITH_SERVER(a_plan_is_not_taken_in_beyond_the_bound),
		WITH_SERVER(one_user_has_so_many_clients),
		WITH_SERVER(who_has_most_on_show_makes_room),
		WITH_SERVER(users_share_and_not_runs),
		WITH_SERVER(weights_bounds_and_priorities_count),
		WITH_SERVER(a_priority_that_is_none_is_refused),
		WITH_SERVER(each_sees_himself_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
