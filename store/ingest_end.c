/* Runs whose record ends before they do: how they are put on record; see ingest.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/event.h"
#include "common/log.h"
#include "common/outcome.h"
#include "store/ingest_int.h"

/* What is known of them is what their tests and attempts say. */
static int
sum_up(struct db *db, int64_t run, const char *why)
{
	static const char	sql_attempts[] = "UPDATE attempts SET outcome = ?2,"
				    " end_ms = start_ms, error_category = ?3, error_message = ?4"
				    " WHERE run = ?1 AND outcome IS NULL";
	static const char	sql_run[] = "UPDATE runs SET status = ?2, message = ?3,"
				    " end_ms = max(start_ms, coalesce((SELECT max(end_ms)"
				    "  FROM attempts WHERE run = ?1), 0)),"
				    " sequential_us = CAST((SELECT total(duration_us)"
				    "  FROM attempts WHERE run = ?1) AS INTEGER),"
				    " (passed, failed, skipped, timed_out, errored, cancelled, flaky_count)"
				    " = (SELECT count(*) FILTER (WHERE status = ?4),"
				    "  count(*) FILTER (WHERE status = ?5),"
				    "  count(*) FILTER (WHERE status = ?6),"
				    "  count(*) FILTER (WHERE status = ?7),"
				    "  count(*) FILTER (WHERE status = ?8),"
				    "  count(*) FILTER (WHERE status = ?9),"
				    "  count(*) FILTER (WHERE flaky) FROM run_tests WHERE run = ?1)"
				    " WHERE id = ?1";
	static const char	sql_took[] = "UPDATE runs"
				    " SET duration_us = (end_ms - start_ms) * 1000 WHERE id = ?1";
	int			r;

	r = db_run(db, sql_attempts, "iuut", run, (uint64_t)OUTCOME_LOST,
	    (uint64_t)CATEGORY_INFRASTRUCTURE, sv_from(why));
	if (r == 0)
		r = db_run(db, sql_run, "iutuuuuuu", run, (uint64_t)RUN_ERROR, sv_from(why),
		    (uint64_t)TEST_PASS, (uint64_t)TEST_FAIL, (uint64_t)TEST_SKIP,
		    (uint64_t)TEST_TIMEOUT, (uint64_t)TEST_ERROR, (uint64_t)TEST_CANCELLED);
	return r == 0 ? db_run(db, sql_took, "i", run) : r;
}

/* The event that a run ends with, as its supervisor would have told it.  1 or -errno. */
static int
last_event(struct db *db, int64_t run, const char *id, const char *why, struct msg_event *ret)
{
	static const char	 sql[] = "SELECT total, passed, failed, skipped, timed_out, errored,"
				    " cancelled, flaky_count, duration_us, sequential_us, start_ms,"
				    " end_ms, coalesce((SELECT max(first_seq + events)"
				    " FROM event_log WHERE run = ?1), 1) FROM runs WHERE id = ?1";
	sqlite3_stmt		*st;
	int			 r = db_row(db, &st, sql, "i", run);
	uint64_t		 v[13];

	if (r != 1)
		return r == 0 ? -EIO : r;
	for (int i = 0; i < 13; i++)
		v[i] = (uint64_t)sqlite3_column_int64(st, i);
	db_done(st);
	*ret = (struct msg_event){ .has = MSG_BIT(event, status), .type = EVENT_RUN_FINISHED,
	    .status = RUN_ERROR, .run = sv_from(id), .message = sv_from(why), .total = v[0],
	    .passed = v[1], .failed = v[2], .skipped = v[3], .timed_out = v[4], .errored = v[5],
	    .cancelled = v[6], .flaky_count = v[7], .duration_us = v[8], .sequential_us = v[9],
	    .start_ms = v[10], .end_ms = v[11], .t_ms = v[11], .seq = v[12] };
	return 1;
}

/* It is the last of the log: one that is read on with after all takes its place. */
static int
log_end(struct ingest *in, int64_t run, const struct msg_event *ev)
{
	static const char	sql[] = "INSERT OR REPLACE INTO event_log"
				    " (run, first_seq, events, size_bytes, data)"
				    " VALUES (?1, ?2, 1, ?3, ?4)";
	struct irun		piece = { .fd = -1 };
	struct sv		body, packed;
	char			*p;
	int			 r = msg_encode(MSG_EVENT, ev, &p, &body.n);

	if (r != 0)
		return r;
	body.p = p;
	r = irun_add_event(&piece, ev->seq, body);
	if (r == 0)
		r = packer_pack(in->packer, (struct sv){ piece.log, piece.log_len }, &packed);
	if (r == 0)
		r = db_run(in->db, sql, "iuub", run, db_cut(ev->seq), (uint64_t)piece.log_len, packed);
	free(piece.log);
	free(p);
	return r;
}

int
irun_end(struct ingest *in, const char *id, const char *why)
{
	static const char	 sql[] = "SELECT id FROM runs WHERE run = ?1 AND end_ms IS NULL";
	struct msg_event	 ev;
	sqlite3_stmt		*st;
	int64_t			 run;
	int			 r = db_row(in->db, &st, sql, "t", sv_from(id));

	if (r != 1)
		return r;
	run = sqlite3_column_int64(st, 0);
	db_done(st);
	r = sum_up(in->db, run, why);
	if (r == 0)
		r = last_event(in->db, run, id, why, &ev);
	return r == 1 ? log_end(in, run, &ev) : r;
}

/* ---- those that were lost ---- */

static bool
has_journal(const struct db *db, const char *id)
{
	char	path[sizeof INGEST_DIR + INGEST_RUN_ID + 1];

	(void)snprintf(path, sizeof path, INGEST_DIR "/%s", id);
	return faccessat(db->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static int
end_lost(struct ingest *in, const char *id)
{
	int	r = db_error(sqlite3_exec(in->db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL));

	if (r == 0)
		r = irun_end(in, id, "its record ends here: its journal is gone");
	if (r == 0)
		r = db_error(sqlite3_exec(in->db->sql, "COMMIT", NULL, NULL, NULL));
	if (r != 0 && sqlite3_get_autocommit(in->db->sql) == 0)
		(void)sqlite3_exec(in->db->sql, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int
ingest_end_lost(struct ingest *in)
{
	static const char	 sql[] = "SELECT id, run, uid FROM runs WHERE end_ms IS NULL"
				    " AND id > ?1 ORDER BY id LIMIT 1";
	char			 id[INGEST_RUN_ID + 1];
	struct log_subject	 about = { .run = id, .has_uid = true };
	sqlite3_stmt		*st;
	int64_t			 last = 0;
	int			 r;

	while ((r = db_row(in->db, &st, sql, "i", last)) == 1) {
		last = sqlite3_column_int64(st, 0);
		(void)snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(st, 1));
		about.uid = (uid_t)sqlite3_column_int64(st, 2);
		db_done(st);
		if (has_journal(in->db, id))
			continue;
		log_about(&about, LOG_LEVEL_WARN, "store", "%s: it is not over, and its journal "
		    "is gone", id);
		r = end_lost(in, id);
		if (r != 0)
			return r;
	}
	return r;
}
