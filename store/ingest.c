/* Journals into the database, a transaction at a time; see ingest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "store/ingest_int.h"

#define NO_END		"its record ends here"
#define RECORD_ROWS	8	/* that one record may change, the rest, the row of its run */

struct ingest *
ingest_new(struct db *db, ingest_stored_fn *stored, void *arg)
{
	struct ingest	*in = calloc(1, sizeof *in);

	if (in == NULL)
		return NULL;
	TAILQ_INIT(&in->runs);
	in->db = db;
	in->stored = stored;
	in->arg = arg;
	in->packer = packer_new();
	in->decoder = msg_reader_new();
	if (in->packer == NULL || in->decoder == NULL) {
		ingest_free(in);
		return NULL;
	}
	return in;
}

static void
remove_run(struct ingest *in, struct irun *run)
{
	TAILQ_REMOVE(&in->runs, run, entry);
	irun_unload(run);
	free(run);
}

void
ingest_free(struct ingest *in)
{
	if (in == NULL)
		return;
	while (!TAILQ_EMPTY(&in->runs))
		remove_run(in, TAILQ_FIRST(&in->runs));
	packer_free(in->packer);
	msg_reader_free(in->decoder);
	free(in);
}

void
ingest_forget(struct ingest *in)
{
	struct irun	*run;

	TAILQ_FOREACH(run, &in->runs, entry)
		irun_unload(run);
	in->nstarts = 0;
	in->count.run = NULL;
}

static struct irun *
find(struct ingest *in, struct sv id)
{
	struct irun	*run;

	TAILQ_FOREACH(run, &in->runs, entry) {
		if (sv_is(id, run->id))
			return run;
	}
	return NULL;
}

int
ingest_announce(struct ingest *in, struct sv id, uint64_t size, bool over)
{
	struct irun	*run = find(in, id);

	if (id.n != INGEST_RUN_ID || size > INT64_MAX)
		return -EINVAL;
	for (size_t i = 0; i < id.n; i++) {
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return -EINVAL;
	}
	if (run == NULL) {
		run = calloc(1, sizeof *run);
		if (run == NULL)
			return -ENOMEM;
		memcpy(run->id, id.p, id.n);
		run->fd = -1;
		TAILQ_INSERT_TAIL(&in->runs, run, entry);
	}
	if (size < run->announced)	/* what was cut off is not what was read */
		irun_unload(run);
	run->announced = size;
	run->over = run->over || over;
	return 0;
}

static bool
has_work(const struct irun *run)
{
	return run->over || !run->loaded || run->reader.at < run->announced;
}

uint64_t
ingest_waiting(const struct ingest *in)
{
	const struct irun	*run;
	uint64_t		 sum = 0;

	TAILQ_FOREACH(run, &in->runs, entry) {
		if (run->over)
			return UINT64_MAX;
		sum += run->announced - (run->loaded ? run->reader.at : 0);
	}
	return sum;
}

/* ---- one transaction ---- */

struct batch {
	int64_t		first;		/* changes before it */
	uint64_t	until_us;
};

static bool
is_full(const struct ingest *in, const struct batch *b)
{
	int64_t	rows = sqlite3_total_changes64(in->db->sql) - b->first + (int64_t)in->nstarts;

	return rows + RECORD_ROWS > INGEST_ROWS || now_us() >= b->until_us;
}

static int
set_aside(struct ingest *in, const struct irun *run)
{
	char	from[sizeof INGEST_DIR + INGEST_RUN_ID + 1];
	char	to[sizeof INGEST_DIR ".damaged-" + INGEST_RUN_ID];

	(void)snprintf(from, sizeof from, INGEST_DIR "/%s", run->id);
	(void)snprintf(to, sizeof to, INGEST_DIR ".damaged-%s", run->id);
	irun_warn(run, "%s: the journal cannot be read beyond byte %llu; it is now %s",
	    run->id, (unsigned long long)run->reader.at, to);
	if (renameat(in->db->dirfd, from, in->db->dirfd, to) == -1 && errno != ENOENT)
		return -errno;
	return irun_end(in, run->id, "its record ends here: its journal is damaged");
}

/* Reads on in one journal.  1 when the transaction is full; 0 at its end; -errno. */
static int
read_on(struct ingest *in, struct irun *run, const struct batch *b)
{
	enum msg_type	type;
	struct sv	body;
	int		r;

	run->reader.end = run->announced;
	run->touched = true;
	while (!is_full(in, b)) {
		r = journal_next(&run->reader, &type, &body);
		if (r != 1)
			return r;
		r = apply_record(in, run, type, body);
		if (r == -EINVAL || r == -EBADMSG) {
			irun_warn(run, "%s: a record of its journal makes no sense", run->id);
			r = 0;
		}
		if (r != 0)
			return r;
	}
	return 1;
}

/* All that can be done for a run in this transaction; as read_on(). */
static int
work_on(struct ingest *in, struct irun *run, const struct batch *b)
{
	int	r = irun_load(in, run);

	if (r == -ENOENT)	/* removed, since all of it is here; or set aside */
		return run->over ? irun_end(in, run->id, NO_END) : 0;
	if (r == 1)
		r = read_on(in, run, b);
	if (r == -EBADMSG)
		r = 0;
	if (r == 0 && run->over && run->loaded && run->log_events > 0)
		r = apply_log(in, run);
	if (r == 0 && run->over && (!run->loaded || run->reader.at < run->announced))
		r = set_aside(in, run);
	else if (r == 0 && run->over && !run->ended)
		r = irun_end(in, run->id, NO_END);
	return r;
}

static int
note_progress(struct ingest *in, struct irun *run)
{
	static const char	sql[] = "UPDATE runs SET applied = ?2, log_at = ?3,"
				    " size_bytes = size_bytes + ?4 WHERE id = ?1";
	uint64_t		bytes = run->bytes;

	run->bytes = 0;
	return db_run(in->db, sql, "iuuu", run->row, run->reader.at, run->log_at, db_cut(bytes));
}

/* Everything up to the commit; *ret_last: the first run that was not read to its end. */
static int
transact(struct ingest *in, struct irun **ret_last)
{
	struct batch	 b;
	struct irun	*run;
	int		 r = 0;

	b.first = sqlite3_total_changes64(in->db->sql);
	b.until_us = now_us() + INGEST_MS * 1000;
	TAILQ_FOREACH(run, &in->runs, entry) {
		if (r == 0 && has_work(run))
			r = work_on(in, run, &b);
		if (r != 0)
			break;
	}
	*ret_last = run;
	if (r < 0)
		return r;
	r = apply_rest(in);
	TAILQ_FOREACH(run, &in->runs, entry) {
		if (run->touched && run->loaded && r == 0)
			r = note_progress(in, run);
	}
	return r != 0 ? r : db_error(sqlite3_exec(in->db->sql, "COMMIT", NULL, NULL, NULL));
}

int
ingest_step(struct ingest *in)
{
	struct irun	*run, *next, *last = NULL;
	bool		 done = true, work = false;
	int		 r;

	TAILQ_FOREACH(run, &in->runs, entry)
		work = work || has_work(run);
	if (!work)
		return 0;
	r = in->db->sql == NULL ? -EIO :
	    db_error(sqlite3_exec(in->db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL));
	if (r == 0)
		r = transact(in, &last);
	if (r != 0) {
		/* Some errors have rolled it back already. */
		if (in->db->sql != NULL && sqlite3_get_autocommit(in->db->sql) == 0)
			(void)sqlite3_exec(in->db->sql, "ROLLBACK", NULL, NULL, NULL);
		ingest_forget(in);
		return r;
	}
	for (run = TAILQ_FIRST(&in->runs); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		if (run == last)
			done = false;
		if (done && run->over)
			in->stored(in->arg, run->id, run->announced, true);
		else if (run->touched)
			in->stored(in->arg, run->id, run->reader.at, false);
		run->touched = false;
		if (done && run->over)
			remove_run(in, run);
	}
	return done ? 0 : 1;
}
