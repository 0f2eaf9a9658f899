/*
 * Fuzz target: a journal of any bytes is read into a history.  The input is a list of
 * {u8 type, u8 length, bytes}, each a record: 0 the bytes themselves, without a frame or
 * a checksum; else a record of that kind around them, so that what is behind the checksum
 * is reached too.  Whatever comes, the work ends, the database is sound, and reading it
 * once more changes nothing.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/event.h"
#include "common/journal.h"
#include "common/log.h"
#include "common/rmtree.h"
#include "store/db.h"
#include "store/ingest.h"

#define RUN		"00112233445566778899aabbccddeeff"
#define STEPS_MAX	10000

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
on_stored(void *arg, const char *run, uint64_t size, bool over)
{
	(void)size;
	require(strcmp(run, RUN) == 0);
	*(bool *)arg = over;
}

/* Sound records that all the others need. */
static void
begin(struct journal *j)
{
	struct sv		argv[] = { SV_LIT("/bin/true") };
	struct msg_jrn_run	run = { .run = SV_LIT(RUN), .uid = 1, .begin = SV_LIT("\200") };
	struct msg_test_add	test = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
	    .name = SV_LIT("t") };
	struct msg_jrn_commit	commit = { .tests = 2, .start_ms = 1 };

	require(journal_put(j, MSG_JRN_RUN, &run, NULL) == 0);
	require(journal_put(j, MSG_TEST_ADD, &test, NULL) == 0);
	test.name = SV_LIT("u");
	require(journal_put(j, MSG_TEST_ADD, &test, NULL) == 0);
	require(journal_put(j, MSG_JRN_COMMIT, &commit, NULL) == 0);
}

/* An event whose fields are the bytes. */
static void
event(struct journal *j, const uint8_t *p, size_t n)
{
	uint64_t		 v[8] = { 0 };
	struct msg_event	 ev = { .run = SV_LIT(RUN) };

	for (size_t i = 0; i < n && i < 8; i++)
		v[i] = p[i] == 255 ? UINT64_MAX : p[i];
	ev.type = v[0];
	ev.seq = v[1];
	ev.has = MSG_BIT(event, index) | MSG_BIT(event, outcome) | MSG_BIT(event, status) |
	    (v[7] & 1 ? MSG_BIT(event, exit_code) : 0);
	ev.index = v[2];
	ev.attempt = v[3];
	ev.outcome = ev.status = ev.decision = v[4];
	ev.duration_us = ev.start_ms = ev.t_ms = ev.delay_ms = v[5];
	ev.attempts = ev.jobs = ev.total = ev.fingerprint = v[6];
	ev.figures = (struct nums){ v, (uint32_t)(v[7] % 8) };
	require(journal_put(j, MSG_EVENT, &ev, NULL) == 0);
}

static void
record(struct journal *j, uint8_t type, const uint8_t *p, size_t n)
{
	static const enum msg_type	types[] = { MSG_JRN_RUN, MSG_TEST_ADD, MSG_JRN_COMMIT,
	    MSG_EVENT, MSG_JRN_OUTPUT, MSG_PING };
	struct msg_jrn_output		out = { .data = { (const char *)p, n } };

	switch (type % 4) {
	case 0:		/* no record at all */
		require(journal_flush(j) == 0);
		require(pwrite(j->fd, p, n, (off_t)j->written) == (ssize_t)n);
		j->written += n;
		break;
	case 1:
		(void)journal_append(j, types[type / 4 % 6], p, n, NULL);
		break;
	case 2:
		event(j, p, n);
		break;
	case 3:
		out.test = n > 0 ? p[0] % 4 : 0;
		out.attempt = n > 1 ? p[1] % 4 : 1;
		out.stream = n > 2 ? p[2] % 4 : 1;
		require(journal_put(j, MSG_JRN_OUTPUT, &out, NULL) == 0);
		break;
	}
}

static int64_t
number(struct db *db, const char *sql)
{
	sqlite3_stmt	*st;
	int64_t		 v;

	require(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL) == SQLITE_OK);
	require(sqlite3_step(st) == SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	return v;
}

/* All that was announced, to its end. */
static void
ingest(struct db *db, uint64_t size)
{
	bool		 over = false;
	struct ingest	*in = ingest_new(db, on_stored, &over);
	int		 r = 1;

	require(in != NULL);
	require(ingest_announce(in, SV_LIT(RUN), size / 2, false) == 0);
	for (int i = 0; r == 1; i++) {
		require(i < STEPS_MAX);
		r = ingest_step(in);
	}
	require(r == 0 && !over);
	require(ingest_announce(in, SV_LIT(RUN), size, true) == 0);
	while ((r = ingest_step(in)) == 1)
		;
	require(r == 0 && over);
	ingest_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		dir[] = "/tmp/paratest-fuzz.XXXXXX";
	struct journal	j;
	struct db	db;
	int64_t		attempts, counted;

	log_init("fuzz_journal", LOG_LEVEL_ERROR, false);
	require(mkdtemp(dir) != NULL);
	require(db_init(&db, dir) == 0 && db_open(&db) == 0);
	require(mkdirat(db.dirfd, INGEST_DIR, 0700) == 0);
	require(journal_create(&j, db.dirfd, INGEST_DIR "/" RUN) == 0);
	if (size > 0 && data[0] != 255)
		begin(&j);
	while (size >= 2) {
		size_t	n = data[1] < size - 2 ? data[1] : size - 2;

		record(&j, data[0], data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	require(journal_flush(&j) == 0);
	ingest(&db, journal_size(&j));
	require(number(&db, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
	require(number(&db, "SELECT count(*) FROM pragma_integrity_check"
	    " WHERE integrity_check != 'ok'") == 0);
	attempts = number(&db, "SELECT count(*) FROM attempts WHERE outcome < 6");
	counted = number(&db, "SELECT total(attempts) FROM tests");
	require(attempts == counted);
	ingest(&db, journal_size(&j));
	require(number(&db, "SELECT total(attempts) FROM tests") == counted);
	journal_close(&j);
	db_free(&db);
	require(rmtree_at(AT_FDCWD, dir) == 0);
	return 0;
}
