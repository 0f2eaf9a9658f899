/*
 * Plans and messages: a plan that was submitted and read back from the record is the
 * same plan; and what a supervisor forecasts of one, also when it answers nonsense.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/dry_run.h"
#include "ctl/plan_wire.h"
#include "ctl/suite.h"
#include "tests/unit/peer_fixture.h"

#define RUN	"5f3a9c1e0d7b4826a1c2e3f405162738"

/* Every key that travels, and tests that say little. */
static const char	suite[] =
	"name: all\n"
	"resources: {db: 2}\n"
	"retry_budget: {run: 2%, tags: {net: 10}}\n"
	"tests:\n"
	"- name: full\n"
	"  run: {argv: [prog, '', a b], cwd: sub, env: {A: b c, E: ''}, stdin: \"in\\0put\"}\n"
	"  timeout: 0\n"
	"  grace: 0\n"
	"  tags: [net, db]\n"
	"  setup: {run: [up], timeout: 2s}\n"
	"  teardown: {run: down, timeout: 3s}\n"
	"  expect: {exit: 3, stdout: \"x\\n\", output: {matches: '/a/i'}}\n"
	"  resources: {lock: [p, q], slots: {db: 1}}\n"
	"  weight: 3\n"
	"  serial: true\n"
	"  format: tap\n"
	"  output_limit: 64K\n"
	"  limits: {memory: 1G, processes: 9, cpu: 0.5, open-files: 64, file-size: 1}\n"
	"  retry: {count: 0, backoff: 0, multiplier: 1.5, max: 9s, jitter: decorrelated,\n"
	"    on: [timeout, 'text:a'], never: ['exit:1'], where: alone}\n"
	"- {name: plain, run: x}\n"
	"- {name: empty input, run: x, stdin: '', timeout: 5s, retry: {backoff: 1s}}\n"
	"- {name: not run, run: x, skip: because, retry: 2}\n";

static void
load(struct plan *p)
{
	struct suite_error	e = { "" };

	if (suite_parse(p, "all.yaml", "/d", suite, strlen(suite), &e) < 0)
		fail_msg("%s", e.text);
}

/* Equal as the supervisor sees them, and in what absent and zero tell apart. */
static void
equal_tests(const struct plan_test *a, const struct plan_test *b)
{
	char	why[CLIENT_WHY], *x, *y;
	size_t	nx, ny;

	assert_int_equal(submit_encode(a, &x, &nx, why), 0);
	assert_int_equal(submit_encode(b, &y, &ny, why), 0);
	assert_int_equal(nx, ny);
	assert_memory_equal(x, y, nx);
	free(x);
	free(y);
	assert_int_equal(a->has_timeout, b->has_timeout);
	assert_int_equal(a->has_grace, b->has_grace);
	assert_int_equal(a->stdin_data == NULL, b->stdin_data == NULL);
	assert_int_equal(a->retry.has & (PLAN_RETRY_COUNT | PLAN_RETRY_DELAY),
	    b->retry.has & (PLAN_RETRY_COUNT | PLAN_RETRY_DELAY));
}

static void
a_test_survives_the_wire(void **state)
{
	struct plan	a = { 0 }, b = { 0 };
	char		why[CLIENT_WHY], *spec;
	size_t		len;

	(void)state;
	load(&a);
	for (size_t i = 0; i < a.ntests; i++) {
		assert_int_equal(submit_encode(&a.tests[i], &spec, &len, why), 0);
		assert_int_equal(plan_wire_add(&b, spec, len, why), 0);
		equal_tests(&a.tests[i], &b.tests[i]);
		free(spec);
	}
	assert_string_equal(b.tests[0].suite, "all");
	assert_string_equal(b.tests[0].source, "all.yaml:5");
	assert_int_equal(b.tests[0].retry.where, WHERE_ALONE);
	assert_int_equal(b.tests[0].stdin_len, 6);
	assert_string_equal(b.tests[0].argv.v[1], "");
	assert_int_equal(b.tests[0].retry.has & PLAN_RETRY_ORIGINAL, 0);
	assert_true(b.tests[0].retry.has & PLAN_RETRY_COUNT);
	assert_int_equal(b.tests[1].retry.has, 0);
	assert_int_equal(b.tests[2].retry.has, PLAN_RETRY_DELAY);
	plan_free(&a);
	plan_free(&b);
}

static void
a_bad_record_adds_nothing(void **state)
{
	struct msg_test_add	m = { .name = SV_LIT("t"), .cwd = SV_LIT("relative") };
	struct plan		p = { 0 };
	char			why[CLIENT_WHY], *spec;
	size_t			len;

	(void)state;
	assert_int_equal(plan_wire_add(&p, "\x81\x01", 2, why), -EBADMSG);
	assert_non_null(strstr(why, "a recorded test is unreadable"));
	assert_int_equal(plan_wire_add(&p, "", 0, why), -EBADMSG);
	assert_int_equal(msg_encode(MSG_TEST_ADD, &m, &spec, &len), 0);
	assert_int_equal(plan_wire_add(&p, spec, len, why), -EINVAL);
	assert_string_equal(why, "test 't': there is no command");
	free(spec);
	assert_int_equal(p.ntests, 0);
	plan_free(&p);
}

/* ---- with a peer ---- */

/* What a supervisor would keep of a plan. */
struct record {
	char	*specs[8];
	size_t	 lens[8], n;
};

/* Keeps a plan, and gives it back; a run "short" has a record that breaks off. */
static int
keeps_plans(struct px *px, enum msg_type type, uint32_t id, const union msg_body *m)
{
	static struct record	 rec;
	struct msg_run_ok	 ok = { .run = SV_LIT(RUN), .jobs = 2, .seed = 1 };
	struct msg_end_of	 end = { .truncated = false };
	struct msg_plan_run	 run = { .run = SV_LIT(RUN), .name = SV_LIT("all"),
	    .status = RUN_FAILED };
	const struct sv		 slots[] = { SV_LIT("db=2") };
	struct msg_plan_test	 test = { .index = 0 };

	switch (type) {
	case MSG_RUN_BEGIN:
		px_note(px, "begin parent=" SV_FMT " order=%d budgets", SV_ARG(m->run_begin.parent),
		    m->run_begin.plan_order);
		for (uint32_t i = 0; i < m->run_begin.budgets.n; i++)
			px_note(px, "[" SV_FMT "]", SV_ARG(m->run_begin.budgets.v[i]));
		px_note(px, " breaker");
		for (uint32_t i = 0; i < m->run_begin.breaker.n; i++)
			px_note(px, " %d", (int)m->run_begin.breaker.v[i]);
		px_note(px, "\n");
		break;
	case MSG_TEST_ADD:
		px_need(rec.n < 8 && msg_encode(MSG_TEST_ADD, &m->test_add, &rec.specs[rec.n],
		    &rec.lens[rec.n]) == 0, "spec");
		rec.n++;
		break;
	case MSG_RUN_COMMIT:
		px_say(px, MSG_RUN_OK, id, &ok);
		break;
	case MSG_PLAN_READ:
		px_note(px, "read " SV_FMT " open=%d\n", SV_ARG(m->plan_read.run),
		    m->plan_read.open);
		run.slots = (struct svs){ slots, 1 };
		run.isolation = SV_LIT("sandbox,network=none");
		run.total = rec.n;
		end.truncated = sv_is(m->plan_read.run, "short");
		if (sv_is(m->plan_read.run, "long"))
			run.total = rec.n - 1;
		if (!sv_is(m->plan_read.run, "none"))
			px_say(px, MSG_PLAN_RUN, id, &run);
		for (size_t i = 0; i < rec.n && run.run.n > 0 &&
		    !sv_is(m->plan_read.run, "none"); i++) {
			test.index = i;
			test.spec = (struct sv){ rec.specs[i], rec.lens[i] };
			if (sv_is(m->plan_read.run, "bad"))
				test.spec.n--;
			px_say(px, MSG_PLAN_TEST, id, &test);
		}
		px_say(px, MSG_END_OF, id, &end);
		break;
	default:
		break;
	}
	return 0;
}

static void
a_plan_is_read_back(void **state)
{
	static const struct { const char *run, *want; } broken[] = {
		{ "short", "the record of the run is not whole" },
		{ "long", "the record has more tests than its run" },
		{ "none", "the record of the run is not whole" },
		{ "bad", "a recorded test is unreadable: " },
	};
	struct submit		 sub = { .parent = "abc", .plan_order = true, .has_breaker = true,
	    .breaker = { 0, 20, 8, 500000, 30000, 5, 0 } };
	struct plan		 a = { 0 }, b = { 0 };
	struct plan_origin	 from;
	struct client_error	 e = { .code = 0 };
	struct client		*c;
	struct px		 px;
	char			*notes;

	(void)state;
	px_open(&px, keeps_plans);
	c = client_open(px.socket, false, &e);
	assert_non_null(c);
	load(&a);
	assert_int_equal(submit_plan(c, &a, &sub, &e), 0);
	assert_int_equal(plan_wire_read(c, "5f", true, &b, &from, &e), 0);
	assert_string_equal(from.run, RUN);
	assert_int_equal(from.total, 4);
	assert_int_equal(from.status, RUN_FAILED);
	assert_string_equal(b.name, "all");
	assert_int_equal(b.slots.n, 1);
	assert_int_equal(b.isolation.level, ISOLATION_SANDBOX);
	assert_int_equal(b.isolation.network, NETWORK_NONE);
	assert_string_equal(b.slots.v[0], a.slots.v[0]);
	assert_int_equal(b.ntests, a.ntests);
	for (size_t i = 0; i < a.ntests; i++)
		equal_tests(&a.tests[i], &b.tests[i]);
	plan_free(&b);
	client_close(c);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		c = client_open(px.socket, false, &e);
		assert_non_null(c);
		assert_int_equal(plan_wire_read(c, broken[i].run, false, &b, &from, &e), -EPROTO);
		assert_int_equal(strncmp(e.text, broken[i].want, strlen(broken[i].want)), 0);
		plan_free(&b);
		client_close(c);
	}
	notes = px_close(&px);
	assert_string_equal(notes, "begin parent=abc order=1 budgets[][2%][net][10] "
	    "breaker 0 20 8 500000 30000 5 0\nread 5f open=1\nread short open=0\n"
	    "read long open=0\nread none open=0\nread bad open=0\n");
	free(notes);
	plan_free(&a);
}

/* Rows in another order than the plan's; what is wrong comes after the name of it. */
static int
forecasts(struct px *px, enum msg_type type, uint32_t id, const union msg_body *m)
{
	static char		 label[16];
	struct msg_plan_row	 row = { .test = SV_LIT("t"), .known = true };
	struct msg_plan_ok	 ok = { .makespan_us = 12300000, .bound_us = 11900000, .known = 3,
	    .jobs = 8 };
	struct msg_run_ok	 run = { .run = SV_LIT(RUN), .jobs = 2, .seed = 1 };

	if (type == MSG_RUN_BEGIN)
		(void)snprintf(label, sizeof label, SV_FMT, SV_ARG(m->run_begin.name));
	if (type == MSG_RUN_BEGIN && m->run_begin.detach)
		px_note(px, "detached\n");
	if (type != MSG_RUN_COMMIT)
		return 0;
	px_note(px, "%s dry=%d tests=%d\n", label, m->run_commit.dry, (int)m->run_commit.tests);
	if (strcmp(label, "old") == 0) {
		px_say(px, MSG_RUN_OK, id, &run);
		return 0;
	}
	for (uint64_t i = m->run_commit.tests; i-- > 0;) {
		row.index = strcmp(label, "alien") == 0 ? i + 1 : i;
		row.expected_us = 1000 * (i + 1);
		row.fail_ppm = 10 * i;
		px_say(px, MSG_PLAN_ROW, id, &row);
		if (strcmp(label, "twice") == 0)
			px_say(px, MSG_PLAN_ROW, id, &row);
	}
	px_say(px, MSG_PLAN_OK, id, &ok);
	return 0;
}

static void
a_forecast_is_asked_for(void **state)
{
	static const char *const labels[] = { "good", "old", "alien", "twice" };
	struct plan		 a = { 0 };
	struct px		 px;
	char			*notes;

	(void)state;
	load(&a);
	px_open(&px, forecasts);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct submit		 sub = { .label = labels[i], .detach = true };
		struct dry_run		 f = { .rows = NULL };
		struct client_error	 e = { .code = 0 };
		struct client		*c = client_open(px.socket, false, &e);

		assert_non_null(c);
		assert_int_equal(dry_run_ask(c, &a, &sub, &f, &e), i == 0 ? 0 : -EPROTO);
		if (i == 0) {
			assert_int_equal(f.n, 4);
			assert_int_equal(f.rows[0].index, 3);
			assert_int_equal(f.rows[0].expected_us, 4000);
			assert_int_equal(f.rows[3].index, 0);
			assert_int_equal(f.makespan_us, 12300000);
			assert_int_equal(f.bound_us, 11900000);
			assert_int_equal(f.jobs, 8);
		} else {
			assert_true(strncmp(e.text, "the supervisor ", 15) == 0);
		}
		dry_run_free(&f);
		client_close(c);
	}
	notes = px_close(&px);
	assert_string_equal(notes, "good dry=1 tests=4\nold dry=1 tests=4\nalien dry=1 tests=4\n"
	    "twice dry=1 tests=4\n");
	free(notes);
	plan_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_test_survives_the_wire),
		cmocka_unit_test(a_bad_record_adds_nothing),
		cmocka_unit_test(a_plan_is_read_back),
		cmocka_unit_test(a_forecast_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
