/*
 * A run in memory while its journal is read: found in the database and brought to where
 * the last commit stopped, by a second look at what is before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/event.h"
#include "common/fdutil.h"
#include "store/ingest_int.h"

/* ---- what is remembered ---- */

int
irun_add_test(struct irun *run, int64_t test)
{
	size_t	 cap = run->tests_cap * 2 + 64;
	int64_t	*v;

	if (run->ntests == run->tests_cap) {
		v = reallocarray(run->tests, cap, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		run->tests = v;
		run->tests_cap = cap;
	}
	run->tests[run->ntests++] = test;
	return 0;
}

struct irun_output *
irun_output_of(struct irun *run, uint64_t test, uint64_t attempt)
{
	struct irun_output	*o;

	LIST_FOREACH(o, &run->outputs, entry) {
		if (o->test == test && o->attempt == attempt)
			return o;
	}
	return NULL;
}

void
irun_drop_output(struct irun_output *o)
{
	if (o == NULL)
		return;
	LIST_REMOVE(o, entry);
	free(o->v);
	free(o);
}

int
irun_add_output(struct irun *run, const struct msg_jrn_output *m, uint64_t at)
{
	struct irun_output	*o = irun_output_of(run, m->test, m->attempt);
	struct irun_extent	*v;

	if (m->stream < 1 || m->stream > 2 || m->attempt == 0 || m->test >= run->ntests)
		return -EINVAL;
	if (o == NULL) {
		o = calloc(1, sizeof *o);
		if (o == NULL)
			return -ENOMEM;
		o->test = m->test;
		o->attempt = m->attempt;
		LIST_INSERT_HEAD(&run->outputs, o, entry);
	}
	if (m->data.n == 0 || o->size + (o->n + 1) * 5 + m->data.n > BLOB_MAX)
		return 0;	/* a supervisor lets through less */
	if (o->n == o->cap) {
		v = reallocarray(o->v, o->cap * 2 + 4, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		o->v = v;
		o->cap = o->cap * 2 + 4;
	}
	o->v[o->n++] = (struct irun_extent){ at, (uint32_t)m->data.n, (uint32_t)m->stream };
	o->size += m->data.n;
	return 0;
}

int
irun_add_event(struct irun *run, uint64_t seq, struct sv body)
{
	size_t	 need = run->log_len + MSG_HEADER + body.n;
	char	*p;

	if (need > run->log_cap) {
		p = realloc(run->log, need + INGEST_PIECE);
		if (p == NULL)
			return -ENOMEM;
		run->log = p;
		run->log_cap = need + INGEST_PIECE;
	}
	p = run->log + run->log_len;
	msg_header(p, MSG_EVENT, 0, body.n);
	memcpy(p + MSG_HEADER, body.p, body.n);
	run->log_len = need;
	if (run->log_events++ == 0)
		run->log_seq = seq;
	return 0;
}

/* ---- from the database and the journal ---- */

/* Outputs of attempts that are not over, and events that are in no piece yet. */
static int
look_again(struct ingest *in, struct irun *run, enum msg_type type, struct sv body)
{
	struct journal_reader	*rd = &run->reader;
	union msg_body		 m;
	bool			 logged = rd->at - body.n - MSG_HEADER >= run->log_at;
	int			 r;

	if (type != MSG_JRN_OUTPUT && type != MSG_EVENT)
		return 0;
	if (type == MSG_EVENT && !logged && LIST_EMPTY(&run->outputs))
		return 0;
	r = msg_decode(in->decoder, type, body.p, body.n, &m, NULL);
	if (r != 0)
		return r == -EBADMSG ? 0 : r;
	if (type == MSG_JRN_OUTPUT) {
		r = irun_add_output(run, &m.jrn_output,
		    rd->at - (uint64_t)(body.p + body.n - m.jrn_output.data.p));
		return r == -EINVAL ? 0 : r;
	}
	if (m.event.type == EVENT_ATTEMPT_FINISHED)
		irun_drop_output(irun_output_of(run, m.event.index, m.event.attempt));
	return logged ? irun_add_event(run, m.event.seq, body) : 0;
}

static int
read_again(struct ingest *in, struct irun *run, uint64_t applied)
{
	enum msg_type	type;
	struct sv	body;
	int		r;

	run->reader.end = applied;
	while ((r = journal_next(&run->reader, &type, &body)) == 1) {
		r = look_again(in, run, type, body);
		if (r != 0)
			return r;
	}
	if (r == 0 && run->reader.at != applied)
		r = -EBADMSG;
	return r;
}

static int
load_tests(struct ingest *in, struct irun *run)
{
	static const char	 sql[] = "SELECT test FROM run_tests WHERE run = ?1 ORDER BY idx";
	sqlite3_stmt		*st;
	int			 r, failed = 0;

	for (r = db_row(in->db, &st, sql, "i", run->row); r == 1; r = db_next(st)) {
		failed = irun_add_test(run, sqlite3_column_int64(st, 0));
		if (failed != 0) {
			db_done(st);
			return failed;
		}
	}
	return r;
}

/* A journal that became shorter than what was read of it, by a power cut: from its start,
 * with events in new pieces. */
static int
start_over(struct ingest *in, struct irun *run)
{
	int	r;

	r = db_run(in->db, "DELETE FROM event_log WHERE run = ?1", "i", run->row);
	if (r == 0)
		r = db_run(in->db, "UPDATE runs SET applied = 0, log_at = 0 WHERE id = ?1", "i",
		    run->row);
	journal_reader_free(&run->reader);
	journal_reader_init(&run->reader, run->fd, 0, run->announced);
	while (!LIST_EMPTY(&run->outputs))
		irun_drop_output(LIST_FIRST(&run->outputs));
	run->ntests = run->log_len = 0;
	run->log_at = run->log_events = 0;
	return r;
}

static int
load_row(struct ingest *in, struct irun *run)
{
	static const char	 sql[] = "SELECT id, uid, applied, log_at, end_ms IS NOT NULL,"
				    " marks FROM runs WHERE run = ?1";
	sqlite3_stmt		*st;
	uint64_t		 applied;
	int			 r = db_row(in->db, &st, sql, "t", sv_from(run->id));

	if (r != 1)
		return r;
	run->row = sqlite3_column_int64(st, 0);
	run->uid = (uint64_t)sqlite3_column_int64(st, 1);
	applied = (uint64_t)sqlite3_column_int64(st, 2);
	run->log_at = (uint64_t)sqlite3_column_int64(st, 3);
	run->ended = sqlite3_column_int(st, 4) != 0;
	run->marks = (uint64_t)sqlite3_column_int64(st, 5);
	db_done(st);
	if (run->fd == -1)
		return 1;
	r = load_tests(in, run);
	if (r == 0)
		r = applied <= run->announced ? read_again(in, run, applied) : -EBADMSG;
	if (r == -EBADMSG)
		r = start_over(in, run);
	return r != 0 ? r : 1;
}

/* A run is one when its plan is whole: then its row is made.  1, 0 not yet, or -errno. */
static int
begin(struct ingest *in, struct irun *run)
{
	struct msg_jrn_run	 first;
	struct journal_reader	 rd;
	union msg_body		 m;
	enum msg_type		 type;
	struct sv		 body;
	char			*copy = NULL;
	size_t			 n = 0;
	int			 r;

	journal_reader_init(&rd, run->fd, 0, run->announced);
	while ((r = journal_next(&rd, &type, &body)) == 1 && type != MSG_JRN_COMMIT) {
		if (type != MSG_JRN_RUN || copy != NULL)
			continue;
		copy = malloc(body.n + 1);
		if (copy == NULL) {
			r = -ENOMEM;
			break;
		}
		memcpy(copy, body.p, body.n);
		n = body.n;
	}
	if (r == 1)
		r = msg_decode(in->decoder, MSG_JRN_COMMIT, body.p, body.n, &m, NULL) == 0 &&
		    copy != NULL ? 1 : -EBADMSG;
	journal_reader_free(&rd);
	if (r == 1) {
		struct msg_jrn_commit	commit = m.jrn_commit;

		r = msg_decode(in->decoder, MSG_JRN_RUN, copy, n, &m, NULL);
		first = m.jrn_run;
		if (r == 0)
			r = apply_run(in, run, &first, &commit);
		r = r == 0 ? 1 : r;
	}
	free(copy);
	return r;
}

int
irun_load(struct ingest *in, struct irun *run)
{
	char	path[sizeof INGEST_DIR + INGEST_RUN_ID + 1] = INGEST_DIR "/";
	int	r;

	if (run->loaded)
		return 1;
	LIST_INIT(&run->outputs);
	run->fd = openat(in->db->dirfd, strcat(path, run->id), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (run->fd == -1 && errno != ENOENT)
		return -errno;
	journal_reader_init(&run->reader, run->fd, 0, run->announced);
	r = load_row(in, run);
	if (r >= 0 && run->fd == -1)
		r = -ENOENT;
	if (r == 0)
		r = begin(in, run);
	run->loaded = r == 1;
	if (r != 1)
		irun_unload(run);
	return r;
}

void
irun_unload(struct irun *run)
{
	while (!LIST_EMPTY(&run->outputs))
		irun_drop_output(LIST_FIRST(&run->outputs));
	journal_reader_free(&run->reader);
	fd_close(&run->fd);
	free(run->tests);
	free(run->log);
	run->tests = NULL;
	run->log = NULL;
	run->ntests = run->tests_cap = run->log_len = run->log_cap = 0;
	run->log_at = run->log_seq = run->log_events = run->bytes = 0;
	run->row = 0;
	run->marks = run->storm_from = run->storm_to = 0;
	memset(&run->storm, 0, sizeof run->storm);
	run->fd = -1;
	run->loaded = run->touched = run->ended = false;
}
