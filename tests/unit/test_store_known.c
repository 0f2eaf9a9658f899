/* FLAKY out of journals: what ordinary runs show of a test, and what is no evidence. */
#include "tests/unit/store_fixture.h"

#include "common/clock.h"
#include "common/flake.h"
#include "store/flakiness.h"
#include "tests/unit/query_fixture.h"

#define UID	1000
#define OTHER	2000
#define MINUTE	UINT64_C(60000)
#define HOUR	(60 * MINUTE)

/* A story of many runs, told one after the other. */
struct told {
	struct st	*st;
	unsigned	 run, tests;
	uint64_t	 now_ms, uid;
	const char	*revision, *word;	/* word: of the command of each test */
	bool		 detects, shared;
	char		 failed[64];		/* id of the run of the first failure */
};

static struct told
tell(struct st *st)
{
	return (struct told){ .st = st, .now_ms = wall_ms() - 24 * HOUR, .uid = UID,
	    .word = "true" };
}

static const char	*names[] = { "net/a", "db/b", "ui/c", "io/d", "e", "f", "g", "h", "i", "j",
    "k", "l" };

/* As st_event(), but now. */
static void
say(struct told *t, enum event_type type, struct msg_event *ev)
{
	ev->type = type;
	ev->seq = ++t->st->seq;
	ev->t_ms = t->now_ms;
	ev->run = sv_from(t->st->run);
	st_put(t->st, MSG_EVENT, ev);
}

/* A run begins, of so many tests of the suite "s". */
static void
begin(struct told *t, unsigned tests)
{
	uint64_t		 on = 1;
	struct msg_run_begin	 b = { .jobs = 2, .revision = sv_from(t->revision),
	    .shared = t->shared };
	struct msg_jrn_run	 run = { .uid = t->uid, .jobs = 2 };
	struct msg_jrn_commit	 commit = { .tests = tests, .start_ms = t->now_ms };
	struct msg_event	 started = { .total = tests, .jobs = 2 };
	struct sv		 argv[] = { sv_from(t->word) };
	char			*body;

	if (t->detects)
		b.flake = (struct nums){ &on, 1 };
	(void)snprintf(t->st->run, sizeof t->st->run, "%032x", ++t->run);
	run.run = sv_from(t->st->run);
	assert_int_equal(journal_create(&t->st->journal, t->st->dirfd, t->st->run), 0);
	t->st->seq = 0;
	t->st->stored = 0;
	t->st->over = false;
	t->tests = tests;
	assert_int_equal(msg_encode(MSG_RUN_BEGIN, &b, &body, &run.begin.n), 0);
	run.begin.p = body;
	st_put(t->st, MSG_JRN_RUN, &run);
	free(body);
	for (unsigned i = 0; i < tests; i++) {
		struct msg_test_add	add = { .name = sv_from(names[i]), .argv = { argv, 1 },
		    .cwd = SV_LIT("/"), .suite = SV_LIT("s") };

		st_put(t->st, MSG_TEST_ADD, &add);
	}
	st_put(t->st, MSG_JRN_COMMIT, &commit);
	say(t, EVENT_RUN_STARTED, &started);
}

static void
settle(struct told *t, bool over)
{
	assert_int_equal(journal_flush(&t->st->journal), 0);
	st_announce(t->st, journal_size(&t->st->journal), over);
	st_settle(t->st);
}

static void
start(struct told *t, unsigned test, unsigned attempt, enum flake_condition condition)
{
	struct msg_event	ev = { .has = MSG_BIT(event, index), .index = test,
	    .attempt = attempt, .worker = 1, .condition = condition, .delay_ms = attempt > 1 ?
	    500 : 0 };

	say(t, EVENT_ATTEMPT_STARTED, &ev);
}

/* It took a second. */
static void
finish(struct told *t, unsigned test, unsigned attempt, enum outcome outcome)
{
	struct msg_event	ev = { .has = MSG_BIT(event, index) | MSG_BIT(event, outcome),
	    .index = test, .attempt = attempt, .worker = 1, .outcome = outcome,
	    .test = sv_from(names[test]), .duration_us = 1000000, .start_ms = t->now_ms,
	    .end_ms = t->now_ms + 1000 };

	if (outcome != OUTCOME_PASS) {
		ev.fingerprint = 7 + (outcome == OUTCOME_CRASH);
		ev.error_message = SV_LIT("it failed");
		ev.failure = outcome == OUTCOME_CRASH ? SV_LIT("") : SV_LIT("connection refused");
		if (t->failed[0] == '\0')
			memcpy(t->failed, t->st->run, sizeof t->st->run);
	}
	say(t, EVENT_ATTEMPT_FINISHED, &ev);
	t->now_ms += 1000;
}

/* "FFP": how the attempts of a test ended ('C': a crash). */
static void
attempts(struct told *t, unsigned test, const char *outcomes)
{
	unsigned	n = 0;
	bool		passed = true;

	for (const char *p = outcomes; *p != '\0'; p++) {
		start(t, test, ++n, FLAKE_PLAIN);
		finish(t, test, n, *p == 'P' ? OUTCOME_PASS : *p == 'C' ? OUTCOME_CRASH :
		    OUTCOME_FAIL);
		passed = *p == 'P';
	}
	st_verdict(t->st, test, passed ? TEST_PASS : TEST_FAIL, n, passed && n > 1);
}

static void
end(struct told *t, unsigned failed)
{
	struct msg_event	ev = { .has = MSG_BIT(event, status), .total = t->tests,
	    .status = failed > 0 ? RUN_FAILED : RUN_PASSED, .failed = failed,
	    .passed = t->tests - failed };

	say(t, EVENT_RUN_FINISHED, &ev);
	settle(t, true);
	assert_true(t->st->over);
	journal_close(&t->st->journal);
	t->now_ms += MINUTE;
}

/* A run of one test for each word, `times` over. */
static void
runs(struct told *t, unsigned times, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < times; i++) {
		unsigned	failed = 0;

		begin(t, n);
		for (unsigned k = 0; k < n; k++) {
			attempts(t, k, words[k]);
			failed += words[k][strlen(words[k]) - 1] != 'P';
		}
		end(t, failed);
	}
}

#define RUNS(t, times, ...)	runs(t, times, (const char *const []){ __VA_ARGS__ },	\
    sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(const char *))

static struct qx_answer
known(struct told *t, uint64_t uid, uint64_t since_ms)
{
	return qx_ask(&t->st->db, uid, MSG_FLAKY,
	    (union msg_body){ .flaky = { .since_ms = since_ms } });
}

static void
nothing_is_known(struct told *t)
{
	struct qx_answer	a = known(t, UID, 0);

	qx_end(&a, 0, false);
	assert_int_equal(a.n, 1);
	qx_free(&a);
}

/* ---- what is evidence ---- */

static void
a_retry_that_heals(void **state)
{
	struct told			 t = tell(*state);
	struct qx_answer		 a;
	const struct msg_flaky_row	*r;

	RUNS(&t, 6, "P", "FP", "FFF");
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	qx_text(r->test, "db/b");
	qx_text(r->suite, "s");
	assert_int_equal(r->state, FLAKY_STATE_IS);
	assert_true(r->score_milli >= 2500 && r->score_milli <= 5000);
	assert_int_equal(r->runs, 6);
	assert_int_equal(r->seen, 6);
	assert_int_equal(r->healed, 6);
	assert_int_equal(r->results, 12);
	assert_int_equal(r->failures, 6);
	assert_int_equal(r->clean, 1);
	/* Of each a failed second, and the half one before its retry. */
	assert_int_equal(r->lost_us, 6 * 1500000);
	assert_int_equal(r->rate_failures, 6);
	assert_int_equal(r->rate_results, 12);
	assert_true(r->rate_low_ppm > 200000 && r->rate_low_ppm < 300000);
	assert_true(r->rate_high_ppm > 700000 && r->rate_high_ppm < 800000);
	qx_text(r->failure, "connection refused");
	assert_int_equal(r->fingerprint, 7);
	assert_int_equal(r->alike, 6);
	assert_true(r->first_ms < r->last_ms);
	assert_int_equal(r->began_runs.n, 0);
	assert_true(r->alarm_ms > 0);
	qx_free(&a);
}

/* Seen once is a suspicion; and the most frequent failure is the one that is told. */
static void
a_suspect(void **state)
{
	struct told			 t = tell(*state);
	struct qx_answer		 a;
	const struct msg_flaky_row	*r;

	RUNS(&t, 10, "P");
	RUNS(&t, 1, "CP");
	RUNS(&t, 10, "P");
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	assert_int_equal(r->state, FLAKY_STATE_NOT);
	assert_int_equal(r->seen, 1);
	assert_int_equal(r->lost_us, 1500000);
	assert_int_equal(r->clean, 11);
	assert_int_equal(r->fingerprint, 8);
	qx_text(r->failure, "it failed");	/* nothing more is known of it */
	assert_int_equal(r->alarm_ms, 0);
	qx_free(&a);
}

/* Without retries: both outcomes, while revision and definition are one. */
static void
one_revision(void **state)
{
	struct told			 t = tell(*state);
	struct qx_answer		 a;
	const struct msg_flaky_row	*r;

	t.revision = "r1";
	for (int i = 0; i < 4; i++) {
		RUNS(&t, 1, "P");
		RUNS(&t, 1, "F");
	}
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	assert_int_equal(r->state, FLAKY_STATE_IS);
	assert_int_equal(r->seen, 4);
	assert_int_equal(r->healed, 0);
	assert_int_equal(r->lost_us, 0);
	qx_free(&a);
}

static void
other_revisions_and_definitions(void **state)
{
	static const char *const	revisions[] = { "r1", "r2", "r3", "r4", "r5", "r6",
	    "r7", "r8" };
	struct told			t = tell(*state);

	/* Each of another revision. */
	for (int i = 0; i < 8; i++) {
		t.revision = revisions[i];
		RUNS(&t, 1, i % 2 ? "F" : "P");
	}
	nothing_is_known(&t);
	/* Of one, but each of another definition; and of none that is known. */
	t.revision = "r9";
	for (int i = 0; i < 8; i++) {
		t.word = revisions[i];
		RUNS(&t, 1, i % 2 ? "F" : "P");
	}
	t.revision = NULL;
	t.word = "true";
	for (int i = 0; i < 4; i++)
		RUNS(&t, 1, i % 2 ? "F" : "P");
	nothing_is_known(&t);
}

/* ---- what is none ---- */

static void
an_open_breaker(void **state)
{
	struct msg_event	opened = { .decision = BREAKER_OPEN, .name = SV_LIT("run") };
	struct msg_event	half = { .decision = BREAKER_HALF_OPEN, .name = SV_LIT("run") };
	struct msg_event	refused = { .has = MSG_BIT(event, index), .attempt = 1,
	    .decision = RETRY_BREAKER };
	struct told		t = tell(*state);
	struct qx_answer	a;

	for (int i = 0; i < 6; i++) {
		begin(&t, 1);
		attempts(&t, 0, "FP");
		say(&t, i % 2 ? EVENT_BREAKER_CHANGED : EVENT_RETRY_REFUSED,
		    i % 2 ? &opened : &refused);
		end(&t, 0);
	}
	nothing_is_known(&t);
	/* One that is not open has nothing to say. */
	begin(&t, 1);
	attempts(&t, 0, "FP");
	say(&t, EVENT_BREAKER_CHANGED, &half);
	end(&t, 0);
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	assert_int_equal(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.runs, 1);
	qx_free(&a);
}

/* Ten of twelve fail: by what a retry is refused for, or in the end. */
static void
a_mass_failure(void **state)
{
	struct msg_event	refused = { .has = MSG_BIT(event, index), .attempt = 1,
	    .decision = RETRY_MASS_FAILURE };
	struct told		t = tell(*state);

	RUNS(&t, 1, "P", "P", "P", "P", "P", "P", "P", "P", "P", "P", "P", "P");
	RUNS(&t, 4, "F", "F", "F", "F", "F", "F", "F", "F", "F", "F", "FP", "FP");
	nothing_is_known(&t);
	begin(&t, 1);
	attempts(&t, 0, "FP");
	say(&t, EVENT_RETRY_REFUSED, &refused);
	end(&t, 0);
	nothing_is_known(&t);
	assert_int_equal(st_number(t.st, "SELECT count(*) FROM runs WHERE marks = 2"), 5);
}

/* Tests of different folders that never failed do so within seconds. */
static void
an_environment_event(void **state)
{
	struct told		t = tell(*state);
	struct qx_answer	a;

	RUNS(&t, 25, "P", "P", "P", "P");
	RUNS(&t, 1, "FP", "FP", "FP", "P");
	assert_int_equal(st_number(t.st, "SELECT count(*) FROM storms"), 1);
	nothing_is_known(&t);
	/* Those that fail later, and one alone, are evidence. */
	RUNS(&t, 1, "P", "P", "P", "FP");
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	qx_text(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.test, "io/d");
	qx_free(&a);
	assert_int_equal(st_number(t.st, "SELECT count(*) FROM storms"), 1);
}

/* What was provoked, also when the store was lost between its start and its end. */
static void
changed_conditions(void **state)
{
	struct told			 t = tell(*state);
	struct qx_answer		 a;
	const struct msg_flaky_row	*r;
	struct msg_event		 verdict = { .has = MSG_BIT(event, index) |
	    MSG_BIT(event, status), .status = TEST_FAIL, .attempts = 12, .flaky = true };

	t.detects = true;
	begin(&t, 1);
	for (unsigned i = 1; i <= 12; i++) {
		start(&t, 0, i, i % 2 ? FLAKE_PLAIN : FLAKE_PAUSED);
		if (i == 6) {
			settle(&t, false);
			st_close_db(t.st);
			st_open_db(t.st);
		}
		finish(&t, 0, i, i % 2 ? OUTCOME_PASS : OUTCOME_FAIL);
	}
	say(&t, EVENT_TEST_FINISHED, &verdict);
	end(&t, 0);
	assert_int_equal(st_number(t.st, "SELECT count(*) FROM attempts WHERE condition <> 0"), 6);
	assert_int_equal(st_number(t.st, "SELECT count(*) FROM tests WHERE attempts = 6 AND "
	    "passes = 6 AND failures = 0 AND flaky = 0 AND wasted_us = 0 AND fail = 0"), 1);
	nothing_is_known(&t);
	/* What it does when it is left alone is, but nothing is lost to it. */
	begin(&t, 1);
	for (unsigned i = 1; i <= 6; i++) {
		start(&t, 0, i, FLAKE_PLAIN);
		finish(&t, 0, i, i % 2 ? OUTCOME_PASS : OUTCOME_FAIL);
	}
	verdict.attempts = 6;
	say(&t, EVENT_TEST_FINISHED, &verdict);
	end(&t, 0);
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	assert_int_equal(r->failures, 3);
	assert_int_equal(r->results, 12);
	assert_int_equal(r->lost_us, 0);
	qx_free(&a);
}

/* What tests do to each other in one folder. */
static void
a_shared_folder(void **state)
{
	struct told	t = tell(*state);

	t.shared = true;
	t.revision = "r1";
	for (int i = 0; i < 8; i++)
		RUNS(&t, 1, i % 2 ? "F" : "P");
	nothing_is_known(&t);
}

/* Nothing of a run that was lost, cancelled or could not start a command. */
static void
no_result_of_its_own(void **state)
{
	static const enum outcome	none[] = { OUTCOME_LOST, OUTCOME_CANCELLED, OUTCOME_SKIP,
	    OUTCOME_EXEC_ERROR };
	struct told			t = tell(*state);

	for (int i = 0; i < 8; i++) {
		begin(&t, 1);
		start(&t, 0, 1, FLAKE_PLAIN);
		finish(&t, 0, 1, none[i % 4]);
		start(&t, 0, 2, FLAKE_PLAIN);
		finish(&t, 0, 2, OUTCOME_PASS);
		st_verdict(t.st, 0, TEST_PASS, 2, false);
		end(&t, 0);
	}
	nothing_is_known(&t);
}

/* ---- the answer ---- */

static void
it_is_of_ones_own_runs(void **state)
{
	struct told		t = tell(*state);
	struct qx_answer	a;

	RUNS(&t, 5, "FP");
	t.uid = OTHER;
	RUNS(&t, 5, "P", "FP");
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	qx_text(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.test, "net/a");
	qx_free(&a);
	a = known(&t, OTHER, 0);
	qx_end(&a, 1, false);
	qx_text(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.test, "db/b");
	qx_free(&a);
	a = known(&t, 0, 0);
	qx_end(&a, 2, false);
	qx_free(&a);
	a = known(&t, 3000, 0);
	qx_end(&a, 0, false);
	qx_free(&a);
}

/* The worst first, in pages, and no more than asked for. */
static void
the_worst_first(void **state)
{
	static const char *const	order[] = { "ui/c", "db/b", "net/a" };
	union msg_body			two = { .flaky = { .limit = 2 } };
	struct told			t = tell(*state);
	struct qx_answer		a;

	RUNS(&t, 1, "FP", "FP", "FFP", "P");
	RUNS(&t, 4, "P", "FP", "FFP", "P");
	a = known(&t, UID, 0);
	qx_end(&a, 3, false);
	for (size_t i = 0; i < 3; i++)
		qx_text(qx_at(&a, i, MSG_FLAKY_ROW)->flaky_row.test, order[i]);
	assert_int_equal(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.lost_us, 5 * 3000000);
	qx_free(&a);
	a = qx_ask(&t.st->db, UID, MSG_FLAKY, two);
	qx_end(&a, 2, true);
	qx_free(&a);
	two.flaky = (struct msg_flaky){ .test = SV_LIT("db/b") };
	a = qx_ask(&t.st->db, UID, MSG_FLAKY, two);
	qx_end(&a, 1, false);
	qx_free(&a);
	two.flaky = (struct msg_flaky){ .suite = SV_LIT("another") };
	a = qx_ask(&t.st->db, UID, MSG_FLAKY, two);
	qx_end(&a, 0, false);
	qx_free(&a);
	/* Since the last of them there is nothing. */
	a = known(&t, UID, t.now_ms);
	qx_end(&a, 0, false);
	qx_free(&a);
	a = known(&t, UID, t.now_ms - 2 * (MINUTE + 7000));
	qx_end(&a, 2, false);
	assert_int_equal(qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row.runs, 2);
	qx_free(&a);
}

/* 60 clean runs of r1, then every other one fails once, of r2: that is where it began. */
static void
when_it_began(void **state)
{
	struct told			 t = tell(*state);
	struct qx_answer		 a;
	const struct msg_flaky_row	*r;

	t.revision = "r1";
	RUNS(&t, 60, "P");
	t.revision = "r2";
	for (int i = 0; i < 10; i++) {
		RUNS(&t, 1, "FP");
		RUNS(&t, 1, "P");
	}
	a = known(&t, UID, 0);
	qx_end(&a, 1, false);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	assert_int_equal(r->state, FLAKY_STATE_IS);
	assert_int_equal(r->began_runs.n, FLAKY_PLACE_COUNT);
	assert_int_equal(r->began_ms.n, FLAKY_PLACE_COUNT);
	qx_text(r->began_runs.v[FLAKY_BEGAN], t.failed);
	qx_text(r->began_revisions.v[FLAKY_BEGAN], "r2");
	qx_text(r->began_revisions.v[FLAKY_BEFORE], "r1");
	qx_text(r->began_revisions.v[FLAKY_SOUND], "r1");
	assert_true(r->began_ms.v[FLAKY_SOUND] < r->began_ms.v[FLAKY_EARLIEST]);
	assert_true(r->began_ms.v[FLAKY_EARLIEST] <= r->began_ms.v[FLAKY_BEGAN]);
	assert_true(r->began_ms.v[FLAKY_BEGAN] <= r->began_ms.v[FLAKY_LATEST]);
	assert_true(r->began_milli > 4605);
	assert_int_equal(r->before_ppm, 0);
	assert_int_equal(r->rate_failures, 10);
	assert_int_equal(r->rate_results, 30);
	qx_free(&a);
	/* Mended: 200 clean runs later it is one no more, and the rate is that of then. */
	t.revision = "r3";
	RUNS(&t, FLAKINESS_CLEAN_MAX, "P");
	a = known(&t, UID, 0);
	r = &qx_at(&a, 0, MSG_FLAKY_ROW)->flaky_row;
	assert_int_equal(r->state, FLAKY_STATE_WAS);
	assert_int_equal(r->clean, FLAKINESS_CLEAN_MAX + 2);
	qx_text(r->began_runs.v[FLAKY_BEGAN], t.failed);
	assert_int_equal(r->rate_failures, 10);
	assert_true(r->rate_results < 40);
	qx_free(&a);
}

#define KNOWN(f)	cmocka_unit_test_setup_teardown(f, st_open, st_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN(a_retry_that_heals),
		KNOWN(a_suspect),
		KNOWN(one_revision),
		KNOWN(other_revisions_and_definitions),
		KNOWN(an_open_breaker),
		KNOWN(a_mass_failure),
		KNOWN(an_environment_event),
		KNOWN(changed_conditions),
		KNOWN(a_shared_folder),
		KNOWN(no_result_of_its_own),
		KNOWN(it_is_of_ones_own_runs),
		KNOWN(the_worst_first),
		KNOWN(when_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
