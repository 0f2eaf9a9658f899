/*
 * A supervisor in memory whose store follows a script: the test's own program, started
 * again by the supervisor as paratest-store.  The script is a file of words in the state's
 * folder, read at each start; what the store is told it notes, a line each, in another.
 * Time can be moved: clock_gettime() is the test's own.
 */
#ifndef TESTS_UNIT_STORE_LINK_FIXTURE_H
#define TESTS_UNIT_STORE_LINK_FIXTURE_H

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "common/history.h"
#include "common/log.h"
#include "tests/unit/control_fixture.h"

#define LX_DEADLINE_MS	20000
#define LX_SECONDS	60	/* after which a store ends, whatever happens */

/* ---- time ---- */

static uint64_t lx_skew_ms;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int	r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE))
		ts->tv_sec += (time_t)(lx_skew_ms / 1000);
	return r;
}

/* ---- the store ---- */

struct lx_store {
	char			 script[512];
	FILE			*notes;
	struct evbuffer		*out;
};

static inline bool
lx_says(const struct lx_store *st, const char *word)
{
	return strstr(st->script, word) != NULL;
}

static inline void
lx_write(struct lx_store *st)
{
	while (evbuffer_get_length(st->out) > 0)
		if (evbuffer_write(st->out, 3) <= 0)
			_exit(0);
}

/* A page of an answer: one row, and where the next is. */
static inline void
lx_page(struct lx_store *st, uint32_t id, uint64_t from)
{
	struct msg_attempt_row	row = { .run = SV_LIT("r"), .test = SV_LIT("t"),
	    .attempt = from + 1 };
	struct msg_answer	m = { .type = MSG_ATTEMPT_ROW };
	struct msg_answer_end	end = { .next = lx_says(st, "endless") || from < 2 ? from + 1 : 0 };
	struct msg_end_of	over = { .count = 3 };
	char			*body;
	size_t			 n;

	sx_need(msg_encode(MSG_ATTEMPT_ROW, &row, &body, &n) == 0);
	m.body = (struct sv){ body, n };
	do {
		sx_need(msg_put(st->out, MSG_ANSWER, id, &m) == 0);
		lx_write(st);
	} while (lx_says(st, "flood"));
	free(body);
	if (end.next == 0) {
		sx_need(msg_encode(MSG_END_OF, &over, &body, &n) == 0);
		m = (struct msg_answer){ .type = MSG_END_OF, .body = { body, n } };
		sx_need(msg_put(st->out, MSG_ANSWER, id, &m) == 0);
		free(body);
	}
	sx_need(msg_put(st->out, MSG_ANSWER_END, id, &end) == 0);
}

static inline void
lx_estimate(struct lx_store *st, uint32_t id, const struct msg_estimate *m)
{
	static uint64_t		v[3000];
	struct msg_estimates	answer = { .values = { v, m->tests.n / 2 * ESTIMATE_STRIDE } };

	for (uint32_t i = 0; i < answer.values.n; i++)
		v[i] = lx_says(st, "huge") ? UINT64_MAX : 1000000 * (i + 1);
	if (lx_says(st, "short"))
		answer.values.n -= ESTIMATE_STRIDE + 1;
	sx_need(msg_put(st->out, MSG_ESTIMATES, id, &answer) == 0);
	if (lx_says(st, "twice"))
		sx_need(msg_put(st->out, MSG_ESTIMATES, id, &answer) == 0);
}

static inline void
lx_setup(struct lx_store *st, const struct msg_store_setup *m)
{
	struct msg_store_ready	ready = { .version = MSG_VERSION + lx_says(st, "version") };

	(void)fprintf(st->notes, "setup %llu\n", (unsigned long long)m->keep_runs);
	if (!lx_says(st, "silent"))
		sx_need(msg_put(st->out, MSG_STORE_READY, 0, &ready) == 0);
	lx_write(st);
	if (lx_says(st, "dies"))
		_exit(1);
	if (!lx_says(st, "closes") && !lx_says(st, "deaf"))
		return;
	if (lx_says(st, "closes"))
		(void)close(3);
	for (;;)
		(void)pause();
}

static inline int
lx_message(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct lx_store	*st = arg;

	if (type == MSG_STORE_SETUP) {
		lx_setup(st, &m->store_setup);
	} else if (type == MSG_JOURNAL) {
		struct msg_stored	 stored = { .run = m->journal.run,
		    .size = m->journal.size - lx_says(st, "less"), .over = m->journal.over };

		(void)fprintf(st->notes, "journal " SV_FMT "%s\n", SV_ARG(m->journal.run),
		    m->journal.over ? " over" : "");
		if (!lx_says(st, "mute"))
			sx_need(msg_put(st->out, MSG_STORED, 0, &stored) == 0);
	} else if (type == MSG_ASK) {
		(void)fprintf(st->notes, "ask %s uid %llu\n", msg_desc((uint32_t)m->ask.type)->name,
		    (unsigned long long)m->ask.uid);
		if (lx_says(st, "garbage"))
			(void)evbuffer_add(st->out, "this is no frame", 16);
		else if (lx_says(st, "bites"))
			_exit(1);
		else if (!lx_says(st, "mute"))
			lx_page(st, id, m->ask.from);
	} else if (type == MSG_ESTIMATE && !lx_says(st, "mute")) {
		lx_estimate(st, id, &m->estimate);
	}
	lx_write(st);
	return 0;
}

/* paratest-store, as the script says. */
static inline int
lx_store_main(const char *dir)
{
	struct lx_store		 st = { .out = evbuffer_new() };
	struct msg_reader	*reader = msg_reader_new();
	struct evbuffer		*in = evbuffer_new();
	char			 path[256];
	FILE			*f;

	(void)alarm(LX_SECONDS);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fcntl(3, F_SETFL, 0);
	(void)snprintf(path, sizeof path, "%s/script", dir);
	f = fopen(path, "re");
	if (f != NULL) {
		(void)fread(st.script, 1, sizeof st.script - 1, f);
		(void)fclose(f);
	}
	(void)snprintf(path, sizeof path, "%s/notes", dir);
	st.notes = fopen(path, "ae");
	sx_need(st.notes != NULL);
	setvbuf(st.notes, NULL, _IOLBF, 0);
	(void)fputs("start\n", st.notes);
	while (evbuffer_read(in, 3, -1) > 0)
		sx_need(msg_drain(in, MSG_DIR_S2D, reader, lx_message, &st, NULL) == 0);
	while (lx_says(&st, "lives"))
		(void)pause();
	return 0;
}

#define LX_STORE(argc, argv)						\
	if ((argc) == 2 && strcmp((argv)[0], "paratest-store") == 0)	\
		return lx_store_main((argv)[1])

/* ---- the supervisor ---- */

struct lx {
	struct sx	 sx;
	char		 dir[40], state[64];
};

static inline void
lx_script(struct lx *lx, const char *words)
{
	char	 path[128];
	FILE	*f;

	(void)snprintf(path, sizeof path, "%s/script", lx->state);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(words, f);
	(void)fclose(f);
}

static inline struct lx *
lx_open(const char *words)
{
	struct lx	*lx = calloc(1, sizeof *lx);

	assert_non_null(lx);
	(void)snprintf(lx->dir, sizeof lx->dir, "/tmp/paratest-link.XXXXXX");
	assert_non_null(mkdtemp(lx->dir));
	(void)snprintf(lx->state, sizeof lx->state, "%s/state", lx->dir);
	assert_int_equal(mkdir(lx->state, 0700), 0);
	lx_script(lx, words);
	sx_open_all(&lx->sx, "/nonexistent/paratest-worker", lx->state, "/proc/self/exe");
	pool_stop(lx->sx.server.pool, false);
	return lx;
}

static inline void
lx_close(struct lx *lx)
{
	sx_close(&lx->sx);
	while (waitpid(-1, NULL, 0) > 0)
		;
	(void)rmtree_at(AT_FDCWD, lx->dir);
	free(lx);
}

/* One turn of the loop, which waits a moment for what may come. */
static inline void
lx_turn(struct lx *lx)
{
	struct timeval	tick = { 0, 5000 };

	(void)event_base_loopexit(lx->sx.server.base, &tick);
	(void)event_base_loop(lx->sx.server.base, EVLOOP_ONCE);
	for (size_t i = 0; i < lx->sx.nclients; i++) {
		if (lx->sx.clients[i].conn != NULL && lx->sx.clients[i].conn->gone)
			lx->sx.clients[i].conn = NULL;
	}
	server_turn(&lx->sx.server);
}

/* The same, and takes what the clients are sent. */
static inline void
lx_step(struct lx *lx)
{
	lx_turn(lx);
	for (size_t i = 0; i < lx->sx.nclients; i++)
		sx_collect(&lx->sx, &lx->sx.clients[i]);
}

#define LX_UNTIL(lx, cond) do {						\
	msec_t	lx_end = now_ms() + LX_DEADLINE_MS;			\
	while (!(cond)) {						\
		assert_true(now_ms() < lx_end);				\
		lx_step(lx);						\
	}								\
} while (0)

/* How often a line of the notes begins so. */
static inline unsigned
lx_noted(const struct lx *lx, const char *text)
{
	char		 path[128], line[256];
	unsigned	 n = 0;
	FILE		*f;

	(void)snprintf(path, sizeof path, "%s/notes", lx->state);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n += strncmp(line, text, strlen(text)) == 0;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

static inline struct lx *
lx_up(const char *words)
{
	struct lx	*lx = lx_open(words);

	LX_UNTIL(lx, history_up(lx->sx.server.history));
	return lx;
}

static inline void
lx_ask(struct sx_client *c, uint32_t id)
{
	struct msg_history	m = { .test = SV_LIT("t") };

	sx_send(c, MSG_HISTORY, id, &m);
}

#endif
