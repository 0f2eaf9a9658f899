/*
 * What an event says of attempts and tests, into rows; see ingest.h.  Each statement
 * changes nothing when it is done again, and what is only added (the statistics of a
 * test) is added when a row changed for the first time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/figures.h"
#include "common/flake.h"
#include "common/outcome.h"
#include "store/estimate.h"
#include "store/flakiness.h"
#include "store/ingest_int.h"
#include "store/recent.h"

#define ATTEMPT_BYTES	350	/* of a row with its indexes, about */
#define ATTEMPTS_MAX	UINT64_C(1000000)

/* Did the last statement change a row? */
static bool
changed(const struct db *db)
{
	return sqlite3_changes64(db->sql) > 0;
}

static bool
of_attempt(const struct irun *run, const struct msg_event *ev)
{
	return ev->index < run->ntests && ev->attempt > 0 && ev->attempt <= ATTEMPTS_MAX;
}

/* ---- the start ---- */

/* The one before it was run again, and so it was for nothing. */
static int
count_wasted(struct db *db, const struct irun *run, const struct msg_event *ev)
{
	static const char	 sql[] = "SELECT duration_us FROM attempts"
				    " WHERE run = ?1 AND idx = ?2 AND attempt = ?3";
	static const char	 sql_run[] = "UPDATE runs SET wasted_us = wasted_us + ?2"
				    " WHERE id = ?1";
	static const char	 sql_test[] = "UPDATE tests SET wasted_us = wasted_us + ?2"
				    " WHERE id = ?1";
	sqlite3_stmt		*st;
	int64_t			 us;
	int			 r;

	r = db_row(db, &st, sql, "iuu", run->row, ev->index, ev->attempt - 1);
	if (r != 1)
		return r;
	us = sqlite3_column_int64(st, 0);
	db_done(st);
	if (us == 0)
		return 0;
	r = db_run(db, sql_run, "ii", run->row, us);
	return r != 0 ? r : db_run(db, sql_test, "ii", run->tests[ev->index], us);
}

static int
start_row(struct db *db, struct irun *run, const struct msg_event *ev)
{
	static const char	sql[] = "INSERT INTO attempts"
				    " (run, idx, attempt, test, worker, start_ms, delay_ms, condition)"
				    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
	int			r;

	r = db_run(db, sql, "iuuiuuuu", run->row, ev->index, ev->attempt,
	    run->tests[ev->index], db_cut(ev->worker), db_cut(ev->t_ms), db_cut(ev->delay_ms),
	    db_cut(ev->condition));
	if (r == 0 && changed(db))
		run->bytes += ATTEMPT_BYTES;
	return r;
}

static int
attempt_started(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	int	r;

	if (!of_attempt(run, ev))
		return -EINVAL;
	if (ev->attempt == 1 && ev->delay_ms == 0 && in->nstarts < INGEST_STARTS) {
		in->starts[in->nstarts++] = (struct istart){ run, ev->index, ev->worker,
		    ev->t_ms, ev->condition };
		return 0;
	}
	r = start_row(in->db, run, ev);
	if (r != 0 || !changed(in->db))
		return r;
	/* What flake detection runs again was not for nothing. */
	return ev->attempt > 1 && !(run->marks & RUN_MARK_DETECTS) ?
	    count_wasted(in->db, run, ev) : 0;
}

/* The start that has no row yet, or NULL. */
static struct istart *
find_start(struct ingest *in, const struct irun *run, const struct msg_event *ev)
{
	for (size_t i = 0; i < in->nstarts && ev->attempt == 1; i++) {
		if (in->starts[i].run == run && in->starts[i].test == ev->index)
			return &in->starts[i];
	}
	return NULL;
}

/* ---- the end ---- */

static void
put_record(char *p, uint32_t stream, uint32_t len)
{
	p[0] = (char)stream;
	p[1] = (char)(len >> 24);
	p[2] = (char)(len >> 16);
	p[3] = (char)(len >> 8);
	p[4] = (char)len;
}

/* The output of an attempt as it is kept.  What comes in one go of a stream is one record,
 * however it was cut on its way, so that equal outputs are equal. */
static int
gather(const struct irun *run, const struct irun_output *o, char **ret, size_t *ret_n)
{
	struct journal	 file = { .fd = run->fd, .written = run->announced };
	size_t		 at = 0, head = 0;
	uint32_t	 stream = 0, len = 0;
	char		*p = malloc(o->size + o->n * 5 + 1);
	int		 r = p == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < o->n && r == 0; i++) {
		const struct irun_extent	*e = &o->v[i];

		if (e->stream != stream || len > UINT32_MAX - e->len) {
			stream = e->stream;
			head = at;
			len = 0;
			at += 5;
		}
		r = journal_read(&file, e->at, p + at, e->len);
		len += e->len;
		at += e->len;
		put_record(p + head, stream, len);
	}
	if (r != 0) {
		free(p);
		return r;
	}
	*ret = p;
	*ret_n = at;
	return 0;
}

/* The row of its output, 0: it printed nothing. */
static int
output_row(struct ingest *in, struct irun *run, const struct msg_event *ev, int64_t *ret)
{
	struct irun_output	*o = irun_output_of(run, ev->index, ev->attempt);
	struct sv		 raw;
	uint64_t		 bytes;
	char			*p;
	int			 r;

	*ret = 0;
	if (o == NULL || o->n == 0)
		return 0;
	r = gather(run, o, &p, &raw.n);
	if (r != 0)
		return r;
	raw.p = p;
	r = blob_store(in->db, in->packer, run->uid, raw, ret, &bytes);
	run->bytes += bytes;
	free(p);
	return r;
}

#define FIGURE_COLUMNS	FIGURE_LIST(COLUMN)
#define COLUMN(N, column, member, text)	", " #column
#define FIGURE_VALUES	FIGURE_LIST(VALUE)
#define VALUE(N, column, member, text)	", ?"
#define FIGURE_SETS	FIGURE_LIST(SET)
#define SET(N, column, member, text)	", " #column " = excluded." #column

#define ATTEMPT_FINISHED						\
	"INSERT INTO attempts (run, idx, attempt, test, worker, start_ms, outcome, end_ms,"	\
	" duration_us, exit_code, signal, cpu_us, max_rss_bytes, output_bytes, error_category,"	\
	" error_message, fingerprint, failure, output, condition" FIGURE_COLUMNS ")"		\
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, nullif(?, 0), ?,"	\
	" nullif(?, 0), ?" FIGURE_VALUES ") ON CONFLICT "

/* Where no row is expected: no more than this, which costs less. */
static const char sql_fresh[] = ATTEMPT_FINISHED "DO NOTHING";

/* A row that is there keeps its start: it is in an index, and lists are ordered by it. */
static const char sql_finished[] = ATTEMPT_FINISHED
    "(run, idx, attempt) DO UPDATE SET worker = excluded.worker,"
    " outcome = excluded.outcome, end_ms = excluded.end_ms, duration_us = excluded.duration_us,"
    " exit_code = excluded.exit_code, signal = excluded.signal, cpu_us = excluded.cpu_us,"
    " max_rss_bytes = excluded.max_rss_bytes, output_bytes = excluded.output_bytes,"
    " error_category = excluded.error_category, error_message = excluded.error_message,"
    " fingerprint = excluded.fingerprint, failure = excluded.failure,"
    " output = excluded.output" FIGURE_SETS
    " WHERE outcome IS NULL";

#define FIGURE_FORMAT	FIGURE_LIST(LETTER)
#define LETTER(N, column, member, text)	"u"
#define ARGUMENT(N, column, member, text) , db_cut(figure_of(ev->figures, FIGURE_##N))

static int
put_finished(struct ingest *in, const struct irun *run, const struct msg_event *ev,
    const struct istart *start, int64_t output, const char *sql)
{
	bool		exited = MSG_HAS(ev, event, exit_code);
	const char	*format = exited ? "iuuiuuuuuuuuuuututiu" FIGURE_FORMAT :
			    "iuuiuuuuunuuuuututiu" FIGURE_FORMAT;
	uint64_t	start_ms = db_cut(start != NULL ? start->start_ms :
			    ev->start_ms > 0 ? ev->start_ms : ev->t_ms);
	uint64_t	end_ms = db_cut(ev->end_ms > 0 ? ev->end_ms : ev->t_ms);

#define BEFORE	in->db, sql, format, run->row, ev->index, ev->attempt,		\
		    run->tests[ev->index], db_cut(ev->worker), start_ms, ev->outcome, end_ms, \
		    db_cut(ev->duration_us)
#define BEHIND	db_cut(ev->signal), db_cut(ev->cpu_us), db_cut(ev->max_rss),	\
		    db_cut(ev->output_bytes), db_cut(ev->error_category), ev->error_message, \
		    ev->fingerprint, ev->failure, output,			\
		    start != NULL ? db_cut(start->condition) : 0 FIGURE_LIST(ARGUMENT)
	return exited ? db_run(BEFORE, db_cut(ev->exit_code), BEHIND) : db_run(BEFORE, BEHIND);
#undef BEFORE
#undef BEHIND
}

static int
finish_row(struct ingest *in, struct irun *run, const struct msg_event *ev, int64_t output)
{
	struct istart	*start = find_start(in, run, ev);
	int		 r = put_finished(in, run, ev, start, output, start != NULL ? sql_fresh :
			    sql_finished);

	if (r == 0 && start != NULL && !changed(in->db))	/* this is read again */
		r = put_finished(in, run, ev, start, output, sql_finished);
	if (r == 0 && start != NULL) {
		run->bytes += changed(in->db) ? ATTEMPT_BYTES : 0;
		*start = in->starts[--in->nstarts];
	}
	return r;
}

/* Did the test come to a result of its own? */
static bool
counts(uint64_t outcome)
{
	return outcome != OUTCOME_SKIP && outcome != OUTCOME_LOST && outcome != OUTCOME_CANCELLED;
}

/* What an attempt was run under, before its row is finished. */
static int
condition_of(struct ingest *in, const struct irun *run, const struct msg_event *ev, uint64_t *ret)
{
	static const char	 sql[] = "SELECT condition FROM attempts"
				    " WHERE run = ?1 AND idx = ?2 AND attempt = ?3";
	const struct istart	*start = find_start(in, run, ev);
	sqlite3_stmt		*st;
	int			 r;

	*ret = start != NULL ? start->condition : FLAKE_PLAIN;
	if (start != NULL || !(run->marks & RUN_MARK_DETECTS))
		return 0;
	r = db_row(in->db, &st, sql, "iuu", run->row, ev->index, ev->attempt);
	if (r != 1)
		return r;
	*ret = (uint64_t)sqlite3_column_int64(st, 0);
	db_done(st);
	return 0;
}

/* What is expected so far: the first columns of a row. */
static struct estimate
estimate_of(sqlite3_stmt *st)
{
	struct estimate	e = { .mu = sqlite3_column_double(st, 0),
	    .dev = sqlite3_column_double(st, 1), .fail = sqlite3_column_double(st, 2) };

	e.n = e.dev > 0;	/* the first result sets it */
	return e;
}

/* What is expected so far, and the newest attempts with one more, which is the caller's to
 * free.  1; 0: there is no such test; else -errno. */
static int
read_test(struct db *db, int64_t test, const struct recent_row *row, struct estimate *ret_e,
    void **ret, size_t *ret_n, bool *ret_listed)
{
	static const char	 sql[] = "SELECT mu, dev, fail, list FROM tests"
				    " LEFT JOIN recent ON recent.test = tests.id"
				    " WHERE tests.id = ?1";
	sqlite3_stmt		*st;
	struct sv		 old;
	int			 r = db_row(db, &st, sql, "i", test);

	if (r != 1)
		return r;
	*ret_e = estimate_of(st);
	*ret_listed = sqlite3_column_type(st, 3) != SQLITE_NULL;
	old = db_blob(st, 3);
	r = recent_add(old.p, old.n, row, ret, ret_n);
	db_done(st);
	return r != 0 ? r : 1;
}

/* A row that is there is written over: it is nearly as long. */
static int
write_recent(struct db *db, int64_t test, struct sv list, bool listed)
{
	static const char	sql_new[] = "INSERT INTO recent VALUES (?1, ?2)";
	static const char	sql_set[] = "UPDATE recent SET list = ?2 WHERE test = ?1";

	return db_run(db, listed ? sql_set : sql_new, "ib", test, list);
}

/* What an attempt adds to what is known of its test; with `ev`, the verdict by it. */
static int
count_attempt(struct ingest *in, const struct msg_event *ev)
{
	static const char	 sql_set[] = "UPDATE tests SET attempts = attempts + 1,"
				    " passes = passes + ?2, failures = failures + 1 - ?2,"
				    " total_us = total_us + ?3, last_run = ?4, last_ms = ?5,"
				    " last_outcome = ?6, newest = ?7, mu = ?8, dev = ?9,"
				    " fail = ?10, flaky = flaky + ?11 WHERE id = ?1";
	struct icount		*c = &in->count;
	struct irun		*run = c->run;
	int64_t			 test = run->tests[c->test];
	uint64_t		 outcome = c->row.outcome;
	struct estimate		 e;
	struct sv		 newest;
	size_t			 n = 0;
	bool			 listed;
	void			*list;
	int			 r;

	c->run = NULL;
	r = read_test(in->db, test, &c->row, &e, &list, &n, &listed);
	if (r != 1)
		return r;
	newest = (struct sv){ list, recent_head(list, n) };
	if (ev != NULL)
		estimate_add(&e, c->row.duration_us, ev->status != TEST_PASS);
	r = write_recent(in->db, test, (struct sv){ list, n }, listed);
	if (r == 0)
		r = db_run(in->db, sql_set, "iuuiuubdddu", test,
		    (uint64_t)(outcome == OUTCOME_PASS), db_cut(c->row.duration_us), run->row,
		    db_cut(c->row.start_ms), outcome, newest, e.mu, e.dev, e.fail,
		    (uint64_t)(ev != NULL && ev->flaky));
	if (r == 0)
		r = apply_storm(in, run, c, list, n);
	free(list);
	return r;
}

/* Counts the last attempt; figures that no sum can take are left out. */
static int
count_alone(struct ingest *in)
{
	int	r = in->count.run != NULL ? count_attempt(in, NULL) : 0;

	return r == -EINVAL ? 0 : r;
}

/* It is counted with its verdict, or before anything else. */
static struct icount
count_of(struct irun *run, const struct msg_event *ev)
{
	struct icount	c = { .run = run, .test = ev->index, .attempt = ev->attempt,
	    .end_ms = ev->end_ms > 0 ? ev->end_ms : ev->t_ms, .group = storm_group(ev->test),
	    .row = { .start_ms = ev->start_ms, .duration_us = ev->duration_us,
	    .cpu_us = ev->cpu_us, .memory_bytes = figure_of(ev->figures, FIGURE_TREE_PEAK),
	    .output_bytes = ev->output_bytes, .max_rss_bytes = ev->max_rss,
	    .outcome = (uint32_t)ev->outcome,
	    .processes = (uint32_t)figure_of(ev->figures, FIGURE_PROCESSES),
	    .sessions = (uint32_t)figure_of(ev->figures, FIGURE_SESSIONS) } };

	if (c.row.memory_bytes == 0)
		c.row.memory_bytes = ev->max_rss;
	return c;
}

static int
attempt_finished(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	uint64_t	condition = FLAKE_PLAIN;
	int64_t		output;
	int		r;

	if (!of_attempt(run, ev) || ev->outcome >= OUTCOME_COUNT)
		return -EINVAL;
	r = output_row(in, run, ev, &output);
	if (r == 0)
		r = condition_of(in, run, ev, &condition);
	if (r == 0)
		r = finish_row(in, run, ev, output);
	/* What a test does when it is provoked says nothing of what it costs. */
	if (r == 0 && changed(in->db) && counts(ev->outcome) && condition == FLAKE_PLAIN)
		in->count = count_of(run, ev);
	run->bytes += ev->error_message.n + ev->failure.n;
	if (r == 0)
		irun_drop_output(irun_output_of(run, ev->index, ev->attempt));
	return r;
}

/* ---- the verdict ---- */

/* What is expected of it from now on, by its last attempt: also by one that ran out of
 * its time, since it would take as long again. */
static int
count_verdict(struct ingest *in, const struct irun *run, const struct msg_event *ev)
{
	static const char	 sql_last[] = "SELECT outcome, duration_us FROM attempts"
				    " WHERE run = ?1 AND idx = ?2 ORDER BY attempt DESC LIMIT 1";
	static const char	 sql_get[] = "SELECT mu, dev, fail FROM tests WHERE id = ?1";
	static const char	 sql_set[] = "UPDATE tests SET mu = ?2, dev = ?3, fail = ?4,"
				    " flaky = flaky + ?5 WHERE id = ?1";
	int64_t			 test = run->tests[ev->index];
	struct estimate		 e;
	sqlite3_stmt		*st;
	uint64_t		 us;
	bool			 own;
	int			 r;

	if (run->marks & RUN_MARK_DETECTS)	/* nothing an ordinary run is told by */
		return count_alone(in);
	if (in->count.run != NULL && in->count.attempt == ev->attempts)
		return count_attempt(in, ev);
	r = db_row(in->db, &st, sql_last, "iu", run->row, ev->index);
	if (r != 1)
		return r;
	own = sqlite3_column_type(st, 0) != SQLITE_NULL &&
	    counts((uint64_t)sqlite3_column_int64(st, 0));
	us = (uint64_t)sqlite3_column_int64(st, 1);
	db_done(st);
	if (!own)
		return 0;
	r = db_row(in->db, &st, sql_get, "i", test);
	if (r != 1)
		return r;
	e = estimate_of(st);
	db_done(st);
	estimate_add(&e, us, ev->status != TEST_PASS);
	return db_run(in->db, sql_set, "idddu", test, e.mu, e.dev, e.fail, (uint64_t)ev->flaky);
}

static int
test_finished(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	static const char	sql[] = "UPDATE run_tests SET status = ?3, flaky = ?4,"
				    " attempts = ?5, retries = ?6, message = ?7"
				    " WHERE run = ?1 AND idx = ?2 AND status IS NULL";
	int			r;

	if (ev->index >= run->ntests || ev->status >= TEST_STATUS_COUNT)
		return -EINVAL;
	r = db_run(in->db, sql, "iuuuuut", run->row, ev->index, ev->status, (uint64_t)ev->flaky,
	    db_cut(ev->attempts), db_cut(ev->retries), ev->message);
	if (r != 0 || !changed(in->db) || ev->attempts == 0)
		return r;
	return count_verdict(in, run, ev);
}

static int
retry_decided(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	static const char	sql[] = "UPDATE attempts SET decision = ?4, reason = ?5"
				    " WHERE run = ?1 AND idx = ?2 AND attempt = ?3";
	int			r;

	if (!of_attempt(run, ev) || ev->decision >= RETRY_DECISION_COUNT)
		return -EINVAL;
	run->bytes += ev->message.n;
	r = db_run(in->db, sql, "iuuut", run->row, ev->index, ev->attempt, ev->decision,
	    ev->message);
	if (r == 0 && ev->decision == RETRY_BREAKER)
		r = apply_mark(in, run, RUN_MARK_BREAKER);
	if (r == 0 && ev->decision == RETRY_MASS_FAILURE)
		r = apply_mark(in, run, RUN_MARK_MASS);
	return r;
}

/* ---- the run ---- */

static int
run_started(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	static const char	sql[] = "UPDATE runs SET label = ?2, parent = nullif(?3, ''),"
				    " jobs = max(?4, 1), seed = ?5, shuffled = ?6,"
				    " expected_us = ?7, bound_us = ?8 WHERE id = ?1";

	return db_run(in->db, sql, "ittuuuuu", run->row, ev->name, ev->parent, db_cut(ev->jobs),
	    ev->seed, (uint64_t)ev->shuffled, db_cut(ev->expected_us), db_cut(ev->bound_us));
}

static int
run_finished(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	static const char	sql[] = "UPDATE runs SET status = ?2, end_ms = ?3,"
				    " duration_us = ?4, sequential_us = ?5, workers_used = ?6,"
				    " passed = ?7, failed = ?8, skipped = ?9, timed_out = ?10,"
				    " errored = ?11, cancelled = ?12, flaky_count = ?13,"
				    " message = ?14 WHERE id = ?1";
	int			r;

	if (ev->status >= RUN_STATUS_COUNT)
		return -EINVAL;
	run->ended = true;
	r = db_run(in->db, sql, "iuuuuuuuuuuuut", run->row, ev->status,
	    db_cut(ev->end_ms > 0 ? ev->end_ms : ev->t_ms), db_cut(ev->duration_us),
	    db_cut(ev->sequential_us), db_cut(ev->workers_used), db_cut(ev->passed),
	    db_cut(ev->failed), db_cut(ev->skipped), db_cut(ev->timed_out), db_cut(ev->errored),
	    db_cut(ev->cancelled), db_cut(ev->flaky_count), ev->message);
	return r == 0 ? apply_mass(in, run, ev) : r;
}

int
apply_rest(struct ingest *in)
{
	struct msg_event	 ev = { .attempt = 1 };
	int			 r = count_alone(in);

	for (size_t i = 0; i < in->nstarts && r == 0; i++) {
		ev.index = in->starts[i].test;
		ev.worker = in->starts[i].worker;
		ev.t_ms = in->starts[i].start_ms;
		ev.condition = in->starts[i].condition;
		r = start_row(in->db, in->starts[i].run, &ev);
		r = r == -EINVAL ? 0 : r;
	}
	in->nstarts = 0;
	return r;
}

int
apply_event(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	bool	verdict = ev->type == EVENT_TEST_FINISHED && in->count.run == run &&
		    in->count.test == ev->index;
	int	r = verdict ? 0 : count_alone(in);

	if (r != 0)
		return r;
	switch (ev->type) {
	case EVENT_RUN_STARTED:
		return run_started(in, run, ev);
	case EVENT_ATTEMPT_STARTED:
		return attempt_started(in, run, ev);
	case EVENT_ATTEMPT_FINISHED:
		return attempt_finished(in, run, ev);
	case EVENT_TEST_FINISHED:
		return test_finished(in, run, ev);
	case EVENT_RETRY_SCHEDULED:
	case EVENT_RETRY_REFUSED:
		return retry_decided(in, run, ev);
	case EVENT_BREAKER_CHANGED:
		return ev->decision == BREAKER_OPEN ? apply_mark(in, run, RUN_MARK_BREAKER) : 0;
	case EVENT_RUN_FINISHED:
		return run_finished(in, run, ev);
	default:
		return 0;	/* in the log only */
	}
}
