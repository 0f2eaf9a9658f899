/*
 * Unit tests of supervisor/resume.c: the journal of a run, cut off wherever a crash
 * may have cut it off, is read back by another supervisor, which ends the run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

#include "tests/unit/server_fixture.h"

#define TESTS	6
#define ENDS_MAX	200

/* What each attempt of each test comes to; test 3 loses its worker first. */
static const enum outcome story[TESTS][3] = {
	{ OUTCOME_PASS }, { OUTCOME_FAIL, OUTCOME_PASS }, { OUTCOME_FAIL, OUTCOME_FAIL },
	{ OUTCOME_LOST, OUTCOME_PASS }, { OUTCOME_PASS }, { OUTCOME_SKIP },
};
static const enum test_status verdicts[TESTS] = {
	TEST_PASS, TEST_PASS, TEST_FAIL, TEST_PASS, TEST_PASS, TEST_SKIP
};

struct fx {
	char		 dir[64], state[96], id[RUN_ID + 1];
	char		*journal;	/* its bytes */
	size_t		 len;
	size_t		 ends[ENDS_MAX];	/* of its records */
	size_t		 nends, committed;	/* committed: end of JRN_COMMIT */
};

static void
report(struct run *run, uint32_t test, uint32_t attempt, enum outcome o)
{
	struct pool_job		job = { .owner = run, .test = test, .attempt = attempt };
	struct msg_attempt_done	m = { .has = MSG_BIT(attempt_done, exit_code), .outcome = o,
	    .elapsed_us = 1000, .exit_code = o == OUTCOME_PASS ? 0 : 1 };
	struct pool_over	over = { .end = o == OUTCOME_LOST ? POOL_LOST : POOL_DONE,
	    .slot = 1, .host = "here", .isolation = "none", .done = &m, .elapsed_us = 1000 };

	runs_pool_ops.starting(&job, 1);
	if (test == 4)
		runs_pool_ops.output(&job, 1, SV_LIT("said by four\n"), false);
	runs_pool_ops.over(&job, &over);
}

/* The outcome of this attempt: lost ones come between and do not count, but for the
 * one that the story has itself. */
static enum outcome
told(const struct run *run, uint32_t test, uint32_t attempt)
{
	const struct manifest_test	*t = &run->plan.tests[test];
	uint32_t			 n = attempt - 1;

	if (test == 3)
		return t->lost > 0 ? OUTCOME_PASS : OUTCOME_LOST;
	return story[test][n - t->lost];
}

/* Ends every attempt that was started, until the run is over. */
static void
play(struct sx *sx, struct run *run)
{
	sx_turn(sx);		/* all of them start: there are slots enough */
	for (int i = 0; i < 100 && !run->over; i++) {
		for (uint32_t t = 0; t < TESTS && !run->over; t++) {
			struct manifest_test	*mt = &run->plan.tests[t];

			if (!run->over && !mt->over && mt->attempts > 0)
				report(run, t, mt->attempts, told(run, t, mt->attempts));
		}
		sx_turn(sx);
	}
	assert_true(run->over);
}

static char *
submit(struct sx *sx, struct sx_client *c)
{
	struct msg_run_begin	 begin = { .jobs = 6, .detach = true, .seed = 3 };
	const struct sv		 argv[] = { SV_LIT("/bin/true") };
	const struct sx_frame	*f;
	msec_t			 end = now_ms() + 20000;
	char			 name[16];

	sx_send(c, MSG_RUN_BEGIN, 2, &begin);
	for (unsigned i = 0; i < TESTS; i++) {
		struct msg_test_add	m = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
		    .retry_count = 1, .has = MSG_BIT(test_add, retry_count) };

		(void)snprintf(name, sizeof name, "t%u", i);
		m.name = sv_from(name);
		sx_send(c, MSG_TEST_ADD, 3, &m);
	}
	sx_commit(c, TESTS);
	/* It comes when the store, which is not there, was waited for. */
	for (sx_turn(sx); (f = sx_next(c)) == NULL && now_ms() < end; sx_turn(sx))
		(void)poll(NULL, 0, 1);
	assert_non_null(f);
	assert_int_equal(f->type, MSG_RUN_OK);
	return strndup(f->body.run_ok.run.p, f->body.run_ok.run.n);
}

static void
read_records(struct fx *fx, const char *path)
{
	struct journal_reader	rd;
	enum msg_type		type;
	struct sv		body;
	struct stat		st;
	int			fd = open(path, O_RDONLY);

	assert_true(fd != -1 && fstat(fd, &st) == 0);
	fx->len = (size_t)st.st_size;
	fx->journal = malloc(fx->len);
	assert_int_equal(pread(fd, fx->journal, fx->len, 0), fx->len);
	journal_reader_init(&rd, fd, 0, UINT64_MAX);
	while (journal_next(&rd, &type, &body) == 1) {
		assert_true(fx->nends < ENDS_MAX);
		fx->ends[fx->nends++] = rd.at;
		if (type == MSG_JRN_COMMIT)
			fx->committed = rd.at;
	}
	assert_int_equal(rd.at, fx->len);
	journal_reader_free(&rd);
	(void)close(fd);
}

/* A whole run of one supervisor, and its journal. */
static int
record_a_run(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	struct sx	*sx = calloc(1, sizeof *sx);
	char		 path[200], *id;
	struct run	*run;

	if (fx == NULL || sx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-resume.XXXXXX");
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->state, sizeof fx->state, "%s/state", fx->dir);
	sx_open_state(sx, fx->state);
	id = submit(sx, sx_greeted(sx, SX_UID));
	memcpy(fx->id, id, RUN_ID);
	assert_int_equal(runs_find(&sx->server.runs, sv_from(id), SX_UID, &run), 0);
	free(id);
	play(sx, run);
	(void)snprintf(path, sizeof path, "%s/journal/%s", fx->state, fx->id);
	read_records(fx, path);
	sx_close(sx);
	free(sx);
	*state = fx;
	return 0;
}

static int
forget_it(void **state)
{
	struct fx	*fx = *state;

	(void)rmtree_at(AT_FDCWD, fx->dir);
	free(fx->journal);
	free(fx);
	return 0;
}

/* The journal as it was after its first n bytes, in a folder of its own. */
static void
cut_off(const struct fx *fx, size_t n, char state[96])
{
	char	path[200];
	int	fd;

	(void)snprintf(state, 96, "%s/cut", fx->dir);
	(void)rmtree_at(AT_FDCWD, state);
	assert_int_equal(mkdir(state, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/journal", state);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/journal/%s", state, fx->id);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd != -1 && write(fd, fx->journal, n) == (ssize_t)n);
	(void)close(fd);
}

/* What a reader of all its events concludes. */
struct tale {
	uint64_t	last;		/* sequence number */
	unsigned	verdicts[TESTS], finished[TESTS], resumed, over;
	unsigned	running[TESTS];
	uint64_t	passed, failed, skipped, retries[TESTS];
};

static int
listen_to(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_event	*ev = &m->event;
	struct tale		*tale = arg;

	(void)id;
	assert_int_equal(type, MSG_EVENT);
	assert_int_equal(ev->seq, tale->last + 1);
	tale->last = ev->seq;
	assert_int_equal(ev->type == EVENT_RUN_STARTED, ev->seq == 1);
	assert_false(tale->over);
	switch (ev->type) {
	case EVENT_ATTEMPT_STARTED:
		assert_int_equal(tale->verdicts[ev->index], 0);
		tale->running[ev->index]++;
		break;
	case EVENT_ATTEMPT_FINISHED:
		assert_int_equal(tale->running[ev->index], 1);
		tale->running[ev->index] = 0;
		tale->finished[ev->index] += ev->outcome != OUTCOME_LOST;
		break;
	case EVENT_TEST_FINISHED:
		assert_int_equal(ev->status, verdicts[ev->index]);
		assert_int_equal(ev->flaky, ev->index == 1);
		tale->verdicts[ev->index]++;
		tale->retries[ev->index] = ev->retries;
		break;
	case EVENT_RUN_RESUMED:
		tale->resumed++;
		break;
	case EVENT_RUN_FINISHED:
		tale->over++;
		tale->passed = ev->passed;
		tale->failed = ev->failed;
		tale->skipped = ev->skipped;
		break;
	default:
		break;
	}
	return 0;
}

static void
assert_whole(struct sx *sx, const struct run *run, bool resumed)
{
	struct tale		 tale = { .last = 0 };
	struct evbuffer		*b = evbuffer_new();
	struct evlog_cursor	 cur;
	char			 said[32];

	assert_int_equal(evlog_seek(&run->log, 1, &cur), 0);
	while (evlog_read(&run->log, &cur, b, 1 << 20) > 0)
		;
	assert_int_equal(msg_drain(b, MSG_DIR_S2C, sx->reader, listen_to, &tale, NULL), 0);
	evbuffer_free(b);
	assert_int_equal(tale.resumed, resumed);
	assert_int_equal(tale.over, 1);
	for (uint32_t t = 0; t < TESTS; t++) {
		assert_int_equal(tale.verdicts[t], 1);
		/* What had ended did not run again. */
		assert_int_equal(tale.finished[t], t == 1 || t == 2 ? 2 : 1);
		assert_int_equal(tale.retries[t], t == 1 || t == 2);
	}
	assert_int_equal(tale.passed, 4);
	assert_int_equal(tale.failed, 1);
	assert_int_equal(tale.skipped, 1);
	assert_non_null(run->plan.tests[4].outputs);
	assert_int_equal(journal_read(&run->journal, run->plan.tests[4].outputs->first->at, said,
	    13), 0);
	assert_memory_equal(said, "said by four\n", 13);
}

/* Another supervisor with the first n bytes: the run, or NULL when there is none. */
static struct run *
resume_with(const struct fx *fx, struct sx *sx, size_t n)
{
	char		 state[96];
	struct run	*run = NULL;

	cut_off(fx, n, state);
	memset(sx, 0, sizeof *sx);
	sx_open_state(sx, state);
	(void)runs_find(&sx->server.runs, sv_from(fx->id), SX_UID, &run);
	return run;
}

static void
a_crash_between_any_two_records_loses_nothing(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	struct run	*run;

	for (size_t i = 0; i < fx->nends; i++) {
		run = resume_with(fx, sx, fx->ends[i]);
		if (fx->ends[i] < fx->committed) {
			assert_null(run);
		} else {
			assert_non_null(run);
			assert_true(run->over || i + 1 < fx->nends);
			play(sx, run);
			assert_whole(sx, run, i + 1 < fx->nends);
		}
		sx_close(sx);
	}
	free(sx);
}

static void
a_record_that_was_cut_off_is_as_if_it_never_was(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	struct run	*run;

	for (size_t i = 0; i + 1 < fx->nends; i++) {
		size_t	n = fx->ends[i] + (fx->ends[i + 1] - fx->ends[i]) * (i % 7 + 1) / 9;

		run = resume_with(fx, sx, n);
		if (fx->ends[i] >= fx->committed) {
			assert_non_null(run);
			play(sx, run);
			assert_whole(sx, run, true);
		}
		sx_close(sx);
	}
	free(sx);
}

/* Crash after crash: each gets a little further. */
static void
a_run_survives_a_crash_after_each_step(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	char		 dir[96];
	struct run	*run = NULL;
	unsigned	 crashes = 0;

	cut_off(fx, fx->committed, dir);
	for (; crashes < 100; crashes++) {
		memset(sx, 0, sizeof *sx);
		sx_open_state(sx, dir);
		assert_int_equal(runs_find(&sx->server.runs, sv_from(fx->id), SX_UID, &run), 0);
		if (run->over)
			break;
		sx_turn(sx);
		for (uint32_t t = 0; t < TESTS; t++) {
			struct manifest_test	*mt = &run->plan.tests[t];

			if (!mt->over && mt->attempts > 0 && t != 3) {
				report(run, t, mt->attempts, told(run, t, mt->attempts));
				break;
			} else if (!mt->over && t == 3) {
				report(run, t, mt->attempts, OUTCOME_PASS);
				break;
			}
		}
		sx_turn(sx);
		sx_close(sx);
	}
	assert_true(run->over);
	assert_in_range(crashes, 5, 30);
	assert_int_equal(run->counts[TEST_PASS], 4);
	assert_int_equal(run->counts[TEST_FAIL], 1);
	sx_close(sx);
	free(sx);
}

static void
what_is_no_journal_is_left_alone(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	char		 dir[96], path[200];
	int		 fd;

	cut_off(fx, fx->len, dir);
	(void)snprintf(path, sizeof path, "%s/journal/notes.txt", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd != -1 && write(fd, "mine", 4) == 4);
	(void)close(fd);
	memset(sx, 0, sizeof *sx);
	sx_open_state(sx, dir);
	assert_int_equal(sx->server.runs.total, 1);
	assert_int_equal(access(path, F_OK), 0);
	sx_close(sx);
	free(sx);
}

/* Its plan is damaged: it is no run, and nothing of it is removed. */
static void
a_damaged_plan_is_set_aside(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	struct stat	 st;
	char		 path[256];

	fx->journal[fx->ends[1] + 20] ^= 0x10;
	assert_null(resume_with(fx, sx, fx->len));
	fx->journal[fx->ends[1] + 20] ^= 0x10;
	(void)snprintf(path, sizeof path, "%s/cut/journal.damaged-%s", fx->dir, fx->id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, fx->len);
	(void)snprintf(path, sizeof path, "%s/cut/journal/%s", fx->dir, fx->id);
	assert_int_equal(stat(path, &st), -1);
	sx_close(sx);
	free(sx);
}

/* A bit of it flipped: what is before it counts, and nothing breaks. */
static void
a_damaged_journal_harms_nobody(void **state)
{
	struct fx	*fx = *state;
	struct sx	*sx = malloc(sizeof *sx);
	struct run	*run;

	for (size_t at = 5; at < fx->len; at += 97) {
		fx->journal[at] ^= 0x10;
		run = resume_with(fx, sx, fx->len);
		fx->journal[at] ^= 0x10;
		assert_true(at > fx->committed || run == NULL);
		if (run != NULL && !run->over) {
			play(sx, run);
			assert_whole(sx, run, true);
		}
		sx_close(sx);
	}
	free(sx);
}

/* ---- journals by hand ---- */

/* A journal of one plan of two tests, then these events; the run that becomes of it. */
static struct run *
resume_events(const struct fx *fx, struct sx *sx, uint64_t max_fail, struct msg_event *ev,
    size_t n)
{
	const struct sv		argv[] = { SV_LIT("/bin/true") };
	struct msg_run_begin	begin = { .jobs = 2, .detach = true, .max_fail = max_fail };
	struct msg_test_add	test = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
	    .retry_count = 1, .has = MSG_BIT(test_add, retry_count) };
	struct msg_jrn_run	head = { .run = sv_from(fx->id), .uid = SX_UID, .jobs = 2 };
	struct msg_jrn_commit	commit = { .tests = 2, .start_ms = 1 };
	struct run		*run = NULL;
	char			 state[96], path[256], *body;
	struct journal		 j;
	size_t			 len;

	cut_off(fx, 0, state);
	(void)snprintf(path, sizeof path, "%s/journal/%s", state, fx->id);
	assert_int_equal(journal_open(&j, AT_FDCWD, path, 0), 0);
	assert_int_equal(msg_encode(MSG_RUN_BEGIN, &begin, &body, &len), 0);
	head.begin = (struct sv){ body, len };
	assert_int_equal(journal_put(&j, MSG_JRN_RUN, &head, NULL), 0);
	free(body);
	test.name = SV_LIT("a");
	assert_int_equal(journal_put(&j, MSG_TEST_ADD, &test, NULL), 0);
	test.name = SV_LIT("b");
	assert_int_equal(journal_put(&j, MSG_TEST_ADD, &test, NULL), 0);
	assert_int_equal(journal_put(&j, MSG_JRN_COMMIT, &commit, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		ev[i].seq = i + 1;
		ev[i].run = sv_from(fx->id);
		ev[i].has |= MSG_BIT(event, index);
		assert_int_equal(journal_put(&j, MSG_EVENT, &ev[i], NULL), 0);
	}
	assert_int_equal(journal_flush(&j), 0);
	journal_close(&j);
	memset(sx, 0, sizeof *sx);
	sx_open_state(sx, state);
	(void)runs_find(&sx->server.runs, sv_from(fx->id), SX_UID, &run);
	assert_non_null(run);
	return run;
}

/* Between the refusal of a retry and its verdict: it has one, and no second refusal. */
static void
a_refused_retry_is_its_verdict(void **state)
{
	struct msg_event	 ev[] = { { .type = EVENT_RUN_STARTED },
	    { .type = EVENT_ATTEMPT_STARTED, .attempt = 1 },
	    { .type = EVENT_ATTEMPT_FINISHED, .attempt = 1, .outcome = OUTCOME_FAIL },
	    { .type = EVENT_RETRY_REFUSED, .attempt = 1, .decision = RETRY_RULE } };
	struct sx		*sx = malloc(sizeof *sx);
	struct run		*run = resume_events(*state, sx, 0, ev, 4);

	sx_turn(sx);
	assert_true(run->plan.tests[0].over);
	assert_int_equal(run->plan.tests[0].status, TEST_FAIL);
	assert_int_equal(run->counts[TEST_FAIL], 1);
	assert_int_equal(run->plan.tests[0].attempts, 1);
	assert_false(run->over);
	sx_close(sx);
	free(sx);
}

/* No worker could be started for it: the next attempt has the next number. */
static void
an_attempt_that_never_started_is_counted(void **state)
{
	struct msg_event	 ev[] = { { .type = EVENT_RUN_STARTED },
	    { .type = EVENT_ATTEMPT_FINISHED, .attempt = 1, .outcome = OUTCOME_LOST },
	    { .type = EVENT_ATTEMPT_FINISHED, .attempt = 2, .outcome = OUTCOME_LOST } };
	struct sx		*sx = malloc(sizeof *sx);
	struct run		*run = resume_events(*state, sx, 0, ev, 3);

	sx_turn(sx);
	assert_int_equal(run->plan.tests[0].attempts, 3);
	assert_int_equal(run->plan.tests[0].lost, 2);
	sx_close(sx);
	free(sx);
}

/* A run that enough failures stopped was not cancelled by anybody. */
static void
a_stopped_run_stays_failed(void **state)
{
	struct msg_event	 ev[] = { { .type = EVENT_RUN_STARTED },
	    { .type = EVENT_ATTEMPT_STARTED, .attempt = 1 },
	    { .type = EVENT_ATTEMPT_FINISHED, .attempt = 1, .outcome = OUTCOME_FAIL },
	    { .type = EVENT_TEST_FINISHED, .status = TEST_FAIL, .attempts = 1 },
	    { .type = EVENT_RUN_CANCELLING, .message = SV_LIT("enough tests have failed") } };
	struct sx		*sx = malloc(sizeof *sx);
	struct run		*run = resume_events(*state, sx, 1, ev, 5);

	sx_turn(sx);
	assert_true(run->over);
	assert_int_equal(run->status, RUN_FAILED);
	assert_int_equal(run->counts[TEST_CANCELLED], 1);
	sx_close(sx);
	free(sx);
}

/* Sound records that make no sense: the journal ends before them. */
static void
a_second_verdict_does_not_count(void **state)
{
	struct msg_event	 ev[] = { { .type = EVENT_RUN_STARTED },
	    { .type = EVENT_TEST_FINISHED, .status = TEST_SKIP },
	    { .type = EVENT_TEST_FINISHED, .status = TEST_FAIL },
	    { .type = EVENT_ATTEMPT_STARTED, .attempt = 1 } };
	struct sx		*sx = malloc(sizeof *sx);
	struct run		*run = resume_events(*state, sx, 0, ev, 4);

	sx_turn(sx);
	assert_int_equal(run->plan.tests[0].status, TEST_SKIP);
	assert_int_equal(run->counts[TEST_SKIP], 1);
	assert_int_equal(run->counts[TEST_FAIL], 0);
	sx_close(sx);
	free(sx);
}

#define WITH_RUN(f)	cmocka_unit_test_setup_teardown(f, record_a_run, forget_it)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RUN(a_crash_between_any_two_records_loses_nothing),
		WITH_RUN(a_record_that_was_cut_off_is_as_if_it_never_was),
		WITH_RUN(a_run_survives_a_crash_after_each_step),
		WITH_RUN(what_is_no_journal_is_left_alone),
		WITH_RUN(a_damaged_journal_harms_nobody),
		WITH_RUN(a_damaged_plan_is_set_aside),
		WITH_RUN(a_refused_retry_is_its_verdict),
		WITH_RUN(an_attempt_that_never_started_is_counted),
		WITH_RUN(a_stopped_run_stays_failed),
		WITH_RUN(a_second_verdict_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
