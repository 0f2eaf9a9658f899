/* The plan of a run, its output and its log into rows; see ingest.h. */
#include <errno.h>
#include <stdlib.h>

#include "common/event.h"
#include "common/flake.h"
#include "common/outcome.h"
#include "store/flakiness.h"
#include "store/ingest_int.h"

#define ROW_BYTES	200	/* of a row with its indexes, about; for retention */

/* ---- the run ---- */

/* What the plan says of resources, as PLAN_READ answers it. */
static int
encode_plan(const struct msg_jrn_run *m, const struct msg_run_begin *b, uint64_t total,
    char **ret, size_t *ret_n)
{
	struct msg_plan_run	plan = { .run = m->run, .name = b->name, .slots = b->slots,
	    .total = total, .isolation = b->isolation };

	return msg_encode(MSG_PLAN_RUN, &plan, ret, ret_n);
}

int
apply_run(struct ingest *in, struct irun *run, const struct msg_jrn_run *m,
    const struct msg_jrn_commit *commit)
{
	static const char	 sql[] = "INSERT INTO runs (run, uid, label, parent, jobs, seed,"
				    " shuffled, slots, start_ms, total, revision, marks) VALUES (?1, ?2,"
				    " ?3, nullif(?4, ''), max(?5, 1), ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
	struct msg_reader	*decoder = msg_reader_new();
	const struct msg_run_begin *b;
	union msg_body		 begin;
	char			*plan = NULL;
	size_t			 n = 0;
	int			 r;

	if (decoder == NULL)
		return -ENOMEM;
	r = sv_is(m->run, run->id) ? msg_decode(decoder, MSG_RUN_BEGIN, m->begin.p, m->begin.n,
	    &begin, NULL) : -EBADMSG;
	b = &begin.run_begin;
	if (r == 0)
		r = encode_plan(m, b, commit->tests, &plan, &n);
	if (r == 0)
		run->marks = (nums_at(b->flake, FLAKE_SET_ON) != 0 ? RUN_MARK_DETECTS : 0) |
		    (b->shared ? RUN_MARK_SHARED : 0);
	if (r == 0)
		r = db_run(in->db, sql, "tuttuuubuutu", m->run, m->uid, b->name, b->parent,
		    db_cut(b->jobs > 0 ? b->jobs : m->jobs), b->seed, (uint64_t)b->shuffle,
		    (struct sv){ plan, n }, db_cut(commit->start_ms), db_cut(commit->tests),
		    b->revision, run->marks);
	run->row = r == 0 ? sqlite3_last_insert_rowid(in->db->sql) : 0;
	run->uid = m->uid;
	run->bytes += n + ROW_BYTES;
	free(plan);
	msg_reader_free(decoder);
	return r;
}

/* ---- its tests ---- */

/* The id that a look-up found: 1, or what it gave. */
static int
take_id(sqlite3_stmt *st, int r, int64_t *ret)
{
	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	db_done(st);
	return 1;
}

/* 1 and its row when this definition is there; 0 when its place is free, or what is there
 * is damaged; -EEXIST: it is another's. */
static int
find_spec(struct ingest *in, const struct irun *run, struct sv hash, struct sv body, int64_t *ret)
{
	static const char	 sql[] = "SELECT id, data FROM specs"
				    " WHERE uid = ?1 AND hash = ?2";
	sqlite3_stmt		*st;
	int			 r = db_row(in->db, &st, sql, "ub", run->uid, hash), same;

	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	same = packer_same(in->packer, db_blob(st, 1), body);
	db_done(st);
	return same == 0 ? -EEXIST : same == -EBADMSG ? 0 : same;
}

/* The row of a definition, made when it is new; see blob.h. */
static int
spec_row(struct ingest *in, struct irun *run, struct sv body, int64_t *ret)
{
	static const char	 sql[] = "INSERT INTO specs (uid, hash, size_bytes, data)"
				    " VALUES (?1, ?2, ?3, ?4)";
	static const char	 sql_mend[] = "UPDATE specs SET size_bytes = ?2, data = ?3"
				    " WHERE id = ?1";
	unsigned char		 hash[BLOB_HASH];
	struct sv		 h = { (const char *)hash, sizeof hash }, packed;
	unsigned		 seed = 0;
	int			 r;

	do {
		packer_hash(body, seed++, hash);
		*ret = 0;
		r = find_spec(in, run, h, body, ret);
	} while (r == -EEXIST);
	if (r != 0)
		return r == 1 ? 0 : r;
	r = packer_pack(in->packer, body, &packed);
	if (r == 0 && *ret != 0)	/* what is there is damaged */
		return db_run(in->db, sql_mend, "iub", *ret, (uint64_t)body.n, packed);
	if (r == 0)
		r = db_run(in->db, sql, "ubub", run->uid, h, (uint64_t)body.n, packed);
	if (r == 0) {
		*ret = sqlite3_last_insert_rowid(in->db->sql);
		run->bytes += packed.n + ROW_BYTES;
	}
	return r;
}

/* The row of a test over all its runs. */
static int
test_row(struct db *db, uint64_t uid, const struct msg_test_add *m, int64_t *ret)
{
	static const char	 sql_find[] = "SELECT id FROM tests"
				    " WHERE uid = ?1 AND suite = ?2 AND name = ?3";
	static const char	 sql_add[] = "INSERT INTO tests (uid, suite, name)"
				    " VALUES (?1, ?2, ?3)";
	sqlite3_stmt		*st;
	int			 r;

	r = db_row(db, &st, sql_find, "utt", uid, m->suite, m->name);
	r = take_id(st, r, ret);
	if (r != 0)
		return r == 1 ? 0 : r;
	r = db_run(db, sql_add, "utt", uid, m->suite, m->name);
	*ret = sqlite3_last_insert_rowid(db->sql);
	return r;
}

static int
apply_test(struct ingest *in, struct irun *run, const struct msg_test_add *m, struct sv body)
{
	static const char	sql[] = "INSERT INTO run_tests (run, idx, test, spec)"
				    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
	int64_t			test = 0, spec = 0;
	int			r;

	r = test_row(in->db, run->uid, m, &test);
	if (r == 0)
		r = spec_row(in, run, body, &spec);
	if (r == 0)
		r = db_run(in->db, sql, "iuii", run->row, (uint64_t)run->ntests, test, spec);
	run->bytes += ROW_BYTES;
	return r == 0 ? irun_add_test(run, test) : r;
}

/* ---- its log ---- */

int
apply_log(struct ingest *in, struct irun *run)
{
	static const char	sql[] = "INSERT OR REPLACE INTO event_log"
				    " (run, first_seq, events, size_bytes, data)"
				    " VALUES (?1, ?2, ?3, ?4, ?5)";
	struct sv		packed = { NULL, 0 };
	int			r = 0;

	if (run->log_events > 0) {
		r = packer_pack(in->packer, (struct sv){ run->log, run->log_len }, &packed);
		if (r == 0)
			r = db_run(in->db, sql, "iuuub", run->row, db_cut(run->log_seq),
			    run->log_events, (uint64_t)run->log_len, packed);
	}
	if (r != 0)
		return r;
	run->bytes += packed.n;
	run->log_at = run->reader.at;
	run->log_len = 0;
	run->log_events = 0;
	return 0;
}

/* ---- any record ---- */

int
apply_record(struct ingest *in, struct irun *run, enum msg_type type, struct sv body)
{
	union msg_body	m;
	int		r;

	if (type != MSG_TEST_ADD && type != MSG_EVENT && type != MSG_JRN_OUTPUT)
		return 0;	/* the row of the run was made of the others */
	r = msg_decode(in->decoder, type, body.p, body.n, &m, NULL);
	if (r != 0)
		return r;
	if (type == MSG_TEST_ADD)
		return apply_test(in, run, &m.test_add, body);
	if (type == MSG_JRN_OUTPUT)
		return irun_add_output(run, &m.jrn_output, run->reader.at -
		    (uint64_t)(body.p + body.n - m.jrn_output.data.p));
	r = irun_add_event(run, m.event.seq, body);
	if (r == 0)
		r = apply_event(in, run, &m.event);
	if (r == -EINVAL)	/* it is in the log, at least */
		r = 0;
	if (r == 0 && (run->log_len >= INGEST_PIECE || m.event.type == EVENT_RUN_FINISHED))
		r = apply_log(in, run);
	return r;
}
