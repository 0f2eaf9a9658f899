/*
 * Fuzz target: a supervisor starts on a journal of any records, and ends the run that it
 * finds there.  The input is two bytes of the plan, see begin(), then a list of {u8 type,
 * u8 length, bytes}, each a record:
 *
 *	0  the bytes themselves, without a frame or a checksum
 *	1  a record of a kind with the bytes as its body
 *	2  an event whose fields are the bytes, with the number that is due
 *	3  output
 *
 * Whatever comes, the run's events have no gap, each test gets one verdict, the end of
 * the run is the last of them, and the next supervisor finds the same.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/journal.h"
#include "common/log.h"
#include "tests/unit/server_fixture.h"

#define RUN		"00112233445566778899aabbccddeeff"
#define TURNS		60	/* then it is cancelled */
#define TURNS_MAX	(2 * TURNS)
#define NO_PLAN		255	/* first byte: what is in the input is all there is */

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* ---- the journal ---- */

/* Bits of how: 0 and 1 max_fail, 2 detached, 3 a time limit, 4 begun just now, 5 and 6
 * the tests but one, 7 a retry for each.  A bit of skip: the test of that number never
 * runs. */
static void
begin(struct journal *j, uint8_t how, uint8_t skip)
{
	const struct sv		argv[] = { SV_LIT("/bin/true") };
	struct msg_run_begin	run = { .jobs = 4, .max_fail = how & 3, .detach = how & 4,
	    .timeout_ms = how & 8 ? 3600000 : 0 };
	struct msg_jrn_run	head = { .run = SV_LIT(RUN), .uid = SX_UID, .jobs = 4 };
	struct msg_test_add	test = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
	    .retry_count = how >> 7, .has = MSG_BIT(test_add, retry_count) };
	struct msg_jrn_commit	commit = { .tests = (how >> 5 & 3) + 1u,
	    .start_ms = how & 16 ? wall_ms() : 1 };
	char			name[] = "a", *body;
	size_t			len;

	require(msg_encode(MSG_RUN_BEGIN, &run, &body, &len) == 0);
	head.begin = (struct sv){ body, len };
	require(journal_put(j, MSG_JRN_RUN, &head, NULL) == 0);
	free(body);
	for (unsigned i = 0; i < commit.tests; i++, name[0]++) {
		test.name = sv_from(name);
		test.skip = skip >> i & 1 ? SV_LIT("no") : SV_LIT("");
		require(journal_put(j, MSG_TEST_ADD, &test, NULL) == 0);
	}
	require(journal_put(j, MSG_JRN_COMMIT, &commit, NULL) == 0);
}

/* {type, index, attempt, outcome or status, times, flags, sequence number's change} */
static void
event(struct journal *j, const uint8_t *p, size_t n, uint64_t *seq)
{
	uint64_t		 v[7] = { 0 };
	struct msg_event	 ev = { .run = SV_LIT(RUN) };

	for (size_t i = 0; i < n && i < 7; i++)
		v[i] = p[i] == 255 ? UINT64_MAX : p[i];
	ev.seq = *seq + v[6];
	ev.type = v[0];
	ev.index = v[1];
	ev.attempt = ev.attempts = v[2];
	if (ev.type == EVENT_ATTEMPT_FINISHED)
		ev.outcome = v[3];
	else
		ev.status = ev.decision = v[3];
	ev.duration_us = ev.start_ms = ev.end_ms = ev.delay_ms = ev.worker = v[4];
	ev.fingerprint = ev.expected_us = ev.bound_us = v[4];
	ev.has = MSG_BIT(event, outcome) | MSG_BIT(event, status) |
	    (v[5] & 1 ? 0 : MSG_BIT(event, index));
	ev.flaky = v[5] & 2;
	ev.message = v[5] & 4 ? SV_LIT("enough tests have failed") : SV_LIT("");
	require(journal_put(j, MSG_EVENT, &ev, NULL) == 0);
	++*seq;
}

static void
record(struct journal *j, uint8_t type, const uint8_t *p, size_t n, uint64_t *seq)
{
	static const enum msg_type	types[] = { MSG_JRN_RUN, MSG_TEST_ADD, MSG_JRN_COMMIT,
	    MSG_EVENT, MSG_JRN_OUTPUT, MSG_PING };
	struct msg_jrn_output		out = { .data = { (const char *)p, n } };

	switch (type % 4) {
	case 0:
		require(journal_flush(j) == 0);
		require(pwrite(j->fd, p, n, (off_t)j->written) == (ssize_t)n);
		j->written += n;
		break;
	case 1:
		(void)journal_append(j, types[type / 4 % 6], p, n, NULL);
		break;
	case 2:
		event(j, p, n, seq);
		break;
	case 3:
		out.test = n > 0 ? p[0] % 6 : 0;
		out.attempt = n > 1 ? p[1] % 4 : 1;
		out.stream = n > 2 ? p[2] % 4 : 1;
		require(journal_put(j, MSG_JRN_OUTPUT, &out, NULL) == 0);
		break;
	}
}

static void
write_journal(const char *state, const uint8_t *data, size_t size)
{
	char		path[256];
	struct journal	j;
	uint64_t	seq = 1;
	int		n = snprintf(path, sizeof path, "%s/journal", state);

	require(n > 0 && (size_t)n < sizeof path - sizeof RUN - 1 && mkdir(path, 0700) == 0);
	(void)snprintf(path + n, sizeof path - (size_t)n, "/" RUN);
	require(journal_create(&j, AT_FDCWD, path) == 0);
	if (size >= 2) {
		if (data[0] != NO_PLAN)
			begin(&j, data[0], data[1]);
		data += 2;
		size -= 2;
	}
	while (size >= 2) {
		size_t	len = data[1] < size - 2 ? data[1] : size - 2;

		record(&j, data[0], data + 2, len, &seq);
		data += 2 + len;
		size -= 2 + len;
	}
	require(journal_flush(&j) == 0);
	journal_close(&j);
}

/* ---- the run ---- */

static void
end_attempt(struct run *run, uint32_t test, uint32_t attempt)
{
	struct pool_job		job = { .owner = run, .test = test, .attempt = attempt };
	struct msg_attempt_done	m = { .outcome = (test + attempt) % 3 == 0 ? OUTCOME_FAIL :
	    OUTCOME_PASS, .elapsed_us = 1000 };
	struct pool_over	over = { .end = POOL_DONE, .slot = 1, .host = "here",
	    .isolation = "none", .done = &m, .elapsed_us = 1000 };

	runs_pool_ops.starting(&job, 1);
	runs_pool_ops.output(&job, 1, SV_LIT("said\n"), false);
	runs_pool_ops.over(&job, &over);
}

/* Ends every attempt that this supervisor starts; those before are the journal's. */
static void
play(struct sx *sx, struct run *run)
{
	uint32_t	*told = calloc((size_t)run->plan.ntests + 1, sizeof *told);

	require(told != NULL);
	for (uint32_t t = 0; t < run->plan.ntests; t++)
		told[t] = run->plan.tests[t].attempts;
	for (int i = 0; !run->over; i++) {
		require(i < TURNS_MAX);
		if (i == TURNS)
			run_cancel(run, true, "it takes too long");
		sx_turn(sx);
		for (uint32_t t = 0; t < run->plan.ntests && !run->over; t++) {
			struct manifest_test	*mt = &run->plan.tests[t];

			if (mt->over || mt->attempts <= told[t])
				continue;
			told[t] = mt->attempts;
			end_attempt(run, t, mt->attempts);
		}
	}
	free(told);
	sx_turn(sx);
}

/* What a reader of all its events concludes. */
struct tale {
	uint64_t	 last;		/* sequence number */
	uint32_t	 ntests;
	struct tale_test {
		unsigned	verdicts;
		uint64_t	attempt;	/* the last */
		bool		running;	/* it is */
	}		*tests;
	unsigned	 over;
	uint64_t	 counts[TEST_STATUS_COUNT];
};

static void
on_test_event(struct tale *tale, const struct msg_event *ev)
{
	struct tale_test	*t;

	require(MSG_HAS(ev, event, index) && ev->index < tale->ntests);
	t = &tale->tests[ev->index];
	require(t->verdicts == 0);
	switch (ev->type) {
	case EVENT_ATTEMPT_STARTED:
		require(!t->running && ev->attempt > t->attempt);
		t->running = true;
		t->attempt = ev->attempt;
		break;
	case EVENT_ATTEMPT_FINISHED:
		require(t->running ? ev->attempt == t->attempt : ev->attempt > t->attempt);
		t->running = false;
		t->attempt = ev->attempt;
		break;
	case EVENT_TEST_FINISHED:
		require(!t->running && ev->status < TEST_STATUS_COUNT &&
		    ev->retries <= ev->attempts);
		t->verdicts++;
		tale->counts[ev->status]++;
		break;
	default:
		require(!t->running);
	}
}

static int
on_event(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_event	*ev = &m->event;
	struct tale		*tale = arg;

	(void)id;
	require(type == MSG_EVENT && ev->seq == tale->last + 1 && tale->over == 0);
	require((ev->seq == 1) == (ev->type == EVENT_RUN_STARTED));
	tale->last = ev->seq;
	switch (ev->type) {
	case EVENT_ATTEMPT_STARTED:
	case EVENT_ATTEMPT_FINISHED:
	case EVENT_TEST_FINISHED:
	case EVENT_RETRY_SCHEDULED:
	case EVENT_RETRY_REFUSED:
		on_test_event(tale, ev);
		break;
	case EVENT_RUN_FINISHED:
		tale->over++;
		break;
	default:
		break;
	}
	return 0;
}

/* The number of its last event. */
static uint64_t
check(struct sx *sx, const struct run *run)
{
	struct tale		 tale = { .ntests = run->plan.ntests };
	struct evbuffer		*b = evbuffer_new();
	struct evlog_cursor	 cur;

	tale.tests = calloc((size_t)tale.ntests + 1, sizeof *tale.tests);
	require(b != NULL && tale.tests != NULL && evlog_seek(&run->log, 1, &cur) == 0);
	while (evlog_read(&run->log, &cur, b, 1 << 20) > 0)
		;
	require(msg_drain(b, MSG_DIR_S2C, sx->reader, on_event, &tale, NULL) == 0);
	evbuffer_free(b);
	require(tale.over == 1 && tale.last + 1 == run->log.next_seq);
	for (uint32_t t = 0; t < tale.ntests; t++)
		require(tale.tests[t].verdicts == 1);
	free(tale.tests);
	for (unsigned i = 0; i < TEST_STATUS_COUNT; i++)
		require(tale.counts[i] == run->counts[i]);
	require(run->status > RUN_RUNNING && run->status < RUN_STATUS_COUNT);
	return tale.last;
}

/* One supervisor; `seen`: of the events that the one before it has told. */
static uint64_t
resume(const char *state, uint64_t seen)
{
	struct sx	*sx = malloc(sizeof *sx);
	struct run	*run;
	uint64_t	 last = 0;

	require(sx != NULL);
	sx_open_state(sx, state);
	run = TAILQ_FIRST(&sx->server.runs.list);
	require((run != NULL && run->over) || seen == 0);
	if (run != NULL) {
		require(sx->server.runs.total == 1);
		play(sx, run);
		last = check(sx, run);
	}
	sx_close(sx);
	free(sx);
	return last;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*tmp = getenv("TMPDIR");
	char		 state[128];
	uint64_t	 last;

	log_init("fuzz_resume", LOG_LEVEL_ERROR, false);
	(void)snprintf(state, sizeof state, "%.90s/paratest-fuzz.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	require(mkdtemp(state) != NULL);
	write_journal(state, data, size);
	last = resume(state, 0);
	require(resume(state, last) == last);
	require(rmtree_at(AT_FDCWD, state) == 0);
	return 0;
}
