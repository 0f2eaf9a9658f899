/* Questions about a large history: how long the store takes to answer each. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "bench/bench.h"
#include "bench/table.h"
#include "common/clock.h"
#include "common/history.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "store/db.h"
#include "store/estimate.h"
#include "store/query.h"
#include "store/recent.h"
#include "store/sql.h"

#define TESTS		10000
#define SUITES		10
#define RUNS		100
#define RUNS_QUICK	10
#define RUN_MS		3600000		/* between two runs */
#define START_MS	UINT64_C(1700000000000)
#define ROUNDS		5
#define PLAN		1000		/* tests whose start is asked for */
#define BAR_MS		100

/* ---- a database of a plausible history ---- */

struct past {
	double		typical_us, memory;
	struct estimate	expected;
	void		*recent;
	size_t		 recent_n;
	uint64_t	 attempts, passes, failures, total_us, last_ms;
};

struct filler {
	sqlite3		*sql;
	sqlite3_stmt	*run, *test, *spec, *run_test, *attempt;
	struct past	*past;		/* of each test */
	uint64_t	 seed, rows;
};

static double
uniform(struct filler *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return ((double)(f->seed >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(struct filler *f)
{
	return sqrt(-2 * log(uniform(f))) * cos(6.283185307179586 * uniform(f));
}

static void
run_id(unsigned run, char id[40])
{
	(void)snprintf(id, 40, "%08x%024x", run * 2654435761U, run);
}

static void
test_name(unsigned test, char suite[16], char name[64])
{
	(void)snprintf(suite, 16, "suite-%u", test % SUITES);
	(void)snprintf(name, 64, "module %u > does thing number %u", test / 100, test);
}

static int
done(struct filler *f, sqlite3_stmt *st)
{
	int	rc = sqlite3_step(st);

	f->rows++;
	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : bench_fail(-EIO, "fill: %s", sqlite3_errmsg(f->sql));
}

static int
fill_attempt(struct filler *f, unsigned run, unsigned test, unsigned number, bool fails)
{
	struct past		*p = &f->past[test];
	double			 us = p->typical_us * exp(0.15 * normal(f));
	struct recent_row	 row = { .start_ms = START_MS + (uint64_t)run * RUN_MS + test * 30,
	    .duration_us = (uint64_t)us, .cpu_us = (uint64_t)(us * 0.6),
	    .memory_bytes = (uint64_t)(p->memory * (1 + 0.02 * uniform(f))),
	    .output_bytes = 500 + test % 700,
	    .max_rss_bytes = (uint64_t)(p->memory * 0.7), .processes = 3, .sessions = 1,
	    .outcome = fails ? OUTCOME_FAIL : OUTCOME_PASS };
	const uint64_t		 v[] = { run + 1, test, number, test + 1, test % 8 + 1, row.outcome,
	    row.start_ms, row.start_ms + row.duration_us / 1000, row.duration_us, fails, row.cpu_us,
	    row.max_rss_bytes, row.output_bytes, row.cpu_us / 4 * 3, row.cpu_us / 4,
	    row.memory_bytes, 3, 1200 + test % 100, 12, 30, 5, 4096, 8192, row.processes,
	    row.sessions, 900, 40000 };
	void			*recent;
	int			 r;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		(void)sqlite3_bind_int64(f->attempt, (int)i + 1, (int64_t)v[i]);
	r = recent_add(p->recent, p->recent_n, &row, &recent, &p->recent_n);
	if (r != 0)
		return r;
	free(p->recent);
	p->recent = recent;
	p->attempts++;
	p->passes += !fails;
	p->failures += fails;
	p->total_us += row.duration_us;
	p->last_ms = row.start_ms;
	return done(f, f->attempt);
}

/* One test in one run: one in a hundred fails and is run again. */
static int
fill_test(struct filler *f, unsigned run, unsigned test)
{
	bool	flaky = uniform(f) < 0.01;
	int	r = flaky ? fill_attempt(f, run, test, 1, true) : 0;

	if (r == 0)
		r = fill_attempt(f, run, test, flaky ? 2 : 1, false);
	estimate_add(&f->past[test].expected, (uint64_t)f->past[test].typical_us, false);
	(void)sqlite3_bind_int64(f->run_test, 1, run + 1);
	(void)sqlite3_bind_int64(f->run_test, 2, test);
	(void)sqlite3_bind_int64(f->run_test, 3, test + 1);
	(void)sqlite3_bind_int64(f->run_test, 4, flaky);
	(void)sqlite3_bind_int64(f->run_test, 5, flaky ? 2 : 1);
	return r == 0 ? done(f, f->run_test) : r;
}

static int
fill_runs(struct filler *f, unsigned runs)
{
	char	id[40];
	int	r = 0;

	for (unsigned run = 0; run < runs && r == 0; run++) {
		run_id(run, id);
		(void)sqlite3_bind_int64(f->run, 1, run + 1);
		(void)sqlite3_bind_text(f->run, 2, id, -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_int64(f->run, 3, (int64_t)(START_MS + (uint64_t)run * RUN_MS));
		r = done(f, f->run);
		for (unsigned test = 0; test < TESTS && r == 0; test++)
			r = fill_test(f, run, test);
	}
	return r;
}

static int
fill_spec(struct filler *f, unsigned test, const char *name)
{
	struct sv		argv[] = { SV_LIT("/bin/true"), sv_from(name) };
	struct msg_test_add	m = { .name = sv_from(name), .argv = { argv, 2 },
	    .cwd = SV_LIT("/") };
	unsigned char		hash[16] = { 0 }, packed[1024];
	char			*body;
	size_t			 n, len;
	int			 r = msg_encode(MSG_TEST_ADD, &m, &body, &n);

	if (r != 0)
		return r;
	len = ZSTD_compress(packed, sizeof packed, body, n, 1);
	free(body);
	memcpy(hash, &test, sizeof test);
	(void)sqlite3_bind_int64(f->spec, 1, test + 1);
	(void)sqlite3_bind_blob(f->spec, 2, hash, sizeof hash, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(f->spec, 3, (int64_t)n);
	(void)sqlite3_bind_blob(f->spec, 4, packed, (int)len, SQLITE_TRANSIENT);
	return done(f, f->spec);
}

/* The tests themselves: who they are, first; what they came to, last. */
static int
fill_tests(struct filler *f, bool last, unsigned runs)
{
	char	suite[16], name[64];
	int	r = 0;

	for (unsigned test = 0; test < TESTS && r == 0; test++) {
		struct past	*p = &f->past[test];
		const uint64_t	 v[] = { p->attempts, p->passes, p->failures, p->failures,
		    p->total_us, (uint64_t)(p->typical_us * (double)p->failures), runs,
		    p->last_ms };

		test_name(test, suite, name);
		if (!last) {
			p->typical_us = exp(11 + 1.5 * normal(f));
			p->memory = 30e6 * exp(0.5 * normal(f));
			r = fill_spec(f, test, name);
			continue;
		}
		(void)sqlite3_bind_int64(f->test, 1, test + 1);
		(void)sqlite3_bind_text(f->test, 2, suite, -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_text(f->test, 3, name, -1, SQLITE_TRANSIENT);
		for (int i = 0; i < 8; i++)
			(void)sqlite3_bind_int64(f->test, i + 4, (int64_t)v[i]);
		(void)sqlite3_bind_double(f->test, 12, p->expected.mu);
		(void)sqlite3_bind_double(f->test, 13, p->expected.dev);
		(void)sqlite3_bind_double(f->test, 14, p->expected.fail);
		(void)sqlite3_bind_blob(f->test, 15, p->recent,
		    (int)recent_head(p->recent, p->recent_n), SQLITE_TRANSIENT);
		r = done(f, f->test);
	}
	return r;
}

static int
prepare(struct filler *f)
{
	const struct { sqlite3_stmt **st; const char *sql; } all[] = {
		{ &f->run, "INSERT INTO runs (id, run, start_ms, uid, status, jobs, seed, total, "
		    "passed, end_ms, duration_us, sequential_us, workers_used) VALUES (?1, ?2, ?3, "
		    "1000, 1, 8, 1, 10000, 10000, ?3 + 300000, 300000000, 2100000000, 8)" },
		{ &f->spec, "INSERT INTO specs VALUES (?, 1000, ?, ?, ?)" },
		{ &f->run_test, "INSERT INTO run_tests (run, idx, test, spec, status, flaky, "
		    "attempts) VALUES (?1, ?2, ?3, ?3, 0, ?4, ?5)" },
		{ &f->attempt, "INSERT INTO attempts (run, idx, attempt, test, worker, outcome, "
		    "start_ms, end_ms, duration_us, exit_code, cpu_us, max_rss_bytes, "
		    "output_bytes, user_us, system_us, tree_peak_bytes, tree_source, minor_faults, "
		    "major_faults, voluntary_switches, involuntary_switches, read_bytes, "
		    "write_bytes, processes, sessions, spawn_us, queued_us) VALUES (?, ?, ?, ?, ?, "
		    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
		{ &f->test, "INSERT INTO tests (id, uid, suite, name, attempts, passes, failures, "
		    "flaky, total_us, wasted_us, last_run, last_ms, mu, dev, fail, newest)"
		    " VALUES (?, 1000, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (sqlite3_prepare_v2(f->sql, all[i].sql, -1, all[i].st, NULL) != SQLITE_OK)
			return bench_fail(-EIO, "fill: %s", sqlite3_errmsg(f->sql));
	}
	return 0;
}

static int
exec(sqlite3 *sql, const char *text)
{
	return sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK ? 0 :
	    bench_fail(-EIO, "%.40s: %s", text, sqlite3_errmsg(sql));
}

static int
fill(sqlite3 *sql, unsigned runs, uint64_t *ret_rows)
{
	struct filler	f = { .sql = sql, .seed = 88172645463325252,
	    .past = xcalloc(TESTS, sizeof *f.past) };
	int		r = exec(sql, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	    " PRAGMA cache_size = -300000");

	if (r == 0)
		r = exec(sql, sql_schema);
	if (r == 0)
		r = exec(sql, "DROP INDEX attempts_by_test; BEGIN");	/* made in one go, below */
	if (r == 0)
		r = prepare(&f);
	if (r == 0)
		r = fill_tests(&f, false, runs);
	if (r == 0)
		r = fill_runs(&f, runs);
	if (r == 0)
		r = fill_tests(&f, true, runs);
	if (r == 0)
		r = exec(sql, "COMMIT; CREATE INDEX attempts_by_test ON attempts"
		    " (test, start_ms, outcome, condition)");
	for (unsigned i = 0; i < TESTS; i++)
		free(f.past[i].recent);
	free(f.past);
	(void)sqlite3_finalize(f.run);
	(void)sqlite3_finalize(f.test);
	(void)sqlite3_finalize(f.spec);
	(void)sqlite3_finalize(f.run_test);
	(void)sqlite3_finalize(f.attempt);
	*ret_rows = f.rows;
	return r;
}

/* ---- questions ---- */

struct question {
	const char	*name, *member;
	enum msg_type	 type;
	union msg_body	 body;
};

/* What one answer was. */
struct given {
	uint64_t	messages, bytes, pages, longest_us, total_us;
	bool		failed;
};

/* Encodes it, as the store does that sends it. */
static int
on_message(void *arg, enum msg_type type, const void *msg)
{
	struct given	*g = arg;
	char		*body;
	size_t		 n;
	int		 r = msg_encode(type, msg, &body, &n);

	if (r != 0)
		return r;
	free(body);
	g->messages++;
	g->bytes += n;
	g->failed |= type == MSG_ERROR;
	return 0;
}

static int
ask(struct db *db, const struct question *q, struct given *ret)
{
	uint64_t	from = 0, start, us;
	int		r;

	*ret = (struct given){ .messages = 0 };
	do {
		start = now_us();
		r = query_answer(db, 1000, q->type, &q->body, from, on_message, ret, &from);
		us = now_us() - start;
		ret->pages++;
		ret->total_us += us;
		ret->longest_us = us > ret->longest_us ? us : ret->longest_us;
	} while (r == 0 && from != 0);
	return r == 0 && ret->failed ? -EIO : r;
}

static int
measure(struct bench *b, struct db *db, const struct question *q, struct table *t, json_t *figures)
{
	struct samples	total = { .n = 0 }, longest = { .n = 0 };
	struct given	g;
	json_t		*o = json_object();
	int		r = 0;

	for (int i = 0; i < (b->quick ? 2 : ROUNDS) && r == 0; i++) {
		r = ask(db, q, &g);
		samples_add(&total, (double)g.total_us / 1000);
		samples_add(&longest, (double)g.longest_us / 1000);
	}
	if (r != 0) {
		json_decref(o);
		return bench_fail(r, "%s: no answer", q->name);
	}
	table_row(t, "%s|%llu|%llu|%.1f|%.1f|%s", q->name, (unsigned long long)g.messages,
	    (unsigned long long)g.pages, samples_median(&longest), samples_median(&total),
	    table_at_most(samples_median(&longest), BAR_MS, " ms"));
	bench_figure(o, "bytes", (double)g.bytes);
	bench_figure(o, "longestPageMs", samples_median(&longest));
	bench_figure(o, "totalMs", samples_median(&total));
	(void)json_object_set_new(figures, q->member, o);
	return 0;
}

/* The start of a run: what is expected of its tests. */
static int
measure_start(struct bench *b, struct db *db, struct table *t, json_t *figures)
{
	static char		text[PLAN][2][64];
	static struct sv	names[2 * PLAN];
	static uint64_t		values[PLAN * ESTIMATE_STRIDE], costs[PLAN * COST_STRIDE];
	struct msg_estimate	m = { .uid = 1000, .tests = { names, 2 * PLAN } };
	struct samples		v = { .n = 0 };
	uint64_t		start;
	int			r = 0;

	for (unsigned i = 0; i < PLAN; i++) {
		test_name(i * (TESTS / PLAN), text[i][0], text[i][1]);
		names[2 * i] = sv_from(text[i][0]);
		names[2 * i + 1] = sv_from(text[i][1]);
	}
	for (int i = 0; i < (b->quick ? 2 : ROUNDS) && r == 0; i++) {
		start = now_us();
		r = query_estimate(db, &m, values, costs);
		samples_add(&v, (double)(now_us() - start) / 1000);
	}
	for (unsigned i = 0; i < PLAN && r == 0; i++) {
		if (values[i * ESTIMATE_STRIDE + ESTIMATE_US] == 0)
			r = -ENOENT;
	}
	if (r != 0)
		return bench_fail(r, "estimates: no answer");
	table_row(t, "start of a run, %d tests|1|1|%.1f|%.1f|%s", PLAN, samples_median(&v),
	    samples_median(&v), table_at_most(samples_median(&v), BAR_MS, " ms"));
	bench_figure(figures, "startMs", samples_median(&v));
	return 0;
}

/* All questions, about one test, its suite and one run. */
static int
measure_all(struct bench *b, struct db *db, const char *suite, const char *name, const char *run,
    const char *title, json_t *figures)
{
	const struct question	all[] = {
		{ "history of a test", "history", MSG_HISTORY, { .history = {
		    .test = sv_from(name), .limit = 1000 } } },
		{ "metrics, as they come", "metrics", MSG_METRICS, { .metrics = { .limit = 0 } } },
		{ "metrics of all tests", "metricsAll", MSG_METRICS,
		    { .metrics = { .limit = TESTS } } },
		{ "the same by name", "metricsByName", MSG_METRICS, { .metrics = {
		    .sort = METRIC_SORT_NAME, .limit = TESTS } } },
		{ "regressions", "regressions", MSG_METRICS, { .metrics = { .regressed = true } } },
		{ "metrics of a suite", "metricsSuite", MSG_METRICS, { .metrics = {
		    .suite = sv_from(suite) } } },
		{ "metrics of a run", "metricsRun", MSG_METRICS,
		    { .metrics = { .run = sv_from(run) } } },
		{ "metrics of a test", "metricsTest", MSG_METRICS, { .metrics = {
		    .test = sv_from(name) } } },
		{ "flaky tests", "flaky", MSG_FLAKY, { .flaky = { .limit = 0 } } },
		{ "list of runs", "runs", MSG_RUN_LIST, { .run_list = { .limit = 0 } } },
		{ "plan of a run", "plan", MSG_PLAN_READ,
		    { .plan_read = { .run = sv_from(run) } } },
	};
	struct table		t = { NULL, 0 };
	int			r = 0;

	table_row(&t, "question|messages|pages|longest page ms|all ms|");
	for (size_t i = 0; i < sizeof all / sizeof all[0] && r == 0; i++)
		r = measure(b, db, &all[i], &t, figures);
	if (r == 0)
		r = measure_start(b, db, &t, figures);
	table_print(&t, title);
	return r;
}

int
bench_history(struct bench *b, json_t *figures)
{
	unsigned	runs = b->quick ? RUNS_QUICK : RUNS;
	struct db	db = { .dirfd = -1 };
	char		path[BENCH_PATH], title[128], suite[16], name[64], run[40];
	uint64_t	start = now_us(), rows = 0;
	int		r;

	(void)bench_path(b, "history.db", path);
	if (sqlite3_open(path, &db.sql) != SQLITE_OK)
		r = bench_fail(-EIO, "%s: %s", path, sqlite3_errmsg(db.sql));
	else
		r = fill(db.sql, runs, &rows);
	(void)snprintf(title, sizeof title, "history: %u attempts, made in %.1f s", runs * TESTS,
	    (double)(now_us() - start) / 1e6);
	(void)sqlite3_close(db.sql);
	db.sql = NULL;
	if (r == 0 && (sqlite3_open(path, &db.sql) != SQLITE_OK ||
	    exec(db.sql, "PRAGMA journal_mode = WAL; PRAGMA cache_size = -32000") != 0))
		r = -EIO;
	test_name(TESTS / 2 + 1, suite, name);
	run_id(runs / 2, run);
	if (r == 0)
		r = measure_all(b, &db, suite, name, run, title, figures);
	(void)sqlite3_close(db.sql);
	return r;
}
