/*
 * Unit tests of supervisor/run.c, runs.c and record.c: results come in through the
 * pool's callbacks, as they would from workers; events and counts come out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "common/figures.h"
#include "supervisor/run_output.h"
#include "tests/unit/server_fixture.h"

static int
open_server(void **state)
{
	struct sx	*sx = malloc(sizeof *sx);

	if (sx == NULL)
		return 1;
	sx_open(sx);
	sx->server.config.max_jobs = 4;
	*state = sx;
	return 0;
}

static int
close_server(void **state)
{
	sx_close(*state);
	free(*state);
	return 0;
}

/* A plan of n tests with one policy, committed for SX_UID. */
static struct run *
start(struct sx *sx, const struct msg_run_begin *begin, uint32_t n, uint64_t retries)
{
	const struct sv		 argv[] = { SV_LIT("/bin/true") };
	struct draft_place	 place = server_place(&sx->server);
	struct draft		*d = draft_new(&place, begin, SX_UID);
	char			 name[16];
	struct run		*run;

	assert_non_null(d);
	for (uint32_t i = 0; i < n; i++) {
		struct msg_test_add	m = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
		    .retry_count = retries };

		(void)snprintf(name, sizeof name, "t%u", i);
		m.name = sv_from(name);
		draft_add(d, &m, &sx->server.config);
	}
	assert_int_equal(d->error, 0);
	assert_int_equal(manifest_close(&d->plan), 0);
	assert_int_equal(runs_commit(&sx->server.runs, d, 0, 0, &run), 0);
	draft_free(d);
	runs_share(&sx->server.runs);
	return run;
}

static void
result(struct run *run, uint32_t test, uint32_t attempt, const struct msg_attempt_done *done)
{
	struct pool_job		job = { .owner = run, .test = test, .attempt = attempt };
	struct pool_over	over = { .end = done != NULL ? POOL_DONE : POOL_LOST, .slot = 1,
	    .host = "here", .isolation = "none", .done = done,
	    .elapsed_us = done != NULL ? done->elapsed_us : 5000 };

	runs_pool_ops.starting(&job, 1);
	runs_pool_ops.over(&job, &over);
}

static void
ended(struct run *run, uint32_t test, uint32_t attempt, enum outcome outcome)
{
	struct msg_attempt_done	m = { .has = MSG_BIT(attempt_done, exit_code),
	    .outcome = outcome, .elapsed_us = 1000,
	    .exit_code = outcome == OUTCOME_PASS ? 0 : 1 };

	result(run, test, attempt, &m);
}

/* All events of a run, as a client that watches it gets them. */
static struct sx_client
events_of(struct sx *sx, const struct run *run)
{
	struct sx_client	 seen = { .conn = NULL };
	struct evbuffer		*b = evbuffer_new();
	struct evlog_cursor	 cur;

	assert_int_equal(evlog_seek(&run->log, 1, &cur), 0);
	while (evlog_read(&run->log, &cur, b, 1 << 20) > 0)
		;
	assert_int_equal(msg_drain(b, MSG_DIR_S2C, sx->reader, sx_keep, &seen, NULL), 0);
	for (size_t i = 0; i < seen.n; i++) {
		assert_int_equal(seen.frames[i]->type, MSG_EVENT);
		assert_int_equal(seen.frames[i]->body.event.seq, i + 1);
	}
	evbuffer_free(b);
	return seen;
}

static void
free_events(struct sx_client *c)
{
	while (c->n > 0)
		sx_drop(c);
	free(c->frames);
}

/* The i-th event of a type, from 0, or NULL. */
static const struct msg_event *
event(const struct sx_client *c, enum event_type type, unsigned i)
{
	for (size_t k = 0; k < c->n; k++) {
		if (c->frames[k]->body.event.type == type && i-- == 0)
			return &c->frames[k]->body.event;
	}
	return NULL;
}

static void
a_run_ends_with_its_last_test(void **state)
{
	static const struct {
		enum outcome		first, second;
		enum run_status		status;
		enum test_status	counted;	/* one of that status */
	} cases[] = {
		{ OUTCOME_PASS, OUTCOME_PASS, RUN_PASSED, TEST_PASS },
		{ OUTCOME_PASS, OUTCOME_SKIP, RUN_PASSED, TEST_SKIP },
		{ OUTCOME_PASS, OUTCOME_FAIL, RUN_FAILED, TEST_FAIL },
		{ OUTCOME_PASS, OUTCOME_CRASH, RUN_FAILED, TEST_FAIL },
		{ OUTCOME_PASS, OUTCOME_TIMEOUT, RUN_FAILED, TEST_TIMEOUT },
		{ OUTCOME_PASS, OUTCOME_EXEC_ERROR, RUN_FAILED, TEST_ERROR },
	};
	struct msg_run_begin	 begin = { .jobs = 2 };
	const struct msg_event	*ev;
	struct sx_client	 all;
	struct sx		*sx = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run	*run = start(sx, &begin, 2, 0);

		ended(run, 0, 1, cases[i].first);
		assert_false(run->over);
		ended(run, 1, 1, cases[i].second);
		assert_true(run->over);
		assert_int_equal(run->status, cases[i].status);
		all = events_of(sx, run);
		assert_int_equal(all.n, 8);
		assert_int_equal(all.frames[0]->body.event.type, EVENT_RUN_STARTED);
		ev = event(&all, EVENT_ATTEMPT_FINISHED, 0);
		assert_true(MSG_HAS(ev, event, exit_code));
		assert_int_equal(ev->exit_code, 0);
		assert_int_equal(event(&all, EVENT_TEST_FINISHED, 1)->status, cases[i].counted);
		ev = &all.frames[7]->body.event;
		assert_int_equal(ev->type, EVENT_RUN_FINISHED);
		assert_int_equal(ev->total, 2);
		assert_int_equal(ev->workers_used, 1);
		assert_int_equal(ev->sequential_us, 2000);
		free_events(&all);
	}
}

static void
a_test_that_passes_at_last_is_flaky(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct sx		*sx = *state;
	struct run		*run = start(sx, &begin, 1, 2);
	const struct msg_event	*ev;
	struct sx_client	 all;

	ended(run, 0, 1, OUTCOME_FAIL);
	ended(run, 0, 1, OUTCOME_PASS);		/* late, of an attempt that is over */
	assert_false(run->over);
	result(run, 0, 2, NULL);		/* lost: costs no retry */
	ended(run, 0, 3, OUTCOME_PASS);
	assert_true(run->over);
	all = events_of(sx, run);
	ev = event(&all, EVENT_TEST_FINISHED, 0);
	assert_int_equal(ev->status, TEST_PASS);
	assert_true(ev->flaky);
	assert_int_equal(ev->attempts, 3);
	assert_int_equal(ev->retries, 1);
	assert_int_equal(event(&all, EVENT_ATTEMPT_FINISHED, 2)->outcome, OUTCOME_LOST);
	assert_int_equal(event(&all, EVENT_RUN_FINISHED, 0)->flaky_count, 1);
	free_events(&all);
}

static void
a_test_whose_worker_is_lost_each_time_is_an_error(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct sx		*sx = *state;
	struct run		*run = start(sx, &begin, 1, 0);
	struct sx_client	 all;

	for (uint32_t attempt = 1; attempt <= 4; attempt++) {
		assert_false(run->over);
		result(run, 0, attempt, NULL);
	}
	assert_true(run->over);
	assert_int_equal(run->status, RUN_ERROR);
	all = events_of(sx, run);
	assert_int_equal(event(&all, EVENT_ATTEMPT_FINISHED, 3)->error_category,
	    CATEGORY_INFRASTRUCTURE);
	assert_int_equal(event(&all, EVENT_TEST_FINISHED, 0)->status, TEST_ERROR);
	assert_int_equal(event(&all, EVENT_TEST_FINISHED, 0)->retries, 0);
	free_events(&all);
}

/* A worker is not believed everything. */
static void
an_outcome_that_is_none_is_an_error(void **state)
{
	static const uint64_t	 outcomes[] = { OUTCOME_LOST, OUTCOME_COUNT, UINT64_MAX };
	struct msg_run_begin	 begin = { .jobs = 1 };

	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		struct msg_attempt_done	 m = { .outcome = outcomes[i],
		    .error_category = UINT64_MAX };
		struct run		*run = start(*state, &begin, 1, 0);

		result(run, 0, 1, &m);
		assert_true(run->over);
		assert_int_equal(run->counts[TEST_ERROR], 1);
	}
}

static void
enough_failures_end_the_run(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1, .max_fail = 2 };
	struct sx		*sx = *state;
	struct run		*run = start(sx, &begin, 10, 0);
	const struct msg_event	*ev;
	struct sx_client	 all;

	ended(run, 0, 1, OUTCOME_FAIL);
	ended(run, 1, 1, OUTCOME_FAIL);
	assert_true(run->over);
	assert_int_equal(run->status, RUN_FAILED);
	assert_int_equal(run->counts[TEST_CANCELLED], 8);
	all = events_of(sx, run);
	ev = event(&all, EVENT_RUN_CANCELLING, 0);
	assert_true(sv_is(ev->message, "enough tests have failed"));
	free_events(&all);
}

/* All attempts of a wide run end at once, inside one step. */
static void
many_results_at_once_are_all_counted(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1024 };
	struct sx		*sx = *state;
	struct run		*run;

	sx->server.config.max_jobs = 1024;
	run = start(sx, &begin, 3000, 0);
	run_cancel(run, true, "all at once");
	assert_false(run->over);	/* others have their turn between */
	for (int i = 0; i < 100 && !run->over; i++)
		sx_turn(sx);
	assert_true(run->over);
	assert_int_equal(run->counts[TEST_CANCELLED], 3000);
}

static void
a_result_that_says_too_much_is_cut_not_lost(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct sx		*sx = *state;
	char			*big = malloc(255000);
	struct sv		 words[3] = { SV_LIT("a"), SV_LIT("fail"), { big, 255000 } };
	struct msg_attempt_done	 much = { .outcome = OUTCOME_FAIL, .assertions = { words, 3 },
	    .error_message = { big, 6000 } };
	struct msg_attempt_done	 text = { .outcome = OUTCOME_FAIL,
	    .error_message = { big, 255000 }, .output = { big, 20000 } };
	const struct msg_attempt_done *cases[] = { &much, &text };
	const struct msg_event	*ev;
	struct sx_client	 all;

	memset(big, 'x', 255000);
	memcpy(big, "\1\0\0\x40\0", 5);		/* also 16 KiB of standard output */
	words[2].p = big + 5;
	words[2].n -= 5;
	much.error_message.p = text.error_message.p = big + 5;
	much.output = text.output;
	text.error_message.n -= 5;
	for (int i = 0; i < 2; i++) {
		struct run	*run = start(sx, &begin, 1, 0);

		result(run, 0, 1, cases[i]);
		assert_true(run->over);
		all = events_of(sx, run);
		ev = event(&all, EVENT_ATTEMPT_FINISHED, 0);
		assert_non_null(ev);
		assert_int_equal(ev->outcome, OUTCOME_FAIL);
		assert_true(ev->output_truncated);
		assert_int_equal(ev->error_message.n, 4096);
		assert_non_null(event(&all, EVENT_TEST_FINISHED, 0));
		free_events(&all);
	}
	free(big);
}

/* What a worker does not know is left out, and not said to be nothing. */
static void
figures_are_those_that_are_known(void **state)
{
	static const uint64_t	 v[FIGURE_COUNT] = { [FIGURE_USER_US] = 7,
	    [FIGURE_QUEUED_US] = UINT64_MAX, [FIGURE_DEVICE_WRITE_BYTES] = 4096 };
	static const uint32_t	 came[] = { 0, FIGURE_SPAWN_US + 1, FIGURE_COUNT };
	struct sx		*sx = *state;
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct run		*run = start(sx, &begin, 3, 0);

	for (uint32_t i = 0; i < 3; i++) {
		struct msg_attempt_done	 done = { .outcome = OUTCOME_PASS, .elapsed_us = 1000,
		    .figures = { v, came[i] } };
		struct sx_client	 all;
		struct nums		 f;

		result(run, i, 1, &done);
		all = events_of(sx, run);
		f = event(&all, EVENT_ATTEMPT_FINISHED, i)->figures;
		assert_int_equal(f.n, i == 2 ? FIGURE_COUNT : FIGURE_QUEUED_US + 1);
		assert_int_equal(figure_of(f, FIGURE_USER_US), i > 0 ? 7 : 0);
		assert_true(figure_of(f, FIGURE_QUEUED_US) < UINT64_MAX);
		assert_int_equal(figure_of(f, FIGURE_DEVICE_WRITE_BYTES), i == 2 ? 4096 : 0);
		free_events(&all);
	}
}

static void
output_is_kept_in_order_with_its_stream(void **state)
{
	static const char	 records[] =
	    "\1\0\0\0\3one" "\2\0\0\0\3two" "\1\0\0\0\0" "\1\0\0\0\5three" "\3\0\0\0\1?"
	    "\1\0\0\0\4lost";
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct msg_attempt_done	 done = { .outcome = OUTCOME_PASS,
	    .output = { records, sizeof records - 1 }, .stdout_bytes = 8, .stderr_bytes = 3 };
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID), all;
	struct run		*run = start(sx, &begin, 2, 0);
	static const struct {
		uint64_t	streams;
		const char	*text;
	} cases[] = { { 0, "onetwothree" }, { 1, "onethree" }, { 2, "two" }, { 3, "onetwothree" } };

	result(run, 0, 1, &done);	/* stream 3 is none: the rest is not believed */
	all = events_of(sx, run);
	assert_true(sv_is(event(&all, EVENT_ATTEMPT_FINISHED, 0)->output, "onetwothree"));
	free_events(&all);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct msg_output_read	 m = { .test = SV_LIT("t0"),
		    .streams = cases[i].streams };
		const struct sx_frame	*f;
		char			 got[64] = "";
		size_t			 n = 0;

		sx_send(c, MSG_OUTPUT_READ, 5, &m);
		sx_turn(sx);
		while ((f = sx_next(c)) != NULL && f->type == MSG_OUTPUT_CHUNK) {
			memcpy(got + n, f->body.output_chunk.data.p, f->body.output_chunk.data.n);
			n += f->body.output_chunk.data.n;
		}
		assert_non_null(f);
		assert_int_equal(f->type, MSG_END_OF);
		assert_int_equal(f->body.end_of.count, n);
		assert_string_equal(got, cases[i].text);
	}
}

static void
output_has_a_bound_and_says_so_once(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 1 };
	struct sx		*sx = *state;
	char			*data = calloc(1, 400000);
	struct pool_job		 job = { .test = 0, .attempt = 1 };
	struct sx_client	 all;
	struct run		*run;

	sx->server.config.max_output = 1000000;
	run = job.owner = start(sx, &begin, 1, 0);
	for (int i = 0; i < 5; i++)
		runs_pool_ops.output(&job, 1, (struct sv){ data, 400000 }, false);
	assert_true(run->output_bytes <= 1000000);
	ended(run, 0, 1, OUTCOME_PASS);
	all = events_of(sx, run);
	assert_non_null(event(&all, EVENT_WARNING, 0));
	assert_null(event(&all, EVENT_WARNING, 1));
	assert_true(run_output(run, 0, 1)->cut);
	free_events(&all);
	free(data);
}

/* The text of an answer to OUTPUT_READ in got, which has room for 64 bytes; the type of
 * what ended it. */
static enum msg_type
read_output(struct sx *sx, struct sx_client *c, uint64_t attempt, char *got)
{
	struct msg_output_read	 m = { .test = SV_LIT("t0"), .attempt = attempt };
	const struct sx_frame	*f;
	size_t			 n = 0;

	sx_send(c, MSG_OUTPUT_READ, 5, &m);
	sx_turn(sx);
	while ((f = sx_next(c)) != NULL && f->type == MSG_OUTPUT_CHUNK && n < 32) {
		memcpy(got + n, f->body.output_chunk.data.p, f->body.output_chunk.data.n);
		n += f->body.output_chunk.data.n;
	}
	got[n] = '\0';
	assert_non_null(f);
	return f->type;
}

/* Of hundreds of attempts the newest outputs are known; the history has all. */
static void
output_of_many_attempts_takes_no_more_memory(void **state)
{
	uint64_t		 flake[FLAKE_SET_COUNT] = { [FLAKE_SET_ON] = 1,
	    [FLAKE_SET_RUNS] = 300, [FLAKE_SET_THRESHOLD_PPM] = 100000 };
	struct msg_run_begin	 begin = { .jobs = 1, .flake = { flake, FLAKE_SET_COUNT } };
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	struct run		*run = start(sx, &begin, 1, 0);
	uint64_t		 memory = 0;
	char			 text[64], got[64];

	for (uint32_t n = 1; n <= 300; n++) {
		int			len = snprintf(text + 5, sizeof text - 5, "attempt %u", n);
		struct msg_attempt_done	done = { .outcome = OUTCOME_PASS, .elapsed_us = 1000,
		    .output = { text, (size_t)len + 5 } };

		memcpy(text, (char[]){ 1, 0, 0, 0, (char)len }, 5);
		result(run, 0, n, &done);
		if (n == 100)
			memory = run->plan.arena.total;
	}
	assert_true(run->over);
	assert_int_equal(run->plan.arena.total, memory);
	assert_int_equal(read_output(sx, c, 0, got), MSG_END_OF);
	assert_string_equal(got, "attempt 300");
	assert_int_equal(read_output(sx, c, 300 - RUN_OUTPUTS + 1, got), MSG_END_OF);
	assert_string_equal(got, "attempt 293");
	/* There is no history here: it says so. */
	assert_int_equal(read_output(sx, c, 300 - RUN_OUTPUTS, got), MSG_ERROR);
	assert_string_equal(got, "");
}

/* ---- several runs ---- */

static void
runs_share_the_pool(void **state)
{
	struct msg_run_begin	 begin = { .jobs = 4 };
	struct sx		*sx = *state;
	struct run		*a = start(sx, &begin, 20, 0), *b;
	struct pool_count	 n;

	assert_int_equal(a->limit, 4);
	b = start(sx, &begin, 20, 0);
	assert_int_equal(a->limit, 2);
	assert_int_equal(b->limit, 0);	/* the other still holds all four */
	ended(a, 0, 1, OUTCOME_PASS);
	ended(a, 1, 1, OUTCOME_PASS);
	runs_share(&sx->server.runs);
	assert_int_equal(a->limit, 2);
	assert_int_equal(b->limit, 2);
	run_cancel(a, true, "enough");
	runs_share(&sx->server.runs);
	assert_int_equal(b->limit, 4);
	pool_count(sx->server.pool, 0, &n);
	assert_int_equal(n.total, 0);
}

static void
the_capacity_follows_the_widest_run(void **state)
{
	struct sx		*sx = *state;
	struct runs		*rs = &sx->server.runs;
	struct msg_run_begin	 narrow = { .jobs = 1 }, wide = { .jobs = 3 };
	struct run		*run;

	rs->cpus = 2;
	assert_int_equal(runs_capacity(rs, 0), 2);
	(void)start(sx, &narrow, 1, 0);
	assert_int_equal(runs_capacity(rs, 0), 2);
	run = start(sx, &wide, 1, 0);
	assert_int_equal(runs_capacity(rs, 0), 3);
	run_cancel(run, true, "enough");
	assert_int_equal(runs_capacity(rs, 0), 2);
	rs->cpus = 64;
	assert_int_equal(runs_capacity(rs, 0), 4);		/* max-jobs */
}

#define WITH_SERVER(f)	cmocka_unit_test_setup_teardown(f, open_server, close_server)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_run_ends_with_its_last_test),
		WITH_SERVER(a_test_that_passes_at_last_is_flaky),
		WITH_SERVER(a_test_whose_worker_is_lost_each_time_is_an_error),
		WITH_SERVER(an_outcome_that_is_none_is_an_error),
		WITH_SERVER(enough_failures_end_the_run),
		WITH_SERVER(many_results_at_once_are_all_counted),
		WITH_SERVER(a_result_that_says_too_much_is_cut_not_lost),
		WITH_SERVER(figures_are_those_that_are_known),
		WITH_SERVER(output_is_kept_in_order_with_its_stream),
		WITH_SERVER(output_has_a_bound_and_says_so_once),
		WITH_SERVER(output_of_many_attempts_takes_no_more_memory),
		WITH_SERVER(runs_share_the_pool),
		WITH_SERVER(the_capacity_follows_the_widest_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
