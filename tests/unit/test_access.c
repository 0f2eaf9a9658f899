/*
 * Who may ask a service for what: each message that a client can send, from each kind of
 * caller.  One that is new in msg.def has no answer here, and fails until it has one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "common/identity.h"
#include "tests/unit/control_fixture.h"

#define ADMINS	4020
#define USERS	4010
#define NOBODY	"00000000000000000000000000000000"	/* the id of no run */

/* Who asks. */
enum caller { OWNER, OTHER, ADMIN, ROOT, SELF, N_CALLERS };
static const char *const caller_name[] = { "owner", "other", "admin", "root", "service" };
static const uid_t	 caller_uid[] = { 4001, 4002, 4003, 0, SX_UID };
static const gid_t	 caller_group[] = { USERS, USERS, ADMINS, 0, SX_UID };

/* What comes of it. */
enum may {
	NOT,		/* "you may not ask for that" */
	ALL,		/* it is answered, and the same to everybody */
	SEES,		/* of the owner's run: that is there */
	BLIND,		/* of the owner's run: as if it were not there */
	LESS,		/* an answer without what is the owner's */
	OWN,		/* figures that are the same whether the owner is there or not */
	REFUSED,	/* a plan: refused, whoever's it is */
};

static const struct rule {
	enum msg_type	type;
	enum may	may[N_CALLERS];
} rules[] = {
	{ MSG_HELLO, { NOT, NOT, NOT, NOT, NOT } },	/* a second time */
	{ MSG_PING, { ALL, ALL, ALL, ALL, ALL } },
	{ MSG_STATUS, { SEES, OWN, SEES, SEES, OWN } },
	{ MSG_WORKERS, { ALL, ALL, ALL, ALL, ALL } },	/* here are none; see test_visibility */
	{ MSG_CONFIG_GET, { ALL, ALL, ALL, ALL, ALL } },
	{ MSG_CONFIG_SET, { NOT, NOT, ALL, ALL, NOT } },
	{ MSG_RUN_BEGIN, { ALL, ALL, ALL, REFUSED, REFUSED } },
	{ MSG_TEST_ADD, { ALL, ALL, ALL, REFUSED, REFUSED } },	/* of the same plan */
	{ MSG_RUN_COMMIT, { ALL, ALL, ALL, REFUSED, REFUSED } },
	{ MSG_RUN_CANCEL, { SEES, BLIND, SEES, SEES, BLIND } },
	{ MSG_RUN_WATCH, { SEES, BLIND, SEES, SEES, BLIND } },
	{ MSG_RUN_LIST, { SEES, LESS, SEES, SEES, LESS } },
	{ MSG_OUTPUT_READ, { SEES, BLIND, SEES, SEES, BLIND } },
	{ MSG_RELOAD, { NOT, NOT, ALL, ALL, NOT } },
	{ MSG_DRAIN, { NOT, NOT, ALL, ALL, NOT } },
	{ MSG_SHUTDOWN, { NOT, NOT, ALL, ALL, NOT } },
	{ MSG_PLAN_READ, { SEES, BLIND, SEES, SEES, BLIND } },
	{ MSG_HISTORY, { ALL, ALL, ALL, ALL, ALL } },	/* the store's part is below */
	{ MSG_METRICS, { ALL, ALL, ALL, ALL, ALL } },
	{ MSG_FLAKY, { ALL, ALL, ALL, ALL, ALL } },
	{ MSG_SHARES, { SEES, LESS, SEES, SEES, LESS } },
};

static struct sx_client *
caller(struct sx *sx, enum caller who)
{
	struct sx_client	*c = sx_greeted(sx, caller_uid[who]);

	c->conn->who = identity_new(caller_uid[who], caller_group[who], NULL, 0);
	assert_non_null(c->conn->who);
	return c;
}

static void
serve_users(struct sx *sx)
{
	sx->server.service = true;
	pool_act_for_users(sx->server.pool);
	set(sx, "admin-group", "4020");
	set(sx, "jobs", "1");
}

/* ---- one question ---- */

static union msg_body
question(enum msg_type type, const char *run)
{
	static const struct sv	argv[] = { { "/bin/true", 9 } };
	union msg_body		m;

	memset(&m, 0, sizeof m);
	switch ((unsigned)type) {
	case MSG_HELLO:
		m.hello.version = MSG_VERSION;
		break;
	case MSG_CONFIG_SET:
		m.config_set.key = SV_LIT("jobs");
		m.config_set.value = SV_LIT("1");
		break;
	case MSG_TEST_ADD:
		m.test_add = (struct msg_test_add){ .name = SV_LIT("t"), .argv = { argv, 1 },
		    .cwd = SV_LIT("/") };
		break;
	case MSG_RUN_COMMIT:
		m.run_commit.tests = 1;
		break;
	case MSG_RUN_CANCEL:
		m.run_cancel.run = sv_from(run);
		break;
	case MSG_RUN_WATCH:
		m.run_watch.run = sv_from(run);
		m.run_watch.no_follow = true;
		break;
	case MSG_OUTPUT_READ:
		m.output_read.run = sv_from(run);
		m.output_read.test = SV_LIT("t0");
		break;
	case MSG_PLAN_READ:
		m.plan_read.run = sv_from(run);
		break;
	case MSG_HISTORY:
		m.history.test = SV_LIT("t0");
		break;
	}
	return m;
}

/* A plan is one question of three messages. */
static void
ask(struct sx *sx, struct sx_client *c, enum msg_type type, const char *run)
{
	static const enum msg_type	plan[] = { MSG_RUN_BEGIN, MSG_TEST_ADD, MSG_RUN_COMMIT };
	union msg_body			m;

	if (type == MSG_RUN_BEGIN || type == MSG_TEST_ADD || type == MSG_RUN_COMMIT) {
		for (size_t i = 0; i < 3; i++) {
			m = question(plan[i], run);
			sx_send(c, plan[i], 50, &m);
		}
	} else {
		m = question(type, run);
		sx_send(c, type, 50, &m);
	}
	sx_turn(sx);
}

/* How often the run, or its owner's uid, is in what came. */
static unsigned
rows_of(struct sx_client *c, const char *run)
{
	const struct sx_frame	*f;
	unsigned		 n = 0;

	while ((f = sx_next(c)) != NULL) {
		n += f->type == MSG_RUN_ROW && sv_is(f->body.run_row.run, run);
		n += f->type == MSG_EVENT && sv_is(f->body.event.run, run);
		n += f->type == MSG_SHARE_ROW && MSG_HAS(&f->body.share_row, share_row, uid) &&
		    f->body.share_row.uid == caller_uid[OWNER];
		n += f->type == MSG_STATUS_OK && f->body.status_ok.runs_active == 1;
		n += f->type == MSG_PLAN_RUN && sv_is(f->body.plan_run.run, run);
		n += f->type == MSG_OK || (f->type == MSG_END_OF && f->body.end_of.count == 0);
	}
	return n;
}

static void
assert_denied(struct sx_client *c, const char *part)
{
	expect_error(c, MSG_ERR_DENIED, part);
}

/* The answer to a question about a run that is there and about one that is not: the same
 * but for the id, which is the asker's own word. */
static void
assert_blind(struct sx *sx, struct sx_client *c, enum msg_type type, const char *run)
{
	char			text[200];
	const struct msg_error	*e = &expect(c, MSG_ERROR)->error, *other;

	assert_int_equal(e->code, MSG_ERR_NOT_FOUND);
	(void)snprintf(text, sizeof text, SV_FMT, SV_ARG(e->text));
	ask(sx, c, type, NOBODY);
	other = &expect(c, MSG_ERROR)->error;
	assert_int_equal(other->code, MSG_ERR_NOT_FOUND);
	assert_true(sv_eq(e->hint, other->hint));
	assert_int_equal(strlen(text), other->text.n);
	if (strstr(text, run) != NULL) {
		assert_non_null(memmem(other->text.p, other->text.n, NOBODY, 32));
		memcpy(strstr(text, run), NOBODY, 32);
	}
	assert_memory_equal(text, other->text.p, other->text.n);
}

/* A run and its tests are there, and `c` has none of them. */
static void
assert_nothing_counted(struct sx_client *c)
{
	const struct msg_status_ok	*s = &expect(c, MSG_STATUS_OK)->status_ok;

	assert_true(s->own);
	assert_int_equal(s->runs_active, 0);
	assert_int_equal(s->runs_total, 0);
	assert_int_equal(s->tests_queued, 0);
	assert_int_equal(s->tests_completed, 0);
	assert_int_equal(s->workers_total, 0);
	assert_int_equal(s->workers_busy + s->workers_idle + s->workers_replaced, 0);
	assert_int_equal(s->clients, 1);
	assert_int_equal(s->capacity, 1);	/* the owner asks for two */
	assert_int_equal(s->average_per_worker_milli, 0);
}

static void
check(struct sx *sx, const struct rule *rule, enum caller who, const char *run)
{
	struct sx_client	*c = caller(sx, who);
	const struct sx_frame	*f;

	print_message("%s from the %s\n", msg_desc(rule->type)->name, caller_name[who]);
	ask(sx, c, rule->type, run);
	switch (rule->may[who]) {
	case NOT:
		assert_denied(c, "you may not ask for that");
		break;
	case REFUSED:
		assert_denied(c, "this service runs no tests as");
		break;
	case ALL:
		f = sx_next(c);
		assert_true(f != NULL && (f->type != MSG_ERROR ||
		    f->body.error.code == MSG_ERR_NOT_FOUND));
		break;
	case SEES:
		assert_int_not_equal(rows_of(c, run), 0);
		break;
	case LESS:
		assert_int_equal(rows_of(c, run), 1);	/* the end, and nothing before it */
		break;
	case OWN:
		assert_nothing_counted(c);
		break;
	case BLIND:
		assert_blind(sx, c, rule->type, run);
		break;
	}
}

static void
check_all(enum caller who)
{
	struct sx	 sx;
	char		*run;

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		sx_open(&sx);
		serve_users(&sx);
		run = sx_submit(&sx, caller(&sx, OWNER), 2, true);
		assert_non_null(run);
		check(&sx, &rules[i], who, run);
		free(run);
		sx_close(&sx);
	}
}

static void
the_owner(void **state)
{
	(void)state;
	check_all(OWNER);
}

static void
another_user(void **state)
{
	(void)state;
	check_all(OTHER);
}

static void
a_member_of_the_admin_group(void **state)
{
	(void)state;
	check_all(ADMIN);
}

static void
root(void **state)
{
	(void)state;
	check_all(ROOT);
}

static void
the_service_itself(void **state)
{
	(void)state;
	check_all(SELF);
}

static void
every_message_has_a_rule(void **state)
{
	static const enum msg_type	all[] = {
#define TYPE_C2S(NAME)	MSG_##NAME,
#define TYPE_S2C(NAME)
#define TYPE_S2W(NAME)
#define TYPE_W2S(NAME)
#define TYPE_S2D(NAME)
#define TYPE_D2S(NAME)
#define TYPE_JRN(NAME)
#define MSG(dir, code, NAME, name, max, right)	TYPE_##dir(NAME)
#include "common/msg.def"
	};
	size_t				found;

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		found = 0;
		for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
			found += rules[k].type == all[i];
		if (found != 1)
			fail_msg("%zu rules for %s", found, msg_desc(all[i])->name);
	}
}

/* ---- more than one message tells ---- */

/* A prefix that is another's too does not say so, and the newest run is one's own. */
static void
prefixes_and_the_newest_are_ones_own(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*owner, *other;
	char			*mine, *theirs;

	serve_users(sx);
	owner = caller(sx, OWNER);
	other = caller(sx, OTHER);
	theirs = sx_submit(sx, other, 1, true);
	mine = sx_submit(sx, owner, 1, true);
	watch(other, 9, "", 0, true);	/* not the newest of all */
	sx_turn(sx);
	assert_true(sv_is(expect(other, MSG_EVENT)->event.run, theirs));
	watch(owner, 9, "", 0, true);
	sx_turn(sx);
	assert_true(sv_is(expect(owner, MSG_EVENT)->event.run, mine));
	free(mine);
	free(theirs);
}

/* Whose connection an admin uses to come back is not whose run it ends. */
static void
who_sees_a_run_does_not_own_it(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*owner, *admin;
	struct msg_run_watch	 m = { .own = true };
	char			*id;
	struct run		*run;

	serve_users(sx);
	owner = caller(sx, OWNER);
	admin = caller(sx, ADMIN);
	id = sx_submit(sx, owner, 1, true);
	run = TAILQ_FIRST(&sx->server.runs.list);
	assert_false(run->over);
	m.run = sv_from(id);
	run->forsaken_ms = 1;
	sx_send(admin, MSG_RUN_WATCH, 9, &m);
	sx_turn(sx);
	assert_null(run->client);
	assert_int_equal(run->forsaken_ms, 1);
	sx_send(owner, MSG_RUN_WATCH, 9, &m);
	sx_turn(sx);
	assert_ptr_equal(run->client, owner->conn->peer);
	free(id);
}

static void
identity_is_kept_with_the_run(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*owner;
	struct run		*run;
	char			*id;

	serve_users(sx);
	owner = caller(sx, OWNER);
	id = sx_submit(sx, owner, 1, true);
	run = TAILQ_FIRST(&sx->server.runs.list);
	assert_non_null(run->who);
	assert_true(identity_equal(run->who, owner->conn->who));
	free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_has_a_rule),
		cmocka_unit_test(the_owner),
		cmocka_unit_test(another_user),
		cmocka_unit_test(a_member_of_the_admin_group),
		cmocka_unit_test(root),
		cmocka_unit_test(the_service_itself),
		WITH_SERVER(prefixes_and_the_newest_are_ones_own),
		WITH_SERVER(who_sees_a_run_does_not_own_it),
		WITH_SERVER(identity_is_kept_with_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
